"""encode_campaign.py BIN_DIR DIRECTORY [OPTION...] [FILE...] - ids against the tokenizers library

Trains vocabularies with the library (GPT-2-like, cl100k-like, Llama-3-like with merges made from ranks and ignore_merges,
numbers one by one, Qwen2-like without and with NFC and added tokens of every kind), lets `tokenize` load each, and compares
the ids of text and of N random strings for each vocabulary: every block of Unicode, runs, mixtures of scripts, bytes that
are not UTF-8. The text is that of the FILEs (JSON lines or plain) and, with --machine, in turn what the machine has:
translations in all languages, Python, C headers, documentation. Exits 1 at the first difference. DIRECTORY is for what
it makes.
"""
import argparse
import gettext
import glob
import gzip
import json
import os
import random
import subprocess
import sys

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

BATCH = 20000
# cl100k's; and in tiktoken's spelling, which means another thing to the library, and goes to PCRE2 here
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)"
          r"|\s")
OTHER = CL100K.replace("{1,3}", "{1,3}+")
HEAD = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def kinds():
    """name, pre-tokenizer, normaliser, ignore_merges, added tokens"""
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    yield "gpt2", level, None, False, []
    yield "cl100k", split(CL100K), None, False, []
    yield "llama3", split(HEAD + r"\p{N}{1,3}" + TAIL), None, True, []
    yield "qwen2", split(HEAD + r"\p{N}" + TAIL), None, False, []
    yield "qwen2 nfc", split(HEAD + r"\p{N}" + TAIL), normalizers.NFC(), False, [
        AddedToken("<tool>", normalized=False), AddedToken("<tools>", normalized=False, lstrip=True),
        AddedToken("\u00e9clair", normalized=True), AddedToken("[x]", normalized=True, rstrip=True),
        AddedToken("<end>", special=True, normalized=False)]
    yield "other pattern", split(OTHER), None, False, []
    yield "digits", pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level]), None, False, []


def by_ranks(t):
    """Merges as files converted from tiktoken's ranks have them: every split of a token into two tokens, by the token's rank."""
    j = json.loads(t.to_str())
    ids, merges = j["model"]["vocab"], []
    for token, rank in sorted(ids.items(), key=lambda x: x[1]):
        pairs = [(token[:k], token[k:]) for k in range(1, len(token)) if token[:k] in ids and token[k:] in ids]
        merges += sorted(pairs, key=lambda p: (ids[p[0]], ids[p[1]]))
    j["model"]["merges"] = merges
    return Tokenizer.from_str(json.dumps(j))


def train(texts, vocab_size, pre, norm, ignore_merges, added):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
    if norm:
        t.normalizer = norm
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if ignore_merges:
        t = by_ranks(t)
    t.add_tokens([a for a in added if not a.special])
    t.add_special_tokens([a for a in added if a.special])
    t.encode_special_tokens = True          # in documents names of special tokens are text
    return t


def file_texts(path):
    try:
        if path.endswith(".mo"):
            with open(path, "rb") as f:
                yield "\n".join(v for k, v in gettext.GNUTranslations(f)._catalog.items() if k and isinstance(v, str))
            return
        with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8", newline="") as f:
            if not path.endswith(".jsonl"):
                yield f.read()
                return
            for line in f:
                doc = json.loads(line)
                yield from (v for k, v in doc.items() if k in ("text", "goal", "sol1", "sol2") and isinstance(v, str))
    except (OSError, UnicodeError, LookupError):        # not text, or a translation in another encoding
        return


def machine_files(seed):
    """Kinds of text that the machine has, each in an order of its own."""
    rng = random.Random(seed)
    for pattern in ("/usr/share/**/*.mo", "/usr/lib/python3*/**/*.py", "/usr/include/**/*.h", "/usr/share/doc/**/*"):
        files = sorted(p for p in glob.glob(pattern, recursive=True) if os.path.isfile(p) and not os.path.islink(p))
        rng.shuffle(files)
        yield files


def real_texts(args):
    """Texts of each kind in turn, about as many bytes of each."""
    sources = [args.files, *(machine_files(args.seed) if args.machine else [])]
    kinds_left = [(x for path in files for x in file_texts(path)) for files in sources]
    while kinds_left:
        for kind in list(kinds_left):
            size = 0
            for text in kind:
                yield text
                size += len(text.encode())
                if size > 1 << 20:
                    break
            else:
                kinds_left.remove(kind)


def real_batches(args, megabytes):
    batch, size, total = [], 0, 0
    for text in real_texts(args):
        batch.append(text)
        size += len(text.encode())
        if size > 8 << 20:
            yield batch
            total, batch, size = total + size, [], 0
        if total + size > megabytes * 1e6:
            break
    if batch:
        yield batch


class Strings:
    """Random strings by the batch. Points are drawn all at once: a block of Unicode, or ASCII, or what patterns look at."""
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        some = "  \n\r\t''\".,-_()[]{}<>0123456789sStTdDmMrReEvVlLaAbBzZſéßÅ中文字かな한국ж٣Ⅷ½\u0301\u0300\u200d\u00a0\u3000\u2028\u0085👍🏽"
        self.some = np.array([ord(c) for c in some], dtype=np.uint32)

    def batch(self, n):
        rng = self.rng
        lengths = rng.choice([1, 2, 3, 5, 8, 13, 30, 63, 64, 65, 130], n, p=[.04, .05, .08, .15, .2, .2, .18, .03, .03, .02, .02])
        total = int(lengths.sum())
        start = np.repeat(rng.integers(0, 0x1100, n) * 256, lengths)          # each string has a block of its own
        block = start + rng.integers(0, 256, total)
        kind = rng.random(total) + np.repeat(rng.random(n) - .5, lengths)
        points = np.where(kind < .45, self.some[rng.integers(0, len(self.some), total)],
                          np.where(kind < .8, rng.integers(32, 127, total), block))
        again = rng.random(total) < np.repeat(rng.choice([0, .2, .9], n, p=[.7, .2, .1]), lengths)
        source = np.maximum.accumulate(np.where(again, 0, np.arange(total)))   # runs
        points = points[source]
        points = np.where((points >= 0xD800) & (points < 0xE000), points - 0xD000, points).astype("<u4")
        text, out, at = points.tobytes().decode("utf-32-le"), [], 0
        for k in lengths.tolist():
            out.append(text[at:at + k])
            at += k
        return out


def ours(bin_dir, tokenizer, path):
    out = subprocess.run([os.path.join(bin_dir, "tokenize"), "--quiet", "-t", tokenizer, "--ids", path],
                         stdout=subprocess.PIPE, check=True).stdout
    return out.decode().splitlines()


def compare(name, texts, got, want):
    if len(got) != len(texts):
        sys.exit(f"{name}: {len(texts)} texts went in, {len(got)} came out")
    for text, mine, ids in zip(texts, got, want):
        if mine != "[" + ",".join(map(str, ids)) + "]":
            sys.exit(f"{name}: ids differ for {text[:300]!r}\nours   {mine[:600]}\ntheirs {str(ids)[:600]}")
    return sum(map(len, want))


def check_texts(name, t, args, texts):
    texts = [x for x in texts if x]
    path = os.path.join(args.directory, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": x}, ensure_ascii=False) + "\n" for x in texts)
    want = [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=False)]
    return compare(name, texts, ours(args.bin_dir, args.tokenizer, path), want)


def is_utf8(b):
    try:
        b.decode()
    except UnicodeDecodeError:
        return False
    return True


def runs(data):
    """Runs of valid UTF-8, and single bytes between them."""
    at, run = 0, b""
    while at < len(data):
        n = next((k for k in (1, 2, 3, 4) if at + k <= len(data) and is_utf8(data[at:at + k])), 0)
        if n:
            run += data[at:at + n]
            at += n
            continue
        if run:
            yield run.decode()
        run = b""
        yield data[at]
        at += 1
    if run:
        yield run.decode()


def check_bytes(name, t, args, texts, rng):
    """Broken UTF-8: the library cannot take it, so it gets the runs between the bytes that are none."""
    byte_ids = byte_table(t)
    docs = []
    for x in texts:
        b = bytearray(x.encode())
        for _ in range(1 + len(b) // 20):
            b[rng.randrange(len(b))] = rng.choice([0xff, 0x80, 0xc0, 0xe4, 0xf0, 0xed, 0xa0, rng.randrange(256)])
        b = bytes(b).replace(b"\0", b"").strip(b"\r\n")
        if b:
            docs.append(b)
    path = os.path.join(args.directory, "texts.txt")
    with open(path, "wb") as f:
        f.write(b"\n<|endoftext|>\n".join(docs))
    want = [[i for r in runs(b) for i in ([byte_ids[r]] if isinstance(r, int) else t.encode(r, add_special_tokens=False).ids)]
            for b in docs]
    return compare(name + ", bytes", [str(d) for d in docs], ours(args.bin_dir, args.tokenizer, path), want)


def byte_table(t):
    """byte -> id, by the byte-level alphabet."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    spelling, extra = {b: chr(b) for b in keep}, 256
    for b in range(256):
        if b not in spelling:
            spelling[b] = chr(extra)
            extra += 1
    return {b: t.token_to_id(s) for b, s in spelling.items()}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("directory")
    p.add_argument("files", nargs="*")
    p.add_argument("--strings", type=int, default=40000)
    p.add_argument("--megabytes", type=float, default=4)
    p.add_argument("--vocab", type=int, default=6000)
    p.add_argument("--machine", action="store_true")
    p.add_argument("--only", metavar="NAME", help="this vocabulary alone")
    p.add_argument("--seed", type=int, default=20260102, help="of the strings, and of the order of the machine's files")
    args = p.parse_args()
    sample = [x for batch in real_batches(args, 4) for x in batch] or Strings(1).batch(2000)
    sample += Strings(args.seed + 1).batch(3000)
    for name, pre, norm, ignore, added in kinds():
        if args.only not in (None, name):
            continue
        t = train(sample, args.vocab, pre, norm, ignore, added)
        args.tokenizer = os.path.join(args.directory, "tok.json")
        t.save(args.tokenizer)
        ids = texts = size = 0
        for batch in real_batches(args, args.megabytes):
            ids += check_texts(name, t, args, batch)
            size += sum(len(x.encode()) for x in batch)
        strings, rng = Strings(args.seed), random.Random(args.seed)
        names = [a.content for a in added] + ["e\u0301clair", "e\u0301", "\u1e9b\u0323", "\u1112\u1161\u11ab"]
        while texts < args.strings:
            batch = strings.batch(min(BATCH, args.strings - texts))
            texts += len(batch)
            for i in range(0, len(batch), 50):                       # names of added tokens within text
                k = rng.randrange(len(batch[i]) + 1)
                batch[i] = batch[i][:k] + rng.choice(names) + batch[i][k:]
            ids += check_texts(name, t, args, batch)
            ids += check_bytes(name, t, args, batch[::100], rng)
        print(f"{name}: {size / 1e6:.1f} MB of text and {texts} strings, {ids} ids: no difference", flush=True)


if __name__ == "__main__":
    main()
