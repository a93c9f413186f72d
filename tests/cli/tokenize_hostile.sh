# Hostile files given to tokenize: refused with file and reason, within a second of processor time and 800 MB of address space.
set -euo pipefail
tokenize="$BIN/tokenize"
limits() { ulimit -t 1; ulimit -v 800000; }
case $BIN in */asan/*|*/tsan/*) limits() { :; } ;; esac
# refused PATTERN COMMAND...
refused() {
    local pattern=$1 got=0; shift
    (limits; exec "$@") >out 2>err </dev/null || got=$?
    if [ $got != 1 ] || ! grep -qE -e "$pattern" err || [ "$(wc -c <err)" -gt 2000 ]; then
        echo "exit $got, not 1 with '$pattern': $*"; head -c 2000 err; exit 1
    fi
}
load() { refused "^tokenize: $1: $2" "$tokenize" -t "$1" --ids text.md; }
repeat() { awk -v n="$1" -v s="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", s }'; }
echo some text >text.md

# tokenizer.json: nesting, sizes, numbers, bytes
{ printf '{"a":'; repeat 1000000 '['; } >deep.json;                     load deep.json 'offset 2053: maximum parsing depth'
repeat 1000000 '{"a":' >deep2.json;                                     load deep2.json 'offset [0-9]+: maximum parsing depth'
repeat 1000000 '[' >deep3.json;                                         load deep3.json 'offset 0: not a JSON object'
{ printf '{"a":['; repeat 4300000 '1,'; printf '1]}'; } >values.json;   load values.json 'more than 4194304 values'
{ printf '{"a":"'; head -c 10000000 /dev/zero | tr '\0' x; printf '"}'; } >string.json; load string.json 'model.type'
{ printf '{"a":'; head -c 10000000 /dev/zero | tr '\0' 7; printf '}'; } >number.json;   load number.json 'offset [0-9]+: too big integer'
{ printf '{"a":'; head -c 10000000 /dev/zero | tr '\0' ' '; printf '1'; } >space.json;  load space.json 'offset [0-9]+: '
{ printf '{'; awk 'BEGIN { for (i = 0; i < 300000; i++) printf "\"k%d\":1,", i }'; printf '"k7":1}'; } >keys.json
load keys.json 'offset [0-9]+: duplicate object key'
truncate -s 9M zeros.json;                                             load zeros.json 'offset [01]: '
truncate -s 10G huge.json;                                              load huge.json 'larger than 32 MiB'
printf '{"a":"b\0c"}' >nul.json;                                        load nul.json 'offset 7: control character'
printf '{"a\\u0000":1}' >nul2.json;                                     load nul2.json 'offset [0-9]+: NUL byte'
printf '{"a":"\xff"}' >utf8.json;                                       load utf8.json 'offset [0-9]+: unable to decode byte 0xff'
printf '{"a":"\xed\xa0\x80"}' >surrogate.json;                          load surrogate.json 'offset [0-9]+: unable to decode'
printf '{"a":1,"a":2}' >twice.json;                                     load twice.json 'offset [0-9]+: duplicate object key'

# the same of a good file that was changed
echo '{"text":"the cat sat on the mat, the rat sat on the cat"}' >docs.jsonl
"$tokenize" train -q -n 300 -o tok.json docs.jsonl
"$tokenize" -q -t tok.json --ids text.md >/dev/null
change() { sed "$1" tok.json >c.json; cmp -s c.json tok.json && { echo "'$1' changes nothing"; exit 1; }; load c.json "$2"; }
change 's/"A": 65,/"A": 99999999999999999999,/' 'offset [0-9]+: too big integer'
change 's/"A": 65,/"A": 1e3,/' 'model.vocab: id of "A" is not a whole number'
change 's/"A": 65,/"A": 1048576,/' 'model.vocab: id 1048576 of "A" is out of range'
change 's/"A": 65,/"A": -1,/' 'model.vocab: id -1 of "A" is out of range'
change 's/"A": 65,/"A": 66,/' 'model.vocab: id 66 is used twice'
change 's/"A": 65,/"\\u4e2d": 65,/' 'no token for byte 0x41'
change '/"A": 65,/d' 'no token for byte 0x41'
change 's/"merges": \[/"mergers": [/' 'model.merges: missing'
change 's/"merges": \[/"merges": ["A Z",/' 'model.merges\[0\]: it makes "AZ", which is not'
change 's/"merges": \[/"merges": [["A"],/' 'model.merges\[0\]: not a pair'
change 's/"merges": \[/"merges": ["AZ",/' 'model.merges\[0\]: not a pair'
change 's/"merges": \[/"merges": ["\\u4e2d \\u4e2d",/' 'model.merges\[0\]: ".*" is not in the vocabulary'
{ sed '/"merges": \[/q' tok.json; repeat 2100000 '"a b",'; echo '"a b"]}}'; } >c.json;      load c.json 'model.merges: more than 2097152'
long=$(head -c 70000 /dev/zero | tr '\0' A)
echo "s/\"A\": 65,/\"A\": 65, \"$long\": 290,/" >long.sed
sed -f long.sed tok.json >c.json;                                       load c.json 'id 290: token of 70000 bytes'

# .tiktoken and .model
convert() { refused "^tokenize: $1: $2" "$tokenize" convert --pattern gpt2 -o x.json "$1"; }
truncate -s 10G huge.tiktoken;                                          convert huge.tiktoken '10737418240 bytes, more than'
truncate -s 9M zeros.tiktoken;                                         convert zeros.tiktoken 'line 1: not a token'
repeat 1000000 'QQ==' >line.tiktoken;                                   convert line.tiktoken 'line 1: not a token'
awk 'BEGIN { for (i = 0; i < 1000000; i++) print "QQ== " i }' >same.tiktoken; convert same.tiktoken 'ranks 0 and 1 are the same'
model() { refused "^tokenize: $1: $2" "$tokenize" convert -o x.json "$1"; }
{ printf '\n\xff\xff\xff\x7f'; head -c 5000000 /dev/zero; } >lie.model; model lie.model 'offset [0-9]+: .*malformed'
{ printf '\n\1\1'; repeat 2000000 "$(printf '\n\1')"; } >empty.model;     model empty.model 'offset [0-9]+: '
awk 'BEGIN { for (i = 0; i < 1500000; i++) printf "\n\t\n\7p%06x", i % 1048576 }' >many.model; model many.model 'offset [0-9]+: more than 1048576 pieces'
[ ! -e x.json ]
