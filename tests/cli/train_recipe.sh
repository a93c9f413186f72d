# Settings by the name of a recipe: said at start, overruled by options, kept by a run that goes on.
. "$ROOT/tests/cli/train_data.bash"
batches 60 >all

# fast is what its options are, one by one
"$BIN/train" "${model[@]}" -o fast --steps 60 --recipe fast --lr-head .004 <all 2>said
grep -q 'recipe fast: lr 0.006 (tried' said
grep -q "recipe fast: lr-head 0.004 (not the recipe's)" said
train hand 60 --optimizer muon --untied --init unit --lr 6e-3 --lr-embedding .18 --lr-head .004 --warmup 1% \
    --decay 60% --min-lr-ratio 2% --beta2 .99 <all
same fast hand

# plan is what there is without a recipe
batches 20 | train plan 20 --recipe plan
batches 20 | train none 20
same plan none
batches 20 | train adamw 20 --optimizer adamw --beta1 .9 --beta2 .95 --decay 19%
same plan adamw

# a run that goes on keeps it, bit for bit
batches 32 | expect 1 'end at step 32' train part 60 --recipe fast --lr-head .004
train part 60 --resume <all
same fast part
expect 1 'was begun with "fast"' train part 60 --resume --recipe plan <all
expect 2 'recipe' train x 4 --recipe slow <all

# four times the widest width that was tried: half the rates
batches 1 | "$BIN/train" "${model[@]}" --width 1024 -o wide --steps 1 --recipe fast 2>said
grep -q 'recipe fast: lr 0.003 ' said
grep -q 'recipe fast: lr-embedding 0.09 ' said
grep -q 'recipe fast: decay 0.6 ' said

# more computing never takes a smaller model
last=0
for flop in 0 1e13 1e14 1e15 1e16 1e20; do
    read -r layers width heads ffn vocab rows <<<"$("$BIN/train" --print-shape $flop)"
    [ $((width % heads)) = 0 ] && [ "$rows" -gt 0 ]
    size=$((layers * width * (4 * width + 3 * ffn) + vocab * width))
    [ "$size" -ge "$last" ]
    last=$size
done
[ "$last" -gt 5000000 ]
