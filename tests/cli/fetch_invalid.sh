# Bad documents, streams and sources: exit 1 and a message that names file, place and reason. What was good before is written.
set -eu
refuse() {      # MESSAGE ARGUMENT...: the program fails with exit 1 and exactly one line that holds MESSAGE
    local message=$1 code=0
    shift
    "$BIN/fetch" --cat "$@" >out 2>err || code=$?
    [ "$code" = 1 ] || { echo "fetch --cat $*: exit $code"; cat err; exit 1; }
    grep -qF -- "$message" err || { echo "fetch --cat $*: expected '$message'"; cat err; exit 1; }
    [ "$(wc -l <err)" = 1 ] || { echo "fetch --cat $*: not one line"; cat err; exit 1; }
}

for dir in "$ROOT"/tests/invalid/docs/*/; do
    refuse "$(cat "$dir/error")" "$dir"/input.json*
    # counted and passed by when asked to
    "$BIN/fetch" --cat --skip-bad "$dir"/input.json* >out 2>err || grep -q stream_error out
    grep -q 'left out: [0-9]* bad document' err || { echo "$dir: nothing was counted"; cat err; exit 1; }
done
"$BIN/fetch" --cat --skip-bad "$ROOT/tests/invalid/docs/brackets-crossed/input.json" 2>err >out || true
grep -q '"one"' out

# depth
head -c 1000000 /dev/zero | tr '\0' '[' >brackets
{ printf '{"text": "a", "x": '; cat brackets; echo; } >deep.jsonl
refuse 'deep.jsonl:1: byte 2067: invalid JSON: maximum parsing depth' deep.jsonl
cp deep.jsonl deep.json
refuse 'deep.json:1: byte 0: JSON nested too deeply' deep.json

# streams that are cut, damaged, or not what they are called
for i in $(seq 5000); do echo "{\"text\": \"document $i of $RANDOM\"}"; done >docs.jsonl
gzip -k docs.jsonl
zstd -q docs.jsonl
lz4 -q docs.jsonl docs.jsonl.lz4
bzip2 -k docs.jsonl
xz -k docs.jsonl
because() { grep -qE -- "^fetch: $1: offset [0-9]+: $2" err || { echo "not because: $2"; cat err; exit 1; }; }
declare -A corrupt=([gz]='corrupt gzip stream' [zst]='corrupt zstd frame: ' [lz4]='corrupt lz4 frame: ERROR_'
                    [bz2]='corrupt bzip2 stream' [xz]='corrupt xz stream')
declare -A pack=([gz]=gzip [zst]=zstd [lz4]=lz4 [bz2]=bzip2 [xz]=xz)
declare -A follow=([gz]='bytes that are no gzip member follow' [zst]='bytes that are no zstd frame follow'
                   [lz4]='bytes that are no lz4 frame follow' [bz2]='bytes that are no bzip2 stream follow'
                   [xz]='corrupt xz stream')
echo '{"text": "a document that is one block"}' >small.jsonl
for end in gz zst lz4 bz2 xz; do
    size=$(stat -c %s "docs.jsonl.$end")
    head -c $((size * 2 / 3)) "docs.jsonl.$end" >"cut.jsonl.$end"
    refuse "cut.jsonl.$end: offset $((size * 2 / 3)): truncated" "cut.jsonl.$end"
    [ "$(wc -l <out)" -lt 5000 ]
    head -c 2 "docs.jsonl.$end" >"head.jsonl.$end"
    refuse "head.jsonl.$end: offset 0: truncated" "head.jsonl.$end"
    : >"empty.jsonl.$end"
    refuse "empty.jsonl.$end: offset 0: empty" "empty.jsonl.$end"
    cp "docs.jsonl.$end" "bad.jsonl.$end"
    middle=$((size / 2))
    [ "$end" != bz2 ] || middle=10      # a block's checksum: bzip2 gives the whole block away before it compares
    printf '\377\377\377\377\377\377\377\377' | dd of="bad.jsonl.$end" bs=1 seek=$middle conv=notrunc status=none
    refuse "bad.jsonl.$end: offset " "bad.jsonl.$end"
    because "bad.jsonl.$end" "${corrupt[$end]}"
    cp docs.jsonl "plain.jsonl.$end"
    refuse "plain.jsonl.$end: offset 0: not a" "plain.jsonl.$end"
    { cat "docs.jsonl.$end"; echo "rubbish, and more of it"; } >"tail.jsonl.$end"
    refuse "tail.jsonl.$end: offset " "tail.jsonl.$end"
    because "tail.jsonl.$end" "${follow[$end]}"
    # a byte of a small stream: of its text or of its checksum, which the decoder sees in its first call
    "${pack[$end]}" -q -c <small.jsonl >"small.jsonl.$end"
    size=$(stat -c %s "small.jsonl.$end")
    [ "$end" = bz2 ] || middle=$((size / 2))
    for at in $middle $((size - 3)); do
        cp "small.jsonl.$end" "flipped.jsonl.$end"
        byte=$(od -An -tu1 -j "$at" -N 1 "flipped.jsonl.$end")
        printf '%b' "\\0$(printf %o $((byte ^ 4)))" | dd of="flipped.jsonl.$end" bs=1 seek="$at" conv=notrunc status=none
        refuse "flipped.jsonl.$end: offset " "flipped.jsonl.$end"
        because "flipped.jsonl.$end" "${corrupt[$end]}"
    done
done
"$BIN/fetch" --cat - <cut.jsonl.zst >out 2>err && exit 1
grep -q '^fetch: stdin: offset [0-9]*: truncated' err

# what cannot be read as text: an error when it is named, a warning with a count in a directory, and an error again when
# the directory gave nothing else
mkdir some none links
echo text | tee some/a.txt >b.txt
printf '7z\274\257\47\34\0\4a.jsonl' | tee some/a.7z none/a.7z >a.jsonl.7z
printf 'PK\3\4\24\0\10\0a.jsonl' >a.jsonl.zip
printf 'text\nmore\0' | tee none/core >core
ln -s ../b.txt links/b.txt
refuse 'a.jsonl.7z: offset 6: a 7-Zip archive, which is not read as text' a.jsonl.7z
refuse 'a.jsonl.zip: offset 0: Unrecognized archive format' a.jsonl.zip
refuse 'core: offset 9: binary' core
refuse 'core: offset 9: binary' --skip-bad core
"$BIN/fetch" --cat some >out 2>err
[ "$(cat out)" = '{"text":"text\n","id":"some/a.txt","domain":"other"}' ]
[ "$(cat err)" = 'fetch: warning: left out: 1 binary file (NUL in it, or a compression that is not read)' ]
for dir in none links; do
    "$BIN/fetch" --cat "$dir" >out 2>err && { echo "$dir: nothing was read, and exit 0"; exit 1; }
    grep -qF "fetch: $dir: nothing was read: all that is there was left out" err || { cat err; exit 1; }
done
echo '{"text":7}' >seven.jsonl
"$BIN/fetch" --cat --skip-bad seven.jsonl >out 2>err && exit 1
grep -q 'left out: 1 bad document' err

# sources
refuse 'nowhere.jsonl: No such file' nowhere.jsonl
refuse 'hf://spaces/a/b: only datasets and models are fetched' hf://spaces/a/b
for word in hf://datasets/a hf://datasets/a/.b hf://datasets/a/b--c hf://datasets//b; do
    refuse "$word: hf://datasets/ORG/NAME[@REVISION]/PATH" $word
done
refuse 'the revision after @ is no name' hf://datasets/a/b@../c
for path in a/../b ../b a//b 'a\b' "$(printf 'a\tb')"; do refuse 'the path has an empty part' "hf://datasets/a/b/$path"; done
for word in http://example.com/a http://127.0.0.1.example.com/a http://10.0.0.1/a; do
    refuse "$word: only https is spoken, but to this machine itself" $word
done
refuse 'it has a user name in it' https://user:secret@example.com/a
HF_ENDPOINT=http://example.com refuse 'HF_ENDPOINT: http://example.com: only https is spoken' hf://datasets/a/b
HF_ENDPOINT=http://127.0.0.1:9 HF_HOME=$PWD/none refuse 'and the cache does not have it' hf://datasets/a/b
refuse 'Could not resolve host' https://nowhere.invalid/a.jsonl

# Parquet: what is none, is cut, comes through a pipe, or lacks the column
golden=$ROOT/tests/golden/parquet
printf PAR1 >a.parquet
refuse 'a.parquet: offset 0: no Parquet file: only 4 bytes long' a.parquet
head -c 300 "$golden/plain-v1.parquet" >cut.parquet
refuse 'cut.parquet: offset 296: no Parquet file, or truncated: it does not end with PAR1' cut.parquet
gzip -k "$golden/plain-v1.parquet" -c >a.parquet.gz
refuse 'a.parquet.gz: a Parquet file is read from its end: decompress it first' a.parquet.gz
"$BIN/fetch" --cat - <"$golden/plain-v1.parquet" >out 2>err && exit 1
grep -q '^fetch: stdin: a Parquet file is read from its end: give its path' err
refuse 'no "story" column (the file has: text, id)' --column story "$golden/dictionary-v1-snappy.parquet"
refuse 'no text, content, code, or similar column (the file has: f32, f64,' "$golden/numbers-lz4.parquet"
refuse 'column choices is a list, and nothing is said to join its values with (--join)' --column choices "$golden/nested-brotli.parquet"
# a page of the second row group is damaged: the first one's rows come, with --skip-bad without an error
cp "$golden/plain-v1.parquet" bad.parquet
printf '\377\377\377\377' | dd of=bad.parquet bs=1 seek=84 conv=notrunc status=none
refuse 'bad.parquet: offset ' bad.parquet
grep -q '"one"' out
"$BIN/fetch" --cat --skip-bad bad.parquet >out 2>err
grep -q 'left out: 1 bad document' err && grep -q '"one"' out
mkdir -p "dir/$(printf 'd/%.0s' $(seq 1100))"
refuse 'directories nested deeper than 1024' dir
rm -r dir
mkdir -p dir/closed
if [ "$(id -u)" != 0 ]; then    # root may read anything
    chmod 0 dir/closed
    refuse 'dir/closed: cannot read directory' dir
    chmod 700 dir/closed
fi

# misuse is exit 2
for words in '' '--cat' 'docs.jsonl' '--cat -o dir docs.jsonl' '--cat --limit x docs.jsonl' '--cat --limit -1 docs.jsonl' \
             '--cat --limit 1XB docs.jsonl' '--cat --domain maths docs.jsonl' '--cat demo:maths' '-o dir demo:math' '-o dir -' \
             '-o dir docs.jsonl docs.jsonl.gz' '--cat --frob docs.jsonl'; do
    code=0
    # shellcheck disable=SC2086  # words on purpose
    "$BIN/fetch" $words >out 2>err </dev/null || code=$?
    [ "$code" = 2 ] || { echo "fetch $words: exit $code"; cat err; exit 1; }
done

# whoever reads a stream that failed fails, and commits nothing
printf '{"text": "a long time ago"}\n{"text": 7}\n' >half.jsonl
"$BIN/tokenize" train -q -n 300 -o tok.json docs.jsonl
for skip in '' --skip-bad; do
    code=0
    # shellcheck disable=SC2086
    "$BIN/fetch" --cat half.jsonl 2>err | "$BIN/tokenize" -t tok.json $skip 2>err2 | "$BIN/shard" -o shards 2>err3 || code=$?
    [ "$code" = 1 ]
    grep -qx 'tokenize: stdin:2: the documents end too early: their writer (fetch) failed' err2 || { cat err2; exit 1; }
    [ -z "$(ls shards 2>/dev/null)" ] || { echo "shards were committed:"; ls -A shards; exit 1; }
done
