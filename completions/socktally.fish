# SPDX-License-Identifier: MIT
# fish completion for socktally(1). The program itself says which options there are and what they take
# (--list-options).

# Completes the last part of a list whose parts are in $argv; a list of columns may begin with a +.
function __socktally_list
    set -l typed (commandline -ct | string replace -r -- '^(--[a-z-]+=|-[a-z])' '')
    set -l head (string match -r -- '^.*[,+]' "$typed")
    printf '%s\n' "$head"$argv
end

function __socktally_columns
    __socktally_list (socktally --list-columns -n -f tsv 2>/dev/null | cut -f 1,4)
end

# A sample is what is taken where there is no command.
function __socktally_is_sample
    not __fish_seen_subcommand_from dns doctor ports report run
end

# The options of one command, offered where $argv[1] says so.
function __socktally_register
    socktally $argv[2] --list-options -n -f tsv 2>/dev/null | while read -l line
        set -l field (string split \t -- $line)
        set -l spec -c socktally -n $argv[1] -d $field[4]
        for name in (string split , -- $field[1])
            switch $name
                case '--*'
                    set -a spec -l (string sub -s 3 -- $name)
                case '*'
                    set -a spec -s (string sub -s 2 -- $name)
            end
        end
        if test -n "$field[2]"
            set -l values $field[3]
            switch $field[3]
                case @columns
                    set values '(__socktally_columns)'
                case @files
                    set values '(__fish_complete_path)'
                case @interfaces
                    set values '(__socktally_list (__fish_print_interfaces))'
                case @netns
                    set values '(__socktally_list all current (path basename /run/netns/*))'
                case @pids
                    set values '(__socktally_list (__fish_complete_pids))'
                case @users
                    set values '(__socktally_list (__fish_complete_users))'
                case '*'
                    string match -q -- '*,...' $field[2]; and set values "(__socktally_list $field[3])"
            end
            set -a spec -x -a $values
        end
        complete $spec
    end
end

complete -c socktally -f
complete -c socktally -n __socktally_is_sample -a dns -d 'Show who looks up which names'
complete -c socktally -n __socktally_is_sample -a doctor -d 'Say which backends work here'
complete -c socktally -n __socktally_is_sample -a ports -d 'List sockets and who holds them'
complete -c socktally -n __socktally_is_sample -a report -d 'Add up saved samples'
complete -c socktally -n __socktally_is_sample -a run -d 'Measure a command until it ends'
complete -c socktally -n '__fish_seen_subcommand_from report' -F
complete -c socktally -n '__fish_seen_subcommand_from run' -a '(__fish_complete_command)'
__socktally_register __socktally_is_sample
__socktally_register '__fish_seen_subcommand_from dns' dns
__socktally_register '__fish_seen_subcommand_from doctor' doctor
__socktally_register '__fish_seen_subcommand_from ports' ports
__socktally_register '__fish_seen_subcommand_from report' report
__socktally_register '__fish_seen_subcommand_from run' run
