# SPDX-License-Identifier: MIT
# jq, Miller and sqlite3 read each format and write it again: every field of every row is as it was, and the one-liners of the
# examples print the bytes that were moved. Usage, as root: test_tools.py SOCKTALLY WORK EXAMPLES
import csv
import io
import json
import os
import re
import subprocess
import unittest

import interop

FORMATS = ("tsv", "csv", "json", "jsonl")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()


def read(file_format):
    with open(f"sample.{file_format}", encoding="utf-8", newline="") as file:
        return file.read()


def json_lines(text):
    return [json.loads(line) for line in text.split("\n")[:-1]]


def csv_rows(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def tsv_rows(text):
    return [line.split("\t") for line in text.split("\n")[:-1]]


def documents(text):
    """What Miller and sqlite3 print as JSON. Miller writes control characters as they are."""
    return json.loads(text, strict=False)


class Formats(unittest.TestCase):
    """What socktally prints, before anybody else reads it."""

    def test_tsv(self):
        rows = {interop.unescape(row[1]): (int(row[2]), int(row[3])) for row in tsv_rows(read("tsv"))[1:]}
        self.assertEqual(rows, CROWD.bytes)

    def test_csv(self):
        rows = {interop.unescape(row[1]): (int(row[2]), int(row[3])) for row in csv_rows(read("csv"))[1:]}
        self.assertEqual(rows, CROWD.bytes)

    def test_json(self):
        for rows in (json.loads(read("json"))["processes"], json_lines(read("jsonl"))):
            bytes_of = {row["process"]: (row["rx_bytes"], row["tx_bytes"]) for row in rows}
            self.assertEqual(bytes_of, {interop.json_text(name): moved for name, moved in CROWD.bytes.items()})


class Jq(unittest.TestCase):
    def test_json(self):
        self.assertEqual(json.loads(run("jq", ".", "sample.json")), json.loads(read("json")))

    def test_jsonl(self):
        self.assertEqual(json_lines(run("jq", "-c", ".", "sample.jsonl")), json_lines(read("jsonl")))

    def test_lines(self):
        """It has no reader for them, but it splits lines and fields."""
        self.assertEqual(run("jq", "-Rr", r'split("\t") | join("\t")', "sample.tsv"), read("tsv"))
        self.assertEqual(run("jq", "-Rr", ".", "sample.csv"), read("csv"))


class Miller(unittest.TestCase):
    def test_json(self):
        self.assertEqual(documents(run("mlr", "--json", "cat", "sample.json")), [json.loads(read("json"))])

    def test_jsonl(self):
        self.assertEqual(documents(run("mlr", "--ijsonl", "--ojson", "cat", "sample.jsonl")), json_lines(read("jsonl")))

    def test_csv(self):
        self.assertEqual(csv_rows(run("mlr", "--csv", "cat", "sample.csv")), csv_rows(read("csv")))

    def test_tsv(self):
        r"""It has no \xHH: such a field becomes the text that it also is in JSON, escaped as Miller does it."""
        read_as_text = [[re.sub(r"(?<!\\)((?:\\\\)*)\\x", r"\1\\\\x", field) for field in row] for row in tsv_rows(read("tsv"))]
        self.assertEqual(tsv_rows(run("mlr", "--tsv", "cat", "sample.tsv")), read_as_text)


class Sqlite(unittest.TestCase):
    def test_tsv(self):
        out = run("sqlite3", "-ascii", "-header", "-separator", "\t", "-newline", "\n", ":memory:",
                  ".import sample.tsv sample", "SELECT * FROM sample")
        self.assertEqual(out, read("tsv"))

    def test_csv(self):
        out = run("sqlite3", "-csv", "-header", ":memory:", ".import sample.csv sample", "SELECT * FROM sample")
        self.assertEqual(csv_rows(out), csv_rows(read("csv")))

    def test_json(self):
        self.assertEqual(json.loads(run("sqlite3", ":memory:", "SELECT json(readfile('sample.json'))")), json.loads(read("json")))

    def test_jsonl(self):
        lines = "json_each('[' || replace(rtrim(readfile('sample.jsonl'), char(10)), char(10), ',') || ']')"
        self.assertEqual(json_lines(run("sqlite3", "-list", ":memory:", f"SELECT value FROM {lines}")), json_lines(read("jsonl")))


class OneLiners(unittest.TestCase):
    """Each command of the file, by itself, with what undoes its way of writing a name."""

    READERS = {
        "jq, from json": lambda text: [(untabbed(name), count) for name, count in tsv_rows(text)],
        "jq, from jsonl": lambda text: [(untabbed(name), count) for name, count in tsv_rows(text)],
        "Miller, from csv": lambda text: [(as_text(name), count) for name, count in csv_rows(text)[1:]],
        "Miller, from tsv": lambda text: [(untabbed(name), count) for name, count in tsv_rows(text)[1:]],
        "Miller, from jsonl": lambda text: [tuple(row.values()) for row in documents(text)],
        "sqlite3, from csv": lambda text: [(as_text(name), count) for name, count in csv_rows(text)],
        "sqlite3, from tsv": lambda text: [(as_text(name), count) for name, count in tsv_rows(text)],
        "sqlite3, from json": lambda text: [tuple(row.values()) for row in documents(text)],
        "sqlite3, from jsonl": lambda text: [tuple(row.values()) for row in documents(text)],
    }

    def test_each(self):
        paragraphs = (interop.EXAMPLES / "one-liners.sh").read_text().split("\n\n")[1:]
        commands = dict(paragraph.split("\n", 1) for paragraph in paragraphs)
        titles = {title: re.match(r"# ([^:]*)", title)[1] for title in commands}
        self.assertEqual(sorted(titles.values()), sorted(self.READERS))
        for title, command in commands.items():
            with self.subTest(title):
                sums = {name: int(count) for name, count in self.READERS[titles[title]](run("sh", "-c", command))}
                # Miller leaves the \\xHH of TSV as they are.
                text = (lambda name: interop.series_text(name, "\t\n\r")) if "Miller, from tsv" in title else interop.json_text
                self.assertEqual(sums, {text(name): received for name, (received, _) in CROWD.bytes.items()})


def as_text(field):
    """The text in JSON of what is a field of TSV or CSV."""
    return interop.json_text(interop.unescape(field))


def untabbed(field):
    r"""A field of jq's and Miller's TSV, which escape these four only."""
    letters = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\([tnr\\])", lambda found: letters[found[1]], field)


interop.prepare("jq", "mlr", "sqlite3")
CROWD = interop.Crowd()
with interop.room():
    for file_format, text in zip(FORMATS, interop.sample(CROWD, *[["-f", file_format] for file_format in FORMATS])):
        with open(f"sample.{file_format}", "w", encoding="utf-8") as file:
            file.write(text)
    CROWD.end()
    unittest.main(argv=["test_tools"])
