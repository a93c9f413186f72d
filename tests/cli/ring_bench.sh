# ring-bench prints its three figures, none of them zero, and leaves nothing in /dev/shm.
set -eu
out=$("$TOOLS/ring-bench" -s 0.05)
[ "$(wc -l <<<"$out")" = 3 ]
for what in 'small records' bulk hop; do
    value=$(sed -n "s/^ring $what *\([0-9.]*\) .*/\1/p" <<<"$out")
    awk -v v="$value" 'BEGIN { exit !(v > 0) }' || { echo "$what: '$value' in:"; echo "$out"; exit 1; }
done
if ls /dev/shm | grep "^tritter-$(id -u)-bench\."; then exit 1; fi
code=0
"$TOOLS/ring-bench" --capacity 5000 2>/dev/null || code=$?
[ $code = 2 ] || { echo "a capacity that is no power of two: exit $code"; exit 1; }
