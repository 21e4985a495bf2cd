# SPDX-License-Identifier: MIT
# ClickHouse takes jsonl and TSV through its HTTP interface, by the lines of the examples: sums and names are exact, and null stays
# null. Usage, as root: test_clickhouse.py SOCKTALLY WORK EXAMPLES
import json
import unittest

import interop

URL = "http://127.0.0.1:8123/"
CONFIG = """\
<yandex>
    <logger><level>warning</level><console>1</console></logger>
    <http_port>8123</http_port>
    <listen_host>127.0.0.1</listen_host>
    <path>{room}/data/</path>
    <tmp_path>{room}/tmp/</tmp_path>
    <mark_cache_size>5000000</mark_cache_size>
    <users_config>{room}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
</yandex>
"""
USERS = """\
<yandex>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users><default>
        <password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
    </default></users>
</yandex>
"""


def query(text):
    return interop.http(URL, text)


def rows(text):
    return json.loads(query(f"{text} FORMAT JSON"))["data"]


def names(which):
    """Each name in hexadecimal, which no format of an answer changes, with what it moved."""
    return {bytes.fromhex(row["name"]): (int(row["rx_bytes"]), int(row["tx_bytes"]))
            for row in rows(f"SELECT hex(assumeNotNull(process)) AS name, rx_bytes, tx_bytes FROM socktally WHERE {which}")}


class ClickHouse(unittest.TestCase):
    """Rows with a backend came as jsonl, those without one as TSV."""

    def check_sums(self, which):
        self.assertEqual(query(f"SELECT sum(rx_bytes), sum(tx_bytes), count() FROM socktally WHERE {which}"),
                         f"{CROWD.received()}\t{CROWD.sent()}\t{len(CROWD.bytes)}\n")

    def test_jsonl(self):
        which = "backend != 'procfs'"
        self.check_sums(which)
        self.assertEqual(names(which), {interop.json_text(name).encode(): moved for name, moved in CROWD.bytes.items()})

    def test_tsv(self):
        which = "backend IS NULL AND rx_bytes IS NOT NULL"
        self.check_sums(which)
        self.assertEqual(names(which), CROWD.bytes)

    def test_sample(self):
        [row] = rows("SELECT min(complete) AS least, max(complete) AS most, max(abs(now() - ts)) AS age, "
                     "min(duration_ns) AS window FROM socktally WHERE backend != 'procfs'")
        self.assertEqual((row["least"], row["most"]), (1, 1))
        self.assertLess(int(row["age"]), 60)
        self.assertGreater(int(row["window"]), 0)

    def test_null(self):
        """procfs knows no bytes: null, not 0."""
        for which in ("backend = 'procfs'", "backend IS NULL AND rx_bytes IS NULL"):
            self.assertEqual(query(f"SELECT count(), count(rx_bytes), count(tx_bytes), sum(connections) FROM socktally WHERE {which}"),
                             f"{len(CROWD.bytes)}\t0\t0\t{len(CROWD.bytes)}\n")


interop.fetch()
interop.prepare("curl")
CROWD = interop.Crowd()
with interop.room() as room:
    (room / "config.xml").write_text(CONFIG.format(room=room))
    (room / "users.xml").write_text(USERS.format(room=room))
    with interop.Daemon("usr/sbin/clickhouse-server", f"--config-file={room}/config.xml", ready=URL):
        query((interop.EXAMPLES / "clickhouse/table.sql").read_text())
        inserts = [interop.EXAMPLES / "clickhouse" / name for name in ("jsonl.sh", "tsv.sh")]
        interop.sample(CROWD, *([insert, *options] for insert in inserts for options in ((), ("-b", "procfs"))))
        CROWD.end()
        unittest.main(argv=["test_clickhouse"])
