# Text to batches through the real programs: the same text gives the same shards and batches, whatever runs in between.
set -eu
if [ -n "$DATA" ]; then src="$DATA/logic.train.jsonl"; else src=demo:logic; fi
"$BIN/fetch" --cat "$src" --domain logic --limit 300KB >docs.jsonl
"$BIN/tokenize" train -q -n 1000 -o tok.json docs.jsonl
tokens() { "$BIN/tokenize" -q -t tok.json -j 2 <docs.jsonl; }

tokens | "$BIN/shard" -q -o logic --val 10% -n 20000 >paths
[ "$(grep -c '^logic/0' paths)" -ge 2 ] && grep -q '^logic/val/000000.tok$' paths
while read -r p; do [ -s "$p" ]; done <paths
"$TOOLS/shard-dump" --verify logic >dump
grep -q 'domain logic' dump && grep -q 'verified' dump

# Every byte of text is accounted for: the shards hold what the tokenizer saw.
text=$(sed -n 's/.*text bytes \([0-9]*\)$/\1/p' dump | awk '{s += $1} END {print s}')
[ "$text" -ge 290000 ]
[ "$text" -le 400000 ]

# Over a ring, the same shards.
tokens >t.bin
"$BIN/shard" -q -i ring:shard-mix-$$ -o ringed --val 10% -n 20000 >/dev/null &
"$BIN/tokenize" -q -t tok.json -o ring:shard-mix-$$ <docs.jsonl
wait $!
"$BIN/shard" -q -i t.bin -o filed --val 10% -n 20000 >/dev/null
for f in $(cd logic && find . -type f); do cmp "logic/$f" "ringed/$f"; cmp "logic/$f" "filed/$f"; done

# Archived and back, the same batches.
mixed() { "$BIN/mix" -q logic=1:logic val=0.25:logic/val -T 64 -B 8 --seed 3 --steps 50 "$@"; }
mixed >before
"$BIN/shard" -q --archive zstd logic
if mixed >/dev/null 2>message; then echo "mix read archived shards"; exit 1; fi
grep -q -- '--unpack' message
"$BIN/shard" -q --unpack logic
mixed >after
cmp before after
mixed -o file && cmp before file
mixed --dry-run | grep -q '^logic .*80.00%'

# Shards that are damaged, and shards of another tokenizer, are named.
cp -r logic hurt
printf '\001\002\003' | dd of=hurt/000001.tok bs=1 seek=5000 conv=notrunc status=none
if "$TOOLS/shard-dump" --verify hurt >/dev/null 2>message; then echo "damage was not seen"; exit 1; fi
grep -q 'hurt/000001.tok: offset 4096' message
if "$BIN/mix" -q x=1:hurt -T 64 --steps 100 2>message >/dev/null; then echo "damage was mixed"; exit 1; fi
grep -q 'hurt/000001.tok: offset 4096' message
# A dry run reads the blocks that the stream would read, and ends as it does, whatever stretch of it.
judged() { "$BIN/mix" -q x=1:hurt y=3:kind -T 64 -B 2 --seed "$seed" "$@" 2>message >/dev/null; }
cp -r logic kind
found=
for words in '--steps 1' '--steps 2' '--steps 4' '--steps 8' '--steps 9 --start-step 8' '--steps 30 --start-step 29' '--max-epochs 1' \
    '--max-epochs 1 --start-step 300' '--max-epochs 1 --start-step 100000' '--steps 3000'; do
    for seed in 1 2 3; do
        code=0 dry=0
        # shellcheck disable=SC2086
        judged $words || code=$?
        cp message real
        # shellcheck disable=SC2086
        judged $words --dry-run || dry=$?
        [ $code = $dry ] || { echo "$words, seed $seed: $code, but the dry run $dry"; cat real message; exit 1; }
        [ $code = 0 ] || grep -q 'hurt/000001.tok: offset 4096: block is damaged' message
        found+=$code
    done
done
case $found in *0*1*0*) ;; *) echo "always the same verdict: $found"; exit 1 ;; esac
if judged --dry-run; then echo "an endless stream reads every block"; exit 1; fi
"$BIN/tokenize" train -q -n 900 -o other.json docs.jsonl
"$BIN/tokenize" -q -t other.json <docs.jsonl | "$BIN/shard" -q -o other >/dev/null
if "$BIN/mix" -q a=1:logic b=1:other -T 64 --steps 1 2>message >/dev/null; then echo "tokenizers were mixed"; exit 1; fi
grep -q 'logic' message && grep -q 'other' message

# A tokenizer that fails leaves the shards alone.
cp -r logic kept
if { tokens | head -c 100000; } | "$BIN/shard" -q -o logic 2>message >/dev/null; then echo "a cut stream was taken"; exit 1; fi
grep -q 'truncated' message
for f in $(cd kept && find . -type f); do cmp "logic/$f" "kept/$f"; done

# What a killed run leaves is known to the doctor.
mkfifo hold
"$BIN/shard" -q -o gone <hold >/dev/null &
killed=$!
exec 7>hold
tokens | head -c 100000 >&7
for _ in $(seq 100); do ls -d .gone.* >/dev/null 2>&1 && break; sleep 0.05; done
"$TOOLS/doctor" --remove . >list
grep -q '^live	[0-9]*	\./\.gone\.tritter-partial$' list || { cat list; ls -A; exit 1; }
kill -9 $killed
wait $killed 2>/dev/null || true
exec 7>&-
"$TOOLS/doctor" --remove . | grep -q '^removed	[0-9]*	\./\.gone\.tritter-partial$'
[ ! -e .gone.tritter-partial ]
