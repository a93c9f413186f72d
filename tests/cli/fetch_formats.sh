# Each kind of source gives one document a line, file or array element, in an order that depends on names alone.
set -eu
expect() {      # EXPECTED-LINES ARGUMENT...
    local want=$1
    shift
    "$BIN/fetch" --cat "$@" >out 2>err || { echo "fetch --cat $*"; cat err; exit 1; }
    [ "$(cat out)" = "$want" ] || { echo "fetch --cat $*: expected"; echo "$want"; echo got; cat out err; exit 1; }
}

# JSON lines, plain and compressed, with and without names, a byte order mark, CRLF, blank lines, no last newline
printf '\xef\xbb\xbf{"text": "one\\r\\n", "id": "a"}\r\n\n  \n{"text": "", "id": 2}\n{"text": "three \\u00e9", "domain": "code"}' >d.jsonl
want='{"text":"one\r\n","id":"a","domain":"other"}
{"text":"three é","id":"d.jsonl:5","domain":"code"}'
expect "$want" d.jsonl
grep -q 'left out: 1 empty document' err
gzip -k d.jsonl; zstd -q d.jsonl; lz4 -q d.jsonl d.jsonl.lz4; bzip2 -k d.jsonl; xz -k d.jsonl
cat d.jsonl.zst d.jsonl.zst >twice.jsonl.zst
for end in gz zst lz4 bz2 xz; do
    expect "${want//d.jsonl:/d.jsonl.$end:}" "d.jsonl.$end"
    "$BIN/fetch" --cat - <"d.jsonl.$end" >out 2>/dev/null
    [ "$(cat out)" = "${want//d.jsonl:/stdin:}" ]
done
expect '{"text":"three é","id":"d.jsonl:5","domain":"math"}' <(printf '{"text":"three \\u00e9","id":"d.jsonl:5"}') --domain math

for end in zst lz4; do      # a skippable frame first
    { printf '\120\052\115\030\3\0\0\0abc'; cat "d.jsonl.$end"; } >"skip.jsonl.$end"
    "$BIN/fetch" --cat - <"skip.jsonl.$end" >out
    [ "$(cat out)" = "${want//d.jsonl:/stdin:}" ]
done
{ cat d.jsonl.gz; head -c 3000 /dev/zero; } >pad.jsonl.gz
expect "${want//d.jsonl:/pad.jsonl.gz:}" pad.jsonl.gz
cat d.jsonl | zstd -q --long=28 -c >long.jsonl.zst     # of a pipe: the window is as large as asked for
"$BIN/fetch" --cat long.jsonl.zst >out 2>err && exit 1
grep -q 'window above 128 MiB is refused (--zstd-window takes more)' err
expect "${want//d.jsonl:/long.jsonl.zst:}" --zstd-window 1GiB long.jsonl.zst

# what other programs write and JSON does not have; numbers that nobody asks for
echo '{"text":"a","n":1e400,"m":NaN,"o":-Infinity}' >nan.jsonl
"$BIN/fetch" --cat nan.jsonl 2>err && exit 1
expect '{"text":"a","id":"nan.jsonl:1","domain":"other"}' --accept-nan nan.jsonl
grep -q 'warning: 1 document was taken only as' err
echo '{"text":"a \ud83d b","n":-1e999}' >half.jsonl
"$BIN/fetch" --cat half.jsonl 2>err && exit 1
expect '{"text":"a � b","id":"half.jsonl:1","domain":"other"}' --replace-surrogates half.jsonl

# those that are asked for are written as they stand
echo '{"a":1e400,"b":-123456789012345678901234567890,"c":[1E-5,2E999],"d":{"e":1e309}}' >huge.jsonl
expect '{"text":"1e400 -123456789012345678901234567890 1e-05+2E999 1e309","id":"huge.jsonl:1","domain":"other"}' huge.jsonl --text '{a} {b} {c} {d.e}' --join +
expect '{"text":"NaN/-Infinity/1e400","id":"nan.jsonl:1","domain":"other"}' --accept-nan nan.jsonl --text '{m}/{o}/{n}'
expect '{"text":"a � b -1e999","id":"half.jsonl:1","domain":"other"}' --replace-surrogates half.jsonl --text '{text} {n}'

# endings in capitals; names that promise a compression that is not read, whatever the bytes; UTF-16
cp d.jsonl.gz CAPITALS.JSONL.GZ; cp d.jsonl.zst Mixed.Jsonl.Zst
expect "${want//d.jsonl:/CAPITALS.JSONL.GZ:}
${want//d.jsonl:/Mixed.Jsonl.Zst:}" CAPITALS.JSONL.GZ Mixed.Jsonl.Zst
fails() { if "$BIN/fetch" --cat "${@:2}" >/dev/null 2>err || ! grep -qF -e "$1" err; then echo "no '$1' in"; cat err; exit 1; fi; }
mkdir unread
for end in br lzma Z; do echo 'few bytes' >"unread/a.jsonl.$end"; fails "unread/a.jsonl.$end: its compression is not read" "unread/a.jsonl.$end"; done
fails 'left out: 3 binary files (NUL in them, or a compression that is not read)' unread
fails 'nothing was read' unread
tar cf unread.tar unread; fails 'left out: 3 binary files' unread.tar
echo 'text' >unread/notes.Z; expect '{"text":"text\n","id":"unread/notes.Z","domain":"other"}' unread    # no document by its name
printf '\377\376{\0}\0\n\0' >wide.jsonl; fails 'wide.jsonl:1: byte 0: UTF-16, as its byte order mark says' wide.jsonl
cp wide.jsonl wide.txt; fails 'wide.txt: offset 3: UTF-16' wide.txt

# a .json file: an array, an object over several lines, or one object after the other
printf ' [\n {"text": "a ]}\\"", "x": [{}]},\n{"text": "b"}\n]\n' >a.json
expect '{"text":"a ]}\"","id":"a.json:2","domain":"other"}
{"text":"b","id":"a.json:3","domain":"other"}' a.json
printf '{\n"text":\n"a"\n}\n{"text": "b"}\n[]' >b.json
expect '{"text":"a","id":"b.json:1","domain":"other"}
{"text":"b","id":"b.json:5","domain":"other"}' b.json

# fields
echo '{"text": "t", "story": "s", "question": "q", "answer": "a"}' >f.jsonl
expect '{"text":"s","id":"f.jsonl:1","domain":"other"}' f.jsonl --text-field story
echo '{"question": "q", "answer": "a"}' >q.jsonl
expect '{"text":"q\na","id":"q.jsonl:1","domain":"other"}' q.jsonl


# templates, nested fields, lists; the same words for JSON and Parquet
echo '{"q": "1+1", "n": 2, "r": 0.5, "b": true, "none": null, "m": {"t": "deep"}, "l": [{"c": "x"}, {"c": null}, {}, {"c": 7}]}' >m.jsonl
text() { "$BIN/fetch" --cat "$@" 2>err | sed 's/^{"text":"\(.*\)","id":.*/\1/'; }
[ "$(text m.jsonl --text '{q} =\t{n}\n{{{r}}} {b}{none} \\ {m.t}')" = '1+1 =\t2\n{0.5} true \\ deep' ]
[ "$(text m.jsonl --column m.t)" = deep ]
[ "$(text m.jsonl --column l.c --join ', ')" = 'x, 7' ]
[ "$(text m.jsonl --text '<{none}>')" = '' ]
grep -q 'left out: 1 empty document' err
for bad in '{q' 'q}' '{}' '\q' 'q'; do
    code=0
    "$BIN/fetch" --cat --text "$bad" m.jsonl >out 2>err || code=$?
    [ "$code" = 2 ] && grep -q "^fetch: --text: '" err || { echo "--text '$bad': exit $code"; cat err; exit 1; }
done
expect_error() { "$BIN/fetch" --cat "${@:2}" >out 2>err && exit 1; grep -qF -- "$1" err || { cat err; exit 1; }; }
expect_error 'no "zzz" field (the object has: q, n,' --text '{zzz}' m.jsonl
expect_error 'field "l.c" is an array, and nothing is said to join its elements with' --text '{l.c}' m.jsonl
expect_error 'field "m" is an object, not a text' --text '{m}' m.jsonl

# Parquet: a row each; ids and templates; in directories
golden=$ROOT/tests/golden/parquet
cp "$golden"/*.parquet .
expect '{"text":"one","id":"0","domain":"other"}
{"text":"quatre é","id":"3","domain":"other"}
{"text":"五","id":"4","domain":"other"}
{"text":"one","id":"5","domain":"other"}
{"text":"six\u0000six","id":"6","domain":"other"}
{"text":"one more","id":"8","domain":"other"}
{"text":"the end","id":"9","domain":"other"}' dictionary-v1-snappy.parquet
grep -q 'left out: 3 empty documents' err
expect '{"text":"true 0.1","id":"numbers-lz4.parquet:1","domain":"math"}
{"text":" 1e+300","id":"numbers-lz4.parquet:2","domain":"math"}' numbers-lz4.parquet --text '{flag} {f64}' --domain math --limit 2
[ "$(text nested-brotli.parquet --text '{conversations.content}; {deep}' --join '\n')" = 'hi\nho; a\nb\nc
q; d' ]
# lists: the inside once for each element; a null list or field is nothing, a list within an element is joined
list='{#conversations}<{role}> {content}\n{/conversations}'
[ "$(text nested-brotli.parquet --text "$list")" = '<user> hi\n<bot> ho\n
<> q\n
<user> \n' ]
[ "$(text nested-brotli.parquet --text '{meta.title}:{#conversations}{content},{/conversations}')" = 't:hi,ho,
:q,' ]
[ "$(text nested-brotli.parquet --text '{#conversations}{role}{/conversations}/{conversations.role}' --join +)" = 'userbot/user+bot
user/user' ]
fails 'no "conversations.from" column' nested-brotli.parquet --text '{#conversations}{from}{/conversations}'
fails '"meta" is no list of groups' nested-brotli.parquet --text '{#meta}{title}{/meta}'
fails '"conversations" names no field' nested-brotli.parquet --text '{#conversations}x{/conversations}{choices}' --join +
mkdir pq && cp "$golden"/{plain-v1,fallback-v2-zstd}.parquet pq
[ "$("$BIN/fetch" --cat pq 2>err | wc -l)" = 87 ]
"$BIN/fetch" --quiet -o made pq/plain-v1.parquet >out
[ "$(cat out)" = made/plain-v1.jsonl.zst ] && [ "$(zstd -dc made/plain-v1.jsonl.zst | wc -l)" = 7 ]
"$BIN/fetch" --inspect nested-brotli.parquet >out
grep -q '^nested-brotli.parquet: 5 rows in 2 row groups, 5 columns, ' out
grep -q '^conversations.content  *list of BYTE_ARRAY STRING, nullable  *BROTLI ' out
"$BIN/fetch" --inspect --json nested-brotli.parquet >out
for want in '"rows":5,' '"row_groups":[{"rows":3,' '"path":"conversations.list.element.content","type":"BYTE_ARRAY",' '"codecs":["BROTLI"]'; do
    grep -qF "$want" out || { echo "no $want in"; cat out; exit 1; }
done

# tables, when asked for: a row a document, quotes that hold separators, quotes and line ends; else text
printf '\xef\xbb\xbftext,"a ""b""",id\r\n"one, ""two""\nthree\\",x,7\r\n\r\nplain,"",\n"end",y,"z"' >t.csv
expect '{"text":"one, \"two\"\nthree\\","id":"7","domain":"other"}
{"text":"plain","id":"","domain":"other"}
{"text":"end","id":"z","domain":"other"}' --csv t.csv
expect '{"text":"x/7","id":"7","domain":"other"}
{"text":"/","id":"","domain":"other"}
{"text":"y/z","id":"z","domain":"other"}' --csv --text '{a "b"}/{id}' t.csv
[ "$("$BIN/fetch" --cat t.csv | wc -l)" = 1 ]
printf 'body\ttext\n1\t"a\tb"\n' | gzip >t.tsv.gz
expect '{"text":"a\tb","id":"t.tsv.gz:2","domain":"other"}' --csv t.tsv.gz
{ echo text,n; for i in $(seq 20000); do echo "\"row $i, \"\"quoted\"\" of a table\",$i"; done; } >long.csv
[ "$("$BIN/fetch" --cat --csv long.csv | md5sum)" = \
  "$(for i in $(seq 20000); do echo "{\"text\":\"row $i, \\\"quoted\\\" of a table\",\"id\":\"long.csv:$((i + 1))\",\"domain\":\"other\"}"; done | md5sum)" ]
for bad in 'text,n\na\n:2: byte 0: 1 fields, and the header has 2' 'text\n"a\n:2: byte 0: truncated: the file ends within quotes' \
           'body\na\n:2: byte 0: no text'; do
    # shellcheck disable=SC2059
    printf "${bad%%:*}" >bad.csv
    "$BIN/fetch" --cat --csv bad.csv >out 2>err && exit 1
    grep -qF "bad.csv:${bad#*:}" err || { cat err; exit 1; }
done

# names of files from a file or standard input
printf 'd.jsonl.gz\n\nx y.jsonl' >list
echo '{"text":"from a list"}' >'x y.jsonl'
expect "$(echo '{"text":"from a list","id":"f","domain":"other"}' | sed 's/"f"/"x y.jsonl:1"/')" --files-from <(tail -n 1 list)
[ "$("$BIN/fetch" --cat 'x y.jsonl' --files-from - <list 2>err | wc -l)" = 4 ]
printf '\357\273\277x y.jsonl\r\n\r\nx y.jsonl\r\n' >windows
[ "$("$BIN/fetch" --cat --files-from windows | wc -l)" = 2 ]
printf 'x y.jsonl\n\n-\n' >dash
"$BIN/fetch" --cat --files-from - <dash >out 2>err && exit 1
grep -q 'line 3: -, but standard input is this list' err
printf 'x y.jsonl\0' >zero
"$BIN/fetch" --cat --files-from zero >out 2>err && exit 1
grep -q 'line 1: a NUL byte: names are one a line' err
"$BIN/fetch" --cat --files-from - </dev/null >out 2>err && exit 1
grep -q 'it names no files' err

# text: the whole file, to the byte; .txt is split at separators; what is not UTF-8 is replaced and counted
printf '\tint x;\r\n\n' >x.c
expect '{"text":"\tint x;\r\n\n","id":"x.c","domain":"other"}' x.c
printf 'one\n<|endoftext|>\n\ntwo\nlines <|endoftext|>\n<|endoftext|>\r\n<|endoftext|>\nthree\n<|endoftext|>' >s.txt
expect '{"text":"one","id":"s.txt","domain":"other"}
{"text":"two\nlines <|endoftext|>","id":"s.txt#2","domain":"other"}
{"text":"three","id":"s.txt#4","domain":"other"}' s.txt
printf 'a\xff\xc3\xa9\xed\xa0\x80' >l.md
expect '{"text":"a�é���","id":"l.md","domain":"other"}' l.md
grep -q 'warning: .*4 bytes that are not UTF-8' err

# directories: sorted, without hidden files, links and binaries; globs of names and of paths
mkdir -p t/b/c t/a t/.hidden
for f in t/b.py t/b/z.py t/b/c/y.py t/b/a.txt t/a/1.py t/.hidden/h.py t/.x.py; do echo "$f" >"$f"; done
printf 'a\0b' >t/core
: >t/none.py
ln -s ../.. t/a/up
ln -s 1.py t/a/2.py
ids() { "$BIN/fetch" --cat "$@" 2>err | sed 's/.*"id":"\([^"]*\)".*/\1/' | tr '\n' ' '; }
[ "$(ids t)" = "t/a/1.py t/b/a.txt t/b/c/y.py t/b/z.py t/b.py " ]
for what in '1 empty document' '1 binary file' '2 symbolic links'; do grep -q "left out: $what" err; done
[ "$(ids t/ --glob '*.py')" = "t/a/1.py t/b/c/y.py t/b/z.py t/b.py " ]
[ "$(ids t --glob 'b/*.py' --glob '*.txt')" = "t/b/a.txt t/b/c/y.py t/b/z.py " ]
[ "$(ids t/a t/b.py)" = "t/a/1.py t/b.py " ]

# limits: of documents, and of bytes of text
yes '{"text": "0123456789"}' | head -n 1000 >n.jsonl
lines() { "$BIN/fetch" --cat "$@" | wc -l; }
[ "$(lines n.jsonl --limit 7)" = 7 ]
[ "$(lines n.jsonl n.jsonl --limit 1500)" = 1500 ]
[ "$(lines n.jsonl --limit 101B)" = 11 ]
[ "$(lines n.jsonl --limit 1KB)" = 100 ]
[ "$(lines n.jsonl --limit 0)" = 0 ]

# what was written is read back the same
[ -n "$DATA" ] || exit 0
"$BIN/fetch" --cat "$DATA/ml.train.jsonl.zst" >one
"$BIN/fetch" --cat - <one >two
cmp one two
[ "$(wc -l <one)" = "$(zstd -dc "$DATA/ml.train.jsonl.zst" | wc -l)" ]
