# SPDX-License-Identifier: MIT
# Reads the program's own tables (--list-options, --list-columns) and that of notes, and fails where a man page or the
# help text lacks something of them, or has what does not exist, or a shell does not offer it. Usage: test_docs.py SOCKTALLY SOURCE_ROOT
import functools
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(sys.argv[2])
BASH = ROOT / "completions/socktally.bash"
ZSH = ROOT / "completions/_socktally"
FISH = ROOT / "completions/socktally.fish"
COMMANDS = ([], ["doctor"], ["ports"], ["report"], ["run"], ["dns"])
PAGES = sorted((ROOT / "man").glob("*.[1-8]"))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def socktally(*arguments):
    return run(str(PROGRAM), *arguments)


@functools.cache
def listed(*command):
    """The options that a command takes: name, short or long, to the row of the table."""
    rows = json.loads(socktally(*command, "--list-options", "-f", "json").stdout)["options"]
    return {name: row for row in rows for name in row["names"].split(",")}


def options():
    """Every name, with whether it takes a value."""
    return {name: bool(row["value"]) for command in COMMANDS for name, row in listed(*command).items()}


def valid_words(option):
    """The words that an option takes, from the error that lists them."""
    error = socktally("report", option, "no-such-word-at-all").stderr
    return set(re.search(r"valid ones are (.*)", error)[1].split(", "))


def section(page, name):
    text = (ROOT / "man" / page).read_text()
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh )", text, re.MULTILINE | re.DOTALL)[1]


def manual_of_options():
    """The options of a sample, and those that only another command has."""
    pages = ("socktally.1", "socktally-report.1", "socktally-ports.1", "socktally-run.1", "socktally-dns.1")
    return "".join(section(page, "OPTIONS") for page in pages)


def man_options():
    found = {}
    for item in re.findall(r"^\.It (Fl .*)", manual_of_options(), re.MULTILINE):
        for name in re.findall(r"Fl (\S+)", item):
            found["-" + name] = "Ar" in item
    return found


def bash_replies(*words):
    """What bash offers for the last of these words."""
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "socktally").symlink_to(PROGRAM)
        script = (
            f"PATH={shlex.quote(directory)}:$PATH; source {shlex.quote(str(BASH))}\n"
            f"COMP_WORDS=(socktally {shlex.join(words)}); COMP_CWORD={len(words)}\n"
            "_socktally socktally; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        result = run("bash", "--norc", "-c", script)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"bash: {result.stderr}")
    return result.stdout.split()


ZSH_SETUP = r"""
PS1= PATH=$DIRECTORY:$PATH
fpath=($DIRECTORY $fpath)
autoload -U compinit
compinit -D -u
compadd() {
    if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then # nothing is offered, but an array filled
        builtin compadd "$@"
        return
    fi
    local -a found
    builtin compadd -A found "$@"
    print -rl -- '<'$^found'>'
}
offer() {
    print # below what was typed
    _main_complete
    print ENDED
}
zle -C offer complete-word offer
bindkey '^X' offer
print READY
"""


def zsh_replies(line):
    """What zsh offers for the end of the line, in a shell of its own that believes it is typed to."""
    script = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "source $DIRECTORY/setup"
zpty -r -m shell text '*READY*'
zpty -w -n shell "$1"$'\C-X'
zpty -r -m shell text '*ENDED*'
print -r -- $text
"""
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "socktally").symlink_to(PROGRAM)
        (pathlib.Path(directory) / "_socktally").symlink_to(ZSH.resolve())
        (pathlib.Path(directory) / "setup").write_text(ZSH_SETUP)
        result = run("env", f"DIRECTORY={directory}", "TERM=dumb", "zsh", "-f", "-c", script, "zsh", line)
    if result.returncode != 0 or result.stderr or "_socktally:" in result.stdout:
        raise AssertionError(f"zsh: {result.stderr}{result.stdout}")
    return re.findall(r"^<(.*)>$", result.stdout, re.MULTILINE)


def fish_replies(line):
    with tempfile.TemporaryDirectory() as directory:
        (pathlib.Path(directory) / "socktally").symlink_to(PROGRAM)
        script = f"set -x PATH {directory} $PATH; source {FISH}; complete -C {shlex.quote(line)}"
        result = run("fish", "--no-config", "-c", script)
    if result.returncode != 0 or result.stderr:
        raise AssertionError(f"fish: {result.stderr}")
    return [reply.split("\t")[0] for reply in result.stdout.splitlines()]


def columns():
    lines = socktally("--list-columns", "-n", "-f", "tsv").stdout.splitlines()
    return [line.split("\t") for line in lines]


def backends():
    return [finding["backend"] for finding in json.loads(socktally("doctor", "-f", "json").stdout)["findings"]
            if finding["status"] in ("works", "declined")]


def needs(shell):
    return unittest.skipUnless(shutil.which(shell), f"there is no {shell} here")


class Options(unittest.TestCase):
    def test_help(self):
        text = socktally("--help").stdout
        rows = re.findall(r"^  (?:(-\w), |    )(--[a-z0-9-]+)( [A-Z=]+(?:,\.\.\.)?)?(?: |$)", text, re.MULTILINE)
        self.assertEqual({name: bool(value) for short, long, value in rows for name in (short, long) if name}, options())

    def test_short_help(self):
        """-h names options that its command takes, with or without a value as the table says."""
        for command in COMMANDS:
            text = socktally(*command, "-h").stdout
            lines = text[:text.index("Try: ")].splitlines()
            named = [name for line in lines if not line.startswith("Usage") for name in re.findall(r"(?<![\w-])--?\w[\w-]*", line)]
            self.assertGreater(len(named), 1, text)
            self.assertEqual(set(named) - set(listed(*command)), set(), text)
            for name, value in re.findall(r"^  (--?\w[\w-]*) ([A-Z]+(?:,\.\.\.)?) ", text, re.MULTILINE):
                self.assertEqual(value, listed(*command)[name]["value"], text)

    def test_manual(self):
        self.assertEqual(man_options(), options())

    def test_values(self):
        self.assertGreater(len(options()), 50)
        for name, takes_value in options().items():
            if takes_value and name.startswith("--"):
                self.assertIn("needs a value", socktally(name).stderr)

    def test_words(self):
        manual = manual_of_options()
        for option in ("--by", "--format", "--protocol", "--color", "--per"):
            item = re.search(rf"^\.It [^\n]*Fl {option[1:]}\b(.*?)(?=^\.(?:It|El))", manual, re.MULTILINE | re.DOTALL)[1]
            self.assertEqual(set(listed("report")[option]["offers"].split()), valid_words(option))
            for word in valid_words(option):
                self.assertRegex(item, rf"\b{word}\b", f"manual of {option}")

    def test_commands_take_what_is_listed(self):
        """Nothing is run: there is no such colour."""
        for command in COMMANDS:
            taken = {name for name, takes_value in options().items()
                     if not re.search("does not take|is only for (report|ports|run|dns)", socktally(
                         *command, name, *(["x"] if takes_value else []), "--color", "no-such-word").stderr)}
            self.assertEqual(set(listed(*command)), taken)
        sample, doctor, _, report, _, _ = (set(listed(*command)) for command in COMMANDS)
        self.assertTrue(doctor < sample)
        self.assertIn("--duration", sample - report)
        self.assertIn("--per", report - sample)

    def test_grants(self):
        """The manual has every line that doctor tells to type."""
        manual = re.sub(r"\\e\n\s*", "", (ROOT / "man/socktally-backends.7").read_text()).replace("\\-", "-")
        for backend in backends():
            findings = json.loads(socktally("doctor", "-b", backend, "-f", "json").stdout)["findings"]
            commands = [finding["remedy"] for finding in findings if finding["status"] in ("grant", "revoke")]
            self.assertGreater(len(commands), 5)
            for command in commands:
                self.assertIn(command, manual)

    def test_backends(self):
        manual = section("socktally.1", "OPTIONS")
        item = re.search(r"^\.It Fl b(.*?)(?=^\.It)", manual, re.MULTILINE | re.DOTALL)[1]
        self.assertEqual(listed()["--backend"]["offers"].split(), ["auto"] + backends())
        for name in backends():
            self.assertRegex(item, rf"\b{name}\b")


class Commands(unittest.TestCase):
    """What each command takes is offered, and nothing else."""

    @needs("bash")
    def test_bash(self):
        for words in COMMANDS:
            self.assertEqual(sorted(bash_replies(*words, "-")), sorted(listed(*words)))

    @needs("zsh")
    def test_zsh(self):
        for words in COMMANDS:
            self.assertEqual(sorted(zsh_replies(" ".join(["socktally", *words, "-"]))), sorted(listed(*words)))

    @needs("fish")
    def test_fish(self):
        for words in COMMANDS:
            self.assertEqual(sorted(fish_replies(" ".join(["socktally", *words, "-"]))), sorted(listed(*words)))


@needs("bash")
class Bash(unittest.TestCase):
    def test_words(self):
        for option in ("--by", "--format", "--protocol", "--color", "--per"):
            self.assertEqual(set(bash_replies("report", option, "")), valid_words(option), option)
            self.assertEqual(set(bash_replies("report", option, "=")), valid_words(option), option)
        self.assertEqual(bash_replies("--format", "=", "js"), ["json", "jsonl"])
        self.assertEqual(bash_replies("-b", ""), ["auto"] + backends())

    def test_columns(self):
        names = [column[0] for column in columns()]
        self.assertEqual(bash_replies("-o", ""), names)
        self.assertEqual(bash_replies("-o", "pid,unk"), ["pid,unknown_connections"])
        self.assertEqual(bash_replies("--output", "=", "+local_a"), ["+local_address"])
        self.assertEqual(bash_replies("--sort", "rx_bytes+unk"), ["rx_bytes+unknown_connections"])

    def test_commands(self):
        self.assertEqual(bash_replies(""), ["dns", "doctor", "ports", "report", "run"])
        self.assertEqual(bash_replies("doctor", "-f", ""), ["tsv", "json", "pretty"])
        self.assertEqual(bash_replies("report", "--per", ""), ["hour", "day"])

    def test_lists(self):
        self.assertIn("--pid", bash_replies("-q", "--p"))
        self.assertEqual(bash_replies("--protocol", "tcp,u"), ["tcp,udp", "tcp,udplite"])
        self.assertEqual(bash_replies("--by", "process,po"), ["process,port", "process,pod"])
        self.assertIn("root", bash_replies("--user", "ro"))

    def test_silent_without_the_program(self):
        script = f"source {shlex.quote(str(BASH))}; COMP_WORDS=(socktally -o ''); COMP_CWORD=2; _socktally /nonexistent"
        result = run("bash", "--norc", "-c", script + '; printf %s "${COMPREPLY[@]}"')
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_runs_no_name(self):
        script = (
            f"source {shlex.quote(str(BASH))}; ls() {{ echo 'x$(echo${{IFS}}ran>&2)'; }}\n"
            f"COMP_WORDS=(socktally --netns x); COMP_CWORD=2; _socktally {PROGRAM}; printf %s \"${{COMPREPLY[@]}}\""
        )
        result = run("bash", "--norc", "-c", script)
        self.assertEqual((result.stdout, result.stderr), (r"x\$\(echo\$\{IFS\}ran\>\&2\)", ""))


@needs("zsh")
class Zsh(unittest.TestCase):
    def test_syntax(self):
        self.assertEqual(run("zsh", "-n", str(ZSH)).returncode, 0)

    def test_replies(self):
        self.assertEqual(zsh_replies("socktally "), ["dns", "doctor", "ports", "report", "run"])
        self.assertEqual(zsh_replies("socktally --format js"), ["json", "jsonl"])
        self.assertEqual(zsh_replies("socktally doctor --format "), ["tsv", "json", "pretty"])
        self.assertEqual(zsh_replies("socktally report --per "), ["hour", "day"])
        self.assertIn("unknown_connections", zsh_replies("socktally -o pid,unk"))
        self.assertEqual(zsh_replies(f"socktally report {ROOT.resolve()}/READ"), ["README.md"])


@needs("fish")
class Fish(unittest.TestCase):
    def test_syntax(self):
        self.assertEqual(run("fish", "--no-execute", str(FISH)).returncode, 0)

    def test_replies(self):
        self.assertEqual(fish_replies("socktally --format js"), ["json", "jsonl"])
        self.assertEqual(fish_replies("socktally -o pid,unk"), ["pid,unknown_connections"])
        self.assertEqual(fish_replies("socktally --sort rx_bytes+unk"), ["rx_bytes+unknown_connections"])
        self.assertIn("doctor", fish_replies("socktally "))
        self.assertEqual(fish_replies("socktally report --per "), ["day", "hour"])
        self.assertEqual(fish_replies("socktally doctor --format js"), ["json"])


class Output(unittest.TestCase):
    def test_columns(self):
        manual = section("socktally-output.5", "COLUMNS")
        documented = re.findall(r"^\.It Cm (\w+) Pq (\w+)(?:, (.*))?$", manual, re.MULTILINE)
        actual = [(name, kind, unit) for name, kind, unit, *_ in columns()]
        self.assertGreater(len(actual), 10)
        self.assertEqual(documented, actual)

    def test_json_fields(self):
        result = socktally("-d", "0", "-f", "json")
        if result.returncode == 4:
            self.skipTest(result.stderr.strip())
        document = json.loads(result.stdout)
        manual = section("socktally-output.5", "JSON DOCUMENT")
        items = "\n".join(re.findall(r"^\.(?:It )?(Cm .*)", manual, re.MULTILINE))
        fields = set(document) | set(document["totals"])
        for group in ("notes", "interfaces"):
            fields |= {field for item in document[group] for field in item}
        for field in fields:
            self.assertRegex(items, rf"\b{field}\b")

    def test_note_codes(self):
        manual = section("socktally-output.5", "JSON DOCUMENT")
        documented = re.findall(r"^\.It Li ([a-z-]+)$", manual, re.MULTILINE)
        table = (ROOT / "src/model/note.cpp").read_text()
        self.assertEqual(documented, re.findall(r"NoteKind\{\w+, \"([a-z-]+)\",", table))


@needs("mandoc")
class Manual(unittest.TestCase):
    def test_lint(self):
        """Examples come first here, not at the end, where mandoc expects them."""
        for page in PAGES:
            found = run("mandoc", "-T", "lint", "-W", "warning", str(page)).stdout.splitlines()
            self.assertEqual([line for line in found if "out of conventional order" not in line], [])

    def test_examples_first(self):
        for page in PAGES:
            names = re.findall(r"^\.Sh (.*)", page.read_text(), re.MULTILINE)
            after = names[names.index("DESCRIPTION") + 1]
            self.assertEqual(after == "EXAMPLES", page.name != "socktally-backends.7", page)

    def test_references(self):
        """Each page that is named is there, and is installed."""
        rules = (ROOT / "man/meson.build").read_text()
        for page in PAGES:
            self.assertIn(f"'{page.name}'", rules)
            for name, number in re.findall(r"\bXr (socktally\S*) (\d)", page.read_text()):
                self.assertIn(ROOT / f"man/{name}.{number}", PAGES)
            sections = re.findall(r"^\.S[hs] (.*)$", page.read_text(), re.MULTILINE)
            named = re.findall(r"\bSx ([A-Za-z ]+?) (?:[.,:;]|No)(?! or Xr| in Xr| No in Xr)", page.read_text())
            self.assertEqual(set(named) - set(sections) - {"WITHOUT ROOT"}, set(), page)


unittest.main(argv=sys.argv[:1])
