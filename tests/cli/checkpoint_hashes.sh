# A checkpoint whose files are not as they were written is refused by every program that reads them; JSON stays JSON.
. "$ROOT/tests/cli/train_data.bash"
batches 4 >b
train run 4 <b
"$BIN/tokenize" train --quiet -n 400 -o other.json math.jsonl
use() {         # PROGRAM...: 1 and a message that names the file
    expect 1 "$1: (checksum|offset)" "${@:2}"
}
cp -r run/latest/. m
for f in tokenizer.json config.json model.safetensors; do
    case $f in
    tokenizer.json) cp other.json m/$f ;;
    config.json) sed -i 's/"rope_theta": 1/"rope_theta": 2/; s/"rms_norm_eps": 1e-0*6/"rms_norm_eps": 2e-6/' m/$f ;;
    *) printf '\1' | dd of=m/$f bs=1 seek=$(($(stat -c %s m/$f) - 7)) conv=notrunc status=none ;;
    esac
    if cmp -s m/$f run/latest/$f; then echo "$f was not changed"; exit 1; fi
    use "m/$f" "$BIN/sample" m -p x -n 4
    use "m/$f" "$BIN/eval" m --data math=tokens/math/val --limit 200
    printf '{"goal":"a","sol1":"b","sol2":"c"}\n' >q.jsonl
    echo 0 >q-labels.lst
    use "m/$f" "$BIN/eval" m --task piqa=q.jsonl
    use "m/$f" "$TOOLS/export" gguf m -o m.gguf
    cp run/latest/$f m/$f
done
"$BIN/sample" m -p x -n 4 >/dev/null

# names that are not UTF-8, in everything that is JSON
odd=$'r\xe9\xffn'
train "$odd" 4 --val x=tokens/math/val <b
"$BIN/eval" "$odd" --data math=tokens/math/val --limit 200 --json -o e.json >out.json
cp -r tokens/math $'m\xe9'
"$BIN/mix" $'m=1:m\xe9' -T 32 -B 2 --steps 2 --dry-run --json >mix.json
train events 4 --max-bad-steps 3 --val $'x=m\xe9/val' <b
batches 8 >b8
expect 1 'damaged|End of stream|cut' train "$odd" 8 --resume --override < <(head -c 2000 b8)
for f in "$odd"/*.jsonl "$odd"/config.json e.json out.json mix.json events/*.json events/*.jsonl "$odd"/latest/trainer/state.json; do
    [ -s "$f" ] || { echo "$f is empty"; exit 1; }
    iconv -f UTF-8 -t UTF-8 "$f" >/dev/null || { echo "$f is not UTF-8"; exit 1; }
done
