# SPDX-License-Identifier: MIT
"""What it costs to know who processes are: a crowd spread over control groups, and network namespaces to enter."""
import collections
import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import tempfile

COLUMNS = "+ppid,exe,command,cgroup,unit,container,container_id,image,pod,namespace,netns,published,shared_with"


def cgroup2():
    """Where version 2 is mounted whole."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ")
        if after.startswith("cgroup2 ") and before.split()[3] == "/":
            return pathlib.Path(before.split()[4])
    raise SystemExit("bench: no cgroup of version 2 is mounted here")


@contextlib.contextmanager
def cgroups(count):
    """So many units, for as long as this lasts; processes in them have to end before."""
    slice_ = cgroup2() / f"socktally-bench-{os.getpid()}.slice"
    units = [slice_ / f"unit-{i}.service" for i in range(count)]
    slice_.mkdir()
    try:
        for unit in units:
            unit.mkdir()
        yield units
    finally:
        for unit in units:
            if unit.exists():
                unit.rmdir()
        slice_.rmdir()


def children_of(pid):
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@contextlib.contextmanager
def namespaces(count):
    """Processes in a network namespace of their own each."""
    sleepers = [subprocess.Popen(["unshare", "--net", "sleep", "1000"]) for _ in range(count)]
    own = os.readlink("/proc/self/ns/net")
    try:
        for sleeper in sleepers:
            while os.readlink(f"/proc/{sleeper.pid}/ns/net") == own:
                pass
        yield
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def medians(measure, command, window, runs):
    return [statistics.median(column) for column in zip(*[measure(command, window) for _ in range(runs)])]


def count_opens(label, command):
    """How often it opens files of a process that say who that is."""
    with tempfile.NamedTemporaryFile("r") as calls:
        subprocess.run(["strace", "-f", "-qq", "-y", "-e", "trace=openat", "-o", calls.name, *command], check=True,
                       stdout=subprocess.DEVNULL)
        opens = collections.Counter(re.findall(r'openat\(\d+</proc/(\d+)>, "(cgroup|cmdline)"', calls.read()))
    processes = {pid for pid, _ in opens}
    most = max(opens.values(), default=0)
    print(f"{label:34}  cgroup and cmdline of {len(processes)} processes opened {sum(opens.values())} times, none more than "
          f"{most} (bar 1: {'met' if most == 1 else 'missed'})", flush=True)


def line(label, less, more, count, what):
    cpu, wall = ((more[i] - less[i]) for i in (0, 1))
    print(f"{label:34}  cpu {less[0]*1e3:7.1f} -> {more[0]*1e3:7.1f} ms = {cpu/count*1e6:5.1f} us a {what}"
          f"  wall {less[1]*1e3:7.1f} -> {more[1]*1e3:7.1f} ms"
          f"  memory {less[2]:5.1f} -> {more[2]:5.1f} MiB", flush=True)


def run(tool, measure, crowd, runs):
    processes, groups, spaces = 5_000, 200, 200
    modes = [(["-b", "ebpf", "-d", "0"], 0.0), (["-b", "netlink", "-d", "0"], 0.0), (["-b", "netlink", "-d", "1s"], 1.0)]
    with cgroups(groups) as units:
        with crowd(processes, 20_000) as held:
            for i, pid in enumerate(children_of(held.child.pid)):
                (units[i % groups] / "cgroup.procs").write_text(pid)
            for arguments, window in modes:
                command = [tool, "-q", "--all", *arguments]
                bare = medians(measure, command, window, runs)
                line(" ".join(arguments) + ", all columns", bare, medians(measure, command + ["-o", COLUMNS], window, runs),
                     processes, "process")
                count_opens(" ".join(arguments), command + ["-o", COLUMNS])
    for arguments, window in modes[1:]:
        command = [tool, "-q", *arguments]
        bare = medians(measure, command, window, runs)
        with namespaces(spaces):
            line(" ".join(arguments) + ", 200 namespaces", bare, medians(measure, command, window, runs), spaces,
                 "namespace")
