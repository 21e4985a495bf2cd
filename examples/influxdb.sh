#!/bin/sh
# Samples and writes the rows to the database "socktally" of an InfluxDB 1.x, which it makes where there is none. The arguments are
# socktally's: influxdb.sh -d 10s --top 20
server=${INFLUXDB:-http://127.0.0.1:8086}
curl -sS --fail-with-body -o /dev/null --data-urlencode 'q=CREATE DATABASE socktally' "$server/query" &&
    socktally "$@" -f influx | curl -sS --fail-with-body --data-binary @- "$server/write?db=socktally"
