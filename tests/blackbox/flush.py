#!/usr/bin/python3
"""gslbd, gslb-relay and resolvers together: an answer that changes is gone from the resolvers' caches, whatever its TTL was."""
import os
import signal
import time

from lab import Lab, Program, free_port, http_backend, main, test, wait_for
from relay_rig import Rig, program, write

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 300
@ NS ns1
ns1 A 127.0.0.1
static A 192.0.2.{static}
alias CNAME static
_gslb.www TXT "v=gslb1; pools={pools}; rank=order; ttl=300/5"
_gslb.*.app TXT "v=gslb1; pools=eu,us; rank=order; ttl=300/5"
eu._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms; ramp=0s"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms; ramp=0s"
us._pool SRV 0 1 {port} lb1.us
lb1.us A 127.0.20.1
"""

UNBOUND = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  module-config: "iterator"
  do-not-query-localhost: no
  do-ip6: no
  access-control: 127.0.0.0/8 allow
stub-zone:
  name: "svc.example"
  stub-addr: {address}@{upstream}
remote-control:
  control-enable: yes
  control-interface: {folder}/unbound.ctl
"""


def resolve(port, name, rdtype="A"):
    import dns.message
    import dns.query
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=port, timeout=3)
    return [r.to_text() for rrset in answer.answer for r in rrset if rrset.rdtype == 1]


class Region:
    """A region on one machine: two pools, a gslbd, an unbound that asks it, and a gslb-relay that keeps the unbound fresh."""

    def __init__(self, stack, relay=True):
        self.stack, self.backend = stack, free_port("127.0.10.1")
        self.lab = Lab(stack, {"svc.example": self.zone()}, extra={"relay": {"socket": "relay.sock"}, "zones": {"watch": "no"}})
        self.port = free_port()
        conf = write(os.path.join(self.lab.folder, "unbound.conf"),
                     UNBOUND.format(folder=self.lab.folder, port=self.port, address=self.lab.address, upstream=self.lab.port))
        self.eu = http_backend(stack, self.lab.folder, "eu", self.backend, "127.0.10.1")
        self.us = http_backend(stack, self.lab.folder, "us", self.backend, "127.0.20.1")
        self.unbound = Program(stack, "unbound", [program("unbound"), "-d", "-p", "-c", conf], self.lab.folder)
        self.rig = Rig(stack, [{"type": "unbound", "name": "ub", "socket": f"{self.lab.folder}/unbound.ctl", "zones": ["svc.example"]}])
        self.rig.socket = os.path.join(self.lab.folder, "relay.sock")
        self.lab.start()
        self.lab.wait_state("127.0.10.1", "up")
        self.lab.wait_state("127.0.20.1", "up")
        if relay:
            self.start_relay()

    def zone(self, static=1, pools="eu,us"):
        return ZONE.format(port=self.backend, static=static, pools=pools)

    def start_relay(self):
        self.rig.start()
        wait_for("the flush at the start, since the log is new", lambda: self.rig.target("ub")["done"] > 0)


@test
def a_failover_reaches_the_resolver(stack):
    """a backend killed: unbound, with the old answer for 300 s, gives the new one within a second of the verdict; likewise the way back"""
    region = Region(stack)
    wait_for("the old answer to be cached", lambda: resolve(region.port, "www.svc.example") == ["127.0.10.1"])
    region.eu.kill(signal.SIGKILL)
    region.lab.wait_state("127.0.10.1", "down")
    down = time.monotonic()
    wait_for("unbound to give the new one", lambda: resolve(region.port, "www.svc.example") == ["127.0.20.1"], 5)
    print(f"# from the verdict to unbound's new answer, s: {time.monotonic() - down:.3f}")
    region.eu = http_backend(stack, region.lab.folder, "eu-again", region.backend, "127.0.10.1")
    region.lab.wait_state("127.0.10.1", "up")
    wait_for("unbound to give the first pool again", lambda: resolve(region.port, "www.svc.example") == ["127.0.10.1"], 5)


@test
def an_override_and_a_wildcard(stack):
    """a pool forced down is out of unbound's answers at once, those of a wildcard service, too, and what has nothing to do with it stays cached"""
    region = Region(stack)
    for name in ("www", "a.app", "b.app"):
        assert resolve(region.port, f"{name}.svc.example") == ["127.0.10.1"]
    assert resolve(region.port, "static.svc.example") == ["192.0.2.1"]
    region.lab.write_zone("svc.example", region.zone(static=9))  # not loaded: only a cache that dropped it would show it, after a reload
    region.lab.ctl("force", "eu", "down", "--for", "10m", "--why", "test")
    for name in ("www", "a.app", "b.app"):
        wait_for(f"unbound to give the new {name}", lambda: resolve(region.port, f"{name}.svc.example") == ["127.0.20.1"], 3)
    assert resolve(region.port, "static.svc.example") == ["192.0.2.1"]


@test
def an_edit_reaches_the_resolver(stack):
    """records and services that an edit changed are dropped from unbound, and no others"""
    region = Region(stack)
    assert resolve(region.port, "static.svc.example") == ["192.0.2.1"] and resolve(region.port, "www.svc.example") == ["127.0.10.1"]
    assert resolve(region.port, "a.app.svc.example") == ["127.0.10.1"]
    done = region.rig.target("ub")["done"]
    region.lab.write_zone("svc.example", region.zone(static=2, pools="us,eu"))
    region.lab.ctl("reload")
    wait_for("the record", lambda: resolve(region.port, "static.svc.example") == ["192.0.2.2"], 3)
    wait_for("the service", lambda: resolve(region.port, "www.svc.example") == ["127.0.20.1"], 3)
    wait_for("the second flush", lambda: region.rig.ctl("relay", "status")["active"] == 0, 6)
    assert region.rig.target("ub")["done"] - done <= 4, region.rig.target("ub")  # two names, each twice


@test
def what_is_asked_for_most(stack):
    """gslbd tells gslb-relay which names are asked for, and how often; what nobody asked for is not in the list"""
    region = Region(stack)
    for _ in range(50):
        assert region.lab.addresses("www.svc.example") == ["127.0.10.1"]
    hot = wait_for("gslbd to tell", lambda: region.rig.ctl("relay", "hot")["hot"], 40)
    assert [(h["class"], h["value"]) for h in hot] == [("dns", "www.svc.example")] and hot[0]["rate"] > 0, hot


@test
def what_is_asked_for_most_while_zones_change_all_the_time(stack):
    """a host that takes up another zone every two seconds tells what is asked for, too"""
    region, state = Region(stack), {"next": 0, "n": 1}

    def told():
        region.lab.addresses("www.svc.example")
        if time.monotonic() >= state["next"]:
            state.update(next=time.monotonic() + 2, n=state["n"] + 1)
            region.lab.write_zone("svc.example", region.zone(static=state["n"]))
            region.lab.ctl("reload")
        return region.rig.ctl("relay", "hot")["hot"]
    hot = wait_for("gslbd to tell", told, 40)
    assert [h["value"] for h in hot] == ["www.svc.example"], hot


@test
def what_changed_while_the_relay_was_away(stack):
    """gslb-relay away during a failover: gslbd says so once, and it is told when it is back"""
    region = Region(stack)
    wait_for("the old answer", lambda: resolve(region.port, "www.svc.example") == ["127.0.10.1"])
    region.rig.relay.kill(signal.SIGKILL)
    region.lab.ctl("force", "eu", "down", "--for", "10m", "--why", "test")
    region.lab.gslbd.wait_log("program=gslb-relay state=away")
    assert resolve(region.port, "www.svc.example") == ["127.0.10.1"]
    assert resolve(region.lab.port, "www.svc.example") == ["127.0.20.1"]
    region.start_relay()
    wait_for("unbound to give the new one", lambda: resolve(region.port, "www.svc.example") == ["127.0.20.1"], 10)
    region.lab.gslbd.wait_log("program=gslb-relay state=back")
    assert region.lab.gslbd.text().count("state=away") == 1


main()
