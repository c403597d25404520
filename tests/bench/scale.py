#!/usr/bin/python3
"""What a large load costs: zones of many services, pools and records are made, gslbd is started on them, and figures are
printed, one `key value` a line. A measurement, not a test: `make bench-scale` runs it with 100,000 services of 1,000
pools, and with 1,000,000 static records.

    scale.py [--services N] [--pools P] [--sets K] [--records M] [--zones Z] [--database FILE]… [--steps start,edit,reload,names]

start   from the program's start to its first right answer, and its memory then; `--tenth` does it for a tenth of the load, too
edit    one zone of all is edited and reloaded: how long that takes, and how long `gslbctl overrides` takes meanwhile
reload  a reload of everything (each zone is touched) asked for every --every ms for --seconds under --rate queries a second,
        after as long a time of quiet; the longest that `gslbctl overrides` took meanwhile
names   user CPU an answer with one name, with all services' names at random, and with as many that do not exist: in turn, two seconds
        each, on core 0 with the load on the last one; give it --workers 1"""
import argparse
import contextlib
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "blackbox"))
from lab import BUILD, Lab, Program, wait_for  # noqa: E402
from rig import tree  # noqa: E402

HEAD = "$TTL 3600\n@ SOA ns1 hostmaster {serial} 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"
STEERED = "s0.z0.example"


def pool_zone(npools, dice):
    """All pools stand in a zone of their own; two endpoints each, probed by nobody but on the board."""
    lines = [HEAD.format(serial=1)]
    for i in range(npools):
        lines.append(f'p{i}._pool LOC {dice.randrange(0, 60)} {dice.randrange(60)} {dice.choice("NS")} '
                     f'{dice.randrange(0, 170)} {dice.randrange(60)} {dice.choice("EW")} 0m\n'
                     f'p{i}._pool TXT "v=pool1; check=push; region=r{i % 8}"\n'
                     f'p{i}._pool SRV 0 60 443 a.p{i}\np{i}._pool SRV 0 40 443 b.p{i}\n'
                     f'a.p{i} A 127.{1 + i // 250}.{i % 250}.1\nb.p{i} A 127.{1 + i // 250}.{i % 250}.2\n')
    return "".join(lines)


def service_zone(number, services, records, sets, serial=1):
    lines = [HEAD.format(serial=serial)]
    for i in services:
        pools = ",".join(f"p{p}._pool.pools.example." for p in sets[i % len(sets)])
        lines.append(f'_gslb.s{i} TXT "v=gslb1; pools={pools}; ttl=30/5"\n')
    for i in records:
        lines.append(f"h{i} A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n")
    return "".join(lines)


class Load:
    def __init__(self, args, share=1.0):
        self.services, self.records = int(args.services * share), int(args.records * share)
        self.pools, self.nzones = args.pools, max(1, int(args.zones * share))
        dice = random.Random(1)
        self.sets = [sorted(dice.sample(range(args.pools), min(4, args.pools))) for _ in range(max(1, int(args.sets * share)))]
        self.dice = random.Random(2)

    def zone(self, number, serial=1):
        return service_zone(number, range(number, self.services, self.nzones), range(number, self.records, self.nzones),
                            self.sets, serial)

    def write(self, lab):
        lab.write_zone("pools.example", pool_zone(self.pools, self.dice))
        for number in range(self.nzones):
            lab.write_zone(f"z{number}.example", self.zone(number))

    def allowed(self):
        return [f"127.{1 + p // 250}.{p % 250}.{host}" for p in self.sets[0] for host in (1, 2)]


def memory_mb(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(key + r":\s+(\d+)", status.read()).group(1)) / 1024


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(key, value):
    print(f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}", flush=True)


def started(stack, args, load, prefix):
    lab = Lab(stack, {}, databases=[os.path.abspath(d) for d in args.database], workers=args.workers)
    load.write(lab)
    begin = time.monotonic()
    lab.start(wait=False)
    question = (b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                + b"".join(bytes([len(l)]) + l.encode() for l in STEERED.split(".")) + b"\x00\x00\x01\x00\x01")
    allowed = {socket.inet_aton(a) for a in load.allowed()}

    def right():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.02)
            asking.connect((lab.address, lab.port))
            asking.send(question)
            return asking.recv(512)[-4:] in allowed

    wait_for("the first right answer", right, 120)
    say(f"{prefix}_start_s", time.monotonic() - begin)
    say(f"{prefix}_cpu_s", cpu_s(lab.gslbd.pid))
    say(f"{prefix}_rss_mb", memory_mb(lab.gslbd.pid))
    say(f"{prefix}_peak_mb", memory_mb(lab.gslbd.pid, "VmHWM"))
    print("#", [line for line in lab.gslbd.text().splitlines() if "state=running version" in line][-1:])
    return lab


class Asker:
    """Asks for the overrides again and again, and keeps the longest that it took."""

    def __init__(self, lab):
        self.lab, self.longest, self.more = lab, 0.0, True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.more:
            begin = time.monotonic()
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as control:
                control.connect(self.lab.socket)
                control.sendall(b'{"command": "overrides", "args": {}}\n')
                control.recv(65536)
            self.longest = max(self.longest, time.monotonic() - begin)
            time.sleep(0.01)

    def end(self):
        self.more = False
        self.thread.join()
        return self.longest


def reload(lab):
    subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", lab.socket, "reload"], stdout=subprocess.DEVNULL, check=False)


def measure_edit(lab, load):
    reload(lab)
    for key, edit in (("edit", True), ("nothing", False)):
        took, spent = [], []
        asker = Asker(lab)
        for serial in range(2, 7):
            if edit:
                lab.write_zone("z0.example", load.zone(0, serial))
            before, begin = cpu_s(lab.gslbd.pid), time.monotonic()
            reload(lab)
            took.append(time.monotonic() - begin)
            spent.append(cpu_s(lab.gslbd.pid) - before)
        say(f"{key}_reload_s", sorted(took)[2])
        say(f"{key}_cpu_s", sorted(spent)[2])
        say(f"{key}_control_longest_s", asker.end())
    say("after_edits_rss_mb", memory_mb(lab.gslbd.pid))


def steady(stack, lab, load, args, name):
    program = Program(stack, name, [os.path.join(BUILD, "tests/blackbox/steady"), lab.address, str(lab.port), STEERED,
                                    str(args.rate), str(args.seconds), "5/30", ",".join(load.allowed())], lab.folder)
    return program


def finish(program, prefix):
    program.process.wait(120)
    text = program.text().strip()
    print(f"# {prefix}: {text}", flush=True)
    found = re.search(r"p99_ms=([0-9.]+)", text)
    return float(found.group(1)) if found else 0.0


def asked_steadily(stack, lab, load, args, name, command):
    """The p99 while gslbctl runs every --every ms, and how long the control socket kept one waiting."""
    program = steady(stack, lab, load, args, name)
    asker = Asker(lab)
    asked, end = [], time.monotonic() + args.seconds - 1
    while time.monotonic() < end:
        for entry in os.scandir(lab.zones):
            os.utime(entry.path)
        asked.append(subprocess.Popen([os.path.join(BUILD, "gslbctl"), "-s", lab.socket, command], stdout=subprocess.DEVNULL))
        asked = [process for process in asked if process.poll() is None]
        time.sleep(args.every / 1000)
    p99 = finish(program, name)
    for process in asked:
        process.wait()
    say(f"{name}_control_longest_s", asker.end())
    say(f"{name}_p99_ms", p99)


def measure_reload(stack, lab, load, args):
    """Quiet: the same programs run as often, but ask for nothing that has to be read."""
    asked_steadily(stack, lab, load, args, "quiet", "overrides")
    before = lab.ctl("status")["reloads"]
    asked_steadily(stack, lab, load, args, "busy", "reload")
    say("reloads", lab.ctl("status")["reloads"] - before)
    say("after_rss_mb", memory_mb(lab.gslbd.pid))
    say("after_peak_mb", memory_mb(lab.gslbd.pid, "VmHWM"))


def load_names(lab, arguments, rcode="noerror"):
    """Two seconds of load: the user CPU of an answer, in ns."""
    load = ["taskset", "-c", str((os.cpu_count() or 1) - 1), os.path.join(BUILD, "tests/bench/dnsload"), "-s", lab.address, "-p", str(lab.port),
            "-w", "128", "-t", "2", "-S", str(lab.gslbd.pid), "-C", "0", *arguments]
    run = dict(word.split("=") for word in subprocess.run(load, capture_output=True, text=True, check=True).stdout.split())
    assert run[rcode] == run["answered"] and (rcode != "noerror" or run["empty"] == "0"), run
    return float(run["user_ns"])


def measure_names(lab, load):
    names, missing = os.path.join(lab.folder, "names.txt"), os.path.join(lab.folder, "missing.txt")
    for path, first in (names, "s"), (missing, "n"):
        with open(path, "w") as file:
            file.writelines(f"{first}{i}.z{i % load.nzones}.example\n" for i in range(load.services))
    for pid in tree(lab.gslbd.pid):
        subprocess.run(["taskset", "-acp", "0", str(pid)], stdout=subprocess.DEVNULL, check=True)
    spent = -1.0
    while cpu_s(lab.gslbd.pid) - spent > 0.02: # the zones are saved behind the start
        spent = cpu_s(lab.gslbd.pid)
        time.sleep(1)
    rounds = [(load_names(lab, ["-n", STEERED]), load_names(lab, ["-d", names]), load_names(lab, ["-d", missing], "nxdomain"))
              for _ in range(10)]
    say("one_name_user_ns", statistics.median(one for one, _, _ in rounds))
    say("random_names_user_ns", statistics.median(many for _, many, _ in rounds))
    say("random_to_one", statistics.median(many / one for one, many, _ in rounds))
    say("missing_names_user_ns", statistics.median(none for _, _, none in rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=100000)
    parser.add_argument("--pools", type=int, default=1000)
    parser.add_argument("--sets", type=int, default=10, help="distinct lists of pools")
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--zones", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", action="append", default=os.environ.get("GSLB_BENCH_DATABASES", "").split())
    parser.add_argument("--steps", default="start")
    parser.add_argument("--tenth", action="store_true", help="the start of a tenth of the load, too")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--every", type=int, default=100, help="ms between requests to reload")
    parser.add_argument("--rate", type=int, default=20000)
    args = parser.parse_args()
    steps = args.steps.split(",")
    with contextlib.ExitStack() as stack:
        load = Load(args)
        if args.tenth:
            started(stack, args, Load(args, 0.1), "tenth").stop()
        lab = started(stack, args, load, "whole")
        if "edit" in steps:
            measure_edit(lab, load)
        if "reload" in steps:
            measure_reload(stack, lab, load, args)
        if "names" in steps:
            measure_names(lab, load)
        lab.stop()


if __name__ == "__main__":
    main()
