# run.sh: every stage once, a second run does nothing again, one stage alone is redone; failures end it, and are named
set -euo pipefail
run() {         # LOG [option...]; a run that hangs fails by the time limit of tests
    "$ROOT/run.sh" --run "$PWD/r r" --steps 3 --vocab 1200 --batch 4 "${@:2}" >"$1" 2>&1
}
small=(--train '--layers 1 --width 64 --heads 1')
run first "${small[@]}" || { cat first; exit 1; }
grep -q 'bits' 'r r/eval.txt'
grep -q '"bits_per_byte"' 'r r/eval.json'
[ -s 'r r/samples.txt' ] && [ -s 'r r/report.html' ]
run second "${small[@]}"
for s in tokenize shard train eval sample; do grep -q "== $s: finished earlier" second; done
run third sample "${small[@]}"
if grep -q '== train' third; then echo 'the training was redone'; exit 1; fi

# without a number of steps, a model and steps that fit the minutes are chosen, once
planned() { "$ROOT/run.sh" --run "$PWD/planned" --minutes 1 --batch 2 "$@" tokenize >planned.log 2>&1 || { cat planned.log; exit 1; }; }
planned
grep -qE '^run.sh: recipe fast: .* [0-9]+ layers of width [0-9]+, vocabulary [0-9]+' planned.log
sed -n 2p planned/plan | grep -qE '^[0-9]+ [0-9]+ [0-9]+$'
sed -n 3p planned/plan | grep -qE '^--layers [0-9]+ --width [0-9]+ --heads [0-9]+ --ffn [0-9]+$'
cp planned/plan chosen
planned
cmp planned/plan chosen
if grep -q 'recipe fast' planned.log; then echo 'it was chosen again'; exit 1; fi
planned -m nano --vocab 1200
sed -n 2p planned/plan | grep -q ' 1200$'
[ -z "$(sed -n 3p planned/plan)" ]

# train fails, or mix: both end, with the reason; the finished model stays, and nothing of others is removed
model=$(sha256sum <'r r/model/latest/model.safetensors')
code=0; run bad --train '--no-such-option' || code=$?
[ $code -eq 2 ] || { echo "exit $code"; cat bad; exit 1; }
grep -q 'no-such-option' bad
[ "$(sha256sum <'r r/model/latest/model.safetensors')" = "$model" ]
run fourth "${small[@]}"
grep -q '== train: finished earlier' fourth
echo 'a year of work' >'r r/model/thesis.tex'
code=0; run bad train "${small[@]}" || code=$?
[ $code -eq 1 ] || { echo "exit $code"; cat bad; exit 1; }
grep -q 'thesis.tex: not made by run.sh' bad
[ "$(sha256sum <'r r/model/latest/model.safetensors')" = "$model" ]
rm 'r r/model/thesis.tex'
mkdir 'r r/tokens/logic.val'
touch 'r r/tokens/logic.val/notes'
code=0; run bad shard "${small[@]}" || code=$?
[ $code -eq 1 ] && grep -q 'notes: not made by run.sh' bad
rm -r 'r r/tokens/logic.val'
run fifth --from shard "${small[@]}"
[ "$(sha256sum <'r r/model/latest/model.safetensors')" = "$model" ]
[ ! -e 'r r/model.old' ] && [ ! -e 'r r/model.building' ]
rm -r 'r r/tokens/math'
code=0; run bad train "${small[@]}" || code=$?
[ $code -eq 1 ] || { echo "exit $code"; cat bad; exit 1; }
grep -q 'mix: .*r r/tokens/math' bad

misused() {     # PATTERN [option...]
    local code=0
    run bad "${@:2}" || code=$?
    [ $code -eq 2 ] && grep -qE -- "$1" bad || { echo "exit $code: ${*:2}"; cat bad; exit 1; }
}
misused 'no-such-option' --no-such-option
misused "'x' is not a weight" --mix '1 2 3 4 x'
misused "'0' is not a number above 0" --steps 0
misused "no device 'gpu'" --device gpu
misused "no recipe 'slow'" --recipe slow
misused "no preset 'huge'" -m huge
mkdir 'my data'
for d in language code; do echo '{"text":"a"}' >"my data/$d.train.jsonl"; done
code=0; run bad --data 'my data' || code=$?
[ $code -eq 1 ]
grep -q 'my data: no math.train.jsonl' bad
code=0; run bad --data nowhere || code=$?
[ $code -eq 1 ]
grep -q "no directory 'nowhere'" bad

# SIGTERM to run.sh alone: train saves and ends, and nothing runs on
"$ROOT/run.sh" --run "$PWD/stopped" --steps 100000 --vocab 1200 --batch 4 "${small[@]}" >stopped.log 2>&1 &
pid=$!
until grep -q 'step 20 ' stopped.log; do kill -0 $pid || { cat stopped.log; exit 1; }; sleep 0.1; done
kill -TERM $pid
code=0; wait $pid || code=$?
[ $code -eq 143 ] || { echo "exit $code"; cat stopped.log; exit 1; }
[ -f stopped/model.building/latest/model.safetensors ]
for p in /proc/[0-9]*; do
    [ "$p" = /proc/$$ ] || ! tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -F "$PWD/stopped" || { echo 'runs on'; exit 1; }
done

# kill -9 of run.sh alone: train is told TERM, saves and ends, and nothing runs on; the same command goes on
"$ROOT/run.sh" --run "$PWD/killed" --steps 100000 --vocab 1200 --batch 4 "${small[@]}" >killed.log 2>&1 &
pid=$!
until grep -q 'step 20 ' killed.log; do kill -0 $pid || { cat killed.log; exit 1; }; sleep 0.1; done
kill -9 $pid
wait $pid 2>/dev/null || true
running() {
    local p
    for p in /proc/[0-9]*; do
        [ "$p" = /proc/$$ ] && continue
        if tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -qF "$PWD/killed"; then return 0; fi
    done
    return 1
}
for _ in $(seq 200); do running || break; sleep 0.1; done
if running; then echo 'runs on after kill -9'; exit 1; fi
[ -f killed/model.building/latest/model.safetensors ]

# text that has changed is read again
mkdir text
for d in language code math ml logic; do "$BIN/fetch" --quiet --cat "demo:$d" --limit 60KB >"text/$d.train.jsonl"; done
again() { "$ROOT/run.sh" --run "$PWD/t" --data text --steps 2 --vocab 600 --batch 2 "${small[@]}" >"$1" 2>&1 || { cat "$1"; exit 1; }; }
again one
again two
[ "$(grep -c 'finished earlier' two)" = 5 ]
"$BIN/fetch" --quiet --cat demo:math --seed 9 --limit 60KB >text/math.train.jsonl
again three
if grep 'finished earlier' three; then exit 1; fi
cp text/logic.train.jsonl text/logic.val.jsonl
again four
if grep 'finished earlier' four; then exit 1; fi
[ -d t/tokens/logic.val ]

# a text so small that it would be read often gets less weight, unless --mix says how much
head -n 8 text/logic.val.jsonl >text/logic.train.jsonl
often() { "$ROOT/run.sh" --run "$PWD/t" --data text --steps 120 --vocab 600 --batch 2 "${small[@]}" "$@" tokenize shard train >often 2>&1 || { cat often; exit 1; }; }
often
said=$(sed -n 's/^run.sh: logic has \([0-9]*\) tokens: its weight is \([0-9.]*\) % instead of 10.*/\1 \2/p' often)
echo "$said" | awk '{d = $2 / 100 * 120 * 2 * 256 - 3 * $1; exit !(NF == 2 && d < 1 && d > -1)}' || { cat often; exit 1; }
if grep 'will be read' often; then exit 1; fi
often --mix '40 25 15 10 10'
if grep 'its weight is' often; then exit 1; fi
grep -q 'logic: .* will be read' often
