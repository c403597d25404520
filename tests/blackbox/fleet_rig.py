"""Two regions and a hub on one machine: nats-servers, a gslb-relay and a redis in each region, and wires between them that a test cuts. Shared by
fleet.py and the programs of the faults."""
import json
import os
import socket
import subprocess
import threading
import time

import lab
from lab import BUILD, Program, free_port, wait_for
from relay_rig import Rig, command, program, redis, write
from tcp_rig import Tcp, hang_up, join

REGIONS = ("eu", "us")
lab.DEADLINE = max(lab.DEADLINE, 60)  # so many programs on a busy machine


class Wire(Tcp):
    """A TCP forwarder that can be cut: what is connected is closed, and nobody gets in until it is joined again. Or it swallows: everybody
    stays connected, and what is sent does not come through, towards the far side, the near one, or both; when the hole closes it does, as TCP
    sends it again, and so does an end."""

    def __init__(self, stack, to):
        self.to, self.whole, self.pairs, self.swallowing = to, True, [], set()
        super().__init__(stack, self.join_pair, free_port())

    def held(self, way):
        while way in self.swallowing:
            time.sleep(0.005)

    def heard(self, way, data):
        """What was said, as it goes on."""
        return data

    def join_pair(self, near):
        if not self.whole:
            return
        self.held("far")
        with socket.create_connection(("127.0.0.1", self.to)) as far:
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.pairs.append((near, far))
            join(near, far, self.held, self.heard)

    def cut(self):
        self.whole = False
        with self.lock:
            for pair in self.pairs:
                hang_up(*pair)
            self.pairs = []

    def swallow(self, *ways):
        self.swallowing = set(ways or ("far", "near"))

    def join_again(self):
        self.whole, self.swallowing = True, set()


class Client:
    """As much of NATS as it takes to say and to ask something."""

    def __init__(self, port, context=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.rest, self.asked = b"", 0
        self.line()
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n')
        self.greeting = self.line()

    def more(self):
        data = self.socket.recv(65536)
        self.rest += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.rest:
            if not self.more():
                return "closed"
        line, self.rest = self.rest.split(b"\r\n", 1)
        if line == b"PING":  # the server's own, now and then
            self.socket.sendall(b"PONG\r\n")
            return self.line()
        return line.decode()

    def say(self, subject, text):
        self.socket.sendall(f"PUB {subject} {len(text)}\r\n{text}\r\nPING\r\n".encode())
        return self.line()

    def ask(self, subject, body=""):
        """A request's answer, which is JSON."""
        self.asked += 1
        inbox = f"_INBOX_relay_test.{self.asked}"
        text = body if isinstance(body, str) else json.dumps(body)
        self.socket.sendall(f"SUB {inbox} {self.asked}\r\nUNSUB {self.asked} 1\r\nPUB {subject} {inbox} {len(text)}\r\n{text}\r\n".encode())
        while not (line := self.line()).startswith("MSG "):
            assert line != "closed" and not line.startswith("-ERR"), line
        length = int(line.split()[-1])
        while len(self.rest) < length + 2:
            assert self.more()
        answer, self.rest = self.rest[:length], self.rest[length + 2:]
        return json.loads(answer)


class Monitor(threading.Thread):
    """What a redis is told, as lines."""

    def __init__(self, stack, port):
        super().__init__(daemon=True)
        self.lines, self.socket = [], socket.create_connection(("127.0.0.1", port))
        stack.callback(self.socket.close)
        self.socket.sendall(b"MONITOR\r\n")
        self.start()

    def run(self):
        with self.socket.makefile(errors="replace") as lines:
            try:
                for line in lines:
                    self.lines.append(line)
            except (OSError, ValueError):
                pass

    def dropped(self, key):
        """How often the key was dropped."""
        return sum('"UNLINK"' in line.upper() and f'"shop:{key}"' in line for line in self.lines)


class Fleet:
    """hub: more of the hub's configuration. max_file: of the regions' JetStream. through: regions whose relay reaches its server by a wire
    (relay_wires). folders: where a region's server and relay keep their files, instead of its rig's folder. cache: more of each redis's row.
    relay, bus: more of these sections. seconds: more relays, {NAME: REGION}, which share their region's server; a region's first one is called
    as the region is."""

    def __init__(self, stack, hub="", max_file="1GB", through=(), folders=None, cache=None, relay="", bus=None, seconds=None):
        self.stack, self.rigs, self.redis, self.wires, self.ports, self.servers, self.relay_wires = stack, {}, {}, {}, {}, {}, {}
        self.max_file, self.folders, self.bus_more = max_file, folders or {}, bus or {}
        self.relays = dict({region: region for region in REGIONS}, **(seconds or {}))
        rig = Rig(stack, [])
        self.hub_folder, leaf, self.hub_port = rig.folder, free_port(), free_port()
        # a leaf learns the hub's own address, and would go round the wire that a test cuts: it is told one where nobody is
        self.hub = self.server(rig.folder, "hub", f"""
server_name: hub
listen: 127.0.0.1:{self.hub_port}
leafnodes {{ listen: 127.0.0.1:{leaf}, advertise: "127.0.0.1:1" }}
{hub.replace("FOLDER", rig.folder)}
""")
        for region in REGIONS:
            rig = Rig(stack, [], region)
            self.rigs[region], self.ports[region] = rig, free_port()
            self.wires[region] = self.link(leaf)
            self.start_server(region)
            port = self.ports[region]
            if region in through:
                self.relay_wires[region] = Wire(stack, port)
                port = self.relay_wires[region].port
            self.start_relay(region, port, cache, relay)
        for name in seconds or {}:
            self.rigs[name] = Rig(stack, [], self.relays[name])
            self.start_relay(name, self.ports[self.relays[name]], cache, relay)
        for name in self.relays:
            wait_for(f"{name} to hear the others", lambda name=name: self.confirmed(name, "hello"), 30)

    def link(self, leaf):
        """From a region's server to the hub."""
        return Wire(self.stack, leaf)

    def start_relay(self, name, port, cache, more):
        rig = self.rigs[name]
        self.redis[name], row = redis(self.stack, rig)
        rig.caches = [dict(row, **(cache or {}))]
        rig.state = os.path.join(self.folders[name], "state") if name in self.folders else rig.state
        rig.relay_section = more
        rig.bus = self.bus(self.relays[name], port)
        if len(self.relays) > len(REGIONS):
            rig.identity = "host-" + name
            rig.bus.update(name=name, relays=[n if n == region else f"{n}@{region}" for n, region in self.relays.items()])
        rig.start()

    def server(self, folder, name, text):
        conf = write(os.path.join(folder, name + ".conf"), text)
        return Program(self.stack, "nats-" + name, [program("nats-server"), "-c", conf], folder)

    def store(self, region):
        return os.path.join(self.folders.get(region, self.rigs[region].folder), "js")

    def start_server(self, region):
        self.servers[region] = self.server(self.rigs[region].folder, region, f"""
server_name: {region}-1
listen: 127.0.0.1:{self.ports[region]}
ping_interval: "5s"
ping_max: 2
jetstream {{ store_dir: "{self.store(region)}", domain: {region}, max_mem: 64MB, max_file: {self.max_file} }}
leafnodes {{ reconnect: 1, remotes: [ {{ url: "nats-leaf://127.0.0.1:{self.wires[region].port}" }} ] }}
{self.server_section(region)}
""")

    def server_section(self, region):
        """More of a region's server's configuration."""
        return ""

    def bus(self, region, port):
        """The section bus of a region's relay."""
        return {"servers": [f"nats://127.0.0.1:{port}"], "regions": list(REGIONS), **self.bus_more}

    def confirmed(self, region, key, wait="2s"):
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", self.rigs[region].socket, "purge", "key", key, "--wait", wait],
                              capture_output=True)
        return done.returncode == 0

    def purge(self, region, *keys):
        """True when the log has it."""
        return self.rigs[region].say("invalidate", event={"class": "key", "items": [{"k": k} for k in keys]})["ok"]

    def status(self, region):
        return self.rigs[region].ctl("relay", "status")

    def client(self, region):
        client = Client(self.ports[region])
        self.stack.callback(client.socket.close)
        return client

    def stream(self, region):
        """How many messages its stream holds, and the last one's number."""
        client = Client(self.ports[region])
        with client.socket:
            state = client.ask(f"$JS.API.STREAM.INFO.INV_{region}")["state"]
        return state["messages"], state["last_seq"]

    def change_stream(self, region, **changes):
        client = self.client(region)
        config = client.ask(f"$JS.API.STREAM.INFO.INV_{region}")["config"]
        answer = client.ask(f"$JS.API.STREAM.UPDATE.INV_{region}", dict(config, **changes))
        assert "error" not in answer, answer

    def put(self, *keys):
        for name in self.relays:
            command(self.redis[name], "MSET " + " ".join(f"shop:{key} 1" for key in keys) + "\r\n")

    def has(self, region, *keys):
        return command(self.redis[region], "EXISTS " + " ".join("shop:" + k for k in keys) + "\r\n") != ":0\r\n"

    def wait_empty(self, deadline=30):
        """Nobody waits for anything any more."""
        wait_for("the outboxes to be empty", lambda: all(self.status(region)["outbox"] == 0 for region in self.relays), deadline)
