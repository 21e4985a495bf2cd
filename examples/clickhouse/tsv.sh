#!/bin/sh
# Samples and inserts the rows into the table of table.sql, with the time and the host of the server. Names keep bytes that are no UTF-8,
# which JSON has no way to write. An empty field is not known: ClickHouse wants \N there. The arguments are socktally's: tsv.sh -d 10s
socktally "$@" -f tsv -o pid,process,user,rx_bytes,tx_bytes,connections |
    awk -F '\t' -v OFS='\t' '{ for (i = 1; i <= NF; ++i) if ($i == "") $i = "\\N"; print }' |
    curl -sS --fail-with-body --data-binary @- "${CLICKHOUSE:-http://127.0.0.1:8123}/?query=INSERT+INTO+socktally+\
(pid,process,user,rx_bytes,tx_bytes,connections)+FORMAT+TabSeparatedWithNames"
