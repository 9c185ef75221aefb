# SPDX-License-Identifier: Apache-2.0
# Completion for fish. Commands and options are asked from the program itself, so they are always those that it has.

function __deformer_commands
    deformer --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end

function __deformer_options
    set -l words (commandline -opc)
    deformer $words[2] --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\)\( [^ ]*\)\{0,1\}  *\(.*\)/\1\t\3/p'
end

function __deformer_metrics
    deformer metric --help 2>/dev/null | sed -n 's/^Usage: .* metric \([a-z0-9|]*\) .*/\1/p' | tr '|' '\n'
end

complete -c deformer -n __fish_use_subcommand -f -a '(__deformer_commands)'
complete -c deformer -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__deformer_options)'
complete -c deformer -n '__fish_seen_subcommand_from help' -f -a '(__deformer_commands)'
complete -c deformer -n '__fish_seen_subcommand_from metric' -a '(__deformer_metrics)'
complete -c deformer -n '__fish_seen_subcommand_from data' -a 'stats convert filter split merge sample draw'
complete -c deformer -n '__fish_seen_subcommand_from list' -f -a 'models backbones necks heads datasets transforms optimizers policies schedulers averages configs rungs'
complete -c deformer -n '__fish_seen_subcommand_from eval predict info bench forward init train; and test (count (commandline -opc)) -eq 2' -a '(deformer list configs 2>/dev/null)'
