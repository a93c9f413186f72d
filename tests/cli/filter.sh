# filter: planted documents are dropped by the rule that is meant, with any number of threads and any memory; damage is told
set -euo pipefail
F=$BIN/filter
expect() {      # CODE WORD COMMAND...
    local code=0 want=$1 word=$2; shift 2
    "$@" >out 2>err || code=$?
    [ $code -eq "$want" ] && grep -q -- "$word" err || { echo "exit $code, not $want with '$word': $*"; cat err; exit 1; }
}
count() { grep -c '"rule":"'"$1"'"' dropped.jsonl || true; }
ids() { grep -o '"id":"[^"]*"' "$1"; }

# documents of random words; every third comes again as it was but for white space, every fifth in capitals and with a
# word more, both far behind
python3 - <<'P'
import json, random
random.seed(3)
words = ["".join(random.choice("bdfgklmnprst") + random.choice("aeiou") for _ in range(random.randint(1, 4))) for _ in range(3000)]
def write(name, texts):
    with open(name + ".jsonl", "w") as f:
        for i, text in texts:
            print(json.dumps({"text": text, "id": f"{name}-{i}", "domain": "math"}), file=f)
def texts(n):
    return [(i, " ".join(random.choice(words) for _ in range(40)) + ".\n") for i in range(n)]
base = texts(600)
write("base", base)
write("exact", [(i, "\n " + t.replace(" ", "  ", 3) + "\n") for i, t in base[::3]])
write("near", [(i, "But " + t.upper() + "!") for i, t in base[::5]])
many = texts(6000)
write("many", many + [(i, t) for i, t in many[::4]] + [(i, "But " + t) for i, t in many[::6]])
P
n=$(wc -l <base.jsonl) n_exact=$(wc -l <exact.jsonl) n_near=$(wc -l <near.jsonl)
cat base.jsonl exact.jsonl near.jsonl >all.jsonl

"$F" --exact-duplicates --near-duplicates -x dropped.jsonl all.jsonl >kept.jsonl 2>err
[ "$(count exact_duplicate)" = "$n_exact" ]
[ "$(count near_duplicate)" = "$n_near" ]
[ "$(wc -l <kept.jsonl)" = "$n" ]
[ "$(grep -c '"id":"base-' kept.jsonl)" = "$n" ]
grep -q " $n_near .* near_duplicate" err
cmp kept.jsonl <("$BIN/fetch" --cat base.jsonl)

# the same for any number of threads, any memory, from a pipe, to a file
for j in 1 3 8; do
    "$F" -q --exact-duplicates --near-duplicates -j $j --rules c4,gopher-quality --without too_few_sentences,gopher_short_doc -x d$j.jsonl -o k$j.jsonl <all.jsonl
    cmp k$j.jsonl k1.jsonl
    cmp d$j.jsonl d1.jsonl
done
"$F" --json --exact-duplicates --near-duplicates many.jsonl 2>large.json >large.jsonl
for j in 1 4; do
    "$F" --json --exact-duplicates --near-duplicates --memory 1MiB --tmp . -j $j many.jsonl 2>little.json >little.jsonl
    cmp large.jsonl little.jsonl
    grep -q '"spilled_keys": [1-9]' little.json
done
grep -q '"spilled_keys": 0' large.json
[ "$(wc -l <large.jsonl)" = 6000 ]
[ "$(find . -name '.tritter*' | wc -l)" = 0 ]
expect 1 'File too large' bash -c 'ulimit -f 8; "$0" --near-duplicates --memory 1MiB --tmp . many.jsonl >/dev/null' "$F"

# a sample is a function of text and seed; another seed draws another; what is not drawn is dropped
"$F" -q --sample 30% --seed 1 -x rest.jsonl base.jsonl >sample.jsonl
[ "$(cat sample.jsonl rest.jsonl | wc -l)" = "$n" ]
awk -v n="$n" -v s="$(wc -l <sample.jsonl)" 'BEGIN {exit s < n * .2 || s > n * .4}'
tac base.jsonl | "$F" -q --sample 30% --seed 1 | tac | cmp - sample.jsonl
"$F" -q --sample 30% --seed 2 base.jsonl >other.jsonl
if cmp -s sample.jsonl other.jsonl; then echo "another seed draws the same"; exit 1; fi

# evaluation texts: thirteen words of a field, a whole text of eight to twelve, not one of seven
cat >evaluation.jsonl <<'J'
{"question": "Alpha bravo, charlie delta echo foxtrot golf hotel; india juliett kilo lima mike november", "choices": ["one"], "answer": 1}
{"goal": "Peter piper picked a peck of pickled peppers"}
{"goal": "seven words alone are not enough here"}
J
cat >suspects.jsonl <<'J'
{"text": "so ALPHA-bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike.", "id": "field"}
{"text": "so alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima, then", "id": "twelve"}
{"text": "they say peter Piper picked a peck of pickled peppers and left", "id": "whole"}
{"text": "seven words alone are not enough here", "id": "short"}
J
"$F" --decontaminate evaluation.jsonl -x dropped.jsonl suspects.jsonl >kept.jsonl 2>err
[ "$(ids dropped.jsonl | tr '\n' ' ')" = '"id":"field" "id":"whole" ' ]
[ "$(count contaminated)" = 2 ]
grep -q '1 of 3 evaluation texts have fewer than 8 words' err

# addresses are masked, after duplicates were looked for
printf '{"text":"write to a.b@c.org from 8.8.8.8","id":"m"}\n{"text":"write to d@e.org from 8.8.4.4"}\n' |
    "$F" --mask-personal --exact-duplicates >kept.jsonl 2>err
[ "$(head -n 1 kept.jsonl)" = '{"text":"write to email@example.com from 192.0.2.1","id":"m","domain":"other"}' ]
[ "$(wc -l <kept.jsonl)" = 2 ]
grep -q '2 e-mail addresses and 2 IP addresses were masked' err

# languages, by a small model of two
G=$ROOT/tests/golden/language
cat >languages.jsonl <<'J'
{"text":"the people of this country said that\nthey have been there for many years","id":"en"}
{"text":"die leute in diesem land haben gesagt\ndass sie seit vielen jahren da sind","id":"de"}
J
for model in tiny.bin tiny.ftz; do
    "$F" -q --language en --language-model "$G/$model" -x dropped.jsonl languages.jsonl >kept.jsonl
    [ "$(ids kept.jsonl) $(ids dropped.jsonl)" = '"id":"en" "id":"de"' ]
    [ "$(count language)" = 1 ]
    "$F" -q --language de,en --language-model "$G/$model" languages.jsonl | cmp - <("$BIN/fetch" --cat languages.jsonl)
    for cut in 0 3 8 30 60 100 200 3000 9000; do
        head -c $cut "$G/$model" >bad.model
        expect 1 'bad.model: offset [0-9]*: ' "$F" --language en --language-model bad.model languages.jsonl
    done
done
expect 1 'no label for the language fr' "$F" --language en,fr --language-model "$G/tiny.ftz" languages.jsonl
{ head -c -48 "$G/tiny.bin"; head -c 48 /dev/zero | tr '\0' '\377'; } >nan.model
expect 1 'nan.model: .*NaN' "$F" --language en --language-model nan.model languages.jsonl
head -c 100 all.jsonl >bad.model
expect 1 'not a fastText model' "$F" --language en --language-model bad.model languages.jsonl

# damaged input: a message that names the place, and readers are told
{ head -n 3 base.jsonl; echo '{"text":'; } >bad.jsonl
expect 1 'bad.jsonl:4: byte' "$F" --exact-duplicates bad.jsonl
[ "$(tail -n 1 out)" = '{"stream_error":"filter"}' ]
cp out failed.jsonl
expect 1 'their writer (filter) failed' "$F" --exact-duplicates failed.jsonl
expect 1 'bad.jsonl:4: byte' "$F" --exact-duplicates -o never.jsonl -x never.x bad.jsonl
[ "$(find . -name '*never*' | wc -l)" = 0 ]
"$F" --skip-bad --exact-duplicates bad.jsonl 2>/dev/null | cmp - <("$BIN/fetch" --cat <(head -n 3 base.jsonl))
echo '{"question": "no end' >evaluation.bad.jsonl
expect 1 'evaluation.bad.jsonl:1: not a JSON object' "$F" --decontaminate evaluation.bad.jsonl base.jsonl
zstd -q base.jsonl
head -c 3000 base.jsonl.zst >cut.jsonl.zst
expect 1 'cut.jsonl.zst' "$F" --exact-duplicates cut.jsonl.zst
printf 'a\377b' >latin.txt
[ "$("$F" --exact-duplicates latin.txt 2>err)" = '{"text":"a�b","id":"latin.txt","domain":"other"}' ]
grep -q '1 bytes that are not UTF-8' err

# long texts that are one word, or signs alone, take time in proportion to their length
python3 -c 'import json
for i, s in enumerate(["(", "a-", "x.y@", "1.", "\u2603", "[1"]): print(json.dumps({"text": s * 1000000, "id": i}))' >long.jsonl
timeout 60 "$F" -q --rules gopher-repetition,gopher-quality,c4,fineweb --without dup_line_frac,gopher_short_doc --near-duplicates --mask-personal long.jsonl >out

# misuse
expect 2 'say what to drop' "$F" base.jsonl
expect 2 "'gopher' is none of" "$F" --rules gopher base.jsonl
expect 2 "no rule 'nope'" "$F" --rules c4 --without nope base.jsonl
expect 2 'goes with --rules' "$F" --without lorem_ipsum base.jsonl
expect 2 'go together' "$F" --language en base.jsonl
expect 2 'at least 1MiB' "$F" --near-duplicates --memory 1000 base.jsonl
expect 2 'is no directory' "$F" --near-duplicates --tmp nowhere base.jsonl
expect 2 'would be written over' "$F" --near-duplicates -o base.jsonl base.jsonl

# a signal: what is begun is removed, and readers of standard output are told
mkfifo pipe
for s in TERM INT; do
    "$F" -q --exact-duplicates -x dropped.x <pipe >out & p=$!
    exec 9>pipe
    cat base.jsonl >&9
    for _ in $(seq 500); do [ -e .dropped.x.tritter-partial ] && break; sleep 0.01; done
    sleep 0.1
    kill -$s $p
    code=0; wait $p || code=$?
    exec 9>&-
    [ $code -eq $((128 + $(kill -l $s))) ]
    [ "$(find . -name '*dropped.x*' | wc -l)" = 0 ]
    [ "$(tail -n 1 out)" = '{"stream_error":"filter"}' ]
done

# between fetch and tokenize
"$BIN/tokenize" train -q -n 500 -o tok.json base.jsonl
"$BIN/fetch" -q --cat all.jsonl | "$F" -q --exact-duplicates | "$BIN/tokenize" -q -t tok.json | "$BIN/shard" -q -o shards >/dev/null
"$TOOLS/shard-dump" shards/*.tok | grep -q "$((n + n_near))"
