# SPDX-License-Identifier: MIT
# What socktally sees with which privilege: the table in matrix.txt, held against this machine. Usage, as root:
#   matrix.py SOCKTALLY TABLE [--update]
import pathlib
import subprocess
import sys

import scene

AT_ONCE = 12
TRIES = 3
DISTURBED = "disturbed"
BYTES = 300_000
SLACK = 4  # netlink counts what opens and closes a connection: two bytes a direction

EVERYTHING = "cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw,cap_dac_read_search,cap_sys_ptrace"
CAPABILITIES = (
    "cap_net_raw",
    "cap_net_admin",
    "cap_bpf",
    "cap_perfmon",
    "cap_bpf,cap_perfmon",
    "cap_sys_ptrace",
    "cap_dac_read_search",
    "cap_dac_read_search,cap_sys_ptrace",
    "cap_net_raw,cap_dac_read_search,cap_sys_ptrace",
    "cap_sys_admin",
    "cap_sys_admin,cap_sys_ptrace",
    "cap_sys_admin,cap_dac_read_search,cap_sys_ptrace",
    EVERYTHING,
)
BACKENDS = ("ebpf", "netlink", "packet", "procfs")

HEAD = """\
# What socktally sees with which privilege. Made and checked by tests/privilege/matrix.py.
#
# Three processes move the same bytes within the window: one of the user who runs socktally ("own"), one of another user
# ("other"), and one of the other user in another network namespace ("apart"). What became of them in the sample:
#   named    the row of the process has the bytes
#   [...]    a row without an owner has them, of this name
#   null     there is a row that stands for them, of which the bytes are not known
#   no       nothing tells of them
# "given by": file, capabilities of the program's file; ambient, inherited; nnp, those of the file under no_new_privs,
# where the kernel ignores them. "strict": the exit status with --strict, 3 where the sample says that it may be short.
"""


def ways():
    """(privilege, given by, words before the options)"""
    yield "root", "", [SHELF.copy("plain")]
    yield "root", "nnp", ["setpriv", "--no-new-privs", SHELF.copy("plain")]
    yield "root, bounding set empty", "", ["setpriv", "--bounding-set=-all", SHELF.copy("plain")]
    yield "root of a user namespace", "", [*scene.as_user(scene.OWN), "unshare", "--user", "--map-root-user",
                                           SHELF.copy("plain")]
    yield "none", "", [*scene.as_user(scene.OWN), SHELF.copy("plain")]
    for capabilities in CAPABILITIES:
        plus = ",".join("+" + name.removeprefix("cap_") for name in capabilities.split(","))
        name = short(capabilities)
        yield name, "file", [*scene.as_user(scene.OWN), SHELF.copy(capabilities, capabilities)]
        yield name, "ambient", [*scene.as_user(scene.OWN, f"--inh-caps={plus}", f"--ambient-caps={plus}"),
                                SHELF.copy("plain")]
        yield name, "nnp", [*scene.as_user(scene.OWN), "setpriv", "--no-new-privs",
                           SHELF.copy(capabilities, capabilities)]


def possible_ways():
    """Without those that this machine does not allow, whatever the program is."""
    for name, given, command in ways():
        if (name, given) not in IMPOSSIBLE:
            yield name, given, command


def find_impossible():
    for name, given, command in ways():
        result = subprocess.run([*command, "--version"], capture_output=True, text=True)
        if result.returncode != 0:
            print(f"skipped: {name} {given}: {result.stderr.strip()}")
            IMPOSSIBLE.add((name, given))


def short(capabilities):
    return "all that setcap is told to give" if capabilities == EVERYTHING else capabilities.replace("cap_", "")


def is_whole(row):
    return all(abs((row[column] or 0) - BYTES) <= SLACK for column in ("rx_bytes", "tx_bytes"))


def fate(document, mover, uid, apart=False):
    """What became of a process's bytes."""
    rows = document["processes"]
    mine = [row for row in rows if row["pid"] == mover.pid]
    if mine:
        return "null" if mine[0]["rx_bytes"] is None else "named" if is_whole(mine[0]) else f"short: {mine[0]}"
    unowned = [row for row in rows if row["kind"] == "cause"]
    if apart:
        return "null" if any(row["process"] == "[other netns]" for row in unowned) else "no"
    # A user namespace shows every user from outside of it as the same one.
    causes = [row for row in unowned if row["uid"] == uid] or [row for row in unowned if is_whole(row)]
    if not causes:
        return "no"
    return "null" if causes[0]["rx_bytes"] is None else causes[0]["process"] if is_whole(causes[0]) else f"short: {causes[0]}"


def codes(document):
    """Of the notes. other-pidns: what goes on outside of our pid namespace is not for this test to still.
    packet-sockets: who may not see the owners takes the captures of the runs beside it for somebody's."""
    return " ".join(sorted({note["code"] for note in document["notes"]} - {"other-pidns", "packet-sockets"})) or "-"


def in_batches(commands, movers):
    """The results of all these commands, a few at a time, while the processes move their bytes; with each, whether
    somebody else on this machine disturbed it."""
    results = []
    for first in range(0, len(commands), AT_ONCE):
        batch = [WITNESS, *commands[first:first + AT_ONCE]]
        witness, *others = scene.watch(batch, lambda _: [mover.move(BYTES) for mover in movers])
        results += [(result, is_disturbed(witness) and is_disturbed(result)) for result in others]
    return results


def is_disturbed(result):
    """ebpf counts on the whole machine, and notes where old connections moved bytes in a namespace that it did not see
    before. Root sees all of this test's, so what root notes is somebody else's doing."""
    document = sampled(*result)
    is_ebpf = not isinstance(document, str) and document["backend"] == "ebpf"
    return is_ebpf and any(note["code"] in ("other-netns", "spliced-bytes") for note in document["notes"])


def undisturbed(commands, movers):
    """The same as in_batches(), with more tries for what was disturbed."""
    results = in_batches(commands, movers)
    for _ in range(TRIES - 1):
        again = [index for index, (_, disturbed) in enumerate(results) if disturbed]
        for index, result in zip(again, in_batches([commands[index] for index in again], movers)):
            results[index] = result
    return results


def sampled(status, out, err):
    """The document of a sample, or why there is none."""
    if status in (0, 3):
        return scene.parse(out)
    return err.strip().split("\n")[0] or f"status {status}"


def choice_table(title, movers, apart=None):
    lines = [f"\n{title}\n", row_text("privilege", "given by", "backend", "own", "other",
                                      *(["apart"] if apart else []), "complete", "strict", "notes")]
    privileges = list(possible_ways())
    words = ["--strict", "-f", "json", "--all"]
    results = undisturbed([[*command, *words] for *_, command in privileges], movers)
    for (name, given, _), (result, disturbed) in zip(privileges, results):
        document = sampled(*result)
        if isinstance(document, str):
            lines.append(row_text(name, given, document))
            continue
        seen = [fate(document, movers[0], scene.OWN), fate(document, movers[1], scene.OTHER)]
        if apart:
            seen.append(fate(document, apart, scene.OTHER, apart=True))
        verdict = ["yes" if document["complete"] else "no", str(result[0]), codes(document)]
        lines.append(row_text(name, given, document["backend"], *seen, *([DISTURBED] if disturbed else verdict)))
    return lines


def backend_table(title, movers):
    """With each backend named, by what is given by file: what becomes of the other user's bytes."""
    lines = [f"\n{title}\n", row_text("privilege", "given by", *BACKENDS)]
    privileges = [way for way in possible_ways() if way[1] in ("", "file")]
    commands = [[*command, "-b", backend, "-f", "json", "--all"] for *_, command in privileges for backend in BACKENDS]
    results = iter(in_batches(commands, movers))
    for name, given, _ in privileges:
        fates = []
        for _ in BACKENDS:
            (status, out, _), _ = next(results)
            fates.append(fate(scene.parse(out), movers[1], scene.OTHER) if status == 0 else f"exit {status}")
        lines.append(row_text(name, given, *fates))
    return lines


def row_text(name, given, *fields):
    return (f"{name:<44}  {given:<8}" + "".join(f"  {field:<14}" for field in fields)).rstrip() + "\n"


def measure():
    own, other = scene.Mover("own", scene.OWN), scene.Mover("other", scene.OTHER)
    lines = [HEAD]
    lines += choice_table("The choice of auto, in the only network namespace:", [own, other])
    lines += backend_table("The bytes of the other user's process with each backend by its name:", [own, other])
    apart = scene.Mover("apart", scene.OTHER, apart=True)
    lines += choice_table("The choice of auto, with another network namespace beside:", [own, other, apart], apart)
    for mover in (own, other, apart):
        mover.end()
    return "".join(lines)


def ebpf_refusal():
    """Why ebpf does not work here, even for root; empty where it does."""
    findings = scene.parse(subprocess.run([SHELF.copy("plain"), "doctor", "-b", "ebpf", "-f", "json"],
                                          capture_output=True, text=True).stdout)["findings"]
    return "".join(finding["finding"] for finding in findings if finding["status"] == "declined")


def rows_of(text):
    """The table's rows by section and privilege, as lists of words."""
    rows, section = {}, None
    for line in text.splitlines():
        if line.startswith(("#", "privilege ")):
            continue
        if line.endswith(":"):
            section = line
        elif line:
            rows[section, line[:KEY_WIDTH].rstrip()] = line[KEY_WIDTH:].split()
    return rows


def comparable(rows, refusal):
    """Without what this machine cannot show."""
    rows = {key: words for key, words in rows.items()
            if not any(key[1] == row_text(*way, "")[:KEY_WIDTH].rstrip() for way in IMPOSSIBLE)}
    if not refusal:
        return rows
    print(f"skipped: what ebpf sees, and what declines without it: {refusal}")
    by_name = {key: words[1:] for key, words in rows.items() if "by its name" in key[0]}
    chosen = {key: words[1:] for key, words in rows.items() if "auto" in key[0] and words[0] != "ebpf"}
    without = {key[1] for key, words in rows.items() if "auto" in key[0] and words[0] == "ebpf"}
    return by_name | {key: words for key, words in chosen.items() if key[1] not in without}


def is_same(expected, found):
    """Where the machine was not still, the columns that tell of completeness do not count."""
    if expected and found and found[-1] == DISTURBED:
        print(f"skipped: completeness of a row, since others move bytes on this machine: {' '.join(found)}")
        return expected[:len(found) - 1] == found[:-1]
    return expected == found


def main():
    table = pathlib.Path(sys.argv[2])
    find_impossible()
    text = measure()
    if "--update" in sys.argv:
        table.write_text(text)
        return 1 if DISTURBED in text else 0
    refusal = ebpf_refusal()
    expected, found = comparable(rows_of(table.read_text()), refusal), comparable(rows_of(text), refusal)
    wrong = [key for key in expected | found if not is_same(expected.get(key), found.get(key))]
    for section, privilege in wrong:
        print(f"{section} {privilege}\n  expected {expected.get((section, privilege))}\n"
              f"  found    {found.get((section, privilege))}")
    print(f"{len(expected) - len(wrong)} rows are right, {len(wrong)} wrong")
    return 1 if wrong or not expected else 0


WITNESS = []
IMPOSSIBLE = set()  # (privilege, given by)
KEY_WIDTH = 54
scene.enter()
SHELF = scene.Shelf(sys.argv[1])
WITNESS += [SHELF.copy("plain"), "-f", "json"]
try:
    STATUS = main()
finally:
    SHELF.close()
sys.exit(STATUS)
