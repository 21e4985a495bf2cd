# SPDX-License-Identifier: MIT
# systemd runs the service of the examples as it is installed, with all that it forbids: what was moved between two runs is what the
# second one prints. The systemd is one of the test's own, first process of a namespace. Usage, as root:
# test_systemd.py SOCKTALLY WORK EXAMPLES SERVICE
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

import interop
import scene

SERVICE = pathlib.Path(sys.argv[4]).resolve()
TIMER = interop.EXAMPLES / "systemd/socktally.timer"
# Where each file of the build goes.
INSTALLED = json.loads((SERVICE.parent.parent / "meson-info/intro-installed.json").read_text())
DROP_IN = """\
[Unit]
# No target of the machine is there, nor a journal.
DefaultDependencies=no
[Service]
StandardOutput=append:/run/out
StandardError=append:/run/errors
"""


def cgroup2():
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        mount, file_system = line.split(" - ")
        if file_system.startswith("cgroup2 "):
            return pathlib.Path(mount.split()[4])
    scene.skip("no cgroup2 is mounted here")


def set_namespace(file):
    if scene.LIBC.setns(file.fileno(), 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Systemd:
    """An own one, until the end of the `with`."""

    def __init__(self, room):
        self.cgroup = cgroup2() / f"socktally-interop-{os.stat('/proc/self/ns/net').st_ino}"
        self.cgroup.mkdir()
        self.log = open(room / "log", "w+")
        (room / "root").mkdir()
        join = 'echo $$ > "$0/cgroup.procs"; exec unshare --mount --pid --fork --uts --cgroup --kill-child "$@"'
        self.process = subprocess.Popen(["sh", "-c", join, self.cgroup, interop.HERE / "boot", room / "root"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait(self):
        deadline = time.monotonic() + 120
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        while True:
            pid = children.read_text().strip() if self.process.poll() is None else ""
            self.root = pathlib.Path(f"/proc/{pid}/root")
            if pid and (self.root / "run/systemd/private").exists():
                self.pid = pid
                return
            if self.process.poll() is not None:
                self.log.seek(0)
                scene.skip(f"systemd does not run here: {self.log.read().strip()}")
            if time.monotonic() > deadline:
                raise RuntimeError("systemd does not answer")
            time.sleep(0.02)

    def run(self, *command):
        return subprocess.run(["nsenter", "-t", self.pid, "--mount", "--pid", "--cgroup", "--root", "--wd", *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    @contextlib.contextmanager
    def forks_inside(self):
        """What this process forks meanwhile is among systemd's processes."""
        with open("/proc/self/ns/pid") as outside, open(f"/proc/{self.pid}/ns/pid") as inside:
            set_namespace(inside)
            try:
                yield
            finally:
                set_namespace(outside)

    def __exit__(self, *_):
        self.process.kill() # unshare waits through other signals; systemd goes with it
        self.process.wait()
        self.log.close()
        for directory, _, _ in os.walk(self.cgroup, topdown=False):
            self.remove(directory)

    @staticmethod
    def remove(directory):
        """Once the last process in it is gone, which has been killed."""
        for _ in range(500):
            try:
                return os.rmdir(directory)
            except OSError:
                time.sleep(0.01)
        os.rmdir(directory)


class Service(unittest.TestCase):
    def run_service(self):
        out = SYSTEMD.root / "run/out"
        out.unlink(missing_ok=True)
        told = SYSTEMD.run("systemctl", "start", "socktally.service")
        self.assertEqual(told.returncode, 0, told.stderr + (SYSTEMD.root / "run/errors").read_text())
        return [json.loads(line) for line in out.read_text().split("\n")[:-1]]

    def test_two_runs(self):
        self.run_service()
        CROWD.move()
        rows = self.run_service()
        expected = {interop.json_text(name): moved for name, moved in CROWD.bytes.items()}
        moved = {row["process"]: (row["rx_bytes"], row["tx_bytes"]) for row in rows if row["process"] in expected}
        self.assertEqual(moved, expected)
        self.assertEqual({row["backend"] for row in rows}, {BACKEND}, "the service may do less than it needs")

    def test_timer(self):
        self.assertEqual(SYSTEMD.run("systemctl", "start", "socktally.timer").returncode, 0)
        shown = SYSTEMD.run("systemctl", "show", "-p", "ActiveState,Unit,NextElapseUSecRealtime", "socktally.timer")
        values = dict(line.split("=", 1) for line in shown.stdout.splitlines())
        self.assertEqual((values["ActiveState"], values["Unit"]), ("active", "socktally.service"))
        self.assertTrue(values["NextElapseUSecRealtime"].endswith(":00 UTC"), values)


class Verify(unittest.TestCase):
    def test_program(self):
        """It starts the program where that is installed, and is installed beside the timer."""
        self.assertIn(f"ExecStart={INSTALLED[str(interop.PROGRAM)]} -q --since", SERVICE.read_text())
        self.assertTrue(INSTALLED[str(SERVICE)].endswith("/doc/socktally/examples/systemd/socktally.service"), INSTALLED)

    def test_units(self):
        told = SYSTEMD.run("systemd-analyze", "verify", "--man=no", "socktally.service", "socktally.timer")
        self.assertEqual((told.returncode, told.stdout + told.stderr), (0, ""))

    def test_exposure(self):
        """From 0, none, to 100."""
        told = SYSTEMD.run("systemd-analyze", "security", "--offline=true", "--threshold=35", "socktally.service")
        self.assertEqual(told.returncode, 0, told.stdout)


interop.prepare("systemctl", "systemd-analyze", "nsenter")
with interop.room() as room, Systemd(room) as SYSTEMD:
    for unit in (SERVICE, TIMER):
        shutil.copy(unit, SYSTEMD.root / "etc/systemd/system")
    drop_in = SYSTEMD.root / "etc/systemd/system/socktally.service.d"
    drop_in.mkdir()
    (drop_in / "test.conf").write_text(DROP_IN)
    installed = SYSTEMD.root / INSTALLED[str(interop.PROGRAM)].lstrip("/")
    installed.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(interop.PROGRAM, installed)
    SYSTEMD.run("systemctl", "daemon-reload")
    BACKEND = json.loads(SYSTEMD.run(INSTALLED[str(interop.PROGRAM)], "-d", "1ms", "-f", "json").stdout)["backend"]
    with SYSTEMD.forks_inside():
        CROWD = interop.Crowd()
    unittest.main(argv=["test_systemd"])
