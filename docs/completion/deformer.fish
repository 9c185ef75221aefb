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

# The word is the first after one of these commands.
function __deformer_first_of
    set -l words (commandline -opc)
    test (count $words) -eq 2; and contains -- $words[2] $argv
end

# It is the value of OPTION of COMMAND.
function __deformer_value # COMMAND OPTION...
    set -l words (commandline -opc)
    test (count $words) -gt 2; and string match -q -- $argv[1] $words[2]; and contains -- $words[-1] $argv[2..]
end

complete -c deformer -n __fish_use_subcommand -f -a '(__deformer_commands)'
complete -c deformer -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__deformer_options)'
complete -c deformer -n '__deformer_first_of help' -f -a '(__deformer_commands)'
complete -c deformer -n '__deformer_first_of metric' -f -a '(__deformer_metrics)'
complete -c deformer -n '__deformer_first_of data' -f -a 'stats convert filter split merge sample draw'
complete -c deformer -n '__deformer_first_of list' -f -a 'models backbones necks heads datasets transforms optimizers policies schedulers averages configs rungs'
complete -c deformer -n '__deformer_first_of eval predict info bench forward init train' -a '(deformer list configs 2>/dev/null)'
complete -c deformer -n '__deformer_value "*" --type' -f -a 'bbox segm proposal keypoints boundary obb miou topk'
complete -c deformer -n '__deformer_value data --to --from' -f -a 'coco lvis yolo voc maps'
complete -c deformer -n '__deformer_value convert --to' -f -a 'mmdet official torchvision transformers transformers-resnet timm detectron2'
