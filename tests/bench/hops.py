# SPDX-License-Identifier: MIT
"""How many files of src a received byte passes: a debug build under gdb, which prints the backtrace where the byte comes in, is
counted, gets its process, is added to its row, becomes text and is written. The files of all these frames, headers included, count once.
"""
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading

import build

# Where the debugger stops, for each way; a stop counts if its backtrace names all files of the second entry.
COMMON = [("socktally::attribute", []), ("socktally::Grouping::add", []), ("append_cell", ["tsv.cpp"]), ("write", ["terminal.cpp"])]
WAYS = {
    "netlink, a received TCP byte": (["-b", "netlink"], socket.SOCK_STREAM,
                                     [("recvmsg", ["sock_diag.cpp", "namespace_watch.cpp"]), ("socktally::SocketTable::at_end", [])] + COMMON),
    "packet, a received UDP datagram": (["-b", "packet"], socket.SOCK_DGRAM,
                                        [("socktally::FlowTable::add", []), ("socktally::FlowSockets::finish", [])] + COMMON),
}
BARS = {"netlink, a received TCP byte": 12, "packet, a received UDP datagram": 16}
STOPS = 50  # at each point; the first ones may be of other sockets

SCRIPT = """
import gdb
gdb.execute("set pagination off")
gdb.execute("set print thread-events off")
gdb.execute("set breakpoint pending on")
gdb.execute("handle all nostop noprint pass")
points = {points!r}
class Point(gdb.Breakpoint):
    def __init__(self, name, needed):
        super().__init__(name)
        self.silent, self.name, self.needed, self.left = True, name, needed, {stops}
    def stop(self):
        frame, files = gdb.newest_frame(), []
        while frame is not None:
            place = frame.find_sal().symtab
            if place is not None and "/src/" in place.fullname():
                files.append(place.fullname().split("/src/")[-1])
            frame = frame.older()
        if all(any(file.endswith("/" + needed) for file in files) for needed in self.needed):
            for file in files:
                print("HOP", self.name, file)
            self.left -= 1
            self.enabled = self.left > 0
        return False
for name, needed in points:
    Point(name, needed)
gdb.execute("run")
"""


def traffic(kind, done):
    """Sends small messages over loopback to itself until it is done."""
    receiver = socket.socket(socket.AF_INET, kind)
    receiver.bind(("127.0.0.1", 0))
    sender = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        receiver.listen()
        sender.connect(receiver.getsockname())
        receiver, _ = receiver.accept()
    else:
        sender.connect(receiver.getsockname())
    while not done.wait(0.05):
        sender.send(b"x")
        receiver.recv(1)


def files_of(program, arguments, kind, points, scratch):
    script = pathlib.Path(scratch, "hops.gdb.py")
    script.write_text(SCRIPT.format(points=points, stops=STOPS))
    done = threading.Event()
    thread = threading.Thread(target=traffic, args=(kind, done))
    thread.start()
    try:
        shown = subprocess.run(["gdb", "-q", "-batch", "-x", str(script), "--args", program, "-d", "2s", "-f", "tsv"] + arguments,
                               check=True, capture_output=True, text=True, env={**os.environ, "DEBUGINFOD_URLS": ""}).stdout
    finally:
        done.set()
        thread.join()
    hops = {}
    for point, file in re.findall(r"^HOP (\S+) (\S+)$", shown, re.MULTILINE):
        hops.setdefault(file, set()).add(point)
    missed = {name for name, _ in points} - {point for found in hops.values() for point in found}
    if missed:
        raise SystemExit(f"bench: the program did not pass {', '.join(sorted(missed))}\n{shown[-2000:]}")
    return hops


def run():
    with tempfile.TemporaryDirectory() as scratch:
        sources, directory = pathlib.Path(scratch, "sources"), pathlib.Path(scratch, "build")
        build.copy_sources(sources)
        subprocess.run(["meson", "setup", str(directory), str(sources), "--buildtype=debug", "-Dtests=disabled", "-Debpf=disabled"],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["ninja", "-C", str(directory), "socktally"], check=True, stdout=subprocess.DEVNULL)
        for name, (arguments, kind, points) in WAYS.items():
            hops = files_of(str(directory / "socktally"), arguments, kind, points, scratch)
            print(f"{name}: {len(hops)} files (bar {BARS[name]} {'met' if len(hops) <= BARS[name] else 'missed'})")
            for file in sorted(hops):
                print(f"  {file:40} {', '.join(sorted(hops[file]))}")
