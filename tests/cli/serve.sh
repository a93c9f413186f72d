# sample --serve: what clients get, what they are refused, who may enter, how it ends
. "$ROOT/tests/cli/train_data.bash"
command -v python3 >/dev/null || { echo 'no python3'; exit 77; }
batches 150 | train a 150

run=a
# serve OPTION...: starts a server; $address and $server are where and who it is
serve() {
    : >address
    "$BIN/sample" "$run" --serve :0 "$@" >address 2>log &
    server=$!
    for _ in $(seq 1000); do [ -s address ] && break; sleep 0.05; done
    address=$(cat address)
}
# ends CODE: a signal ends the server, with that code
ends() {
    local code=0
    kill -TERM "$server"
    wait "$server" || code=$?
    [ "$code" = "$1" ] || { echo "exit $code instead of $1"; cat log; exit 1; }
}
trap 'kill "$server" 2>/dev/null || true' EXIT
trap 'echo "line $LINENO: $BASH_COMMAND"; tail -c 1000 log answer' ERR
post() { curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/json' -d "$2" "${@:3}" "$address$1"; }

serve --slots 8 --queue 400 --quiet
python3 "$ROOT/tests/cli/serve_check.py" "$address" a/latest "$BIN" || { cat log; exit 1; }
# a text that runs when the signal comes is finished
curl -sN -H 'Content-Type: application/json' -d '{"prompt":"x","n":100,"max_tokens":25,"ignore_eos":true,"stream":true}' \
    "$address/v1/completions" >last &
client=$!
for _ in $(seq 1000); do [ -s last ] && break; sleep 0.02; done
ends 143
wait "$client"
[ "$(tail -n 2 last)" = 'data: [DONE]' ]
[ "$(grep -c '"finish_reason":"length"' last)" = 100 ]
[ ! -s log ]

# a context below the model's: 16 caches of a long one would take much memory
serve --slots 2 --quiet --context 9
[ "$(post /v1/completions '{"prompt":[1,2,3],"max_tokens":50,"ignore_eos":true}')" = 200 ]
grep -q '"total_tokens":9' answer
[ "$(post /v1/completions '{"prompt":[1,2,3,4,5,6,7,8,9]}')" = 400 ]
grep -q 'context_length_exceeded' answer
ends 143

# prompts longer than a chunk, some of which begin alike
batches 2 | train long 2 --context 300
run=long
serve --slots 3 --quiet
python3 "$ROOT/tests/cli/serve_check.py" "$address" long/latest "$BIN" prefixes
ends 143
run=a

# the queue: one text runs, one may wait, a third is refused
serve --slots 1 --queue 1 --quiet
[ "$(post /v1/completions '{"prompt":"x","n":2,"max_tokens":2}')" = 200 ]
[ "$(post /v1/completions '{"prompt":"x","n":3}')" = 429 ]
grep -q '"code":"queue_full"' answer
ends 143

# a time-out is an error, no shorter text
serve --slots 1 --quiet --timeout 0.000001
[ "$(post /v1/completions '{"prompt":"x","max_tokens":20,"ignore_eos":true}')" = 503 ]
grep -q '"code":"timeout"' answer
[ "$(post /v1/completions '{"prompt":"x","stream":true,"ignore_eos":true}')" = 200 ]
grep -q '"code":"timeout"' answer
ends 143

# a key
echo 'correct-horse' >key
serve --quiet --api-key-file key --model-name mine
[ "$(post /v1/completions '{"prompt":"x"}')" = 401 ]
grep -q '"code":"invalid_api_key"' answer
for wrong in correct-hors correct-horsee Correct-horse ''; do
    [ "$(post /v1/completions '{"prompt":"x"}' -H "Authorization: Bearer $wrong")" = 401 ]
done
[ "$(post /v1/completions '{"prompt":"x","model":"mine"}' -H 'Authorization: Bearer correct-horse')" = 200 ]
[ "$(curl -s -o answer -w '%{http_code}' "$address/metrics")" = 401 ]
[ "$(curl -s -o answer -w '%{http_code}' "$address/")" = 200 ]
[ "$(curl -s -o answer -w '%{http_code}' "$address/health")" = 200 ]
ends 143

# chats: by a template that is known, never by another; no special tokens from a message
# chat_with TEMPLATE: starts a server whose model has that template
chat_with() {
    rm -rf chatty
    cp -rL a/latest chatty
    printf '%s\n' "$1" >chatty/chat_template.jinja
    run=chatty serve --quiet
}
message="{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
plain="{% for message in messages %}$message"
system="{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nBe it<|im_end|>\\n' }}{% endif %}$message"
# same_text CHAT PROMPT: the conversation is read as that prompt
same_text() {
    [ "$(post /v1/chat/completions "{\"messages\":$1,\"seed\":3,\"max_tokens\":5}")" = 200 ] || { cat answer; exit 1; }
    python3 -c 'import json; a = json.load(open("answer")); print(a["choices"][0]["message"]["content"], a["usage"])' >chat.txt
    [ "$(post /v1/completions "{\"prompt\":\"$2\",\"seed\":3,\"max_tokens\":5}")" = 200 ]
    python3 -c 'import json; a = json.load(open("answer")); print(a["choices"][0]["text"], a["usage"])' | cmp - chat.txt
}
chat_with "$plain"
same_text '[{"role":"user","content":"a"}]' '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n'
[ "$(post /v1/chat/completions '{"messages":[{"role":"user","content":"a"}],"stream":true,"logprobs":true,"top_logprobs":2,"max_tokens":3,"seed":3,"ignore_eos":true}')" = 200 ]
grep -q '"delta":{"content":"[^"]*","role":"assistant"}' answer
grep -q '"object":"chat.completion.chunk"' answer
[ "$(post /v1/chat/completions '{"messages":[{"role":"user","content":""}],"max_tokens":0}')" = 200 ]
none=$(grep -o '"prompt_tokens":[0-9]*' answer | tr -dc 0-9)
[ "$(post /v1/chat/completions '{"messages":[{"role":"user","content":"<|im_end|>"}],"max_tokens":0}')" = 200 ]
[ "$(grep -o '"prompt_tokens":[0-9]*' answer | tr -dc 0-9)" -gt $((none + 1)) ] # letters, not the special token
ends 143
chat_with "$system"
same_text '[{"role":"user","content":"a"}]' '<|im_start|>system\nBe it<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n'
ends 143
chat_with '{{ bos_token }}{% for m in messages %}{% if m.role == "tool" %}{{ raise_exception("no " ~ m.role) }}{% endif %}[{{ m.content | trim }}]<|eos|>{% endfor %}'
same_text '[{"role":"user","content":" a\ufdd0 "},{"role":"<|bos|>","content":"b"}]' '<|bos|>[a]<|eos|>[b]<|eos|>'
[ "$(post /v1/chat/completions '{"messages":[{"role":"tool","content":"a"}]}')" = 400 ]
grep -q 'the chat template: no tool' answer
ends 143
# tools go to a template that has a place for them, and to no other
tools='"tools":[{"type":"function","function":{"name":"f","parameters":{"b":1}}}]'
call='{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}'
chat_with '{% for t in tools or [] %}{{ t.function.parameters | tojson }}{% endfor %}{% for m in messages %}[{{ m.content or "" }}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}'
same_text "[{\"role\":\"user\",\"content\":\"a\"},$call,{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"2\"}],$tools" \
    '{\"b\": 1}[a][{\"x\": 1}][2]'
same_text "[{\"role\":\"user\",\"content\":\"a\"}],$tools,\"tool_choice\":\"none\"" '[a]'
ends 143
chat_with "$plain"
[ "$(post /v1/chat/completions "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],$tools}")" = 400 ]
grep -q 'no place for tools.*"param":"tools"' answer
[ "$(post /v1/chat/completions "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],$tools,\"tool_choice\":\"none\"}")" = 200 ]
[ "$(post /v1/chat/completions "{\"messages\":[$call]}")" = 400 ]
grep -q "no place for 'tool_calls'" answer
ends 143
chat_with "$plain
{{ messages | md5 }}"
[ "$(post /v1/chat/completions '{"messages":[{"role":"user","content":"a"}]}')" = 400 ]
grep -q "not understood (line 2: there is no filter 'md5' here)" answer
ends 143

expect 2 'api-key-file' "$BIN/sample" a --serve 0.0.0.0:0
expect 2 'not HOST:PORT' "$BIN/sample" a --serve nonsense
expect 2 'clients bring the prompts' "$BIN/sample" a --serve -p x
expect 2 'slots' "$BIN/sample" a --serve --slots 0
printf 'two words\n' >bad
expect 1 'not a key' "$BIN/sample" a --serve :0 --api-key-file bad
expect 1 'no-such' "$BIN/sample" a --serve :0 --api-key-file no-such
