#!/usr/bin/env bash
# run.sh - raw text to a trained model, in one command
#
# The stages are setup, build, fetch, tokenize, shard, train, eval and sample. A finished stage is
# not run again unless something that it depends on has changed.
set -euo pipefail
unset CDPATH
root=$(cd "$(dirname "$0")" && pwd)

usage() {
    cat <<'END'
run.sh - raw text to a trained model, in one command

usage: ./run.sh [options] [STAGE...]

Without a STAGE: does every stage that is not finished yet. With one or more:
redoes just those, from what the earlier ones left.

stages:  setup      install missing packages (tools/setup)
         build      compile
         fetch      with --corpus: bring the text of every domain, into RUN/text
         tokenize   learn a vocabulary from a sample of the text
         shard      tokenize, shuffle and store every domain
         train      mix the domains and train a model; goes on from the last checkpoint if it was interrupted
         eval       loss, perplexity and bits per byte on held-out text
         sample     let the model write

options:
      --recipe NAME     fast: what ended lowest in measured runs, with a model
                        that fits the minutes and this machine's speed; plan:
                        AdamW, and a decay over the last 19 %        (fast)
  -m, --preset NAME     size of the model: bin/train --list-presets
                                          (fast: by the minutes; plan: nano)
      --data DIR        text of your own: DIR/DOMAIN.train.jsonl[.zst] with
                        optional DIR/DOMAIN.val.jsonl[.zst], or DIR/DOMAIN/;
                        domains language code math ml logic. Code defaults to
                        this machine's Python library.  (built-in generator)
      --corpus plan     text from the Hugging Face Hub: what bin/fetch --plan
                        chooses for --mix and --tokens; what is in the hub's
                        cache is not downloaded again
      --tokens N        with --corpus: tokens to train on: 2B, 500M, 200k
      --stream          with --corpus: begin with the first text, while the rest
                        arrives; text is not kept, its tokens are
      --first N         with --stream: tokens of the first round      (200000)
      --run DIR         where everything goes (runs/demo, runs/real, runs/plan)
      --minutes N       training time to plan for; the number of steps follows
                        from this machine's speed            (6 demo, 19 real)
      --steps N         optimizer steps, instead of --minutes
      --batch N         sequences a step
                    (with the model; 8 demo, 16 real; 64 --corpus, but nano 16)
      --optimizer NAME  muon or adamw                           (the recipe's)
      --device NAME     auto (a GPU where there is one), cpu, cuda     (auto)
      --vocab N         size of the vocabulary
      (with the model; 4096 demo, 8192 real; 65536 --corpus, but nano 8192)
      --mix 'W...'      weights of the five domains          (40 25 15 10 10,
                        but less where a small text would be read often)
      --seed N          seed of everything                                 (7)
      --from STAGE      redo this stage and all after it
      --train 'ARGS'    more options for bin/train, e.g. '--lr 2e-3'
  -h, --help

The model and the number of steps that were chosen are kept in RUN/plan, so that
the same command gives the same model.
END
}

all_stages=(setup build fetch tokenize shard train eval sample)
domains=(language code math ml logic)
recipe=fast preset= data= corpus= tokens= stream= first=200000 run= steps= minutes= batch= optimizer= device=auto vocab= mix='40 25 15 10 10' own_mix= seed=7 from= train_args=
asked=()

fail() { echo "run.sh: $*" >&2; exit "${code:-1}"; }
misuse() { code=2 fail "$* (./run.sh --help)"; }
is_stage() { case " ${all_stages[*]} " in *" $1 "*) return 0 ;; esac; return 1; }

while [ $# -gt 0 ]; do
    option=$1
    case $1 in --*=*) option=${1%%=*}; set -- "$option" "${1#*=}" "${@:2}" ;; esac
    case $option in
    -h|--help) usage; exit 0 ;;
    --stream) stream=1; shift ;;
    --recipe|-m|--preset|--data|--corpus|--tokens|--first|--run|--steps|--minutes|--batch|--optimizer|--device|--vocab|--mix|--seed|--from|--train)
        [ $# -ge 2 ] || misuse "$option needs a value"
        case $option in
        --recipe) recipe=$2 ;; -m|--preset) preset=$2 ;; --data) data=$2 ;; --corpus) corpus=$2 ;; --tokens) tokens=$2 ;; --first) first=$2 ;; --run) run=$2 ;; --steps) steps=$2 ;;
        --minutes) minutes=$2 ;; --batch) batch=$2 ;;
        --optimizer) optimizer=$2 ;; --device) device=$2 ;;
        --vocab) vocab=$2 ;; --mix) mix=$2 own_mix=1 ;; --seed) seed=$2 ;; --from) from=$2 ;; --train) train_args=$2 ;;
        esac
        shift 2 ;;
    -*) misuse "unknown option '$1'" ;;
    *)  is_stage "$1" || misuse "no stage '$1'; there are: ${all_stages[*]}"
        asked+=("$1"); shift ;;
    esac
done
[[ $seed =~ ^[0-9]+$ ]] || misuse "--seed: '$seed' is not a number"
for n in ${batch:+"$batch"} ${steps:+"$steps"} ${minutes:+"$minutes"} ${vocab:+"$vocab"}; do
    [[ $n =~ ^[1-9][0-9]*$ ]] || misuse "'$n' is not a number above 0"
done
case $recipe in fast) : "${optimizer:=muon}" ;; plan) : "${optimizer:=adamw}" ;; *) misuse "no recipe '$recipe'" ;; esac
case $optimizer in muon|adamw) ;; *) misuse "no optimizer '$optimizer'" ;; esac
case $device in auto|cpu|cuda) ;; *) misuse "no device '$device'" ;; esac
[ -z "$from" ] || is_stage "$from" || misuse "no stage '$from'"
[ -z "$data" ] || { [ -d "$data" ] && data=$(cd "$data" && pwd); } || fail "no directory '$data'"
[ -n "$corpus" ] || case " ${asked[*]} $from " in *' fetch '*) misuse "the stage fetch is of --corpus" ;; esac
read -ra weights <<<"$mix"
[ ${#weights[@]} -eq 5 ] || misuse "--mix needs five weights, for: ${domains[*]}"
for n in "${weights[@]}"; do [[ $n =~ ^[0-9]+(\.[0-9]+)?$ ]] || misuse "--mix: '$n' is not a weight"; done

if [ -n "$corpus" ]; then
    [ "$corpus" = plan ] || misuse "no corpus '$corpus'; there is: plan"
    [ -z "$data" ] || misuse "--corpus and --data exclude each other"
    for n in "$tokens" "$first"; do [[ $n =~ ^[1-9][0-9]*[kMB]?$ ]] || misuse "--corpus needs --tokens: 2B, 500M, 200k"; done
    tokens=${tokens/%k/000} tokens=${tokens/%M/000000} tokens=${tokens/%B/000000000}
    first=${first/%k/000} first=${first/%M/000000} first=${first/%B/000000000}
    : "${run:=$root/runs/${stream:+stream-}plan}" "${preset:=nano}"
    usual_vocab=65536 usual_batch=64
    [ "$preset" != nano ] || usual_vocab=8192 usual_batch=16
elif [ -n "$tokens$stream" ]; then
    misuse "--tokens and --stream go with --corpus"
elif [ -n "$data" ]; then
    : "${run:=$root/runs/real}" "${minutes:=19}"
    usual_vocab=8192 usual_batch=16
else
    : "${run:=$root/runs/demo}" "${minutes:=6}"
    usual_vocab=4096 usual_batch=8
fi
mkdir -p "$run" && run=$(cd "$run" && pwd)
[ -z "$corpus" ] || data=$run/text
# shellcheck source=tools/corpus.bash
[ -z "$corpus" ] || . "$root/tools/corpus.bash"
# shellcheck source=tools/budget.bash
. "$root/tools/budget.bash"
# shellcheck source=tools/stages.bash
. "$root/tools/stages.bash"
bin=$root/bin tools=$root/tools stamps=$run/stages
# under `make VARIANT=asan test` the programs of that build are used
[ "${VARIANT:=release}" = release ] || bin=$root/build/$VARIANT/bin tools=$root/build/$VARIANT/tools
cd "$root"

# Sets row_tokens, the preset's tokens a row, from the table that train prints. Returns 1 when train is not built yet.
ask_preset() {
    local table
    table=$("$bin/train" --list-presets 2>/dev/null) || return 1
    row_tokens=$(awk -v name="${preset:-nano}" '$1 == name {print $9}' <<<"$table")
    [ -n "$row_tokens" ] || misuse "no preset '$preset' (bin/train --list-presets)"
}
row_tokens=
ask_preset || true
mkdir -p "$stamps"

# --- text ------------------------------------------------------------------

# megabytes of generated text for each domain, enough that training sees nothing twice
demo_size() { case $1 in language) echo 8MB ;; code) echo 6MB ;; *) echo 3MB ;; esac; }

# prints the arguments, one a line, with which `fetch --cat` writes DOMAIN's SPLIT (train, val); nothing when there is no such text
source_of() {
    local domain=$1 split=$2 f
    if [ -z "$data" ]; then
        [ "$split" != train ] || printf '%s\n' "demo:$domain" --seed "$seed" --limit "$(demo_size "$domain")"
        return 0
    fi
    for f in "$data/$domain.$split".{jsonl,jsonl.zst,jsonl.gz,jsonl.lz4,json,txt}; do
        [ -f "$f" ] && { echo "$f"; return; }
    done
    [ "$split" = train ] || return 0
    [ -d "$data/$domain" ] && { echo "$data/$domain"; return; }
    if [ "$domain" = code ]; then
        for f in /usr/lib/python3.[0-9]*; do [ -f "$f/ast.py" ] && { printf '%s\n' "$f" --glob '*.py'; return; }; done
        fail "no code: neither $data/code.train.jsonl nor a Python library in /usr/lib"
    fi
    fail "$data: no $domain.train.jsonl[.zst] and no directory $domain/"
}

documents() {   # DOMAIN SPLIT [OPTION...]: JSON lines on stdout
    local list words
    if [ -n "$stream" ]; then
        planned_documents "$1" "${@:3}"
        return
    fi
    list=$(source_of "$1" "$2") || exit 1
    mapfile -t words <<<"$list"
    "$bin/fetch" --quiet "${@:3}" --cat "${words[@]}" --domain "$1"
}

has_val() { [ -n "$(source_of "$1" val)" ]; }

# Prints facts that change when the text does: its source, and name, size and time of each file.
text_facts() {
    local d split list path
    [ -z "$stream" ] || { cat "$run/text.plan"; return; }
    for d in "${domains[@]}"; do
        for split in train val; do
            list=$(source_of "$d" "$split") || exit 1
            printf '%s %s: %s\n' "$d" "$split" "$list"
            path=${list%%$'\n'*}
            if [ -d "$path" ]; then
                find "$path" -type f -printf '%P %s %T@\n' | LC_ALL=C sort
            elif [ -f "$path" ]; then
                stat -L -c '%s %.9Y' "$path"
            fi
        done
    done
}

# Fails when DIR holds a name that does not match PATTERN: files that run.sh did not make are not removed.
only() {        # DIR PATTERN
    local f
    for f in "$1"/* "$1"/.[!.]*; do
        [ -e "$f" ] || [ -L "$f" ] || continue
        [[ ${f##*/} =~ ^($2)$ ]] || fail "$f: not made by run.sh, so ${1#"$root"/} will not be replaced; move it, or choose another --run"
    done
}
only_shards() { only "$1" 'val|manifest\.json|[0-9]{6}\.tok(\.zst|\.lz4)?'; }
only_run() { only "$1" 'latest|best|latest-finished|checkpoints|(metrics|ledger|alerts)\.jsonl|config\.json|\.lock|\.tmp-.*|\..*\.tritter-partial'; }

# --- stages ----------------------------------------------------------------

stage_setup() { tools/setup build; }
stage_build() {
    if [ -t 1 ]; then make --no-print-directory all; else make --no-print-directory -s all; fi
}

stage_tokenize() {
    local d sample=16MB
    [ -z "$stream" ] || sample=4MB          # it must have come before the first step
    [ -n "$stream" ] || for d in "${domains[@]}"; do source_of "$d" train >/dev/null; done      # a domain that is missing shows at once
    for d in "${domains[@]}"; do documents "$d" train --limit "$sample" || exit 1; done |
        "$bin/tokenize" train -n "$vocab" -o "$run/tok.json" -
}

make_shards() {         # DOMAIN SPLIT DIR SHARE: SHARE is held out
    documents "$1" "$2" | "$bin/tokenize" -t "$run/tok.json" |
        "$bin/shard" --quiet -o "$3" --seed "$seed" --val "$4" >/dev/null
}

stage_shard() {
    local d share
    for d in "${domains[@]}"; do
        if has_val "$d"; then
            make_shards "$d" train "$run/tokens/$d" 0
            make_shards "$d" val "$run/tokens/$d.val" 0
        else
            for share in "$held_out" 4% 20%; do       # of little text 1% may be no document
                make_shards "$d" train "$run/tokens/$d" "$share"
                [ ! -e "$run/tokens/$d/val/000000.tok" ] || break
            done
            only_shards "$run/tokens/$d.val"        # of earlier text
            rm -rf "$run/tokens/$d.val"
        fi
    done
}

# A small text must give a larger share, so that any document is held out.
held_out=1%
[ -z "$corpus" ] || [ "$tokens" -gt 50000000 ] || held_out=4%
[ -z "$corpus" ] || [ "$tokens" -gt 1000000 ] || held_out=10%

val_of() {      # DOMAIN
    if [ -n "$stream" ]; then stream_val "$1"
    elif [ -d "$run/tokens/$1.val" ]; then echo "$run/tokens/$1.val"; else echo "$run/tokens/$1/val"; fi
}

# Runs mix with mix_args, and train with vals and begin, up to the end of either.
mix_and_train() {
    local mixer status=0
    "$bin/mix" "${mix_args[@]}" --dry-run >/dev/null || return      # what is wrong shows here; train would wait for the ring
    "$bin/mix" --quiet "${mix_args[@]}" -o "ring:run-$$" &
    mixer=$!
    # shellcheck disable=SC2086  # split into words on purpose
    "$bin/train" --recipe "$recipe" -m "${preset:-nano}" "${shape[@]}" -t "$run/tok.json" -i "ring:run-$$" -o "$run/model.building" \
        --steps "$steps" --seed "$seed" --optimizer "$optimizer" --device "$device" --doc-mask "${vals[@]}" "${begin[@]}" $train_args || status=$?
    [ $status -eq 0 ] || kill $mixer 2>/dev/null || true    # it would wait for a reader
    wait $mixer || [ $status -ne 0 ] || status=1
    return $status
}

# The shards are all there: the whole training at once.
train_shards() {
    local i d
    [ "$recipe" != fast ] || [ -n "$own_mix" ] || spare_small_texts
    mix_args+=(--steps "$steps" --start-step "$start") vals=("${val_tokens[@]}")
    for i in "${!domains[@]}"; do
        d=${domains[i]}
        mix_args+=("$d=${weights[i]}:$run/tokens/$d")
        vals+=(--val "$d=$(val_of "$d")")
    done
    mix_and_train
}

# Trains in model.building, which replaces model when it is complete.
stage_train() {
    local start=0 seen=$((steps * batch * row_tokens)) mix_args=() vals=() val_tokens=() begin=(--overwrite)
    only_run "$run/model"
    only_run "$run/model.building"
    # eight times five domains are then a third of the tokens trained on, and less than a tenth of the time: forward only
    val_tokens=(--val-tokens "$((seen / 128 < 16384 ? seen / 128 + 1 : 16384))")
    if [ -z "$fresh" ]; then
        start=$("$bin/train" --print-step "$run/model.building")
        begin=(--resume)
    fi
    mix_args=(-T "$row_tokens" -B "$batch" --seed "$seed")
    echo "run.sh: to watch it, from another terminal here: bin/monitor"
    if [ -n "$stream" ]; then train_stream; else train_shards; fi
    rm -f "$stamps/train"
    only_run "$run/model.old"
    rm -rf "$run/model.old"
    [ ! -e "$run/model" ] || mv -T "$run/model" "$run/model.old"
    mv -T "$run/model.building" "$run/model"
    rm -rf "$run/model.old"
}

stage_eval() {
    local d words=()
    for d in "${domains[@]}"; do words+=(--data "$d=$(val_of "$d")"); done
    "$bin/eval" "$run/model/latest" "${words[@]}" --device "$device" --doc-mask --limit 100000 -o "$run/eval.json" | tee "$run/eval.txt"
}

stage_sample() {
    local i=0 prompt prompts
    prompts=('Once upon a time' $'# Python\ndef' $'What is 7 + 5?\n' $'Question: What is dropout?\nAnswer:'
             $'All cats are mammals. All mammals are animals. Are all cats animals?\nAnswer:')
    [ -z "$data" ] || prompts=('It was a dark night' 'def read(self' 'Tom has 5 apples. He buys 3 more. How many apples does he have?'
                               'The gradient of the loss' $'Premises:\n')
    for prompt in "${prompts[@]}"; do
        printf -- '--- %s ---\n' "${domains[i]}"
        "$bin/sample" "$run/model/latest" -p "$prompt" -n 120 --device "$device" --seed "$seed" --temperature 0.4 --top-p 0.95
        echo; i=$((i + 1))
    done | tee "$run/samples.txt"
    "$tools/report" --quiet "$run/model" -o "$run/report.html"
    echo "run.sh: the model is $run/model/latest, the report $run/report.html"
}

# --- which stages to run ----------------------------------------------------------

rm -f "$stamps/alive"
mkfifo -m 600 "$stamps/alive"
# shellcheck disable=SC2094  # a FIFO, opened for both
exec {alive}<>"$stamps/alive" {ends}<"$stamps/alive"
rm "$stamps/alive"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
if [ ${#asked[@]} -gt 0 ]; then
    for s in "${asked[@]}"; do redo=1 run_stage "$s"; done
else
    redo=
    for s in "${all_stages[@]}"; do
        [ "$s" != fetch ] || [ -n "$corpus" ] || continue
        [ "$s" != shard ] || [ -z "$stream" ] || continue       # it is a part of train
        [ "$s" != tokenize ] || plan
        [ "$s" != "$from" ] || redo=1
        if [ -z "$redo" ] && finished "$s"; then
            echo "== $s: finished earlier"
        else
            run_stage "$s"
        fi
    done
    printf '\n== done in %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
    cat "$run/eval.txt"
fi
cat <<END

model       ${run#"$root"/}/model/latest        a Hugging Face model directory
metrics     ${run#"$root"/}/model/metrics.jsonl
evaluation  ${run#"$root"/}/eval.json
samples     ${run#"$root"/}/samples.txt
try         bin/sample ${run#"$root"/}/model/latest -p 'Once upon a time'
END
