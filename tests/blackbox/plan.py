#!/usr/bin/python3
"""gslbctl plan: what it says of edited zones is what clients are told once they are loaded, counted by asking for each client."""
import collections
import json
import os
import random
import shutil
import socket
import subprocess
import time

from lab import BUILD, Lab, main, shared, test, wait_for
from wire import ECS, header, opt, option, question

HEAD = "$ORIGIN {0}.\n$TTL 3600\n@ SOA ns1 hostmaster {1} 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"
POOLS = {"eu": ("50 0 0 N 10 0 0 E", 1), "us": ("40 0 0 N 75 0 0 W", 2), "ap": ("1 0 0 N 103 0 0 E", 3)}
# where clients are: a quarter each in Germany, the United States, Brazil and India
PLACES = """0.0.0.0/2 {'location':{'latitude':50.0 'longitude':10.0} 'country':{'iso_code':'DE'}}
64.0.0.0/2 {'location':{'latitude':40.0 'longitude':-75.0} 'country':{'iso_code':'US'}}
128.0.0.0/2 {'location':{'latitude':-15.0 'longitude':-47.0} 'country':{'iso_code':'BR'}}
192.0.0.0/2 {'location':{'latitude':20.0 'longitude':77.0} 'country':{'iso_code':'IN'}}
"""
BEFORE = {"www": "pools=eu,us; rank=geo", "st": "pools=eu:3,us:1; rank=weight; spread=sticky; sticky=24/56",
          "mix": "pools=eu:3,us:1; rank=weight", "calm": "pools=us; rank=order", "gone": "pools=eu; rank=order"}
AFTER = {"www": "pools=eu,us,ap; rank=geo", "st": "pools=eu:3,us:2; rank=weight; spread=sticky; sticky=24/56",
         "mix": "pools=eu:1,us:1; rank=weight", "calm": "pools=us; rank=order", "new": "pools=ap; rank=order"}
NETWORKS, WEIGHT = 400, {"www": 1, "st": 2, "mix": 1, "calm": 1, "gone": 1}


def zone(services, serial):
    lines = [f'_gslb.{name} TXT "v=gslb1; {tags}"' for name, tags in services.items()]
    for pool, (place, n) in POOLS.items():
        lines += [f"{pool}._pool LOC {place} 0m", f'{pool}._pool TXT "v=pool1; check=none; region={pool}; load=push; capacity=1000"',
                  f"{pool}._pool SRV 0 1 443 lb.{pool}", f"lb.{pool} A 192.0.2.{n}"]
    return HEAD.format("svc.example", serial) + "\n".join(lines) + "\n"


def networks():
    dice = random.Random(20261125)
    found = set()
    while len(found) < NETWORKS:
        found.add((dice.choice((5, 70, 150, 200)), dice.randrange(256), dice.randrange(256)))
    return sorted(found)


ALL = networks()


def ask(lab, service, net):
    """The pool that one of the network's clients is told; None: no address."""
    message = header(ar=1) + question(f"{service} A") + opt(option(ECS, bytes([0, 1, 24, 0, *net])))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((lab.address, lab.port))
        for _ in range(3):
            s.send(message)
            try:
                answer = s.recv(2048)
                break
            except socket.timeout:
                continue
    if int.from_bytes(answer[6:8], "big") == 0:
        return None
    return list(POOLS)[answer[12 + len(question(f"{service} A")) + 15] - 1]


def ask_all(lab, services):
    return {(service, net): ask(lab, service, net) for service in services for net in ALL}


def a_lab(stack, services=None):
    lab = Lab(stack, {"svc.example": zone(services or BEFORE, 1)})
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(lab.folder, "test.mmdb")],
                   input=PLACES, text=True, check=True)
    lab.write_conf(["test.mmdb"])
    return lab.start()


def edited(lab, text, name="edited"):
    folder = os.path.join(lab.folder, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "svc.example.zone"), "w") as f:
        f.write(text)
    return folder


def clients_of(lab):
    path = os.path.join(lab.folder, "clients.csv")
    lab.ctl("plan", "--save", path)
    with open(path) as f:
        lines = f.read().splitlines()
    assert lines[0] == "prefix,service,weight,type", lines[0]
    return {tuple(line.split(",")[:2]): float(line.split(",")[2]) for line in lines[1:]}


def visit(lab):
    """Each network asks each service, some more often; gslbd has taken it in. Slower than 2000 a second, from where on answers are
    sampled."""
    for service, times in WEIGHT.items():
        for net in ALL:
            for _ in range(times):
                ask(lab, service, net)
                time.sleep(0.0007)
    wait_for("all clients to be known", lambda: sum(clients_of(lab).values()) > NETWORKS * sum(WEIGHT.values()) - 0.5)


@shared
def world(stack):
    lab = a_lab(stack)
    visit(lab)
    return lab


def by_service(plan):
    return {s["service"].split(".")[0]: s for s in plan["services"]}


def shares(service, side):
    return {p["pool"]: p[side] for p in service["pools"] if p[side] > 0}


def close(is_, should, within):
    assert is_.keys() == should.keys(), (is_, should)
    for key in should:
        assert abs(is_[key] - should[key]) <= within, (key, is_, should)


def measured(told, service):
    counts = collections.Counter(told[service, net] for net in ALL)
    return {pool: n * 100 / NETWORKS for pool, n in counts.items()}


@test
def known_clients(stack):
    """who asked what is written down, with how many answers, and is known again after a restart"""
    lab = world()
    clients = clients_of(lab)
    assert len(clients) == NETWORKS * len(BEFORE), len(clients)
    for net in ALL[:5]:
        for service, times in WEIGHT.items():
            weight = clients[f"{net[0]}.{net[1]}.{net[2]}.0/24", f"{service}.svc.example"]
            assert abs(weight - times) < 0.01, (net, service, weight)
    lab.stop()
    lab.start()
    again = clients_of(lab)
    assert again.keys() == clients.keys()
    assert all(abs(again[key] - clients[key]) < 0.05 for key in again)


@test
def as_it_comes(stack):
    """shares and clients that move are those that are measured by asking for each client before and after the edit is loaded"""
    lab = world()
    folder = edited(lab, zone(AFTER, 2))
    before = ask_all(lab, BEFORE)
    plan = lab.ctl("plan", folder)
    services = by_service(plan)
    assert plan["networks"] == NETWORKS * len(BEFORE), plan["networks"]
    shutil.copy(os.path.join(folder, "svc.example.zone"), os.path.join(lab.folder, "zones"))
    lab.ctl("reload")
    after = ask_all(lab, AFTER)
    for name in ("www", "st", "calm"):
        moved = sum(before[name, net] != after[name, net] for net in ALL)
        assert services[name]["moved_networks"] == moved, (name, services[name]["moved_networks"], moved)
        close(shares(services[name], "before_percent"), measured(before, name), 0.01)
        close(shares(services[name], "after_percent"), measured(after, name), 0.01)
    assert services["www"]["moved_networks"] > NETWORKS / 5 and services["calm"]["moved_networks"] == 0
    # dice fall otherwise each time: three times the standard deviation of 400 draws
    for told, side, eu in ((before, "before_percent", 75), (after, "after_percent", 50)):
        close(shares(services["mix"], side), {"eu": eu, "us": 100 - eu}, 1.5)
        close(measured(told, "mix"), {"eu": eu, "us": 100 - eu}, 7.5)
    assert abs(services["mix"]["moved_percent"] - 25) < 1.5, services["mix"]
    assert services["gone"]["removed"] and services["gone"]["moved_percent"] == 100
    assert plan["services_edited"] == {"added": {"n": 1, "names": ["new.svc.example"]},
                                       "removed": {"n": 1, "names": ["gone.svc.example"]}}
    assert plan["zones"]["edited"][0]["serial"] == [1, 2]
    names = set(plan["zones"]["edited"][0]["changed"]["names"])
    assert names == {f"{n}.svc.example" for n in ("www", "st", "mix", "gone", "new")} | {"svc.example"}, names
    # who goes from us or eu to ap is of India: 6000 km nearer than Germany is
    assert -4500 < services["www"]["added_km"]["p50"] < -2000, services["www"]["added_km"]
    assert services["www"]["added_ms"]["p50"] < -20 and services["www"]["added_ms"]["known_percent"] == 100
    worst = plan["worst"][0]
    assert worst["added_km"] > 6000 and (worst["from"], worst["to"]) == ("eu", "us"), worst
    shutil.copy(edited(lab, zone(BEFORE, 3)) + "/svc.example.zone", os.path.join(lab.folder, "zones"))
    lab.ctl("reload")


@test
def loads(stack):
    """a pool that reports its load has it grow and shrink with its answers, and too much of it is said"""
    lab = world()
    folder = edited(lab, zone({**BEFORE, "gone": "pools=us; rank=order"}, 9))
    for pool, load in (("eu", 600), ("us", 700)):
        lab.ctl("push", pool, f"load={load}", "--for", "10m")
    pools = {p["pool"].split(".")[0]: p for p in lab.ctl("plan", folder)["pools"]}
    for name, load in (("eu", 600), ("us", 700)):
        pool = pools[name]
        assert (pool["load"], pool["capacity"]) == (load, 1000), pool
        assert abs(pool["load_then"] - load * pool["after_percent"] / pool["before_percent"]) < 0.2, pool
        assert abs(pool["load_change_percent"] - (pool["load_then"] / load - 1) * 100) < 0.2, pool
    assert pools["eu"]["load_then"] < 600 and not pools["eu"]["too_much"], pools
    assert pools["us"]["load_then"] > 800 and pools["us"]["too_much"], pools
    assert f"700, then {pools['us']['load_then']:.0f} of 1000" in lab.ctl_text("plan", folder).stdout


@test
def nothing_changes(stack):
    """zones as they are in force change nothing, also in other words and orders"""
    lab = world()
    serial = lab.ctl("status")["zones"][0]["serial"]
    text = "; a comment\n" + zone(dict(reversed(BEFORE.items())), serial)
    plan = lab.ctl("plan", edited(lab, text), "--fail-over", "0%")
    assert plan["moved"] == {"networks": 0, "networks_percent": 0, "answers_percent": 0}, plan["moved"]
    assert plan["zones"]["edited"] == [] and not plan["fails"]
    assert "the zones are those in force" in lab.ctl_text("plan", os.path.join(lab.folder, "edited")).stdout


@test
def overrides_hold(stack):
    """what is forced now is forced in the plan: nobody moves to a pool that is down"""
    lab = world()
    folder = edited(lab, zone({**BEFORE, "calm": "pools=ap,us; rank=order"}, 9))
    assert by_service(lab.ctl("plan", folder))["calm"]["moved_percent"] == 100
    lab.ctl("force", "ap", "down", "--for", "10m", "--why", "test")
    assert by_service(lab.ctl("plan", folder))["calm"]["moved_percent"] == 0
    lab.ctl("clear", "ap")


@test
def explained_ahead(stack):
    """explain --at says what will be told once overrides have ended, with and without assumptions; nothing of it is in force"""
    lab = world()
    explain = ["explain", "www.svc.example", "5.1.2.0/24"]
    assert lab.ctl(*explain)["answer"]["pool"] == "eu" and lab.ctl(*explain)["at"] is None
    lab.ctl("force", "eu", "down", "--for", "5m", "--why", "test", "--force")
    pools = [lab.ctl(*explain, "--at", at)["answer"]["pool"] for at in ("now", "now+4m", "now+6m")]
    assert pools == ["us", "us", "eu"], pools
    ahead = lab.ctl(*explain, "--assume", "eu=drain", "--at", "now+6m")
    assert {p["pool"]: p["fate"] for p in ahead["pools"]} == {"eu": "drained", "us": "chosen"}, ahead["pools"]
    assert "as of 20" in lab.ctl_text(*explain, "--at", "now+6m").stdout
    for wrong in ("yesterday", "2020-01-01T00:00:00Z", "now+999d"):
        lab.ctl(*explain, "--at", wrong, expect=1)
        assert wrong in lab.last_error and ("try now+10m" in lab.last_error or "within a year" in lab.last_error), lab.last_error
    lab.ctl("clear", "eu")


@test
def gate(stack):
    """--fail-over makes it a gate: exit 1 above the percentage, 0 at it, 2 for what is none"""
    lab = world()
    folder = edited(lab, zone({**BEFORE, "calm": "pools=eu; rank=order"}, 9))
    answers = collections.Counter()
    for (_, service), n in clients_of(lab).items():
        answers[service.split(".")[0]] += n
    plan = lab.ctl("plan", folder)  # one of five services
    share = answers["calm"] * 100 / sum(answers[name] for name in BEFORE)
    assert abs(plan["moved"]["networks_percent"] - 20) < 0.01, plan["moved"]
    assert 10 < share < 30 and abs(plan["moved"]["answers_percent"] - share) < 0.1, (plan["moved"], share)
    assert lab.ctl("plan", folder, "--fail-over", "20.1%")["fails"] is False
    assert lab.ctl("plan", folder, "--fail-over", "19", expect=1)["fails"] is True
    assert "20.0 % of the clients" in lab.last_error and "--fail-over 19 %" in lab.last_error, lab.last_error
    lab.ctl("plan", folder, "--fail-over", "many", expect=2)
    fresh = Lab(stack, {"svc.example": zone(BEFORE, 1)}).start()
    assert fresh.ctl("plan", edited(fresh, zone(BEFORE, 9)), "--fail-over", "100", expect=1)["fails"] is True
    assert "no client of these services is known yet" in fresh.last_error, fresh.last_error
    fresh.ctl("plan", edited(fresh, zone(BEFORE, 9)))
    lab.ctl("plan", expect=2)
    text = lab.ctl_text("plan", folder).stdout
    assert "calm.svc.example" in text and "400 of 400 clients move" in text and "4 other services" in text, text


@test
def broken_zone(stack):
    """a zone with mistakes: the lines of check, exit 1, and gslbd is not asked"""
    lab = world()
    folder = edited(lab, zone({**BEFORE, "www": "pools=eu,moon; rank=geo"}, 9))
    checked = lab.ctl_text("check", folder)
    planned = lab.ctl_text("plan", folder)
    assert checked.returncode == planned.returncode == 1
    assert checked.stdout == planned.stdout and "moon" in planned.stdout, planned.stdout
    assert checked.stderr == planned.stderr, (checked.stderr, planned.stderr)
    assert lab.ctl("plan", folder, expect=1)["mistakes"], lab.last_error
    lab.ctl("plan", os.path.join(lab.folder, "nowhere"), expect=1)


@test
def without_gslbd(stack):
    """without gslbd it says so; with --clients and --before it does without, and comes to the same"""
    lab = a_lab(stack)
    visit(lab)
    folder = edited(lab, zone(AFTER, 2))
    path = os.path.join(lab.folder, "clients.csv")
    plan = lab.ctl("plan", folder, "--save", path)
    assert plan["saved"] == {"file": path, "networks": NETWORKS * len(BEFORE)}
    lab.stop()
    lab.ctl("plan", folder, expect=1)
    assert "no gslbd listens there" in lab.last_error, lab.last_error
    offline = ["plan", folder, "--clients", path, "--before", os.path.join(lab.folder, "zones"), "--geo",
               os.path.join(lab.folder, "test.mmdb")]
    alone = lab.ctl(*offline)
    assert alone["networks"] == plan["networks"]
    for name, service in by_service(alone).items():
        if name != "st":  # its seed is the server's
            close(shares(service, "after_percent"), shares(by_service(plan)[name], "after_percent"), 1.5)
    assert by_service(alone)["www"] == {**by_service(plan)["www"], "answers": by_service(alone)["www"]["answers"]}
    lab.ctl(*offline, "--fail-over", "5%", expect=1)
    with open(path, "a") as f:
        f.write("198.51.100.0/33,www.svc.example,1\n")
    lab.ctl(*offline, expect=1)
    assert f"clients.csv:{NETWORKS * len(BEFORE) + 2}: 198.51.100.0/33: not a prefix" in lab.last_error, lab.last_error
    lab.ctl("plan", folder, "--clients", path, expect=2)


def command(lab, name, **args):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(lab.folder, "control.sock"))
        s.sendall(json.dumps({"command": name, "args": args}).encode() + b"\n")
        with s.makefile() as reply:
            return json.loads(reply.readline())


@test
def one_at_a_time(stack):
    """a plan that is being sent keeps a second one out, whoever sends to none is told so, and gslbd answers all the while"""
    lab = world()
    first = command(lab, "plan-begin")
    assert first["ok"], first
    second = command(lab, "plan-begin")
    assert not second["ok"] and "another plan is being made" in second["error"], second
    plan = first["result"]["plan"]
    assert not command(lab, "plan-put", plan=plan + 1, file="svc.example.zone", text="")["ok"]
    assert not command(lab, "plan-put", plan=plan, file="../x.zone", text="")["ok"]
    assert command(lab, "plan-put", plan=plan, file="svc.example.zone", text="oh")["ok"]
    done = command(lab, "plan-run", plan=plan)
    assert not done["ok"] and "svc.example.zone" in done["error"], done
    assert command(lab, "plan-begin")["ok"]
    assert ask(lab, "calm", ALL[0]) == "us"


if __name__ == "__main__":
    main()
