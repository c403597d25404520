#!/usr/bin/python3
"""Measured latency on real sockets: three network namespaces a delay apart, a gslbd and resolvers in each. `--demo` shows it."""
import concurrent.futures
import os
import selectors
import shutil
import socket
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.query

from lab import BUILD, Lab, Program, Skip, main, test, wait_for
from netns_rig import call_in

ONE, TWO, THREE = 1, 2, 3
NAMES = {ONE: "one", TWO: "two", THREE: "three"}
DELAYS = ["40", "25", "90"]  # ms, one way: 1-2, 1-3, 2-3
LEAST_RTT = {(ONE, TWO): 80, (ONE, THREE): 50, (TWO, THREE): 180}
RESOLVERS = 12
LEAST = 7.5  # samples: eight are needed, and sampling goes on when time has taken of them
BURST = 25  # all of them at once: a TUN device holds 500 packets
ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 20.1.0.53
_gslb.www TXT "v=gslb1; pools=one,two,three; rank=latency,geo"
one._pool LOC 50 0 0 N 10 0 0 W 0m
one._pool TXT "v=pool1; check=none; region=one"
one._pool SRV 0 1 80 lb.one
lb.one A 192.0.2.1
two._pool LOC 50 0 0 N 10 0 0 E 0m
two._pool TXT "v=pool1; check=none; region=two"
two._pool SRV 0 1 80 lb.two
lb.two A 192.0.2.2
three._pool LOC 50 0 0 N 22 0 0 E 0m
three._pool TXT "v=pool1; check=none; region=three"
three._pool SRV 0 1 80 lb.three
lb.three A 192.0.2.3
"""
# the clients of three are said to be next to two
PLACES = "".join(f"20.{site}.0.0/16 {{'location':{{'latitude':50.0 'longitude':{longitude}}} 'country':{{'iso_code':'XX'}}}}\n"
                 for site, longitude in ((ONE, "-10.0"), (TWO, "10.0"), (THREE, "12.0")))
WWW = "www.svc.example"


class World:
    """The namespaces, and what goes between them."""

    def __init__(self, stack, folder):
        self.wan = Program(stack, "wan", [os.path.join(BUILD, "tests/blackbox/wan"), *DELAYS], folder)
        wait_for("the namespaces", lambda: "ready" in self.wan.text() or not self.wan.alive())
        if not self.wan.alive():
            raise Skip(f"no namespaces here: {self.wan.text().strip()}")
        fds = self.wan.text().split()[1:]
        self.paths = {site: f"/proc/{self.wan.pid}/fd/{fds[site - 1]}" for site in NAMES}

    def socket(self, site, kind, address):
        """A socket there."""
        def make():
            s = socket.socket(socket.AF_INET, kind)
            s.bind((address, 0))
            return s
        return call_in(self.paths[site], make)


class Region(Lab):
    """A gslbd in a namespace, at 20.SITE.0.53."""

    def __init__(self, stack, world, site, sampling):
        super().__init__(stack, {"svc.example": ZONE})
        self.world, self.site = world, site
        self.address, self.port = f"20.{site}.0.53", 53
        subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(self.folder, "test.mmdb")],
                       input=PLACES, text=True, check=True)
        self.write_conf(["test.mmdb"], workers=1, extra={
            "latency": {"interval": "1s", "sampling": "yes" if sampling else "no"},
            "server": {"region": NAMES[site], "workers": 1}})

    def start(self):
        self.gslbd = Program(self.stack, "gslbd", ["nsenter", f"--net={self.world.paths[self.site]}",
                                                   os.path.join(BUILD, "gslbd"), "-c", self.conf], self.folder)
        wait_for(f"gslbd to answer; its log ends with {self.gslbd.text()[-800:]!r}",
                 lambda: self.gslbd.alive() and "state=running version" in self.gslbd.text())

    def samples(self, site, region):
        regions = {r["region"]: r for r in self.ctl("latency", "show", f"20.{site}.100.0/24")["regions"]}
        return regions[NAMES[region]]["samples"]["network"]

    def measured(self, site):
        """What it knows of a site's resolvers, ms by region."""
        return {r["region"]: r["measured_ms"].get("network") for r in
                self.ctl("latency", "show", f"20.{site}.100.0/24")["regions"]}


class Resolver:
    """One address of a site that asks gslbds, in bursts over UDP, and over TCP when it is told to."""

    def __init__(self, world, site, number):
        self.world, self.site, self.address = world, site, f"20.{site}.100.{number}"
        self.udp = world.socket(site, socket.SOCK_DGRAM, self.address)
        self.udp.setblocking(False)
        self.message = dns.message.make_query(WWW, "A")
        self.wire = self.message.to_wire()
        self.truncated = set()  # by whom

    def send(self, region, n):
        for _ in range(n):
            self.udp.sendto(self.wire, (region.address, region.port))

    def take(self):
        """Answers that are here: how many, and the pools they name."""
        pools, n = [], 0
        while True:
            try:
                wire, source = self.udp.recvfrom(4096)
            except BlockingIOError:
                return n, pools
            n += 1
            if wire[2] & 2:  # TC
                self.truncated.add(source[0])
            else:
                pools.append(int(wire[-1]))

    def ask_tcp(self, region):
        with self.world.socket(self.site, socket.SOCK_STREAM, self.address) as s:
            s.settimeout(10)
            s.connect((region.address, region.port))
            dns.query.send_tcp(s, self.message)
            answer, _ = dns.query.receive_tcp(s, time.time() + 10)
            return int(answer.answer[0][0].address.split(".")[-1])


class Earth:
    """All of it, running."""

    def __init__(self, stack, sampling):
        # a folder of its own, which the first lab makes: the namespaces come first
        lab = Lab(stack, {})
        self.world = World(stack, lab.folder)
        self.regions = {site: Region(stack, self.world, site, sampling) for site in NAMES}
        for region in self.regions.values():
            region.start()
        self.resolvers = {site: [Resolver(self.world, site, n + 10) for n in range(RESOLVERS)] for site in NAMES}
        for resolvers in self.resolvers.values():
            for resolver in resolvers:
                stack.callback(resolver.udp.close)

    def burst(self, site, region, n, seconds=3.0):
        """Each resolver of a site asks so many times at once, over UDP. Which pools were named; lost answers do not matter."""
        selector, resolvers, pools, left = selectors.DefaultSelector(), self.resolvers[site], [], n * RESOLVERS
        for resolver in resolvers:
            selector.register(resolver.udp, selectors.EVENT_READ, resolver)
            resolver.send(region, n)
        end = time.monotonic() + seconds
        while left > 0 and time.monotonic() < end:
            for key, _ in selector.select(max(0, end - time.monotonic())):
                taken, named = key.data.take()
                left -= taken
                pools += named
        selector.close()
        return pools

    def told(self, site):
        """The pools that the gslbds name to a site's resolvers."""
        return {pool for region in self.regions.values() for pool in self.burst(site, region, 1)}

    def exchange(self, sites):
        """The maps of these hosts go to the others, as an operator would copy them."""
        for site in sites:
            source = os.path.join(self.regions[site].folder, "state", "latency.map")
            for other in self.regions.values():
                if other.site == site or not os.path.exists(source):
                    continue
                folder = os.path.join(other.folder, "state", "latency")
                os.makedirs(folder, exist_ok=True)
                target = os.path.join(folder, NAMES[site] + ".map")
                shutil.copy(source, target + ".part")
                os.rename(target + ".part", target)

    def ask_tcp(self, who):
        """Pairs of a resolver and a region, at the same time: each takes two round trips."""
        with concurrent.futures.ThreadPoolExecutor(RESOLVERS) as pool:
            return list(pool.map(lambda pair: pair[0].ask_tcp(pair[1]), who))

    def all_come_over_tcp(self):
        return self.ask_tcp([(resolver, region) for region in self.regions.values() for site in NAMES
                             for resolver in self.resolvers[site]])

    def come_over_tcp(self, site):
        """Who was told to."""
        who = [(resolver, region) for region in self.regions.values() for resolver in self.resolvers[site]
               if region.address in resolver.truncated]
        for resolver, region in who:
            resolver.truncated.discard(region.address)
        self.ask_tcp(who)

    def wait_learned(self):
        """All know how far the third's resolvers are from each region, none of it sooner than it can be, and send them there. The map
        of three comes first: whoever heard of one and two alone would choose of these, and stay with it for half an hour."""
        def heard(sites, of):
            self.come_over_tcp(THREE)
            self.exchange(of)
            for region in self.regions.values():
                self.burst(THREE, region, 5)
            return all(self.regions[at].samples(THREE, site) >= LEAST for at in sites for site in of)

        wait_for("one and two to hear of three", lambda: heard([ONE, TWO], [THREE]))
        wait_for("all to hear of all", lambda: heard(NAMES, NAMES))
        for region in self.regions.values():
            ms = region.measured(THREE)
            assert ms["three"] < ms["one"] < ms["two"], ms
            assert ms["one"] >= LEAST_RTT[ONE, THREE] and ms["two"] >= LEAST_RTT[TWO, THREE], ms
        wait_for("the resolvers of three to be told three", lambda: self.told(THREE) == {THREE})


@test
def handshakes(stack):
    """resolvers that come over TCP by themselves are measured, and the ranking follows where geography is wrong, in all regions"""
    earth = Earth(stack, sampling=False)
    assert [earth.told(site) for site in NAMES] == [{ONE}, {TWO}, {TWO}]
    assert not any(earth.burst(THREE, region, BURST) == [] for region in earth.regions.values())
    assert not any(resolver.truncated for resolver in earth.resolvers[THREE])
    assert all(region.samples(THREE, site) == 0 for region in earth.regions.values() for site in NAMES)  # UDP says nothing
    earth.all_come_over_tcp()
    earth.wait_learned()
    assert [earth.told(site) for site in NAMES] == [{ONE}, {TWO}, {THREE}]
    for region in earth.regions.values():
        assert region.ctl("latency", "show", "20.3.100.0/24")["lists"][0]["order"][0] == "three"


@test
def sampling(stack):
    """resolvers that ask over UDP alone are measured by truncation sampling, and the ranking follows just so"""
    earth = Earth(stack, sampling=True)
    assert earth.told(THREE) == {TWO}

    for region in earth.regions.values():
        def enough():
            earth.burst(THREE, region, BURST)
            earth.come_over_tcp(THREE)
            return region.samples(THREE, region.site) >= LEAST
        wait_for("samples enough", enough)
    earth.wait_learned()
    for region in earth.regions.values():
        counters = region.ctl("stats")["counters"]
        assert 8 <= counters["answers_sampled"] <= RESOLVERS, counters["answers_sampled"]  # each is asked once in ten minutes
        assert counters["answers_sampled"] * 200 <= counters["answers_steered"] + 200


def demo(stack):
    earth = Earth(stack, sampling=False)
    show = lambda: [print(f"   resolvers in {NAMES[site]:6} are sent to " + " or ".join(sorted(NAMES[p] for p in earth.told(site))))
                    for site in NAMES]
    print("Three regions, each a network namespace with a gslbd and twelve resolvers. Round trips: one-two 80 ms, one-three 50 ms,\n"
          "two-three 180 ms. The geo database has the resolvers of three next to two.\n\nBy geography:")
    show()
    print("\nEach resolver asks each gslbd once over TCP; the gslbds exchange what they measured.")
    earth.all_come_over_tcp()
    earth.wait_learned()
    print("\ngslbctl latency show 20.3.100.0/24, in one:\n")
    print("   " + earth.regions[ONE].ctl_text("latency", "show", "20.3.100.0/24").stdout.replace("\n", "\n   "))
    print("By latency:")
    show()


if __name__ == "__main__":
    if os.geteuid() != 0 and subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode == 0:
        os.execvp("unshare", ["unshare", "-Ur", sys.executable, *sys.argv])  # one's own namespaces are for everyone
    if sys.argv[1:] == ["--demo"]:
        import contextlib
        with contextlib.ExitStack() as all_of_it:
            try:
                demo(all_of_it)
            except Skip as why:
                sys.exit(str(why))
    else:
        main()
