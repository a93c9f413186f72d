# Files are whole or absent; killed programs leave one hidden file that the next run takes over; words after a failure are true.
set -eu
fault="$TESTDIR/fault.so"
[ -e "$fault" ] || { echo "needs tests/fault, which this build leaves out"; exit 77; }
export GOMP_SPINCOUNT=1000
"$BIN/fetch" --quiet --cat demo:math --limit 60KB >m.jsonl
"$BIN/tokenize" train --quiet -n 400 -o tok.json m.jsonl
"$BIN/tokenize" --quiet -t tok.json -o m.tok m.jsonl
"$BIN/shard" --quiet -o d -i m.tok >paths
with() { env FAULT="$1" LD_PRELOAD="$fault" "${@:2}"; }
fails() {       # PATTERN FAULT COMMAND...
    local code=0
    with "$2" "${@:3}" >out.txt 2>err.txt || code=$?
    { [ $code -eq 1 ] && grep -qE -- "$1" err.txt; } || { echo "exit $code of $2 ${*:3}"; cat err.txt; exit 1; }
}
leftovers() { find . -name '*partial*' -o -name '*.tmp-*' -o -name '*building*'; }

# killed ten times just before the rename: one leftover a file, not one a run, and none after a run that ends
for _ in 1 2 3 4 5 6 7 8 9 10; do
    with rename:1:KILL "$BIN/tokenize" train --quiet -n 300 -o t.json m.jsonl 2>/dev/null || true
    with rename:1:KILL "$BIN/fetch" --quiet -o raw m.jsonl >/dev/null 2>&1 || true
    with rename:1:KILL "$BIN/mix" --quiet m=1:d -T 32 -B 2 --steps 4 -o b 2>/dev/null || true
    with rename:1:KILL "$BIN/tokenize" --quiet -t tok.json -o n.tok m.jsonl 2>/dev/null || true
done
[ "$(leftovers | wc -l)" -eq 4 ] || { leftovers; exit 1; }
[ ! -e t.json ]
"$TOOLS/doctor" . >list
[ "$(grep -c '^stale' list)" -eq 4 ] || { cat list; exit 1; }
"$BIN/tokenize" train --quiet -n 300 -o t.json m.jsonl
"$BIN/fetch" --quiet -o raw m.jsonl >/dev/null
[ "$(leftovers | wc -l)" -eq 2 ]
"$TOOLS/doctor" --remove . >/dev/null
[ -z "$(leftovers)" ]

# a run killed at any rename: the doctor knows all that is left, and another file is not taken for it
run=(--quiet -t tok.json --layers 1 --width 16 --heads 1 --head-dim 16 --ffn 16 --context 16 --steps 6 --save-every 2 --keep-last 1 --seed 1
     --threads 1 --val m=d --val-every 2 --val-tokens 32 --keep-best -o run)
"$BIN/mix" --quiet m=1:d -T 16 -B 2 --steps 6 -o b6
n=0 links=0
while n=$((n + 1)) && ! with rename:$n:KILL "$BIN/train" "${run[@]}" -i b6 --overwrite 2>/dev/null; do
    links=$((links + $(find run -type l -name '*partial*' | wc -l)))
    "$TOOLS/doctor" --remove run | grep -v '^removed	' && exit 1
    [ -z "$(find run -name '*partial*' -o -name '.tmp*' -o -name '*.tmp')" ] || { find run; exit 1; }
done
[ $links -gt 0 ]
# a link is as alive as the run that it is in
ln -s checkpoints/step-000006 run/.latest.tritter-partial
flock run/.lock "$TOOLS/doctor" --remove run | grep -q '^live	[0-9]*	run/.latest.tritter-partial$'
"$TOOLS/doctor" --remove run | grep -q '^removed	[0-9]*	run/.latest.tritter-partial$'
# the hub's cache
mkdir -p refs
sleep 0 & dead=$!
wait $dead
touch refs/main.$dead.tmp refs/v1.2.$dead.tmp refs/main.$$.tmp refs/main.tmp refs/main.12a.tmp refs/.$dead.tmp
"$TOOLS/doctor" --remove refs | sort >list
printf '%s\t0\trefs/%s\n' live main.$$.tmp removed main.$dead.tmp removed v1.2.$dead.tmp | sort | diff - list
[ "$(ls -A refs | wc -l)" -eq 4 ]
rm -r refs run

# two programs that write the same file: one is told
mkfifo wait
"$BIN/tokenize" --quiet -t tok.json -o n.tok - <wait & p=$!
exec 9>wait
for _ in $(seq 500); do [ -e .n.tok.tritter-partial ] && break; sleep 0.01; done
fails 'n.tok: another program is writing it' read:100000:EIO "$BIN/tokenize" -t tok.json -o n.tok m.jsonl
"$TOOLS/doctor" --remove . | grep -q '^live.*n.tok.tritter-partial'
cat m.jsonl >&9
exec 9>&-
wait $p
cmp n.tok m.tok
echo stranger >.n2.tok.tritter-partial
ln .n2.tok.tritter-partial link
fails 'in the way, and not ours' read:100000:EIO "$BIN/tokenize" -t tok.json -o n2.tok m.jsonl

# before the exchange nothing has changed; after it the message says that the new is in place
"$BIN/tokenize" --quiet -t tok.json -o half.tok <(head -n 20 m.jsonl)
old=$(sha256sum d/000000.tok)
fails 'No space left' fsync:1:ENOSPC "$BIN/shard" -o d -i half.tok
[ "$(sha256sum d/000000.tok)" = "$old" ]
code=0
"$BIN/shard" --quiet -o d -i half.tok >/dev/full 2>err.txt || code=$?
[ $code -eq 1 ]
grep -q 'No space left on device (but d is in place, new and whole)' err.txt
[ "$(sha256sum d/000000.tok)" != "$old" ]
"$TOOLS/shard-dump" --verify d >/dev/null
# a directory that cannot be synced: the old one is not removed, and the message is right
syncs=0
for n in 1 2 3 4 5 6 7 8; do
    "$BIN/shard" --quiet -o d -i m.tok >/dev/null
    code=0
    with fsync:$n:EIO "$BIN/shard" --quiet -o d -i half.tok >/dev/null 2>err.txt || code=$?
    [ $code -eq 0 ] && break
    [ $code -eq 1 ]
    if grep -q 'd is in place, new and whole' err.txt; then
        [ "$(sha256sum d/000000.tok)" != "$old" ]
        [ "$(sha256sum .d.tritter-partial/000000.tok | cut -c 1-64)" = "${old%% *}" ]
        syncs=$((syncs + 1))
    else
        [ "$(sha256sum d/000000.tok)" = "$old" ]
    fi
done
[ $syncs -eq 1 ] || { echo "$syncs failures after the exchange"; exit 1; }
fails 'cannot sync directory: Input/output error \(but t.json is in place, new and whole\)' fsync:2:EIO \
    "$BIN/tokenize" train --quiet -n 320 -o t.json m.jsonl
grep -q '"id": *319\|319' t.json
