# monitor in a terminal (tmux): at each size it shows what --once prints; keys, the mouse, a resize, NO_COLOR; alerts are
# marked as seen; a stage that is killed shows within a second; a replay begins at the beginning; nothing hostile comes through
set -euo pipefail
command -v tmux >/dev/null || { echo 'tmux is not installed'; exit 77; }
export LC_ALL=C.UTF-8 TMUX_TMPDIR=$PWD
unset TMUX NO_COLOR
t() { tmux -f /dev/null -L t "$@"; }
trap 't kill-server 2>/dev/null || true' EXIT
mkdir -p run/x
awk 'BEGIN {
    for (i = 1; i <= 400; i++)
        printf "{\"type\":\"step\",\"step\":%d,\"loss\":%.5g,\"grad_norm\":%.4g,\"lr\":0.001,\"tokens\":%d,\"tokens_per_s\":4000,\"trained_s\":%d}\n",
            i, 2 + 5 * exp(-i / 60) + 0.2 * sin(i * 7), 1 + 0.5 * sin(i * 3), i * 4096, i
    print "{\"type\":\"event\",\"step\":321,\"event\":\"\\u001b]0;title\\u0007\\u001b[2J\",\"detail\":\"\\u009b31m\"}"
    print "{\"type\":\"sample\",\"step\":321,\"prompt\":\"\\u001b[31m\",\"text\":\"\\u001bc\\u0008\\u202e hostile\"}"
}' >run/metrics.jsonl
echo '{"model":"nano","parameters":5300000,"steps":600,"schedule":"wsd","warmup":0.1,"decay":0.2}' >run/config.json
echo '{"type":"alert","id":"nan@350","severity":"critical","step":350,"text":"the \u001b[31mloss is not finite"}' >run/alerts.jsonl

# open COLUMNS ROWS words...: bin/monitor with them, whose exit code goes to the file `left`
open() {
    rm -f left
    t new-session -d -x "$1" -y "$2" "$BIN/monitor ${*:3} 2>err.txt; echo \$? >left.tmp; mv left.tmp left"
}
# until PATTERN [TENTHS]: waits for it to be on the screen
until_shown() {
    for _ in $(seq "${2:-100}"); do
        t capture-pane -p >screen.txt
        grep -q -- "$1" screen.txt && return
        sleep 0.1
    done
    echo "'$1' does not show"; cat screen.txt; exit 1
}
# same PANE SIZE [words]: the screen is what --once prints
same() {
    "$BIN/monitor" --once run --pane "$1" --size "$2" "${@:3}" >once.txt
    for _ in $(seq 50); do
        t capture-pane -p >screen.txt
        cmp -s once.txt screen.txt && return
        sleep 0.1
    done
    diff once.txt screen.txt; exit 1
}
leave() {
    t send-keys q
    for _ in $(seq 100); do [ -e left ] && break; sleep 0.1; done
    [ "$(cat left)" = 0 ]
}

open 80 24 run
until_shown 'Overview'
t send-keys 2 && same loss 80x24
t send-keys 8 && same events 80x24
t send-keys Tab && same samples 80x24
t resize-window -x 60 -y 20 && same samples 60x20
t resize-window -x 200 -y 60 && same samples 200x60
t send-keys 6 && same engine 200x60
t resize-window -x 40 -y 10 && until_shown '40 x 10 is too small'
t resize-window -x 80 -y 24 && same engine 80x24
t send-keys -l $'\e[M (8' && same rates 80x24 # a click on the 3 in the last row
t send-keys '?' && until_shown 'a  *alerts: mark all as seen'
t send-keys '?' 8 && until_shown '1 alert$'
t capture-pane -e -p | grep -q $'\e\[[0-9;]*31m' # colours
t send-keys a && until_shown 'seen: critical'
grep -q '"type":"ack","id":"nan@350"' run/alerts.jsonl
same events 80x24
leave

open 80 24 run --ascii
t send-keys 2 && same loss 80x24 --ascii
leave
export NO_COLOR=1
open 80 24 run --pane events
until_shown 'seen: critical'
if t capture-pane -e -p | grep -qE $'\e\[[0-9;]*(3|4|9)[0-7]m'; then echo 'a colour in spite of NO_COLOR'; exit 1; fi
leave
unset NO_COLOR

open 80 24 --replay run
until_shown '^ step [0-9] of 600'
t send-keys '>' '>' '>' '>' '>' # 32 times as fast
until_shown '^ step 400 of 600'
leave

# a stage that is killed
mkfifo docs
"$BIN/fetch" --quiet --cat demo:math --limit 200KB >text.jsonl
"$BIN/tokenize" train --quiet -n 300 -o tok.json text.jsonl
"$BIN/shard" --quiet -o tokens <docs >/dev/null &
pid=$!
exec 9>docs
"$BIN/tokenize" --quiet -t tok.json text.jsonl >&9
open 100 150 run --pane pipeline
until_shown "^.shard .*tokens"
kill -9 $pid
until_shown "process $pid is gone" 12 # the screen is drawn twice a second
wait $pid || true
leave
exec 9>&-
"$TOOLS/doctor" --remove >/dev/null || true
