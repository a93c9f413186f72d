# shellcheck shell=bash disable=SC2154,SC2034  # the variables are run.sh's
#
# budget.bash - run.sh: the model and the number of steps that fit into the minutes, and the weights of small texts (sourced by run.sh)

measure() {     # FIELD REPEATS [OPTION...]: what train-bench measures of this preset here, as a whole number
    "$tools/train-bench" -m "${preset:-nano}" -T "$row_tokens" --optimizer "$optimizer" --device "$device" --repeats "$2" --json "${@:3}" |
        sed "s/.*\"$1\": \([0-9]*\).*/\1/"
}

# Chooses the shape of the model for the computation that fits into --minutes, by a table of measurements in train.
choose_shape() {
    local flop layers width heads ffn v b
    flop=$(($(measure gflops 1 -B 8 --vocab 4096) * minutes * 55))e9
    read -r layers width heads ffn v b < <("$bin/train" --print-shape "$flop")
    shape=(--layers "$layers" --width "$width" --heads "$heads" --ffn "$ffn")
    : "${vocab:=$v}" "${batch:=$b}"
    echo "run.sh: recipe fast: $minutes minutes are $flop operations here: $layers layers of width $width, vocabulary $vocab, $batch rows a step"
}

# Decides the model and the number of steps that fit into --minutes on this machine. The speed is measured once, and the
# plan is kept in RUN/plan. One second in twelve is left for validation and checkpoints.
shape=() planned=
plan() {
    [ -z "$planned" ] || return 0
    planned=1
    [ -n "$row_tokens" ] || ask_preset || fail "$bin/train does not list its presets"
    local want="$recipe $preset $optimizer $batch $vocab $minutes $device" speed
    if [ -z "$steps" ] && [ "$(sed -n 1p "$run/plan" 2>/dev/null)" = "$want" ]; then
        read -r steps batch vocab < <(sed -n 2p "$run/plan")
        read -ra shape < <(sed -n 3p "$run/plan")
        return
    fi
    [ -n "$steps$preset" ] || [ "$recipe" != fast ] || choose_shape
    : "${batch:=$usual_batch}" "${vocab:=$usual_vocab}"
    [ -z "$corpus" ] || : "${steps:=$((tokens / (batch * row_tokens) + 1))}"
    [ -z "$stream" ] || plan_rounds
    [ -z "$steps" ] || return 0
    speed=$(measure tokens_per_s 7 -B "$batch" --vocab "$vocab" "${shape[@]}")
    steps=$((minutes * 55 * speed / (batch * row_tokens) + 1))
    printf '%s\n%s\n%s\n' "$want" "$steps $batch $vocab" "${shape[*]}" >"$run/plan"
    echo "run.sh: $speed tokens/s here: $steps steps in about $minutes minutes"
}

# Lowers the weights of texts that would be read more than three times, for they are then learnt by heart, to the harm of all
# (docs/results/recipe.md); the others take their share.
spare_small_texts() {
    local d i sizes=() usual=("${weights[@]}")
    for d in "${domains[@]}"; do
        [ -f "$run/tokens/$d/manifest.json" ] || return 0       # mix says that it is missing
        sizes+=("$(sed -n 's/^ "tokens": \([0-9]*\),$/\1/p' "$run/tokens/$d/manifest.json")")
    done
    read -ra weights < <(awk -v weights="${weights[*]}" -v tokens="${sizes[*]}" -v seen=$((steps * batch * row_tokens)) 'BEGIN {
        n = split(weights, w, " "); split(tokens, t, " ")
        for (i = 1; i <= n; i++) sum += w[i]
        for (left = 1; sum > 0; ) {         # left: share of the texts that are not lowered
            for (i = 1; i <= n; i++) if (!lowered[i] && w[i] > 0 && w[i] / sum * left * seen > 3 * t[i]) break
            if (i > n) break
            lowered[i] = 3 * t[i] / seen
            left -= lowered[i]; sum -= w[i]
        }
        for (i = 1; i <= n; i++) printf "%.6g ", (sum > 0 ? 100 * (lowered[i] ? lowered[i] : w[i] / sum * left) : w[i])
        print ""
    }')
    for i in "${!domains[@]}"; do
        awk -v a="${usual[i]}" -v b="${weights[i]}" 'BEGIN {exit !(b < a - 1e-6)}' || continue
        echo "run.sh: ${domains[i]} has ${sizes[i]} tokens: its weight is ${weights[i]} % instead of ${usual[i]}, so that it is read three times (--mix decides otherwise)"
    done
}
