# An output that is an input, or a directory that somebody else made, is refused, and nothing in it changes.
. "$ROOT/tests/cli/train_data.bash"
zstd -q language.jsonl -o books.jsonl.zst
state() { find . -type f ! -name 'err.txt' ! -name 'out.txt' -exec sha256sum {} + | sort | sha256sum; }
refused() {     # EXIT PATTERN COMMAND...: and no file is another one afterwards
    local before
    before=$(state)
    expect "$@"
    [ "$(state)" = "$before" ] || { echo "changed by: ${*:3}"; exit 1; }
}
append() { "${@:2}" >>"$1"; }

refused 2 'books.jsonl.zst: is read' "$BIN/fetch" -o . books.jsonl.zst --limit 2
mkdir -p d sub/deep && cp math.jsonl d
refused 2 'd: lies in d, which is read' "$BIN/fetch" -o d d
refused 2 'sub/deep: lies in sub' "$BIN/fetch" -o sub/deep sub
ln -s ../books.jsonl.zst sub/link.jsonl.zst
ln books.jsonl.zst sub/other.txt
refused 2 'link.jsonl.zst: is read|is read' "$BIN/fetch" -o . sub/other.txt books.jsonl.zst
refused 2 'math.jsonl: is read' "$BIN/tokenize" -t tok.json -o math.jsonl math.jsonl
refused 2 'math.jsonl: is read' "$BIN/tokenize" -t tok.json -o sub/../math.jsonl d/../math.jsonl
refused 2 'tok.json: is read' "$BIN/tokenize" -t tok.json -o tok.json math.jsonl
refused 2 'math.jsonl: is read' "$BIN/tokenize" train -n 300 -o math.jsonl math.jsonl
refused 2 'math.jsonl: is read and written at once' append math.jsonl "$BIN/fetch" --cat math.jsonl
"$BIN/tokenize" --quiet -t tok.json -o math.tok math.jsonl
refused 2 'math.tok: is read' "$BIN/tokenize" decode -t tok.json -i math.tok -o math.tok
refused 2 '000000.tok: is read' "$BIN/mix" math=1:tokens/math -T 32 -B 2 --steps 2 -o tokens/math/000000.tok
batches 4 >b
"$BIN/shard" --quiet --archive zstd tokens/math -o packed
refused 2 'packed/val: lies in packed, which is read' "$BIN/shard" --unpack packed -o packed/val
refused 2 'packed/val: lies in packed, which would be replaced' "$BIN/shard" --unpack packed/val -o packed

# what a program writes into a directory that it walks is no part of what it reads
"$BIN/tokenize" --quiet -t tok.json -o d/out.tok d
one=$(sha256sum <d/out.tok)
"$BIN/tokenize" --quiet -t tok.json -o d/out.tok d
[ "$(sha256sum <d/out.tok)" = "$one" ]
"$BIN/fetch" --quiet --cat d --glob '*.jsonl' >d/all.jsonl
[ "$(wc -l <d/all.jsonl)" = "$(wc -l <d/math.jsonl)" ]

# train: a model directory, a checkpoint of its own, a run whose checkpoints were moved
train run 4 <b
refused 1 'is a model directory, not a run' train run/latest 4 --resume <b
refused 1 'is a model directory, not a run' train run/latest 4 --overwrite <b
mv run/checkpoints moved
mkdir run/checkpoints
refused 1 "'latest' leads to a checkpoint that is gone" train run 4 --resume <b
refused 1 "'latest' leads to a checkpoint that is gone" train run 4 <b
rm run/latest
refused 1 'holds the logs of a run that has no checkpoint' train run 4 <b
mkdir run2
cp run/metrics.jsonl run2
train run2 4 --overwrite <b
[ "$("$BIN/train" --print-step run2)" = 4 ]
"$BIN/eval" run2 --data math=tokens/math/val --limit 200 -o e.json >out.txt
refused 2 'config.json: is read' "$BIN/eval" run2 --data math=tokens/math/val --limit 200 -o run2/latest/config.json
refused 2 'is read' "$BIN/eval" run2 --data math=tokens/math/val --limit 200 -o tokens/math/val/000000.tok

# An output that is not possible shows before the work, which here is not possible either.
expect 1 'no-such/e.json: cannot write' "$BIN/eval" run2 --data math=no-data -o no-such/e.json

for f in metrics.jsonl config.json; do
    refused 2 "$f: is read" "$TOOLS/report" run2 -o "run2/$f"
done
