#!/usr/bin/python3
"""What gslb-relay is measured by: examples/fleet under a thousand events a second for a minute, and a storm of a hundred thousand keys with a
failover in its middle. Prints figures, and whether they are what is promised. usage: relay.py [--seconds 60] [--rate 1000] [--keys 100000]"""
import argparse
import bisect
import contextlib
import itertools
import json
import os
import random
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))
EXAMPLE = os.path.realpath(os.path.join(HERE, "..", "..", "examples", "fleet"))
from lab import BUILD, free_ports, wait_for  # noqa: E402
from relay_load import Line, Redis  # noqa: E402
from relay_rig import Rig, redis  # noqa: E402


missed = []


def verdict(name, value, most, unit):
    print(f"{name}: {value:.1f} {unit} (promised: at most {most:g} {unit}) {'yes' if value <= most else 'NO'}", flush=True)
    if value > most:
        missed.append(name)


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in f if line.startswith("Vm") and "kB" in line}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def writes(pid):
    with open(f"/proc/{pid}/io") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("write_bytes"))


def relay_pids(folder):
    with open(os.path.join(folder, "pids")) as f:
        for pid in map(int, f.read().split()):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
                if comm.read().strip() == "gslb-relay":
                    yield pid


def request(keys, wait_ms=0):
    event = {"class": "key", "prio": 2, "items": [{"k": k} for k in keys]}
    return json.dumps({"command": "invalidate", "args": {"event": event, "wait_ms": wait_ms}}).encode() + b"\n"


def produce(path, keys, rate, lines=16):
    """Each key at its time by whichever connection is free, as an application with a pool of them does it; and every 100 ms a purge that
    waits for both regions, by one more. One thread with one selector: more of them would measure Python's lock."""
    free, watch = [Line(path) for _ in range(lines)], selectors.DefaultSelector()
    for line in free:
        watch.register(line.socket, selectors.EVENT_READ, line)
    waiter, waited, late, asked_at, wait_at = Line(path), [], [], None, 0
    watch.register(waiter.socket, selectors.EVENT_READ, waiter)
    began, at, under_way = time.monotonic() + 0.5, 0, 0
    while at < len(keys) or under_way or asked_at:
        now = time.monotonic()
        while at < len(keys) and free and now >= began + at / rate:
            free.pop().socket.sendall(request([keys[at]]))
            late.append(now - began - at / rate)
            at, under_way = at + 1, under_way + 1
        if at < len(keys) and asked_at is None and now >= max(wait_at, began):
            waiter.socket.sendall(request([f"w{len(waited)}"], 10000))
            asked_at, wait_at = time.monotonic(), now + 0.1
        left = began + at / rate - time.monotonic() if at < len(keys) and free else 0.05
        for key, _ in watch.select(max(0, left)):
            answer = json.loads(key.data.file.readline())
            assert answer["ok"], answer
            if key.data is waiter:
                waited.append((time.monotonic() - asked_at) * 1000)
                assert all(r["state"] in ("flushed", "done") for r in answer["result"]["regions"].values()), answer
                asked_at = None
            else:
                free.append(key.data)
                under_way -= 1
    return waited, late, time.monotonic() - began, began


def burst(path, stores, n=10000):
    """As many as an application may have at once, as fast as they are taken: 16 connections, one key an event."""
    keys = [f"b{i}" for i in range(n)]
    for store in stores:
        store.put(["shop:" + k for k in keys])
    began = time.monotonic()
    waited = produce(path, keys, 1e9)[0]
    taken = time.monotonic() - began - 0.5
    wait_for("the burst to be gone in both", lambda: all(s.ask("DBSIZE") == 0 for s in stores), 60)
    print(f"a burst of {n} events: in the log within {taken:.1f} s ({n / taken:.0f} a second), gone in both regions within "
          f"{time.monotonic() - began - 0.5:.1f} s; a purge --wait in it took {max(waited):.0f} ms at most")


def steady(seconds, rate):
    """Events in eu, one key each; and every 100 ms a purge that waits for both regions."""
    folder, port = tempfile.mkdtemp(prefix="gslb-bench-"), free_ports(30)
    env = dict(os.environ, FLEET_PORT=str(port), GSLB_BIN=BUILD)
    subprocess.run([os.path.join(EXAMPLE, "start"), folder], env=env, check=True, capture_output=True, timeout=180)
    try:
        path = os.path.join(folder, "eu", "relay.sock")
        keys = [f"k{n}" for n in range(seconds * rate)]
        stores = [Redis(port + 13), Redis(port + 23)]
        for store in stores:
            store.put(["shop:" + k for k in keys])
        pids = list(relay_pids(folder))
        before = [(cpu_s(pid), writes(pid)) for pid in pids]
        waited, late, took, began = produce(path, keys, rate)
        wait_for("all to be gone in both", lambda: all(s.ask("DBSIZE") == 0 for s in stores), 30)
        print(f"{len(keys)} events in {took:.1f} s ({len(keys) / took:.0f} a second), none lost, all gone in both regions "
              f"{time.monotonic() - began - took:.1f} s after the last; the latest was {max(late) * 1000:.0f} ms behind its time")
        waited.sort()
        verdict("these events took", took, seconds * 1.02, "s")
        verdict(f"purge --wait under that load, median of {len(waited)}", statistics.median(waited), 20, "ms")
        verdict("purge --wait under that load, 99 %", waited[min(len(waited) - 1, len(waited) * 99 // 100)], 150, "ms")
        for pid, (cpu, wrote) in zip(pids, before):
            print(f"a gslb-relay: {(cpu_s(pid) - cpu) / len(keys) * 1e6:.0f} us of CPU and {(writes(pid) - wrote) / len(keys) / 1024:.1f} KiB "
                  f"written an event; load {os.getloadavg()[0]:.1f}")
        burst(path, stores)
        for pid in pids:
            verdict("a gslb-relay's memory at its highest", memory(pid)["VmHWM"], 64, "MB")
    finally:
        subprocess.run([os.path.join(EXAMPLE, "stop"), folder])
        shutil.rmtree(folder, ignore_errors=True)


def storm(nkeys, budget, asks):
    """All keys are purged while a loader asks for them, Zipf 1.0, and makes anew what is missing; in the middle one failover."""
    with contextlib.ExitStack() as stack:
        rig = Rig(stack, [])
        port, cache = redis(stack, rig)
        cache.update(budget=budget)
        rig.caches = [cache]
        rig.start()
        store, line = Redis(port), Line(rig.socket)
        keys = [f"k{n}" for n in range(nkeys)]
        store.put(["shop:" + k for k in keys] + ["shop:failover"])
        made, asked, stop = [], [0], threading.Event()
        sums = list(itertools.accumulate(1 / (n + 1) for n in range(nkeys)))

        def load():
            mine = Redis(port)
            while not stop.is_set():
                due = time.monotonic() + 200 / asks
                wanted = ["shop:" + keys[bisect.bisect(sums, random.random() * sums[-1])] for _ in range(200)]
                missing = {k for k, v in zip(wanted, mine.ask("MGET", *wanted)) if v is None}
                if missing:
                    mine.put(list(missing))
                    made.append((time.monotonic(), len(missing)))
                asked[0] += len(wanted)
                time.sleep(max(0, due - time.monotonic()))

        loader = threading.Thread(target=load)
        began = time.monotonic()
        loader.start()
        for at in range(0, nkeys, 250):
            line.purge(keys[at:at + 250], prio=3)
        taken = time.monotonic() - began
        wait_for("the storm's middle", lambda: line.ask("targets")["result"]["targets"][0]["pending"] < nkeys / 2, 600)
        at = time.monotonic()
        line.purge(["failover"], 5000, prio=0)
        failover = (time.monotonic() - at) * 1000
        gone = store.ask("EXISTS", "shop:failover") == 0
        wait_for("the storm's end", lambda: line.ask("status")["result"]["active"] == 0, 600)
        took = time.monotonic() - began
        stop.set()
        loader.join()
        times = [(t, n) for t, n in made]
        peak = max(sum(n for t, n in times if start <= t < start + 1) for start, _ in times)
        print(f"{nkeys} keys taken in within {taken:.1f} s, dropped in {took:.1f} s; {asked[0] / took:.0f} requests a second made "
              f"{sum(n for _, n in times)} anew")
        verdict("made anew in any one second", peak, budget * 1.2, "keys")
        assert gone, "the failover's key is still there"
        verdict("a failover in the middle", failover, 100, "ms")
        verdict("gslb-relay's memory at its highest", memory(rig.relay.process.pid)["VmHWM"], 256, "MB")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=100000)
    parser.add_argument("--budget", type=int, default=4000)
    parser.add_argument("--asks", type=int, default=10000)
    options = parser.parse_args()
    steady(options.seconds, options.rate)
    storm(options.keys, options.budget, options.asks)
    if missed:
        sys.exit("not met: " + "; ".join(missed))


main()
