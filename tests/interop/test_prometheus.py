# SPDX-License-Identifier: MIT
# node_exporter's textfile collector takes the text format, Prometheus scrapes it, and a PromQL query returns the bytes that were moved;
# promtool has nothing to say about any of it. Usage, as root: test_prometheus.py SOCKTALLY WORK EXAMPLES
import json
import pathlib
import subprocess
import time
import unittest

import interop

EXPORTER = "http://127.0.0.1:9100"
PROMETHEUS = "http://127.0.0.1:9090"
TEXTFILES = pathlib.Path("/var/lib/prometheus/node-exporter")
CONFIG = """\
scrape_configs:
  - job_name: node
    scrape_interval: 250ms
    static_configs:
      - targets: ['127.0.0.1:9100']
"""
FILES = ("a.prom", "b.prom")  # without rows, which would be those of window.prom
GOLDEN = interop.HERE.parent / "golden/expected"
# So that promtool sees every metric but those of interfaces, of which this namespace has none: the golden outputs have them.
WAYS = (
    ["-f", "prom"],
    ["-f", "prom", "--top", "3"],
    ["-f", "prom", "-b", "procfs"],
    ["-f", "prom", "-o", "process,pid,command,start_time,kind,rx_bytes,tx_bytes,rx_packets,tx_packets,rx_ip_bytes,tx_ip_bytes,"
                         "connections,unknown_connections,rx_bytes_per_sec,tx_bytes_per_sec,share"],
    ["-f", "prom", "--by", "connection", "-o", "+local_address,local_port"],
)


def query(text):
    answer = json.loads(interop.http(f"{PROMETHEUS}/api/v1/query", query=text))
    return [(one["metric"], one["value"][1]) for one in answer["data"]["result"]]


def figure(text):
    results = query(text)
    return results[0][1] if results else None


def wait_until(get, value):
    """What `get` returns, once it is the value: the next scrape brings it. On a busy machine a scrape may fail, after which there is
    nothing until the next."""
    deadline = time.monotonic() + 120
    while (got := get()) != value and time.monotonic() < deadline:
        time.sleep(0.1)
    return got


def wait_for(text, value):
    return wait_until(lambda: figure(text), value)


def received_by(metric):
    return {labels["process"]: int(value) for labels, value in query(metric)}


class Windows(unittest.TestCase):
    """Gauges of one window."""

    def test_sums(self):
        self.assertEqual(wait_for("sum(socktally_receive_bytes)", str(CROWD.received())), str(CROWD.received()))
        self.assertEqual(wait_for("sum(socktally_transmit_bytes)", str(CROWD.sent())), str(CROWD.sent()))
        self.assertEqual(wait_for("node_textfile_scrape_error", "0"), "0")

    def test_names(self):
        """The newline, the quote and the backslash are themselves again."""
        self.assertEqual(wait_for("count(socktally_receive_bytes)", str(len(CROWD.bytes))), str(len(CROWD.bytes)))
        received = {interop.series_text(name, "\n"): moved for name, (moved, _) in CROWD.bytes.items()}
        self.assertEqual(wait_until(lambda: received_by("socktally_receive_bytes"), received), received)


class TwoFiles(unittest.TestCase):
    """What is said of a sample as a whole is a series for each file of one directory."""

    def test_facts(self):
        for fact, value in (("socktally_complete", "0"), ('socktally_note{code="no-bytes"}', "1")):
            with self.subTest(fact):
                def told():
                    by_file = {labels.get("file"): told for labels, told in query(fact)}
                    return [by_file.get(name) for name in FILES]

                self.assertEqual(wait_until(told, [value, value]), [value, value])
        self.assertEqual(wait_for("node_textfile_scrape_error", "0"), "0")


class Counters(unittest.TestCase):
    """Totals that only grow, by the line for cron."""

    def check(self, rounds):
        told = subprocess.run(interop.cron("node_exporter.cron", CROWD), capture_output=True, text=True)
        self.assertEqual((told.returncode, told.stdout, told.stderr), (0, "", ""))
        promtool(self, (TEXTFILES / "socktally.prom").read_text())
        received = str(rounds * CROWD.received())
        self.assertEqual(wait_for("sum(socktally_receive_bytes_total)", received), received)
        sent = str(rounds * CROWD.sent())
        self.assertEqual(wait_for("sum(socktally_transmit_bytes_total)", sent), sent)
        received = {interop.series_text(name, "\n"): rounds * moved for name, (moved, _) in CROWD.bytes.items()}
        self.assertEqual(wait_until(lambda: received_by("socktally_receive_bytes_total"), received), received)

    def test_runs(self):
        # The crowd has moved its bytes once, in the windows, and its sockets have been open since before.
        self.check(1)
        for rounds in (2, 3):
            CROWD.move()
            self.check(rounds)


def promtool(test, text):
    """It has nothing to say."""
    test.assertIn("socktally_", text)
    told = subprocess.run([interop.ROOT / "usr/bin/promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    test.assertEqual((told.returncode, told.stdout + told.stderr), (0, ""))


class Promtool(unittest.TestCase):
    def test_samples(self):
        for way, text in zip(WAYS, TEXTS):
            with self.subTest(way):
                promtool(self, text)

    def test_golden(self):
        for path in GOLDEN.glob("*.prom"):
            with self.subTest(path.name):
                promtool(self, path.read_text())


interop.fetch()
interop.prepare()
CROWD = interop.Crowd()
with interop.room() as room:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib"], check=True)  # in this mount namespace
    TEXTFILES.mkdir(parents=True)
    pathlib.Path("/var/lib/socktally").mkdir(mode=0o700)
    TEXTS = interop.sample(CROWD, *WAYS, *(["-f", "prom", "-b", "procfs", "--protocol", "sctp", "--output-file", TEXTFILES / name]
                                         for name in FILES))
    (TEXTFILES / "window.prom").write_text(TEXTS[0])
    (room / "prometheus.yml").write_text(CONFIG)
    with interop.Daemon("usr/bin/prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                      "--web.listen-address=127.0.0.1:9100", ready=EXPORTER), \
         interop.Daemon("usr/bin/prometheus", f"--config.file={room}/prometheus.yml", f"--storage.tsdb.path={room}/data",
                      "--web.listen-address=127.0.0.1:9090", ready=f"{PROMETHEUS}/-/ready"):
        unittest.main(argv=["test_prometheus"])
