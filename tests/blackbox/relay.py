#!/usr/bin/python3
"""gslb-relay with real caches: what it is told to drop is gone from them, also when an old answer was on its way."""
import os
import signal
import socket
import subprocess
import threading

from caches_rig import Origin, get, memcached, nginx, resolver_test, varnish
from lab import BUILD, free_port, main, rows, test, wait_for
from relay_rig import Authority, Rig, command, redis, resolve, unbound, write
from tcp_rig import Tcp


def with_resolver(stack, start):
    authority = Authority(stack)
    rig = Rig(stack, [])
    port, cache = start(stack, rig, authority.port)
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    rig.caches = [cache]
    rig.start()
    wait_for("the flush at the start, since the log is new", lambda: rig.target("resolver")["done"] > 0)
    return authority, rig, port


@resolver_test("a name that was purged is asked for anew, and its neighbours are not")
def a_name_is_dropped(stack, start):
    authority, rig, port = with_resolver(stack, start)
    assert resolve(port, "www.svc.example") == ["192.0.2.1"] and resolve(port, "www.svc.example", "TXT") == ["192.0.2.1"]
    assert resolve(port, "other.svc.example") == ["192.0.2.1"]
    authority.address = "192.0.2.2"
    assert resolve(port, "www.svc.example") == ["192.0.2.1"]
    result = rig.ctl("purge", "name", "WWW.svc.example.", "--types", "A,TXT", "--wait", "30s")
    assert result["regions"]["eu-west"]["state"] in ("flushed", "done"), result
    assert resolve(port, "www.svc.example") == ["192.0.2.2"]
    assert resolve(port, "www.svc.example", "TXT") == ["192.0.2.2"]
    assert resolve(port, "other.svc.example") == ["192.0.2.1"]
    rig.ctl("purge", "zone", "svc.example", "--wait", "30s")
    assert resolve(port, "other.svc.example") == ["192.0.2.2"]


@resolver_test("an old answer that was on its way when it was purged is gone three seconds later")
def an_answer_in_flight(stack, start):
    authority, rig, port = with_resolver(stack, start)
    authority.delay_s = 0.8
    asking = threading.Thread(target=resolve, args=(port, "late.svc.example"))
    asked = authority.asked
    asking.start()
    wait_for("the question", lambda: authority.asked > asked)
    authority.address, authority.delay_s = "192.0.2.2", 0.0
    rig.ctl("purge", "name", "late.svc.example", "--wait", "30s")
    asking.join()
    wait_for("the second flush", lambda: rig.ctl("relay", "status")["active"] == 0, 60)
    assert resolve(port, "late.svc.example") == ["192.0.2.2"]


@test
def a_resolver_that_is_away_is_told_when_it_is_back(stack):
    """what was purged while unbound was away is not told to it after its restart, since it forgot by itself; it works again at once"""
    authority = Authority(stack)
    rig = Rig(stack, [])
    port, cache = unbound(stack, rig, authority.port)
    rig.caches = [cache]
    rig.start()
    wait_for("what a new log owes", lambda: rig.target("resolver")["done"] > 0)  # all is dropped once
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    os.rename(f"{rig.folder}/unbound.ctl", f"{rig.folder}/away")
    authority.address = "192.0.2.2"
    assert resolve(port, "ready.svc.example") == ["192.0.2.1"]
    result = rig.ctl("purge", "name", "ready.svc.example", "--wait", "300ms", expect=3)
    assert result["regions"]["eu-west"]["state"] == "pending", result
    wait_for("the trouble to show", lambda: "No such file" in rig.target("resolver")["trouble"])
    rig.relay.wait_log("state=fails")
    os.rename(f"{rig.folder}/away", f"{rig.folder}/unbound.ctl")
    wait_for("the name to be dropped", lambda: resolve(port, "ready.svc.example") == ["192.0.2.2"])
    wait_for("the trouble to end", lambda: rig.target("resolver")["trouble"] == "")
    rig.relay.wait_log("state=works")


# ---- key-value stores ----

@test
def keys_and_tags_of_redis(stack):
    """redis: a key goes, a tag takes its keys along, and what is not named stays, also over a full restart of what is cached elsewhere"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache]
    command(port, "SET shop:other 1\r\n")
    rig.start()
    for key in ("shop:a", "shop:b", "shop:c", "foreign"):
        command(port, f"SET {key} 1\r\n")
    command(port, "SADD shop:tag:product:42 shop:b shop:c\r\n")
    rig.ctl("purge", "key", "a", "--wait", "30s")
    assert command(port, "EXISTS shop:a\r\n") == ":0\r\n" and command(port, "EXISTS shop:b\r\n") == ":1\r\n"
    rig.ctl("purge", "tag", "product:42", "--wait", "30s")
    assert command(port, "EXISTS shop:b shop:c shop:tag:product:42\r\n") == ":0\r\n"
    assert command(port, "EXISTS foreign shop:other\r\n") == ":2\r\n"
    rig.ctl("relay", "resync", expect=None)  # no flush-all: yes, so it does not concern redis
    assert command(port, "EXISTS foreign shop:other\r\n") == ":2\r\n"


@test
def keys_of_memcached(stack):
    """memcached: a key goes, or is marked stale for one client to win"""
    rig = Rig(stack, [])
    port, cache = memcached(stack, rig)
    rig.caches = [cache]
    rig.start()
    for key in ("a", "b", "c"):
        command(port, f"set {key} 0 0 1\r\n1\r\n")
    rig.ctl("purge", "key", "a", "--wait", "30s")
    assert command(port, "mg a v\r\n").startswith("EN") and command(port, "mg c v\r\n").startswith("VA")
    rig.ctl("purge", "key", "b", "--soft", "--wait", "30s")
    assert " W" in command(port, "mg b v\r\n").split("\r\n")[0]


# ---- HTTP caches ----

def behind(stack, cache):
    """A relay, an origin behind a cache of this kind, and the cache's port."""
    rig, origin = Rig(stack, []), Origin(stack)
    port, row = cache(stack, rig, origin)
    rig.caches = [row]
    rig.start()
    return rig, origin, port


@test
def urls_and_prefixes_of_varnish(stack):
    """varnish: a URL is purged, a prefix banned with nothing but what begins so, and a refresh puts the new one in place"""
    rig, origin, port = behind(stack, varnish)
    first = {path: get(port, path) for path in ("/a", "/b", "/shop/1", "/shop/2", "/shopping", "/s.op/1", "/r")}
    assert all(get(port, path) == n for path, n in first.items())
    rig.ctl("purge", "url", "http://www.example/a", "--wait", "30s")
    assert get(port, "/a") != first["/a"] and get(port, "/b") == first["/b"]
    rig.ctl("purge", "prefix", "http://www.example/shop/", "--wait", "30s")
    assert get(port, "/shop/1") != first["/shop/1"] and get(port, "/shop/2") != first["/shop/2"]
    rig.ctl("purge", "prefix", "http://www.example/s.op/", "--wait", "30s")
    assert get(port, "/s.op/1") != first["/s.op/1"]
    assert get(port, "/shopping") == first["/shopping"] and get(port, "/b") == first["/b"]
    count = origin.count
    rig.ctl("purge", "url", "http://www.example/r", "--refresh", "--wait", "30s")
    assert origin.count == count + 1 and get(port, "/r") == count + 1 and origin.count == count + 1


@test
def a_refresh_through_nginx(stack):
    """nginx, which has no purge of its own: a refresh of a URL goes by its cache to the origin and puts the new one in place, and no other"""
    rig, origin, port = behind(stack, nginx)
    first = {path: get(port, path) for path in ("/a", "/b")}
    assert all(get(port, path) == n for path, n in first.items())
    rig.ctl("purge", "url", "http://www.example/a", "--refresh", "--wait", "30s")
    assert get(port, "/a") == origin.count == first["/b"] + 1 and get(port, "/b") == first["/b"]
    rig.ctl("purge", "url", "http://www.example/b", "--wait", "30s", expect=3)
    assert "status 405" in rig.ctl("relay", "dead")["dead"][0]["reason"]


@test
def tags_over_http(stack):
    """tags go in xkey-purge, softly in xkey-softpurge; where the service wants another method, header and token, in these; several in one request"""
    heard = []

    def answer(s):
        data = s.recv(65536)
        if not data.startswith(b"HEAD"):
            heard.append(data.decode().split("\r\n"))
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    rig, xkey, service = Rig(stack, []), Tcp(stack, answer), Tcp(stack, answer)
    write(os.path.join(rig.folder, "token"), "Fastly-Key: 0123456789abcdef\n")
    rig.caches = [{"type": "http", "name": "xkey", "url": f"http://127.0.0.1:{xkey.port}/"}]
    rig.start()
    rig.ctl("purge", "tag", "product:42", "product:43", "--wait", "30s")
    rig.ctl("purge", "tag", "product:42", "--soft", "--wait", "30s")
    assert [(lines[0], [x for x in lines if x.startswith("xkey")]) for lines in heard] == [
        ("PURGE / HTTP/1.1", ["xkey-purge: product:42 product:43"]), ("PURGE / HTTP/1.1", ["xkey-softpurge: product:42"])], heard
    heard.clear()
    rig.relay.kill(signal.SIGTERM)
    rig.caches = [{"type": "http", "name": "service", "url": f"http://127.0.0.1:{service.port}/purge", "method": "POST", "header": "Surrogate-Key",
                   "key-file": "token"}]
    rig.start()
    rig.ctl("purge", "tag", "product:42", "--wait", "30s")
    rig.ctl("purge", "tag", "product:42", "--soft", "--wait", "30s")
    assert [lines[0] for lines in heard] == ["POST /purge HTTP/1.1"] * 2, heard
    assert all({"Surrogate-Key: product:42", "Fastly-Key: 0123456789abcdef"} <= set(lines) for lines in heard), heard
    assert ["Fastly-Soft-Purge: 1" in lines for lines in heard] == [False, True], heard


# ---- what strangers send: RELAY 5.12, 19 ----

HOSTILE = [
    ("a name with a quote and a command", ["name", "x';quit()--"], "RELAY 5.12, 19"),
    ("a name with a line's end", ["name", "www.example\nstop"], "RELAY 5.12, 19"),
    ("a name with Lua behind it", ["name", "x', true); return os.getenv('HOME')--"], "RELAY 2.2, 9"),
    ("a label of 300 bytes", ["name", "a" * 300 + ".example"], "RELAY 5.12, 19"),
    ("a name in another script", ["name", "m\u00fcnchen.example"], "RELAY 5.12, 19"),
    ("a bare asterisk", ["name", "*"], "RELAY 5.12, 19"),
    ("a key with a line's end", ["key", "x\r\nflush_all"], "RELAY 2.2, 9"),
    ("a tag with a ban expression", ["tag", "x && req.url ~ ."], "RELAY 2.2, 9"),
    ("a URL with a line's end", ["url", "http://h.example/\r\nHost: x"], "RELAY 5.12, 19"),
    ("a URL that is none", ["url", "file:///etc/passwd"], "RELAY 5.9"),
]


@rows(HOSTILE)
def hostile_input_is_refused(sentence, arguments):
    """refused with one sentence, and no cache hears of it"""
    import contextlib
    with contextlib.ExitStack() as stack:
        listening = socket.create_server(("127.0.0.1", free_port()))
        stack.callback(listening.close)
        at = f"127.0.0.1@{listening.getsockname()[1]}"
        rig = Rig(stack, [{"type": "memcached", "name": "m", "socket": at}, {"type": "http", "name": "h", "url": "http://" + at.replace("@", ":")},
                          {"type": "redis", "name": "r", "socket": at}])
        rig.start()
        rig.ctl("purge", *arguments, expect=1)
        assert rig.error.count("\n") == 0 and rig.error.startswith("gslbctl: items[0]: "), rig.error
        listening.settimeout(0.3)
        try:
            listening.accept()
            raise AssertionError("a cache heard of it")
        except socket.timeout:
            pass


# ---- nothing is lost ----

@test
def a_kill_loses_nothing(stack):
    """gslb-relay killed again and again while it takes in events: what it said yes to is done"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache]
    rig.start()
    taken = []
    for life in range(5):
        for n in range(40):
            key = f"k{life}-{n}"
            command(port, f"SET shop:{key} 1\r\n")
            if n == 30:
                rig.relay.kill(signal.SIGKILL)
            done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", rig.socket, "purge", "key", key], capture_output=True)
            if done.returncode == 0:
                taken.append(key)
        rig.start()
    assert len(taken) >= 100
    wait_for("all of them to be gone", lambda: command(port, "EXISTS " + " ".join("shop:" + k for k in taken) + "\r\n") == ":0\r\n")
    wait_for("the outbox to be empty", lambda: rig.ctl("relay", "status")["outbox"] == 0)


@test
def a_cache_that_hangs_holds_up_no_other(stack):
    """a cache that takes connections and never answers: the others are told at once, and its own work is kept"""
    listening = socket.create_server(("127.0.0.1", free_port()))
    stack.callback(listening.close)
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache, {"type": "memcached", "name": "hangs", "socket": f"127.0.0.1@{listening.getsockname()[1]}", "timeout": "300ms"}]
    rig.start()
    for n in range(20):
        command(port, f"SET shop:h{n} 1\r\n")
        rig.ctl("purge", "key", f"h{n}")
    wait_for("redis to be told", lambda: command(port, "EXISTS " + " ".join(f"shop:h{n}" for n in range(20)) + "\r\n") == ":0\r\n")
    wait_for("the trouble to show", lambda: "no answer in time" in rig.target("hangs")["trouble"])
    assert rig.target("hangs")["pending"] == 20


main()
