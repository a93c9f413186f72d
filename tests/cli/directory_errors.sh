# A directory that cannot be read to its end is an error that names it, and never an empty or a shorter directory.
set -eu
fault="$TESTDIR/fault.so"
[ -e "$fault" ] || { echo "needs tests/fault, which this build leaves out"; exit 77; }
export GOMP_SPINCOUNT=1000      # set, so that no program executes itself again
expect() {      # EXIT PATTERN FAULT COMMAND...
    local code=0
    env FAULT="$3" LD_PRELOAD="$fault" "${@:4}" >out.txt 2>err.txt || code=$?
    { [ $code -eq "$1" ] && grep -qE -- "$2" err.txt; } || { echo "exit $code of $3 ${*:4}"; cat err.txt; exit 1; }
}
"$BIN/fetch" --quiet --cat demo:math --limit 60KB >m.jsonl
"$BIN/tokenize" train --quiet -n 400 -o tok.json m.jsonl
"$BIN/tokenize" --quiet -t tok.json -o m.tok m.jsonl
"$BIN/shard" --quiet -o tokens -i m.tok >paths
"$BIN/mix" --quiet m=1:tokens -T 32 -B 2 --seed 1 --steps 8 >batches
run=(-t tok.json --layers 1 --width 32 --heads 1 --steps 8 --save-every 2 --quiet)
"$BIN/train" "${run[@]}" -o run <batches

# train must not take a run for a new one, and cut its logs
for n in 1 2 3 4 5 6; do
    code=0
    FAULT="getdents64:$n:EIO" LD_PRELOAD="$fault" "$BIN/train" "${run[@]}" -o run --resume <batches 2>err.txt || code=$?
    [ $code -eq 0 ] || { [ $code -eq 1 ] && grep -q 'run.*: cannot read directory: Input/output error' err.txt; }
    [ "$(grep -c '"type":"step"' run/metrics.jsonl)" = 8 ]
    [ "$("$BIN/train" --print-step run)" = 8 ]
done
expect 1 'run/checkpoints: cannot read directory: Input/output error' getdents64:1:EIO "$BIN/train" --print-step run

# shard must not replace a directory that holds somebody else's file
echo 'a year of work' >tokens/thesis.tex
for n in 1 2; do
    expect 1 'tokens: cannot read directory|thesis.tex: not written' getdents64:$n:EIO "$BIN/shard" -o tokens -i m.tok
    [ -e tokens/thesis.tex ]
done

# a source that is read in part is no source
mkdir d
cp m.jsonl d/a.jsonl
expect 1 'd: cannot read directory' getdents64:1:EIO "$BIN/fetch" --cat d
for call in stat newfstatat; do
    code=0
    FAULT="$call:1:EIO" LD_PRELOAD="$fault" "$BIN/fetch" --cat d >out.txt 2>err.txt || code=$?
    [ $code -eq 1 ] || cmp -s out.txt <("$BIN/fetch" --cat d)
done
