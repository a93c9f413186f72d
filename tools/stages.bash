# shellcheck shell=bash disable=SC2154,SC2034  # the variables are run.sh's
#
# stages.bash - run.sh: which stages are finished, and running the others (sourced by run.sh)
#
# A finished stage leaves a stamp in RUN/stages: the settings that its result depends on, and the stamp of the stage before it. When they are
# the same again, it is not run again.

# prints the settings that a stage's result depends on; a stamp consists of these and of the earlier stages' stamps
settings() {
    case $1 in
    setup|build) ;;
    fetch) echo "corpus=$corpus tokens=$tokens mix=$mix hub=${HF_ENDPOINT:-}" ;;
    tokenize) echo "data=$data vocab=$vocab seed=$seed text=$(text_facts | sha256sum)" ;;
    shard) echo "seed=$seed" ;;
    train) echo "recipe=$recipe preset=$preset shape=${shape[*]} steps=$steps batch=$batch optimizer=$optimizer mix=$mix${own_mix:+ as given} seed=$seed args=$train_args${stream:+ first=$first}" ;;
    eval|sample) echo "model=$(readlink "$run/model/latest" 2>/dev/null)" ;;
    esac
}

declare -A before=([shard]=tokenize [train]=shard [eval]=train [sample]=train)
[ -z "$stream" ] || before[train]=tokenize

stamp() {       # the text a finished stage leaves: its settings and its predecessor's stamp
    settings "$1"
    [ -z "${before[$1]:-}" ] || cat "$stamps/${before[$1]}" 2>/dev/null || true
}

finished() {
    [ "$1" != setup ] && [ "$1" != build ] || return 1      # these are quick, and check by themselves what is to be done
    [ -f "$stamps/$1" ] && [ "$(stamp "$1")" = "$(cat "$stamps/$1")" ]
}

# Called in a job: the job's process group gets TERM when this script has ended in any way, even by kill -9. The script
# alone holds the write end of a pipe, which is closed then.
end_with_script() {
    exec {alive}>&-
    { read -r _ <&"$ends" || kill -TERM 0; } &
    # shellcheck disable=SC2064  # expanded now, on purpose
    trap "kill $! 2>/dev/null || true" EXIT
}

# Waits for the last job, which has a process group of its own, and passes signals on to it, so that a signal to this
# script alone also stops its programs.
wait_for_group() {
    local group=$! signal status=0
    for signal in INT TERM HUP; do
        # shellcheck disable=SC2064  # expanded now, on purpose
        trap "kill -$signal -- -$group 2>/dev/null" "$signal"
    done
    while wait "$group"; status=$?; kill -0 "$group" 2>/dev/null; do :; done      # a signal ends wait early
    trap - INT TERM HUP
    return $status
}

run_stage() {
    local began=$SECONDS
    [ "$1" = setup ] || [ "$1" = build ] || printf '\n== %s\n' "$1"
    case $1 in tokenize|train) plan ;; eval) [ -z "$stream" ] || plan ;; esac
    # a train stage that was interrupted with equal settings is resumed; in all other cases training starts afresh
    if [ "$1" = train ]; then
        fresh=1
        [ -z "${redo:-}" ] && [ "$(stamp train)" = "$(cat "$stamps/train.begun" 2>/dev/null)" ] && fresh=
        # what other settings left goes first: a run that is killed before its first step must not be taken for theirs
        [ -z "$fresh" ] || { only_run "$run/model.building"; rm -rf "$run/model.building"; }
        stamp train >"$stamps/train.begun"
    fi
    local status made_of
    made_of=$(stamp "$1") || exit 1         # if the text changes later, the next run notices
    [ "$1" = train ] || rm -f "$stamps/$1"  # an existing model stays until a new one is complete
    set +e                      # in a condition, set -e would be off inside
    if [ "$1" = setup ] || [ "$1" = build ]; then
        (set -e; "stage_$1")
    else
        set -m; (set -e; trap : INT TERM HUP; end_with_script; "stage_$1") & set +m     # the shell lives on until train has saved
        wait_for_group
    fi
    status=$?
    set -e
    [ $status -eq 0 ] ||
        code=$status fail "stage $1 failed; the same command${redo:+, without naming a stage,} goes on from here"
    printf '%s\n' "$made_of" >"$stamps/$1"
    echo "$1 $((SECONDS - began))" >>"$stamps/seconds"
    [ "$1" = setup ] || [ "$1" = build ] || echo "run.sh: $1 took $((SECONDS - began)) s"
}
