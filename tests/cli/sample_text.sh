# sample: the same seed the same text, prompts from everywhere, stops, long texts, JSON, errors
. "$ROOT/tests/cli/train_data.bash"
batches 150 | train a 150
s=("$BIN/sample" a/latest -j 1)
"${s[@]}" -p 'The ' -n 20 --seed 7 >one
"${s[@]}" -p 'The ' -n 20 --seed 7 >two
"${s[@]}" -p 'The ' -n 20 --seed 8 >three
"$BIN/sample" a -p 'The ' -n 20 --seed 7 -j 2 | cmp - one           # a run, other threads
cmp one two
fail() { echo "$1"; exit 1; }
if cmp -s one three; then fail 'another seed, the same text'; fi
[ "$(head -c 4 one)" = 'The ' ]
[ "$(wc -c <one)" -gt 10 ]
"${s[@]}" -p 'The ' -n 20 --seed 7 --no-echo | { printf 'The '; cat; } | cmp - one
printf 'The ' | "${s[@]}" -n 20 --seed 7 | cmp - one
printf 'The \n' >prompt
"${s[@]}" -f prompt -n 20 --seed 7 | cmp - one
"${s[@]}" -f - -n 20 --seed 7 <prompt | cmp - one
"${s[@]}" -p 'The ' -n 20 --seed 7 --dtype f32 | cmp - one           # auto, for a small model
"${s[@]}" -p 'The ' -n 20 --seed 7 --dtype bf16 >/dev/null

# greedy: the seed does not matter, nor does top-k of one, nor top-p of none
"${s[@]}" -p 'The ' -n 20 --temperature 0 >greedy
"${s[@]}" -p 'The ' -n 20 --temperature 0 --seed 99 | cmp - greedy
"${s[@]}" -p 'The ' -n 20 --top-k 1 | cmp - greedy
"${s[@]}" -p 'The ' -n 20 --top-p 0 | cmp - greedy
"${s[@]}" -p 'The ' -n 20 --min-p 1 | cmp - greedy
if "${s[@]}" -p 'The ' -n 20 --temperature 0 --repetition-penalty 5 | cmp -s - greedy; then fail 'no penalty'; fi

# stop strings: the text before the first of them
export LC_ALL=C
text=$("${s[@]}" -p 'The ' -n 30 --temperature 0 --ignore-eos --no-echo)
stop=${text:5:3}
"${s[@]}" -p 'The ' -n 30 --temperature 0 --ignore-eos --no-echo --stop "$stop" --stop 'never there' >stopped
printf '%s\n' "${text%%"$stop"*}" | cmp - stopped
"${s[@]}" -p 'The ' -n 30 --temperature 0 --ignore-eos --stop "$stop" --json | grep -q '"stop":"stop"'
"${s[@]}" -p 'The ' -n 5 --json | grep -q '"tokens":5,"stop":"length","seed":1337'
for i in 1 2 3; do "${s[@]}" -p 'The ' -n 12 --seed $i --no-echo; done >apart
"${s[@]}" -p 'The ' -n 12 --seed 1 --num-samples 3 --no-echo | grep -a -v -e '^--- sample' >together
tr -d '\n' <apart >x; tr -d '\n' <together | cmp - x            # the prompt's cache serves every sample
[ "$("${s[@]}" -p x -n 3 --num-samples 3 --json | wc -l)" = 3 ]

# longer than the context of 32: goes on from the last half; a long prompt says so
"${s[@]}" -p 'The ' -n 100 --ignore-eos --json >long.json 2>err
grep -q '"tokens":100,' long.json
[ ! -s err ]
"${s[@]}" -p "$(seq 1 100 | tr '\n' ' ')" -n 5 --json 2>err | grep -q '"tokens":5,'
grep -q 'only the last 16 are read' err
"${s[@]}" -n 5 </dev/null >/dev/null                                # an empty prompt begins a document
"${s[@]}" -p 'The ' -n 10 --document --seed 7 >/dev/null
"${s[@]}" -p 'é 日本 😀' -n 8 --json | grep -q '"prompt":"é 日本 😀"'
printf '\377\376' | "${s[@]}" -n 3 --json | grep -q '"prompt":"��"'
# whatever comes, the JSON is JSON
"${s[@]}" -p 'The ' -n 60 --ignore-eos --temperature 5 --num-samples 4 --json | "$BIN/fetch" --quiet --cat - >/dev/null

expect 1 'nowhere' "$BIN/sample" nowhere -p x
expect 1 'no-file' "${s[@]}" -f no-file
expect 2 'exclude' "${s[@]}" -p x -f prompt
expect 2 'temperature' "${s[@]}" -p x --temperature -1
expect 2 'penalty' "${s[@]}" -p x --repetition-penalty 0
expect 2 'top-p' "${s[@]}" -p x --top-p 1.5
expect 2 'top-k' "${s[@]}" -p x --top-k -3
expect 2 'empty' "${s[@]}" -p x --stop ''
expect 2 'not auto, f32, bf16 or int8' "${s[@]}" -p x --dtype f16
expect 2 'not f32, bf16 or int8' "$BIN/eval" a/latest --data x=tokens/math/val --dtype auto
batches 1 | "$BIN/train" --quiet -m tiny -t tok.json --dtype f32 -o big --steps 1 --save-dtype bf16 >/dev/null
"$BIN/sample" big -p x -n 1 -v 2>err >/dev/null                     # too large for the caches
grep -q 'weights, bf16,' err
"${s[@]}" -p 'The ' -n 40 --temperature 0 --dtype int8 -v >int8.txt 2>err    # prompts and texts of any length
grep -q 'weights, int8,' err
"${s[@]}" -p 'The ' -n 40 --temperature 0 --dtype int8 -j 2 | cmp - int8.txt
"${s[@]}" -p "$(seq 1 7)" -n 5 --temperature 0 --dtype int8 >/dev/null
batches 1 | expect 2 "'int8' is none of: auto bf16 f32" train x 1 --dtype int8
expect 2 'CHECKPOINT' "$BIN/sample"
expect 1 'standard output' bash -c '"$@" >/dev/full' - "${s[@]}" -p x -n 3
cp -rL a/latest bad
sed 's/"vocab_size": [0-9]*/"vocab_size": 300/' bad/config.json >c && cp c bad/config.json
expect 1 'bad/config.json|bad/model.safetensors|bad/tokenizer.json' "$BIN/sample" bad -p x
