#!/usr/bin/python3
"""Periodic state from host to host: what a client of gslb-relay says in one region is heard by those of the others, over a real bus."""
import os
import pwd
import socket
import struct
import subprocess

from fleet import Fleet
from lab import BUILD, Program, Skip, free_port, main, test, wait_for
from relay_rig import Rig, program, redis, write

KINDS = ("votes", "latency", "load", "hot")


def body_of(kind, body, seq, full=True, epoch=1, region="-", node="-"):
    head = b"GS" + struct.pack("<BBBHHQQ", 1, KINDS.index(kind), full, 0, 1, epoch, seq)
    return head + b"".join(bytes([len(x)]) + x.encode() for x in (region, node)) + body


class Client:
    """What gslb-health and gslbd do over the socket."""

    def __init__(self, stack, rig, kinds=("votes", "latency", "load", "hot")):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.callback(self.socket.close)
        self.socket.settimeout(10)
        self.socket.connect(rig.socket + ".state")
        self.seq = 0
        self.socket.send(b"h" + bytes([sum(1 << KINDS.index(k) for k in kinds)]))
        packet = self.socket.recv(70000)
        if packet[:1] == b"r":
            raise PermissionError(packet[1:].decode())
        assert packet[:1] == b"w", packet
        self.bus, self.region, self.node = packet[1:2] == b"1", *packet[2:].decode().split()

    def say(self, kind, body, full=True, epoch=1):
        self.seq += 1
        self.socket.send(b"s" + body_of(kind, body, self.seq, full, epoch))

    def hear(self, timeout=5):
        """(region, node, kind, full, body, age_ms); None when nothing comes."""
        self.socket.settimeout(timeout)
        try:
            packet = self.socket.recv(70000)
        except TimeoutError:
            return None
        if packet[:1] == b"w":
            self.bus = packet[1:2] == b"1"
            return self.hear(timeout)
        assert packet[:1] == b"a" and packet[5:8] == b"GS\x01", packet[:20]
        age, kind, full = struct.unpack("<I", packet[1:5])[0], packet[8], packet[9]
        at, labels = 5 + 25, []
        for _ in range(2):
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        return labels[0], labels[1], KINDS[kind], bool(full), packet[at:], age


@test
def what_one_says_all_others_hear_once(stack):
    """a client's words reach the clients of the other region with their origin, each once though a change is said three times; of kinds that
    they asked for, and its own do not come back"""
    fleet = Fleet(stack)
    eu, us, us_load = (Client(stack, fleet.rigs[r], kinds) for r, kinds in (("eu", KINDS), ("us", KINDS), ("us", ("load",))))
    assert (eu.region, us.region) == ("eu", "us") and eu.bus
    eu.say("votes", b"all of it")
    assert us.hear()[:5] == ("eu", eu.node, "votes", True, b"all of it")
    eu.say("load", b"7", full=False)
    assert us.hear()[:5] == ("eu", eu.node, "load", False, b"7")
    assert us_load.hear()[2:5] == ("load", False, b"7"), "votes were not asked for"
    assert us.hear(1.5) is None, "a repetition was passed on"
    assert eu.hear(0.1) is None, "its own words came back"
    eu.say("hot", b"x" * 60000)
    assert us.hear()[4] == b"x" * 60000
    late = Client(stack, fleet.rigs["us"])
    heard = {h[2]: h for h in (late.hear(), late.hear())}
    assert heard["votes"][4] == b"all of it" and heard["votes"][5] >= 1500, "who comes late is told what was said in full"
    assert heard["hot"][4] == b"x" * 60000
    heard = {h["kind"]: h for h in fleet.rigs["us"].ctl("relay", "state")["origins"]}
    assert set(heard) == {"votes", "load", "hot"} and heard["hot"]["bytes"] > 60000, heard
    text = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", fleet.rigs["us"].socket, "relay", "state"], capture_output=True, text=True)
    assert "votes" in text.stdout and eu.node in text.stdout, text


@test
def a_cut_is_told_and_nothing_old_comes_after_it(stack):
    """while the region's own server is away its relay says so to its clients, what is said then is lost, and what is said after is heard"""
    fleet = Fleet(stack)
    eu, us = Client(stack, fleet.rigs["eu"]), Client(stack, fleet.rigs["us"])
    fleet.servers["eu"].process.kill()
    fleet.servers["eu"].process.wait()
    wait_for("eu to say that the bus is away", lambda: eu.hear(0.2) or not eu.bus)
    eu.say("votes", b"into the void")
    fleet.start_server("eu")
    wait_for("eu to say that the bus is back", lambda: eu.hear(0.2) or eu.bus, 20)

    def through():
        eu.say("votes", b"after")
        return us.hear(0.5)
    assert wait_for("us to hear eu again", through, 20)[4] == b"after"


@test
def nobody_speaks_for_another(stack):
    """what comes on another's subject, from a region that is not known, or damaged, is refused; a kind that is not known is passed over"""
    port = free_port()
    rig = Rig(stack, [], "eu")
    rig.caches = [redis(stack, rig)[1]]
    server = write(os.path.join(rig.folder, "nats.conf"),
                   f'server_name: eu\nlisten: 127.0.0.1:{port}\njetstream {{ store_dir: "{rig.folder}/js", domain: eu, max_mem: 64MB, max_file: 1GB }}\n')
    Program(stack, "nats", [program("nats-server"), "-c", server], rig.folder)
    rig.bus = {"servers": [f"nats://127.0.0.1:{port}"], "regions": ["eu", "us"]}
    rig.start()
    client = Client(stack, rig)
    wait_for("the bus", lambda: client.hear(0.1) or client.bus, 10)
    with socket.create_connection(("127.0.0.1", port)) as bus:
        bus.recv(4096)
        bus.sendall(b'CONNECT {"verbose":false}\r\n')

        def publish(subject, data):
            bus.sendall(f"PUB {subject} {len(data)}\r\n".encode() + data + b"\r\n")
        publish("gslb.state.us.a.votes", body_of("votes", b"spoofed", 1, region="us", node="b"))
        publish("gslb.state.us.a.votes", body_of("votes", b"spoofed", 2, region="eu", node="a"))
        publish("gslb.state.us.a.load", body_of("votes", b"spoofed", 3, region="us", node="a"))
        publish("gslb.state.us.a.votes", b"GS\x01garbage")
        publish("gslb.state.us.a.votes", b"")
        publish("gslb.state.us.a.votes", body_of("votes", b"x" * 100000, 4, region="us", node="a"))
        publish("gslb.state.us.a.tomorrow", b"whatever")
        publish("gslb.state.us.a.votes", body_of("votes", b"real", 5, region="us", node="a"))
        assert client.hear()[4] == b"real"
        publish(f"gslb.state.eu.{client.node}.votes", body_of("votes", b"not I", 9, epoch=99, region="eu", node=client.node))
        before = rig.ctl("relay", "state")["said"]
        client.say("votes", b"mine")
        wait_for("the relay to have said it", lambda: rig.ctl("relay", "state")["said"] > before)
        publish(f"gslb.state.eu.{client.node}.votes", body_of("votes", b"not I", 10, epoch=99, region="eu", node=client.node))
    rig.relay.wait_log("another host calls itself")
    assert client.hear(0.3) is None
    status = rig.ctl("relay", "state")
    assert status["refused"] == 5, status
    assert "it speaks for another" in rig.relay.text()


@test
def who_may_speak_is_decided_by_credentials(stack):
    """root may; nobody else who is not gslbd's or gslb-health's user; a user that only probes says votes alone"""
    if os.geteuid() != 0:
        raise Skip("only root can be another user")
    rig = Rig(stack, [], "eu")
    rig.caches = [redis(stack, rig)[1]]
    write_conf = rig.write_conf

    def with_probe_user():
        write_conf()
        with open(rig.conf) as f:
            text = f.read().replace("region: eu }", "region: eu, probe-user: daemon }")
        write(rig.conf, text)
    rig.write_conf = with_probe_user
    rig.start()

    def as_user(name, code):
        user = pwd.getpwnam(name)

        def become():
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        return subprocess.run(["/usr/bin/python3", "-c", code], preexec_fn=become, capture_output=True, text=True, timeout=20)
    code = f"""
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect({rig.socket + ".state"!r})
s.settimeout(5)
try:
    s.send(bytes([104, 15]))
except OSError:
    pass  # why is there to be read
try:
    print(s.recv(70000))
except ConnectionResetError:  # it closed with our words unread; its own are there still
    print(s.recv(70000))
for packet in ({b"s" + body_of("load", b"L", 1)!r}, {b"s" + body_of("votes", b"V", 2)!r}):
    s.send(packet)
time.sleep(0.3)
"""
    client = Client(stack, rig)
    assert "may not say or hear state" in as_user("nobody", code).stdout, as_user("nobody", code)
    out = as_user("daemon", code)
    assert "b'w0eu " in out.stdout, out
    assert client.hear()[2:5] == ("votes", True, b"V") and client.hear(0.2) is None, "a prober spoke of load"


if __name__ == "__main__":
    main()
