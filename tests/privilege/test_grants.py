# SPDX-License-Identifier: MIT
# Runs what `socktally doctor --backend` tells to type: a member of the group then sees everything and nobody else runs the
# program, and afterwards all is as it was. Usage, as root: test_grants.py SOCKTALLY
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

import scene

BYTES = 300_000


def doctor(program, backend):
    """The lines of a status, in their order."""
    out = subprocess.run([program, "doctor", "-b", backend, "-f", "json"], capture_output=True, text=True).stdout
    lines = {"grant": [], "revoke": [], "exposes": []}
    for finding in scene.parse(out)["findings"]:
        if finding["status"] in lines:
            lines[finding["status"]].append(finding["remedy"] or finding["finding"])
    return lines


def type_in(commands, program):
    path = f"{os.path.dirname(program)}:{os.environ['PATH']}"
    subprocess.run(["sh", "-e", "-c", "\n".join(commands)], check=True, env={**os.environ, "PATH": path})


def state_of(program):
    status = os.stat(program)
    capabilities = subprocess.run(["getcap", program], capture_output=True, text=True, check=True).stdout
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, capabilities, pathlib.Path("/etc/group").read_text()


def group_id(name):
    lines = [line.split(":") for line in pathlib.Path("/etc/group").read_text().splitlines()]
    return next(int(fields[2]) for fields in lines if fields[0] == name)


def member_of(group):
    return ["setpriv", f"--reuid={scene.OWN}", f"--regid={scene.OWN}", f"--groups={group}"]


class Grants(unittest.TestCase):
    def check(self, backend):
        program = SHELF.copy(backend)
        before = state_of(program)
        lines = doctor(program, backend)
        type_in(lines["grant"], program)

        self.assertEqual(state_of(program)[0], 0o750)
        with self.assertRaises(PermissionError):
            subprocess.run([program, "--version"], user=scene.OWN, group=scene.OWN, extra_groups=[])
        row = self.row_of_other([*member_of(group_id("socktally")), program, "-b", backend])
        self.assertTrue(row, "the other user's process is not named")

        type_in(lines["revoke"], program)
        self.assertEqual(state_of(program), before)
        return row[0]

    def row_of_other(self, command):
        [(status, out, err)] = scene.watch([[*command, "-f", "json", "--all"]], lambda _: OTHER.move(BYTES))
        self.assertEqual(status, 0, err)
        return [row for row in scene.parse(out)["processes"] if row["pid"] == OTHER.pid]

    def check_bytes(self, backend):
        row = self.check(backend)
        self.assertLessEqual(abs(row["rx_bytes"] - BYTES), 4)
        self.assertLessEqual(abs(row["tx_bytes"] - BYTES), 4)

    def test_ebpf(self):
        refused = subprocess.run([SHELF.copy("plain"), "-b", "ebpf", "-d", "1ms"], capture_output=True, text=True)
        if refused.returncode == 4:
            self.skipTest(refused.stderr.strip())
        self.check_bytes("ebpf")

    def test_netlink(self):
        self.check_bytes("netlink")

    def test_packet(self):
        self.check_bytes("packet")

    def test_procfs(self):
        self.assertIsNone(self.check("procfs")["rx_bytes"])

    def test_exposes(self):
        """Each capability that is granted is explained."""
        for backend in ("ebpf", "netlink", "packet", "procfs"):
            lines = doctor(SHELF.copy("plain"), backend)
            granted = lines["grant"][-1].removeprefix("setcap ").split("=ep")[0].split(",")
            explained = [line.split(":")[0] for line in lines["exposes"] if line.startswith("cap_")]
            self.assertEqual(sorted(granted), sorted(explained))


scene.enter()
with tempfile.TemporaryDirectory() as etc: # for groupadd(8), which would change the machine's
    subprocess.run(["cp", "-a", "/etc/.", etc], check=True)
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    SHELF = scene.Shelf(sys.argv[1])
    OTHER = scene.Mover("other", scene.OTHER)
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    OTHER.end()
    SHELF.close()
    subprocess.run(["umount", "/etc"], check=True)
sys.exit(0 if result.wasSuccessful() else 1)
