#!/usr/bin/python3
"""Measure gslbd, the kernel's floor and the other servers that are installed, side by side. All are started on core 0, and then
asked in turn, one second each and that for many rounds, with the load on the last core, over loopback: a shared machine may be half as
fast from one minute to the next, but a round is over before that, so that what is compared had the same moment. A server that is not asked
takes next to nothing.

usage: peers.py --build DIR --geo FILE[,FILE] [--rounds N] [--seconds N] [--warm N] [--ecs v4|v6|none|opt|mix] [SERVER…]

Prints a table and writes it, and each run's figures, to DIR/bench/. A figure is the median of the rounds, with its quartiles; a ratio is
the median of those of each round."""
import argparse
import contextlib
import glob
import os
import platform
import shutil
import statistics
import subprocess
import time

import rig
import servers
from rig import say

UNDER_WAY = 128 # queries: so many fit into a receive buffer of the size that the kernel gives by default
COLUMNS = [("user_ns", "user ns", "{:.0f}"), ("sys_ns", "system ns", "{:.0f}"), ("cpu_ns", "CPU ns", "{:.0f}"),
           ("qps", "answers/s", "{:.0f}"), ("p50_us", "p50 µs", "{:.0f}"), ("p99_us", "p99 µs", "{:.0f}"),
           ("rss_mb", "RSS MB", "{:.1f}"), ("start_ms", "start ms", "{:.0f}")]
RATIOS = [("CPU ×floor", "floor", "cpu_ns"), ("user ×gdnsd", "gdnsd", "user_ns"), ("CPU ×gdnsd", "gdnsd", "cpu_ns"),
          ("answers ×gdnsd", "gdnsd", "qps")]


class Bench:
    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.folder = os.path.join(self.build, "bench")
        self.geo = rig.Geo(options.geo, self.folder)
        self.backends = rig.Backends()
        self.options = options


def missing(server):
    """The packages without which it cannot run."""
    return [package for what, package in server.programs
            if not (glob.glob(what) if "/" in what else shutil.which(what) or shutil.which(what, path="/usr/sbin:/sbin"))]


def check_steering(server, port):
    """Is it the same service? What the nearest data centre of some clients is, all must agree on."""
    names = [name for name, _, _ in rig.DATACENTRES]
    for client, wanted in rig.CLIENTS.items():
        answer = rig.query(port, client) or []
        if not answer or any(names[int(address.split(".")[3]) - 1] != wanted for address in answer):
            say(f"   {server.name}: {client}/24 is told {answer}, which is not {wanted}")


class Peer:
    """A server that runs, and what its rounds gave."""

    def __init__(self, bench, server):
        folder = os.path.join(bench.folder, server.name)
        os.makedirs(folder, exist_ok=True)
        self.bench, self.server, self.runs, self.port = bench, server, [], rig.free_port()
        self.running = rig.Server(server.write(bench, folder, self.port), self.port,
                                  os.path.join(bench.folder, server.name + ".log"), server.name == "floor")
        try:
            if hasattr(server, "settle"):
                server.settle(bench, folder)
            if server.steers:
                check_steering(server, self.port)
        except BaseException:
            self.running.end()
            raise
        self.pids = self.running.pids()

    def load(self, warm, seconds):
        """What dnsload says, as a dictionary."""
        options = self.bench.options
        done = subprocess.run([os.path.join(self.bench.build, "tests", "bench", "dnsload"), "-p", str(self.port), "-n", rig.NAME, "-e",
                               options.ecs, "-w", str(UNDER_WAY), "-t", str(seconds), "-W", str(warm), "-S",
                               ",".join(map(str, self.pids)), "-C", str(rig.SERVER_CORE)], capture_output=True, text=True)
        if done.returncode != 0:
            raise rig.Trouble(f"dnsload: {done.stderr.strip()}")
        if not self.running.alive():
            raise rig.Trouble("it died under the load")
        return {key: float(value) for key, value in (word.split("=") for word in done.stdout.split())}

    def round(self):
        run = self.load(0, self.bench.options.seconds)
        run.update(rss_mb=rig.memory_mb(self.pids), start_ms=self.running.start_ms)
        with open(os.path.join(self.bench.folder, "runs.txt"), "a") as file:
            file.write(f"{self.server.name} {' '.join(f'{k}={v:g}' for k, v in run.items())}\n")
        if run["answered"] == 0 or run["noerror"] < run["answered"] or self.server.name != "floor" and run["empty"] > 0:
            say(f"   {self.server.name}: not all answers are good: {run}")
        self.runs.append(run)


def spread(runs, key, form):
    values = sorted(run.get(key, 0) for run in runs)
    median = form.format(statistics.median(values))
    if len(values) < 4 or values[0] == values[-1]:
        return median
    return f"{median} ({form.format(values[len(values) // 4])}–{form.format(values[-1 - len(values) // 4])})"


def ratio(results, name, base, key):
    rounds = [run.get(key, 0) / below[key] for run, below in zip(results[name], results[base]) if below.get(key, 0) > 0]
    return f"{statistics.median(rounds):.2f}" if rounds else "-"


def table(results, by_name):
    ratios = [(title, base, key) for title, base, key in RATIOS if base in results]
    titles = [title for _, title, _ in COLUMNS]
    rows = [["server", "what it does", *titles[:3], *(title for title, _, _ in ratios), *titles[3:]]]
    for name, runs in results.items():
        cells = [spread(runs, key, form) for key, _, form in COLUMNS]
        rows.append([name, by_name[name].sentence, *cells[:3],
                     *(ratio(results, name, base, key) for _, base, key in ratios), *cells[3:]])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def conditions(bench, results):
    options = bench.options
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    sampled = all(run.get("samples", 0) > 0 for runs in results.values() for run in runs)
    others = statistics.median(run.get("others_percent", 0) for runs in results.values() for run in runs)
    return (f"{time.strftime('%Y-%m-%d')}, {model}, {os.cpu_count()} cores, Linux {platform.release()}; {options.rounds} "
            f"rounds of {options.seconds} s, ECS {options.ecs}; geo data: "
            f"{', '.join(os.path.basename(d) for d in bench.geo.databases)}; user and system apart by "
            f"{'samples at 5 kHz' if sampled else 'the timer, which is rough (root gets samples)'}"
            + (f"; other programs had {others:.0f} % of the servers' core." if sampled else "."))


def attempt(peers, name, step):
    """A server with which something is wrong is left out."""
    try:
        step()
    except rig.Trouble as trouble:
        say(f"left out: {name}: {trouble}")
        if name in peers:
            peers.pop(name).running.end()


def main():
    parser = argparse.ArgumentParser()
    for name, default, kind in (("build", ".", str), ("rounds", 20, int), ("seconds", 1, int), ("warm", 1, int),
                                ("ecs", "v4", str), ("geo", "", str)):
        parser.add_argument("--" + name, default=default, type=kind)
    parser.add_argument("servers", nargs="*")
    options = parser.parse_args()
    by_name = {server.name: server for server in servers.SERVERS}
    if not set(options.servers) <= set(by_name):
        raise rig.Trouble(f"the servers are: {' '.join(by_name)}")
    if os.cpu_count() < 2:
        raise rig.Trouble("this takes two cores: one for the server, one for the load")
    bench, peers, packages = Bench(options), {}, set()
    rig.write(os.path.join(bench.folder, "runs.txt"), "")
    with contextlib.ExitStack() as running:
        for name in dict.fromkeys(options.servers or by_name):
            absent = missing(by_name[name])
            if absent:
                say(f"skipped: {name} (not installed: {' '.join(absent)})")
                packages.update(absent)
                continue
            attempt(peers, name, lambda: peers.update({name: Peer(bench, by_name[name])}))
            if name in peers:
                running.callback(peers[name].running.end)
            if name in peers and options.warm > 0:
                attempt(peers, name, lambda: peers[name].load(0, options.warm))
        if packages:
            say(f"to install them: apt-get install --no-install-recommends {' '.join(sorted(packages))} (Debian starts the servers "
                "that it installs: stop them again)")
        for number in range(options.rounds):
            # back and forth, so that none is always the one behind the slowest
            for name in list(peers)[::1 if number % 2 == 0 else -1]:
                attempt(peers, name, peers[name].round)
            say(f"   round {number + 1} of {options.rounds}: " + ", ".join(
                f"{name} {peer.runs[-1].get('user_ns', 0):.0f} + {peer.runs[-1].get('sys_ns', 0):.0f} ns" for name, peer in peers.items()))
    results = {name: peer.runs for name, peer in peers.items()}
    if not results:
        raise rig.Trouble("no server is left to measure")
    text = f"{table(results, by_name)}\n\n{conditions(bench, results)}"
    rig.write(os.path.join(bench.folder, "peers.md"), text + "\n")
    say(f"\n{text}\n\n(also in {os.path.join(bench.folder, 'peers.md')}; each run in runs.txt beside it)")
    return 0


if __name__ == "__main__":
    rig.main(main)
