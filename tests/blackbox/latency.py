#!/usr/bin/python3
"""Measured latency: imports and handshakes change who is answered where, over reloads and restarts."""
import json
import os
import re
import shutil
import subprocess

import dns.flags
import dns.message
import dns.query

from lab import BUILD, Lab, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=near,far; rank=latency,geo"
; 1500 km east, 1700 km west of the clients
near._pool LOC 50 0 0 N 31 0 0 E 0m
near._pool TXT "v=pool1; check=none; region=east"
near._pool SRV 0 1 80 lb.near
lb.near A 192.0.2.1
far._pool LOC 50 0 0 N 13 48 0 W 0m
far._pool TXT "v=pool1; check=none; region=lab"
far._pool SRV 0 1 80 lb.far
lb.far A 192.0.2.2
"""
PLACES = """0.0.0.0/1 {'location':{'latitude':50.0 'longitude':10.0} 'country':{'iso_code':'DE'}}
198.51.0.0/16 {'location':{'latitude':50.0 'longitude':10.0} 'country':{'iso_code':'DE'}}
"""
WWW, NEAR, FAR = "www.svc.example", ["192.0.2.1"], ["192.0.2.2"]


def a_lab(stack, interval="10m"):
    lab = Lab(stack, {"svc.example": ZONE})
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(lab.folder, "test.mmdb")],
                   input=PLACES, text=True, check=True)
    lab.write_conf(["test.mmdb"], extra={"latency": {"interval": interval}})
    return lab.start()


def put(lab, text, name="rtt.csv"):
    path = os.path.join(lab.folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


@test
def imported(stack):
    """an import changes the answers of its networks and of no others, at once and after a restart; explain and show say why"""
    lab = a_lab(stack)
    path = put(lab, "prefix,pool,rtt_ms,n\n# far is better here\n198.51.9.0/24,near,80,40\n"
               + json.dumps({"prefix": "198.51.9.0/24", "region": "lab", "rtt_ms": 20, "n": 40}) + "\n")
    assert lab.addresses(WWW, subnet="198.51.9.0/24") == NEAR
    assert lab.ctl("latency", "import", path)["lines"] == 2
    lab.wait_answer(FAR, WWW, subnet="198.51.9.0/24")
    assert lab.addresses(WWW, subnet="198.51.8.0/24") == NEAR
    assert lab.scope(lab.query(WWW, subnet="198.51.9.0/24")) == 24
    shown = lab.ctl("latency", "show", "198.51.9.7")
    assert [38 < region["samples"]["network"] <= 40 for region in shown["regions"]] == [True, True], shown
    assert shown["lists"][0]["order"] == ["far", "near"] and shown["changed"], shown
    assert "198.51.9.0/24" in lab.ctl_text("latency", "show", "198.51.9.7").stdout
    pools = {pool["pool"]: pool for pool in lab.ctl("explain", WWW, "198.51.9.0/24")["pools"]}
    assert pools["far"]["latency"]["ms"] < 30 < pools["near"]["latency"]["ms"], pools
    assert "LATENCY" in lab.ctl_text("explain", WWW, "198.51.9.0/24").stdout
    assert "LATENCY" not in lab.ctl_text("explain", WWW, "203.0.113.0/24").stdout
    lab.ctl("reload")
    assert lab.addresses(WWW, subnet="198.51.9.0/24") == FAR
    lab.stop()
    lab.start()
    assert lab.addresses(WWW, subnet="198.51.9.0/24") == FAR
    assert lab.addresses(WWW, subnet="198.51.8.0/24") == NEAR


@test
def shown(stack):
    """show says of who would be first what it lacks, how much of it there is, and how much would do: which then does"""
    lab = a_lab(stack)

    def learn(rows):
        lab.ctl("latency", "import", put(lab, "".join(f"198.51.9.0/24,{row}\n" for row in rows)))
        return lab.ctl("latency", "show", "198.51.9.0/24")["lists"][0]

    listed = learn(["near,40,40", "far,39,4"])
    enough = re.search(r"^a gain of 5 ms and 10 % at least: ([0-9.]+) ms or less, and ([0-9.]+) are expected$", listed["lacks"][0])
    assert listed["challenger"] == "far" and enough and float(enough[1]) < float(enough[2]), listed
    assert any(re.search(r"^8 samples of this network at least, and has [3-4]\.\d$", lack) for lack in listed["lacks"]), listed
    assert any(re.search(r"^a certainty of 1.28 standard deviations at least, and has -?\d", lack) for lack in listed["lacks"]), listed
    text = lab.ctl_text("latency", "show", "198.51.9.0/24").stdout
    assert all(lack in text for lack in listed["lacks"]) and "far would" in text, text
    learn([f"far,{float(enough[1]) / 2},200"])
    lab.wait_answer(FAR, WWW, subnet="198.51.9.0/24")
    listed = lab.ctl("latency", "show", "198.51.9.0/24")["lists"][0]
    assert listed["order"][0] == "far" and listed["lacks"][-1] == "30 minutes since the last change, which was 0 minutes ago", listed


@test
def refused(stack):
    """a file with mistakes is refused as a whole, each mistake with its line; a large one goes over in pieces"""
    lab = a_lab(stack)
    good = "198.51.9.0/24,far,20,40\n198.51.9.0/24,near,80,40\n"
    bad = put(lab, good + "198.51.9.0/33,far,1\n198.51.9.0/24,moon,1\n198.51.0.0/16,far,1\n198.51.9.0/24,far,x\n"
              "198.51.9.0/24,far\n{\"prefix\":\"198.51.9.0/24\",\"rtt_ms\":1}\n198.51.9.0/24,far,20,0\n")
    result = lab.ctl("latency", "import", bad, expect=1)
    assert [line.split(":")[1] for line in result["mistakes"]] == list("3456789"), result
    assert "nothing was taken" in lab.last_error
    assert "rtt.csv:4: moon: neither a pool nor a pool's region" in lab.ctl_text("latency", "import", bad).stdout
    assert lab.ctl("latency", "show", "198.51.9.7")["map_cells"] == 0
    lab.ctl("latency", "import", "/nowhere", expect=1)
    assert "/nowhere" in lab.last_error
    lines = 30000
    many = "".join(f'{{"prefix":"10.{i // 256}.{i % 256}.0/24","pool":"far","rtt_ms":{30 + i % 9},"n":2}}\n' for i in range(lines))
    result = lab.ctl("latency", "import", put(lab, many + "oh\n"), expect=1)
    assert result["mistakes"] == [f"{lab.folder}/rtt.csv:{lines + 1}: oh: not prefix,pool,rtt_ms or prefix,pool,rtt_ms,n"], result
    assert lab.ctl("latency", "show", "198.51.9.7")["map_cells"] == 0
    assert lab.ctl("latency", "import", put(lab, many))["lines"] == lines
    assert lab.ctl("latency", "show", "198.51.9.7")["map_cells"] > lines


@test
def damaged(stack):
    """a map that is damaged is put aside, and nothing else stops"""
    lab = a_lab(stack)
    lab.ctl("latency", "import", put(lab, "198.51.9.0/24,far,20,40\n"))
    lab.stop()
    path = os.path.join(lab.folder, "state", "latency.map")
    with open(path, "r+b") as f:
        f.seek(40)
        f.write(b"oh")
    lab.start()
    assert "latency_map=not-read" in lab.gslbd.text() and os.path.exists(path + ".bad")
    assert lab.ctl("latency", "show", "198.51.9.7")["map_cells"] == 0
    assert lab.addresses(WWW, subnet="198.51.9.0/24") == NEAR


@test
def handshakes(stack):
    """the handshakes of DNS over TCP are this region's round trips: answers follow for the network that asked"""
    lab = a_lab(stack, interval="1s")
    assert lab.addresses(WWW) == NEAR
    for host in range(10, 60):
        dns.query.tcp(dns.message.make_query(WWW, "A"), lab.address, port=lab.port, timeout=5, source=f"127.0.0.{host}")

    def samples():
        regions = {region["region"]: region for region in lab.ctl("latency", "show", "127.0.0.1")["regions"]}
        return regions["lab"]["samples"]["network"] > 45 and regions["east"]["samples"]["network"] == 0

    wait_for("all handshakes to be counted", samples)
    lab.wait_answer(FAR, WWW)
    assert lab.addresses(WWW, subnet="198.51.9.0/24") == NEAR


@test
def peers(stack):
    """two hosts of two regions tell each other what they measured, by files; a file that is none is refused once"""
    one, other = a_lab(stack, interval="1s"), a_lab(stack, interval="1s")
    other.write_conf(["test.mmdb"], extra={"latency": {"interval": "1s"}, "server": {"region": "east"}})
    other.stop()
    other.start()
    one.ctl("latency", "import", put(one, "198.51.9.0/24,far,28,40\n"))
    other.ctl("latency", "import", put(other, "198.51.9.0/24,near,80,40\n198.51.9.0/24,far,900,40\n"))
    folder = os.path.join(one.folder, "state", "latency")
    os.mkdir(folder)
    put(one, "no map", os.path.join(folder, "bad.map"))
    wait_for("the bad one to be refused", lambda: 'latency_peer=bad.map state=refused reason="' in one.gslbd.text())
    assert one.addresses(WWW, subnet="198.51.9.0/24") == NEAR
    wait_for("the other's map", lambda: os.path.exists(os.path.join(other.folder, "state", "latency.map")))
    other.stop()  # which keeps it once more
    shutil.copy(os.path.join(other.folder, "state", "latency.map"), os.path.join(folder, "other.map"))
    one.wait_answer(FAR, WWW, subnet="198.51.9.0/24")
    regions = {region["region"]: region for region in one.ctl("latency", "show", "198.51.9.7")["regions"]}
    assert regions["lab"]["measured_ms"]["network"] == 28.0, regions
    assert one.gslbd.text().count("latency_peer=bad.map") == 1


@test
def sampled(stack):
    """with sampling one steered answer in 200 is truncated, and empty; over TCP it is whole, and its round trip is counted"""
    lab = a_lab(stack)
    lab.write_conf(["test.mmdb"], extra={"latency": {"interval": "1s", "sampling": "yes"}, "server": {"workers": 1}})
    lab.stop()
    lab.start()

    def ask(n, source):
        message, cut = dns.message.make_query(WWW, "A"), 0
        for _ in range(n):
            answer = dns.query.udp(message, lab.address, port=lab.port, timeout=5, source=source)
            assert bool(answer.flags & dns.flags.TC) != bool(answer.answer), answer
            cut += bool(answer.flags & dns.flags.TC)
        return cut

    assert ask(1000, "127.0.0.10") == 1  # once in ten minutes
    assert dns.query.tcp(dns.message.make_query(WWW, "A"), lab.address, port=lab.port, timeout=5, source="127.0.0.10").answer
    wait_for("the handshake to be counted", lambda: lab.ctl("latency", "show", "127.0.0.1")["regions"][1]["samples"]["network"] > 0)
    assert [ask(400, f"127.0.0.{host}") for host in range(20, 25)] == [1] * 5
    assert lab.ctl("stats")["counters"]["answers_sampled"] == 6


@test
def explored(stack):
    """where a decision is open one answer in a hundred at most names the other pool, at the minimum TTL, and never while one is forced"""
    lab = Lab(stack, {"svc.example": ZONE})
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(lab.folder, "test.mmdb")], text=True, check=True,
                   input="198.51.0.0/16 {'location':{'latitude':50.0 'longitude':10.0} 'country':{'iso_code':'DE'} "
                         "'autonomous_system_number':64500}\n")
    lab.write_conf(["test.mmdb"], extra={"latency": {"explore": "yes"}, "server": {"workers": 1}})
    lab.start()
    nets = "".join(f"198.51.{i}.0/24,near,40,9\n" for i in range(1, 9))
    counted = {"asked": 0, "explored": 0}

    def ask():
        answer = lab.query(WWW, subnet="198.51.77.0/24")
        counted["asked"] += 1
        assert lab.scope(answer) == 16, answer
        if [r.address for r in answer.answer[0]] == FAR:
            counted["explored"] += 1
            assert answer.answer[0].ttl == 5, answer
        assert counted["explored"] <= 4 + counted["asked"] / 100, counted
        return counted["explored"]

    lab.ctl("latency", "import", put(lab, nets))
    for _ in range(500):  # nobody tells what it is like there
        assert lab.addresses(WWW, subnet="198.51.77.0/24") == NEAR
    lab.ctl("latency", "import", put(lab, nets + "203.0.113.0/24,far,40\n"))
    wait_for("three answers that explore", lambda: ask() >= 3)
    lab.ctl("force", "pool:near", "up", "--for", "1h", "--why", "test")
    for _ in range(1000):
        assert lab.addresses(WWW, subnet="198.51.77.0/24") == NEAR
    assert "a pool of the service is down, in doubt, forced" in lab.ctl_text("explain", WWW, "198.51.77.0/24").stdout
    lab.ctl("clear", "pool:near")
    wait_for("another one", lambda: ask() >= 4)
    assert lab.ctl("stats")["counters"]["answers_explored"] == counted["explored"]
    explore = lab.ctl("explain", WWW, "198.51.77.0/24")["explore"]
    assert explore["pool"] == "far" and 0.9 < explore["percent"] <= 1 and explore["barred"] is None, explore
    assert "1 % of the answers for these clients name far" in lab.ctl_text("explain", WWW, "198.51.77.0/24").stdout
    shown = lab.ctl("latency", "show", "198.51.77.0/24")
    assert shown["lists"][0]["explored"]["pool"] == "far" and shown["explored_cells"] == 1, shown
    assert "1 % of the answers name far" in lab.ctl_text("latency", "show", "198.51.77.0/24").stdout
    lab.write_conf(["test.mmdb"], extra={"latency": {"explore": "no"}, "server": {"workers": 1}})
    lab.ctl("reload")
    wait_for("nothing to be explored", lambda: lab.ctl("explain", WWW, "198.51.77.0/24")["explore"] is None)
    lab.write_conf(["test.mmdb"], extra={"latency": {"explore": "2%"}, "server": {"workers": 1}})
    assert "latency.explore: 2%: out of bounds (try 0.01% to 1%)" in lab.ctl_text("reload").stdout


@test
def moved(stack):
    """three networks sooner than light move their ASN to where that is possible: logged, listed, and kept over a restart"""
    lab = Lab(stack, {"svc.example": ZONE})
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), "4", os.path.join(lab.folder, "test.mmdb")], text=True, check=True,
                   input="198.51.0.0/16 {'location':{'latitude':50.0 'longitude':10.0} 'country':{'iso_code':'DE'} "
                         "'autonomous_system_number':64500}\n")
    lab.write_conf(["test.mmdb"])
    lab.start()
    assert lab.addresses(WWW, subnet="198.51.77.0/24") == NEAR
    lab.ctl("latency", "import", put(lab, "198.51.1.0/24,far,1\n198.51.2.0/24,far,1\n"))
    assert "nothing was sooner than light\n1 more had samples that were too soon" in lab.ctl_text("latency", "moved").stdout
    lab.ctl("latency", "import", put(lab, "198.51.3.0/24,far,2\n"))
    lab.wait_answer(FAR, WWW, subnet="198.51.77.0/24")
    lab.gslbd.wait_log('latency_place=moved asn=64500 country=DE from="50.5 10.5" to="50.0 -13.8" networks=3 region=lab')

    def check():
        listed = lab.ctl("latency", "moved")["moved"]
        assert [(metro["asn"], metro["networks"], metro["to"]["longitude"]) for metro in listed] == [(64500, 3, -13.8)], listed
        assert lab.addresses(WWW, subnet="198.51.77.0/24") == FAR

    check()
    assert "lab 2.0 ms" in lab.ctl_text("latency", "moved").stdout
    assert "taken to be at 50.0 -13.8: the geo database has it where" in lab.ctl_text("latency", "show", "198.51.77.1").stdout
    lab.ctl("latency", "show", expect=2)
    assert "of what? (try latency show 198.51.100.0/24" in lab.last_error
    lab.stop()
    lab.start()
    check()


if __name__ == "__main__":
    main()
