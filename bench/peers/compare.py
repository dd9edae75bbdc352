#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transom beside other engines, on one random model, on the same cores, in one run.

usage: compare.py --python build/peers/venv/bin/python [--shape r1-distill-qwen-1.5b] [--bits int8,int4]
                  [--engines transom,llama.cpp,...] [--depths 0,2048] [--rounds 2] [--work build/peers]
                  [--markdown FILE] [--json FILE]

Every measurement is a process of its own. Rounds alternate the engines; the read bandwidth is probed before each
row. The table has the median of the rounds, and each rate beside Transom's best of the same bits.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from engines import ENGINES  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=os.path.join(ROOT, "build/peers/venv/bin/python"))
    parser.add_argument("--bench", default=os.path.join(ROOT, "build/release/bench/transom-bench"))
    parser.add_argument("--shape", default="r1-distill-qwen-1.5b")
    parser.add_argument("--bits", default="int8,int4")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--depths", default="0,2048")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", default=os.path.join(ROOT, "build/peers"))
    parser.add_argument("--markdown")
    parser.add_argument("--json")
    return parser.parse_args()


class Run:
    def __init__(self, options):
        self.options = options
        self.work = os.path.join(options.work, options.shape)
        self.model = os.path.join(self.work, "model")
        os.makedirs(self.work, exist_ok=True)
        self.environment = dict(os.environ, TRANSOM_BENCH=options.bench, OMP_NUM_THREADS=str(len(cores())))

    def call(self, *command):
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        return done.stdout if done.returncode == 0 else None

    def engine(self, action, name, variant):
        output = self.call(self.options.python, os.path.join(HERE, "engines.py"), action, name, variant, self.model,
                           self.work, self.options.depths)
        lines = (output or "").strip().splitlines()
        return json.loads(lines[-1]) if lines else {"refused": "the process died (see the log)"}

    def bandwidth(self):
        output = self.call(self.options.bench, "--bandwidth-raw", "--threads", str(len(cores())))
        return float(output) if output else float("nan")

    def rows(self):
        """(bits, engine, variant), Transom first."""
        wanted = [name for name in ENGINES if name in self.options.engines.split(",")]
        return [(bits, name, variant) for bits in self.options.bits.split(",") for name in wanted
                for variant in ENGINES[name].variants.get(bits, [f"none: it has no {bits} weights"])]

    def prepare(self):
        if not os.path.exists(os.path.join(self.model, "tokenizer.json")):
            print("writing the model", file=sys.stderr)
            if self.call(self.options.python, os.path.join(HERE, "make_model.py"), self.options.shape,
                         self.model) is None:
                sys.exit("the model could not be written; see the log")
        for _, name, variant in self.rows():
            done = os.path.join(self.work, f"{name}-{variant.replace(':', '_')}.prepared")
            if variant.startswith("none: ") or os.path.exists(done):
                continue
            print(f"converting for {name} {variant}", file=sys.stderr)
            if "refused" not in self.engine("prepare", name, variant):
                open(done, "w").close()

    def measure(self):
        rows = {row: [] for row in self.rows()}
        for number in range(self.options.rounds):
            for row in rows:
                print(f"round {number + 1}: {' '.join(row)}", file=sys.stderr)
                bandwidth = self.bandwidth()
                rows[row].append(dict(self.engine("measure", *row[1:]), bandwidth=bandwidth))
        return rows

    def run(self):
        with open(os.path.join(self.work, "log.txt"), "a") as self.log:
            self.prepare()
            return self.measure()


def cores():
    return sorted(os.sched_getaffinity(0))


def median(results, value):
    values = [value(result) for result in results if "refused" not in result]
    return statistics.median(values) if values else None


def table(rows, depths):
    text = "| bits | engine | weights | prefill 512 | " + " | ".join(f"decode @{d}" for d in depths)
    text += " | decode lost | peak MB | load s | probed GB/s |\n" + "|---" * (8 + len(depths)) + "|\n"
    measures = {"prefill": lambda r: statistics.median(r["prefill"])}
    measures.update({d: (lambda r, d=d: r["decode"][d]) for d in depths})
    best = {}
    for (bits, engine, _), results in rows.items():
        for key, value in measures.items():
            rate = median(results, value)
            if engine == "transom" and rate is not None:
                best[bits, key] = max(rate, best.get((bits, key), 0))
    for (bits, engine, variant), results in rows.items():
        text += f"| {bits} | {engine} | {'' if variant.startswith('none') else variant} | "
        good = [result for result in results if "refused" not in result]
        if not good:
            text += f"{results[0]['refused']} |" + " |" * (4 + len(depths)) + "\n"
            continue
        cells = []
        for key, value in measures.items():
            rate = median(results, value)
            ratio = f" ({rate / best[bits, key]:.2f})" if (bits, key) in best else ""
            share = [result["share"] for result in good if "share" in result]
            if share:
                pick = [s["prefill"] if key == "prefill" else s["decode"][key] for s in share]
                ratio += f" {100 * statistics.median(pick):.0f} %"
                if key == "prefill" and share[0].get("prefill_tiles"):
                    ratio += f" ({100 * statistics.median(s['prefill_tiles'] for s in share):.0f} % of tiles)"
            cells.append(f"{rate:.1f}{ratio}")
        first, last = median(results, measures[depths[0]]), median(results, measures[depths[-1]])
        cells += [f"{100 * (last / first - 1):+.0f} %", f"{median(results, lambda r: r['peak_bytes']) / 1e6:.0f}",
                  f"{median(results, lambda r: r['load_s']):.1f}",
                  f"{statistics.median(r['bandwidth'] for r in good) / 1e9:.1f}"]
        text += " | ".join(cells) + " |\n"
    return text


def main():
    options = arguments()
    rows = Run(options).run()
    if options.rounds == 0:
        return  # everything is prepared
    text = table(rows, [depth for depth in options.depths.split(",")])
    text = (f"# {options.shape}, random weights, {len(cores())} threads\n\n    bench/peers/compare.py "
            f"{' '.join(sys.argv[1:])}\n\nTokens per second; in brackets beside Transom's best of the same bits; percentages are "
            "Transom's shares of the peak of 8-bit vector products\n(prefill; beside it that of matrix tiles, where there "
            f"are some) and of the read bandwidth (decode).\n\n{text}")
    print(text)
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(text)
    if options.json:
        with open(options.json, "w") as file:
            json.dump([dict(bits=row[0], engine=row[1], weights=row[2], results=results)
                       for row, results in rows.items()], file, indent=1)


if __name__ == "__main__":
    main()
