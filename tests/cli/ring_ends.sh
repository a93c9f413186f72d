# How the programs at a ring's ends part: what each reports when the other goes, and that no name stays in shared memory.
set -euo pipefail
tokenize="$BIN/tokenize" ring=test-ends-$$
shm=/dev/shm/tritter-$(id -u)-$ring
trap 'rm -f "$shm"; kill $(jobs -p) 2>/dev/null || true' EXIT
"$BIN/fetch" --quiet --cat demo:math --limit 600KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 600 -o tok.json docs.jsonl
"$tokenize" -q -t tok.json docs.jsonl | "$BIN/shard" -q -o math >paths
mix=("$BIN/mix" -q math=1:math -T 32 -B 4)

no_name() { if [ -e "$shm" ]; then echo "$1: the name is left"; exit 1; fi; }
wait_for() {    # wait_for CONDITION: true within 5 s
    for _ in $(seq 500); do eval "$1" && return; sleep 0.01; done
    echo "never: $1"; exit 1
}
ends() {        # ends PID CODE PATTERN SINCE WHAT: that exit code and message, within a second of SINCE
    local code=0 took
    wait "$1" || code=$?
    took=$(awk -v a="$4" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
    [ $code = "$2" ] || { echo "$5: exit $code, not $2"; cat err; exit 1; }
    [ -z "$3" ] || grep -qE "$3" err || { echo "$5: no '$3' in:"; cat err; exit 1; }
    awk -v t="$took" 'BEGIN { exit !(t < 1) }' || { echo "$5: took $took s"; exit 1; }
    no_name "$5"
}

# a writer that fails, or is stopped, before anybody reads
cp -r math hurt
printf '\001\002\003' | dd of=hurt/000000.tok bs=1 seek=5000 conv=notrunc status=none
"$BIN/mix" -q x=1:hurt -T 32 -B 4 -o "ring:$ring" 2>err & ends $! 1 'hurt/000000.tok: offset 4096: ' $EPOCHREALTIME 'mix of a damaged shard'
stops="TERM:143 HUP:129"
if (( 0x$(awk '/SigIgn/ { print $2 }' /proc/$$/status) & 1 )); then stops=TERM:143; fi     # under nohup, as it should be
for s in $stops; do
    "${mix[@]}" -o "ring:$ring" 2>err & p=$!
    wait_for '[ -e "$shm" ]'
    sleep 0.1
    kill "-${s%:*}" $p
    ends $p "${s#*:}" '' $EPOCHREALTIME "mix, ${s%:*}"
done
if command -v script >/dev/null; then           # misuse that is found late
    script -qec "'$tokenize' -t tok.json -o ring:$ring" /dev/null >out </dev/null || true
    grep -q 'is a terminal' out
    no_name misuse
fi

# a writer that waits for input is stopped as well, before the first byte and after some
for first in 0 100; do
    for out in "ring:$ring" file.tok; do
        mkfifo docs
        "$tokenize" -q -t tok.json -o "$out" <docs 2>err & p=$!
        exec 9>docs
        head -n $first docs.jsonl >&9
        [ $first = 0 ] || printf '{"text": "half a li' >&9
        wait_for 'ls -A | grep -q file.tok || [ -e "$shm" ]'
        sleep 0.1
        kill -TERM $p
        ends $p 143 '' $EPOCHREALTIME "tokenize to $out, waiting after $first lines"
        exec 9>&-
        if ls -A | grep file.tok; then echo 'a part of a file is left'; exit 1; fi
        rm docs
    done
done

# a pipe whose reader takes nothing
mkfifo pipe
# shellcheck disable=SC2217  # holds the pipe open
sleep 20 <pipe & sleeper=$!
"${mix[@]}" >pipe 2>err & p=$!
sleep 0.3
kill -TERM $p
sleep 0.9
ends $p 143 '' $EPOCHREALTIME 'mix into a full pipe'
kill $sleeper

# the reader is killed while the ring has room for all that comes
mkfifo more
"$tokenize" -q -t tok.json -j 1 -o "ring:$ring" <more 2>err & p=$!
exec 9>more
"$BIN/shard" -q -i "ring:$ring" -o never 2>/dev/null & reader=$!
cat docs.jsonl >&9
wait_for '[ ! -e "$shm" ] && [ -d .never.tritter-partial ]'
kill -9 $reader
wait $reader 2>/dev/null || true
sleep 0.1
cat docs.jsonl >&9 || true
ends $p 1 "ring:$ring: the reader died" $EPOCHREALTIME 'tokenize without its shard'
exec 9>&-
[ ! -e never ]

# the writer is killed
for i in 1 2 3; do cat docs.jsonl; done >many.jsonl
mkfifo again
"$tokenize" -q -t tok.json -o "ring:$ring" <again 2>/dev/null & writer=$!
exec 9>again
"$BIN/shard" -q -i "ring:$ring" -o never 2>err & p=$!
cat many.jsonl >&9
wait_for '[ -d .never.tritter-partial ]'
kill -9 $writer
wait $writer 2>/dev/null || true
ends $p 1 "ring:$ring: offset [0-9]+: the writer died" $EPOCHREALTIME 'shard without its tokenize'
exec 9>&-
[ ! -e never ]

# a ring of another version: segments are written byte by byte from shm/ring.md
le() { local v=$1 i; for ((i = 0; i < $2; i++)); do printf "\\x$(printf %02x $((v & 255)))"; v=$((v >> 8)); done; }
( umask 077; { printf 'TRTRING\n'; le 2 4; le 4096 4; le 4096 8; head -c $((8192 - 24)) /dev/zero; } >"$shm" )
refuse() {
    local code=0
    "$@" 2>err </dev/null >/dev/null || code=$?
    [ $code = 1 ] && grep -q "ring:$ring: offset 8: ring of another version" err || { echo "exit $code: $*"; cat err; exit 1; }
}
refuse "${mix[@]}" -o "ring:$ring"
refuse "$tokenize" -t tok.json -o "ring:$ring" docs.jsonl
refuse "$tokenize" decode -t tok.json -i "ring:$ring"
refuse "$BIN/shard" -i "ring:$ring" -o never
refuse "$BIN/train" -q -m nano -t tok.json -i "ring:$ring" -o run --steps 1
[ -e "$shm" ]                                   # not ours to remove
