"""core_check.py CHECKPOINT BIN_DIR WORK_DIR NANOCHAT - `eval --core` gives nanochat's CORE score, task by task.

NANOCHAT: a checkout of karpathy/nanochat, whose core_eval.py scores a bundle that tests/interop/core_bundle.py makes, with the
checkpoint loaded by transformers; what its script does around that is spelt out here.
"""
import csv
import importlib.util
import json
import os
import random
import subprocess
import sys

import torch
import transformers

checkpoint, bin_dir, work, nanochat = sys.argv[1:5]
bundle = os.path.join(work, "bundle")
subprocess.run([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "core_bundle.py"), bundle], check=True)
spec = importlib.util.spec_from_file_location("core_eval", os.path.join(nanochat, "nanochat", "core_eval.py"))
core_eval = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core_eval)
torch.set_num_threads(1)


class Tokenizer:
    def __init__(self):
        self.of = transformers.AutoTokenizer.from_pretrained(checkpoint)

    def get_bos_token_id(self):
        return self.of.eos_token_id

    def __call__(self, texts, prepend):
        return [[prepend, *self.of(t, add_special_tokens=False).input_ids] for t in texts]


class Model:
    def __init__(self, longest):
        self.of = transformers.AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
        self.max_seq_len = longest

    def __call__(self, ids):
        return self.of(ids).logits


def theirs(longest, most):
    tasks, kind, label = [], None, None
    for line in open(f"{bundle}/core.yaml"):
        key, _, value = line.strip().partition(": ")
        if key == "label":
            tasks.append({"label": value, "delimiter": " "})
        elif key == "num_fewshot":
            tasks[-1]["num_fewshot"] = json.loads(value)[0]
        elif key == "continuation_delimiter":
            tasks[-1]["delimiter"] = json.loads(value)
        elif value:
            tasks[-1][key] = value.removesuffix(" # rows")
    with open(f"{bundle}/eval_meta_data.csv") as f:
        chance = {row["Eval Task"]: .01 * float(row["Random baseline"]) for row in csv.DictReader(f)}
    model, tokenizer, results = Model(longest), Tokenizer(), {}
    for t in tasks:
        data = [json.loads(line) for line in open(f"{bundle}/eval_data/{t['dataset_uri']}")]
        random.Random(1337).shuffle(data)
        meta = {"task_type": t["icl_task_type"], "num_fewshot": t["num_fewshot"], "continuation_delimiter": t["delimiter"]}
        acc = core_eval.evaluate_task(model, tokenizer, data[:most], "cpu", meta)
        results[t["label"]] = (acc, (acc - chance[t["label"]]) / (1 - chance[t["label"]]))
    return results


def compare(longest, most):
    results = theirs(longest, most)
    words = ["--core", bundle, "--json", "--device", "cpu", "--context", str(longest), *(["--examples", str(most)] if most else [])]
    out = subprocess.run([f"{bin_dir}/eval", checkpoint, *words], stdout=subprocess.PIPE, check=True).stdout
    ours = json.loads(out)["core"]
    for label, (acc, centred) in results.items():
        mine = ours["tasks"][label]
        print(f"{label:15} context {longest}  acc {acc:.6f}  centred {centred:.6f}")
        assert abs(mine["acc"] - acc) < 1e-6 and abs(mine["centred"] - centred) < 1e-6, mine
    core = sum(c for _, c in results.values()) / len(results)
    assert abs(ours["core"] - core) < 1e-6, (ours["core"], core)
    print(f"CORE {core:.6f}")


compare(512, None)
compare(128, 20)     # texts with examples lose their beginning
