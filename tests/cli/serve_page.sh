# sample --serve: its page in headless Chromium
command -v python3 >/dev/null && command -v chromium >/dev/null || { echo 'no python3, or no chromium'; exit 77; }
. "$ROOT/tests/cli/train_data.bash"
batches 60 | train a 60
"$BIN/sample" a --serve :0 --quiet >address &
server=$!
trap 'kill "$server" 2>/dev/null || true' EXIT
for _ in $(seq 1000); do [ -s address ] && break; sleep 0.05; done
python3 "$ROOT/tests/cli/serve_page.py" "$(cat address)" "${PICTURES:-.}"
