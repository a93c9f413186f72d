# run.sh: every stage once, a second run does nothing again, one stage alone is redone
set -euo pipefail
"$ROOT/run.sh" --run "$PWD/r" --steps 3 --vocab 1200 --batch 4 --train '--layers 1 --width 64 --heads 1' >first 2>&1 || { cat first; exit 1; }
grep -q 'bits' r/eval.txt && [ -s r/samples.txt ]
"$ROOT/run.sh" --run "$PWD/r" --steps 3 --vocab 1200 --batch 4 --train '--layers 1 --width 64 --heads 1' >second 2>&1
for s in tokenize shard train eval sample; do grep -q "== $s: finished earlier" second; done
"$ROOT/run.sh" sample --run "$PWD/r" --steps 3 --vocab 1200 --batch 4 --train '--layers 1 --width 64 --heads 1' >third 2>&1
if grep -q '== train' third; then echo 'the training was redone'; exit 1; fi
code=0; "$ROOT/run.sh" --no-such-option >/dev/null 2>err || code=$?
[ $code -eq 2 ]
grep -q 'no-such-option' err
