#!/usr/bin/python3
"""Reloads and dying probers under a steady load whose answers are checked one by one."""
import os
import signal
import subprocess
import time

from lab import BUILD, Lab, Program, http_backend, free_port, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster {serial} 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
note TXT "edit {serial}" ; a comment of edit {serial}
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"
us._pool SRV 0 1 {port} lb1.us
lb1.us A 127.0.20.1
"""
RELOADS, KILLS, RATE = 200, 50, 10000


def steady(stack, lab, seconds, allowed):
    return Program(stack, "steady", [os.path.join(BUILD, "tests/blackbox/steady"), lab.address, str(lab.port),
                                     "www.svc.example", str(RATE), str(seconds), "5/30", ",".join(allowed)], lab.folder)


def finish(program, seconds):
    program.process.wait(seconds)
    print("# " + program.text().strip())
    assert program.process.returncode == 0, program.text()


def world(stack):
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": ZONE.format(port=port, serial=1)})
    lab.backend_port = port
    lab.eu = http_backend(stack, lab.folder, "eu", port, "127.0.10.1")
    lab.us = http_backend(stack, lab.folder, "us", port, "127.0.20.1")
    lab.start()
    lab.wait_state("127.0.10.1", "up")
    lab.wait_state("127.0.20.1", "up")
    return lab


def reload(lab):
    return subprocess.Popen([os.path.join(BUILD, "gslbctl"), "-s", lab.socket, "reload"], stdout=subprocess.DEVNULL)


@test
def reloads_lose_nothing(stack):
    """200 reload requests under 10,000 queries a second: none unanswered, none wrong, at least 50 completed"""
    lab = world(stack)
    load = steady(stack, lab, 11, ["127.0.10.1"])
    asked = []
    for n in range(RELOADS):
        if n % 2 == 0:  # every other one finds something to do
            lab.write_zone("svc.example", ZONE.format(port=lab.backend_port, serial=n + 2))
        if n % 10 == 9:
            lab.gslbd.kill(signal.SIGHUP)
        else:
            asked.append(reload(lab))
        time.sleep(0.035)
    for process in asked:
        assert process.wait(20) == 0
    finish(load, 30)
    done = lab.ctl("status")
    print(f"# reloads completed: {done['reloads']}")
    assert done["reloads"] >= 50, done["reloads"]
    assert done["zones"][0]["serial"] == RELOADS, done["zones"]


@test
def dying_probers_lose_nothing(stack):
    """50 kill -9 of gslb-health under 10,000 queries a second: none unanswered, none wrong, verdicts stand"""
    lab = world(stack)
    lab.eu.kill()
    lab.wait_state("127.0.10.1", "down")
    load = steady(stack, lab, 180, ["127.0.20.1"])
    killed, last = 0, 0
    end = time.monotonic() + 150
    while killed < KILLS and time.monotonic() < end:
        pid = lab.health_pid()
        if pid in (0, last):
            time.sleep(0.01)
            continue
        if killed % 4 != 0:  # most die at work, some before
            wait_for("it to take up its plan", lambda pid=pid: f"gslb-health[{pid}] info: plan=" in lab.gslbd.text())
        os.kill(pid, signal.SIGKILL)
        killed, last = killed + 1, pid
    time.sleep(0.5)
    assert load.alive()
    load.kill(signal.SIGTERM)
    finish(load, 5)
    print(f"# killed under load: {killed}")
    assert killed == KILLS, killed
    wait_for("gslb-health to run again", lambda: lab.health_pid() not in (0, last))
    lab.eu = http_backend(stack, lab.folder, "eu2", lab.backend_port, "127.0.10.1")
    lab.wait_answer(["127.0.10.1"], "www.svc.example")


CHECKED = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=exec; command=look; interval=500ms; timeout=400ms; fall=1"
eu._pool SRV 0 1 7 lb1.eu
lb1.eu A 127.0.10.1
"""


@test
def a_configuration_alone_is_taken_up(stack):
    """nothing but gslb.yaml changed: probers hear of another health.checks-directory, and what waits for a restart (state.directory) is not begun"""
    lab = Lab(stack, {"svc.example": CHECKED})
    for folder, status in (("good", 0), ("bad", 1)):
        path = os.path.join(lab.folder, folder, "look")
        os.makedirs(os.path.dirname(path))
        with open(path, "w") as f:
            f.write(f"#!/bin/sh\nexit {status}\n")
        os.chmod(path, 0o755)
    lab.write_conf(extra={"health": {"checks-directory": "good"}})
    lab.start()
    lab.wait_state("127.0.10.1", "up")
    elsewhere = os.path.join(lab.folder, "elsewhere")
    os.makedirs(elsewhere)
    lab.write_conf(extra={"health": {"checks-directory": "bad"}, "state": {"directory": "elsewhere"}})
    lab.ctl("reload")
    assert "state.directory: taken up at the next restart" in lab.gslbd.text()
    lab.wait_state("127.0.10.1", "down")
    assert not os.listdir(elsewhere), os.listdir(elsewhere)


if __name__ == "__main__":
    main()
