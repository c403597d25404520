#!/usr/bin/python3
"""gslbctl relay replay: what a region made is done again, for a cache that was restored from a backup or was out for a while."""
import base64
import json
import os
import signal
import tempfile
import time

from fleet_rig import Fleet
from lab import main, test, wait_for
from relay_rig import Rig, write

KEYS = ["a", "b", "c", "d"]


def made(fleet):
    """us makes an event for each key, which both regions have done; the number of the first."""
    fleet.wait_empty()
    first = fleet.status("us")["made"] + 1
    fleet.put(*KEYS)
    for key in KEYS:
        fleet.rigs["us"].ctl("purge", "key", key, "--wait", "30s")
    fleet.wait_empty()
    fleet.put(*KEYS)  # from a backup
    return first


def floors(fleet, region):
    return [(row["received"], row["done"]) for row in fleet.rigs[region].ctl("relay", "lag")["lag"] if row["region"] != region]


def has(fleet, region):
    return [key for key in KEYS if fleet.has(region, key)]


@test
def what_another_region_made_is_done_again(stack):
    """from a number on, here and nowhere else; in another region where that is named; nothing of how far the origin's events were done changes,
    and it stands in the audit log"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    first = made(fleet)
    before = floors(fleet, "eu")
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first + 1))["replay"]
    assert (done["found"], done["items"], done["done"], done["region"]) == (3, 3, 3, "eu"), done
    assert has(fleet, "eu") == ["a"] and has(fleet, "us") == KEYS and floors(fleet, "eu") == before, (before, floors(fleet, "eu"))
    with open(os.path.join(eu.folder, "state", "relay-audit.log")) as f:
        last = json.loads(f.read().splitlines()[-1])
    assert last["event"] == "taken" and last["class"] == "key" and last["items"] == 3 and last["id"].startswith("eu:"), last
    assert eu.ctl("relay", "tail", "eu")["events"][-1]["why"] == f"gslbctl relay replay of us from {first + 1} to {first + 3}"
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first), "--region", "us")["replay"]
    assert done["done"] == 4 and has(fleet, "us") == [] and has(fleet, "eu") == ["a"], done
    own = fleet.rigs["us"]
    fleet.put(*KEYS)
    done = own.ctl("relay", "replay", "--origin", "us", "--from", str(first))["replay"]
    assert done["found"] >= 4 and has(fleet, "us") == [] and has(fleet, "eu") == KEYS, done


@test
def numbers_that_are_gone_are_said(stack):
    """what the stream does not keep any more: the rest is done again, and status 3 says how many are missing; one that stands in it twice, and
    behind later ones, is done once"""
    fleet = Fleet(stack)
    eu, us = fleet.rigs["eu"], fleet.client("us")
    first = made(fleet)
    message = us.ask("$JS.API.STREAM.MSG.GET.INV_us", {"seq": fleet.stream("us")[1] - 2})["message"]
    assert us.ask("gslb.inv.us.e", json.loads(base64.b64decode(message["data"])))["seq"] > message["seq"]
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first))["replay"]
    assert (done["found"], done["done"]) == (4, 4) and has(fleet, "eu") == [], done
    fleet.put(*KEYS)
    us.ask("$JS.API.STREAM.PURGE.INV_us", {"seq": message["seq"]})
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first), expect=3)["replay"]
    assert done["found"] == 3 and has(fleet, "eu") == ["a"], done
    assert "1 of 4 numbers are not kept any more" in eu.error and "relay resync eu" in eu.error, eu.error


@test
def what_is_passed_over(stack):
    """events for another region, moot ones, gslb-relay's own and those that the policy does not allow are not done again; status 4 when nothing
    is left, 3 when something is not allowed"""
    fleet = Fleet(stack)
    eu, us = fleet.rigs["eu"], fleet.rigs["us"]
    first = made(fleet)
    us.ctl("purge", "key", "only-us", "--regions", "us", "--wait", "30s")
    exp = int(time.time() * 1000) + 300
    assert us.say("invalidate", wait_ms=30000, event={"class": "dns", "items": [{"n": "www.svc.example"}], "exp": exp})["ok"]
    fleet.wait_empty()
    wait_for("it to be moot", lambda: time.time() * 1000 > exp)
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first + 4), expect=4)["replay"]
    assert done["skipped"]["scope"] == 1 and done["skipped"]["moot"] == 1 and done["events"] == 0, done
    done = us.ctl("relay", "replay", "--origin", "us", "--from", "1")["replay"]
    assert done["skipped"]["own"] >= 1, done  # that its log was new
    eu.relay.kill(signal.SIGTERM)
    write(os.path.join(eu.folder, "policy"), "actor * key *\nregion us key a b c\n")
    eu.relay_section = ", policy-file: policy"
    eu.start()
    fleet.put(*KEYS)
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first), expect=3)["replay"]
    assert done["skipped"]["policy"] == 1 and done["done"] == 3 and has(fleet, "eu") == ["d"], done
    assert "not allowed" in eu.error, eu.error


@test
def what_somebody_else_put_there(stack):
    """with bus.sign-file, an event on the stream that its region did not sign is not done, though it has a number of one that was"""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    secrets = write(os.path.join(folder, "sign.keys"), f"eu {'e' * 40}\nus {'u' * 40}\n")
    fleet = Fleet(stack, bus={"sign-file": secrets})
    eu, us = fleet.rigs["eu"], fleet.client("us")
    first = made(fleet)
    fleet.put("forged")
    forged = {"v": 1, "origin": "us", "epoch": fleet.status("us")["epoch"], "oseq": first + 1, "class": "key", "items": [{"k": "forged"}]}
    assert us.ask("gslb.inv.us.e", forged)["seq"]
    done = eu.ctl("relay", "replay", "--origin", "us", "--from", str(first))["replay"]
    assert done["found"] == 4 and has(fleet, "eu") == [] and fleet.has("eu", "forged"), done


@test
def what_cannot_be_replayed(stack):
    """a number that was not made yet, a region that there is not, one that does not answer, a relay without a bus, and a drained one: one sentence
    each, and nothing is done"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    first = made(fleet)
    for arguments, expect, sentence in (
            (("--origin", "us", "--from", str(first + 1000)), 1, "the numbers of us go from 1 to"),
            (("--origin", "mars", "--from", "1"), 1, "mars: no such host"),
            (("--origin", "us", "--from", "1", "--region", "mars"), 1, "mars: no such region"),
            (("--origin", "us", "--from", "none"), 2, "--from NUMBER"),
            (("--from", "1"), 2, "--origin REGION"),
            (("us", "--from", "1"), 2, "takes no word")):
        eu.ctl("relay", "replay", *arguments, expect=expect)
        assert sentence in eu.error and "\n" not in eu.error, (arguments, eu.error)
    eu.ctl("relay", "drain", "--wait", "30s")
    eu.ctl("relay", "replay", "--origin", "us", "--from", str(first), expect=1)
    assert "drained, by" in eu.error, eu.error
    eu.ctl("relay", "drain", "--off")
    fleet.servers["us"].kill(signal.SIGKILL)
    eu.ctl("relay", "replay", "--origin", "us", "--from", str(first), expect=1)
    assert "stream INV_us of region us cannot be read" in eu.error, eu.error
    assert has(fleet, "eu") == KEYS
    alone = Rig(stack, []).start()
    alone.ctl("relay", "replay", "--origin", "eu-west", "--from", "1", expect=1)
    assert "without a bus nothing is kept" in alone.error, alone.error


main()
