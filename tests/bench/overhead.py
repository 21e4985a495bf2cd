# SPDX-License-Identifier: MIT
"""What watching costs the watched: small messages over loopback, bare and under each tool.

The two ends of the traffic share one CPU, the tool has the other to itself. A round runs the traffic bare and under each tool in
turn, as several short runs of which the median counts; what a tool adds is the median over the rounds of its difference from the
bare run of the same round. A tool that did not see the traffic gets no figure.
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

ROUNDS = 9
RUNS = 6  # of the traffic under one start of a tool
SETTLE, TAIL = 0.7, 1.5  # seconds before the traffic, and after it: nethogs prints once a second
SEEN = 0.9  # a tool that saw less of the traffic was not measured under it

# The number of messages in a run, packets that each is, and bytes that a frame has beyond the payload.
TRAFFIC = {"pingpong": (10_000, 2, 66), "flood": (30_000, 1, 42)}


def two_cpus():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        sys.exit("bench: overhead needs two CPUs")
    return cpus[:2]


LOAD_CPU, TOOL_CPU = two_cpus()


def start(cpu, command, **streams):
    return subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, [cpu]), **streams)


def seen_by_socktally(text, runs, _traffic):
    """All of it, at the right processes; nothing where a byte is missing or too many."""
    report = json.loads(text)
    rows = {}
    for row in report.get("processes") or report.get("connections"):
        rx, tx = rows.get(row["pid"], (0, 0))
        rows[row["pid"]] = (rx + row["rx_bytes"], tx + row["tx_bytes"])
    return float(all(rows.get(p["pid"]) == (p["rx_bytes"], p["tx_bytes"]) for run in runs for p in run["processes"]))


def seen_by_nethogs(text, runs, traffic):
    """Of the bytes of all frames, those that it shows for anything (sent; -v 2): unknown too, for they were captured."""
    _, packets, header = TRAFFIC[traffic]
    shown = {}
    for fields in (line.split("\t") for line in text.splitlines()):
        if len(fields) == 3:
            shown[fields[0]] = max(float(fields[1]), shown.get(fields[0], 0.0))
    return sum(shown.values()) / sum(packets * run["messages"] * (64 + header) for run in runs)


def seen_by_tcpdump(text, runs, traffic):
    captured = re.search(r"(\d+) packets captured", text)
    return int(captured[1]) / sum(TRAFFIC[traffic][1] * run["messages"] for run in runs) if captured else 0.0


class Watcher:
    """A tool: its command for each traffic, and what share of it the tool's output shows."""

    def __init__(self, name, commands, seen):
        self.name, self.commands, self.seen = name, commands, seen
        self.results, self.void = [], 0

    def watch(self, traffic, here, bare):
        """One run: what each message takes beyond `bare` nanoseconds, and as a multiple of it, the share that was seen, the tool's
        own CPU seconds."""
        with tempfile.TemporaryFile("w+") as output:
            child = start(TOOL_CPU, self.commands[traffic], stdout=output, stderr=subprocess.STDOUT)
            time.sleep(SETTLE)
            try:
                ns, runs = run_traffic(traffic, here)
                time.sleep(TAIL)
            finally:
                child.send_signal(signal.SIGINT)
            _, child.returncode, usage = os.wait4(child.pid, 0)
            output.seek(0)
            share = self.seen(output.read(), runs, traffic)
        if share < SEEN:
            self.void += 1
        else:
            self.results.append((ns - bare, ns / bare, share, usage.ru_utime + usage.ru_stime))

    def medians(self):
        """None where too few runs saw the traffic."""
        return [statistics.median(column) for column in zip(*self.results)] if len(self.results) > self.void else None


def watchers(tool, here):
    def same(*command):
        return {traffic: list(command) for traffic in TRAFFIC}

    sample = [tool, "-b", "ebpf", "-d", "1h", "-f", "json", "-q"]
    # It looks at UDP only with -C.
    nethogs = {"pingpong": ["nethogs", "-t", "-a", "-v", "2", "lo"], "flood": ["nethogs", "-t", "-a", "-C", "-v", "2", "lo"]}
    older = os.environ.get("BEFORE")
    before = [Watcher("before", same(older, *sample[1:]), seen_by_socktally)] if older else []
    return before + [
            Watcher("socktally", same(*sample), seen_by_socktally),
            Watcher("by connection", same(*sample, "--by", "connection"), seen_by_socktally),
            Watcher("nethogs", nethogs, seen_by_nethogs),
            Watcher("tcpdump", same("tcpdump", "-i", "lo", "-w", "/dev/null"), seen_by_tcpdump),
            Watcher("empty programs", same(os.path.join(here, "floor")), lambda text, *_: float(text == ""))]


def run_traffic(traffic, here):
    """Nanoseconds a message, the median of the runs, and what the generator said of each."""
    command = [os.path.join(here, "messages"), traffic, str(TRAFFIC[traffic][0])]
    runs = []
    for _ in range(RUNS):
        child = start(LOAD_CPU, command, stdout=subprocess.PIPE, text=True)
        runs.append(json.loads(child.communicate()[0]))
    return statistics.median(run["ns"] for run in runs), runs


def slowdown(traffic, tool, here):
    bare, tools = [], watchers(tool, here)
    for turn in range(ROUNDS):
        ns, _ = run_traffic(traffic, here)
        bare.append(ns)
        for watcher in tools[turn % len(tools):] + tools[:turn % len(tools)]:
            watcher.watch(traffic, here, ns)
    print(f"{traffic}: bare {statistics.median(bare):.0f} ns a message", flush=True)
    for watcher in tools:
        print(f"  {watcher.name:15} {line(watcher)}", flush=True)
    if tools[0].name == "before" and tools[0].medians() and tools[1].medians():
        print(f"  added, of what the older build adds: {tools[1].medians()[0] / tools[0].medians()[0]:.3f}", flush=True)
    judge({watcher.name: watcher.medians() for watcher in tools})


def line(watcher):
    voided = f"   {watcher.void} of {ROUNDS} runs void: they did not see the traffic" if watcher.void else ""
    if watcher.medians() is None:
        return f"void{voided}"
    added, ratio, share, cpu = watcher.medians()
    return f"+{added:5.0f} ns = {ratio:.3f} times bare   saw {100 * share:5.1f}%   cpu {cpu * 1e3:6.1f} ms{voided}"


def judge(medians):
    ours, nethogs, tcpdump = (medians[name] for name in ("socktally", "nethogs", "tcpdump"))
    if not (ours and nethogs and tcpdump):
        print("  bars: void", flush=True)
        return
    bar("added, of what the cheaper one adds", ours[0], min(nethogs[0], tcpdump[0]), 1 / 3)
    bar("cpu, of what nethogs takes", ours[3], nethogs[3], 1 / 5)


def bar(label, ours, theirs, limit):
    print(f"  {label}: {ours / theirs:.2f} (bar {limit:.2f} {'met' if ours <= limit * theirs else 'missed'})", flush=True)


def locked_memory(pid):
    """Bytes of kernel memory that the BPF maps of the process take."""
    total = 0
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii") as info:
            text = info.read()
        if "map_type:" in text:
            total += int(re.search(r"memlock:\s+(\d+)", text)[1])
    return total


def peak_memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


def first_byte(tool, here, by):
    """One run under a process that sends a byte every 20 us: (seconds from the start of the tool to the first byte it counted,
    its peak memory, that of its maps). It outlives the traffic, so the bytes that it counted are the last ones."""
    traffic = start(LOAD_CPU, [os.path.join(here, "messages"), "ticks", "1"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.2)
    started = time.monotonic_ns()
    child = start(TOOL_CPU, [tool, "-b", "ebpf", "-d", "1h", "-f", "json", "-q", "--by", by], stdout=subprocess.PIPE, text=True)
    said = json.loads(traffic.communicate()[0])
    memory = peak_memory(child.pid), locked_memory(child.pid)
    child.send_signal(signal.SIGINT)
    report = json.loads(child.communicate()[0])
    rows = report.get("processes") or report.get("connections")
    counted = sum(row["tx_bytes"] for row in rows if row["pid"] == said["pid"])
    if not 0 < counted < len(said["sent_at_ns"]):
        sys.exit("bench: the first byte was not seen")
    return (said["sent_at_ns"][-counted] - started) / 1e9, *memory


def run(tool):
    here = os.path.join(os.path.dirname(tool), "tests", "bench")
    for traffic in TRAFFIC:
        slowdown(traffic, tool, here)
    for by in ("process", "connection"):
        seconds, peak, maps = (statistics.median(c) for c in zip(*(first_byte(tool, here, by) for _ in range(ROUNDS))))
        print(f"--by {by}: first byte counted {seconds * 1e3:.1f} ms after the start, peak memory {peak / 2**20:.1f} MiB, "
              f"BPF maps {maps / 2**20:.1f} MiB", flush=True)
