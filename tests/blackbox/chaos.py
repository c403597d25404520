#!/usr/bin/python3
"""All that can go wrong around answers: with down=all none is ever empty or SERVFAIL, and overrides and verdicts outlive it.

GSLB_CHAOS_SECONDS: for how long gslb-health is killed each second (10; `make chaos` takes a minute)."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import dns.exception
import dns.rcode

from lab import Lab, Skip, free_port, http_backend, main, test, wait_for

SECONDS = int(os.environ.get("GSLB_CHAOS_SECONDS", "10"))
NAMES = ["www.svc.example", "one.svc.example"]
POOLS = ["eu", "us", "ap", "sa"]
KIN = ["127.0.0.11", "127.0.0.12", "127.0.0.13", "127.0.0.14"]      # one network: that all fail is believed
UNRELATED = ["127.11.0.1", "127.12.0.1", "127.13.0.1", "127.14.0.1"]  # that all fail at once makes gslb-health abstain


def zone(addresses, port):
    pools = "".join(f'{pool}._pool TXT "v=pool1; check=http; interval=1s; timeout=500ms; ramp=0s"\n'
                    f"{pool}._pool SRV 0 1 {port} lb.{pool}\nlb.{pool} A {address}\n"
                    for pool, address in zip(POOLS, addresses))
    return ("$ORIGIN svc.example.\n$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"
            '_gslb.www TXT "v=gslb1; pools=eu,us,ap,sa; rank=weight; down=all; ttl=30/5"\n'
            '_gslb.one TXT "v=gslb1; pools=eu; down=all; ttl=30/5"\n' + pools)


class Client:
    """Asks without end; keeps every answer that is none."""

    def __init__(self, stack, lab, addresses):
        self.lab, self.addresses = lab, set(addresses)
        self.wrong, self.asked, self.silence, self.paused = [], 0, 0.0, False
        self.stop, self.busy = threading.Event(), threading.Lock()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        stack.callback(self.end)

    def end(self):
        self.stop.set()
        self.thread.join(30)

    def run(self):
        while not self.stop.is_set():
            with self.busy:
                for name in NAMES:
                    if not self.paused:
                        self.ask(name)
            time.sleep(0.005)

    def pause(self):
        """While gslbd is restarted by the test itself; what is asked is answered first."""
        self.paused = True
        with self.busy:
            pass

    def ask(self, name):
        began = time.monotonic()
        try:
            answer = self.lab.query(name, timeout=10)
        except (dns.exception.Timeout, OSError) as error:
            self.wrong.append(f"{name}: {error!r}")
            return
        told = {r.address for rrset in answer.answer for r in rrset}
        self.silence = max(self.silence, time.monotonic() - began)
        if answer.rcode() != dns.rcode.NOERROR or not told or not told <= self.addresses:
            self.wrong.append(f"{name}: {dns.rcode.to_text(answer.rcode())} {sorted(told)}")
        self.asked += 1

    def check(self, what):
        before = self.asked
        wait_for("more answers", lambda: self.asked >= before + 20)
        print(f"# {what}: {self.asked} answers so far, the slowest took {self.silence * 1000:.0f} ms")
        assert not self.wrong, f"{what}: {len(self.wrong)} wrong answers, the first: {self.wrong[:5]}"


class Scene:
    def __init__(self, stack, addresses, state=None):
        self.stack, self.addresses, self.port = stack, addresses, free_port(addresses[0])
        self.lab = Lab(stack, {"svc.example": zone(addresses, self.port)},
                       extra={"state": {"directory": state}} if state else None)
        self.state = state or os.path.join(self.lab.folder, "state")
        self.hanging = []
        self.live()
        self.lab.start()
        self.wait_states("up")
        self.lab.ctl("force", "sa", "down", "--for", "1h", "--why", "chaos")
        self.client = Client(stack, self.lab, addresses)

    def live(self):
        self.hang(False)
        self.backends = http_backend(self.stack, self.lab.folder, f"backends-{time.monotonic_ns()}", self.port,
                                     *self.addresses)

    def die(self):
        self.backends.kill()

    def hang(self, on=True):
        """Connections are accepted, by the kernel, and never answered."""
        for listener in self.hanging:
            listener.close()
        self.hanging = [socket.create_server((a, self.port), backlog=4096) for a in self.addresses] if on else []

    def endpoints(self):
        return self.lab.ctl("endpoints")["endpoints"]

    def wait_states(self, state, deadline=30):
        wait_for(f"all endpoints to be {state}", lambda: {e["state"] for e in self.endpoints()} == {state}, deadline)

    def wait_reasons(self, reason, deadline=30):
        wait_for(f"all endpoints to fail by {reason}", lambda: all(reason in e["reason"] for e in self.endpoints()), deadline)

    def alarms(self):
        return self.lab.ctl("status")["alarms"]

    def overrides_are_intact(self):
        listed = self.lab.ctl("overrides")["overrides"]
        assert [(o["target"].split(".")[0], o["action"], o["why"]) for o in listed] == [("pool:sa", "down", "chaos")] or \
            [(o["action"], o["why"]) for o in listed] == [("down", "chaos")], listed
        with open(os.path.join(self.state, "overrides.json")) as f:
            assert len(json.load(f)["overrides"]) == 1
        # answers are from the others while one of them is up
        if any(e["state"] == "up" for e in self.endpoints()):
            for _ in range(50):
                assert self.addresses[3] not in self.lab.addresses("www.svc.example")

    def log_count(self, text):
        return self.lab.gslbd.text().count(text)


def everything_dies(scene, kin):
    scene.die()
    if kin:
        scene.wait_states("down")
        wait_for("the alarm", lambda: any("have no pool in service" in a for a in scene.alarms()))
        for name in NAMES:
            lines = [l for l in scene.lab.gslbd.text().splitlines() if f"service={name} " in l and "in_service=none" in l]
            assert len(lines) == 1 and "down=all" in lines[0], lines
    else:
        wait_for("the alarm", lambda: any("abstains" in a for a in scene.alarms()))
        scene.wait_reasons("refused")
        assert {e["state"] for e in scene.endpoints()} == {"up"}, scene.endpoints()
        wait_for("all to be held", lambda: all(e["held"] for e in scene.endpoints()))
        assert "abstains" in json.dumps(scene.lab.ctl("explain", "one.svc.example", "192.0.2.1")["held"])
        assert scene.log_count("abstaining=yes") == 1, scene.lab.gslbd.text()
    scene.client.check("all endpoints are dead")


def everything_hangs(scene, kin):
    scene.hang()
    scene.wait_reasons("timeout")
    if kin:
        scene.wait_states("down")
    else:
        assert {e["state"] for e in scene.endpoints()} == {"up"}, scene.endpoints()
    scene.client.check("all probes hang")


def health_is_killed(scene, kin):
    end, kills = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        next_kill = time.monotonic() + 1
        pid = wait_for("gslb-health to run", lambda: scene.lab.health_pid())
        try:
            os.kill(pid, signal.SIGKILL)
            kills += 1
        except ProcessLookupError:
            pass
        time.sleep(max(0, next_kill - time.monotonic()))
    wait_for("gslb-health to run again", lambda: scene.lab.ctl("status")["health"]["state"] == "running")
    scene.client.check(f"gslb-health was killed {kills} times")
    ended = scene.log_count("state=ended signal=9")
    assert ended <= kills and kills >= SECONDS // 2, (ended, kills)
    # its verdicts are where they were
    assert {e["state"] for e in scene.endpoints()} == {"down" if kin else "up"}, scene.endpoints()
    wait_for("no alarm of it", lambda: not any("not running" in a for a in scene.alarms()))


def all_is_well_again(scene):
    scene.live()
    scene.wait_states("up")
    wait_for("no alarms", lambda: scene.alarms() == [])
    scene.overrides_are_intact()
    scene.client.check("all is well again")


def run_all(stack, addresses, kin):
    scene = Scene(stack, addresses)
    everything_dies(scene, kin)
    everything_hangs(scene, kin)
    health_is_killed(scene, kin)
    scene.overrides_are_intact()
    all_is_well_again(scene)
    lines = len(scene.lab.gslbd.text().splitlines())
    print(f"# log lines: {lines}")
    assert lines < 150 + 12 * SECONDS, scene.lab.gslbd.text()


@test
def chaos_among_kin(stack):
    """down=all answers while all endpoints die, hang, and gslb-health is killed each second"""
    run_all(stack, KIN, True)


@test
def chaos_among_strangers(stack):
    """held verdicts answer while all unrelated endpoints die, hang, and gslb-health is killed each second"""
    run_all(stack, UNRELATED, False)


@test
def all_hang_from_one_moment_on(stack):
    """endpoints that were up all hang at once: answers go on, nothing is taken down where they are unrelated"""
    scene = Scene(stack, UNRELATED)
    scene.die()
    scene.hang()
    wait_for("the alarm", lambda: any("abstains" in a for a in scene.alarms()))
    scene.wait_reasons("timeout")
    assert {e["state"] for e in scene.endpoints()} == {"up"}, scene.endpoints()
    scene.client.check("all probes hang at once")
    assert scene.log_count("abstaining=yes") == 1, scene.lab.gslbd.text()


def small_disk(stack, folder):
    if os.getuid() != 0:
        raise Skip("a small tmpfs can only be mounted by root")
    os.mkdir(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise Skip(f"a small tmpfs cannot be mounted here: {done.stderr.strip()}")
    stack.callback(subprocess.run, ["umount", "-l", folder], capture_output=True)


def fill(path):
    with open(path, "wb", buffering=0) as f:
        for size in (4096, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass


def checkpoint(state):
    with open(os.path.join(state, "verdicts")) as f:
        states = [line.split()[1] for line in f.read().splitlines()[2:]]
    assert states == ["2"] * 4, states
    return states


@test
def a_full_disk_changes_nothing(stack):
    """on a full disk answers go on; an override is refused in one sentence, and the old list stays, also over a restart"""
    import tempfile
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gslb-disk-"))
    state, filler = os.path.join(folder, "state"), os.path.join(folder, "state", "filler")
    small_disk(stack, state)
    scene = Scene(stack, KIN, state=state)
    lab = scene.lab
    fill(filler)
    for arguments in (("force", "us", "drain", "--for", "1h", "--why", "x" * 200), ("clear", "sa"),
                      ("force", "sa", "up", "--for", "1h", "--why", "again")):
        lab.ctl(*arguments, expect=1)
        text = lab.ctl_text(*arguments)
        assert text.stderr.count("\n") == 1 and "No space left" in text.stderr and state in text.stderr, text
        scene.overrides_are_intact()
    with open(os.path.join(state, "audit.log")) as f:
        assert [json.loads(line)["event"] for line in f][0] == "force"
    # verdicts change, and cannot be written: that is said once
    scene.die()
    scene.wait_states("down")
    lab.gslbd.wait_log("state=not-written")
    time.sleep(3)
    assert scene.log_count("state=not-written") == 1, lab.gslbd.text()
    assert any("cannot be written" in a for a in scene.alarms()), scene.alarms()
    scene.client.check("the disk is full")
    # a restart while it is full, once as asked and once by force
    for sig in (signal.SIGTERM, signal.SIGKILL):
        scene.client.pause()
        lab.gslbd.kill(sig)
        lab.start()
        scene.client.paused = False
        scene.overrides_are_intact()
        scene.client.check("restarted on a full disk")
    # room again: all is written
    os.unlink(filler)
    lab.gslbd.wait_log("state=written", 40)
    wait_for("no alarm of it", lambda: not any("cannot be written" in a for a in scene.alarms()))
    scene.wait_states("down")
    lab.ctl("force", "ap", "drain", "--for", "1h", "--why", "room")
    lab.ctl("clear", "ap")
    with open(os.path.join(state, "audit.log")) as f:
        events = [json.loads(line)["event"] for line in f]
    assert events[-2:] == ["force", "clear"], events
    wait_for("the verdicts in the checkpoint", lambda: checkpoint(state), 40)
    scene.client.pause()
    lab.stop()
    lab.start()
    scene.client.paused = False
    assert {e["state"] for e in scene.endpoints()} == {"down"}, "verdicts are kept over a restart"
    all_is_well_again(scene)


if __name__ == "__main__":
    main()
