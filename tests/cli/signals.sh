# Every program reacts to each signal as docs/signals.md describes.
. "$ROOT/tests/cli/train_data.bash"

# SIGUSR1, which a batch system sends before its time limit, makes train save and go on; with --stop-on USR1, stop
mkfifo pipe
start() {       # DIR [OPTION...]: a train that waits for batches after 20 steps
    "$BIN/train" --quiet "${model[@]}" -o "$1" --steps 40 --save-every 0 "${@:2}" <pipe 2>err.txt & p=$!
    exec 9>pipe
    head -c "$first_half" all >&9
    for _ in $(seq 1000); do [ "$(grep -c '"type":"step"' "$1/metrics.jsonl" 2>/dev/null)" = 20 ] && break; sleep 0.01; done
}
batches 40 >all
first_half=$(batches 19 | wc -c)        # 19 records and the end of the stream are as long as 20 records
start saved
kill -USR1 $p
sleep 0.1
tail -c +$((first_half + 1)) all >&9
exec 9>&-
wait $p
[ "$(ls saved/checkpoints)" = 'step-000021
step-000040' ]
train whole 40 --save-every 0 <all
same saved whole
start stopped --stop-on USR1
kill -USR1 $p
code=0; wait $p || code=$?
exec 9>&-
[ $code -eq 138 ] || { echo "exit $code"; cat err.txt; exit 1; }
[ "$("$BIN/train" --print-step stopped)" = 20 ]
expect 2 'only USR1' train x 4 --stop-on TERM <all

# the signals of limits, terminals and batch systems: as SIGTERM
for s in XCPU HUP QUIT ALRM USR2; do
    start "by$s"
    kill -$s $p
    kill -$s $p 2>/dev/null || true
    code=0; wait $p || code=$?
    exec 9>&-
    [ $code -eq $((128 + $(kill -l $s))) ] || { echo "exit $code of $s"; cat err.txt; exit 1; }
    case $s in
    HUP|QUIT) ;;        # the second one ends it at once
    *) [ "$("$BIN/train" --print-step "by$s")" = 20 ] || { echo "$s: not saved"; cat err.txt; exit 1; } ;;
    esac
done
for s in USR1 USR2 XCPU ALRM QUIT HUP; do
    "$BIN/tokenize" --quiet -t tok.json -o out.tok - <pipe 2>err.txt & p=$!
    exec 9>pipe
    for _ in $(seq 500); do [ -e .out.tok.tritter-partial ] && break; sleep 0.01; done
    sleep 0.05
    kill -$s $p
    code=0; wait $p || code=$?
    exec 9>&-
    [ $code -eq $((128 + $(kill -l $s))) ] || { echo "exit $code of $s"; cat err.txt; exit 1; }
    [ -z "$(find . -maxdepth 1 -name '*out.tok*')" ] || { echo "$s left something"; exit 1; }
done

# a limit on the size of files: a failed write that names file and limit, in every program
limited() { (ulimit -f 8; "$@"); }
expect 1 'standard output: File too large: files may have 8192 bytes' limited bash -c '"$0" --cat math.jsonl >big' "$BIN/fetch"
expect 1 'big.tok: .*File too large' limited "$BIN/tokenize" -t tok.json -o big.tok math.jsonl
expect 1 'big.json: .*File too large' limited "$BIN/tokenize" train -n 2000 -o big.json math.jsonl
expect 1 'File too large' limited "$BIN/shard" -o shards.big -i <("$BIN/tokenize" --quiet -t tok.json math.jsonl)
expect 1 'big.batches: .*File too large' limited "$BIN/mix" math=1:tokens/math -T 32 -B 8 --steps 20 -o big.batches
[ -z "$(find . -maxdepth 1 -name '*partial*' -o -maxdepth 1 -name '*building*')" ]

# a shard that is cut short while it is mapped
cp -r tokens/math cut
"$BIN/mix" math=1:cut -T 32 -B 4 -o - 2>err.txt >pipe & p=$!
exec 8<pipe
head -c 5000 <&8 >/dev/null
truncate -s 4096 cut/000000.tok
cat <&8 >/dev/null
code=0; wait $p || code=$?
exec 8<&-
[ $code -eq 1 ] || { echo "exit $code"; cat err.txt; exit 1; }
grep -q 'cut/000000.tok: was cut short' err.txt
