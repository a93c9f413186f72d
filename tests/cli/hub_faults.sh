# Every way in which a hub can misbehave, and what fetch makes of it: a table of misbehaviour and verdict. Right is: the
# files byte for byte, or exit 1 with a line that names the file and the reason; and nothing half-made under its name.
set -u
. "$ROOT/tests/hub/lib.bash"
command -v openssl >/dev/null || { echo 'openssl is not installed'; exit 77; }
repo=hub/datasets/org/data/main
mkdir -p $repo/data hub/web hub/datasets/org/gated/main hub/datasets/org/private/main hub/datasets/org/refused/main
for i in 1 2; do
    for n in $(seq 400); do echo "{\"text\": \"document $n of file $i: $((n * n * i))\"}"; done >$repo/data/large$i.jsonl
done
echo '{"text": "a small file"}' >$repo/data/small.jsonl
cp $repo/data/large1.jsonl hub/web/page.jsonl
for name in gated private refused; do cp $repo/data/small.jsonl hub/datasets/org/$name/main/a.jsonl; done
echo '{"gated": true}' >hub/datasets/org/gated/hub.json
echo '{"gated": "refused"}' >hub/datasets/org/refused/hub.json
echo '{"private": true}' >hub/datasets/org/private/hub.json
"$ROOT/tests/hub/certificates.sh" certificates || exit 1
hub_start --certificates certificates --page 2
failed=0
export HF_HUB_DOWNLOAD_TIMEOUT=1
large=data/large1.jsonl

row() { printf '%-46s %-34s %s\n' "$1" "$2" "$3"; }
wrong() { row "$1" "WRONG: $2" "$(tail -n 1 err)"; failed=$((failed + 1)); }
clean() { [ -z "$(find home caches -type f ! -name '*.incomplete' ! -path '*/refs/*' ! -path '*/trees/*' ! -name '*.lock' 2>/dev/null)" ]; }

# run WORD...: a download into an empty cache
run() {
    rm -rf home caches
    [ -z "${keep-}" ] || cp -r "$keep" home
    : >hub.log
    timeout 60 "$BIN/fetch" --download --retry-wait 0.004 "$@" >out 2>err
    code=$?
}
# good NAME RULES WORD FILE: in spite of the rules, the word brings the file
good() {
    control "$2"
    run "$3"
    if [ $code != 0 ]; then wrong "$1" "exit $code"
    elif ! cmp -s "$(tail -n 1 out)" "$4"; then wrong "$1" 'other content'
    elif [ -n "$(find home caches -name '*.incomplete' 2>/dev/null)" ]; then wrong "$1" 'an incomplete file is left'
    else row "$1" 'the file, byte for byte' "$(wc -l <hub.log) requests"
    fi
}
# bad NAME RULES WORD MESSAGE: the word fails, with that in its one line, and no file is there
bad() {
    control "$2"
    run $3
    if [ $code != 1 ]; then wrong "$1" "exit $code"
    elif ! grep -qF -- "$4" err || [ "$(wc -l <err)" != 1 ]; then wrong "$1" "expected: $4"
    elif ! clean; then wrong "$1" 'a file is there'
    else row "$1" 'exit 1' "$(cut -c 1-150 err)"
    fi
}
data=hf://datasets/org/data
file=$data/$large source=$repo/$large size=$(stat -c %s $repo/$large)

row 'misbehaviour' 'verdict' 'what was said, or how often was asked'
good 'none' '' $file $source
good 'none, a small file' '' $data/data/small.jsonl $repo/data/small.jsonl

# connections
for at in -1 0 1 2 1000 $((size / 2)) $((size - 1)) $size; do
    good "storage: cut at byte $at" '{"where": "cdn", "fault": "cut", "at": '"$at"', "times": 1}' $file $source
done
for at in -1 0 1 10 24; do
    good "hub, small file: cut at byte $at" '{"where": "resolve", "fault": "cut", "at": '$at', "skip": 1, "times": 1}' \
        $data/data/small.jsonl $repo/data/small.jsonl
done
good 'storage: cut five times, at byte 3000' '{"where": "cdn", "fault": "cut", "at": 3000, "times": 5}' $file $source
bad 'storage: cut every time, at byte 0' '{"where": "cdn", "fault": "cut", "at": 0}' $file '(after 5 repetitions)'
good 'listing: cut once' '{"where": "api", "path": "*/tree/*", "fault": "cut", "at": -1, "times": 1}' $data/data/ $repo/data/small.jsonl
bad 'hub: cut every time, before any header' '{"where": "resolve", "fault": "cut", "at": -1}' $file '(after 5 repetitions)'
good 'storage: a slow drip, once' '{"where": "cdn", "fault": "drip", "seconds": 0.2, "times": 1}' $file $source
good 'storage: slow, but it goes on' '{"where": "cdn", "fault": "slow", "rate": 12000}' $file $source

# answers that pass
for status in 408 429 500 502 503 504; do
    good "hub: $status once" '{"where": "resolve", "fault": "status", "code": '$status', "times": 1}' $file $source
    good "storage: $status once" '{"where": "cdn", "fault": "status", "code": '$status', "times": 1}' $file $source
done
bad 'storage: 503 for ever' '{"where": "cdn", "fault": "status", "code": 503}' $file '(after 5 repetitions)'
good 'API: 429 with Retry-After: 0' '{"where": "api", "fault": "status", "code": 429, "headers": {"Retry-After": "0"}, "times": 1}' $data/data/ $repo/data/small.jsonl
bad 'API: 429, Retry-After in an hour' '{"where": "api", "fault": "status", "code": 429, "headers": {"Retry-After": "3600"}}' $data/data/ 'asks to come back in 3600 seconds'
bad 'API: 429, RateLimit in an hour' '{"where": "api", "fault": "status", "code": 429, "headers": {"RateLimit": "\"api\";r=0;t=3601"}}' $data/data/ 'asks to come back in 3601 seconds'
waited() {      # NAME RULES: the second try comes only after the second that the server asked for
    local begin end
    control "$2"
    begin=$(date +%s%N)
    run $file
    end=$(date +%s%N)
    if [ $code = 0 ] && [ $(((end - begin) / 1000000)) -ge 1000 ]; then row "$1" 'waited, then the file' "$(((end - begin) / 1000000)) ms"
    else wrong "$1" "exit $code after $(((end - begin) / 1000000)) ms"; fi
}
waited 'hub: 429, Retry-After: 1' '{"where": "resolve", "fault": "status", "code": 429, "headers": {"Retry-After": "1"}, "times": 1}'
waited 'storage: 429, RateLimit "api";r=0;t=1' '{"where": "cdn", "fault": "status", "code": 429, "headers": {"RateLimit": "\"api\";r=0;t=1"}, "times": 1}'

# ranges and contents
cut='{"where": "cdn", "fault": "cut", "at": 3000, "times": 1}'
good 'cut, then Range is ignored' "$cut, {\"where\": \"cdn\", \"fault\": \"no-range\"}" $file $source
good 'cut, then another range than asked' "$cut, {\"where\": \"cdn\", \"fault\": \"range-shift\", \"times\": 1}" $file $source
good 'cut, then ETag and content have changed once' "$cut, {\"where\": \"cdn\", \"fault\": \"etag\", \"times\": 1}" $file $source
bad 'ETag and content have changed for good' '{"where": "cdn", "fault": "etag"}' $file 'its SHA-256 is'
bad 'the hub now names another hash' '{"where": "resolve", "fault": "etag", "skip": 1}' $file 'it has changed on the hub'
good 'a length that is too long, once' '{"where": "cdn", "fault": "length", "by": 10, "times": 1}' $file $source
bad 'a length that is too long, always' '{"where": "cdn", "fault": "length", "by": 10}' $file "its length is $((size + 10)) bytes, not $size"
bad 'a length that is too short, always' '{"where": "cdn", "fault": "length", "by": -10}' $file "its length is $((size - 10)) bytes, not $size"
good 'one wrong byte, once' '{"where": "cdn", "fault": "hash", "at": 77, "times": 1}' $file $source
bad 'one wrong byte, always' '{"where": "cdn", "fault": "hash", "at": 77}' $file 'its SHA-256 is'
bad 'one wrong byte in a small file' '{"where": "resolve", "fault": "hash", "at": 7}' $data/data/small.jsonl 'its git hash is'
bad 'a body without end' '{"where": "cdn", "fault": "endless"}' $file "more comes than its $size bytes"
bad 'a body without end behind the right length' '{"where": "cdn", "fault": "endless", "length": 999999999999}' $file 'its length is 999999999999 bytes'
good 'an address that has expired, once' '{"where": "resolve", "fault": "expired", "times": 2}' $file $source
bad 'an address that has always expired' '{"where": "resolve", "fault": "expired"}' $file 'the server answers 403: Request has expired (after 5 repetitions)'

# redirects
for to in http://example.com/a ftp://127.0.0.1/a file:///etc/passwd http://127.0.0.1.example.com/a http://user:pass@127.0.0.1:PORT/a; do
    bad "redirect to $to" '{"where": "cdn", "fault": "redirect", "to": "'$to'"}' $file 'a redirect that is refused'
done
bad 'redirects without end' '{"where": "cdn", "fault": "redirect", "to": "http://localhost:PORT/repos/x?path=datasets/org/data/data/large1.jsonl"}' $file 'too many, one after the other'

# listings
for name in ../evil /etc/evil a/../../evil 'a\\evil' 'a\u0007evil' 'a//evil' '.' "$(head -c 300 /dev/zero | tr '\0' n)"; do
    bad "listing: the name $(printf %.20s "$name")" '{"where": "api", "path": "*/tree/*", "fault": "names", "name": "'"$name"'"}' $data 'a file whose name is refused'
done
bad 'listing: pages without end' '{"where": "api", "path": "*/tree/*", "fault": "pages"}' $data 'listing does not end'
bad 'listing: no JSON' '{"where": "api", "path": "*/tree/*", "fault": "body", "text": "[{"}' $data "the hub's answer is no JSON"
bad 'listing: JSON of another kind' '{"where": "api", "path": "*/tree/*", "fault": "body", "text": "{}"}' $data "the hub's listing is no array"
bad 'listing: no hash' '{"where": "api", "path": "*/tree/*", "fault": "body", "text": "[{\"type\": \"file\", \"path\": \"a\", \"size\": 1}]"}' $data 'has no hash or no size'
bad 'no hub at all' '{"where": "api", "fault": "body", "text": "{\"hello\": 1}"}' $data 'is it a hub?'

# who may, and what there is
bad 'gated, no token' '' hf://datasets/org/gated/a.jsonl "accept its terms at $HF_ENDPOINT/datasets/org/gated, then log in"
bad 'private, no token' '' hf://datasets/org/private 'there is no such repository'
bad 'no such repository' '' hf://datasets/org/none/a.jsonl 'there is no such repository'
bad 'no such revision' '' hf://datasets/org/data@v9/$large 'no such branch, tag or commit'
bad 'no such revision, a folder' '' hf://datasets/org/data@v9 'no such branch, tag or commit'
bad 'no such file' '' $data/data/none.jsonl 'no such file or folder'
bad 'no file fits the glob' '' "$data/data/*.parquet" 'nothing in the repository fits this'
export HF_TOKEN=hf_testtoken
good 'gated, with a token' '' hf://datasets/org/gated/a.jsonl $repo/data/small.jsonl
good 'private, with a token' '' hf://datasets/org/private/a.jsonl $repo/data/small.jsonl
bad 'gated, and not let in' '' hf://datasets/org/refused/a.jsonl 'the account of the token in HF_TOKEN has not been let in'
# the storage host answers 400 to a request with a token
good 'a redirect to another host, with a token' '' $file $source
export HF_TOKEN=hf_wrong
bad 'a token that the hub does not know' '' $file 'the hub does not know the token in HF_TOKEN'
unset HF_TOKEN

# TLS
tls() { HF_ENDPOINT=https://127.0.0.1:$1 SSL_CERT_FILE=$PWD/certificates/ca.pem "$2" "${@:3}"; }
tls "$TLS_GOOD" good 'TLS: a certificate that fits' '' $file $source
tls "$TLS_WRONG_HOST" bad 'TLS: for another host' '' $file 'no alternative certificate subject name matches'
tls "$TLS_EXPIRED" bad 'TLS: expired' '' $file 'certificate has expired'
HF_ENDPOINT=https://127.0.0.1:$TLS_GOOD bad 'TLS: from an authority unknown here' '' $file 'certificate'
tls "$TLS_GOOD" bad 'TLS: redirect from https to http' '{"where": "cdn", "fault": "redirect", "to": "http://localhost:'"$PORT"'/repos/x"}' $file 'it leads from https to http'

# other servers
page=http://127.0.0.1:$PORT/web/page.jsonl
good 'another server: none' '' "$page" hub/web/page.jsonl
good 'another server: cut, then Range' '{"where": "web", "fault": "cut", "at": 500, "skip": 1, "times": 2}' "$page" hub/web/page.jsonl
good 'another server: cut, then another ETag' '{"where": "web", "fault": "cut", "at": 500, "skip": 1, "times": 1}, {"where": "web", "fault": "no-range"}' "$page" hub/web/page.jsonl
good 'another server: cut, then another range' '{"where": "web", "fault": "cut", "at": 500, "skip": 1, "times": 1}, {"where": "web", "fault": "range-shift", "skip": 1, "times": 1}' "$page" hub/web/page.jsonl
bad 'another server: missing' '' "http://127.0.0.1:$PORT/web/none" 'the server answers 404'

# what no log and no message may hold
if grep -q 'hf_testtoken\|hf_wrong' err out; then wrong 'the token in a message' 'shown'; fi
[ $failed = 0 ] || { echo "$failed verdicts are wrong"; exit 1; }
