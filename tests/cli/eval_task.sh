# eval --task: the texts of each task, a question whose answer was learnt, real questions, damaged files
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
grep -q 'long.jsonl:1: not scored: a choice is longer than' err
grep -q 'long.jsonl: 1 question is longer than the context' err
for count in '"questions": 1,' '"cut": 1,' '"refused": 1,'; do grep -q "$count" out; done
expect 1 'long.jsonl: no question fits' "${eval[@]}" --task piqa=long.jsonl --examples 1
printf '{"goal":"a","sol1":"b","sol2":"c","label":0,"weight":1e400}\n' >huge.jsonl
"${eval[@]}" --task piqa=huge.jsonl --json >out 2>err

printf '{"goal":"a","sol1":"b","sol2":"c","label":0}\n\n{"goal":"a","sol1":"b","label":0}\n' >lacking.jsonl
expect 1 "lacking.jsonl:3: piqa: column 'sol2' is missing" "${eval[@]}" --task piqa=lacking.jsonl
printf '{"goal":"a","sol1":"b","sol2":"c","label":2}\n' >label.jsonl
expect 1 'label.jsonl:1: piqa: label is none of the 2 choices' "${eval[@]}" --task piqa=label.jsonl
head -c 20 easy.jsonl >cut.jsonl
expect 1 'cut.jsonl:1: byte ' "${eval[@]}" --task piqa=cut.jsonl
printf '{"text":"all but the last"}\n{"text":"a word is missing "}\n' >wordless.jsonl
expect 1 'wordless.jsonl:2: lambada_openai: the text to be foretold is empty' "${eval[@]}" --task lambada_openai=wordless.jsonl
printf '{"goal":"a","sol1":1e400,"sol2":"c","label":0}\n' >huge.jsonl
"$BIN/eval" --task piqa=huge.jsonl --show 1 >out
grep -q 1e400 out
: >empty.jsonl
expect 1 'no questions' "${eval[@]}" --task piqa=empty.jsonl
expect 2 "there is no 'arc', only: hellaswag, arc_easy" "${eval[@]}" --task arc=easy.jsonl

# the texts of each task, and examples before them
words=()
for t in hellaswag arc_easy arc_challenge piqa winogrande openbookqa boolq commonsense_qa lambada_openai mmlu gsm8k; do
    words+=(--task "$t=$t.jsonl")
done
(cd "$ROOT/tests/golden/tasks" && "$BIN/eval" --show 100 "${words[@]}") | cmp - "$ROOT/tests/golden/tasks/shown.jsonl"
cp "$ROOT"/tests/golden/tasks/*.{jsonl,parquet} .
for t in hellaswag boolq mmlu; do        # in Parquet files, whose boolq has true and false
    "$BIN/eval" --show 9 --task "$t=$t.parquet" | sed 's/\.parquet:/.jsonl:/' | cmp - <(grep "\"task\":\"$t\"" shown.jsonl)
done
head -c 1000 mmlu.parquet >cut.parquet
expect 1 'cut.parquet: ' "$BIN/eval" --show 9 --task mmlu=cut.parquet
expect 1 "boolq.parquet:1: mmlu: column 'choices.0' is missing" "$BIN/eval" --show 9 --task mmlu=boolq.parquet
"$BIN/eval" --show 1 --shots 2 --task mmlu=mmlu.jsonl --shots-from mmlu=mmlu.jsonl >shots
grep -qF 'about elementary mathematics.\n\nWhich has a heart?\nA. a stone\nB. a cloud\nC. a dog\nD. a cup\nAnswer: C\n\nWhat is 3 - 3?\nA. 0\nB. 1\nC. 2\nD. 3\nAnswer: A\n\nWhat is 2 + 2?' shots
# random.Random(1234).sample(range(12), 3) is [7, 1, 0], and then [1, 9, 0]
"$BIN/eval" --show 2 --shots 2 --task piqa=piqa.jsonl --shots-from piqa=easy.jsonl >shots
sed -n 1p shots | grep -qF '{"context":"Question: go 4\nAnswer: The dog was happy and they were\n\nQuestion: go 1\nAnswer: The dog'
sed -n 2p shots | grep -qF '{"context":"Question: go 1\nAnswer: The dog was happy and they were\n\nQuestion: go 5\nAnswer: The dog was happy and they were\n\nQuestion: dry a plate\nAnswer:"'
"$BIN/eval" --show 1 --shots 2 --seed 5 --task piqa=piqa.jsonl --shots-from piqa=easy.jsonl | cmp -s - <(head -1 shots) && exit 1
expect 1 'mmlu.jsonl: 3 examples, but --shots 3 needs 4' "$BIN/eval" --show 1 --shots 3 --task mmlu=mmlu.jsonl --shots-from mmlu=mmlu.jsonl
expect 2 'no file of examples for mmlu' "$BIN/eval" --show 1 --shots 3 --task mmlu=mmlu.jsonl

# every choice over a cache gives what batches give
expect 1 "piqa.jsonl:1: hellaswag: column 'activity_label' is missing" "${eval[@]}" --task hellaswag=piqa.jsonl
for way in batched cached; do
    "${eval[@]}" --choices $way --task piqa=easy.jsonl --task openbookqa=openbookqa.jsonl -o $way.json >$way.txt 2>err
done
cmp batched.txt cached.txt
# what accuracies and errors come to: chance is 1/2 and 1/4
python3 - batched.json <<'END'
import json, math, sys
r = json.load(open(sys.argv[1]))
t = r["tasks"]
for one in t.values():
    for m in "acc", "acc_norm":
        right, n = one[m] * one["questions"], one["questions"]
        assert abs(right - round(right)) < 1e-6 and 0 <= right <= n, (m, right)
        answers = [1] * round(right) + [0] * (n - round(right))
        mean = sum(answers) / n
        assert abs(one[m + "_stderr"] - math.sqrt(sum((a - mean) ** 2 for a in answers) / (n - 1) / n)) < 1e-8
centred = ((t["piqa"]["acc_norm"] - .5) / .5 + (t["openbookqa"]["acc_norm"] - .25) / .75) / 2
assert abs(r["centred"] - centred) < 1e-8, (r["centred"], centred)
END
# the last word of lambada is likely, or it is not, and the perplexity says how much
"${eval[@]}" --task lambada_openai=lambada_openai.jsonl >table 2>err
grep -Eq '^lambada_openai +3  [01]\.[0-9]{4} \+- [0-9.]+ +[0-9.]+ \+- [0-9.]+$' table || { cat table; exit 1; }

# what the model itself goes on with is right, another digit is wrong
text=$("$BIN/sample" a/latest -p 'What is 3' -n 2 --threads 1 --dtype f32 --temperature 0 2>/dev/null)
[[ $text =~ ^What\ is\ 3\ [0-9]$ ]] || { echo "not a space and a digit: $text"; exit 1; }
printf '{"text":"%s"}\n{"text":"What is 3 %d"}\n' "$text" $(((${text: -1} + 1) % 10)) >digits.jsonl
"${eval[@]}" --task lambada_openai=digits.jsonl --json | grep -q '"acc": 0.5,'

# texts of the model's own, as sample writes them, and where a stop text ends them
text=$("$BIN/sample" a/latest -p 'What is 3' -n 12 --json --threads 1 --dtype f32 --temperature 0 2>/dev/null |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["text"].strip())')
long=$(printf 'é%.0s' $(seq 60))     # a name is not cut, least of all within a character
cat >texts.json <<END
[{"name": "words", "prompt": "{q}", "choices": ["{a}"], "generate": {"max_tokens": 12, "until": ["nowhere"], "ignore": ["[.,]"],
  "ignore_case": true, "extract": [{"name": "whole", "pattern": "(?s).+"}, {"name": "word", "pattern": "(\\\\d+)|([a-z]+)"}]}},
 {"name": "cut", "prompt": "{q}", "choices": ["{a}"], "generate": {"max_tokens": 12, "until": ["nowhere", "${text: 1:4}"],
  "extract": [{"name": "whole", "pattern": "(?s).*"}, {"name": "x$long", "pattern": "(?s).*"}]}}]
END
python3 - "$text" <<'END'
import json, re, sys
text = sys.argv[1]
for name, answers in {"words": [re.search(r"\d+|[a-z]+", text)[0].upper() + ".", "zebra", text], "cut": ["", text]}.items():
    with open(f"{name}.jsonl", "w") as f:
        f.writelines(json.dumps({"q": "What is 3", "a": a}) + "\n" for a in answers)
END
"${eval[@]}" --tasks texts.json --task words=words.jsonl --task cut=cut.jsonl -o texts.out >table
[ "$(grep -c '"exact_match,[a-z]*": 0.333333333,' texts.out)" = 2 ]
grep -q "\"exact_match,x$long\": 0.5," texts.out
grep -Eq '^words,word +3  0.3333 \+- 0.3333$' table && grep -Eq '^cut,whole +2  0.5000 \+- 0.5000$' table || { cat table; exit 1; }
expect 1 'gsm8k.jsonl: gsm8k makes texts of up to 256 tokens, which a context of ' "${eval[@]}" --task gsm8k=gsm8k.jsonl

# tasks of one's own
own='{"name": "first", "description": "Topic: {about.topic|spaces}.\n", "prompt": "{q|strip}:", "choices": ["{a}", "{b}", "none"],
  "labels": "names", "answer": "right", "metrics": ["acc"]}'
echo "[$own]" >own.json
cat >own.jsonl <<'END'
{"about":{"topic":"big_cats"},"q":" lion\n","a":"yes","b":2.5,"names":["x","y","z"],"right":"y"}
END
"$BIN/eval" --tasks own.json --show 1 --task first=own.jsonl >own
grep -qxF '{"task":"first","place":"own.jsonl:1","requests":[{"context":"Topic: big cats.\nlion:","continuation":" yes"},{"context":"Topic: big cats.\nlion:","continuation":" 2.5"},{"context":"Topic: big cats.\nlion:","continuation":" none"}],"answer":1}' own
# broken COLUMN VALUE PATTERN: what is said of a task in which a column is another
broken() {
    python3 -c 'import json,sys; t=json.load(open("own.json")); t[0][sys.argv[1]]=json.loads(sys.argv[2]); json.dump(t,open("bad.json","w"))' "$1" "$2"
    expect 1 "bad.json: task 1: $3" "$BIN/eval" --tasks bad.json --show 1 --task first=own.jsonl
}
broken prompts '"x"' "there is no column 'prompts' in a task"
broken prompt '"{q|strp}"' "prompt: column 'q': there is no filter 'strp'"
broken prompt '"{q"' 'prompt: .*byte'
broken prompt '"{#q}{a}{/q}"' 'prompt: .*a prompt has no lists'
broken prompt '3' 'prompt is not a string'
broken choices '[1]' 'choices is neither a column nor a list of texts'
broken name '"piqa"' "there is a task 'piqa' already"
broken metrics '["f1"]' 'metrics are some of'
broken generate '{"extract": [{"name": "x", "pattern": "("}]}' 'generate takes one choice'
python3 -c 'import json; t=json.load(open("own.json")); t[0].update(choices=["{a}"]); del t[0]["metrics"]; json.dump(t,open("own.json","w"))'
broken generate '{"extract": [{"name": "x", "pattern": "("}]}' "generate: '[(]': byte 1: missing closing parenthesis"
broken generate '{"extract": []}' 'generate: extract and ignore are lists'
broken generate '{"extract": [{"name": "x", "pattern": "y"}, {"name": "x", "pattern": "z"}]}' "generate: extract: two are called 'x'"
broken generate '{"max_tokens": 0}' 'generate: max_tokens is not a number from 1 on'
broken generate '{"until": [""]}' 'generate: until is not a list of texts'
broken generate '{"extract": [{"name": "x", "pattern": "y", "take": "all"}]}' 'generate: extract is a list of objects with name, pattern and take'
echo "[$own]" >own.json
sed 's/"a"/"c"/' own.jsonl >lacking.jsonl
expect 1 "lacking.jsonl:1: first: column 'a' is missing" "$BIN/eval" --tasks own.json --show 1 --task first=lacking.jsonl

[ -n "$DATA" ] || { echo "no real questions: DATA is not set; the rest passed"; exit 77; }
# Questions whose choices are longer than the context are not scored, so fewer than the hundred are.
"${eval[@]}" --task "piqa=$DATA/piqa.val.jsonl" --examples 100 -o real.json >table 2>err
awk -F'[:,]' '/"questions"/ { n = $2 } /"refused"/ { r = $2 } /"acc"/ { a = $2 } /"acc_stderr"/ { e = $2 }
    END { exit !(n + r == 100 && n > 20 && a > 0.2 && a < 0.8 && (e - sqrt(a * (1 - a) / (n - 1))) ^ 2 < 1e-12) }' real.json
