# recipe-bench: two arms, two budgets, two seeds; ended in the midst and continued; nothing is done twice; the report says what runs say
. "$ROOT/tests/cli/train_data.bash"
cat >arms <<'END'
adamw:
muon:       batch=2 mix=10,90 --optimizer muon
wild:       --lr 1000 --weight-decay 100 --max-bad-steps 1     # diverges
END
bench=("$ROOT/tools/recipe-bench" --data "$PWD" -o "$PWD/out" --arms-file arms --arms 'adamw muon' --mix 'language=60 math=40' --context 32
    --limit 256 --seconds '1 2' --seeds 1 --train '-m nano --layers 1 --width 32 --heads 2 --head-dim 16 --ffn 48 --doc-mask')
bench() { "${bench[@]}" "$@"; }
# The speed that a run measures decides its steps; here it is given, so that a slow machine does not take longer.
known() { mkdir -p out/speed; printf '%s\n%s\n' "$2 32 1" "$3" >"out/speed/$1"; }
known adamw '' 1280
known muon 'batch=2 mix=10,90 --optimizer muon' 320

bench --dry-run >plan
grep -q '^4 runs are left' plan
[ "$(awk '{print $1 $2}' plan | head -4 | tr '\n' ' ')" = 'adamw1 muon1 muon2 adamw2 ' ]     # they take turns
if ls out/runs | grep .; then echo 'a dry run left runs'; exit 1; fi

# ended by a signal as soon as the third run has begun
"${bench[@]}" >first 2>&1 & p=$!
until [ "$(find out/runs -mindepth 1 -maxdepth 1 -type d | wc -l)" -ge 3 ]; do sleep 0.02; kill -0 $p || break; done
kill -TERM $p
code=0; wait $p || code=$?
[ $code = 143 ] || { echo "exit $code"; cat first; exit 1; }
kept=$(find out/runs -name 'done' | sort | head -1)
stat -c %Y.%i "$kept" >stamp
[ "$(find out/runs -name 'done' | wc -l)" = 2 ]

bench >second 2>&1 || { cat second; exit 1; }
[ "$(stat -c %Y.%i "$kept")" = "$(cat stamp)" ] || { echo "$kept was done again"; exit 1; }
[ "$(find out/runs -name 'done' | wc -l)" = 4 ]
if find out/runs -name checkpoints | grep .; then exit 1; fi
bench --dry-run | grep -q '^0 runs are left'
for run in adamw-b1-s1:5:1280 muon-b1-s1:5:320 adamw-b2-s1:10:2560; do
    IFS=: read -r name steps tokens <<<"$run"
    grep -q "\"steps\":$steps,\"tokens\":$tokens," "out/runs/$name/done" || { cat "out/runs/$name/done"; exit 1; }
done
grep -q '"seed": 1' out/runs/muon-b2-s1/model/config.json
hash=$("$BIN/mix" language=10:tokens/language math=90:tokens/math -T 32 -B 2 --seed 1 --steps 5 --dry-run | sed -n 's/.*; mix //p')
grep -q "\"mix_hash\": \"$hash\"" out/runs/muon-b1-s1/model/config.json

# the report: the weighted figure is that of the runs, by the weights of the mix
weighted() { tr -d ' ,\n' <"out/runs/$1/eval.json" | sed 's/"bits_per_byte":/\n&/g' | sed -n 's/^"bits_per_byte":\([0-9.]*\).*/\1/p' | awk '{s += $1 * (NR == 1 ? .6 : .4)} END {printf "%.3f", s}'; }
for r in adamw-b2 muon-b2; do
    grep -qF "**$(weighted $r-s1)**" out/report.md || { weighted $r-s1; cat out/report.md; exit 1; }
    grep -q ">${r%-b2}</text>" out/report.svg
done
tail -n 1 out/report.svg | grep -q '</svg>'

# another seed adds only its own runs; a changed arm is done again; one that diverges is a result; other settings are refused
bench --seeds '1 2' --dry-run | grep -q '^4 runs are left'
sed -i 's/optimizer muon/optimizer muon --momentum 0.9/' arms
bench --dry-run | grep -q '^2 runs are left'
known wild '--lr 1000 --weight-decay 100 --max-bad-steps 1' 1280
bench --arms 'adamw wild' --seconds 1 >third 2>&1 || { cat third; exit 1; }
grep -q '^| wild | 1 .*| failed |' out/report.md
expect 1 'holds runs with other settings' bench --limit 1024
echo 'short: mix=1' >>arms
expect 1 'short: mix= has 1 weights' bench --arms short
expect 2 "no arm 'none'" bench --arms none
expect 2 'baseline .adamw. is none of --arms' bench --arms muon --baseline adamw
echo 'odd: --no-such-option' >>arms
expect 1 'no-such-option' bench --arms 'adamw odd' --seconds 1

# other programs: only with a directory of theirs
echo 'theirs: peer=nanochat --rate 1' >>arms
expect 2 "arm 'theirs' needs --peer nanochat --peer-dir DIR" bench --arms 'adamw theirs'
expect 2 "no directory 'nowhere'" bench --peer nanochat --peer-dir nowhere --arms 'adamw theirs'
expect 2 'neither nanochat nor nanogpt' bench --peer other --peer-dir .
