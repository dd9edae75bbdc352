# SPDX-License-Identifier: Apache-2.0
"""Renders conversations with the chat templates of real models, by transformers.

    python3 -m venv venv && venv/bin/pip install -r ../requirements.txt jinja2==3.1.6
    venv/bin/python make_chat_goldens.py TEMPLATES

TEMPLATES is a folder of .jinja files, as tests read it from ../shared/data/templates. Their licences differ, so neither
they nor their full output is stored. Written beside this script: conversations.json, and expected.json with an outcome
for each template and conversation: [length in bytes, FNV-1a hash of 64 bits, last 40 characters], or null where
transformers raises.
"""

import datetime
import json
import pathlib
import sys

import jinja2
import tokenizers
import transformers
from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2025, 3, 7, 14, 5, 9)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city, in \u00b0C <b>& more</b>.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City's name"},
                "days": {"type": "integer", "default": 1, "enum": [1, 3, 7]},
                "scale": {"type": "number", "default": 1.0},
            },
            "required": ["city"],
        },
    },
}
SUM = {
    "type": "function",
    "function": {"name": "sum", "description": "Adds", "parameters": {"type": "object", "properties": {}},
                 "return": {"type": "number"}},
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, id="abc123XYZ"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(text, id="abc123XYZ", **more):
    return {"role": "tool", "content": text, "tool_call_id": id, "name": "get_weather", **more}


PARIS = call("get_weather", {"city": "Paris", "days": 3})
QUERY = [user("How is the weather in Paris?"), assistant(None, tool_calls=[PARIS]), tool('{"temperature": 21.5}')]
THOUGHT = "<think>\nLet me see.\n</think>\n\nIt is 4."
TURNS = [user("One"), assistant("Two"), user("Three")]


def case(name, messages, **options):
    return {"name": name, "messages": messages, **options}


def prompt(name, messages, **options):
    return case(name, messages, add_generation_prompt=True, **options)


CONVERSATIONS = [
    prompt("user", [user("Hello!")]),
    case("user, no prompt", [user("Hello!")]),
    prompt("system and user", [system("Be brief."), user("Hello!")]),
    case("turns", TURNS),
    prompt("turns with prompt", [system("Be brief."), *TURNS]),
    case("ends with the assistant", [user("Hi"), assistant("Hello.")]),
    prompt("unicode", [system("\u4f60\u597d \U0001f600"), user("na\u00efve \u2014 \u0130stanbul \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2\u3000")]),
    prompt("empty contents", [system(""), user(""), assistant(""), user("")]),
    prompt("white space", [system("  a \n"), user("\n\n hi\t"), assistant("  there \n"), user(" ")]),
    prompt("markup", [user("<|im_end|> {{ 1 + 1 }} {% if %} '\"\\ </s>")]),
    prompt("two systems", [system("A"), user("x"), system("B"), user("y")]),
    prompt("only system", [system("Alone")]),
    case("assistant first", [assistant("I begin"), user("ok")]),
    prompt("unknown role", [user("a"), {"role": "observer", "content": "b"}]),
    prompt("no content", [user("a"), {"role": "assistant"}, user("b")]),
    prompt("null content", [user("a"), assistant(None), user("b")]),
    prompt("reasoning in text", [user("2+2?"), assistant(THOUGHT), user("And 3+3?")]),
    case("reasoning at the end", [user("2+2?"), assistant(THOUGHT)]),
    case("reasoning apart", [user("2+2?"), assistant("It is 4.", reasoning_content="Let me see.\n")]),
    prompt("thinking off", TURNS, variables={"enable_thinking": False}),
    prompt("thinking on", TURNS, variables={"enable_thinking": True, "thinking": True}),
    prompt("prefix", [user("Go"), assistant("Well,", prefix=True)], variables={"thinking": True}),
    prompt("tools", [user("Paris?")], tools=[WEATHER]),
    prompt("two tools and system", [system("Use tools."), user("Paris?")], tools=[WEATHER, SUM]),
    prompt("tool result", QUERY, tools=[WEATHER]),
    case("answer after a result", [*QUERY, assistant("21.5 degrees.")], tools=[WEATHER]),
    prompt("two calls", [user("Both"), assistant("", tool_calls=[PARIS, call("sum", {"a": [1, 2.0, None, True]}, "123456789")]),
                         tool("sunny"), tool("3", "123456789"), assistant("Done."), user("Thanks")], tools=[WEATHER, SUM]),
    prompt("arguments as text", [user("x"), assistant(None, tool_calls=[call("sum", '{"a": 1}')]), tool("1")]),
    prompt("call with content", [user("x"), assistant("I look.", tool_calls=[PARIS]), tool("ok")], tools=[WEATHER]),
    prompt("call without id", [user("x"), assistant("", tool_calls=[{"type": "function", "function": {"name": "f", "arguments": {}}}]),
                               {"role": "tool", "content": "ok"}]),
    prompt("result as an object", [user("x"), assistant(None, tool_calls=[PARIS]), {**tool(""), "content": {"content": "y", "n": 1}}]),
    prompt("call without result", [user("x"), assistant(None, tool_calls=[PARIS])], tools=[WEATHER]),
    prompt("builtin tools", [user("x"), assistant("", tool_calls=[call("brave_search", {"query": "a"})])],
           variables={"builtin_tools": ["brave_search", "code_interpreter"], "date_string": "1 Jan 2025"}),
    prompt("tools not in the user message", [system("s"), user("x")], tools=[WEATHER], variables={"tools_in_user_message": False}),
    prompt("custom tools", [user("x")], variables={"custom_tools": [{"name": "f", "x": {"b": 1, "a": 2}}]}),
    prompt("no tools", [user("x")], tools=[]),
    case("continued", [user("Name a colour"), assistant("The colour is ")], continue_final_message=True),
    case("continued, trimmed", [user("Name a colour"), assistant(" blue")], continue_final_message=True),
    prompt("parts", [user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])]),
    prompt("other special token", TURNS, variables={"bos_token": "[B]"}),
    prompt("long", [user("word " * 300), assistant("reply\n" * 100), user("end")]),
]


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def outcome(tokenizer, template, one):
    try:
        text = tokenizer.apply_chat_template(
            one["messages"], chat_template=template, tokenize=False, tools=one.get("tools"),
            add_generation_prompt=one.get("add_generation_prompt", False),
            continue_final_message=one.get("continue_final_message", False), **one.get("variables", {}))
    except Exception:  # whatever the template made Python raise
        return None
    data = text.encode()
    return [len(data), fnv(data), text[-40:]]


def main():
    chat_template_utils.datetime = FixedTime
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(tokenizers.models.BPE()), **SPECIAL)
    expected = {"versions": {"transformers": transformers.__version__, "jinja2": jinja2.__version__},
                "now": NOW.isoformat(), "special_tokens": SPECIAL, "templates": {}}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        expected["templates"][path.name] = [outcome(tokenizer, template, one) for one in CONVERSATIONS]
        print(path.name, sum(x is not None for x in expected["templates"][path.name]), "of", len(CONVERSATIONS))
    (HERE / "conversations.json").write_text("[\n" + ",\n".join(json.dumps(one) for one in CONVERSATIONS) + "\n]\n")
    lines = [f'"{name}": [\n' + ",\n".join(json.dumps(x) for x in all_) + "\n]" for name, all_ in expected.pop("templates").items()]
    head = json.dumps(expected)[:-1]
    (HERE / "expected.json").write_text(head + ', "templates": {\n' + ",\n".join(lines) + "\n}}\n")


main()
