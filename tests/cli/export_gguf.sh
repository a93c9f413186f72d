# tools/export writes a file that is whole or absent, and says what it cannot write. (What readers make of it: make interop.)
. "$ROOT/tests/cli/train_data.bash"
batches 3 | train run 3
"$TOOLS/export" gguf run -o a.gguf --quiet
[ "$(head -c 4 a.gguf)" = GGUF ]
expect 1 'a.gguf: is there already' "$TOOLS/export" gguf run -o a.gguf
cp a.gguf b.gguf
"$TOOLS/export" gguf run/latest -o b.gguf --name a --overwrite --quiet
cmp a.gguf b.gguf
expect 1 "down_proj.weight' is 48 wide, and q8_0 holds blocks of 32" "$TOOLS/export" gguf run -o q8.gguf --dtype q8_0
[ ! -e q8.gguf ]
expect 1 '--dtype q5_1: gguf knows f32' "$TOOLS/export" gguf run -o c.gguf --dtype q5_1
expect 1 'nowhere' "$TOOLS/export" gguf nowhere -o c.gguf
expect 2 'say what to write' "$TOOLS/export" run -o c.gguf
expect 2 '-o PATH is missing' "$TOOLS/export" gguf run
mkfifo pipe
expect 1 'pipe: is a device or a pipe' "$TOOLS/export" gguf run -o pipe --overwrite
[ -p pipe ]
cp -r run/latest/ damaged
head -c 3000 run/latest/model.safetensors >damaged/model.safetensors
expect 1 'damaged/model.safetensors' "$TOOLS/export" gguf damaged -o c.gguf
[ ! -e c.gguf ]
