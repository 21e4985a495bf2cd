# SPDX-License-Identifier: MIT
# bash completion for socktally(1). Needs nothing but bash: the helpers of bash-completion are not everywhere.
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

_socktally_pids()
{
    local directories=(/proc/[0-9]*)
    printf '%s\n' "${directories[@]##*/}"
}

_socktally_namespaces()
{
    printf '%s\n' all current
    ls /run/netns 2> /dev/null
}

_socktally_interfaces()
{
    local directories=(/sys/class/net/*)
    printf '%s\n' "${directories[@]##*/}"
}

_socktally_files()
{
    local file
    COMPREPLY=()
    while IFS= read -r file; do
        COMPREPLY+=("$file")
    done < <(compgen -f -- "$1")
    compopt -o filenames 2> /dev/null # for bash to quote
}

_socktally_columns()
{
    "$1" --list-columns -n -f tsv 2> /dev/null | cut -f 1
}

_socktally()
{
    local program=$1 current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word command=
    local formats='tsv csv json jsonl pretty prom influx'
    local output='-f --format -n --no-header --color --no-progress -q --quiet -v --verbose -h --help -V --version'
    local choosing='-b --backend'
    local rows='--strict --by --sort --top --all --alert -o --output --output-file -H --list-columns
        --pid --name --filter --user --port --remote --protocol --container --pod --unit --netns --exclude'
    local samples='-d --duration --interval --count --since --wait --capture-buffer --interface --no-loopback'
    local reports='--host --from --to --per'
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
        [[ $word == doctor || $word == report ]] && command=$word
    done
    [[ $command != doctor ]] || formats='tsv json pretty'

    case $previous in
    -d | --duration) _socktally_words "$current" 0 500ms 1s 5s 1m ;;
    --interval) _socktally_words "$current" 1s 5s 10s 1m ;;
    --count) _socktally_words "$current" 0 10 60 ;;
    -f | --format) _socktally_words "$current" "$formats" ;;
    -b | --backend) _socktally_words "$current" auto ebpf netlink packet procfs ;;
    --capture-buffer) _socktally_words "$current" 4M 16M 64M 256M ;;
    --by) _socktally_words "$current" process connection name user remote port protocol cgroup unit container pod netns interface ;;
    --color) _socktally_words "$current" auto always never ;;
    --protocol) _socktally_list "$current" tcp udp udplite icmp raw sctp dccp mptcp packet ;;
    --exclude)
        [[ $command == report ]] || word=interface=
        _socktally_words "$current" pid= name= filter= user= port= remote= protocol= container= pod= unit= netns= "$word"
        compopt -o nospace 2> /dev/null
        ;;
    --netns) _socktally_list "$current" "$(_socktally_namespaces)" ;;
    --interface) _socktally_list "$current" "$(_socktally_interfaces)" ;;
    --user) _socktally_list "$current" "$(compgen -u)" ;;
    --pid) _socktally_list "$current" "$(_socktally_pids)" ;;
    -o | --output | --sort | --alert) _socktally_list "$current" "$(_socktally_columns "$program")" ;;
    --since | --output-file) _socktally_files "$current" ;;
    --per) _socktally_words "$current" hour day ;;
    --host | --from | --to | --top | --name | --filter | --port | --remote | --container | --pod | --unit) ;; # nothing to guess
    *)
        if [[ $command == doctor ]]; then
            _socktally_words "$current" "$output" "$choosing"
        elif [[ $command == report && $current == -* ]]; then
            _socktally_words "$current" "$output" "$rows" "$reports"
        elif [[ $command == report ]]; then
            compopt -o default 2> /dev/null # files
        elif [[ $current == -* ]]; then
            _socktally_words "$current" "$output" "$choosing" "$rows" "$samples"
        else
            _socktally_words "$current" doctor report
        fi
        ;;
    esac
}

complete -F _socktally socktally
