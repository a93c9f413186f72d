# The hybrid engine in a run: it predicts, it resumes bit for bit in any phase, and planted faults cost no more than the phase.
. "$ROOT/tests/cli/train_data.bash"
model+=(--lr 4e-3 --warmup 1%)
short=(--schedule constant --engine trend --engine-warmup 12 --engine-warmup-max 20 --engine-full 10 --engine-correct 6 --engine-block 5)
eager=(--engine-trials 1000 --engine-control 0 --engine-accept-z 1000 --engine-reject-se 1000 --engine-band 1000)    # no jump is taken back
events() { grep -c "\"type\":\"engine\".*\"event\":\"$2\"" "$1/metrics.jsonl" || true; }
phases() { grep '"event":"phase"' "$1/metrics.jsonl" | sed -E 's/.*"step":([0-9]+).*"from":"([a-z]+)","to":"([a-z]+)".*/\1 \2 \3/'; }
batches 100 >all
batches 150 >more

# jumps happen, the phases follow one another, and the weights are not those of a run without
train off 100 --schedule constant <all
train on 100 "${short[@]}" "${eager[@]}" --engine-gate0 <all
[ "$(events on jump)" -ge 3 ]
[ "$(events on forecast)" -ge 15 ]
[ "$(events on gate0)" -ge 3 ]
"$ROOT/tools/gate0-report" on >table
grep -qE '^\| on \| [0-9]+ \| [1-9][0-9]* \| 0\.000 \| -?[0-9.]+ \| -?[0-9.]+ \| -?[0-9.]+ \| (-|-?[0-9.]+) \|$' table
phases on | grep -q '^20 warmup full'
phases on | grep -q '^30 full predict'
phases on | grep -q '^30 predict correct'
phases on | grep -q '^36 correct full'
cmp off/ledger.jsonl on/ledger.jsonl
if cmp -s off/latest/model.safetensors on/latest/model.safetensors; then exit 1; fi

# interrupted in WARMUP, FULL, in PREDICT (before its probes), and in CORRECT
for at in 7 23 30 33 35; do
    batches $at | expect 1 "end at step $at" train "at$at" 100 "${short[@]}" "${eager[@]}" --engine-gate0
    batches 100 $at | train "at$at" 100 --resume
    same on "at$at"
    for f in engine engine-state engine-directions; do
        cmp "on/latest/trainer/$f.safetensors" "at$at/latest/trainer/$f.safetensors"
    done
    [ "$(phases on)" = "$(phases "at$at")" ]
done

# with bf16's copies and both extrapolations and Muon
all_at_once=("${short[@]}" "${eager[@]}" --ema-nesterov .3 --outer-nesterov 9 --optimizer muon)
train much 60 "${all_at_once[@]}" <all
batches 33 | expect 1 'end at step 33' train much2 60 "${all_at_once[@]}"
batches 60 33 | train much2 60 --resume
same much much2

# the learned engine: it learns, fills its store, corrects, and goes on from any phase
learned=("${short[@]}" "${eager[@]}" --engine hybrid --engine-replay 64 --engine-store 16)
train hybrid 150 "${learned[@]}" <more
[ "$(events hybrid learn)" -ge 10 ]
[ "$(events hybrid correction)" -ge 2 ]
grep -q '"event":"learn".*"residuals":16' hybrid/metrics.jsonl
grep -q '"event":"forecast".*"rssm":' hybrid/metrics.jsonl
for at in 61 $(phases hybrid | awk '$2 == "full" && $3 == "predict" { p = $1 } END { print p, p + 2 }'); do
    head -c $((128 + at * 344)) more >part
    expect 1 '.*' train "hybrid$at" 150 "${learned[@]}" <part
    batches 150 "$at" | train "hybrid$at" 150 --resume
    same hybrid "hybrid$at"
    cmp hybrid/latest/trainer/engine-state.safetensors "hybrid$at/latest/trainer/engine-state.safetensors"
done

# its store is damaged in memory: found, emptied, and training goes on
train store 60 "${short[@]}" --engine hybrid --engine-replay 64 --engine-fault store --engine-accept-z 1000 --engine-reject-se 1000 --val v=tokens/math/val <all
[ "$(events store store_reset)" = 1 ]
[ "$(wc -l <store/ledger.jsonl)" = 60 ]

# with jumps off and no drift the engine only watches: not a bit of the weights changes
train watch 100 "${short[@]}" --engine-jumps off --engine-drift 0 <all
cmp off/latest/model.safetensors watch/latest/model.safetensors
# probes that are paid and not applied change nothing either
train probe 100 "${short[@]}" "${eager[@]}" --engine-jumps probe --engine-drift 0 <all
[ "$(events probe probe)" -ge 3 ]
grep '"event":"probe"' probe/metrics.jsonl | grep -qv '"tokens":32,' && exit 1        # an eighth of a step, but a row at least
cmp off/latest/model.safetensors probe/latest/model.safetensors

# a wild prediction: the probe refuses it, and the weights are as if there had been none
train wild 45 "${short[@]}" --engine-fault wild --engine-trials 0 --engine-confidence 1 --engine-drift 0 <all
train tame 45 "${short[@]}" --engine-trials 0 --engine-confidence 1 --engine-drift 0 <all
[ "$(events wild reject)" = 1 ]
[ "$(events wild jump)" = 0 ]
cmp tame/latest/model.safetensors wild/latest/model.safetensors

# the same, and the probe is blind: the first real steps see it, training goes on from where it was
blind=("${short[@]}" --engine-fault blind --engine-trials 0 --engine-confidence 1 --engine-drift 0 --val v=tokens/math/val)
train blind 60 "${blind[@]}" <all
[ "$(events blind jump)" = 1 ]
[ "$(events blind rollback)" = 1 ]
grep '"event":"rollback"' blind/metrics.jsonl | grep -q '"to_step":30'
train sane 60 --schedule constant --val v=tokens/math/val <all
loss() { grep '"type":"val"' "$1/metrics.jsonl" | tail -1 | sed -E 's/.*"loss":([0-9.]+).*/\1/'; }
awk -v a="$(loss blind)" -v b="$(loss sane)" 'BEGIN { exit !(a < b + 0.2) }' || { echo "blind $(loss blind), sane $(loss sane)"; exit 1; }
# ... whether or not it was interrupted between the two
phases blind
batches 30 | expect 1 'end at step 30' train blind2 60 "${blind[@]}"
batches 60 30 | train blind2 60 --resume
same blind blind2

# NaN gradients in CORRECT: no update, rolled back, and every step is in the ledger once
expect 0 'gradient is not finite' train nan 60 "${short[@]}" --engine-fault nan <all
[ "$(events nan rollback)" = 1 ]
grep '"event":"rollback"' nan/metrics.jsonl | grep -q 'gradient is not finite'
[ "$(wc -l <nan/ledger.jsonl)" = 60 ]
[ "$(grep -c '"learnt":false' nan/ledger.jsonl)" = 1 ]
[ "$(sed -E 's/.*"record":([0-9]+).*/\1/' nan/ledger.jsonl | sort -nu | wc -l)" = 60 ]

# the decay ends it
train wsd 100 --engine trend --engine-warmup 12 --engine-warmup-max 20 --engine-full 10 --engine-correct 6 --decay 40% <all
phases wsd | grep -q '^60 .* off'
[ "$(grep '"type":"engine"' wsd/metrics.jsonl | sed -E 's/.*"step":([0-9]+).*/\1/' | sort -n | tail -1)" -le 60 ]
