#!/usr/bin/python3
"""Measures gslb-health at scale: so many distinct endpoints on 127/8, probed at an interval, and what that costs. The backends
are a process of their own. Prints figures, asserts nothing."""
import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))
import lab
from health_rig import DOWN, UP, Health, target

FARM = os.path.join(lab.BUILD, "tests", "bench", "farm")
# name: check, what the farm does; None: nobody listens
RUNS = {
    "tcp": ("tcp", "accept"),
    "tcp-refused": ("tcp", None),
    "http-refused": ("http", None),
    "http-503": ("http", "503"),
    "http-early": ("http", "early"),
    "http-silent": ("http", "silent"),
    "http-ok": ("http", "200"),
    "dns-refused": ("dns", None),
}


def address(i):
    return f"127.{1 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    lines = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status") if ":" in line)
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["VmHWM"].split()[0]) / 1024


def start_farm(stack, port, does):
    farm = subprocess.Popen([FARM, str(port), does], stdout=subprocess.PIPE)
    stack.callback(farm.wait)
    stack.callback(farm.kill)
    assert farm.stdout.readline() == b"ready\n"
    return farm


def done(stats):
    return sum(sum(check["results"].values()) for check in stats.checks.values())


def measure(name, count, interval_s, seconds):
    check, does = RUNS[name]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gslb-probes-"))
        port = lab.free_port()
        farm = start_farm(stack, port, does) if does else None
        health = Health(stack, folder, nslots=count)
        pid = health.program.process.pid
        health.plan([target(i, check, port, address(i), interval=interval_s * 1000, timeout=2000, fall=3, qname="svc.example") for i in range(count)])
        marks = [cpu_s(pid), cpu_s(farm.pid) if farm else 0, done(health.board.stats()), time.monotonic()]
        figures = []
        for phase in ("start", "steady"):
            end = time.monotonic() + (3 * interval_s if phase == "start" else seconds)
            while time.monotonic() < end:
                health.read(0.2)
            stats, now = health.board.stats(), time.monotonic()
            fresh = [cpu_s(pid), cpu_s(farm.pid) if farm else 0, done(stats), now]
            cpu, farm_cpu, probes, took = (b - a for a, b in zip(marks, fresh))
            marks = fresh
            rss, peak = memory_mb(pid)
            figures.append(f"{phase}: {probes / took:.0f} probes/s, cpu {cpu / took:.3f} cores "
                           f"({cpu / max(probes, 1) * 1e6:.0f} us a probe), farm {farm_cpu / took:.3f}, rss {rss:.0f} MB "
                           f"(peak {peak:.0f}), late max {stats.late_max_us / 1000:.0f} ms, over 1 s: {stats.late.beyond(1.0)}, "
                           f"over 100 ms: {stats.late.beyond(0.1)} of {stats.late.count}")
        states = [health.board[i].state for i in range(count)]
        results = {k: v for k, v in stats.checks[check]["results"].items()}
        print(f"{name}: {count} endpoints every {interval_s} s")
        for line in figures:
            print(f"  {line}")
        print(f"  up {states.count(UP)}, down {states.count(DOWN)}; results {results}, reused {stats.checks[check]['reused']}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interval", type=int, default=10, help="seconds between probes of one endpoint")
    parser.add_argument("--seconds", type=int, default=30, help="how long to measure")
    parser.add_argument("runs", nargs="+", help="RUN:COUNT, with RUN one of " + " ".join(RUNS))
    options = parser.parse_args()
    for run in options.runs:
        name, _, count = run.partition(":")
        measure(name, int(count), options.interval, options.seconds)


if __name__ == "__main__":
    main()
