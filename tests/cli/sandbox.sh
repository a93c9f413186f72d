#!/bin/bash
# With --sandbox every program does its work, with the same bytes as without; and once it is taken over (a
fail() { echo "$*"; exit 1; }
"$BIN/tokenize" decode --sandbox </dev/null 2>&1 | grep -q Landlock && { echo "this kernel has no Landlock 3"; exit 77; }

mkdir outside work
escape=$PWD/outside
cd work || exit 1
attempts=11

# try NAME COMMAND...: runs the command twice, without --sandbox (all attempts succeed) and with it (none does).
try() {
    local name=$1
    shift
    for sandbox in "" --sandbox; do
        rm -rf "${escape:?}"/*
        echo text >"$escape/old"
        echo text >"$escape/victim"
        ESCAPE=$escape LD_PRELOAD=$TESTDIR/escape.so "$@" $sandbox </dev/null >"$name.out$sandbox" 2>log ||
            fail "$name $sandbox failed: $(cat log)"
        local succeeded refused
        succeeded=$(grep -c '^escape: .*: done$' log)
        refused=$(grep -c '^escape: .*: EACCES$' log)
        if [ -z "$sandbox" ]; then
            [ "$succeeded" -ge $((attempts - 1)) ] || fail "$name: the attempts prove nothing: $(cat log)"
        else
            [ "$refused" = "$attempts" ] || fail "$name --sandbox let something through: $(cat log)"
            [ "$(cat "$escape/old")" = text ] && [ "$(find "$escape" -type f | wc -l)" = 2 ] || fail "$name changed what it should not reach"
        fi
    done
    cmp -s "$name.out" "$name.out--sandbox" || fail "$name: other output with --sandbox"
}

"$BIN/fetch" --cat demo:language --limit 60KB --seed 1 >docs.jsonl || exit 1
try fetch "$BIN/fetch" --cat docs.jsonl
try train "$BIN/tokenize" train -q -n 512 -o tok.json docs.jsonl
try encode "$BIN/tokenize" -q -t tok.json docs.jsonl
try encode_file "$BIN/tokenize" -q -t tok.json -o docs.tok docs.jsonl
try inspect "$BIN/tokenize" inspect -t tok.json docs.jsonl
try decode "$BIN/tokenize" decode -t tok.json -i encode.out
try shard "$BIN/shard" -q -o tokens -i encode.out --val 20%
try mix "$BIN/mix" -q a=1:tokens -T 32 -B 2 --steps 4 -o batches
try dump "$TOOLS/shard-dump" --verify tokens
"$BIN/train" -q -m nano --context 32 -t tok.json -i batches -o run --steps 4 --threads 1 >/dev/null || exit 1
try sample "$BIN/sample" run/latest -p Once -n 8 --seed 1 --threads 1
try eval "$BIN/eval" run/latest --data a=tokens/val --limit 300 --threads 1
try export "$TOOLS/export" gguf run/latest -o model.gguf --overwrite
echo "ok: ${attempts} attempts by each program, all refused"
