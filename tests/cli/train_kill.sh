# kill -9 at ten random moments, then --resume: the same bits as without, with validation and the best step kept.
. "$ROOT/tests/cli/train_data.bash"
wanted=${KILLS:-10} seed=${KILL_SEED:-$RANDOM}
RANDOM=$seed
echo "KILL_SEED=$seed reproduces the moments"
steps=300
often=(--save-every 5 --val math=tokens/math/val --val-every 20 --val-tokens 256 --keep-best --keep-last 1)
batches $steps >all
before=${EPOCHREALTIME/./}
train whole $steps "${often[@]}" <all
takes=$(((${EPOCHREALTIME/./} - before) / 1000))
vals() { grep '"type":"val"' "$1/metrics.jsonl" | sed 's/"trained_s.*//'; }
ended_alike() {
    same whole killed
    [ "$(vals whole)" = "$(vals killed)" ]
    [ "$(readlink whole/best)" = "$(readlink killed/best)" ]
    cmp whole/best/model.safetensors killed/best/model.safetensors
    [ "$(ls -A killed/checkpoints)" = "$(ls -A whole/checkpoints)" ]
}
kills=0 tries=0 ends=0
while [ $kills -lt "$wanted" ] && [ $tries -lt $((wanted * 20)) ]; do
    tries=$((tries + 1))
    batches $steps "$("$BIN/train" --print-step killed 2>/dev/null)" |
        "$BIN/train" --quiet "${model[@]}" -o killed --steps $steps --resume "${often[@]}" 2>err.txt & p=$!
    moment=$((RANDOM % takes))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    if kill -9 "$p" 2>/dev/null; then kills=$((kills + 1)); fi
    wait "$p" 2>/dev/null || true
    if [ "$("$BIN/train" --print-step killed)" = $steps ]; then
        # the kill may have come between the last checkpoint and the removal of the one before
        batches $steps $steps | train killed $steps --resume "${often[@]}"
        ended_alike
        rm -rf killed
        ends=$((ends + 1))
    fi
done
[ $kills -ge "$wanted" ] || { echo "only $kills kills"; exit 1; }
batches $steps "$("$BIN/train" --print-step killed)" | train killed $steps --resume "${often[@]}"
ended_alike
echo "$kills kills, $((ends + 1)) runs that ended alike"
