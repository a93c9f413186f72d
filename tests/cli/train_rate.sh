# The warm-up that is not given: a tenth of a short run, 40 steps, or one of a hundred.
. "$ROOT/tests/cli/train_data.bash"
batches 1 >one
# rate STEPS WANT [options]: the learning rate of the first step, of a peak of 0.004
rate() {
    expect 1 'end at step 1' train "rate$1" "$1" --lr 4e-3 "${@:3}" <one
    grep -q "\"step\":1,.*\"lr\":$2," "rate$1/metrics.jsonl" || { grep '"step":1,' "rate$1/metrics.jsonl"; exit 1; }
}
rate 50 0.0008
rate 1000 0.0001
rate 10000 4e-05
rate 60 0.004 --warmup 0
rate 80 0.0001 --warmup 50%

# a run that is made longer does not warm up again: its warm-up stays as many steps as it was
batches 20 | train longer 20 --lr 4e-3
batches 21 20 | expect 1 'end at step 21' "$BIN/train" -o longer --resume --override --steps 2000 -i -
grep -q '"step":20,.*"lr":0.0004,' longer/metrics.jsonl
grep -q '"step":21,.*"lr":0.004,' longer/metrics.jsonl || { grep '"step":21,' longer/metrics.jsonl; exit 1; }
