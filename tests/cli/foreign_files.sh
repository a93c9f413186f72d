# What lies beside a model of others: every id that ends a text, ids before a prompt, chat templates; in sample, its server, and in what train writes.
. "$ROOT/tests/cli/train_data.bash"
. "$ROOT/tests/cli/families.bash"
batches 60 | train short 60
made short/latest llama LlamaForCausalLM no 0

# a text ends at each id of eos_token_id in generation_config.json, or where that has none in config.json
stop() { "$BIN/sample" "$1" -p "${2-The}" -n 3 --temperature 0 --json -j 1 | sed 's/.*"tokens":\([0-9]*\),.*"stop":"\([a-z]*\)".*/\1 \2/'; }
text=$("$BIN/sample" llama -p The -n 1 --temperature 0 --no-echo -j 1; echo x)
printf '%s' "${text%?x}" >first.txt
first=$("$BIN/tokenize" -q -t llama/tokenizer.json --ids first.txt | tr -d '[]')
[[ $first =~ ^[0-9]+$ ]]
[ "$(stop llama)" = '3 length' ]
eos=$(sed -n 's/.*"eos_token_id": *\([0-9]*\).*/\1/p' short/latest/generation_config.json)
echo "{\"eos_token_id\": [$eos, 5, $first, 5, 1000000, \"x\"]}" >llama/generation_config.json
[ "$(stop llama)" = '0 eos' ]
[ "$("$BIN/sample" llama -p The -n 3 --temperature 0 --json -j 1 --ignore-eos | grep -c '"tokens":3')" = 1 ]
echo "{\"max_length\": 5}" >llama/generation_config.json
[ "$(stop llama)" = '3 length' ]
sed -i "s/\"eos_token_id\": *[0-9]*/\"eos_token_id\": [$eos, $first]/" llama/config.json
[ "$(stop llama)" = '0 eos' ]
echo "{\"eos_token_id\": $eos}" >llama/generation_config.json # this file alone counts where it says something
[ "$(stop llama)" = '3 length' ]

# train --init keeps them, the chat template and the pad token, from either place, through --resume too
template="{% for m in messages %}{{ m['content'] + 'é' }}{% endfor %}"
echo "{\"eos_token_id\": [$eos, $first]}" >llama/generation_config.json
python3 - llama "$template" <<'PY'
import json, sys
json.dump({"chat_template": sys.argv[2], "pad_token": {"content": "<|reserved_0|>", "__type": "AddedToken"}, "tokenizer_class": "LlamaTokenizer"},
          open(f"{sys.argv[1]}/tokenizer_config.json", "w"))
PY
kept() {        # DIR: what train wrote is what the model of others had
    python3 - "$1" "$eos" "$first" "$template" "$2" <<'PY'
import json, sys
dir, eos, first, template, where = sys.argv[1:]
config, generation = (json.load(open(f"{dir}/{name}.json")) for name in ("tokenizer_config", "generation_config"))
assert generation["eos_token_id"] == [int(eos), int(first)], generation
if where == "file":
    assert open(f"{dir}/chat_template.jinja").read() == template and "chat_template" not in config
else:
    assert config["chat_template"] == template, config
    assert config["pad_token"]["content"] == "<|reserved_0|>" and generation["pad_token_id"] >= 0, (config, generation)
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
PY
}
batches 2 | "$BIN/train" --quiet --init llama -i - -o b --steps 2 --threads 1
kept b/latest config
[ "$(stop b)" = '0 eos' ]
batches 3 2 | "$BIN/train" --quiet -i - -o b --steps 3 --resume --override --threads 1 2>/dev/null
kept b/latest config
rm llama/tokenizer_config.json
printf '%s' "$template" >llama/chat_template.jinja
cp llama/tokenizer.json copy.json       # the tokenizer of the model under another name
batches 2 | "$BIN/train" --quiet --init llama -t copy.json -i - -o c --steps 2 --threads 1 --save-finished
kept c/latest file
kept c/latest-finished file
batches 2 | "$BIN/train" --quiet --init llama -t tok.json -i - -o d --steps 2 --threads 1
kept d/latest file
[ ! -e short/latest/chat_template.jinja ]

# the server puts before a prompt what sample does: ids that the post-processor names
python3 - llama/tokenizer.json <<'PY'
import json, sys
t = json.load(open(sys.argv[1]))
bos = next(a["id"] for a in t["added_tokens"] if a["content"] == "<|bos|>")
t["post_processor"] = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|bos|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                       "pair": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<|bos|>": {"id": "<|bos|>", "ids": [bos], "tokens": ["<|bos|>"]}}}
json.dump(t, open(sys.argv[1], "w"))
PY
rm llama/chat_template.jinja
serve() {
    : >address
    "$BIN/sample" llama --serve :0 --quiet "$@" >address & server=$!
    for _ in $(seq 200); do [ -s address ] && break; sleep 0.05; done
    address=$(cat address)
}
trap 'kill "$server" 2>/dev/null || true' EXIT
ask() { curl -s -H 'Content-Type: application/json' -d "$1" "$address/v1/completions"; }
field() { python3 -c 'import json, sys; a = json.load(sys.stdin); print(a["usage"]["prompt_tokens"], repr(a["choices"][0]["text"]), a["choices"][0]["finish_reason"])'; }
tokens() { "$BIN/sample" llama -n 1 --json -j 1 "$@" | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/'; }
with=$(tokens -p The) without=$(tokens -p The --bare)
[ "$with" = $((without + 1)) ]
serve
for prompt in The '<|bos|>The' ''; do
    want=$("$BIN/sample" llama -p "$prompt" -n 6 --seed 4 --temperature 1 --json -j 1 |
        python3 -c 'import json, sys; a = json.load(sys.stdin); print(a["prompt_tokens"], repr(a["text"]), {"eos": "stop"}.get(a["stop"], a["stop"]))')
    [ "$(ask "{\"prompt\":\"$prompt\",\"max_tokens\":6,\"seed\":4}" | field)" = "$want" ] || { echo "$prompt: not $want"; exit 1; }
done
[ "$(ask '{"prompt":[84],"max_tokens":0}' | field)" = "1 '' length" ]      # ids are taken as they are
[ "$(ask '{"prompt":"The","max_tokens":0,"echo":true}' | field)" = "$with 'The' length" ]
[ "$(ask '{"prompt":"The","max_tokens":0,"echo":true,"logprobs":1}' | python3 -c 'import json, sys
c = json.load(sys.stdin)["choices"][0]; print("".join(c["logprobs"]["tokens"]), c["logprobs"]["text_offset"][:2])')" = "<|bos|>The [0, 0]" ]
kill -TERM "$server"; wait "$server" || true
serve --bare
[ "$(ask '{"prompt":"The","max_tokens":0}' | field)" = "$without '' length" ]
