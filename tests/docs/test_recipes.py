# SPDX-License-Identifier: MIT
# Runs every command of README.md, and the examples of the man pages, beside a connection of its own: each ends well, and prints.
# Windows are shortened, and files are in a directory of the test. Usage: test_recipes.py SOCKTALLY SOURCE_ROOT
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM, ROOT = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
README = (ROOT / "README.md").read_text()
UNAVAILABLE = 4

SCHEDULE = r"^(?:@\w+ |(?:\S+ ){5})(?:root )?"
CURL = """#!/bin/sh
cat >> inserted.jsonl
"""
SUDO = """#!/bin/sh
exec "$@"
"""


def shell_blocks():
    """A block of lines for the shell is one recipe, each line for cron is one."""
    for kind, text in re.findall(r"^```(sh|cron)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL):
        yield from [text] if kind == "sh" else [re.sub(SCHEDULE, "", line) for line in text.splitlines()]


def table_of_tools():
    table = README[README.index("| you know | type |"):README.index("## Compared with other tools")]
    for row in table.splitlines()[2:]:
        if row.startswith("|"):
            yield from re.findall(r"`(socktally [^`]*)`", row.split("|")[2])


def examples_of_manual():
    for page in sorted((ROOT / "man").glob("*.[1-8]")):
        found = re.search(r"^\.Sh EXAMPLES\n(.*?)^\.Sh", page.read_text(), re.MULTILINE | re.DOTALL)
        text = re.sub(r"\\e\n\t", "", found[1] if found else "")
        text = text.replace("\\-", "-").replace("\\e", "\\")
        text = re.sub(r"\|\n\t", "| ", text)
        for line in text.splitlines():
            command = re.match(r"(?:\.Dl )?[#$] (.*)", line) or re.match(r"(?:[*/0-9]+ ){5}(?:root )?(.*)", line)
            if command:
                yield command[1]


def examples_of_help():
    """The examples at the end of -h, of each command."""
    for command in ([], ["ports"], ["run"], ["dns"], ["report"], ["doctor"]):
        text = subprocess.run([PROGRAM, *command, "-h"], capture_output=True, text=True).stdout
        yield from re.findall(r"^(?:Try:|    ) (socktally .*)", text, re.MULTILINE)


def shortened(recipe, directory):
    recipe = re.sub(r"(-d|--interval) [1-9]\d*[smh]", r"\1 60ms", recipe)
    recipe = re.sub(r"--count \d+", "--count 2", recipe)
    if "socktally run" not in recipe:  # which ends with its command
        recipe = re.sub(r"(--interval 60ms)(?!.*--count)", r"\1 --count 2", recipe)
    recipe = recipe.replace("/usr/share/doc/socktally/examples", str(ROOT / "examples")).replace("eth0", "lo")
    recipe = recipe.replace("cd src && git pull", "true").replace("4711", str(os.getpid()))
    return re.sub(r"/var/(?:log|lib)/(?:prometheus/node-exporter/)?", f"{directory}/", recipe)


class Traffic:
    """A connection of this process with itself, over which bytes move until it is closed."""

    def __init__(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.sender = socket.create_connection(listener.getsockname())
        self.receiver, _ = listener.accept()
        listener.close()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.move)
        self.thread.start()

    def move(self):
        while not self.ended.wait(0.005):
            self.sender.sendall(b"x" * 1000)
            self.receiver.recv(1000)

    def close(self):
        self.ended.set()
        self.thread.join()
        self.sender.close()
        self.receiver.close()


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(room.cleanup)
        cls.room = pathlib.Path(room.name)
        programs = cls.room / "bin"
        programs.mkdir()
        (programs / "socktally").symlink_to(PROGRAM)
        for name, script in (("curl", CURL), ("sudo", SUDO)):
            (programs / name).write_text(script)
            (programs / name).chmod(0o755)
        cls.environment = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", TERM="xterm")
        traffic = Traffic()
        cls.addClassCleanup(traffic.close)
        if cls.run_shell("socktally -d 60ms").returncode == UNAVAILABLE:
            raise unittest.SkipTest("no backend works here")
        cls.run_shell("socktally -d 60ms --by interface -f jsonl > socktally.jsonl")
        cls.run_shell("socktally -d 60ms -f jsonl -o +unit,container > web.jsonl; gzip -k web.jsonl")

    @classmethod
    def run_shell(cls, command):
        return subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=cls.room, env=cls.environment, timeout=120,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def check(self, recipes):
        for recipe in recipes:
            with self.subTest(recipe=recipe):
                tools = set(re.findall(r"(?:^|\| |sudo )(jq|awk|watch|sort|zcat)\b", recipe))
                if missing := [tool for tool in tools if not shutil.which(tool)]:
                    self.skipTest(f"no {missing[0]} here")
                command = shortened(recipe, self.room)
                if re.search(r"socktally ports .*--(port|name)", command):  # nothing has to listen there: 1 says so
                    self.assertIn(self.run_shell(command.replace("30s", "50ms")).returncode, (0, 1), command)
                    continue
                if "watch " in command:
                    self.check_watch(command)
                    continue
                result = self.run_shell(command)
                allowed = {0} | {status for option, status in (("--strict", 3), ("--alert", 10)) if option in command}
                self.assertIn(result.returncode, allowed, f"{command}\n{result.stderr}")

    def check_watch(self, command):
        """It draws a table, again and again."""
        result = subprocess.run(["timeout", "-s", "INT", "5", "script", "-qec", command, "/dev/null"], env=self.environment,
                                capture_output=True, stdin=subprocess.DEVNULL, cwd=self.room)
        self.assertIn(b"python3", result.stdout)

    def test_readme(self):
        recipes = list(shell_blocks())
        self.assertGreater(len(recipes), 12)
        self.check(recipes)

    def test_alert(self):
        """The line for cron prints if a process is over the limit, and is silent if none is."""
        line = next(recipe for recipe in shell_blocks() if "--alert" in recipe)
        silent = self.run_shell(shortened(line, self.room).replace("10M", "900G"))
        self.assertEqual((silent.returncode, silent.stdout, silent.stderr), (0, "", ""))
        loud = self.run_shell(shortened(line, self.room).replace("10M", "1K"))
        self.assertEqual(loud.returncode, 10)
        self.assertIn("\tpython3\t", loud.stdout)

    def test_csv(self):
        line = next(recipe for recipe in shell_blocks() if "-f csv" in recipe)
        self.run_shell(shortened(line, self.room))
        lines = (self.room / "socktally.csv").read_text().splitlines()
        self.assertTrue(lines[0].startswith("time,pid,process,"))
        self.assertEqual(len({line.split(",")[0] for line in lines[1:] if ",python3," in line}), 2)

    def test_other_tools(self):
        self.check([command for command in table_of_tools()])
        self.assertGreater(len(list(table_of_tools())), 9)

    def test_help(self):
        commands = list(examples_of_help())
        self.assertGreater(len(commands), 9)
        self.check(commands)

    def test_manual(self):
        commands = list(examples_of_manual())
        self.assertGreater(len(commands), 10)
        self.check(commands)


unittest.main(argv=sys.argv[:1])
