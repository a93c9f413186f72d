# Documents in archives, in WARC files, and in HTML and Markdown: what is in them, and what is not lost.
set -euo pipefail
python3 - <<'PY'
import gzip, io, os, tarfile, zipfile, zlib
files = {'a/one.jsonl': b'{"text":"first"}\n{"text":"second"}\n', 'a/two.txt': b'a text\n', 'b/three.jsonl.gz': gzip.compress(b'{"text":"packed"}\n'),
         '.hidden.txt': b'no', 'b/.h/x.txt': b'no', './c.json': b'[{"text":"in an array"}]'}
def tar(path, mode):
    with tarfile.open(path, mode) as t:
        d = tarfile.TarInfo('a'); d.type = tarfile.DIRTYPE; t.addfile(d)
        for name, data in files.items():
            i = tarfile.TarInfo(name); i.size = len(data); t.addfile(i, io.BytesIO(data))
        l = tarfile.TarInfo('link.txt'); l.type = tarfile.SYMTYPE; l.linkname = '/etc/passwd'; t.addfile(l)
tar('x.tar', 'w'); tar('x.tar.gz', 'w:gz'); tar('x.tgz', 'w:gz'); tar('x.tar.xz', 'w:xz'); tar('x.tar.bz2', 'w:bz2')
with zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_DEFLATED) as z:
    for name, data in files.items(): z.writestr(name, data)
with tarfile.open('binary.tar', 'w') as t:
    i = tarfile.TarInfo('x.bin'); i.size = 3; t.addfile(i, io.BytesIO(b'a\0b'))
def record(kind, uri, body, **more):
    head = f'WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nContent-Length: {len(body)}\r\n'
    return head.encode() + b''.join(f'{k}: {v}\r\n'.encode() for k, v in more.items()) + b'\r\n' + body + b'\r\n\r\n'
http = lambda status, kind, body, extra='': f'HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{extra}\r\n'.encode() + body
page = b'<html><head><title>no</title><script>no()</script></head><body><h1>Title</h1><p>One\n <b>bold</b>   text.<p>Two &amp; three<table><tr><td>a<td>b</table><pre>x  y\nz</pre></body></html>'
warc = [record('warcinfo', '', b'software: x'), record('response', 'http://a/1', http('200 OK', 'text/html; charset=utf-8', page)),
        record('response', 'http://a/2', http('404 Not Found', 'text/html', page)), record('response', 'http://a/3', http('200 OK', 'text/plain', b'plain page')),
        record('response', 'http://a/4', http('200 OK', 'image/png', b'\x89PNG\0')), record('request', 'http://a/1', b'GET / HTTP/1.1\r\n\r\n'),
        record('response', 'http://a/5', http('200 OK', 'text/html', b'x', 'Transfer-Encoding: chunked\r\n'))]
open('p.warc', 'wb').write(b''.join(warc))
open('p.warc.gz', 'wb').write(b''.join(gzip.compress(r) for r in warc))
open('t.warc.wet.gz', 'wb').write(gzip.compress(record('conversion', 'http://b/1', 'Ein Text über etwas\n'.encode())))
fine = lambda i, kind, body: record('response', f'http://c/{i}', http('200 OK', kind, body))
ru, ja, meta = 'Привет, мир', '日本語のテキスト', b'<meta charset="iso-8859-1">'
open('charset.warc', 'wb').write(b''.join([
    fine(1, 'text/html; charset=windows-1251', meta + b'<p>' + ru.encode('cp1251')), fine(2, 'text/plain;Charset="Shift_JIS"', ja.encode('cp932')),
    fine(3, 'text/plain; format=flowed; charset=ISO-8859-1', b'\x93caf\xe9\x94'), fine(4, 'text/html;charset=utf-8', meta + b'<p>' + ja.encode()),
    fine(5, 'text/html; charset=windows-1251', b'\xff\xfe' + ('<p>' + ru).encode('utf-16-le')), fine(6, 'text/html', meta + b'<p>caf\xe9'),
    fine(7, 'text/plain; charset=gb2312', '中文𠮷'.encode('gb18030') + b'\xff!\x81'), fine(8, 'text/html; charset=', meta + b'<p>caf\xe9'),
    fine(9, 'text/plain; charset=koi8-r', ru.encode('koi8-r') * 3000)]))
open('odd.warc', 'wb').write(b''.join([fine(1, 'text/html; charset=no-such', b'<p>x'), fine(2, 'text/plain; charset=UTF-16//IGNORE', b'xy'),
    fine(3, 'text/plain; charset=../../tmp/x', b'x'), fine(4, 'text/plain; charset=' + 'x' * 99, b'x'), fine(5, 'text/plain', b'good')]))
open('nul.warc', 'wb').write(b''.join([record('conversion', 'http://n/1', b'a\0b'), record('response', 'http://n/2', http('200 OK', 'text/plain', b'a\0b')),
                                      record('response', 'http://n/3', http('200 OK', 'text/html', b'<p>a\0b')), record('conversion', 'http://n/4', b'good')]))
os.mkdir('nuls')
for name, data in ('a.html', b'<p>a</p>\0<p>b</p>'), ('b.md', b'# a\0b\n'), ('c.html', '<p>wide \u00fc'.encode('utf-16')): open('nuls/' + name, 'wb').write(data)
open('page.html', 'wb').write(page)
open('page.md', 'w').write('# Head\n\nSome *emphasis* and [a link](http://x).\n\n- one\n- two\n')
open('chat.jsonl', 'w').write('{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}]}\n{"messages":[]}\n'
                              '{"messages":[{"role":"user"}]}\n{"messages":"x"}\n{"meta":{"turns":[{"from":"human","value":3}]}}\n')
for name in 'x.tar', 'x.zip', 'p.warc':
    b = open(name, 'rb').read()
    open('cut-' + name, 'wb').write(b[:len(b) // 2])
b = open('x.tar', 'rb').read()
open('noend.tar', 'wb').write(b[:b.index(b'link.txt')])       # cut between two members
PY
texts() { "$BIN/fetch" --quiet --cat "$@" | sed 's/^{"text":"\(.*\)","id":"\([^"]*\)".*/\2 \1/'; }
# fails PATTERN SOURCE...
fails() {
    local code=0 pattern=$1
    shift
    "$BIN/fetch" --quiet --cat "$@" >out 2>err || code=$?
    [ $code -ge 1 ] && [ $code -le 2 ] && grep -qE "$pattern" err || { echo "exit $code for $*"; cat err; exit 1; }
}

for archive in x.tar x.tar.gz x.tgz x.tar.xz x.tar.bz2 x.zip; do
    texts "$archive" >got
    diff - got <<EOF
$archive/a/one.jsonl:1 first
$archive/a/one.jsonl:2 second
$archive/a/two.txt a text\n
$archive/b/three.jsonl.gz:1 packed
$archive/./c.json:1 in an array
EOF
done
[ "$(texts x.tar --glob '*.jsonl' | wc -l)" = 2 ]
[ "$(texts x.tar --glob 'a/*' | wc -l)" = 3 ]
mkdir d; cp x.tar x.zip d; echo loose >d/loose.txt
[ "$(texts d | wc -l)" = 11 ]
[ "$("$BIN/tokenize" train -q -n 300 -o tok.json x.tar x.zip; "$BIN/tokenize" -q -t tok.json x.tar | "$BIN/tokenize" decode -q -t tok.json | wc -l)" = 5 ]
fails 'cut-x.tar: offset [0-9]*: .*[Tt]runcated' cut-x.tar
fails 'cut-x.zip: offset [0-9]*: ' cut-x.zip
fails 'noend.tar: offset [0-9]*: truncated: the archive has no end mark' noend.tar
fails 'nothing was read' binary.tar

# a name cannot command the terminal that shows it, nor forge a message; as an id it stays as it is
python3 - <<'PY'
import io, tarfile
name = 'a\033[31m\u009b2J\nfetch: b'
for path, end, data in ('good.tar', '.txt', b'text'), ('odd.tar', '.jsonl', b'{'):
    with tarfile.open(path, 'w') as t:
        i = tarfile.TarInfo(name + end); i.size = len(data); t.addfile(i, io.BytesIO(data))
PY
fails '^fetch: odd.tar/a\?\[31m\?\?2J\?fetch: b.jsonl:1: byte' odd.tar
"$BIN/fetch" --quiet --cat good.tar | python3 -c "import json; assert json.loads(input())['id'] == 'good.tar/a\033[31m\u009b2J\nfetch: b.txt'"

# no archive makes fetch start a program
mkdir programs
for program in lrzip grzip lzop; do printf '#!/bin/sh\ntouch "%s/started"\n' "$PWD" >"programs/$program"; done
chmod +x programs/*
for magic in 'LRZI\0\6' 'GRZipII\0\2\4:)' '\211LZO\0\r\n\032\n'; do
    { printf '%b' "$magic"; head -c 2000 /dev/zero; } >program.tar
    PATH=$PWD/programs:$PATH fails 'program.tar: offset [0-9]*: Unrecognized archive format' program.tar
done
[ ! -e started ]

texts p.warc --plain-text >got
diff - got <<'EOF'
http://a/1 Title\n\nOne bold text.\n\nTwo & three\n\na\tb\n\nx  y\nz\n
http://a/3 plain page
EOF
texts p.warc.gz --plain-text | cmp - got
# the charset of a page: its byte order mark, the HTTP head, what the page says itself; what is unknown is a bad document
texts charset.warc --plain-text | sed '$d' >got
diff - got <<'EOF'
http://c/1 Привет, мир\n
http://c/2 日本語のテキスト
http://c/3 “café”
http://c/4 日本語のテキスト\n
http://c/5 Привет, мир\n
http://c/6 café\n
http://c/7 中文𠮷�!�
http://c/8 café\n
EOF
[ "$(texts charset.warc --plain-text | sed -n '$p' | grep -o 'Привет' | wc -l)" = 3000 ]
fails 'odd.warc:1: byte [0-9]*: a page whose charset, "no-such", is unknown' odd.warc --plain-text
[ "$(texts odd.warc --plain-text --skip-bad)" = 'http://c/5 good' ]
"$BIN/fetch" --cat --skip-bad --verbose odd.warc --plain-text 2>err >/dev/null
grep -q 'charset, "UTF-16??IGNORE", is unknown' err && grep -q 'left out: 4 bad documents' err
"$BIN/fetch" --sandbox --quiet --cat charset.warc --plain-text | cmp - <("$BIN/fetch" --quiet --cat charset.warc --plain-text)
texts t.warc.wet.gz | grep -qx 'http://b/1 Ein Text über etwas\\n'
"$BIN/fetch" --cat p.warc --plain-text 2>&1 >/dev/null | grep -q '1 web page'
fails 'its records are HTML: --plain-text' p.warc
fails 'cut-p.warc: offset [0-9]*: truncated' cut-p.warc --plain-text
printf 'WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n' >big.warc
fails 'big.warc: offset 0: a record of 99999999999 bytes' big.warc
printf 'WARC/1.0\r\nContent-Length: -1\r\n\r\n' >bad.warc
fails 'bad.warc: offset 0: no head of a WARC record' bad.warc
printf 'hello' >no.warc
fails 'no.warc: offset 0: no head of a WARC record' no.warc

texts page.html --plain-text | grep -qx 'page.html Title\\n\\nOne bold text.\\n\\nTwo & three\\n\\na\\tb\\n\\nx  y\\nz\\n'
texts page.html | grep -q '<html>'
texts page.md --plain-text | grep -qE '^page.md Head\\n\\nSome emphasis and a link.*\\n'
if texts page.md --plain-text | grep -q '\*'; then echo 'Markdown is left'; exit 1; fi
gzip -k page.html
texts page.html.gz --plain-text | grep -q 'One bold text'
# a deep page is read to its end
python3 -c 'print("<div>" * 200000 + "deep" + "<b>" * 100000 + "deeper")' >deep.html
texts deep.html --plain-text | grep -qx 'deep.html deepdeeper\\n'
# markup that is made to take the square of its length in time, or very much memory, is a bad document
python3 - <<'PY'
n = 100000
for name, data in {'tags.html': '<b>' * n + '</i>' * n, 'names.html': '<a ' + ' '.join(f'a{i}=1' for i in range(4 * n)) + '>x', 'few.html': '<a ' + ' '.join(f'a{i}=1' for i in range(5000)) + '>x',
                   'lists.md': '- ' * n + 'x\n', 'marks.md': 'a <?' * n,
                   'cells.md': '|' * n + '\n' + '|-' * n + '\n' + '|x\n' * 5000}.items(): open('slow-' + name, 'w').write(data)
PY
for slow in slow-{tags.html,lists.md,marks.md,cells.md}; do
    fails "$slow:1: byte 0: markup that takes far more time or memory" "$slow" --plain-text
done
[ "$(texts slow-lists.md page.md --plain-text --skip-bad | wc -l)" = 1 ]
(ulimit -t 2; fails 'slow-names.html:1: byte 0: markup' slow-names.html --plain-text) # at once, not after the 4.7 s of its length
texts slow-few.html --plain-text | grep -qx 'slow-few.html x\\n'
# what is too long for one document is converted in pieces, and that is said
python3 -c 'print("<p>hi<script>" + "var x;\n" * 9600000 + "</script><p>end")' >long.html
"$BIN/fetch" --cat long.html --plain-text 2>err | cut -c1-20 >out
[ "$(sed -n 1p out)" = '{"text":"hi\n","id":' ]
grep -q 'long.html: above 64 MiB, so it is converted in pieces' err
rm long.html
# a signal ends a conversion, and the way over much that is left out, for a program that has to commit something
stops() {
    local code=0 began ms
    began=$(date +%s%N)
    timeout --preserve-status 0.3 "$BIN/tokenize" train -q -n 300 -o never.json "$@" 2>err || code=$?
    ms=$((($(date +%s%N) - began) / 1000000))
    [ "$code" = 143 ] && [ ! -s err ] && [ $ms -lt 3000 ] || { echo "exit $code after $ms ms"; cat err; exit 1; }
}
python3 -c 'print("<b>" * 400000 + "</i>" * 400000)' >long-tags.html
stops long-tags.html --plain-text
python3 - <<'PY'
import gzip, tarfile
member = tarfile.TarInfo('.hidden'); n, part = 4000, 32 << 20; member.size = n * part
with open('long.tgz', 'wb') as f:
    f.write(gzip.compress(member.tobuf(tarfile.GNU_FORMAT)))
    zeros = gzip.compress(bytes(part), 6)
    for _ in range(n): f.write(zeros)
    f.write(gzip.compress(bytes(1024)))
PY
stops long.tgz
rm long.tgz
# what holds a NUL is left out, whatever a converter would make of it
[ "$(texts nuls --plain-text)" = 'nuls/c.html wide ü\n' ]
"$BIN/fetch" --cat nuls --plain-text 2>&1 >/dev/null | grep -q 'left out: 2 binary files'
fails 'nuls/a.html: offset 8: binary' nuls/a.html --plain-text
[ "$(texts nul.warc --plain-text)" = 'http://n/4 good' ]
"$BIN/fetch" --cat nul.warc --plain-text 2>&1 >/dev/null | grep -q 'left out: 3 binary files'

chat='{#messages}<{role}> {content}\n{/messages}'
head -n 2 chat.jsonl >good.jsonl
texts good.jsonl --text "$chat" | grep -qx 'good.jsonl:1 <user> Hi\\n<assistant> Yes?\\n'
[ "$(texts good.jsonl --text "$chat" | wc -l)" = 1 ]
sed -n 3p chat.jsonl >missing.jsonl
fails 'missing.jsonl:1: .*content' missing.jsonl --text "$chat"
sed -n 4p chat.jsonl >nolist.jsonl
fails 'field "messages" is no array' nolist.jsonl --text "$chat"
sed -n 5p chat.jsonl >turns.jsonl
texts turns.jsonl --text '{#meta.turns}{from}:{value};{/meta.turns}' | grep -qx 'turns.jsonl:1 human:3;'
for bad in '{#messages}{x}' '{/messages}{x}' '{#a}{#b}{x}{/b}{/a}' '{#}{x}{/}' '{#a}text{/a}' '{#a}{x}{/b}'; do fails 'at character' good.jsonl --text "$bad"; done
