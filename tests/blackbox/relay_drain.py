#!/usr/bin/python3
"""gslbctl relay drain, before a host is taken away: nothing new comes in, what is here is finished, and what is not is named."""
import json
import os
import signal
import subprocess
import threading

from fleet_rig import Fleet
from lab import BUILD, Skip, main, test, wait_for
from relay_rig import Door, Rig, command, key_event


def drain(rig, *arguments):
    """Its exit status, and what it wrote to either side."""
    done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", rig.socket, "relay", "drain", *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


@test
def a_drained_relay_takes_in_nothing_new(stack):
    """drained: purges by gslbctl, applications and HTTP are refused with one sentence (503 and Retry-After), healthz says so; what gslbd says of a
    failover and of an edit is taken in all the same; --off ends it, once"""
    door = Door(stack)
    rig = door.rig
    wait_for("the first turn", lambda: rig.ctl("relay", "status")["active"] == 0)
    code, out, err = drain(rig, "--wait", "30s")
    assert (code, err) == (0, "") and "nothing is left" in out, (code, out, err)
    command(door.redis, "MSET shop:a 1 shop:b 1\r\n")
    rig.ctl("purge", "key", "a", expect=1)
    assert "drained, by" in rig.error and "relay drain --off" in rig.error and "\n" not in rig.error, rig.error
    rig.ctl("relay", "resync", expect=1)
    rig.ctl("relay", "retry", "all", expect=1)
    status, answer, headers = door.post(key_event("a"))
    assert status == 503 and int(headers["Retry-After"]) == 10 and "drained, by" in answer["error"], (status, answer)
    status, answer, _ = door.post(dict(key_event("a"), prio=0))
    assert status == 503, answer
    assert door.ask("GET", "/healthz", token=None)[0] == 503
    assert door.metric("draining") == 1 and rig.ctl("relay", "status")["drained_by"]
    assert command(door.redis, "EXISTS shop:a\r\n") == ":1\r\n"
    assert rig.say("invalidate", wait_ms=10000, event=dict(key_event("a"), prio=0))["ok"]
    assert rig.say("invalidate", wait_ms=10000, event=dict(key_event("b"), prio=1, gen=7))["ok"]
    assert command(door.redis, "EXISTS shop:a shop:b\r\n") == ":0\r\n"
    code, out, err = drain(rig, "--off")
    assert code == 0 and "taken in" in out, (code, out, err)
    assert drain(rig, "--off")[0] == 4
    rig.ctl("purge", "key", "a", "--wait", "10s")
    assert door.ask("GET", "/healthz", token=None)[0] == 200 and door.metric("draining") == 0


@test
def what_is_left_is_named(stack):
    """with a paused cache's items left, drain ends with status 3 and names the cache; once that works, with 0; a restart takes in events again"""
    door = Door(stack)
    rig = door.rig
    command(door.redis, "SET shop:a 1\r\n")
    rig.ctl("relay", "pause", "kv")
    rig.ctl("purge", "key", "a", "b")
    code, out, err = drain(rig, "--wait", "300ms")
    assert code == 3 and "cache kv (2 items, it is paused)" in err and "after 300ms" in err, (code, out, err)
    assert "under way" in out and "it goes on" in out, out
    found = rig.ctl("relay", "drain", "--wait", "1ms", expect=3)
    assert found["caches"][0]["cache"] == "kv" and found["caches"][0]["pending"] == 2 and found["outbox"] == 1, found
    rig.ctl("relay", "resume", "kv")
    assert drain(rig, "--wait", "30s")[0] == 0
    assert command(door.redis, "EXISTS shop:a\r\n") == ":0\r\n"
    wait_for("the log to say so", lambda: "drain=done" in rig.relay.text())
    rig.relay.kill(signal.SIGTERM)
    rig.start()
    rig.ctl("purge", "key", "a", "--wait", "10s")


@test
def a_region_that_is_away_is_named(stack):
    """the other region's relay away: its drain ends with status 3 and names it; with its return, 0 and an empty outbox; what the other one makes
    meanwhile is done here"""
    fleet = Fleet(stack)
    eu, us = fleet.rigs["eu"], fleet.rigs["us"]
    fleet.wait_empty()
    us.relay.kill(signal.SIGTERM)
    assert fleet.purge("eu", "a")
    wait_for("eu to have done its own", lambda: next(row for row in eu.ctl("relay", "lag")["lag"] if row["region"] == "eu")["behind"] == 0)
    code, out, err = drain(eu, "--wait", "500ms")
    assert code == 3 and "region us (1 event behind" in err and "region eu" not in err, (code, out, err)
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(drain(eu, "--wait", "60s")))
    waiting.start()
    us.start()
    waiting.join(70)
    assert ended and ended[0][0] == 0, ended
    assert fleet.status("eu")["outbox"] == 0
    fleet.put("b")
    assert us.ctl("purge", "key", "b", "--wait", "30s")["regions"]["eu"]["state"] in ("flushed", "done")
    assert not fleet.has("eu", "b")
    assert drain(eu)[0] == 0


@test
def who_may_not(stack):
    """an application's user, who may purge, may not drain: one sentence, and nothing has changed"""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    rig = Rig(stack, [])
    rig.relay_section = ", group: nogroup"
    rig.start()
    ask = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b'\\n'); "
           "print(s.makefile().readline())")
    for request, good in (('{"command":"drain","args":{}}', False), ('{"command":"drain","args":{"off":true}}', False),
                          ('{"command":"invalidate","args":{"event":{"class":"key","items":[{"k":"a"}]}}}', True)):
        done = subprocess.run(["/usr/bin/python3", "-c", ask, rig.socket, request], user="nobody", group="nogroup", extra_groups=[], capture_output=True, text=True, timeout=30)
        answer = json.loads(done.stdout)
        assert answer["ok"] == good and (good or "drain: nobody may not" in answer["error"]), (answer, done.stderr)


@test
def options_of_others(stack):
    """an option that is of another WHAT, and a duration that is none, are usage"""
    door = Door(stack)
    door.rig.ctl("relay", "status", "--wait", "3s", expect=2)
    assert "--wait is for drain" in door.rig.error, door.rig.error
    door.rig.ctl("relay", "drain", "--wait", "soon", expect=2)
    door.rig.ctl("relay", "drain", "kv", expect=2)
    assert "takes no" in door.rig.error, door.rig.error


main()
