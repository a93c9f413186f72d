# train --sample-every: texts in metrics.jsonl, the same after a resume, without a change to what is trained
. "$ROOT/tests/cli/train_data.bash"
texts=(--sample-every 4 --sample-prompt 'Once upon' --sample-prompt 'What is' --sample-tokens 12)
batches 10 | train plain 10
batches 10 | train whole 10 "${texts[@]}"
same plain whole
[ "$(grep -c '"type":"sample"' whole/metrics.jsonl)" = 6 ] # after steps 4, 8 and the last
grep '"type":"sample"' whole/metrics.jsonl | grep -q '"step":4,"prompt":"Once upon","text":".'
batches 6 | train parts 10 "${texts[@]}" 2>/dev/null || true
batches 10 6 | train parts 10 --resume "${texts[@]}"
cmp <(grep '"type":"sample"' whole/metrics.jsonl) <(grep '"type":"sample"' parts/metrics.jsonl)
"$BIN/monitor" --once whole --pane samples >screen.txt
grep -q 'step 10: What is' screen.txt
expect 2 '--sample-every: --sample-prompt TEXT is missing' train none 10 --sample-every 4
