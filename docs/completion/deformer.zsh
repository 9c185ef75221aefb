#compdef deformer
# SPDX-License-Identifier: Apache-2.0
# Completion for zsh. Commands and options are asked from the program itself, so they are always those that it has.

_deformer() {
    local -a found
    if ((CURRENT == 2)); then
        found=(${(f)"$($words[1] --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)/\1:\2/p')"})
        _describe command found
    elif [[ $PREFIX == -* ]]; then
        found=(${(f)"$($words[1] $words[2] --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')"})
        compadd -a found
    else
        _files
    fi
}
_deformer "$@"
