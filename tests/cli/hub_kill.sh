# kill -9 at random moments of a download of many files: nothing is lost, nothing doubled, and the result is that of a run
# that nobody disturbed. 30 kills; TORTURE=N for more, SEED to repeat one.
set -eu
. "$ROOT/tests/hub/lib.bash"
kills=${TORTURE:-30} seed=${SEED:-$$}
echo "SEED=$seed"
RANDOM=$seed
repo=hub/datasets/org/data/main
mkdir -p $repo
for i in $(seq 40); do
    { echo "{\"text\": \"file $i\"}"; head -c $((RANDOM * 6 + 2000)) /dev/urandom | base64 -w 0 | sed 's/.*/{"text": "&"}/'; echo; } >$repo/"$i".jsonl
done
echo '{"text": "small"}' >$repo/small.jsonl
(cd $repo && sha256sum -- *) >right
hub_start --page 1000
# Connections break too, and contents are wrong at times.
control '{"where": "cdn", "path": "7.jsonl", "fault": "cut", "at": 1000, "times": 3},
         {"where": "cdn", "path": "5.jsonl", "fault": "hash", "at": 10, "times": 1},
         {"where": "cdn", "path": "1*", "fault": "slow", "rate": 1500000}'
data=hf://datasets/org/data
store=home/hub/datasets--org--data
whole_blobs() {     # what has its name in the cache is whole
    local blob
    for blob in "$store"/blobs/*; do
        case $(basename "$blob") in
        *.incomplete | '*') ;;
        ????????????????????????????????????????) [ "$(git_hash "$blob")" = "$(basename "$blob")" ] || return 1 ;;
        *) [ "$(sha256sum <"$blob" | cut -d ' ' -f 1)" = "$(basename "$blob")" ] || return 1 ;;
        esac
    done
}
continued=0
for n in $(seq "$kills"); do
    "$BIN/fetch" -q --retry-wait 0.01 --download $data -j $((RANDOM % 8 + 1)) >out 2>err &
    victim=$!
    sleep 0.$((RANDOM % 2))$((RANDOM % 10))$((RANDOM % 10))
    kill -9 $victim 2>/dev/null || true
    wait $victim 2>/dev/null || true
    whole_blobs
    # Several kills hit the same download, until it ends or somebody finishes it.
    if [ $((n % 5)) != 0 ] && [ ! -e $store/refs/main ]; then
        continued=$((continued + 1))
        continue
    fi
    "$BIN/fetch" -q --retry-wait 0.01 --download $data >list
    (cd $store/snapshots/"$(cat $store/refs/main)" && sha256sum -- *) | cmp - right
    [ "$(wc -l <list)" = 41 ]
    [ "$(find $store/blobs -type f | wc -l)" = 41 ]
    rm -rf home
done
echo "$kills kills, $continued of them in the midst of the work"
[ "$continued" -gt 0 ]
