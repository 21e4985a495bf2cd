# SPDX-License-Identifier: MIT
"""What it costs to see each packet, beside nethogs and tcpdump: datagrams at a steady rate over lo and over a veth pair.

Each tool is told that one interface; nethogs looks at UDP with -C. The sender has one CPU, the tool the other; what the kernel does
for a tool on the sender's CPU is nobody's here. A run in which a tool missed packets has no cost: it did less. What a tool takes to
start and to end is measured by a run that is as good as without traffic, and taken off for the steady state.
"""
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from overhead import LOAD_CPU, TOOL_CPU, bar, start

ROUNDS = 3
COST_RATES = {"nethogs": 50_000, "tcpdump": 200_000}  # beside each, one that it keeps up with
COST_TIME = 8  # seconds of traffic of the runs that measure cost
BURST = 32  # that the sender sends at a time
UNLIMITED = 10_000_000  # more than the sender can
RATES = [100_000, 150_000, 200_000, 250_000, 300_000, 400_000, 500_000]
PROBE, MOST = 1.5, 1_500_000  # seconds at each of them, and packets
TRIES = 2  # what a moment's disturbance costs is no limit
SETTLE, TAIL = 0.8, 1.5  # seconds before the traffic and after it: nethogs prints once a second
FRAME = 60  # bytes of each datagram with its headers
WHOLE = 0.9999  # of the packets: nethogs prints its sums with six digits


def seen_by_socktally(text, sent):
    report = json.loads(text[text.index("{"):])
    dropped = any(note["code"] == "packets-dropped" for note in report["notes"])
    return 0.0 if dropped else sum(row["tx_packets"] or 0 for row in report["processes"]) / sent


def seen_by_nethogs(text, sent):
    """Of the bytes of all frames, what it shows as sent by anything (-v 2)."""
    shown = {}
    for fields in (line.split("\t") for line in text.splitlines()):
        if len(fields) == 3:
            shown[fields[0]] = max(float(fields[1]), shown.get(fields[0], 0.0))
    return sum(shown.values()) / (sent * FRAME)


def seen_by_tcpdump(text, sent):
    captured = re.search(r"(\d+) packets captured", text)
    return int(captured[1]) / sent if captured else 0.0


def tools(socktally, interface):
    sample = [socktally, "-b", "packet", "-d", "1h", "-f", "json", "-q", "-o", "+tx_packets", "--interface", interface]
    return {"socktally": (sample, seen_by_socktally),
            "nethogs": (["nethogs", "-t", "-a", "-C", "-v", "2", interface], seen_by_nethogs),
            "tcpdump": (["tcpdump", "-i", interface, "-s", "96", "-w", "/dev/null"], seen_by_tcpdump)}


def watch(command, seen, send):
    """One run: (share of the packets that it saw, its CPU seconds, seconds that sending took)."""
    with tempfile.TemporaryFile("w+") as output:
        child = start(TOOL_CPU, command, stdout=output, stderr=subprocess.STDOUT)
        time.sleep(SETTLE)
        try:
            sent, seconds = send()
            time.sleep(TAIL)
        finally:
            child.send_signal(signal.SIGINT)
        _, child.returncode, usage = os.wait4(child.pid, 0)
        output.seek(0)
        return seen(output.read(), sent), usage.ru_utime + usage.ru_stime, seconds


class Sender:
    def __init__(self, here, address):
        self.command = [os.path.join(here, "packets"), address, "9"]

    def __call__(self, rate, count):
        count -= count % BURST
        child = start(LOAD_CPU, self.command + [str(rate), str(count)], stdout=subprocess.PIPE, text=True)
        return count, float(child.communicate()[0])


def kept_rate(command, seen, sender, rate):
    """Packets a second, where it saw all of them; else null. The sender may not be as fast as it is told."""
    count = min(int(rate * PROBE), MOST)
    for _ in range(TRIES):
        share, _, seconds = watch(command, seen, lambda: sender(rate, count))
        if share >= WHOLE:
            return count / seconds
    return None


def first_drop(command, seen, sender):
    """The highest rate at which it saw all, in packets a second, and whether it dropped some at a higher one."""
    if kept := kept_rate(command, seen, sender, UNLIMITED):
        return kept, False
    highest = 0.0
    for rate in RATES:
        kept = kept_rate(command, seen, sender, rate)
        if not kept:
            break
        highest = max(highest, kept)
    return highest, True


class Cost:
    """CPU seconds of the runs of a tool that saw all, and of those without traffic."""

    def __init__(self, idle):
        self.whole, self.idle = [], idle

    def median(self):
        return statistics.median(self.whole)

    def steady(self):
        """Beyond start and end; at least what can be told from nothing."""
        return max(self.median() - self.idle, 0.001)


def idle_cost(tool, sender):
    return statistics.median(watch(*tool, lambda: sender(UNLIMITED, BURST))[1] for _ in range(ROUNDS))


def costs(pair, idle, sender, rate):
    result = {tool: Cost(idle[tool]) for tool in pair}
    for turn in range(ROUNDS):
        for tool in list(pair)[::-1 if turn % 2 else 1]:
            share, cpu, _ = watch(*pair[tool], lambda: sender(rate, rate * COST_TIME))
            if share >= WHOLE:
                result[tool].whole.append(cpu)
    return result


def compare_cost(chosen, idle, other, limit, sender):
    rate = COST_RATES[other]
    pair = {tool: chosen[tool] for tool in ("socktally", other)}
    cost = costs(pair, idle, sender, rate)
    millions = rate * COST_TIME / 1e6
    print(f"  {millions:.1f} million packets at {rate} a second", flush=True)
    for tool, spent in cost.items():
        figures = (f"{spent.median() / millions:.3f} s a million packets, {spent.steady() / millions:.3f} without start and end"
                   if spent.whole else "void")
        print(f"    {tool:10} cpu {figures}   {ROUNDS - len(spent.whole)} of {ROUNDS} runs void", flush=True)
    if all(spent.whole for spent in cost.values()):
        bar(f"  cpu, of what {other} takes", cost["socktally"].median(), cost[other].median(), limit)
        bar("  the same without start and end", cost["socktally"].steady(), cost[other].steady(), limit)


def measure(name, socktally, interface, sender):
    print(name, flush=True)
    chosen = tools(socktally, interface)
    idle = {tool: idle_cost(chosen[tool], sender) for tool in chosen}
    for tool, seconds in idle.items():
        print(f"  {tool:10} start and end: cpu {seconds * 1e3:.0f} ms", flush=True)
    compare_cost(chosen, idle, "nethogs", 0.5, sender)
    compare_cost(chosen, idle, "tcpdump", 1.2, sender)
    kept = {tool: first_drop(*chosen[tool], sender) for tool in chosen}
    for tool, (rate, dropped) in kept.items():
        print(f"  {tool:10} {'keeps up with' if dropped else 'kept up with all that could be sent,'} {rate:.0f} packets/s", flush=True)
    others = max(kept["nethogs"][0], kept["tcpdump"][0])
    met = kept["socktally"][0] >= others or not kept["socktally"][1]
    print(f"  rate before the first drop: {kept['socktally'][0]:.0f}, theirs {others:.0f} (bar {'met' if met else 'missed'})",
          flush=True)


SINK = """
import socket, subprocess, sys
print("here", flush=True)
sys.stdin.readline()
if sys.argv[2]:
    subprocess.run(["ip", "addr", "add", sys.argv[1] + "/24", "dev", sys.argv[2]], check=True)
    subprocess.run(["ip", "link", "set", sys.argv[2], "up"], check=True)
end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end.bind((sys.argv[1], 9))
print("bound", flush=True)
sys.stdin.read()
"""


class Sink:
    """Holds the port that nobody reads from; with an interface, behind that in a network namespace of its own."""

    def __init__(self, address, interface=None):
        peer = interface + "p" if interface else ""
        away = ["unshare", "--net"] if interface else []
        self.child = subprocess.Popen(away + [sys.executable, "-c", SINK, address, peer], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.child.stdout.readline()  # it is in its namespace
        if interface:
            for command in (["ip", "link", "add", interface, "type", "veth", "peer", peer, "netns", str(self.child.pid)],
                            ["ip", "addr", "add", "10.77.0.1/24", "dev", interface], ["ip", "link", "set", interface, "up"]):
                subprocess.run(command, check=True)
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        self.child.stdout.readline()  # it has its port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()


def send_one_by_one(interface):
    """What the sender hands to the kernel in one piece reaches the interface as the packets that it is."""
    subprocess.run(["ip", "link", "set", interface, "gso_max_segs", "1"], check=True)


def run(tool):
    here = os.path.join(os.path.dirname(tool), "tests", "bench")
    send_one_by_one("lo")
    with Sink("127.0.0.1"):
        measure("lo", tool, "lo", Sender(here, "127.0.0.1"))
    with Sink("10.77.0.2", "bench0"):
        send_one_by_one("bench0")
        measure("veth", tool, "bench0", Sender(here, "10.77.0.2"))
