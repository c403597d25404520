#!/usr/bin/python3
"""gslbctl relay bench: how long events take, measured where they are made; and nothing that a cache has is dropped by it."""
import signal

from fleet_rig import Fleet, Monitor
from lab import main, test, wait_for
from relay_rig import Rig, command, redis

PARTS = ("p50", "p90", "p99", "max")


@test
def a_bench_of_one_host(stack):
    """so many events as asked for, each timed until the log has it and until the caches were told, at the rate that was asked for; of what the
    cache has nothing goes"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache]
    rig.start()
    command(port, "MSET shop:a 1 shop:gslb-bench 1\r\n")
    monitor = Monitor(stack, port)
    wait_for("the monitor", lambda: monitor.lines)
    bench = rig.ctl("relay", "bench", "--n", "50", "--rate", "50")["bench"]
    assert bench["took_s"] >= 0.9 and bench["rate"] <= 55 and bench["partly"] == 0, bench
    for times in (bench["logged_ms"], bench["regions"]["eu-west"], bench["everywhere_ms"]):
        assert times["n"] == 50 and times["errors"] == 0 and 0 < times["p50"] and [times[p] for p in PARTS] == sorted(times[p] for p in PARTS), bench
    assert bench["logged_ms"]["p50"] < bench["everywhere_ms"]["p50"], bench
    assert command(port, "EXISTS shop:a shop:gslb-bench\r\n") == ":2\r\n"
    dropped = wait_for("all to be seen", lambda: len(found := [line for line in monitor.lines if '"UNLINK"' in line.upper()]) >= 50 and found)
    assert len(dropped) == 50 and all(f'"shop:gslb-bench:{bench["keys"]}:' in line for line in dropped), dropped[:3]
    one = rig.ctl("relay", "bench", "--n", "1")["bench"]["logged_ms"]
    assert one["n"] == 1 and one["p50"] == one["max"], one
    for wrong in (("--n", "0"), ("--n", "many"), ("--rate", "0"), ("x",)):
        rig.ctl("relay", "bench", *wrong, expect=2)
        assert "relay bench: " in rig.error, rig.error


@test
def a_bench_of_a_fleet(stack):
    """each region's times, and those of the slowest; with a region away it ends with status 3 and names it, and then does not run, since not all
    is done, but with --force"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    bench = eu.ctl("relay", "bench", "--n", "200", "--wait", "60s")["bench"]
    assert {name: r["n"] for name, r in bench["regions"].items()} == {"eu": 200, "us": 200} and bench["everywhere_ms"]["n"] == 200, bench
    assert bench["everywhere_ms"]["max"] == max(r["max"] for r in bench["regions"].values()), bench
    fleet.wait_empty()
    fleet.rigs["us"].relay.kill(signal.SIGTERM)
    bench = eu.ctl("relay", "bench", "--n", "10", "--wait", "5s", expect=3)["bench"]
    assert bench["regions"]["us"]["n"] == 0 and bench["regions"]["eu"]["n"] == 10 and bench["partly"] == 10, bench
    assert "us (0 of 10 confirmed" in eu.error and "eu (" not in eu.error, eu.error
    eu.ctl("relay", "bench", "--n", "10", expect=1)
    assert "not idle" in eu.error and "10 are in the outbox" in eu.error, eu.error
    fleet.rigs["us"].start()
    eu.ctl("relay", "bench", "--n", "10", "--wait", "60s", "--force")


main()
