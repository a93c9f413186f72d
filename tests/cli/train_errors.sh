# Errors are named and set the exit code, and committed checkpoints stay.
. "$ROOT/tests/cli/train_data.bash"
batches 40 >all

expect 2 'steps' "$BIN/train" "${model[@]}" -o e -i all
expect 2 '-o DIR' "$BIN/train" "${model[@]}" --steps 4 -i all
expect 2 'none of: wsd' train e 40 --schedule linear <all
expect 2 'not within' train e 40 --beta1 2 <all
expect 2 'presets' train e 40 -m huge <all
expect 2 'keep-best needs' train e 40 --keep-best <all
expect 2 "'warp' is none of" train e 40 --finish warp <all
expect 1 'impossible model: hidden_size' train e 40 --width 33 <all
expect 1 'absent' train e 40 -t absent <all
expect 1 'stdin: offset 0: rows of 32 tokens, the model.s context is 16' train e 40 --context 16 <all
"$BIN/tokenize" train --quiet -n 300 -o other.json language.jsonl
expect 1 'stdin: offset 0: .*another tokenizer.*other.json' train e 40 -t other.json <all
expect 2 "--val 'math': want NAME=DIR" train e 40 --val math <all
expect 1 '--val math: .*absent' train e 40 --val math=absent <all
[ ! -e e/latest ]
"$BIN/fetch" --quiet --cat math.jsonl | "$BIN/tokenize" --quiet -t other.json | "$BIN/shard" --quiet -o tokens/other >/dev/null
expect 1 '--val x: tokens/other: made with another tokenizer' train e 40 --val x=tokens/other <all

# not batches at all, and batches that are damaged
expect 1 'stdin: offset 0: not a batch stream' train e 40 <tok.json
expect 1 'stdin: offset 0: empty' train e 40 </dev/null
{ head -c 5000 all; printf '\377\377\377\377'; tail -c +5005 all; } >damaged
expect 1 'step [0-9]+, offset [0-9]+: record is damaged' train e 40 <damaged

# weights that overflow: steps named, nothing learnt from them, the checkpoint from before is whole
expect 1 'updates in a row without a finite' train nan 40 --lr 1000 --weight-decay 1000 --save-every 2 --max-bad-steps 3 <all
grep -qE 'step [0-9]+: (loss|gradient) is not finite: .*row [0-9]+ \(source [01], offset [0-9]+\)' err.txt
[ "$(grep -c '"event":"nan_' nan/metrics.jsonl)" = 3 ]
[ "$(grep -c '"learnt":false' nan/ledger.jsonl)" = 3 ]
grep -q 'the last checkpoint is as it was' err.txt
n=$("$BIN/train" --print-step nan)
[ "$n" -ge 2 ]
[ "$n" -le "$(grep -c '"learnt":true' nan/ledger.jsonl)" ]

expect 1 'without a finite .*; no checkpoint has been written' train nan0 40 --lr 1000 --weight-decay 1000 --save-every 0 --max-bad-steps 3 <all

# a full disk (here: a limit on the size of a file): the checkpoint from before is whole and no rubbish is left
train full 10 --save-every 0 <all
cp -r full/checkpoints/step-000010 before
limited() { (ulimit -f 64; train full 40 --resume --override --save-every 10); }
expect 1 'step-000020.*cannot write.*File too large|File too large' limited <all
diff -r before full/checkpoints/step-000010
[ "$(ls -A full/checkpoints)" = step-000010 ]
[ "$("$BIN/train" --print-step full 2>/dev/null)" = 10 ]

# two at once in one directory
mkfifo wait
train busy 40 <wait 2>/dev/null & p=$!
exec 9>wait
for _ in $(seq 200); do [ -e busy/.lock ] && break; sleep 0.02; done
sleep 0.2
expect 1 'another train is at work' train busy 40 --resume <all
cat all >&9
exec 9>&-
wait $p
[ "$("$BIN/train" --print-step busy)" = 40 ]
