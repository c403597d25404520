#!/usr/bin/python3
"""Failover with real backends: killed, back, black-holed; overrides; restarts."""
import os
import signal
import time

from lab import Lab, http_backend, free_port, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5; answers=2"
eu._pool TXT "v=pool1; region=eu-west; check=http; interval=500ms; timeout=300ms; ramp=1s"
eu._pool SRV 0 1 {port} lb1.eu
eu._pool SRV 0 1 {port} lb2.eu
lb1.eu A 127.0.10.1
lb2.eu A 127.0.10.2
us._pool TXT "v=pool1; region=us-east; check=http; interval=500ms; timeout=300ms; ramp=1s"
us._pool SRV 0 1 {port} lb1.us
lb1.us A 127.0.20.1
"""
EU, US = ["127.0.10.1", "127.0.10.2"], ["127.0.20.1"]


def world(stack, more="", **options):
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": ZONE.format(port=port) + more}, **options)
    lab.backend_port = port
    lab.eu = http_backend(stack, lab.folder, "eu", port, *EU)
    lab.us = http_backend(stack, lab.folder, "us", port, *US)
    lab.start()
    for address in EU + US:
        lab.wait_state(address, "up")
    return lab


@test
def a_killed_region_leaves_the_answers_and_returns(stack):
    """a backend killed with SIGKILL is out of the answers within fall probes and a second, and returns after rise"""
    lab = world(stack)
    assert lab.addresses("www.svc.example") == EU
    lab.eu.kill()
    took = lab.wait_answer(US, "www.svc.example")
    assert took < 3 * 0.8 + 1, f"took {took:.1f} s"
    for address in EU:  # with one of them down, a part of the clients is passed on already
        lab.wait_state(address, "down")
    assert "refused" in lab.endpoint(EU[0])["reason"]
    lab.gslbd.wait_log("service=www.svc.example family=ipv4 in_service=us was=eu,us")
    lab.eu = http_backend(stack, lab.folder, "eu2", lab.backend_port, *EU)
    for address in EU:
        lab.wait_state(address, "up")
    lab.wait_answer(EU, "www.svc.example")
    lab.gslbd.wait_log("service=www.svc.example family=ipv4 in_service=eu,us was=us")


@test
def a_pool_that_no_service_names_is_probed_for_those_that_need_it(stack):
    """needs=: a named check that goes down takes the pool with it, explain says why, and it comes back"""
    port = free_port("127.0.30.1")
    needs = (f'db._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"\ndb._pool SRV 0 1 {port} lb1.db\n'
             'lb1.db A 127.0.30.1\n_gslb.needy TXT "v=gslb1; pools=needy,us; rank=order"\n'
             'needy._pool TXT "v=pool1; check=none; needs=db"\nneedy._pool SRV 0 1 80 lb1.needy\nlb1.needy A 127.0.40.1\n')
    lab = world(stack, more=needs)
    db = http_backend(stack, lab.folder, "db", port, "127.0.30.1")
    lab.wait_state("127.0.30.1", "up")
    lab.wait_answer(["127.0.40.1"], "needy.svc.example")
    db.kill()
    lab.wait_answer(US, "needy.svc.example")
    lab.gslbd.wait_log('pool=needy zone=svc.example family=ipv4 state=down was=in-doubt reason="needs db, which is down '
                       '(connect refused)"')
    said = lab.ctl_text("explain", "needy.svc.example", "192.0.2.1").stdout
    assert "down: needs db, which is down (connect refused)" in said, said
    pool = next(p for p in lab.ctl("pools")["pools"] if p["name"] == "needy")
    assert pool["state"] == "down" and pool["reason"] == "needs db, which is down (connect refused)", pool
    http_backend(stack, lab.folder, "db2", port, "127.0.30.1")
    lab.wait_answer(["127.0.40.1"], "needy.svc.example")


@test
def all_down_is_answered_as_all_up(stack):
    """when everything is down the default answers all of it, never nothing"""
    lab = world(stack)
    lab.eu.kill()
    lab.us.kill()
    for address in EU + US:
        lab.wait_state(address, "down")
    answer = lab.query("www.svc.example")
    assert answer.rcode() == 0 and len(answer.answer) == 1
    assert answer.answer[0].ttl == 5


@test
def an_override_acts_at_once_and_ends_by_itself(stack):
    """force drain changes the next answer, is listed with who, why and until when, and ends by itself"""
    lab = world(stack)
    lab.ctl("force", "eu", "drain", "--for", "3s", "--why", "drill")
    assert lab.addresses("www.svc.example") == US
    listed = lab.ctl("overrides")["overrides"]
    assert len(listed) == 1 and listed[0]["why"] == "drill" and listed[0]["who"] and listed[0]["until"], listed
    lab.wait_answer(EU, "www.svc.example", deadline=6)
    assert lab.ctl("overrides")["overrides"] == []


@test
def an_override_survives_the_end_of_both_processes(stack):
    """an override survives a kill -9 of gslbd and of gslb-health"""
    lab = world(stack)
    lab.ctl("force", "eu", "drain", "--for", "60s", "--why", "drill")
    os.kill(lab.health_pid(), signal.SIGKILL)
    assert lab.addresses("www.svc.example") == US
    lab.gslbd.kill()
    lab.start()
    assert lab.addresses("www.svc.example") == US
    assert lab.ctl("overrides")["overrides"][0]["why"] == "drill"
    lab.ctl("clear", "eu")
    assert lab.addresses("www.svc.example") == EU


@test
def keep_refuses_to_empty_a_service(stack):
    """an override that would leave fewer pools than keep is refused with the numbers, and --force overrides"""
    lab = world(stack, more='_gslb.one TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"\n')
    lab.ctl("force", "eu", "down", "--for", "30s", "--why", "drill", expect=1)
    assert "one.svc.example" in lab.last_error and "keep" in lab.last_error, lab.last_error
    lab.ctl("force", "eu", "down", "--for", "30s", "--why", "drill", "--force")
    assert lab.addresses("www.svc.example") == US


@test
def verdicts_outlive_a_restart(stack):
    """a verdict younger than ten minutes counts at once after a restart of gslbd"""
    lab = world(stack)
    lab.eu.kill()
    lab.wait_state(EU[0], "down")
    lab.wait_state(EU[1], "down")
    lab.stop()
    lab.start()
    assert lab.addresses("www.svc.example") == US
    lab.gslbd.kill()
    lab.start()
    assert lab.addresses("www.svc.example") == US


@test
def a_dead_prober_is_started_again_and_nothing_is_forgotten(stack):
    """kill -9 of gslb-health changes no answer; it is started again and goes on"""
    lab = world(stack)
    lab.eu.kill()
    for address in EU:
        lab.wait_state(address, "down")
    before = lab.health_pid()
    os.kill(before, signal.SIGKILL)
    for _ in range(50):
        assert lab.addresses("www.svc.example") == US
        time.sleep(0.01)
    wait_for("another gslb-health", lambda: lab.health_pid() not in (0, before))
    lab.eu = http_backend(stack, lab.folder, "eu2", lab.backend_port, *EU)
    lab.wait_answer(EU, "www.svc.example")


if __name__ == "__main__":
    main()
