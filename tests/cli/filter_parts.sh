#!/usr/bin/env bash
# filter over parts: signatures of each part, merged, and the lists applied, keep the documents that one run keeps, whatever
# the number of parts and the memory; the scripts of tools/cluster do it, and again only what is missing; damage is told
set -euo pipefail
all="it's all.jsonl"
F=$BIN/filter
fails() {       # WORD COMMAND...
    local word=$1; shift
    if "$@" >/dev/null 2>said; then echo "no failure: $*"; exit 1; fi
    grep -q -- "$word" said || { echo "not '$word': $*"; cat said; exit 1; }
}

# Texts, some of them short, that no two share; among them copies and near copies of any before, near by (in another part of 3
# and 7) and far off (every part meets every other); a rule drops some, also those that are copied
python3 - <<'P'
import json, random
random.seed(11)
words = ["".join(random.choice("bdfgklmnprst") + random.choice("aeiou") for _ in range(random.randint(1, 4))) for _ in range(3000)]
texts = []
with open("it's all.jsonl", "w") as f:
    for i in range(6000):
        kind, back = random.random(), random.choice([1, 2, 3, 6, 7, 21, 500, 1500])
        before = texts[max(0, i - back)] if texts else ""
        text = " ".join(random.choice(words) for _ in range(random.choice([3, 60, 60, 90])))
        if before and kind < .2:
            text = "\n" + before.replace(" ", "  ", 3)
        elif before and kind < .4:
            text = "But " + before.upper() + "!"
        elif kind < .5:
            text += " lorem ipsum. a@b.org"
        texts.append(text)
        print(json.dumps({"text": text, "id": i} if i % 3 else {"text": text}), file=f)
P
rules='--rules c4 --without too_few_sentences,line-filter-no_terminal_punc --mask-personal --exact-duplicates --near-duplicates'
# shellcheck disable=SC2086
"$F" $rules --json -o one.jsonl -x one.dropped "$all" 2>one.json
# parts N: the kept documents of N parts to kept.1 ... kept.N
parts() {
    local k n=$1
    for ((k = 1; k <= n; k++)); do
        # shellcheck disable=SC2086
        "$F" -q $rules --part $k/$n --signatures $k.sig -x rules.$k -o $k.jsonl "$all"
    done
    # shellcheck disable=SC2046
    "$F" --merge $(seq -f %g.sig "$n" | tac) 2>merged
    for ((k = 1; k <= n; k++)); do "$F" -q --duplicates $k.sig.duplicates -x duplicates.$k -o kept.$k $k.jsonl; done
}
for n in 1 3 7; do
    parts $n
    cmp <(sort one.jsonl) <(cat $(seq -f kept.%g $n) | sort)
    cmp <(sort one.dropped) <(cat $(seq -f rules.%g $n) $(seq -f duplicates.%g $n) | sort)
    [ "$n" = 1 ] && cmp one.jsonl kept.1
    # what parts by themselves would not find
    for ((k = 1; k <= n; k++)); do "$F" -q --exact-duplicates --near-duplicates $k.jsonl; done | wc -l >alone
    [ "$n" = 1 ] || [ "$(cat alone)" -gt $(($(wc -l <one.jsonl) + 300)) ]
done
for kind in exact near; do grep -c "\"rule\":\"${kind}_duplicate\"" one.dropped; done >found
[ "$(sed -n 1p found)" -gt 200 ] && [ "$(sed -n 2p found)" -gt 200 ]
grep -q "^filter: [0-9]* documents of 7 parts: $(sed -n 1p found) exact duplicates, $(sed -n 2p found) near ones; 0 keys" merged

# with little memory keys go to temporary files, and the lists are as before
cp 3.sig.duplicates before
"$F" --merge --memory 1MiB --tmp . ./?.sig 2>merged
grep -q '; [1-9][0-9]* keys in temporary files' merged
cmp before 3.sig.duplicates
[ "$(find . -name '.*tritter*' | wc -l)" = 0 ]

# one kind alone
for kind in exact near; do
    "$F" -q --$kind-duplicates -o one.$kind "$all"
    for k in 1 2; do "$F" -q --$kind-duplicates --part $k/2 --signatures half.$k -o half.$k.jsonl "$all"; done
    "$F" -q --merge half.1 half.2
    cmp <(sort one.$kind) <(for k in 1 2; do "$F" -q --duplicates half.$k.duplicates half.$k.jsonl; done | sort)
done

# the files of formats/signatures.md
printf '{"text":"x"}\n{"text":"ab"}\n{"text":"y"}\n{"text":"z"}\n{"text":"ab "}\n' >few
for k in 1 2 3; do "$F" -q --exact-duplicates --part $k/3 --signatures few.$k -o few.$k.jsonl <few; done
"$F" -q --merge few.1 few.2 few.3
cmp few.2 "$ROOT/tests/golden/signatures-v1.sig"
cmp few.2.duplicates "$ROOT/tests/golden/signatures-v1.sig.duplicates"

# the array script, twice with the merge between: each member does its work once, and again only what is missing
"$ROOT/tools/cluster" filter -n 3 -o 'its clean' -f "$rules" "it's*.jsonl" >filter.sbatch
grep -q '^#SBATCH --array=1-3$' filter.sbatch
members() { for k in 1 2 3; do SLURM_ARRAY_TASK_ID=$k bash filter.sbatch; done; }
members
rm "its clean.parts/2-of-3.jsonl"
touch -d 2001-01-01 "its clean.parts/"{1,3}-of-3.*
members
eval "$(sed -n 's/^# when all are done: //p' filter.sbatch)" 2>/dev/null
members
cmp <(sort one.jsonl) <(sort "its clean"/*.jsonl)
rm "its clean/3-of-3.jsonl"
touch -d 2001-01-01 "its clean/"*
members
cmp <(sort one.jsonl) <(sort "its clean"/*.jsonl)
[ "$(find "its clean" "its clean.parts" -name '*.jsonl' -not -newermt 2002-01-01 | wc -l)" = 4 ]
# GNU parallel's words: {} is a line of input
parallel() { while read -r k; do bash -c "${3//'{}'/$k}" </dev/null || return 1; done; }
# shellcheck disable=SC1090
. <("$ROOT/tools/cluster" filter -s parallel -n 2 -o clean -f "$rules" "$all") 2>/dev/null
cmp <(sort one.jsonl) <(sort clean/*.jsonl)

# what cannot be merged, and lists of other documents
merge_fails() { fails "$1" "$F" --merge "${@:2}"; [ ! -e bad.duplicates ]; }
merge_fails '2.sig: offset 12: part 2 of 7 is given twice' 2.sig 1.sig 2.sig 4.sig 5.sig 6.sig 7.sig
merge_fails '1.sig: offset 16: part 1 of 7, but 2 files are given' 1.sig 2.sig
merge_fails "$all: offset 0: is no file of signatures" "$all"
merge_fails '1.sig.duplicates: offset 0: is no file of signatures' 1.sig.duplicates
"$F" -q --exact-duplicates --part 1/2 --signatures bad -o bad.jsonl "$all"
merge_fails 'half.2: offset 20: other duplicates are looked for than in bad' bad half.2
"$F" -q --near-duplicates --part 1/2 --signatures bad -o bad.jsonl "$all"
head -c 1000 bad >cut && mv cut bad
merge_fails 'bad: offset 1000: the file ends too early' bad half.2
for damage in '8:\2:is of another version' '12:\4:part K of N' '20:\4:neither exact nor near' '24:\1:of another part' '200:x:is another one' '2000:x:another'; do
    IFS=: read -r at bytes why <<<"$damage"
    cp half.1 bad
    printf '%b' "${bytes//\\/\\0}" | dd of=bad bs=1 seek="$at" conv=notrunc status=none
    merge_fails "bad: offset .*$why" bad half.2
done
{ cat half.1; echo; } >bad
merge_fails 'bytes follow the end' bad half.2
# of many parts, the last is damaged where it ends: the lists of all are removed
for k in $(seq 40); do "$F" -q --exact-duplicates --part "$k/40" --signatures "many.$k" -o many.jsonl - <few; done
truncate -s -1 many.40
# shellcheck disable=SC2046
fails 'many.40: offset .*: the file ends too early' "$F" --merge $(seq -f many.%g 40)
[ "$(find . -name '.*partial' | wc -l)" = 0 ]
fails '2.sig.duplicates: is of \(other\|more\|fewer\) documents than' "$F" --duplicates 2.sig.duplicates 3.jsonl
fails 'is of more documents than' "$F" --duplicates 2.sig.duplicates <(head -n 20 2.jsonl)
fails 'is of fewer documents than' "$F" --duplicates 2.sig.duplicates <(cat 2.jsonl 3.jsonl)
fails 'is of other documents than' "$F" --duplicates 2.sig.duplicates -o never <(tac 2.jsonl)
[ ! -e never ]
cp 2.sig.duplicates bad
printf '\3' | dd of=bad bs=1 seek=24 conv=notrunc status=none
fails 'bad: offset 24: no verdict has this number' "$F" --duplicates bad 2.jsonl
fails 'one at a time' "$F" --merge --duplicates bad 2.sig
fails 'goes with --exact' "$F" --mask-personal --signatures bad "$all"
fails 'takes no other words' "$F" --duplicates bad --near-duplicates 2.jsonl
fails 'which files' "$F" --merge
fails 'one of them at most is standard output' "$F" --exact-duplicates --signatures - "$all"
fails 'one of them at most is standard output' "$F" --exact-duplicates -x - "$all"

# a signal, while a part does not come: no list is begun that stays
mkfifo pipe
"$F" --merge half.1 pipe 2>said &
pid=$!
exec 9>pipe
head -c 300 half.2 >&9
until [ -e .half.1.duplicates.tritter-partial ]; do sleep 0.05; done
sleep 0.1
kill -TERM $pid
code=0
wait $pid || code=$?
exec 9>&-
[ $code = 143 ] && [ ! -s said ] && [ ! -e .half.1.duplicates.tritter-partial ] && [ ! -e pipe.duplicates ]
