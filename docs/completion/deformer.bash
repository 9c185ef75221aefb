# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Commands and options are asked from the program itself, so they are always those that it has.

_deformer()
{
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        local commands
        commands=$("$program" --help 2>/dev/null | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
    elif [[ $word == -* ]]; then
        local options
        options=$("$program" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    elif [[ $before == --type ]]; then
        mapfile -t COMPREPLY < <(compgen -W "bbox segm proposal miou topk" -- "$word")
    fi # everything else is a file: the default below
}
complete -o default -F _deformer deformer
