#!/usr/bin/env python3
"""Repositories like those of the plan's corpora, made of generated text.

    for d in language code math ml logic; do fetch --cat demo:$d --limit 300KB; done | corpora.py ROOT

Places, columns and formats are those of pipeline/fetch/corpora_table.c; the tests' hub serves ROOT (hub.py). Each domain's
text is dealt out to its corpora in turn.
"""

import gzip
import hashlib
import json
import os
import sys

import parquet


def rest(text):
    """The first line, and the others."""
    first, _, others = text.partition("\n")
    return first, others


def last(text):
    """All lines but the last, and the last."""
    others, _, line = text.rstrip("\n").rpartition("\n")
    return others, line


def blob(text, root):
    """Stores an object of Software Heritage; its row in Stack-Edu."""
    content = text.encode()
    name = hashlib.sha1(content).hexdigest()
    with open(os.path.join(root, "swh/content", name), "wb") as f:
        f.write(gzip.compress(content, 1))
    return name, "UTF-8", str(len(content))


# domain, files that are written, columns, the row of a text
CORPORA = [
    ("language", "HuggingFaceFW/fineweb-edu/main/sample/10BT/000_00000.parquet", ["text", "id"], lambda t: (t, "u")),
    ("language", "HuggingFaceFW/fineweb-edu/main/sample/10BT/001_00000.parquet", ["text", "id"], lambda t: (t, "v")),
    ("code", "HuggingFaceTB/stack-edu/main/Python/train-00000-of-00001.parquet",
     ["blob_id", "src_encoding", "length_bytes"], None),
    ("math", "openai/gsm8k/main/main/train-00000-of-00001.parquet", ["question", "answer"], rest),
    ("math", "EleutherAI/hendrycks_math/main/algebra/train-00000-of-00001.parquet", ["problem", "solution"], rest),
    ("math", "HuggingFaceTB/finemath/main/finemath-4plus/train-00000-of-00064.parquet", ["url", "text"],
     lambda t: ("", t)),
    ("ml", "CShorten/ML-ArXiv-Papers/refs%2Fconvert%2Fparquet/default/train/0000.parquet", ["title", "abstract"], rest),
    ("ml", "neuralwork/arxiver/main/data/train-00000-of-00002.parquet", ["title", "markdown"], lambda t: ("", t)),
    ("logic", "tasksource/folio/main/folio_v2_train.jsonl", ["premises", "conclusion", "label"],
     lambda t: (*last(t), "True")),
    ("logic", "tasksource/ruletaker/main/data/train-00000-of-00001.parquet", ["context", "question", "label"],
     lambda t: (*last(t), "entailment")),
    ("logic", "tasksource/proofwriter/main/data/train-00000-of-00001.parquet", ["theory", "question", "answer"],
     lambda t: (*last(t), "True")),
]


def write(root, path, columns, rows):
    file = os.path.join(root, "datasets", path)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "wb") as f:
        if path.endswith(".parquet"):
            parquet.write(f, columns, rows)
        else:
            f.writelines(json.dumps(dict(zip(columns, row))).encode() + b"\n" for row in rows)


def main():
    root, texts = sys.argv[1], {}
    os.makedirs(os.path.join(root, "swh/content"), exist_ok=True)
    for line in sys.stdin:
        d = json.loads(line)
        texts.setdefault(d["domain"], []).append(d["text"])
    for domain in texts:
        mine = [c for c in CORPORA if c[0] == domain]
        for i, (_, path, columns, row) in enumerate(mine):
            row = row or (lambda t: blob(t, root))
            write(root, path, columns, [row(t) for t in texts[domain][i::len(mine)]])


if __name__ == "__main__":
    main()
