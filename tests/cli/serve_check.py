"""
serve_check.py ADDRESS CHECKPOINT BIN [prefixes] - a client of `sample --serve`, for serve.sh

Streamed answers are those that are not streamed, texts are those of `sample`, alone and beside others; requests
that are wrong are refused by name; clients that go or dawdle harm nobody.
"""
import http.client
import json
import socket
import subprocess
import sys
import threading
import time

address, checkpoint, binaries = sys.argv[1:4]
host, port = address.removeprefix("http://").split(":")


def ask(path, body=None, headers=None, raw=None):
    c = http.client.HTTPConnection(host, int(port), timeout=60)
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    c.request("POST" if data is not None else "GET", path, data,
              {"Content-Type": "application/json"} if headers is None else headers)
    r = c.getresponse()
    text = r.read()
    c.close()
    return r.status, json.loads(text) if r.headers["Content-Type"] == "application/json" else text.decode()


def complete(**body):
    status, answer = ask("/v1/completions", {"prompt": "The ", "max_tokens": 12, "seed": 7, "temperature": 0.8} | body)
    assert status == 200, answer
    return answer


def streamed(**body):
    """The choices that a stream amounts to, and its events."""
    body = {"prompt": "The ", "max_tokens": 12, "seed": 7, "temperature": 0.8, "stream": True} | body
    status, text = ask("/v1/completions", body)
    assert status == 200 and text.endswith("data: [DONE]\n\n"), text
    events = [json.loads(e.removeprefix("data: ")) for e in text.split("\n\n")[:-2]]
    choices = {}
    for e in events:
        for c in e["choices"]:
            have = choices.setdefault(c["index"], {"index": c["index"], "text": "", "logprobs": None, "finish_reason": None})
            have["text"] += c["text"]
            have["finish_reason"] = c["finish_reason"]
            for key, values in (c["logprobs"] or {}).items():
                if have["logprobs"] is None:
                    have["logprobs"] = {}
                have["logprobs"].setdefault(key, []).extend(values)
    return [choices[i] for i in sorted(choices)], events


def sample(prompt, *options):
    out = subprocess.run([binaries + "/sample", checkpoint, "-p", prompt, "--json", "--quiet", *options],
                         check=True, capture_output=True)
    return json.loads(out.stdout)


def metrics():
    text = ask("/metrics")[1]
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}


def wait_until(what, seconds=20):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "waited in vain"
        time.sleep(0.02)


def idle():
    m = metrics()
    return m["tritter_texts_running"] == m["tritter_texts_waiting"] == 0


def texts_of_sample():
    for seed, temperature, extra, flags in [
            (7, 0.8, {}, []), (8, 0, {}, []), (9, 1, {"top_p": 0.9}, ["--top-p", "0.9"]),
            (10, 2, {"top_k": 5, "min_p": 0.1}, ["--top-k", "5", "--min-p", "0.1"]),
            (11, 0.8, {"repetition_penalty": 1.5}, ["--repetition-penalty", "1.5"])]:
        want = sample("The ", "-n", "12", "--seed", str(seed), "--temperature", str(temperature), "--logprobs", "3", *flags)
        got = complete(seed=seed, temperature=temperature, logprobs=3, **extra)["choices"][0]
        made = want["tokens"]
        assert got["text"] == want["text"], (got, want)
        for key, values in want["logprobs"].items():
            assert got["logprobs"][key][:made] == values, (key, got, want)
        assert got["finish_reason"] == {"length": "length", "eos": "stop"}[want["stop"]]
    long = "".join(f"{i} " for i in range(7))     # more tokens than one, read again from another slot
    assert complete(prompt=long)["choices"][0]["text"] == sample(long, "-n", "12", "--seed", "7")["text"]
    several = complete(n=3, prompt=["The ", "What is"])["choices"]
    assert [c["index"] for c in several] == list(range(6))
    for c in several:
        prompt = ["The ", "What is"][c["index"] // 3]
        want = sample(prompt, "-n", "12", "--seed", str(7 + c["index"] % 3))
        assert c["text"] == want["text"]


def streams():
    plain = complete(logprobs=2, n=2)["choices"]
    assert streamed(logprobs=2, n=2)[0] == plain
    stop = plain[0]["text"][5:8]
    for body in [{"stop": stop}, {"stop": ["never there", stop]}, {"echo": True}, {"temperature": 3, "ignore_eos": True},
                 {"echo": True, "max_tokens": 0}, {"echo": True, "prompt": ""}, {"logit_bias": {"5": 100}}]:
        plain = complete(logprobs=2, **body)["choices"]
        assert streamed(logprobs=2, **body)[0] == plain, body
        tokens = plain[0]["logprobs"]["tokens"]
        assert len(tokens) == len(plain[0]["logprobs"]["token_logprobs"]) == len(plain[0]["logprobs"]["text_offset"])
    assert stop not in complete(stop=stop)["choices"][0]["text"]
    assert complete(stop=stop)["choices"][0]["finish_reason"] == "stop"
    events = streamed(stream_options={"include_usage": True})[1]
    assert events[-1]["usage"] == complete()["usage"] and events[-1]["choices"] == []


def echo_and_ids():
    whole = complete(echo=True, logprobs=1, temperature=0)["choices"][0]
    assert whole["text"].startswith("The ") and whole["logprobs"]["token_logprobs"][0] is None
    # what is said of a prompt's tokens is what was said when they were made
    made = complete(logprobs=1, temperature=0, ignore_eos=True)["choices"][0]
    again = complete(prompt="The " + made["text"], echo=True, max_tokens=0, logprobs=1)["choices"][0]["logprobs"]
    n = len(made["logprobs"]["tokens"])
    if again["tokens"][-n:] == made["logprobs"]["tokens"]:
        for a, b in zip(again["token_logprobs"][-n:], made["logprobs"]["token_logprobs"]):
            assert abs(a - b) < 1e-4
    assert complete(prompt=[[1, 2, 3], [4]])["usage"]["prompt_tokens"] == 4
    assert complete(prompt=[1, 2, 3])["choices"][0]["text"] == complete(prompt=[[1, 2, 3]])["choices"][0]["text"]
    banned = {str(i): -100 for i in range(300) if i != 65}
    assert set(complete(logit_bias=banned, max_tokens=4, ignore_eos=True)["choices"][0]["text"]) and \
        ask("/v1/completions", {"prompt": "x", "logit_bias": {"99999999": 1}})[0] == 400
    assert complete(max_tokens=1000, ignore_eos=True)["usage"]["total_tokens"] <= 32     # the context


def batch():
    """Eight texts at once, and each as it is alone."""
    alone = [complete(seed=s, prompt=f"{s} ", max_tokens=20, logprobs=1)["choices"] for s in range(8)]
    before = metrics()
    for _ in range(5):
        got = [None] * 8
        def one(i):
            got[i] = complete(seed=i, prompt=f"{i} ", max_tokens=20, logprobs=1)["choices"]
        threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert got == alone
    together = complete(seed=0, n=8, prompt="3 ", max_tokens=20)["choices"]
    after = metrics()
    assert after["tritter_stepped_tokens_total"] - before["tritter_stepped_tokens_total"] > \
        1.2 * (after["tritter_steps_total"] - before["tritter_steps_total"]), "no two texts were stepped together"
    for c in together:
        assert c["text"] == complete(seed=c["index"], prompt="3 ", max_tokens=20)["choices"][0]["text"]


def prefixes():
    """Prompts that begin alike take over what was read, in one slot and in others, and say what they say alone."""
    ids = [5 + i * 7 % 250 for i in range(290)]
    def ask_ids(prompt, **more):
        before = metrics()["tritter_reused_tokens_total"]
        got = complete(prompt=prompt, max_tokens=6, logprobs=3, ignore_eos=True, **more)["choices"]
        return got, metrics()["tritter_reused_tokens_total"] - before
    # of each prompt, what it says when nothing can be taken over: another prompt stands in every slot
    prompts = [ids[:200], ids[:280], ids[:200] + [9] * 60, ids[:128], ids[:129], [4] + ids[:200]]
    alone = []
    for p in prompts:
        for other in range(3):
            complete(prompt=[other] * 150, max_tokens=0)
        got, reused = ask_ids(p)
        assert reused == 0, reused
        alone.append(got)
    for other in range(3):
        complete(prompt=[other] * 150, max_tokens=0)
    for k, want_reused in (0, 0), (1, 128), (2, 128), (2, 260), (3, 0), (4, 128), (4, 129), (5, 0), (1, None), (0, None):
        got, reused = ask_ids(prompts[k])
        assert got == alone[k], f"prompt {k} says something else after others"
        assert want_reused is None or reused == want_reused, (k, reused)
    several, reused = ask_ids(prompts[5], n=3)         # one prompt, read once
    assert reused >= 2 * len(prompts[5]) and several[0] == alone[5][0]
    for c in several[1:]:
        assert c["text"] == complete(prompt=prompts[5], max_tokens=6, ignore_eos=True, seed=7 + c["index"])["choices"][0]["text"]
    # the probabilities of a prompt are computed anew
    again = [complete(prompt=prompts[1], max_tokens=1, echo=True, logprobs=1)["choices"][0]["logprobs"] for _ in range(2)]
    assert again[0] == again[1] and len(again[0]["tokens"]) == 281
    assert again[0]["token_logprobs"][-1] == alone[1][0]["logprobs"]["token_logprobs"][0]


def refused():
    def error(code, body, param=None, path="/v1/completions", **more):
        status, answer = ask(path, body, **more)
        assert status == code and answer["error"]["message"], (code, status, answer)
        assert param is None or answer["error"]["param"] == param, answer
        return answer["error"]
    for raw in [b"{bad", b"", b"[]", b"3", b"{\"prompt\":\"\xff\"}", b"[" * 100000, b'{"prompt":"a","prompt":"b"}']:
        error(400, None, raw=raw)
    for param, body in [("prompt", {}), ("prompt", {"prompt": 3}), ("prompt", {"prompt": [1, "a"]}),
                        ("prompt", {"prompt": [1000000]}), ("prompt", {"prompt": "x " * 1000}),
                        ("temperature", {"prompt": "x", "temperature": -1}), ("n", {"prompt": "x", "n": 0}),
                        ("n", {"prompt": "x", "n": 129}), ("max_tokens", {"prompt": "x", "max_tokens": 1.5}),
                        ("stop", {"prompt": "x", "stop": ""}), ("logprobs", {"prompt": "x", "logprobs": 21}),
                        ("stream", {"prompt": "x", "stream": "yes"}), ("suffix", {"prompt": "x", "suffix": "y"}),
                        ("logit_bias", {"prompt": "x", "logit_bias": {"a": 1}}),
                        ("seed", {"prompt": "x", "seed": "7"}), ("best_of", {"prompt": "x", "best_of": 2})]:
        error(400, body, param)
    for width in range(4):                              # names that an answer can only cite in part
        error(400, {"x" * width + "\U0001f600" * 100: 1})
    assert error(400, {"prompt": "x " * 1000})["code"] == "context_length_exceeded"
    assert error(404, {"prompt": "x", "model": "gpt-9"})["code"] == "model_not_found"
    error(400, {"messages": [{"role": "user", "content": "x"}]}, "messages", "/v1/chat/completions")
    error(404, None, path="/v1/nothing")
    error(405, None, path="/v1/completions")
    error(405, {}, path="/health")
    error(415, {}, headers={})
    error(403, {}, headers={"Host": "evil.example", "Content-Type": "application/json"})
    # a giant body: refused by its length before it is sent, cut when it does not tell its length
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    c.putrequest("POST", "/v1/completions")
    c.putheader("Content-Type", "application/json")
    c.putheader("Content-Length", str(1 << 40))
    c.endheaders()
    assert c.getresponse().status == 413
    c.close()
    c = http.client.HTTPConnection(host, int(port), timeout=20)
    try:
        c.request("POST", "/v1/completions", (b" " * 65536 for _ in range(100)),
                  {"Content-Type": "application/json"}, encode_chunked=True)
        assert c.getresponse().status >= 400
    except (ConnectionError, http.client.HTTPException):
        pass
    c.close()
    assert ask("/health") == (200, {"status": "ok"})


def send(body):
    s = socket.create_connection((host, int(port)), timeout=20)
    data = json.dumps(body).encode()
    s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
              + str(len(data)).encode() + b"\r\n\r\n" + data)
    return s


def goers():
    """Clients that go before their text is made: it ends."""
    def dropped():
        return metrics()['tritter_texts_total{end="dropped"}']
    before = dropped()
    many = {"prompt": "x", "n": 128, "max_tokens": 30, "ignore_eos": True}
    for stream in False, True:
        for _ in range(3):
            send(many | {"stream": stream}).close()
    s = send(many | {"stream": True})      # after the first of it
    s.recv(200)
    s.close()
    wait_until(idle)
    assert dropped() > before, "all texts were made to their end"
    # half a request, and then nothing: nobody waits for it
    s = socket.create_connection((host, int(port)))
    s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    complete()
    # a client that does not read its stream
    t = send(many | {"stream": True, "logprobs": 20})
    wait_until(idle)
    complete()
    s.close()
    t.close()


def page():
    status, text = ask("/")
    assert status == 200 and text.lstrip().lower().startswith("<!doctype html>")
    assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text, "an external resource"
    assert ask("/v1/models")[1]["data"][0]["id"] == "a"


for check in [prefixes] if "prefixes" in sys.argv else (texts_of_sample, streams, echo_and_ids, batch, refused, goers, page):
    check()
