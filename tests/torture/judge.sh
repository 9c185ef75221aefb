#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# judge.sh NAME ALL KEPT POINT -- what allocations.sh asks of the run in runs/POINT, where one of ALL allocations failed: that it
# ends with 0 and what the run in the folder whole made, or with 1, one sentence and nothing half-written, and that it keeps no
# more blocks than that run, KEPT. Complains in lines that begin with FAILED, and removes the run.
name=$1 all=$2 kept=$3 point=$4
run=runs/$point

# What may differ between two good runs: times, and memory.
canonical() {
    sed -E 's/"(seconds|time|data_time|memory|date|[a-z_]*seconds|[a-z_]*_per_second)": *[-+0-9.e]+//g; s/[0-9.]+ (ms|s|MB|GB|KB)( |$|\)|,)//g; s/[0-9.]+ pictures\/s//g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]+//g; s/[0-9]+:[0-9]{2}(:[0-9]{2})?//g' "$1"
}

# What tells how far a run has come may be shorter, or older, than at the end of the whole run; its page has the speed too.
same_file() { # MADE WANTED
    case $1 in
        */run/index.html | */run/curves.svg) [ -s "$1" ] ;;
        */times.json | */roofline.html | */chart.svg) [ -s "$1" ] ;;
        *.jsonl | *.rankings.txt) canonical "$2" >wanted_text && canonical "$1" >made_text && head -c "$(wc -c <made_text)" wanted_text | cmp -s - made_text ;;
        *.png | *.jpg | *.safetensors | *.pth) cmp -s "$1" "$2" ;;
        *) cmp -s "$1" "$2" || { canonical "$1" >made_text && canonical "$2" >wanted_text && cmp -s made_text wanted_text; } ;;
    esac
}

check_files() {
    for made in $(find "$run/work" -type f); do
        want=whole/work/${made#"$run/work/"}
        case $made in *.tmp-*) complain "leaves $made" ;; esac
        if [ ! -f "$want" ]; then complain "writes ${made#"$run/work/"}, which the whole run does not"
        elif ! same_file "$made" "$want"; then complain "${made#"$run/work/"} is another"; fi
    done
}

check_whole() {
    for want in $(find whole/work -type f); do
        [ -f "$run/${want#whole/}" ] || complain "ends with 0 without ${want#whole/work/}"
    done
    case $name in bench* | compare_models) return ;; esac
    same_file "$run/out" whole/out || complain "ends with 0 and prints another text"
}

complain() {
    printf 'FAILED: %s, allocation %s of %s: %s\n' "$name" "$point" "$all" "$1"
    sed -n 's/^/    err: /; 1,3p' "$run/err"
}

lines_of_its_own() { grep -vcxFf whole/err "$run/err"; }

read -r status <"$run/status"
case $status in
    0) check_whole ;;
    1) [ "$(lines_of_its_own)" -eq 1 ] || complain "ends with 1 and says $(lines_of_its_own) lines more" ;;
    *) complain "ends with $status" ;;
esac
for entry in "$run/work"/*; do
    [ -e "$entry" ] && check_files
    break
done
read -r _ made _ now 2>/dev/null <"$run/report" || now=unknown
[ "$now" != unknown ] && [ "$now" -le "$kept" ] || complain "keeps $now blocks, an undisturbed run $kept"
rm -rf "$run"
