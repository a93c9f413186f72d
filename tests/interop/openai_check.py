"""openai_check.py CHECKPOINT BIN_DIR WORK_DIR - the `openai` package against `sample --serve`.

Completions and chats, streamed and not; probabilities are those of `sample --logprobs`; errors are the package's own kinds.
"""
import json
import shutil
import subprocess
import sys

import openai

checkpoint, bin_dir, work = sys.argv[1:4]
CHATML = ("{% for tool in tools or [] %}{{ tool.function.parameters | tojson }}\n{% endfor %}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') + (message['tool_calls'][0].function.arguments | tojson if message['tool_calls'] else '') + '<|im_end|>' + '\\n'}}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
MODEL = "tried"


def sample(prompt, *options):
    out = subprocess.run([f"{bin_dir}/sample", chatty, "-p", prompt, "--json", "--quiet", *options], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def completions(client):
    asked = {"model": MODEL, "max_tokens": 20, "temperature": 0.8}
    for seed, prompt in enumerate(["Once upon a time", "def add(a, b):", "What is 7 + 5?", "naïve 中文 🙂"]):
        want = sample(prompt, "-n", "20", "--seed", str(seed), "--logprobs", "4")
        got = client.completions.create(prompt=prompt, seed=seed, logprobs=4, **asked)
        choice, made = got.choices[0], want["tokens"]
        assert choice.text == want["text"], (choice.text, want["text"])
        assert choice.finish_reason == {"length": "length", "eos": "stop"}[want["stop"]]
        assert choice.logprobs.tokens[:made] == want["logprobs"]["tokens"]
        assert choice.logprobs.token_logprobs[:made] == want["logprobs"]["token_logprobs"], "other probabilities"
        assert choice.logprobs.top_logprobs[:made] == want["logprobs"]["top_logprobs"], "other alternatives"
        assert got.usage.prompt_tokens == want["prompt_tokens"]
        parts = list(client.completions.create(prompt=prompt, seed=seed, stream=True, stream_options={"include_usage": True}, **asked))
        assert "".join(p.choices[0].text for p in parts if p.choices) == want["text"]
        assert parts[-1].usage == got.usage
    several = client.completions.create(prompt=["a", "b"], n=2, seed=1, logit_bias={"5": 2}, stop=["zz"], **asked)
    assert [c.index for c in several.choices] == [0, 1, 2, 3]


def chats(client):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    asked = {"model": MODEL, "messages": messages, "seed": 3, "max_completion_tokens": 12}
    whole = client.chat.completions.create(logprobs=True, top_logprobs=2, **asked)
    text = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    want = client.completions.create(model=MODEL, prompt=text, seed=3, max_tokens=12, logprobs=2)
    assert whole.choices[0].message.content == want.choices[0].text and whole.choices[0].message.role == "assistant"
    assert whole.usage == want.usage
    assert [t.logprob for t in whole.choices[0].logprobs.content] == want.choices[0].logprobs.token_logprobs
    assert b"".join(bytes(t.bytes) for t in whole.choices[0].logprobs.content).decode(errors="replace").startswith(want.choices[0].text[:5])
    parts = client.chat.completions.create(stream=True, **asked)
    assert "".join(p.choices[0].delta.content or "" for p in parts) == want.choices[0].text


def tools(client):
    tool = {"type": "function", "function": {"name": "sum", "parameters": {"type": "object"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "sum", "arguments": '{"a":1.50}'}}
    messages = [{"role": "user", "content": "1.5?"}, {"role": "assistant", "content": None, "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": "1.5"}]
    got = client.chat.completions.create(model=MODEL, messages=messages, tools=[tool], tool_choice="auto", seed=3, max_completion_tokens=4)
    text = '{"type": "object"}\n' + "".join(f"<|im_start|>{r}\n{c}<|im_end|>\n" for r, c in (("user", "1.5?"), ("assistant", '{"a": 1.5}'), ("tool", "1.5")))
    want = client.completions.create(model=MODEL, prompt=text + "<|im_start|>assistant\n", seed=3, max_tokens=4)
    assert got.usage == want.usage and got.choices[0].message.content == want.choices[0].text and got.choices[0].message.tool_calls is None


def errors(client, address):
    def raises(kind, what):
        try:
            what()
        except kind as e:
            return e
        raise AssertionError(f"no {kind.__name__}")
    e = raises(openai.BadRequestError, lambda: client.completions.create(model=MODEL, prompt="x", temperature=-1))
    assert e.param == "temperature"
    e = raises(openai.BadRequestError, lambda: client.completions.create(model=MODEL, prompt="x " * 1000))
    assert e.code == "context_length_exceeded"
    raises(openai.NotFoundError, lambda: client.completions.create(model="another", prompt="x"))
    stranger = openai.OpenAI(base_url=address + "/v1", api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, stranger.models.list)


chatty = f"{work}/chatty"
shutil.copytree(checkpoint, chatty)
with open(f"{chatty}/chat_template.jinja", "w") as f:
    f.write(CHATML)
with open(f"{work}/key", "w") as f:
    f.write("the-key\n")
server = subprocess.Popen([f"{bin_dir}/sample", chatty, "--serve", ":0", "--quiet", "--model-name", MODEL, "--api-key-file", f"{work}/key"],
                          stdout=subprocess.PIPE)
try:
    where = server.stdout.readline().decode().strip()
    connection = openai.OpenAI(base_url=where + "/v1", api_key="the-key", max_retries=0)
    assert [m.id for m in connection.models.list()] == [MODEL]
    completions(connection)
    chats(connection)
    tools(connection)
    errors(connection, where)
finally:
    server.terminate()
assert server.wait() == 143
print("openai: texts, streams, chats, tools and probabilities are those of sample; errors are its own kinds")
