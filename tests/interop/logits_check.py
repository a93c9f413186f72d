"""logits_check.py CHECKPOINT TOOLS_DIR BIN_DIR - a checkpoint gives the same numbers in Transformers.

Loads CHECKPOINT, as `train` wrote it, with AutoModelForCausalLM (f32) and AutoTokenizer; compares the logits of random
and of real sequences with those of tools/logits, greedy generation with bin/sample, and the ids with bin/tokenize.
Exit 1 at a difference above 1e-3.
"""
import json
import subprocess
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

checkpoint, tools, bin_dir = sys.argv[1:4]
TEXTS = [
    "Once upon a time there was a small robot.",
    "naïve café 中文字符 日本語 한국어 🙂👩‍👩‍👧 \u200d",
    "tabs\t\tand    long" + " " * 300 + "spaces\n\n\n  \r\n end",
    "control \x00\x01\x1f\x7f bytes, 3.14159 and 1234567890",
]


def run(args, text):
    return subprocess.run(args, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def ours(ids):
    out = run([f"{tools}/logits", checkpoint], json.dumps(ids))
    return np.frombuffer(out, dtype="<f4").reshape(len(ids), -1)


model, info = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32, output_loading_info=True)
assert not info["missing_keys"] and not info["unexpected_keys"], info
assert type(model).__name__ == "Qwen3ForCausalLM", type(model)
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
rng = np.random.default_rng(1)
vocab, context = model.config.vocab_size, model.config.max_position_embeddings
assert len(tokenizer) == vocab, (len(tokenizer), vocab)

sequences = [rng.integers(0, vocab, n).tolist() for n in (1, 7, min(100, context), context)]
for text in TEXTS:
    ids = tokenizer(text)["input_ids"]
    line = run([f"{bin_dir}/tokenize", "-t", f"{checkpoint}/tokenizer.json", "--ids"], json.dumps({"text": text}) + "\n")
    assert json.loads(line) == ids, f"ids differ for {text!r}"
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text, f"decode differs for {text!r}"
    sequences.append(ids[:context])

worst = 0.0
for ids in sequences:
    with torch.no_grad():
        theirs = model(torch.tensor([ids])).logits[0].numpy()
    worst = max(worst, float(np.abs(theirs - ours(ids)).max()))
print(f"logits: {len(sequences)} sequences, largest difference {worst:.2e} (limit 1e-3)")
if not worst <= 1e-3:
    sys.exit(1)

prompt = "Once upon a time"
ids = tokenizer(prompt, return_tensors="pt")
theirs = model.generate(**ids, max_new_tokens=24, do_sample=False)
theirs = tokenizer.decode(theirs[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
mine = run([f"{bin_dir}/sample", checkpoint, "-p", prompt, "-n", "24", "--temperature", "0", "--dtype", "f32", "--echo"], "")
mine = mine.decode(errors="replace").rstrip("\n")
if mine != theirs.rstrip("\n"):
    print(f"greedy text differs:\n theirs {theirs!r}\n ours   {mine!r}")
    sys.exit(1)
print("greedy generation: the same text")
