#!/usr/bin/python3
"""Two gslb-relays in one region, each with a name, a log and caches of its own, and one in another: whatever is made by one is done by all."""
import signal
import threading
import time

from fleet_rig import Fleet, Monitor
from lab import Lab, main, seen, test, wait_for
from relay_rig import Rig, redis

ALL = ("eu", "eu-2", "us")

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 300
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=a,b; rank=order; ttl=5"
a._pool TXT "v=pool1; check=none; ramp=0s"
a._pool SRV 0 1 80 lb.a
lb.a A 192.0.2.1
b._pool TXT "v=pool1; check=none; ramp=0s"
b._pool SRV 0 1 80 lb.b
lb.b A 192.0.2.2
"""


def three(stack, **more):
    return Fleet(stack, seconds={"eu-2": "eu"}, **more)


def lag(fleet, at, of):
    return next(row for row in fleet.rigs[at].ctl("relay", "lag")["lag"] if row["region"] == of)


@test
def what_one_makes_all_do(stack):
    """an event made at each of three relays, two of them of one region, is done by the caches of all three, once; --wait and receipts name them"""
    fleet = three(stack)
    told = {name: Monitor(stack, fleet.redis[name]) for name in ALL}
    fleet.put(*ALL)
    for name in ALL:
        result = fleet.rigs[name].ctl("purge", "key", name, "--wait", "30s")
        assert sorted(result["regions"]) == list(ALL), result
        assert {n: r.get("region") for n, r in result["regions"].items()} == {"eu": None, "eu-2": "eu", "us": None}, result
        assert result["id"].startswith(name + ":"), result
        wait_for("its receipts", lambda name=name, result=result: all(
            r["state"] == "done" for r in fleet.rigs[name].ctl("purge", "receipts", result["id"], expect=None)["regions"].values()))
    fleet.wait_empty()
    for name in ALL:
        wait_for(f"{name}'s log of what it was told", lambda name=name: all(told[name].dropped(key) for key in ALL))
        assert [told[name].dropped(key) for key in ALL] == [1, 1, 1], told[name].lines
        assert [row["region"] for row in fleet.rigs[name].ctl("relay", "lag")["lag"]] == ["eu", "us", "eu-2"]
        findings = fleet.rigs[name].ctl("bus", "check")["findings"]
        assert {f["cache"] for f in findings if f["level"] == "ok"} >= set(ALL), findings
        status = fleet.status(name)
        assert (status["name"], status["region"]) == (name, fleet.relays[name]) and status["bus_trouble"] == "", status
    assert fleet.rigs["us"].ctl("relay", "tail", "eu-2")["events"], "us hears what eu-2 made"
    fleet.put("only")
    result = fleet.rigs["us"].ctl("purge", "key", "only", "--regions", "eu", "--wait", "30s")
    assert sorted(result["regions"]) == ["eu", "eu-2"] and fleet.has("us", "only"), result
    seen("each key dropped once by each of three; a region is all of its relays")


@test
def overrides_are_in_force_on_all(stack):
    """an override is in force on every host, and the answer counts hosts, since a region has two"""
    fleet = three(stack)
    for name in ALL[::-1]:  # an override is in force on a host when its gslbd has it
        gslbd = Lab(stack, {"svc.example": ZONE}, workers=1, extra={
            "server": {"region": fleet.relays[name], "identity": f"host-{name}"}, "relay": {"socket": fleet.rigs[name].socket},
            "bus": fleet.rigs[name].bus})
        gslbd.start()
    wait_for("it to reach all", lambda: gslbd.ctl("force", "a", "down", "--for", "1h", "--why", "a test", "--wait", "5s", expect=None)
             ["fleet"]["in_force"] == 3, 60)
    answer = gslbd.ctl("clear", "a", "--wait", "20s")["fleet"]
    assert answer["hosts"] and answer["of"] == 3 and sorted(answer["regions"]) == list(ALL), answer
    digests = {name: fleet.rigs[name].ctl("relay", "overrides")["digest"] for name in ALL}
    assert len(set(digests.values())) == 1, digests


class Load(threading.Thread):
    """Keys purged in turn at the relays that are there, each key at one; what was said yes to."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.fleet, self.taken, self.stop, self.n = fleet, {name: [] for name in ALL}, False, 0
        self.start()

    def run(self):
        while not self.stop:
            name, key = ALL[self.n % len(ALL)], f"l{self.n}"
            self.n += 1
            self.fleet.put(key)
            try:
                if self.fleet.purge(name, key):
                    self.taken[name].append(key)
            except (OSError, ValueError):  # it is killed just now
                pass
            time.sleep(0.005)


@test
def one_of_two_is_killed_under_load(stack):
    """one of the two killed with -9 under load, and started again: nothing is lost by any of the three, and its sibling is given nothing twice"""
    fleet = three(stack)
    load = Load(fleet)
    for life in range(3):
        before = load.n
        wait_for("some load", lambda before=before: load.n > before + 60)
        fleet.rigs["eu-2"].relay.kill(signal.SIGKILL)
        fleet.put(f"alone{life}")
        result = fleet.rigs["us"].ctl("purge", "key", f"alone{life}", "--wait", "1s", expect=3)["regions"]
        assert result["eu-2"]["state"] == "pending", result
        wait_for("its sibling to have done it", lambda life=life: not fleet.has("eu", f"alone{life}"))
        fleet.rigs["eu-2"].start()
    load.stop = True
    load.join()
    taken = sum(load.taken.values(), [])
    wait_for("all to be gone everywhere", lambda: not any(fleet.has(name, *taken) for name in ALL), 60)
    fleet.wait_empty(60)
    client = fleet.client("eu")
    for name, others in {"us": "eu", "eu-2": "eu"}.items():
        given = client.ask(f"$JS.{fleet.relays[name]}.API.CONSUMER.INFO.INV_{name}.relay-{others}")["delivered"]
        assert given["consumer_seq"] == given["stream_seq"], (name, given)
    assert all(lag(fleet, at, of)["behind"] == 0 for at in ALL for of in ALL)
    seen(f"{len(taken)} events of three relays done by all, eu-2 killed three times; eu was given each of them once")


@test
def one_of_two_is_away_for_too_long(stack):
    """one of the two is away for longer than events are kept: it alone is told to drop everything when it is back"""
    fleet = three(stack, cache={"flush-all": "yes"}, relay=", keep: 5s")
    fleet.wait_empty(60)
    fleet.put("missed", "stays")
    before = {name: fleet.status(name)["coarse"] for name in ALL}
    fleet.rigs["eu-2"].relay.kill(signal.SIGKILL)
    assert fleet.purge("us", "missed")
    wait_for("us to keep it no longer", lambda: fleet.status("us")["let_go"] > 0 and fleet.status("us")["outbox"] == 0, 60)
    wait_for("its server, too", lambda: fleet.client("us").ask("$JS.API.STREAM.INFO.INV_us")["state"]["messages"] == 0, 60)
    fleet.rigs["eu-2"].start()
    wait_for("eu-2 to be emptied", lambda: not fleet.has("eu-2", "missed", "stays"), 60)
    fleet.wait_empty(60)
    assert fleet.has("eu", "stays") and not fleet.has("eu", "missed") and fleet.has("us", "stays")
    assert all(fleet.status(name)["coarse"] == before[name] for name in ("eu", "us")), (before, fleet.status("eu"))


@test
def two_with_one_name(stack):
    """two hosts with one name on the bus say so, in the log and in their status; with a name of its own the second one joins, and nothing is lost"""
    fleet = Fleet(stack)
    second = Rig(stack, [], "eu")
    fleet.redis["eu-2"], row = redis(stack, second)
    second.caches, second.bus, second.identity = [row], dict(fleet.rigs["eu"].bus), "host-two"
    fleet.rigs["eu-2"] = second
    second.start()
    for name in ("eu", "eu-2"):
        wait_for(f"{name} to say so", lambda name=name: "has our name on the bus, eu: give each a bus.name of its own" in
                 fleet.status(name)["bus_trouble"])
        assert "has our name on the bus" in fleet.rigs[name].relay.text()
    made = fleet.rigs["eu-2"].say("invalidate", event={"class": "key", "items": [{"k": "made"}]})
    assert made["ok"], made
    second.relay.kill(signal.SIGTERM)
    relays = ["eu", "us", "eu-2@eu"]
    second.bus.update(name="eu-2", relays=relays)
    second.start()
    wait_for("eu to say that it does not know it", lambda: "add eu-2@eu to bus.relays" in fleet.status("eu")["bus_trouble"], 60)
    for name in ("eu", "us"):  # without a restart
        fleet.rigs[name].bus["relays"] = relays
        fleet.rigs[name].reload()
    fleet.relays["eu-2"] = "eu"
    began = time.monotonic()
    for name in ALL:
        wait_for(f"{name} to be heard by all", lambda name=name: fleet.confirmed(name, "hello-" + name), 60)
    took_s = time.monotonic() - began
    fleet.put("made", "after")
    assert fleet.purge("eu-2", "after")
    wait_for("all to have it", lambda: not any(fleet.has(name, "after") for name in ALL))
    fleet.wait_empty(60)
    for name in ALL:
        wait_for(f"{name} to be content", lambda name=name: fleet.status(name)["bus_trouble"] == "", 60)
    seen(f"noticed by both; with names of their own all three heard each other within {took_s:.1f} s")


if __name__ == "__main__":
    main()
