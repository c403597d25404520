#!/usr/bin/python3
"""Mistakes in files: one clear line each, and what was served before stays in service."""
import os
import re
import shutil
import signal
import subprocess
import threading
import time

from lab import BUILD, SOURCE, Lab, free_port, main, test, wait_for

HEAD = """
$ORIGIN {zone}.
$TTL 3600
@ SOA ns1 hostmaster {serial} 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
"""
POOL = """
{name}._pool TXT "v=pool1; check=none"
{name}._pool SRV 0 1 80 lb.{name}
lb.{name} A {address}
"""


def svc(serial=1, more="", pools="eu"):
    return (HEAD.format(zone="svc.example", serial=serial) + f'_gslb.www TXT "v=gslb1; pools={pools}; rank=order"\n' +
            POOL.format(name="eu", address="192.0.2.1") + more)


def other(serial=1, target="192.0.2.9"):
    return HEAD.format(zone="other.example", serial=serial) + f"a A {target}\n"


def world(stack, zones=None, **options):
    return Lab(stack, zones or {"svc.example": svc(), "other.example": other()}, **options).start()


def serial(lab, zone):
    return next(z for z in lab.ctl("status")["zones"] if z["name"] == zone)["serial"]


def reload_in_words(lab, line):
    """What `gslbctl reload` tells an operator of a mistake: this line, once, and exit status 3."""
    done = lab.ctl_text("reload")
    assert done.returncode == 3 and done.stdout.count(line) == 1, done


def run_gslbd(lab, *arguments):
    return subprocess.run([os.path.join(BUILD, "gslbd"), "-c", lab.conf, *arguments], capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL)


@test
def a_zone_with_a_mistake_leaves_the_old_one_in_service(stack):
    """a zone file with a mistake: one line with file, line and what would be right; the old zone and the others go on"""
    lab = world(stack)
    lab.write_zone("svc.example", svc(2, "x 5x A 192.0.2.7\n"))
    lab.write_zone("other.example", other(2, "192.0.2.10"))
    result = lab.ctl("reload", expect=3)
    mistakes = [m for z in result["zones"] for m in z["mistakes"]]
    assert len(mistakes) == 1 and "svc.example.zone:" in mistakes[0] and "5x" in mistakes[0], mistakes
    assert lab.gslbd.text().count(mistakes[0]) == 1
    reload_in_words(lab, mistakes[0])
    assert lab.addresses("www.svc.example") == ["192.0.2.1"] and serial(lab, "svc.example") == 1
    assert lab.addresses("a.other.example") == ["192.0.2.10"] and serial(lab, "other.example") == 2
    assert any("svc.example.zone" in alarm for alarm in lab.ctl("status")["alarms"])
    lab.write_zone("svc.example", svc(3))
    lab.ctl("reload")
    assert serial(lab, "svc.example") == 3 and lab.ctl("status")["alarms"] == []


@test
def a_configuration_with_mistakes_is_refused_by_a_reload(stack):
    """a YAML file with a mistake: one line with file, line and column; the old configuration goes on, zones are still taken"""
    lab = world(stack)
    with open(lab.conf) as f:
        good = f.read()
    with open(lab.conf, "w") as f:
        f.write(good.replace('watch: no', 'watch: maybe'))
    lab.write_zone("svc.example", svc(2))
    result = lab.ctl("reload", expect=3)
    mistakes = result["configuration"]["mistakes"]
    assert len(mistakes) == 1 and re.search(r"gslb\.yaml:\d+:\d+: .*maybe", mistakes[0]), result
    assert lab.gslbd.text().count(mistakes[0]) == 1
    reload_in_words(lab, mistakes[0])
    assert serial(lab, "svc.example") == 2
    assert lab.addresses("www.svc.example") == ["192.0.2.1"]


def good_database(path):
    shutil.copy(os.path.join(SOURCE, "tests/fuzz/corpus/mmdb/flat-28"), path + ".part")
    os.rename(path + ".part", path)


def damage(path):
    with open(path + ".part", "wb") as f:
        f.write(os.urandom(10000))
    os.rename(path + ".part", path)


def databases(lab):
    return [d["path"] for d in lab.ctl("status")["geo"]]


@test
def a_damaged_database_is_refused_by_a_reload(stack):
    """an mmdb that became none: one sentence that names it, at each reload; the old one stays in force"""
    lab = Lab(stack, {"svc.example": svc()})
    database = os.path.join(lab.folder, "city.mmdb")
    good_database(database)
    lab.write_conf([database])
    lab.start()
    assert databases(lab) == [database] and lab.ctl("status")["alarms"] == []
    damage(database)
    error = lab.ctl("reload", expect=3)["geo"]["error"]
    assert error.startswith(database + ": "), error
    assert error in lab.gslbd.text()
    reload_in_words(lab, error)
    assert databases(lab) == [database] and lab.ctl("status")["alarms"] == [error]
    assert lab.addresses("www.svc.example") == ["192.0.2.1"]
    good_database(database)
    lab.ctl("reload")
    assert lab.ctl("status")["alarms"] == []


@test
def a_damaged_database_at_start_leaves_the_list_order(stack):
    """an mmdb that is none at start: an alarm, and answers by list order until it is mended or no longer asked for"""
    lab = Lab(stack, {"svc.example": svc(pools="us,eu", more=POOL.format(name="us", address="192.0.2.2"))})
    database = os.path.join(lab.folder, "city.mmdb")
    damage(database)
    lab.write_conf([database])
    assert run_gslbd(lab, "-t").returncode == 1
    lab.start()
    assert lab.addresses("www.svc.example", subnet="2.16.0.0/24") == ["192.0.2.2"]
    assert any("city.mmdb" in alarm for alarm in lab.ctl("status")["alarms"])
    os.unlink(database)
    lab.write_conf([])
    lab.ctl("reload")
    assert lab.ctl("status")["alarms"] == [] and databases(lab) == []
    assert lab.addresses("www.svc.example", subnet="2.16.0.0/24") == ["192.0.2.2"]


@test
def at_start_the_last_good_copy_stands_in(stack):
    """at start a zone with a mistake is replaced by its last good copy, with an alarm; one without a copy is left out"""
    lab = world(stack)
    lab.stop()
    lab.write_zone("svc.example", svc(2, "x 5x A 192.0.2.7\n"))
    lab.write_zone("new.example", HEAD.format(zone="new.example", serial=1) + "y 5y A 192.0.2.8\n")
    lab.start()
    assert lab.addresses("www.svc.example") == ["192.0.2.1"]
    assert lab.addresses("a.other.example") == ["192.0.2.9"]
    assert lab.query("y.new.example").rcode() == 5
    status = lab.ctl("status")
    assert sorted(z["state"] for z in status["zones"]) == ["last-good", "loaded", "refused"], status["zones"]
    assert len(status["alarms"]) == 2, status["alarms"]
    assert "last good copy" in lab.gslbd.text()


@test
def zones_are_checked_as_one_set(stack):
    """an edit that breaks a pool another zone uses is refused, and both zones stay as they were"""
    user = HEAD.format(zone="user.example", serial=1) + '_gslb.www TXT "v=gslb1; pools=eu._pool.svc.example.; rank=order"\n'
    lab = world(stack, {"svc.example": svc(), "user.example": user})
    assert lab.addresses("www.user.example") == ["192.0.2.1"]
    lab.write_zone("svc.example", HEAD.format(zone="svc.example", serial=2) + "www A 192.0.2.5\n")
    result = lab.ctl("reload", expect=3)
    assert any("user.example.zone:" in m for z in result["zones"] for m in z["mistakes"]), result
    assert lab.addresses("www.svc.example") == ["192.0.2.1"] and lab.addresses("www.user.example") == ["192.0.2.1"]
    lab.write_zone("user.example", HEAD.format(zone="user.example", serial=2))
    lab.ctl("reload")
    assert lab.addresses("www.svc.example") == ["192.0.2.5"]


@test
def watching_takes_edits_and_never_unloads(stack):
    """an edited zone is taken up once it has been still for a second; one whose file is gone is served until a reload"""
    lab = Lab(stack, {"svc.example": svc(), "other.example": other()})
    lab.write_conf(extra={"zones": {"watch": "yes"}})
    lab.start()
    lab.write_zone("svc.example", svc(2))
    start = time.monotonic()
    wait_for("the edit to be taken up", lambda: serial(lab, "svc.example") == 2)
    assert time.monotonic() - start >= 0.9
    os.unlink(os.path.join(lab.zones, "other.example.zone"))
    wait_for("an alarm for the file that is gone", lambda: any("gone" in a for a in lab.ctl("status")["alarms"]))
    assert lab.addresses("a.other.example") == ["192.0.2.9"]
    lab.ctl("reload")
    assert lab.query("a.other.example").rcode() == 5


@test
def an_edit_that_breaks_what_a_pool_needs_is_refused(stack):
    """needs=: a pool in another zone that is needed cannot be taken away, and a circle is refused, with file and line"""
    needy = POOL.format(name="eu", address="192.0.2.1").replace("check=none", "check=none; needs=db._pool.other.example.")
    zone = HEAD.format(zone="svc.example", serial=1) + '_gslb.www TXT "v=gslb1; pools=eu; rank=order"\n' + needy
    lab = world(stack, {"svc.example": zone,
                        "other.example": other() + POOL.format(name="db", address="192.0.2.8")})
    line = zone[:zone.index("v=pool1")].count("\n") + 1
    lab.write_zone("other.example", other(2))
    result = lab.ctl("reload", expect=3)
    mistakes = [m for z in result["zones"] for m in z["mistakes"]]
    assert any(m.endswith(f"svc.example.zone:{line}: eu._pool: needs: db._pool.other.example.: no such pool in a loaded zone "
                          "(correct it, or load its zone)") for m in mistakes), mistakes
    assert lab.addresses("www.svc.example") == ["192.0.2.1"] and serial(lab, "other.example") == 1
    lab.write_zone("other.example", other(3) + POOL.format(name="db", address="192.0.2.8").replace(
        "check=none", "check=none; needs=eu._pool.svc.example."))
    result = lab.ctl("reload", expect=3)
    mistakes = [m for z in result["zones"] for m in z["mistakes"]]
    assert any("needs db._pool.other.example., which needs eu (a circle" in m or
               "needs eu._pool.svc.example., which needs db (a circle" in m for m in mistakes), mistakes
    assert serial(lab, "other.example") == 1
    pools = {p["name"]: p for p in lab.ctl("pools")["pools"]}
    assert pools["eu"]["needs"] == ["db._pool.other.example"] and pools["eu"]["reason"] is None
    lab.ctl("force", "db", "down", "--for", "1m", "--why", "test", "--force")
    wait_for("the pool to lack what it needs", lambda: "needs db._pool.other.example, which is forced down" in
             lab.ctl_text("pools").stdout)
    lab.gslbd.wait_log('reason="needs db._pool.other.example, which is forced down"')
    lab.write_zone("other.example", other(4) + POOL.format(name="db", address="192.0.2.8"))
    lab.ctl("reload")
    assert serial(lab, "other.example") == 4


@test
def an_edit_with_a_mistake_is_said_and_not_taken(stack):
    """a watched edit with a mistake is told in the log and by status, and the old zone goes on; the mended one is taken"""
    lab = Lab(stack, {"svc.example": svc()})
    lab.write_conf(extra={"zones": {"watch": "yes"}})
    lab.start()
    lab.write_zone("svc.example", svc(2, "x 5x A 192.0.2.7\n"))
    lab.gslbd.wait_log("state=refused")
    assert any("svc.example.zone" in alarm for alarm in lab.ctl("status")["alarms"])
    assert lab.addresses("www.svc.example") == ["192.0.2.1"] and serial(lab, "svc.example") == 1
    lab.write_zone("svc.example", svc(3))
    wait_for("the mended zone", lambda: serial(lab, "svc.example") == 3)
    assert lab.ctl("status")["alarms"] == []


@test
def an_edit_during_a_reload_is_not_lost(stack):
    """an edit of a zone that a reload has already passed is taken up by the watch"""
    many = "".join(f"n{i} A 192.0.2.{i % 250}\n" for i in range(60000))
    lab = Lab(stack, {"a.example": HEAD.format(zone="a.example", serial=1), "big.example": ""})
    lab.write_zone("big.example", HEAD.format(zone="big.example", serial=1))
    lab.write_conf(extra={"zones": {"watch": "yes"}})
    lab.start()
    lab.write_zone("big.example", HEAD.format(zone="big.example", serial=2) + many)
    result = {}
    reload = threading.Thread(target=lambda: result.update(lab.ctl("reload")))
    reload.start()
    time.sleep(0.06)
    lab.write_zone("a.example", HEAD.format(zone="a.example", serial=2))
    reload.join()
    print(f"# the reload took {result['took_ms']} ms")
    wait_for("the edit to be taken up", lambda: serial(lab, "a.example") == 2, 5)


@test
def a_start_is_refused_before_anything_is_bound(stack):
    """a configuration with mistakes ends the start with exit 1 and every mistake; -t says the same, and 0 when all is well"""
    lab = Lab(stack, {"svc.example": svc()})
    assert run_gslbd(lab, "-t").returncode == 0
    with open(lab.conf) as f:
        good = f.read()
    with open(lab.conf, "w") as f:
        f.write(good.replace("workers: 2", "workers: many").replace("watch: no", "watch: maybe"))
    for arguments in (["-t"], []):
        done = run_gslbd(lab, *arguments)
        assert done.returncode == 1 and len(re.findall(r"gslb\.yaml:\d+:\d+: ", done.stderr)) == 2, done
        assert len(done.stderr.splitlines()) == 2, done
        assert not os.path.exists(lab.socket) and not os.path.exists(os.path.join(lab.folder, "state"))
    with open(lab.conf, "w") as f:
        f.write(good)
    lab.write_zone("svc.example", svc(2, "x 5x A 192.0.2.7\n"))
    done = run_gslbd(lab, "-t")
    assert done.returncode == 1 and "svc.example.zone:" in done.stderr, done


@test
def a_state_folder_has_one_gslbd(stack):
    """a second gslbd on the same state folder is refused with a sentence"""
    lab = world(stack)
    second = lab.conf.replace("gslb.yaml", "second.yaml")
    with open(lab.conf) as f:
        text = f.read()
    with open(second, "w") as f:
        f.write(text.replace(str(lab.port), str(free_port())).replace("control.sock", "second.sock"))
    done = subprocess.run([os.path.join(BUILD, "gslbd"), "-c", second], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "one gslbd a folder" in done.stderr, done
    assert lab.addresses("www.svc.example") == ["192.0.2.1"]


@test
def a_port_and_a_socket_have_one_gslbd(stack):
    """a second gslbd on the port or the control socket of another is refused with a sentence, and the first goes on"""
    lab = world(stack)
    with open(lab.conf) as f:
        text = f.read().replace("directory: state", "directory: state2")
    for clash, other_text in (("port", text.replace("control.sock", "second.sock")),
                              ("socket", text.replace(str(lab.port), str(free_port())))):
        second = os.path.join(lab.folder, clash + ".yaml")
        with open(second, "w") as f:
            f.write(other_text)
        done = subprocess.run([os.path.join(BUILD, "gslbd"), "-c", second], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and done.stderr.strip().splitlines()[-1].startswith("gslbd: "), done
        print("# " + done.stderr.strip().splitlines()[-1])
        assert lab.addresses("www.svc.example") == ["192.0.2.1"]
        assert lab.ctl("status")["alarms"] == []


@test
def damaged_overrides_are_kept_aside(stack):
    """an overrides.json that cannot be read is kept aside, with an alarm; answers go on"""
    lab = world(stack)
    lab.stop()
    with open(os.path.join(lab.folder, "state", "overrides.json"), "w") as f:
        f.write("{ not json")
    lab.start()
    assert lab.addresses("www.svc.example") == ["192.0.2.1"]
    assert any("overrides.json" in alarm for alarm in lab.ctl("status")["alarms"])
    assert os.path.exists(os.path.join(lab.folder, "state", "overrides.json.bad"))


@test
def a_reload_by_signal_is_a_reload(stack):
    """SIGHUP reloads, SIGTERM ends with exit status 0"""
    lab = world(stack)
    lab.write_zone("svc.example", svc(7))
    lab.gslbd.kill(signal.SIGHUP)
    wait_for("the reload", lambda: serial(lab, "svc.example") == 7)
    lab.gslbd.kill(signal.SIGTERM)
    assert lab.gslbd.process.returncode == 0


if __name__ == "__main__":
    main()
