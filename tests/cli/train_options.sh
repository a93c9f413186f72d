# train --help, --help-all and --list-presets say what the option table and the preset table hold
set -euo pipefail
"$BIN/train" --help >help
"$BIN/train" --help-all >all
if grep -q -- '--outer-lr\|--ema-gamma' help; then echo '--help shows options of experiments'; exit 1; fi
for o in outer-lr ema-gamma; do grep -q -- "--$o " all || { echo "--$o"; exit 1; }; done
[ "$(grep -c '^ .*--' all)" -gt "$(grep -c '^ .*--' help)" ]
grep -q -- '--help-all' help
grep -q -- '--beta2 X .*(0.95)$' help
grep -q -- '--decay SHARE .*(19%)$' help
if "$BIN/mix" --help | grep -q help-json; then echo 'what only programs read stands in --help'; exit 1; fi
"$BIN/mix" --help-all | grep -q help-json

"$BIN/train" --list-presets >table
"$BIN/train" --list-presets --json >json
[ "$(awk '!/^#/ {print $1}' table | head -1)" = nano ]
[ "$(sed -n 's/.*"name": "\(.*\)",/\1/p' json)" = "$(awk '!/^#/ {print $1}' table)" ]
[ "$(sed -n 's/.*"lr": \([0-9.]*\),/\1/p' json)" = "$(awk '!/^#/ {print $10}' table)" ]
[ "$(awk '$1 == "tiny" {print $2, $3, $8, $9}' table)" = '8 512 512 512' ]
