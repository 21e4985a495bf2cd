# SPDX-License-Identifier: MIT
"""`socktally run` counts what a command and its descendants move, and nothing else, and behaves as time(1) does. A server of this test
knows the bytes. Usage, as root: test_run.py SOCKTALLY ..."""
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import scene

TOOL = os.path.abspath(sys.argv[1])
BACKENDS = ("ebpf", "netlink")
HOLD = {"ebpf": 0, "netlink": 0.6}  # seconds that a connection lasts at least, for its owner to be found
SLACK = {"ebpf": 0, "netlink": 2}   # bytes a connection
ROOM = None


class Server:
    """Answers `GET /TAG/BYTES` with so many bytes, and counts what each tag's connections moved."""

    def __init__(self):
        self.hold = 0
        self.moved = {}  # by tag: connections, bytes that its clients received, and sent
        self.lock = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        request = b""
        while b"\n\n" not in request.replace(b"\r", b""):
            part = connection.recv(65536)
            if not part:
                break
            request += part
        tag, size = re.match(rb"GET /(\S+)/(\d+) ", request).groups()
        answer = b"HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n" % size
        connection.sendall(answer)
        time.sleep(self.hold)
        left, block = int(size), b"x" * (1 << 18)
        sent = len(answer)
        try:
            while left > 0:
                sent += (now := connection.send(block[:left]))
                left -= now
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                request += part
        except ConnectionError:  # killed
            pass
        connection.close()
        with self.lock:
            count, rx, tx = self.moved.get(tag.decode(), (0, 0, 0))
            self.moved[tag.decode()] = (count + 1, rx + sent, tx + len(request))
            self.lock.notify_all()

    def url(self, tag, size):
        return f"http://127.0.0.1:{self.port}/{tag}/{size}"

    def await_connections(self, tag, count):
        with self.lock:
            if not self.lock.wait_for(lambda: self.moved.get(tag, (0,))[0] >= count, timeout=scene.LIMIT):
                raise RuntimeError(f"{tag}: {self.moved.get(tag)}")
        return self.moved[tag]


SERVER = Server.__new__(Server)


def get(tag, size):
    return f"curl -s -o /dev/null {SERVER.url(tag, size)}"


def by_bash(tag, size):
    """A client that is not even exec'ed."""
    return (f"exec 3<>/dev/tcp/127.0.0.1/{SERVER.port}; printf 'GET /{tag}/{size} HTTP/1.0\\n\\n' >&3; "
            "while read -r _ <&3; do :; done; true")


class Run:
    """One `socktally run`, with its document."""

    def __init__(self, backend, *words, options=(), **how):
        handle, self.path = tempfile.mkstemp(dir=ROOM)
        os.close(handle)
        self.process = subprocess.Popen([TOOL, "run", "-b", backend, "-f", "json", "--output-file", self.path, *options, *words],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)

    def finish(self):
        self.out, self.err = self.process.communicate(timeout=scene.LIMIT)
        self.status = self.process.returncode
        self.document = json.loads(pathlib.Path(self.path).read_text() or "null")
        return self


def run(backend, *words, **how):
    return Run(backend, *words, **how).finish()


class Bytes(unittest.TestCase):
    def check(self, run_, tag, connections, backend, status=0):
        """The rows are what the server says, and so are the totals."""
        self.assertEqual(run_.status, status, run_.err)
        count, rx, tx = SERVER.await_connections(tag, connections)
        document = run_.document
        self.assertEqual(count, connections)
        slack = SLACK[backend] * count
        for name, true in (("rx_bytes", rx), ("tx_bytes", tx)):
            seen = (document["totals"][name], sum(row[name] for row in document["processes"]))
            self.assertEqual(seen[0], seen[1])
            self.assertLessEqual(abs(seen[0] - true), slack, (tag, backend, document, run_.err))
        # On netlink others' sockets may have closed before it was known whose they were: the server's, or those of other runs.
        # And there may have been too many events of closed sockets for a busy machine, though not one of these was lost.
        allowed = ("run-unplaced", "filter-unjudged", "events-lost") if backend == "netlink" else ()
        notes = [note["code"] for note in document["notes"] if note["incomplete"] and note["code"] not in allowed]
        self.assertEqual(notes, [], document["notes"])
        return document

    def each(self):
        for backend in BACKENDS:
            SERVER.hold = HOLD[backend]
            yield backend, f"{self._testMethodName}-{backend}"

    def test_curl(self):
        for backend, tag in self.each():
            done = run(backend, "curl", "-s", "-o", "/dev/null", SERVER.url(tag, 100_000))
            self.check(done, tag, 1, backend)
            self.assertEqual([row["process"] for row in done.document["processes"]], ["curl"])

    def test_pipeline(self):
        for backend, tag in self.each():
            done = run(backend, "sh", "-c", f"{get(tag, 200_000)} | cat; {get(tag, 5)} | ({get(tag, 77)}; cat)")
            self.check(done, tag, 3, backend)

    def test_make(self):
        for backend, tag in self.each():
            with tempfile.NamedTemporaryFile("w", suffix=".mk", dir=ROOM) as makefile:
                makefile.write(f"all: $(addprefix n,{' '.join(map(str, range(20)))})\nn%:\n\t@{get(tag, 12_345)}\n")
                makefile.flush()
                done = run(backend, "make", "-j20", "-f", makefile.name, options=("--by", "name"))
            done.document["processes"] = done.document["names"]
            self.check(done, tag, 20, backend)

    def test_daemons(self):
        """Forked twice, in a session of its own, while the command is there and after: the note says that it lives."""
        for backend, tag in self.each():
            script = f"({get(tag, 999)}; sleep 1000) </dev/null >/dev/null 2>&1 & exit 0"
            done = run(backend, "sh", "-c", f"setsid -f sh -c '{script}'; sleep {HOLD[backend] + 1}")
            self.check(done, tag, 1, backend)
            self.assertIn("processes-left", [note["code"] for note in done.document["notes"]])

    def test_detached_too(self):
        for backend, tag in self.each():
            done = run(backend, "sh", "-c", f"setsid -f sh -c 'sleep 0.2; {get(tag, 4321)}'", options=("--detached-too", "20s"))
            self.check(done, tag, 1, backend)
            self.assertNotIn("processes-left", [note["code"] for note in done.document["notes"]])

    def test_short(self):
        """A process that lives a millisecond or two, which only the kernel sees for sure."""
        SERVER.hold = 0
        for i in range(20):
            done = run("ebpf", "bash", "-c", by_bash(f"short-{i}", 10))
            self.check(done, f"short-{i}", 1, "ebpf")

    def test_killed(self):
        for backend, tag in self.each():
            done = run(backend, "bash", "-c", f"{by_bash(tag, 1000)}; kill -9 $$")
            self.check(done, tag, 1, backend, status=128 + signal.SIGKILL)

    def test_ten_at_once(self):
        for backend, tag in self.each():
            runs = [Run(backend, "sh", "-c", f"{get(f'{tag}-{i}', 1000 * i)}; sleep 0.3; {get(f'{tag}-{i}', 7)}") for i in range(10)]
            for i, started in enumerate(runs):
                self.check(started.finish(), f"{tag}-{i}", 2, backend)

    def test_gibibyte(self):
        for backend, tag in self.each():
            done = run(backend, "curl", "-s", "-o", "/dev/null", SERVER.url(tag, 1 << 30))
            self.check(done, tag, 1, backend)

    def test_tree(self):
        """--tree in a sample: a process that is there already, and what it starts in the window."""
        for backend, tag in self.each():
            script = f"read -r _; {get(tag, 3000)}; ({get(tag, 40)} & sleep 0.2); read -r _"
            with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, text=True) as root, \
                    subprocess.Popen([TOOL, "-b", backend, "--interval", "1h", "-f", "json", "-v", "--tree", str(root.pid)],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sample:
                while "sampling" not in (line := sample.stderr.readline()):
                    self.assertNotEqual(line, "")
                if backend == "ebpf":  # elsewhere this process may have adopted it
                    subprocess.run(["sh", "-c", get("other", 5)], check=True)
                root.stdin.write("\n")
                root.stdin.flush()
                SERVER.await_connections(tag, 2)
                time.sleep(0.1)
                sample.terminate()
                out, err = sample.communicate(timeout=scene.LIMIT)
                root.stdin.close()
            done = type("Done", (), {"document": json.loads(out), "err": err, "status": 0})
            done.document["notes"] = [note for note in done.document["notes"] if note["code"] != "interrupted"]
            self.check(done, tag, 2, backend)


class Manners(unittest.TestCase):
    """As time(1) behaves."""

    def test_statuses(self):
        (pathlib.Path(ROOM) / "not-executable").write_text("echo hello\n")
        cases = (
            (["true"], 0),
            (["sh", "-c", "exit 3"], 3),
            (["no-such-command-at-all"], 127),
            ([f"{ROOM}/not-executable"], 126),
            (["sh", "-c", "kill -INT $$"], 130),
            (["sh", "-c", "kill -KILL $$"], 137),
            (["sh", "-c", "kill -TERM $$"], 143),
            ([], 125),
            (["-d", "5s", "true"], 125),
            (["--count", "2", "true"], 125),
            (["--since", "x", "true"], 125),
            (["--no-such-option", "true"], 125),
            (["-o", "no_such_column", "true"], 125),
            (["-b", "no-such-backend", "true"], 125),
            (["--user", "no-such-user", "true"], 125),
            (["--output-file", "/no/such/directory/file", "true"], 125),
            (["--", "true"], 0),
            (["--strict", "--alert", "rx_bytes>1", "sh", "-c", "exit 7"], 7),
        )
        for words, status in cases:
            with self.subTest(words=words):
                done = subprocess.run([TOOL, "run", *words], capture_output=True, text=True, timeout=scene.LIMIT)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(done.stdout, "")
                if status in (125, 126, 127):
                    self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_streams(self):
        """They are the command's; the result goes to standard error."""
        done = subprocess.run([TOOL, "run", "-f", "csv", "sh", "-c", "cat; echo error >&2"], input="typed", capture_output=True,
                              text=True, timeout=scene.LIMIT)
        self.assertEqual(done.stdout, "typed")
        self.assertRegex(done.stderr, r"\Aerror\n(socktally: .*\n)*pid,")
        done = subprocess.run([TOOL, "run", "--", "sh", "-c", "echo $1", "-", "-f"], capture_output=True, text=True,
                              timeout=scene.LIMIT)
        self.assertEqual(done.stdout, "-f\n")

    def test_closed_streams(self):
        """The command finds them closed too."""
        script = f"{TOOL} run --output-file {ROOM}/closed sh -c 'ls -l /proc/$$/fd >{ROOM}/seen' <&- 2>&-"
        self.assertEqual(subprocess.run(["sh", "-c", script], timeout=scene.LIMIT).returncode, 0)
        seen = re.findall(r" (\d+) -> ", pathlib.Path(ROOM, "seen").read_text())
        self.assertNotIn("2", seen)

    def test_dispositions(self):
        """Signals are for the command what they were for us."""
        script = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"
        plain = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        ours = subprocess.run([TOOL, "run", "--", "sh", "-c", script], capture_output=True, text=True, timeout=scene.LIMIT)
        self.assertEqual(ours.stdout, plain.stdout)

    def test_pipeline(self):
        script = f"echo in | {TOOL} run -q cat 2>/dev/null | tr a-z A-Z"
        self.assertEqual(subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=scene.LIMIT).stdout, "IN\n")
        script = f"set -o pipefail; {TOOL} run -q yes 2>/dev/null | head -1"
        self.assertEqual(subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=scene.LIMIT).stdout, "y\n")

    def test_background(self):
        script = f"{TOOL} run -q sh -c 'sleep 0.1; exit 5' 2>/dev/null & wait $!"
        self.assertEqual(subprocess.run(["sh", "-c", script], timeout=scene.LIMIT).returncode, 5)
        script = f"nohup {TOOL} run -q sh -c 'kill -HUP $PPID; sleep 0.1; exit 6' >/dev/null 2>&1"
        self.assertEqual(subprocess.run(["sh", "-c", script], timeout=scene.LIMIT).returncode, 6)

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            script = f"trap 'exit 40' {number.name[3:]}; echo ready; while :; do sleep 0.01; done"
            with subprocess.Popen([TOOL, "run", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run_:
                self.assertEqual(run_.stdout.readline(), "ready\n")
                run_.send_signal(number)
                _, err = run_.communicate(timeout=scene.LIMIT)
            self.assertEqual(run_.returncode, 40, err)
            self.assertIn("pid\t", err)
        with subprocess.Popen([TOOL, "run", "sh", "-c", "echo ready; read -r _; exit 4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as run_:
            self.assertEqual(run_.stdout.readline(), "ready\n")
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1):
                run_.send_signal(number)
            run_.communicate("\n", timeout=scene.LIMIT)
            self.assertEqual(run_.returncode, 4)

    def test_terminal(self):
        """An interrupt that is typed ends the command, and the result is a table."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(TOOL, [TOOL, "run", "sh", "-c", "echo ready; exec sleep 1000"])
        said = b""
        while b"ready" not in said:
            said += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        try:
            while part := os.read(terminal, 1000):
                said += part
        except OSError:  # its end
            pass
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)
        self.assertIn(b"no traffic in", said)

    def test_interval(self):
        done = subprocess.run([TOOL, "run", "--interval", "50ms", "-f", "json", "sh", "-c", "sleep 0.3; exit 9"], capture_output=True,
                              text=True, timeout=scene.LIMIT)
        self.assertEqual(done.returncode, 9)
        self.assertGreater(done.stderr.count('{"schema":'), 2)

    def test_other_user(self):
        """Without privilege, for one's own command."""
        SERVER.hold = HOLD["netlink"]
        url = SERVER.url("nobody", 50_000)
        done = subprocess.run([TOOL, "run", "-f", "json", "curl", "-s", "-o", "/dev/null", url], capture_output=True, text=True,
                              user=65534, group=65534, extra_groups=[], timeout=scene.LIMIT)
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stderr)
        _, rx, tx = SERVER.await_connections("nobody", 1)
        self.assertLessEqual(abs(document["totals"]["rx_bytes"] - rx), 2, document)
        self.assertLessEqual(abs(document["totals"]["tx_bytes"] - tx), 2, document)
        self.assertNotIn("owners-denied", [note["code"] for note in document["notes"]])


if __name__ == "__main__":
    scene.enter()
    SERVER = Server()
    with tempfile.TemporaryDirectory() as room:
        ROOM = room
        os.chmod(room, 0o755)
        unittest.main(argv=sys.argv[:1])
