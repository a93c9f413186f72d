# tools/layers passes this tree, and names an include that runs up, sideways, into the kernels, and a folder without a place
set -euo pipefail
"$ROOT/tools/layers" "$ROOT" >drawing
grep -q 'pipeline/train .*-> .*pipeline/model' drawing
put() { mkdir -p "tree/$(dirname "$1")"; printf '#include "%s"\n' "${@:2}" >"tree/$1"; }
mkdir -p tree/{pipeline,kernels,shm,formats,tools,tests}
put pipeline/train.c pipeline/train/loop.h
put pipeline/train/loop.c pipeline/train/loop.h kernels/ops.h pipeline/lib/log.h
put pipeline/train/hybrid/rls.c pipeline/train/hybrid/rls.h pipeline/lib/random.h
"$ROOT/tools/layers" tree >drawing
refused() {     # FILE INCLUDE REASON
    put "$1" "$2"
    if "$ROOT/tools/layers" tree >out 2>err; then echo "not refused: $1 includes $2"; exit 1; fi
    grep -qF "$1: includes \"$2\": $3" out || { cat out; exit 1; }
    rm "tree/$1"
}
refused pipeline/lib/log.c pipeline/train/loop.h 'runs up'
refused pipeline/mix/order.c pipeline/train/loop.h 'runs sideways'
refused formats/shard.c shm/ring.h 'runs sideways'
refused shm/ring.c tests/check.h 'runs up'
refused pipeline/model/forward.c kernels/cpu/table.h 'only ops.h, vec.h and place.h'
refused pipeline/train/hybrid/bandit.c pipeline/lib/log.h 'the parts of the hybrid engine are pure'
refused pipeline/attic/old.c pipeline/lib/log.h 'the folder pipeline/attic has no place'
