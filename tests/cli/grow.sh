# tools/grow: the larger model gives the same logits within 1e-5, whatever grows; it is trained on, and learns with what is new.
. "$ROOT/tests/cli/train_data.bash"
. "$ROOT/tests/cli/families.bash"
model+=(--layers 2 --kv-heads 1)
batches 30 | train run 30
grow() { "$TOOLS/grow" "$1" -o "$2" --quiet "${@:3}"; }
# difference A B: the largest difference of a logit, as a part of the largest logit
difference() {
    for dir in "$1" "$2"; do echo '[5,300,17,17,2,9,44,100,3,3,250]' | "$TOOLS/logits" "$dir" >"logits.${dir%%/*}"; done
    python3 - "logits.${1%%/*}" "logits.${2%%/*}" <<'PY'
import array, sys
x, y = (array.array("f", open(f, "rb").read()) for f in sys.argv[1:])
assert len(x) == len(y) > 1000
print(max(abs(a - b) for a, b in zip(x, y)) / max(map(abs, x)))
PY
}
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || { echo "$3: $1 is not below $2"; exit 1; }; }

# every dimension alone, and all of them
n=0
while read -r words; do
    n=$((n + 1))
    # shellcheck disable=SC2086  # split into words on purpose
    grow run "grown$n" $words
    below "$(difference run "grown$n")" 1e-5 "$words"
done <<'END'
--layers 3
--layers 6
--width 64
--width 48
--heads 4 --kv-heads 2
--heads 6 --kv-heads 1
--heads 2 --kv-heads 2
--head-dim 32
--head-dim 48
--ffn 80
--layers 5 --width 80 --heads 6 --kv-heads 3 --head-dim 32 --ffn 200
END
[ $n = 11 ]
grep -q '"num_hidden_layers": 5' grown11/config.json
grow run/latest again/ --layers 5 --width 80 --heads 6 --kv-heads 3 --head-dim 32 --ffn 200 --seed 0
cmp grown11/model.safetensors again/model.safetensors
grow run other --layers 5 --width 80 --heads 6 --kv-heads 3 --head-dim 32 --ffn 200 --seed 1
if cmp -s grown11/model.safetensors other/model.safetensors; then echo "the seed makes no difference"; exit 1; fi
# a grown model grows
grow grown11 twice --layers 7 --width 96
below "$(difference run twice)" 1e-5 twice
# noise and repeated layers change it: a little, and much
grow run noisy --layers 4 --width 48 --noise 0.001
below "$(difference run noisy)" 0.1 noise
below 1e-5 "$(difference run noisy)" noise
grow run stacked --layers 4 --stack
below 1e-2 "$(difference run stacked)" stack
# models of other families, with biases and without norms of queries and keys
made run/latest llama LlamaForCausalLM no 16
made run/latest qwen2 Qwen2ForCausalLM yes 0
for kind in llama qwen2; do
    grow $kind "$kind-grown" --layers 3 --width 64 --heads 4 --kv-heads 2 --head-dim 32 --ffn 96
    below "$(difference $kind "$kind-grown")" 1e-5 $kind
done

# training goes on where the smaller model ended, and the new parts take part from the first steps
last=$(sed -n 's/.*"step":30,"loss":\([^,]*\),.*/\1/p' run/metrics.jsonl)
batches 30 0 9 | "$BIN/train" --quiet --init grown11 -i - -o longer --steps 30 --lr 2e-3 --threads 1
first=$(sed -n 's/.*"type":"step","step":1,"loss":\([^,]*\),.*/\1/p' longer/metrics.jsonl)
below "$first" "$(awk -v x="$last" 'BEGIN { print x + 0.5 }')" 'the first loss'
python3 - grown11 longer <<'PY'
import array, json, struct, sys

def tensor(directory, name):
    raw = open(f"{directory}/model.safetensors", "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    t = json.loads(raw[8:8 + n])[name]
    assert t["dtype"] == "F32"
    return array.array("f", raw[8 + n:][slice(*t["data_offsets"])]), t["shape"]

grown, longer = sys.argv[1], sys.argv[2] + "/latest"
for name in ("model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight", "model.layers.0.self_attn.o_proj.weight",
             "model.layers.1.mlp.down_proj.weight"):
    (x, shape), (y, _) = tensor(grown, name), tensor(longer, name)
    new = [i for i in range(len(x)) if x[i] == 0]
    assert len(new) > len(x) / 3, name
    moved = sum(y[i] != 0 for i in new)
    assert moved > len(new) / 2, (name, moved, len(new))
PY

# what cannot be is named, and nothing is written
expect 1 'has 32 channels .*so 16 are too few' "$TOOLS/grow" run -o e --width 16
expect 1 'has 2 layers, so 1 are too few' "$TOOLS/grow" run -o e --layers 1
expect 1 'heads of 16 dimensions; 24 is no multiple' "$TOOLS/grow" run -o e --head-dim 24
expect 1 'do not fit into 1 and 1' "$TOOLS/grow" run -o e --heads 1
expect 2 'is too large' "$TOOLS/grow" run -o e --width 8000000
expect 2 'no preset .huge.; there are: nano' "$TOOLS/grow" run -o e -m huge
expect 2 'say how large' "$TOOLS/grow" run -o e
expect 2 'noise' "$TOOLS/grow" run -o e --layers 3 --noise -1
expect 1 'grown1: is there already' "$TOOLS/grow" run -o grown1 --layers 3
expect 2 'lies in grown1, which would be replaced' "$TOOLS/grow" grown1 -o grown1 --layers 4 --overwrite
ln -s grown1 link
expect 1 'link: is not a directory' "$TOOLS/grow" run -o link --layers 3 --overwrite
[ ! -e e ]
