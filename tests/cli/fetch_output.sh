# Output: a full disk and a closed pipe, committed files that are made once, bounded memory.
set -eu
for i in $(seq 20000); do echo "{\"text\": \"document $i\", \"id\": \"$i\"}"; done >a.jsonl

# a full disk is exit 1; a reader that has enough ends it quietly
code=0
"$BIN/fetch" --cat a.jsonl >/dev/full 2>err || code=$?
[ "$code" = 1 ] && grep -q 'No space left' err
{ "$BIN/fetch" --cat a.jsonl a.jsonl a.jsonl a.jsonl a.jsonl a.jsonl 2>err || true; } | head -n 2 >out
[ "$(wc -l <out)" = 2 ]
[ ! -s err ]

# -o: one file a source, the second run leaves it, other options or another source make it again
mkdir d
echo 'int x;' >d/x.c
"$BIN/fetch" -q -o raw a.jsonl d >list
[ "$(cat list)" = "raw/a.jsonl.zst
raw/d.jsonl.zst" ]
zstd -qt raw/a.jsonl.zst raw/d.jsonl.zst
[ "$(zstd -dc raw/d.jsonl.zst)" = '{"text":"int x;\n","id":"d/x.c","domain":"other"}' ]
"$BIN/fetch" --cat a.jsonl d >direct
"$BIN/fetch" --cat raw >copied
cmp direct copied
inode() { stat -c %i raw/a.jsonl.zst raw/d.jsonl.zst | tr '\n' ' '; }
first=$(inode)
"$BIN/fetch" -q -o raw a.jsonl d >list2
cmp list list2
[ "$(inode)" = "$first" ]
echo 'int y;' >d/y.c
"$BIN/fetch" -q -o raw a.jsonl d >/dev/null
[ "$(zstd -dc raw/d.jsonl.zst | wc -l)" = 2 ]
[ "$(inode | cut -d ' ' -f 1)" = "${first%% *}" ]
"$BIN/fetch" -q -o raw a.jsonl --limit 10 >/dev/null
[ "$(zstd -dc raw/a.jsonl.zst | wc -l)" = 10 ]

# a source that turns bad midway leaves the file of before, and no other
{ cat a.jsonl; echo '{"text"'; } >b.jsonl && mv b.jsonl a.jsonl
code=0
"$BIN/fetch" -q -o raw a.jsonl >/dev/null 2>err || code=$?
[ "$code" = 1 ] && grep -q 'a.jsonl:20001: byte' err
[ "$(zstd -dc raw/a.jsonl.zst | wc -l)" = 10 ]
[ -z "$(find raw -name '*partial*')" ]

# memory stays below 1 GiB: a line that is too long, the same as text, a bomb of values (not under a sanitizer, which reserves address space)
case $BIN in */asan/*) exit 0 ;; esac
{ printf '{"text": "'; head -c 150000000 /dev/zero | tr '\0' a; printf '"}\n{"text": "short"}\n'; } | zstd -q >long.jsonl.zst
code=0
(ulimit -v 1048576; "$BIN/fetch" --cat long.jsonl.zst >out 2>err) || code=$?
[ "$code" = 1 ] && grep -q 'long.jsonl.zst:1: byte 0: line longer than 128 MiB' err
(ulimit -v 1048576; "$BIN/fetch" --cat --skip-bad long.jsonl.zst >out 2>err)
[ "$(cat out)" = '{"text":"short","id":"long.jsonl.zst:2","domain":"other"}' ]
mv long.jsonl.zst long.txt.zst
(ulimit -v 1048576; "$BIN/fetch" --cat long.txt.zst | wc >out)
read -r lines _ bytes <out
[ "$lines" = 3 ]
[ "$bytes" -gt 150000000 ]
[ "$bytes" -lt 150001000 ]
{ printf '{"text": "a", "x": ['; head -c 2000000 /dev/zero | sed 's/\x00/[],/g'; printf '0]}\n'; } >values.jsonl
code=0
(ulimit -v 1048576; "$BIN/fetch" --cat values.jsonl >out 2>err) || code=$?
[ "$code" = 1 ] && grep -q 'values.jsonl:1: byte 0: JSON object with more than' err
