# A program that may not have the memory it needs says so and exits 1, wherever it runs out: ulimit -v in small steps.
. "$ROOT/tests/cli/train_data.bash"
case $BIN in */asan/*|*/tsan/*) echo 'a sanitizer reserves address space'; exit 77 ;; esac
batches 4 >b
train run 4 <b
within() { (ulimit -v "$1"; "${@:2}"); }
refused=0
for kb in $(seq 40000 3000 100000); do
    for what in train eval sample; do
        case $what in
        train) command=("$BIN/train" --quiet "${model[@]}" -o r --overwrite --steps 2 -i b) ;;
        eval) command=("$BIN/eval" run --data x=tokens/math/val --limit 100 --threads 1) ;;
        sample) command=("$BIN/sample" run -p x -n 2 --threads 1) ;;
        esac
        code=0
        within "$kb" "${command[@]}" >out.txt 2>err.txt || code=$?
        [ $code -eq 0 ] && continue
        refused=$((refused + 1))
        { [ $code -eq 1 ] || [ $code -eq 127 ]; } && [ -s err.txt ] || { echo "$what with $kb KB: exit $code"; cat err.txt; exit 1; }
    done
done
[ $refused -gt 10 ] || { echo "only $refused were refused"; exit 1; }
