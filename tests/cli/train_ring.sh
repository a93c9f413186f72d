# A ring gives train the same bits as a pipe; a mix that is killed is noticed, and nothing that was learnt is lost.
. "$ROOT/tests/cli/train_data.bash"
mix=("$BIN/mix" --quiet language=60:tokens/language math=40:tokens/math -T 32 -B 4 --seed 7)
ring=test-train-$$
batches 400 | train whole 400

"${mix[@]}" --steps 400 -o "ring:$ring" & p=$!
train ring 400 -i "ring:$ring"
wait $p
same whole ring

# a ring of a few records, so that mix is still at work when it is killed
"${mix[@]}" --steps 1000000 -o "ring:$ring" 2>/dev/null & p=$!
train killed 400 --micro-batch 4 --lr 0.003 -i "ring:$ring" 2>err.txt & t=$!
for _ in $(seq 1000); do [ "$(cat killed/ledger.jsonl 2>/dev/null | wc -l)" -ge 20 ] && break; sleep 0.01; done
kill -9 $p
wait $p 2>/dev/null || true
code=0
wait $t || code=$?
n=$("$BIN/train" --print-step killed)
if [ "$n" -lt 400 ]; then
    [ $code = 1 ] || { echo "exit $code"; cat err.txt; exit 1; }
    grep -q 'writer died' err.txt
    grep -q "saved the $n steps" err.txt || [ "$(wc -l <killed/ledger.jsonl)" = "$n" ]
fi
batches 400 | train whole2 400 --lr 0.003
batches 400 "$n" | train killed 400 --resume
same whole2 killed
[ -z "$(ls /dev/shm | grep "$ring" || true)" ]
