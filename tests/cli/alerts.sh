# alerts: planted troubles are found in a run's metrics.jsonl, told once, handed to a program and to a server;
# a run that is well has none; a stage that is killed is told at once
. "$ROOT/tests/cli/train_data.bash"

# planted DIR: 1500 steps that are well but for a spike at 700, a NaN at 900 and a domain that rises from 1200 on
planted() {
    mkdir -p "$1"
    awk 'BEGIN { srand(1)
        for (i = 1; i <= 1500; i++) {
            loss = (2 + 6 / sqrt(1 + i / 30)) * (1 + 0.05 * (rand() - 0.5))
            if (i == 700) loss *= 2.5
            printf "{\"type\":\"step\",\"step\":%d,\"loss\":%s,\"grad_norm\":%.3f,\"lr\":0.001,\"tokens_per_s\":%.0f,\"seconds\":1}\n",
                i, i == 900 ? "null" : loss, 0.5 + 0.2 * rand() + 20 / i, 4000 + 300 * rand()
            if (i % 100 == 0)
                printf "{\"type\":\"val\",\"step\":%d,\"name\":\"math\",\"bits_per_byte\":%.3f}\n{\"type\":\"val\",\"step\":%d,\"name\":\"code\",\"bits_per_byte\":1.5}\n",
                    i, i < 1200 ? 2 + 10 / i : 2 + (i - 1100) / 1000, i
        } }' >"$1/metrics.jsonl"
}
ids() { sed -nE 's/.*"type":"alert","id":"([^"]*)".*/\1/p' "$@"; }

planted run
"$BIN/monitor" --headless run >lines.jsonl
ids lines.jsonl >ids.txt
cmp ids.txt - <<'END'
spike@700
nan@900
validation:math@1300
END
cmp lines.jsonl run/alerts.jsonl
grep -q '"severity":"warning","rule":"spike","subject":"","step":700,"text":"loss .*, the median of the last 64 was ' lines.jsonl
"$BIN/monitor" --headless run >again.jsonl # each is told once
[ ! -s again.jsonl ]
cmp lines.jsonl run/alerts.jsonl
"$BIN/monitor" --once run --pane events | grep -q 'critical.*the loss is not finite'
"$BIN/monitor" --json run | grep -q '"alerts_unseen":3'

# where the file cannot be written, as on a full disk, alerts are told nevertheless
planted unkept
ln -s nowhere unkept/alerts.jsonl
expect 0 'unkept/alerts.jsonl: cannot be written: .*; alerts are told, and not kept' "$BIN/monitor" --headless unkept >lines.jsonl
ids lines.jsonl | cmp - ids.txt
[ ! -e nowhere ]

# a program: its input, its arguments, no shell; one that fails is warned of
cat >hook <<'END'
#!/bin/sh
cat >>"$1"
echo "$2" >>args.txt
END
chmod +x hook
planted hooked
"$BIN/monitor" --headless hooked --on-alert './hook got.jsonl $HOME;ls' >/dev/null
cmp got.jsonl hooked/alerts.jsonl
[ "$(sort -u args.txt)" = '$HOME;ls' ]
planted failing
expect 0 'on-alert: false ended with exit code 1' "$BIN/monitor" --headless failing --on-alert false
planted absent
expect 0 'on-alert: ./nothing: No such file' "$BIN/monitor" --headless absent --on-alert ./nothing

# a server on this machine
cat >server.py <<'END'
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        open('posted.jsonl', 'ab').write(body + b'\n')
        self.send_response(500 if self.path == '/bad' else 204)
        self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
open('port.tmp', 'w').write(str(server.server_port))
import os; os.rename('port.tmp', 'port')
server.serve_forever()
END
python3 server.py &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do [ -e port ] && break; sleep 0.05; done
planted posted
"$BIN/monitor" --headless posted --alert-url "http://127.0.0.1:$(cat port)/hook" >/dev/null
cmp posted.jsonl posted/alerts.jsonl
planted refused
expect 0 'alert-url: 127.0.0.1: answers with status 500' "$BIN/monitor" --headless refused --alert-url "http://127.0.0.1:$(cat port)/bad"
for url in http://example.org/secret ftp://localhost/x file:///etc/passwd 'http://127.0.0.1.example.org/' nothing; do
    expect 2 'alert-url: neither' "$BIN/monitor" --headless run --alert-url "$url"
    if grep -q secret err.txt; then echo 'the address is in the message'; exit 1; fi
done
expect 2 'alert-url: neither' train none 10 --alert-url http://example.org
expect 2 'on-alert: the command is empty' train none 10 --on-alert ' '
expect 2 'belong to --headless' "$BIN/monitor" run --on-alert ./hook

# train: a run that is well writes no alerts; one with a learning rate that is much too high does, and hands
# them on; a program that does not end holds up nothing for long
batches 60 | train well 60
if [ -e well/alerts.jsonl ]; then grep -vE '"rule":"(memory|disk|stall)"' well/alerts.jsonl && exit 1; fi
mkdir -p hot
batches 60 | train hot 60 --lr 300 --clip 0 --max-bad-steps 1000 --on-alert './hook hot.jsonl x'
ids hot/alerts.jsonl | grep -qE '^(nan|spike)@'
cmp hot.jsonl hot/alerts.jsonl
start=$SECONDS
batches 60 | expect 0 'was still at work at the end: it is killed' train held 60 --lr 300 --clip 0 --max-bad-steps 1000 --on-alert 'sleep 1234'
[ $((SECONDS - start)) -lt 20 ]
if pgrep -f 'sleep 1234' >/dev/null; then echo 'the program lives'; exit 1; fi
batches 60 | train hot 60 --overwrite # its alerts go with the run
if grep -qE '"rule":"(nan|spike)"' hot/alerts.jsonl 2>/dev/null; then exit 1; fi

# a stage that is killed: whoever watches from outside says so
ring=alerts-$$
"$BIN/mix" --quiet language=60:tokens/language math=40:tokens/math -T 32 -B 4 --steps 1000000 --max-epochs 1000000 -o "ring:$ring" &
mix=$!
"$BIN/train" --quiet "${model[@]}" -i "ring:$ring" -o live --steps 1000000 &
trainer=$!
for _ in $(seq 200); do grep -qs '"step":9,' live/metrics.jsonl && break; sleep 0.05; done
"$BIN/monitor" --headless live >live.jsonl 2>live.err &
watcher=$!
sleep 1.5
kill -9 $trainer
wait $trainer || true
wait $watcher || { cat live.err; exit 1; }
ids live.jsonl | grep -q '^dead:train@' || { cat live.jsonl live.err; exit 1; }
kill -9 $mix 2>/dev/null || true
wait $mix || true
"$TOOLS/doctor" --remove >/dev/null || true
