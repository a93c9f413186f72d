# Sourced by tests of models of other families.

# made CHECKPOINT MODEL_TYPE ARCHITECTURE BIASES ROWS: from our checkpoint, the directory MODEL_TYPE with a model of that family: without norms
# of queries and keys, with random biases when BIASES is yes, with ROWS more ids, its weights in two files
made() {
    mkdir "$2"
    cp "$1/tokenizer.json" "$2"
    python3 - "$@" <<'PY'
import json, random, struct, sys
source, kind, architecture, biases, rows = sys.argv[1:]
random.seed(3)
config = json.load(open(f"{source}/config.json"))
config.update(model_type=kind, architectures=[architecture], vocab_size=config["vocab_size"] + int(rows))
json.dump(config, open(f"{kind}/config.json", "w"))
data = open(f"{source}/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header, data = json.loads(data[8:8 + n]), data[8 + n:]
tensors = {k: (v["shape"], data[slice(*v["data_offsets"])]) for k, v in header.items() if k != "__metadata__" and "_norm.weight" not in k}
shape, table = tensors["model.embed_tokens.weight"]
tensors["model.embed_tokens.weight"] = ([shape[0] + int(rows), shape[1]], table + bytes(4 * shape[1] * int(rows)))
for name in [k for k in tensors if biases == "yes" and k.split(".")[-2] in ("q_proj", "k_proj", "v_proj")]:
    rows = tensors[name][0][0]
    tensors[name[:-6] + "bias"] = ([rows], struct.pack(f"<{rows}f", *(random.uniform(-1, 1) for _ in range(rows))))
files = {name: f"part-{i % 2}.safetensors" for i, name in enumerate(tensors)}
json.dump({"metadata": {}, "weight_map": files}, open(f"{kind}/model.safetensors.index.json", "w"))
for file in set(files.values()):
    at, head, body = 0, {}, b""
    for name in [k for k in files if files[k] == file]:
        shape, raw = tensors[name]
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(raw)]}
        at, body = at + len(raw), body + raw
    text = json.dumps(head).encode()
    open(f"{kind}/{file}", "wb").write(struct.pack("<Q", len(text)) + text + body)
PY
}
