# Validation, checkpoints that are kept, and the files that a run consists of.
. "$ROOT/tests/cli/train_data.bash"
batches 200 >all
val=(--val language=tokens/language/val --val math=tokens/math/val)
train a 200 "${val[@]}" --val-every 20 --val-tokens 512 --keep-best --keep-last 1 --save-every 50 --json <all >summary.json
grep -q '"step":200' summary.json
train b 200 <all
cmp a/latest/model.safetensors b/latest/model.safetensors           # looking changes nothing
[ "$(grep -c '"type":"val"' a/metrics.jsonl)" = 20 ]
field() { sed "s/.*\"$1\":\([^,}]*\).*/\1/"; }
loss() { grep '"type":"val"' a/metrics.jsonl | grep "\"step\":$1,\"name\":\"$2\"" | field loss; }
awk -v a="$(loss 20 math)" -v b="$(loss 200 math)" 'BEGIN { exit !(b < a && b > 0) }'
awk -v a="$(loss 20 language)" -v b="$(loss 200 language)" 'BEGIN { exit !(b < a && b > 0) }'
first=$(grep '"type":"step","step":1,' a/metrics.jsonl | field loss)
last=$(grep '"type":"step","step":200,' a/metrics.jsonl | field loss)
awk -v a="$first" -v b="$last" 'BEGIN { exit !(a > 5.8 && a < 6.2 && b < a - 0.7) }' || { echo "loss $first -> $last"; exit 1; }

# it said how much memory it would take, and took no more (sanitizers take more)
"$BIN/train" "${model[@]}" -o memory --steps 20 --json <all >memory.json 2>err.txt
said=$(sed -n 's/.*arena \([0-9.]*\) MB.*/\1/p' err.txt)
took=$(field peak_memory_bytes <memory.json)
within() { case $BIN in */build/*) ;; *) awk -v s="$1" -v t="$2" 'BEGIN { exit !(s * 1e6 >= t && t > 0) }' || { echo "$1 MB said, $2 taken"; exit 1; } ;; esac; }
within "$said" "$took"
# an embedding that is larger than everything else together
for isa in v2 v9; do                    # v2: without products of bf16, operands are copied. v9: the best there is
    TRITTER_ISA=$isa "$BIN/train" "${model[@]}" --dtype bf16 --width 32768 --threads 0 -o wide --overwrite --steps 1 --json <all >memory.json 2>err.txt
    within "$(sed -n 's/.*arena \([0-9.]*\) MB.*/\1/p' err.txt)" "$(field peak_memory_bytes <memory.json)"
done
grep -q '"threads": [1-9]' wide/config.json                         # the number, so that --resume keeps to it
train a 200 --resume --json <all | grep -q '"step":200,.*"loss":null'        # no step was left to do

# best is the step of lowest mean, and is there; the newest is there; nothing else
best=$(basename "$(readlink a/best)")
want=$(grep '"type":"val"' a/metrics.jsonl | awk -F'[:,]' '{ sum[$4] += $8 } END { for (s in sum) print sum[s], s }' | sort -g | head -1 | cut -d' ' -f2)
[ "$best" = "$(printf 'step-%06d' "$want")" ]
ls a/checkpoints | while read -r c; do [ "$c" = "$best" ] || [ "$c" = step-000200 ]; done
cmp tok.json a/latest/tokenizer.json
for f in config.json tokenizer_config.json generation_config.json model.safetensors; do [ -s "a/latest/$f" ]; done
grep -q '"lr": 0.002' a/config.json
[ -z "$(find a -name '.tmp*')" ]
head -c 8 a/latest/model.safetensors | od -An -tu8 | awk '{ exit !($1 % 8 == 0) }'

# gradients add up: micro-batches of any size give (nearly) the same, in f32
for n in 1 3 4; do train m$n 5 --dtype f32 --micro-batch $n <all; done
for n in 1 3; do
    l=$(tail -n 2 m$n/metrics.jsonl | head -1 | field loss)
    r=$(tail -n 2 m4/metrics.jsonl | head -1 | field loss)
    awk -v l="$l" -v r="$r" 'BEGIN { d = l - r; exit !(d < 1e-4 && d > -1e-4) }'
done
# a mask of documents changes what is learnt
train d 5 --doc-mask <all
if cmp -s d/latest/model.safetensors m4/latest/model.safetensors; then exit 1; fi

# a run that goes on knows what its best was: a better step becomes the best, a worse one does not
longer() { batches "$1" "$2" | train best "$1" --resume --override "${val[@]}" --val-every 20 --val-tokens 512 --keep-best --save-every 0 "${@:3}"; }
batches 40 | train best 40 "${val[@]}" --val-every 20 --val-tokens 512 --keep-best --save-every 0
[ "$(basename "$(readlink best/best)")" = step-000040 ]
longer 60 40
[ "$(basename "$(readlink best/best)")" = step-000060 ]
longer 80 60 --lr 3
[ "$(basename "$(readlink best/best)")" = step-000060 ]
[ "$(basename "$(readlink best/latest)")" = step-000080 ]
