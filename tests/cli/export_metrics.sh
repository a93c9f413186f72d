# A run's numbers in other programs' formats: TensorBoard's event files, also while the run grows, and Prometheus over HTTP.
# (What their own readers make of them: make interop.)
. "$ROOT/tests/cli/train_data.bash"
batches 6 | train run 6 --val language=tokens/language/val --val-every 3

numbers() { # how many numbers metrics.jsonl has, but for the steps
    grep -oE '"[a-z_]+":-?[0-9.]+(e[-+]?[0-9]+)?' "$1/metrics.jsonl" | grep -vc '"step":'
}
"$TOOLS/export-metrics" tensorboard run -o tb 2>said
grep -q "tb/run/events.out.tfevents.1.tritter: $(numbers run) scalars" said
[ "$(grep -ao 'train/loss' tb/run/events.* | wc -l)" = 6 ]
[ "$(grep -ao 'val/language/loss' tb/run/events.* | wc -l)" = 2 ]
cp tb/run/events.* first
"$TOOLS/export-metrics" -q tensorboard run -o tb
cmp first tb/run/events.*

# A run that is finished ends --follow at once; damaged lines are counted, and no number of theirs appears.
"$TOOLS/export-metrics" -q tensorboard run -o followed --follow
cmp first followed/run/events.*

# What --follow finds under the name is replaced when the new file is as far as the run: nothing is written through a link or
# into a pipe, and what was there stays when the disk is full.
follow() { timeout 20 "$TOOLS/export-metrics" -q tensorboard run -o followed --follow; }
events=followed/run/events.out.tfevents.1.tritter
echo theirs >letter
ln -sf "$PWD/letter" $events
follow
[ "$(cat letter)" = theirs ]
cmp first $events
cp run/metrics.jsonl numbers
ln -sf "$PWD/run/metrics.jsonl" $events
expect 2 'events.*: is read' follow
cmp numbers run/metrics.jsonl
rm $events
mkfifo $events
expect 1 'events.*: is a device or a pipe' follow
rm $events
echo old >$events
limited() { (ulimit -f 1; follow); }
expect 1 'events.*: cannot write: File too large' limited
[ "$(cat $events)" = old ]
[ "$(ls -A followed/run)" = "${events##*/}" ]

# A disk that is full while a run is followed: the file ends with the record before.
cp -a run full
exec 8<full/.lock
flock 8
(ulimit -f $(($(stat -c %s first) / 1024 + 1)) && exec "$TOOLS/export-metrics" -q tensorboard full -o tb --follow 8<&-) 2>said &
follower=$!
for _ in $(seq 100); do cmp -s first tb/full/events.* && break; sleep 0.1; done
cat run/metrics.jsonl run/metrics.jsonl >full/copy && cat full/copy >>full/metrics.jsonl
code=0
wait $follower || code=$?
exec 8<&-
[ "$code" = 1 ]
grep -q 'events.*: cannot write: File too large' said
cmp first tb/full/events.*

# A run that is at work is followed; when it is resumed at an earlier step, a new file takes the old one's place.
cp -a run live
exec 8<live/.lock
flock 8
"$TOOLS/export-metrics" -q tensorboard live -o tb --follow &
follower=$!
until_same() { # FILE
    for _ in $(seq 100); do cmp -s "$1" tb/live/events.* && return; sleep 0.1; done
    echo "followed otherwise than $1"; exit 1
}
until_same first
exec 7<"$(echo tb/live/events.*)"
cp -a run short
head -n 3 run/metrics.jsonl >short/metrics.jsonl
"$TOOLS/export-metrics" -q tensorboard short -o tb
cp short/metrics.jsonl live/copy && cat live/copy >live/metrics.jsonl
until_same tb/short/events.out.tfevents.1.tritter
cmp first - <&7
kill -TERM $follower
code=0
wait $follower || code=$?
[ "$code" = 143 ]
exec 7<&- 8<&-

cp -a run damaged
printf '{"type":"step","step":7,"loss":\n\0\377\n{"step":8,"loss":1}\n{"type":"step","step":-1,"loss":1}\n' >>damaged/metrics.jsonl
"$TOOLS/export-metrics" tensorboard damaged -o tb 2>said
grep -q 'damaged/metrics.jsonl: 4 lines passed over' said
cmp first tb/damaged/events.*
expect 1 'no-such: No such file' "$TOOLS/export-metrics" tensorboard no-such -o tb
expect 1 'tokens/metrics.jsonl: No such file|tokens/config.json: no run' "$TOOLS/export-metrics" tensorboard tokens -o tb
expect 2 'tensorboard and a run' "$TOOLS/export-metrics" wandb run -o tb

# Prometheus
"$BIN/monitor" --headless --metrics-port 0 run 2>said &
monitor=$!
for _ in $(seq 100); do grep -q http:// said && break; sleep 0.1; done
port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)/metrics.*|\1|p' said)
# A client that sends a header's bytes one by one is cut off after ten seconds, however quickly each follows.
dawdle() {
    trap '' PIPE
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.0\r\nX: ' >&3
    SECONDS=0
    while [ $SECONDS -lt 40 ] && printf x >&3; do sleep 0.2; done 2>/dev/null
    echo $SECONDS
}
dawdle >dawdled &
dawdler=$!
get() { exec 3<>"/dev/tcp/127.0.0.1/$port"; printf '%s\r\n' "$1 HTTP/1.0" '' >&3; cat <&3; exec 3>&-; }
get 'GET /metrics' >reply
grep -q '^HTTP/1.[01] 200' reply
grep -q '^tritter_run_step{run="run"} 6' reply
grep -qE '^tritter_run_validation_loss\{run="run",source="language"\} [0-9.]+' reply
get 'GET /other' | grep -q '^HTTP/1.[01] 404'
get 'POST /metrics' | grep -q '^HTTP/1.[01] 404'
wait $dawdler
[ "$(cat dawdled)" -ge 9 ] && [ "$(cat dawdled)" -lt 30 ] || { echo "cut off after $(cat dawdled) s"; exit 1; }
kill -TERM $monitor
code=0
wait $monitor || code=$?
[ "$code" = 143 ]
expect 2 'is not HOST:PORT' "$BIN/monitor" --headless --metrics-port x run
expect 2 'belong to --headless' "$BIN/monitor" --metrics-port 0 run
