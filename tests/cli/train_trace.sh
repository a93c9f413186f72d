#!/usr/bin/env bash
# --trace: a trace of one process, of several, whose sums of gradients go out while the backward pass goes on, and what
# a killed run leaves of one.
# shellcheck source=tests/cli/train_data.bash
. "$ROOT/tests/cli/train_data.bash"
more=(--layers 4 --save-every 4 --val language=tokens/language/val --val-every 4 --val-tokens 256)
batches 8 >all
cat >check.py <<'PY'
import json, sys
path, ranks, ended = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "ended"
text = open(path).read()
if not ended:                           # the array's end is missing, as the format allows
    text = text[:text.rindex("\n")].rstrip(",") + "]"
events = json.loads(text)
spans = [e for e in events if e["ph"] == "X"]
assert {e["pid"] for e in spans} == set(range(ranks)), {e["pid"] for e in spans}
hidden = 0                              # sums that go on beside the backward pass
for rank in range(ranks):
    mine = [e for e in spans if e["pid"] == rank]
    for name in ["forward %d" % l for l in range(4)] + ["backward %d" % l for l in range(4)] + \
            ["backward embedding", "loss", "optimizer", "wait for data"] + (["checkpoint", "validation", "step 8"] if ended else []):
        assert any(e["name"] == name for e in mine), (rank, name)
    for row in {e["tid"] for e in mine}:        # one within another, or one after another (a rounding error apart)
        open_until = []
        for e in sorted((e for e in mine if e["tid"] == row), key=lambda e: (e["ts"], -e["dur"])):
            while open_until and open_until[-1] <= e["ts"] + 1:
                open_until.pop()
            assert not open_until or e["ts"] + e["dur"] <= open_until[-1] + 1, e
            open_until.append(e["ts"] + e["dur"])
    if ranks > 1:
        backward = [e for e in mine if e["cat"] == "backward"]
        sums = [e for e in mine if e["cat"] == "reduce"]
        hidden += sum(any(b["ts"] < s["ts"] + s["dur"] and s["ts"] < b["ts"] + b["dur"] for b in backward) for s in sums)
        assert any(e["cat"] == "gather" for e in mine) and len(sums) == 8 * 6, len(sums)
assert ranks == 1 or hidden >= 16, hidden   # of 96; on a busy machine a rank that is behind has none to wait for
PY
train one 8 "${more[@]}" --updates 1 --trace one.json <all
python3 check.py one.json 1 ended
[ "$(grep -c '"name":"forward 0"' one.json)" -gt 8 ]
"$BIN/train" --quiet "${model[@]}" -o plain --steps 8 "${more[@]}" --updates 1 <all
cmp one/latest/model.safetensors plain/latest/model.safetensors
code=0
"$BIN/train" --quiet "${model[@]}" -o bad --steps 8 --trace nowhere/x.json <all 2>said || code=$?
[ $code = 1 ] && grep -q 'nowhere/x.json: No such file' said

# FILE may be a pipe, which is read to its end
mkfifo pipe
cat pipe >through.json &
timeout 60 "$BIN/train" --quiet "${model[@]}" -o piped --steps 8 "${more[@]}" --updates 1 --trace pipe <all
wait $!
python3 check.py through.json 1 ended

# a run that is killed
"$BIN/train" --quiet "${model[@]}" -o killed --steps 100000 "${more[@]}" --trace killed.json < <(batches 100000 2>mixed) 2>said &
until [ -e killed/ledger.jsonl ] && [ "$(wc -l <killed/ledger.jsonl)" -ge 2 ]; do sleep 0.05; done
kill -KILL $!
wait $! || true
python3 check.py killed.json 1 killed

mpirun=$(command -v mpirun) || exit 0
[ -e "$BIN/../lib/tritter-mpi.so" ] || exit 0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader
"$mpirun" --quiet --oversubscribe --bind-to none -np 2 "$BIN/train" --quiet "${model[@]}" -o two --steps 8 "${more[@]}" --updates 1 --bucket 0 \
    --trace two.json <all
python3 check.py two.json 2 ended
[ ! -e two.json.1 ]

# where there is no room for rank 0's spans, what the others have written stays, and so does the run
ln -s /dev/full full.json
"$mpirun" --quiet --oversubscribe --bind-to none -np 2 "$BIN/train" --quiet "${model[@]}" -o full --steps 8 "${more[@]}" --updates 1 --trace full.json <all 2>said
cmp two/latest/model.safetensors full/latest/model.safetensors
[ "$(grep -c 'full.json: cannot write' said)" = 1 ]
grep -q '"name":"forward 0"' full.json.1
