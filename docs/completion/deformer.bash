# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Commands and options are asked from the program itself, so they are always those that it has.

_deformer()
{
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)) || [[ $COMP_CWORD == 2 && $before == help ]]; then
        local commands
        commands=$("$program" --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
        ((COMP_CWORD == 1)) && commands="$commands help --help --version"
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
    elif [[ $word == -* ]]; then
        local options
        options=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $before == --type ]]; then
        mapfile -t COMPREPLY < <(compgen -W "bbox segm proposal keypoints boundary obb miou topk" -- "$word")
    elif [[ $before == --to || $before == --from ]] && [[ ${COMP_WORDS[1]} == data ]]; then
        mapfile -t COMPREPLY < <(compgen -W "coco lvis yolo voc maps" -- "$word")
    elif [[ $before == --to && ${COMP_WORDS[1]} == convert ]]; then
        mapfile -t COMPREPLY < <(compgen -W "mmdet official torchvision transformers transformers-resnet timm detectron2" -- "$word")
    elif ((COMP_CWORD == 2)); then
        case $before in
        metric)
            local kinds
            kinds=$("$program" metric --help 2>/dev/null | sed -n 's/^Usage: .* metric \([a-z0-9|]*\) .*/\1/p')
            mapfile -t COMPREPLY < <(compgen -W "${kinds//|/ }" -- "$word")
            ;;
        data) mapfile -t COMPREPLY < <(compgen -W "stats convert filter split merge sample draw" -- "$word") ;;
        list) mapfile -t COMPREPLY < <(compgen -W "models backbones necks heads datasets transforms optimizers policies schedulers averages configs rungs" -- "$word") ;;
        eval | predict | info | bench | forward | init | train) # a ready config, or a file
            mapfile -t COMPREPLY < <(compgen -W "$("$program" list configs 2>/dev/null)" -- "$word"; compgen -f -- "$word") ;;
        esac
    fi # everything else is a file: the default below
}
complete -o default -F _deformer deformer
