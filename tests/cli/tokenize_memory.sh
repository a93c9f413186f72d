# No stage takes more than 1 GiB, however much text comes or however long a document is.
set -euo pipefail
case $BIN in */asan/*|*/tsan/*) echo "sanitizers reserve memory of their own"; exit 77 ;; esac
tokenize="$BIN/tokenize"
"$BIN/fetch" --quiet --cat demo:language --limit 300KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 600 -o tok.json docs.jsonl
ulimit -v 1048576
# one document of 60 MB in one line; 25 MB without a place to cut at
head -c 60000000 /dev/zero | tr '\0' 'x' | sed 's/.\{70\}/& /g' | tr -d '\n' >words.txt
head -c 25000000 /dev/zero | tr '\0' '=' >signs.txt
for f in words signs; do
    "$tokenize" -q -t tok.json -j 4 $f.txt | "$tokenize" decode -t tok.json --raw | cmp - $f.txt
done
"$tokenize" train -q -n 400 -j 4 -o x.json words.txt signs.txt 2>/dev/null
