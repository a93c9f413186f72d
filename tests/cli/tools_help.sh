# Every script and program in tools/ says what it is when asked for --help, and does nothing else.
set -eu
for t in "$ROOT"/tools/*; do
    [ -f "$t" ] && [ -x "$t" ] || continue
    head -c 30 "$t" | grep -qa python && continue # these need packages of others first
    "$t" --help >out 2>err </dev/null || { echo "$t --help: exit $?"; cat err; exit 1; }
    [ "$(wc -l <out)" -ge 1 ] && [ ! -s err ] || { echo "$t --help says:"; cat out err; exit 1; }
    rm out err
    [ -z "$(ls -A)" ] || { echo "$t --help left:"; ls -A; exit 1; }
done
