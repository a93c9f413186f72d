"""lm_eval_check.py CHECKPOINT BIN_DIR TASKS_DIR WORK_DIR [PIQA_FILE] - eval gives the texts and figures of lm-evaluation-harness.

Takes the harness's own descriptions of the tasks, with the questions of TASKS_DIR (tests/golden/tasks) for their data. Without
and with two examples before each question, the texts of every request must be equal, and so must acc, acc_norm and their
errors to the last digit, and perplexity to rounding. PIQA_FILE: its first 200 questions, too, of those whose choices fit a
context of 128 tokens whatever the tokenizer; the harness fails at a longer one, and eval does not score it.
"""
import json
import math
import os
import subprocess
import sys

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", DISABLE_MULTIPROC="1", TOKENIZERS_PARALLELISM="false")

import datasets
import lm_eval
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml

checkpoint, bin_dir, tasks_dir, work = sys.argv[1:5]
piqa = sys.argv[5] if len(sys.argv) > 5 else None
HARNESS = os.path.join(os.path.dirname(lm_eval.__file__), "tasks")
PLACES = {
    "hellaswag": "hellaswag/hellaswag.yaml", "arc_easy": "arc/arc_easy.yaml", "arc_challenge": "arc/arc_challenge.yaml",
    "piqa": "piqa/piqa.yaml", "winogrande": "winogrande/default.yaml", "openbookqa": "openbookqa/openbookqa.yaml",
    "boolq": "super_glue/boolq/default.yaml", "commonsense_qa": "commonsense_qa/default.yaml",
    "lambada_openai": "lambada/lambada_openai.yaml", "mmlu": "mmlu/default/mmlu_anatomy.yaml",
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


def check(name, questions, examples, shots, limit):
    words = ["--task", f"{name}={questions}", "--examples", str(limit)]
    if shots:
        words += ["--shots", str(shots), "--shots-from", f"{name}={examples}"]
    task = harness_task(name, questions, examples)
    task.set_config("num_fewshot", shots)       # as lm_eval.simple_evaluate does, which also asks about the machine
    task.set_fewshot_seed(1234)
    result = lm_eval.evaluate(model, {name: task}, limit=limit, bootstrap_iters=100, log_samples=True)
    samples = sorted(result["samples"][name], key=lambda s: s["doc_id"])
    shown = [json.loads(line) for line in ours(["--show", str(limit), *words]).splitlines()]
    if len(samples) != len(shown):
        failures.append(f"{name}: {len(shown)} questions, not {len(samples)}")
    for sample, one in zip(samples, shown):
        theirs = [(a[0], a[1]) for a in (list(x.values()) if isinstance(x, dict) else x for x in arguments(sample))]
        mine = [(r["context"], r["continuation"]) for r in one["requests"]]
        if theirs != mine:
            failures.append(f"{name}, {shots} examples: the texts differ\n  harness {theirs}\n  ours    {mine}")
            break
    figures = json.loads(ours([checkpoint, "--json", "--device", "cpu", *words]))["tasks"][name]
    for key, value in result["results"][name].items():
        metric = key.removesuffix(",none")
        mine = figures.get(metric)
        if not key.endswith(",none") or metric == "perplexity_stderr":    # whose error the harness draws by a bootstrap
            continue
        good = mine is not None and math.isclose(mine, value, rel_tol=1e-4 if metric == "perplexity" else 1e-8, abs_tol=1e-9)
        print(f"{name:15} {shots} examples  {metric:16} {value:.9g} {'' if good else f'but ours is {mine}'}")
        if not good:
            failures.append(f"{name}, {shots} examples: {metric} is {value}, ours {mine}")


def arguments(sample):
    found = sample["arguments"]
    return list(found.values()) if isinstance(found, dict) else found


datasets.disable_progress_bars()
model = HFLM(pretrained=checkpoint, device="cpu", dtype="float32", batch_size=8)
for name in PLACES:
    questions = os.path.join(tasks_dir, f"{name}.jsonl")
    examples = os.path.join(work, f"{name}.examples.jsonl")
    with open(questions) as f, open(examples, "w") as g:   # the same questions, in another order
        g.writelines(reversed(f.read().splitlines(keepends=True)))
    subject = None
    if name == "mmlu":      # one subject, as the harness has one task for each
        subject = os.path.join(work, "anatomy.jsonl")
        with open(questions) as f, open(subject, "w") as g:
            g.writelines(line.replace("elementary_mathematics", "anatomy") for line in f)
    for shots in (0, 2):
        if name != "lambada_openai" or not shots:
            check(name, subject or questions, examples, shots, 3)
if piqa:
    fitting = os.path.join(work, "piqa.fitting.jsonl")
    with open(piqa) as f, open(fitting, "w") as g:
        g.writelines(line for line in f if max(len(json.loads(line)[k].encode()) for k in ("sol1", "sol2")) < 120)
    check("piqa", fitting, fitting, 0, 200)
for f in failures:
    print(f)
print("failed" if failures else "lm_eval: equal")
sys.exit(bool(failures))
