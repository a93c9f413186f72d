"""chat_check.py JINJA_TEST TEMPLATES WORK_DIR - chat templates give the text that Transformers gives.

TEMPLATES (tests/golden/chat): what public models ship, written from their documentation, and one that uses the rest of what is known.
JINJA_TEST (build/release/tests/jinja_test) renders one with our code.
"""
import json
import os
import subprocess
import sys

from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

jinja_test, templates, work = sys.argv[1:4]
u, a, s = ({"role": r, "content": c} for r, c in (("user", " Hi, «you»\n"), ("assistant", "<think>\nhm\n</think>\n\nHello! "), ("system", "Be brief. ")))
TOOL = {"type": "function", "function": {"name": "sum", "description": "Adds \"a\" & <b>", "parameters": {"type": "object", "properties": {
    "a": {"type": "number", "default": 1.5}, "é": {"enum": [1, None, True]}}, "required": []}}}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "abcdefghi", "function": {"name": "sum", "arguments": {"a": 1, "b": [2.5, "x"]}}}]}
TALKS = [[u], [s, u], [u, a, u], [s, u, a, u], [u, a, u, a], [a], [u, u], [s, s, u], [u, s], [u, CALL, {"role": "tool", "content": "3", "name": "sum"}, a, u]]
wrong = n = refused = 0
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
                ours = subprocess.run([jinja_test, os.path.join(templates, name), os.path.join(work, "variables.json")], stdout=subprocess.PIPE, check=True).stdout.decode()
                ours = None if ours.startswith("refused: ") else ours
                n += 1
                refused += theirs is None
                if ours != theirs:
                    wrong += 1
                    if wrong < 10:
                        print(f"{name}, {[m['role'] for m in talk]}, tools {bool(tools)}, prompt {prompt}:\n  theirs {theirs!r}\n  ours   {ours!r}")
print(f"chat templates: {n} conversations, {refused} refused by both; {wrong} differ")
sys.exit(wrong > 0)
