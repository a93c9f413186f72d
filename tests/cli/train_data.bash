# Sourced by train_*.sh: a tokenizer, two sources of tokens, a very small model, and what they compare.
set -euo pipefail
export OMP_WAIT_POLICY=passive
"$BIN/fetch" --quiet --cat demo:language --limit 150KB --seed 3 >language.jsonl
"$BIN/fetch" --quiet --cat demo:math --limit 150KB --seed 3 >math.jsonl
"$BIN/tokenize" train --quiet -n 400 -o tok.json language.jsonl math.jsonl
for d in language math; do
    "$BIN/fetch" --quiet --cat "$d.jsonl" --domain "$d" | "$BIN/tokenize" --quiet -t tok.json |
        "$BIN/shard" --quiet -o "tokens/$d" --val 5% >/dev/null
done

# batches STEPS [FIRST [SEED]]: a stream on stdout
batches() {
    "$BIN/mix" --quiet language=60:tokens/language math=40:tokens/math -T 32 -B 4 --seed "${3:-7}" --steps "$1" --start-step "${2:-0}" -o -
}

model=(-m nano --dtype bf16 --layers 1 --width 32 --heads 2 --head-dim 16 --ffn 48 --context 32 -t tok.json --seed 7 --threads 1)
# train DIR STEPS [options] <batches: in the foreground, quietly
train() { "$BIN/train" --quiet "${model[@]}" -o "$1" --steps "$2" "${@:3}"; }

# same A B: two runs ended alike, bit for bit, and consumed the same tokens
same() {
    cmp "$1/latest/model.safetensors" "$2/latest/model.safetensors"
    cmp "$1/latest/trainer/optimizer.safetensors" "$2/latest/trainer/optimizer.safetensors"
    cmp "$1/ledger.jsonl" "$2/ledger.jsonl"
    [ "$(steps_logged "$1")" = "$(steps_logged "$2")" ]
}
# every step in metrics.jsonl, in order, with its loss: a step that is there twice shows
steps_logged() { grep '"type":"step"' "$1/metrics.jsonl" | sed 's/"tokens_per_s.*//'; }

# expect CODE PATTERN command...: its exit code, and what it says on stderr
expect() {
    local code=0
    "${@:3}" 2>err.txt || code=$?
    [ "$code" = "$1" ] || { echo "exit $code instead of $1: ${*:3}"; cat err.txt; exit 1; }
    grep -qE -- "$2" err.txt || { echo "no '$2' in the message of: ${*:3}"; cat err.txt; exit 1; }
}
