# The whole pipeline on generated text: the same weights through a ring and through a pipe, and every program's answer.
set -euo pipefail
for d in language code math; do
    "$BIN/fetch" --quiet --cat "demo:$d" --limit 300KB --seed 3 >"$d.jsonl"
done
"$BIN/tokenize" train --quiet -n 600 -o tok.json language.jsonl code.jsonl math.jsonl
for d in language code math; do
    "$BIN/fetch" --quiet --cat "$d.jsonl" --domain "$d" | "$BIN/tokenize" -t tok.json -j 2 |
        "$BIN/shard" --quiet -o "tokens/$d" --val 2% >shards.list
    while read -r path; do "$TOOLS/shard-dump" --verify "$path" >/dev/null; done <shards.list
done
mix=(language=50:tokens/language code=30:tokens/code math=20:tokens/math -T 64 -B 8 --seed 7)
"$BIN/mix" "${mix[@]}" --steps 100 --dry-run | grep -q language

model=(-m nano --layers 2 --width 64 --heads 2 --head-dim 32 --ffn 128 --context 64 -t tok.json --steps 12 --seed 7)
ring=test-pipeline-$$
"$BIN/mix" --quiet "${mix[@]}" --steps 12 -o "ring:$ring" &
"$BIN/train" --quiet "${model[@]}" -i "ring:$ring" -o runs/a
wait $!
"$BIN/mix" --quiet "${mix[@]}" --steps 12 -o - | "$BIN/train" --quiet "${model[@]}" -i - -o runs/b
cmp runs/a/latest/model.safetensors runs/b/latest/model.safetensors
if ls /dev/shm | grep "$ring"; then exit 1; fi

"$BIN/eval" runs/a/latest --data language=tokens/language/val --data math=tokens/math/val --json >eval.json
grep -q bits_per_byte eval.json
a=$("$BIN/sample" runs/a/latest -p 'Once upon a time' -n 20 --seed 7 --temperature 0.8)
b=$("$BIN/sample" runs/b/latest -p 'Once upon a time' -n 20 --seed 7 --temperature 0.8)
[ "$a" = "$b" ]
[ -n "$a" ]

# a shard of another tokenizer is refused by name, and nothing is trained
"$BIN/tokenize" train --quiet -n 500 -o other.json language.jsonl
if "$BIN/mix" --quiet "${mix[@]}" --steps 12 -o - 2>/dev/null | "$BIN/train" "${model[@]}" -t other.json -i - -o runs/c 2>err; then
    echo "a wrong tokenizer was accepted"; exit 1
fi
grep -q 'tokenizer' err
