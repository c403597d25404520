#!/usr/bin/python3
"""Two regions and a hub: three nats-servers, a gslb-relay and a redis in each region. What is purged in one is gone in both, over cuts and
kills."""
import signal
import statistics
import subprocess
import time

from fleet_rig import REGIONS, Fleet
from lab import BUILD, main, test, wait_for


@test
def a_purge_is_confirmed_by_both_regions(stack):
    """what is purged in one region is gone in both, and --wait says in how many milliseconds; only where it was asked for"""
    fleet = Fleet(stack)
    fleet.put("a", "b")
    result = fleet.rigs["eu"].ctl("purge", "key", "a", "--wait", "30s")
    assert sorted(result["regions"]) == ["eu", "us"] and not fleet.has("eu", "a") and not fleet.has("us", "a"), result
    result = fleet.rigs["us"].ctl("purge", "key", "b", "--regions", "eu", "--wait", "30s")
    assert sorted(result["regions"]) == ["eu"], result
    assert not fleet.has("eu", "b") and fleet.has("us", "b")
    took = [fleet.rigs["eu"].ctl("purge", "key", f"t{n}", "--wait", "30s")["took_ms"] for n in range(100)]
    print(f"# confirmed in both regions, ms: median {statistics.median(took)}, p99 {sorted(took)[98]}")
    wait_for("the outboxes to be empty", lambda: all(r.ctl("relay", "status")["outbox"] == 0 for r in fleet.rigs.values()))


@test
def a_cut_loses_nothing(stack):
    """the link cut while both sides purge: each does its own at once, says that the other is pending, and catches up within seconds of the mend"""
    fleet = Fleet(stack)
    keys = {region: [f"{region}{n}" for n in range(100)] for region in REGIONS}
    fleet.put(*keys["eu"], *keys["us"])
    for wire in fleet.wires.values():
        wire.cut()
    for region in REGIONS:
        for key in keys[region]:
            subprocess.run([f"{BUILD}/gslbctl", "-s", fleet.rigs[region].socket, "purge", "key", key], check=True,
                           capture_output=True)
        result = fleet.rigs[region].ctl("purge", "key", "last" + region, "--wait", "300ms", expect=3)
        assert sorted(r["state"] for r in result["regions"].values())[-1] == "pending", result
        wait_for(f"{region} to have done its own", lambda region=region: not fleet.has(region, *keys[region]))
    assert fleet.has("eu", *keys["us"]) and fleet.has("us", *keys["eu"])
    for wire in fleet.wires.values():
        wire.join_again()
    mended = time.monotonic()
    wait_for("both to have all", lambda: not any(fleet.has(r, *keys["eu"], *keys["us"]) for r in REGIONS), 30)
    print(f"# all caught up {time.monotonic() - mended:.2f} s after the mend")
    wait_for("the outboxes to be empty", lambda: all(r.ctl("relay", "status")["outbox"] == 0 for r in fleet.rigs.values()), 30)


@test
def servers_and_relays_killed(stack):
    """nats-servers and relays killed with -9 while events are made: what was said yes to is done in both regions"""
    fleet = Fleet(stack)
    taken = []
    for life in range(4):
        for n in range(50):
            key = f"k{life}-{n}"
            fleet.put(key)
            if n == 20:
                fleet.servers["eu"].kill(signal.SIGKILL)
                fleet.start_server("eu")
            if n == 35:
                fleet.rigs["us"].relay.kill(signal.SIGKILL)
                fleet.rigs["us"].start()
            if n == 45:
                fleet.rigs["eu"].relay.kill(signal.SIGKILL)
            done = subprocess.run([f"{BUILD}/gslbctl", "-s", fleet.rigs["eu"].socket, "purge", "key", key], capture_output=True)
            if done.returncode == 0:
                taken.append(key)
        fleet.rigs["eu"].start()
    assert len(taken) >= 170, len(taken)
    wait_for("all of them to be gone in both", lambda: not any(fleet.has(r, *taken) for r in REGIONS), 60)
    wait_for("the outbox to be empty", lambda: fleet.rigs["eu"].ctl("relay", "status")["outbox"] == 0, 60)


@test
def a_store_that_forgot(stack):
    """the bus's files are lost with all that it had taken: the outbox offers again what nobody had a receipt for"""
    fleet = Fleet(stack)
    keys = [f"f{n}" for n in range(50)]
    fleet.put(*keys)
    fleet.wires["us"].cut()
    for key in keys:
        fleet.rigs["eu"].ctl("purge", "key", key)
    wait_for("the bus to have taken them", lambda: fleet.stream("eu")[0] >= len(keys))
    fleet.servers["eu"].kill(signal.SIGKILL)
    subprocess.run(["rm", "-rf", f"{fleet.rigs['eu'].folder}/js"], check=True)
    fleet.start_server("eu")
    fleet.wires["us"].join_again()
    wait_for("us to have all", lambda: not fleet.has("us", *keys), 60)


@test
def a_flood_comes_once(stack):
    """a thousand events, one after the other: both regions do all, and the bus gives none of them twice"""
    fleet = Fleet(stack)
    keys = [f"q{n}" for n in range(1000)]
    fleet.put(*keys)
    for key in keys:
        assert fleet.purge("eu", key)
    wait_for("both to have dropped all", lambda: not fleet.has("eu", *keys) and not fleet.has("us", *keys))
    fleet.wait_empty()
    given = fleet.client("eu").ask("$JS.API.CONSUMER.INFO.INV_eu.relay-us")["delivered"]
    assert given["consumer_seq"] == given["stream_seq"], given


@test
def a_stop_amid_a_flood(stack):
    """gslb-relay told to stop while events pour in ends with exit status 0, again and again, and the next one does the rest"""
    fleet = Fleet(stack)
    us = fleet.rigs["us"]
    us.relay.kill(signal.SIGTERM)
    keys = [f"p{n}" for n in range(1000)]
    fleet.put(*keys)
    for key in keys:
        assert fleet.purge("eu", key)
    for wait_s in (0, 0.02, 0.05, 0.1):
        us.start()
        time.sleep(wait_s)
        us.relay.kill(signal.SIGTERM)
        assert us.relay.process.returncode == 0, us.relay.process.returncode
    us.start()
    wait_for("us to have dropped all", lambda: not fleet.has("us", *keys))
    fleet.wait_empty()


if __name__ == "__main__":
    main()
