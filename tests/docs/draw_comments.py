#!/usr/bin/env python3
"""Prints comments of src, drawn at random, for a count of those that need a second reading.

A comment is a run of adjacent // lines, a // at the end of a line, or a /* */ block, of at least four words.
The line of code below it (or before it) is printed too, because a reader of the file sees it."""

import argparse
import pathlib
import random
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"
TOKEN = re.compile(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/')


def comments(path):
    """Yields (line, text, code) of each comment."""
    source = path.read_text()
    lines = source.split("\n")
    runs = []  # [first line, last line, column, text], lines from 0
    for token in TOKEN.finditer(source):
        text = token.group()
        if not text.startswith(("//", "/*")) or "SPDX" in text or "NOLINT" in text:
            continue
        first = source.count("\n", 0, token.start())
        column = token.start() - source.rfind("\n", 0, token.start()) - 1
        alone = not lines[first][:column].strip()
        if runs and alone and text.startswith("//") and runs[-1][1] == first - 1 and runs[-1][2] == column:
            runs[-1][1] = first
            runs[-1][3] += "\n" + text
        else:
            runs.append([first, first + text.count("\n"), column, text])
    for first, last, column, text in runs:
        before = lines[first][:column].strip()
        below = lines[last + 1].strip() if last + 1 < len(lines) else ""
        if len(re.findall(r"[A-Za-z]{2,}|\ba\b", text)) >= 4:
            yield first + 1, text, before or below


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--under", default="", help="only of files whose path below src begins so")
    parser.add_argument("count", type=int, nargs="?", default=60)
    options = parser.parse_args()
    files = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".c", ".cpp", ".h", ".hpp"))
    found = [(path.relative_to(SOURCE.parent), *comment) for path in files for comment in comments(path)
             if str(path.relative_to(SOURCE)).startswith(options.under)]
    random.Random(options.seed).shuffle(found)
    for path, line, text, code in found[:options.count]:
        print(f"{path}:{line}\n{text}\n    {code}\n")
    print(f"{min(options.count, len(found))} of {len(found)} comments")


if __name__ == "__main__":
    main()
