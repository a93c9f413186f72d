# A run that was interrupted, in each of the ways there are, ends with the same bits as one that was not.
. "$ROOT/tests/cli/train_data.bash"
batches 60 >all
train whole 60 --save-every 20 <all
[ "$(wc -l <whole/ledger.jsonl)" = 60 ]
[ "$("$BIN/train" --print-step whole)" = 60 ]

# the stream is cut within a record: what is done is saved, the next starts from there
head -c 10000 all >cut.batches
expect 1 'cut.*' train cut 60 <cut.batches
n=$("$BIN/train" --print-step cut)
[ "$n" -gt 5 ]
[ "$n" -lt 60 ]
batches 60 "$n" | train cut 60 --resume
same whole cut

# mix ends early; then is started from the beginning: the batches that were used are skipped
batches 23 | expect 1 'end at step 23 of 60' train short 60
train short 60 --resume <all
same whole short

# a signal: checkpoint, exit 128+n
mkfifo part
for signal in INT TERM; do
    "$BIN/train" --quiet "${model[@]}" -o "sig$signal" --steps 60 <part & p=$!
    exec 9>part
    head -c $((128 + 31 * 344)) all >&9                 # header and 31 records; then train waits
    for _ in $(seq 600); do [ "$(cat "sig$signal/ledger.jsonl" 2>/dev/null | wc -l)" = 31 ] && break; sleep 0.05; done
    kill -$signal $p
    code=0
    wait $p || code=$?
    exec 9>&-
    [ "$code" = "$((128 + $(kill -l $signal)))" ] || { echo "SIG$signal: exit $code"; exit 1; }
    [ "$("$BIN/train" --print-step "sig$signal")" = 31 ]
    batches 60 31 | train "sig$signal" 60 --resume
    same whole "sig$signal"
done

# what comes after the last step matters no more: a stream without its end, a signal
head -c $((128 + 60 * 344)) all >endless.batches
expect 0 'warning: .*no end record' train endless 60 <endless.batches
same whole endless
"$BIN/train" --quiet "${model[@]}" -o late --steps 60 <part & p=$!
exec 9>part
cat endless.batches >&9
for _ in $(seq 600); do [ -e late/latest ] && break; sleep 0.05; done
kill -TERM $p
wait $p
exec 9>&-
same whole late

# the newest checkpoint is damaged: the one before serves, with a warning, and the damaged one is replaced in its turn
train old 60 --save-every 20 --keep-last 9 <all
printf x | dd of=old/checkpoints/step-000060/model.safetensors bs=1 seek=5000 conv=notrunc 2>dd.log
truncate -s -1 old/checkpoints/step-000040/trainer/optimizer.safetensors
expect 0 'step-000060/model.safetensors.*damaged; falling back' train old 60 --resume --save-every 20 --keep-last 9 <all
same whole old
train old 60 --resume <all 2>err.txt
if grep damaged err.txt; then exit 1; fi

# what extrapolates the weights has a state too
ahead=(--ema-nesterov .6 --ema-gamma .9 --outer-nesterov 7 --optimizer muon)
train ahead 60 "${ahead[@]}" <all
batches 32 | expect 1 'end at step 32' train ahead2 60 "${ahead[@]}"
train ahead2 60 --resume <all
same ahead ahead2
cmp ahead/latest/trainer/lookahead.safetensors ahead2/latest/trainer/lookahead.safetensors
if cmp -s ahead/latest/model.safetensors whole/latest/model.safetensors; then exit 1; fi
batches 50 | expect 1 'end at step 50' train new 60
expect 0 'ema-nesterov 0.6: was 0' train new 60 --resume --override --ema-nesterov .6 <all

expect 2 'only with --untied' train x 4 --init unit <all

# an output matrix of its own, and learning rates by group
own=(--untied --init unit --lr-embedding .02 --lr-head .004 --lr-norm .001 --optimizer muon)
train own 60 "${own[@]}" <all
batches 32 | expect 1 'end at step 32' train own2 60 "${own[@]}"
train own2 60 --resume <all
same own own2
grep -q '"tie_word_embeddings": false' own/latest/config.json
grep -q lm_head.weight own/latest/model.safetensors
expect 1 'cannot change its dimensions' "$BIN/train" -o ahead2 --resume --untied <all

# bf16 weights in the checkpoint: the masters are in trainer/
batches 30 | expect 1 'end at step 30' train half 60 --save-dtype bf16
train half 60 --resume --save-dtype f32 <all
same whole half

# spikes that are not learnt from: what they are measured against is part of the state
batches 200 >more
train spiky 200 --lr 4e-3 --skip-spikes --spike-sigma 1 <more 2>/dev/null
[ "$(grep -c '"verdict":"spike","learnt":false' spiky/ledger.jsonl)" -gt 3 ]
batches 120 | expect 1 'end at step 120' train spiky2 200 --lr 4e-3 --skip-spikes --spike-sigma 1
batches 200 120 | train spiky2 200 --resume 2>/dev/null
same spiky spiky2

# without --resume a run is not touched; --overwrite begins anew; --resume where there is nothing begins
expect 1 'Add --resume' train whole 60 <all
expect 1 'absent' train old 60 --overwrite -t absent <all          # not before all is known to be well
same whole old
touch old/config.json.tmp-1                                         # of a train that was killed
train old 60 --overwrite <all
same whole old
[ ! -e old/config.json.tmp-1 ]
train fresh 60 --resume <all
same whole fresh

# what contradicts the checkpoint is refused
batches 10 | expect 1 'end at step 10' train c 60
expect 1 '--lr 0.1: .*begun with 0.002' train c 60 --resume --lr 0.1 <all
expect 1 'cannot change its dimensions' "$BIN/train" -o c --resume --layers 2 <all
batches 60 20 | expect 1 'start mix with --start-step 10' train c 60 --resume
batches 60 10 8 | expect 1 'mix' train c 60 --resume
batches 60 10 8 | train c 60 --resume --allow-mix-change 2>/dev/null
[ "$("$BIN/train" --print-step c)" = 60 ]

# another tokenizer of the same size is another model, whatever is allowed
"$BIN/tokenize" train --quiet -n 400 -o other.json math.jsonl
"$BIN/fetch" --quiet --cat math.jsonl | "$BIN/tokenize" --quiet -t other.json | "$BIN/shard" --quiet -o tokens/other >/dev/null
"$BIN/mix" --quiet math=1:tokens/other -T 32 -B 4 --steps 80 -o other.batches
expect 1 'trained with another tokenizer' train c 80 -t other.json --resume --override --allow-mix-change <other.batches

# weights and state in bf16 alone: learns, goes on bit for bit, and is not for what needs more
batches 60 >all
"$BIN/train" "${model[@]}" -o lean --steps 60 --state-dtype bf16 --save-every 20 <all 2>said
"$BIN/train" --quiet "${model[@]}" -o full --steps 60 <all
losses() { sed -n 's/.*"type":"step".*"loss":\([0-9.]*\),.*/\1/p' "$1/metrics.jsonl" | sed -n '1p;$p' | tr '\n' ' '; }
read -r first last <<<"$(losses lean)"
read -r _ want <<<"$(losses full)"
awk -v f="$first" -v l="$last" -v w="$want" 'BEGIN { exit !(l < f - 0.3 && l < w + 0.2 && l > w - 0.2) }' || { echo "$first $last $want"; exit 1; }
mkdir lean2 && cp -r lean/. lean2 && rm -r lean2/checkpoints/step-000060
"$BIN/train" --quiet -o lean2 -i all --resume --steps 60
same lean lean2
expect 2 'state-dtype bf16: only with' train x 4 --state-dtype bf16 --optimizer muon <all
expect 1 'was begun with' train lean 60 --resume --state-dtype f32 <all
