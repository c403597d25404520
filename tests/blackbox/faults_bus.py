#!/usr/bin/python3
"""The bus, the servers and the logs fail, one way after another, and no event is lost. tests/FAULTS.md has all faults."""
import base64
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from fleet_rig import REGIONS, Client, Fleet, Monitor
from lab import BUILD, Skip, main, seen, test, wait_for
from relay_load import Line, Redis
from relay_rig import program, write


@test
def killed_before_it_was_published(stack):
    """gslb-relay killed between its log and the bus: the event is done in every region, and in the other one once"""
    fleet = Fleet(stack)
    fleet.put("k")
    told = Monitor(stack, fleet.redis["us"])
    fleet.servers["eu"].kill(signal.SIGKILL)
    assert fleet.purge("eu", "k")
    fleet.rigs["eu"].relay.kill(signal.SIGKILL)
    fleet.start_server("eu")
    fleet.rigs["eu"].start()
    wait_for("the key to go everywhere", lambda: not fleet.has("eu", "k") and not fleet.has("us", "k"))
    fleet.wait_empty()
    assert told.dropped("k") == 1, told.dropped("k")
    seen("gone in both regions, dropped once in the other")


@test
def delivered_twice(stack):
    """the bus delivers an event again, as it does when gslb-relay dies before its acknowledgement: it is counted, and no cache is told again"""
    fleet = Fleet(stack)
    fleet.put("k")
    told = Monitor(stack, fleet.redis["us"])
    assert fleet.purge("eu", "k")
    wait_for("the key to go", lambda: not fleet.has("us", "k"))
    client, last = fleet.client("eu"), fleet.stream("eu")[1]
    message = client.ask("$JS.API.STREAM.MSG.GET.INV_eu", {"seq": last})["message"]
    again = base64.b64decode(message["data"]).decode()
    before = fleet.status("us")["duplicates"]
    for _ in range(20):
        client.say("gslb.inv.eu.e", again)
    wait_for("the duplicates to be counted", lambda: fleet.status("us")["duplicates"] >= before + 20)
    fleet.wait_empty()
    assert told.dropped("k") == 1, told.dropped("k")
    lag = next(row for row in fleet.rigs["us"].ctl("relay", "lag")["lag"] if row["region"] == "eu")
    assert lag["received"] == lag["done"] == json.loads(again)["oseq"], lag
    seen("20 duplicates counted, dropped once, the floor stayed")


def small_disk(stack, megabytes):
    """An image of a disk, and where it is mounted."""
    if os.geteuid() != 0:
        raise Skip("a disk of its own needs root")
    folder = tempfile.mkdtemp(prefix="gslb-test-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    image, at = os.path.join(folder, "image"), os.path.join(folder, "disk")
    with open(image, "wb") as f:
        f.truncate(megabytes << 20)
    subprocess.run([program("mkfs.ext4"), "-q", "-F", image], check=True)
    return image, mount(stack, image, at)


def mount(stack, image, at):
    os.makedirs(at, exist_ok=True)
    if subprocess.run(["mount", "-o", "loop", image, at], capture_output=True).returncode != 0:
        raise Skip("no loop device can be mounted here")
    stack.callback(subprocess.run, ["umount", "-l", at], capture_output=True)
    return at


@test
def power_lost(stack):
    """the power of a region's host fails, with what the disk holds at that moment: the log has all that it said yes to, and nothing is lost;
    a bus that lost what it had taken is noticed once, and given it again"""
    image, disk = small_disk(stack, 64)
    fleet = Fleet(stack, folders={"eu": disk})
    keys = [f"p{n}" for n in range(200)]
    fleet.put(*keys)
    fleet.wires["us"].cut()
    for key in keys:
        assert fleet.purge("eu", key)
    wait_for("the bus to have taken all", lambda: fleet.stream("eu")[0] >= 200)
    had = fleet.stream("eu")[0]
    shutil.copy(image, image + ".lost")  # without a sync: what a power loss leaves
    fleet.servers["eu"].kill(signal.SIGKILL)
    left = mount(stack, image + ".lost", disk + ".lost")
    shutil.copytree(f"{left}/state", f"{left}/look")
    with contextlib.closing(sqlite3.connect(f"{left}/look/relay.db")) as db:
        kept = db.execute("SELECT count(*) FROM outbox").fetchone()[0]
    assert kept >= 200, kept
    # gslb-relay lives on (the bus is another host's): it sees the sequence fall
    shutil.rmtree(fleet.store("eu"))
    if os.path.isdir(f"{left}/js"):
        shutil.copytree(f"{left}/js", fleet.store("eu"))
    fleet.start_server("eu")
    wait_for("the server", lambda: fleet.client("eu"))
    assert fleet.purge("eu", "after")
    wait_for("the fall to be noticed", lambda: fleet.status("eu")["regressions"] == 1)
    # then the whole host, with the disk as it was
    fleet.rigs["eu"].relay.kill(signal.SIGKILL)
    fleet.servers["eu"].kill(signal.SIGKILL)
    fleet.folders["eu"] = left
    fleet.rigs["eu"].state = f"{left}/state"
    fleet.start_server("eu")
    wait_for("the server", lambda: fleet.client("eu"))
    fleet.rigs["eu"].start()
    fleet.wires["us"].join_again()
    wait_for("us to have all", lambda: not fleet.has("us", *keys), 60)
    fleet.wait_empty(60)
    seen(f"the bus held {had} events, the log {kept}; 0 lost, 1 fall noticed")


@test
def an_old_backup_of_the_bus(stack):
    """a region's bus restored from an old backup: the other region neither skips an event nor is told one again and again"""
    fleet = Fleet(stack)
    first, second, third = ([f"{name}{n}" for n in range(25)] for name in "abc")
    fleet.put(*first, *second, *third)
    told = Monitor(stack, fleet.redis["us"])
    for key in first:
        assert fleet.purge("eu", key)
    wait_for("the first to go", lambda: not fleet.has("us", *first))
    fleet.servers["eu"].kill(signal.SIGKILL)
    shutil.copytree(fleet.store("eu"), fleet.store("eu") + ".backup")
    fleet.start_server("eu")
    for key in second:
        assert fleet.purge("eu", key)
    wait_for("the second to go", lambda: not fleet.has("us", *second))
    fleet.wait_empty()
    fleet.servers["eu"].kill(signal.SIGKILL)
    shutil.rmtree(fleet.store("eu"))
    shutil.move(fleet.store("eu") + ".backup", fleet.store("eu"))
    fleet.start_server("eu")
    for key in third:
        assert fleet.purge("eu", key)
    wait_for("the third to go", lambda: not fleet.has("us", *third), 60)
    fleet.wait_empty(60)
    for key in (*first, *second, *third):
        assert told.dropped(key) == 1, (key, told.dropped(key))
    fleet.purge("eu", "one-more")
    fleet.wait_empty()
    resent = fleet.status("eu")["resent"]
    time.sleep(3)  # nobody waits for anything: nothing is sent again
    assert fleet.status("eu")["resent"] == resent
    seen(f"75 events, each dropped once; {fleet.status('us')['duplicates']} duplicates, {resent} sent again")


@test
def an_old_copy_of_the_log(stack):
    """a region's relay.db put back as it was, with the other region away: what gets a number that was given away before comes all the same"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    state = os.path.join(eu.folder, "state")
    fleet.put("first", "second", "third")
    assert fleet.purge("eu", "first")
    wait_for("the first to go", lambda: not fleet.has("us", "first"))
    fleet.wait_empty()
    eu.relay.kill(signal.SIGKILL)
    shutil.copytree(state, state + ".copy")
    eu.start()
    assert fleet.purge("eu", "second")
    wait_for("the second to go", lambda: not fleet.has("us", "second"))
    fleet.wait_empty()
    fleet.wires["us"].cut()  # nobody can say that there was a second one
    eu.relay.kill(signal.SIGKILL)
    shutil.rmtree(state)
    shutil.move(state + ".copy", state)
    eu.start()
    assert fleet.purge("eu", "third")
    eu.relay.wait_log("log=anew")
    fleet.wires["us"].join_again()
    wait_for("the third to go", lambda: not fleet.has("us", "third"), 60)
    fleet.wait_empty(60)
    seen("the log began anew by what the bus had, and the event came")


@test
def a_log_that_was_deleted(stack):
    """a region's relay.db deleted, on either side: everything is dropped there once, ids begin a new epoch, and no event that comes is missed"""
    fleet = Fleet(stack, cache={"flush-all": "yes"})
    fleet.put("lost", "stays")
    # the receiver's: what it had to do is not known
    us, eu = fleet.rigs["us"], fleet.rigs["eu"]
    us.ctl("relay", "pause", "kv")
    assert fleet.purge("eu", "lost")
    us.relay.kill(signal.SIGKILL)
    shutil.rmtree(os.path.join(us.folder, "state"))
    us.start()
    us.relay.wait_log("coarse_flush=begin")
    wait_for("us to be emptied", lambda: not fleet.has("us", "lost", "stays"))
    fleet.wait_empty()
    # the origin's: what it had said is not known to it, and had not come to us
    fleet.put("unsaid")
    fleet.wires["us"].cut()
    assert fleet.purge("eu", "unsaid")
    old, made = fleet.status("eu")["epoch"], fleet.status("eu")["made"]
    eu.relay.kill(signal.SIGKILL)
    fleet.servers["eu"].kill(signal.SIGKILL)
    shutil.rmtree(os.path.join(eu.folder, "state"))
    shutil.rmtree(fleet.store("eu"))
    fleet.start_server("eu")
    eu.start()
    assert fleet.status("eu")["epoch"] > old
    fleet.wires["us"].join_again()
    wait_for("us to be emptied, without another event of eu", lambda: not fleet.has("us", "unsaid"), 30)
    fleet.put("a", "b")
    assert fleet.purge("eu", "a") and fleet.purge("us", "b")
    wait_for("what comes later to be done", lambda: not any(fleet.has(region, "a", "b") for region in REGIONS), 30)
    fleet.wait_empty()
    seen(f"epoch {old} ended at {made}, then {fleet.status('eu')['epoch']}; dropped everything once on either side")


@test
def away_for_too_long(stack):
    """a region away for longer than events are kept: it is told to drop everything when it is back, its floor jumps, and it goes on from there"""
    fleet = Fleet(stack, cache={"flush-all": "yes"}, relay=", keep: 3s")
    fleet.put("missed", "stays")
    fleet.wires["us"].cut()
    assert fleet.purge("eu", "missed")
    made, before = fleet.status("eu")["made"], fleet.status("us")["coarse"]
    wait_for("eu to keep it no longer", lambda: fleet.status("eu")["let_go"] > 0 and fleet.status("eu")["outbox"] == 0, 60)
    wait_for("its server, too", lambda: fleet.stream("eu")[0] == 0, 60)
    assert fleet.has("us", "missed")
    fleet.wires["us"].join_again()
    wait_for("us to be emptied", lambda: not fleet.has("us", "missed", "stays"), 60)
    assert fleet.status("us")["coarse"] > before and fleet.rigs["us"].relay.text().count("it does not keep what is between") >= 1
    wait_for("eu to have its receipt", lambda: next(row for row in fleet.rigs["eu"].ctl("relay", "lag")["lag"] if row["region"] == "us")
             ["receipt"] > made, 60)
    fleet.put("later")
    assert fleet.purge("eu", "later")
    wait_for("what comes later to be done", lambda: not fleet.has("us", "later"), 30)
    fleet.wait_empty(60)
    seen(f"told to drop everything, the floor went from below {made} on")


@test
def a_full_stream(stack):
    """the stream is full: purges are taken in and done here, the trouble is said, and with more room all goes out"""
    fleet = Fleet(stack)
    keys = [f"s{n}" for n in range(40)]
    fleet.put(*keys)
    fleet.change_stream("eu", max_bytes=2000)
    for key in keys:
        assert fleet.purge("eu", key)
    wait_for("the trouble to be said", lambda: "maximum bytes exceeded" in fleet.status("eu")["bus_trouble"])
    wait_for("eu to have done its own", lambda: not fleet.has("eu", *keys))
    assert fleet.status("eu")["outbox"] > 0 and fleet.has("us", keys[-1])
    fleet.change_stream("eu", max_bytes=-1)
    wait_for("us to have all", lambda: not fleet.has("us", *keys), 30)
    fleet.wait_empty()
    seen("40 of 40 after there was room, the trouble said meanwhile")


@test
def a_bus_without_room(stack):
    """JetStream's max_file is reached: likewise, and all goes out when the server is given more"""
    fleet = Fleet(stack, max_file="12KB")
    keys = [f"m{n}" for n in range(60)]
    fleet.put(*keys)
    for key in keys:
        assert fleet.purge("eu", key)
    wait_for("the trouble to be said", lambda: fleet.status("eu")["bus_trouble"] != "")
    trouble = fleet.status("eu")["bus_trouble"]
    wait_for("eu to have done its own", lambda: not fleet.has("eu", *keys))
    fleet.servers["eu"].kill(signal.SIGTERM)
    fleet.max_file = "1GB"
    fleet.start_server("eu")
    wait_for("us to have all", lambda: not fleet.has("us", *keys), 60)
    fleet.wait_empty(60)
    seen(f"{trouble}; 60 of 60 after there was room")


@test
def stored_but_not_answered(stack):
    """the bus stored an event and its answer was lost: the event is offered again, stored once, and done once"""
    fleet = Fleet(stack, through=["eu"])
    fleet.put("k")
    told = Monitor(stack, fleet.redis["us"])
    before = fleet.stream("eu")[0]
    fleet.relay_wires["eu"].swallow("near")
    assert fleet.purge("eu", "k")
    wait_for("us to have it", lambda: not fleet.has("us", "k"))
    wait_for("the missing answer to be said", lambda: fleet.status("eu")["bus_trouble"] != "")
    fleet.relay_wires["eu"].join_again()
    wait_for("the trouble to end", lambda: fleet.status("eu")["bus_trouble"] == "")
    fleet.wait_empty()
    assert told.dropped("k") == 1 and fleet.stream("eu")[0] == before + 1, (told.dropped("k"), before, fleet.stream("eu"))
    seen("stored once, dropped once")


@test
def failovers_first_after_a_cut(stack):
    """a link is cut while thousands of keys and a failover among them are said: when it is whole again the failover is done before them"""
    nkeys = 20000
    fleet = Fleet(stack, cache={"budget": 2000})
    keys = [f"c{n}" for n in range(nkeys)]
    for region in REGIONS:
        Redis(fleet.redis[region]).put(["shop:" + key for key in ["failover", *keys]])
    fleet.wires["us"].cut()
    line = Line(fleet.rigs["eu"].socket)
    for at in range(0, nkeys, 250):
        line.purge(keys[at:at + 250], prio=3)
        if at == 5000:
            line.purge(["failover"], prio=0)
    wait_for("eu to do the failover", lambda: not fleet.has("eu", "failover"))
    time.sleep(1)  # the cut lasts: nothing of it may come to us
    assert fleet.has("us", "failover") and fleet.has("us", keys[0])
    fleet.wires["us"].join_again()
    wait_for("us to do the failover", lambda: not fleet.has("us", "failover"), 30)
    store = Redis(fleet.redis["us"])
    behind = store.ask("DBSIZE")
    assert behind > nkeys * 0.75, behind
    wait_for("us to do all", lambda: store.ask("DBSIZE") == 0, 60)
    fleet.wait_empty()
    seen(f"{behind} of {nkeys} keys behind it")


@test
def another_stream_on_our_subject(stack):
    """the hub has a stream that captures every region's events: bus check says so, its answers do not count, and nothing is lost"""
    fleet = Fleet(stack, hub='jetstream { store_dir: "FOLDER/js", domain: hub }')
    hub = Client(fleet.hub_port)
    stack.callback(hub.socket.close)
    answer = hub.ask("$JS.API.STREAM.CREATE.ALL", {"name": "ALL", "subjects": ["gslb.inv.>"], "storage": "file", "retention": "limits",
                                                   "num_replicas": 1, "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "discard": "new"})
    assert "error" not in answer, answer
    findings = fleet.rigs["eu"].ctl("bus", "check", expect=1)["findings"]
    assert any(f["level"] == "error" and "2 streams take what we say" in f["text"] for f in findings), findings
    keys = [f"o{n}" for n in range(20)]
    fleet.put(*keys)
    for key in keys:
        assert fleet.purge("eu", key)
    wait_for("both to have all", lambda: not any(fleet.has(region, *keys) for region in REGIONS), 30)
    fleet.wait_empty()
    held = hub.ask("$JS.API.STREAM.INFO.ALL")["state"]["messages"]
    assert held == 0, held
    seen("bus check fails, the other stream took 0 of 20, nothing lost")


@test
def only_who_has_the_secret_speaks_for_a_region(stack):
    """bus.sign-file: what somebody else says on a region's stream is refused and on record, a signed event that is said again is done once, and
    the region's own events go on"""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    secrets = write(os.path.join(folder, "sign.keys"), f"eu {'e' * 40}\nus {'u' * 40} {'v' * 40}\n")
    fleet = Fleet(stack, bus={"sign-file": secrets})
    fleet.put("k", "forged", "after")
    told, client = Monitor(stack, fleet.redis["us"]), fleet.client("eu")
    assert fleet.confirmed("eu", "k")
    signed = base64.b64decode(client.ask("$JS.API.STREAM.MSG.GET.INV_eu", {"last_by_subj": "gslb.inv.eu.e"})["message"]["data"]).decode()
    assert ',"sig":"' in signed, signed
    forged = json.dumps({"v": 1, "origin": "eu", "epoch": fleet.status("eu")["epoch"], "oseq": fleet.status("eu")["made"] + 1, "class": "key",
                         "items": [{"k": "forged"}]})
    for text in (forged, signed.replace('{"k":"k"}', '{"k":"forged"}'), signed):
        client.say("gslb.inv.eu.e", text)
    audit = os.path.join(fleet.rigs["us"].folder, "state", "relay-audit.log")

    def reasons():
        with open(audit) as f:
            return [line["reason"] for line in map(json.loads, f) if line["event"] == "refused"]
    wait_for("us to refuse both", lambda: len(reasons()) == 2)
    assert "no signature" in reasons()[0] and "signature is wrong" in reasons()[1], reasons()
    assert fleet.confirmed("eu", "after")
    fleet.wait_empty()
    assert fleet.has("us", "forged") and not fleet.has("us", "after") and told.dropped("k") == 1, told.dropped("k")
    # eu's secret is exchanged as the manual says, one reload after the other
    for step, line in enumerate((f"{'e' * 40} {'n' * 40}", f"{'n' * 40} {'e' * 40}", "n" * 40), 1):
        write(secrets, f"eu {line}\nus {'u' * 40}\n")
        for region in REGIONS:
            relay = fleet.rigs[region].relay
            relay.process.send_signal(signal.SIGHUP)
            wait_for("the secrets to be taken up", lambda relay=relay, step=step: relay.text().count("state=renewed") == step)
            fleet.put("k")
            assert fleet.confirmed("eu", "k", "10s") and fleet.confirmed("us", "k", "10s"), (line, region)
    assert len(reasons()) == 2, reasons()
    seen("two refused, one said again and done once; eu's secret exchanged")


@test
def something_that_cannot_be_acknowledged(stack):
    """somebody says something to the inbox that a region's events are fetched into, without where to answer: it is passed over and said in the
    log once, and events go on"""
    fleet = Fleet(stack)
    fleet.put("k")
    eu, client = fleet.rigs["eu"].relay, fleet.client("eu")
    client.socket.sendall(b"SUB $JS.us.API.CONSUMER.MSG.NEXT.> 7\r\n")
    while not (line := client.line()).startswith("MSG $JS.us."):
        assert line != "closed"
    inbox = line.split()[3]
    client.say(inbox, "anything")
    eu.wait_log("cannot be acknowledged is passed over")
    client.say(inbox, "anything")
    assert fleet.confirmed("us", "k", "20s") and not fleet.has("eu", "k")
    assert eu.process.poll() is None and eu.text().count("is passed over") == 1, eu.text()[-500:]
    seen("passed over twice, said once")


@test
def signatures_are_brought_in_host_by_host(stack):
    """bus.sign-file: what a host that has it refused, since its origin had none yet, is done as soon as the origin signs, and nothing else is
    dropped for it"""
    fleet = Fleet(stack)
    fleet.wait_empty()
    fleet.put("k", "other")
    for region in ("us", "eu"):
        rig = fleet.rigs[region]
        rig.bus = dict(rig.bus, **{"sign-file": write(os.path.join(rig.folder, "sign.keys"), f"eu {'e' * 40}\nus {'u' * 40}\n")})
        rig.reload()
        rig.relay.wait_log("state=renewed")
        if region == "us":
            assert fleet.purge("eu", "k")
            rig.relay.wait_log("event=refused")
            assert fleet.has("us", "k")
    wait_for("us to do what it refused", lambda: not fleet.has("us", "k"), 60)
    fleet.wait_empty()
    assert fleet.has("us", "other")
    seen("done, and nothing else")


@test
def an_event_of_a_later_version(stack):
    """a region that runs a later version says what this one cannot read: it stays on the bus, this version's events go on, and what is new in
    an event of this version is passed over"""
    fleet = Fleet(stack)
    fleet.put("old", "new")
    client = fleet.client("eu")
    oseq = fleet.status("eu")["made"]
    epoch = fleet.status("eu")["epoch"]
    event = {"v": 2, "origin": "eu", "epoch": epoch, "oseq": oseq + 1000, "class": "key", "items": [{"k": "new"}]}
    client.say("gslb.inv.eu.e", json.dumps(event))
    fleet.rigs["us"].relay.wait_log("event=parked")
    event = {"v": 1, "origin": "eu", "epoch": epoch, "oseq": oseq + 1001, "class": "key", "items": [{"k": "old", "colour": "red"}], "shape": [1]}
    client.say("gslb.inv.eu.e", json.dumps(event))
    wait_for("this version's event to be done", lambda: not fleet.has("us", "old"))
    assert fleet.has("us", "new")
    info = client.ask("$JS.API.CONSUMER.INFO.INV_eu.relay-us")
    assert info["num_ack_pending"] >= 1, info
    seen("parked on the bus, later events done")


@test
def no_bus_at_the_start(stack):
    """gslb-relay starts where no bus answers: it says so, takes in and does what is asked for, and the other region gets it when the bus is there"""
    fleet = Fleet(stack)
    fleet.wait_empty()
    fleet.rigs["eu"].relay.kill(signal.SIGKILL)
    fleet.servers["eu"].kill(signal.SIGKILL)
    fleet.rigs["eu"].start()
    fleet.put("k")
    assert fleet.purge("eu", "k")
    wait_for("eu to have done it", lambda: not fleet.has("eu", "k"))
    status = fleet.status("eu")
    assert status["outbox"] >= 1 and not status["connected"], status
    fleet.start_server("eu")
    wait_for("us to have it", lambda: not fleet.has("us", "k"), 30)
    fleet.wait_empty()
    seen("done at once here, and there when the bus came; no restart")


@test
def a_region_that_is_not_named_any_more(stack):
    """a region that was behind is taken out of bus.regions: what it misses is kept, and drain and lag say for whom and what to do"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    assert fleet.confirmed("eu", "a")
    fleet.wait_empty()
    fleet.rigs["us"].relay.kill(signal.SIGTERM)
    eu.bus = dict(eu.bus, regions=["eu"])
    eu.reload()
    eu.relay.wait_log("state=renewed")
    assert fleet.confirmed("eu", "b")
    lag = next(row for row in eu.ctl("relay", "lag")["lag"] if row["region"] == "us")
    assert lag["unlisted"] and lag["behind"] == 1, lag
    done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", eu.socket, "relay", "drain", "--wait", "1s"], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "region us, which section bus does not name any more: name it again" in done.stderr, done
    seen("named by both")


@test
def without_a_bus_and_with_one_again(stack):
    """the section bus is taken out of gslb.yaml and put in again: what was made alone goes out then, and nothing is told twice"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    fleet.put("before", "alone", "after")
    told = Monitor(stack, fleet.redis["us"])
    assert fleet.purge("eu", "before")
    wait_for("us to have it", lambda: not fleet.has("us", "before"))
    fleet.wait_empty()
    bus = eu.bus
    for eu.bus, key in ((None, "alone"), (bus, "after")):
        eu.relay.kill(signal.SIGTERM)
        eu.start()
        assert fleet.purge("eu", key)
        wait_for("eu to have done it", lambda key=key: not fleet.has("eu", key))
        if eu.bus is None:
            wait_for("the log to keep it for us", lambda: fleet.status("eu")["outbox"] == 1 and fleet.status("eu")["active"] == 0)
    wait_for("us to have all", lambda: not fleet.has("us", "alone", "after"), 30)
    fleet.wait_empty()
    assert [told.dropped(key) for key in ("before", "alone", "after")] == [1, 1, 1]
    seen("what was made without a bus went out with it, each once")


if __name__ == "__main__":
    main()
