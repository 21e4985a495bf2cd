# SPDX-License-Identifier: MIT
"""`socktally run` counts what a command and its descendants move, and nothing else, and behaves as time(1) does. A server of this test
knows the bytes. Usage, as root: [SOCKTALLY_CASES=Bytes.test_curl] test_run.py SOCKTALLY ..."""
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
BACKENDS = ("ebpf", "netlink", "packet")
SLACK = {"ebpf": 0, "netlink": 2, "packet": 0}  # bytes a connection
ROOM = None


def cookie_of(port):
    """The cookie of the socket of this machine that is connected from the port."""
    told = subprocess.run(["ss", "-tneH", f"sport = :{port}"], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"\bsk:([0-9a-f]+)", told)[1], 16)


class Trace:
    """What a sample with -vv says on standard error. Knows the cookies of the sockets whose owners it has found."""

    def __init__(self, process):
        self.lines, self.owned = [], set()
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, args=(process.stderr,), daemon=True)
        self.reader.start()

    def read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line)
                if owner := re.match(r"socktally: owner (\d+) \d+$", line):
                    self.owned.add(int(owner[1]))
                self.changed.notify_all()
        stream.close()

    def wait_for_owner(self, count, port):
        """Of the client's end of a connection of Server, from this port."""
        cookie = cookie_of(port)
        self.wait_for(lambda: cookie in self.owned)

    def wait_for(self, condition):
        with self.changed:
            if not self.changed.wait_for(condition, timeout=scene.LIMIT):
                raise RuntimeError("".join(self.lines))

    def wait_for_line(self, text):
        self.wait_for(lambda: any(text in line for line in self.lines))

    def text(self):
        self.reader.join()
        return "".join(self.lines)


class Server:
    """Answers `GET /TAG/BYTES` with so many bytes, and counts what each tag's connections moved. A connection lasts until `until`[tag]
    returns, which is called with the number of the tag's connections so far."""

    def __init__(self):
        self.until = {}
        self.begun = {}  # connections by tag
        self.moved = {}  # by tag: connections, bytes that its clients received, and sent
        self.lock = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def hold(self, tag, port):
        with self.lock:
            count = self.begun[tag] = self.begun.get(tag, 0) + 1
            self.lock.notify_all()
            until = self.until.get(tag, lambda count, port: None)
        until(count, port)

    def serve(self, connection):
        request = b""
        while b"\n\n" not in request.replace(b"\r", b""):
            part = connection.recv(65536)
            if not part:
                break
            request += part
        tag, size = re.match(r"GET /(\S+)/(\d+) ", request.decode()).groups()
        answer = b"HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n" % size.encode()
        connection.sendall(answer)
        self.hold(tag, connection.getpeername()[1])
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
            count, rx, tx = self.moved.get(tag, (0, 0, 0))
            self.moved[tag] = (count + 1, rx + sent, tx + len(request))
            self.lock.notify_all()

    def url(self, tag, size):
        return f"http://127.0.0.1:{self.port}/{tag}/{size}"

    def await_begun(self, tag, count):
        with self.lock:
            self.lock.wait_for(lambda: self.begun.get(tag, 0) >= count, timeout=scene.LIMIT)

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
    """One `socktally run`, with its document. Connections of `tag` last until their owners are found, unless ebpf sees them anyway."""

    def __init__(self, backend, tag, *words, options=(), before=(), **how):
        handle, self.path = tempfile.mkstemp(dir=ROOM)
        os.close(handle)
        command = [*before, TOOL, "run", "-vv", "-b", backend, "-f", "json", "--output-file", self.path, *options, "--", *words]
        with SERVER.lock:
            self.process = subprocess.Popen(command, **{"stdin": subprocess.DEVNULL, **how}, stderr=subprocess.PIPE, text=True)
            self.trace = Trace(self.process)
            if backend != "ebpf":
                SERVER.until.setdefault(tag, self.trace.wait_for_owner)

    def finish(self):
        self.status = self.process.wait(timeout=scene.LIMIT)
        self.err = self.trace.text()
        self.document = json.loads(pathlib.Path(self.path).read_text() or "null")
        return self


def run(backend, tag, *words, **how):
    return Run(backend, tag, *words, **how).finish()


class Sample:
    """The same of `socktally --tree`, whose window lasts until finish()."""

    def __init__(self, backend, tag, root):
        self.process = subprocess.Popen([TOOL, "-vv", "-b", backend, "-d", "1h", "-f", "json", "--tree", str(root)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.trace = Trace(self.process)
        self.trace.wait_for_line("socktally: sampling\n")
        if backend != "ebpf":
            SERVER.until[tag] = self.trace.wait_for_owner

    def finish(self):
        self.process.send_signal(signal.SIGUSR1)
        self.document = json.load(self.process.stdout)
        self.status = self.process.wait(timeout=scene.LIMIT)
        self.err = self.trace.text()
        return self


def await_end(pid):
    """Waits until the process is reaped."""
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.001)


def note_of(document, code):
    return next((note for note in document["notes"] if note["code"] == code), None)


class Bytes(unittest.TestCase):
    def check(self, run_, tag, connections, backend, status=0, allowed=()):
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
        # There may have been too many events of closed sockets for a busy machine, though not one of these was lost.
        # And others' connections may have been reset meanwhile.
        allowed = ("events-lost", "queues-unseen", *allowed) if backend == "netlink" else allowed
        notes = [note["code"] for note in document["notes"] if note["incomplete"] and note["code"] not in allowed]
        self.assertEqual(notes, [], document["notes"])
        return document

    def each(self, backends=BACKENDS):
        for backend in backends:
            yield backend, f"{self._testMethodName}-{backend}"

    def test_curl(self):
        for backend, tag in self.each():
            done = run(backend, tag, "curl", "-s", "-o", "/dev/null", SERVER.url(tag, 100_000))
            self.check(done, tag, 1, backend)
            self.assertEqual([row["process"] for row in done.document["processes"]], ["curl"])

    def test_pipeline(self):
        for backend, tag in self.each():
            done = run(backend, tag, "sh", "-c", f"{get(tag, 200_000)} | cat; {get(tag, 5)} | ({get(tag, 77)}; cat)")
            self.check(done, tag, 3, backend)

    def test_make(self):
        for backend, tag in self.each():
            with tempfile.NamedTemporaryFile("w", suffix=".mk", dir=ROOM) as makefile:
                makefile.write(f"all: $(addprefix n,{' '.join(map(str, range(20)))})\nn%:\n\t@{get(tag, 12_345)}\n")
                makefile.flush()
                done = run(backend, tag, "make", "-j20", "-f", makefile.name, options=("--by", "name"))
            done.document["processes"] = done.document["names"]
            self.check(done, tag, 20, backend)

    def test_daemons(self):
        """Forked twice, in a session of its own, while the command is there and after: the note says that it lives."""
        for backend, tag in self.each():
            script = f"({get(tag, 999)}; sleep 1000) </dev/null >/dev/null 2>&1 & exit 0"
            done = Run(backend, tag, "sh", "-c", f"setsid -f sh -c '{script}'; read -r _; true", stdin=subprocess.PIPE)
            SERVER.await_connections(tag, 1)
            done.process.stdin.close()
            self.check(done.finish(), tag, 1, backend)
            self.assertTrue(note_of(done.document, "processes-left"))

    def test_detached_too(self):
        for backend, tag in self.each():
            fifo = f"{ROOM}/{tag}"
            os.mkfifo(fifo)
            script = f"read -r _ <{fifo}; {get(tag, 4321)}"
            done = Run(backend, tag, "sh", "-c", f"echo $$; setsid -f sh -c '{script}' >/dev/null 2>&1", stdout=subprocess.PIPE,
                       options=("--detached-too", "1h"))
            await_end(int(done.process.stdout.readline()))
            pathlib.Path(fifo).write_text("\n")
            self.check(done.finish(), tag, 1, backend)
            self.assertFalse(note_of(done.document, "processes-left"))
            done.process.stdout.close()

    def test_short(self):
        """A process that lives a millisecond or two, which only the kernel sees for sure."""
        for i in range(20):
            tag = f"short-{i}"
            self.check(run("ebpf", tag, "bash", "-c", by_bash(tag, 10)), tag, 1, "ebpf")

    def test_brief(self):
        """However short processes live: what is in no row is in the note, with its bytes."""
        for backend, tag in self.each(("netlink", "packet")):
            SERVER.until[tag] = lambda count, _: time.sleep(count % 4 * 0.02)
            clients = "\n".join(f"({by_bash(tag, 1000 + i)}){' &' * (i % 2)}" for i in range(40))
            done = run(backend, tag, "bash", "-c", f"{clients}\nwait")
            _, rx, tx = SERVER.await_connections(tag, 40)
            note = note_of(done.document, "run-unplaced") or {"rx_bytes": 0, "tx_bytes": 0}
            for name, true in (("rx_bytes", rx), ("tx_bytes", tx)):
                seen = done.document["totals"][name] + note[name]
                self.assertLessEqual(abs(seen - true), 40 * SLACK[backend], (name, done.document["totals"], note))

    def test_stranger(self):
        """Another process's connection is in no row and no note, nor is the server's end of any."""
        for backend, tag in self.each():
            other = f"{tag}-other"
            done = Run(backend, tag, "sh", "-c", f"read -r _; {get(tag, 500)}", stdin=subprocess.PIPE)
            done.trace.wait_for_line("socktally: sampling\n")
            with SERVER.lock:
                stranger = subprocess.Popen(get(other, 70_000).split())
                if backend != "ebpf":
                    SERVER.until[other] = done.trace.wait_for_owner
            stranger.wait()
            done.process.stdin.close()
            self.check(done.finish(), tag, 1, backend)
            self.assertFalse(note_of(done.document, "run-unplaced"))

    def test_killed(self):
        for backend, tag in self.each():
            done = run(backend, tag, "bash", "-c", f"{by_bash(tag, 1000)}; kill -9 $$")
            self.check(done, tag, 1, backend, status=128 + signal.SIGKILL)

    def test_ten_at_once(self):
        for backend, tag in self.each():
            runs = [Run(backend, f"{tag}-{i}", "sh", "-c", f"{get(f'{tag}-{i}', 1000 + i)}; {get(f'{tag}-{i}', 7)}") for i in range(10)]
            for i, started in enumerate(runs):  # connections of the other runs may have closed before it was known whose they were
                self.check(started.finish(), f"{tag}-{i}", 2, backend, allowed=("run-unplaced",))

    def test_gibibyte(self):
        for backend, tag in self.each(("ebpf", "netlink")):
            done = run(backend, tag, "curl", "-s", "-o", "/dev/null", SERVER.url(tag, 1 << 30))
            self.check(done, tag, 1, backend)

    def test_threads(self):
        """A thread of the command starts a process, and another one becomes a program."""
        for backend, tag in self.each():
            done = run(backend, tag, sys.executable, "-c", self.THREADS.format(get(tag, 3000), get(tag, 40)),
                       stdout=subprocess.DEVNULL)
            self.check(done, tag, 2, backend)

    THREADS = """import os, subprocess, sys, threading
may = threading.Event()
def spawn():
    may.wait()
    subprocess.run("{}".split())
def become():
    spawner.join()
    os.execvp("curl", "{}".split())
spawner, heir = threading.Thread(target=spawn), threading.Thread(target=become)
spawner.start()
heir.start()
print("ready", flush=True)
sys.stdin.read()
may.set()
heir.join()"""

    def test_tree(self):
        """--tree in a sample: a process that is there already, and what it and its threads start in the window."""
        for backend, tag in self.each():
            script = f"read -r _; {get(tag, 3000)}; ({get(tag, 40)} & wait); read -r _"
            with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, text=True) as root:
                done = Sample(backend, tag, root.pid)
                subprocess.run(get("other", 5).split(), check=True)
                root.stdin.write("\n")
                root.stdin.flush()
                SERVER.await_connections(tag, 2)
                self.check(done.finish(), tag, 2, backend, allowed=("filter-unjudged",))
                root.stdin.close()

    def test_tree_of_threads(self):
        for backend, tag in self.each():
            with subprocess.Popen([sys.executable, "-c", self.THREADS.format(get(tag, 3000), get(tag, 40))], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as root:
                self.assertEqual(root.stdout.readline(), "ready\n")
                done = Sample(backend, tag, root.pid)
                root.stdin.close()
                SERVER.await_connections(tag, 2)
                self.check(done.finish(), tag, 2, backend)

    def test_tree_of_process_1(self):
        """What it adopts is below it."""
        for backend, tag in self.each():
            done = Sample(backend, tag, 1)
            subprocess.run(["setsid", "-f", *get(tag, 3000).split()], check=True)
            count, rx, tx = SERVER.await_connections(tag, 1)
            rows = [row for row in done.finish().document["processes"] if row["process"] == "curl"]
            self.assertEqual(len(rows), 1, done.err)
            self.assertLessEqual(abs(rows[0]["rx_bytes"] - rx), SLACK[backend])
            self.assertLessEqual(abs(rows[0]["tx_bytes"] - tx), SLACK[backend])

    def test_children_from_before(self):
        """A process that has children already may become `socktally run`."""
        for backend, tag in self.each():
            other = f"{tag}-other"
            before = ("sh", "-c", f'{get(other, 70_000)} & exec "$@"', "-")
            with SERVER.lock:
                done = Run(backend, tag, *get(tag, 500).split(), before=before)
                SERVER.until[other] = done.trace.wait_for_owner if backend != "ebpf" else lambda *_: SERVER.await_begun(tag, 1)
            self.check(done.finish(), tag, 1, backend)
            SERVER.await_connections(other, 1)

    def test_process_1_of_a_container(self):
        """Orphans of other processes that were started in it are not the command's. Owners outside of it are not known."""
        for backend, tag in self.each():
            other = f"{tag}-other"
            done = Run(backend, tag, "sh", "-c", f"read -r _; {get(tag, 500)}; exit 6", stdin=subprocess.PIPE,
                       before=("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"))
            done.trace.wait_for_line("socktally: sampling\n")
            first = pathlib.Path(f"/proc/{done.process.pid}/task/{done.process.pid}/children").read_text().strip()
            if backend != "ebpf":
                SERVER.until[other] = done.trace.wait_for_owner
            subprocess.run(["nsenter", "-t", first, "-p", "-m", "setsid", "-f", *get(other, 70_000).split()], check=True)
            SERVER.await_connections(other, 1)
            done.process.stdin.close()
            self.check(done.finish(), tag, 1, backend, status=6, allowed=("run-unplaced",))


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

    def test_unusable_streams(self):
        script = "echo hello; exit 5"
        for streams in ("2>/dev/null", "2</dev/null", "2>&-", "2>&- <&-", "2>/dev/full"):
            with self.subTest(streams=streams):
                done = subprocess.run(["sh", "-c", f"{TOOL} run sh -c '{script}' {streams}"], stdout=subprocess.PIPE, text=True,
                                      timeout=scene.LIMIT)
                self.assertEqual((done.returncode, done.stdout), (5, "hello\n"))

    def test_foreign_proc(self):
        done = subprocess.run(["unshare", "--pid", "--fork", TOOL, "run", "echo", "hello"], capture_output=True, text=True,
                              timeout=scene.LIMIT)
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertIn("/proc belongs to another PID namespace", done.stderr)

    def test_procfs(self):
        """It counts no bytes, and says so."""
        done = subprocess.run([TOOL, "run", "-b", "procfs", "-f", "json", "sh", "-c", "exit 3"], capture_output=True, text=True,
                              timeout=scene.LIMIT)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertTrue(note_of(json.loads(done.stderr), "no-bytes"))

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

    def test_signals_while_waiting(self):
        """When the command has ended, they end the wait for what it left."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            script = "echo $$; setsid -f sleep 1000 >/dev/null 2>&1; exit 7"
            with self.subTest(number), subprocess.Popen([TOOL, "run", "--detached-too", "1h", "-f", "json", "sh", "-c", script],
                                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run_:
                await_end(int(run_.stdout.readline()))
                run_.send_signal(number)
                _, err = run_.communicate(timeout=scene.LIMIT)
                self.assertEqual(run_.returncode, 7, err)
                self.assertTrue(note_of(json.loads(err), "processes-left"), err)

    def test_job_control(self):
        """A shell stops it and has it go on."""
        job = ["run", "-q", "sh", "-c", "echo ready; read -r _; exit 9"]
        with subprocess.Popen([TOOL, *job], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0) as run_:
            self.assertEqual(run_.stdout.readline(), "ready\n")
            os.killpg(run_.pid, signal.SIGTSTP)
            self.assertTrue(os.WIFSTOPPED(os.waitpid(run_.pid, os.WUNTRACED)[1]))
            os.killpg(run_.pid, signal.SIGCONT)
            run_.communicate("\n", timeout=scene.LIMIT)
            self.assertEqual(run_.returncode, 9)

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
        os.chmod(ROOM, 0o777)
        done = run("auto", "nobody", *get("nobody", 50_000).split(), user=65534, group=65534, extra_groups=[])
        self.assertEqual(done.status, 0, done.err)
        document = done.document
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
        unittest.main(argv=[sys.argv[0], *os.environ.get("SOCKTALLY_CASES", "").split()])
