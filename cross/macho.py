#!/usr/bin/env python3
"""Checks a program for macOS: macho.py FILE ARCHITECTURE

Reads the Mach-O file itself, because Debian's file(1) and nm(1) know little of it. Prints what the program loads, and how many
functions of the system it calls. Fails if it is not a program for that architecture, loads anything but libSystem, or calls a function
that only Linux has."""
import struct
import sys

ARCHITECTURES = {"arm64": 0x0100000C, "x86_64": 0x01000007}
MAGIC, EXECUTABLE = 0xFEEDFACF, 2
LOADS_LIBRARY = {0xC: "LC_LOAD_DYLIB", 0x80000018: "LC_LOAD_WEAK_DYLIB", 0x8000001F: "LC_REEXPORT_DYLIB", 0x20: "LC_LAZY_LOAD_DYLIB"}
NAMES = {0x1: "LC_SEGMENT", 0x2: "LC_SYMTAB", 0xB: "LC_DYSYMTAB", 0xE: "LC_LOAD_DYLINKER", 0x19: "LC_SEGMENT_64", 0x1B: "LC_UUID",
         0x1D: "LC_CODE_SIGNATURE", 0x26: "LC_FUNCTION_STARTS", 0x29: "LC_DATA_IN_CODE", 0x2A: "LC_SOURCE_VERSION",
         0x32: "LC_BUILD_VERSION", 0x22: "LC_DYLD_INFO", 0x80000022: "LC_DYLD_INFO_ONLY", 0x80000028: "LC_MAIN",
         0x80000033: "LC_DYLD_EXPORTS_TRIE", 0x80000034: "LC_DYLD_CHAINED_FIXUPS"}
SYSTEM = "/usr/lib/libSystem.B.dylib"
ONLY_LINUX = set("""accept4 bpf clone close_range closefrom copy_file_range epoll_create1 epoll_ctl epoll_wait eventfd execveat getauxval
    getrandom gettid inotify_init1 memfd_create open_by_handle_at openat2 perf_event_open pidfd_getfd pidfd_open pipe2 ppoll prctl
    process_vm_readv recvmmsg sched_setaffinity sendmmsg setns signalfd splice statx syscall timerfd_create unshare""".split())


def text_at(data, offset):
    return data[offset:data.index(b"\0", offset)].decode()


def main(path, architecture):
    with open(path, "rb") as file:
        data = file.read()
    magic, cpu, _, kind, count = struct.unpack_from("<5I", data)
    if (magic, cpu, kind) != (MAGIC, ARCHITECTURES[architecture], EXECUTABLE):
        sys.exit(f"{path}: not a Mach-O executable for {architecture}")
    commands, libraries, symbols, offset = [], [], [], 32
    for _ in range(count):
        command, size = struct.unpack_from("<2I", data, offset)
        commands.append(LOADS_LIBRARY.get(command) or NAMES.get(command) or hex(command))
        if command in LOADS_LIBRARY:
            libraries.append(text_at(data, offset + struct.unpack_from("<I", data, offset + 8)[0]))
        elif command == 0x2:
            table, entries, strings = struct.unpack_from("<3I", data, offset + 8)
            for i in range(entries):
                name, what = struct.unpack_from("<IB", data, table + 16 * i)
                if what & 0xE0 == 0 and what & 0x0E == 0 and what & 1:  # no debugging symbol, undefined, external
                    symbols.append(text_at(data, strings + name).removeprefix("_"))
        offset += size
    print(f"{path}: Mach-O executable for {architecture}, {len(data)} bytes, calls {len(symbols)} functions of the system")
    print("  load commands:", " ".join(commands))
    print("  libraries:", " ".join(libraries))
    if libraries != [SYSTEM]:
        sys.exit(f"{path}: needs more than {SYSTEM}")
    if not symbols:
        sys.exit(f"{path}: has no symbols to check")
    if linux := ONLY_LINUX.intersection(name.partition("$")[0] for name in symbols):
        sys.exit(f"{path}: calls functions that only Linux has: {' '.join(sorted(linux))}")


main(*sys.argv[1:])
