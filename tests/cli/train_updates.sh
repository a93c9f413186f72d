# Batches that are taken in several updates.
. "$ROOT/tests/cli/train_data.bash"
halves() { "$BIN/mix" --quiet language=60:tokens/language math=40:tokens/math -T 32 -B 2 --seed 7 --steps "$1" -o -; }

# a batch in two updates is two batches of half the size, bit for bit, where nothing but the memory of v depends on the batch
constant=(--schedule constant --warmup 0 --weight-decay 0)
batches 20 | train two 20 --updates 2 --beta2 0.9025 "${constant[@]}"
halves 40 | train half 40 --updates 1 --beta2 0.95 "${constant[@]}"
cmp two/latest/model.safetensors half/latest/model.safetensors
[ "$(grep -c '"updates":2' two/metrics.jsonl)" = 20 ]
batches 20 | train one 20 --beta2 0.95 "${constant[@]}"         # 128 tokens are too few to be split by default
[ "$(grep -c '"updates":1' one/metrics.jsonl)" = 20 ]
if cmp -s one/latest/model.safetensors two/latest/model.safetensors; then exit 1; fi

# the warm-up: rows of 32 tokens, parts of 512 at least
large() { "$BIN/mix" --quiet language=60:tokens/language math=40:tokens/math -T 32 -B 64 --seed 7 --steps 6 --start-step "${1:-0}" -o -; }
large >large.batches
train warm 6 <large.batches
[ "$(grep -c '"updates":4' warm/metrics.jsonl)" = 6 ]

# resumed, it ends with the same bits
head -c 20000 large.batches >cut.batches
expect 1 'cut' train cut 6 <cut.batches
large "$("$BIN/train" --print-step cut)" | train cut 6 --resume
same warm cut
