# Layers that join while a run goes on: depth, cost and bits.
. "$ROOT/tests/cli/train_data.bash"
deep=(-m nano --dtype bf16 --layers 4 --width 32 --heads 2 --head-dim 16 --ffn 48 --context 32 -t tok.json --seed 7 --threads 1 --beta2 0.9)
grow() { "$BIN/train" --quiet "${deep[@]}" -o "$1" --steps "$2" "${@:3}"; }
state() { sed -n "s/^ \"$2\": \([0-9]*\),*$/\1/p" "$1/latest/trainer/state.json"; }
loss_of() { sed -n 's/.*"type":"step".*"loss":\([0-9.]*\),.*/\1/p' "$1/metrics.jsonl" | sed -n "${2}p"; }

# every stage is logged, and checkpoints say their depth
batches 60 >all
stages=(--grow "1@0,2@20,4@50%" --optimizer muon)
grow grown 60 "${stages[@]}" --save-every 10 --keep-last 9 <all
[ "$(state grown depth)" = 4 ]
grep -q '"from": 30' grown/latest/trainer/state.json        # losses that forecasts go by: those of the present depth
[ "$(grep -c '"event":"grow"' grown/metrics.jsonl)" = 2 ]
[ "$(sed -n 's/.*"step":\([0-9]*\),"event":"grow","detail":"\(.*\)".*/\1 \2/p' grown/metrics.jsonl | tr '\n' ';')" = '20 2 layers;30 4 layers;' ]

# resumed at every depth, and at the steps in which layers join
for at in 7 20 25 30 41; do
    batches "$at" | expect 1 "end at step $at" grow "cut$at" 60 "${stages[@]}"
    grow "cut$at" 60 --resume <all
    same grown "cut$at"
    grep -q '"depth": 4' "cut$at/latest/trainer/state.json"
done

# layers that join do not change the loss, and learn from then on
grow late 60 --grow 1@0,4@30 <all
grow never 60 --grow 1@0,4@40 <all
[ "$(loss_of late 31)" = "$(loss_of never 31)" ]
[ "$(loss_of late 32)" != "$(loss_of never 32)" ]

# bf16 weights alone, and recomputed layers (the same bits)
grow lean 60 --grow 1@0,4@30 --state-dtype bf16 <all
batches 35 | expect 1 'end at step 35' grow lean2 60 --grow 1@0,4@30 --state-dtype bf16
grow lean2 60 --resume <all
same lean lean2
grow again 60 --grow 1@0,4@30 --recompute <all
same late again

# what cannot be is refused, with the numbers
expect 2 'ends with 3 layers, the model has 4' grow x 60 --grow 1@0,3@30 <all
expect 2 'begins at step 5' grow x 60 --grow 1@5,4@30 <all
expect 2 'both numbers must rise' grow x 60 --grow 1@0,2@30,4@30 <all
expect 2 'step 50 of 60, which leaves them 10 steps; they need 20' grow x 60 --grow 1@0,4@50 <all
expect 2 "'1@0,4@' is not" grow x 60 --grow 1@0,4@ <all
expect 2 'not together with' grow x 60 --grow 1@0,4@30 --ema-nesterov .5 <all
expect 1 'was begun with' grow late 60 --resume --grow off <all
