#!/bin/sh
# All checks that run no test: formatting, warnings as errors with both compilers, clang-tidy, man pages, scripts.
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

# werror COMPILER : everything compiles without a warning
werror() {
    directory=build-werror-$1
    [ -f "$directory/build.ninja" ] ||
        CXX=$1 meson setup "$directory" --buildtype=debug -Dwerror=true -Dtests=enabled >/dev/null
    ninja -C "$directory" >"$directory/lint.log" 2>&1 || {
        cat "$directory/lint.log"
        return 1
    }
}

tidy() {
    git ls-files 'src/*.cpp' | xargs -P "$(nproc)" -n 4 clang-tidy -p build-werror-clang++ --quiet 2>/dev/null
}

formatting() { git ls-files '*.cpp' '*.hpp' | xargs clang-format --dry-run -Werror; }
man_pages() { git ls-files 'man/*.[1-9]' | xargs mandoc -T lint -W warning; }
scripts() {
    git ls-files -s | awk '$1 == 100755 { print $4 }' | while read -r file; do
        case $(head -n 1 "$file") in '#!'*sh) echo "$file" ;; esac
    done | xargs shellcheck tests/kernels/scenes/*
}

check formatting formatting
check "man pages" man_pages
check scripts scripts
check "warnings, g++" werror g++
check "warnings, clang++" werror clang++
check clang-tidy tidy
exit $failed
