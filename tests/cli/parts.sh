#!/usr/bin/env bash
# --part K/N: parts of a corpus are disjoint and complete, and their shards merged hold the documents that one job's
# shards hold; the scripts of tools/cluster make them, and make again only what is missing.
set -euo pipefail
"$BIN/fetch" -q --cat demo:math --limit 300 --seed 3 >a.jsonl
"$BIN/fetch" -q --cat demo:code --limit 95 --seed 3 | gzip >b.jsonl.gz
"$BIN/tokenize" train -q -n 400 -o tok.json a.jsonl 2>/dev/null

# documents of the parts together, and what no two share
"$BIN/fetch" -q --cat a.jsonl b.jsonl.gz >whole
for k in 1 2 3; do "$BIN/fetch" -q --cat a.jsonl b.jsonl.gz --part $k/3 >part$k; done
[ "$(wc -l <part1)" = 132 ] && [ "$(wc -l <part3)" = 131 ]
cmp <(sort whole) <(sort part1 part2 part3)
cmp part2 <(awk 'NR % 3 == 2' whole)
"$BIN/fetch" -q --cat demo:logic --limit 6 --seed 5 >endless
cmp <("$BIN/fetch" -q --cat demo:logic --limit 2 --seed 5 --part 2/3) <(awk 'NR % 3 == 2' endless)
for bad in 0/3 4/3 1/0 2 1/2/3 -1/2 1/x ''; do
    code=0
    "$BIN/fetch" -q --cat a.jsonl --part "$bad" >/dev/null 2>said || code=$?
    [ $code = 2 ] && grep -q "part '$bad': want K/N" said
done
# an output of one part is not taken for that of another
"$BIN/fetch" -q -o files a.jsonl --part 1/2 >/dev/null
[ "$(zstdcat files/a.jsonl.zst | wc -l)" = 150 ]
"$BIN/fetch" -q -o files a.jsonl >/dev/null
[ "$(zstdcat files/a.jsonl.zst | wc -l)" = 300 ]

# documents DIR: those of its shards, each as its tokens, sorted
documents() {
    python3 - "$1" <<'PY'
import glob, struct, sys
for path in sorted(glob.glob(sys.argv[1] + "/*.tok")):
    b = open(path, "rb").read()
    n_tokens, n_documents, _, index = struct.unpack_from("<4Q", b, 40)
    at = struct.unpack_from("<%dQ" % (n_documents + 1), b, index)
    for i in range(n_documents):
        print(b[4096 + 2 * at[i]:4096 + 2 * at[i + 1]].hex())
PY
}
"$BIN/fetch" -q --cat a.jsonl b.jsonl.gz | "$BIN/tokenize" -q -t tok.json | "$BIN/shard" -q -o one --val 10% -n 3000 >/dev/null
for k in 1 2 3; do
    "$BIN/tokenize" -q -t tok.json --part $k/3 a.jsonl b.jsonl.gz | "$BIN/shard" -q -o parts/$k-of-3 --val 10% -n 3000 >/dev/null
done
"$BIN/shard" -q --merge parts/*-of-3 -o many >list
cmp <(documents one | sort) <(documents many | sort)
cmp <(documents one/val | sort) <(documents many/val | sort)
[ "$(documents many/val | wc -l)" -gt 10 ]
xargs ls <list >/dev/null
[ "$(wc -l <list)" = "$(find many -name '*.tok' | wc -l)" ]
"$TOOLS/shard-dump" --verify many >/dev/null
"$BIN/mix" -q all=1:many -T 32 -B 4 --steps 3 -o batches

# what cannot be merged
"$BIN/tokenize" train -q -n 300 -o other.json a.jsonl 2>/dev/null
"$BIN/tokenize" -q -t other.json a.jsonl | "$BIN/shard" -q -o other --val 10% >/dev/null
"$BIN/tokenize" -q -t tok.json a.jsonl | "$BIN/shard" -q -o without >/dev/null
fails() { if "$BIN/shard" -q --merge "${@:2}" 2>said; then exit 1; fi; grep -q "$1" said || { cat said; exit 1; }; }
fails 'another tokenizer' parts/1-of-3 other -o bad
fails '1 of the 2 directories have a val' parts/1-of-3 without -o bad
"$BIN/shard" -q --archive zstd other >/dev/null
fails 'are archived' other -o bad
fails 'needs directories and -o' parts/1-of-3
# a pipe in place of a shard, where shards are copied: on another file system
shm=$(mktemp -d /dev/shm/parts-XXXXXX)
trap 'rm -rf "$shm"' EXIT
cp without/* "$shm"
rm "$shm/000000.tok"
mkfifo "$shm/000000.tok"
code=0
timeout 20 "$BIN/shard" -q --merge "$shm" -o bad 2>said || code=$?
[ $code = 1 ] && grep -q '000000.tok: ' said
[ ! -e bad ]

# a tokenizer of the counts of parts is the one that a single job learns, with a sample as well
for sample in 1 0.5; do
    for k in 1 2 3; do "$BIN/tokenize" train -q --sample $sample --part $k/3 --counts $k.counts a.jsonl b.jsonl.gz; done
    "$BIN/tokenize" train -q -n 700 --sample $sample -o whole.json a.jsonl b.jsonl.gz 2>/dev/null
    "$BIN/tokenize" train -q -n 700 --merge -o merged.json 2.counts 3.counts 1.counts 2>/dev/null
    cmp whole.json merged.json
done
train_fails() { if "$BIN/tokenize" train -q -n 400 -o x.json --merge "${@:2}" 2>said; then exit 1; fi; grep -q "$1" said || { cat said; exit 1; }; }
train_fails '1.counts: offset 12: part 1 of 3 is given twice' 2.counts 1.counts 1.counts
train_fails '1.counts: offset 16: part 1 of 3, but 2 files are given' 1.counts 2.counts
train_fails 'a.jsonl: offset 0: is no file of counts' a.jsonl
head -c 1000 1.counts >cut
train_fails 'cut: offset 1000: the file ends too early' cut
for damage in '8:\2:is of another version' '12:\4:part K of N' '20:\1:reserved' '48:\0\0\0\0\0\0\0\0:a count of 0' '56:\1:fewer than 2' '60:x:damaged'; do
    IFS=: read -r at bytes why <<<"$damage"
    cp 1.counts bad
    printf '%b' "${bytes//\\/\\0}" | dd of=bad bs=1 seek="$at" conv=notrunc status=none
    train_fails "bad: offset .*$why" bad
done
{ cat 1.counts; echo; } >bad
train_fails 'bytes follow the end' bad
# counts that no text of so many bytes has, and texts that are longer together than any
forge() {       # FILE PART OF BYTES COUNT: a whole file with the one word ab
    python3 - "$@" <<'PY'
import ctypes, struct, sys
part, of, size, count = map(int, sys.argv[2:])
b = b"TRTCNTS\n" + struct.pack("<4I3QQI", 1, part, of, 0, 1, size, 1, count, 2) + b"ab"
hash_of = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
hash_of.argtypes, hash_of.restype = (ctypes.c_char_p, ctypes.c_size_t), ctypes.c_uint64
open(sys.argv[1], "wb").write(b + struct.pack("<Q", hash_of(b, len(b))))
PY
}
forge bad 1 1 3 2
train_fails 'bad: offset 48: a count of 0, or words that are longer together than the text' bad
for k in 1 2; do forge half$k $k 2 $((2**63 - 1)) $((2**62 - 1)); done
train_fails 'half2: offset 32: texts of more than 2^63 bytes in all' half1 half2
[ ! -e x.json ]
# a signal, while the counts of a pipe do not come
mkfifo pipe
"$BIN/tokenize" train -q -n 700 -o x.json --merge pipe 2>said &
pid=$!
until [ -e .x.json.tritter-partial ]; do sleep 0.05; done
sleep 0.2
kill -TERM $pid
code=0
wait $pid || code=$?
[ $code = 143 ] && [ ! -s said ] && [ ! -e x.json ] && [ ! -e .x.json.tritter-partial ]

printf '{"text":"x"}\n{"text":"ab"}\n{"text":"y"}\n' | "$BIN/tokenize" train -q --part 2/3 --counts few -
cmp few "$ROOT/tests/golden/counts-v1.counts"

# the array script: each member makes its part, once; names may hold what a shell takes for its own
cp b.jsonl.gz "it's b.jsonl.gz"
"$ROOT/tools/cluster" data -n 3 -t tok.json -o 'its tokens' --val 10% a.jsonl "it's*.gz" >data.sbatch
grep -q '^#SBATCH --array=1-3$' data.sbatch
for k in 1 2 3; do SLURM_ARRAY_TASK_ID=$k bash data.sbatch >/dev/null; done
touch -d '2001-01-01' "its tokens.parts/2-of-3/manifest.json"
rm -r "its tokens.parts/3-of-3"
for k in 1 2 3; do SLURM_ARRAY_TASK_ID=$k bash data.sbatch >/dev/null; done
[ "$(stat -c %Y "its tokens.parts/2-of-3/manifest.json")" -lt 1000000000 ]
eval "$(sed -n 's/^# when all are done: //p' data.sbatch)" >/dev/null
cmp <(documents one | sort) <(documents "its tokens" | sort)
"$ROOT/tools/cluster" tokenizer -n 3 -v 700 -o 'learnt here.json' a.jsonl "it's*.gz" >tokenizer.sbatch
for k in 1 2 3 2; do SLURM_ARRAY_TASK_ID=$k bash tokenizer.sbatch; done
eval "$(sed -n 's/^# when all are done: //p' tokenizer.sbatch)" 2>/dev/null
"$BIN/tokenize" train -q -n 700 -o whole.json a.jsonl b.jsonl.gz 2>/dev/null
cmp whole.json "learnt here.json"
