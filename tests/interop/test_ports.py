# SPDX-License-Identifier: MIT
"""`socktally ports --all` lists the sockets that ss, lsof and netstat list, with the same addresses, states and owners:
sockets of every kind, two thousand of them, in five network namespaces, from each of our backends. Usage, as root: test_ports.py SOCKTALLY ..."""
import array
import ipaddress
import json
import os
import re
import socket
import subprocess
import sys
import time
import unittest

import scene

TOOL = os.path.abspath(sys.argv[1])
BACKENDS = ("netlink", "ebpf", "procfs")
EACH = 60  # of most kinds, in each namespace
NETNS_OF = {}  # by process of the crowd
IPPROTO_UDPLITE = 136
IPPROTO_MPTCP = 262
MPTCP_PORT = 17777
# What alone keeps a network namespace alive, by protocol.
LONELY = {"tcp": (socket.AF_INET, socket.SOCK_STREAM, 0), "udplite": (socket.AF_INET, socket.SOCK_DGRAM, IPPROTO_UDPLITE),
          "raw": (socket.AF_INET, socket.SOCK_RAW, 253), "packet": (socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))}

# What the others call what is meant here.
SS_STATES = {"ESTAB": "established", "UNCONN": "unconnected", "LISTEN": "listening"}
SS_KINDS = ("tcp", "udp", "raw")  # it has no option for ping sockets
NETSTAT_STATES = {"ESTABLISHED": "established", "LISTEN": "listening", "TIME_WAIT": "time-wait", "CLOSE_WAIT": "close-wait",
                  "FIN_WAIT2": "fin-wait-2", "FIN_WAIT1": "fin-wait-1", "SYN_SENT": "syn-sent", "LAST_ACK": "last-ack"}


def tcp_server(family, address, **options):
    return socket.create_server((address, 0), family=family, backlog=7, **options)


def make_sockets(keep):
    """Everything that a process may have open, into `keep`, which keeps it open."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0")):
        for _ in range(EACH // 3):
            keep.append(tcp_server(family, address))
    keep.append(tcp_server(socket.AF_INET6, "::", dualstack_ipv6=True))
    keep.append(tcp_server(socket.AF_INET6, "::"))
    listener = tcp_server(socket.AF_INET, "127.0.0.1")
    dual = tcp_server(socket.AF_INET6, "::", dualstack_ipv6=True)
    keep += [listener, dual]
    for _ in range(EACH):
        keep.append(socket.create_connection(listener.getsockname()))
        keep.append(listener.accept()[0])
    mapped = socket.create_connection(("127.0.0.1", dual.getsockname()[1]))
    keep += [mapped, dual.accept()[0]]
    half = socket.create_connection(listener.getsockname())  # the server's side waits for our end: FIN-WAIT-2 and CLOSE-WAIT
    half.shutdown(socket.SHUT_WR)
    keep += [half, listener.accept()[0]]
    waiting = socket.create_connection(listener.getsockname())
    other = listener.accept()[0]
    waiting.close()  # TIME-WAIT at this end once the other has closed too
    other.close()
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for _ in range(EACH // 4):
            bound = socket.socket(family, socket.SOCK_DGRAM)
            bound.bind((address, 0))
            keep.append(bound)
    only6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    only6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    only6.bind(("::", 0))
    keep.append(only6)
    for _ in range(EACH):
        connected = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        connected.connect(("127.0.0.1", 9))
        keep.append(connected)
    first = socket.create_server(("127.0.0.1", 0), reuse_port=True)
    keep.append(first)
    for _ in range(3):  # SO_REUSEPORT: the same tuple, a socket each
        keep.append(socket.create_server(first.getsockname(), reuse_port=True))
    multipath = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    multipath.bind(("127.0.0.1", MPTCP_PORT))
    multipath.listen()
    path = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    path.connect(multipath.getsockname())
    keep += [multipath, path, multipath.accept()[0]]
    lite = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, IPPROTO_UDPLITE)
    lite.bind(("127.0.0.1", 0))
    keep += [lite, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))]
    keep.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, 253))
    keep.append(socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253))
    ping = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    ping.bind(("127.0.0.1", 0))
    keep.append(ping)


def live(ready, kind, apart):
    keep = []
    if apart:
        if scene.LIBC.unshare(scene.CLONE_NEWNET) != 0:
            raise OSError("unshare")
        scene.raise_loopback()
    with open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as file:
        file.write("0 0")  # of this namespace, which ends with the test
    scene.LIBC.prctl(scene.PR_SET_PDEATHSIG, 9, 0, 0, 0)
    scene.LIBC.prctl(scene.PR_SET_NAME, f"p-{kind}".encode(), 0, 0, 0)
    make_sockets(keep)
    shared = tcp_server(socket.AF_INET, "127.0.0.1")
    ours, theirs = socket.socketpair()
    if os.fork() == 0:  # holds all that its parent had, and gets one more
        scene.LIBC.prctl(scene.PR_SET_PDEATHSIG, 9, 0, 0, 0)
        ours.close()
        _, descriptors, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
        theirs.send(b"+")
        time.sleep(3600)
    theirs.close()
    passed = tcp_server(socket.AF_INET, "127.0.0.1")
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [passed.fileno()]))])
    ours.recv(1)
    ready.send(b"+")
    time.sleep(3600)
    return shared


def start(kind, apart):
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            live(theirs, kind, apart)
        finally:
            os._exit(1)
    theirs.close()
    ours.settimeout(scene.LIMIT)
    if ours.recv(1) != b"+":
        raise RuntimeError("the crowd has ended")
    NETNS_OF[pid] = os.stat(f"/proc/{pid}/ns/net").st_ino
    return pid


def address(text):
    """Mapped ones are those of IPv4; a wildcard is none of a peer."""
    if text == "*":
        text = "::"
    parsed = ipaddress.ip_address(text.strip("[]").split("%")[0])
    return str(parsed.ipv4_mapped or parsed) if parsed.version == 6 else str(parsed)


def end(text):
    """`127.0.0.1:80`, `[::1]:80`, `*:*`: (address, port); a port that is none is None."""
    host, port = text.rsplit(":", 1)
    return address(host), None if port == "*" else int(port)


def peer(text):
    host, port = end(text)
    return (None, None) if port in (None, 0) and ipaddress.ip_address(host).is_unspecified else (host, port)


def within(pid, *command):
    return subprocess.run(["nsenter", "-t", str(pid), "-n", *command], check=True, capture_output=True, text=True).stdout


def ss_rows(pid):
    rows = []
    for line in within(pid, "ss", "-tuwapnOH").splitlines():
        kind, state, _, _, local, remote, *owners = line.split(maxsplit=6)
        pids = frozenset(int(found) for found in re.findall(r"pid=(\d+)", " ".join(owners)))
        rows.append((kind, *end(local), *peer(remote), SS_STATES.get(state, state.lower()), pids))
    return rows


def netstat_rows(pid):
    """Only one of the owners, so none."""
    rows = []
    for line in within(pid, "netstat", "-tuanW").splitlines():
        fields = line.split()
        if not fields or fields[0].rstrip("6") not in ("tcp", "udp"):
            continue
        kind = fields[0].rstrip("6")
        state = NETSTAT_STATES[fields[5]] if len(fields) > 5 else "unconnected"
        rows.append((kind, *end(fields[3]), *peer(fields[4]), state))
    return rows


def lsof_rows(pid):
    """Of sockets with an owner: what lsof names, and whose."""
    found, process, kind, wildcard = {}, None, None, None
    for line in within(pid, "lsof", "-nP", "-i", "-FptPn").splitlines():
        if line[0] == "t":
            wildcard = "0.0.0.0" if line[1:] == "IPv4" else "::"
        elif line[0] == "p":
            process = int(line[1:])
        elif line[0] == "P":
            kind = line[1:].lower()
        elif line[0] == "n" and os.stat(f"/proc/{process}/ns/net").st_ino == NETNS_OF[pid]:
            local, _, remote = line[1:].replace("*:", f"[{wildcard}]:", 1).partition("->")
            if kind in ("tcp", "udp"):
                key = (kind, *end(local), *(peer(remote) if remote else (None, None)))
                found.setdefault(key, set()).add(process)
    return found


def our_rows(backend):
    document = json.loads(subprocess.run([TOOL, "ports", "--all", "-b", backend, "-f", "json", "-o",
                                          "+shared_with,netns,device"], check=True, capture_output=True, text=True).stdout)
    assert document["complete"], document["notes"]
    rows = {}
    for row in document["sockets"]:
        if row["netns"] not in map(str, NETNS_OF.values()):  # of a test that runs beside, whose processes may have any name
            continue
        pids = {row["pid"]} if row["pid"] else set()
        pids |= {int(other.split()[0]) for other in (row["shared_with"] or "").split(",") if other}
        rows.setdefault(row["netns"], []).append((row["protocol"], row["local_address"], row["local_port"], row["remote_address"],
                                                  row["remote_port"], row["state"], frozenset(pids)))
    return rows


def counted(rows):
    counts = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    return counts


class Agreement(unittest.TestCase):
    def assert_same(self, ours, theirs):
        """The differences alone."""
        more = {key: value for key, value in ours.items() if theirs.get(key) != value}
        less = {key: value for key, value in theirs.items() if ours.get(key) != value}
        self.assertEqual((more, less), ({}, {}))

    def test_backends(self):
        rows = {backend: our_rows(backend) for backend in BACKENDS}
        for backend in BACKENDS[1:]:
            for netns, expected in rows["netlink"].items():
                self.assert_same(counted(rows[backend][netns]), counted(expected))

    def test_mptcp(self):
        """The kernel lists its subflows, which have the inode of the socket."""
        for backend in BACKENDS:
            for netns, rows in our_rows(backend).items():
                ends = sorted((row[2], row[5]) for row in rows if MPTCP_PORT in (row[2], row[4]))
                self.assertEqual(len(ends), 3, (backend, netns, ends))  # the listener and both ends of the connection

    def test_ss(self):
        ours = our_rows("netlink")
        for pid, netns in NETNS_OF.items():
            mine = [row for row in ours[str(netns)] if row[0] in SS_KINDS]
            self.assert_same(counted(mine), counted(ss_rows(pid)))
            self.assertGreater(len(mine), 300)

    def test_netstat(self):
        ours = our_rows("netlink")
        for pid, netns in NETNS_OF.items():
            mine = [row[:6] if row[0] == "tcp" or row[3] else (*row[:5], "unconnected") for row in ours[str(netns)]
                    if row[0] in ("tcp", "udp")]
            self.assert_same(counted(mine), counted(netstat_rows(pid)))

    def test_lsof(self):
        ours = our_rows("netlink")
        for pid, netns in NETNS_OF.items():
            mine = {}
            for row in ours[str(netns)]:
                if row[0] in ("tcp", "udp") and row[6]:
                    mine.setdefault(row[:5], set()).update(row[6])
            self.assert_same(mine, lsof_rows(pid))


class Lonely(unittest.TestCase):
    def test_namespaces_of_single_sockets(self):
        """A namespace that has neither processes nor names, but one socket that a process elsewhere holds."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        kept, expected = [], set()
        for protocol, kind in LONELY.items():
            self.assertEqual(scene.LIBC.unshare(scene.CLONE_NEWNET), 0)
            expected.add((str(os.stat("/proc/self/ns/net").st_ino), protocol, os.getpid()))
            kept.append(socket.socket(*kind))
            if protocol == "tcp":
                kept[-1].listen()
            elif protocol == "udplite":
                kept[-1].bind(("0.0.0.0", 7))
            self.assertEqual(scene.LIBC.setns(home, scene.CLONE_NEWNET), 0)
        os.close(home)
        for backend in BACKENDS:
            listed = json.loads(subprocess.run([TOOL, "ports", "-b", backend, "-f", "json", "-o", "+netns"], check=True,
                                               capture_output=True, text=True).stdout)["sockets"]
            self.assertLessEqual(expected, {(row["netns"], row["protocol"], row["pid"]) for row in listed}, backend)
        for each in kept:
            each.close()


def enter():
    """Goes on in a network namespace of its own; not in a pid namespace, where BPF lists no owners."""
    if "--inside" not in sys.argv:
        sys.exit(subprocess.run(["unshare", "--net", sys.executable, *sys.argv, "--inside"], check=False).returncode)
    scene.raise_loopback()


if __name__ == "__main__":
    enter()
    pids = [start("near", False)] + [start(f"far{number}", True) for number in range(4)]
    program = unittest.main(argv=sys.argv[:1], exit=False)
    for each in pids:  # their children end with them
        os.kill(each, 9)
        os.waitpid(each, 0)
    sys.exit(not program.result.wasSuccessful())
