"""chat_check.py JINJA_TEST CHAT_TEST TEMPLATES TOKENIZER WORK_DIR - chat templates give the text that Transformers gives.

TEMPLATES (tests/golden/chat): what public models ship, written from their documentation, and one that uses the rest of what is known.
JINJA_TEST (build/release/tests/jinja_test) renders one with our code; CHAT_TEST (beside it) does so for a request to sample --serve with
random tools, and prints its ids (of TOKENIZER, a tokenizer.json that keeps every byte) as text.
"""
import copy
import json
import os
import random
import subprocess
import sys

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

jinja_test, chat_test, templates, tokenizer, work = sys.argv[1:6]
u, a, s = ({"role": r, "content": c} for r, c in (("user", " Hi, «you»\n"), ("assistant", "<think>\nhm\n</think>\n\nHello! "), ("system", "Be brief. ")))
TOOL = {"type": "function", "function": {"name": "sum", "description": "Adds \"a\" & <b>", "parameters": {"type": "object", "properties": {
    "a": {"type": "number", "default": 1.5}, "é": {"enum": [1, None, True]}}, "required": []}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "abcdefghi", "function": {"name": "sum", "arguments": {"a": 1, "b": [2.5, "x"]}}}]}
TALKS = [[u], [s, u], [u, a, u], [s, u, a, u], [u, a, u, a], [a], [u, u], [s, s, u], [u, s], [u, CALL, {"role": "tool", "content": "3", "name": "sum"}, a, u]]
wrong = n = refused = 0


def compare(what, theirs, command):
    """What Transformers says (None: it refuses) and what our program prints."""
    global wrong, refused
    ours = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    ours = None if ours.startswith("refused: ") else ours
    refused += theirs is None
    wrong += ours != theirs
    if ours != theirs and wrong < 10:
        print(f"{what}:\n  theirs {theirs!r}\n  ours   {ours!r}")


for name in sorted(os.listdir(templates)):
    template = open(os.path.join(templates, name)).read()
    for talk in TALKS:
        for tools in (None, [TOOL, TOOL]):
            for prompt in (True, False):
                tokens = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "</s>"}
                try:
                    theirs = render_jinja_template([talk], tools=tools, chat_template=template, add_generation_prompt=prompt, **tokens)[0][0]
                except TemplateError:
                    theirs = None
                with open(os.path.join(work, "variables.json"), "w") as f:
                    json.dump({"messages": talk, "tools": tools, "documents": None, "add_generation_prompt": prompt, **tokens}, f)
                n += 1
                compare(f"{name}, {[m['role'] for m in talk]}, tools {bool(tools)}, prompt {prompt}", theirs,
                        [jinja_test, os.path.join(templates, name), os.path.join(work, "variables.json")])


def anything(depth):
    """A random JSON value."""
    kind = random.randrange(6 if depth else 4)
    if kind == 0:
        return random.choice([None, True, False, 0, -1, 2**62, random.randrange(10**6)])
    if kind == 1:
        return random.choice([0.1, 1e-7, 1e16, 123456789012345680.0, -2.5e-300, 1e22, 5e-324, random.random(), random.uniform(-1e6, 1e6), float(random.randrange(10**9))])
    if kind < 4:
        return "".join(random.choice(["a", "é", "中", "😀", '"', "\\", "/", "\n", "\t", "\x1f", "\x7f", "\u2028", "<", "&", "'", "<|im_end|>", " "]) for _ in range(random.randrange(6)))
    return [anything(depth - 1) for _ in range(random.randrange(4))] if kind == 4 else {str(anything(0)): anything(depth - 1) for _ in range(random.randrange(4))}


def member(depth):
    return {str(anything(0)): anything(depth) for _ in range(random.randrange(5))}


random.seed(7)
requests = 0
for name in sorted(os.listdir(templates)):
    template = open(os.path.join(templates, name)).read()
    tokens = {"bos_token": "<|bos|>", "eos_token": "<|eos|>"}
    for path, text in (("chat_template.jinja", template), ("tokenizer_config.json", json.dumps(tokens))):
        with open(os.path.join(work, path), "w") as f:
            f.write(text)
    for i in range(40):
        call = lambda: {"id": "abcdefghi", "type": "function", "function": {"name": "f" + str(anything(0)), "arguments": member(2)}}
        talk = [copy.deepcopy(s), u, {"role": "assistant", "content": random.choice([None, "", "I call"]), "tool_calls": [call() for _ in range(random.randrange(1, 3))]},
                {"role": "tool", "tool_call_id": "abcdefghi", "name": "f", "content": str(anything(0))}, {"role": "tool", "content": "x"}, a, u][random.randrange(2):random.choice([2, 3, 4, 5, 7])]
        tools = random.choice([None, [{"type": "function", "function": {"name": "f", "description": str(anything(0)), "parameters": member(3)}} for _ in range(random.randrange(1, 3))]])
        sent = copy.deepcopy(talk)
        for m in sent:
            for c in m.get("tool_calls", []):
                c["function"]["arguments"] = json.dumps(c["function"]["arguments"], ensure_ascii=random.random() < .5)
        with open(os.path.join(work, "body.json"), "w") as f:
            json.dump({"messages": sent, "tools": tools}, f, ensure_ascii=random.random() < .5)
        try:
            theirs = render_jinja_template([talk], tools=tools, chat_template=template, add_generation_prompt=True, **tokens)[0][0]
        except (TemplateError, TypeError):
            theirs = None
        requests += 1
        compare(f"{name}, request {i}", theirs, [chat_test, work, tokenizer, os.path.join(work, "body.json")])
print(f"chat templates: {requests} requests, {n} conversations, {refused} refused by both; {wrong} differ")
sys.exit(wrong > 0)
