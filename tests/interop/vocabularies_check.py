"""vocabularies_check.py BIN_DIR DIRECTORY [--strings N] [--only NAME] [FILE...] - ids of the shapes of tokenizer.json that people have

Rebuilds the pipeline of each vocabulary below around merges learnt here (from the FILEs, JSON lines, and random strings), lets
`tokenize` load it, and compares the ids of N random strings with the tokenizers library's: every block of Unicode, runs,
mixtures, names of added tokens within words, and, where a vocabulary takes them, bytes that are not UTF-8. Prints a table;
exits 1 at the first difference. What is refused must be refused by the name of the feature.
"""
import argparse
import json
import os
import random
import subprocess
import sys

from convert_check import O200K
from encode_campaign import Strings, byte_table, file_texts, runs
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

N, P, D = normalizers, pre_tokenizers, decoders
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = CL100K.replace("{1,3}", "")
QWEN3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|"
         r"\s+")
TEKKEN = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r"\p{N}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
             r"\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
KIMI = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}{1,3}|\s+"
level = P.ByteLevel(add_prefix_space=False, use_regex=False)
gpt2 = P.ByteLevel(add_prefix_space=False)


def split(pattern, behavior="isolated", invert=False):
    return P.Split(Regex(pattern), behavior, invert)


def seq(*steps):
    return P.Sequence(list(steps))


END = AddedToken("<|endoftext|>", special=True, normalized=False)
CHAT = [AddedToken("<|im_start|>", special=True, normalized=False), AddedToken("<|im_end|>", special=True, normalized=False)]
SPACES = [AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)]
WORDS = [AddedToken("<tool>", normalized=False), AddedToken("<tools>", normalized=False, lstrip=True, rstrip=True),
         AddedToken("the", single_word=True, normalized=False), AddedToken("Éa", normalized=True), AddedToken("ab", normalized=True)]
LLAMA = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
LLAMA_DECODER = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])


def byte_level_shapes():
    """name, normaliser, pre-tokenizer, added tokens, and what else differs"""
    yield "gpt2", None, gpt2, [END], {}
    yield "whisper", None, gpt2, [END] + [AddedToken(f"<|{k / 50:.2f}|>", normalized=False) for k in range(0, 1500, 100)], {}
    yield "roberta", None, P.ByteLevel(add_prefix_space=True), [AddedToken("<mask>", lstrip=True, normalized=False, special=True)], {
        "post": processors.RobertaProcessing(("</s>", 2), ("<s>", 0))}
    yield "gpt-neox, pythia", N.NFC(), gpt2, [END] + SPACES, {"gap": True}
    yield "olmo", N.NFC(), gpt2, [END] + SPACES, {"gap": True, "dropout": 0.0}
    yield "modernbert", N.NFC(), gpt2, SPACES + [AddedToken("[MASK]", lstrip=True, normalized=False, special=True)], {"gap": True}
    yield "phi-2, codegen", None, gpt2, [END] + [AddedToken("\t" * n, normalized=False) for n in range(9, 1, -1)] + SPACES, {}
    yield "olmo2, dbrx, gpt-4", None, seq(split(CL100K, "removed", True), level), [END], {}
    yield "stablelm2", None, seq(split(CL100K), level), [END], {"unk": True}
    yield "llama3", None, seq(split(CL100K), level), [AddedToken("<|begin_of_text|>", special=True, normalized=False)], {
        "ignore": True, "post": processors.Sequence([processors.ByteLevel(), processors.TemplateProcessing(
            single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 3000)])])}
    yield "qwen2, qwen3", N.NFC(), seq(split(QWEN2), level), CHAT + WORDS, {}
    yield "qwen3.5", N.NFC(), seq(split(QWEN3), level), CHAT, {}
    yield "o200k, gpt-oss", None, seq(split(O200K), level), [END], {"ignore": True}
    yield "mistral-nemo (tekken)", None, seq(split(TEKKEN), level), [END], {"ignore": True}
    yield "deepseek-v3", N.Sequence([]), seq(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), level), [END], {}
    yield "deepseek-coder", None, seq(split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
                                      P.Digits(individual_digits=True), level), [END], {}
    yield "falcon", None, seq(P.Punctuation("contiguous"), gpt2, P.Digits(individual_digits=False), split("[0-9][0-9][0-9]")), [END], {}
    yield "starcoder, smollm", None, seq(P.Digits(individual_digits=True), gpt2), [END] + CHAT, {}
    yield "command-r", N.NFC(), seq(P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False, use_regex=True)), WORDS, {}
    yield "bloom", None, seq(split(BLOOM), level), [END], {}
    yield "clip", N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]), seq(split(CLIP, "removed", True), gpt2), [END], {
        "suffix": "</w>", "unk": True}
    yield "digits together, prefix", N.NFKC(), seq(P.Digits(individual_digits=False), P.ByteLevel(add_prefix_space=True, use_regex=False)), WORDS, {}
    yield "string splits", None, seq(P.Split("the", "merged_with_next"), P.Split(" ", "merged_with_previous"), P.Split("e", "contiguous"),
                                     level), WORDS, {}
    yield "empty matches", None, seq(split("[a-m]*"), level), [END], {}
    yield "lower case, no accents", N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents(), N.Strip()]), gpt2, WORDS, {}
    yield "nfkd, punctuation", N.NFKD(), seq(P.WhitespaceSplit(), P.Punctuation("merged_with_previous"), level), WORDS, {}
    yield "words", None, seq(P.Whitespace(), level), WORDS, {}
    yield "bert's cuts", N.Lowercase(), seq(P.BertPreTokenizer(), level), WORDS, {}
    yield "added words that merges make", None, gpt2, [AddedToken("ab", normalized=False), AddedToken("a", normalized=False, single_word=True),
                                                       AddedToken(" the", normalized=False), END], {}


def sentencepiece_shapes():
    plain = [AddedToken("<s>", special=True, normalized=False), AddedToken("</s>", special=True, normalized=False)]
    yield "llama2, tinyllama, mistral 0.1", LLAMA, None, plain, {"decoder": LLAMA_DECODER}
    yield "phi-3", LLAMA, None, plain + [AddedToken("<|user|>", rstrip=True, normalized=False, special=True),
                                         AddedToken("<|end|>", rstrip=True, normalized=False)], {"decoder": LLAMA_DECODER}
    yield "llama2, not legacy; mistral 0.3", None, P.Metaspace("▁", "first", False), plain, {"decoder": LLAMA_DECODER}
    yield "gemma", N.Replace(" ", "▁"), P.Split(" ", "merged_with_previous"), plain + [AddedToken("<2mass>", normalized=False)], {
        "decoder": D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()])}
    yield "metaspace, always", N.NFKC(), P.Metaspace("▁", "always", True), plain + WORDS, {"decoder": D.Metaspace("▁", "always", True)}
    yield "metaspace, no bytes", None, P.Metaspace("▁", "never", True), plain + WORDS, {"fallback": False, "fuse": False,
                                                                                     "decoder": D.Metaspace("▁", "never", True)}
    yield "no bytes, unknown fused", LLAMA, None, plain, {"fallback": False, "decoder": LLAMA_DECODER}
    yield "internlm2, whole words", LLAMA, split("▁?[^▁]+|▁+"), plain, {"ignore": True, "decoder": LLAMA_DECODER}
    yield "few bytes, unknown pending", LLAMA, None, plain, {"fallback": "few", "decoder": LLAMA_DECODER}


def refused_shapes():
    yield "unigram (t5, albert, xlm-r)", lambda j: j["model"].update(type="Unigram"), "Unigram is not supported"
    yield "wordpiece (bert)", lambda j: j["model"].update(type="WordPiece"), "WordPiece is not supported"
    yield "wordlevel", lambda j: j["model"].update(type="WordLevel"), "WordLevel is not supported"
    yield "dropout 0.1", lambda j: j["model"].update(dropout=0.1), "model.dropout"
    yield "kimi", lambda j: j.update(pre_tokenizer=json.loads(split(KIMI).__getstate__())), r"\p{Han} is not supported"
    yield "precompiled", lambda j: j.update(normalizer={"type": "Precompiled", "precompiled_charsmap": ""}), "Precompiled is not supported"
    yield "bert normalizer", lambda j: j.update(normalizer={"type": "BertNormalizer"}), "BertNormalizer is not supported"
    yield "scripts", lambda j: j.update(pre_tokenizer={"type": "UnicodeScripts"}), "UnicodeScripts is not supported"


def learn(texts, pre, norm, n, alphabet, prefix_suffix=None):
    t = Tokenizer(models.BPE())
    if norm:
        t.normalizer = norm
    t.pre_tokenizer = pre
    suffix = {"end_of_word_suffix": prefix_suffix} if prefix_suffix else {}
    t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=n, show_progress=False, initial_alphabet=alphabet,
                                                     special_tokens=["<unk>", "<s>", "</s>"], **suffix))
    return json.loads(t.to_str())["model"]


def byte_level_tokenizer(texts, norm, pre, added, more):
    model = learn(texts, pre, norm, 3000, P.ByteLevel.alphabet(), more.get("suffix"))
    if more.get("gap"):
        for b in [0xc0, 0xc1, *range(0xf5, 0x100)]:
            del model["vocab"][chr(b)]          # these bytes are spelled as themselves
        model["vocab"] = {k: i for i, k in enumerate(sorted(model["vocab"], key=model["vocab"].get))}
    model.update(ignore_merges=more.get("ignore", False), dropout=more.get("dropout"), unk_token="<unk>" if more.get("unk") else None)
    return finish(model, norm, pre, D.ByteLevel(), added, more)


def sentencepiece_tokenizer(texts, norm, pre, added, more):
    base = learn(texts, P.Metaspace("▁", "always", True), None, 2500, [])
    fallback = more.get("fallback", True)
    some = range(256) if fallback is True else range(0x20, 0xd0) if fallback else []
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in some]
    names += [x for x in sorted(base["vocab"], key=base["vocab"].get) if x not in names]
    base.update(vocab={x: i for i, x in enumerate(names)}, unk_token="<unk>", fuse_unk=more.get("fuse", True),
                byte_fallback=bool(fallback), ignore_merges=more.get("ignore", False))
    return finish(base, norm, pre, more["decoder"], added, more)


def finish(model, norm, pre, decoder, added, more):
    j = json.loads(Tokenizer(models.BPE()).to_str())
    j["model"] = model
    t = Tokenizer.from_str(json.dumps(j))
    if norm:
        t.normalizer = norm
    if pre:
        t.pre_tokenizer = pre
    t.decoder = decoder
    if "post" in more:
        t.post_processor = more["post"]
    t.add_tokens([a for a in added if not a.special])
    t.add_special_tokens([a for a in added if a.special])
    return t


def ours(args, path, *options):
    out = subprocess.run([os.path.join(args.bin_dir, "tokenize"), "--quiet", "-t", args.tokenizer, "--ids", *options, path],
                         stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def compare(name, texts, got, want):
    if len(got) != len(texts):
        sys.exit(f"{name}: {len(texts)} texts went in, {len(got)} came out")
    for text, mine, ids in zip(texts, got, want):
        if mine != ids:
            sys.exit(f"{name}: ids differ for {text[:300]!r}\nours   {mine[:200]}\ntheirs {ids[:200]}")


def make_strings(args, added, seed):
    rng, texts = random.Random(seed), Strings(seed).batch(args.strings)
    names = [a.content for a in added] + ["e\u0301a", "<unk>", "▁", "<0x41>", "  ", "\r\n", "don't", "1234567", "ﬁ①½", "한글"]
    for i in range(0, len(texts), 4):           # names of added tokens within text, and text like that of the vocabulary
        k = rng.randrange(len(texts[i]) + 1)
        texts[i] = texts[i][:k] + rng.choice(names) + texts[i][k:]
    for i in range(1, len(texts), 4):
        text = rng.choice(args.sample)
        k = rng.randrange(len(text))
        texts[i] = text[k:k + rng.randrange(2, 160)]
    return [x for x in texts if x]


def check_strings(name, t, args, added):
    texts = make_strings(args, added, args.seed)
    path = os.path.join(args.directory, "texts.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": x}) + "\n" for x in texts)
    t.encode_special_tokens = True              # in documents names of special tokens are text
    compare(name, texts, ours(args, path), [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=False)])
    if t.post_processor and t.num_special_tokens_to_add(False):
        want = [e.ids for e in t.encode_batch_fast(texts, add_special_tokens=True)]
        compare(name + ", --special", texts, ours(args, path, "--special"), want)
    return len(texts)


def check_bytes(name, t, args, more):
    """Broken UTF-8: the library gets the runs between the bytes that are none. Without a token for some it is refused."""
    rng, path, docs = random.Random(7), os.path.join(args.directory, "texts.txt"), []
    byte_ids = byte_table(t)
    for x in Strings(args.seed + 2).batch(300):
        b = bytearray(x.encode())
        for _ in range(1 + len(b) // 20):
            b[rng.randrange(len(b))] = rng.choice([0xff, 0x80, 0xc0, 0xe4, 0xf0, 0xed, 0xa0])
        b = bytes(b).replace(b"\0", b"").strip(b"\r\n")
        if b:
            docs.append(b)
    strict = more.get("gap") or ours_wants_utf8(args)
    with open(path, "wb") as f:
        f.write(b"\n<|endoftext|>\n".join(docs))
    if strict:
        run = subprocess.run([os.path.join(args.bin_dir, "tokenize"), "--quiet", "-t", args.tokenizer, "--ids", path],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if run.returncode != 1 or b"texts.txt" not in run.stderr or b"--replace-invalid" not in run.stderr:
            sys.exit(f"{name}: broken bytes: exit {run.returncode}, {run.stderr.decode(errors='replace')}")
        texts = ["".join("\ufffd" if isinstance(r, int) else r for r in runs(b)) for b in docs]
        want = [t.encode(x, add_special_tokens=False).ids for x in texts]
        compare(name + ", --replace-invalid", texts, ours(args, path, "--replace-invalid"), want)
        return
    want = [[i for r in runs(b) for i in ([byte_ids[r]] if isinstance(r, int) else t.encode(r, add_special_tokens=False).ids)]
            for b in docs]
    compare(name + ", bytes", [str(d) for d in docs], ours(args, path), want)


def ours_wants_utf8(args):
    j = json.load(open(args.tokenizer))
    text = json.dumps([j["normalizer"], j["pre_tokenizer"]])
    norm = j["normalizer"]
    plain = norm is None or norm["type"] == "NFC" or norm.get("normalizers") == []
    return not plain or '"add_prefix_space": true' in text or "ByteLevel" not in text or j["model"]["end_of_word_suffix"] is not None


def check_refused(args, change, message):
    j = json.load(open(args.tokenizer))
    change(j)
    path = os.path.join(args.directory, "refused.json")
    json.dump(j, open(path, "w"))
    run = subprocess.run([os.path.join(args.bin_dir, "tokenize"), "-t", path, "--ids", "/dev/null"], capture_output=True)
    if run.returncode != 1 or message not in run.stderr.decode():
        sys.exit(f"expected a refusal with {message!r}, not exit {run.returncode}: {run.stderr.decode()}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("directory")
    p.add_argument("files", nargs="*")
    p.add_argument("--strings", type=int, default=10000)
    p.add_argument("--seed", type=int, default=20260103)
    p.add_argument("--only", metavar="NAME", help="this vocabulary alone")
    args = p.parse_args()
    args.sample = [x[:3000] for path in args.files for x in file_texts(path)][:400] or ["the cat sat on the mat, abc!"] * 50
    texts = args.sample + Strings(args.seed + 1).batch(1500)
    args.tokenizer = os.path.join(args.directory, "tok.json")
    print(f"{'vocabulary':36} {'ids':>6} {'strings':>8}  result")
    for make, shapes in ((byte_level_tokenizer, byte_level_shapes()), (sentencepiece_tokenizer, sentencepiece_shapes())):
        for name, norm, pre, added, more in shapes:
            if args.only not in (None, name):
                continue
            t = make(texts, norm, pre, added, more)
            t.save(args.tokenizer)
            n = check_strings(name, t, args, added)
            check_bytes(name, t, args, more)
            print(f"{name:36} {t.get_vocab_size():>6} {n:>8}  no difference", flush=True)
    for name, change, message in refused_shapes():
        check_refused(args, change, message)
        print(f"{name:36} {'':>6} {'':>8}  refused: {message}")


if __name__ == "__main__":
    main()
