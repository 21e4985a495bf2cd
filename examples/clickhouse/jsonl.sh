#!/bin/sh
# Samples and inserts the rows into the table of table.sql, each with the time, the host and all that the table has columns for. The
# arguments are socktally's: jsonl.sh -d 10s
socktally "$@" -f jsonl |
    curl -sS --fail-with-body --data-binary @- "${CLICKHOUSE:-http://127.0.0.1:8123}/?query=INSERT+INTO+socktally+FORMAT+JSONEachRow\
&input_format_skip_unknown_fields=1&date_time_input_format=best_effort"
