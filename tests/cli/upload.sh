# tools/upload: what is sent and what is not, the card, faults of the hub, kills at random moments. 10 kills; TORTURE=N for more,
# SEED to repeat one.
. "$ROOT/tests/cli/train_data.bash"
. "$ROOT/tests/hub/lib.bash"
kills=${TORTURE:-10} seed=${SEED:-$$}
echo "SEED=$seed"
RANDOM=$seed
batches 12 | train run 12 --val language=tokens/language --val-every 4 --sample-every 6 --sample-prompt 'What is'
echo 'mine alone' >run/latest/notes.txt
sh "$ROOT/tests/hub/certificates.sh" certificates
hub_start --traffic traffic --part 8000 --certificates certificates
upload() { "$TOOLS/upload" --retry-wait 0.01 "$@"; }
quietly() { upload "$@" --quiet </dev/null; }
commits() { wc -l <"hub/models/$1/commits.jsonl"; }
# whole REPO DIR: the repository has DIR's files, each with its content, and no others but the card
whole() {
    local f
    for f in config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json; do
        cmp "$2/$f" "hub/models/$1/main/$f" || return 1
    done
    [ "$(cd "hub/models/$1/main" && find . -type f | sort | tr '\n' ' ')" = './.gitattributes ./README.md ./config.json ./generation_config.json ./model.safetensors ./tokenizer.json ./tokenizer_config.json ' ]
}

# without a network: what would be sent, and the card
upload run hf://me/a --dry-run --data corpus:tinystories --license mit >dry
sha=$(sha256sum <run/latest/model.safetensors | cut -d ' ' -f 1)
grep -qE "^$sha +$(stat -Lc %s run/latest/model.safetensors) model.safetensors$" dry
for text in 'license: "mit"' 'roneneldan/TinyStories' '| class in Transformers | `Qwen3ForCausalLM` |' '| tokens | 1536 |' '| language | 12 |' \
    'vllm serve me/a' 'from_pretrained("me/a")' 'llama-cli' 'bin/sample a' '    What is' '## Limitations'; do
    grep -qF -- "$text" dry || { echo "the card lacks: $text"; exit 1; }
done
[ ! -s hub.log ]

grep -q 'was pre-trained with Tritter' dry
cp -rL run/latest alone && rm -r alone/trainer
upload alone hf://me/a --dry-run >dry      # nothing says who made it
grep -qx 'A language model.' dry
sed -i 's|"init": "small"|"init": "other/model"|' run/config.json
upload run hf://me/a --dry-run >dry
grep -q 'was trained further, from the weights of another, with Tritter' dry
sed -i 's|"init": "other/model"|"init": "small"|' run/config.json

# the card stops at the weights' step, has the forecast, and leaves out a sample that names a place of somebody's machine
cp -r run told
cat >>told/metrics.jsonl <<'EOF'
{"type":"forecast","step":11,"loss":5.125,"low":5.0625,"high":5.25,"twice_the_steps":4.5}
{"type":"sample","step":12,"prompt":"Look:","text":" in /home/ann/secret"}
{"type":"sample","step":12,"prompt":"Well,","text":" it | was\n# so\n"}
{"type":"val","step":13,"name":"later","loss":1,"bits_per_byte":1}
EOF
upload told hf://me/a --dry-run >dry
grep -qF 'At step 11 the training loss at the end was forecast as 5.1250 (95 %: 5.0625 to 5.2500); of a run twice as long, as 4.5000.' dry
grep -qxF '    Well, it | was' dry
grep -qxF '    # so' dry
upload run hf://me/a --dry-run --data corpus:tinystories --data corpus:tinystories-v2 >dry2
[ "$(grep -c '^  - "roneneldan/TinyStories"' dry2)" = 1 ]
[ "$(grep -c '^| tinystories' dry2)" = 2 ]
# without --data: what the plan beside the run names, once each; another file of that name elsewhere is none
mkdir planned && cp -r run planned/model
cat >planned/text.json <<'EOF'
{"mix": [{"domain": "language", "sources": [{"source": "corpus:tinystories", "licence": "x"}, {"source": "corpus:unheard-of"}]},
         {"domain": "math", "sources": [{"source": "corpus:tinystories"}, {"source": "text/math.jsonl"}]}]}
EOF
cat >figures.json <<'EOF'
{"data": {}, "tasks": {"gsm8k": {"questions": 4, "exact_match,strict-match": 0.25, "exact_match_stderr,strict-match": 0.25,
 "exact_match,flexible-extract": 0.5}, "piqa": {"questions": 8, "acc": 0.5}}, "core": {"tasks": {"a": {}, "b": {}}, "core": 0.125}}
EOF
upload planned/model hf://me/a --dry-run --eval figures.json >dry3 2>err
[ "$(grep -c '^| tinystories | language | `datasets/roneneldan/TinyStories` |' dry3)" = 1 ]
grep -q 'planned/text.json: corpus:unheard-of is in no table of corpora' err
for text in '| gsm8k, strict-match | 4 | 0.2500 ± 0.2500 | - |' '| gsm8k, flexible-extract | 4 | 0.5000 | - |' '| piqa | 8 | 0.5000 | - |' \
    'CORE of DataComp-LM, 2 tasks: 0.1250'; do
    grep -qxF -- "$text" dry3 || { echo "the card lacks: $text"; exit 1; }
done
if grep -q '^| gsm8k |' dry3; then exit 1; fi
cp planned/text.json alone/
upload alone hf://me/a --dry-run >dry3
if grep -q tinystories dry3; then exit 1; fi
if grep -qE 'secret|later' dry; then echo 'the card says too much'; exit 1; fi

# words of refusal
expect 1 'there is no token: log in' quietly run hf://me/a
[ ! -s hub.log ]
export HF_TOKEN=hf_readingtoken
expect 1 "creating it: the hub forbids it: you don't have the rights.* the token in HF_TOKEN needs the right to write" quietly run hf://me/a
HF_TOKEN=hf_wrong expect 1 'the hub does not know the token in HF_TOKEN' quietly run hf://me/a
export HF_TOKEN=hf_testtoken
expect 1 'the hub forbids it: .*namespace others' quietly run hf://others/a
mkdir -p hub/models/org/gated/main
echo '{"gated": "refused"}' >hub/models/org/gated/hub.json
expect 1 'it is gated, and the account' quietly run hf://org/gated
expect 2 'the repository is hf://ORG/NAME' quietly run hf://datasets/me/a
expect 2 'the repository is hf://ORG/NAME' quietly run hf://me/a/b
expect 1 'config.json' quietly . hf://me/a
HF_ENDPOINT=http://hub.example expect 1 'only https is spoken' quietly run hf://me/a
HF_HUB_OFFLINE=1 expect 1 'HF_HUB_OFFLINE is set' quietly run hf://me/a
expect 1 'nowhere: No such file' quietly nowhere hf://me/a

# an upload, in parts; then again: one commit, and nothing is sent twice
echo '{"data": {"code": {"tokens": 9, "loss": 1.25, "loss_stderr": 0.5, "bits_per_byte": 0.75}}, "tasks": {"piqa": {"questions": 7, "acc": 0.5, "acc_norm": 0.25}}}' >eval.json
upload run hf://me/a --eval eval.json 2>said || { cat said; exit 1; }
grep -q 'made, private' said
grep -q '"private": true' hub/models/me/a/hub.json
whole me/a run/latest
grep -qF '| code | 9 | 1.2500 ± 0.5000 | - | 0.7500 |' hub/models/me/a/main/README.md
[ "$(commits me/a)" = 1 ]
[ "$(requests '"PUT".*/3"')" -ge 1 ]
puts=$(requests '"PUT"')
quietly run hf://me/a --no-card
[ "$(commits me/a)" = 1 ]
[ "$(requests '"PUT"')" = "$puts" ]

# public: asked for, said, and known later
expect 1 'will be public: everybody' quietly run hf://me/public --public
[ ! -e hub/models/me/public ]
if command -v script >/dev/null; then   # somebody at a terminal is asked
    typed() { script -qec "$TOOLS/upload run hf://me/asked --public --quiet" /dev/null <<<"$1" >said; }
    code=0; typed n || code=$?
    [ "$code" = 1 ]
    grep -q 'nothing was sent' said
    [ ! -e hub/models/me/asked ]
    typed y
    [ "$(commits me/asked)" = 1 ]
fi
quietly run hf://me/public --public --yes
grep -q '"private": false' hub/models/me/public/hub.json
sed -i 's/"dtype"/ "dtype"/' run/latest/generation_config.json
expect 1 'is public: everybody' quietly run/latest/ hf://me/public
expect 1 'trainer' quietly hub/models/me/public/main hf://me/a --with-trainer

control '{"where": "create", "fault": "open"}'
expect 1 'the hub made it public, though it was asked for a private one: nothing was sent' quietly run hf://me/open
control
[ ! -e hub/models/me/open/commits.jsonl ]

# what --resume needs, when it is asked for; and the same over TLS, whose certificates are looked at
quietly run hf://me/t --with-trainer
cmp run/latest/trainer/state.json hub/models/me/t/main/trainer/state.json
cmp run/latest/trainer/optimizer.safetensors hub/models/me/t/main/trainer/optimizer.safetensors
SSL_CERT_FILE=certificates/ca.pem HF_ENDPOINT=https://127.0.0.1:$TLS_GOOD quietly run hf://me/tls
whole me/tls run/latest
SSL_CERT_FILE=certificates/ca.pem HF_ENDPOINT=https://127.0.0.1:$TLS_WRONG_HOST expect 1 'certificate|SSL' quietly run hf://me/tls
[ "$(commits me/tls)" = 1 ]

# metadata that the hub would not take
leak() { rm -rf leak && cp -rL run/latest leak && rm -r leak/trainer; }
leak
printf -- '---\nlicense mit\n---\n# a\n' >leak/README.md
expect 1 'README.md: the hub refuses its metadata: Invalid metadata in README.md: ' quietly leak hf://me/leak
[ ! -e hub/models/me/leak ]

# connections that break, servers that are busy, addresses that end: the same outcome
rm -rf hub/lfs
control '{"where": "create", "fault": "lost", "times": 1}, {"where": "preupload", "fault": "status", "code": 503, "times": 1},
         {"where": "batch", "fault": "status", "code": 429, "headers": {"Retry-After": "0"}, "times": 1},
         {"where": "put", "fault": "unread", "at": 1000, "times": 1}, {"where": "put", "path": "*/2", "fault": "lost", "times": 1},
         {"where": "join", "fault": "status", "code": 500, "times": 1}, {"where": "verify", "fault": "lost", "times": 1},
         {"where": "commit", "fault": "cut", "at": -1, "times": 1}, {"where": "api", "path": "*paths-info*", "fault": "cut", "at": -1, "times": 1}'
quietly run hf://me/b
[ "$(grep -c '"PUT".*"status": 0' hub.log)" -ge 4 ]
whole me/b run/latest
[ "$(commits me/b)" = 1 ]
# the commit was made and its answer lost: it is found, not made again
rm -rf hub/lfs
control '{"where": "batch", "fault": "expired", "times": 1}, {"where": "commit", "fault": "lost", "times": 1}'
quietly run hf://me/c
whole me/c run/latest
[ "$(commits me/c)" = 1 ]
for code in 500 503 429; do
    control "{\"where\": \"commit\", \"fault\": \"status\", \"code\": $code, \"times\": 2}"
    quietly run "hf://me/d$code"
    [ "$(commits "me/d$code")" = 1 ]
done
control '{"where": "commit", "fault": "status", "code": 503}'
expect 1 'the commit: .*the server answers 503.*run it again' quietly run hf://me/e
# somebody else's commit comes between the look and ours: nothing of it is replaced unseen
control '{"where": "commit", "fault": "overtaken", "times": 1}'
expect 1 'somebody else has changed it meanwhile, from commit [0-9a-f]{12} to [0-9a-f]{12}: .*nothing was committed' quietly run hf://me/e
[ ! -e hub/models/me/e/commits.jsonl ]
quietly run hf://me/e
[ -e hub/models/me/e/main/somebody.txt ]
# parts that the storage has are not sent again: not when an address ends in the midst, nor by the next try
export XDG_CACHE_HOME=$PWD/caches
sha=$(sha256sum <run/latest/model.safetensors | cut -d ' ' -f 1)
n_parts=$(($(stat -Lc %s run/latest/model.safetensors) / 8000 + 1))
# puts_of: how often each part was sent, a number for each, since the last call
puts_of() { for i in $(seq $n_parts); do grep -c "\"PUT\".*/$sha/$i\"" hub.log || true; done | tr '\n' ' '; : >hub.log; }
afresh() { rm -rf hub/lfs hub/models/me/p; : >hub.log; }
ones=$(printf '1 %.0s' $(seq $n_parts))
[ $n_parts -ge 4 ]
afresh
control '{"where": "put", "path": "*/2", "fault": "status", "code": 403, "times": 1}'
quietly run hf://me/p --no-card
[ "$(puts_of)" = "1 2 ${ones:4}" ]
whole_parts() { cmp "hub/lfs/$sha" run/latest/model.safetensors; }
whole_parts
[ -z "$(ls caches/tritter/uploads)" ]
afresh
control "{\"where\": \"put\", \"path\": \"*/$n_parts\", \"fault\": \"status\", \"code\": 400, \"times\": 1}"
expect 1 'the storage refuses it: it answers 400' quietly run hf://me/p --no-card
had=$(puts_of)
[ "$(ls caches/tritter/uploads | wc -l)" = 1 ]
control
quietly run hf://me/p --no-card
again=$(puts_of)
for ((i = 1; i < n_parts - 4; i++)); do     # the last four were on their way together
    [ "$(cut -d ' ' -f $i <<<"$had")$(cut -d ' ' -f $i <<<"$again")" = 10 ] || { echo "part $i: $had, $again"; exit 1; }
done
[ "$(cut -d ' ' -f $n_parts <<<"$again")" = 1 ]
whole_parts
# another upload has none of them
afresh
control "{\"where\": \"put\", \"path\": \"*/$n_parts\", \"fault\": \"status\", \"code\": 400, \"times\": 1}"
expect 1 'the storage refuses it' quietly run hf://me/p --no-card
puts_of >/dev/null
control '{"where": "batch", "fault": "another-upload", "times": 1}'
quietly run hf://me/p --no-card
[ "$(puts_of)" = "$ones" ]
whole_parts
# what the storage has forgotten: one try in vain, and the next one sends everything
afresh
control "{\"where\": \"put\", \"path\": \"*/$n_parts\", \"fault\": \"status\", \"code\": 400, \"times\": 1}"
expect 1 'the storage refuses it' quietly run hf://me/p --no-card
rm "hub/lfs/$sha.part-1"
control
expect 1 'joining its parts' quietly run hf://me/p --no-card
puts_of >/dev/null
quietly run hf://me/p --no-card
[ "$(puts_of)" = "$ones" ]
whole_parts

# parts of a size that makes no sense
rm -rf hub/lfs
for size in '"0"' '"x"' '"1"' 30000; do
    control '{"where": "batch", "fault": "part-size", "size": '"$size"'}'
    expect 1 'the hub asks for parts of a size that cannot be' quietly run hf://me/f
done
# content that arrives wrong is refused, and sent again by the next run
control '{"where": "put", "path": "*'"$sha"'/1", "fault": "flip", "times": 1}'
expect 1 'model.safetensors: (joining|verifying).*: the server refuses it: it answers 422: the content has another hash' quietly run hf://me/f
[ ! -e hub/models/me/f/commits.jsonl ]
quietly run hf://me/f
whole me/f run/latest

# what must not go: it is named by file and place, and no server is asked
n=$(wc -l <hub.log)
leak
refused() { expect 1 "$1" quietly leak hf://me/leak && leak; }
sed -i "s|{|{\"made_by\": \"$HF_TOKEN\", |" leak/generation_config.json
refused 'generation_config.json: byte 13: the token that opens the hub; nothing was sent'
sed -i 's|{|{"key": "hf_abcdefghijklmnopqrstuvwxyz012345", |' leak/tokenizer.json
refused 'tokenizer.json: byte [0-9]+: what looks like a token'
sed -i 's|{|{"_name_or_path": "/home/ann/models/a", |' leak/tokenizer_config.json
refused 'tokenizer_config.json: byte [0-9]+: an absolute path, /home/ann/models/a'
sed -i "s|{|{\"from\": \"$PWD\", |" leak/tokenizer.json
refused 'tokenizer.json: byte [0-9]+: an absolute path'
echo 'trained by annabel at night' >leak/README.md
USER=annabel refused "README.md: byte 11: the user's name"
USER=annabel expect 1 "--message: byte 3: the user's name" quietly leak hf://me/leak --message 'by annabel'
python3 - leak/model.safetensors <<'EOF'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + n])
header["__metadata__"]["from"] = "/scratch/ann/run"
text = json.dumps(header).encode()
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + n:])
EOF
refused 'model.safetensors: byte [0-9]+: an absolute path, /scratch/ann/run'
[ "$(wc -l <hub.log)" = "$n" ]

# kills at any moment
control
rm -rf hub/lfs
began=$(date +%s%3N)
quietly run hf://me/timed
lasts=$(($(date +%s%3N) - began + 1))
early=0 late=0
for n in $(seq "$kills"); do
    quietly run hf://me/k 2>err &
    victim=$!
    sleep "$(printf '%d.%03d' $((RANDOM % lasts / 1000)) $((RANDOM % lasts % 1000)))"
    kill -9 $victim 2>/dev/null || true
    wait $victim 2>/dev/null && late=$((late + 1))
    if [ ! -e hub/models/me/k/commits.jsonl ]; then
        early=$((early + 1))
        # several kills hit the same upload
        [ $((n % 4)) = 0 ] || [ "$n" = "$kills" ] || continue
    fi
    quietly run hf://me/k
    whole me/k run/latest
    [ "$(commits me/k)" = 1 ]
    rm -rf hub/lfs hub/models/me/k
done
echo "$kills kills, $early of them before the commit, $late after the end"
[ "$early" -gt 0 ]

# all that was ever sent: no token but in its header at the hub's own host, nothing of this machine, no file but those
[ -s traffic ]
for word in "$HF_TOKEN" "$PWD" "$HOME/" notes.txt 'mine alone'; do
    ! grep -aqF -- "$word" traffic || { echo "sent: $word"; exit 1; }
done
if grep '"host": "localhost' hub.log | grep -v '"token": null'; then echo "the storage was sent a token"; exit 1; fi
