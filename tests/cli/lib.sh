# SPDX-License-Identifier: Apache-2.0
#
# What the scripts here share. They are called with the program and the root of the sources, and work in a folder of their own.
#
#     run 1 eval ..         runs the program; it must end with 1. Its output is in the files out and err.
#     says 'some text'      err holds it; a run that ended with 1 or 2 said exactly one line
#     prints 'some text'    out holds it
#     golden NAME           out is golden/NAME.txt; UPDATE=1 in the environment writes it anew
#     clean                 no half-written file is left
#
#     begin synth ..        starts the program; the script goes on beside it
#     await [ -e a ]        waits until the command succeeds, for as long as the program needs: it fails if the program ends before
#     end TERM              sends the program this signal, waits for its end, and leaves the status in $status
set -u
case $1 in /*) program=$1 ;; *) program=$PWD/$1 ;; esac # the scripts work elsewhere
root=$(cd "$2" && pwd) || exit 1
here=$root/tests/cli
config=$root/configs/demo/retinanet_dat_nano.py
export LC_ALL=C
unset DEFORMER_THREADS OMP_NUM_THREADS
"$program" --version >/dev/null || exit 1
failures=0 status=0 command=

folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder" || exit 1

fail() {
    failures=$((failures + 1))
    printf 'FAILED: deformer %s\n    %s\n' "$command" "$1"
    sed -n 's/^/    err: /; 1,'"${lines_of_err:-5}p" err
}

run() {
    want=$1
    shift
    command=$*
    status=0
    "$program" "$@" >out 2>err || status=$?
    [ "$status" -eq "$want" ] || fail "ends with $status, want $want"
}

begin() {
    command=$*
    "$program" "$@" >out 2>err &
    process=$!
}

await() {
    until "$@"; do
        kill -0 $process 2>/dev/null || { "$@" || fail "ends before: $*"; return; }
        sleep 0.01
    done
}

end() {
    kill -"$1" $process 2>/dev/null
    status=0
    wait $process 2>/dev/null || status=$?
}

has_lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }

says() {
    grep -qF -- "$1" err || fail "does not say: $1"
    [ "$status" -eq 0 ] || [ "$(wc -l <err)" -eq 1 ] || fail "says $(wc -l <err) lines, want 1"
}

prints() { grep -qF -- "$1" out || fail "does not print: $1"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
is() { [ "$1" = "$2" ] || fail "$3: '$1', want '$2'"; }

golden() {
    if [ -n "${UPDATE:-}" ]; then
        cp out "$here/golden/$1.txt"
    elif ! cmp -s out "$here/golden/$1.txt"; then
        fail "its output is not that of tests/cli/golden/$1.txt; if the change is meant: UPDATE=1 sh tests/cli/NAME.sh PROGRAM ROOT"
        diff "$here/golden/$1.txt" out | head -n 20
    fi
}

clean() {
    left=$(find . -name '*.tmp-*')
    [ -z "$left" ] || fail "leaves $left"
}

# A .safetensors file with a black image of N x 3 x H x W; more of the header may follow: black_image FILE 2 64 96 ',"x":{..}'.
black_image() {
    bytes=$(($2 * 3 * $3 * $4 * 4))
    header="{\"image\":{\"dtype\":\"F32\",\"shape\":[$2,3,$3,$4],\"data_offsets\":[0,$bytes]}${5:-}}"
    n=${#header}
    {
        # shellcheck disable=SC2059 # the format is made of octal numbers
        printf "\\$(printf '%03o' $((n % 256)))\\$(printf '%03o' $((n / 256)))\\0\\0\\0\\0\\0\\0"
        printf '%s' "$header"
        head -c "$bytes" /dev/zero
    } >"$1"
}

finish() {
    clean
    [ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
    echo "passed"
}
