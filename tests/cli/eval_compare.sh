# eval --compare, --every and --tokens: which model is better, the curve of a run, the loss of each token
. "$ROOT/tests/cli/train_data.bash"
batches 150 | train a 150 --save-every 50 --keep-last 5
batches 60 | train b 60
eval=("$BIN/eval" -j 1)
math=(--data math=tokens/math/val)
for i in 1 2 3 4 5 6 7 8; do
    printf '{"goal":"go %d","sol1":"and she said","sol2":"q%%Z@#x$","label":0}\n' $i
done >easy.jsonl
field() { sed -n "s/^ *\"$1\": \([0-9.e+-]*\),*/\1/p" "$2" | head -1; }

# the model that trained longer is better; the differences are those of two runs of eval
"${eval[@]}" --compare a b "${math[@]}" --data language=tokens/language/val --task piqa=easy.jsonl -o c.json >table 2>err
grep -Eq '^math +bits/byte +[0-9]+ +[0-9.]+ +[0-9.]+ +-[0-9.]+  -[0-9.]+ \.\. -[0-9.]+ +A, 100.0%$' table || { cat table; exit 1; }
"${eval[@]}" a "${math[@]}" -o a.json >/dev/null
"${eval[@]}" b "${math[@]}" -o b.json >/dev/null
awk -v a="$(field bits_per_byte a.json)" -v b="$(field bits_per_byte b.json)" -v d="$(field difference c.json)" -v l="$(field low c.json)" \
    -v h="$(field high c.json)" 'BEGIN { exit !((a - b - d) ^ 2 < 1e-12 && l < d && d < h && h < 0) }'
# a model is not better than itself, and the roles may be exchanged
"${eval[@]}" --compare a a "${math[@]}" >table
grep -Eq ' \+0.0000  \+0.0000 \.\. \+0.0000  neither$' table
"${eval[@]}" --compare b a "${math[@]}" >table
grep -Eq 'B, 100.0%$' table

# a row for each checkpoint, the last of which is the latest
"${eval[@]}" --every a "${math[@]}" --task piqa=easy.jsonl -o curve.json >table 2>err
awk 'NR > 2 { print $1, $2 }' table >rows
[ "$(cut -d' ' -f1 rows | tr '\n' ' ')" = '50 100 150 ' ] || { cat table; exit 1; }
[ "$(tail -1 rows | cut -d' ' -f2)" = "$(printf '%.4f' "$(field bits_per_byte a.json)")" ]
[ "$(grep -c '"step"' curve.json)" = 3 ]
"${eval[@]}" --every a b "${math[@]}" >table
[ "$(awk '$1 == "b" && $2 == 60' table | wc -l)" = 1 ]

# the losses of the tokens are what the table sums up
"${eval[@]}" a "${math[@]}" --tokens t.jsonl >/dev/null
[ "$(wc -l <t.jsonl)" = "$(field tokens a.json)" ]
awk -F'"loss":' -v l="$(field loss a.json)" '{ s += $2 } END { exit !((s / NR - l) ^ 2 < 1e-10) }' t.jsonl
[ "$(tail -1 t.jsonl | sed 's/.*"document":\([0-9]*\).*/\1/')" = $(($(field documents a.json) - 1)) ]
"${eval[@]}" a "${math[@]}" --tokens t.html >/dev/null
[ "$(grep -o '<i class=s[0-9]* title' t.html | wc -l)" = "$(field tokens a.json)" ]
[ "$(grep -c '</p>' t.html)" = "$(field documents a.json)" ]
grep -qE 'https?:|<script|src=' t.html && exit 1

expect 2 'two checkpoints' "${eval[@]}" --compare a "${math[@]}"
expect 2 'exclude each other' "${eval[@]}" --compare --every a b "${math[@]}"
expect 2 'one checkpoint on --data' "${eval[@]}" a --task piqa=easy.jsonl --tokens t.html
expect 1 'a/latest/checkpoints: no checkpoints there' "${eval[@]}" --every a/latest "${math[@]}"
expect 1 'no/such/dir' "${eval[@]}" a "${math[@]}" --tokens no/such/dir/t.html
