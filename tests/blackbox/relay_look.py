#!/usr/bin/python3
"""What gslbctl shows of gslb-relay: one event, the last ones, what waits for a cache and whether it lives; and what was refused, once more."""

from lab import main, test, wait_for
from relay_rig import Authority, Rig, redis, resolve, unbound


@test
def an_event_can_be_looked_up(stack):
    """receipts and explain say how far an event is, and who asked for it; a stranger's id is refused; tail has the last ones, of one region where asked"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache]
    rig.start()
    done = rig.ctl("purge", "key", "a", "b", "--wait", "5s", "--why", "test")["id"]
    rig.ctl("relay", "pause", "kv")
    waits = rig.ctl("purge", "tag", "product:42")["id"]
    event = wait_for("its receipt", lambda: (e := rig.ctl("purge", "receipts", done, expect=None))["regions"]["eu-west"]["state"] == "done" and e)["event"]
    assert (event["class"], event["items"], event["first"], event["state"], event["why"], event["caches"]) == ("key", 2, "a", "done", "test", 1), event
    assert rig.ctl("purge", "explain", waits, expect=3)["event"]["state"] == "pending"
    for wrong in ("nonsense", waits + "0", "us-east:1:1", "'"):
        rig.ctl("purge", "receipts", wrong, expect=1)
        assert "no event of this relay's log" in rig.error, rig.error
    rig.ctl("purge", "receipts", done, waits, expect=2)
    assert "one event's id" in rig.error, rig.error
    events = rig.ctl("relay", "tail")["events"]
    assert [e["id"] for e in events] == [done, waits], events
    assert rig.ctl("relay", "tail", "us-east")["events"] == []


@test
def what_waits_for_a_cache(stack):
    """pending lists what a paused cache has before it; test asks for a sign of life, and says what is wrong where there is none"""
    rig = Rig(stack, [])
    port, cache = redis(stack, rig)
    rig.caches = [cache, {"type": "unbound", "name": "gone", "socket": f"{rig.folder}/gone.ctl", "zones": ["svc.example"]}]
    rig.start()
    rig.ctl("relay", "pause", "kv")
    rig.ctl("purge", "key", *[f"k{n}" for n in range(120)])
    pending = wait_for("all of them", lambda: (p := rig.ctl("relay", "pending", "kv"))["waiting"] == 120 and p)
    assert len(pending["pending"]) == 100 and {(p["class"], p["prio"]) for p in pending["pending"]} == {("key", 2)}, pending
    rig.ctl("relay", "resume", "kv")
    wait_for("the end", lambda: rig.ctl("relay", "pending", "kv")["waiting"] == 0)
    rig.ctl("relay", "pending", "nobody", expect=1)
    assert "no such cache" in rig.error
    signs = {s["cache"]: s for s in rig.ctl("relay", "test", expect=1)["signs"]}
    assert signs["kv"]["state"] == "works" and signs["gone"]["state"] == "fails" and "No such file" in signs["gone"]["reason"], signs
    assert [s["state"] for s in rig.ctl("relay", "test", "kv")["signs"]] == ["works"]


@test
def what_was_refused_can_be_asked_for_once_more(stack):
    """a resolver that kept a stale answer: retry has its name flushed again, and the list is empty"""
    keeps, authority = Authority(stack), Authority(stack)
    rig = Rig(stack, [])
    port, cache = unbound(stack, rig, authority.port)
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    rig.caches = [dict(cache, verify=f"127.0.0.1@{keeps.port}", authority=f"127.0.0.1@{authority.port}")]
    rig.start()
    authority.address = "192.0.2.2"
    rig.say("invalidate", event={"class": "dns", "prio": 0, "items": [{"n": "www.svc.example", "t": ["A"]}]})
    dead = wait_for("it to be refused", lambda: rig.ctl("relay", "dead")["dead"])
    done = rig.target("resolver")["done"]
    rig.ctl("relay", "retry", "999", expect=1)
    assert "no such number" in rig.error
    assert rig.ctl("relay", "retry", str(dead[0]["id"]))["retried"] == 1
    assert rig.ctl("relay", "dead")["dead"] == []
    wait_for("it to be flushed again", lambda: rig.target("resolver")["done"] > done)
    assert rig.ctl("relay", "tail")["events"][-1]["why"] == "gslbctl relay retry"


main()
