# A device that fails: nothing that it holds is kept, nothing that it did is timed, and the run says so, whenever it is that it fails.
. "$ROOT/tests/cli/train_data.bash"
batches 12 >all
train whole 12 <all

# fails FAULT DIR STEPS [options] <batches: exit 1, with the reason
fails() {
    FAULT=$1 expect 1 'the fault that was asked for' "$TESTDIR/faulty/train" "${model[@]}" -o "$2" --steps "$3" "${@:4}"
    [ -z "$(find "$2" -name '.tmp*')" ] || { echo "$1: an unfinished checkpoint was left"; exit 1; }
}
# at DIR NAME STEP: the link's checkpoint
at() { [ "$(readlink "$1/$2")" = "checkpoints/step-00000$3" ] || { echo "$1/$2: $(readlink "$1/$2"), want step $3"; exit 1; }; }
goes_on() { train "$1" 12 --resume <all; same whole "$1"; }

"$TESTDIR/faulty/train" --quiet "${model[@]}" -o probe --steps 12 <all
same whole probe

# in an update: the next one finds out; where a checkpoint or the end comes first, that does
fails update:5 next 12 --save-every 3 <all
at next latest 3
goes_on next
fails update:6 saved 12 --save-every 3 <all
grep -q 'step 6: cpu.*the last checkpoint is as it was' err.txt
at saved latest 3
goes_on saved
fails update:6 last 6 --save-every 3 <all
at last latest 3
head -c $((128 + 5 * 344)) all >cut.batches
fails update:5 cut 12 --save-every 3 <cut.batches
at cut latest 3

# while a checkpoint is written
fails download:3 download 12 <all
[ ! -e download/latest ]

# in a validation: not a loss to be logged, not the best
val=(--val language=tokens/language/val --val-every 3 --val-tokens 64 --keep-best --save-every 0)
fails validation:2 validation 12 "${val[@]}" <all
at validation best 3
at validation latest 3
[ "$(grep -c '"type":"val"' validation/metrics.jsonl)" = 1 ]
goes_on validation

# no rate of what failed
fails linear_forward:3 rate 12 <all
[ ! -e rate/latest ]
bench() { FAULT=$1 expect 1 "the fault that was asked for" "$TESTDIR/faulty/kernel-bench" -m nano -B 1 -T 256 --repeats 1 --threads 1 >rates; }
bench linear_forward:3
[ ! -s rates ]
bench token:40
grep -q '^copy' rates
if grep 'a whole token' rates; then exit 1; fi
