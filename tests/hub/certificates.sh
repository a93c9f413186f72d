#!/bin/sh
# certificates.sh DIR - a certificate authority of the tests' own (ca.pem), and what it signed: good.pem for the hosts of
# hub.py, wrong-host.pem for another host, expired.pem for the right ones until yesterday
set -eu
mkdir -p "$1"
cd "$1"
quiet() { "$@" >log 2>&1 || { cat log >&2; exit 1; }; }

quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 30 \
    -subj '/CN=authority of the tests' -addext 'keyUsage=critical,keyCertSign'

sign() {    # NAME ALTERNATIVE_NAMES DAYS
    quiet openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1"
    echo "subjectAltName=$2" >"$1.ext"
    quiet openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -out "$1.crt" -days "$3" -extfile "$1.ext"
    cat "$1.key" "$1.crt" >"$1.pem"
}
sign good 'IP:127.0.0.1,DNS:localhost' 30
sign wrong-host 'DNS:elsewhere.example' 30
sign expired 'IP:127.0.0.1,DNS:localhost' -1
