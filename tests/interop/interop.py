# SPDX-License-Identifier: MIT
# What the interop tests share: the daemons that fetch unpacked, started on this network namespace's loopback and ended by pid,
# processes with hostile names that move known bytes, and what socktally prints of them in each format.
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import scene

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
WORK = pathlib.Path(sys.argv[2]).resolve()
EXAMPLES = pathlib.Path(sys.argv[3]).resolve()
HERE = pathlib.Path(__file__).parent
ROOT = WORK / "root"

# Names that mean something to a reader of one format or another; the kernel keeps 15 bytes of any kind.
NAMES = (
    b"plain",
    b"tab\there",
    b"two\nlines",
    b"back\rspace",
    b'"quoted"',
    b"it's",
    b'comma, "quote"',
    b" blanks ",
    b"back\\slash",
    b"\\",
    b"\\,\\ \\=\\",
    b"\\N",
    b"\\xff\\t",
    b"emoji \xf0\x9f\x90\x99",
    b"\x1b[31mred",
    b"bad \xff\xc3\xed\xa0\x80",
    b"\xc2\x85\xe2\x80\xa8\x7f",
    b"{a=\"b\"}=,1 2",
    b"# HELP me",
    b"NULL",
    b"007",
    b"1e5",
    b"true",
    b"$(id)`id`%s",
)


def fetch():
    """Unpacks the daemons; to be called first, for there is no network inside of the namespaces."""
    if "--inside" not in sys.argv:
        fetched = subprocess.run([HERE / "fetch", WORK])
        if fetched.returncode != 0:
            sys.exit(fetched.returncode)


def prepare(*programs):
    """Sees that these programs are there, and goes on in namespaces of its own, where `socktally` is ours."""
    for program in programs:
        if not shutil.which(program):
            scene.skip(f"there is no {program} here")
    scene.enter()
    os.environ["PATH"] = f"{PROGRAM.parent}:{os.environ['PATH']}"
    os.environ["no_proxy"] = "127.0.0.1"


def json_text(name):
    """What a name is in JSON and whatever else has text, not bytes: a byte that is no UTF-8 is the four characters \\xHH."""
    return name.decode(errors="backslashreplace")


def series_text(name, is_kept=""):
    """What a name is in the time series of Prometheus and InfluxDB: text, as in JSON, but for control characters, which are written
    as in TSV; those that `is_kept` are themselves."""
    short = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
    return "".join(
        short.get(letter) or "".join(rf"\x{byte:02x}" for byte in letter.encode()) if is_control(letter) and letter not in is_kept
        else letter for letter in json_text(name))


def is_control(letter):
    return letter < " " or "\x7f" <= letter <= "\x9f"


def unescape(field):
    """The bytes of a name in TSV or CSV."""
    return field.encode().decode("unicode_escape").encode("latin-1")


@contextlib.contextmanager
def room():
    """An empty directory to work in. It is a file system of this mount namespace, and goes with it."""
    WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as path:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
        before = os.getcwd()
        os.chdir(path)
        try:
            yield pathlib.Path(path)
        finally:
            os.chdir(before)
            subprocess.run(["umount", "--lazy", path], check=True)  # who was in it may be about to end


class Crowd:
    """A process of each of the names, with a connection to this one, over which it moves bytes when it is told to."""

    def __init__(self):
        self.bytes = {}  # name: (received, sent), by the process that moves them each time
        self.pids = []
        self.connections = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for number, name in enumerate(NAMES):
                received, sent = 1009 + 4999 * number, 50021 + 3001 * number
                self.bytes[name] = received, sent
                self.pids.append(self.start(name, listener.getsockname(), received, sent))
                connection, _ = listener.accept()
                self.connections.append((connection, received, sent))

    def start(self, name, address, received, sent):
        pid = os.fork()
        if pid != 0:
            return pid
        try:
            for inherited, _, _ in self.connections:
                inherited.close()
            scene.LIBC.prctl(scene.PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            scene.LIBC.prctl(scene.PR_SET_NAME, ctypes.c_char_p(name), 0, 0, 0)
            with socket.create_connection(address) as connection:
                while True:
                    receive(connection, received)
                    connection.sendall(bytes(sent))
        finally:
            os._exit(1)

    def move(self):
        for connection, received, _ in self.connections:
            connection.sendall(bytes(received))
        for connection, _, sent in self.connections:
            receive(connection, sent)

    def received(self):
        return sum(received for received, _ in self.bytes.values())

    def sent(self):
        return sum(sent for _, sent in self.bytes.values())

    def end(self):
        for connection, _, _ in self.connections:
            connection.close()
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def receive(connection, size):
    while size:
        got = len(connection.recv(min(size, 65536)))
        if got == 0:
            raise RuntimeError("the connection has ended")
        size -= got


def sample(crowd, *ways):
    """What socktally prints of the crowd, sampled in each of these ways at once: options, or the path of an example and options."""
    outputs = []
    for status, out, err in scene.watch([[*command(way), *only(crowd)] for way in ways], lambda _: crowd.move()):
        if status != 0:
            raise RuntimeError(f"socktally: {err}")
        outputs.append(out)
    return outputs


def cron(example, crowd):
    """What cron(8) would run for the one line of a crontab, with a socktally in the current directory that sees the crowd
    only."""
    text = (EXAMPLES / example).read_text()
    lines = [line for line in text.split("\n")[:-1] if not line.startswith("#")]
    environment = dict(line.split("=", 1) for line in lines[:-1])
    found = re.fullmatch(r"(?:[\d*/,-]+ ){5}root (.*)", lines[-1])
    if not found or "%" in found[1]:
        raise RuntimeError(f"no line for cron: {lines[-1]}")
    wrapper = pathlib.Path("socktally").resolve()
    wrapper.write_text(f"""#!/bin/sh\nexec {PROGRAM} "$@" {' '.join(only(crowd))}\n""")
    wrapper.chmod(0o755)
    environment["PATH"] = f"{wrapper.parent}:{environment['PATH']}"
    assignments = [f"{name}={value}" for name, value in environment.items()]
    return [pathlib.Path("/usr/bin/env"), "-i", "HOME=/root", "LOGNAME=root", "SHELL=/bin/sh", *assignments, "/bin/sh", "-c", found[1]]


def only(crowd):
    """Filters that leave the crowd: the other end of its connections is this process, and the daemons move bytes too."""
    return ["--netns", "current", *(word for pid in crowd.pids for word in ("--pid", str(pid)))]


def command(way):
    return way if isinstance(way[0], pathlib.Path) else ["socktally", *way]


class Daemon:
    """A daemon of the fetched ones, until the end of the `with`."""

    def __init__(self, program, *arguments, ready, **environment):
        self.command = [ROOT / program, *arguments]
        self.ready = ready
        self.environment = environment
        self.log = tempfile.TemporaryFile("w+")

    def __enter__(self):
        libraries = ":".join(str(path) for path in (ROOT / "usr/lib", ROOT / "lib") for path in path.glob("*-linux-gnu"))
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={"LD_LIBRARY_PATH": libraries, **self.environment})
        try:
            self.wait()
        except BaseException:
            self.end()
            raise
        return self

    def wait(self):
        """Until it answers; skips the test where this machine cannot run it: its libraries do not fit, or its instructions."""
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):  # of which an answer of 503 is one
                urllib.request.urlopen(self.ready, timeout=30).close()
                return
            status = self.process.poll()
            if status == 127 or status == -signal.SIGILL:
                scene.skip(f"{self.command[0].name} does not run here, status {status}: {self.last_words()}")
            if status is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0].name} does not answer, status {status}: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self):
        self.log.seek(0)
        return " ".join(self.log.read().split("\n")[-4:]).strip()

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def __exit__(self, *_):
        self.end()


def http(url, body=None, **query):
    """The answer, as text; an error has the server's own words."""
    if query:
        url += "?" + urllib.parse.urlencode(query)
    data = body.encode() if isinstance(body, str) else body
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{url}: {error.code}: {error.read().decode(errors='replace')}") from None
