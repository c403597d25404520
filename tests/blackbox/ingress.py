#!/usr/bin/python3
"""What applications ask of gslb-relay over HTTP, what it measures, and what it does when it cannot write, is told too much, or too soon."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

from lab import Skip, free_port, main, test, wait_for
from relay_rig import TOKEN, Door, Rig, command, key_event, redis, write


@test
def an_application_purges_over_http(stack):
    """an event, a CloudEvent and the draft's JSON are taken in with 202 and an id, or with Prefer: wait=2 done with 200; a GET finds health and
    figures"""
    door = Door(stack)
    for n, body in enumerate([key_event("a"), {"specversion": "1.0", "id": "1", "source": "/shop", "type": "t", "data": key_event("a")}]):
        command(door.redis, "SET shop:a 1\r\n")
        status, answer, _ = door.post(body, Prefer="respond-async, wait=5")
        assert status == 200 and answer["regions"]["eu-west"]["state"] in ("flushed", "done"), (status, answer)
        assert command(door.redis, "EXISTS shop:a\r\n") == ":0\r\n"
    command(door.redis, "SADD shop:tag:p shop:b\r\n")
    command(door.redis, "SET shop:b 1\r\n")
    status, answer, _ = door.post({"type": "group", "selectors": ["p"], "purge": True})
    assert status == 202 and answer["id"].startswith("eu-west:"), (status, answer)
    wait_for("the tag's key to go", lambda: command(door.redis, "EXISTS shop:b\r\n") == ":0\r\n")
    assert door.ask("GET", "/healthz", token=None)[0] == 200
    assert door.metric("made_total") == 3 and door.metric("bus_up") == 1 and door.metric("refused_total") == 0


@test
def what_is_wrong_is_refused_with_its_status(stack):
    """401 without a good token, 400 for what is no event, 413 for what is too long, 404, 405; each with one sentence, and no cache hears of it"""
    door = Door(stack)
    command(door.redis, "SET shop:a 1\r\n")
    cases = [
        (401, door.post(key_event("a"), token=None)),
        (401, door.post(key_event("a"), token=TOKEN + "x")),
        (401, door.post(key_event("a"), token=TOKEN[:-1])),
        (401, door.post(key_event("a"), token="")),
        (400, door.post("{")),
        (400, door.post({"class": "key", "items": [{"k": "a\r\nflush_all"}]})),
        (400, door.post({"class": "key", "items": []})),
        (400, door.post(dict(key_event("a"), scope=["mars"]))),
        (400, door.post(dict(key_event("a"), origin="us"))),
        (413, door.post("x" * 70000)),
        (404, door.ask("POST", "/v1/else", "{}")),
        (404, door.ask("GET", "/")),
        (405, door.ask("PUT", "/v1/invalidate", "{}")),
    ]
    for wanted, (status, answer, _) in cases:
        assert status == wanted and answer["error"] and "\n" not in answer["error"], (wanted, status, answer)
    assert command(door.redis, "EXISTS shop:a\r\n") == ":1\r\n"
    # a body of unknown length that never ends
    with socket.create_connection(("127.0.0.1", door.port)) as s:
        s.sendall(f"POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(20):
            s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        s.sendall(b"0\r\n\r\n")
        assert b" 413 " in s.recv(4096)


@test
def an_actor_that_asks_too_much_is_told_when_to_come_again(stack):
    """zones, prefixes and all three times at once, and keys ten thousand; then 429 with Retry-After, for this actor alone"""
    door = Door(stack)
    for n in range(3):
        assert door.post({"class": "all"})[0] == 202
    status, answer, headers = door.post({"class": "all"})
    assert status == 429 and 1 <= int(headers["Retry-After"]) <= 10 and "shop" in answer["error"], (status, answer)
    assert door.post({"class": "all"}, token=TOKEN + "-bulk")[0] == 202
    assert door.post(key_event("a"))[0] == 202
    statuses = [door.post(key_event(*[f"k{n}-{i}" for i in range(250)]))[0] for n in range(60)]
    assert statuses.count(202) >= 39 and 429 in statuses and set(statuses) == {202, 429}, statuses
    assert door.metric("limited_total") >= 2


@test
def a_full_disk_refuses_and_loses_nothing(stack):
    """relay.db on a disk that fills up: 503 and one sentence, also for gslbctl; what was said yes to is done, and all is well when there is room"""
    if os.geteuid() != 0:
        raise Skip("a small disk needs root")
    disk = tempfile.mkdtemp(prefix="gslb-test-")
    stack.callback(shutil.rmtree, disk, ignore_errors=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode != 0:
        raise Skip("no tmpfs can be mounted here")
    stack.callback(subprocess.run, ["umount", "-l", disk])
    door = Door(stack)
    door.rig.relay.kill(15)
    door.rig.relay.process.wait(10)
    door.rig.state = disk
    door.rig.start()
    taken, refused = [], 0
    # redis is stopped, so that the log keeps what comes in
    door.rig.ctl("relay", "pause", "kv")
    for n in range(200):
        key = f"d{n}"
        command(door.redis, f"SET shop:{key} 1\r\n")
        status, answer, _ = door.post(key_event(key, *[f"{n}-{i}-" + "x" * 200 for i in range(100)]))
        if status == 202:
            taken.append(key)
            continue
        assert status == 503 and "relay.db: " in answer["error"], (status, answer)
        refused += 1
        if refused == 3:
            break
    assert len(taken) >= 3 and refused == 3, (len(taken), refused)
    with open(os.path.join(disk, "filler"), "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass
    wait_for("health to tell", lambda: door.ask("GET", "/healthz")[0] == 503)
    door.rig.ctl("purge", "key", "x" * 250, *["y" * 240 + str(n) for n in range(80)], expect=1)
    assert "relay.db: " in door.rig.error and door.rig.error.count("\n") == 0, door.rig.error
    door.rig.ctl("relay", "resume", "kv")
    assert door.rig.relay.process.poll() is None
    subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
    wait_for("the log to be written again", lambda: door.post(key_event("later"))[0] == 202)
    wait_for("the keys to go", lambda: command(door.redis, "EXISTS " + " ".join("shop:" + k for k in taken) + "\r\n") == ":0\r\n")
    wait_for("the outbox to be empty", lambda: door.rig.ctl("relay", "status")["outbox"] == 0)
    assert door.ask("GET", "/healthz")[0] == 200


@test
def a_stop_while_a_cache_hangs(stack):
    """told to end while a cache takes connections and never answers: it ends after one timeout, not after one for each item; what waits is kept"""
    listening = socket.create_server(("127.0.0.1", free_port()))
    stack.callback(listening.close)
    path = tempfile.mktemp(prefix="gslb-test-")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(path)
    unix.listen(128)
    stack.callback(os.unlink, path)
    stack.callback(unix.close)
    door = Door(stack, [{"type": "unbound", "name": "hangs", "socket": path, "timeout": "2s", "zones": ["svc.example"]}])
    door.rig.ctl("purge", "name", *[f"n{n}.svc.example" for n in range(100)])
    wait_for("a batch to be under way", lambda: door.rig.target("hangs")["pending"] >= 100)
    began = time.monotonic()
    door.rig.relay.process.terminate()
    door.rig.relay.process.wait(20)
    assert time.monotonic() - began < 10, time.monotonic() - began
    door.rig.start()
    wait_for("it to be kept", lambda: door.rig.target("hangs")["pending"] >= 100)


@test
def too_much_for_a_store_that_is_not_to_be_emptied(stack):
    """more than 100,000 keys wait for a redis without flush-all: it is not emptied, and what cannot be kept is said"""
    door = Door(stack)
    command(door.redis, "SET foreign 1\r\n")
    door.rig.ctl("relay", "pause", "kv")
    for n in range(401):
        door.rig.ctl("purge", "key", *[f"k{n}-{i}" for i in range(250)])
    assert door.rig.target("kv")["pending"] <= 100000
    assert door.rig.target("kv")["refused"] > 0 and door.rig.ctl("relay", "status")["dead"] > 0
    assert command(door.redis, "EXISTS foreign\r\n") == ":1\r\n"


@test
def a_coarse_flush_survives_a_kill(stack):
    """killed before the caches were told to drop everything: they are told after the next start"""
    door = Door(stack)
    rig = door.rig
    rig.relay.process.terminate()
    rig.relay.process.wait(10)
    shutil.rmtree(os.path.join(rig.folder, "state"))
    rig.caches[0]["flush-all"] = "yes"
    stopped = free_port()
    right, rig.caches[0]["socket"] = rig.caches[0]["socket"], f"127.0.0.1@{stopped}"
    command(door.redis, "SET shop:a 1\r\n")
    rig.start()
    rig.relay.wait_log("coarse_flush=begin")
    rig.relay.kill(9)
    rig.relay.process.wait(10)
    rig.caches[0]["socket"] = right
    rig.start()
    wait_for("redis to be emptied", lambda: command(door.redis, "EXISTS shop:a\r\n") == ":0\r\n")


main()
