# SPDX-License-Identifier: MIT
# InfluxDB takes line protocol, by the lines of the example: sums, names and the time are exact. Usage, as root:
# test_influxdb.py SOCKTALLY WORK EXAMPLES
import json
import time
import unittest

import interop

URL = "http://127.0.0.1:8086"


def series(text):
    [result] = json.loads(interop.http(f"{URL}/query", db="socktally", epoch="ns", q=text))["results"]
    return result.get("series", [])


def tag(name):
    r"""A backslash that is not before a letter or digit is \x5c: readers differ in how they take it."""
    text = interop.series_text(name)
    return "".join(r"\x5c" if letter == "\\" and not follower.isalnum() else letter
                   for letter, follower in zip(text, text[1:] + " "))


class InfluxDb(unittest.TestCase):
    def test_sums(self):
        [one] = series("SELECT sum(rx_bytes), sum(tx_bytes) FROM socktally WHERE complete = true")
        self.assertEqual(one["values"][0][1:], [CROWD.received(), CROWD.sent()])

    def test_names(self):
        found = {one["tags"]["process"]: tuple(value[1:]) for one in series("SELECT rx_bytes, tx_bytes FROM socktally GROUP BY process")
                 for value in one["values"]}
        self.assertEqual(found, {tag(name): moved for name, moved in CROWD.bytes.items()})

    def test_time(self):
        [one] = series("SELECT rx_bytes, duration_ns FROM socktally")
        for end, _, window in one["values"]:
            self.assertTrue(BEGUN <= end / 1e9 <= SAMPLED, end)
            self.assertGreater(window, 0)


interop.fetch()
interop.prepare("curl")
CROWD = interop.Crowd()
with interop.room() as room:
    settings = {
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_META_DIR": f"{room}/meta",
        "INFLUXDB_DATA_DIR": f"{room}/data",
        "INFLUXDB_DATA_WAL_DIR": f"{room}/wal",
        "INFLUXDB_MONITOR_STORE_ENABLED": "false",
        "INFLUXDB_BIND_ADDRESS": "127.0.0.1:8088",
        "INFLUXDB_HTTP_BIND_ADDRESS": "127.0.0.1:8086",
    }
    with interop.Daemon("usr/bin/influxd", "-config", "/dev/null", ready=f"{URL}/ping", **settings):
        BEGUN = time.time()
        interop.sample(CROWD, [interop.EXAMPLES / "influxdb.sh"])
        SAMPLED = time.time()
        CROWD.end()
        unittest.main(argv=["test_influxdb"])
