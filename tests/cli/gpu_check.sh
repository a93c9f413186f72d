# tools/gpu-check: its words; where there is no GPU it says so, and a part leaves its piece of the report
set -u
check() { code=0; "$ROOT/tools/gpu-check" "${@:3}" >said 2>&1 || code=$?; [ $code = "$1" ] && grep -q -- "$2" said || { echo "exit $code, want $1 and '$2':"; cat said; exit 1; }; }

check 0 '--bundle FILE' --help
check 2 "no part 'nope'; there are: build tests" nope
check 2 'tools/gpu-check' --nope
check 0 'without a network: use --from' --help

# A bundle of programs that do nothing, on a machine that says it has a GPU, with a loader and a Python of the test's own
mkdir -p fake/bin fake/tools fake/build/release/tests fake/lib path given
for p in bin/{fetch,tokenize,shard,mix,train} tools/{train-bench,kernel-bench} build/release/tests/cuda_{gpu,step}_test; do cp "$(type -P true)" "fake/$p"; done
echo libcublasLt.so.99 >>fake/bin/train
echo commit >fake/commit
: >fake/lib/libolder.so.1
tar -C fake -cJf bundle.tar.xz .
program() { printf '#!/bin/sh\n%s\n' "$2" >"path/$1"; chmod +x "path/$1"; }
program nvidia-smi 'echo Test'
program ldconfig :
program python3 'echo "libraries $LD_LIBRARY_PATH" >>'"$PWD/said-by-python"
from_bundle() { PATH=$PWD/path:$PATH LD_LIBRARY_PATH=$PWD/given check "$1" "$2" --from "$PWD/bundle.tar.xz" --work "$PWD/b" -o "$PWD/bundle.md" "${@:3}"; }
from_bundle 1 'libcublasLt.so.99 is nowhere to be found' tests steps
[ "$(wc -l <said)" = 1 ] || { cat said; exit 1; }
: >given/libcublasLt.so.99
from_bundle 0 'Nothing failed' torch
# the loader has cuBLASLt, Python's packages alone have cuDNN and what it wants; LD_LIBRARY_PATH is not set
rm -r b given/*
mkdir -p packages/nvidia/{cudnn,cu13}/lib
touch packages/nvidia/cudnn/lib/libcudnn{,_graph}.so.9 packages/nvidia/cu13/lib/{libnvrtc.so.13,libnvrtc-builtins.so.13.0,libcublasLt.so.99}
program ldconfig 'printf "\tlibcublasLt.so.99 (libc6) => x\n"'
program python3 'case $* in *sys.path*) echo '"$PWD"'/packages/nvidia ;; *) exit 1 ;; esac'
(unset LD_LIBRARY_PATH; PATH=$PWD/path:$PATH check 0 'Nothing failed' --from "$PWD/bundle.tar.xz" --work "$PWD/b" -o "$PWD/bundle.md" torch) || exit 1
for lib in libcudnn.so.9 libcudnn_graph.so.9 libnvrtc.so.13 libnvrtc-builtins.so.13.0; do [ -L b/lib/$lib ] || { ls b/lib; exit 1; }; done
[ ! -e b/lib/libcublasLt.so.99 ] || { echo "Python's cuBLASLt hides the machine's"; exit 1; }
program python3 'echo "libraries $LD_LIBRARY_PATH" >>'"$PWD/said-by-python"
rm -r b                                         # a long list, of which the reader wants the head
program ldconfig 'printf "\tlibcublasLt.so.99 (libc6) => x\n\tlibolder.so.1 (libc6) => x\n"; yes more | head -n 100000'
from_bundle 0 'Nothing failed' torch
[ ! -e b/tree/lib/libolder.so.1 ] || { echo "a library of the bundle hides the machine's"; exit 1; }
# Python has the libraries that it would have without a bundle
[ "$(sort -u said-by-python)" = "libraries $PWD/given" ] || { cat said-by-python; exit 1; }

command -v nvidia-smi >/dev/null && { echo 'the rest is for machines without a GPU'; exit 0; }
check 1 'no GPU: nvidia-smi names none'
check 1 'cannot be unpacked' --device cpu --work "$PWD/w" --from "$PWD/absent" torch
grep -q . "$ROOT/build/release/cuda.config" 2>/dev/null || { echo 'the rest wants a build with CUDA'; exit 0; }
[ -x "$ROOT/build/release/tests/cuda_gpu_test" ] || exit 0
check 0 'Nothing failed' --device cpu --work "$PWD/w" -o "$PWD/report.md" sanitizer
grep -q '^## compute-sanitizer' report.md && grep -q '^Not run: ' report.md
