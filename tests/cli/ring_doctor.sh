# doctor lists and removes segments of the dead, and leaves the living and strangers alone.
# The segments are written here byte by byte from shm/ring.md, not by the program's own code.
set -eu
prefix=/dev/shm/tritter-$(id -u)-doctortest.$$
trap 'rm -f "$prefix".*' EXIT

le() {          # le VALUE BYTES: little-endian
    local v=$1 i
    for ((i = 0; i < $2; i++)); do printf "\\x$(printf %02x $((v & 255)))"; v=$((v >> 8)); done
}
start_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20; }

segment() {     # segment SUFFIX PID START [BOOT]
    local boot=${4:-$(cat /proc/sys/kernel/random/boot_id)}
    (
        umask 077
        {
            printf 'TRTRING\n'
            le 1 4; le 4096 4; le 4096 8
            printf "$(sed 's/-//g; s/../\\x&/g' <<<"$boot")"
            le $(($3 << 24 | $2)) 8
            head -c $((8192 - 48)) /dev/zero
        } >"$prefix.$1"
    )
}
expect() {      # expect STATE SUFFIX OUTPUT
    grep -q "^$1	.*	$prefix.$2\$" <<<"$3" || { echo "no line '$1 ... $2' in:"; echo "$3"; exit 1; }
}

segment live $$ "$(start_of $$)"
segment reused $$ $(($(start_of $$) + 1))
segment reboot $$ "$(start_of $$)" 01234567-89ab-cdef-0123-456789abcdef
sleep 0 & dead=$!
wait
segment dead $dead 12345
echo hello >"$prefix.stranger"
ln -s /etc/passwd "$prefix.link"

list=$("$TOOLS/doctor")
expect live live "$list"
for s in reused reboot dead; do expect stale $s "$list"; done
expect foreign stranger "$list"
expect foreign link "$list"
for s in live reused reboot dead stranger; do [ -f "$prefix.$s" ] || { echo "listing removed $s"; exit 1; }; done

removed=$("$TOOLS/doctor" --remove)
for s in reused reboot dead; do
    expect removed $s "$removed"
    [ ! -e "$prefix.$s" ] || { echo "$s is still there"; exit 1; }
done
for s in live stranger; do [ -f "$prefix.$s" ] || { echo "--remove took $s"; exit 1; }; done
[ -L "$prefix.link" ]
if "$TOOLS/doctor" --remove | grep -q "^\(stale\|removed\).*$prefix"; then exit 1; fi

code=0
"$TOOLS/doctor" absent 2>err || code=$?
[ $code = 1 ] && grep -q 'absent: cannot read directory' err || { echo "a directory that is not there: exit $code"; exit 1; }
