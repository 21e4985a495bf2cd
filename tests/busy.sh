#!/bin/sh
# busy.sh DIRECTORY [ROUNDS]: runs the tests of a build directory beside four busy loops, the quick suites four times as often as the
# others, and prints a line for each round. The log of a round that failed stays beside the build, as busy-SUITE-ROUND.log.
set -eu
directory=$1
rounds=${2:-5}

loops=
trap 'kill $loops' EXIT
trap 'exit 130' INT TERM
for _ in 1 2 3 4; do
    sh -c 'while :; do :; done' &
    loops="$loops $!"
done

failed=0
# round NAME NUMBER SUITE... : one run of the suites
round() {
    log=$directory/busy-$1-$2.log
    name="$1 $2"
    shift 2
    suites=
    for suite in "$@"; do
        suites="$suites --suite $suite"
    done
    begun=$(date +%s)
    # shellcheck disable=SC2086 # a list of words
    if meson test -C "$directory" --no-rebuild --print-errorlogs $suites >"$log" 2>&1; then
        result=passed
    else
        result=FAILED
        failed=1
    fi
    counts=$(sed -n 's/^\(Ok\|Fail\|Skipped\|Timeout\): */\1 /p' "$log" | tr '\n' ' ')
    echo "$name: $result after $(($(date +%s) - begun)) s, load $(cut -d' ' -f1 /proc/loadavg): $counts"
    [ $result = FAILED ] || rm "$log"
}

i=1
while [ $i -le $((rounds * 4)) ]; do
    round quick $i unit golden docs fuzz
    i=$((i + 1))
done
i=1
while [ $i -le "$rounds" ]; do
    round slow $i truth interop privilege engines
    i=$((i + 1))
done
exit $failed
