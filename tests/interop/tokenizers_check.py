"""tokenizers_check.py BIN_DIR TOKENIZER_JSON [DOCUMENTS.jsonl...] - our ids against those of the tokenizers library

Makes texts (scripts, emoji, control bytes, long runs, every code point, seeded random mixtures), adds those of the files,
and compares. Prints how many texts and ids agreed; exits 1 at the first that does not.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

SEED = 20260101
RANDOM_TEXTS = 4000


def code_points():
    return [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def fixed_texts():
    yield from ["", " ", "\n", "a", "Hello, world!", "it's I'M we'Ll don'T 'S 'ſ x'ſ 'revenue 'll'd",
                "1234567890 3.14159 ٣٤٥ Ⅷ ½", "  two   three    \n\n  x \t\ty \r\n z  ", "\r\r\n\n \r \n"]
    yield from ["👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ☃️", "自然言語処理は楽しい。中文分词，没有空格！한국어 텍스트", "مرحبا بالعالم שלום עולם हिन्दी ไทย",
                "naïve café e\u0301 \u0301\u0301 Å ﬁ ß İi", "\ufeffbom \u200b\u200d\u2028\u2029 \u00a0\u180e \u3000 x",
                "".join(map(chr, range(0, 256))), "\x00\x01\x02 a\x00b \x7f\x80\x9f", "def f(x):\n    return x**2  # two\n\n\n\tif x:\n"]
    for unit in ["a", " ", "\n", " \n", "!", "=", "ab", "中", "👍", "\t", "1", "'s", "\u0301", "a ", ". "]:
        for n in (2, 3, 31, 32, 33, 63, 64, 65, 1000, 20000):
            yield unit * n
            yield "x" + unit * n + "y"
    points = code_points()
    for i in range(0, len(points), 500):
        some = points[i:i + 500]
        yield "".join(map(chr, some))
        yield "".join(" " + chr(c) for c in some)
        yield "".join("a" + chr(c) + "1" for c in some)


def random_texts(rng):
    common = list("etaoinshr \n\t.,!?'\"()-0123456789ABCſ") + [" the", " of", "'s", "'LL", "  ", "\r\n", "中", "é", "👍", "\u0301"]
    points = code_points()
    for _ in range(RANDOM_TEXTS):
        n = rng.choice([3, 10, 40, 200])
        plane = rng.choice([0x250, 0x3000, 0x10000, 0x110000])
        share = rng.random()
        yield "".join(rng.choice(common) if rng.random() < share else chr(points[rng.randrange(min(plane, len(points)))])
                      for _ in range(n))


def file_texts(paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for line in f:
                doc = json.loads(line)
                if isinstance(doc.get("text"), str):
                    yield doc["text"]


def our_ids(bin_dir, tokenizer, texts):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as f:
        for text in texts:
            f.write(json.dumps({"text": text}) + "\n")
        f.flush()
        out = subprocess.run([os.path.join(bin_dir, "tokenize"), "--quiet", "-t", tokenizer, "--ids", f.name],
                             stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def main():
    bin_dir, tokenizer, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    theirs = Tokenizer.from_file(tokenizer)
    special = [t.content for t in theirs.get_added_tokens_decoder().values()]
    size = theirs.get_vocab_size()
    texts = list(fixed_texts()) + list(random_texts(random.Random(SEED))) + list(file_texts(files))
    # The library finds special tokens in any text; tokenize takes documents as text alone. Empty documents are left out.
    texts = [t for t in texts if t and not any(s in t for s in special)]
    ours = our_ids(bin_dir, tokenizer, texts)
    if len(ours) != len(texts):
        sys.exit(f"{len(texts)} documents went in, {len(ours)} came out")
    n_ids = 0
    for text, ids, want in zip(texts, ours, theirs.encode_batch(texts, add_special_tokens=False)):
        if ids != want.ids:
            at = next((i for i, (a, b) in enumerate(zip(ids, want.ids)) if a != b), min(len(ids), len(want.ids)))
            sys.exit(f"ids differ (seed {SEED}) from the {at}th on: ours {ids[at:at + 8]}, theirs {want.ids[at:at + 8]}; "
                     f"after {theirs.decode(want.ids[max(0, at - 8):at])!r}, in the text {text[:300]!r}")
        if theirs.decode(ids, skip_special_tokens=False) != text:
            sys.exit(f"the library does not decode our ids of {text[:300]!r}")
        n_ids += len(ids)
    print(f"{len(texts)} texts, {n_ids} ids: the same as tokenizers' ({size} in the vocabulary)")


if __name__ == "__main__":
    main()
