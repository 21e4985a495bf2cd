# SPDX-License-Identifier: MIT
# The container engines, as Debian's packages, unpacked into a directory of the build: nothing is installed, no script of
# a package runs, no daemon is started.
import fcntl
import pathlib
import shutil
import subprocess

PACKAGES = ("docker.io", "podman", "slirp4netns", "uidmap")


class NotToBeHad(Exception):
    """Says why."""


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise NotToBeHad((done.stderr.strip() or f"{command[0]} failed").splitlines()[-1])


def apt(directory, *words):
    """apt-get with the sources of this machine, but lists and a cache in `directory`."""
    run("apt-get", "-qq", "-y", "-o", f"Dir::State::Lists={directory}/lists", "-o", f"Dir::Cache={directory}/cache",
        "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root",
        "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false", *words)


def link_iptables(root):
    """As the alternatives of Debian do."""
    for name in ("iptables", "ip6tables"):
        link = root / "usr/sbin" / name
        if (root / "usr/sbin" / f"{name}-nft").exists() and not link.exists():
            link.symlink_to(f"{name}-nft")


def unpack(directory):
    """The packages with what they need that this machine lacks, once. Where their files are."""
    for program in ("apt-get", "dpkg"):
        if not shutil.which(program):
            raise NotToBeHad(f"there is no {program} here")
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    root = directory / "root"
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "done").exists():
            shutil.rmtree(root, ignore_errors=True)
            for name in ("lists/partial", "cache/archives/partial", "root/usr", "root/etc"):
                (directory / name).mkdir(parents=True, exist_ok=True)
            apt(directory, "--error-on=any", "update")
            apt(directory, "--no-install-recommends", "--download-only", "install", *PACKAGES)
            for package in sorted((directory / "cache/archives").glob("*.deb")):
                run("dpkg", "-x", package, root)
            link_iptables(root)
            shutil.rmtree(directory / "lists")
            shutil.rmtree(directory / "cache")
            (directory / "done").touch()
    return root
