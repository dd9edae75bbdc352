# SPDX-License-Identifier: Apache-2.0
"""Renders small templates with jinja2 in the environment that transformers makes for chat templates.

    python3 -m venv venv && venv/bin/pip install -r ../requirements.txt jinja2==3.1.6
    venv/bin/python make_cases.py

Writes cases.json: the variables that all templates see, and [template, text] for each; the text is null where Python
raises.
"""

import datetime
import json
import pathlib

import jinja2
import transformers
from transformers.utils import chat_template_utils

from templates_language import LANGUAGE
from templates_library import LIBRARY

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2025, 3, 7, 14, 5, 9)
VARIABLES = {
    "s": "Hello, World", "e": "", "u": "na\u00efve \u4f60\u597d \U0001f600", "g": "\u039f\u0394\u039f\u03a3 stra\u00dfe",
    "i": 7, "n": -3, "f": 2.5, "w": 4.0, "t": True, "o": None,
    "l": [3, 1, 2], "m": ["b", "A", "c"], "x": [1, "two", 3.0, None, True, [4], {"k": "v"}],
    "d": {"a": 1, "b": [1, 2], "items": "own", "c d": None},
    "p": [{"n": "x", "v": 2, "s": {"q": 1}}, {"n": "Y", "v": 1, "s": {"q": 0}}, {"n": "z", "v": 2}],
    "ws": " \t a b \n", "ml": "one\ntwo\n\nthree", "q": "it's", "z": "both ' and \"",
}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def render(template):
    try:
        return chat_template_utils._compile_jinja_template(template).render(**VARIABLES)
    except Exception:  # whatever Python raises
        return None


def main():
    chat_template_utils.datetime = FixedTime
    templates = list(dict.fromkeys(LANGUAGE + LIBRARY))
    head = json.dumps({"versions": {"jinja2": jinja2.__version__, "transformers": transformers.__version__},
                       "variables": VARIABLES})[:-1]
    lines = [json.dumps([template, render(template)]) for template in templates]
    (HERE / "cases.json").write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(len(lines), "cases,", sum(line.endswith("null]") for line in lines), "of them errors")


main()
