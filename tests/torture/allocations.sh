#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# allocations.sh PROGRAM ROOT LIBRARY [COMMAND...] -- every command, or those that are named, while one of its allocations fails.
# LIBRARY is failing_malloc.c: it sees the allocations of all libraries. Each run must end with 0 and the results of an
# undisturbed run, or with 1, one sentence and nothing half-written; either way, all that it took it gives back.
#
#     TORTURE_POINTS=N    allocations that are tried, spread over the run (16); the first of them are tried twice as densely
#     TORTURE_ALL=1       all of the first 2000, and N of the rest: a long run
case $3 in /*) library=$3 ;; *) library=$PWD/$3 ;; esac
. "${0%/*}/../cli/lib.sh"
. "$root/tests/support/every_command.sh"
shift 3
wanted=" $* "
points=${TORTURE_POINTS:-16}
export DEFORMER_THREADS=1

# ---- what the commands read --------------------------------------------------------------------------------------------

what_commands_read

# ---- one run -----------------------------------------------------------------------------------------------------------

# What may differ between two good runs: times, and memory.
canonical() {
    sed -E 's/"(seconds|time|data_time|memory|date|[a-z_]*seconds|[a-z_]*_per_second)": *[-+0-9.e]+//g; s/[0-9.]+ (ms|s|MB|GB|KB)( |$|\)|,)//g; s/[0-9.]+ pictures\/s//g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]+//g; s/[0-9]+:[0-9]{2}(:[0-9]{2})?//g' "$1"
}


number() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" report; }

# What tells how far a run has come may be shorter, or older, than at the end of the whole run; its page has the speed too.
same_file() { # MADE WANTED
    case $1 in
        work/run/index.html | work/run/curves.svg) [ -s "$1" ] ;;
        work/times.json | work/roofline.html | work/chart.svg) [ -s "$1" ] ;;
        *.jsonl | *.rankings.txt) canonical "$2" >wanted_text && canonical "$1" >made_text && head -c "$(wc -c <made_text)" wanted_text | cmp -s - made_text ;;
        *.png | *.jpg | *.safetensors | *.pth) cmp -s "$1" "$2" ;;
        *) canonical "$1" >made_text && canonical "$2" >wanted_text && cmp -s made_text wanted_text ;;
    esac
}

check_files() {
    for made in $(find work -type f); do
        want=whole/${made#work/}
        case $made in *.tmp-*) complain "leaves $made" ;; esac
        if [ ! -f "$want" ]; then complain "writes ${made#work/}, which the whole run does not"
        elif ! same_file "$made" "$want"; then complain "${made#work/} is another"; fi
    done
}

check_whole() {
    for want in $(find whole -type f); do
        [ -f "work/${want#whole/}" ] || complain "ends with 0 without ${want#whole/}"
    done
    is_timed "$name" && return
    canonical out >made_text
    cmp -s made_text whole_out || complain "ends with 0 and prints another text"
}

complain() {
    failures=$((failures + 1))
    printf 'FAILED: %s, allocation %s of %s: %s\n' "$name" "$point" "$all" "$1"
    sed -n 's/^/    err: /; 1,3p' err
}

check_point() {
    point=$1
    shift
    try_at "$point" "$@"
    case $status in
        0) check_whole ;;
        1) [ "$(grep -vcxFf whole_err err)" -eq 1 ] || complain "ends with 1 and says $(grep -vcxFf whole_err err) lines more" ;;
        *) complain "ends with $status" ;;
    esac
    check_files
    [ "$(number kept)" -le "$kept" ] || complain "keeps $(number kept) blocks, an undisturbed run $kept"
}

try_at() { # N ARGUMENTS...
    at=$1
    shift
    rm -rf work report && mkdir work
    status=0
    (cd work && env TORTURE_FAIL="$at" TORTURE_REPORT=../report LD_PRELOAD="$library" "$program" "$@" >../out 2>../err) || status=$?
    [ -s report ] || echo "made 0 kept 0" >report
}

# ---- one command -------------------------------------------------------------------------------------------------------

chosen_points() {
    awk -v all="$all" -v n="$points" -v every="${TORTURE_ALL:-0}" 'BEGIN {
        first = every ? 2000 : n
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
    try_at 0 "$@"
    all=$(number made) kept=$(number kept)
    [ "$status" -eq 0 ] || { fail "undisturbed, it ends with $status"; return; }
    [ "$all" -gt 0 ] || { fail "$library saw no allocation"; return; }
    rm -rf whole && mv work whole
    canonical out >whole_out
    cp err whole_err
    tried=0
    for point in $(chosen_points); do
        check_point "$point" "$@"
        tried=$((tried + 1))
    done
    printf '%-20s %7d allocations, %5d of them failed in turn\n' "$name" "$all" "$tried"
}

# ---- all of them -------------------------------------------------------------------------------------------------------

every_command torture
finish
