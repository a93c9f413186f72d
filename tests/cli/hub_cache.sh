# The cache: what is there is not asked for again, what broke off is continued, two at once share the work; offline; the token
# goes to the hub alone and into no file; documents stream while they arrive; folders, globs and -o.
set -eu
. "$ROOT/tests/hub/lib.bash"
repo=hub/datasets/org/data/main
mkdir -p $repo/a/b hub/models/org/model/main hub/datasets/org/data/v1
documents() { for n in $(seq "$1"); do echo "{\"text\": \"document $n $2\"}"; done; }
documents 300 one >$repo/a/1.jsonl
documents 300 two | zstd -q >$repo/a/b/2.jsonl.zst
documents 3 three >$repo/a/b/3.jsonl
documents 2 old >hub/datasets/org/data/v1/1.jsonl
echo 'a card' >$repo/README.md
echo 'hidden' >$repo/.gitattributes
echo '{"a": 1}' >hub/models/org/model/main/config.json
hub_start --page 1000
fetch() { "$BIN/fetch" --retry-wait 0.02 "$@"; }
fails() {       # PATTERN ARGUMENT...: exit 1, and a message that fits
    local code=0 pattern=$1
    shift
    fetch "$@" >out 2>err || code=$?
    if [ $code != 1 ] || ! grep -q -- "$pattern" err; then echo "fetch $*: exit $code, not '$pattern'"; cat err; exit 1; fi
}
lacks() { if grep -rq -- "$@"; then echo "found: grep $*"; exit 1; fi; }
data=hf://datasets/org/data
store=home/hub/datasets--org--data

# the layout is huggingface_hub's: refs, blobs, relative links
fetch -q --download $data >list
[ "$(wc -l <list)" = 5 ]
commit=$(cat $store/refs/main)
[ "$(readlink $store/snapshots/"$commit"/a/1.jsonl)" = "../../../blobs/$(sha256sum $repo/a/1.jsonl | cut -d ' ' -f 1)" ]
[ "$(readlink $store/snapshots/"$commit"/a/b/3.jsonl)" = "../../../../blobs/$(git_hash $repo/a/b/3.jsonl)" ]
for path in a/1.jsonl a/b/2.jsonl.zst a/b/3.jsonl README.md .gitattributes; do cmp $repo/$path $store/snapshots/"$commit"/$path; done
[ -z "$(find home -name '*.incomplete' -o -name '*.tmp' -o -name '.link*')" ]

# a second run asks which commit it is, and no more; a commit's file is not asked for at all
: >hub.log
fetch -q --download $data >list2
cmp list list2
[ "$(requests .)" = 1 ]
: >hub.log
fetch -q --download "$data@$commit/a/1.jsonl" >/dev/null
[ "$(requests .)" = 0 ]

# documents: of a folder those files that hold some, in the order of their names; ids that depend on no cache
fetch --cat $data >all
[ "$(wc -l <all)" = 603 ]
[ "$(sed -n 301p all)" = '{"text":"document 1 two","id":"hf://datasets/org/data/a/b/2.jsonl.zst:1","domain":"other"}' ]
fetch --cat "$data/**/*.jsonl" | cmp - <(grep -v 2.jsonl.zst all)
fetch --cat "$data/a/*.jsonl" | cmp - <(head -n 300 all)
fetch --cat $data/a/b/ | cmp - <(tail -n 303 all)
fetch --cat $data --glob '3.*' | cmp - <(tail -n 3 all)
[ "$(fetch --cat $data@v1 | head -n 1)" = '{"text":"document 1 old","id":"hf://datasets/org/data@v1/1.jsonl:1","domain":"other"}' ]
[ "$(fetch -q --download hf://org/model/config.json)" = "$PWD/home/hub/models--org--model/snapshots/$(cat home/hub/models--org--model/refs/main)/config.json" ]
fetch -q -o raw $data $data/a/1.jsonl >made
[ "$(cat made)" = "raw/data.jsonl.zst
raw/data-a-1.jsonl.zst" ]
zstd -dcq raw/data.jsonl.zst | cmp - all
first=$(stat -c %i raw/data.jsonl.zst)
fetch -q -o raw $data >/dev/null
[ "$(stat -c %i raw/data.jsonl.zst)" = "$first" ]

# offline: all of it, or a line that says what lacks; the same when the hub is down
HF_HUB_OFFLINE=1 fetch --cat $data | cmp - all
HF_ENDPOINT=http://127.0.0.1:1 fetch --cat $data 2>err | cmp - all
grep -q 'this is what the cache has' err
mv $store/blobs/"$(git_hash $repo/a/b/3.jsonl)" kept
HF_HUB_OFFLINE=1 fails 'the cache lacks 1 of 5 files' --cat $data
mv kept $store/blobs/"$(git_hash $repo/a/b/3.jsonl)"
HF_HUB_OFFLINE=1 fails 'HF_HUB_OFFLINE is set, and the cache does not have it' --cat hf://datasets/org/none

# what an earlier run left is continued, wherever it ended; what is wrong in it is found
size=$(stat -c %s $repo/a/1.jsonl) sha=$(sha256sum $repo/a/1.jsonl | cut -d ' ' -f 1)
for have in 1 1000 $((size - 1)) "$size"; do
    rm -rf home
    mkdir -p $store/blobs
    head -c "$have" $repo/a/1.jsonl >$store/blobs/"$sha".incomplete
    : >hub.log
    fetch -q --download $data/a/1.jsonl >list
    cmp $repo/a/1.jsonl "$(cat list)"
    [ "$have" = "$size" ] || grep -q "\"range\": \"bytes=$have-\".*\"sent\": $((size - have))}" hub.log
    [ "$have" != "$size" ] || [ "$(requests GET)" = 0 ]
done
for wrong in 1000 $((size + 5)) "$size"; do
    rm -rf home
    mkdir -p $store/blobs
    head -c "$wrong" /dev/zero >$store/blobs/"$sha".incomplete
    fetch -q --download $data/a/1.jsonl >list
    cmp $repo/a/1.jsonl "$(cat list)"
done

# links and folders that somebody put in the way are not followed
rm -rf home
fetch -q --download $data/README.md >/dev/null
mkdir outside
ln -s "$PWD/outside" $store/snapshots/"$commit"/a
fails 'a/1.jsonl: ' -q --download $data/a/1.jsonl
[ -z "$(ls outside)" ]

# two at once on one file: it is downloaded once
rm -rf home
head -c 3000000 /dev/urandom | base64 >$repo/big.txt
control '{"where": "cdn", "fault": "slow", "rate": 6000000}'
: >hub.log
fetch -q --download $data/big.txt >one.list & one=$!
fetch -q --download $data/big.txt >two.list & two=$!
wait $one
wait $two
cmp one.list two.list
cmp "$(cat one.list)" $repo/big.txt
[ "$(requests '"GET", "host": "localhost')" = 1 ]

# documents come while the file is still on its way, and a wrong hash at its end is a failed stream
rm -rf home
for n in $(seq 30000); do echo "{\"text\": \"document $n\"}"; done >$repo/long.jsonl
control '{"where": "cdn", "fault": "slow", "rate": 100000}'
[ "$(fetch -q --cat $data/long.jsonl --limit 2 | wc -l)" = 2 ]
[ -n "$(find home -name '*.incomplete')" ]
rm -rf home
control '{"where": "cdn", "fault": "hash", "at": 500000}'
fails 'long.jsonl: .*its SHA-256 is' -q --cat $data/long.jsonl
[ "$(tail -n 1 out)" = '{"stream_error":"fetch"}' ]
control

# the token: from the environment or its file, to the hub alone, and into nothing that is written
rm -rf home raw
mkdir -p home
echo hf_testtoken >home/token
chmod 600 home/token
: >hub.log
fetch -v -o raw $data 2>err >out
grep '"host": "127.0.0.1' hub.log | grep -q 'Bearer hf_testtoken'
grep '"host": "localhost' hub.log >storage.log
lacks hf_testtoken storage.log home/hub raw err out
chmod 644 home/token
fetch -q --download $data/README.md 2>err >/dev/null
grep -q 'others may read this token' err
printf 'hf_a\nEvil: 1' >home/token
fails 'the token in it has a space or a control character' -q --download $data/README.md
lacks Evil err

# the commit goes on: the next run sees it
rm home/token
documents 5 new >$repo/a/b/3.jsonl
[ "$(fetch --cat $data/a/b/3.jsonl | head -n 1)" = '{"text":"document 1 new","id":"hf://datasets/org/data/a/b/3.jsonl:1","domain":"other"}' ]

# what a killed run left of a ref is taken over
refs=$(find home -type d -name refs)
rm "$refs/main"
printf 'a part' >"$refs/.main.tritter-partial"
fetch -q --download $data/a/b/3.jsonl >/dev/null
[ "$(ls -A "$refs")" = main ]
