"""tools/upload, the tests' hub and the real huggingface_hub, each against the others.

    upload_check.py CHECKPOINT TOOLS WORK

The hub takes uploads as the real one does if huggingface_hub can upload to it. tools/upload is right if huggingface_hub
downloads what it sent, byte for byte, reads the card and its metadata, and if either finds nothing left to send of what
the other has sent.
"""

import filecmp
import json
import os
import subprocess
import sys
import time

import huggingface_hub as h
import yaml
from huggingface_hub.repocard import metadata_load

TOKEN = "hf_testtoken"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EVAL = {"data": {"lan|guage": {"tokens": 100, "loss": 2.5, "loss_stderr": 0.125, "bits_per_byte": 0.75}},
        "tasks": {"piqa": {"questions": 1838, "acc": 0.625, "acc_stderr": 0.011, "acc_norm": 0.5}}}


def start_hub(work):
    ready = os.path.join(work, "upload.ready")
    hub = subprocess.Popen([sys.executable, os.path.join(ROOT, "tests/hub/hub.py"), os.path.join(work, "upload.hub"),
                            "--ready", ready, "--log", os.path.join(work, "upload.log"), "--part", "50000"])
    while not os.path.exists(ready):
        time.sleep(0.05)
    with open(ready) as f:
        return hub, "http://127.0.0.1:" + f.readline().split("=")[1].strip()


class Check:
    def __init__(self, checkpoint, tools, work, endpoint):
        self.checkpoint, self.tools, self.work, self.endpoint = checkpoint, tools, work, endpoint
        self.api = h.HfApi(endpoint=endpoint, token=TOKEN)
        self.eval = os.path.join(work, "upload.eval.json")
        with open(self.eval, "w") as f:
            json.dump(EVAL, f)

    def upload(self, source, repo, *options):
        env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and "proxy" not in k.lower()}
        env |= {"HF_ENDPOINT": self.endpoint, "HF_TOKEN": TOKEN, "HF_HOME": os.path.join(self.work, "upload.home")}
        run = subprocess.run([os.path.join(self.tools, "upload"), source, f"hf://{repo}", *options], env=env,
                             capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return run.stderr

    def download(self, repo):
        return h.snapshot_download(repo, endpoint=self.endpoint, token=TOKEN, cache_dir=os.path.join(self.work, "upload.cache"))

    def puts(self):
        with open(os.path.join(self.work, "upload.log")) as f:
            return sum(json.loads(line)["method"] == "PUT" for line in f)

    def commits(self, repo):
        with open(os.path.join(self.work, "upload.hub", "models", repo, "commits.jsonl")) as f:
            return len(f.readlines())

    def they_download_ours(self):
        self.upload(self.checkpoint, "me/ours", "--eval", self.eval, "--data", "corpus:tinystories", "--data",
                    "corpus:fineweb-edu-10bt", "--license", "apache-2.0")
        folder = self.download("me/ours")
        sent = sorted(name for name in os.listdir(folder) if name not in (".gitattributes", "README.md"))
        here = sorted(name for name in os.listdir(self.checkpoint) if name != "trainer")
        assert sent == here, (sent, here)
        for name in sent:
            assert filecmp.cmp(os.path.join(folder, name), os.path.join(self.checkpoint, name), shallow=False), name
        info = self.api.model_info("me/ours")
        assert info.private and info.sha == os.path.basename(folder)
        print(f"huggingface_hub downloads what tools/upload sent: {len(sent)} files, byte for byte, and the card")
        return folder

    def they_read_the_card(self, folder):
        card = h.ModelCard.load(os.path.join(folder, "README.md"))
        data = card.data
        said = data.to_dict()
        assert [said[k] for k in ("license", "library_name", "pipeline_tag")] == ["apache-2.0", "transformers", "text-generation"]
        assert data.datasets == ["roneneldan/TinyStories", "HuggingFaceFW/fineweb-edu"], data.datasets
        results = {(r.dataset_name, r.metric_type): r.metric_value for r in data.eval_results}
        assert results == {("piqa", "acc"): 0.625, ("piqa", "acc_norm"): 0.5}, results
        assert metadata_load(os.path.join(folder, "README.md"))["tags"][0] == "tritter"
        head = card.content.split("---\n")[1]
        again = h.ModelCard(f"---\n{card.data.to_yaml()}\n---\n{card.text}")
        assert again.data.to_dict() == said and set(yaml.safe_load(head)) >= {"license", "model-index", "datasets"}
        for name in data.datasets:
            h.utils.validate_repo_id(name)
        assert "| lan\\|guage | 100 | 2.5000 ± 0.1250 | - | 0.7500 |" in card.text
        print("ModelCard and metadata_load read the card: licence, data sets, results; their own writing of it is the same")

    def both_find_nothing_left(self, folder):
        before = self.puts()
        said = self.upload(folder, "me/ours")
        assert "all 6 files are there" in said and self.puts() == before and self.commits("me/ours") == 1, said
        self.api.create_repo("me/theirs", private=True)
        self.api.upload_folder(repo_id="me/theirs", folder_path=folder, ignore_patterns=[".gitattributes"])
        assert self.commits("me/theirs") == 1 and self.api.model_info("me/theirs").private
        for name in os.listdir(self.download("me/theirs")):
            assert filecmp.cmp(os.path.join(self.download("me/theirs"), name), os.path.join(folder, name), shallow=False)
        before = self.puts()
        said = self.upload(folder, "me/theirs")
        assert "all 6 files are there" in said and self.puts() == before and self.commits("me/theirs") == 1, said
        print("huggingface_hub uploads to the tests' hub; tools/upload finds nothing left to send of it")


def main():
    checkpoint, tools, work = (os.path.abspath(a) for a in sys.argv[1:4])
    print(f"huggingface_hub {h.__version__}")
    hub, endpoint = start_hub(work)
    try:
        check = Check(os.path.realpath(checkpoint), tools, work, endpoint)
        folder = check.they_download_ours()
        check.they_read_the_card(folder)
        check.both_find_nothing_left(folder)
    finally:
        hub.terminate()


if __name__ == "__main__":
    main()
