# SPDX-License-Identifier: MIT
# The line for cron of the examples, run again and again: the log adds up to what was moved. Usage, as root:
# test_cron.py SOCKTALLY WORK EXAMPLES
import collections
import json
import pathlib
import subprocess
import unittest

import interop

ROUNDS = 5
LOG = pathlib.Path("/var/log/socktally.jsonl")


def run(line):
    told = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if (told.returncode, told.stdout, told.stderr) != (0, "", ""):  # cron would send a mail
        raise RuntimeError(f"status {told.returncode}: {told.stdout}{told.stderr}")


class Cron(unittest.TestCase):
    def test_log(self):
        line = interop.cron("socktally.cron", CROWD)
        for _ in range(ROUNDS):
            run(line)
            CROWD.move()
        run(line)
        sums = collections.Counter()
        for line in LOG.read_text().split("\n")[:-1]:
            row = json.loads(line)
            sums[row["process"], "rx"] += row["rx_bytes"]
            sums[row["process"], "tx"] += row["tx_bytes"]
        expected = collections.Counter()
        for name, (received, sent) in CROWD.bytes.items():
            expected[interop.json_text(name), "rx"] = ROUNDS * received
            expected[interop.json_text(name), "tx"] = ROUNDS * sent
        self.assertEqual(sums, expected)


interop.prepare()
for directory in ("/var/lib", "/var/log"):  # in this mount namespace
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
pathlib.Path("/var/lib/socktally").mkdir(mode=0o700)
CROWD = interop.Crowd()
with interop.room():
    unittest.main(argv=["test_cron"])
