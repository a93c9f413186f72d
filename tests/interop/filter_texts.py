"""Texts of the kinds that the web has, for filter_check.py: prose, code, menus, lists, repetition, other scripts, and cuts of them."""
import glob, json, os, random, subprocess, sysconfig

LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit."
COOKIES = ["This site uses cookies to improve your visit.", "Please enable JavaScript to see the page.", "See our Privacy Policy and Terms of Use.",
           "Accept the use of cookies?", "Read more...", "Home | About | Contact", "© 2024 All rights reserved", "[edit]"]
OTHER = ["Это предложение на русском языке, и оно не очень длинное.", "这是一个中文句子。它没有空格！", "これは日本語の文章です。",
         "هذه جملة باللغة العربية؟", "यह हिंदी में एक वाक्य है।", "Ένα ελληνικό κείμενο· με σημεία.", "Zażółć gęślą jaźń, a potem idź dalej…",
         "😀 😃 Emoji ☃ and symbols ★★★ →", "L’été, c’est “bien” — n’est-ce pas ?"]


def paragraphs(bin_dir, files):
    """Paragraphs of generated, real and program text."""
    out = []
    for source in ["demo:language", "demo:math", "demo:ml", "demo:code"]:
        docs = subprocess.run([os.path.join(bin_dir, "fetch"), "-q", "--cat", source, "--limit", "300KB"], check=True, capture_output=True, text=True).stdout
        out.append([p for line in docs.splitlines() for p in json.loads(line)["text"].split("\n\n") if p.strip()])
    for path in files:
        docs = subprocess.run([os.path.join(bin_dir, "fetch"), "-q", "--cat", path, "--limit", "6MB"], check=True, capture_output=True).stdout.decode()
        out.append([p for line in docs.splitlines() for p in json.loads(line)["text"].split("\n\n") if p.strip()])
    code = sorted(glob.glob(os.path.join(sysconfig.get_paths()["stdlib"], "*.py")))[:60]
    out.append([p for path in code for p in open(path, encoding="utf-8", errors="replace").read().split("\n\n") if p.strip()])
    return out


def spoil(rng, lines):
    """One of the things that make a page a bad document, somewhere in it."""
    n = len(lines)
    what = rng.randrange(16)
    if what == 0:
        lines += [rng.choice(lines)] * rng.randrange(1, n + 3)
    elif what == 1:
        lines[:] = [rng.choice(["- ", "• ", "  -"]) + line if rng.random() < rng.choice([.5, .95]) else line for line in lines]
    elif what == 2:
        lines[:] = [line.rstrip(".!?") + rng.choice(["...", "…", ""]) for line in lines]
    elif what == 3:
        lines[:] = [" ".join("#" + w if rng.random() < .12 else w for w in line.split(" ")) for line in lines]
    elif what == 4:
        lines[:] = [line.rstrip(" .!?\"'") for line in lines]
    elif what == 5:
        for _ in range(rng.randrange(1, 6)):
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(COOKIES))
    elif what == 6:
        lines.insert(rng.randrange(n + 1), rng.choice([LOREM, "function() { return 1; }", LOREM.upper()]))
    elif what == 7:
        lines[:] = [w for line in lines for w in (line.split(". ") if rng.random() < .8 else line.split())]
    elif what == 8:
        phrase = " ".join(rng.choice(lines).split()[:rng.randrange(1, 12)])
        lines[:] = [line + " " + phrase if rng.random() < .5 else line for line in lines]
    elif what == 9:
        lines += [rng.choice(OTHER) for _ in range(rng.randrange(1, 12))]
    elif what == 10:
        lines[:] = [" ".join(str(rng.randrange(10 ** rng.randrange(1, 7))) if rng.random() < .22 else w for w in line.split(" ")) for line in lines]
    elif what == 11:
        lines[:] = [" ".join(w for w in line.split(" ") if w.lower() not in ("the", "be", "to", "of", "and", "that", "have", "with")) for line in lines]
    elif what == 12:
        lines.insert(rng.randrange(n + 1), "x" * rng.choice([999, 1000, 1001, 3000]) + ".")
    elif what == 13:
        lines[:] = [line + "\n" * rng.randrange(4) for line in lines]
    elif what == 14:
        lines[:] = [line.replace(" ", rng.choice(["  ", "\t", "\u00a0", " "])) + rng.choice(["", " ", "[12]", "[citation needed]"]) for line in lines]
    else:
        lines[:] = ["".join(c + rng.choice("aeiou") if rng.random() < .4 else c for c in line) for line in lines]


def documents(bin_dir, files, n, seed):
    rng = random.Random(seed)
    sources = paragraphs(bin_dir, files)
    for _ in range(n):
        source = rng.choice(sources)
        at = rng.randrange(len(source))
        lines = "\n".join(source[at:at + rng.randrange(1, 9)])[:rng.randrange(200, 1500)].split("\n")
        for _ in range(rng.choice([0, 1, 1, 2])):
            spoil(rng, lines)
        yield rng.choice(["\n", "\n", "\n\n", "\r\n"]).join(lines)[:20000]


def near_pairs(bin_dir, files, n, seed):
    """n texts of 60 to 160 words, and of each a variant in which a share of the words is another: Jaccard similarities of 0.4 to 1."""
    rng = random.Random(seed)
    vocabulary = sorted({w for source in paragraphs(bin_dir, files) for p in source[:4000] for w in p.split() if w.isalpha()})
    for i in range(n):
        words = [rng.choice(vocabulary) for _ in range(rng.randrange(60, 160))]
        share = rng.choice([0, .005, .01, .02, .03, .05, .08])
        variant = [rng.choice(vocabulary) if rng.random() < share else w for w in words]
        yield " ".join(words) + ".", rng.choice(["", "Well, "]) + " ".join(variant).capitalize() + "!"
