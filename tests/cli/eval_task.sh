# eval --task piqa: a question whose answer was learnt, real questions, damaged files
. "$ROOT/tests/cli/train_data.bash"
batches 150 | train a 150
eval=("$BIN/eval" a/latest -j 1)
# after training on stories and sums, words are likelier than noise
for i in 1 2 3 4 5 6; do
    printf '{"goal":"go %d","sol1":"He went to the house and she said","sol2":"q%%Z@#x$ ~^|j&*Q`}{K<>vX_=W","label":0}\n' $i
    printf '{"goal":"go %d","sol1":"zQ%%xW@#$^ ~|K&*j`}{<>X_=qZ#@v","sol2":"The dog was happy and they were","label":1}\n' $i
done >easy.jsonl
"${eval[@]}" --task piqa=easy.jsonl -o easy.json >table
grep -Eq '^piqa +12 +1.0000 \+- 0.0000 +1.0000 \+- 0.0000$' table || { cat table; exit 1; }
sed 's/"label":0/"label":9/; s/"label":1/"label":0/; s/"label":9/"label":1/' easy.jsonl >wrong.jsonl
"${eval[@]}" --task piqa=wrong.jsonl --json | grep -q '"acc": 0.0,'
"${eval[@]}" --task piqa=easy.jsonl --examples 3 --json | grep -q '"questions": 3,'

# a choice that does not fit: refused by name, counted apart, and an error when there is no other; a long question: counted
long=$(printf 'and the dog was happy %.0s' $(seq 100))
printf '{"goal":"a","sol1":"%s b","sol2":"%s","label":1}\n{"goal":"%s","sol1":"b","sol2":"c","label":1}\n' "$long" "$long" "$long" >long.jsonl
"${eval[@]}" --task piqa=long.jsonl --json >out 2>err
grep -q 'long.jsonl: line 1: not scored: a choice is longer than' err
grep -q 'long.jsonl: 1 question is longer than the context' err
for count in '"questions": 1,' '"cut": 1,' '"refused": 1,'; do grep -q "$count" out; done
expect 1 'long.jsonl: no question fits' "${eval[@]}" --task piqa=long.jsonl --examples 1
printf '{"goal":"a","sol1":"b","sol2":"c","label":0,"weight":1e400}\n' >huge.jsonl
"${eval[@]}" --task piqa=huge.jsonl --json >out 2>err

printf '{"goal":"a","sol1":"b","sol2":"c","label":0}\n\n{"goal":"a","sol1":"b","label":0}\n' >lacking.jsonl
expect 1 'lacking.jsonl: line 3, offset 46: .*sol2' "${eval[@]}" --task piqa=lacking.jsonl
printf '{"goal":"a","sol1":"b","sol2":"c","label":2}\n' >label.jsonl
expect 1 'label.jsonl: line 1, offset 0: label' "${eval[@]}" --task piqa=label.jsonl
head -c 20 easy.jsonl >cut.jsonl
expect 1 'cut.jsonl: line 1' "${eval[@]}" --task piqa=cut.jsonl
: >empty.jsonl
expect 1 'no questions' "${eval[@]}" --task piqa=empty.jsonl
expect 2 "there is no 'arc'" "${eval[@]}" --task arc=easy.jsonl

[ -n "$DATA" ] || { echo "no real questions: DATA is not set; the rest passed"; exit 77; }
# Questions whose choices are longer than the context are not scored, so fewer than the hundred are.
"${eval[@]}" --task "piqa=$DATA/piqa.val.jsonl" --examples 100 -o real.json >table 2>err
awk -F'[:,]' '/"questions"/ { n = $2 } /"refused"/ { r = $2 } /"acc"/ { a = $2 } /"acc_stderr"/ { e = $2 }
    END { exit !(n + r == 100 && n > 20 && a > 0.2 && a < 0.8 && (e - sqrt(a * (1 - a) / (n - 1))) ^ 2 < 1e-12) }' real.json
