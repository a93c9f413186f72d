# Every program is built as the Makefile says: the flags are looked up in the binaries, not believed.
set -eu
case $BIN in */build/*) echo "sanitizer builds have other flags"; exit 77 ;; esac
command -v readelf >/dev/null || { echo "no readelf"; exit 77; }
bad=0
fail() { echo "$*"; bad=1; }
checked=0
for p in "$BIN"/* "$TOOLS"/*; do
    readelf -h "$p" 2>/dev/null | grep -q ELF || continue
    checked=$((checked + 1))
    readelf -h "$p" | grep -q 'Type: *DYN' || fail "$p: not position independent"
    readelf -lW "$p" >segments
    grep -q GNU_RELRO segments || fail "$p: no RELRO"
    grep 'GNU_STACK' segments | grep -q ' RW  *0x' || fail "$p: the stack is executable"
    readelf -dW "$p" >dynamic
    grep -q 'FLAGS.*BIND_NOW\|(BIND_NOW)' dynamic || fail "$p: symbols are not bound at start"
    grep -qE 'RPATH|RUNPATH' dynamic && fail "$p: a search path for libraries"
    readelf --dyn-syms -W "$p" >symbols
    grep -q '__stack_chk_fail' symbols || fail "$p: no stack protector"
    grep -q '_chk@' symbols || fail "$p: nothing is fortified"
done
[ $checked -ge 10 ] || fail "only $checked programs found"

# Indirect branches and the shadow stack: the linker marks a program only if each object in it is marked. Ours are,
# all of them; the C library's start files (Debian 12) and the CUDA runtime may not be, and then the program is not.
find "$ROOT/build/release/obj" -name '*.o' ! -path '*/shim/*' ! -name '*.cu.o' >objects
[ "$(wc -l <objects)" -ge 100 ] || fail "only $(wc -l <objects) objects found"
xargs readelf -SW <objects | awk '/^File:/ { file = $2 } /note.gnu.property/ { print file }' | sort -u >noted
sort -u objects | comm -23 - noted >unmarked
xargs readelf -nW <noted 2>/dev/null | awk '/^File:/ { file = $2 } /IBT, SHSTK/ { print file }' | sort -u >marked
comm -23 noted marked >>unmarked
[ ! -s unmarked ] || fail "not marked for IBT and SHSTK: $(cat unmarked)"
marked=yes
for f in Scrt1.o crti.o crtn.o crtbeginS.o crtendS.o; do
    readelf -nW "$(gcc -print-file-name=$f)" 2>/dev/null | grep -q IBT || marked="no, because of $f"
done
[ -z "$(find "$ROOT/build/release/obj" -name '*.cu.o' ! -path '*/shim/*' | head -n 1)" ] || marked='no, because of the CUDA runtime'
echo "programs can be marked: $marked"
if [ "$marked" = yes ]; then
    for p in "$BIN"/*; do readelf -nW "$p" | grep -q IBT || fail "$p: not marked for IBT, though every object is"; done
fi
exit $bad
