#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# threads.sh PROGRAM ROOT [THREADS...] -- every command prints and writes the same bytes with 1, 2, 3, 7 and 16 threads, in each precision.
. "${0%/*}/lib.sh"
network_size=128,96
. "$root/tests/support/every_command.sh"
shift 2
[ $# -gt 0 ] || set -- 1 2 3 7 16
what_commands_read

# In a folder of its own. What says how long it took differs from run to run.
visit() { # NAME ARGUMENTS...
    name=$1
    shift
    is_timed "$name" && return
    in_the_precision "$name"
    mkdir "$folder/made/$name"
    cd "$folder/made/$name" || exit 1
    run 0 "$@"
    case $name in train*) rm out ;; esac
    rm -rf err run/run.json run/log.txt run/log.jsonl run/index.html run/curves.svg
    cd "$folder" || exit 1
}

sums() {
    (cd made && find . -type f | sort | while read -r file; do printf '%s %s\n' "$file" "$(cksum <"$file")"; done)
}

for threads; do
    export DEFORMER_THREADS="$threads"
    mkdir made
    every_command visit
    sums >"files_$threads"
    rm -rf made
    cmp -s "files_$1" "files_$threads" ||
        fail "with $threads threads other bytes than with $1: $(diff "files_$1" "files_$threads" | sed -n 's/^> \([^ ]*\) .*/\1/p' | tr '\n' ' ')"
done
[ "$(wc -l <"files_$1")" -ge 150 ] || fail "only $(wc -l <"files_$1") files were compared"
finish
