# monitor: screens of a made run are those of tests/golden/monitor; a live stage and one that was killed show; nothing from a
# file reaches the terminal as it is; a log that is cut and grows again is followed.
set -euo pipefail
export LC_ALL=C.UTF-8
golden=$ROOT/tests/golden/monitor
mkdir -p run other third
awk 'BEGIN {
    for (i = 1; i <= 400; i++) {
        printf "{\"type\":\"step\",\"step\":%d,\"loss\":%.5g,\"grad_norm\":%.4g,\"lr\":%.4g,\"tokens\":%d,\"tokens_per_s\":%.5g,\"seconds\":1,\"stall_s\":0.001,\"updates\":1,\"trained_s\":%d,\"cpu_s\":%d,\"source_loss\":[]}\n",
            i, 2 + 5 * exp(-i / 60) + 0.2 * sin(i * 7), 1 + 0.5 * sin(i * 3), i < 40 ? i * 2.5e-5 : 1e-3, i * 4096, 4000 + 100 * sin(i), i, i * 2
        if (i % 40 == 0)
            printf "{\"type\":\"val\",\"step\":%d,\"name\":\"language\",\"loss\":%.4g,\"bits_per_byte\":%.4g,\"trained_s\":1,\"cpu_s\":1,\"tokens\":9}\n{\"type\":\"val\",\"step\":%d,\"name\":\"code\",\"loss\":2,\"bits_per_byte\":%.4g,\"trained_s\":1,\"cpu_s\":1,\"tokens\":9}\n",
                i, 2 + exp(-i / 90), 1.5 + exp(-i / 90), i, 1.2 + exp(-i / 50)
    }
    print "{\"type\":\"event\",\"step\":200,\"event\":\"checkpoint\",\"detail\":\"run/checkpoints/step-000200\"}"
    print "{\"type\":\"event\",\"step\":321,\"event\":\"spike\",\"loss\":9.5,\"grad_norm\":33,\"skipped\":true,\"rows\":[]}"
    for (i = 100; i <= 400; i += 30)
        printf "{\"type\":\"forecast\",\"step\":%d,\"loss\":%.4g,\"low\":%.4g,\"high\":%.4g,\"twice_the_steps\":1.9}\n", i, 2 + 20 / i, 1.9 + 10 / i, 2.1 + 30 / i
    print "{\"type\":\"finish\",\"step\":400,\"change\":-0.0312,\"se\":0.004,\"finished\":true}"
    print "{\"type\":\"mix\",\"step\":200,\"rows\":[2000,1200],\"epochs\":[1,2]}"
    print "{\"type\":\"mix\",\"step\":400,\"rows\":[1900,1300],\"epochs\":[1,3]}"
}' >run/metrics.jsonl
cat >run/config.json <<'END'
{"model":"nano","parameters":5300000,"steps":600,"rows":16,"row_tokens":256,"schedule":"wsd","warmup":0.1,"decay":0.2,
 "depths":[{"step":0,"layers":1},{"step":300,"layers":6}],"backend":"cpu, 2 threads"}
END
cat >run/alerts.jsonl <<'END'
{"type":"alert","id":"spike@321","severity":"warning","rule":"spike","subject":"","step":321,"text":"loss 9.5, the median of the last 64 was 2.1"}
{"type":"alert","id":"nan@350","severity":"critical","rule":"nan","subject":"","step":350,"text":"the loss is not finite"}
{"type":"alert","id":"plateau@390","severity":"info","rule":"plateau","subject":"","step":390,"text":"the loss no longer falls"}
{"type":"ack","id":"spike@321"}
END
sed 's/"loss":\([2-7]\)/"loss":1\1/' run/metrics.jsonl >other/metrics.jsonl
cp run/config.json other/config.json

screen() { # NAME words...
    "$BIN/monitor" --once "${@:2}" >"$1.txt"
    [ -z "${UPDATE_GOLDEN:-}" ] || cp "$1.txt" "$golden/$1.txt"
    cmp "$1.txt" "$golden/$1.txt" || { diff "$1.txt" "$golden/$1.txt" | head -20; exit 1; }
}
screen loss-80x24 run --pane loss
screen loss-80x24-ascii run --pane loss --ascii
screen loss-60x20 run --pane loss --size 60x20
screen rates-200x60 run --pane rates --size 200x60
screen two-80x24 run other --pane loss
sed 's/"loss":\([2-7]\)/"loss":0.\1/' run/metrics.jsonl >third/metrics.jsonl
screen three-200x60 run other third --pane loss --size 200x60
for size in 60x20 80x24 200x60; do
    screen events-$size run --pane events --size $size
    screen engine-$size run --pane engine --size $size
    screen mix-$size run --pane mix --size $size
    screen events-$size-ascii run --pane events --size $size --ascii
done
screen engine-80x24-ascii run --pane engine --ascii
LC_ALL=C "$BIN/monitor" --once run --pane loss | cmp - loss-80x24-ascii.txt # no UTF-8 there: ASCII by itself

"$BIN/monitor" --json run >state.json
grep -q '"step":400' state.json
grep -q '"bits_per_byte":1.2' state.json

# hostile bytes
mkdir bad
{
    printf '{"type":"val","step":1,"name":"\\u001b[31mred\\u009b2J\\u202e","loss":1,"bits_per_byte":1}\n'
    printf '{"type":"event","step":2,"event":"x\\u0007\\u001b]0;title\\u0007","detail":"\\ud83d\\ude00 \\u0000"}\n'
    printf '{"type":"step","step":3,"loss":null,"grad_norm":1e999,"lr":"text"}\n[]\n17\n\xff\xfe\x1b[2J\n{"type":"step"'
    head -c 5000000 /dev/zero | tr '\0' 'x'
    printf '\n{"type":"step","step":4,"loss":2.5}\n'
} >bad/metrics.jsonl
for pane in overview loss rates pipeline mix engine machine events samples; do
    "$BIN/monitor" --once bad --pane $pane --ascii >bad.txt
    if LC_ALL=C grep -q "[^ -~]" bad.txt; then echo "$pane: a byte that is not printable ASCII"; exit 1; fi
    "$BIN/monitor" --once bad --pane $pane >bad.txt
    if grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' bad.txt; then echo "$pane: a control character"; exit 1; fi
done
"$BIN/monitor" --json bad >bad.json
grep -q '"step":4' bad.json

# a live stage, which is then killed
mkfifo docs
"$BIN/shard" --quiet -o tokens <docs >/dev/null &
pid=$!
"$BIN/fetch" --quiet --cat demo:math --limit 200KB >text.jsonl
"$BIN/tokenize" train --quiet -n 300 -o tok.json text.jsonl
exec 9>docs
"$BIN/tokenize" --quiet -t tok.json text.jsonl >&9
# sees PATTERN: the state, as it is now
sees() { "$BIN/monitor" --json run >state.json && grep -q "$1" state.json; }
for _ in $(seq 100); do sees "\"stage\":\"shard\"[^}]*\"pid\":$pid" && break; sleep 0.05; done
sees "\"pid\":$pid,\"alive\":true"
kill -9 $pid
wait $pid || true
sees "\"pid\":$pid,\"alive\":false"
"$BIN/monitor" --once run --pane pipeline --size 100x200 >dead.txt
grep -q "process $pid is gone without ending" dead.txt
"$TOOLS/doctor" --remove >removed.txt
grep -q "removed.*$pid" removed.txt
if sees "\"pid\":$pid,"; then echo 'still there'; exit 1; fi
exec 9>&-

# a run whose config.json is a pipe that nobody writes
mkdir pipe
cp run/metrics.jsonl pipe
mkfifo pipe/config.json
timeout -k 1 5 "$BIN/monitor" --once pipe --pane loss >/dev/null </dev/null
timeout -k 1 5 "$TOOLS/report" --quiet pipe -o pipe.html

code=0
"$BIN/monitor" --once nowhere 2>err || code=$?
[ $code = 1 ]
grep -q 'nowhere: no run there' err
code=0
"$BIN/monitor" --once run --size 10x10 2>err || code=$?
[ $code = 2 ]
