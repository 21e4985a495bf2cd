#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Containers of a real engine: what was moved in each, counted by the other end of its connections, held against what
# socktally prints: bytes, names, images, pods and published ports; with the engine's daemon, and without.
# usage: test_engines.py docker|podman|rootless SOCKTALLY WORK-DIRECTORY
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

import machine
import packages
from scene import as_user, parse, skip, wait_for, watch

COLUMNS = "+container,container_id,image,pod,netns,published"


class Container:
    def __init__(self, name, id_, reach, published=None, pod=None):
        self.name = name
        self.id = id_
        self.reach = reach  # gives a socket that is connected to its server
        self.published = published  # the port by which that comes
        self.pod = pod
        self.rx_bytes = self.tx_bytes = self.connections = 0


class Talk:
    """A connection to the server of a container. Counts, for the container and for this end, what it moves."""
    received = sent = connections = 0  # by all of this process

    def __init__(self, container, reach=None):
        self.container = container
        self.socket = wait_for(reach or container.reach, f"the server of {container.name}")
        self.socket.settimeout(60)
        container.connections += 1
        Talk.connections += 1
        self.is_counted = False
        self.move(1, 1)  # after that its process is what it will be
        self.is_counted = True

    def move(self, kept, dropped):
        data = b"b" * dropped + b"a" * kept
        sender = threading.Thread(target=self.socket.sendall, args=[data])
        sender.start()
        left = kept
        while left:
            part = len(self.socket.recv(left))
            if not part:
                raise RuntimeError(f"{self.container.name} closed its connection")
            left -= part
        sender.join()
        if self.is_counted:
            self.count(len(data), kept)

    def count(self, to_container, from_container):
        self.container.rx_bytes += to_container
        self.container.tx_bytes += from_container
        Talk.sent += to_container
        Talk.received += from_container


def connect(*address):
    return lambda: socket.create_connection(address)


def connect_inside(pid, port):
    return lambda: machine.inside_network_of(pid, connect("127.0.0.1", port))


def bytes_are(problems, what, row, rx_bytes, tx_bytes, slack):
    """`slack`: how far off they may be."""
    for name, truth in (("rx_bytes", rx_bytes), ("tx_bytes", tx_bytes)):
        if row[name] is None or abs(row[name] - truth) > slack:
            problems.append(f"{what} has {name} {row[name]}, not {truth}")


def add(rows):
    return {name: sum(row[name] or 0 for row in rows) for name in ("rx_bytes", "tx_bytes")}


def check_container(problems, container, image, processes, connections, slack):
    rows = [row for row in processes if row["container"] == container.name and row["connections"]]
    moved = [row for row in rows if row["rx_bytes"]]
    what = f"container {container.name}"
    bytes_are(problems, what, add(moved), container.rx_bytes, container.tx_bytes, slack * container.connections)
    if not moved or any(row["process"] != machine.FILTER or row["kind"] != "process" for row in moved):
        problems.append(f"{what} has traffic at {[(row['process'], row['pid'], row['rx_bytes']) for row in moved]}")
    for row in moved:
        found = {key: row[key] for key in ("container_id", "image", "pod")}
        expected = {"container_id": container.id, "image": image, "pod": container.pod}
        if found != expected:
            problems.append(f"{what} is {found}, not {expected}")
    ports = {row["published"] for row in connections if row["container"] == container.name and row["rx_bytes"]}
    if ports != {container.published}:
        problems.append(f"{what} has the published ports {ports}, not {container.published}")


class Proxy:
    """A docker-proxy, which passes on what one connection of a container moves."""

    def __init__(self, talk, published):
        self.talk = talk
        self.published = published
        self.passed = 0

    def check(self, problems, processes, connections, slack):
        rows = [row for row in processes if row["process"] == "docker-proxy"]
        bytes_are(problems, "docker-proxy", add(rows), self.passed, self.passed, 2 * slack)
        ports = {row["published"] for row in connections if row["process"] == "docker-proxy" and row["rx_bytes"]}
        if ports != {self.published}:
            problems.append(f"docker-proxy has the published ports {ports}")


def cookie_of(connection):
    so_cookie = 57
    return int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, so_cookie, 8), sys.byteorder)


def are_owned(run, container):
    """Whether the run knows the process that moves the bytes of each connection of the container."""
    def moves_them(pid):
        process = pathlib.Path("/proc", str(pid))
        try:
            return (container.id in (process / "cgroup").read_text()
                    and (process / "comm").read_text() == machine.FILTER + "\n")
        except OSError:
            return False
    return len({cookie for cookie, pid in run.owners() if moves_them(pid)}) >= container.connections


def measure(tool, backends, containers, image, talks, proxy=None):
    """Has every backend watch what the containers move at once. What is wrong with what they say."""
    for container in containers:
        container.rx_bytes = container.tx_bytes = 0
        container.connections = sum(talk.container is container for talk in talks)
    Talk.received = Talk.sent = 0

    def move(runs):
        for count, talk in enumerate(talks):
            talk.move(300_007 + 10_007 * count, 50_021 + 1_009 * count)
        if proxy:
            proxy.passed = 2 * (300_007 + 10_007 * talks.index(proxy.talk)) + 50_021 + 1_009 * talks.index(proxy.talk)
        visits = [Talk(container) for container in containers]  # that come and go within the window
        for visit in visits:
            visit.count(2, 1)
            visit.move(20_011, 3_001)
        for run in searching(runs):
            try:
                wait_for(lambda: all(are_owned(run, container) for container in containers)
                                 and all((cookie_of(visit.socket), os.getpid()) in run.owners() for visit in visits),
                                 "the owner of a visit")
            except RuntimeError as error:
                lacking = [container.name for container in containers if not are_owned(run, container)]
                ours = {f"socket:[{os.fstat(visit.socket.fileno()).st_ino}]" for visit in visits
                        if (cookie_of(visit.socket), os.getpid()) not in run.owners()}
                decisions = [line for line in run.said().splitlines()
                             if "given up" in line or "handed on" in line or any(name in line for name in ours)]
                raise RuntimeError("\n".join([f"{error}: {lacking}, {ours}", *decisions[-40:]])) from error
        for visit in visits:
            visit.socket.close()

    commands = [[tool, "-b", backend, "-f", "json", "--all", "--by", by, "-o", COLUMNS]
                for backend in backends for by in ("process", "connection")]
    def searching(runs):
        return [run for run in runs if "netlink" in run.process.args]

    results = watch(commands, move)
    problems = []
    for index, backend in enumerate(backends):
        by_process, by_connection = results[2 * index], results[2 * index + 1]
        for code, _, said in (by_process, by_connection):
            if code != 0:
                raise RuntimeError(f"{backend} ended with {code}: {said}")
        report, processes = parse(by_process[1]), parse(by_process[1])["processes"]
        connections = parse(by_connection[1])["connections"]
        slack = 0 if backend == "ebpf" else 2  # of netlink: a connection and direction
        found = []
        for container in containers:
            check_container(found, container, image, processes, connections, slack)
        own = next((row for row in processes if row["pid"] == os.getpid()), {"rx_bytes": None, "tx_bytes": None})
        bytes_are(found, "the other end", own, Talk.received, Talk.sent, slack * sum(c.connections for c in containers))
        if proxy:
            proxy.check(found, processes, connections, slack)
        if any(note["code"] == "container-names" for note in report["notes"]):
            found.append(f"a note: {report['notes']}")
        problems += [f"{backend}: {problem}" for problem in found]
        print(f"{backend}: {sum(row['rx_bytes'] or 0 for row in processes if row['container'])} bytes into containers")
    return problems


def check_ports(tool, containers, has_proxy):
    """Asks who has each published port of this machine: the container's own listener, and the proxy's."""
    problems = []
    for container in containers:
        if container.published is None:
            continue
        port = int(container.published.split("->")[0].rsplit(":", 1)[1])
        done = subprocess.run([tool, "ports", "--port", str(port), "-f", "json"], capture_output=True, text=True)
        rows = [{key: row[key] for key in ("process", "local_port", "state", "container", "published")}
                for row in parse(done.stdout)["sockets"]]
        own = [row for row in rows if row["container"] == container.name]
        expected = {"process": "nc", "local_port": 80, "state": "listening", "container": container.name,
                    "published": container.published}
        proxies = [row for row in rows if row["process"] == "docker-proxy"]
        others = [row for row in rows if row not in own + proxies]
        if (done.returncode != 0 or not own or any(row != expected for row in own) or bool(proxies) != has_proxy
                or any(row["local_port"] != port or not row["published"].endswith(f":{port}->80/tcp via docker-proxy")
                       for row in proxies)
                or any(row["local_port"] != port or row["published"] for row in others)):
            problems.append(f"ports --port {port} of {container.name} ends with {done.returncode} and lists {rows}")
    return problems


def usable(tool, backends):
    """Those that work here; netlink does wherever containers do."""
    return [backend for backend in backends
            if subprocess.run([tool, "-b", backend, "-d", "0.1"], capture_output=True).returncode != 4]


def process_of(id_):
    """A process of the container, by its id out here."""
    for cgroup in pathlib.Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if id_ in cgroup.read_text() and (cgroup.parent / "comm").read_text() == "nc\n":
                return cgroup.parent.name
        except OSError:
            pass
    raise RuntimeError("a container has no process")


class Docker:
    image = machine.IMAGE
    published = "0.0.0.0:8080->80/tcp,[::]:8080->80/tcp"

    def __init__(self, hull):
        self.hull = hull

    def start(self):
        """Throws where it does not run here."""
        with open("/run/dockerd.log", "w") as log:
            self.daemon = self.hull.start(log, "dockerd", "--live-restore")
        wait_for(lambda: self.hull.succeeds("docker", "version"), "dockerd")
        self.hull.run("docker", "import", machine.make_image(), machine.IMAGE)
        self.hull.run("docker", "run", "--rm", "--network", "none", machine.IMAGE, "/bin/sleep", "0")

    def run(self, name, port, *options):
        return self.hull.run("docker", "run", "--detach", "--cgroup-parent", f"/{self.hull.cgroup}/docker", "--name",
                             name, *options, machine.IMAGE, *machine.server(port))

    def populate(self):
        alone = self.run("alone", 80, "--network", "none")
        return [Container("bridged", self.run("bridged", 80, "--publish", "8080:80"), connect("172.17.0.1", 8080),
                          self.published),
                Container("on-host", self.run("on-host", 81, "--network", "host"), connect("127.0.0.1", 81)),
                Container("alone", alone, connect_inside(process_of(alone), 80))]

    def proxied(self, containers):
        """A connection that the kernel does not translate: of this machine with itself."""
        talk = Talk(containers[0], connect("127.0.0.1", 8080))
        return Proxy(talk, "0.0.0.0:8080->80/tcp via docker-proxy")

    def stop(self):
        """Its containers live on."""
        self.hull.run("sh", "-c", "kill $(cat /run/docker.pid)")
        self.daemon.wait(timeout=20)


class Podman:
    image = f"localhost/{machine.IMAGE}"

    def __init__(self, hull):
        self.hull = hull

    def configure(self):
        os.environ["CONTAINERS_CONF"] = "/run/containers.conf"
        pathlib.Path("/run/containers.conf").write_text("""
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
""")

    def start(self):
        self.configure()
        self.hull.run("podman", "import", machine.make_image(), machine.IMAGE)
        self.hull.run("podman", "run", "--rm", "--network", "none", *self.placed(), machine.IMAGE, "/bin/sleep", "0")
        with open("/run/podman.log", "w") as log:
            self.daemon = self.hull.start(log, "podman", "system", "service", "--time", "0")
        wait_for(lambda: pathlib.Path("/run/podman/podman.sock").exists(), "podman's service")

    def placed(self):
        return ["--cgroup-parent", f"/{self.hull.cgroup}/libpod_parent"]

    def run(self, name, port, *options):
        return self.hull.run("podman", "run", "--detach", "--name", name, *options, machine.IMAGE,
                             *machine.server(port))

    def create_pod(self, run, *options):
        return run("podman", "pod", "create", "--name", "a-pod", *options, "--infra-image", self.image,
                   "--infra-command", "/bin/sleep 1000")

    def populate(self):
        self.create_pod(self.hull.run, "--publish", "8082:80", *self.placed())
        alone = self.run("alone", 80, "--network", "none", *self.placed())
        return [Container("bridged", self.run("bridged", 80, "--publish", "8081:80", *self.placed()),
                          connect("127.0.0.1", 8081), "0.0.0.0:8081->80/tcp"),
                Container("in-pod", self.run("in-pod", 80, "--pod", "a-pod"), connect("127.0.0.1", 8082),
                          "0.0.0.0:8082->80/tcp", "a-pod"),
                Container("on-host", self.run("on-host", 81, "--network", "host", *self.placed()),
                          connect("127.0.0.1", 81)),
                Container("alone", alone, connect_inside(process_of(alone), 80))]

    def proxied(self, _):
        return None

    def stop(self):
        self.hull.run("sh", "-c", "kill $(pidof podman)")
        self.daemon.wait(timeout=20)


class Rootless(Podman):
    """Podman of a user who is not root."""

    def start(self):
        machine.furnish_user()
        self.enter = self.hull.delegate()
        self.configure()
        self.user_runs("podman", "import", machine.make_image(), machine.IMAGE)
        self.user_runs("podman", "run", "--rm", "--network", "none", machine.IMAGE, "/bin/sleep", "0")
        with open("/run/podman.log", "w") as log:
            self.daemon = self.hull.start(log, *self.enter, "podman", "system", "service", "--time", "0")
        wait_for(lambda: pathlib.Path(f"/run/user/{machine.USER}/podman/podman.sock").exists(),
                         "podman's service")

    def user_runs(self, *words):
        return self.hull.run(*self.enter, *words)

    def run(self, name, port, *options):
        return self.user_runs("podman", "run", "--detach", "--name", name, *options, machine.IMAGE,
                              *machine.server(port))

    def populate(self):
        apart = ("--cgroups", "split")
        alone = self.run("alone", 80, "--network", "none", *apart)
        self.pod_id = self.create_pod(self.user_runs, "--publish", "8085:80", "--cgroup-parent",
                                      f"/{self.hull.delegated}/pods")
        self.bridged = Container("bridged", self.run("bridged", 80, "--publish", "8083:80", *apart),
                                 connect("127.0.0.1", 8083), "0.0.0.0:8083->80/tcp")
        self.in_pod = Container("in-pod", self.run("in-pod", 80, "--pod", "a-pod"), connect("127.0.0.1", 8085),
                                "0.0.0.0:8085->80/tcp", "a-pod")
        self.on_host = Container("on-host", self.run("on-host", 8084, "--network", "host", *apart),
                                 connect("127.0.0.1", 8084))
        return [self.bridged, self.in_pod, self.on_host,
                Container("alone", alone, connect_inside(process_of(alone), 80))]

    def measure_as_user(self, tool, talk):
        """He sees what is on the host's network, and may read his own files. What is wrong with what he is told."""
        shutil.copyfile(tool, "/run/socktally")
        os.chmod("/run/socktally", 0o755)
        self.on_host.rx_bytes = self.on_host.tx_bytes = 0
        self.on_host.connections = 1
        commands = [[*as_user(machine.USER), "/run/socktally", "-b", "netlink", "-f", "json", "--by", by, "-o", COLUMNS]
                    for by in ("process", "connection")]
        results = watch(commands, lambda _: talk.move(300_007, 50_021))
        problems = []
        check_container(problems, self.on_host, self.image, parse(results[0][1])["processes"],
                        parse(results[1][1])["connections"], 2)
        print(f"as the user: {self.on_host.rx_bytes} bytes into a container")
        return [f"as the user: {problem}" for problem in problems]

    def stop(self):
        super().stop()
        self.bridged.published = self.in_pod.published = None  # only the service tells
        self.in_pod.pod = self.pod_id  # likewise its name


ENGINES = {"docker": Docker, "podman": Podman, "rootless": Rootless}


def play(engine, tool):
    backends = usable(tool, ["netlink", "ebpf"])
    containers = engine.populate()
    talks = [Talk(container) for container in containers]
    proxy = engine.proxied(containers)
    problems = measure(tool, backends, containers, engine.image, talks + ([proxy.talk] if proxy else []), proxy)
    if isinstance(engine, Rootless):
        problems += engine.measure_as_user(tool, next(talk for talk in talks if talk.container is engine.on_host))
    problems += check_ports(tool, containers, proxy is not None)
    engine.stop()
    problems += check_ports(tool, containers, False)  # docker-proxy has ended with the daemon
    problems += [f"daemon stopped: {problem}" for problem in measure(tool, backends, containers, engine.image, talks)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main():
    name, tool, directory = sys.argv[1:4]
    if os.geteuid() != 0:
        skip("not root")
    try:
        root = packages.unpack(directory)
    except packages.NotToBeHad as error:
        skip(f"the packages are not to be had: {error}")
    machine.enter(root)
    hull = machine.Hull()
    try:
        engine = ENGINES[name](hull)
        try:
            engine.start()  # nothing of ours takes part in it
        except RuntimeError as error:
            skip(f"{name} cannot run here: {error}")
        sys.exit(play(engine, tool))
    finally:
        hull.close()


if __name__ == "__main__":
    main()
