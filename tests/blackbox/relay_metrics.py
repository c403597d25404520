#!/usr/bin/python3
"""What gslb-relay measures, for Prometheus: how long things took, how far regions are behind, and how much of what it drops was there."""
import os
import re
import signal
import socket
import threading
import time
import urllib.request

from caches_rig import kresd, memcached, powerdns
from fleet_rig import Fleet
from lab import SOURCE, free_port, main, test, wait_for
from relay_rig import Authority, Rig, command, redis, resolve, unbound, write


def door(rig):
    """Where its figures are, once it is started."""
    http = free_port()
    write(os.path.join(rig.folder, "tokens"), "shop 0123456789abcdef\n")
    rig.relay_section = f", listen: 127.0.0.1@{http}, token-file: tokens"
    return http


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return {name.removeprefix("gslb_relay_"): float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}


@test
def how_long_it_took(stack):
    """metrics: a purge that waited is in its region's histogram by its priority, and how far each region is"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache]
    http = door(rig)
    rig.start()
    for n in range(3):
        rig.ctl("purge", "key", f"k{n}", "--wait", "10s")
    rig.ctl("purge", "key", "nobody-waits")
    wait_for("all receipts", lambda: metrics(http)['receipt_floor{region="eu-west"}'] >= 4)
    found = metrics(http)
    assert found['e2e_applied_seconds_count{region="eu-west",prio="2"}'] == 3, found
    assert found['e2e_applied_seconds_bucket{region="eu-west",prio="2",le="+Inf"}'] == 3, found
    assert found['e2e_applied_seconds_bucket{region="eu-west",prio="2",le="0.0005"}'] <= found['e2e_applied_seconds_bucket{region="eu-west",prio="2",le="10"}']
    assert found['flush_seconds_count{target="kv"}'] >= 4 and found['flush_seconds_sum{target="kv"}'] > 0, found


@test
def how_much_of_it_was_there(stack):
    """effective ratio: of keys and tags that redis is told to drop, and of keys of memcached, the part that they had; nothing before the first"""
    rig = Rig(stack, [])
    kv, row = redis(stack, rig)
    port, other = memcached(stack, rig)
    rig.caches = [row, dict(other, name="mc")]
    http = door(rig)
    rig.start()
    assert not [name for name in metrics(http) if name.startswith("effective_ratio")]
    command(kv, "MSET shop:a 1 shop:b 1\r\n")
    command(kv, "SADD shop:tag:t shop:b\r\n")
    command(port, "set a 0 0 1\r\n1\r\n")
    rig.ctl("purge", "key", "a", "c", "d", "--wait", "10s")
    rig.ctl("purge", "tag", "t", "--wait", "10s")
    found = metrics(http)
    assert found['effective_ratio{target="kv"}'] == 0.5, found
    assert abs(found['effective_ratio{target="mc"}'] - 1 / 3) < 0.001, found
    rig.ctl("relay", "bench", "--n", "5")
    assert metrics(http)['effective_ratio{target="kv"}'] == 0.5


class Answers(threading.Thread):
    """An HTTP cache that answers what it is told to."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.port, self.status, self.socket = free_port(), 200, socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(16)
        stack.callback(self.socket.close)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            with s:
                s.recv(65536)
                s.sendall(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % self.status)


@test
def a_cache_that_always_says_yes_says_nothing(stack):
    """an HTTP cache that says 200 to every purge has no effective ratio until it says 404 for the first time"""
    cache = Answers(stack)
    rig = Rig(stack, [{"type": "http", "name": "web", "url": f"http://127.0.0.1:{cache.port}/"}])
    http = door(rig)
    rig.start()
    for n in range(3):
        rig.ctl("purge", "url", f"http://www.example/{n}", "--wait", "10s")
    assert not [name for name in metrics(http) if name.startswith("effective_ratio")]
    cache.status = 404
    rig.ctl("purge", "url", "http://www.example/away", "--wait", "10s")
    cache.status = 200
    rig.ctl("purge", "url", "http://www.example/there", "--wait", "10s")
    assert metrics(http)['effective_ratio{target="web"}'] == 0.5


def names_that_were_there(stack, start):
    authority = Authority(stack)
    rig = Rig(stack, [])
    port, cache = start(stack, rig, authority.port)
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    rig.caches = [cache]
    http = door(rig)
    rig.start()
    wait_for("the first flush", lambda: rig.ctl("relay", "status")["active"] == 0, 10)
    resolve(port, "there.svc.example")
    for name in ("there.svc.example", "never.svc.example"):
        rig.ctl("purge", "name", name, "--wait", "10s")
    assert metrics(http)['effective_ratio{target="resolver"}'] == 0.5


@test
def names_that_powerdns_had(stack):
    """effective ratio: PowerDNS says how many records it wiped"""
    names_that_were_there(stack, powerdns)


@test
def names_that_knot_resolver_had(stack):
    """effective ratio: Knot Resolver says how many records it cleared"""
    names_that_were_there(stack, kresd)


@test
def how_long_until_it_was_verified(stack):
    """a failover's name is asked for after its last flush, 2.5 seconds behind the first: its time is in the resolver's histogram"""
    authority = Authority(stack)
    rig = Rig(stack, [])
    port, cache = unbound(stack, rig, authority.port)
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    rig.caches = [dict(cache, verify=f"127.0.0.1@{port}", authority=f"127.0.0.1@{authority.port}")]
    http = door(rig)
    rig.start()
    rig.say("invalidate", wait_ms=5000, event={"class": "dns", "prio": 0, "items": [{"n": "www.svc.example", "t": ["A"]}]})
    found = wait_for("it to be verified", lambda: (m := metrics(http)).get('e2e_verified_seconds_count{target="resolver"}') and m, 20)
    assert found['e2e_verified_seconds_count{target="resolver"}'] == 1 and found['e2e_verified_seconds_sum{target="resolver"}'] >= 2.4, found
    assert found['e2e_verified_seconds_bucket{target="resolver",le="1"}'] == 0, found


@test
def how_far_a_region_is_behind(stack):
    """the other region's relay away: its lag in seconds and events rises, in the figures and in relay lag, and ends with its return; every event
    that the bus took is in its histogram"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    eu.relay.kill(signal.SIGTERM)
    http = door(eu)
    eu.start()
    fleet.rigs["us"].relay.kill(signal.SIGTERM)
    made = time.monotonic()
    assert all([fleet.purge("eu", f"k{n}") for n in range(5)])
    mine, theirs = ('region_lag_seconds{origin="eu",region="%s"}' % region for region in ("eu", "us"))
    found = wait_for("us to be behind", lambda: (m := metrics(http))[theirs] >= 1 and m[mine] == 0 and m, 20)
    assert found[theirs] <= time.monotonic() - made + 0.1 and found['region_lag_events{region="us"}'] == 5, found
    row = next(row for row in eu.ctl("relay", "lag")["lag"] if row["region"] == "us")
    assert row["behind"] == 5 and row["behind_s"] >= found[theirs], row
    fleet.rigs["us"].start()
    wait_for("us to have all", lambda: metrics(http)[theirs] == 0, 30)
    found = metrics(http)
    assert found["publish_seconds_count"] >= 5 and found["publish_seconds_sum"] > 0, found
    assert found['publish_seconds_bucket{le="+Inf"}'] == found["publish_seconds_count"], found


def in_the_manual():
    """What the section METRICS of gslb-relay(8) names: its headings, without labels and kinds."""
    with open(os.path.join(SOURCE, "man", "gslb-relay.8")) as f:
        section = re.search(r"^\.SH METRICS$(.*?)^\.SH", f.read(), re.S | re.M).group(1)
    headings = re.findall(r"^\.BR ([a-z].*)$", section, re.M)
    return [name for heading in headings for name in re.findall(r"[a-z][a-z0-9_]+", re.sub(r"\{[^}]*\}|\([^)]*\)", "", heading))]


@test
def the_manual_has_them_all(stack):
    """every figure has its place in the manual page, once, and every figure of the page is there"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    eu.relay.kill(signal.SIGTERM)
    http = door(eu)
    eu.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as reply:
        there = [line.split()[2].removeprefix("gslb_relay_") for line in reply.read().decode().splitlines() if line.startswith("# TYPE ")]
    # a bus without certificates has none that ends
    assert sorted(in_the_manual()) == sorted([*there, "bus_certificate_end_timestamp_seconds"]), set(in_the_manual()) ^ set(there)


@test
def what_is_counted(stack):
    """a new log's coarse flush, what came twice, waits, was moot, was refused or could not be done: each in its figure"""
    cache = Answers(stack)
    rig = Rig(stack, [])
    port, kv = redis(stack, rig)
    rig.caches = [dict(kv, **{"flush-all": "yes"}), {"type": "http", "name": "web", "url": f"http://127.0.0.1:{cache.port}/"}]
    http = door(rig)
    rig.start()
    found = wait_for("the new log's flush", lambda: (m := metrics(http))['flush_total{target="kv",result="ok"}'] == 1 and m)
    assert found["coarse_flush_total"] == 1 and found["made_total"] == 0, found
    rig.ctl("relay", "pause", "kv")
    for _ in range(3):
        rig.ctl("purge", "key", "one")
    found = wait_for("them to wait", lambda: (m := metrics(http))['coalesced_total{target="kv"}'] == 2 and m)
    assert found['pending{target="kv"}'] == 1, found
    assert found["active"] == 3 and found["outbox_rows"] == 3 and 0 < found["outbox_oldest_seconds"] < 60, found
    rig.ctl("relay", "resume", "kv")
    wait_for("them to be done", lambda: metrics(http)["outbox_rows"] == 0)
    cache.status = 403
    rig.ctl("purge", "url", "http://www.example/no", "--wait", "10s", expect=3)
    rig.ctl("purge", "key", "no key", expect=1)
    assert rig.say("invalidate", event={"class": "key", "items": [{"k": "late"}], "exp": 1})["ok"]
    found = wait_for("the last one", lambda: (m := metrics(http))["moot_total"] == 1 and m)
    assert found["dlq"] == found["failed_total"] == found['flush_total{target="web",result="err"}'] == found["refused_total"] == 1, found
    assert found["made_total"] == found["events_total"] == 5, found
    assert [found[name] for name in ("dup_total", "gap_total", "let_go_total", "spoofed_total", "forbidden_total", "log_failures_total")] == [0] * 6


main()
