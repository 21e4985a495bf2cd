# SPDX-License-Identifier: MIT
"""Runs `socktally report` on saved snapshots of two hosts, and on broken ones, and compares what it prints, to the byte.

    run.py [--update] SOCKTALLY       --update writes what comes out to expected/; read the difference before you believe it
"""
import os
import pathlib
import shlex
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def output_of(program, arguments):
    width = next((word for word in arguments if word.startswith("width=")), "width=100")
    arguments = [word for word in arguments if word != width]
    result = subprocess.run([program, "report", *arguments], cwd=HERE / "saved", capture_output=True, timeout=60,
                            stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": width.removeprefix("width="), "LC_ALL": "C"})
    said = b"".join(b"! " + line + b"\n" for line in result.stderr.splitlines())
    return said + (b"" if result.returncode == 0 else b"! exit %d\n" % result.returncode) + result.stdout


def main():
    update = sys.argv[1:2] == ["--update"]
    program = pathlib.Path(sys.argv[-1]).resolve()
    lines = [shlex.split(line, comments=True) for line in (HERE / "cases").read_text().splitlines()]
    cases = {line[0]: line[1:] for line in lines if line}
    failed = {path.name for path in (HERE / "expected").iterdir()} - set(cases)  # which would never fail
    for name, arguments in cases.items():
        path = HERE / "expected" / name
        actual = output_of(program, arguments)
        if update:
            path.write_bytes(actual)
        elif not path.exists() or path.read_bytes() != actual:
            print(f"{name}: expected\n{path.read_text() if path.exists() else 'nothing'}\nbut got\n{actual.decode()}")
            failed.add(name)
    print(f"{len(cases)} cases, {len(failed)} failed: {' '.join(sorted(failed))}")
    sys.exit(1 if failed else 0)


main()
