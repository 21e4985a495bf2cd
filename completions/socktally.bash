# SPDX-License-Identifier: MIT
# bash completion for socktally(1). The program itself says which options there are and what they take
# (--list-options). Needs nothing else but bash: the helpers of bash-completion are not everywhere.
# shellcheck shell=bash

# Fills COMPREPLY with the words that complete $1. Not with compgen -W, which runs what a name like $(reboot) says: those
# of network namespaces and interfaces are others' choice.
_socktally_words()
{
    local word words current=$1
    shift
    COMPREPLY=()
    read -r -d '' -a words <<< "$*"
    for word in "${words[@]}"; do
        [[ $word != "$current"* ]] || COMPREPLY+=("$(printf '%q' "$word")")
        [[ $word != *= ]] || compopt -o nospace 2> /dev/null
    done
}

# The same for the last part of the list $1; a list of columns may begin with a +, and a sum has them between.
_socktally_list()
{
    local list=$1 last=${1##*[,+]} i
    shift
    _socktally_words "$last" "$@"
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${list%"$last"}${COMPREPLY[i]}
    done
    compopt -o nospace 2> /dev/null # another part may follow
}

# Completes $1 as a value of the form $2, of which completions offer $3. The program is $4.
_socktally_value()
{
    local file directories
    case $3 in
    @columns) _socktally_list "$1" "$("$4" --list-columns -n -f tsv 2> /dev/null | cut -f 1)" ;;
    @interfaces)
        directories=(/sys/class/net/*)
        _socktally_list "$1" "${directories[@]##*/}"
        ;;
    @netns) _socktally_list "$1" all current "$(ls /run/netns 2> /dev/null)" ;;
    @pids)
        directories=(/proc/[0-9]*)
        _socktally_list "$1" "${directories[@]##*/}"
        ;;
    @users) _socktally_list "$1" "$(compgen -u)" ;;
    @files)
        while IFS= read -r file; do
            COMPREPLY+=("$file")
        done < <(compgen -f -- "$1")
        compopt -o filenames 2> /dev/null # for bash to quote
        ;;
    *) if [[ $2 == *,... ]]; then _socktally_list "$1" "$3"; else _socktally_words "$1" "$3"; fi ;;
    esac
}

_socktally()
{
    local program=$1 current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word options=
    local names value offers commands=()
    COMPREPLY=()

    # bash splits --option=value into three words, and --exclude filter=value into four.
    local place=$((COMP_CWORD - 1)) before=
    if [[ $current == '=' || $previous == '=' ]]; then
        [[ $previous != '=' ]] || place=$((COMP_CWORD - 2))
        [[ $current != '=' ]] || current=
        previous=${COMP_WORDS[place]}
        before=${COMP_WORDS[place - 1]}
        [[ $before != '=' ]] || before=${COMP_WORDS[place - 2]}
        [[ $before != --exclude ]] || previous=--$previous
    fi

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == dns || $word == doctor || $word == ports || $word == report || $word == run ]] && commands=("$word")
    done
    # Not tabs: of those, read takes several for one.
    while IFS=$'\x1f' read -r names value offers _; do
        options+=" ${names/,/ }"
        if [[ -n $value && ,$names, == *",$previous,"* ]]; then
            _socktally_value "$current" "$value" "$offers" "$program"
            return
        fi
    done < <("$program" "${commands[@]}" --list-options -n -f tsv 2> /dev/null | tr '\t' '\037')

    if [[ -z $options ]]; then
        return # the program is not here
    elif [[ ${commands[*]} == report && $current != -* ]]; then
        compopt -o default 2> /dev/null # files
    elif [[ ${commands[*]} == run && $current != -* ]]; then
        compopt -o default 2> /dev/null
        _socktally_words "$current" "$(compgen -c -- "$current")"
    elif [[ ${commands[*]} == dns || ${commands[*]} == doctor || ${commands[*]} == ports || $current == -* ]]; then
        _socktally_words "$current" "$options"
    else
        _socktally_words "$current" dns doctor ports report run
    fi
}

complete -F _socktally socktally
