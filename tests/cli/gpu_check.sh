# tools/gpu-check: its words; where there is no GPU it says so, and a part leaves its piece of the report
set -u
check() { code=0; "$ROOT/tools/gpu-check" "${@:3}" >said 2>&1 || code=$?; [ $code = "$1" ] && grep -q -- "$2" said || { echo "exit $code, want $1 and '$2':"; cat said; exit 1; }; }

check 0 '--bundle FILE' --help
check 2 "no part 'nope'; there are: build tests" nope
check 2 'tools/gpu-check' --nope
command -v nvidia-smi >/dev/null && { echo 'the rest is for machines without a GPU'; exit 0; }
check 1 'no GPU: nvidia-smi names none'
check 1 'cannot be unpacked' --device cpu --work "$PWD/w" --from "$PWD/absent" torch
grep -q . "$ROOT/build/release/cuda.config" 2>/dev/null || { echo 'the rest wants a build with CUDA'; exit 0; }
[ -x "$ROOT/build/release/tests/cuda_gpu_test" ] || exit 0
check 0 'Nothing failed' --device cpu --work "$PWD/w" -o "$PWD/report.md" sanitizer
grep -q '^## compute-sanitizer' report.md && grep -q '^Not run: ' report.md
