#!/usr/bin/python3
"""What each region of a fleet measured and was told is known in the others: round trips to clients, and loads of pools."""
import os

from lab import main, test, wait_for
from overrides_fleet import REGIONS, Fleet
from relay_rig import write


def shown(region, client):
    """{"eu": samples of the client's network}"""
    return {r["region"]: r["samples"]["network"] for r in region.lab.ctl("latency", "show", client)["regions"]
            if r["region"] in REGIONS}


def imported(region, pool, net, rtt):
    path = write(os.path.join(region.lab.folder, "rtt.csv"), f"{net},{pool},{rtt},40\n")
    assert region.lab.ctl("latency", "import", path)["lines"] == 1


def known(region, client, *of):
    """All 40 samples that each of these regions has of the client, but for what time has taken of them."""
    return all(38 < shown(region, client).get(name, 0) <= 40 for name in of)


def load(region, pool):
    return next(p for p in region.lab.ctl("pools")["pools"] if p["name"] == pool)["load"]


@test
def what_one_region_measured_all_know(stack):
    """the round trips of each region to a client are known in all of them; nobody speaks of another region's; so it is over a cut and a restart"""
    fleet = Fleet(stack)
    for name, pool, rtt in (("eu", "a", 20), ("us", "b", 90), ("ap", "c", 250)):
        imported(fleet[name], pool, "198.51.9.0/24", rtt)
    imported(fleet["eu"], "b", "198.51.10.0/24", 1)  # of us: eu keeps it for itself
    fleet.wait_all("samples of all regions", lambda r: known(r, "198.51.9.7", *REGIONS))
    assert known(fleet["eu"], "198.51.10.7", "us")
    fleet["us"].wire.cut()
    imported(fleet["us"], "b", "198.51.11.0/24", 30)
    wait_for("us to know what it measured", lambda: known(fleet["us"], "198.51.11.7", "us"))
    fleet["us"].wire.join_again()
    fleet.wait_all("what was measured during the cut", lambda r: known(r, "198.51.11.7", "us"))
    for region in (fleet["us"], fleet["ap"]):
        assert not shown(region, "198.51.10.7").get("us"), "eu spoke for us"
    fleet["ap"].relay.kill()
    fleet["ap"].lab.stop()
    os.unlink(os.path.join(fleet["ap"].lab.folder, "state", "latency.map"))
    fleet["ap"].start_relay()
    fleet["ap"].lab.start()
    wait_for("ap to be told again", lambda: known(fleet["ap"], "198.51.9.7", "eu", "us"), 60)


@test
def a_load_that_is_pushed_to_one_is_known_to_all(stack):
    """it comes with its age, changes at once, counts where it was pushed before what others say, and is not known any more with its time"""
    fleet = Fleet(stack)
    fleet["eu"].lab.ctl("push", "a", "load=12.5", "--for", "5m")
    fleet.wait_all("the load", lambda r: load(r, "a") is not None and load(r, "a")["load"] == 12.5 and load(r, "a")["fresh"])
    fleet["eu"].lab.ctl("push", "a", "load=80", "--for", "5m")
    fleet.wait_all("the next load", lambda r: load(r, "a")["load"] == 80)
    fleet["us"].lab.ctl("push", "a", "load=7", "--for", "5m")
    wait_for("its own to count", lambda: load(fleet["us"], "a")["load"] == 7)
    wait_for("the newer of two to count in ap", lambda: load(fleet["ap"], "a")["load"] == 7)
    assert load(fleet["eu"], "a")["load"] == 80
    fleet["ap"].lab.ctl("push", "b", "load=33", "--for", "15s")
    fleet.wait_all("the short load", lambda r: load(r, "b")["load"] == 33)
    fleet.wait_all("it to end", lambda r: not load(r, "b")["fresh"])


if __name__ == "__main__":
    main()
