"""sums.py SEED N [rows] - N small problems in the manner of gsm8k: documents to train on, or rows of that data set."""
import json
import random
import sys

r = random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    name, thing = r.choice(["Tom", "Ann", "Ben", "Eve"]), r.choice(["apples", "coins", "pens"])
    a, b = r.randint(1, 9), r.randint(1, 9)
    question = f"{name} has {a} {thing} and buys {b} more. How many {thing} does {name} have?"
    answer = f"{name} has {a} + {b} = <<{a}+{b}={a + b}>>{a + b} {thing}.\n#### {a + b}"
    if sys.argv[3:] == ["rows"]:
        print(json.dumps({"question": question, "answer": answer}))
    else:
        print(json.dumps({"text": f"Question: {question}\nAnswer: {answer}\n\n"}))
