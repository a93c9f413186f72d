# tools/report: one file that asks for nothing, in which no text of a run can become markup; CSV that a reader takes.
set -euo pipefail
mkdir 'a<script>x' b
for d in 'a<script>x' b; do
    awk 'BEGIN { for (i = 1; i <= 50; i++) printf "{\"type\":\"step\",\"step\":%d,\"loss\":%.4g,\"grad_norm\":1,\"lr\":0.001,\"tokens\":%d,\"tokens_per_s\":100,\"trained_s\":%d}\n", i, 5 / i + 1, i * 64, i }' >"$d/metrics.jsonl"
    printf '{"type":"val","step":50,"name":"</script><b>","loss":2,"bits_per_byte":1.25}\n' >>"$d/metrics.jsonl"
    printf '{"type":"event","step":7,"event":"spike","detail":"</SCRIPT><img src=x onerror=alert(1)>"}\n' >>"$d/metrics.jsonl"
    echo '{"model":"nano","parameters":1000000,"steps":50,"lr":"'"${d:0:1}"'","note":"<!--"}' >"$d/config.json"
    echo '{"type":"sample","step":10,"prompt":"Once","text":"<i>upon</i> a time"}' >>"$d/metrics.jsonl"
done
"$TOOLS/report" --quiet 'a<script>x' b -o r.html
[ "$(grep -o '<script' r.html | wc -l)" = 2 ] # the data's and the page's own
[ "$(grep -oi '</script' r.html | wc -l)" = 2 ]
if grep -qE 'https?://' <(sed "s,http://www.w3.org/2000/svg,," r.html); then echo 'names another place'; exit 1; fi
grep -q "default-src 'none'" r.html
sed -n 's,.*id="data">\(.*\)</script>.*,\1,p' r.html >data.json
python3 - <<'PY' || exit 1
import json
runs = json.load(open("data.json"))["runs"]
assert [r["name"] for r in runs][1] == "b" and len(runs[0]["points"]["step"]) == 50
assert runs[1]["val"][0]["bits_per_byte"] == [1.25] and runs[0]["events"][0]["bad"] is True
assert runs[0]["samples"][0]["text"] == "<i>upon</i> a time"
PY
"$TOOLS/report" --quiet --csv b -o r.csv
[ "$(wc -l <r.csv)" = 51 ]
[ "$(sed -n 51p r.csv)" = "$(printf '"b",50,1.1,1,0.001,3200,100,50\r')" ]
code=0
"$TOOLS/report" nowhere -o x.html 2>err || code=$?
[ $code = 1 ] && grep -q 'nowhere: no run there' err && [ ! -e x.html ]
