# inspect shows the ids that tokenize gives.
set -euo pipefail
tokenize="$BIN/tokenize"
for d in language code; do "$BIN/fetch" --quiet --cat "demo:$d" --limit 60KB --seed 5; done >docs.jsonl
"$tokenize" train -q -n 700 -o tok.json docs.jsonl

# the tokens of a text, joined, are the text; as many as ids
text='the cat; it said  "no" 12'
"$tokenize" inspect -t tok.json --text "$text" >out
[ "$(head -1 out | tr -d '|')" = "$text" ]
n=$(printf '%s' "$text" >t.md && "$tokenize" -q -t tok.json --ids t.md | tr -cd , | wc -c)
[ "$(head -1 out | tr -cd '|' | wc -c)" = "$n" ]
"$tokenize" inspect -t tok.json --text $'a\nb\x01\xff' | head -1 | tr -d '|' | grep -qxF 'a\nb\x01\xff'

# sums: of all documents, by domain, and unused tokens, against the ids themselves
"$tokenize" inspect -t tok.json --show 0 docs.jsonl >sums
"$tokenize" -q -t tok.json --ids docs.jsonl | tr -d '[]' | tr ',' '\n' | grep . | sort -n | uniq >used
tokens=$("$tokenize" -q -t tok.json --ids docs.jsonl | tr -d '[]' | tr ',' '\n' | grep -c .)
grep -qE "^all +$(wc -l <docs.jsonl) +$tokens " sums
grep -qE '^language ' sums
grep -qE '^code ' sums
grep -q "did not occur: $((668 - $(wc -l <used))) of 668 " sums || { cat sums; wc -l used; exit 1; }
grep -q '|' sums && { echo "--show 0 shows"; exit 1; }
"$tokenize" inspect -t tok.json --show 0 --unused 3 docs.jsonl | tail -3 | grep -qE '^ +0  .x00$'

# JSON
"$tokenize" inspect -t tok.json --json --text 'hi there' >j
grep -q '"tokens":\[{"id":' j
grep -q '"unused":{"text_tokens":668,' j
"$tokenize" inspect -t tok.json --json docs.jsonl | grep -q "\"tokens\":$tokens,"

# on a terminal in colours
if command -v script >/dev/null; then
    script -qec "'$tokenize' inspect -t tok.json --text 'the cat'" /dev/null </dev/null >tty
    grep -q $'\x1b\\[30;4' tty
fi
code=0; "$tokenize" inspect -t tok.json --text x docs.jsonl 2>/dev/null || code=$?
[ $code = 2 ]
