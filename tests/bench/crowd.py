#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""crowd.py PROCESSES PAIRS BUSY: each process holds PAIRS loopback connections, both ends; the first BUSY processes send all the
time over one of theirs. Says "ready" on stdout; ends when stdin does."""
import ctypes
import os
import signal
import socket
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def hold(index, pairs, busy, ready):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    listener = socket.socket()
    listener.bind((f"127.1.{index // 250}.{1 + index % 250}", 0))
    listener.listen(1024)
    held = []
    for _ in range(pairs):
        client = socket.create_connection(listener.getsockname())
        held.append((client, listener.accept()[0]))
    os.write(ready, b".")
    if busy:
        client, server = held[0]
        threading.Thread(target=lambda: [server.recv(1 << 16) for _ in iter(int, 1)], daemon=True).start()
        while True:
            client.send(b"x" * 1000)
            time.sleep(0.01)
    signal.pause()


def main():
    processes, pairs, busy = map(int, sys.argv[1:4])
    told, ready = os.pipe()
    children = []
    for index in range(processes):
        child = os.fork()
        if child == 0:
            os.close(0)
            hold(index, pairs, index < busy, ready)
        children.append(child)
    counted = 0
    while counted < processes:
        counted += len(os.read(told, processes))
    print("ready", flush=True)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


main()
