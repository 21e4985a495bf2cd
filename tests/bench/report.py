# SPDX-License-Identifier: MIT
"""Adding up saved snapshots: `socktally report` beside jq, gojq, Miller and clickhouse-local, which compute the same sum.

The lines are made up here, always the same ones: 20 hosts with a window of a second each in turn, 40 processes a window.
"""
import json
import os
import random
import re
import shutil
import statistics
import tempfile
import time

RUNS = 3
SIZES = {"100 MB": 100_000_000, "1 GB": 1_000_000_000}
PROGRAMS = ("nginx", "curl", "postgres", "sshd", "python3", "java", "node", "chronyd", "rsyslogd", "kworker \u00e9",
            "a\\\\xffb", "redis-server", "systemd-resolve")
NAMES = [f"{program}-{i}" for i in range(8) for program in PROGRAMS]


def window(number, rng):
    """The lines of one window."""
    second = number // 20
    begun = f"2026-11-{1 + second // 86400:02}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.{number % 20 * 43210:06}Z"
    host = number % 20
    head = (f'{{"ts":"{begun}","host":"web{host:02}.example","boot_id":"879068ff-17dd-4f22-9a3c-c1c24be7d5{host:02x}",'
            f'"duration_ns":{10**9 + rng.randrange(10**6)},"backend":"ebpf","complete":true,"by":"process"')
    lines = []
    for i in range(40):
        n = rng.randrange(len(NAMES))
        pid = 1000 + n * 7 + i
        rx, tx = (rng.randrange(1 << rng.randrange(31)) for _ in range(2))
        lines.append(f'{head},"pid":{pid},"process":"{NAMES[n]}","kind":"process","start_time":{pid * 13},"user":"user{n % 5}",'
                     f'"uid":{1000 + n % 5},"rx_bytes":{rx},"tx_bytes":{tx},"rx_bytes_per_sec":{rx},"tx_bytes_per_sec":{tx},'
                     f'"share":{n}.{i:02},"connections":{rng.randrange(9)},"unknown_connections":0,"attribution":"exact"}}\n')
    return "".join(lines)


def generate(path, size):
    rng = random.Random(6)
    written = number = 0
    with open(path, "w", encoding="utf-8") as file:
        while written < size:
            text = window(number, rng)
            written += len(text.encode())
            number += 1
            file.write(text)


def measure(command):
    """Runs the command once: (its output, wall seconds, CPU seconds, peak memory in MiB)."""
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile("r") as memory:
        begun = time.monotonic()
        pid = os.posix_spawn("/usr/bin/time", ["time", "-f", "%M", "-o", memory.name, *command], os.environ,
                             file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1)])
        _, status, usage = os.wait4(pid, 0)
        wall = time.monotonic() - begun
        if status != 0:
            raise SystemExit(f"bench: {command[0]} failed")
        output.seek(0)
        return output.read().decode(), wall, usage.ru_utime + usage.ru_stime, int(memory.read()) / 1024


def from_tsv(text):
    """Sums by name; what TSV escapes is undone."""
    rows = (line.split("\t") for line in text.splitlines())
    return {re.sub(r"\\\\", r"\\", name): (int(rx), int(tx)) for name, rx, tx in rows}


def from_json_lines(text):
    rows = map(json.loads, text.splitlines())
    return {row["process"]: (row["rx"], row["tx"]) for row in rows}


def from_miller(text):
    rows = map(json.loads, text.splitlines())
    return {row["process"]: (row["rx_bytes_sum"], row["tx_bytes_sum"]) for row in rows}


JQ = ("reduce inputs as $row ({}; .[$row.process].rx += $row.rx_bytes | .[$row.process].tx += $row.tx_bytes)"
      " | to_entries[] | {process: .key, rx: .value.rx, tx: .value.tx}")
CLICKHOUSE = "SELECT process, sum(rx_bytes), sum(tx_bytes) FROM table GROUP BY process"


def commands(tool, path):
    """Those that are here: name, command, how its output is read."""
    every = [
        ("socktally", [tool, "report", "--by", "name", "-n", "-f", "tsv", "-o", "process,rx_bytes,tx_bytes", path], from_tsv),
        ("jq", ["jq", "-nc", JQ, path], from_json_lines),
        ("gojq", ["gojq", "-nc", JQ, path], from_json_lines),
        ("mlr", ["mlr", "--ijsonl", "--ojsonl", "stats1", "-a", "sum", "-f", "rx_bytes,tx_bytes", "-g", "process", path],
         from_miller),
        ("clickhouse", ["clickhouse", "local", "--input-format", "JSONEachRow", "--output-format", "TSV", "--file", path,
                        "--input_format_skip_unknown_fields=1", "--query", CLICKHOUSE,
                        "--structure", "process String, rx_bytes UInt64, tx_bytes UInt64"], from_tsv),
    ]
    for name, command, read in every:
        if shutil.which(command[0]):
            yield name, command, read
        else:
            print(f"{name}: not here")


def run(tool):
    with tempfile.TemporaryDirectory() as directory:
        memory = {}
        for label, size in SIZES.items():
            path = os.path.join(directory, "rows.jsonl")
            generate(path, size)
            expected = wall_of_ours = None
            for name, command, read in commands(tool, path):
                if name != "socktally" and label != "1 GB":
                    continue
                runs = []
                for _ in range(RUNS):
                    output, *figures = measure(command)
                    runs.append(figures)
                    expected = expected or read(output)
                    if read(output) != expected:
                        raise SystemExit(f"bench: {name} comes to another sum")
                wall, cpu, peak = (statistics.median(column) for column in zip(*runs))
                wall_of_ours = wall_of_ours or wall
                if name == "socktally":
                    memory[label] = peak
                print(f"{label:>6}  {name:10}  wall {wall:7.2f} s = {wall / wall_of_ours:6.1f} times ours"
                      f"  cpu {cpu:7.2f} s  memory {peak:7.1f} MiB", flush=True)
        print(f"memory from 100 MB to 1 GB: {memory['1 GB'] / memory['100 MB']:.2f} times")
