"""vocabularies_train.py BIN_DIR DIRECTORY DOCUMENTS.jsonl - vocabularies of others from documents to a checkpoint that Transformers opens

For a dozen shapes of vocabularies_check.py, one of them with more than 65,536 ids: tokenize | shard, mix | train for a few
steps, and then AutoTokenizer and AutoModelForCausalLM of the checkpoint: the same ids, the end of a text that was asked for,
and all weights. Exits 1 at the first that differs.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from vocabularies_check import byte_level_shapes, byte_level_tokenizer, file_texts, sentencepiece_shapes, sentencepiece_tokenizer

SHAPES = {"gpt2": 0, "gpt-neox, pythia": 0, "olmo2, dbrx, gpt-4": 0, "llama3": 70000, "qwen2, qwen3": 0, "o200k, gpt-oss": 0,
          "mistral-nemo (tekken)": 0, "deepseek-v3": 0, "falcon": 0, "starcoder, smollm": 0, "bloom": 0,
          "llama2, tinyllama, mistral 0.1": 0, "llama2, not legacy; mistral 0.3": 0, "gemma": 0}
MODEL = "--layers 1 --width 32 --heads 2 --ffn 32 --context 64 --steps 5 --seed 1 --threads 1".split()


def widen(t, path, more):
    """The file with so many more ids, that no text becomes."""
    t.save(path)
    j = json.load(open(path, encoding="utf-8"))
    vocab = j["model"]["vocab"]
    if not more:
        return
    first = max([*vocab.values(), *(a["id"] for a in j["added_tokens"])]) + 1
    for a in j["added_tokens"]:
        vocab.setdefault(a["content"], a["id"])
    vocab.update((f"<unused {i}>", first + i) for i in range(more))
    json.dump(j, open(path, "w", encoding="utf-8"))


def pipeline(args, directory, eos):
    b, d = args.bin_dir, directory
    subprocess.run(["bash", "-c", 'set -e -o pipefail; cd "$1"; shift\n'
                    '"$1/tokenize" -q -t tokenizer.json --eos "$3" "$2" | "$1/shard" -q -o shards >list\n'
                    '"$1/mix" -q all=1:shards -T 32 -B 4 --steps 5 -o - | "$1/train" -q -t tokenizer.json -i - -o run "${@:4}" >log',
                    "pipeline", d, os.path.abspath(b), os.path.abspath(args.documents), eos, *MODEL], check=True)


def check(args, name, directory, eos, texts):
    latest = os.path.join(directory, "run", "latest")
    model, info = AutoModelForCausalLM.from_pretrained(latest, dtype=torch.float32, output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"]:
        sys.exit(f"{name}: {info}")
    t = AutoTokenizer.from_pretrained(latest)
    if t.eos_token != eos or model.generation_config.eos_token_id != t.eos_token_id:
        sys.exit(f"{name}: the end of a text is {t.eos_token}, {model.generation_config.eos_token_id}; {eos} was asked for")
    path = os.path.join(directory, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": x}) + "\n" for x in texts)
    out = subprocess.run([os.path.join(args.bin_dir, "tokenize"), "-q", "-t", os.path.join(latest, "tokenizer.json"), "--ids", path],
                         stdout=subprocess.PIPE, check=True).stdout.splitlines()
    for text, line in zip(texts, out, strict=True):
        ids = t(text, add_special_tokens=False)["input_ids"]
        if json.loads(line) != ids or max(ids) >= model.config.vocab_size:
            sys.exit(f"{name}: ids differ for {text[:200]!r}\nours   {line.decode()[:200]}\ntheirs {ids[:200]}")
    model(torch.tensor([t(texts[0], add_special_tokens=False)["input_ids"][:32]]))
    return model.config.vocab_size


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("directory")
    p.add_argument("documents")
    args = p.parse_args()
    texts = [x[:2000] for x in file_texts(args.documents)][:300]
    done = 0
    for make, shapes in ((byte_level_tokenizer, byte_level_shapes()), (sentencepiece_tokenizer, sentencepiece_shapes())):
        for name, norm, pre, added, more in shapes:
            if name not in SHAPES:
                continue
            directory = os.path.join(args.directory, "shape")
            shutil.rmtree(directory, ignore_errors=True)
            os.makedirs(directory)
            widen(make(texts, norm, pre, added, more), os.path.join(directory, "tokenizer.json"), SHAPES[name])
            eos = next(a.content for a in reversed(added) if a.special)
            pipeline(args, directory, eos)
            size = check(args, name, directory, eos, texts[:50])
            done += 1
            print(f"{name:36} {size:>6} ids: trained, and opened in Transformers", flush=True)
    if done != len(SHAPES):
        sys.exit(f"{done} of {len(SHAPES)} shapes were found")


if __name__ == "__main__":
    main()
