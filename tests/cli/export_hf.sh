# tools/export hf and llama write model directories with the same function, whole or not at all.
. "$ROOT/tests/cli/train_data.bash"
. "$ROOT/tests/cli/families.bash"
batches 3 | train run 3
logits() { echo '[5,300,17,17,2]' | "$TOOLS/logits" "$1"; }
same_logits() { cmp <(logits "$1") <(logits "$2"); }

"$TOOLS/export" hf run -o one --dtype f32 --quiet
same_logits run one
[ ! -e one/trainer ]
cmp one/model.safetensors run/latest/model.safetensors
cmp one/tokenizer_config.json run/latest/tokenizer_config.json

# several files, none larger than asked for but one with a single tensor; and a copy of the copy
"$TOOLS/export" hf run/latest -o many/ --dtype f32 --shard-size 10KB --quiet
[ ! -e many/model.safetensors ]
n=$(find many -name 'model-*-of-*.safetensors' | wc -l)
[ "$n" -ge 4 ]
[ -e "$(printf 'many/model-%05d-of-%05d.safetensors' "$n" "$n")" ]
same_logits run many
grep -q '"total_size": '"$(($(stat -c %s run/latest/model.safetensors) - 8 - $(od -An -td8 -N8 run/latest/model.safetensors)))" many/model.safetensors.index.json
"$TOOLS/export" hf many -o again --dtype f32 --quiet
cmp again/model.safetensors run/latest/model.safetensors

# bf16 halves the bytes; the file says so
"$TOOLS/export" hf run -o half --quiet
grep -q '"dtype": "bfloat16"' half/config.json
[ "$(stat -c %s half/model.safetensors)" -lt $(($(stat -c %s one/model.safetensors) * 6 / 10)) ]
"$BIN/sample" half -p x -n 2 --temperature 0 >/dev/null

# Llama's names
expect 1 'run/latest: the model has norms of queries and keys' "$TOOLS/export" llama run -o other
[ ! -e other ]
made run/latest llama LlamaForCausalLM no 16
made run/latest qwen2 Qwen2ForCausalLM yes 0
for kind in llama qwen2; do
    "$TOOLS/export" llama "$kind" -o "as-$kind" --dtype f32 --quiet
    grep -q LlamaForCausalLM "as-$kind/config.json"
    same_logits "$kind" "as-$kind"
    "$TOOLS/export" gguf "$kind" -o "$kind.gguf" --quiet
    head -c 100 "$kind.gguf" | grep -aq "$kind"
done
grep -q '"attention_bias": true' as-qwen2/config.json
sed -i 's/"attention_bias": false/"attention_bias": true/' half/config.json
expect 1 "q_proj.bias' is missing" "$TOOLS/export" hf half -o other

# what is there stays unless asked, and a directory with more than a model in it stays in any case
expect 1 'one: is there already' "$TOOLS/export" hf run -o one
"$TOOLS/export" hf run -o one --overwrite --quiet
cmp one/model.safetensors <("$TOOLS/export" hf run -o third --quiet && cat third/model.safetensors)
expect 1 'run: holds more than a model' "$TOOLS/export" hf one -o run --overwrite
mkdir home && touch home/letter
expect 1 'home: holds files, but no model' "$TOOLS/export" hf one -o home --overwrite
[ -e home/letter ]
expect 2 'lies in one, which would be replaced' "$TOOLS/export" hf one -o one --overwrite
expect 1 '--dtype q8_0: a model directory is written in f32 or bf16' "$TOOLS/export" hf run -o other --dtype q8_0
limited() { (ulimit -f 8; "$TOOLS/export" hf run -o other); }
expect 1 'other.*cannot write|File too large' limited
[ -z "$(find . -maxdepth 1 -name '*partial' -o -maxdepth 1 -name other)" ]

# What a killed export left is known to the doctor, and taken over by the next; two at once are refused.
left() { mkdir .other.tritter-partial && echo old >.other.tritter-partial/model-00001-of-00009.safetensors; }
left
"$TOOLS/export" hf run -o other --dtype f32 --quiet
[ ! -e .other.tritter-partial ]
[ ! -e other/model-00001-of-00009.safetensors ]
rm -rf other
left
exec 8<.other.tritter-partial
flock 8
expect 1 'other: another program is writing it' "$TOOLS/export" hf run -o other
"$TOOLS/doctor" --remove . | grep -q '^live	.*\./.other.tritter-partial$'
exec 8<&-
"$TOOLS/doctor" . | grep -q '^stale	4	\./.other.tritter-partial$'
"$TOOLS/doctor" --remove . | grep -q '^removed	4	\./.other.tritter-partial$'
[ ! -e .other.tritter-partial ]
