#!/usr/bin/python3
"""Crowds of TCP clients that are idle, slow, deaf or lying, while UDP is asked at a steady rate whose answers are checked one
by one. Asserted is service: nothing of UDP lost or wrong, newcomers answered, memory within what gslb.yaml(5) says. How long
UDP took is printed."""
import os
import resource
import signal
import socket
import struct
import subprocess
import time

import dns.message

from lab import BUILD, Lab, Program, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 127.0.10.1
big TXT {big}
""".format(big=" ".join('"%s"' % (chr(97 + n % 26) * 250) for n in range(240)))

RATE = 4000
SECONDS = int(os.environ.get("GSLB_TEST_SECONDS", "2"))  # longer for figures
SERVER_ALONE = bool(os.environ.get("GSLB_TEST_SERVER_ALONE"))  # figures of the server alone, on a machine that does other things, too
PLACE_KB, HEAP_KB = 2, 8  # a place, by the manual
SLACK_KB = 6144  # what a turn takes beside, and what the allocator does not give back of crowds that were here before
NEWCOMER_S = 1.0
FILES_BESIDE = 300


def crowd_size(wanted):
    """As many as asked for, or as this machine lets a process have open files."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if os.geteuid() != 0 and hard < wanted + FILES_BESIDE:
        print(f"# open files are limited to {hard}: a smaller crowd")
        return hard - FILES_BESIDE
    return wanted


def server(stack, clients, per_prefix=0, idle="60s", workers=1):
    limits = f"{{ tcp-clients: {clients}, tcp-per-prefix: {per_prefix}, tcp-idle: {idle} }}"
    lab = Lab(stack, {"svc.example": ZONE}, workers=workers, extra={"server": {"limits": limits}}).start()
    if SERVER_ALONE:
        for thread in os.listdir(f"/proc/{lab.gslbd.pid}/task"):
            os.sched_setscheduler(int(thread), os.SCHED_FIFO, os.sched_param(10))
    return lab


def crowd(stack, lab, kind, clients, rate, networks=256, name="big.svc.example"):
    def yield_to_others():  # what is measured is the server, not who is given the processor
        os.nice(19)

    return Program(stack, f"crowd-{kind}", [os.path.join(BUILD, "tests/blackbox/crowd"), lab.address, str(lab.port), name, kind,
                                            str(clients), str(rate), str(networks)], lab.folder, preexec_fn=yield_to_others)


def end(program):
    program.kill(signal.SIGTERM)
    line = program.text().strip().split("\n")[-1]
    return {key: int(value) for key, value in (word.split("=") for word in line.split())}


def realtime():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def steady(lab):
    return subprocess.Popen([os.path.join(BUILD, "tests/blackbox/steady"), lab.address, str(lab.port), "www.svc.example",
                             str(RATE), str(SECONDS), "5/30", "127.0.10.1"], stdout=subprocess.PIPE, text=True,
                            preexec_fn=realtime if SERVER_ALONE else None)


def finish(load):
    """What the steady load saw, as a dict. None lost, none wrong."""
    text = load.stdout.read()
    assert load.wait(10) == 0, text
    return dict(word.split("=") for word in text.split())


def memory_kb(lab):
    with open(f"/proc/{lab.gslbd.pid}/status") as f:
        return int(next(line for line in f if line.startswith("VmRSS")).split()[1])


def bound_kb(clients):
    return clients * (PLACE_KB + HEAP_KB) + SLACK_KB


def stats(lab):
    return lab.ctl("stats")["counters"]


def newcomer(lab, source="127.0.0.1"):
    """A client that comes, asks and leaves; how long it took. A connection that was made but not yet asked on may be shed, as
    any: it comes again, as resolvers do."""
    query = dns.message.make_query("www.svc.example", "A").to_wire()
    began = time.monotonic()
    with socket.create_connection((lab.address, lab.port), NEWCOMER_S, (source, 0)) as s:
        s.settimeout(NEWCOMER_S)
        s.sendall(struct.pack("!H", len(query)) + query)
        reply = s.recv(600)
    took = time.monotonic() - began
    assert reply[2:4] == query[:2] and reply[5] & 15 == 0, reply
    assert took < NEWCOMER_S, took
    return took


def siege(lab, program, quiet, base_kb, clients, sources=("127.0.0.1",)):
    """Measure under the crowd, and say what was seen. Newcomers come from the sources in turn."""
    load = steady(lab)
    most_kb, slowest, n = 0, 0.0, 0
    while load.poll() is None:
        slowest = max(slowest, newcomer(lab, sources[n % len(sources)]))
        most_kb = max(most_kb, memory_kb(lab))
        n += 1
        time.sleep(0.05)
    seen, counts = finish(load), end(program)
    print(f"# {program.name}: udp p50 {seen['p50_ms']} p99 {seen['p99_ms']} ms, quiet {quiet['p50_ms']} {quiet['p99_ms']}, ratio "
          f"{float(seen['p99_ms']) / max(float(quiet['p99_ms']), 0.01):.2f}; lost {seen['lost']} of {seen['sent']}; memory "
          f"{base_kb // 1024} to {most_kb // 1024} MB, bound {(base_kb + bound_kb(clients)) // 1024}; {n} newcomers, slowest "
          f"{slowest * 1000:.0f} ms")
    print(f"#   crowd: {counts}")
    print("#   server:", {name: value for name, value in stats(lab).items() if name.startswith("tcp_") and value}, flush=True)
    assert most_kb - base_kb <= bound_kb(clients), (most_kb, base_kb)
    assert n >= 5
    return counts


def wait_accepted(lab, more):
    before = stats(lab)["tcp_accepted"]
    wait_for(f"{more} connections to be accepted", lambda: stats(lab)["tcp_accepted"] >= before + more)


@test
def ten_thousand_idle(stack):
    """10,000 idle connections: no UDP lost, newcomers answered, memory within the bound"""
    size = crowd_size(10000)
    places = size + 200  # for newcomers
    lab = server(stack, places)
    quiet, base_kb = finish(steady(lab)), memory_kb(lab)
    idle = crowd(stack, lab, "idle", size, 8000, name="ns1.svc.example")
    idle.wait_log("full")
    counts = siege(lab, idle, quiet, base_kb, places)
    assert counts["open"] == counts["connected"] == size, "an idle connection was closed before its time, with places left"


@test
def bad_crowds(stack):
    """silent, slow, deaf, half-closed and lying crowds, larger than there are places: no UDP lost, newcomers answered"""
    places, size, rate = 1500, 2000, 2000
    lab = server(stack, places, per_prefix=300, idle="10s")
    quiet, base_kb = finish(steady(lab)), memory_kb(lab)
    for kind in ("silent", "slow", "deaf", "half", "liar"):
        before = stats(lab)
        name = "ns1.svc.example" if kind == "slow" else "big.svc.example"
        bad = crowd(stack, lab, kind, size, rate, name=name)
        wait_accepted(lab, places)
        siege(lab, bad, quiet, base_kb, places, sources=("127.0.0.1", "127.64.7.2"))
        after = stats(lab)
        assert after["tcp_shed"] > before["tcp_shed"] or after["tcp_shed_memory"] > before["tcp_shed_memory"], kind
        wait_for("the crowd to be gone", lambda: stats(lab)["tcp_accepted"] == stats(lab)["tcp_closed"])


@test
def greedy_crowd(stack):
    """clients that pipeline without end and read all answers: no UDP lost, newcomers answered"""
    lab = server(stack, 1000)
    quiet, base_kb = finish(steady(lab)), memory_kb(lab)
    greedy = crowd(stack, lab, "greedy", 20, 1000, name="ns1.svc.example")
    greedy.wait_log("full")
    assert siege(lab, greedy, quiet, base_kb, 1000)["open"] == 20


@test
def crowd_of_one_network(stack):
    """a crowd of one network gets a quarter of the places and sheds its own: a neighbour comes in, others do not notice"""
    lab = server(stack, 2000)
    with socket.create_connection((lab.address, lab.port), 5, ("127.3.3.3", 0)) as old:
        query = dns.message.make_query("www.svc.example", "A").to_wire()
        framed = struct.pack("!H", len(query)) + query
        old.settimeout(5)
        old.sendall(framed)
        assert len(old.recv(600)) > 40
        many = crowd(stack, lab, "idle", 1500, 2000, networks=1, name="ns1.svc.example")
        wait_accepted(lab, 2000)
        for _ in range(5):
            newcomer(lab, "127.64.0.99")
            newcomer(lab, "127.65.0.1")
        seen = stats(lab)
        held = seen["tcp_accepted"] - seen["tcp_closed"]
        print(f"# held {held} of 2000 places, {seen['tcp_shed_prefix']} shed")
        assert 490 <= held <= 510, held
        assert seen["tcp_shed_prefix"] >= 1000 and seen["tcp_shed"] == 0, seen
        old.sendall(framed)
        assert len(old.recv(600)) > 40, "the other network's connection was closed"
        end(many)


@test
def out_of_descriptors(stack):
    """without descriptors connections make room for others; with none to close the server waits and does not spin"""
    lab = server(stack, 1000, workers=2)
    before = resource.prlimit(lab.gslbd.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(lab.gslbd.pid, resource.RLIMIT_NOFILE, (limit_with_free(lab, 50), before[1]))
    many = crowd(stack, lab, "idle", 200, 1000, name="ns1.svc.example")
    wait_accepted(lab, 300)
    assert stats(lab)["tcp_shed"] > 100
    end(many)
    wait_for("the crowd to be gone", lambda: stats(lab)["tcp_accepted"] == stats(lab)["tcp_closed"])
    resource.prlimit(lab.gslbd.pid, resource.RLIMIT_NOFILE, (limit_with_free(lab, 0), before[1]))
    with socket.create_connection((lab.address, lab.port), 5):  # waits in the kernel
        began = cpu_s(lab)
        finish(steady(lab))  # UDP is served meanwhile
        took = cpu_s(lab) - began
        print(f"# {took / SECONDS:.2f} of a processor at {RATE} queries a second, without descriptors")
    resource.prlimit(lab.gslbd.pid, resource.RLIMIT_NOFILE, before)
    wait_for("newcomers to be served again", lambda: newcomer(lab) > 0)
    seen = stats(lab)
    print(f"# {seen['tcp_paused']} pauses")
    assert 0 < seen["tcp_paused"] <= 10 * 2 * (SECONDS + 5), "one each 100 ms and worker, not one a turn"


def limit_with_free(lab, n):
    """The limit under which so many descriptors are free."""
    used, limit = {int(fd) for fd in os.listdir(f"/proc/{lab.gslbd.pid}/fd")}, 0
    while limit in used or n > 0:
        n -= limit not in used
        limit += 1
    return limit


def cpu_s(lab):
    with open(f"/proc/{lab.gslbd.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
