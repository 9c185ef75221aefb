#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# allocations.sh PROGRAM ROOT LIBRARY [COMMAND...] -- every command, or those that are named, while one of its allocations fails.
# LIBRARY is failing_malloc.c: it sees the allocations of all libraries. Each run must end with 0 and the results of an
# undisturbed run, or with 1, one sentence and nothing half-written; either way, all that it took it gives back (judge.sh).
#
# Most runs are branches of one run, which need not begin at the beginning. Where the program has several threads, it cannot
# branch: there each point is a run of its own.
#
#     TORTURE_POINTS=N    allocations that are tried, spread over the run (16); the first of them are tried twice as densely
#     TORTURE_ALL=1       all
case $3 in /*) library=$3 ;; *) library=$PWD/$3 ;; esac
case $0 in /*) judge=${0%/*}/judge.sh ;; *) judge=$PWD/${0%/*}/judge.sh ;; esac
. "${0%/*}/../cli/lib.sh"
. "$root/tests/support/every_command.sh"
shift 3
wanted=" $* "
points=${TORTURE_POINTS:-16}
export DEFORMER_THREADS=1

# ---- what the commands read --------------------------------------------------------------------------------------------

what_commands_read

# ---- one run -----------------------------------------------------------------------------------------------------------

number() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" "$2"; }

# In the folder runs/NAME: the program works in its folder work, and what it says and how it ended is beside that.
run_in() { # NAME VARIABLES ARGUMENTS...
    made=runs/$1 variables=$2
    shift 2
    rm -rf "$made" && mkdir "$made" "$made/work"
    status=0
    # shellcheck disable=SC2086 # several variables
    (cd "$made/work" && env TORTURE_REPORT=../report $variables LD_PRELOAD="$library" "$program" "$@" >../out 2>../err) || status=$?
    echo "$status" >"$made/status"
}

judge() { # NAME
    sh "$judge" "$name" "$all" "$kept" "$1" >>complaints 2>&1
}

# ---- one command -------------------------------------------------------------------------------------------------------

chosen_points() {
    awk -v all="$all" -v n="$points" -v every="${TORTURE_ALL:-0}" 'BEGIN {
        first = every ? all : n
        for (i = 1; i <= all && i <= first; i++) print i
        for (i = 0; i < n; i++) if ((at = int(first + 1 + (all - first) * (i + 0.5) / n)) <= all) print at
    }' | sort -nu
}

torture() { # NAME ARGUMENTS...
    name=$1
    shift
    case $wanted in *" $name "*) ;; *[a-z]*) return ;; esac
    in_the_precision "$name"
    command="$*"
    rm -rf runs whole && mkdir runs
    run_in whole "" "$@"
    cp runs/whole/err err
    [ "$status" -eq 0 ] || { fail "undisturbed, it ends with $status"; return; }
    all=$(number made runs/whole/report) kept=$(number kept runs/whole/report)
    [ "${all:-0}" -gt 0 ] || { fail "$library saw no allocation"; return; }
    mv runs/whole whole
    : >complaints
    chosen_points >points
    export TORTURE_JUDGE="cd '$folder' && sh '$judge' '$name' $all $kept >>complaints 2>&1"
    run_in trunk "TORTURE_EACH=$folder/points TORTURE_FOLDER=$folder/runs TORTURE_KEPT=$kept" "$@"
    judge trunk
    sort -nu points.alone >alone
    while read -r point; do
        run_in "$point" "TORTURE_FAIL=$point" "$@" </dev/null
        judge "$point"
    done <alone
    failures=$((failures + $(grep -c ^FAILED complaints)))
    cat complaints
    printf '%-26s %6d allocations, %6d of them failed in turn, %d without a branch\n' "$name" "$all" "$(wc -l <points)" "$(wc -l <alone)"
}

# ---- all of them -------------------------------------------------------------------------------------------------------

every_command torture
finish
