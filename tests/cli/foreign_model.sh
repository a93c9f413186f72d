# A model directory of strangers: whatever its files are and say, every program that reads it ends, and says why.
. "$ROOT/tests/cli/train_data.bash"
batches 2 >b
train run 2 <b
cp -rL run/latest whole
rm -r whole/trainer
size=$(od -An -tu8 -N8 whole/model.safetensors | tr -d ' ')
head -c $((8 + size)) whole/model.safetensors | tail -c "$size" >header
tail -c +$((9 + size)) whole/model.safetensors >data

# model [SED]: whole/ as m/, with its header changed by a command of sed
model() {
    rm -rf m && cp -r whole m
    [ $# = 0 ] || { sed -E "$1" header >changed; ! cmp -s header changed || { echo "$1: changes nothing"; exit 1; }; weights changed data; }
}
# weights HEADER DATA: into m/
weights() {
    local n i
    n=$(stat -c %s "$1")
    { for ((i = 0; i < 64; i += 8)); do printf "\\x$(printf %02x $((n >> i & 255)))"; done; cat "$1" "$2"; } >m/model.safetensors
}
# refused PATTERN: by each program, in time
refused() {
    expect 1 "$1" timeout 20 "$BIN/sample" m -p x -n 1
    expect 1 "$1" timeout 20 "$BIN/eval" m --data m=tokens/math/val --limit 10
    expect 1 "$1" timeout 20 "$TOOLS/export" gguf m -o m.gguf
    expect 1 "$1" timeout 20 "$BIN/train" --quiet --init m -t tok.json --context 32 --steps 1 -o never -i b
}
model
"$BIN/sample" m -p x -n 1 -q >/dev/null
model 's/("model.norm.weight":[^}]*"data_offsets":\[)[0-9]+,[0-9]+/\10,64/'
refused 'm/model.safetensors: .*(overlap|offset)'
model 's/("model.norm.weight":[^}]*"shape":\[)[0-9]+/\14611686018427387904/'
refused "m/model.safetensors: .*'model.norm.weight'"
model 's/("model.norm.weight":[^}]*"shape":\[)[0-9]+/\10/'
refused "m/model.safetensors: .*'model.norm.weight'"
model 's/model.norm.weight/model.n\\u001b.weight/'
refused 'm/model.safetensors: '
model
sed -i -E 's/"num_hidden_layers": *[0-9]+/"num_hidden_layers": 2147483647/' m/config.json
refused 'm/config.json: '
# pipes that nobody writes to
for f in config.json model.safetensors tokenizer.json; do
    model
    rm m/$f && mkfifo m/$f
    expect 1 "m/$f: " timeout 20 "$BIN/sample" m -p x -n 1
    expect 1 "m/$f: " timeout 20 "$TOOLS/export" gguf m -o m.gguf
done
model
cp -r tokens/math shards
for f in 000000.tok manifest.json; do
    rm shards/$f && mkfifo shards/$f
    expect 1 "shards/$f: " timeout 20 "$BIN/mix" m=1:shards -T 16 -B 2 --steps 1 -o none
done
rm -f m/generation_config.json && mkfifo m/generation_config.json
expect 1 'm/generation_config.json: not a regular file' timeout 20 "$BIN/sample" m -p x -n 1

# weights that are no numbers: what is said of each token is said of all, and JSON stays JSON
model
head -c "$(stat -c %s data)" <(yes $'\xff\xff\xff' | tr '\n' '\377') >nan
weights header nan
"$BIN/sample" m -p x -n 3 -q --ignore-eos --format json --logprobs 2 >out.json
grep -q '"token_logprobs":\[null,null,null\]' out.json
