"""convert_check.py BIN_DIR DIRECTORY [FILE...] - what `tokenize convert` makes, against the libraries that files are of

tiktoken: vocabularies trained here, with each pattern, in good order and shuffled (tokens that merging never makes, or
makes of later ones), are written as .tiktoken files; tiktoken itself, `tokenize` and the tokenizers library with the
converted file must give the same ids. SentencePiece: BPE models of every setting that converts; the library with the model
and, with the converted file, the tokenizers library and `tokenize` must give the same ids, and the library the same text back. The texts are those of
the FILEs (JSON lines) and random strings.
"""
import argparse
import base64
import json
import os
import random
import subprocess
import sys

import sentencepiece
import tiktoken
from tokenizers import AddedToken, Tokenizer, pre_tokenizers

from encode_campaign import HEAD, TAIL, Strings, ours, split, train

SEED = 20261125
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|"
          r"\s+(?!\S)|\s")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
PATTERNS = {
    "gpt2": (pre_tokenizers.ByteLevel(add_prefix_space=False),
             r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"),
    "cl100k": (split(CL100K.replace("{1,3}+", "{1,3}")), CL100K),        # {1,3}+ is a repeat of repeats to the library
    "llama3": (split(HEAD + r"\p{N}{1,3}" + TAIL), HEAD + r"\p{N}{1,3}" + TAIL),
    "o200k": (split(O200K), O200K),
    "qwen2": (split(HEAD + r"\p{N}" + TAIL), HEAD + r"\p{N}" + TAIL),
}
EOS = "<|endoftext|>"


def batches(paths, megabytes):
    batch, size, total = [], 0, 0
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for text in (json.loads(line).get("text") for line in f):
                if text:
                    batch.append(text)
                    size += len(text)
                if size > 1 << 20:
                    yield batch
                    total, batch, size = total + size, [], 0
                if total + size > megabytes * 1e6:
                    break
    if batch:
        yield batch


def convert(args, source, out, *options):
    subprocess.run([os.path.join(args.bin_dir, "tokenize"), "convert", "--quiet", "-o", out, *options, source], check=True)


def compare(name, texts, mine, theirs):
    for text, a, b in zip(texts, mine, theirs, strict=True):
        if a != b:
            sys.exit(f"{name}: differs (seed {SEED}) for {text[:300]!r}\nconverted {str(a)[:600]}\noriginal  {str(b)[:600]}")


# ---- tiktoken ----

def byte_tokens(t):
    """The tokens of a byte-level vocabulary as bytes, by id."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    byte = {chr(b): b for b in keep} | {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in keep)}
    return [bytes(byte[c] for c in s) for s, _ in sorted(t.get_vocab().items(), key=lambda x: x[1])]


def shuffled(tokens, rng):
    """The bytes first; other tokens gone, and out of order."""
    some = [x for x in tokens if len(x) > 1 and rng.random() < .8]
    rng.shuffle(some)
    return [x for x in tokens if len(x) == 1] + some


def our_ids(args, texts):
    path = os.path.join(args.directory, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": x}, ensure_ascii=False) + "\n" for x in texts)
    return [json.loads(line) for line in ours(args.bin_dir, args.tokenizer, path)]


def numbers(rng):
    return ["".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 30))) + rng.choice(["", " ", "\n", "a"])
            for _ in range(2000)]


def check_tiktoken(args, name, pattern, tokens, texts):
    source = os.path.join(args.directory, "x.tiktoken")
    with open(source, "wb") as f:
        f.writelines(base64.b64encode(x) + b" %d\n" % i for i, x in enumerate(tokens))
    args.tokenizer = os.path.join(args.directory, "tok.json")
    convert(args, source, args.tokenizer, "--pattern", name, "--special", EOS)
    theirs = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks={x: i for i, x in enumerate(tokens)},
                               special_tokens={EOS: len(tokens)})
    t = Tokenizer.from_file(args.tokenizer)
    t.encode_special_tokens = True
    ids = 0
    for batch in texts:
        want = theirs.encode_ordinary_batch(batch)
        compare(f"tiktoken {name}, tokenize", batch, our_ids(args, batch), want)
        compare(f"tiktoken {name}, tokenizers", batch, [e.ids for e in t.encode_batch(batch)], want)
        ids += sum(map(len, want))
    return ids


def tiktoken_checks(args, sample, texts):
    rng = random.Random(SEED)
    sample = sample + numbers(rng)
    for name, (pre, pattern) in PATTERNS.items():
        tokens = byte_tokens(train(sample, args.vocab, pre, None, False, []))
        ids = check_tiktoken(args, name, pattern, tokens, texts)
        ids += check_tiktoken(args, name, pattern, shuffled(tokens, rng), texts)
        print(f"tiktoken, {name}: {sum(map(len, texts))} texts twice, {ids} ids: no difference", flush=True)


# ---- SentencePiece ----

SYMBOLS = ["<sep>", "<sepa>", "[x|y]", "a+b", "\n\n"]
SETTINGS = [
    ("llama-like", dict(byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False)),
    ("no prefix", dict(byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False)),
    ("unknown characters", dict(byte_fallback=False, add_dummy_prefix=True, remove_extra_whitespaces=False)),
    ("fewer spaces", dict(byte_fallback=False, add_dummy_prefix=True, remove_extra_whitespaces=True)),
    ("fewer spaces, no prefix", dict(byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=True)),
    ("symbols", dict(byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False,
                     user_defined_symbols=SYMBOLS)),
    ("symbols, no prefix, digits", dict(byte_fallback=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
                                        split_digits=True, user_defined_symbols=SYMBOLS, allow_whitespace_only_pieces=True)),
]


def with_words(texts, words, rng):
    out = []
    for text in texts:
        k = rng.randrange(len(text) + 1)
        out.append(text[:k] + "".join(rng.choice(words) for _ in range(rng.randrange(4))) + text[k:])
    return out


def check_sentencepiece(args, name, settings, sample, texts):
    prefix, out = os.path.join(args.directory, "sp"), os.path.join(args.directory, "sp.json")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sample), model_prefix=prefix, model_type="bpe", vocab_size=args.vocab, minloglevel=2,
        normalization_rule_name="identity", character_coverage=.999, max_sentence_length=1 << 20, num_threads=1,
        hard_vocab_limit=False,
        **settings)
    theirs = sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")
    convert(args, prefix + ".model", out)
    t = Tokenizer.from_file(out)
    t.encode_special_tokens = True          # names of control pieces are text, as there
    ids = 0
    for batch in texts:
        want = theirs.encode(batch)
        compare(f"SentencePiece, {name}", batch, [e.ids for e in t.encode_batch(batch, add_special_tokens=False)], want)
        given = [x for x in batch if x]
        args.tokenizer = out
        compare(f"SentencePiece, {name}, tokenize", given, our_ids(args, given), [ids for x, ids in zip(batch, want) if x])
        if settings["byte_fallback"]:
            compare(f"SentencePiece, {name}, decoded", batch, t.decode_batch(want), theirs.decode(want))
        ids += sum(map(len, want))
    print(f"SentencePiece, {name}: {sum(map(len, texts))} texts, {ids} ids: no difference", flush=True)


def sentencepiece_checks(args, sample, texts):
    rng = random.Random(SEED)
    lines = [line for x in sample for line in x.split("\n") if line and "\0" not in line]
    for name, settings in SETTINGS:
        words = ["\u2581", " ", "  "] + settings.get("user_defined_symbols", ["</s>", "<0x41>"])
        check_sentencepiece(args, name, settings, lines, [with_words(batch, words, rng) for batch in texts])


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("directory")
    p.add_argument("files", nargs="*")
    p.add_argument("--strings", type=int, default=5000)
    p.add_argument("--megabytes", type=float, default=1)
    p.add_argument("--vocab", type=int, default=3000)
    args = p.parse_args()
    sample = [x for batch in batches(args.files, 1) for x in batch] or Strings(1).batch(2000)
    texts = list(batches(args.files, args.megabytes)) + [Strings(SEED).batch(args.strings), numbers(random.Random(SEED + 1))]
    tiktoken_checks(args, sample, texts)
    sentencepiece_checks(args, sample, texts)


if __name__ == "__main__":
    main()
