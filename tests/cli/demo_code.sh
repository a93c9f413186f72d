# The demo corpus's Python parses, and each function does what its docstring's example says. Triton kernels parse.
set -eu
command -v python3 >/dev/null || { echo "no python3 to run the demo code with"; exit 77; }
"${TESTDIR:-$ROOT/build/release/tests}/demo_test" --print code 2000 5 >docs
python3 - <<'PY'
import ast, doctest, sys

ran = triton = 0
for doc in open("docs").read().split("\n%%\n")[:-1]:
    if doc.startswith("//"):
        continue
    tree = ast.parse(doc)
    if doc.startswith("# Triton"):
        triton += 1
        continue
    scope = {"__name__": "doc"}
    exec(compile(tree, "doc", "exec"), scope)
    runner = doctest.DocTestRunner(verbose=False)
    for node in tree.body:
        test = doctest.DocTestParser().get_doctest(ast.get_docstring(node) or "", scope, node.name, "doc", 0)
        assert test.examples, "no example:\n" + doc
        if runner.run(test).failed:
            sys.exit("wrong example:\n" + doc)
        ran += 1
print(ran, "functions run,", triton, "kernels parsed")
assert ran > 1000 and triton > 80
PY
