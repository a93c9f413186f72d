"""fetch, the tests' hub and the real huggingface_hub and datasets, each against the others.

    hub_check.py BIN [--megabytes N]

The hub is faithful if the real clients download from it, page through its listings, and raise the right errors. fetch
is right if what it downloads the real clients load, offline too, if it finds what they downloaded, and if globs and
Parquet give the same. At the end: the throughput of both, turn by turn.
"""

import filecmp
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

TOKEN = "hf_testtoken"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REPO = "org/data"


def make_repository(top):
    """Large files and small ones, folders, names that need escapes, Parquet; a gated repository; a model."""
    import pyarrow
    import pyarrow.parquet

    main = os.path.join(top, "datasets", REPO, "main")
    files = {f"train/{i:03d}.jsonl": "".join(json.dumps({"text": f"document {n} of {i}"}) + "\n" for n in range(500))
             for i in range(12)}
    files |= {f"deep/a/b/{i}.txt": f"small text {i}\n" for i in range(5)}
    files |= {"README.md": "a card\n", "empty.txt": "", "with space & plus+.txt": "x\n", "ünï.txt": "y\n"}
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(main, path)), exist_ok=True)
        with open(os.path.join(main, path), "w", encoding="utf-8") as f:
            f.write(text)
    rows = 20000
    table = pyarrow.table({"text": [hashlib.sha256(b"%d" % n).hexdigest() * (1 + n % 7) for n in range(rows)],
                           "id": [f"id-{n}" for n in range(rows)],
                           "url": [hashlib.sha512(b"%d" % n).hexdigest() * 9 for n in range(rows)]})
    os.makedirs(os.path.join(main, "parquet"))
    pyarrow.parquet.write_table(table, os.path.join(main, "parquet", "x.parquet"), row_group_size=1000)
    for name, settings in (("gated", {"gated": True}), ("private", {"private": True})):
        os.makedirs(os.path.join(top, "datasets", "org", name, "main"))
        with open(os.path.join(top, "datasets", "org", name, "main", "a.txt"), "w") as f:
            f.write("a\n")
        with open(os.path.join(top, "datasets", "org", name, "hub.json"), "w") as f:
            json.dump(settings, f)
    os.makedirs(os.path.join(top, "models", "org", "model", "main"))
    with open(os.path.join(top, "models", "org", "model", "main", "config.json"), "w") as f:
        f.write("{}\n")
    return main


def tree(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def same_trees(a, b):
    assert tree(a) == tree(b), (tree(a), tree(b))
    for path in tree(a):
        assert filecmp.cmp(os.path.join(a, path), os.path.join(b, path), shallow=False), path


class Check:
    def __init__(self, binaries, work):
        self.fetch_bin, self.work = os.path.join(binaries, "fetch"), work
        self.top = os.path.join(work, "hub")
        self.main = make_repository(self.top)
        self.log = os.path.join(work, "hub.log")
        ready = os.path.join(work, "ready")
        self.hub = subprocess.Popen([sys.executable, os.path.join(ROOT, "tests/hub/hub.py"), self.top, "--ready", ready,
                                     "--log", self.log, "--page", "4"])
        while not os.path.exists(ready):
            time.sleep(0.05)
        with open(ready) as f:
            self.endpoint = "http://127.0.0.1:" + f.readline().split("=")[1].strip()

    def environment(self, home, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
        return env | {"HF_ENDPOINT": self.endpoint, "HF_HOME": os.path.join(self.work, home),
                      "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"} | more

    def python(self, home, code, **env):
        """Runs code with the real libraries; what it prints last is JSON."""
        run = subprocess.run([sys.executable, "-c", code], env=self.environment(home, **env), capture_output=True, text=True)
        assert run.returncode == 0, run.stderr[-3000:]
        return json.loads(run.stdout.splitlines()[-1])

    def fetch(self, home, *args, **env):
        run = subprocess.run([self.fetch_bin, "--quiet", *args], env=self.environment(home, **env), capture_output=True,
                             text=True)
        assert run.returncode == 0, run.stderr
        return run.stdout.splitlines()

    def requests(self, method="GET"):
        with open(self.log) as f:
            lines = [json.loads(line) for line in f]
        return sum(line["method"] == method and "/api/" not in line["path"] for line in lines)

    def clear_log(self):
        open(self.log, "w").close()

    # --- what is checked -----------------------------------------------------------------------------------------

    def hub_is_faithful(self):
        folder = self.python("theirs", f"""
import json, huggingface_hub as h
print(json.dumps(h.snapshot_download({REPO!r}, repo_type="dataset")))""")
        same_trees(self.main, folder)
        errors = self.python("theirs", f"""
import json, huggingface_hub as h
from huggingface_hub import errors as e
def raised(*args, **kw):
    try:
        h.hf_hub_download(*args, repo_type="dataset", **kw)
        return "nothing"
    except Exception as x:
        return type(x).__name__
print(json.dumps([raised("org/gated", "a.txt"), raised("org/none", "a.txt"), raised({REPO!r}, "none.txt"),
                  raised({REPO!r}, "README.md", revision="v9"), raised("org/gated", "a.txt", token={TOKEN!r})]))""")
        assert errors == ["GatedRepoError", "RepositoryNotFoundError", "RemoteEntryNotFoundError",
                          "RevisionNotFoundError", "nothing"], errors
        print("the hub: snapshot_download in pages of 4; gated, missing and wrong: the errors of the hub")

    def we_find_theirs(self):
        self.clear_log()
        ours = self.fetch("theirs", "--download", f"hf://datasets/{REPO}")
        assert self.requests() == 0, "fetch downloaded what huggingface_hub had"
        assert len(ours) == len(tree(self.main))
        offline = self.fetch("theirs", "--download", f"hf://datasets/{REPO}", HF_HUB_OFFLINE="1")
        assert offline == ours
        for path in ours:
            assert filecmp.cmp(path, os.path.join(self.main, path.split("/snapshots/")[1].split("/", 1)[1]), shallow=False)
        print("huggingface_hub's cache: fetch finds all of it, offline too, and downloads nothing")

    def they_find_ours(self):
        self.fetch("ours", "--download", f"hf://datasets/{REPO}")
        self.fetch("ours", "--download", "hf://org/model")
        offline = self.python("ours", f"""
import json, huggingface_hub as h
folder = h.snapshot_download({REPO!r}, repo_type="dataset")
one = h.hf_hub_download({REPO!r}, "deep/a/b/3.txt", repo_type="dataset")
model = h.hf_hub_download("org/model", "config.json")
scan = h.scan_cache_dir()
print(json.dumps([folder, [str(w) for w in scan.warnings], sorted(r.repo_id for r in scan.repos),
                  sum(r.nb_files for r in scan.repos)]))""", HF_HUB_OFFLINE="1")
        same_trees(self.main, offline[0])
        assert offline[1:] == [[], ["org/data", "org/model"], len(tree(self.main)) + 1], offline
        self.clear_log()
        online = self.python("ours", f"""
import json, huggingface_hub as h
print(json.dumps(h.snapshot_download({REPO!r}, repo_type="dataset")))""")
        assert online == offline[0] and self.requests() == 0, "huggingface_hub downloaded what fetch had"
        print("fetch's cache: huggingface_hub finds all of it, offline too, scans it without warnings, and downloads nothing")

    def datasets_load_ours(self):
        texts = self.python("ours", f"""
import json, datasets
d = datasets.load_dataset("json", data_files="hf://datasets/{REPO}/train/*.jsonl", split="train")
print(json.dumps(d["text"][:]))""")
        ours = [json.loads(line)["text"] for line in self.fetch("fresh", "--cat", f"hf://datasets/{REPO}/train/*.jsonl")]
        assert texts == ours
        texts = self.python("ours", f"""
import json, datasets
d = datasets.load_dataset({REPO!r}, data_files="parquet/*.parquet", split="train")
print(json.dumps(d["text"][:]))""")
        self.clear_log()
        ours = [json.loads(line)["text"] for line in self.fetch("fresh", "--cat", f"hf://datasets/{REPO}/parquet")]
        with open(self.log) as f:
            moved = sum(json.loads(line)["sent"] for line in f)
        size = os.path.getsize(os.path.join(self.main, "parquet", "x.parquet"))
        assert texts == ours and moved < size / 2, (moved, size)
        print(f"datasets: the same texts of JSON lines and of Parquet, of which fetch moved {moved} of {size} bytes")

    def globs_agree(self):
        globs = ["**", "*", "*.txt", "**/*.txt", "deep/**", "train/00[1-4].jsonl", "train/*1*", "deep/*/b/?.txt", "**/b/*"]
        theirs = self.python("theirs", f"""
import json, huggingface_hub as h
fs = h.HfFileSystem()
found = {{}}
for g in {globs!r}:
    paths = fs.glob("datasets/{REPO}/" + g, detail=True)
    found[g] = sorted(p.split("/", 3)[3] for p, info in paths.items() if info["type"] == "file")
print(json.dumps(found))""")
        for glob in globs:
            lines = self.fetch("ours", "--download", f"hf://datasets/{REPO}/{glob}")
            ours = sorted(line.split("/snapshots/")[1].split("/", 1)[1] for line in lines)
            assert ours == theirs[glob], (glob, ours, theirs[glob])
        print(f"{len(globs)} globs: the same files as HfFileSystem")

    def throughput(self, megabytes, rounds=5):
        big = os.path.join(self.top, "datasets", "org", "big", "main")
        os.makedirs(big)
        for i in range(8):
            with open(os.path.join(big, f"{i}.bin"), "wb") as f:
                for _ in range(max(1, megabytes // 8)):
                    f.write(os.urandom(1 << 20))
        code = 'import huggingface_hub as h; h.snapshot_download("org/big", repo_type="dataset"); print(0)'
        self.fetch("warm", "--download", "hf://datasets/org/big")
        seconds = {"fetch": [], "huggingface_hub": []}
        for n in range(rounds):
            for who in seconds:
                begin = time.monotonic()
                if who == "fetch":
                    self.fetch(f"big-{who}-{n}", "--download", "hf://datasets/org/big")
                else:
                    self.python(f"big-{who}-{n}", code)
                seconds[who].append(time.monotonic() - begin)
                subprocess.run(["rm", "-rf", os.path.join(self.work, f"big-{who}-{n}")], check=True)
        size = sum(os.path.getsize(os.path.join(big, name)) for name in os.listdir(big)) / 1e6
        for who, times in seconds.items():
            times.sort()
            print(f"throughput: {who:16} {size / times[len(times) // 2]:7.1f} MB/s, median of {rounds} "
                  f"({size / times[-1]:.1f} to {size / times[0]:.1f}) for {size:.0f} MB in 8 files, whole processes")


def main():
    megabytes = int(sys.argv[sys.argv.index("--megabytes") + 1]) if "--megabytes" in sys.argv else 256
    import datasets
    import huggingface_hub
    print(f"huggingface_hub {huggingface_hub.__version__}, datasets {datasets.__version__}")
    with tempfile.TemporaryDirectory() as work:
        check = Check(os.path.abspath(sys.argv[1]), work)
        try:
            check.hub_is_faithful()
            check.we_find_theirs()
            check.they_find_ours()
            check.datasets_load_ours()
            check.globs_agree()
            check.throughput(megabytes)
        finally:
            check.hub.terminate()


if __name__ == "__main__":
    main()
