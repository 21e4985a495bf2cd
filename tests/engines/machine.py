# SPDX-License-Identifier: MIT
# A machine of its own for container engines, out of namespaces of this one: its /usr and /etc have the engines'
# packages, its /run and the engines' places in /var/lib are empty, its network is nobody else's. What runs in it ends
# with it, and nothing of it is left.
import ctypes
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile

sys.path.append(str(pathlib.Path(__file__).parent.parent / "privilege"))
from scene import LIBC, PR_SET_PDEATHSIG, as_user, raise_loopback, skip, wait_for

CGROUPS = pathlib.Path("/sys/fs/cgroup")
USER = 61001  # who has a Podman of his own
HOME = "/run/home"
IMAGE = "engines/echo:1"
# What a server in a container runs for each connection: it gives back what it gets, less every `b`.
FILTER = "tr"


def enter(packages):
    """Goes on inside, in network and mount namespaces of its own."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if "--inside" in sys.argv:
        sys.argv.remove("--inside")
        raise_loopback()
        furnish(packages)
        return
    unshare = ["unshare", "--net", "--mount"]
    probe = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        skip(probe.stderr.strip())
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv, "--inside"])


def mount(*words):
    done = subprocess.run(["mount", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        skip(done.stderr.strip())


def furnish(packages):
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name, lower in (("usr", [packages / "usr", "/usr"]), ("etc", [packages / "etc", "/etc"]), ("lib", ["/var/lib"])):
        for part in ("upper", "work"):
            pathlib.Path(f"/run/overlay/{name}/{part}").mkdir(parents=True)
        options = (f"lowerdir={':'.join(map(str, lower))},"
                   f"upperdir=/run/overlay/{name}/upper,workdir=/run/overlay/{name}/work")
        mount("-t", "overlay", "-o", options, "overlay", "/var/lib" if name == "lib" else f"/{name}")
    for name in ("docker", "containers", "cni"):
        path = pathlib.Path("/var/lib") / name
        path.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "tmpfs", path)


def cgroup2():
    """Where version 2 is mounted."""
    unified = CGROUPS / "unified"
    return unified if unified.exists() else CGROUPS


def furnish_user():
    """An account with a range of ids of its own, a home and a place for sockets; and a device to make networks with."""
    for path, line in (("passwd", f"engines:x:{USER}:{USER}::{HOME}:/bin/sh"), ("group", f"engines:x:{USER}:"),
                       ("subuid", "engines:200000:65536"), ("subgid", "engines:200000:65536")):
        with open(pathlib.Path("/etc") / path, "a") as file:
            print(line, file=file)
    for path, mode in ((HOME, 0o755), (f"/run/user/{USER}", 0o700)):
        pathlib.Path(path).mkdir(parents=True, mode=mode)
        os.chown(path, USER, USER)
    os.mknod("/run/tun", stat.S_IFCHR, os.makedev(10, 200))
    os.chmod("/run/tun", 0o666)


def make_image():
    """A tar of busybox and no more."""
    busybox = shutil.which("busybox")
    if not busybox:
        skip("there is no busybox here")
    bin_ = pathlib.Path("/run/image/bin")
    bin_.mkdir(parents=True)
    shutil.copy(busybox, bin_)
    for applet in ("sh", "nc", "sleep", FILTER):
        (bin_ / applet).symlink_to("busybox")
    with tarfile.open("/run/image.tar", "w") as tar:
        tar.add("/run/image", arcname=".")
    return "/run/image.tar"


def server(port):
    """The command of a container that serves on it."""
    return ["/bin/nc", "-ll", "-p", str(port), "-e", f"/bin/{FILTER}", "-d", "b"]


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Hull:
    """A pid namespace for an engine and all that it starts; and the control group above all of theirs."""

    def __init__(self):
        self.cgroup = f"socktally-engines-{os.getpid()}"
        self.others = []
        self.outer = subprocess.Popen(["unshare", "--cgroup", "--pid", "--mount", "--fork", "--kill-child",
                                       "--mount-proc", "sleep", "infinity"], stderr=subprocess.DEVNULL,
                                      preexec_fn=die_with_parent)
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children")
        self.first = wait_for(lambda: children.read_text().split(), "a pid namespace")[0]
        wait_for(lambda: pathlib.Path(f"/proc/{self.first}/comm").read_text() == "sleep\n", "the mounts of it")

    def command(self, *words):
        return ["nsenter", "--target", self.first, "--pid", "--mount", *self.others, "--", *words]

    def delegate(self):
        """Gives the user a group below the one of all, and shows nothing but version 2 in here, as he sees it where
        that is all there is. How to go there and become the user, before the words of a command."""
        self.delegated = f"{self.cgroup}.slice/user@{USER}.service/app.slice/engines.service"
        directory = cgroup2() / self.delegated
        directory.mkdir(parents=True)
        for path in (directory.parent.parent, directory.parent, directory):
            for name in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
                os.chown(path / name, USER, USER)
        self.run("mount", "--bind", str(cgroup2()), str(CGROUPS))
        self.run("mount", "--bind", "/run/tun", "/dev/net/tun")
        self.others.append("--cgroup")
        return ["sh", "-c",
                f'echo $$ > {CGROUPS}/{self.delegated}/cgroup.procs && exec "$@"', "sh", *as_user(USER), "env",
                f"HOME={HOME}", f"XDG_RUNTIME_DIR=/run/user/{USER}"]

    def run(self, *words):
        """What it printed. Throws where it fails."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:  # what lives on may hold them
            done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=said, timeout=20)
            out.seek(0)
            said.seek(0)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(words[:3])}: {said.read().strip()}")
            return out.read().strip()

    def succeeds(self, *words):
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=20).returncode == 0

    def start(self, log, *words):
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def close(self):
        os.kill(int(self.first), signal.SIGKILL)  # and with it all in there
        self.outer.wait()
        for directory in CGROUPS.rglob(f"{self.cgroup}*"):
            for below in sorted(directory.rglob("*/"), key=lambda path: len(path.parts), reverse=True):
                below.rmdir()
            directory.rmdir()


def inside_network_of(pid, action):
    """Does it in the network namespace of that process."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        set_namespace(other)
        return action()
    finally:
        set_namespace(own)
        os.close(own)
        os.close(other)


def set_namespace(descriptor):
    if LIBC.setns(descriptor, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
