# run.sh: every stage once, a second run does nothing again, one stage alone is redone; failures end it, and are named
set -euo pipefail
run() {         # LOG [option...]; a run that hangs fails by the time limit of tests
    "$ROOT/run.sh" --run "$PWD/r r" --steps 3 --vocab 1200 --batch 4 "${@:2}" >"$1" 2>&1
}
small=(--train '--layers 1 --width 64 --heads 1')
run first "${small[@]}" || { cat first; exit 1; }
grep -q 'bits' 'r r/eval.txt'
grep -q '"bits_per_byte"' 'r r/eval.json'
[ -s 'r r/samples.txt' ]
run second "${small[@]}"
for s in tokenize shard train eval sample; do grep -q "== $s: finished earlier" second; done
run third sample "${small[@]}"
if grep -q '== train' third; then echo 'the training was redone'; exit 1; fi

# train fails, or mix: both end, with the reason
code=0; run bad train --train '--no-such-option' || code=$?
[ $code -eq 2 ] || { echo "exit $code"; cat bad; exit 1; }
grep -q 'no-such-option' bad
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
[ -f stopped/model/latest/model.safetensors ]
for p in /proc/[0-9]*; do
    [ "$p" = /proc/$$ ] || ! tr '\0' ' ' 2>/dev/null <"$p/cmdline" | grep -F "$PWD/stopped" || { echo 'runs on'; exit 1; }
done
