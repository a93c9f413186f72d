# eval --core: the texts of a bundle, an order and examples drawn as Python draws them, scores, damaged bundles
. "$ROOT/tests/cli/train_data.bash"
batches 150 | train a 150
eval=("$BIN/eval" a/latest -j 1)

python3 "$ROOT/tests/interop/core_bundle.py" bundle
"$BIN/eval" --core bundle --show 30 >shown
python3 - <<'END'
import json, random
shown = {}
for line in open("shown"):
    row = json.loads(line)
    shown.setdefault(row["task"], []).append(row)
def data(name):
    rows = [json.loads(line) for line in open(f"bundle/eval_data/{name}.jsonl")]
    random.Random(1337).shuffle(rows)
    return rows
def examples(rows, i, n):
    return [rows[k] for k in random.Random(1234 + i).sample([k for k in range(len(rows)) if k != i], n)]
assert list(shown) == ["sums_zeroshot", "sums", "people", "cloze", "cloze_spaced"] and all(len(v) == 30 for v in shown.values())
for i in range(30):
    rows = data("a/sums")
    mine = rows[i]["query"] + "\nAnswer: "
    assert shown["sums_zeroshot"][i]["texts"] == [mine + c for c in rows[i]["choices"]]
    before = "".join(e["query"] + "\nAnswer: " + e["choices"][e["gold"]] + "\n\n" for e in examples(rows, i, 3))
    assert shown["sums"][i]["texts"] == [before + mine + c for c in rows[i]["choices"]]
    assert shown["sums"][i]["answer"] == rows[i]["gold"]
    rows = data("b/people")
    before = "".join(e["context_options"][e["gold"]] + " " + e["continuation"] + "\n\n" for e in examples(rows, i, 2))
    assert shown["people"][i]["texts"] == [before + o + " " + rows[i]["continuation"] for o in rows[i]["context_options"]]
    rows = data("b/cloze")
    assert shown["cloze"][i]["texts"] == [rows[i]["context"].strip(), rows[i]["context"].strip() + rows[i]["continuation"]]
    before = "".join(e["context"].strip() + " " + e["continuation"] + "\n\n" for e in examples(rows, i, 1))
    mine = before + rows[i]["context"].strip()
    assert shown["cloze_spaced"][i]["texts"] == [mine, mine + " " + rows[i]["continuation"]]
END

# after training on stories and sums, words are likelier than noise, and what the model goes on with is right
text=$("$BIN/sample" a/latest -p 'What is 3' -n 2 --threads 1 --dtype f32 --temperature 0 2>/dev/null)
mkdir -p easy/eval_data
cat >easy/core.yaml <<'END'
icl_tasks:
- {label: choice, dataset_uri: choice.jsonl, num_fewshot: [0], icl_task_type: multiple_choice, continuation_delimiter: " "}
- {label: schema, dataset_uri: schema.jsonl, num_fewshot: [0], icl_task_type: schema}
- {label: text, dataset_uri: text.jsonl, num_fewshot: [0], icl_task_type: language_modeling, continuation_delimiter: ""}
END
printf 'Eval Task,Random baseline\nchoice,50\nschema,50.0\ntext,0\nother,x\n' >easy/eval_meta_data.csv
python3 - "$text" <<'END'
import json, sys
noise, text = "q%Z@#x$ ~^|", sys.argv[1]
rows = {"choice": [{"query": "go", "choices": ["He went to the house"] * (g == 0) + [noise] + ["He went to the house"] * g, "gold": g} for g in (0, 1)],
        "schema": [{"context_options": [noise + text[:-1], text[:-1]], "continuation": text[-1], "gold": 1}],
        "text": [{"context": " What is 3 ", "continuation": c} for c in (text[9:], text[9:] + "q")]}
for name, some in rows.items():
    with open(f"easy/eval_data/{name}.jsonl", "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in some)
END
for way in batched cached; do
    "${eval[@]}" --core easy --choices $way -o $way.json >$way.txt 2>err
    grep -Eq '^choice +0 +2  1.0000 \+- 0.0000 +1.0000$' $way.txt && grep -Eq '^text +0 +2  0.5000 \+- 0.5000 +0.5000$' $way.txt || { cat $way.txt; exit 1; }
done
python3 - batched.json cached.json <<'END'
import json, sys
a, b = (json.load(open(f))["core"] for f in sys.argv[1:])
assert a == b and list(a["tasks"]) == ["choice", "schema", "text"]
want = (1 + (a["tasks"]["schema"]["acc"] - .5) / .5 + .5) / 3
assert abs(a["core"] - want) < 1e-8, (a["core"], want)
END
"$BIN/eval" --every a --core easy --json -j 1 2>err | grep -q '"core": [0-9.-]*$'
"${eval[@]}" --core bundle --examples 8 --context 8 --json >out 2>err     # which the continuations do not fit
grep -q 'people.jsonl: people: 8 of 8 rows cannot be scored with this tokenizer and a context of 8: counted as wrong' err

expect 2 'core is not compared' "$BIN/eval" --compare a a --core easy
expect 1 'nowhere/core.yaml: No such file' "${eval[@]}" --core nowhere
# broken FILE PATTERN MESSAGE: what is said when a line of a file is another
broken() {
    rm -rf bad; cp -r easy bad; sed -i "$2" "bad/$1"
    expect 1 "bad/$1: $3" "${eval[@]}" --core bad
}
broken core.yaml 's/schema}/scheme}/' "icl_tasks: 2: icl_task_type 'scheme' is none of"
broken core.yaml '3s/\[0\]/[x]/' 'icl_tasks: 2: num_fewshot is no list'
broken core.yaml '3s/}/]/' 'line 3: did not find expected'
broken core.yaml 's/icl_tasks/tasks/' 'icl_tasks is missing'
broken core.yaml '4s/label: text/label: choice/' "icl_tasks: 3: there is a task 'choice' already"
broken core.yaml '2s/label/name/' 'icl_tasks: 1: label is missing'
broken core.yaml '3s/schema}/\&a [*a]}/' 'line 3: too large or too deep'
broken core.yaml "3s/schema}/$(printf '[%.0s' {1..60000})}/" 'line 3: too large or too deep'      # which took libyaml ten seconds
broken eval_meta_data.csv '/^text/d' 'no row for the task text'
broken eval_meta_data.csv '/^text/s/0/100/' "row 3: '100' is no number from 0 to 100"
broken eval_meta_data.csv '1s/Random/Chance/' "row 1: no columns"
rm -rf bad; cp -r easy bad; sed -i 's/gold": 1/gold": 2/' bad/eval_data/schema.jsonl
expect 1 'schema.jsonl:1: schema: context_options is no list, or gold none of its places' "${eval[@]}" --core bad
rm -rf bad; cp -r easy bad; sed -i '2s/continuation"/continues"/' bad/eval_data/text.jsonl
expect 1 "text.jsonl:2: text: column 'continuation' is missing" "${eval[@]}" --core bad
rm -rf bad; cp -r easy bad; sed -i '3s/\[0\]/[1]/' bad/core.yaml
expect 1 'schema.jsonl: 1 rows, too few for 1 examples before each' "${eval[@]}" --core bad
