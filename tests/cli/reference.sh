# --device reference: the plain loops train, evaluate and sample as the CPU's kernels do, in f32
. "$ROOT/tests/cli/train_data.bash"
batches 6 >all
for d in cpu reference; do
    "$BIN/train" "${model[@]}" --dtype f32 --device "$d" -o "$d" --steps 6 <all 2>said
    grep -qE "^train: device: $d.*, f32, .*\(--device $d; asked for\)$" said || { cat said; exit 1; }
    "$BIN/eval" "$d/latest" --data x=tokens/math/val --limit 300 --device "$d" --json >"$d.json"
    "$BIN/sample" "$d/latest" -p The -n 12 --temperature 0 --dtype f32 --device "$d" --json >"$d.sample"
done

# numbers PATTERN FILE: what follows PATTERN, one a line
numbers() { grep -oE "$1[-+.e0-9]+" "$2" | sed 's/.*://'; }
# close COUNT PATTERN FILE OTHER: that many numbers in both files, each within 1e-4 of the other's
close() {
    paste <(numbers "$2" "$3") <(numbers "$2" "$4") >pairs
    awk -v n="$1" 'NF != 2 || $1 - $2 > 1e-4 || $2 - $1 > 1e-4 { exit bad = 1 } END { exit bad || NR != n }' pairs ||
        { echo "$3 and $4 differ:"; cat pairs; exit 1; }
}
grep '"type":"step"' cpu/metrics.jsonl >cpu.steps
grep '"type":"step"' reference/metrics.jsonl >reference.steps
close 6 '"loss":' cpu.steps reference.steps
close 6 '"grad_norm":' cpu.steps reference.steps
close 1 '"loss": ?' cpu.json reference.json
cmp <(sed 's/, *"tokens_per_second".*//' cpu.sample) <(sed 's/, *"tokens_per_second".*//' reference.sample)

# it is another backend: the last bits differ
if cmp -s cpu/latest/model.safetensors reference/latest/model.safetensors; then exit 1; fi
