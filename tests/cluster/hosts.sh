#!/usr/bin/env bash
# Four hosts, as network namespaces on one bridge: one run over TCP, equal bits, and what a cut link, a frozen host and
# a slow network do to it. Needs root, ip and mpirun; says what is missing.
mpirun=$(command -v mpirun) || { echo 'no mpirun here'; exit 77; }
[ -e "$BIN/../lib/tritter-mpi.so" ] || { echo 'built without MPI: no lib/tritter-mpi.so'; exit 77; }
[ "$(id -u)" = 0 ] || { echo 'network namespaces need root'; exit 77; }
n=4 t=tritter$$
down() {
    for ((i = 1; i <= n; i++)); do ip netns pids "$t-$i" 2>/dev/null | xargs -r kill -KILL; ip netns del "$t-$i" 2>/dev/null; done
    ip link del "tb$$" 2>/dev/null
}
trap down EXIT
ip link add "tb$$" type bridge 2>why && ip link set "tb$$" up 2>>why || { cat why; echo 'no bridge can be made here'; exit 77; }
for ((i = 1; i <= n; i++)); do
    { ip netns add "$t-$i" && ip link add "tv$$-$i" type veth peer name eth0 netns "$t-$i" && ip link set "tv$$-$i" master "tb$$" up &&
        ip -n "$t-$i" addr add "10.77.0.$i/24" dev eth0 && ip -n "$t-$i" link set eth0 up && ip -n "$t-$i" link set lo up; } 2>why ||
        { cat why; echo 'no network namespaces here'; exit 77; }
done
# shellcheck source=tests/cli/train_data.bash
. "$ROOT/tests/cli/train_data.bash"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# In place of ssh: a command line in the namespace, under a host name of its own.
cat >agent <<AGENT
#!/bin/sh
host=\$1; shift
exec ip netns exec "$t-\${host##*.}" unshare --uts sh -c 'hostname host'"\${host##*.}"'; cd "'"$PWD"'"; '"\$*"
AGENT
chmod +x agent
hosts() { local i words=''; for ((i = 1; i <= $1; i++)); do words+="${words:+,}10.77.0.$i:1"; done; echo "$words"; }
# on N [options] -- command: one process on each of N hosts; mpirun itself runs on the first
on() {
    local hosts
    hosts=$(hosts "$1"); shift
    ip netns exec "$t-1" unshare --uts sh -c 'hostname host1; exec "$@"' sh "$mpirun" --quiet --bind-to none --mca plm_rsh_agent "$PWD/agent" \
        --mca btl self,tcp --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 --host "$hosts" "$@"
}
run() { on "$1" "$BIN/train" --quiet "${model[@]}" -o "$2" --steps "$3" "${@:4}"; }

# the same bits on one host and on four, over TCP
batches 16 >all
train one 16 --optimizer muon --parts 8 <all
run 4 four 16 --optimizer muon <all
same one four

# bytes on the wire: those of 16 updates, in f32 and bf16. Of a checkpoint nothing goes over it but lists of files.
sent() { ip -n "$t-$1" -s -j link show eth0 | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["stats64"]["tx"]["bytes"])'; }
for wire in f32 bf16; do
    before=$(sent 2)
    on 2 "$BIN/train" "${model[@]}" --width 128 --heads 8 --ffn 512 --layers 4 -o wire-$wire --steps 16 --updates 1 --save-every 0 --bucket 0 --wire $wire <all 2>said
    after=$(sent 2)
    awk -v bytes=$((after - before)) -v wire=$wire "$(sed -n 's/.* \([0-9.]*\) MB a process and update on the wire.*/BEGIN { mb = \1 }/p' said)"'
        BEGIN { want = 16 * mb * 1e6; share = bytes / want; printf "%s: %d bytes sent, %d by the formula\n", wire, bytes, want; exit !(share > 0.98 && share < 1.05) }' ||
        { cat said; exit 1; }
done

# long: a run that would go on; DIR N
long() { run "$2" "$1" 100000 --save-every 5 --timeout 5 "${@:3}" < <(batches 100000 2>mixed) 2>"$1.said"; }
until_saved() { until [ -e "$1/latest" ]; do sleep 0.1; done; }
ends_soon() {       # JOB SECONDS: its exit code, which must come soon
    local began=$SECONDS code=0
    wait "$1" || code=$?
    [ $((SECONDS - began)) -le "$2" ] || { echo "ended after $((SECONDS - began)) s"; exit 1; }
    echo "exit $code after $((SECONDS - began)) s"
    [ $code -ne 0 ]
}
goes_on() {         # DIR: from the last checkpoint, on other hosts
    local step
    step=$("$BIN/train" --print-step "$1")
    [ "$step" -ge 5 ]
    batches $((step + 4)) "$step" | expect 1 "end at step $((step + 4))" run 2 "$1" 100000 --resume
}

# a link that is cut: the others notice within the time-out
long cut 3 &
job=$!
until_saved cut
ip -n "$t-3" link set eth0 down
ends_soon $job 60
ip -n "$t-3" link set eth0 up
ip netns pids "$t-3" | xargs -r kill -KILL
goes_on cut

# a host that is frozen
long frozen 3 &
job=$!
until_saved frozen
ip netns pids "$t-2" | xargs kill -STOP
ends_soon $job 60
grep -q 'does not answer' frozen.said || { cat frozen.said; exit 1; }
ip netns pids "$t-2" | xargs -r kill -CONT
sleep 1
ip netns pids "$t-2" | xargs -r kill -KILL
goes_on frozen

# a process that is killed on another host
long dead 3 &
job=$!
until_saved dead
pkill -KILL -x train --ns "$(ip netns pids "$t-3" | head -n 1)" --nslist net
ends_soon $job 60
goes_on dead

# a slow network that loses packets: goes on
if ip netns exec "$t-2" tc qdisc add dev eth0 root netem delay 50ms loss 1% 2>why; then
    run 2 slow 16 --optimizer muon --parts 8 <all
    same one slow
else
    echo "not tried, a slow network: $(cat why)"
fi
