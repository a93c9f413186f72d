# train --init DIR goes on from the weights of another run or of a model of others, in the same shape.
. "$ROOT/tests/cli/train_data.bash"
first_loss() { sed -n 's/.*"type":"step","step":'"$2"',.*"loss":\([^,]*\),.*/\1/p' "$1/metrics.jsonl"; }

# The same weights, a new optimizer, step 0: after a step of almost no length the weights are still those.
batches 6 >all
batches 4 | train short 4
batches 1 | "$BIN/train" --quiet --init short -i - -o b --steps 1 --lr 1e-12 --weight-decay 0 --threads 1
python3 - short b <<'PY'
import array, sys
x, y = (open(f"{run}/latest/model.safetensors", "rb").read() for run in sys.argv[1:])
x, y = (array.array("f", raw[-4 * (len(raw) // 4 - 1000):]) for raw in (x, y))
assert len(x) == len(y) > 10000 and max(abs(p - q) for p, q in zip(x, y)) < 1e-9
PY
grep -q '"init": "short"' b/config.json
cmp b/latest/tokenizer.json tok.json
"$BIN/sample" b -p x -n 2 --temperature 0 >/dev/null

# what does not match is named
init=(--init short -i all -o e --steps 6 --threads 1 --quiet)
expect 1 "--layers 3: the model in short/latest has 1" "$BIN/train" "${init[@]}" --layers 3
expect 1 '--untied: the model in short/latest has no output matrix' "$BIN/train" "${init[@]}" --untied
expect 2 '-m and --init DIR exclude' "$BIN/train" "${init[@]}" -m nano
expect 2 '--grow: not with --init' "$BIN/train" "${init[@]}" --grow auto
expect 2 '--recipe fast: not with' "$BIN/train" "${init[@]}" --recipe fast
expect 1 'neither small, unit nor a directory.*absent' "$BIN/train" --init absent -i all -o e --steps 6
"$BIN/tokenize" train --quiet -n 500 -o large.json language.jsonl math.jsonl
expect 1 'the tokenizer has 500 ids, the model in short/latest has 400' "$BIN/train" "${init[@]}" -t large.json
expect 2 'lies in .*short.*replaced' "$BIN/train" "${init[@]}" -o short --overwrite
[ ! -e e/latest ]

. "$ROOT/tests/cli/families.bash"
made short/latest llama LlamaForCausalLM no 16
made short/latest qwen2 Qwen2ForCausalLM yes 0

# Each is read, trains, goes on, and is saved in the same shape.
for kind in llama qwen2; do
    "$BIN/sample" "$kind" -p 'The' -n 8 --temperature 0 >/dev/null
    "$BIN/eval" "$kind" -j 1 --data language=tokens/language/val >/dev/null
    batches 4 | "$BIN/train" --quiet --init "$kind" -i - -o "run-$kind" --steps 4 --lr 5e-3 --threads 1
    batches 40 4 | "$BIN/train" --quiet --init "$kind" -i - -o "run-$kind" --steps 40 --resume --override --threads 1 2>/dev/null
    [ "$("$BIN/train" --print-step "run-$kind")" = 40 ]
    grep -q "\"model_type\": \"$kind\"" "run-$kind/latest/config.json"
    names() { head -c 6000 "$1" | grep -ao '"model[a-z0-9_.]*"' | sort -u; }
    names "run-$kind/latest/model.safetensors" >now
    for f in "$kind"/part-?.safetensors; do names "$f"; done | sort -u | diff now -
    awk -v a="$(first_loss "run-$kind" 1)" -v b="$(first_loss "run-$kind" 40)" 'BEGIN { exit !(b < a) }'
done

# A prompt of a model of others begins with what the post-processor names, once. A run does without.
python3 - llama/tokenizer.json <<'PY'
import json, sys
t = json.load(open(sys.argv[1]))
bos = next(a["id"] for a in t["added_tokens"] if a["content"] == "<|bos|>")
t["post_processor"] = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|bos|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<|bos|>": {"id": "<|bos|>", "ids": [bos], "tokens": ["<|bos|>"]}}}
json.dump(t, open(sys.argv[1], "w"))
PY
tokens() { "$BIN/sample" -n 1 --json "$@" | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/'; }
n=$(tokens llama -p The --bare)
[ "$(tokens llama -p The)" = $((n + 1)) ]
[ "$(tokens llama -p '<|bos|>The')" = $((n + 1)) ]
[ "$(tokens llama -p '')" = 1 ]
cp llama/tokenizer.json run-llama/checkpoints/step-000040/ && rm -r run-llama/checkpoints/step-000040/trainer
[ "$(tokens run-llama/checkpoints/step-000040 -p The)" = $((n + 1)) ]
[ "$(tokens short -p The)" = "$n" ]
grep -q '"vocab_size": 416' run-llama/latest/config.json
sed -i 's/"hidden_act"/"mlp_bias": true, "hidden_act"/' llama/config.json
expect 1 'llama/config.json: mlp_bias: is not supported' "$BIN/sample" llama -p x
expect 1 'llama/config.json: mlp_bias: is not supported' "$BIN/train" --init llama -i all -o e --steps 2
