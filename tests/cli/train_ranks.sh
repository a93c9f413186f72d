#!/usr/bin/env bash
# One run on several processes under mpirun: equal bits on any number of them, from any checkpoint, and one clean
# end however one of them ends. tests/cluster has what takes several hosts or a batch system.
mpirun=$(command -v mpirun) || { echo 'no mpirun here'; exit 77; }
[ -e "$BIN/../lib/tritter-mpi.so" ] || { echo 'built without MPI: no lib/tritter-mpi.so'; exit 77; }
# shellcheck source=tests/cli/train_data.bash
. "$ROOT/tests/cli/train_data.bash"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader
mpi=("$mpirun" --quiet --oversubscribe --bind-to none)
# ranks N DIR STEPS [options] <batches
ranks() { "${mpi[@]}" -np "$1" "$BIN/train" --quiet "${model[@]}" -o "$2" --steps "$3" "${@:4}"; }
batches 16 >all

# 1, 2 and 4 processes, and one without mpirun, make the same weights, state and ledger
more=(--val language=tokens/language/val --val-every 8 --val-tokens 2048)
for optimizer in adamw muon; do
    train "$optimizer" 16 --optimizer $optimizer --parts 8 "${more[@]}" <all
    for n in 1 2 4; do
        ranks $n $optimizer$n 16 --optimizer $optimizer "${more[@]}" <all
        same $optimizer $optimizer$n
        cmp <(grep '"val"' $optimizer/metrics.jsonl | sed 's/"trained_s.*//') <(grep '"val"' $optimizer$n/metrics.jsonl | sed 's/"trained_s.*//')
    done
done
if cmp -s adamw/latest/model.safetensors muon/latest/model.safetensors; then exit 1; fi
# each process wrote its part of the files, and each part has a checksum of its own
grep -q '"pieces"' adamw4/latest/trainer/state.json
cp -r adamw4/latest/. damaged
printf '\1' | dd of=damaged/model.safetensors bs=1 seek=$(($(stat -c %s damaged/model.safetensors) - 7)) conv=notrunc status=none
expect 1 'model.safetensors: checksum of the [0-9]* bytes from [1-9][0-9]* on' "$BIN/sample" damaged -p x -n 4
# one that fails while it writes leaves the checkpoint before, from which any number of processes goes on
cat >failing <<'SH'
#!/bin/sh
if [ "$OMPI_COMM_WORLD_RANK" = 1 ]; then export FAULT=fsync:3:EIO LD_PRELOAD="$TESTDIR/fault.so"; fi
exec "$@"
SH
chmod +x failing
expect 1 'rank 1 on .*safetensors: cannot write: Input/output error' "${mpi[@]}" -np 2 ./failing "$BIN/train" --quiet "${model[@]}" -o torn --steps 16 \
    --save-every 4 "${more[@]}" <all
[ "$(echo torn/checkpoints/*)" = torn/checkpoints/step-000004 ]
ranks 4 torn 16 --resume "${more[@]}" <all
same adamw torn

# the tree is what makes them equal: other parts, other bits
train plain 16 <all
if cmp -s adamw/latest/model.safetensors plain/latest/model.safetensors; then exit 1; fi

# sums that go out while the backward pass goes on, layer by layer, and gradients that are bf16 on the wire
for wire in f32 bf16; do
    train $wire 4 --layers 3 --parts 4 --wire $wire <all
    ranks 4 ${wire}4 4 --layers 3 --parts 4 --wire $wire --bucket 0 <all
    same $wire ${wire}4
done
if cmp -s f32/latest/model.safetensors bf16/latest/model.safetensors; then exit 1; fi

# what else lies in arrays: growth and forecasts, extrapolation, state in bf16 alone
train much 16 --optimizer muon --layers 2 --grow 1@0,2@8 --beta2 0.7 --finish auto --parts 4 --save-every 7 --save-finished --updates 2 "${more[@]}" <all
ranks 2 much2 16 --optimizer muon --layers 2 --grow 1@0,2@8 --beta2 0.7 --finish auto --parts 4 --save-every 7 --save-finished --updates 2 "${more[@]}" <all
same much much2
cmp much/latest-finished/model.safetensors much2/latest-finished/model.safetensors
cmp much/latest/trainer/finish-averages.safetensors much2/latest/trainer/finish-averages.safetensors

# the decay by the upper half of the layers: ranks decide alike
batches 60 >sixty
correct=(--optimizer muon --layers 4 --lr 1e-1 --decay 50% --finish correct --parts 4)
train corrected 60 "${correct[@]}" <sixty
ranks 2 corrected2 60 "${correct[@]}" <sixty
grep -q '"event":"correct","detail":"the lower 2 of 4 layers are held' corrected2/metrics.jsonl
same corrected corrected2

train lean 16 --state-dtype bf16 --layers 2 --parts 4 <all
ranks 3 lean3 16 --state-dtype bf16 --layers 2 --parts 4 --bucket 0 <all
same lean lean3
train far 16 --ema-nesterov 0.5 --ema-start 4 --outer-nesterov 5 --parts 2 <all
ranks 2 far2 16 --ema-nesterov 0.5 --ema-start 4 --outer-nesterov 5 --parts 2 <all
same far far2

# a device with memory of its own, such as a GPU, whose messages go through the machine's memory
if [ -x "$TESTDIR/faulty/train" ]; then
    mkdir -p card/bin card/lib && cp "$TESTDIR/faulty/train" card/bin && cp "$BIN/../lib/tritter-mpi.so" card/lib
    OWN_MEMORY=1 "${mpi[@]}" -np 2 card/bin/train --quiet "${model[@]}" -o onto --steps 16 --optimizer muon "${more[@]}" <all
    same muon onto
    OWN_MEMORY=1 "${mpi[@]}" -np 2 card/bin/train --quiet "${model[@]}" -o half --steps 4 --layers 3 --parts 4 --wire bf16 --bucket 0 <all
    same bf16 half
fi

# 1 -> 2 -> 4 -> 1: the stream ends early each time, and what was learnt is saved
batches 6 | expect 1 'batches end at step 6' ranks 1 moved 16 --optimizer muon "${more[@]}"
head -c 2200 <(batches 16 6) | expect 1 'the stream is cut' ranks 2 moved 16 --resume "${more[@]}"
at=$("$BIN/train" --print-step moved)
[ "$at" -gt 6 ] && [ "$at" -lt 16 ]
batches 14 "$at" | expect 1 'batches end at step 14' ranks 4 moved 16 --resume "${more[@]}"
batches 16 14 | ranks 1 moved 16 --resume "${more[@]}"
same muon moved
# a run that one process began goes on with two, after a warning
batches 9 | expect 1 'end at step 9' train alone 16
batches 16 9 | expect 0 '--parts 2: was 1, for 2 processes' ranks 2 alone 16 --resume
grep -q '"parts": 2' alone/config.json

# processes that train apart: they meet every 5 steps, and a run that goes on from a checkpoint is the run that did not stop
ranks 2 apart 16 --sync-every 5 --save-every 4 --keep-last 9 <all
[ "$(echo apart/checkpoints/*)" = "apart/checkpoints/step-000005 apart/checkpoints/step-000010 apart/checkpoints/step-000015 apart/checkpoints/step-000016" ]
ranks 2 again 16 --sync-every 5 --save-every 4 --keep-last 9 <all
same apart again
rm -r again/checkpoints/step-000010 again/checkpoints/step-00001[56]
ranks 2 again 16 --resume <all
same apart again
if cmp -s apart/latest/model.safetensors adamw/latest/model.safetensors; then exit 1; fi
loss() { sed -n 's/.*"type":"step","step":16,"loss":\([0-9.]*\),.*/\1/p' "$1/metrics.jsonl"; }
awk -v a="$(loss apart)" -v b="$(loss adamw)" 'BEGIN { exit !(a < b + 0.3) }' || { loss apart; loss adamw; exit 1; }
expect 2 'sync-every: 1, 2, 4, 8, ... processes, not 3' ranks 3 x 16 --sync-every 5 <all
expect 2 'wire: with --sync-every no gradients' ranks 2 x 16 --sync-every 5 --wire bf16 <all
expect 2 'wire bf16: only with --dtype bf16' ranks 2 x 16 --dtype f32 --wire bf16 <all
expect 2 'sync-every: not together' ranks 2 x 16 --sync-every 5 --finish predict <all

# what differs between processes is refused; a wrong --parts is misuse
expect 2 '--parts 3: a power of two' ranks 2 x 16 --parts 3 <all
expect 2 '--parts 2: fewer than processes' ranks 4 x 16 --parts 2 <all
expect 1 'the options of train: not the same on rank 1' "${mpi[@]}" -np 1 "$BIN/train" "${model[@]}" -o y --steps 16 : \
    -np 1 "$BIN/train" "${model[@]}" -o y --steps 16 --lr 0.1 <all
mkdir -p moved-away/bin && cp "$BIN/train" moved-away/bin
expect 1 'no MPI to join them: install libopenmpi-dev' "${mpi[@]}" -np 2 moved-away/bin/train "${model[@]}" -o z --steps 16 <all

# weights that explode: all give up together, and one of them says so
expect 1 'updates in a row without a finite loss' ranks 2 nan 16 --lr 1000 --clip 0 --eps 1e-30 --max-bad-steps 2 <all
[ "$(grep -c 'in a row' err.txt)" = 1 ]

# second DIR: the process of rank 1
second() {
    local p
    for p in $(pgrep -f "$BIN/train.*-o $1"); do
        if tr '\0' '\n' <"/proc/$p/environ" | grep -qx OMPI_COMM_WORLD_RANK=1; then echo "$p"; fi
    done
}
# A signal that one process gets is everybody's. The stream stays open: only the signal ends the run.
ranks 2 told 100000 --stop-on USR1 --save-every 0 2>said < <(batches 100000 2>mixed) &
until [ -s told/ledger.jsonl ]; do sleep 0.05; done
kill -USR1 "$(second told)"
code=0
wait $! || code=$?
[ $code = 138 ] || { cat said; exit 1; }
[ "$("$BIN/train" --print-step told)" = "$(wc -l <told/ledger.jsonl)" ]

# A process that is killed ends all, within seconds; the next run goes on from the last checkpoint.
ranks 2 killed 100000 --save-every 4 2>said < <(batches 100000 2>mixed) &
until [ -e killed/latest ]; do sleep 0.05; done
began=$SECONDS
kill -KILL "$(second killed)"
code=0
wait $! || code=$?
[ $((SECONDS - began)) -lt 20 ]
[ $code = 137 ] || { cat said; exit 1; }
step=$("$BIN/train" --print-step killed)
[ "$step" -ge 4 ]
batches $((step + 8)) "$step" | expect 1 "end at step $((step + 8))" ranks 4 killed 100000 --resume
[ "$("$BIN/train" --print-step killed)" = $((step + 8)) ]
