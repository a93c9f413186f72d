# The forecast of the finished model: what is saved and said, and that training goes on as if nothing had been asked.
. "$ROOT/tests/cli/train_data.bash"
val=(--val math=tokens/math/val --val-tokens 2000 --val-every 20)
batches 60 >all
train plain 60 "${val[@]}" --save-every 20 <all
said() { sed -n "s/.*\"type\":\"val\",\"step\":$2,.*\"$3\":\([0-9.]*\),.*/\1/p" "$1/metrics.jsonl"; }
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }' || { echo "$1 is not below $2"; exit 1; }; }

# asking for forecasts, validating and saving them changes nothing in the run; both losses are said
"$BIN/train" "${model[@]}" -o asked --steps 60 "${val[@]}" --save-every 20 --save-finished <all 2>said
same plain asked
[ "$(said plain 40 loss)" = "$(said asked 40 loss)" ]
[ -z "$(said plain 40 finished_loss)" ]
[ "$(grep -c 'validation: .* finished [0-9]' said)" = 3 ]
[ "$(grep -c 'forecast: loss [0-9.]* ([0-9.]* to [0-9.]*) at the end, in .*; with half the steps [0-9.]*, with twice [0-9]' said)" -ge 10 ]
[ "$(grep -c '"finished_bits_per_byte"' asked/metrics.jsonl)" = 3 ]

# latest-finished is a model of its own, with the loss that was said; --resume does not need it
"$BIN/eval" asked/latest-finished --data math=tokens/math/val --json --dtype bf16 --threads 1 >finished.json
if cmp -s asked/latest/model.safetensors asked/latest-finished/model.safetensors; then exit 1; fi
"$BIN/sample" asked/latest-finished -p 1 -n 5 >sampled
rm -r asked/latest-finished
train asked 60 --resume <all
[ ! -e asked/latest-finished ]

# merge: the model is the forecast, training goes on from the weights; at a constant rate that is the better one
constant=(--lr 2e-2)
train merge 60 "${constant[@]}" --schedule merge "${val[@]}" <all
train flat 60 "${constant[@]}" --schedule constant "${val[@]}" <all
[ "$(said merge 60 loss)" = "$(said flat 60 loss)" ]
below "$(said merge 60 finished_loss)" "$(said merge 60 loss)"
grep -q '"master_in_optimizer": true' merge/latest/trainer/state.json
if cmp -s merge/latest/model.safetensors flat/latest/model.safetensors; then exit 1; fi

# bits over resume, at any step, also where layers join and the averages begin again
deep=(--layers 3 --grow "1@0,3@30" --beta2 0.9 --optimizer muon)
finish=(--schedule wsd --finish auto --save-finished "${deep[@]}" --save-every 7)
train whole 60 "${finish[@]}" "${val[@]}" <all
foreseen() { grep '"type":"forecast"' "$1/metrics.jsonl" | sed 's/,"seconds_left.*//'; }
[ "$(foreseen whole | wc -l)" -ge 1 ]
for at in 13 30 44; do
    batches "$at" | expect 1 "end at step $at" train "at$at" 60 "${finish[@]}" "${val[@]}"
    train "at$at" 60 --layers 3 --resume "${val[@]}" <all
    same whole "at$at"
    [ "$(foreseen whole)" = "$(foreseen "at$at")" ]
    cmp whole/latest/trainer/finish-averages.safetensors "at$at/latest/trainer/finish-averages.safetensors"
    cmp whole/latest-finished/model.safetensors "at$at/latest-finished/model.safetensors"
done

# auto keeps the better of the two, as compared on text that comes
[ "$(grep -c '"type":"finish"' whole/metrics.jsonl)" -ge 9 ]
last=$(grep '"type":"finish"' whole/metrics.jsonl | tail -n 1)
case $last in
*'"finished":true'*) cmp whole/latest/model.safetensors whole/latest-finished/model.safetensors ;;
*) if cmp -s whole/latest/model.safetensors whole/latest-finished/model.safetensors; then exit 1; fi ;;
esac

# a run that was begun without goes on with it; what cannot be together is refused
train plain 60 --resume --override --finish predict <all
batches 40 | expect 1 'end at step 40' train later 60
train later 60 --resume --override --schedule merge --finish predict <all 2>warned
grep -q 'finish "predict": was "decay"' warned
expect 2 'averages weights' train x 60 --state-dtype bf16 --finish predict <all

# bf16 of the model that is saved
train half 60 --schedule merge --save-dtype bf16 <all
batches 30 | expect 1 'end at step 30' train half2 60 --schedule merge --save-dtype bf16
train half2 60 --resume <all
same half half2

# a signal: where the finished model is
mkfifo part
"$BIN/train" "${model[@]}" -o stopped --steps 60 --save-finished <part 2>said & p=$!
exec 9>part
head -c $((128 + 31 * 344)) all >&9
for _ in $(seq 600); do [ "$(cat stopped/ledger.jsonl 2>/dev/null | wc -l)" = 31 ] && break; sleep 0.05; done
kill -INT $p
wait $p || true
exec 9>&-
grep -q 'the finished model is stopped/latest-finished' said
"$BIN/eval" stopped/latest-finished --data math=tokens/math/val --limit 1000 --json >eval.json
