#!/usr/bin/python3
"""Drills: what a run measures against what clients counted; whatever kills it, all is put back."""
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

from lab import BUILD, SOURCE, Lab, Program, free_port, http_backend, main, test, wait_for
from recursive import first_address, resolve, unbound

REGIONS = {"eu": "127.0.10.1", "us": "127.0.20.1", "ap": "127.0.30.1"}
ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu,us,ap; rank=order; ttl=8/2"
_map.www TXT "v=map1; net:127.0.101.0/24=eu,us,ap; net:127.0.102.0/24=us,eu,ap; net:127.0.103.0/24=ap,us,eu"
eu._pool TXT "v=pool1; region=eu-west; {check}"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; region=us-east; {check}"
us._pool SRV 0 1 {port} lb1.us
lb1.us A 127.0.20.1
ap._pool TXT "v=pool1; region=ap-south; {check}"
ap._pool SRV 0 1 {port} lb1.ap
lb1.ap A 127.0.30.1
"""
POOL = {socket.inet_aton(address): pool for pool, address in REGIONS.items()}


def world(stack, backends=False, more="", **options):
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": ZONE.format(port=port, check="check=http; interval=500ms; timeout=300ms; ramp=0s" if backends else "check=none") + more}, **options)
    if backends:
        lab.backends = {pool: http_backend(stack, lab.folder, pool, port, address) for pool, address in REGIONS.items()}
    lab.backend_port = port
    lab.start()
    if backends:
        for address in REGIONS.values():
            lab.wait_state(address, "up")
    return lab


def write_drill(lab, steps, name="rehearsal", folder=None, **more):
    lines = [f"name: {name}", "why: to see that it can be left"]
    for key, value in {"end": "2m", **more}.items():
        lines += [f"{key}:"] + ["  - " + line for line in value] if isinstance(value, list) else [f"{key}: {value}"]
    lines += ["steps:"] + ["  - " + step for step in steps]
    path = os.path.join(folder or lab.folder, name + ".yaml")
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    return path


def start_run(stack, lab, path, *options):
    """gslbctl drill run, as a process; its text is in its log."""
    return Program(stack, "runner", [os.path.join(BUILD, "gslbctl"), "-s", lab.socket, "drill", "run", path, *options],
                   lab.folder)


def overrides(lab):
    return lab.ctl("overrides")["overrides"]


def wait_forced(lab):
    wait_for("the drill's override to stand", lambda: overrides(lab))


def wait_put_back(lab, deadline=1.0):
    wait_for("all to be put back", lambda: not overrides(lab), deadline)
    assert told(lab, "127.0.101.1") == "eu"


def audit(lab):
    with open(os.path.join(lab.folder, "state", "audit.log")) as f:
        return [json.loads(line) for line in f]


QUERY = struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + b"\3www\3svc\7example\0" + struct.pack("!HH", 1, 1)


class Resolver:
    """A source address of its own, from a network whose clients are for one region."""

    def __init__(self, lab, source):
        self.source = source
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.connect((lab.address, lab.port))
        self.socket.settimeout(2)
        self.expires = 0

    def ask(self):
        """The pool and the TTL; the answer has one A record behind the question."""
        self.socket.send(QUERY)
        data = self.socket.recv(512)
        ttl, = struct.unpack_from("!I", data, len(QUERY) + 6)
        return POOL[data[len(QUERY) + 12:len(QUERY) + 16]], ttl


def told(lab, source):
    return Resolver(lab, source).ask()[0]


class Crowd:
    """Resolvers with caches that honour TTLs, and some without: all that they are told is written down, with the time."""

    def __init__(self, stack, lab, caching=60, asking=6):
        networks = (101, 102, 103)
        self.caching = [Resolver(lab, f"127.0.{networks[i % 3]}.{i + 1}") for i in range(caching)]
        self.asking = [Resolver(lab, f"127.0.{networks[i % 3]}.{i + 200}") for i in range(asking)]
        self.told, self.over = [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        stack.callback(self.stop)

    def ask(self, resolver):
        pool, ttl = resolver.ask()
        now = time.time()
        resolver.expires = now + ttl
        self.told.append((now, resolver.source, pool, ttl))

    def run(self):
        while not self.over:
            for resolver in self.caching:
                if time.time() >= resolver.expires:
                    self.ask(resolver)
            for resolver in self.asking:
                self.ask(resolver)
            time.sleep(0.01)

    def stop(self):
        self.over = True
        self.thread.join()
        for resolver in self.caching + self.asking:
            resolver.socket.close()


def near(what, got, want, part=0.03, least=3):
    assert abs(got - want) <= max(want * part, least), f"{what}: the report says {got}, counted were {want}"


def quantile(held, percent):
    """When so many of the (expiry, …) had expired."""
    times = sorted(held)
    return times[max(0, -(-len(times) * percent // 100) - 1)] if times else 0


@test
def a_drill_measures_what_the_clients_count(stack):
    """with its override announced a drill moves 99 % of the answers and of the clients within min TTL + 1 s, and its report agrees
    with what the clients counted"""
    lab = world(stack)
    crowd = Crowd(stack, lab)
    path = write_drill(lab, ["wait 3s", "force pool:eu drain lead auto", "expect share of eu under 1 % within 5s", "wait 4s",
                             "clear pool:eu", "expect share of eu over 20 % within 10s", "wait 2s"],
                       always=["at least 2 pools of www up"])
    report = lab.ctl("drill", "run", path)
    time.sleep(0.1)
    crowd.stop()
    assert report["result"] == "SUCCEEDED", report
    left, back = report["measured"]
    begun, ended = left["in_force_ms"] / 1000, back["in_force_ms"] / 1000
    moved = left["all"]
    after = [t for t in crowd.told if begun <= t[0] < ended]
    old = [t for t in after if t[2] == "eu"]
    print(f"# {len(crowd.told)} answers; since: counted {len(after)}, {len(old)} of eu; reported {moved['answers']}, "
          f"{moved['old_answers']}; {json.dumps(moved)}")
    near("answers since", moved["answers"], len(after))
    near("old answers since", moved["old_answers"], len(old), least=2)
    before = [t for t in crowd.told if begun - 60 <= t[0] < begun]
    share = 100 * sum(t[2] == "eu" for t in before) / len(before)
    assert abs(moved["share_before"] - share) < 2, (moved["share_before"], share)
    held = [t[0] + t[3] - begun for t in crowd.told if t[0] < ended and t[2] == "eu" and t[0] + t[3] > begun]
    near("held", moved["held"], len(held), part=0.05)
    for percent in (50, 90, 99):
        counted = quantile(held, percent)
        assert abs(moved["clients_moved_ms"][str(percent)] / 1000 - counted) < 0.3, (percent, counted, moved)
    assert moved["answers_moved_ms"]["99"] <= 3000 and moved["clients_moved_ms"]["99"] <= 3000, moved
    # and in truth: of the caches, none holds eu any more by then
    last = {}
    for at, source, pool, ttl in crowd.told:
        if at < begun + 3:
            last[source] = pool
    assert "eu" not in last.values(), last
    assert back["all"]["first_changed_ms"] is not None and overrides(lab) == []
    events = [line["event"] for line in audit(lab)]
    assert events[0] == "drill begin" and events[-1] == "drill end" and events.count("drill step") == 7, events


PLACES = {"134.226.0.0/24": (53.3, -6.2), "128.112.128.0/24": (40.3, -74.6), "133.11.0.0/24": (35.7, 139.7)}


def quickstart(stack):
    """The quickstart's zone with its three regions of two backends each, and clients near each of them."""
    port = free_port("127.0.10.1")
    with open(os.path.join(SOURCE, "examples/quickstart/svc.example.zone")) as f:
        zone = f.read()
    lab = Lab(stack, {"svc.example": zone.replace(" 8080 ", f" {port} ")})
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(lab.folder, "places.mmdb")], check=True, text=True,
                   input="".join(f"{net} {{'location':{{'latitude':{lat:f} 'longitude':{lon:f}}}}}\n" for net, (lat, lon) in PLACES.items()))
    lab.write_conf(databases=["places.mmdb"])
    addresses = [f"127.0.{region}.{host}" for region in (10, 20, 30) for host in (1, 2)]
    http_backend(stack, lab.folder, "backends", port, *addresses)
    lab.start()
    for address in addresses:
        lab.wait_state(address, "up")
    return lab


class Asker:
    """Asks again and again, until it is stopped, and writes down when it was told which addresses."""

    def __init__(self, stack, ask):
        self.ask, self.told, self.over = ask, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        stack.callback(self.stop)

    def run(self):
        while not self.over:
            self.told.append((time.time(), self.ask()))
            time.sleep(0.02)

    def stop(self):
        self.over = True
        self.thread.join()


@test
def the_example_drill_leaves_eu_of_the_quickstart(stack):
    """the example's drill on the quickstart's zone: SUCCEEDED, and a real resolver (unbound) has left eu within min TTL + 1 s"""
    lab = quickstart(stack)
    resolver, port = unbound(stack, lab)
    wait_for("unbound to answer", lambda: resolver.alive() and first_address(resolve(port, "www.svc.example")))
    askers = [Asker(stack, lambda net=net: lab.addresses("www.svc.example", subnet=net)) for net in PLACES]
    cached = Asker(stack, lambda: first_address(resolve(port, "www.svc.example")))
    report = lab.ctl("drill", "run", os.path.join(SOURCE, "examples/drills/evacuate-eu.yaml"))
    for asker in askers + [cached]:
        asker.stop()
    left, back = report["measured"]
    begun, ended = left["in_force_ms"] / 1000, back["in_force_ms"] / 1000
    moved = left["all"]
    print(f"# {json.dumps(moved)}")
    assert report["result"] == "SUCCEEDED", report["reason"]
    assert moved["answers_moved_ms"]["99"] <= 3000 and moved["clients_moved_ms"]["99"] <= 3000, moved
    late = [at - begun for at, told in cached.told if begun + 3 < at < ended and any(a.startswith("127.0.10.") for a in told)]
    held = [at - begun for at, told in cached.told if at < begun and any(a.startswith("127.0.10.") for a in told)]
    assert held and not late, late
    near("answers", moved["answers"], sum(begun <= at < ended for asker in askers for at, told in asker.told), least=20)


@test
def what_resolvers_are_told_afterwards_is_named(stack):
    """a gradual drain's late answers are reported by resolver, with their TTLs and until when they may be held"""
    lab = world(stack)
    crowd = Crowd(stack, lab, caching=0)
    path = write_drill(lab, ["wait 2s", "force pool:eu drain over 5s", "expect share of eu under 1 % within 20s"])
    report = lab.ctl("drill", "run", path)
    crowd.stop()
    measured = report["measured"][0]
    begun, ended = measured["in_force_ms"] / 1000, report["begun_ms"] / 1000 + report["took_ms"] / 1000
    assert measured["all"]["old_answers"] > 0, measured
    for resolver in measured["resolvers"]:
        late = [t for t in crowd.told if begun <= t[0] < ended and t[1] == resolver["resolver"] and t[2] == "eu"]
        near(resolver["resolver"], resolver["old_answers"], len(late), part=0.05)
        assert 2 <= resolver["ttl_min_s"] <= resolver["ttl_max_s"] <= 8, resolver
    moved = measured["all"]["answers_moved_ms"]
    assert 0 <= moved["50"] <= moved["90"] <= moved["99"] <= 8000 and moved["99"] > 2000, measured["all"]
    text = lab.ctl_text("drill", "report").stdout
    assert "SUCCEEDED" in text and "was told it" in text, text


@test
def killing_the_runner_puts_everything_back(stack):
    """kill -9 of gslbctl midway: within a second all is put back, and the report says why"""
    lab = world(stack)
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"]))
    wait_forced(lab)
    assert told(lab, "127.0.101.1") == "us"
    runner.kill()
    wait_put_back(lab)
    report = lab.ctl("drill", "report")
    assert report["result"] == "ABORTED" and "runner is gone" in report["reason"], report
    lab.ctl("drill", "status", expect=4)


@test
def killing_gslbd_puts_everything_back(stack):
    """kill -9 of gslbd midway: the next one puts all back before it answers, and keeps a report of the drill"""
    lab = world(stack)
    lab.ctl("force", "ap", "drain", "--for", "5m", "--why", "an operator's")
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"]))
    wait_for("the drill's override", lambda: len(overrides(lab)) == 2)
    lab.gslbd.kill()
    assert runner.process.wait(10) == 1, runner.text()
    lab.start()
    assert [o["why"] for o in overrides(lab)] == ["an operator's"]
    assert told(lab, "127.0.101.1") == "eu"
    report = lab.ctl("drill", "report")
    assert report["result"] == "ABORTED" and "gslbd ended" in report["reason"], report


@test
def stopping_gslbd_ends_the_drill(stack):
    """SIGTERM of gslbd midway: all is put back, and who runs the drill is told"""
    lab = world(stack)
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"]))
    wait_forced(lab)
    lab.stop()
    assert runner.process.wait(10) == 1 and "ABORTED: gslbd stops" in runner.text(), runner.text()
    lab.start()
    wait_put_back(lab)


@test
def an_interrupt_ends_the_drill(stack):
    """Ctrl-C: the drill is aborted, all is put back, the report is shown, and the exit status is 1"""
    lab = world(stack)
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"]))
    wait_forced(lab)
    runner.kill(signal.SIGINT)
    assert runner.process.wait(10) == 1 and "aborted it" in runner.text(), runner.text()
    wait_put_back(lab)


@test
def the_end_comes_by_itself(stack):
    """a drill that a stopped runner holds open ends at its end, and no override outlives it"""
    lab = world(stack)
    path = write_drill(lab, ["force pool:eu drain", "expect share of us under 1 % within 3s"], end="3s")
    assert lab.ctl("drill", "check", path)["end_ms"] == 3000
    runner = start_run(stack, lab, path)
    wait_forced(lab)
    assert overrides(lab)[0]["left_s"] <= 3
    runner.kill(signal.SIGSTOP)
    wait_for("the report", lambda: lab.ctl("drill", "report")["result"] != "RUNNING", 8)
    wait_put_back(lab)


@test
def what_was_expected_and_did_not_come_fails_it(stack):
    """an expectation that is not met in time: FAILED, with what was measured, exit 1, and all is put back"""
    lab = world(stack)
    Crowd(stack, lab, caching=0)
    path = write_drill(lab, ["force pool:eu drain", "expect share of us under 1 % within 1s"])
    report = lab.ctl("drill", "run", path, expect=1)
    assert report["result"] == "FAILED" and "step 2: share of us under 1 %: not so within 1s, measured" in report["reason"], report
    assert "too few answers" not in report["reason"], report
    assert report["steps"][1]["state"] == "failed" and report["steps"][1]["measured"] > 1
    assert overrides(lab) == []


@test
def rules_end_a_drill(stack):
    """what must always hold and does not: FAILED; what aborts and happens: ABORTED; within seconds of the backend's death"""
    lab = world(stack, backends=True)
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"], always=["at least 2 pools of www up"]))
    wait_forced(lab)
    lab.backends["ap"].kill()
    assert runner.process.wait(15) == 1, runner.text()
    assert "FAILED" in runner.text() and "at least 2 pools of www up: no longer so, measured 1 pool" in runner.text(), runner.text()
    assert overrides(lab) == []
    lab.backends["ap"] = http_backend(stack, lab.folder, "ap2", lab.backend_port, REGIONS["ap"])
    lab.wait_state(REGIONS["ap"], "up")
    runner = start_run(stack, lab, write_drill(lab, ["force pool:eu drain", "wait 60s"], abort=["another pool goes down"]))
    wait_forced(lab)
    time.sleep(0.3)
    assert runner.alive(), runner.text()
    lab.backends["us"].kill()
    assert runner.process.wait(15) == 1, runner.text()
    assert "ABORTED" in runner.text() and "another pool goes down: it is so, measured 1 pool" in runner.text(), runner.text()


@test
def a_refusal_changes_nothing(stack):
    """a step that keep refuses, a target or a service that is not known, an operator's override: refused before anything is changed"""
    lab = world(stack, more='_gslb.one TXT "v=gslb1; pools=eu; rank=order"\n')
    path = write_drill(lab, ["force pool:us drain", "wait 1s", "force pool:eu drain"])
    shown = lab.ctl("drill", "check", path, expect=1)
    assert "step 3: force pool:eu drain: would be refused: one.svc.example: keep=1" in lab.last_error, lab.last_error
    assert [s["refused"] for s in shown["steps"]] == [False, False, True], shown
    lab.ctl("drill", "run", path, expect=1)
    assert "keep=1" in lab.last_error, lab.last_error
    for steps, sentence in ((["force pool:mars drain"], "mars"), (["force pool:us down", "expect share of mars under 1 % within 1s"], "mars")):
        lab.ctl("drill", "run", write_drill(lab, steps), expect=1)
        assert sentence in lab.last_error, lab.last_error
    lab.ctl("force", "us", "up", "--for", "5m", "--why", "an operator's")
    lab.ctl("drill", "run", write_drill(lab, ["force pool:us drain"]), expect=1)
    assert "does not replace what an operator decided" in lab.last_error, lab.last_error
    assert [o["action"] for o in overrides(lab)] == ["up"]
    lab.ctl("drill", "report", expect=1)
    assert "drill begin" not in [line["event"] for line in audit(lab)]


@test
def there_is_one_at_a_time(stack):
    """a second drill is refused with who runs the first; --detach lets it run alone; abort ends it"""
    lab = world(stack)
    path = write_drill(lab, ["force pool:eu drain", "wait 60s"])
    detached = lab.ctl("drill", "run", path, "--detach")["detached"]
    wait_forced(lab)
    lab.ctl("drill", "run", path, expect=1)
    assert "the drill rehearsal of root is under way since" in lab.last_error, lab.last_error
    assert lab.ctl("drill", "status")["id"] == detached and lab.ctl("status")["drills"]["running"] == detached
    assert lab.ctl("drill", "list")["running"] == detached
    lab.ctl("drill", "abort")
    wait_put_back(lab)
    assert lab.ctl("drill", "report", detached)["reason"] == "root aborted it"
    lab.ctl("drill", "abort", expect=4)


@test
def a_reload_goes_past_a_drill(stack):
    """zones that change and are reloaded in the middle: the drill goes on, and its numbers, too"""
    lab = world(stack)
    crowd = Crowd(stack, lab, caching=0)
    runner = start_run(stack, lab, write_drill(lab, ["wait 1s", "force pool:eu drain", "wait 4s", "expect share of eu under 1 % within 5s"]))
    wait_forced(lab)
    with open(os.path.join(lab.zones, "svc.example.zone")) as f:
        text = f.read()
    lab.write_zone("svc.example", text.replace("_gslb.www", '_gslb.aaa TXT "v=gslb1; pools=us,ap; rank=order"\n_gslb.www').replace(" 1 3600", " 2 3600"))
    lab.ctl("reload")
    assert runner.process.wait(20) == 0, runner.text()
    crowd.stop()
    measured = lab.ctl("drill", "report")["measured"][0]
    since = [t for t in crowd.told if t[0] >= measured["in_force_ms"] / 1000]
    assert measured["all"]["old_answers"] == 0 and measured["all"]["answers"] > 0.5 * len(since), (measured, len(since))
    assert measured["services"][0]["service"] == "www.svc.example", measured


@test
def a_mistake_has_its_place(stack):
    """each mistake of a file is told with file, line and column, and nothing is run"""
    lab = world(stack)
    path = write_drill(lab, ["force pool:eu sideways", "wait 5x"], end="soon")
    done = lab.ctl_text("drill", "run", path)
    assert done.returncode == 1 and "3 mistakes" in done.stderr, done
    assert f"{path}:3:6: end: soon: not a duration" in done.stdout, done.stdout
    assert f"{path}:5:5: steps: force pool:eu sideways: sideways: neither up, down nor drain" in done.stdout, done.stdout
    assert f"{path}:6:5: steps: wait 5x: 5x: not a duration" in done.stdout, done.stdout
    assert lab.ctl_text("drill", "run").returncode == 2


@test
def drills_run_by_themselves(stack):
    """a drill of the folder runs when it is due, shows when it is next, and a file with a mistake is a sentence and stops nothing"""
    lab = world(stack, extra={"drills": {"directory": "zones"}})  # any folder that is there
    folder = lab.zones
    path = write_drill(lab, ["force pool:eu drain", "wait 1s"], folder=folder, schedule="{ every: 1h }")
    os.utime(path, (time.time() - 3600 + 8,) * 2)
    write_drill(lab, ["force pool:eu drain"], "broken", folder, end="never")
    listed = wait_for("the folder to be read", lambda: len(lab.ctl("drill", "list")["scheduled"]) == 2 and lab.ctl("drill", "list"), 10)
    assert [s["next"] is not None for s in listed["scheduled"]] == [False, True], listed
    assert lab.ctl("status")["drills"]["next_name"] == "rehearsal"
    assert "broken.yaml:3:6: end: never" in listed["scheduled"][0]["mistakes"][0], listed
    wait_for("it to be run", lambda: lab.ctl("drill", "list")["reports"], 15)
    wait_for("it to end", lambda: lab.ctl("drill", "list")["reports"][0]["result"] == "SUCCEEDED", 15)
    listed = lab.ctl("drill", "list")
    assert listed["reports"][0]["who"] == "schedule" and len(listed["reports"]) == 1, listed
    wait_put_back(lab)
    assert lab.ctl("status")["alarms"] == ["drill broken.yaml: 1 mistake, it does not run (gslbctl drill list shows them)"]
    path = write_drill(lab, ["force pool:mars drain"], "lost", folder=folder, schedule="{ every: 1h }")
    os.utime(path, (time.time() - 3600 + 7,) * 2)
    wait_for("the alarm", lambda: any("drill lost.yaml: the last scheduled run was refused: step 1" in alarm
                                      for alarm in lab.ctl("status")["alarms"]), 15)
    tested = subprocess.run([os.path.join(BUILD, "gslbd"), "-t", "-c", lab.conf], capture_output=True, text=True, timeout=60)
    assert tested.returncode == 1 and "broken.yaml:3:6: end: never" in tested.stderr, tested


if __name__ == "__main__":
    main()
