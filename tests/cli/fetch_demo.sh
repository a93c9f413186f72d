# The built-in generator as a source: without end, the same for the same seed, ended by a limit or a closed pipe.
set -eu
two=$("$BIN/fetch" --cat demo:math --limit 1MB | head -2)
[ "$(echo "$two" | wc -l)" = 2 ]
{ "$BIN/fetch" --cat demo:language 2>err || true; } | head -n 3 >out      # no limit: only the pipe ends it
[ "$(wc -l <out)" = 3 ]
[ ! -s err ]
for domain in language code math ml logic; do
    "$BIN/fetch" --cat "demo:$domain" --limit 50 --seed 5 >a
    "$BIN/fetch" --cat "demo:$domain" --limit 50 --seed 5 >b
    "$BIN/fetch" --cat "demo:$domain" --limit 50 --seed 6 >c
    cmp a b
    if cmp -s a c; then echo 'another seed gave the same text'; exit 1; fi
    [ "$(grep -c "\"domain\":\"$domain\"}$" a)" = 50 ]
    [ "$(grep -c "\"id\":\"demo:$domain:5:" a)" = 50 ]
done
"$BIN/fetch" --cat demo:math --domain other --limit 1 | grep -q '"domain":"other"'

# 1 MB is 1 MB of text, and at most one document more
"$BIN/fetch" -v --cat demo:code --limit 1MB >out 2>err
bytes=$(sed -n 's/.* documents, \([0-9]*\) bytes of text/\1/p' err)
[ "$bytes" -ge 1000000 ]
[ "$bytes" -lt 1010000 ]

# a full disk
code=0
"$BIN/fetch" --cat demo:math --limit 1MB >/dev/full 2>err || code=$?
[ "$code" = 1 ] && grep -q 'No space left' err

# -o: kept while the options are the same
"$BIN/fetch" -q -o raw demo:math demo:logic --limit 100KB >list
[ "$(cat list)" = "raw/demo-math.jsonl.zst
raw/demo-logic.jsonl.zst" ]
first=$(stat -c %i raw/demo-math.jsonl.zst)
"$BIN/fetch" -q -o raw demo:math demo:logic --limit 100KB >/dev/null
[ "$(stat -c %i raw/demo-math.jsonl.zst)" = "$first" ]
"$BIN/fetch" -q -o raw demo:math --limit 100KB --seed 9 >/dev/null
"$BIN/fetch" --cat demo:math --limit 100KB --seed 9 >direct
"$BIN/fetch" --cat raw/demo-math.jsonl.zst | cmp - direct

# killed at any moment: what is visible is whole
for ms in 02 05 10 20 30; do
    rm -rf killed
    "$BIN/fetch" -q -o killed demo:logic --limit 8MB >/dev/null & pid=$!
    sleep "0.$ms"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    [ ! -e killed/demo-logic.jsonl.zst ] || zstd -qt killed/demo-logic.jsonl.zst
done
"$BIN/fetch" -q -o killed demo:logic --limit 8MB >/dev/null
zstd -dc killed/demo-logic.jsonl.zst >after
"$BIN/fetch" --cat demo:logic --limit 8MB | cmp - after

# SIGTERM: nothing half made, exit 128+15
"$BIN/fetch" -q -o stopped demo:language --limit 1GB >/dev/null 2>&1 & pid=$!
sleep 0.3
kill "$pid"
code=0
wait "$pid" || code=$?
[ "$code" = 143 ]
[ -z "$(ls -A stopped)" ]
