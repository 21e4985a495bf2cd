#!/bin/sh
# Builds socktally for macOS on Linux, and checks the programs. Called by ./dev macos. Everything that it installs is in
# build-macos: zig and Meson from PyPI, the sources of simdjson and utf8proc from crates.io. The headers of CLI11 and fmt are
# those of Debian's packages. Exits with 77 if something cannot be installed.
set -eu
cd "$(dirname "$0")/.."

directory=$PWD/build-macos
venv=$directory/venv
packages="ziglang==0.17.1 meson==1.8.2"
optimization=${SOCKTALLY_MACOS_OPTIMIZATION:-2}

skip() {
    echo "macos: skipped: $1" >&2
    exit 77
}

install_tools() {
    [ ! -f "$venv/installed" ] || [ "$(cat "$venv/installed")" != "$packages" ] || return 0
    rm -rf "$venv"
    # shellcheck disable=SC2086 # a list of words
    { python3 -m venv "$venv" && timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check $packages; } || skip "zig cannot be installed"
    echo "$packages" >"$venv/installed"
}

# fetch_sources : simdjson and utf8proc, as they are in two packages for Rust
fetch_sources() {
    (cd subprojects && sha256sum --check --quiet --status ../cross/sources.sha256) && return 0
    command -v cargo >/dev/null || skip "cargo, which fetches simdjson and utf8proc, is not installed"
    crate=$directory/sources
    mkdir -p "$crate" subprojects/simdjson/include subprojects/utf8proc/include
    cat >"$crate/Cargo.toml" <<'TOML'
[package]
name = "sources"
version = "0.0.0"
edition = "2021"
[lib]
path = "none.rs"
[dependencies]
simdjson-sys = "=0.4.0-alpha.2"
utf8proc-sys = "=0.1.2"
TOML
    touch "$crate/none.rs"
    (cd "$crate" && timeout 300 cargo vendor --quiet >/dev/null) || skip "simdjson and utf8proc cannot be fetched"
    cp "$crate"/vendor/simdjson-sys/vendor/simdjson/simdjson.* subprojects/simdjson/include
    cp "$crate"/vendor/utf8proc-sys/utf8proc/utf8proc*.[ch] subprojects/utf8proc/include
    (cd subprojects && sha256sum --check --quiet ../cross/sources.sha256)
}

# copy_headers NAME DIRECTORY : those of a Debian package alone, because the others in /usr/include are Linux's
copy_headers() {
    mkdir -p "subprojects/$1/include"
    cp -rp "/usr/include/$2" "subprojects/$1/include" # with their times, so that nothing is built again
}

build_for() {
    [ -f "$directory/$1/build.ninja" ] ||
        meson setup "$directory/$1" --cross-file "cross/macos-$1.ini" --buildtype=release -Doptimization="$optimization" -Dtests=disabled \
            -Dman=disabled -Dcompletions=disabled -Db_pch=false --force-fallback-for=CLI11,fmt,simdjson,libutf8proc >/dev/null
    ninja -C "$directory/$1" socktally >"$directory/$1.log" 2>&1 || {
        cat "$directory/$1.log"
        exit 1
    }
    python3 cross/macho.py "$directory/$1/socktally" "$1"
}

mkdir -p "$directory"
install_tools
fetch_sources
copy_headers cli11 CLI
copy_headers fmt fmt
PATH=$venv/bin:$PATH
export PATH ZIG_GLOBAL_CACHE_DIR="$directory/cache" ZIG_LOCAL_CACHE_DIR="$directory/cache"
for architecture in ${SOCKTALLY_MACOS_ARCHITECTURES:-arm64 x86_64}; do
    build_for "$architecture"
done
