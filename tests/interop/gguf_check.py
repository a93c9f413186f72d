"""gguf_check.py CHECKPOINT TOOLS_DIR BIN_DIR WORK_DIR [STRINGS] - llama.cpp opens what tools/export wrote, and agrees.

Exports CHECKPOINT in every type. The `gguf` package reads each file: fields and tensors must be those of the checkpoint.
llama.cpp (the `xllamacpp` wheel) loads each file: token ids of STRINGS random strings must be equal, log probabilities of the next
token must lie within the tolerance of the type (stated below), and in f32 the greedy text must be equal.
"""
import json
import random
import subprocess
import sys
import urllib.request

import numpy as np
import xllamacpp
from gguf import GGUFReader, dequantize
from safetensors.numpy import load_file

checkpoint, tools, bin_dir, work = sys.argv[1:5]
n_strings = int(sys.argv[5]) if len(sys.argv) > 5 else 2000
# Largest difference allowed of a log probability among the ten likeliest tokens. llama.cpp computes activations in bf16
# or in blocks of 8 bits for the smaller types.
TOLERANCE = {"f32": 2e-3, "f16": 3e-2, "bf16": 8e-2, "q8_0": 0.15, "q4_0": 1.0}
# Largest error of a weight, of the largest in its row's block.
WEIGHT_ERROR = {"f32": 0, "f16": 2**-11, "bf16": 2**-8, "q8_0": 0.5 / 127 + 2**-10, "q4_0": 1 / 8 + 2**-10}
PROMPTS = ["Once upon a time", "def add(a, b):", "What is 7 + 5?", "naïve 中文 🙂"]
NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
LAYER = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output",
         "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def gguf_name(name):
    if name in NAMES:
        return NAMES[name]
    _, _, layer, rest = name.split(".", 3)
    part, suffix = rest.rsplit(".", 1)
    return f"blk.{layer}.{LAYER[part]}.{suffix}"


def neighbours(name, x, config):
    """llama.cpp's llama turns (2i, 2i+1) where Transformers turns (i, i + D/2)."""
    if config["model_type"] != "llama" or ".q_proj." not in name and ".k_proj." not in name:
        return x
    return x.reshape(-1, 2, config["head_dim"] // 2, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def strings(n):
    rng = random.Random(5)
    blocks = [(32, 126), (32, 126), (0x20, 0x24F), (0x370, 0x4FF), (0x4E00, 0x4FFF), (0x3040, 0x30FF), (0xAC00, 0xACFF), (0x1F600, 0x1F64F)]
    words = ["the", " model", "def", "\n\n", "    ", "123", "don't", "I'LL", "\t", " <|eos|>"]
    for _ in range(n):
        s = ""
        for _ in range(rng.randint(1, 12)):
            low, high = rng.choice(blocks)
            s += rng.choice(words) if rng.random() < 0.4 else "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6)))
        yield s


def check_file(path, dtype, tensors, config):
    reader = GGUFReader(path)
    arch = config["model_type"]
    expected = {f"{arch}.block_count": config["num_hidden_layers"], f"{arch}.embedding_length": config["hidden_size"],
                f"{arch}.feed_forward_length": config["intermediate_size"], f"{arch}.context_length": config["max_position_embeddings"],
                f"{arch}.attention.head_count": config["num_attention_heads"], f"{arch}.attention.head_count_kv": config["num_key_value_heads"],
                f"{arch}.attention.key_length": config["head_dim"], f"{arch}.attention.value_length": config["head_dim"],
                "general.architecture": arch, "tokenizer.ggml.eos_token_id": config["eos_token_id"],
                "tokenizer.ggml.bos_token_id": config["bos_token_id"]}
    for key, value in expected.items():
        got = reader.fields[key].contents()
        assert got == value, f"{path}: {key} is {got}, not {value}"
    assert len(reader.fields["tokenizer.ggml.tokens"].contents()) == config["vocab_size"]
    found = {t.name: t for t in reader.tensors}
    factors = ["rope_freqs.weight"] if (config["rope_scaling"] or {}).get("rope_type") == "llama3" else []
    assert sorted(found) == sorted([*map(gguf_name, tensors), *factors]), f"{path}: other tensors"
    for name, x in tensors.items():
        t, x = found[gguf_name(name)], neighbours(name, x, config)
        y = dequantize(t.data, t.tensor_type).reshape(x.shape)
        blocks = np.abs(x.reshape(-1, 32)) if x.size % 32 == 0 else np.abs(x.reshape(1, -1))
        error = np.abs(y - x).reshape(blocks.shape).max(axis=1)
        limit = 0 if x.ndim == 1 else WEIGHT_ERROR[dtype]
        assert (error <= limit * blocks.max(axis=1) + 1e-7).all(), f"{path}: {name}: error above {limit} of the largest in a block"


def post(server, path, body):
    request = urllib.request.Request(server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def start(path, context):
    p = xllamacpp.CommonParams()
    p.model.path = path
    p.n_ctx = context
    p.n_parallel = 1
    p.cpuparams.n_threads = 1
    p.warmup = False
    p.verbosity = -1
    return xllamacpp.Server(p)


def ours(ids):
    out = subprocess.run([f"{tools}/logits", checkpoint], input=json.dumps(ids).encode(), stdout=subprocess.PIPE, check=True).stdout
    x = np.frombuffer(out, dtype="<f4").reshape(len(ids), -1)[-1].astype(np.float64)
    return x - x.max() - np.log(np.exp(x - x.max()).sum())


def check_ids(server):
    texts = list(strings(n_strings))
    lines = "".join(json.dumps({"text": t}) + "\n" for t in texts)
    out = subprocess.run([f"{bin_dir}/tokenize", "-t", f"{checkpoint}/tokenizer.json", "--ids"], input=lines.encode(),
                         stdout=subprocess.PIPE, check=True).stdout
    for text, line in zip(texts, out.decode().splitlines(), strict=True):
        theirs = post(server, "/tokenize", {"content": text, "add_special": False, "parse_special": False})["tokens"]
        assert theirs == json.loads(line), f"ids differ for {text!r}: llama.cpp {theirs}, ours {line}"


def check_probabilities(server, dtype):
    worst = 0.0
    for prompt in PROMPTS:
        ids = post(server, "/tokenize", {"content": prompt})["tokens"]
        mine = ours(ids)
        body = {"prompt": ids, "n_predict": 1, "temperature": -1, "n_probs": 10, "cache_prompt": False}
        top = post(server, "/completion", body)["completion_probabilities"][0]["top_logprobs"]
        worst = max([worst] + [abs(t["logprob"] - mine[t["id"]]) for t in top])
    assert worst <= TOLERANCE[dtype], f"{dtype}: log probabilities differ by {worst}"
    return worst


def check_greedy(server):
    for prompt in PROMPTS[:3]:
        answer = post(server, "/completion", {"prompt": prompt, "n_predict": 24, "temperature": 0, "cache_prompt": False})
        theirs = answer["content"].removesuffix("<|eos|>") if answer["stop_type"] == "eos" else answer["content"]
        args = [f"{bin_dir}/sample", checkpoint, "-p", prompt, "-n", "24", "--temperature", "0", "--dtype", "f32"]
        mine = subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
        theirs = prompt + theirs
        assert mine.rstrip("\n") == theirs.rstrip("\n"), f"greedy text differs:\n theirs {theirs!r}\n ours   {mine!r}"


config = json.load(open(f"{checkpoint}/config.json"))
tensors = {k: v.astype(np.float32) for k, v in load_file(f"{checkpoint}/model.safetensors").items()}
for dtype in TOLERANCE:
    path = f"{work}/model-{dtype}.gguf"
    subprocess.run([f"{tools}/export", "gguf", checkpoint, "-o", path, "--dtype", dtype, "--overwrite", "--quiet"], check=True)
    check_file(path, dtype, tensors, config)
    server = start(path, config["max_position_embeddings"])
    worst = check_probabilities(server, dtype)
    print(f"{dtype}: fields and tensors as the checkpoint has them; log probabilities within {worst:.1e} (limit {TOLERANCE[dtype]:.0e})")
    if dtype == "f32":
        check_ids(server)
        check_greedy(server)
        print(f"{dtype}: ids of {n_strings} strings equal, greedy text equal")
