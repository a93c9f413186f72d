# Corpora by name: the table, a table of the user's own, columns and templates, texts of Software Heritage; and Parquet files that
# are read in parts, from a server that behaves and from one that does not.
set -eu
. "$ROOT/tests/hub/lib.bash"
golden=$ROOT/tests/golden/parquet
repo=hub/datasets/org/data/main
mkdir -p $repo/rows $repo/code hub/swh/content
hub_start --page 1000
fetch() { "$BIN/fetch" --retry-wait 0.01 "$@"; }
fails() {       # PATTERN ARGUMENT...: exit 1, and a message that fits
    local code=0 pattern=$1
    shift
    fetch "$@" >out 2>err || code=$?
    if [ $code != 1 ] || ! grep -q -- "$pattern" err; then echo "fetch $*: exit $code, not '$pattern'"; cat err; exit 1; fi
}

# the table: a line each, and what --json prints is a table of one's own
"$BIN/fetch" --list >list
for name in fineweb-edu-10bt tinystories finemath-4plus stack-edu:python cosmopedia-v2 python-edu gsm8k folio hellaswag; do
    grep -q "^$name " list || { echo "$name is not in the list"; exit 1; }
done
"$BIN/fetch" --list --json >all.json
"$BIN/fetch" --corpora all.json --list | cmp - list
[ "$(python3 -c 'import json; print(len(json.load(open("all.json"))))')" = $(($(wc -l <list) - 1)) ]
fails 'there is no corpus of this name' --cat corpus:none

# columns, templates and domains come from the table, and the command line's come before them
printf '{"q": "one?", "a": "1"}\n{"q": "two?", "a": "2"}\n' >$repo/rows/a.jsonl
cat >own.json <<'EOF'
[{"name": "sums", "place": "datasets/org/data", "files": "rows/*.jsonl", "text": "{q}\\n{a}", "domain": "math"},
 {"name": "code", "place": "datasets/org/data", "files": "code/*.jsonl", "text": "{blob_id} {src_encoding}", "domain": "code", "heritage": true},
 {"name": "gsm8k", "place": "datasets/org/data", "files": "rows/a.jsonl", "text": "q", "domain": "logic", "licence": null}]
EOF
own() { fetch --corpora own.json "$@"; }
[ "$(own --cat corpus:sums | head -n 1)" = '{"text":"one?\n1","id":"hf://datasets/org/data/rows/a.jsonl:1","domain":"math"}' ]
[ "$(own --cat corpus:sums --text '{a}' --domain code | head -n 1)" = '{"text":"1","id":"hf://datasets/org/data/rows/a.jsonl:1","domain":"code"}' ]
[ "$(own --cat corpus:gsm8k | head -n 1)" = '{"text":"one?","id":"hf://datasets/org/data/rows/a.jsonl:1","domain":"logic"}' ]
own -q -o raw corpus:sums >made
[ "$(cat made)" = raw/sums.jsonl.zst ]
[ "$(zstd -dcq raw/sums.jsonl.zst | wc -l)" = 2 ]
for bad in '{' '[1]' '[{"place": "a"}]' '[{"name": "a", "place": "b", "files": "c", "domain": "d"}]' '[{"name": "a", "place": "b", "files": "c", "domain": "code", "bytes": -1}]'; do
    echo "$bad" >bad.json
    fails '^fetch: bad.json:' --corpora bad.json --cat corpus:a
done

# Software Heritage: in the order of the ids, decoded, checked; what is missing is counted
object() {      # TEXT-FILE ENCODING: stores it and prints its row
    local id
    id=$(sha1sum <"$1" | cut -d ' ' -f 1)
    gzip -c "$1" >hub/swh/content/"$id"
    echo "{\"blob_id\": \"$id\", \"src_encoding\": \"$2\", \"path\": \"/$1\"}"
}
for i in $(seq 40); do echo "int f$i(void) { return $i; }" >f"$i".c; object f"$i".c UTF-8; done >$repo/code/a.jsonl
printf 'caf\351\n' >latin.c
object latin.c ISO-8859-1 >>$repo/code/a.jsonl
printf 'x\200y\n' >ascii.c
{
    echo '{"blob_id": "0000000000000000000000000000000000000000", "src_encoding": "UTF-8"}'
    echo '{"blob_id": "../../etc/passwd", "src_encoding": "UTF-8"}'
    object ascii.c ASCII
    object f1.c UTF-8
} >>$repo/code/a.jsonl
export TRITTER_SWH_URL=http://127.0.0.1:$PORT
control '{"where": "swh", "fault": "status", "code": 503, "times": 1}'
own --cat corpus:code >out 2>err
[ "$(wc -l <out)" = 43 ]
grep -q '43 texts; left out: 2 missing, 0 damaged; 1 had bytes that are not of their encoding' err
for i in $(seq 40); do
    printf '{"text":"int f%d(void) { return %d; }\\n","id":"softwareheritage:%s","domain":"code"}\n' "$i" "$i" "$(sha1sum <f"$i".c | cut -d ' ' -f 1)"
done >right
head -n 40 out | cmp - right
sed -n 41p out | grep -q '"text":"café\\n"'
own --cat corpus:code -j 1 2>/dev/null | cmp - out
gzip -c f2.c >hub/swh/content/"$(sha1sum <f1.c | cut -d ' ' -f 1)"
own --cat corpus:code >out 2>err
[ "$(wc -l <out)" = 41 ]
grep -q 'left out: 2 missing, 2 damaged' err
head -c 30 /dev/urandom >hub/swh/content/"$(sha1sum <f3.c | cut -d ' ' -f 1)"
control '{"where": "swh", "fault": "endless"}'
fails 'the object is longer than 64 MiB' --corpora own.json --cat corpus:code
control

# Parquet in parts: the same documents as of the file, and nothing in the cache
for file in "$golden"/*.parquet; do cp "$file" $repo/; done
parquet=dictionary-v1-snappy.parquet
local_docs() { "$BIN/fetch" --cat $repo/$parquet | sed "s|$repo/|hf://datasets/org/data/|"; }
remote=hf://datasets/org/data/$parquet
local_docs >right
rm -rf home
fetch --cat $remote | cmp - right
[ ! -e home/hub/datasets--org--data/blobs ]
for fault in '"cut", "at": 100, "times": 1' '"status", "code": 503, "times": 2'; do
    control "{\"where\": \"cdn\", \"fault\": $fault}, {\"where\": \"resolve\", \"fault\": $fault}"
    fetch --cat $remote | cmp - right
done
control '{"where": "resolve", "fault": "no-range", "skip": 1}'
fails 'the server sends no parts of files' --cat $remote
control '{"where": "resolve", "fault": "range-shift", "skip": 1}'
fails 'another part of the file than was asked for' --cat $remote
control
# once it is in the cache, the cache serves it
fetch -q --download $remote >/dev/null
: >hub.log
fetch --cat $remote | cmp - right
[ "$(requests '"GET"')" = 0 ]
