#!/usr/bin/python3
"""Flood a gslbd with random and mutated packets, and see that it is the same afterwards: alive, with the same answers, and in
as much memory as before.

usage: soak.py --build DIR --geo FILE[,FILE] [--packets N] [--seed N]

Prints memory and what came back each ten seconds. Exit status 1 when it died, answers otherwise, or grew."""
import argparse
import os
import subprocess
import threading
import time

import rig
import servers
from rig import say

EACH_S = 10
MAY_GROW_MB = 4 # heap that the control socket and the log take, once


class Bench:
    def __init__(self, options):
        self.build = os.path.abspath(options.build)
        self.folder = os.path.join(self.build, "bench")
        self.geo = rig.Geo(options.geo, self.folder)
        self.backends = rig.Backends()


def memory(pids):
    """RSS of each process in MB, by name."""
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/status") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue
        if "VmRSS" in fields:
            found.append((fields["Name"].strip(), int(fields["VmRSS"].split()[0]) / 1024))
    return found


def answers(port):
    """What clients all over the world are told; nothing where nothing came, or a TC of the limiter's, within some tries."""
    told = {}
    for client in rig.CLIENTS:
        for _ in range(10):
            told[client] = rig.query(port, client, timeout=1) or []
            if told[client]:
                break
            time.sleep(0.2)
    return told


def check(port, when):
    names = [name for name, _, _ in rig.DATACENTRES]
    wrong = [f"{client}/24 is told {told}" for client, told in answers(port).items()
             if not told or set(told) != set(rig.addresses(names.index(rig.CLIENTS[client])))]
    say(f"{when}: {'; '.join(wrong) if wrong else f'{len(rig.CLIENTS)} clients are told their nearest data centre'}")
    return not wrong


def watch(running, stop, seen):
    while True:
        now = memory(running.pids())
        seen.append(sum(mb for _, mb in now))
        say(f"   rss: {', '.join(f'{name} {mb:.1f} MB' for name, mb in now)}")
        if stop.wait(EACH_S):
            return


def main():
    parser = argparse.ArgumentParser()
    for name, default, kind in (("build", ".", str), ("packets", 1000000, int), ("geo", "", str), ("seed", 1, int)):
        parser.add_argument("--" + name, default=default, type=kind)
    options = parser.parse_args()
    bench, gslb, port = Bench(options), servers.Gslb(), rig.free_port()
    folder = os.path.join(bench.folder, "soak")
    running = rig.Server(gslb.write(bench, folder, port), port, os.path.join(bench.folder, "soak.log"))
    try:
        gslb.settle(bench, folder)
        good, seen, stop = check(port, "before"), [], threading.Event()
        pids = set(running.pids())
        watcher = threading.Thread(target=watch, args=(running, stop, seen))
        watcher.start()
        done = subprocess.run([os.path.join(bench.build, "tests", "bench", "flood"), "-p", str(port), "-n",
                               str(options.packets), "-s", str(options.seed), "-i", str(EACH_S)])
        stop.set()
        watcher.join()
        if not running.alive():
            raise rig.Trouble(f"gslbd died: {running.tail()}")
        good &= check(port, "after")
        end = memory(running.pids())
        seen.append(sum(mb for _, mb in end))
        say(f"rss_before_mb={seen[0]:.1f} rss_most_mb={max(seen):.1f} rss_after_mb={seen[-1]:.1f}")
        if set(running.pids()) != pids:
            raise rig.Trouble("a process of gslbd was started anew meanwhile")
        if done.returncode != 0:
            raise rig.Trouble("it stopped answering under the flood")
        if not good:
            raise rig.Trouble("it answers otherwise than it should")
        if max(seen) > seen[0] + MAY_GROW_MB:
            raise rig.Trouble("it grew")
    finally:
        running.end()
    say(f"{options.packets} packets: alive, right, and no larger")
    return 0


if __name__ == "__main__":
    rig.main(main)
