# --device: what was picked is said, and why; CUDA where there is no GPU is an error
. "$ROOT/tests/cli/train_data.bash"
batches 6 >all
export CUDA_VISIBLE_DEVICES=                    # no GPU, whatever the machine has

expect 2 "'gpu' is none of: auto cpu cuda reference" train e 6 --device gpu <all
expect 1 '^train: --device cuda: no CUDA: .' train e 6 --device cuda <all
expect 1 '^train: --fp8: fp8 products need an NVIDIA GPU of compute capability 9.0' train e 6 --fp8 <all
expect 1 '^train: --attention cudnn: cuDNN needs an NVIDIA GPU$' train e 6 --attention cudnn <all
expect 2 '^train: --attention cudnn: it takes no document masks' train e 6 --attention cudnn --doc-mask <all
expect 2 "'flash' is none of: own cudnn" train e 6 --attention flash <all
[ ! -e e/latest ]
"$BIN/train" "${model[@]}" -o a --steps 6 <all 2>said
grep -qE '^train: device: cpu .*\(--device auto; no CUDA: .+\)$' said || { cat said; exit 1; }
"$BIN/train" "${model[@]}" -o b --steps 6 --device cpu <all 2>said
grep -qE '^train: device: cpu .*\(--device cpu; asked for\)$' said || { cat said; exit 1; }
same a b

for program in 'eval a/latest --data x=tokens/math/val' 'sample a/latest -p x -n 1'; do
    read -ra words <<<"$program"
    expect 2 "'gpu' is none of: auto cpu cuda reference" "$BIN/${words[0]}" "${words[@]:1}" --device gpu
    expect 1 "^${words[0]}: --device cuda: no CUDA: ." "$BIN/${words[0]}" "${words[@]:1}" --device cuda
    "$BIN/${words[0]}" "${words[@]:1}" --verbose >/dev/null 2>said
    grep -qE "device: cpu .*\(--device auto; no CUDA: .+\)" said || { cat said; exit 1; }
done

# the rules of the build: no nvcc is said in one line, and `make cuda` fails
[ -z "$(command -v make)" ] || {
    expect 2 'make cuda: there is no nvcc' make -C "$ROOT" NVCC= cuda
    expect 2 'does not know sm_1' make -C "$ROOT" CUDA_ARCH=1 NVCC="$(command -v nvcc || echo "$PWD/nvcc")" cuda
}

# layers computed again in the backward pass: less memory, the same bits
"$BIN/train" "${model[@]}" --layers 4 -o whole --steps 6 <all 2>kept
"$BIN/train" "${model[@]}" --layers 4 -o again --steps 6 --recompute <all 2>said
same whole again
activations() { sed -n 's/.*activations \([0-9.]*\) .*/\1/p' "$1"; }
awk -v a="$(activations kept)" -v b="$(activations said)" 'BEGIN { exit !(a > 0 && b > 0 && b < a) }' || { cat kept said; exit 1; }
