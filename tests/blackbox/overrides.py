#!/usr/bin/python3
"""Overrides by glob, dry runs, and drain-status: when it says that a thing is safe to switch off, no cache holds it."""
import os
import subprocess
import time

from lab import Lab, Skip, main, test, wait_for
from recursive import first_address, resolve, unbound

HEAD = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
"""

ZONE = HEAD + """
_gslb.www TXT "v=gslb1; pools=eu-1,us; rank=order; ttl=4/1"
_map.www TXT "v=map1; net:203.0.113.0/24=us"
_gslb.api TXT "v=gslb1; pools=us,eu-1; rank=order; ttl=4/1"
eu-1._pool TXT "v=pool1; check=none; region=eu-west"
eu-1._pool SRV 0 1 443 lb1.eu
eu-1._pool SRV 0 1 443 lb2.eu
lb1.eu A 192.0.2.10
lb2.eu A 192.0.2.11
us._pool TXT "v=pool1; check=none; region=us-east"
us._pool SRV 0 1 443 lb1.us
lb1.us A 192.0.2.20
"""
EU, US = {"192.0.2.10", "192.0.2.11"}, {"192.0.2.20"}
WAY_S = 2  # what drain-status adds to a TTL


def world(stack, zone=ZONE, wait=True):
    """A gslbd that has run for so long that it knows all that was answered."""
    lab = Lab(stack, {"svc.example": zone}).start()
    if wait:
        wait_for("what ran before it to have expired", lambda: not lab.ctl("drain-status", "us", expect=None)["notes"])
    return lab


def resolver(stack, lab):
    program, port = unbound(stack, lab)
    wait_for("unbound to answer", lambda: program.alive() and resolve(port, "ns1.svc.example").rcode() == 0)
    return port


def held_by(port):
    return set(first_address(resolve(port, "www.svc.example")))


@test
def when_it_is_safe_no_cache_holds_it(stack):
    """drain-status --wait ends when unbound's cached answer has gone, and not much later"""
    lab = world(stack)
    port = resolver(stack, lab)
    wait_for("a fresh answer from a pool in Europe",
             lambda: held_by(port) <= EU and resolve(port, "www.svc.example").answer[0].ttl == 4)
    lab.ctl("force", "eu-1", "drain", "--for", "60s", "--why", "kernel update")
    drained_s = time.monotonic()
    status = lab.ctl("drain-status", "eu-1", expect=3)
    assert held_by(port) <= EU, "the resolver keeps its answer as long as it may"
    assert status["state"] == "held" and 0 < status["left_s"] <= 4 + WAY_S, status
    assert status["held_percent"] == 100 and status["networks"] == 1 and status["networks_holding"] == 1, status
    assert status["overrides"][0]["why"] == "kernel update", status
    assert status["verdict"].startswith("not yet: safe in "), status
    status = lab.ctl("drain-status", "eu-1", "--wait")
    took_s = time.monotonic() - drained_s
    print(f"# TTL 4: safe after {took_s:.1f} s")
    assert held_by(port) == US
    assert status["state"] == "safe" and status["verdict"].startswith("safe to switch off"), status
    assert status["held_percent"] == 0 and status["answers_since"] == 0, status
    assert took_s < 4 + WAY_S + 5, took_s


@test
def what_is_not_drained_is_moot(stack):
    """drain-status of what is not drained exits with 4, of an unknown target with 1, while it drains with 3"""
    lab = world(stack, wait=False)
    status = lab.ctl("drain-status", "eu-1", expect=4)
    assert status["state"] == "not-drained" and status["verdict"].startswith("not drained"), status
    lab.ctl("drain-status", "mars", expect=1)
    assert "mars" in lab.last_error
    lab.ctl("force", "eu-1", "drain", "--for", "60s", "--over", "50s", "--why", "test")
    status = lab.ctl("drain-status", "pool:eu-*", expect=3)
    assert status["state"] == "draining" and "it drains until" in status["verdict"], status
    text = lab.ctl_text("drain-status", "eu-1").stdout
    assert text.startswith("pool:eu-1.svc.example: not yet: it drains until "), text
    # one of two services
    lab.ctl("clear", "eu-1")
    lab.ctl("force", "service:www/eu-1", "drain", "--for", "60s", "--why", "test")
    status = lab.ctl("drain-status", "eu-1", expect=4)
    assert "for api.svc.example it is answered as ever" in status["verdict"], status
    lab.ctl("drain-status", "eu-1", "--wait", expect=4)


@test
def after_a_restart_the_worst_is_assumed(stack):
    """after a kill -9 and a restart, what may have been answered before still counts"""
    lab = world(stack)
    assert set(lab.addresses("www.svc.example")) <= EU
    lab.ctl("force", "eu-1", "drain", "--for", "60s", "--why", "test")
    lab.gslbd.kill()
    lab.start()
    status = lab.ctl("drain-status", "eu-1", expect=3)
    assert status["state"] == "held" and "gslbd started at" in status["notes"][0], status
    assert set(lab.addresses("www.svc.example")) == US
    status = lab.ctl("drain-status", "eu-1", "--wait")
    assert status["answers_since"] == 0, status


@test
def an_endpoint_is_held_by_those_who_were_told_it(stack):
    """drain-status of an endpoint counts the clients that were told it, and a reload does not forget them"""
    slow = ZONE.replace("ttl=4/1", "ttl=60/1")
    lab = world(stack, slow, wait=False)
    told = {}
    for n in range(40):
        net = f"198.51.{n}.0/24"
        told[net] = lab.addresses("www.svc.example", subnet=net)
    mine = sum(a == ["192.0.2.10"] for a in told.values())
    assert 0 < mine < 40
    lab.ctl("force", "endpoint:eu-1/lb1", "drain", "--for", "60s", "--why", "test")
    lab.write_zone("svc.example", slow.replace("hostmaster 1 ", "hostmaster 2 ").replace(
        "_gslb.api", '_gslb.aaa TXT "v=gslb1; pools=us; rank=order"\n_gslb.api'))
    lab.ctl("reload")
    status = lab.ctl("drain-status", "endpoint:eu-1/lb1", expect=3)
    assert status["networks"] == 40 and status["networks_holding"] == mine, (status, mine)
    assert abs(status["held_percent"] - mine / 40 * 100) < 0.01, (status, mine)


@test
def an_address_in_another_pool_is_not_safe(stack):
    """a machine that another pool answers, too, is not called safe"""
    lab = world(stack, ZONE.replace("pools=us,eu-1", "pools=twin") + """
twin._pool TXT "v=pool1; check=none"
twin._pool SRV 0 1 443 lb1.eu
""")
    lab.addresses("www.svc.example")
    lab.ctl("force", "eu-1", "drain", "--for", "60s", "--why", "test")
    lab.ctl("drain-status", "eu-1", expect=3)
    wait_for("its own answers to expire", lambda: lab.addresses("api.svc.example") and "192.0.2.10 is also answered from the pool "
             "twin.svc.example" in lab.ctl("drain-status", "eu-1", expect=3)["verdict"])


@test
def a_dry_run_says_where_clients_go(stack):
    """force --dry-run says where the recent clients would go, and changes nothing"""
    lab = world(stack, wait=False)
    assert "nobody asked" in lab.ctl_text("force", "eu-1", "drain", "--for", "1m", "--why", "x", "--dry-run").stdout
    for n in range(30):
        lab.addresses("www.svc.example", subnet=f"198.51.{n}.0/24")
    for _ in range(10):
        lab.addresses("www.svc.example", subnet="203.0.113.0/24")
    done = lab.ctl("force", "eu-*", "drain", "--for", "1m", "--why", "x", "--dry-run")
    effect = {e["service"]: e for e in done["effects"]}["www.svc.example"]
    pools = {p["pool"]: (p["before_percent"], p["after_percent"]) for p in effect["clients"]["pools"]}
    assert effect["pools_in_service"] == [2, 1] and effect["clients"]["networks"] == 31, effect
    assert pools == {"eu-1": (75, 0), "us": (25, 100)}, pools
    assert lab.ctl("overrides")["overrides"] == []
    assert set(lab.addresses("www.svc.example")) <= EU


@test
def a_glob_is_listed_as_typed_and_covers_what_comes(stack):
    """a glob is listed as typed, covers a pool that a reload brings, and is refused when nothing matches"""
    lab = world(stack, wait=False)
    lab.ctl("force", "pool:ap-*", "drain", "--for", "1m", "--why", "x", expect=1)
    assert "pool:ap-*: matches no pool" in lab.last_error, lab.last_error
    lab.ctl("force", "pool:eu-*", "drain", "--for", "1m", "--why", "x")
    listed = lab.ctl("overrides")["overrides"]
    assert [(o["target"], o["covers"]) for o in listed] == [("pool:eu-*", 1)], listed
    lab.write_zone("svc.example", ZONE.replace("hostmaster 1 ", "hostmaster 2 ").replace("pools=eu-1,us", "pools=eu-9,us") + """
eu-9._pool TXT "v=pool1; check=none"
eu-9._pool SRV 0 1 443 lb9
lb9 A 192.0.2.90
""")
    lab.ctl("reload")
    assert lab.ctl("overrides")["overrides"][0]["covers"] == 2
    assert set(lab.addresses("www.svc.example")) == US
    lab.ctl("clear", "eu-*")
    assert set(lab.addresses("www.svc.example")) == {"192.0.2.90"}


@test
def on_a_full_disk_nothing_changes(stack):
    """on a full disk an override is refused with one sentence, and those in force stay"""
    folder = Lab(stack, {"svc.example": ZONE}).folder
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], capture_output=True).returncode != 0:
        raise Skip("a small disk cannot be mounted here")
    stack.callback(subprocess.run, ["umount", "-l", disk])
    lab = Lab(stack, {"svc.example": ZONE}, extra={"state": {"directory": disk}}).start()
    lab.ctl("force", "eu-1", "drain", "--for", "60s", "--why", "test")
    try:
        with open(os.path.join(disk, "filler"), "wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
    except OSError:
        pass
    lines = open(os.path.join(disk, "audit.log")).read()
    lab.ctl("clear", "eu-1", expect=1)
    assert "pool:eu-1.svc.example: not done, since it cannot be stored: " in lab.last_error and \
        "No space left" in lab.last_error, lab.last_error
    lab.ctl("force", "service:www/us", "up", "--for", "60s", "--why", "t" * 5000, expect=1)
    assert "not done" in lab.last_error, lab.last_error
    assert set(lab.addresses("www.svc.example")) == US
    os.remove(os.path.join(disk, "filler"))
    lab.ctl("clear", "eu-1")
    assert set(lab.addresses("www.svc.example")) <= EU
    text = open(os.path.join(disk, "audit.log")).read()
    assert text.startswith(lines) and all(line.startswith("{") and line.endswith("}") for line in text.splitlines()), text


if __name__ == "__main__":
    main()
