#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""churn.py CLIENTS SECONDS: as many processes, each opening one loopback connection after another that lives SECONDS.
Says "ready" on stdout; ends when stdin does."""
import os
import signal
import socket
import sys
import threading
import time


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=lambda c=connection: [c.recv(4096), c.recv(4096), c.close()], daemon=True).start()


def dial(address, seconds):
    while True:
        with socket.create_connection(address) as connection:
            connection.sendall(b"x" * 1000)
            time.sleep(seconds)


def main():
    clients, seconds = int(sys.argv[1]), float(sys.argv[2])
    listener = socket.create_server(("127.2.0.1", 0), backlog=1024)
    children = []
    for _ in range(clients):
        child = os.fork()
        if child == 0:
            dial(listener.getsockname(), seconds)
        children.append(child)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


main()
