#!/usr/bin/env bash
# A real Slurm on this host, of this test alone: arrays of data jobs, of which one fails and is run again, a run under
# srun, and one that comes to its time limit, saves, and goes on when it is queued again.
for program in slurmctld slurmd munged sbatch srun mpirun; do
    command -v $program >/dev/null || { echo "no $program here (tools/setup cluster)"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo 'slurmd needs root'; exit 77; }
[ -e "$BIN/../lib/tritter-mpi.so" ] || { echo 'built without MPI: no lib/tritter-mpi.so'; exit 77; }
# shellcheck source=tests/cli/train_data.bash
. "$ROOT/tests/cli/train_data.bash"
daemons=()
trap 'kill "${daemons[@]}" 2>/dev/null; wait' EXIT
host=$(hostname -s) d=$PWD
mkdir -p state spool
head -c 1024 /dev/urandom >munge.key && chmod 400 munge.key
cat >slurm.conf <<CONF
ClusterName=tritter
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$d/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
StateSaveLocation=$d/state
SlurmdSpoolDir=$d/spool
SlurmctldPidFile=$d/slurmctld.pid
SlurmdPidFile=$d/slurmd.pid
SlurmctldPort=17717
SlurmdPort=17718
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$d/slurm.conf
munged --force --foreground --key-file "$d/munge.key" --socket "$d/munge.socket" --pid-file "$d/munged.pid" --log-file "$d/munged.log" --seed-file "$d/munge.seed" >munged.out 2>&1 &
daemons+=($!)
for ((i = 0; i < 50; i++)); do [ -S munge.socket ] && break; sleep 0.2; done
slurmctld -D >slurmctld.out 2>&1 &
daemons+=($!)
slurmd -D -f slurm.conf >slurmd.out 2>&1 &
daemons+=($!)
for ((i = 0; i < 100; i++)); do [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && break; sleep 0.3; done
[ "$(sinfo -h -o %t 2>/dev/null)" = idle ] || { tail -n 5 slurmctld.out slurmd.out; echo 'Slurm does not start here'; exit 77; }

# an array of data jobs: the second finds its tokenizer missing, fails, and is run again alone
"$ROOT/tools/cluster" data -n 3 -t tok.json -o merged --val 5% language.jsonl math.jsonl >data.sbatch
sed '/^work\|^\[ -e/i [ "$k" != 2 ] || [ -e mended ] || exit 1' data.sbatch >broken.sbatch
if sbatch --wait -o data-%a.out broken.sbatch >submitted; then exit 1; fi
[ -e merged.parts/1-of-3/manifest.json ] && [ -e merged.parts/3-of-3/manifest.json ] && [ ! -e merged.parts/2-of-3 ]
before=$(stat -c %Y%s merged.parts/1-of-3/manifest.json)
touch mended
sbatch --wait -o data-%a.out broken.sbatch >submitted
[ "$(stat -c %Y%s merged.parts/1-of-3/manifest.json)" = "$before" ]
eval "$(sed -n 's/^# when all are done: //p' data.sbatch)" >/dev/null
"$TOOLS/shard-dump" --verify merged >/dev/null

# duplicates over the parts of an array: signatures, the merge, the same script once more
cp language.jsonl again.jsonl
"$ROOT/tools/cluster" filter -n 3 -o clean -f '--exact-duplicates --near-duplicates' language.jsonl math.jsonl again.jsonl >filter.sbatch
sbatch --wait -o filter-%a.out filter.sbatch >submitted
eval "$(sed -n 's/^# when all are done: //p' filter.sbatch)"
sbatch --wait -o filter-%a.out filter.sbatch >submitted
cmp <(sort clean/*.jsonl) <("$BIN/filter" -q --exact-duplicates --near-duplicates language.jsonl math.jsonl again.jsonl | sort)

# srun trains what one process trains
script() {  # DIR N STEPS [sbatch words]
    "$ROOT/tools/cluster" train -n "$2" -m "language=60:tokens/language math=40:tokens/math -T 32 -B 4 --seed 7 --steps $3" -a "$4" \
        -- --quiet "${model[@]}" -o "$1" --steps "$3" --parts 4 "${@:5}"
}
batches 20 | train one 20 --parts 4
script two 2 20 '--signal=USR1@1' >two.sbatch
sbatch --wait -o two.out two.sbatch >submitted || { cat two.out; exit 1; }
same one two

# one that is killed is queued again, and goes on from its checkpoint; so is one that comes to its time limit. (Slurm sends the
# signal up to a minute early: a minute before the limit at the latest, a minute after the start at the earliest.)
script long 2 1000000 '--time=00:03:00 --signal=USR1@60' --save-every 20 >long.sbatch
job=$(sbatch --parsable -o long.out long.sbatch)
restarts() { scontrol show job "$job" -o | sed -n 's/.* Restarts=\([0-9]*\).*/\1/p'; }
until_restarts() {  # N: that it has been queued so often and is running, at a later step
    local i
    for ((i = 0; i < 3000; i++)); do [ "$(restarts)" = "$1" ] && [ "$(squeue -h -j "$job" -o %t)" = R ] && return; sleep 0.1; done
    scontrol show job "$job"; cat long.out; exit 1
}
until [ -e long/latest ]; do sleep 0.1; done
pkill -KILL -n -f "$BIN/train.*-o long"
until_restarts 1
first=$("$BIN/train" --print-step long)
[ "$first" -ge 20 ]
until_restarts 2
second=$("$BIN/train" --print-step long)
[ "$second" -gt "$first" ] || { echo "$first, then $second"; cat long.out; exit 1; }
lines=$(wc -l <long/ledger.jsonl)
[ "$lines" -ge "$second" ]
scancel "$job"
while [ -n "$(squeue -h)" ]; do sleep 0.2; done
# every step once, in order
cut -d, -f1 long/ledger.jsonl | awk -F: '$2 != NR { print "line " NR ": " $0; exit 1 }'
