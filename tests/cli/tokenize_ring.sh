# A token stream through a ring is the stream of the pipe; either side may end first.
set -euo pipefail
tokenize="$BIN/tokenize" ring=test-tokenize-$$
"$BIN/fetch" --quiet --cat demo:code --limit 1500KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 600 -o tok.json docs.jsonl
"$tokenize" -q -t tok.json <docs.jsonl | "$tokenize" decode -t tok.json >want
no_ring() { if ls /dev/shm | grep -- "$ring"; then echo "the ring is left over"; exit 1; fi; }

"$tokenize" -q -t tok.json -o "ring:$ring" docs.jsonl &
"$tokenize" decode -t tok.json -i "ring:$ring" >got
wait $!
cmp want got
no_ring

# the reader first; a stream larger than the ring
for _ in $(seq 14); do cat docs.jsonl; done >many.jsonl
"$tokenize" decode -t tok.json --raw -i "ring:$ring" >got &
"$tokenize" -q -t tok.json -j 2 -o "ring:$ring" many.jsonl
wait $!
"$tokenize" -q -t tok.json many.jsonl | "$tokenize" decode -t tok.json --raw | cmp - got
no_ring

# a writer that dies, one that is stopped, and one with bad input: never a whole stream
for how in KILL TERM; do
    mkfifo docs
    "$tokenize" -q -t tok.json -o "ring:$ring" docs & writer=$!
    "$tokenize" decode -t tok.json -i "ring:$ring" >got 2>err & reader=$!
    { cat many.jsonl; sleep 0.5; kill -$how $writer; } >docs 2>/dev/null || true
    status=0; wait $reader || status=$?
    wait $writer 2>/dev/null && { echo "a killed writer ended well"; exit 1; }
    [ $status = 1 ]
    grep -qE "ring:$ring: offset [0-9]+: (the writer died|truncated)" err
    no_ring
    rm docs
done
{ cat many.jsonl; echo '{"text'; } >long.jsonl      # larger than the ring: it does not end before there is a reader
"$tokenize" decode -t tok.json -i "ring:$ring" >got 2>err & reader=$!
"$tokenize" -q -t tok.json -o "ring:$ring" long.jsonl 2>/dev/null && exit 1
wait $reader && exit 1
grep -qE "ring:$ring: offset [0-9]+: " err
no_ring

# a writer that fails before anybody reads leaves no name
{ cat docs.jsonl; echo '{"text'; } >bad.jsonl
"$tokenize" -q -t tok.json -o "ring:$ring" bad.jsonl 2>/dev/null && exit 1
no_ring
