# SPDX-License-Identifier: MIT
"""What a build costs: from nothing, and after a change of one file. In a copy of the sources, without ccache."""
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parent.parent.parent
SETUP = ["--buildtype=release", "-Doptimization=2", "-Debpf=enabled"]


def copy_sources(to):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    for name in listed.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def timed(label, command, **settings):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **settings)
    wall = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{label:44} wall {wall:6.1f} s  cpu {cpu:6.1f} s", flush=True)


def run():
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    with tempfile.TemporaryDirectory() as directory:
        sources = pathlib.Path(directory, "sources")
        copy_sources(sources)
        build = pathlib.Path(directory, "build")

        def ninja(label, *targets):
            timed(label, ["ninja", "-C", str(build), *targets], env=environment)

        def change(name):
            os.utime(sources / name)

        subprocess.run(["meson", "setup", str(build), str(sources), *SETUP, "-Dtests=enabled"], check=True,
                       stdout=subprocess.DEVNULL, env=environment)
        ninja("the program, from nothing", "socktally")
        ninja("the tests, from nothing")
        change("src/cli/parse.cpp")
        ninja("the program, src/cli/parse.cpp changed", "socktally")
        change("src/traffic/netlink/socket_table.cpp")
        ninja("the program, netlink/socket_table.cpp changed", "socktally")
        change("src/model/flow.hpp")
        ninja("the program, src/model/flow.hpp changed", "socktally")
        ninja("the tests, src/model/flow.hpp changed")
        change("tests/unit/table/grouping.cpp")
        ninja("the unit tests, one of them changed", "tests/unit/unit")
