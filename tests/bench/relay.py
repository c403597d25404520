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
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "blackbox"))
EXAMPLE = os.path.realpath(os.path.join(HERE, "..", "..", "examples", "fleet"))
from lab import BUILD, wait_for  # noqa: E402
from relay_rig import Rig, redis  # noqa: E402


class Line:
    """A connection to gslb-relay's socket that is kept."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def ask(self, command, **args):
        self.socket.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
        return json.loads(self.file.readline())

    def purge(self, keys, wait_ms=0, prio=2):
        event = {"class": "key", "prio": prio, "items": [{"k": k} for k in keys]}
        answer = self.ask("invalidate", event=event, wait_ms=wait_ms)
        assert answer["ok"], answer
        return answer["result"]


class Redis:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2]
        return int(rest) if kind == b":" else rest

    def ask(self, *words):
        self.socket.sendall(self.pack(words))
        return self.read()

    def pack(self, words):
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in map(str.encode, words))

    def put(self, keys):
        for at in range(0, len(keys), 1000):
            self.ask("MSET", *itertools.chain.from_iterable((k, "1") for k in keys[at:at + 1000]))


def verdict(name, value, most, unit):
    print(f"{name}: {value:.1f} {unit} (promised: at most {most:g} {unit}) {'yes' if value <= most else 'NO'}", flush=True)


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in f if line.startswith("Vm") and "kB" in line}


def relay_pids(folder):
    with open(os.path.join(folder, "pids")) as f:
        for pid in map(int, f.read().split()):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
                if comm.read().strip() == "gslb-relay":
                    yield pid


def steady(seconds, rate):
    """Events in eu, one key each, by four connections at their times; and every 100 ms a purge that waits for both regions."""
    folder, port = tempfile.mkdtemp(prefix="gslb-bench-"), random.randrange(20000, 28000)
    env = dict(os.environ, FLEET_PORT=str(port), GSLB_BIN=BUILD)
    subprocess.run([os.path.join(EXAMPLE, "start"), folder], env=env, check=True, capture_output=True, timeout=180)
    try:
        path = os.path.join(folder, "eu", "relay.sock")
        keys = [f"k{n}" for n in range(seconds * rate)]
        stores = [Redis(port + 13), Redis(port + 23)]
        for store in stores:
            store.put(["shop:" + k for k in keys])
        waited, late, began = [], [], time.monotonic() + 0.5

        def produce(part):
            line = Line(path)
            for n in range(part, len(keys), 4):
                due = began + n / rate
                time.sleep(max(0, due - time.monotonic()))
                line.purge([keys[n]])
                late.append(time.monotonic() - due)

        def wait():
            line, n = Line(path), 0
            while any(t.is_alive() for t in producers):
                at = time.monotonic()
                answer = line.purge([f"w{n}"], 10000)
                waited.append((time.monotonic() - at) * 1000)
                assert all(r["state"] in ("flushed", "done") for r in answer["regions"].values()), answer
                n += 1
                time.sleep(0.1)

        producers = [threading.Thread(target=produce, args=(part,)) for part in range(4)]
        for t in producers:
            t.start()
        waiter = threading.Thread(target=wait)
        waiter.start()
        for t in producers:
            t.join()
        took = time.monotonic() - began
        waiter.join()
        wait_for("all to be gone in both", lambda: all(s.ask("DBSIZE") == 0 for s in stores), 30)
        print(f"{len(keys)} events in {took:.1f} s ({len(keys) / took:.0f} a second), all gone in both regions "
              f"{time.monotonic() - began - took:.1f} s after the last; the latest was {max(late) * 1000:.0f} ms behind its time")
        waited.sort()
        verdict(f"purge --wait under that load, median of {len(waited)}", statistics.median(waited), 20, "ms")
        verdict("purge --wait under that load, 99 %", waited[min(len(waited) - 1, len(waited) * 99 // 100)], 150, "ms")
        for pid in relay_pids(folder):
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
        verdict(f"a failover in the middle ({'gone' if gone else 'NOT GONE'})", failover, 100, "ms")
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


main()
