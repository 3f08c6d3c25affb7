#!/bin/sh
# Says what this machine lacks to build dolma, all of it at once, and how to get it.
#
#   scripts/check_tools.sh PYTHON MINIMAL_RUST [lint]
#
# Exits with 1 when something is missing. With `lint`, rustfmt and clippy are looked for too.

python=$1 rust=$2 lint=$3
missing=0

lacks() {
    [ "$missing" = 0 ] && echo "dolma cannot be built on this machine yet:" >&2
    missing=1
    printf '\n  %s\n      %s\n' "$1" "$2" >&2
}

# Whether version $1 is at least version $2.
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

if ! command -v "$python" >/dev/null 2>&1; then
    lacks "there is no $python" \
        "install Python 3.10 or newer (Debian: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    lacks "$python is $("$python" -V 2>&1), and 3.10 is needed" \
        "install a newer Python beside it and name it: make PYTHON=python3.12"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    lacks "$python cannot make virtual environments" \
        "Debian: apt install python3-venv"
fi

if ! command -v cargo >/dev/null 2>&1 || ! command -v rustc >/dev/null 2>&1; then
    lacks "there is no Rust (cargo and rustc)" \
        "install Rust $rust or newer from https://rustup.rs (needs no root)"
else
    version=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 | cut -d - -f 1)
    if [ -z "$version" ]; then
        lacks "rustc does not start: $(rustc --version 2>&1 | head -n 1)" "rustup default stable"
    elif ! at_least "$version" "$rust"; then
        lacks "rustc is $version, and $rust is needed" \
            "rustup update stable (a rustc of the distribution is often older; get rustup from https://rustup.rs)"
    fi
    if [ -n "$lint" ]; then
        cargo fmt --version >/dev/null 2>&1 ||
            lacks "cargo has no fmt" "rustup component add rustfmt"
        cargo clippy --version >/dev/null 2>&1 ||
            lacks "cargo has no clippy" "rustup component add clippy"
    fi
fi

command -v cc >/dev/null 2>&1 ||
    lacks "there is no C compiler (cc)" "Debian: apt install build-essential"

[ "$missing" = 0 ] || { echo >&2; exit 1; }
