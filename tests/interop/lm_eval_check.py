"""lm_eval_check.py CHECKPOINT SUMS BIN_DIR TASKS_DIR WORK_DIR [PIQA_FILE] - eval gives the texts and figures of lm-evaluation-harness.

Takes the harness's own descriptions of the tasks, with the questions of TASKS_DIR (tests/golden/tasks) for their data. Without
and with two examples before each question, the texts of every request must be equal, and so must acc, acc_norm, exact_match and
their errors to the last digit, and perplexity to rounding: those of eval, of the harness with the model directory, and of the
harness with `sample --serve`. gsm8k is asked of SUMS, a checkpoint trained on tests/interop/sums.py, which can answer some.
PIQA_FILE: its first 200 questions, too, of those whose choices fit a context of 128 tokens whatever the tokenizer; the harness
fails at a longer one, and eval does not score it.
"""
import contextlib
import json
import math
import os
import subprocess
import sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", DISABLE_MULTIPROC="1", TOKENIZERS_PARALLELISM="false",
                  OMP_NUM_THREADS="1")

import datasets
import lm_eval
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.tasks._yaml_loader import load_yaml

checkpoint, sums, bin_dir, tasks_dir, work = sys.argv[1:6]
piqa = sys.argv[6] if len(sys.argv) > 6 else None
HERE = os.path.dirname(os.path.abspath(__file__))
HARNESS = os.path.join(os.path.dirname(lm_eval.__file__), "tasks")
PLACES = {
    "hellaswag": "hellaswag/hellaswag.yaml", "arc_easy": "arc/arc_easy.yaml", "arc_challenge": "arc/arc_challenge.yaml",
    "piqa": "piqa/piqa.yaml", "winogrande": "winogrande/default.yaml", "openbookqa": "openbookqa/openbookqa.yaml",
    "boolq": "super_glue/boolq/default.yaml", "commonsense_qa": "commonsense_qa/default.yaml",
    "lambada_openai": "lambada/lambada_openai.yaml", "mmlu": "mmlu/default/mmlu_anatomy.yaml", "gsm8k": "gsm8k/gsm8k.yaml",
}
failures = []


def harness_task(name, questions, examples):
    config = load_yaml(os.path.join(HARNESS, PLACES[name]))
    for key in ("tag", "group", "task_alias", "dataset_name"):
        config.pop(key, None)
    splits = {"train": examples, "dev": examples, "validation": questions, "test": questions}
    config.update(task=name, dataset_path="json",
                  dataset_kwargs={"data_files": splits, "cache_dir": os.path.join(work, "cache")})
    return ConfigurableTask(config=config)


def ours(options):
    out = subprocess.run([f"{bin_dir}/eval", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return out.stdout.decode()


class Model:
    """One checkpoint, as the harness sees it in its directory and behind `sample --serve`."""

    def __init__(self, path, server):
        context = json.load(open(os.path.join(path, "config.json")))["max_position_embeddings"]
        address = server.stdout.readline().decode().strip()
        self.path = path
        self.ways = {
            "directory": HFLM(pretrained=path, device="cpu", dtype="float32", batch_size=8),
            "server": LocalCompletionsAPI(base_url=f"{address}/v1/completions", model="served", tokenizer=path, max_length=context + 1,
                                          tokenizer_backend="huggingface", eos_string="<|eos|>"),
        }


@contextlib.contextmanager
def served(path):
    server = subprocess.Popen([f"{bin_dir}/sample", path, "--serve", ":0", "--quiet", "--model-name", "served", "--dtype", "f32"],
                              stdout=subprocess.PIPE)
    try:
        yield Model(path, server)
    finally:
        server.terminate()
        server.wait()


def harness(model, name, questions, examples, shots, limit):
    task = harness_task(name, questions, examples)
    task.set_config("num_fewshot", shots)       # as lm_eval.simple_evaluate does, which also asks about the machine
    task.set_fewshot_seed(1234)
    return lm_eval.evaluate(model, {name: task}, limit=limit, bootstrap_iters=100, log_samples=True)


def compare_texts(name, shots, samples, shown):
    samples = [s for s in samples if s["filter"] == samples[0]["filter"]]    # one for each way of finding an answer
    if len(samples) != len(shown):
        failures.append(f"{name}: {len(shown)} questions, not {len(samples)}")
    for sample, one in zip(sorted(samples, key=lambda s: s["doc_id"]), shown):
        theirs = [list(x.values()) if isinstance(x, dict) else x for x in arguments(sample)]
        theirs = [(a[0], a[1] if isinstance(a[1], str) else a[1]["until"]) for a in theirs]
        mine = [(r["context"], r.get("continuation", r.get("until"))) for r in one["requests"]]
        if theirs != mine:
            failures.append(f"{name}, {shots} examples: the texts differ\n  harness {theirs}\n  ours    {mine}")
            break


def compare_figures(name, shots, way, theirs, ours):
    for key, value in theirs.items():
        metric = key.removesuffix(",none")
        mine = ours.get(metric)
        if "," not in key or metric == "perplexity_stderr":    # whose error the harness draws by a bootstrap
            continue
        good = mine is not None and math.isclose(mine, value, rel_tol=1e-4 if metric == "perplexity" else 1e-8, abs_tol=1e-9)
        print(f"{name:15} {shots} examples  {way:9} {metric:35} {value:.9g} {'' if good else f'but ours is {mine}'}")
        if not good:
            failures.append(f"{name}, {shots} examples, {way}: {metric} is {value}, ours {mine}")


def check(model, name, questions, examples, shots, limit):
    words = ["--task", f"{name}={questions}", "--examples", str(limit)]
    if shots:
        words += ["--shots", str(shots), "--shots-from", f"{name}={examples}"]
    shown = [json.loads(line) for line in ours(["--show", str(limit), *words]).splitlines()]
    figures = json.loads(ours([model.path, "--json", "--device", "cpu", *words]))["tasks"][name]
    for way, lm in model.ways.items():
        result = harness(lm, name, questions, examples, shots, limit)
        if way == "directory":
            compare_texts(name, shots, next(iter(result["samples"].values())), shown)
        compare_figures(name, shots, way, result["results"][name], figures)


def arguments(sample):
    found = sample["arguments"]
    return list(found.values()) if isinstance(found, dict) else found


def check_choices(model):
    for name in PLACES:
        if name == "gsm8k":
            continue
        questions = os.path.join(tasks_dir, f"{name}.jsonl")
        examples = os.path.join(work, f"{name}.examples.jsonl")
        with open(questions) as f, open(examples, "w") as g:   # the same questions, in another order
            g.writelines(reversed(f.read().splitlines(keepends=True)))
        if name == "mmlu":      # one subject, as the harness has one task for each
            subject = os.path.join(work, "anatomy.jsonl")
            with open(questions) as f, open(subject, "w") as g:
                g.writelines(line.replace("elementary_mathematics", "anatomy") for line in f)
            questions = subject
        for shots in (0, 2):
            if name != "lambada_openai" or not shots:
                check(model, name, questions, examples, shots, 3)
    if piqa:
        fitting = os.path.join(work, "piqa.fitting.jsonl")
        with open(piqa) as f, open(fitting, "w") as g:
            g.writelines(line for line in f if max(len(json.loads(line)[k].encode()) for k in ("sol1", "sol2")) < 120)
        check(model, "piqa", fitting, fitting, 0, 200)


def check_texts(model):
    for name, seed, n in (("questions", 2, 16), ("examples", 3, 12)):
        with open(os.path.join(work, f"sums.{name}.jsonl"), "w") as f:
            subprocess.run([sys.executable, os.path.join(HERE, "sums.py"), str(seed), str(n), "rows"], stdout=f, check=True)
    for shots in (0, 2):
        check(model, "gsm8k", f"{work}/sums.questions.jsonl", f"{work}/sums.examples.jsonl", shots, 16)
    check(model, "gsm8k", os.path.join(tasks_dir, "gsm8k.jsonl"), f"{work}/sums.examples.jsonl", 2, 3)


datasets.disable_progress_bars()
with served(checkpoint) as model:
    check_choices(model)
with served(sums) as model:
    check_texts(model)
for f in failures:
    print(f)
print("failed" if failures else "lm_eval: equal")
sys.exit(bool(failures))
