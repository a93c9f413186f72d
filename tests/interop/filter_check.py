#!/usr/bin/env python3
"""filter_check.py BIN DIR [FILE...] [--full] - the rules and near-duplicates of filter, beside datatrove

Documents are made of generated, real (FILE...) and program text, many of them spoilt. Each set of rules judges all of them, in
both; every disagreement is listed. Then texts with planted near-duplicates go through both MinHash pipelines at the same
settings. Prints the processor time of both, one thread each. --full: 10,000 documents and 5,000 pairs in place of 1,000 and 500.
"""
import argparse, collections, glob, json, os, resource, struct, subprocess, sys, tempfile

from datatrove.data import Document
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.utils.text import split_into_parts

import filter_texts

SETS = {"gopher-quality": GopherQualityFilter, "gopher-repetition": GopherRepetitionFilter, "c4": C4QualityFilter, "fineweb": FineWebQualityFilter}


def cpu(who=resource.RUSAGE_SELF):
    u = resource.getrusage(who)
    return u.ru_utime + u.ru_stime


def write(path, texts):
    with open(path, "w") as f:
        for i, text in enumerate(texts):
            print(json.dumps({"text": text, "id": str(i)}), file=f)


def ours(bin_dir, where, path, options):
    """{id: (rule or None, text)} and the seconds of processor time."""
    before = cpu(resource.RUSAGE_CHILDREN)
    kept, dropped = os.path.join(where, "kept.jsonl"), os.path.join(where, "dropped.jsonl")
    subprocess.run([os.path.join(bin_dir, "filter"), "-q", "-j", "1", "-o", kept, "-x", dropped, *options, path], check=True)
    seconds = cpu(resource.RUSAGE_CHILDREN) - before
    out = {}
    for name in kept, dropped:
        for line in open(name):
            d = json.loads(line)
            out[d["id"]] = (d.get("rule"), d["text"], d.get("value"))
    return out, seconds


def theirs(sets, path):
    """What datatrove's filters say of each document, one after the other, so that its cache serves the words of a text to all of
    them: {set: {id: (reason or None, text)}}, and the processor time of each."""
    judges, out, seconds = {name: SETS[name]() for name in sets}, {name: {} for name in sets}, collections.Counter()
    for line in open(path):
        d = json.loads(line)
        for name, judge in judges.items():
            doc, before = Document(text=d["text"], id=d["id"]), cpu()
            result = judge.filter(doc)
            out[name][doc.id] = (None if result is True else result[1], doc.text)
            seconds[name] += cpu() - before
    return out, seconds


def compare_rules(bin_dir, where, texts):
    path, few = os.path.join(where, "documents.jsonl"), os.path.join(where, "few.jsonl")
    write(path, texts)
    write(few, texts[:500])
    others, _ = theirs(SETS, path)
    bad = 0
    print(f"{len(texts)} documents, {os.path.getsize(path) / 1e6:.1f} MB; times of 500 of them, {os.path.getsize(few) / 1e6:.2f} MB")
    for name in SETS:
        mine, other = ours(bin_dir, where, path, ["--rules", name])[0], others[name]
        seconds = ours(bin_dir, where, few, ["--rules", name])[1]
        split_into_parts.cache_clear()
        their_seconds = theirs([name], few)[1][name]
        reasons = collections.Counter(reason for reason, _ in other.values() if reason)
        wrong = [i for i in other if mine[i][0] != other[i][0] or (mine[i][0] is None and mine[i][1] != other[i][1])]
        bad += len(wrong)
        print(f"{name}: {len(wrong)} of {len(other)} disagree; {sum(reasons.values())} dropped by {len(reasons)} rules; "
              f"{seconds:.3f} s, datatrove {their_seconds:.2f} s: {their_seconds / seconds:.0f} x")
        print("    " + ", ".join(f"{r} {n}" for r, n in reasons.most_common()))
        for i in wrong[:40]:
            print(f"    document {i}: {mine[i][0]} ({mine[i][2]}), datatrove {other[i][0]}: {other[i][1][:60]!r}", flush=True)
    return bad / (len(SETS) * len(texts))


def their_duplicates(where, path):
    """The numbers of the documents that datatrove's four MinHash steps remove, clusters of them, and the time."""
    before = cpu()
    docs = [Document(text=json.loads(line)["text"], id=json.loads(line)["id"]) for line in open(path)]
    config = minhash.MinhashConfig()
    with tempfile.TemporaryDirectory(dir=where) as d:
        minhash.MinhashDedupSignature(output_folder=f"{d}/signatures", config=config).run(docs, 0, 1)
        for bucket in range(config.num_buckets):
            minhash.MinhashDedupBuckets(input_folder=f"{d}/signatures", output_folder=f"{d}/buckets", config=config).run(None, bucket, config.num_buckets)
        minhash.MinhashDedupCluster(input_folder=f"{d}/buckets", output_folder=f"{d}/remove", config=config).run(None, 0, 1)
        removed = set()
        for name in glob.glob(f"{d}/remove/*.remove"):
            data = open(name, "rb").read()
            removed |= {n for n, in struct.iter_unpack("<I", data)}
    return removed, cpu() - before


def compare_duplicates(bin_dir, where, pairs):
    """A planted pair is found when one of its two texts is removed."""
    path = os.path.join(where, "pairs.jsonl")
    n = len(pairs)
    write(path, [a for a, _ in pairs] + [b for _, b in pairs])
    mine, seconds = ours(bin_dir, where, path, ["--near-duplicates"])
    removed, their_seconds = their_duplicates(where, path)
    found = sum(mine[str(i)][0] is not None or mine[str(n + i)][0] is not None for i in range(n))
    their_found = sum(i in removed or n + i in removed for i in range(n))
    wrong = sum(mine[str(i)][0] is not None for i in range(n))
    print(f"near-duplicates: {n} planted pairs in {os.path.getsize(path) / 1e6:.1f} MB: {100 * found / n:.2f} % found, datatrove {100 * their_found / n:.2f} %; "
          f"{wrong} that have no pair before them; {seconds:.2f} s, datatrove {their_seconds:.1f} s: {their_seconds / seconds:.0f} x")
    return abs(found - their_found) / n, wrong, their_seconds / seconds


def main():
    p = argparse.ArgumentParser()
    p.add_argument("bin_dir")
    p.add_argument("where")
    p.add_argument("files", nargs="*")
    p.add_argument("--full", action="store_true")
    args = p.parse_args()
    n = 10000 if args.full else 1000
    disagree = compare_rules(args.bin_dir, args.where, list(filter_texts.documents(args.bin_dir, args.files, n, 1)))
    difference, wrong, speed = compare_duplicates(args.bin_dir, args.where, list(filter_texts.near_pairs(args.bin_dir, args.files, n // 2, 2)))
    if disagree > 0.001 or difference > (0.01 if args.full else 0.03) or wrong > 0 or speed < 10:
        sys.exit(f"filter: {100 * disagree:.3f} % of the judgements differ, recall by {100 * difference:.2f} points, {wrong} false, {speed:.0f} x")


main()
