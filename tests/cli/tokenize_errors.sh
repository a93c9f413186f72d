# Errors are named: file, place, reason; exit 1 (2 for misuse), and no file is left.
set -euo pipefail
tokenize="$BIN/tokenize"
"$BIN/fetch" --quiet --cat demo:language --limit 200KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 600 -o tok.json docs.jsonl
"$tokenize" train -q -n 500 -o other.json docs.jsonl
"$tokenize" -q -t tok.json <docs.jsonl >good.tok

# expect CODE PATTERN COMMAND...: exit code, and a pattern of the message
expect() {
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >out 2>err || got=$?
    if [ $got != "$want" ] || ! grep -qE "$pattern" err; then
        echo "exit $got, not $want with '$pattern': $*"; cat err; exit 1
    fi
}
decode() { "$tokenize" decode -t tok.json; }

# the tokenizer
expect 2 'which tokenizer' "$tokenize" docs.jsonl
expect 1 'missing.json: No such file' "$tokenize" -t missing.json docs.jsonl
: >empty.json; expect 1 'empty.json: empty' "$tokenize" -t empty.json docs.jsonl
head -c 5000 tok.json >cut.json; expect 1 'cut.json: offset [0-9]+: ' "$tokenize" -t cut.json docs.jsonl
sed 's/"BPE"/"Unigram"/' tok.json >u.json; expect 1 'u.json: model.type' "$tokenize" -t u.json docs.jsonl

# documents: bad ones end the run, and the stream has no end record
{ head -3 docs.jsonl; echo '{"text": 7'; } >bad.jsonl
expect 1 'bad.jsonl.*4' "$tokenize" -t tok.json -o bad.tok bad.jsonl
[ ! -e bad.tok ]; [ -z "$(find . -name '*partial*')" ]
expect 1 'bad.jsonl.*4' "$tokenize" train -n 600 -o bad.json bad.jsonl
[ ! -e bad.json ]
"$tokenize" -q -t tok.json <bad.jsonl >bad.tok 2>/dev/null && exit 1
expect 1 'stdin: offset [0-9]+: truncated token stream' decode <bad.tok
expect 1 'nowhere/x.json.*No such file' "$tokenize" train -n 600 -o nowhere/x.json docs.jsonl
mkdir there; expect 1 'there: is a directory' "$tokenize" -t tok.json -o there docs.jsonl; rmdir there
[ -z "$(find . -name '*partial*')" ]
expect 1 'nothing to learn' "$tokenize" train -n 600 -o x.json /dev/null

# misuse
expect 2 '288' "$tokenize" train -n 287 -o x.json docs.jsonl
expect 2 'where to' "$tokenize" train -n 600 docs.jsonl
expect 2 'domain' "$tokenize" -t tok.json --domain verse docs.jsonl
expect 2 'ring' "$tokenize" -t tok.json --ids -o ring:x docs.jsonl
expect 2 '' "$tokenize" -t tok.json -j 1x docs.jsonl
if command -v script >/dev/null; then
    script -qec "'$tokenize' -t tok.json docs.jsonl" /dev/null >out </dev/null || true
    grep -q 'binary' out
    [ "$(wc -c <out)" -lt 1000 ]
fi

# full disk
if [ -w /dev/full ]; then
    expect 1 'No space' "$tokenize" -t tok.json -o /dev/full docs.jsonl
    expect 1 'No space' "$tokenize" -t tok.json --ids -o /dev/full docs.jsonl
    expect 1 'No space' sh -c "'$tokenize' -t tok.json docs.jsonl >/dev/full"
    expect 1 'No space' sh -c "'$tokenize' train -n 300 -o - docs.jsonl >/dev/full"
fi

# damaged streams: cut anywhere, or with bytes changed (dd writes $2 at offset $1)
patched() { cp good.tok p.tok; printf "$2" | dd of=p.tok bs=1 seek="$1" conv=notrunc status=none; }
size=$(wc -c <good.tok)
for n in 0 1 7 8 127 128 129 151 152 153 1000 $((size / 2)) $((size - 24)) $((size - 1)); do
    head -c "$n" good.tok >p.tok
    [ "$n" = 0 ] && { decode <p.tok | cmp - /dev/null; continue; }      # no ids at all: no documents
    expect 1 'stdin: offset [0-9]+: (truncated token stream)' decode <p.tok
done
patched 1 X;            expect 1 'offset 0: not a token stream' decode <p.tok
patched 8 '\1';         expect 1 'offset 0: token stream of another version' decode <p.tok
patched 17 '\377';      expect 1 'offset 0: .*checksum' decode <p.tok
patched 131 '\1';       expect 1 'offset 128: malformed' decode <p.tok      # 16M tokens
patched 132 '\100';     expect 1 'offset 128: malformed' decode <p.tok      # domain 64
patched 133 '\2';       expect 1 'offset 128: malformed' decode <p.tok      # unknown flag
patched 134 '\1';       expect 1 'offset 128: malformed' decode <p.tok
patched 143 '\1';       expect 1 'offset 128: malformed' decode <p.tok      # text bytes
patched 153 '\377';     expect 1 'offset 128: .*vocab_size' decode <p.tok
patched 132 "\\377$(printf '\\0%.0s' {1..19})"; expect 1 'number of documents' decode <p.tok
patched $((size - 8)) '\1'; expect 1 "offset $((size - 24)): malformed" decode <p.tok      # a hash in the end record
patched $((size - 24)) '\1'; expect 1 "offset $((size - 24)): .*number of documents" decode <p.tok
{ cat good.tok; printf x; } >p.tok; expect 1 "offset $size: more after" decode <p.tok
"$tokenize" decode -q -t tok.json <good.tok >/dev/null
expect 1 'another tokenizer' "$tokenize" decode -t other.json -i good.tok

# arrays of ids
for a in '[1,2' '[1,]' '[,1]' '[1 2]' '[600]' '[-1]' '[1.5]' '{"a":1}' '[99999999999999999999999]' '1' '[[1]]' '["1"]'; do
    expect 1 'stdin: line [23], column [0-9]+: ' decode <<<"[1]
$a"
done
expect 1 'missing.tok: No such file' "$tokenize" decode -t tok.json -i missing.tok
