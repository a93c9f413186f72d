# `shard --val` holds out the same documents whatever the vocabulary, the tags, and the size of the documents' pieces.
set -euo pipefail
"$BIN/fetch" -q --cat demo:code --domain code --limit 600KB --seed 3 >docs.jsonl
# a document that is encoded in several pieces, held out or not by all of its text
awk 'BEGIN {for (i = 0; i < 60000; i++) printf "line %d of a long text\n", i}' >long.txt
"$BIN/fetch" -q --cat long.txt --domain code >>docs.jsonl
for n in 300 2000; do "$BIN/tokenize" train -q -n $n -o tok$n.json docs.jsonl; done

shards() { "$BIN/tokenize" -q -t tok"$1".json "${@:3}" docs.jsonl | "$BIN/shard" -q -o "$2" --val 20% >/dev/null; }
held() {        # VOCAB DIR: the documents of DIR, each as one line of JSON, sorted
    local eos tokens
    eos=$(sed -n 's/^ "eos_id": \([0-9]*\),$/\1/p' "$2/manifest.json")
    tokens=$(sed -n 's/^ "tokens": \([0-9]*\),$/\1/p' "$2/manifest.json")
    od -An -v -tu2 -w2 -j4096 -N$((2 * tokens)) "$2/000000.tok" |
        awk -v eos="$eos" 'BEGIN {printf "["} $1 == eos {printf "]\n["; n = 0; next} {printf "%s%s", n++ ? "," : "", $1}' | sed '$d' |
        "$BIN/tokenize" decode -q -t tok"$1".json | sed 's/"id": *"[^"]*"//' | sort
}
shards 300 a
shards 2000 b
shards 2000 tagged --modality code
held 300 a/val >a.txt
held 2000 b/val >b.txt
[ "$(wc -l <a.txt)" -gt 20 ]
cmp a.txt b.txt
held 300 a >a.txt
held 2000 b >b.txt
cmp a.txt b.txt
documents() { sed -n 's/^ "\(documents\|text_bytes\)": //p' "$1/manifest.json"; }
[ "$(documents tagged/val)" = "$(documents b/val)" ]

# Of a few documents one is held out, the same by either vocabulary; of one alone none.
head -3 docs.jsonl >few.jsonl
few() { "$BIN/tokenize" -q -t tok"$1".json few.jsonl | "$BIN/shard" -q -o "$2" --val 0.01% >/dev/null; }
few 300 c
few 2000 d
held 300 c/val >c.txt
held 2000 d/val >d.txt
[ "$(wc -l <c.txt)" = 1 ]
cmp c.txt d.txt
[ "$(held 300 c | wc -l)" = 2 ]
head -1 docs.jsonl >few.jsonl
few 300 e 2>err
grep -q 'no document was held out of 1' err
[ "$(held 300 e | wc -l)" = 1 ]
