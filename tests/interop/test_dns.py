# SPDX-License-Identifier: MIT
"""`socktally dns` shows what dnsmasq logs: each look-up of Python, dig and getent once, with its outcome and answer, at the process that
asked, or without one if that had ended. Usage, as root: test_dns.py SOCKTALLY ..."""
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import jsonschema

import scene

TOOL = os.path.abspath(sys.argv[1])
RESOLVER = "127.0.0.54"
TYPES = {"A": 1, "CNAME": 5, "TXT": 16, "AAAA": 28}
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "schema/socktally-1.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
ROOM = None


class Resolver:
    """dnsmasq with a zone of the test's, and its log."""

    def __init__(self, room):
        self.log = os.path.join(room, "log")
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll", "--user=root",
             f"--listen-address={RESOLVER}", "--bind-interfaces", "--log-queries", f"--log-facility={self.log}", "--pid-file",
             "--local=/test/", "--local-ttl=60", "--edns-packet-max=1232",
             "--host-record=web.test,192.0.2.1,2001:db8::1", "--host-record=four.test,192.0.2.4", "--cname=alias.test,web.test",
             "--server=/silent.test/127.0.0.99", *[f"--txt-record=long.test,{i:02}{'x' * 200}" for i in range(20)]],
            stderr=subprocess.PIPE, text=True)
        with open_when_there(self.log, self.process) as log:  # it listens by then
            while "started" not in log.readline():
                pass

    def queries(self):
        """How often it was asked for which type of which name."""
        with open(self.log) as log:
            return collections.Counter((name.lower(), kind) for kind, name in re.findall(r"query\[(\w+)\] (\S+) from", log.read()))

    def end(self):
        self.process.terminate()
        self.process.communicate()


def open_when_there(path, process):
    while True:
        try:
            return open(path)
        except FileNotFoundError:
            if process.poll() is not None:
                sys.exit(process.stderr.read())


class Asker:
    """A process that asks what it reads from its standard input, and keeps its sockets open until that ends."""

    CODE = r"""
import socket, struct, sys
keep = []
for number, line in enumerate(sys.stdin, 1):
    name, kind, resolver = line.split()
    name = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    query = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", int(kind), 1)
    keep.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    keep[-1].connect((resolver, 53))
    keep[-1].send(query)
    if resolver != "127.0.0.98":
        keep[-1].recv(65536)
    print("asked", flush=True)
"""

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, "-c", self.CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, name, kind, resolver):
        self.process.stdin.write(f"{name} {TYPES[kind]} {resolver}\n")
        self.process.stdin.flush()

    def has_asked(self):
        assert self.process.stdout.readline() == "asked\n"

    def ask(self, name, kind, resolver=RESOLVER):
        self.send(name, kind, resolver)
        self.has_asked()

    def end(self):
        self.process.communicate()


class Sample:
    """One window around what the block does."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        window = () if "--interval" in self.options else ("-d", "1h")
        self.process = subprocess.Popen([TOOL, "dns", "-v", "-f", "json", *window, *self.options], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        while not (line := self.process.stderr.readline()).endswith("sampling\n"):
            assert line, "it has ended"
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGUSR1)
        out, self.stderr = self.process.communicate()
        assert self.process.returncode == 0, self.stderr
        self.document = json.loads(out)
        VALIDATOR.validate(self.document)
        self.rows = self.document["lookups"]

    def document_of_window(self):
        """What it prints when a window ends and another one follows."""
        text = ""
        while line := self.process.stdout.readline():
            text += line
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                continue
        raise AssertionError(text)

    def row(self, **wanted):
        found = [row for row in self.rows if all(row[name] == value for name, value in wanted.items())]
        assert len(found) == 1, (wanted, self.rows)
        return found[0]

    def counted(self):
        counter = collections.Counter()
        for row in self.rows:
            counter[(row["query"].lower(), row["query_type"])] += row["lookups"]
        return counter


class Dns(unittest.TestCase):
    def setUp(self):
        self.room = tempfile.mkdtemp(dir=ROOM)
        self.resolver = Resolver(self.room)

    def tearDown(self):
        self.resolver.end()

    def test_each_look_up_at_its_process(self):
        first, second = Asker(), Asker()
        with Sample() as sample:
            for asker, number in ((first, 3), (second, 5)):
                for _ in range(number):
                    asker.ask("Web.test", "A")
            first.ask("alias.test", "AAAA")
            first.ask("four.test", "AAAA")
            second.ask("nowhere.test", "A")
        log = self.resolver.queries()
        for asker, number in ((first, 3), (second, 5)):
            row = sample.row(pid=asker.process.pid, query="Web.test")
            self.assertEqual((row["lookups"], row["answered"], row["failed"], row["retries"]), (number, number, 0, 0))
            self.assertEqual((row["query_type"], row["resolver"], row["service"], row["protocol"]), ("A", RESOLVER, "dns", "udp"))
            self.assertEqual((row["outcome"], row["answer"], row["ttl_s"]), ("NOERROR", "192.0.2.1", 60))
            self.assertTrue(0 < row["time_us"] <= row["time_max_us"] < 5_000_000)
        self.assertEqual(sample.row(query="alias.test")["answer"], "web.test,2001:db8::1")
        self.assertEqual(sample.row(query="four.test")["outcome"], "empty")
        self.assertEqual(sample.row(query="nowhere.test")["outcome"], "NXDOMAIN")
        self.assertEqual(sample.row(query="nowhere.test")["failed"], 0)
        self.assertEqual(sample.counted(), log)
        self.assertTrue(sample.document["complete"], sample.document["notes"])
        for asker in (first, second):
            asker.end()

    def test_programs(self):
        """They end before they are found, or not: never is a look-up at another process."""
        with Sample() as sample:
            for name in ("web.test", "alias.test", "nowhere.test"):
                subprocess.run(["dig", "+tries=1", f"@{RESOLVER}", name, "A"], stdout=subprocess.DEVNULL, check=True)
                subprocess.run(["getent", "ahosts", name], stdout=subprocess.DEVNULL)
        self.assertEqual(sample.counted(), self.resolver.queries())
        self.assertGreaterEqual(sum(sample.counted().values()), 9)
        self.assertLessEqual({row["process"] for row in sample.rows if row["kind"] == "process"},
                             {"dig", "getent", "isc-net-0000", "isc-timer"})
        self.assertLessEqual({row["process"] for row in sample.rows if row["kind"] != "process"}, {"[exited]", "[unknown]"})

    def test_truncated_answers_go_on_over_tcp(self):
        with Sample() as sample:
            subprocess.run(["dig", "+tries=1", "+bufsize=512", f"@{RESOLVER}", "long.test", "TXT"], stdout=subprocess.DEVNULL, check=True)
        self.assertEqual(self.resolver.queries(), {("long.test", "TXT"): 2})
        self.assertEqual(sample.counted(), {("long.test", "TXT"): 1})
        self.assertEqual(sample.rows[0]["outcome"], "NOERROR")
        self.assertEqual(sample.rows[0]["protocol"], "tcp")

    def test_over_tcp_only(self):
        with Sample() as sample:
            subprocess.run(["dig", "+tcp", f"@{RESOLVER}", "web.test", "A"], stdout=subprocess.DEVNULL, check=True)
        self.assertEqual(sample.counted(), self.resolver.queries())
        self.assertEqual(sample.rows[0]["answer"], "192.0.2.1")

    def test_no_answer(self):
        """A socket receives the queries and says nothing; the window ends before the time is over."""
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.98", 53))
        asker = Asker()
        with Sample() as sample:
            asker.ask("web.test", "A", "127.0.0.98")
        row = sample.row(pid=asker.process.pid)
        self.assertEqual((row["lookups"], row["answered"], row["failed"], row["outcome"]), (1, 0, 0, None))
        self.assertIn("lookups-unanswered", [note["code"] for note in sample.document["notes"]])
        asker.end()
        silent.close()

    def test_a_look_up_that_goes_on_in_the_next_window(self):
        """It counts once, where it ends, and still at its process."""
        slow = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        slow.bind(("127.0.0.97", 53))
        asker = Asker()
        sample = Sample("--interval", "1h", "--count", "2")
        with sample:
            asker.send("web.test", "A", "127.0.0.97")
            query, back = slow.recvfrom(512)
            sample.process.send_signal(signal.SIGUSR1)
            first = sample.document_of_window()
            slow.sendto(query[:2] + struct.pack(">H", 0x8183) + query[4:], back)
            asker.has_asked()
        self.assertEqual(first["lookups"], [])
        row = sample.row(pid=asker.process.pid)
        self.assertEqual((row["lookups"], row["query"], row["outcome"]), (1, "web.test", "NXDOMAIN"))
        asker.end()
        slow.close()

    def test_redirected_as_in_containers_of_docker(self):
        """A rule sends queries to 127.0.0.11 to another port there, whose answers come from port 53 again."""
        rule = "add table ip nat; add chain ip nat out {{ type nat hook output priority -100; }}; " \
               "add rule ip nat out ip daddr 127.0.0.11 udp dport 53 dnat to 127.0.0.11:{}"
        docker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        docker.bind(("127.0.0.11", 0))
        made = subprocess.run(["nft", rule.format(docker.getsockname()[1])], capture_output=True, text=True)
        if made.returncode != 0:
            self.skipTest(made.stderr)
        asker = Asker()
        with Sample() as sample:
            asker.send("web.test", "A", "127.0.0.11")
            query, back = docker.recvfrom(512)
            docker.sendto(query[:2] + struct.pack(">H", 0x8183) + query[4:], back)
            asker.has_asked()
        row = sample.row(pid=asker.process.pid)
        self.assertEqual((row["lookups"], row["resolver"], row["resolver_port"], row["outcome"]), (1, "127.0.0.11", 53, "NXDOMAIN"))
        self.assertEqual(len(sample.rows), 1)
        asker.end()
        docker.close()
        subprocess.run(["nft", "delete table ip nat"], check=True)

    def test_other_namespaces(self):
        """An asker in a network namespace of its own, whose resolver is there too."""
        inside = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh", sys.executable, "-c", INSIDE],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.assertEqual(inside.stdout.readline(), "ready\n")
        with Sample("-o", "+netns") as sample:
            inside.stdin.write("go\n")
            inside.stdin.flush()
            self.assertEqual(inside.stdout.readline(), "asked\n")
        row = sample.row(query="inside.test")
        self.assertEqual((row["pid"], row["outcome"]), (inside.pid, "REFUSED"))
        self.assertEqual(row["failed"], 1)
        self.assertEqual(row["netns"], str(os.stat(f"/proc/{inside.pid}/ns/net").st_ino))
        inside.communicate()

    def test_keys_filters_and_alerts(self):
        asker = Asker()
        with Sample("--by", "user,outcome", "--query", "*.TEST", "--exclude", "query=four") as sample:
            for name in ("web.test", "four.test", "nowhere.test", "else.where"):
                asker.ask(name, "A")
        self.assertEqual({(row["outcome"], row["lookups"]) for row in sample.rows}, {("NOERROR", 1), ("NXDOMAIN", 1)})
        asker.end()
        for by in ("query", "query_type", "resolver", "outcome"):
            with Sample("--by", by) as sample:
                asker = Asker()
                asker.ask("web.test", "A")
            self.assertEqual([row["lookups"] for row in sample.rows], [1])
            asker.end()
        quiet = subprocess.run([TOOL, "dns", "-d", "100ms", "--alert", "failed>0", "-f", "tsv"], capture_output=True, text=True)
        self.assertEqual((quiet.returncode, quiet.stdout), (0, ""))

    def test_it_is_one_line_that_report_refuses_it(self):
        with Sample("-f", "json") as sample:
            pass
        refused = subprocess.run([TOOL, "report"], input=json.dumps(sample.document), capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"\Asocktally: [^\n]*output of socktally dns\n\Z")

    def test_without_privilege(self):
        run = subprocess.run(["setpriv", "--reuid=61001", "--regid=61001", "--clear-groups", TOOL, "dns", "-d", "100ms"],
                             capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stdout), (4, ""))
        self.assertRegex(run.stderr, r"no permission to capture packets\n.*run with sudo")


INSIDE = r"""
import socket, struct, sys
resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
resolver.bind(("127.0.0.1", 53))
asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
sys.stdin.readline()
question = b"\6inside\4test\0" + struct.pack(">HH", 1, 1)
asker.sendto(struct.pack(">HHHHHH", 5, 0x0100, 1, 0, 0, 0) + question, ("127.0.0.1", 53))
query, back = resolver.recvfrom(512)
resolver.sendto(struct.pack(">HHHHHH", 5, 0x8185, 1, 0, 0, 0) + question, back)
asker.recv(512)
print("asked", flush=True)
sys.stdin.read()
"""


def main():
    global ROOM
    scene.enter()
    for program in ("dnsmasq", "dig", "getent", "ip"):
        if not shutil.which(program):
            scene.skip(f"there is no {program} here")
    with tempfile.TemporaryDirectory() as ROOM:
        configuration = os.path.join(ROOM, "resolv.conf")
        with open(configuration, "w") as file:
            file.write(f"nameserver {RESOLVER}\n")
        subprocess.run(["mount", "--bind", configuration, "/etc/resolv.conf"], check=True)
        unittest.main(argv=sys.argv[:1], verbosity=2)


if __name__ == "__main__":
    main()
