# SPDX-License-Identifier: MIT
# Collects every note, error and finding of the program on one page for people to read, and fails where one is not plain
# English by the rules below. Usage: test_messages.py SOCKTALLY SOURCE_ROOT PAGE
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

PROGRAM, ROOT, PAGE = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SOURCES = sorted(path for path in (ROOT / "src").rglob("*.?pp"))

LITERAL = r'"(?:[^"\\\n]|\\.)*"'
RUN = re.compile(rf"{LITERAL}(?:\s*{LITERAL})*")
UNIT = "3"  # what stands for a number on the page
LISTED = ("table/columns.cpp", "cli/option_table.cpp", "cli/help.cpp")  # --list-columns and --help print them

# What people mistype, with the status that it ends with. {file} is a file that is not a snapshot.
MISTAKES = [
    "--interval 5s -d 1s",
    "--interval 0",
    "--count 3 -d 0",
    "--count x",
    "-d soon",
    "-d 400d",
    "--interval 1s -f prom",
    "--since x -d 5s",
    "--since x --interval 5s",
    "--since x --output-file x",
    "--wait",
    "-b dtrace",
    "--capture-buffer 1K",
    "--by proces",
    "--by interface,user",
    "--by interface --port 80",
    "--sort rx_bytes,tx_bytes",
    "--sort rx_bytes+user",
    "--top 0",
    "-o pids",
    "-o pid,",
    "-o zzzzz",
    "--alert tx_bytes",
    "--alert tx_bytes>much",
    "--alert process=1",
    "--alert tx>10MB/s",
    "--alert tx_bytes>10MB/s",
    "--alert rx_bytes+tx_bytes>10M",
    "--alert tx_bytes_per_sec>1M -d 0",
    "--pid 0",
    "--port htpps",
    "--port 80-",
    "--remote nowhere/33",
    "--protocol tpc",
    "--user no-such-user",
    "--netns no-such-namespace",
    "--interface no-such-interface",
    "--exclude port",
    "--exclude prot=80",
    "--pid 1,,2",
    "--name=",
    "-f jsno",
    "--color blue",
    "--quiet=yes",
    "--top",
    "--per hour",
    "--no-such-option",
    "--list-columns -f prom",
    "--list-columns --output-file x",
    "report -d 5s",
    "report --exclude interface=eth0",
    "report --from 2026-11-21 --to 2026-11-20",
    "report --from yesterday",
    "report --per minute",
    "report --per hour -f prom",
    "report no-such-file.json",
    "run",
    "run -d 5s true",
    "run --count 2 true",
    "run --since x true",
    "run --by interface true",
    "run --tree 1 true",
    "run no-such-command",
    "run cd /tmp",
    "report run x",
    "ports doctor",
    "--append x.csv",
    "--detached-too 5s",
    "--tree 0",
    "--tree 999999999",
    "report {file}",
    "doctor netlink",
    "doctor -f csv",
    "help me",
    "ports --state listn",
    "ports --alert rx_bytes_per_sec>1",
    "ports --by interface",
    "ports -tulpn",
    "ports -an",
    "ports :8080",
    "ports nginx",
    "-lntp",
    "lo",
    "1234",
    "nginx",
    "day.jsonl",
    "rprot",
    "--output-file /dev/null",
    "--output-file /",
    "--since /",
]

# Words of 0.1 that had to be read twice; see CONTRIBUTING.md.
ODD = re.compile(
    r"\b(nobody|somebody|whoever|whose ?soever|goes without|is wanted|not but|begun anew|born|belated|seats?|halves"
    r"|strangers?|for want of|likewise|which know no|kept in mind|the run before|is no more)\b",
    re.IGNORECASE,
)
BEGINNING = re.compile(r"^(Of|Those|That|What|Likewise|As)\b", re.IGNORECASE)
NOUNS = "socket connection process packet line row user name snapshot file call namespace byte time window container"
UNCOUNTED = re.compile(r"\{\d?\} (?:" + "|".join(noun + "(?:e?s)" for noun in NOUNS.split()) + r")\b")


def text_of(run):
    return "".join(part[1:-1] for part in re.findall(LITERAL, run)).replace('\\"', '"')


def traces():
    """How the lines of -vv begin."""
    manual = (ROOT / "man/socktally.1").read_text()
    section = re.search(r"^\.Sh TRACE\n(.*?)^\.Sh", manual, re.MULTILINE | re.DOTALL)[1]
    return tuple(re.sub(r" (Ar|Ns) .*", "", item) + " " for item in re.findall(r"^\.It Li (.*)", section, re.MULTILINE))


def literals():
    """Each text of several words in the sources: file, text. Column descriptions and trace lines are not messages."""
    trace = tuple(beginning.rstrip("[ ") for beginning in traces())
    found = []
    for path in SOURCES:
        source = re.sub(r"(?m)^\s*//.*$|^#include.*$|\s// .*$", "", path.read_text())
        for match in RUN.finditer(source):
            text = text_of(match[0])
            is_sentence = len(re.findall(r"[A-Za-z]{2,}", text)) > 1 and " " in text.strip()
            is_help = re.search(r"\.(help|relation) = $", source[: match.start()])  # of a filter
            if is_sentence and not is_help and not text.startswith(trace):
                found.append((str(path.relative_to(ROOT / "src")), text))
    return found


def split(source, separator):
    """The parts of C++ code between separators that are in no bracket and no literal, up to a closing bracket."""
    parts, depth, begin, at = [], 0, 0, 0
    while at < len(source):
        if literal := re.compile(LITERAL).match(source, at):
            at = literal.end()
            continue
        depth += (source[at] in "({[") - (source[at] in ")}]")
        if depth < 0:
            break
        if depth == 0 and source[at] == separator:
            parts.append(source[begin:at].strip())
            begin = at + 1
        at += 1
    return [*parts, source[begin:at].strip()]


def plural(one, many=None):
    return f"{UNIT} {many or one + 's'}"


def said(code):
    """The text that an expression makes, with … for what only a run knows."""
    if re.fullmatch(RUN, code):
        return text_of(code)
    if len(choice := split(code, "?")) == 2:
        return said(split(choice[1], ":")[-1])
    if len(sum := split(code, "+")) > 1:
        return "".join(map(said, sum))
    call = re.match(r"([\w:]+)\(", code)
    arguments = split(code[call.end():], ",") if call else []
    if call and call[1] == "fmt::format":
        values = map(said, arguments[1:])
        return re.sub(r"\{[^}]*\}", lambda _: next(values), said(arguments[0]))
    if call and call[1] == "plural":
        return plural(*(text_of(word) if re.fullmatch(RUN, word) else said(word) for word in arguments[1:]))
    return said(arguments[0]) if call and call[1] == "std::string" else "…"


def note_codes():
    table = (ROOT / "src/model/note.cpp").read_text()
    return re.findall(r'NoteKind\{(\w+), "([a-z-]+)",', table)


def counted(text, noun):
    """A message of the table of faults, once for one and once for several."""
    if not noun:
        return [text]
    return [text.format(f"1 {noun}", "was", "is"), text.format(plural(noun), "were", "are")]


def notes():
    """Code to its messages, from the table of notes, that of faults, and wherever a note is made."""
    names = dict(note_codes())
    found = {code: [] for code in names.values()}
    table = (ROOT / "src/model/note.cpp").read_text()
    for match in re.finditer(r'NoteKind\{(\w+), ', table):
        row = split(table[match.end():], ",")
        found[names[match[1]]] += [text_of(row[2])] if len(row) > 2 else []
    faults = (ROOT / "src/traffic/faults.cpp").read_text()
    for match in re.finditer(rf'NoteCode::(\w+),\s*("[A-Za-z -]*"),\s*({RUN.pattern})', faults):
        found[names[match[1]]] += counted(text_of(match[3]), text_of(match[2]))
    for path in SOURCES:
        source = path.read_text()
        for match in re.finditer(r"NoteCode::(\w+),", source) if path.name != "faults.cpp" else ():
            message, *others = split(source[match.end():], ",")
            choice = split(message, "?")
            texts = list(map(said, split(choice[1], ":") if len(choice) == 2 else [message]))
            if texts == ["…"]:  # a count comes first
                texts = [text.replace("{}", "…") for text in map(said, others[:1])]
            found[names[match[1]]] += texts
    kinds = (ROOT / "src/table/filter_kinds.cpp").read_text()
    relations = re.findall(r'\.relation = "([^"]*)"', kinds)
    found["filter-unmatched"] += [f'no visible process {relation} "…"' for relation in relations]
    found["filter-idle"] += [f'a process {relation} "…", but no traffic of it was seen' for relation in relations[:1]]
    return {code: sorted({text for text in texts if text.strip("… ")}) for code, texts in found.items()}


def run(arguments):
    result = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return result.returncode, result.stderr


def findings():
    command = [PROGRAM, "doctor", "-f", "json"]
    every = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)["findings"]
    for backend in {finding["backend"]: None for finding in every}:
        named = json.loads(subprocess.run([*command, "-b", backend], capture_output=True, text=True).stdout)["findings"]
        every += [finding for finding in named if finding["status"] in ("grant", "revoke", "exposes")]
    return every


def is_part(text, page):
    """Whether all that the code has of a text is on the page, or it is only a part of one."""
    pieces = [piece.strip() for piece in re.split(r"\{[^}]*\}", text)]
    return all(piece in page for piece in pieces) or len(text.split()) < 3


class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        unreadable = PAGE.with_suffix(".input")
        unreadable.write_text("no snapshot\n{\n")
        cls.mistakes = []
        for mistake in MISTAKES:
            cls.mistakes.append((mistake, *run([word.format(file=unreadable) for word in mistake.split()])))
        cls.notes = notes()
        cls.literals = literals()
        lines = ["# What socktally says", "", "## Notes of a sample or a report", ""]
        for code, messages in cls.notes.items():
            lines += [f"{code}:"] + [f"    {message}" for message in messages]
        lines += ["", "## Mistakes on the command line", ""]
        for mistake, _, error in cls.mistakes:
            lines += [f"$ socktally {mistake}", error.replace(str(unreadable), "FILE").rstrip()]
        lines += ["", "## Findings of doctor on this machine", ""]
        said_before = set()
        for finding in findings():
            remedy = f" -> {finding['remedy']}" if finding["remedy"] else ""
            text = f"{finding['status']}: {finding['finding']}{remedy}"
            lines += [f"{finding['backend']} {text}"] if text not in said_before else []
            said_before.add(text)
        lines += ["", "## Other messages, by source", ""]
        above = "\n".join(lines)
        lines += [f"{file}: {text}" for file, text in cls.literals if file not in LISTED and not is_part(text, above)]
        PAGE.write_text("\n".join(lines) + "\n")

    def test_each_note_has_a_message(self):
        self.assertGreater(len(self.notes), 50)
        self.assertEqual([code for code, messages in self.notes.items() if not messages], [])

    def test_plain_english(self):
        texts = [text for _, text in self.literals] + [text for messages in self.notes.values() for text in messages]
        self.assertGreater(len(texts), 300)
        self.assertEqual([text for text in texts if ODD.search(text) or BEGINNING.search(text)], [])

    def test_numbers_have_their_nouns_from_plural(self):
        self.assertEqual([text for _, text in self.literals if UNCOUNTED.search(text)], [])

    def test_builtins(self):
        """A command that only a shell knows comes with what to type."""
        errors = {mistake: error for mistake, _, error in self.mistakes}
        self.assertIn("it is a shell builtin; use sh -c 'cd ...'", errors["run cd /tmp"])

    def test_report_of_a_terminal(self):
        """Without a file, report does not wait for what nobody types."""
        terminals = os.openpty()
        result = subprocess.run([PROGRAM, "report"], stdin=terminals[1], capture_output=True, text=True, timeout=60)
        for terminal in terminals:
            os.close(terminal)
        self.assertEqual((2, "socktally: report needs saved samples, such as socktally report day.jsonl\n"),
                         (result.returncode, result.stderr))

    def test_mistakes(self):
        """Each is one line, of the program, and fits two lines of a terminal, and no mistake goes through."""
        for mistake, status, error in self.mistakes:
            with self.subTest(mistake=mistake):
                allowed = {"report": (0, 1, 2), "run": (125, 127)}.get(mistake.split()[0], (1, 2))
                self.assertIn(status, allowed, error)
                lines = error.splitlines()
                self.assertTrue(lines)
                for line in lines:
                    self.assertTrue(line.startswith("socktally: "), line)
                    self.assertLess(len(line), 260)
                    self.assertIsNone(ODD.search(line), line)


unittest.main(argv=sys.argv[:1])
