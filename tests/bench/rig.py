"""rig - what the measurements share: servers on one core of the loopback, asked and ended; geo data; packages. Nothing but
Python's own library."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import mmdb_nest

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..")
SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1
NAME = "www.example.com"

# Eight data centres of two addresses each, 127.0.1.N and 127.0.2.N, with weights of 60 and 40.
DATACENTRES = [("us-east", 39.0, -77.5), ("us-west", 37.4, -122.1), ("sa-east", -23.5, -46.6), ("eu-west", 53.3, -6.3),
               ("eu-central", 50.1, 8.7), ("ap-south", 19.1, 72.9), ("ap-northeast", 35.7, 139.7),
               ("ap-southeast", -33.9, 151.2)]
# A client for which it is plain, by city or by country, which is the nearest: universities have been where they are for long.
CLIENTS = {"134.226.0.0": "eu-west", "131.159.14.0": "eu-central", "200.144.183.0": "sa-east", "133.11.0.0": "ap-northeast",
           "129.94.0.0": "ap-southeast"}


class Trouble(Exception):
    """One sentence for the operator."""


def addresses(number):
    return f"127.0.1.{number + 1}", f"127.0.2.{number + 1}"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def free_port():
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            try:
                datagram.bind(stream.getsockname())
            except OSError:
                continue
            return stream.getsockname()[1]


def query(port, subnet=None, name=NAME, timeout=0.5):
    """The addresses of an answer, or None."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    message = struct.pack(">6H", 0x6762, 0, 1, 0, 0, 1 if subnet else 0) + labels + struct.pack(">xHH", 1, 1)
    if subnet:
        message += struct.pack(">xHHIHHHHBB", 41, 1232, 0, 11, 8, 7, 1, 24, 0) + socket.inet_aton(subnet)[:3]
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        try:
            s.connect(("127.0.0.1", port))
            s.send(message)
            answer = s.recv(4096)
        except OSError:
            return None
    return read_addresses(answer, 12 + len(labels) + 5)


def read_addresses(answer, at):
    found = []
    for _ in range(struct.unpack(">H", answer[6:8])[0]):
        while answer[at] not in (0,) and answer[at] < 192:
            at += 1 + answer[at]
        at += 2 if answer[at] else 1
        kind, _, _, size = struct.unpack(">HHIH", answer[at:at + 10])
        at += 10 + size
        if kind == 1:
            found.append(socket.inet_ntoa(answer[at - 4:at]))
    return found


def tree(pid):
    """A process and its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                pass
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def memory_mb(pids):
    """What they hold in memory: each its own, and what is shared once, whoever else shares it."""
    own, shared = 0, [0]
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                kb = {line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\n")}
        except OSError:
            continue
        own += kb["Private_Clean"] + kb["Private_Dirty"]
        shared.append(kb["Shared_Clean"] + kb["Shared_Dirty"])
    return (own + max(shared)) / 1024


class Backends:
    """Listeners behind all addresses, on one port: they take a connection and close it."""

    def __init__(self):
        self.listener = socket.create_server(("0.0.0.0", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.close()


class Server:
    """A program and its children, on one core, until end()."""

    def __init__(self, argv, port, log, garbled=False):
        self.port, self.log, self.garbled = port, log, garbled
        self.began = time.monotonic()
        with open(log, "ab") as file:
            self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CORE), *argv], stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=file)
        self.start_ms = self.wait_answer()

    def tail(self):
        with open(self.log, errors="replace") as file:
            return file.read()[-800:]

    def wait_answer(self, deadline_s=60):
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - self.began > deadline_s:
                self.end()
                raise Trouble(f"{self.log}: it does not answer; its log ends with: {self.tail()}")
            time.sleep(0.002)
        return (time.monotonic() - self.began) * 1000

    def answers(self):
        answer = query(self.port, timeout=0.05)
        return answer is not None if self.garbled else bool(answer)

    def pids(self):
        return tree(self.process.pid)

    def alive(self):
        return self.process.poll() is None

    def end(self):
        """By their ids: the first one may have left children behind."""
        pids = self.pids() if self.alive() else []
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in pids[1:]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Geo:
    """The databases that the user named, and what the others can read of them."""

    def __init__(self, names, folder):
        self.folder, self.read_by_all = folder, None
        os.makedirs(folder, exist_ok=True)
        self.databases = [os.path.abspath(name) for name in names.split(",") if name]
        for database in self.databases:
            if not os.access(database, os.R_OK):
                raise Trouble(f"{database}: it cannot be read")

    def nested(self):
        """One file in MaxMind's schema, with coordinates; made once."""
        if self.read_by_all is None:
            self.read_by_all = self.find_nested() or self.make_nested()
        return self.read_by_all

    def find_nested(self):
        for database in self.databases:
            if mmdb_nest.is_nested(database):
                return database
        return None

    def make_nested(self):
        out = os.path.join(self.folder, "nested.mmdb")
        newest = max(os.path.getmtime(database) for database in self.databases)
        names = os.path.join(self.folder, "nested.from")
        made_from = open(names).read() if os.path.exists(names) else ""
        if made_from != repr(self.databases) or not os.path.exists(out) or os.path.getmtime(out) < newest:
            print("making a database of it that the others can read (a few seconds)", flush=True)
            mmdb_nest.convert(self.databases[:2], out)
            write(names, repr(self.databases))
        return out


def gslbctl(build, socket_path, *arguments):
    done = subprocess.run([os.path.join(build, "gslbctl"), "-s", socket_path, "--json", *arguments], capture_output=True,
                          text=True, timeout=30)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def say(text):
    print(text, flush=True)


def main(function):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)) # so that what was started is ended
    try:
        os.sched_setaffinity(0, {LOAD_CORE})
        sys.exit(function())
    except Trouble as trouble:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)
