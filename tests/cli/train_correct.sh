# The decay by the upper half of the layers: what is held, gone back to, chosen, and the same bits over --resume.
. "$ROOT/tests/cli/train_data.bash"
deep=(--layers 4 --optimizer muon --warmup 5% --save-every 50)
correct=("${deep[@]}" --finish correct --decay 50% --lr 5e-2)
batches 120 >all
events() { sed -n 's/.*"step":\([0-9]*\),"event":"correct","detail":"\([^"]*\)".*/\1 \2/p' "$1/metrics.jsonl"; }
# differ A B [FILE]: the names of the tensors that two checkpoints have otherwise: weights and optimizer, or those of a FILE
cat >differ.py <<'END'
import json, os, struct, sys
def tensors(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    return {n: data[slice(*t["data_offsets"])] for n, t in head.items() if n != "__metadata__"}
def state(d):
    all = {**tensors(d + "/model.safetensors"), **tensors(d + "/trainer/optimizer.safetensors")}
    all.update({n[7:]: v for n, v in all.items() if n.startswith("master.")})
    return {n: v for n, v in all.items() if not n.startswith("master.")}
read = (lambda d: tensors(f"{d}/trainer/{sys.argv[3]}.safetensors")) if len(sys.argv) > 3 else state
a, b = read(sys.argv[1]), read(sys.argv[2])
for n in sorted(a.keys() | b.keys()):
    if a[n] != b[n]:
        print(n)
END
differ() { python3 differ.py "$@"; }

# the lower half and the embedding are held, their moments stay; what is above them learns; the averages wait
train whole 120 "${correct[@]}" --keep-last 9 <all
events whole >whole.txt
grep -qx '60 the lower 2 of 4 layers are held at their forecast, the others decay' whole.txt
grep -q '^63 corrected .*: the correction goes on$' whole.txt
grep -q '^119 corrected .*: the model is corrected$' whole.txt
differ whole/checkpoints/step-000060 whole/latest >moved
if grep -E 'exp_avg.*(embed_tokens|layers\.[01]\.)' moved; then exit 1; fi
for held in 'embed_tokens' 'layers\.0\.mlp\.up'; do grep -q "^model\.$held" moved; done
for learns in 'layers\.2\.mlp\.up' 'layers\.3\.mlp\.up' 'norm'; do grep -q "exp_avg\.model\.$learns" moved; done
differ whole/checkpoints/step-000100 whole/latest >moved
if grep -E 'embed_tokens|layers\.[01]\.' moved; then exit 1; fi
[ -z "$(differ whole/checkpoints/step-000100 whole/latest finish-averages)" ]

# bits over resume, at any step; the checkpoint that would be gone back to is kept until then
for at in 60 62 63 64 101 119; do
    batches "$at" | expect 1 "end at step $at" train "at$at" 120 "${correct[@]}" --keep-last 1
    [ -e "at$at/checkpoints/step-000060" ]
    train "at$at" 120 --layers 4 --resume <all
    same whole "at$at"
    events "at$at" | cmp - whole.txt
done

# a forecast that lags behind is no better: the run is what it would have been without
train lags 120 "${deep[@]}" --finish correct --decay 50% --lr 1e-3 <all
events lags | grep -qx '60 the forecast is no better than the weights: a real decay'
train real 120 "${deep[@]}" --decay 50% --lr 1e-3 <all
grep -q '"finished":false' <(grep '"type":"finish"' lags/metrics.jsonl | tail -n 1)
same lags real

# a trial that goes wrong (its text is noise) is undone bit for bit: all that is missing is its steps, and the real decay
# takes those that are left
python3 - <<'END'
import json, random
random.seed(1)
with open("noise.jsonl", "w") as f:
    for _ in range(40):
        f.write(json.dumps({"text": "".join(chr(random.randrange(33, 126)) for _ in range(1000))}) + "\n")
END
"$BIN/tokenize" --quiet -t tok.json noise.jsonl | "$BIN/shard" --quiet -o tokens/noise --val 5% >/dev/null
noisy() { "$BIN/mix" --quiet noise=1:tokens/noise -T 32 -B 4 --seed 7 --steps "$1" -o -; }
noisy 4 >noise
record=$((($(stat -c %s noise) - 128) / 5))
cat >splice.py <<'END'
import struct, sys
record, a, b = int(sys.argv[1]), open("all", "rb").read(), open("noise", "rb").read()
at = lambda data, i: data[128 + i * record:128 + (i + 1) * record]
def write(name, records):
    with open(name, "wb") as f:
        f.write(a[:128])
        for i, r in enumerate(records):
            f.write(struct.pack("<Q", i) + r[8:])
        f.write(at(a, 120))
before, trial, after = [at(a, i) for i in range(60)], [at(a, 60), at(b, 0), at(b, 1)], [at(a, i) for i in range(61, 118)]
write("spliced", before + trial + after)
write("without", before + after)
END
python3 splice.py "$record"
hot=("${deep[@]}" --lr 1e-1 --ema-nesterov 0.2)
train undone 120 "${hot[@]}" --finish correct --decay 50% <spliced
events undone >undone.txt
grep -q '^63 corrected .*: back to step 60, and a real decay$' undone.txt
train straight 117 "${hot[@]}" --warmup 0.05128 --decay 0.487179 <without
[ -z "$(differ undone/latest straight/latest)" ]
[ -z "$(differ undone/latest straight/latest lookahead)" ]
for at in 62 63 64 100; do
    head -c $((128 + at * record)) spliced >cut
    expect 1 'cut|end' train "undone$at" 120 "${hot[@]}" --finish correct --decay 50% <cut
    train "undone$at" 120 --layers 4 --resume <spliced
    same undone "undone$at"
    events "undone$at" | cmp - undone.txt
done

# nothing is learnt from pure noise, and nothing is lost
noisy 120 >noise
said() { sed -n "s/.*\"type\":\"val\",\"step\":120,.*\"$2\":\([0-9.]*\),.*/\1/p" "$1/metrics.jsonl"; }
for finish in decay correct; do
    train "noise-$finish" 120 "${deep[@]}" --finish "$finish" --decay 50% --lr 5e-2 --val noise=tokens/noise/val --val-every 0 <noise
done
which=loss
grep -q '"choice": {"finished": true' <(tr -d '\n' <noise-correct/latest/trainer/state.json | sed 's/ \+/ /g') && which=finished_loss
awk -v a="$(said noise-correct $which)" -v b="$(said noise-decay loss)" 'BEGIN { exit !(a < 1.01 * b) }'

# a run that is made longer leaves the correction, and goes on from the weights before
batches 90 | expect 1 'end at step 90' train longer 120 "${correct[@]}"
batches 240 >more
train longer 240 --layers 4 --resume --override <more 2>said
grep -q 'the weights are those of step 60, before they were corrected' said
events longer | grep -q '^120 '

# what cannot be together
expect 2 'only with --schedule wsd' train x 120 "${deep[@]}" --finish correct --schedule cosine <all
expect 2 'only with --schedule wsd and two layers' train x 120 --finish correct <all
expect 2 'last layers join' train x 120 "${correct[@]}" --beta2 0.9 --grow 1@0,4@80 <all
