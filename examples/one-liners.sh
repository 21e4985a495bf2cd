#!/bin/sh
# One question, what did each name receive, put to jq, Miller and sqlite3 from each format. A line needs no other line; each prints
# names and sums. The samples are files made with, for instance: socktally -d 10s -f csv > sample.csv
# shellcheck disable=SC1010 # the "then" is Miller's

# jq, from json
jq -r '.processes | group_by(.process)[] | [.[0].process, (map(.rx_bytes) | add)] | @tsv' sample.json

# jq, from jsonl: of any number of samples, one after the other
jq -rs 'group_by(.process)[] | [.[0].process, (map(.rx_bytes) | add)] | @tsv' sample.jsonl

# Miller, from csv: names keep their escapes
mlr --csv stats1 -a sum -f rx_bytes -g process then sort -nr rx_bytes_sum sample.csv

# Miller, from tsv: it knows \t, \n, \r and \\ but takes the \xHH of other control characters and of bytes that are no UTF-8 for text
mlr --tsv stats1 -a sum -f rx_bytes -g process then sort -nr rx_bytes_sum sample.tsv

# Miller, from jsonl
mlr --ijsonl --ojson stats1 -a sum -f rx_bytes -g process then sort -nr rx_bytes_sum sample.jsonl

# sqlite3, from csv
sqlite3 -csv :memory: '.import sample.csv sample' 'SELECT process, sum(rx_bytes) FROM sample GROUP BY process ORDER BY 2 DESC'

# sqlite3, from tsv: in mode "ascii", for in mode "tabs" it takes away quotes around a name
sqlite3 -ascii -separator "$(printf '\t')" -newline '
' :memory: '.import sample.tsv sample' 'SELECT process, sum(rx_bytes) FROM sample GROUP BY process ORDER BY 2 DESC'

# sqlite3, from json
sqlite3 -json :memory: "SELECT value ->> 'process' AS process, sum(value ->> 'rx_bytes') AS rx_bytes
    FROM json_each(readfile('sample.json'), '$.processes') GROUP BY 1 ORDER BY 2 DESC"

# sqlite3, from jsonl
sqlite3 -json :memory: "SELECT value ->> 'process' AS process, sum(value ->> 'rx_bytes') AS rx_bytes
    FROM json_each('[' || replace(rtrim(readfile('sample.jsonl'), char(10)), char(10), ',') || ']') GROUP BY 1 ORDER BY 2 DESC"
