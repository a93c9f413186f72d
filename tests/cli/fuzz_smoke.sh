# Each fuzzer of tests/fuzz is built, and passes over its seeds and some changes of them. (At length: make fuzz.)
set -euo pipefail
unset MAKEFLAGS MAKELEVEL MFLAGS
case $BIN in */asan/*|*/tsan/*) echo "the fuzzers have sanitizers of their own"; exit 77 ;; esac
command -v clang >/dev/null || { echo "no clang: tools/setup fuzz installs it"; exit 77; }
echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return n > 9 && *p; }' >probe.c
clang -w -fsanitize=fuzzer,address -o probe probe.c 2>/dev/null ||
    { echo "clang has no libFuzzer: tools/setup fuzz installs it"; exit 77; }
make -s -C "$ROOT" VARIANT=fuzz -j2 fuzzers >log 2>&1 || { tail -n 20 log; exit 1; }
RUNS=300 CORPUS=$PWD "$ROOT/tests/fuzz/run" 10 >log 2>&1 || { cat log; exit 1; }
# all of them, and each has seeds
[ "$(grep -c '^ok' log)" = "$(ls "$ROOT"/tests/fuzz/*.c | wc -l)" ]
for f in "$ROOT"/tests/fuzz/*.c; do name=$(basename "$f" .c); ls "$ROOT/tests/fuzz/seeds/$name"/* >/dev/null; done
