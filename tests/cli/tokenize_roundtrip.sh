# Documents survive, whatever they hold; threads and repetition change nothing.
set -euo pipefail
tokenize="$BIN/tokenize"
for d in language code math; do "$BIN/fetch" --quiet --cat "demo:$d" --limit 300KB --seed 5; done >docs.jsonl

# training: the same file from any number of threads; nothing but the file at its place
for j in 1 2 8; do "$tokenize" train --quiet -n 2000 -j $j -o "tok$j.json" docs.jsonl; done
"$tokenize" train --quiet -n 2000 -o - - <docs.jsonl >tok.json
for j in 1 2 8; do cmp tok.json "tok$j.json"; done
[ "$(ls | wc -l)" = 5 ]

# encoding: the same stream and ids from any number of threads, at any endpoint
"$tokenize" -q -t tok.json -j 1 <docs.jsonl >a.tok
for j in 2 8; do "$tokenize" -q -t tok.json -j $j <docs.jsonl | cmp - a.tok; done
"$tokenize" encode -q -t tok.json -i docs.jsonl -o b.tok
cmp a.tok b.tok
"$tokenize" -q -t tok.json --ids -j 1 <docs.jsonl >a.ids
"$tokenize" -q -t tok.json --ids -j 3 -o b.ids docs.jsonl
cmp a.ids b.ids
[ "$(wc -l <a.ids)" = "$(wc -l <docs.jsonl)" ]
grep -qvE '^\[[0-9]+(,[0-9]+)*\]$' a.ids && { echo "not arrays of ids"; exit 1; }

# decoding a stream and arrays gives the same documents
"$tokenize" decode -t tok.json <a.tok >back.jsonl
"$tokenize" decode -t tok.json -i a.ids | sed 's/"domain":"[a-z]*"/"domain":"other"/' >back2.jsonl
sed 's/,"id":"[^"]*"//' docs.jsonl | cmp - back.jsonl
sed 's/"domain":"[a-z]*"/"domain":"other"/' back.jsonl | cmp - back2.jsonl

# a long document is cut into records, and put together; any bytes come back
{ for _ in $(seq 8); do cat docs.jsonl; done; head -c 300000 /dev/urandom | tr -d '\0'; } >long.bin
printf 'a\xff\xc3 \xe4\xb8\xad\xe4\xb8' >>long.bin
"$tokenize" -q -t tok.json -j 2 long.bin >long.tok
"$tokenize" decode -t tok.json --raw <long.tok | cmp - long.bin
"$tokenize" -q -t tok.json --ids -j 2 long.bin >long.ids
[ "$(wc -l <long.ids)" = 1 ]
"$tokenize" decode -t tok.json --raw <long.ids | cmp - long.bin

# the pieces of a cut document are tokenised as the whole: no cut shows in the ids
{ head -c 2500000 long.bin | tr -dc 'a-z\n .,'; } >plain.txt
"$tokenize" -q -t tok.json --ids plain.txt | tr -d '[]' | tr ',' '\n' >whole.ids
split -C 100000 plain.txt part.         # at line ends before text, as pre-tokens end there
for f in part.*; do mv "$f" "$f.txt"; done
"$tokenize" -q -t tok.json --ids part.*.txt | tr -d '[]' | tr ',' '\n' >parts.ids
cmp whole.ids parts.ids

# empty input, special names in text, specials by id, bytes that are no UTF-8
[ "$("$tokenize" -q -t tok.json --ids </dev/null | wc -c)" = 0 ]
"$tokenize" -q -t tok.json </dev/null | "$tokenize" decode -t tok.json | cmp - /dev/null
echo '{"text":"<|eos|>"}' | "$tokenize" -q -t tok.json --ids >special.ids
grep -q ',' special.ids
[ "$("$tokenize" decode -t tok.json --raw <special.ids)" = '<|eos|>' ]
[ "$(echo '[104,1970,105]' | "$tokenize" decode -t tok.json --raw)" = hi ]
[ "$(echo '[104,1970,105]' | "$tokenize" decode -t tok.json --raw --special)" = 'h<|eos|>i' ]
echo ' [ 255 , 104 ] [] [105]' | "$tokenize" decode -t tok.json 2>err >odd.jsonl
[ "$(head -c 16 odd.jsonl)" = '{"text":"'$'\xef\xbf\xbd''h","' ]
[ "$(wc -l <odd.jsonl)" = 3 ]
grep -q 'not UTF-8' err

# a reader that stops early is no error message
"$tokenize" -t tok.json --ids <docs.jsonl 2>err | head -1 >/dev/null || true
if grep -v 'documents' err | grep -q .; then cat err; exit 1; fi
{ "$tokenize" -q -t tok.json --ids <docs.jsonl || true; } | head -1 | cmp - <(head -1 a.ids)
