# sample -i and sample --format tokens: in a terminal, in pipes, without colours
. "$ROOT/tests/cli/train_data.bash"
command -v python3 >/dev/null || { echo 'no python3'; exit 77; }
batches 150 | train a 150
s=("$BIN/sample" a/latest -j 1)

# --format tokens: colours on a terminal alone, and not where NO_COLOR or a dumb terminal forbids them
"${s[@]}" -p 'The ' -n 12 --seed 7 >plain
"${s[@]}" -p 'The ' -n 12 --seed 7 --format tokens | cmp - plain
cat >terminal.py <<'END'
import os, pty, sys
os.environ["TERM"] = sys.argv[1]
code = pty.spawn(sys.argv[2:], lambda fd: os.read(fd, 65536).replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(code))
END
coloured=("${s[@]}" -p 'The ' -n 12 --seed 7 --format tokens)
python3 terminal.py xterm "${coloured[@]}" </dev/null >shown
grep -q $'\033\\[3[1-6]m' shown
sed 's/\x1b\[[0-9]*m//g' shown | cmp - plain
NO_COLOR=1 python3 terminal.py xterm "${coloured[@]}" </dev/null | cmp - plain
python3 terminal.py dumb "${coloured[@]}" </dev/null | cmp - plain

# --logprobs: those of the model, for each token and what else was likely
"${s[@]}" -p 'The ' -n 12 --seed 7 --json --logprobs 3 >logprobs.json
python3 - <<'END'
import json, math
j = json.load(open("logprobs.json"))
l = j["logprobs"]
assert len(l["tokens"]) == len(l["token_logprobs"]) == len(l["top_logprobs"]) == len(l["text_offset"]) == j["tokens"] == 12
for token, p, top in zip(l["tokens"], l["token_logprobs"], l["top_logprobs"]):
    assert p <= 0 and 3 <= len(top) <= 4 and top[token] == p and sum(map(math.exp, top.values())) <= 1
END
expect 2 'json' "${s[@]}" -p x --logprobs 2
expect 2 'logprobs' "${s[@]}" -p x --json --logprobs 21

# -i: a line is a prompt, a backslash joins lines, /set changes what it names, nonsense is told
back=$'\\'
printf '%s\n' 'The ' '/set temperature 0' '/set tokens 12' '/set seed 7' 'The ' "a$back" 'b' '/again' '/set nothing 1' \
    '/set top-p 3' '/nonsense' '/set' '/help' '/quit' 'never' | "${s[@]}" -i -n 12 --seed 7 >session
{
    cat plain
    "${s[@]}" -p 'The ' -n 12 --seed 7 --temperature 0
    "${s[@]}" -p $'a\nb' -n 12 --seed 7 --temperature 0
    "${s[@]}" -p $'a\nb' -n 12 --seed 8 --temperature 0
} >want
grep -a -v -e '^> ' -e '^\. ' session | head -n "$(wc -l <want)" | cmp - want || { cat -A session; exit 1; }
grep -q "there is no setting 'nothing'" session
grep -q "top-p: '3' is not a value" session
grep -q '/nonsense: /help shows' session
grep -q 'temperature  *0$' session
grep -q 'Ctrl-C ends a text' session
grep -q never session && exit 1
printf 'x\n' | "${s[@]}" -i -n 3 >/dev/null                      # the end of the input ends it, too
expect 2 'prompts are typed' "${s[@]}" -i -p x
