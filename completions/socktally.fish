# SPDX-License-Identifier: MIT
# fish completion for socktally(1).

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
function __socktally_samples
    not __fish_seen_subcommand_from doctor report
end

function __socktally_reports
    __fish_seen_subcommand_from report
end

function __socktally_choosing
    not __fish_seen_subcommand_from report
end

function __socktally_rows
    not __fish_seen_subcommand_from doctor
end

complete -c socktally -f
complete -c socktally -n __socktally_samples -a doctor -d 'Say which backends work here'
complete -c socktally -n __socktally_samples -a report -d 'Add up saved samples'
complete -c socktally -n __socktally_reports -F
complete -c socktally -n __socktally_reports -l host -x -d 'Snapshots of this host'
complete -c socktally -n __socktally_reports -l from -x -d 'Snapshots since this time'
complete -c socktally -n __socktally_reports -l to -x -d 'Snapshots before this time'
complete -c socktally -n __socktally_reports -l per -x -a 'hour day' -d 'Cut into pieces'

complete -c socktally -n __socktally_samples -s d -l duration -x -a '0 500ms 1s 5s 1m' -d 'Window that is measured'
complete -c socktally -n __socktally_choosing -s b -l backend -x -a 'auto ebpf netlink packet procfs' -d 'Where the counters come from'
complete -c socktally -n __socktally_samples -l interval -x -a '1s 5s 10s 1m' -d 'Windows of this length, one after another'
complete -c socktally -n __socktally_samples -l count -x -a '0 10 60' -d 'So many windows'
complete -c socktally -n __socktally_samples -l since -x -a '(__fish_complete_path)' -d 'What moved since the last run with this file'
complete -c socktally -n __socktally_samples -l wait -d 'Wait for another run with the same file'
complete -c socktally -n __socktally_samples -l capture-buffer -x -a '4M 16M 64M 256M' -d 'Room for captured packets'
complete -c socktally -n __socktally_rows -l strict -d 'Exit with 3 when the result is not complete'

complete -c socktally -n __socktally_rows -l by -x -a 'process connection name user remote port protocol cgroup unit container pod netns interface' -d 'One row per key'
complete -c socktally -n __socktally_rows -l sort -x -a '(__socktally_columns)' -d 'Sort by a column or a sum of columns'
complete -c socktally -n __socktally_rows -l top -x -d 'Print the first rows, sum the others'
complete -c socktally -n __socktally_rows -l all -d 'Also the rows without traffic'
complete -c socktally -n __socktally_rows -l alert -x -a '(__socktally_columns)' -d 'Print only rows beyond a threshold'
complete -c socktally -n __socktally_rows -s o -l output -x -a '(__socktally_columns)' -d 'Columns to print'
complete -c socktally -n __socktally_rows -s H -l list-columns -d 'List all columns'
complete -c socktally -n __socktally_rows -l output-file -x -a '(__fish_complete_path)' -d 'Replace this file instead of printing'

complete -c socktally -n __socktally_rows -l pid -x -a '(__socktally_list (__fish_complete_pids))' -d 'Processes with these ids'
complete -c socktally -n __socktally_rows -l name -x -d 'Processes with this whole name'
complete -c socktally -n __socktally_rows -l filter -x -d 'Processes with this text in their name'
complete -c socktally -n __socktally_rows -l user -x -a '(__socktally_list (__fish_complete_users))' -d 'Processes of these users'
complete -c socktally -n __socktally_rows -l port -x -d 'Sockets with these ports'
complete -c socktally -n __socktally_rows -l remote -x -d 'Sockets to these addresses or networks'
complete -c socktally -n __socktally_rows -l protocol -x -a '(__socktally_list tcp udp udplite icmp raw sctp dccp mptcp packet)' -d 'Sockets of these protocols'
complete -c socktally -n __socktally_rows -l container -x -d 'Processes in these containers'
complete -c socktally -n __socktally_rows -l pod -x -d 'Processes in these pods'
complete -c socktally -n __socktally_rows -l unit -x -d 'Processes of these systemd units'
complete -c socktally -n __socktally_rows -l netns -x -a '(__socktally_list all current (path basename /run/netns/*))' -d 'Sockets in these network namespaces'
complete -c socktally -n __socktally_rows -l exclude -x -a 'pid= name= filter= user= port= remote= protocol= container= pod= unit= netns=' -d 'Leave out what this filter lets through'
complete -c socktally -n __socktally_samples -l interface -x -a '(__socktally_list (__fish_print_interfaces))' -d 'Sockets that use these network interfaces'
complete -c socktally -n __socktally_samples -l no-loopback -d 'Leave out traffic within this machine'

complete -c socktally -n __socktally_rows -s f -l format -x -a 'tsv csv json jsonl pretty prom influx' -d 'How to print the rows'
complete -c socktally -n '__fish_seen_subcommand_from doctor' -s f -l format -x -a 'tsv json pretty' -d 'How to print what was found'
complete -c socktally -s n -l no-header -d 'No header row'
complete -c socktally -l color -x -a 'auto always never' -d 'When to use colour'
complete -c socktally -l no-progress -d 'No progress line'
complete -c socktally -s q -l quiet -d 'No notes and no progress line'
complete -c socktally -s v -l verbose -d 'Say which backend was taken and why'
complete -c socktally -s h -l help -d 'Print a summary of the options'
complete -c socktally -s V -l version -d 'Print the version'
