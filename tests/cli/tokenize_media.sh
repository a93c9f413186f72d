# Pictures and sounds: codebooks are learned, files become tokens and come back, streams go on through shard; bad input is named.
set -euo pipefail
tokenize="$BIN/tokenize"
"$BIN/fetch" --quiet --cat demo:language --limit 50KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 65536 -o tok.json docs.jsonl 2>/dev/null
expect() {
    local want=$1 pattern=$2 got=0
    shift 2
    "$@" >out 2>err || got=$?
    if [ $got != "$want" ] || ! grep -qE "$pattern" err; then
        echo "exit $got, not $want with '$pattern': $*"; cat err; exit 1
    fi
}

# picture W H K: hills and a disc; grey levels that are printable characters, so that awk can write them
picture() {
    printf 'P5\n%d %d\n126\n' "$1" "$2"
    awk -v w="$1" -v h="$2" -v k="$3" 'BEGIN { for (y = 0; y < h; y++) for (x = 0; x < w; x++) {
        v = 79 + 30 * sin(x / (9 + k)) * cos(y / (7 + k)) + 16 * ((x - 40) ^ 2 + (y - 30) ^ 2 < 300 + 40 * k)
        printf "%c", int(v) } }'
}
# sound K: 2 s at 8 kHz, 8 bits, of printable characters as well
sound() {
    printf 'RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\x80\x3e\0\0'
    awk -v k="$1" 'BEGIN { for (i = 0; i < 16000; i++) printf "%c", int(79 + 20 * sin(i * (0.1 + k / 50)) + 20 * sin(i * 0.31) * sin(i / 900)) }'
}
mkdir -p pics/more sounds
for k in 1 2 3 4; do picture 96 64 $k >pics/$k.ppm; sound $k >sounds/$k.wav; done
picture 50 81 5 >pics/more/5.PGM
echo notes >pics/README

# learning: the same from any number of threads, beside the tokenizer or where -o says
"$tokenize" train -q --modality image -t tok.json pics
for j in 1 3; do "$tokenize" train -q --modality image -j $j -o cb.$j pics; cmp cb.$j tok.image.safetensors; done
"$tokenize" train -q --modality audio -t tok.json --rate 8000 sounds
"$tokenize" train -q --modality audio -j 1 --rate 8000 -o cb.a sounds
cmp cb.a tok.audio.safetensors

# encoding: in order, whatever the threads; the quality is said: these are what was learned from (measured: 48 dB)
for j in 1 4; do "$tokenize" --modality image -t tok.json -j $j -o img.$j pics 2>err; done
cmp img.1 img.4
grep -q 'left out: 1 file' err
grep -qE '5 documents, .*PSNR (3[5-9]|[4-9][0-9])\.' err || { cat err; exit 1; }
"$tokenize" --modality audio -t tok.json -o snd.tok sounds 2>err
grep -qE '4 documents, .*spectral distance [0-9]\.[0-9]* dB, signal to noise [2-9][0-9]\.' err || { cat err; exit 1; }

# the form: tag, width - 1, height - 1, two codes a patch, end tag
"$tokenize" -q --modality image -t tok.json --ids pics/1.ppm >one.ids
tr -d '[]\n' <one.ids | tr , '\n' >ids
[ "$(wc -l <ids)" = $((2 + 2 + 12 * 8 * 2 - 1)) ]              # newlines: one less than ids
[ "$(sed -n '2,3p' ids | tr '\n' ' ')" = "$((49152 + 95)) $((49152 + 63)) " ]
"$tokenize" decode -t tok.json --special --raw <<<"[$(sed -n 1p ids),$(tail -n 1 ids)]" | grep -qx '<|image|><|/image|>'

# and back: a file, a directory, standard output; sizes are those of the originals
"$tokenize" decode -q --modality image -t tok.json -i one.ids -o one.ppm
[ "$(head -2 one.ppm | tail -1)" = "96 64" ]
"$tokenize" decode -q --modality image -t tok.json <one.ids | cmp - one.ppm
"$tokenize" decode -q --modality image -t tok.json -i img.1 -o back/
[ "$(ls back | tr '\n' ' ')" = "000000.png 000001.png 000002.png 000003.png 000004.png " ]
"$tokenize" -q --modality image -t tok.json --ids back/000004.png >again.ids    # PNG is read as well
"$tokenize" decode -q --modality image -t tok.json -i again.ids -o again.ppm
[ "$(head -2 again.ppm | tail -1)" = "50 81" ]
"$tokenize" decode -q --modality audio -t tok.json -i snd.tok -o heard/
[ "$(wc -c <heard/000003.wav)" = $((44 + 2 * 16000)) ]
expect 1 'more than one image' "$tokenize" decode --modality image -t tok.json -i img.1 -o two.png

# shrinking and cropping
"$tokenize" -q --modality image -t tok.json --crop --image-size 32 --ids pics/1.ppm | tr , '\n' | sed -n '2,3p' | tr '\n' ' ' |
    grep -qx "$((49152 + 31)) $((49152 + 31)) "

# codes from elsewhere, with text; no codebook is needed; tags around code ids that shard and decode take
echo '{"image_codes":[[1,2],[3,8191]],"text":"the cat"}
{"image_codes":[5]}' >codes.jsonl
"$tokenize" -q --modality image -t tok.json -c nowhere codes.jsonl >codes.tok
"$tokenize" decode -q --modality image -t tok.json --codes -i codes.tok >codes.back
printf '{"image_codes":[1,2,3,8191]}\n{"image_codes":[5]}\n' | cmp - codes.back
"$tokenize" decode -t tok.json <codes.tok | head -1 | grep -q '{"text":"the cat"'
echo '{"audio_codes":[[1,2],[3,1023]]}' | "$tokenize" -q --modality audio -t tok.json |
    "$tokenize" decode -q --modality audio -t tok.json --codes | grep -qx '{"audio_codes":\[1,1027,2,2047\]}'

# through shard, and back from there
"$BIN/shard" -q -o tokens <img.1 >/dev/null
"$TOOLS/shard-dump" tokens >dump
grep -q "documents 5, tokens 947" dump

# errors: the file and the reason, and nothing is left
head -c 3000 pics/1.ppm >cut.ppm
expect 1 'cut.ppm: PPM: truncated' "$tokenize" --modality image -t tok.json -o x.tok cut.ppm
head -c 500 back/000000.png >cut.png
expect 1 'cut.png: PNG' "$tokenize" --modality image -t tok.json -o x.tok cut.png
printf 'P6\n60000 60000\n255\n' >big.ppm
expect 1 'big.ppm: PPM: truncated' "$tokenize" --modality image -t tok.json -o x.tok big.ppm
printf 'P6\n0 7\n255\n' >zero.ppm
expect 1 'zero.ppm: .*0 x 7' "$tokenize" --modality image -t tok.json -o x.tok zero.ppm
head -c 9000 sounds/1.wav >cut.wav
expect 1 'cut.wav: WAV: truncated' "$tokenize" --modality audio -t tok.json -o x.tok cut.wav
expect 1 'neither PNG' "$tokenize" --modality image -t tok.json -o x.tok sounds/1.wav
expect 1 'gone.png: No such file' "$tokenize" --modality image -t tok.json -o x.tok gone.png
[ ! -e x.tok ]
[ -z "$(find . -name '*partial*')" ]
"$tokenize" --modality image -t tok.json --skip-bad -o x.tok pics/1.ppm cut.ppm pics/2.ppm 2>err
grep -q 'left out: 1 bad' err
expect 1 'stdin:2: "image_codes": 8192 is not' "$tokenize" --modality image -t tok.json <<<'{"image_codes":[1]}
{"image_codes":[8192]}'
head -c 100000 tok.image.safetensors >half.safetensors
expect 1 'half.safetensors' "$tokenize" --modality image -t tok.json -c half.safetensors -o x pics/1.ppm
expect 1 'no tensor audio.parameters' "$tokenize" --modality audio -t tok.json -c tok.image.safetensors -o x sounds/1.wav
tail -n 1 codes.jsonl | "$tokenize" -q --modality image -t tok.json >five.tok
expect 1 'document 1: 1 codes: not a picture' "$tokenize" decode --modality image -t tok.json -i five.tok -o x.png
"$tokenize" train -q -n 600 -o small.json docs.jsonl
expect 1 'small.json: has no image codes' "$tokenize" --modality image -t small.json pics
expect 2 'patch 5' "$tokenize" train --modality image -o x --patch 5 pics
expect 2 'where to' "$tokenize" train --modality audio sounds
expect 1 'nothing to learn' "$tokenize" train --modality audio -o x pics
