# fetch --plan: what lies in folders and in the cache, what a mix lacks, and commands that bring it; then run.sh --corpus plan,
# from the tests' hub to samples, through Parquet, JSON and Software Heritage.
set -eu
. "$ROOT/tests/hub/lib.bash"
for d in language code math ml logic; do "$BIN/fetch" -q --cat "demo:$d" --limit 100KB; done >all.jsonl
python3 "$ROOT/tests/hub/corpora.py" hub <all.jsonl
hub_start --page 1000
export TRITTER_SWH_URL=http://127.0.0.1:$PORT
mix='language=40 code=25 math=15 ml=10 logic=10'
plan() { "$BIN/fetch" --plan "$mix" --tokens "$@"; }
field() { python3 -c 'import json, sys; p = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$@"; }
same() { [ "$1" = "$2" ] || { echo "$3: $1 instead of $2"; exit 1; }; }

# nothing is here: all is missing, and nobody was asked
plan 2B >out
grep -q '^Nothing is here yet' out
grep -q "^bin/fetch -o text/code corpus:stack-edu:python --limit .* licence: by file" out
plan 2B --json >plan.json
same "$(field plan.json '[n["needs"] for n in p["mix"]]')" '[800000000, 500000000, 300000000, 200000000, 200000000]' needs
same "$(field plan.json 'p["mix"][0]["missing"], p["mix"][0]["read_now"]')" '(800000000, 0.0)' missing
same "$(field plan.json '[s["source"] for s in p["mix"][0]["sources"]]')" "['corpus:fineweb-edu-10bt']" source
plan 60B --json >plan.json      # the next larger one, where the small one does not suffice
same "$(field plan.json '[s["source"] for s in p["mix"][0]["sources"]]')" "['corpus:fineweb-edu-100bt']" source
plan 2B -o "my dir" --corpora /dev/null >out 2>err && exit 1
printf '[{"name": "own", "place": "datasets/org/own", "files": "*.jsonl", "domain": "logic", "tokens": 900000000, "bytes": 9}]' >'own table.json'
plan 2B -o "my dir" --corpora 'own table.json' >out
grep -q "^bin/fetch -o 'my dir/logic' --corpora 'own table.json' corpus:own --limit" out
same "$(requests .)" 0 'requests of a plan'

# what lies in folders: kinds, domains, estimates; what is damaged is named
mkdir -p mine/py mine/notes mine/TinyStories/data
"$BIN/fetch" -q --cat demo:language --limit 300KB >mine/stories.jsonl
for i in $(seq 30); do printf '{"text": "Premises: all cats are animals, and Tom %d is a cat.\\nConclusion: Tom %d is an animal.\\nTrue"}\n' "$i" "$i"; done >mine/puzzles.jsonl
"$BIN/fetch" -q --cat demo:math --limit 50KB | zstd -q >mine/sums.jsonl.zst
head -c 5000 mine/sums.jsonl.zst >mine/cut.jsonl.zst
printf 'def f(x):\n    return self.x == 1\n' | tee mine/py/a.py >mine/py/b.py
echo 'a plain note' >mine/notes/a.txt
printf 'a\0b' >mine/notes/b.bin
cp "$ROOT/tests/golden/parquet/plain-v1.parquet" mine/TinyStories/data/train-00000-of-00004-2d5a1467fff1081b.parquet
"$BIN/fetch" -q -o mine corpus:gsm8k >/dev/null
plan 1M --json mine >plan.json
group() { field plan.json "[(g['domain'], g['corpus'], g['guessed'], g['files'], g['documents']) for g in p['here'] if g['where'].endswith('$1')]"; }
same "$(group stories.jsonl)" "[('language', None, False, 1, $(wc -l <mine/stories.jsonl))]" stories
same "$(group puzzles.jsonl)" "[('logic', None, True, 1, $(wc -l <mine/puzzles.jsonl))]" puzzles
same "$(group sums.jsonl.zst)" "[('math', None, False, 1, $(zstd -dcq mine/sums.jsonl.zst | wc -l))]" sums
same "$(group py)" "[('code', None, True, 2, 2)]" py
same "$(group gsm8k.jsonl.zst)" "[('math', 'gsm8k', False, 1, $(zstd -dcq mine/gsm8k.jsonl.zst | wc -l))]" gsm8k
same "$(field plan.json '[(g["corpus"], g["counts"]) for g in p["here"] if g["format"] == ".parquet"]')" "[('tinystories', True), ('gsm8k', False)]" 'a corpus by its path, and one that is here twice'
same "$(field plan.json '[(u["file"], "truncated" in u["why"]) for u in p["unusable"]]')" "[('mine/cut.jsonl.zst', True)]" damaged
plan 1M mine >out
grep -q '^unusable: mine/cut.jsonl.zst: offset 5000: truncated' out
# the estimate is near what a large vocabulary makes of the text
"$BIN/tokenize" train -q -n 65536 -o tok.json all.jsonl 2>/dev/null
real=$("$BIN/tokenize" -q -t tok.json --ids <mine/stories.jsonl | python3 -c 'import json, sys; print(sum(len(json.loads(l)) + 1 for l in sys.stdin))')
said=$(field plan.json '[g["tokens"] for g in p["here"] if g["where"].endswith("stories.jsonl")][0]')
[ $((said * 100 / real)) -ge 80 ] && [ $((said * 100 / real)) -le 120 ] || { echo "estimated $said tokens, there are $real"; exit 1; }

# what lies in the cache: whole corpora count, lists of ids and other repositories do not
"$BIN/fetch" -q --download hf://datasets/HuggingFaceFW/fineweb-edu/sample/10BT hf://datasets/HuggingFaceTB/stack-edu/Python >/dev/null
mkdir -p hub/datasets/org/else/main
cp all.jsonl hub/datasets/org/else/main/
"$BIN/fetch" -q --download hf://datasets/org/else >/dev/null
: >hub.log
plan 10k --json >plan.json
cached() { field plan.json "[(g['corpus'], g['cached'], g['counts'], g['files']) for g in p['here'] if '$1' in g['where']]"; }
same "$(cached fineweb)" "[('fineweb-edu-10bt', True, True, 2)]" cached
same "$(cached stack-edu)" "[('stack-edu:python', True, False, 1)]" ids
same "$(cached else)" "[(None, True, False, 1)]" other
same "$(field plan.json '[(s["source"], s["download"]) for s in p["mix"][0]["sources"]]')" "[('corpus:fineweb-edu-10bt', 0)]" 'the source that is here'
same "$(requests .)" 0 'requests of a plan'

# its commands close the gap
plan 20k -o text | grep '^bin/fetch ' | sed "s|^bin/fetch|\"$BIN/fetch\" -q|" | bash -e >/dev/null
HF_HUB_CACHE=$PWD/none plan 20k --json text >plan.json
same "$(field plan.json 'max(n["missing"] for n in p["mix"]), p["download"]')" '(0, 0)' 'still missing'

misused() { local code=0; "$BIN/fetch" "$@" >out 2>err || code=$?; [ $code = 2 ] || { echo "exit $code: $*"; exit 1; }; }
misused --plan 'language=40'
misused --tokens 2B --list
misused --plan 'language' --tokens 2B
misused --plan 'other=1' --tokens 2B
misused --plan 'code=0' --tokens 2B
misused --plan 'code=1 code=2' --tokens 2B
misused --plan 'code=1' --tokens 2X
misused --plan '' --tokens 2B
misused --plan 'code=1' --tokens 2B --cat x

# the whole of it, on a small scale
run() {         # LOG [OPTION...]
    OMP_NUM_THREADS=1 "$ROOT/run.sh" --corpus plan --tokens 40k -m nano --vocab 900 --batch 4 --run "$PWD/r" "${@:2}" \
        --train '--layers 1 --width 64 --heads 1 --val-every 0' >"$1" 2>&1 || { cat "$1"; exit 1; }
}
rm -rf home
: >hub.log
run first
for part in 'fineweb-edu/resolve' 'stack-edu/resolve' gsm8k ML-ArXiv folio_v2_train.jsonl /content/; do
    [ "$(requests "\"GET\".*$part")" -gt 0 ] || { echo "nothing was read of $part"; exit 1; }
done
[ -s r/samples.txt ]
grep -q '^logic ' r/eval.txt
steps=$(wc -l <r/model/ledger.jsonl)
same "$steps" $((40000 / 4 / 256 + 1)) steps
weights='language=40 code=25 math=15 ml=10 logic=10' sources=()
for w in $weights; do sources+=("$w:r/tokens/${w%=*}"); done
"$BIN/mix" "${sources[@]}" -T 256 -B 4 --seed 7 --steps "$steps" --dry-run --json >mix.json
same "$(field mix.json 'p["mix_hash"]')" "$(sed -n '$s/.*"mix":"\([^"]*\)".*/\1/p' r/model/ledger.jsonl)" 'the mix that was trained on'
same "$(field mix.json 'all(abs(s["drawn_tokens"] - s["weight"] * p["tokens"]) < p["T"] for s in p["sources"])')" True 'shares within a row'
: >hub.log
run second
for s in fetch tokenize shard train eval sample; do grep -q "== $s: finished earlier" second || { cat second; exit 1; }; done
same "$(requests .)" 0 'requests of a finished run'

# a text that somebody else put there is neither removed nor trained on
mine=r/text/math/mine.jsonl.zst
zstd -q all.jsonl -o $mine
if (run asked fetch >said); then echo 'a foreign text was taken, or removed'; exit 1; fi
grep -q "$mine: not made by run.sh" said
[ -s $mine ]
rm $mine

# --stream: the first steps are done while text is still arriving; each round is a mix of its own, and together they are the training
control '{"where": "cdn", "path": "sample/10BT/001*", "fault": "slow", "rate": 10000}'
run third --stream --first 13k --run "$PWD/s" &
pid=$!
until [ -s s/model.building/ledger.jsonl ]; do kill -0 $pid || { cat third; exit 1; }; sleep 0.05; done
[ ! -e s/tokens/language/complete ] || { echo 'training waited for all of the text'; exit 1; }
control
wait $pid
grep -q 'round 2 of 2' third
[ -s s/samples.txt ]
same "$(sed 's/.*"mix":"\([^"]*\)".*/\1/' s/model/ledger.jsonl | uniq -c | awk '{printf "%s ", $1}')" "$((steps / 3)) $((steps - steps / 3)) " 'steps of the rounds'
run fourth --stream --first 13k --run "$PWD/s"
for s in fetch tokenize train eval sample; do grep -q "== $s: finished earlier" fourth || { cat fourth; exit 1; }; done
