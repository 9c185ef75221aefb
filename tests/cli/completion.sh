#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# completion.sh PROGRAM ROOT -- what bash, zsh and fish offer for a word, asked in those of the shells that are installed.
. "${0%/*}/lib.sh"

offers=$root/docs/completion
mkdir bin home
ln -s "$program" bin/deformer
PATH=$PWD/bin:$PATH
export PATH HOME="$PWD/home"
touch a-file
# Ready configs are found beside the program.
some_config=$(deformer list configs | sed -n '/^retinanet_dat_tiny/p' | head -n 1)

bash_offers() { # WORD...; the last one is completed
    bash --norc -c '
        . "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _deformer
        printf "%s\n" "${COMPREPLY[@]}"' - "$offers/deformer.bash" "$@"
}

# The widgets of zsh are there while a line is edited only: functions of their names print what they are given.
zsh_offers() {
    zsh -f -c '
        file=$1; shift
        words=("$@") CURRENT=$# PREFIX=${@[-1]}
        tell() { print -rl -- ${(M)@:#$PREFIX*}; }
        compadd() { if [[ $1 == -a ]]; then tell ${(P)2}; else tell "$@"; fi; }
        _describe() { tell ${${(P)2}%%:*}; }
        _files() { tell *(N); }
        source $file' - "$offers/deformer.zsh" "$@"
}

fish_offers() {
    fish --no-config -c 'source $argv[1]; complete -C (string join " " -- $argv[2..])' "$offers/deformer.fish" "$@" | cut -f 1
}

offer() { # SHELL 'some words' WORD...: of all that is offered, these are words
    shell=$1 wanted=$2
    shift 2
    command="$shell: $*"
    "${shell}_offers" "$@" >out 2>err
    [ ! -s err ] || fail "says: $(head -n 1 err)"
    for word in $wanted; do
        grep -qxF -- "$word" out || fail "does not offer $word"
    done
}

for shell in bash zsh fish; do
    command -v $shell >/dev/null || { echo "no $shell here"; continue; }
    offer $shell 'eval' deformer ev
    offer $shell 'train predict metric' deformer ''
    offer $shell 'train' deformer help tr
    offer $shell '--threads' deformer eval --thr
    offer $shell 'voc' deformer metric v
    offer $shell 'stats' deformer data st
    offer $shell 'configs' deformer list conf
    offer $shell 'yolo' deformer data convert a-file b --to y
    offer $shell 'timm torchvision' deformer convert a-file b --to t
    offer $shell 'segm' deformer metric coco a-file a-file --type s
    [ -z "$some_config" ] || offer $shell "$some_config" deformer eval retinanet_dat_t
    ! grep -qx 'train' out || fail 'offers a command where a config is wanted'
done
finish
