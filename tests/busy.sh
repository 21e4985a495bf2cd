#!/bin/sh
# busy.sh DIRECTORY [quick|slow]: runs the tests of a build directory beside four busy loops, the quick suites 20 times and the others 5
# times, and prints a line for each round. The log of a round that failed stays in the build directory, as busy-quick-3.log.
set -eu
directory=$1
which=${2:-quick slow}

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
        cat "$directory/meson-logs/testlog.txt" >>"$log"
    fi
    counts=$(sed -n 's/^\(Ok\|Fail\|Skipped\|Timeout\): */\1 /p' "$log" | tr '\n' ' ')
    echo "$name: $result after $(($(date +%s) - begun)) s, load $(cut -d' ' -f1 /proc/loadavg): $counts"
    [ $result = FAILED ] || rm "$log"
}

for suites in $which; do
    i=0
    case $suites in
    quick) while [ $((i += 1)) -le 20 ]; do round quick $i unit golden docs fuzz; done ;;
    slow) while [ $((i += 1)) -le 5 ]; do round slow $i truth interop privilege engines; done ;;
    *)
        echo "busy: quick or slow, not $suites" >&2
        exit 2
        ;;
    esac
done
exit $failed
