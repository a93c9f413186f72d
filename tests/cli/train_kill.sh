# kill -9 at ten random moments, then --resume: the same bits as without.
. "$ROOT/tests/cli/train_data.bash"
seed=${KILL_SEED:-$RANDOM}
RANDOM=$seed
echo "KILL_SEED=$seed reproduces the moments"
steps=300
batches $steps >all
train whole $steps --save-every 5 <all
kills=0 tries=0
while [ $kills -lt "${KILLS:-10}" ] && [ $tries -lt 200 ]; do
    tries=$((tries + 1))
    batches $steps "$("$BIN/train" --print-step killed 2>/dev/null)" |
        "$BIN/train" --quiet "${model[@]}" -o killed --steps $steps --resume --save-every 5 2>err.txt & p=$!
    # up to a fifth of a second after the first new line of the ledger
    for _ in $(seq 200); do [ -s killed/ledger.jsonl ] && break; sleep 0.01; done
    sleep "0.$((RANDOM % 15 + 5))"
    if kill -9 "$p" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$p" 2>/dev/null || true
    [ "$("$BIN/train" --print-step killed)" = $steps ] && rm -rf killed     # done before it was killed: again
done
[ $kills -ge "${KILLS:-10}" ] || { echo "only $kills kills"; exit 1; }
batches $steps "$("$BIN/train" --print-step killed)" | train killed $steps --resume --save-every 5
same whole killed
if ls -A killed/checkpoints | grep -E 'tmp|partial'; then echo "a temporary checkpoint is left over"; exit 1; fi
[ "$(ls killed/checkpoints | wc -l)" -le 2 ]
