#!/usr/bin/python3
"""Verdicts of a fleet: three regions vote on endpoints, over a real bus. Four hosts (two of them in one region), each with a gslbd and its
gslb-health in a network namespace, from which a path to an endpoint can be cut, and a gslb-relay; a nats-server a region, and a hub. The
backends are in a namespace of their own."""
import os
import subprocess
import sys
import time

from fleet_rig import Wire
from lab import BACKEND, BUILD, REALTIME, Lab, Program, Skip, free_port, main, test, wait_for
from netns_rig import call_in
from relay_rig import program, write

REGIONS = ("ap", "eu", "us")
HOSTS = (("ap", "a1"), ("eu", "e1"), ("eu", "e2"), ("us", "u1"))
POOLS = {"one": "10.78.1.1", "two": "10.78.2.1", "three": "10.78.3.1"}
ANCHORS = ("10.78.9.1", "10.78.9.2", "10.78.9.3")
LONG = 90  # s: thirty until silence, and patience
ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 300
@ NS ns1
ns1 A 127.0.0.1
""" + "".join(f"""
_gslb.{name} TXT "v=gslb1; pools={name},{other}; rank=order; ttl=30/5"
{name}._pool TXT "v=pool1; check=tcp; interval=1s; timeout=1s; ramp=0s"
{name}._pool SRV 0 1 80 lb.{name}
lb.{name} A {POOLS[name]}
""" for name, other in (("one", "two"), ("two", "three"), ("three", "one")))


class Space:
    """A network namespace, which ends with the process that holds it."""

    def __init__(self, stack, folder, name):
        self.holder = Program(stack, name, ["unshare", "--net", "sleep", "100000"], folder)
        self.path = f"/proc/{self.holder.pid}/ns/net"
        own = os.stat("/proc/self/ns/net").st_ino
        try:
            wait_for("a namespace", lambda: not self.holder.alive() or os.stat(self.path).st_ino != own)
            assert self.holder.alive()
        except (AssertionError, OSError):
            raise Skip(f"no network namespaces here: {self.holder.text().strip()}") from None
        self.run("ip", "link", "set", "lo", "up")

    def inside(self, *words):
        return ["nsenter", f"--net={self.path}", *words]

    def run(self, *words):
        done = subprocess.run(self.inside(*words), capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"

    def call(self, function):
        return call_in(self.path, function)


class World(Space):
    """Where the backends are."""

    def __init__(self, stack, folder):
        super().__init__(stack, folder, "world")
        for address in (*POOLS.values(), *ANCHORS):
            self.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        self.stack, self.folder, self.lives, self.backends = stack, folder, 0, {}
        for pool in POOLS:
            self.start(pool)

    def start(self, pool):
        self.lives += 1
        self.backends[pool] = Program(self.stack, f"backend-{self.lives}",
                                      self.inside(sys.executable, "-c", BACKEND, "80", POOLS[pool]), self.folder)
        self.backends[pool].wait_log("ready")

    def stop(self, pool):
        self.backends[pool].kill()


class Host(Lab):
    def __init__(self, fleet, number, region, name):
        self.fleet, self.region, self.name = fleet, region, name
        super().__init__(fleet.stack, {"svc.example": ZONE}, workers=1, extra={
            "server": {"region": region, "identity": name},
            "health": {"anchors": [f"{a}@80" for a in ANCHORS]},
            "relay": {"socket": "relay.sock"},
            "bus": {"servers": [f"nats://127.0.0.1:{fleet.nats_ports[region]}"], "regions": list(REGIONS)}})
        self.space = Space(fleet.stack, self.folder, "space")
        try:
            self.space.run("ip", "link", "add", "wan", "type", "veth", "peer", "name", name, "netns", str(fleet.world.holder.pid))
        except AssertionError as why:
            raise Skip(f"no way between namespaces here: {why}") from None
        self.space.run("ip", "address", "add", f"10.77.{number}.2/24", "dev", "wan")
        self.space.run("ip", "link", "set", "wan", "up")
        fleet.world.run("ip", "address", "add", f"10.77.{number}.1/24", "dev", name)
        fleet.world.run("ip", "link", "set", name, "up")
        self.space.run("ip", "route", "add", "10.78.0.0/16", "via", f"10.77.{number}.1")
        self.relay = Program(self.stack, "relay", [os.path.join(BUILD, "gslb-relay"), "-c", self.conf], self.folder)
        self.relay.wait_log("state=running")
        self.gslbd = Program(self.stack, "gslbd", self.space.inside(os.path.join(BUILD, "gslbd"), "-c", self.conf), self.folder)
        wait_for(f"gslbd to answer; its log ends with {self.gslbd.text()[-800:]!r}",
                 lambda: self.gslbd.alive() and "state=running version" in self.gslbd.text())

    def cut(self, *addresses):
        """The ways to these addresses; none: to the whole world."""
        for address in addresses or (*POOLS.values(), *ANCHORS):
            self.space.run("ip", "route", "add", "unreachable", f"{address}/32")

    def mend(self):
        for address in (*POOLS.values(), *ANCHORS):
            subprocess.run(self.space.inside("ip", "route", "del", "unreachable", f"{address}/32"), capture_output=True)

    def status(self):
        return self.ctl("status")

    def slot(self, pool):
        return self.endpoint(POOLS[pool])

    def answer(self, pool):
        """What the service of that name is answered with, and its TTL."""
        got = self.space.call(lambda: self.query(f"{pool}.svc.example"))
        return [(r.address, rrset.ttl) for rrset in got.answer for r in rrset][0]

    def address_of(self, pool):
        return self.answer(pool)[0]


class Fleet:
    def __init__(self, stack):
        self.stack = stack
        hub, self.leaf = Lab(stack, {}).folder, free_port()
        self.world = World(stack, hub)
        self.server(hub, "hub", f"""
server_name: hub
listen: 127.0.0.1:{free_port()}
leafnodes {{ listen: 127.0.0.1:{self.leaf}, advertise: "127.0.0.1:1" }}
""")
        self.nats_ports, self.wires = {}, {}
        for region in REGIONS:
            self.nats_ports[region], self.wires[region] = free_port(), Wire(stack, self.leaf)
            self.server(hub, region, f"""
server_name: {region}-1
listen: 127.0.0.1:{self.nats_ports[region]}
ping_interval: "2s"
ping_max: 2
jetstream {{ store_dir: "{hub}/js-{region}", domain: {region}, max_mem: 64MB, max_file: 1GB }}
leafnodes {{ reconnect: 1, remotes: [ {{ url: "nats-leaf://127.0.0.1:{self.wires[region].port}" }} ] }}
""")
        self.hosts = {name: Host(self, number, region, name) for number, (region, name) in enumerate(HOSTS)}
        self.wait_all("all up, by the votes of all", lambda h: all(self.votes(h, pool) == "uuu" for pool in POOLS))
        self.wait_equal()

    def __getitem__(self, name):
        return self.hosts[name]

    def server(self, folder, name, text):
        conf = write(os.path.join(folder, name + ".conf"), text)
        return Program(self.stack, "nats-" + name, [program("nats-server"), "-c", conf], folder)

    def wait_all(self, what, condition, deadline=60, hosts=None):
        for host in hosts or self.hosts.values():
            try:
                wait_for(f"{host.region}/{host.name}: {what}", lambda host=host: condition(host), deadline)
            except AssertionError as error:
                raise AssertionError(f"{error}; it has {host.ctl('endpoints')['endpoints']}") from None

    @staticmethod
    def votes(host, pool):
        """Of ap, eu and us: u up, d down, s silent; in the order of names."""
        votes = {v["region"]: v["says"][0] for v in host.slot(pool).get("votes", [])}
        return "".join(votes.get(region, "-") for region in REGIONS)

    def states(self, pool):
        return {name: host.slot(pool)["state"] for name, host in self.hosts.items()}

    def wait_equal(self, deadline=60):
        start = time.monotonic()
        wait_for("equal digests on all hosts", lambda: len({h.status()["fleet"]["digest"] for h in self.hosts.values()}) == 1, deadline)
        return time.monotonic() - start

    def transitions(self):
        return {(name, pool): host.slot(pool)["transitions"] for name, host in self.hosts.items() for pool in POOLS}


@test
def three_vantages(stack):
    """one cut off abstains; a path's cut is its region's view alone; the bus away takes no verdict, a minority no pool; digests equal after it"""
    fleet = Fleet(stack)

    # a backend dies: all see it, all say so, and all are answered by the next pool
    fleet.world.stop("one")
    fleet.wait_all("one down, by the votes of all", lambda h: h.slot("one")["state"] == "down" and fleet.votes(h, "one") == "ddd")
    fleet.wait_all("the other pool answers", lambda h: h.address_of("one") == POOLS["two"])
    fleet.world.start("one")
    fleet.wait_all("one up", lambda h: h.slot("one")["state"] == "up" and fleet.votes(h, "one") == "uuu")
    fleet.wait_equal()

    # a reload leaves gslbd and its votes as they are
    pids, before = {name: host.status()["pid"] for name, host in fleet.hosts.items()}, fleet.transitions()
    for host in fleet.hosts.values():
        for _ in range(3):
            host.ctl("reload")
    fleet.wait_all("still up", lambda h: all(fleet.votes(h, pool) == "uuu" for pool in POOLS))
    assert pids == {name: host.status()["pid"] for name, host in fleet.hosts.items()}
    assert fleet.transitions() == before, (before, fleet.transitions())

    # 1. a vantage that is cut off from the world abstains, and no verdict changes anywhere
    before = fleet.transitions()
    fleet["u1"].cut()
    wait_for("us to abstain", lambda: fleet["u1"].status()["health"]["abstaining"])
    fleet.wait_all("us to be silent", lambda h: all(fleet.votes(h, pool) == "uus" for pool in POOLS))
    assert any("abstains" in a for a in fleet["u1"].status()["alarms"]), fleet["u1"].status()["alarms"]
    fleet.wait_equal()
    fleet.wait_all("each pool to answer", lambda h: all(h.address_of(pool) == POOLS[pool] for pool in POOLS))
    assert fleet.transitions() == before, (before, fleet.transitions())
    fleet["u1"].mend()
    fleet.wait_all("us to vote again", lambda h: all(fleet.votes(h, pool) == "uuu" for pool in POOLS))
    assert fleet.transitions() == before, (before, fleet.transitions())

    # 2. one path is cut: a lone host is a vote, two that agree are their region's view, and nobody else's
    fleet["u1"].cut(POOLS["three"])
    fleet.wait_all("us to say down of three", lambda h: fleet.votes(h, "three") == "uud")
    assert set(fleet.states("three").values()) == {"up"}, fleet.states("three")
    fleet["e1"].cut(POOLS["two"])
    fleet["e2"].cut(POOLS["two"])
    fleet.wait_all("eu to say down of two", lambda h: fleet.votes(h, "two") == "udu")
    fleet.wait_all("two down", lambda h: h.slot("two")["state"] == "down" and h.slot("two")["regional"],
                   hosts=[fleet["e1"], fleet["e2"]])
    assert fleet.states("two") == {"a1": "up", "e1": "down", "e2": "down", "u1": "up"}, fleet.states("two")
    fleet.wait_all("its own view", lambda h: h.address_of("two") == POOLS["three" if h.region == "eu" else "two"])
    said = fleet["e1"].ctl_text("explain", "three.svc.example", "127.0.0.1").stdout
    assert "votes on" in said and "us down" in said, said
    fleet.wait_equal()
    assert "region" in fleet["e1"].ctl_text("endpoints", "two").stdout, fleet["e1"].ctl_text("endpoints", "two").stdout
    for host in fleet.hosts.values():
        host.mend()
    fleet.wait_all("all up again", lambda h: all(fleet.votes(h, pool) == "uuu" and h.slot(pool)["state"] == "up" for pool in POOLS))

    # 3. us is a minority: what it sees takes nothing out of the majority, nor out of itself; the majority decides for itself
    before = fleet.transitions()
    fleet.wires["us"].cut()
    fleet["u1"].cut(POOLS["two"])
    wait_for("us to be without a majority", lambda: fleet["u1"].status()["fleet"]["frozen"] == 3, LONG)
    wait_for("us to say down", lambda: fleet.votes(fleet["u1"], "two") == "ssd")
    fleet.wait_all("us to be silent", lambda h: fleet.votes(h, "two") == "uus", hosts=[h for h in fleet.hosts.values() if h.region != "us"])
    assert set(fleet.states("two").values()) == {"up"} and fleet.transitions() == before, fleet.states("two")
    fleet.world.stop("three")
    fleet.wait_all("three down", lambda h: h.slot("three")["state"] == "down", hosts=[h for h in fleet.hosts.values() if h.region != "us"])
    assert fleet["u1"].slot("three")["state"] == "up" and fleet["u1"].slot("three")["frozen"], fleet["u1"].slot("three")
    fleet["u1"].mend()
    fleet.wait_all("us to say up", lambda h: fleet.votes(h, "two") == "ssu", hosts=[fleet["u1"]])
    joined = time.monotonic()
    fleet.wires["us"].join_again()
    # the leaf link itself takes a second or more to come back
    wait_for("us to be heard", lambda: fleet.votes(fleet["a1"], "two") == "uuu")
    took = fleet.wait_equal()
    print(f"# equal digests {took:.2f} s after us was heard again, {time.monotonic() - joined:.2f} s after the wire was whole")
    assert not REALTIME or took <= 2, took
    fleet.wait_all("three down everywhere", lambda h: h.slot("three")["state"] == "down")

    # 4. the bus is away altogether: nobody's verdict is taken, each region goes on answering
    for wire in fleet.wires.values():
        wire.cut()
    before = fleet.transitions()
    fleet.wait_all("no majority", lambda h: h.status()["fleet"]["frozen"] == 3, LONG)
    assert fleet.transitions() == before, (before, fleet.transitions())
    fleet.wait_all("answers as before", lambda h: (h.address_of("one"), h.address_of("two"), h.address_of("three")) ==
                   (POOLS["one"], POOLS["two"], POOLS["one"]))
    fleet.world.start("three")
    for wire in fleet.wires.values():
        wire.join_again()
    fleet.wait_all("three up again", lambda h: h.slot("three")["state"] == "up")
    took = fleet.wait_equal()
    print(f"# equal digests {took:.2f} s after all were heard again")
    fleet.wait_all("a majority of all", lambda h: h.status()["fleet"]["frozen"] == 0)


if __name__ == "__main__":
    main()
