# tools/plan-cluster: its arithmetic, done again in Python; published figures; what does not fit is said with numbers.
set -euo pipefail
plan() { "$TOOLS/plan-cluster" "$@"; }
plan -m 1b --gpus 64 --net 400G --batch 2097152 --micro-batch 4 --json >many
plan -m 1b --gpus 64 --net 400G --batch 2097152 --micro-batch 4 --wire bf16 --json >half
plan -m 1b --gpus 1 --batch 65536 --micro-batch 4 --gpu a100-80 --recompute --json >one
plan --check --json >figures
python3 - <<'PY'
import json
load = lambda name: json.load(open(name))
near = lambda a, b: abs(a - b) <= 1e-9 * abs(b)
L, C, H, KV, D, F, V, T = 24, 2048, 16, 8, 128, 5632, 65536, 1024
products = L * (C * D * (2 * H + 2 * KV) + 3 * C * F) + V * C
n = products + L * (2 * C + 2 * D) + C
flops = 6 * products + 6 * L * H * D * T
eff = 0.5 * C / (C + 608)
def step(p, gpus, nodes, batch, micro, peak, eff, memory_rate, wire, recompute=1):
    rows = batch // T // gpus
    compute = rows * T * flops / (peak * eff) * recompute
    update = (8 * n + 28 * n / gpus) / memory_rate
    local = min(gpus, 8)
    grad = 0 if gpus == 1 else n * wire * ((local - 1) / local / 0.8 / 450e9 + (nodes - 1) / nodes / 0.8 / 50e9)
    hidden = min(grad, compute * 2 / 3 * micro / rows)
    assert near(p["compute_s"], compute) and near(p["update_s"], update) and near(p["gradients_s"], grad) and near(p["hidden_s"], hidden)
    assert near(p["step_s"], compute + update + grad - hidden + grad)
    assert near(p["tokens_per_s"], rows * T * gpus / p["step_s"])
    assert near(p["memory"] - p["activations"], 10 * n + 8 * n / gpus)
step(load("many"), 64, 8, 2097152, 4, 989e12, eff, 3.35e12, 4)
step(load("half"), 64, 8, 2097152, 4, 989e12, eff, 3.35e12, 2)
step(load("one"), 1, 1, 65536, 4, 312e12, eff / 0.5 * 0.71, 2.0e12, 4, 4 / 3)
assert load("half")["step_s"] < load("many")["step_s"]
ratios = [f["ratio"] for f in load("figures")]
assert sum(0.75 <= r <= 1.25 for r in ratios) >= 4 and len(ratios) == 8, ratios
PY
plan -m 1b --gpus 64 --tokens 20e9 --price 2 >text
grep -q '^cost ' text
code=0; plan -m 1b --gpus 2 --gpu a100-40 --micro-batch 32 2>err || code=$?
[ $code = 1 ] && grep -q 'a GPU needs .* GB of 37.6 .*--recompute takes less' err
code=0; plan -m 1b --gpus 64 --batch 1000 2>err || code=$?
[ $code = 1 ] && grep -q 'less than a row of 1024 for each of 64 GPUs' err
for words in '-m huge' '--gpu abacus' '--net fast' '--gpus 0' 'x' '--tokens -1' '--price -2' '--net 1e-320 --json' \
    '--net 1e308T' '--efficiency 1e-300 --json'; do
    code=0
    # shellcheck disable=SC2086  # split into words on purpose
    plan $words 2>/dev/null || code=$?
    [ $code = 2 ] || { echo "exit $code: $words"; exit 1; }
done
