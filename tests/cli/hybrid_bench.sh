# hybrid-bench: two arms, two budgets, a sweep; ended in the midst and continued; nothing is done twice; the report says what runs say
. "$ROOT/tests/cli/train_data.bash"
cat >arms <<'END'
adamw:
muon:       --optimizer muon
fast:       lr=adamw*2          # twice what adamw's sweep chose
END
bench=("$ROOT/tools/hybrid-bench" --data "$PWD" -o "$PWD/out" --arms-file arms --mix 'language=60 math=40' --context 32 --batch 4
    --val-tokens 512 --steps '5 10' --full 10 --seeds 1 --lrs '1e-3 4e-3' --sweep-steps 5
    --train '--layers 1 --width 32 --heads 2 --head-dim 16 --ffn 48 --threads 1')
bench() { "${bench[@]}" "$@"; }

bench --dry-run >plan
grep -q '^10 runs are left' plan
[ "$(grep -c '^sweep' plan)" = 4 ]
grep -qE '^main +fast +lr tuned' plan
if ls out/runs | grep .; then echo 'a dry run left runs'; exit 1; fi

# ended by a signal as soon as the third run has begun
"${bench[@]}" >first 2>&1 & p=$!
until [ "$(find out/runs -mindepth 1 -maxdepth 1 -type d | wc -l)" -ge 3 ]; do sleep 0.02; done
kill -TERM $p
code=0; wait $p || code=$?
[ $code = 143 ] || { echo "exit $code"; cat first; exit 1; }
before=$(find out/runs -name 'done' | sort)
kept=$(echo "$before" | head -1)
stat -c %Y.%i "$kept" >stamp
mkdir -p out/runs/main-adamw-b5-s1                      # what a kill -9 leaves
echo '{"type":"step",' >out/runs/main-adamw-b5-s1/metrics.jsonl

bench >second 2>&1 || { cat second; exit 1; }
[ "$(stat -c %Y.%i "$kept")" = "$(cat stamp)" ] || { echo "$kept was done again"; exit 1; }
[ "$(find out/runs -name 'done' | wc -l)" = 10 ]
if find out/runs -name checkpoints | grep .; then exit 1; fi
bench --dry-run | grep -q '^0 runs are left'
bench >third 2>&1
if grep -q '==' third; then echo 'a finished campaign ran something'; exit 1; fi

# rates: adamw's is the better of its two trials, fast's twice that
lr=$("$TOOLS/hybrid-report" --best-lr adamw out)
best=$(for x in 1e-3 4e-3; do echo "$(grep '"val"' "out/runs/sweep-adamw-b5-s100-lr$x/metrics.jsonl" | sed 's/.*"loss":\([^,]*\),.*/\1/' | awk '{s += $1 * (NR == 1 ? .6 : .4)} END {print s}') $x"; done | sort -g | head -1)
awk -v a="$lr" -v b="${best#* }" 'BEGIN {exit !(a == b)}'
awk -v a="$lr" -v b="$(sed -n 's/^ *"lr": \([^,]*\),*$/\1/p' out/runs/main-fast-b10-s1/config.json)" 'BEGIN {exit !(b / a > 1.999 && b / a < 2.001)}'
for f in out/runs/main-*-b10-s1/config.json; do grep -q '"seed": 1' "$f"; done
[ "$(sed -n 's/.*"mix_hash": //p' out/runs/main-*-b5-s1/config.json | sort -u | wc -l)" = 1 ]      # the same data

# the report: the target is the loss of adamw's full run, by the weights of the mix
target=$(grep -h '"val"' out/runs/main-adamw-b10-s*/metrics.jsonl | sed 's/.*"name":"\([^"]*\)","loss":\([^,]*\),.*/\1 \2/' |
    awk '{s += $2 * ($1 == "language" ? .6 : .4)} END {printf "%.4f", s}')
grep -q "target: $target, " out/report.md || { cat out/report.md; exit 1; }
for a in adamw muon fast; do grep -qE "^\| $a \|.*s \|" out/report.md; grep -q ">$a</text>" out/report.svg; done
grep -q '\*\*chosen\*\*' out/report.md
tail -n 1 out/report.svg | grep -q '</svg>'

# another seed adds only its own runs; a changed arm is done again; other settings are refused
bench --seeds '1 2' --dry-run | grep -q '^6 runs are left'
sed -i 's/optimizer muon/optimizer muon --momentum 0.9/' arms
bench --dry-run | grep -q '^4 runs are left'
expect 1 'holds runs with other settings' bench --val-tokens 1024
expect 2 "no arm 'none'" bench --arms none
expect 2 'baseline .adamw. is none of --arms' bench --arms muon
echo 'odd: --no-such-option' >>arms
expect 1 "arm 'odd': .*no-such-option" bench --arms 'adamw odd'
bench --dry-run >plan
grep -q '^left out: odd: ' plan
if grep -q '^main *odd' plan; then exit 1; fi
