# Manual pages and completions come from the option tables: every option of every program is in them, and the shells
# understand them.
set -euo pipefail
"$ROOT/tools/install-pages" share "$BIN"/*

listed() { grep -oE -- '--[a-z0-9-]+' | sort -u; }
# lacks PROGRAM PAGE: those of its options that the list on standard input lacks
lacks() {
    local missing
    missing=$(listed | comm -23 options -)
    [ -z "$missing" ] || { echo "$2 of $1 lacks" "$missing"; exit 1; }
}
for program in "$BIN"/*; do
    name=${program##*/}
    "$program" --help-all | grep -oE '^  (-.|  )[, ] --[a-z0-9-]+' | listed >options
    [ "$(wc -l <options)" -ge 6 ]
    sed 's/\\-/-/g' "share/man/man1/tritter-$name.1" | grep '^\.B ' | lacks "$name" 'manual page'
    grep -E "^ *'$name '\) options=" share/bash-completion/completions/tritter | lacks "$name" 'bash completion'
    sed -n "s/^complete -c $name .*-l \([a-z0-9-]*\).*/--\1/p" share/fish/vendor_completions.d/tritter.fish | lacks "$name" 'fish completion'
    sed -n "/^    '$name ')/,/;;/p" share/zsh/site-functions/_tritter | grep -oE "^ *'--[a-z0-9-]+\[" | lacks "$name" 'zsh completion'
done

# What bash offers, as it would ask.
# shellcheck disable=SC1091
. share/bash-completion/completions/tritter
offers() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMPREPLY=()
    _tritter
    echo "${COMPREPLY[*]-}"
}
[ "$(offers train --optimi)" = --optimizer ]
[ "$(offers train --optimizer m)" = muon ]
[ "$(offers tokenize tr)" = train ]
[ "$(offers bin/tokenize train --vocab)" = --vocab-size ]
[ "$(offers tokenize decode --vocab)" = '' ]
touch my.file
[ "$(offers mix my)" = my.file ]

# The same bytes again; and what is not an option table is refused.
cp -r share again
"$ROOT/tools/install-pages" share "$BIN"/*
diff -r share again
# A page that cannot be written whole leaves the one that is there; links are not followed; all may read.
if (ulimit -f 1; "$ROOT/tools/install-pages" share "$BIN"/* 2>err); then exit 1; fi
grep -q 'File too large\|File size limit' err
diff -r share again
[ -z "$(find share -name '*partial')" ]
echo theirs >letter
ln -sf "$PWD/letter" share/man/man1/tritter-mix.1
(umask 077; "$ROOT/tools/install-pages" share "$BIN"/*)
[ "$(cat letter)" = theirs ]
[ "$(stat -c %a share/man/man1/tritter-mix.1)" = 644 ]
diff -r share again
for bad in '' '{' '{"name":"x"}' '[]' '{"name":3,"options":[]}'; do
    ! "$TOOLS/pages" bash <<<"$bad" >out 2>err || { echo "took: $bad"; exit 1; }
    grep -q '^pages: standard input: ' err
done
for check in 'zsh -n share/zsh/site-functions/_tritter' 'fish -n share/fish/vendor_completions.d/tritter.fish' \
    'mandoc -T lint -W error share/man/man1/tritter-train.1 share/man/man1/tritter-tokenize-train.1'; do
    if command -v "${check%% *}" >/dev/null; then $check; fi
done
