"""families_check.py TOOLS_DIR BIN_DIR WORK_DIR TOKENIZER SHARDS - tiny random models of every shape that we take give the logits that Transformers gives.

Each model is made by Transformers and saved by it: in one file or split into several, in F32, F16 or BF16. tools/logits reads the
directory. The largest difference of a logit may be 1e-4 of the largest logit. Directories that ask for a computation which we lack
must be refused with the name of the key. `train --init` goes on from a Llama and a Qwen2 for some steps on SHARDS (which
TOKENIZER made): Transformers opens the checkpoint as the same class, with all its weights, the same logits and a lower loss than
before; the same is true of what tools/export makes of it. WORK_DIR/llama-run and WORK_DIR/qwen2-run stay.
"""
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import torch
from transformers import (AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM,
                          Qwen3Config, Qwen3ForCausalLM)

tools, bin_dir, work, tokenizer_file, shards = sys.argv[1:6]
LIMIT = 1e-4
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 48}
BASE = {"vocab_size": 307, "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 192, "tie_word_embeddings": False}
QWEN3, QWEN2 = (Qwen3Config, Qwen3ForCausalLM), (Qwen2Config, Qwen2ForCausalLM)
LLAMA, MISTRAL = (LlamaConfig, LlamaForCausalLM), (MistralConfig, MistralForCausalLM)
# name, classes, what differs from BASE, type of the file, largest file
CASES = [
    ("qwen3", QWEN3, {"head_dim": 24}, torch.float32, "5GB"),
    ("qwen3 tied, default head_dim", QWEN3, {"tie_word_embeddings": True, "rope_theta": 1e6}, torch.bfloat16, "5GB"),
    ("qwen3 with biases, linear scaling", QWEN3, {"attention_bias": True, "rope_scaling": {"rope_type": "linear", "factor": 3.0}}, torch.float32, "60KB"),
    ("qwen2", QWEN2, {"rope_theta": 1e6}, torch.float32, "5GB"),
    ("qwen2 tied, split, f16", QWEN2, {"tie_word_embeddings": True}, torch.float16, "40KB"),
    ("qwen2 with a window as long as the context", QWEN2, {"use_sliding_window": True, "sliding_window": 192, "max_window_layers": 1}, torch.float32, "5GB"),
    ("llama", LLAMA, {}, torch.float32, "5GB"),
    ("llama, one head of keys, eps, theta", LLAMA, {"num_key_value_heads": 1, "rms_norm_eps": 1e-5, "rope_theta": 5e5}, torch.float32, "5GB"),
    ("llama, head_dim, biases", LLAMA, {"head_dim": 10, "attention_bias": True}, torch.float32, "30KB"),
    ("llama 3.1 scaling, split, bf16", LLAMA, {"rope_scaling": LLAMA3, "rope_theta": 5e5}, torch.bfloat16, "50KB"),
    ("llama 3.2: tied, scaled", LLAMA, {"rope_scaling": {**LLAMA3, "factor": 32.0}, "tie_word_embeddings": True}, torch.bfloat16, "5GB"),
    ("mistral without a window", MISTRAL, {"sliding_window": None, "head_dim": 32}, torch.float32, "5GB"),
]
REFUSED = [
    (QWEN2, {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 1}, "sliding_window"),
    (MISTRAL, {"sliding_window": 100}, "sliding_window"),
    (LLAMA, {"mlp_bias": True}, "mlp_bias"),
    (LLAMA, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
    (LLAMA, {"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, "dynamic"),
    (LLAMA, {"hidden_act": "gelu"}, "hidden_act"),
]


def make(classes, changes):
    config, model_class = classes
    torch.manual_seed(len(str(changes)))
    model = model_class(config(**{**BASE, "initializer_range": 0.15, **changes})).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(".bias"):
                p.normal_(0, 0.5)
            elif p.ndim == 1:
                p.normal_(1, 0.2)
    return model


def ours(directory, ids):
    out = subprocess.run([f"{tools}/logits", directory], input=json.dumps(ids).encode(), stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(out, dtype="<f4").reshape(len(ids), -1)


rng = np.random.default_rng(1)
for i, (name, classes, changes, dtype, largest) in enumerate(CASES):
    directory = f"{work}/model-{i}"
    make(classes, changes).to(dtype).save_pretrained(directory, max_shard_size=largest)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    worst = top = 0.0
    for n in (1, 37, BASE["max_position_embeddings"]):
        ids = rng.integers(0, BASE["vocab_size"], n).tolist()
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0].numpy()
        worst = max(worst, float(np.abs(theirs - ours(directory, ids)).max()))
        top = max(top, float(np.abs(theirs).max()))
    print(f"{name}: largest difference {worst:.1e}, largest logit {top:.1f}")
    assert worst <= LIMIT * top, name
for i, (classes, changes, word) in enumerate(REFUSED):
    directory = f"{work}/refused-{i}"
    make(classes, changes).save_pretrained(directory)
    result = subprocess.run([f"{tools}/logits", directory], input=b"[1]", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = result.stderr.decode()
    assert result.returncode == 1 and word in said, (changes, said)
print(f"{len(REFUSED)} directories refused by name")


def opened(directory):
    model, info = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], (directory, info)
    return model.eval()


def numbers(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def export(kind, source, directory, *options):
    subprocess.run([f"{tools}/export", kind, source, "-o", directory, "--quiet", *options], check=True)
    return opened(directory)


def train(start, run):
    script = ('"$1/mix" -q all=1:"$2" -T 64 -B 16 --seed 1 --steps 80 -o - | '
              '"$1/train" -q --init "$3" -i - -o "$4" --steps 80 --lr 4e-3 --dtype f32 --save-dtype f32 >/dev/null')
    subprocess.run(["bash", "-ec", "set -o pipefail; " + script, "train", bin_dir, shards, start, run], check=True)


TEXT = "Once upon a time there was a small robot. def add(a, b):"
CONTINUED = [
    ("llama", LLAMA, {"rope_scaling": LLAMA3, "rope_theta": 5e4, "hidden_size": 64, "head_dim": 24}),
    ("qwen2", QWEN2, {"rope_theta": 1e6}),
]
for name, classes, changes in CONTINUED:
    start, run = f"{work}/{name}", f"{work}/{name}-run"
    sizes = {"vocab_size": 1024, "intermediate_size": 128, "initializer_range": 0.02}
    before = make(classes, {**sizes, **changes})
    before.save_pretrained(start, max_shard_size="200KB")
    shutil.copy(tokenizer_file, f"{start}/tokenizer.json")
    train(start, run)
    after, tokenizer = opened(f"{run}/latest"), AutoTokenizer.from_pretrained(f"{run}/latest")
    assert type(after) is type(before), type(after)
    ids = tokenizer(TEXT)["input_ids"]
    mine = subprocess.run([f"{bin_dir}/tokenize", "-q", "-t", f"{run}/latest/tokenizer.json", "--ids"], input=json.dumps({"text": TEXT}).encode() + b"\n",
                          stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(mine) == ids and tokenizer.eos_token_id == after.config.eos_token_id, name
    theirs = numbers(after, ids)
    worst, top = float(np.abs(theirs - ours(f"{run}/latest", ids)).max()), float(np.abs(theirs).max())
    losses = [float(m(torch.tensor([ids]), labels=torch.tensor([ids])).loss.detach()) for m in (before, after)]
    assert worst <= LIMIT * top and losses[1] < losses[0] - 1, (name, worst, top, losses)
    same = export("hf", f"{run}/latest", f"{work}/{name}-hf", "--dtype", "f32", "--shard-size", "100KB")
    assert np.array_equal(numbers(same, ids), theirs) and len(os.listdir(f"{work}/{name}-hf")) > 8
    as_llama = export("llama", f"{run}/latest", f"{work}/{name}-llama", "--dtype", "f32")
    assert type(as_llama) is LlamaForCausalLM and np.abs(numbers(as_llama, ids) - theirs).max() <= LIMIT * top
    export("hf", f"{run}/latest", f"{work}/{name}-bf16")
    print(f"{name}: trained further, loss {losses[0]:.2f} -> {losses[1]:.2f}, logits differ by {worst:.1e} of {top:.1f}; exported as it is and as a Llama")
