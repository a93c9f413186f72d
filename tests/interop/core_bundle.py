"""core_bundle.py DIR - a small bundle in the schema of DataComp-LM's: sums and stories, tasks of each kind."""
import json
import os
import random
import sys

bundle = sys.argv[1]
r = random.Random(5)
NAMES, THINGS = ["Tom", "Ann", "Ben", "Eve"], ["apples", "coins", "pens"]


def problem():
    name, thing, a, b = r.choice(NAMES), r.choice(THINGS), r.randint(1, 9), r.randint(1, 9)
    return name, thing, a, b, f"{name} has {a} {thing} and buys {b} more. How many {thing} does {name} have?"


def choices(n):
    for _ in range(n):
        name, thing, a, b, question = problem()
        wrong = [a + b + d for d in r.sample([-1, 1, 2, 10], 3)]
        gold = r.randrange(4)
        wrong.insert(gold, a + b)
        yield {"query": f"Question: {question}", "choices": [f"{name} has {a} + {b} = <<{a}+{b}={w}>>{w}" for w in wrong], "gold": gold}


def schemas(n):
    for _ in range(n):
        name, thing, a, b, question = problem()
        gold = r.randrange(2)
        other = r.choice([x for x in NAMES if x != name])
        options = [f"Question: {question}\nAnswer: {x} has {a} + {b}" for x in ((name, other) if gold == 0 else (other, name))]
        yield {"context_options": options, "continuation": f"= <<{a}+{b}={a + b}>>{a + b} {thing}.", "gold": gold}


def texts(n):
    for i in range(n):
        name, thing, a, b, question = problem()
        end = r.choice(["", " ", "\n", "\u2003"])
        yield {"context": f"{' ' if i % 3 else ''}Question: {question}\nAnswer: {name} has {a} + {b} = <<{a}+{b}={end}",
               "continuation": f"{a + b}>>{a + b} {r.choice([thing, 'cats'])}."}


TASKS = [("sums_zeroshot", "a/sums.jsonl", 0, "multiple_choice", "\\nAnswer: ", 25, choices, 60),
         ("sums", "a/sums.jsonl", 3, "multiple_choice", "\\nAnswer: ", 25, None, 0),
         ("people", "b/people.jsonl", 2, "schema", None, 50, schemas, 50),
         ("cloze", "b/cloze.jsonl", 0, "language_modeling", "", 0, texts, 50),
         ("cloze_spaced", "b/cloze.jsonl", 1, "language_modeling", None, 0, None, 0)]
os.makedirs(f"{bundle}/eval_data/a", exist_ok=True)
os.makedirs(f"{bundle}/eval_data/b", exist_ok=True)
with open(f"{bundle}/core.yaml", "w") as f:
    f.write("icl_tasks:\n")
    for label, uri, shots, kind, delimiter, _, _, _ in TASKS:
        f.write(f"-\n  label: {label}\n  dataset_uri: {uri} # rows\n  num_fewshot: [{shots}]\n  icl_task_type: {kind}\n")
        if delimiter is not None:
            f.write(f'  continuation_delimiter: "{delimiter}"\n')
with open(f"{bundle}/eval_meta_data.csv", "w") as f:
    f.write("Eval Task,Task Category,Random baseline,Description\n")
    for label, _, _, _, _, chance, _, _ in TASKS:
        f.write(f'{label},world knowledge,{chance},"Made up, for tests"\n')
for _, uri, _, _, _, _, make, n in TASKS:
    if make:
        with open(f"{bundle}/eval_data/{uri}", "w") as f:
            f.writelines(json.dumps(row) + "\n" for row in make(n))
