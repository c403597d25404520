#!/usr/bin/python3
"""A resolver is asked whether an old answer is really gone; its settings are looked over, and so is the bus."""
from lab import main, test, wait_for
from relay_rig import Authority, Rig, resolve, unbound


def failover(rig, name):
    answer = rig.say("invalidate", wait_ms=5000, event={"class": "dns", "prio": 0, "items": [{"n": name, "t": ["A"]}]})
    assert answer["ok"], answer
    wait_for("its second flush", lambda: rig.ctl("relay", "status")["active"] == 0, 10)


def with_unbound(stack, modules="iterator", more="", **verify):
    authority = Authority(stack)
    rig = Rig(stack, [])
    port, cache = unbound(stack, rig, authority.port, modules, more)
    wait_for("the resolver", lambda: resolve(port, "ready.svc.example") == ["192.0.2.1"])
    cache.update({"verify": f"127.0.0.1@{port}", "authority": f"127.0.0.1@{authority.port}"}, **verify)
    rig.caches = [cache]
    rig.start()
    wait_for("the first flush", lambda: rig.ctl("relay", "status")["active"] == 0, 10)
    return authority, rig, port


@test
def a_failover_is_verified(stack):
    """after a failover's second flush the resolver is asked, and gives what the authority gives; relay verify says the same"""
    authority, rig, port = with_unbound(stack)
    assert resolve(port, "www.svc.example") == ["192.0.2.1"]
    authority.address = "192.0.2.2"
    failover(rig, "www.svc.example")
    target = rig.target("resolver")
    assert (target["fresh"], target["stale"], target["unknown"]) == (1, 0, 0), target
    rows = rig.ctl("relay", "verify", "www.svc.example")["caches"]
    assert [(r["type"], r["result"]) for r in rows] == [("A", "fresh"), ("AAAA", "fresh")], rows
    authority.address = "192.0.2.3"
    rows = rig.ctl("relay", "verify", "www.svc.example", expect=1)["caches"]
    assert rows[0]["result"] == "STALE" and "192.0.2.2" in rows[0]["reason"] and "192.0.2.3" in rows[0]["reason"], rows


@test
def a_resolver_that_keeps_what_it_was_told_to_forget(stack):
    """a resolver that gives the old answer whatever it is told: flushed three times more, then in the list of what could not be done"""
    keeps = Authority(stack)
    authority, rig, port = with_unbound(stack, verify=f"127.0.0.1@{keeps.port}")
    authority.address = "192.0.2.2"
    failover(rig, "www.svc.example")
    target = rig.target("resolver")
    assert (target["fresh"], target["stale"]) == (0, 4), target
    dead = rig.ctl("relay", "dead")["dead"]
    assert len(dead) == 1 and "192.0.2.1" in dead[0]["reason"] and dead[0]["item"] == "www.svc.example", dead
    assert rig.ctl("relay", "status")["failed"] == 1


@test
def a_resolver_that_does_not_answer_is_unknown(stack):
    """nobody answers where the resolver is said to be: counted as unknown, and the failover is no failure"""
    authority, rig, port = with_unbound(stack, verify="127.0.0.1@1")
    failover(rig, "www.svc.example")
    target = rig.target("resolver")
    assert (target["unknown"], target["stale"], target["refused"]) == (1, 0, 0), target


@test
def settings_that_make_a_flush_worthless(stack):
    """lint finds unbound's subnetcache and serve-expired, and nothing where they are off; bus check says that a lone host has no bus"""
    authority, rig, port = with_unbound(stack)
    levels = {f["level"] for f in rig.ctl("relay", "lint")["findings"]}
    assert levels == {"ok"}, levels
    assert rig.ctl("bus", "check")["findings"][0]["level"] == "ok"
    authority, rig, port = with_unbound(stack, "subnetcache iterator", "serve-expired: yes")
    findings = rig.ctl("relay", "lint", expect=1)["findings"]
    assert [f["level"] for f in findings] == ["error", "warning"] and "subnetcache" in findings[0]["text"], findings


main()
