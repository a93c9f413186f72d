"""bpe_train_check.py BIN_DIR DOCUMENTS.jsonl... - our trained merges against those of the tokenizers library's BpeTrainer

Trains both on the same documents: the merges must be the same, in the same order. Then loads a vocabulary of 65,536 ids in
the library and checks that each id is what the layout says (pipeline/text/vocabulary/tokenizer.md).
"""
import json
import os
import subprocess
import sys
import tempfile

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

VOCABULARY, SPECIAL = 8192, 32
FULL = [(0, 48896, "text"), (48896, 49152, "special"), (49152, 57344, "image"), (57344, 65536, "audio")]


def texts(paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for line in f:
                text = json.loads(line).get("text")
                if isinstance(text, str) and text:
                    yield text


def merges_of(path):
    with open(path, encoding="utf-8") as f:
        merges = json.load(f)["model"]["merges"]
    return [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in merges]


def train_ours(bin_dir, out, documents, vocabulary):
    subprocess.run([os.path.join(bin_dir, "tokenize"), "train", "--quiet", "-n", str(vocabulary), "-o", out, documents],
                   check=True)


def train_theirs(out, documents, pattern, vocabulary):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, min_frequency=2, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train_from_iterator(texts([documents]), trainer)
    t.save(out)


def check_merges(bin_dir, w, documents):
    ours, theirs = os.path.join(w, "ours.json"), os.path.join(w, "theirs.json")
    train_ours(bin_dir, ours, documents, VOCABULARY)
    with open(ours, encoding="utf-8") as f:
        pattern = json.load(f)["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    train_theirs(theirs, documents, pattern, VOCABULARY - SPECIAL)
    a, b = merges_of(ours), merges_of(theirs)
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), None)
    if at is not None:
        sys.exit(f"merge {at}: ours {a[at]}, theirs {b[at]}")
    if len(a) != len(b):
        sys.exit(f"{len(a)} merges, theirs {len(b)}")
    print(f"{len(a)} merges from {os.path.getsize(documents) / 1e6:.1f} MB: those of tokenizers' BpeTrainer, in their order")


def check_layout(bin_dir, w, documents):
    path = os.path.join(w, "full.json")
    train_ours(bin_dir, path, documents, 65536)
    t = Tokenizer.from_file(path)
    added = t.get_added_tokens_decoder()
    if t.get_vocab_size() != 65536:
        sys.exit(f"{t.get_vocab_size()} ids, not 65536")
    for first, end, kind in FULL:
        for i in range(first, end):
            name = t.id_to_token(i)
            if kind in ("image", "audio") and name != f"<|{kind}_{i - first}|>":
                sys.exit(f"id {i} is {name!r}, not {kind} code {i - first}")
            if name is None or (i in added and added[i].special) != (kind != "text"):
                sys.exit(f"id {i} ({name!r}) is not a {kind} token")
    sample = [t.token_to_id("<|image|>"), 49152, 57343, t.token_to_id("<|/image|>"), 57344, 65535]
    if t.encode(t.decode(sample, skip_special_tokens=False)).ids != sample or t.decode(sample) != "":
        sys.exit("codes do not come back, or are not left out as special")
    print("65536 ids: 48896 text, 256 special, 8192 image, 8192 audio; the library has them where they belong")


def main():
    bin_dir, files = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as w:
        documents = os.path.join(w, "docs.jsonl")
        with open(documents, "w", encoding="utf-8") as f:
            for text in texts(files):
                f.write(json.dumps({"text": text}) + "\n")
        check_merges(bin_dir, w, documents)
        check_layout(bin_dir, w, documents)


if __name__ == "__main__":
    main()
