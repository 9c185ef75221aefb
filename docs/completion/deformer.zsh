#compdef deformer
# SPDX-License-Identifier: Apache-2.0
# Completion for zsh. Commands and options are asked from the program itself, so they are always those that it has.

_deformer() {
    local -a found
    if ((CURRENT == 2)) || [[ $CURRENT == 3 && $words[2] == help ]]; then
        found=(${(f)"$($words[1] --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"})
        _describe command found
    elif [[ $PREFIX == -* ]]; then
        found=(${(f)"$($words[1] $words[2] --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')"})
        compadd -a found
    elif [[ $words[CURRENT-1] == --type ]]; then
        compadd bbox segm proposal keypoints boundary obb miou topk
    elif [[ $words[2] == data && $words[CURRENT-1] == --(to|from) ]]; then
        compadd coco lvis yolo voc maps
    elif [[ $words[2] == convert && $words[CURRENT-1] == --to ]]; then
        compadd mmdet official torchvision transformers transformers-resnet timm detectron2
    elif ((CURRENT == 3)); then
        case $words[2] in
        metric)
            found=(${(s:|:)"$($words[1] metric --help 2>/dev/null | sed -n 's/^Usage: .* metric \([a-z0-9|]*\) .*/\1/p')"})
            compadd -a found ;;
        data) compadd stats convert filter split merge sample draw ;;
        list) compadd models backbones necks heads datasets transforms optimizers policies schedulers averages configs rungs ;;
        eval|predict|info|bench|forward|init|train)
            found=(${(f)"$($words[1] list configs 2>/dev/null)"})
            compadd -a found
            _files ;;
        *) _files ;;
        esac
    else
        _files
    fi
}
_deformer "$@"
