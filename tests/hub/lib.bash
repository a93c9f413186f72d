# lib.bash - for scripts that need a hub of their own: sourced, with ROOT and BIN set, in an empty directory
#
# hub_start [OPTION...] serves ./hub (tests/hub/repos.py) and sets HF_ENDPOINT, HF_HOME=./home and the ports. `control` takes
# rules (tests/hub/faults.py), `requests` counts lines of the log that match a pattern.
command -v python3 >/dev/null || { echo 'python3 is not installed'; exit 77; }
unset HF_TOKEN HUGGING_FACE_HUB_TOKEN HF_TOKEN_PATH HF_HUB_CACHE HF_HUB_OFFLINE HF_HUB_DOWNLOAD_TIMEOUT SSL_CERT_FILE
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export HF_HOME=$PWD/home XDG_CACHE_HOME=$PWD/caches

hub_start() {
    rm -f hub.ready
    python3 "$ROOT/tests/hub/hub.py" hub --ready hub.ready --log hub.log --control hub.control "$@" 2>hub.err &
    hub_pid=$!
    trap 'kill $hub_pid 2>/dev/null || true' EXIT
    for _ in $(seq 200); do
        [ -e hub.ready ] && break
        kill -0 $hub_pid 2>/dev/null || { cat hub.err; exit 1; }
        sleep 0.05
    done
    . ./hub.ready
    export HF_ENDPOINT=http://127.0.0.1:$PORT
    : >hub.log
}
control() { echo "[$*]" >hub.control.new && mv hub.control.new hub.control; }
requests() { grep -c -- "$1" hub.log || true; }
git_hash() { { printf 'blob %d\0' "$(stat -c %s "$1")"; cat "$1"; } | sha1sum | cut -d ' ' -f 1; }
