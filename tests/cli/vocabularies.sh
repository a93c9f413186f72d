# Vocabularies of others: ids of added tokens, bytes that a vocabulary has nothing for, the token that ends a text, ids around
# a text, characters instead of bytes, ids of 32 bits; from the file to the checkpoint.
set -eu
export LC_ALL=C
tokenize="$BIN/tokenize"
expect() {      # CODE PATTERN COMMAND...
    local want=$1 pattern=$2 got=0; shift 2
    "$@" >out 2>err || got=$?
    if [ $got != "$want" ] || ! grep -qE -e "$pattern" err; then
        echo "exit $got, not $want with '$pattern': $*"; cat err; exit 1
    fi
}
ids() {         # FILE TEXT WANTED [OPTION...]
    local got
    # shellcheck disable=SC2059
    printf "$2" >text.txt
    got=$("$tokenize" -q -t "$1" --ids "${@:4}" text.txt 2>err) || { cat err; exit 1; }
    [ "$got" = "$3" ] || { echo "$1: $2: got $got, not $3"; exit 1; }
}
"$BIN/fetch" -q --cat demo:language --limit 100KB >d.jsonl
"$tokenize" train -q -n 300 -o tok.json d.jsonl     # each line of the file has one thing

# an added token that is a merged word, one that is a byte, one whose id the file has wrong; within words and alone
sed 's/"added_tokens": \[/&{"id": 97, "content": "a"}, {"id": 7, "content": "<x>"}, {"id": 301, "content": "he", "single_word": true},/' \
    tok.json >added.json
grep -q '"he": 25[0-9]' added.json
he=$(sed -n 's/.*"he": \([0-9]*\),.*/\1/p' added.json)
ids added.json 'za<x>!he!hez' "[122,97,300,33,$he,33,$he,122]"
ids added.json 'bhe' "[98,$he]"
expect 0 'added.json: 2 added tokens have other ids than the file says' "$tokenize" -t added.json --ids text.txt

# one that is white space itself, and takes more of it on both sides, is there once
sed 's/"added_tokens": \[/&{"id": 300, "content": " ", "lstrip": true, "rstrip": true},/' tok.json >space.json
ids space.json 'q   z q' '[113,300,122,300,113]'
sed 's/"added_tokens": \[/&{"id": 300, "content": " ", "rstrip": true},/' tok.json >space.json
ids space.json 'q  z' '[113,300,300,122]'

# no token for bytes that UTF-8 never holds: text that holds one is an error that names it, or has U+FFFD
sed -e '/"\(\xc3[\x80\x81\xb5-\xbf]\)": /d' tok.json >gap.json
[ "$(wc -l <gap.json)" = $(($(wc -l <tok.json) - 13)) ]
ids gap.json 'q\303\251\200' '[113,195,169,128]'
printf 'qz\377' >bad.txt
expect 1 'bad.txt: byte 2: 0xff is not UTF-8.*--replace-invalid' "$tokenize" -t gap.json --ids bad.txt
expect 1 'bad.txt: byte 2: 0xff' "$tokenize" inspect -t gap.json bad.txt
ids gap.json 'qz\377' '[113,122,239,191,189]' --replace-invalid
ids tok.json 'qz\377' '[113,122,255]'
sed '/"A": 65/d' tok.json >less.json
expect 1 'less.json: no token for byte 0x41' "$tokenize" -t less.json --ids bad.txt

# ids around a text, when asked for
sed 's/"post_processor": null/"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|bos|>"}}, \
    {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<|eos|>"}}], "special_tokens": {"<|bos|>": {"ids": [269]}, "<|eos|>": {"ids": [270]}}}/' \
    tok.json >post.json
ids post.json 'q' '[113]'
ids post.json 'q' '[269,113,270]' --special
expect 1 'tok.json: post_processor: it puts no ids' "$tokenize" -t tok.json --special --ids text.txt
sed 's/"post_processor": null/"post_processor": {"type": "Other"}/' tok.json >other.json
ids other.json 'q' '[113]'
expect 1 'other.json: post_processor: only TemplateProcessing' "$tokenize" -t other.json --special --ids text.txt

# what a file asks for that is not done is named
for change in 's/"type": "BPE"/"type": "Unigram"/:Unigram' 's/"dropout": null/"dropout": 0.5/:dropout' \
              's/"normalizer": null/"normalizer": {"type": "Nmt"}/:Nmt' 's/"type": "Split"/"type": "UnicodeScripts"/:UnicodeScripts'; do
    sed "${change%:*}" tok.json >refused.json
    expect 1 "refused.json: .*${change##*:}" "$tokenize" -t refused.json --ids text.txt
done
sed 's/"dropout": null/"dropout": 0.0/' tok.json >zero.json
ids zero.json 'q' '[113]'

sed 's/"truncation": null/"truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}/' tok.json >short.json
ids short.json 'qqqq' '[113,113,113,113]'
expect 0 'short.json: its truncation or padding is left out' "$tokenize" -t short.json --ids text.txt

# characters, with bytes for those that are no token: spaces come back, but for the one in front
cat >sp.json <<'JSON'
{"added_tokens": [{"id": 1, "content": "</s>", "special": true}], "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true,
  "byte_fallback": true, "vocab": {"<unk>": 0, "</s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "a": 5, "b": 6, "ab": 7, "▁ab": 8},
  "merges": ["a b", "▁ ab"]},
 "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
  {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
 "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
  {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}
JSON
ids sp.json 'ab a\303\251b' '[8,4,5,2,3,6]'
ids sp.json 'abxy' '[8,0]'
[ "$(printf '[8,4,5,2,3,6]' | "$tokenize" decode -t sp.json --raw)" = 'ab aéb' ]
[ "$(printf '[8,8][8]' | "$tokenize" decode -t sp.json)" = '{"text":"ab ab","domain":"other"}
{"text":"ab","domain":"other"}' ]
expect 1 'bad.txt: byte 2: 0xff is not UTF-8' "$tokenize" -t sp.json --ids bad.txt

# the token that ends a text: what is said, the files beside tokenizer.json, a name in use
mkdir model
sed 's/<|eos|>/<|over|>/' tok.json >model/tokenizer.json
eos() { "$tokenize" -q -t model/tokenizer.json "$@" d.jsonl 2>err | od -An -tu4 -j20 -N4 | tr -d ' '; }
none=$(eos); grep -q 'no token is known to end a text' err
echo '{"eos_token_id": [271, 5]}' >model/generation_config.json
[ "$(eos)" = 271 ] || { echo "generation_config.json: $(eos), without any: $none"; exit 1; }
echo '{"eos_token": {"content": "<|over|>"}}' >model/tokenizer_config.json
[ "$(eos)" = 270 ]
[ "$(eos --eos '<|pad|>')" = 268 ] && [ "$(eos --eos 33)" = 33 ]
expect 1 "eos <no>: neither" "$tokenize" -t model/tokenizer.json --eos '<no>' d.jsonl
echo '{"eos_token":' >model/tokenizer_config.json
[ "$(eos)" = 271 ]; grep -q 'warning: model/tokenizer_config.json: line' err

# ids of 32 bits, and an end of text of its own, up to the checkpoint
awk -v first=300 '/"vocab": \{/ { print; for (i = 0; i < 66000; i++) printf "\"<w%d>\": %d,\n", i, first + i; next } { print }' \
    model/tokenizer.json >wide.json
"$tokenize" -q -t wide.json --eos 66299 d.jsonl | "$BIN/shard" -q -o shards >/dev/null
"$BIN/mix" -q all=1:shards -T 32 -B 4 --steps 3 -o - |
    "$BIN/train" -q -t wide.json -i - -o run --layers 1 --width 32 --heads 2 --ffn 32 --context 32 --steps 3 --seed 1 --threads 1 >/dev/null
grep -q '"eos_token_id": *66299' run/latest/generation_config.json
grep -q '"vocab_size": *66300' run/latest/config.json
cmp wide.json run/latest/tokenizer.json
"$BIN/sample" run/latest -j 1 -n 3 -p 'the' >out 2>err
