# SPDX-License-Identifier: MIT
# How many network namespaces are told of that could not be entered: one that has a name and processes of others in it is
# one. Usage, as root: test_namespaces.py SOCKTALLY
import pathlib
import subprocess
import sys

import scene


def refused(*words):
    """What the note says of their number."""
    command = [*words, "-b", "netlink", "-d", "0", "-f", "json"]
    document = scene.parse(subprocess.run(command, capture_output=True, check=True).stdout)
    messages = [note["message"] for note in document["notes"] if note["code"] == "other-netns"]
    return int(messages[0].split()[0]) if messages else 0


def main():
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    names = pathlib.Path("/run/netns")
    names.mkdir()
    (names / "blue").touch()
    named, nameless = (scene.Mover("apart", scene.OTHER, apart=True) for _ in range(2))
    subprocess.run(["mount", "--bind", f"/proc/{named.pid}/ns/net", names / "blue"], check=True)
    unprivileged = [*scene.as_user(scene.OWN), SHELF.copy("plain")]
    enters = [*scene.as_user(scene.OWN, "--inh-caps=+sys_admin", "--ambient-caps=+sys_admin"), SHELF.copy("plain")]
    found = [refused(SHELF.copy("plain")), refused(*unprivileged), refused(*enters)]
    denied = subprocess.run([*unprivileged, "--netns", str(named.pid)], capture_output=True, text=True)
    told = f"socktally: no permission to see the network namespace of process {named.pid}: run with sudo\n"
    assert (denied.returncode, denied.stderr) == (2, told), denied
    nameless.end()
    found += [refused(*unprivileged), refused(*enters)]
    named.end()  # the namespace lives on by its name
    found += [refused(*unprivileged), refused(*enters)]
    print(f"refused: {found}")
    return 0 if found == [0, 2, 1, 1, 0, 1, 0] else 1


scene.enter()
SHELF = scene.Shelf(sys.argv[1])
try:
    STATUS = main()
finally:
    SHELF.close()
sys.exit(STATUS)
