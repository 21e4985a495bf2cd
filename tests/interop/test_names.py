# SPDX-License-Identifier: MIT
"""`--resolve` shows the names that /etc/hosts and dnsmasq give, asks for nothing twice and for no private address, is ready in time with a
resolver that never answers, and its own look-ups are in no sample. Usage, as root: test_names.py SOCKTALLY ..."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import jsonschema

import scene

TOOL = os.path.abspath(sys.argv[1])
BACKENDS = ("ebpf", "netlink", "packet")
RESOLVER = "198.18.255.1"  # of RFC 2544, so not private
HOSTS = "127.0.0.1 localhost\n198.18.0.2 two.hosts second # of several\n198.18.0.2 third\n10.0.0.1 private.hosts\n"
SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "schema/socktally-1.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
ROOM = None


def replace(path, text):
    """Puts another file in place of a file of the system, in this mount namespace."""
    file = os.path.join(ROOM, path.replace("/", "_"))
    pathlib.Path(file).write_text(text)
    subprocess.run(["mount", "--bind", file, path], check=True)


class Dnsmasq:
    """Answers for 198.18.0.0/16: odd addresses have a name."""

    def __init__(self, count):
        self.log = tempfile.mktemp(dir=ROOM)
        names = [f"--ptr-record={i % 250 + 1}.{i // 250}.18.198.in-addr.arpa,h{i}.test" for i in range(0, count, 2)]
        names.append("--ptr-record=2.0.0.10.in-addr.arpa,private.test")
        self.process = subprocess.Popen(
            ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file",
             f"--listen-address={RESOLVER}", "--bind-interfaces", "--log-queries", f"--log-facility={self.log}",
             "--local=/in-addr.arpa/test/", *names])
        while not os.path.exists(self.log) or "started" not in pathlib.Path(self.log).read_text():
            assert self.process.poll() is None
            time.sleep(0.01)

    def asked(self):
        names = re.findall(r"query\[PTR\] (\S+)\.in-addr\.arpa from", pathlib.Path(self.log).read_text())
        return sorted(".".join(reversed(name.split("."))) for name in names)

    def end(self):
        self.process.terminate()
        self.process.wait()


class Peers:
    """Sockets of this process, one to each address, and one that receives all that they send."""

    def __init__(self, addresses):
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.receiver.bind(("0.0.0.0", 443))
        self.thread = threading.Thread(target=self.receive)
        self.thread.start()
        self.sockets = {}
        for address in addresses:
            self.sockets[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sockets[address].connect((address, 443))

    def receive(self):
        while self.receiver.recv(100) != b"end":
            pass

    def send(self):
        for each in self.sockets.values():
            each.send(b"hello")

    def end(self):
        next(iter(self.sockets.values())).send(b"end")
        self.thread.join()
        for each in (*self.sockets.values(), self.receiver):
            each.close()


class Silent:
    """A resolver that reads the queries, and never answers."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((RESOLVER, 53))
        self.thread = threading.Thread(target=self.receive)
        self.thread.start()

    def receive(self):
        while self.socket.recv(1000) != b"end":
            pass

    def end(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"end", (RESOLVER, 53))
        self.thread.join()
        self.socket.close()


def start(*options):
    process = subprocess.Popen([TOOL, "-v", "--netns", "current", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=os.environ | {"COLUMNS": "120"})
    wait_for(process, "sampling")
    return process


def windows(peers, count, *options):
    """The rows of windows one after another, in each of which every peer is sent a datagram. The look-ups after the first are in the
    second."""
    process = start("--interval", "2s", "--count", str(count), "-f", "jsonl", "-vv", *options)
    for number in range(1, count):
        peers.send()
        wait_for(process, f"window {number}:")
    peers.send()
    out, err = process.communicate()
    assert process.returncode == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    times = sorted({row["ts"] for row in rows})
    assert len(times) == count, times
    return [[row for row in rows if row["ts"] == begin] for begin in times], err


def wait_for(process, word):
    while word not in (line := process.stderr.readline()):
        assert line, "it has ended"


def sample(peers, *options, backend="netlink"):
    """One window in which every peer is sent a datagram."""
    process = start("-b", backend, "-d", "1h", *options)
    peers.send()
    process.send_signal(signal.SIGUSR1)
    begun = time.monotonic()
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out, time.monotonic() - begun


def rows_of(text, array):
    document = json.loads(text)
    VALIDATOR.validate(document)
    return document[array], document["notes"]


class Names(unittest.TestCase):
    def use(self, addresses, resolves=True):
        peers = Peers(addresses)
        self.addCleanup(peers.end)
        if resolves:
            resolver = Dnsmasq(len(addresses))
            self.addCleanup(resolver.end)
            return peers, resolver
        return peers

    def test_sources(self):
        peers, resolver = self.use([f"198.18.0.{i}" for i in (1, 2, 3, 4)] + ["10.0.0.1", "10.0.0.2"])
        for backend in BACKENDS:
            out, _ = sample(peers, "--by", "remote", "--resolve", "-f", "json", backend=backend)
            rows, notes = rows_of(out, "remotes")
            self.assertEqual({row["remote_address"]: (row["remote_name"], row["name_source"]) for row in rows if row["remote_address"]},
                             {"198.18.0.1": ("h0.test", "reverse"), "198.18.0.2": ("two.hosts", "hosts"),
                              "198.18.0.3": ("h2.test", "reverse"), "198.18.0.4": (None, None),
                              "10.0.0.1": ("private.hosts", "hosts"), "10.0.0.2": (None, None)}, backend)
            self.assertEqual([note["remedy"] for note in notes if note["code"] == "remote-names"], ["use --resolve-private"])
        self.assertEqual(set(resolver.asked()), {"198.18.0.1", "198.18.0.3", "198.18.0.4"})  # no private one

    def test_private(self):
        peers, resolver = self.use(["10.0.0.1", "10.0.0.2"])
        out, _ = sample(peers, "--by", "remote_name", "--resolve-private", "-f", "json")
        self.assertEqual({row["remote_name"] for row in rows_of(out, "remote_names")[0]}, {"private.hosts", "private.test"})
        self.assertEqual(resolver.asked(), ["10.0.0.2"])

    def test_filter(self):
        peers, _ = self.use(["198.18.0.1", "198.18.0.2", "198.18.0.3"])
        for name, address in (("H0.test.", "198.18.0.1"), ("two.hosts", "198.18.0.2")):
            out, _ = sample(peers, "--by", "remote", "--remote", name, "--resolve", "-o", "remote_address,remote_name", "-n")
            self.assertEqual(out.split(), [address, name.lower().rstrip(".")])
        out, _ = sample(peers, "--by", "remote", "--exclude", "remote=h0.test", "--resolve", "-o", "remote_address", "-n")
        self.assertEqual(sorted(out.split()), ["198.18.0.2", "198.18.0.3"])

    def test_pretty(self):
        peers, _ = self.use(["198.18.0.1", "198.18.0.2"])
        out, _ = sample(peers, "--by", "connection", "--resolve", "--service-names", "-f", "pretty", backend="ebpf")
        self.assertIn("→ h0.test:https ", out)
        self.assertIn("→ two.hosts:https ", out)
        out, _ = sample(peers, "--by", "port", "--resolve", "--service-names", "-f", "pretty", "--remote", "198.18.0.1")
        self.assertRegex(out, r"(?m)^https .* h0\.test$")
        out, _ = sample(peers, "--by", "port", "-f", "pretty", "--remote", "198.18.0.1")
        self.assertRegex(out, r"(?m)^ *443 .* 198\.18\.0\.1$")

    def test_commands(self):
        _, _ = self.use(["198.18.0.1"])
        listed = subprocess.run([TOOL, "ports", "--all", "--resolve", "--remote", "198.18.0.1", "-o", "remote_name", "-n"],
                                capture_output=True, text=True)
        self.assertEqual(listed.stdout, "h0.test\n", listed.stderr)
        code = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.connect(('198.18.0.1', 443)); s.send(b'x')"
        for windows in ((), ("--interval", "1h")):
            ran = subprocess.run([TOOL, "run", *windows, "-b", "ebpf", "--by", "remote", "--resolve", "-f", "tsv", "-n", "--", sys.executable,
                                  "-c", code], capture_output=True, text=True)
            self.assertIn("198.18.0.1\th0.test\treverse\t0\t1\t1\n", ran.stderr)

    def test_own_lookups(self):
        """Nothing is seen of them in the second window, nor that they are not known, whether the resolver answers, refuses or is silent."""
        addresses = [f"198.18.{i // 250}.{i % 250 + 1}" for i in range(200)]
        for resolver in ("answers", "refuses", "is silent"):
            with contextlib.ExitStack() as stack:
                peers = Peers(addresses)
                stack.callback(peers.end)
                if resolver == "answers":
                    stack.callback(Dnsmasq(len(addresses)).end)
                elif resolver == "is silent":
                    stack.callback(Silent().end)
                for backend in BACKENDS:
                    (_, second), err = windows(peers, 2, "-b", backend, "--by", "process,remote", "--resolve")
                    about = f"{backend}, the resolver {resolver}: {err[-2000:]}"
                    self.assertEqual([row for row in second if row["process"] not in ("python3", "dnsmasq")], [], about)
                    sent = sum(row["tx_bytes"] for row in second if row["process"] == "python3")
                    self.assertEqual(sent, 5 * len(addresses), about)
                    self.assertTrue(all(row["complete"] for row in second), about)

    def test_memory(self):
        """Each address is asked for once."""
        addresses = [f"198.18.0.{i + 1}" for i in range(20)]
        peers, resolver = self.use(addresses)
        for rows in windows(peers, 3, "-b", "ebpf", "--by", "remote_name", "--resolve")[0]:
            self.assertEqual({row["remote_name"] for row in rows}, {None, "two.hosts", *(f"h{i}.test" for i in range(0, 20, 2))})
        asked = [address for address in resolver.asked() if address != RESOLVER]
        self.assertEqual(asked, sorted(set(addresses) - {"198.18.0.2"}))

    def test_dead_resolver(self):
        addresses = [f"198.18.{i // 250}.{i % 250 + 1}" for i in range(1000)]
        peers = self.use(addresses, resolves=False)
        self.addCleanup(Silent().end)
        for backend in BACKENDS:
            times = []
            for _ in range(10):  # so that it passes beside busy processes
                _, usual = sample(peers, "--by", "remote", "-f", "json", backend=backend)
                out, seconds = sample(peers, "--by", "remote", "--resolve", "-f", "json", backend=backend)
                times.append(seconds - usual)
                if times[-1] < 1.2:
                    break
            self.assertLess(times[-1], 1.2, f"{backend}: {times}")
            rows, notes = rows_of(out, "remotes")
            self.assertEqual({row["remote_address"] for row in rows} - {None}, set(addresses))
            self.assertEqual({row["remote_name"] for row in rows}, {None, "two.hosts"})
            self.assertIn("the resolver did not answer in time for 999 addresses", [note["message"] for note in notes])


def main():
    global ROOM
    if not shutil.which("dnsmasq"):
        scene.skip("there is no dnsmasq here")
    scene.enter()
    with tempfile.TemporaryDirectory() as ROOM:
        replace("/etc/nsswitch.conf", "hosts: files dns\npasswd: files\nservices: files\n")
        replace("/etc/hosts", HOSTS)
        replace("/etc/services", "https 443/tcp\nhttps 443/udp\n")
        replace("/etc/resolv.conf", f"nameserver {RESOLVER}\n")
        for network in ("198.18.0.0/16", "10.0.0.0/16"):
            subprocess.run(["ip", "route", "add", "local", network, "dev", "lo"], check=True)
        unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
