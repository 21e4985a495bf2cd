#!/bin/sh
# Checks formatting, man pages and scripts; without `quick` also clang's warnings, as errors, and clang-tidy. ./dev sanitize reports
# the warnings of g++, so nothing is compiled here.
# shellcheck disable=SC2317 # check() calls them
set -eu
cd "$(dirname "$0")/.."

failed=0
check() {
    name=$1
    shift
    echo "lint: $name"
    "$@" || {
        echo "lint: $name FAILED" >&2
        failed=1
    }
}

directory=build-werror
# Nothing is compiled but what the sources include: clang-tidy finds what clang would warn of.
prepare() {
    [ -f "$directory/build.ninja" ] ||
        CXX=clang++ meson setup "$directory" --buildtype=debug -Dunity=off -Db_pch=false -Dwerror=true -Dtests=enabled >/dev/null || return 1
    ninja -C "$directory" -t targets rule CUSTOM_COMMAND | grep '[.]h$' | xargs ninja -C "$directory" >"$directory/lint.log" 2>&1 || {
        cat "$directory/lint.log"
        return 1
    }
}

# compiled : all sources that are
compiled() { jq -r '.[].file' "$directory/compile_commands.json" | sed 's,^[.][.]/,,' | sort -u; }
run_tidy() { xargs -P "$(nproc)" -n 4 clang-tidy -p "$directory" --quiet "$@" 2>/dev/null; }
# clang-tidy does nothing without a check: this one is never of interest.
warnings() {
    compiled | grep -v '^src/.*[.]cpp$' |
        run_tidy --checks='-*,clang-diagnostic-*,objc-assert-equals' --warnings-as-errors='*' --header-filter='/(src|tests)/'
}
tidy() { compiled | grep '^src/.*[.]cpp$' | run_tidy; }

formatting() { git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror; }
# Examples come before the sections that mandoc expects before them.
man_pages() { ! git ls-files 'man/*.[1-9]' | xargs mandoc -T lint -W warning | grep -v 'out of conventional order'; }
scripts() {
    git ls-files -s | awk '$1 == 100755 { print $4 }' | while read -r file; do
        case $(head -n 1 "$file") in '#!'*sh) echo "$file" ;; esac
    done | xargs shellcheck tests/kernels/scenes/*
}

# include_order : a folder of src includes only itself and the folders before it in this list, so no two include each other. darwin has
# files of several folders for macOS, and is included by none of them.
folders="util model linux processes sockets owners traffic traffic/dns traffic/packet traffic/netlink traffic/ebpf traffic/procfs traffic/netstat traffic/ntstat table formats report cli commands darwin"
include_order() {
    git ls-files 'src/*/*' | xargs grep -H '^#include "[^"]*/' | awk -v folders="$folders" '
        function folder(path) { return substr(path, 1, match(path, "/[^/]*$") - 1) }
        BEGIN { count = split(folders, names, " "); for (i = 1; i <= count; ++i) rank[names[i]] = i }
        {
            file = substr($0, 5, index($0, ":") - 5)
            included = $0; sub(/[^"]*"/, "", included); sub(/".*/, "", included)
            from = rank[folder(file)]; to = rank[folder(included)]
            if (!from || !to || to > from) { print file " must not include " included; bad = 1 }
        }
        END { exit bad }'
}

check formatting formatting
check "include order" include_order
check "man pages" man_pages
check scripts scripts
[ "${1:-}" != quick ] || exit $failed
check "generated sources" prepare
check "warnings in tests" warnings
check clang-tidy tidy
exit $failed
