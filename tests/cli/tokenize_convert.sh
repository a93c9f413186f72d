# Vocabularies of other libraries become tokenizer.json; bad ones are named, with place and reason, quickly, and leave nothing.
set -euo pipefail
tokenize="$BIN/tokenize"
expect() {      # CODE PATTERN COMMAND...
    local want=$1 pattern=$2 got=0; shift 2
    "$@" >out 2>err || got=$?
    if [ $got != "$want" ] || ! grep -qE -e "$pattern" err; then
        echo "exit $got, not $want with '$pattern': $*"; cat err; exit 1
    fi
}
convert() { "$tokenize" convert -o x.json "$@"; }

# bytes, then "th" "he" "the" "qqq": the last is made by no merge, and found as a whole piece
bytes() { awk 'BEGIN { a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (b = 0; b < 256; b++) print substr(a, int(b / 4) + 1, 1) substr(a, b % 4 * 16 + 1, 1) "== " b }'; }
{ bytes; printf '%s 256\n%s 257\n%s 258\n\n%s 260\r\n' dGg= aGU= dGhl cXFx; } >small.tiktoken
expect 0 '260 tokens, 1 special ones, 3 merges, pattern gpt2; some tokens' convert --pattern gpt2 --special '<|endoftext|>' small.tiktoken
printf 'the he qqq qqqq thqqq' >t.md
[ "$("$tokenize" -q -t x.json --ids t.md)" = "[258,32,257,32,113,113,113,32,113,113,113,113,32,256,113,113,113]" ]
printf 'qqq the' >q.md
[ "$("$tokenize" -q -t x.json --ids q.md)" = "[260,32,258]" ]
"$tokenize" -q -t x.json q.md | "$tokenize" decode -t x.json --raw | cmp - q.md
"$tokenize" decode -t x.json --special --raw <<<'[261]' | grep -qx '<|endoftext|>'
expect 0 'no token is known to end' "$tokenize" convert -o - --pattern cl100k small.tiktoken
cp out y.json; "$tokenize" -q -t y.json --ids q.md | grep -qx '\[260,32,258\]'
expect 0 '' convert --pattern qwen2 --nfc --special 'a=b=300' --special '<|endoftext|>' small.tiktoken
grep -q '"NFC"' x.json
grep -q '"id": 300, "content": "a=b"' x.json
grep -q '"id": 301, "content": "<|endoftext|>"' x.json

expect 0 'pattern o200k' convert --pattern o200k --special '<|endoftext|>' small.tiktoken
printf "the\314\201 the/\n\nTHEhe'LL" >o.md         # a mark belongs to its letter, and a suffix to its word
[ "$("$tokenize" -q -t x.json --ids o.md)" = "[258,204,129,32,258,47,10,10,84,72,69,257,39,76,76]" ]

# one of the size of GPT-2's: pattern and special token are known
{ bytes; awk 'BEGIN { a = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"; for (i = 256; i < 50256; i++)
    print substr(a, int(i / 4096) % 64 + 1, 1) substr(a, int(i / 64) % 64 + 1, 1) substr(a, i % 64 + 1, 1) "A " i }'; } >gpt2.tiktoken
expect 0 '50256 tokens, 1 special ones, .* pattern gpt2' convert gpt2.tiktoken
grep -q '"id": 50256, "content": "<|endoftext|>"' x.json
expect 0 'pattern cl100k' convert --pattern cl100k gpt2.tiktoken

# what is wrong is said
rm x.json
expect 1 'small.tiktoken: 260 tokens: .*--pattern' convert small.tiktoken
expect 2 'pattern gpt3' convert --pattern gpt3 small.tiktoken
expect 2 'which vocabulary' convert
expect 2 'one vocabulary' convert small.tiktoken small.tiktoken
expect 2 'where to' "$tokenize" convert small.tiktoken
expect 2 'special' convert --pattern gpt2 --special '' small.tiktoken
expect 2 'special' convert --pattern gpt2 --special $'\xff' small.tiktoken
expect 2 'special' convert --pattern gpt2 --special 'x=1048576' small.tiktoken
expect 1 'id 5 is a rank' convert --pattern gpt2 --special 'x=5' small.tiktoken
expect 1 'no tokenizer.json: .*uplicate' convert --pattern gpt2 --special x --special x small.tiktoken
expect 1 'no tokenizer.json: .*uplicate' convert --pattern gpt2 --special the small.tiktoken
expect 1 'gone.tiktoken: No such file' convert gone.tiktoken
: >empty; expect 1 'empty: empty' convert empty
mkdir dir; expect 1 'dir: not a regular file' convert dir
echo "{}" >j.json; expect 1 "j.json: JSON, but no tekken.json" convert j.json
printf '\n\n' >lines.tiktoken; expect 1 'lines.tiktoken: ' convert --pattern gpt2 lines.tiktoken
{ cat small.tiktoken; echo 'AAA@ 300'; } >bad.tiktoken
expect 1 'bad.tiktoken: line 262: the token is not base64' convert --pattern gpt2 bad.tiktoken
head -c 700 small.tiktoken >cut.tiktoken; expect 1 'cut.tiktoken: ' convert --pattern gpt2 cut.tiktoken
truncate -s 40M big.tiktoken; expect 1 'big.tiktoken: 41943040 bytes, more than' convert --pattern gpt2 big.tiktoken
head -c 300000 /dev/zero | tr '\0' A >long.tiktoken; echo ' 1' >>long.tiktoken
expect 1 'long.tiktoken: line 1: a token of more than 65535 bytes' convert --pattern gpt2 long.tiktoken
expect 1 'nowhere/x.json.*No such file' "$tokenize" convert -o nowhere/x.json --pattern gpt2 small.tiktoken
[ -w /dev/full ] && expect 1 'No space' "$tokenize" convert -o /dev/full --pattern gpt2 small.tiktoken

# Mistral's tekken.json: special tokens first, and no more ranks than the vocabulary has
tekken() {      # SIZE SPECIAL [MORE]
    printf '{"config": {"pattern": "[^ ]+| +", "num_vocab_tokens": 260, "default_vocab_size": %d, "default_num_special_tokens": %d, "version": "v3"}%s, "vocab": [' "$1" "$2" "${3-}"
    grep . small.tiktoken | sed '$d' | awk '{ printf "%s{\"rank\": %d, \"token_bytes\": \"%s\", \"token_str\": \"\\u0000\"}", (NR > 1 ? "," : ""), $2, $1 }'
    printf ']}\n'
}
tekken 280 22 >t.json
expect 0 't.json: tekken: 258 tokens, 22 special ones, 2 merges' convert t.json
[ "$("$tokenize" -q -t x.json --ids t.md)" = "[$((256 + 22)),$((101 + 22)),54,$((257 + 22)),54,135,135,135,54,135,135,135,135,54,$((256 + 22)),135,135,135]" ]
[ "$(echo '[2,3,20,21]' | "$tokenize" decode -t x.json --special --raw)" = '</s>[INST]<SPECIAL_20><SPECIAL_21>' ]
tekken 262 3 ', "special_tokens": [{"rank": 0, "token_str": "<a>", "is_control": true}, {"rank": 1, "token_str": "<b>", "is_control": true}]' >t.json
expect 0 't.json: tekken: 259 tokens, 3 special ones, 3 merges' convert t.json
[ "$(echo '[0,1,2,261]' | "$tokenize" decode -t x.json --special --raw)" = '<a><b><SPECIAL_2>the' ]
expect 2 'are for .tiktoken files' convert --nfc t.json
rm x.json
tekken 280 20 >t.json; expect 1 't.json: config: default_vocab_size and default_num_special_tokens do not fit the 259 tokens' convert t.json
tekken 260 5 >t.json; expect 1 't.json: special_tokens: 20, more than' convert t.json
tekken 262 3 ', "special_tokens": [{"rank": 1, "token_str": "<a>"}]' >t.json; expect 1 't.json: special_tokens\[0\]: not a token of rank 0' convert t.json
tekken 280 22 | sed 's/"rank": 7,/"rank": 8,/' >t.json; expect 1 't.json: vocab\[7\]: not a token of rank 7' convert t.json
tekken 280 22 | sed 's/| +"/|{1}+"/' >t.json; expect 1 'config.pattern: "}\+"' convert t.json
tekken 262 3 ', "special_tokens": [{"rank": 0, "token_str": "<a>\u0000"}]' >t.json; expect 1 't.json: special_tokens\[0\]: not a token of rank 0' convert t.json
tekken 280 22 | sed 's/| +"/| +\\u0000"/' >t.json; expect 1 't.json: config.pattern: it holds a NUL' convert t.json
tekken 280 22 | sed 's/"rank": 7, "token_bytes": "[^"]*/&\\u0000/' >t.json; expect 1 't.json: vocab\[7\]: not a token of rank 7' convert t.json
tekken 280 22 >whole.json; head -c 3000 whole.json >t.json; expect 1 't.json: offset 3000: ' convert t.json

# SentencePiece: a piece is 0a LENGTH {0a LENGTH text, 15 score (little-endian f32), 18 type}
piece() { printf "\\n\\x$(printf %x $((${#1} + 9)))\\n\\x$(printf %x ${#1})%s\\x15$2\\x18\\x0$3" "$1"; }
pieces() {
    piece '<unk>' '\0\0\0\0' 2
    piece '</s>' '\0\0\0\0' 3
    piece 'ab' '\0\0\0\0' 1
    piece 'abab' '\0\0\x80\xbf' 1
    piece 'a' '\0\0\0\xc0' 1
    piece 'b' '\0\0\x40\xc0' 1
}
{ pieces; printf '\x12\x02\x18\x02'; } >sp.model
expect 0 'SentencePiece: 6 pieces' convert sp.model
grep -q '"abab": 3' x.json
grep -qF '["ab", "ab"]' x.json
printf 'abab ab' >s.md         # no piece for a space: unknown, and then the pieces
[ "$("$tokenize" -q -t x.json --ids s.md)" = "[0,3,0,2]" ]
rm x.json
expect 2 'pattern' convert --pattern gpt2 sp.model
pieces >no.model; expect 1 'no.model: offset 0: model_type is unigram' convert no.model
{ pieces; printf '\x12\x02\x18\x02\x1a\x03\x12\x01x'; } >nmt.model
expect 1 'nmt.model: offset 0: .*precompiled_charsmap' convert nmt.model
size=$(wc -c <sp.model)
for n in 1 2 3 10 $((size / 2)) $((size - 1)); do
    head -c "$n" sp.model >cut.model
    expect 1 'cut.model: offset [0-9]+: ' convert cut.model
done
printf '\n\xff\xff\xff\xff\x07abc' >lie.model; expect 1 'lie.model: offset 6: .*malformed' convert lie.model
{ printf '\n'; head -c 20000000 /dev/zero; } >zeros.model; expect 1 'zeros.model: offset' convert zeros.model
[ ! -e x.json ]
[ -z "$(find . -name '*partial*')" ]
