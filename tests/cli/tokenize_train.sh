# Training depends on documents and options alone: not on threads, nor on what went through the disk; memory is bounded.
set -euo pipefail
tokenize="$BIN/tokenize"
train() { "$tokenize" train -n 2000 "$@"; }
expect() {      # CODE PATTERN COMMAND...
    local want=$1 pattern=$2 got=0; shift 2
    "$@" >out 2>err || got=$?
    if [ $got != "$want" ] || ! grep -qE -e "$pattern" err; then
        echo "exit $got, not $want with '$pattern': $*"; cat err; exit 1
    fi
}

# many different words, common and rare ones; documents of one line
awk 'BEGIN {
    srand(7)
    for (d = 0; d < 6000; d++) {
        line = ""
        for (w = 0; w < 60; w++) {
            n = int(exp(rand() * 11)); s = ""
            do { s = s sprintf("%c%c", 97 + n % 23, 97 + (n * 7) % 19); n = int(n / 23) } while (n > 0)
            line = line " " s
        }
        print "{\"text\":\"" line "\"}"
    }
}' >docs.jsonl
train -q -j 1 -o one.json docs.jsonl
for j in 2 5 16; do train -q -j $j -o j.json docs.jsonl; cmp one.json j.json; done
mkdir tmp
TMPDIR=$PWD/tmp expect 0 'went through the disk' train --verbose -j 16 --memory 16MiB -o disk.json docs.jsonl
cmp one.json disk.json
grep -q 'left out' err && { echo 'words were left out: nothing was compared'; exit 1; }
[ -z "$(ls tmp)" ]
# the order of documents does not matter, nor how they are cut into files
tail -n +3000 docs.jsonl >b.jsonl; head -n 2999 docs.jsonl | gzip >a.jsonl.gz
train -q -o order.json b.jsonl a.jsonl.gz; cmp one.json order.json
# nowhere to write counts to
TMPDIR=/nowhere expect 1 '/nowhere/.*No such file' train -j 16 --memory 16MiB -o x.json docs.jsonl
[ ! -e x.json ] && [ -z "$(find . -name '*partial*')" ]

# a sample is drawn by the seed, and is what it says
expect 0 'from 6000 documents' train -o x.json docs.jsonl
for s in 1 2; do train --sample 10% --seed $s -o s$s.json docs.jsonl 2>err; sed -E 's/.*from ([0-9]+) documents.*/\1/' err >n$s; done
for s in 1 2; do [ "$(cat n$s)" -gt 480 ] && [ "$(cat n$s)" -lt 720 ]; done
train -q --sample 0.1 --seed 1 -j 3 -o s3.json docs.jsonl; cmp s1.json s3.json
cmp -s s1.json s2.json && { echo 'the seed makes no difference'; exit 1; }
expect 1 'nothing to learn' train --sample 0 -o x.json docs.jsonl
expect 2 'sample' train --sample 2 -o x.json docs.jsonl
expect 2 'memory' train --memory 1MiB -o x.json docs.jsonl
# the rarest pairs stay apart
expect 0 'occur 1000 times or more: ids [0-9]+ to 1967 are unused' train --minfreq 1000 -o x.json docs.jsonl

# hostile: nothing but bytes that are not UTF-8; one run that is a document; words that are longer than any token
head -c 300000 /dev/urandom | tr -d '\0' >noise.txt
head -c 3000000 /dev/zero | tr '\0' a >run.txt
for f in noise run; do
    "$tokenize" train -q -n 700 -j 1 -o h1.json $f.txt 2>/dev/null; "$tokenize" train -q -n 700 -j 2 -o h2.json $f.txt 2>/dev/null
    cmp h1.json h2.json
    "$tokenize" -q -t h1.json $f.txt | "$tokenize" decode -t h1.json --raw | cmp - $f.txt
done

# memory: 700,000 different words take far less when little is asked for
case $BIN in */asan/*|*/tsan/*) exit 0 ;; esac
awk 'BEGIN { for (i = 0; i < 700000; i++) {
    s = ""; for (n = i * 7919 + 12345; n > 0; n = int(n / 26)) s = s sprintf("%c", 97 + n % 26)
    printf "%s%s%s", i % 50 ? "" : "{\"text\":\"", s, i % 50 == 49 ? "\"}\n" : " " } }' >many.jsonl
peak() { sed -nE 's/.*peak memory ([0-9]+)\..*/\1/p' err; }
echo '{"text":"a few words"}' >one.jsonl
expect 0 'peak' train -n 300 -j 2 --memory 20MiB -o a.json one.jsonl
alone=$(peak)      # the program and its libraries
expect 0 'words were left out' train -j 2 --memory 20MiB -o a.json many.jsonl
[ "$(peak)" -lt $((alone + 34)) ]
expect 0 'words were left out' train -j 5 --memory 20MiB -o b.json many.jsonl
cmp a.json b.json
expect 0 'peak' train -j 2 -o b.json many.jsonl
[ "$(peak)" -gt 70 ]
