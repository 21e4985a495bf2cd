# SPDX-License-Identifier: MIT
# Where the tests of privileges run: a network, pid and mount namespace of its own, users that no account has, processes
# that move known bytes, and runs of the program as anybody.
import ctypes
import encodings.idna  # sockets want it, and another user may not be able to read where it lies
import fcntl
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
import time

CLONE_NEWNET = 0x40000000
PR_SET_DUMPABLE = 4
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
LIBC = ctypes.CDLL(None, use_errno=True)

LIMIT = 120  # seconds, for whatever is to come next
OWN = 61001  # who runs the program
OTHER = 61002  # somebody else
PROGRAMS = ("setcap", "getcap", "groupadd", "setpriv", "unshare", "mount")


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def enter():
    """Goes on inside of new namespaces; everything in them ends with this process."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0:
        skip("not root")
    for program in PROGRAMS:
        if not shutil.which(program):
            skip(f"there is no {program} here")
    if "--inside" in sys.argv:
        sys.argv.remove("--inside")
        hide_named_namespaces()
        raise_loopback()
        return
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip(probe.stderr.strip())
    sys.exit(subprocess.run([*unshare, sys.executable, *sys.argv, "--inside"]).returncode)


def hide_named_namespaces():
    """Of this machine, from the test's mount namespace: there is to be no other network namespace but the test's."""
    if os.path.isdir("/run/netns"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"], check=True)


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


class Shelf:
    """Copies of the program, each with the capabilities that it is given, where everybody may run them."""

    def __init__(self, program):
        self.program = pathlib.Path(program)
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="socktally-"))
        # It goes with the mount namespace, honours capabilities of files, and nobody's umask counts.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,suid", "tmpfs", self.path], check=True)

    def copy(self, name, capabilities=""):
        directory = self.path / name
        if not directory.exists():
            directory.mkdir(mode=0o755)
            shutil.copyfile(self.program, directory / "socktally")
            (directory / "socktally").chmod(0o755)
            if capabilities:
                subprocess.run(["setcap", f"{capabilities}=ep", directory / "socktally"], check=True)
        return str(directory / "socktally")

    def close(self):
        subprocess.run(["umount", self.path], check=True)
        self.path.rmdir()


class Mover:
    """A process of `uid` with a TCP connection to itself, over which it moves bytes when it is told to."""

    def __init__(self, name, uid, apart=False):
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                ours.close()
                self.live(theirs, name, uid, apart)
            except Exception as error:  # the test sees only that it ended
                print(f"{name}: {error}", file=sys.stderr)
            finally:
                os._exit(1)
        theirs.close()
        self.control = ours
        self.expect_answer()

    @staticmethod
    def live(control, name, uid, apart):
        if apart:
            if LIBC.unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "unshare")
            raise_loopback()
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        LIBC.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # a change of user clears it, and then even that user may not look
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        LIBC.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        control.send(b"+")
        while size := control.recv(16):
            client.sendall(bytes(int(size)))
            left = int(size)
            while left:
                left -= len(server.recv(left))
            control.send(b"+")

    def move(self, size):
        self.control.send(str(size).encode())
        self.expect_answer()

    def expect_answer(self):
        self.control.settimeout(LIMIT)
        if self.control.recv(1) != b"+":
            raise RuntimeError("a process that moves bytes has ended")

    def end(self):
        self.control.close()
        os.kill(self.pid, signal.SIGKILL)  # those forked later hold this end of its control too
        os.waitpid(self.pid, 0)


class Run:
    """The program, under way in a window that ends when the test says so."""

    def __init__(self, command):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*command, "-d", "1h", "-vv"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)

    def is_sampling(self):
        """It says so, or it has ended already."""
        return self.process.poll() is not None or "socktally: sampling\n" in self.said()

    def said(self):
        return os.pread(self.errors.fileno(), os.fstat(self.errors.fileno()).st_size, 0).decode()

    def owners(self):
        """Returns the pairs of cookie and pid that the trace has named so far."""
        return {(int(cookie), int(pid)) for cookie, pid in
                re.findall(r"^socktally: owner (\d+) (\d+)$", self.said(), re.MULTILINE)}

    def end_window(self):
        """Sends SIGUSR1 to the process that blocks it: the program may be a child of a script."""
        waiting = [self.process.pid] if self.process.poll() is None else []
        while waiting:
            process = pathlib.Path("/proc", str(waiting.pop()))
            try:
                status = (process / "status").read_text()
                waiting += [child for task in (process / "task").iterdir() for child in (task / "children").read_text().split()]
            except OSError:  # it has ended
                continue
            blocked = int(re.search(r"^SigBlk:\s*(\w+)", status, re.MULTILINE)[1], 16)
            if blocked >> (signal.SIGUSR1 - 1) & 1:
                os.kill(int(process.name), signal.SIGUSR1)

    def kill(self):
        """Does nothing to a run that has ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def finish(self):
        out, _ = self.process.communicate(timeout=LIMIT)
        with self.errors:
            return self.process.returncode, out, self.said()


def wait_for(what, name, seconds=LIMIT):
    """Tries until it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if result := what():
                return result
        except OSError:
            pass
        time.sleep(0.02)
    raise RuntimeError(f"{name} does not come")


def watch(commands, move):
    """Runs the program in each of these ways at once, and calls `move`, with the runs, when all of them sample; then
    their windows end. Returns the exit status, output and messages of each run."""
    runs = [Run(command) for command in commands]
    try:
        wait_for(lambda: all(run.is_sampling() for run in runs), "the beginning of a window")
        move(runs)
        for run in runs:
            run.end_window()
        return [run.finish() for run in runs]
    finally:
        for run in runs:
            run.kill()


def as_user(uid, *options):
    """The words that make a command that user's; `options` are setpriv(1)'s."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *options]


def parse(out):
    return json.loads(out) if out else None
