# Several processes whose devices have memory of their own: gradients and weights go from one to the other by the NCCL plugin, here over
# a shim of NCCL (tests/cuda/nccl), and the bits are those of one process. No GPU takes part.
mpirun=$(command -v mpirun) || { echo 'no mpirun here'; exit 77; }
[ -e "$TESTDIR/lib/tritter-nccl.so" ] || { echo 'built without MPI: no plugin for NCCL'; exit 77; }
. "$ROOT/tests/cli/train_data.bash"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl=self,vader OWN_MEMORY=1
model+=(--layers 3)
batches 8 >all
# ranks N DIR [options]
ranks() { "$mpirun" --quiet --oversubscribe --bind-to none -np "$1" "$TESTDIR/faulty/train" "${model[@]}" -o "$2" --steps 8 --parts 4 --timeout 20 "${@:3}" <all; }
quiet() { ranks "$@" 2>said || { cat said; exit 1; }; }

while read -r n words; do
    read -ra w <<<"$words"
    name=${words//[^a-z0-9]/}
    [ -e "$name" ] || train "$name" 8 --parts 4 "${w[@]}" <all
    quiet "$n" "$name$n" "${w[@]}"
    grep -q 'NCCL 99' said || { echo 'not by NCCL'; cat said; exit 1; }
    same "$name" "$name$n"
done <<'END'
2 --optimizer adamw
4 --optimizer adamw
4 --optimizer muon --bucket 0
4 --optimizer adamw --wire bf16 --bucket 0
2 --optimizer adamw --state-dtype bf16
END
quiet 2 apart --sync-every 4

# Without the plugin the same bits go through the machine's memory, and train says so.
mkdir -p alone/faulty alone/lib
cp "$TESTDIR/faulty/train" alone/faulty
cp "$TESTDIR/lib/tritter-mpi.so" alone/lib
(TESTDIR=$PWD/alone; quiet 2 through --optimizer adamw)
grep -q "go through the machine's memory: this build has no lib/tritter-nccl.so" said
same optimizeradamw through

# So they do where two processes have one GPU, which NCCL refuses.
NCCL_SHIM_GPUS=1 quiet 2 crowded --optimizer adamw
grep -q "go through the machine's memory: several processes have one GPU" said
same optimizeradamw crowded

# A call that fails ends the job with its name; what was saved stays.
for call in ncclGetUniqueId:1 ncclCommInitRank:1 ncclGroupStart:9 ncclSend:7 ncclRecv:7 ncclGroupEnd:5 later:40; do
    code=0
    NCCL_SHIM_FAULT=$call ranks 2 broken --overwrite 2>said || code=$?
    case $call in
    ncclGetUniqueId:1) [ $code = 0 ] && grep -q "machine's memory: .*NCCL" said ;;
    later:40) [ $code != 0 ] && grep -q 'broken the connection' said ;;
    *) [ $code != 0 ] && grep -q "NCCL: ${call%:*}: " said ;;
    esac || { echo "$call: exit $code"; cat said; exit 1; }
done
