# eval: every token predicted once, tables and JSON alike, errors that name what is wrong
. "$ROOT/tests/cli/train_data.bash"
batches 150 | train a 150 --lr 4e-3
eval=("$BIN/eval" a/latest -j 1)
count() { sed -n "s/^ *\"$1\": \([0-9]*\),*/\1/p" "$2" | head -1; }

"${eval[@]}" --data language=tokens/language/val --data math=tokens/math/val --json -o e.json >out.json
cmp out.json e.json
"$BIN/eval" a -j 1 --data language=tokens/language/val >table              # a run is its latest checkpoint
grep -Eq '^language +[0-9]+ +[0-9]+ +[0-9.]+ \+- [0-9.]+ +[0-9.]+ \+- [0-9.]+ +[0-9.]+ \+- [0-9.]+$' table
m=tokens/language/val/manifest.json
[ "$(count tokens e.json)" = $(($(count tokens $m) - 1)) ]
[ "$(count documents e.json)" = "$(count documents $m)" ]
bytes=$(($(count text_bytes $m) - $(count text_bytes e.json)))              # of the first token, which is not predicted
[ $bytes -ge 0 ]
[ $bytes -lt 50 ]
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*/\1/p" "$2" | head -1; }
# perplexity = e^loss; bits per byte = loss * tokens / bytes / ln 2
awk -v l="$(field loss e.json)" -v p="$(field perplexity e.json)" -v b="$(field bits_per_byte e.json)" \
    -v n="$(count tokens e.json)" -v t="$(count text_bytes e.json)" \
    'BEGIN { x = l * n / t / log(2); exit !(l > 1 && l < 6 && (exp(l) - p) ^ 2 < 1e-6 * p && (x - b) ^ 2 < 1e-8) }'

# training is what makes the loss small; the context helps; bf16 and int8 are near
"${eval[@]}" --data math=tokens/math/val --dtype bf16 -o half.json >table
"${eval[@]}" --data math=tokens/math/val --dtype int8 -o int8.json >table
if cmp -s <(field loss int8.json) <(field loss half.json); then exit 1; fi
"${eval[@]}" --data math=tokens/math/val -o full.json >table
"${eval[@]}" --data math=tokens/math/val -T 2 -o short.json >table
batches 1 | train b 1
"$BIN/eval" b/latest -j 1 --data math=tokens/math/val -o fresh.json >table
awk -v f="$(field loss full.json)" -v h="$(field loss half.json)" -v s="$(field loss short.json)" -v r="$(field loss fresh.json)" -v q="$(field loss int8.json)" \
    'BEGIN { exit !(f < r - 0.3 && (f - h) ^ 2 < 1e-4 && (h - q) ^ 2 < 1e-4 && f < s) }' || { grep loss full.json half.json int8.json short.json fresh.json; exit 1; }
"${eval[@]}" --data math=tokens/math/val --limit 100 -o few.json >table
[ "$(count tokens few.json)" = 100 ]

# each error names its place
"$BIN/tokenize" train --quiet -n 350 -o other.json math.jsonl
"$BIN/fetch" --quiet --cat math.jsonl | "$BIN/tokenize" --quiet -t other.json | "$BIN/shard" --quiet -o tokens/other >/dev/null
expect 1 'tokens/other: .*tokenizer [0-9a-f]{16}.*a/.*tokenizer.json' "${eval[@]}" --data x=tokens/other
cp -r tokens/math/val broken
printf 'X' | dd of=broken/000000.tok bs=1 seek=4200 conv=notrunc status=none
expect 1 'broken/000000.tok.*offset' "${eval[@]}" --data x=broken
expect 1 'nowhere' "${eval[@]}" --data x=nowhere
cp -rL a/latest cut
truncate -s -100 cut/model.safetensors
expect 1 'cut/model.safetensors' "$BIN/eval" cut --data x=tokens/math/val
expect 1 'no-model' "$BIN/eval" no-model --data x=tokens/math/val
expect 2 'nothing to measure' "${eval[@]}"
expect 2 'NAME=PATH' "${eval[@]}" --data tokens/math/val
expect 2 'twice' "${eval[@]}" --data x=tokens/math/val --data x=tokens/math
expect 2 'context' "${eval[@]}" --data x=tokens/math/val -T 33
expect 2 'stride' "${eval[@]}" --data x=tokens/math/val -T 16 --stride 17
expect 2 'float64' "${eval[@]}" --data x=tokens/math/val --dtype float64
expect 1 'standard output' bash -c '"$@" >/dev/full' - "${eval[@]}" --data x=tokens/math/val --json
expect 1 'no/such/dir' "${eval[@]}" --data x=tokens/math/val -o no/such/dir/e.json
