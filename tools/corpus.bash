# shellcheck shell=bash disable=SC2154,SC2034  # the variables are run.sh's
#
# corpus.bash - run.sh --corpus: text from the hub, as bin/fetch --plan chooses it (sourced by run.sh)
#
# With --stream, training begins with the first text, while the rest arrives. The training has rounds, each twice as long
# as the one before. A round reads text that no other reads: of every domain the next piece, tokenised and sharded as
# RUN/tokens/DOMAIN/ROUND. Background jobs make the pieces in order, from one pass over the domain's corpora. A round
# begins when its piece is there for every domain, and goes on from the checkpoint of the one before. How long rounds are
# follows from the settings, not from the network, so a run that is repeated is the same.
#
# As a program, `corpus.bash DOMAIN ROUND` makes one piece of its standard input.

# The mix as fetch --plan takes it.
mix_words() {
    local i
    for i in "${!domains[@]}"; do [ "${weights[i]}" = 0 ] || printf '%s=%s ' "${domains[i]}" "${weights[i]}"; done
}

# Makes RUN/text/DOMAIN/CORPUS.jsonl.zst by the commands of the plan; files of an earlier plan go.
stage_fetch() {
    local line file made commands keep=$'\n'
    if [ -n "$stream" ]; then
        "$bin/fetch" --plan "$(mix_words)" --tokens "$tokens" | tee "$run/text.plan"
        "$bin/fetch" --plan "$(mix_words)" --tokens "$tokens" --json >"$run/text.json"
        return
    fi
    "$bin/fetch" --plan "$(mix_words)" --tokens "$tokens" -o "$run/text" | tee "$run/text.plan"
    "$bin/fetch" --plan "$(mix_words)" --tokens "$tokens" -o "$run/text" --json >"$run/text.json"
    mapfile -t commands < <(grep '^bin/fetch ' "$run/text.plan")
    for line in "${commands[@]}"; do
        keep+=$(eval "\"\$bin/fetch\" ${line#bin/fetch }")$'\n'      # fetch quotes its words for the shell
    done
    for file in "$run"/text/*/*.jsonl.zst; do
        [ -e "$file" ] && [[ $keep != *$'\n'"$file"$'\n'* ]] || continue
        made=${file%/*}/.${file##*/}.made               # fetch's note on what is its own
        [ -e "$made" ] || fail "$file: not made by run.sh, so it will not be removed; move it, or choose another --run"
        rm -f "$file" "$made"
    done
}

# The commands that the plan has for a domain, as fetch takes their words: the source and its limit, quoted for the shell.
planned_sources() {     # DOMAIN
    sed -n "s|^bin/fetch -o text/$1 \(.*\)   # .*|\1|p" "$run/text.plan"
}

planned_documents() {   # DOMAIN [OPTION...]: JSON lines on stdout
    local line
    while IFS= read -r line; do eval "\"\$bin/fetch\" --quiet --cat --domain $1 $line \"\${@:2}\"" || exit 1; done < <(planned_sources "$1")
}

# --- rounds ----------------------------------------------------------------

MAX_ROUNDS=8
BYTES_A_TOKEN=4         # of JSON lines: what pieces are measured by

# Sets n_rounds and round_end: round k ends before step round_end[k].
plan_rounds() {
    local k
    n_rounds=1
    while [ $n_rounds -lt $MAX_ROUNDS ] && [ $((tokens / (2 ** (n_rounds + 1) - 1))) -ge "$first" ]; do n_rounds=$((n_rounds + 1)); done
    round_end=()
    for ((k = 1; k <= n_rounds; k++)); do round_end+=($((steps * (2 ** k - 1) / (2 ** n_rounds - 1)))); done
}

# The tokens of a domain's text that will be read: what the mix needs of it, or all there is.
text_tokens() { # DOMAIN
    awk -F'[",: ]+' -v domain="$1" '$2 == "domain" {d = $3} d == domain && $2 == "needs" {n = $3} d == domain && $2 == "read_then" {t = $3}
        END {printf "%.0f\n", (t > 1 ? n / t : n)}' "$run/text.json"
}

# Reads a piece of a domain's documents and makes its shards, unless they are there.
stream_sink() { # DOMAIN ROUND
    set -o pipefail
    if [ -e "$run/tokens/$1/$2/manifest.json" ]; then cat >/dev/null; return; fi
    "$bin/tokenize" --quiet -t "$run/tok.json" | "$bin/shard" --quiet -o "$run/tokens/$1/$2" --seed "$seed" --val "$held_out" >/dev/null
}

stream_domain() {       # DOMAIN
    local first_piece=$(($(text_tokens "$1") * BYTES_A_TOKEN / (2 ** n_rounds - 1)))
    [ ! -e "$run/tokens/$1/complete" ] || return 0
    mkdir -p "$run/tokens/$1"
    documents "$1" train | LC_ALL=C awk -v domain="$1" -v rounds="$n_rounds" -v piece="$first_piece" '
        function sink() { return "exec bash \"$corpus_bash\" " domain " " k }
        function end() { if (close(sink()) != 0) { failed = 1; exit 1 } }
        BEGIN { k = 0 }
        { print | sink(); seen += length($0) + 1 }
        k < rounds - 1 && seen >= piece * (2 ^ (k + 1) - 1) { end(); k++ }
        END { if (!failed && NR > 0) end() }'
    : >"$run/tokens/$1/complete"
}

# Pieces of other text, or cut in another way, go.
drop_pieces() {
    local d
    for d in "${domains[@]}"; do
        only "$run/tokens/$d" '[0-9]+|complete|\.[0-9]+\.(tritter-partial|building)'
        rm -rf "$run/tokens/$d"
    done
}

stream_all() {
    local d jobs=() job status=0
    export bin run seed held_out corpus_bash=$root/tools/corpus.bash
    for d in "${domains[@]}"; do (set -e; stream_domain "$d") & jobs+=($!); done
    for job in "${jobs[@]}"; do wait "$job" || status=1; done
    return $status
}

# The shards of a domain for a round, once they are there. Where the text has ended before, those of the last round it has.
round_dir() {   # DOMAIN ROUND
    local dir=$run/tokens/$1 k=$2
    while [ ! -e "$dir/$k/manifest.json" ]; do
        [ -e "$dir/complete" ] && [ "$k" -gt 0 ] || return 0
        k=$((k - 1))
    done
    echo "$dir/$k"
}

# stream_val prints the directory of the last round's held-out documents, of the rounds that held any out.
stream_val() {  # DOMAIN
    local k
    for ((k = n_rounds - 1; k > 0; k--)); do [ ! -e "$run/tokens/$1/$k/val/000000.tok" ] || break; done
    echo "$run/tokens/$1/$k/val"
}

wait_for_round() {      # ROUND FEEDER
    local d alive
    for d in "${domains[@]}"; do
        while alive=$(kill -0 "$2" 2>/dev/null && echo yes); [ -z "$(round_dir "$d" "$1")" ]; do
            [ -n "$alive" ] || fail "the text of $d did not come"
            sleep 0.1
        done
    done
}

# Trains from step `start` on, round by round, with mix_args, vals and begin of stage_train.
train_stream() {
    local k i d feeder status=0 from=0 common=("${mix_args[@]}")
    [ -z "$fresh" ] || drop_pieces
    stream_all &
    feeder=$!
    for ((k = 0; k < n_rounds; from = round_end[k], k++)); do
        [ "$start" -lt "${round_end[k]}" ] || continue
        wait_for_round $k $feeder
        mix_args=("${common[@]}" --steps $((round_end[k] - from)) --start-step $((start - from)) --number-from "$from") vals=("${val_tokens[@]}")
        for i in "${!domains[@]}"; do
            d=${domains[i]}
            mix_args+=("$d=${weights[i]}:$(round_dir "$d" $k)")
            [ ! -e "$run/tokens/$d/0/val/000000.tok" ] || vals+=(--val "$d=$run/tokens/$d/0/val")   # of little text none may be held out
        done
        echo "run.sh: round $((k + 1)) of $n_rounds: to step ${round_end[k]} of $steps"
        mix_and_train || status=$?
        start=$("$bin/train" --print-step "$run/model.building")
        # before its last step train ends with an error, for want of batches
        [ $status -ne 1 ] || [ "$start" -ne "${round_end[k]}" ] || [ "$start" -eq "$steps" ] || status=0
        [ $status -eq 0 ] || { kill $feeder 2>/dev/null || true; return $status; }
        begin=(--resume --allow-mix-change)
    done
    wait $feeder
}

[ "${BASH_SOURCE[0]}" != "$0" ] || stream_sink "$@"
