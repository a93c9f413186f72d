# Files of every format version are opened by today's programs, and mean what they meant, or are refused by name.
set -euo pipefail
export OMP_WAIT_POLICY=passive
cp -r "$ROOT/tests/golden/v1" g
cp -r "$ROOT/tests/golden/v2" .
"$BIN/fetch" --quiet --cat g/math.jsonl.zst >math.jsonl
"$BIN/tokenize" decode --quiet -t g/tokenizer.json -i v2/math.tokens -o decoded.jsonl
"$BIN/tokenize" --quiet -t g/tokenizer.json -o math.tokens math.jsonl
cmp math.tokens v2/math.tokens
if "$BIN/shard" -i g/math.tokens -o none 2>err; then echo "a token stream of version 1 was read"; exit 1; fi
grep -q 'g/math.tokens: offset 0: token stream of another version than 2: tokenize' err
[ "$(wc -l <decoded.jsonl)" = "$(wc -l <math.jsonl)" ]
"$TOOLS/shard-dump" --verify g/shards >/dev/null
"$TOOLS/shard-dump" --verify g/shards/val >/dev/null
for form in zstd lz4; do
    "$BIN/shard" --quiet --unpack "g/shards.$form" -o "unpacked.$form"
    diff -r g/shards "unpacked.$form"
done
"$BIN/mix" --quiet math=1:g/shards -T 16 -B 2 --seed 1 --steps 6 -o batches
cmp batches g/math.batches

# the checkpoint: what it says, and that training goes on from it
"$BIN/eval" g/run --data math=g/shards/val --threads 1 --dtype f32 >eval.txt
number() { awk '$1 == "math" { print substr($4, 1, 5), $2, $3 }' "$1"; }    # loss to three decimals, tokens, documents
[ "$(number eval.txt)" = "$(number g/eval.txt)" ] || { cat eval.txt g/eval.txt; exit 1; }
"$BIN/sample" g/run -p What -n 8 --seed 1 --threads 1 --dtype f32 --temperature 0 >sample.txt 2>/dev/null
cmp sample.txt g/sample.txt
[ "$("$BIN/train" --print-step g/run)" = 4 ]
"$BIN/train" -o g/run --resume --override --steps 6 --threads 1 --quiet -i g/math.batches 2>err || { cat err; exit 1; }
[ "$("$BIN/train" --print-step g/run)" = 6 ]
"$TOOLS/export" gguf g/run/checkpoints/step-000004 -o m.gguf 2>/dev/null
[ -s m.gguf ]
