# A part of `make torture`: some system calls fail, some allocations do, some programs are killed or told to end; see tests/fault.
set -eu
[ -x "$TESTDIR/fault_campaign" ] || { echo "needs tests/fault, which this build leaves out"; exit 77; }
"$ROOT/tests/fault/cases"
cases=(fetch-dir learn encode shard archive mix merge export-hf export-tb)
"$TESTDIR/fault_campaign" -j 2 -s 29 "$TESTDIR/fault.so" "${cases[@]}" train >out || { cat out; exit 1; }
"$TESTDIR/fault_campaign" -k -j 2 -s 17 "$TESTDIR/fault.so" "${cases[@]}" >>out || { cat out; exit 1; }
"$TESTDIR/fault_campaign" -j 2 -s 97 "$TESTDIR/fault.so" filter report upload serve >>out || { cat out; exit 1; }
"$TESTDIR/fault_campaign" -t -j 2 -s 19 "$TESTDIR/fault.so" filter mix merge export export-hf >>out || { cat out; exit 1; }
"$ROOT/tests/fault/soak" -k 6 >>out || { cat out; exit 1; }
for c in shard mix; do "$ROOT/tests/fault/nomem" "$TESTDIR/nomem.so" 1000 13 "$c" >>out || { cat out; exit 1; }; done
[ "$(awk '/faults|kills/ { n += $2 } END { print n }' out)" -gt 150 ]
