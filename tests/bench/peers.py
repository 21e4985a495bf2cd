# SPDX-License-Identifier: MIT
"""The same known traffic under each tool: how much of it is reported at the right process, and what that costs.

One process downloads 64 MB over a connection that is there before and after, and makes 100 connections of 50 ms, each sending
20,000 bytes; the other end is in another network namespace, over a veth pair.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

ADDRESS = ("10.77.0.2", 7777)
WINDOW = 8
DOWNLOAD = 64 << 20
CALLS, CALL_BYTES = 100, 20_000


def serve():
    """Sends as many bytes as the first line of a connection asks for; reads the rest."""
    def talk(connection):
        wanted = int(connection.recv(16))
        while wanted > 0:
            wanted -= connection.send(b"x" * min(wanted, 1 << 16))
        while connection.recv(1 << 16):
            pass
        connection.close()

    listener = socket.create_server(ADDRESS, backlog=256)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def traffic(begin):
    """Runs in a process of its own: waits for the first byte of `begin`, moves the bytes, prints what it counted."""
    long = socket.create_connection(ADDRESS)
    os.read(begin, 1)
    received = sent = 0
    sent += long.send(f"{DOWNLOAD:16}".encode())
    for call in range(CALLS):
        with socket.create_connection(ADDRESS) as short:
            short.sendall(f"{0:16}".encode())
            short.sendall(b"y" * CALL_BYTES)
            sent += 16 + CALL_BYTES
            until = time.monotonic() + 0.05
            while received < DOWNLOAD * (call + 1) // CALLS:
                received += len(long.recv(1 << 16))
            time.sleep(max(0, until - time.monotonic()))
    print(json.dumps({"rx": received, "tx": sent}), flush=True)
    time.sleep(60)


def ss_bytes(text, pid):
    """Sums of bytes_received and bytes_acked of a process's sockets in `ss -tinpH` output."""
    rx = tx = 0
    lines = text.splitlines()
    for owner, info in zip(lines[::2], lines[1::2]):
        if f"pid={pid}," in owner:
            rx += sum(map(int, re.findall(r"bytes_received:(\d+)", info)))
            tx += sum(map(int, re.findall(r"bytes_acked:(\d+)", info)))
    return rx, tx


def with_socktally(tool, pid, go):
    command = [tool, "-b", "netlink", "-d", f"{WINDOW}s", "-f", "json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    go()
    rows = json.load(child.stdout)["processes"]
    child.wait()
    mine = [row for row in rows if row["pid"] == pid]
    return sum(row["rx_bytes"] for row in mine), sum(row["tx_bytes"] for row in mine)


def with_ss(_tool, pid, go):
    before = ss_bytes(subprocess.run(["ss", "-tinpH"], capture_output=True, text=True, check=True).stdout, pid)
    go()
    time.sleep(WINDOW)
    after = ss_bytes(subprocess.run(["ss", "-tinpH"], capture_output=True, text=True, check=True).stdout, pid)
    return after[0] - before[0], after[1] - before[1]


def with_nethogs(_tool, pid, go):
    """Total bytes of the last refresh (-v 2), in trace mode."""
    child = subprocess.Popen(["nethogs", "-t", "-a", "-d", "1", "-v", "2", "-c", str(WINDOW)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
    go()
    rx = tx = 0.0
    for line in child.stdout.read().splitlines():
        fields = line.split("\t")
        if len(fields) == 3 and f"/{pid}/" in fields[0]:
            tx, rx = float(fields[1]), float(fields[2])
    child.wait()
    return rx, tx


def run_one(name, watch, tool):
    end, begin = os.pipe()
    client = subprocess.Popen([sys.executable, __file__, "traffic", str(end)], pass_fds=[end], stdout=subprocess.PIPE, text=True)
    os.close(end)
    time.sleep(0.5)
    before = os.times()

    def go():
        def later():
            time.sleep(1)
            os.write(begin, b".")
        threading.Thread(target=later).start()

    rx, tx = watch(tool, client.pid, go)
    after = os.times()
    truth = json.loads(client.stdout.readline())
    client.send_signal(signal.SIGKILL)
    client.wait()
    os.close(begin)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{name:10} rx {rx:12.0f} of {truth['rx']} = {100 * rx / truth['rx']:6.2f}%   "
          f"tx {tx:12.0f} of {truth['tx']} = {100 * tx / truth['tx']:6.2f}%   cpu {cpu * 1e3:7.1f} ms", flush=True)


def run(tool):
    other = subprocess.Popen(["unshare", "--net", sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()  # it is in its namespace
    for command in (["ip", "link", "add", "bench0", "type", "veth", "peer", "bench1", "netns", str(other.pid)],
                    ["ip", "addr", "add", "10.77.0.1/24", "dev", "bench0"], ["ip", "link", "set", "bench0", "up"]):
        subprocess.run(command, check=True)
    other.stdin.write(b"\n")
    other.stdin.flush()
    other.stdout.readline()  # it listens
    try:
        for name, watch in (("socktally", with_socktally), ("ss + awk", with_ss), ("nethogs", with_nethogs)):
            run_one(name, watch, tool)
    finally:
        other.kill()
        other.wait()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        print("here", flush=True)
        sys.stdin.readline()
        for command in (["ip", "addr", "add", "10.77.0.2/24", "dev", "bench1"], ["ip", "link", "set", "bench1", "up"]):
            subprocess.run(command, check=True)
        threading.Thread(target=lambda: (time.sleep(0.3), print("listening", flush=True))).start()
        serve()
    else:
        traffic(int(sys.argv[2]))
