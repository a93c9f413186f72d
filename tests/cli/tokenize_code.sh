# Tags, fill in the middle, padded batches: as the ids say, and exact when put together again.
set -euo pipefail
tokenize="$BIN/tokenize"
"$BIN/fetch" --quiet --cat demo:code --limit 200KB --seed 5 >docs.jsonl
"$tokenize" train -q -n 1000 -o tok.json docs.jsonl
# special tokens of 1000 ids: 968 pad, 969 bos, 970 eos, 972 text, 973 /text, 974 code, 975 /code, 980 prefix, 981 middle, 982 suffix
"$tokenize" -q -t tok.json --ids docs.jsonl >plain.ids
"$tokenize" -q -t tok.json --ids --modality text docs.jsonl >text.ids
sed 's/^\[/[972,/; s/\]$/,973]/' plain.ids | cmp - text.ids
"$tokenize" -q -t tok.json --ids --modality code docs.jsonl >code.ids
sed 's/^\[/[974,/; s/\]$/,975]/' plain.ids | cmp - code.ids
"$tokenize" -q -t tok.json --modality code docs.jsonl | "$tokenize" decode -t tok.json >back.jsonl
"$tokenize" -q -t tok.json docs.jsonl | "$tokenize" decode -t tok.json | cmp - back.jsonl

# fill in the middle: the same for the same seed and document, whatever the threads and the order
fim() { "$tokenize" -q -t tok.json --ids --modality code --fim 0.5 --seed 3 "$@"; }
fim -j 1 docs.jsonl >fim.ids
fim -j 4 docs.jsonl | cmp - fim.ids
tac docs.jsonl | fim -i - | tac | cmp - fim.ids
"$tokenize" -q -t tok.json --ids --modality code --fim 0.5 --seed 4 docs.jsonl | cmp -s - fim.ids && { echo "the seed does nothing"; exit 1; }
docs=$(wc -l <docs.jsonl) psm=$(grep -cE '^\[974,980,.*,982,.*981' fim.ids || true) spm=$(grep -c '^\[974,980,982,' fim.ids || true) all=$(grep -c ',981' fim.ids)
[ "$all" -gt $((docs * 35 / 100)) ] && [ "$all" -lt $((docs * 65 / 100)) ]
[ "$spm" -gt $((all / 4)) ] && [ "$spm" -lt $((all * 3 / 4)) ]
[ "$psm" -ge $((all - spm)) ]

# put together again: prefix, middle, suffix of each are the document
"$tokenize" decode -t tok.json --special -i fim.ids |
    sed -E 's/"text":"<\|code\|>(.*)<\|\/code\|>"/"text":"\1"/
            s/"text":"<\|fim_prefix\|><\|fim_suffix\|>(.*)<\|fim_middle\|>(.*)","domain/"text":"\2\1","domain/
            s/"text":"<\|fim_prefix\|>(.*)<\|fim_suffix\|>(.*)<\|fim_middle\|>(.*)","domain/"text":"\1\3\2","domain/' >again.jsonl
"$tokenize" decode -t tok.json -i plain.ids | cmp - again.jsonl

# a token stream with tags: shard takes it
"$tokenize" -q -t tok.json --modality code --fim 0.5 docs.jsonl | "$BIN/shard" -q -o tokens >/dev/null
"$TOOLS/shard-dump" tokens | grep -q "documents $docs,"

# a document at the largest size of a record, in tags: two records, nothing lost
head -c 1048576 /dev/zero | tr '\0' '=' >long.py
"$tokenize" train -q -n 288 -o bytes.json docs.jsonl
"$tokenize" -q -t bytes.json --modality code long.py | "$tokenize" decode -t bytes.json --raw | cmp - long.py

# batches: rows of equal length, EOS last, the mask's sum is the number of ids
"$tokenize" -q -t tok.json --batch 4 --length 32 docs.jsonl >batch.jsonl
[ "$(wc -l <batch.jsonl)" = $(((docs + 3) / 4)) ]
head -1 batch.jsonl | tr -d ' ' | grep -qE '^\{"input_ids":\[\[([0-9]+,){31}970\],.*"attention_mask":\[\[(1,){31}1\],.*"labels":\[\['
"$tokenize" -q -t tok.json --batch 2 --pad left <<<'{"text":"a"}
{"text":"abc = 1"}' >left.jsonl
grep -qE '"input_ids":\[\[(968,)+[0-9]+,970\],\[[0-9,]*,970\]\]' left.jsonl
grep -qE '"labels":\[\[(-100,)+[0-9]+,970\],' left.jsonl
for a in "--fim 0.5" "--modality verse" "--batch 2 --pad up" "--batch 2 --ids" "--length 5"; do
    code=0
    # shellcheck disable=SC2086  # words on purpose
    "$tokenize" -t tok.json $a docs.jsonl >out 2>err || code=$?
    [ $code = 2 ] || { echo "exit $code: $a"; cat err; exit 1; }
done
