#!/usr/bin/python3
"""The bus's certificates, its servers and the bus itself are exchanged while events flow: no restart, and no event is lost. tests/FAULTS.md, 20."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from fleet_rig import REGIONS, Client, Fleet, Monitor, Wire
from lab import BUILD, SOURCE, free_port, main, seen, test, wait_for
from relay_rig import program, write

CERTIFICATES = os.path.join(SOURCE, "examples", "fleet", "certificates")


class TlsFleet(Fleet):
    """Each relay reaches its server by TLS only, and is its user by its certificate; a region's CA and certificates are in folder/tls of its rig."""

    def __init__(self, stack, **more):
        program("openssl")
        self.user = {region: f"CN=relay-{region},O=gslb" for region in REGIONS}
        super().__init__(stack, **more)

    def tls(self, region, name=""):
        return os.path.join(self.rigs[region].folder, "tls", name)

    def server_section(self, region):
        if not os.path.isdir(self.tls(region)):
            certify(self.tls(region))
        return f"""
tls {{ cert_file: "{self.tls(region, f"server-{region}.crt")}", key_file: "{self.tls(region, f"server-{region}.key")}",
  ca_file: "{self.tls(region, "ca.crt")}", verify_and_map: true, timeout: 5 }}
authorization {{ users: [ {{ user: "{self.user[region]}" }} ] }}
"""

    def bus(self, region, port):
        return {"servers": [f"tls://localhost:{port}"], "regions": list(REGIONS), "ca": "tls/ca.crt", "cert": f"tls/relay-{region}.crt",
                "key": f"tls/relay-{region}.key"}

    def client(self, region, folder=None):
        folder = folder or self.tls(region)
        context = ssl.create_default_context(cafile=self.tls(region, "ca.crt"))
        context.load_cert_chain(f"{folder}/relay-{region}.crt", f"{folder}/relay-{region}.key")
        client = Client(self.ports[region], context)
        self.stack.callback(client.socket.close)
        return client

    def say_again(self, region):
        """The server reads its files again."""
        self.servers[region].process.send_signal(signal.SIGHUP)

    def renewals(self, region):
        return self.rigs[region].relay.text().count("state=renewed")


def certify(folder):
    """A new CA, and certificates of its own."""
    subprocess.run([CERTIFICATES, folder], check=True)


def put_in_place(new, old):
    """One file after the other, each by a rename, as whoever renews certificates does."""
    for name in os.listdir(new):
        shutil.copy(os.path.join(new, name), os.path.join(old, name + ".new"))
        os.rename(os.path.join(old, name + ".new"), os.path.join(old, name))


def reload(fleet, region, times):
    """gslb-relay reads its configuration again, and is on another bus then, for so many times."""
    fleet.rigs[region].reload()
    wait_for("another bus", lambda: fleet.rigs[region].relay.text().count("state=renewed") == times, 30)


class Flow(threading.Thread):
    """Purges one key after the other in a region until it is ended, and waits each time until both regions have told their caches; keys: what was
    said yes to; slowest_ms: of those that both were heard of in three seconds."""

    def __init__(self, stack, fleet, region):
        super().__init__(daemon=True)
        self.fleet, self.region, self.keys, self.slowest_ms, self.on = fleet, region, [], 0, True
        stack.callback(self.end)
        self.start()

    def run(self):
        while self.on:
            key = f"{self.region}{len(self.keys)}"
            self.fleet.put(key)
            began = time.monotonic()
            answer = self.fleet.rigs[self.region].say("invalidate", wait_ms=3000, event={"class": "key", "items": [{"k": key}]})
            assert answer["ok"], answer
            self.keys.append(key)
            if all(row["state"] != "pending" for row in answer["result"]["regions"].values()):
                self.slowest_ms = max(self.slowest_ms, (time.monotonic() - began) * 1000)
            time.sleep(0.02)

    def end(self):
        self.on = False
        self.join()


def threads(process):
    """How many it has: each connection has its own."""
    return len(os.listdir(f"/proc/{process.pid}/task"))


@test
def certificates_are_exchanged(stack):
    """the CA and all certificates are exchanged while events flow, and the old ones are not taken any more: gslb-relay goes over to the new ones by
    itself, and at SIGHUP, lets the old connection go, and no event is lost or done twice"""
    fleet = TlsFleet(stack, through=["eu", "us"])
    pids = {region: fleet.rigs[region].relay.process.pid for region in REGIONS}
    fleet.wait_empty()
    told = {region: Monitor(stack, fleet.redis[region]) for region in REGIONS}
    had = {region: threads(fleet.rigs[region].relay.process) for region in REGIONS}
    flow = {region: Flow(stack, fleet, region) for region in REGIONS}
    took = {}
    for region in REGIONS:
        new, old = fleet.tls(region, "../new"), fleet.tls(region, "../old")
        certify(new)
        shutil.copytree(fleet.tls(region), old)
        put_in_place(new, fleet.tls(region))
        fleet.say_again(region)
        start = time.monotonic()
        if region == "eu":
            wait_for("its server to take the new ones", lambda: fleet.client("eu").greeting == "PONG")
            fleet.rigs["eu"].reload()
        wait_for(f"{region} to be on the new ones", lambda: fleet.renewals(region) == 1, 60)
        took[region] = time.monotonic() - start
        try:
            greeting = fleet.client(region, old).greeting
        except OSError:
            greeting = "closed"
        assert greeting == "closed", greeting
    slowest_ms = max(flow[region].slowest_ms for region in REGIONS)
    for region in REGIONS:
        wait_for("the old connections to be closed", lambda: threads(fleet.rigs[region].relay.process) <= had[region] + 1, 60)
    # whatever else was connected with the old ones could not come back
    for region in REGIONS:
        fleet.relay_wires[region].cut()
        fleet.relay_wires[region].join_again()
    for region in REGIONS:
        before = len(flow[region].keys)
        wait_for("some more events", lambda: len(flow[region].keys) > before + 20)
        flow[region].end()
    keys = [key for region in REGIONS for key in flow[region].keys]
    wait_for("every key to be gone in both", lambda: not any(fleet.has(region, *keys) for region in REGIONS), 60)
    fleet.wait_empty(90)
    for region in REGIONS:
        twice = [key for key in keys if told[region].dropped(key) != 1]
        # a redis that took its time on a busy machine is told again
        assert not twice or fleet.rigs[region].target("kv")["retried"] > 0, (region, twice[:5])
        relay = fleet.rigs[region].relay.process
        assert relay.poll() is None and relay.pid == pids[region]
        assert "log=anew" not in fleet.rigs[region].relay.text()
    seen(f"{len(keys)} events; on the new certificates {took['eu']:.1f} s after SIGHUP, {took['us']:.1f} s by itself; meanwhile the "
         f"slowest event was confirmed by both regions after {slowest_ms:.0f} ms")


class TwiceToTheSame(Wire):
    """What is given back comes to the same one once more, as servers give it now and then that have said already that its request is over."""
    given = re.compile(rb"HMSG \S+ (\$JS\.ACK\.[^@ ]+)@\S+ \d+ (\d+)\r\n")
    back = re.compile(rb"LMSG (\$JS\.ACK\.\S+) 4\r\n-NAK\r\n")

    def __init__(self, stack, to):
        self.messages, self.again = {}, 0
        super().__init__(stack, to)

    def heard(self, way, data):
        if way == "near":
            for given in self.given.finditer(data):
                self.messages[given[1]] = data[given.start():given.end() + int(given[2]) + 2]
            return data
        for back in self.back.finditer(data):
            if message := self.messages.pop(back[1], None):
                data = data.replace(back[0], b"")
                self.pairs[-1][0].sendall(message)
                self.again += 1
        return data


@test
def what_the_old_connection_gives_back(stack):
    """an event that comes by the old connection while that one is being closed comes by the new one at once, also when the old one is given it
    twice"""
    class TwiceFleet(TlsFleet):
        def link(self, leaf):
            return TwiceToTheSame(self.stack, leaf)

    fleet = TwiceFleet(stack)
    fleet.wait_empty()
    made = 0
    while fleet.wires["eu"].again < 2:  # it may have been closed already
        made += 1
        assert made < 20
        os.utime(fleet.tls("eu", "ca.crt"))
        fleet.rigs["eu"].reload()
        wait_for("the new one to be in service", lambda: fleet.renewals("eu") == made, 30)
        assert fleet.confirmed("us", f"k{made}", "15s"), made


@test
def a_damaged_certificate_is_not_taken(stack):
    """files that are no certificate, do not fit, or are not taken by the server leave the connection that is there in service; that is said in one
    sentence, once; good ones are taken up then"""
    fleet = TlsFleet(stack)
    eu, good, other = fleet.rigs["eu"].relay, fleet.tls("eu", "../good"), fleet.tls("eu", "../other")
    shutil.copytree(fleet.tls("eu"), good)
    certify(other)

    def damage(reason):
        """Whatever is damaged now."""
        fleet.rigs["eu"].reload()
        wait_for("it to be said", lambda: reason in fleet.status("eu")["bus_trouble"])
        assert reason in eu.text().rpartition("bus=kept")[2], eu.text()[-500:]
        for region in REGIONS:
            assert fleet.confirmed(region, "k", "10s")
    shutil.copy(f"{other}/relay-eu.crt", fleet.tls("eu"))
    damage("key values mismatch")
    write(fleet.tls("eu", "relay-eu.crt"), "nothing of the kind\n")
    damage("no start line")
    os.remove(fleet.tls("eu", "relay-eu.key"))
    damage("bus.key: ")
    put_in_place(other, fleet.tls("eu"))
    damage("SSL handshake error")
    before = fleet.servers["eu"].text().count("TLS handshake error")
    os.utime(fleet.tls("eu", "ca.crt"))
    wait_for("it to be tried again", lambda: fleet.servers["eu"].text().count("TLS handshake error") > before, 30)
    assert eu.text().count("bus=kept") == 4 and fleet.renewals("eu") == 0, eu.text()
    put_in_place(good, fleet.tls("eu"))
    wait_for("the good ones to be taken up", lambda: fleet.renewals("eu") == 1, 30)
    assert fleet.status("eu")["bus_trouble"] == ""
    for region in REGIONS:
        assert fleet.confirmed(region, "k", "10s")


@test
def a_certificate_that_ends_soon(stack):
    """a certificate that ends within two weeks is said in the log and by gslbctl relay status, until there is another one, and is not blamed for a
    region that is away"""
    fleet = TlsFleet(stack)
    eu, folder = fleet.rigs["eu"], fleet.tls("eu")
    shutil.copytree(folder, fleet.tls("eu", "../good"))
    subprocess.run(f"openssl req -new -key relay-eu.key -subj /O=gslb/CN=relay-eu | openssl x509 -req -CA ca.crt -CAkey ca.key -days 3 -out new.crt && "
                   "mv new.crt relay-eu.crt", shell=True, check=True, cwd=folder, capture_output=True)
    fleet.rigs["eu"].reload()
    wait_for("it to be said", lambda: "relay-eu.crt ends on 2" in fleet.status("eu")["bus_trouble"])
    assert "relay-eu.crt ends on 2" in eu.relay.text() and fleet.renewals("eu") == 1
    said = subprocess.run([f"{BUILD}/gslbctl", "-s", eu.socket, "relay", "status"], capture_output=True, text=True, check=True).stdout
    assert "TROUBLE with the bus: bus.cert " in said and said.count("TROUBLE") == 1, said
    fleet.wires["us"].cut()  # that is not why us is missing
    answer = eu.say("invalidate", wait_ms=500, event={"class": "key", "items": [{"k": "k"}]})
    assert answer["result"]["regions"]["us"]["state"] == "pending" and "ends on" not in answer["result"].get("trouble", ""), answer
    fleet.wires["us"].join_again()
    put_in_place(fleet.tls("eu", "../good"), folder)
    wait_for("another one to be taken up, and the trouble to end", lambda: fleet.status("eu")["bus_trouble"] == "")
    assert fleet.renewals("eu") == 2 and eu.relay.text().count("relay-eu.crt ends on") == 1


@test
def a_user_that_is_missing_for_a_while(stack):
    """the server does not know our user for a while, after which libnats never comes back by itself: another connection is made when it does"""
    fleet = TlsFleet(stack)
    fleet.user["eu"] = "CN=nobody,O=gslb"
    fleet.servers["eu"].kill(signal.SIGTERM)
    fleet.start_server("eu")
    fleet.rigs["eu"].relay.wait_log("the server has no user for us")
    fleet.put("k")
    assert fleet.purge("eu", "k")
    wait_for("eu to have done it", lambda: not fleet.has("eu", "k"))
    fleet.user["eu"] = "CN=relay-eu,O=gslb"
    fleet.servers["eu"].kill(signal.SIGTERM)
    fleet.start_server("eu")
    wait_for("us to have it", lambda: not fleet.has("us", "k"), 60)
    fleet.wait_empty()
    assert fleet.renewals("eu") == 1


@test
def a_bus_that_goes_and_comes(stack):
    """the section bus is taken out of gslb.yaml, put in again, and names another server at last, each with a SIGHUP: what was made alone goes out
    then, each once, without a restart"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    told, pid, bus = Monitor(stack, fleet.redis["us"]), eu.relay.process.pid, eu.bus
    keys = ["before", "alone", "again", "moved"]
    fleet.put(*keys)
    assert fleet.purge("eu", "before")
    wait_for("us to have it", lambda: not fleet.has("us", "before"))
    fleet.wait_empty()
    eu.bus = None
    reload(fleet, "eu", 1)
    assert [row["region"] for row in eu.ctl("relay", "lag")["lag"]] == ["eu"]
    assert fleet.status("eu")["bus"] == "local" and fleet.purge("eu", "alone")
    wait_for("eu to have done it, and to keep it for us", lambda: not fleet.has("eu", "alone") and fleet.status("eu")["outbox"] == 1)
    eu.bus = bus
    reload(fleet, "eu", 2)
    assert fleet.purge("eu", "again")
    wait_for("us to have both", lambda: not fleet.has("us", "alone", "again"), 30)
    fleet.servers["eu"].kill(signal.SIGTERM)
    fleet.ports["eu"] = free_port()
    fleet.start_server("eu")
    eu.bus = fleet.bus("eu", fleet.ports["eu"])
    reload(fleet, "eu", 3)
    assert fleet.purge("eu", "moved")
    wait_for("us to have it", lambda: not fleet.has("us", "moved"), 30)
    fleet.wait_empty()
    assert [told.dropped(key) for key in keys] == [1, 1, 1, 1]
    assert eu.relay.process.poll() is None and eu.relay.process.pid == pid
    assert "log=anew" not in eu.relay.text()
    write(eu.conf, "server: [\n")
    eu.relay.process.send_signal(signal.SIGHUP)
    eu.relay.wait_log("reload=refused")
    assert fleet.confirmed("eu", "last", "10s")


@test
def another_server_has_lost_nothing(stack):
    """the bus is exchanged for a server whose stream begins anew: that its numbers are lower does not count as something lost"""
    fleet = Fleet(stack)
    eu = fleet.rigs["eu"]
    fleet.put("k")
    for n in range(5):
        assert fleet.purge("eu", f"k{n}")
    fleet.wait_empty()
    fleet.servers["eu"].kill(signal.SIGTERM)
    shutil.rmtree(fleet.store("eu"))
    fleet.ports["eu"] = free_port()
    fleet.start_server("eu")
    eu.bus = fleet.bus("eu", fleet.ports["eu"])
    reload(fleet, "eu", 1)
    assert fleet.purge("eu", "k")
    wait_for("us to have it", lambda: not fleet.has("us", "k"), 60)
    fleet.wait_empty(60)
    assert "has lost what it had taken" not in eu.relay.text(), eu.relay.text()[-500:]


def servfail(question):
    return question[:2] + b"\x81\x82" + question[4:]


def delivered(fleet):
    """What us's server gave eu so far: the last event's number, and how often it gave one."""
    return fleet.client("us").ask("$JS.API.CONSUMER.INFO.INV_us.relay-eu")["delivered"]


@test
def an_errand_while_another_bus_is_opened(stack):
    """the bus is exchanged, and before the new one is in service somebody asks for something that takes long and holds it up: other regions'
    events come by the old one meanwhile"""
    fleet = Fleet(stack)
    eu, keys = fleet.rigs["eu"], [f"k{n}" for n in range(20)]
    verified = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    verified.bind(("127.0.0.1", 0))
    verified.settimeout(60)
    there = f"127.0.0.1@{verified.getsockname()[1]}"
    eu.relay.kill(signal.SIGTERM)
    eu.caches.append({"type": "unbound", "name": "silent", "socket": "/nowhere", "verify": there, "authority": there, "timeout": "60s"})
    eu.start()
    assert fleet.confirmed("us", "hello", "20s")
    fleet.put(*keys)
    # nothing comes through for now, and libnats waits two seconds at each, so that there is time for the errand
    wires = [Wire(stack, fleet.ports["eu"]) for _ in range(5)]
    for wire in wires:
        wire.swallow()
    eu.bus = dict(eu.bus, servers=[f"nats://127.0.0.1:{wire.port}" for wire in wires])
    eu.reload()
    wait_for("another one to be opened", lambda: any(wire.times for wire in wires))
    asked = stack.enter_context(socket.socket(socket.AF_UNIX))
    asked.connect(eu.socket)
    asked.sendall(b'{"command":"verify","args":{"name":"www.example."}}\n')
    question, asker = verified.recvfrom(512)  # it is under way until this is answered
    for wire in wires:
        wire.join_again()
    time.sleep(2)  # the new one has time to be opened, and to fetch what is not for it
    before = delivered(fleet)
    for key in keys:
        assert fleet.purge("us", key)
    wait_for("eu to have all", lambda: not fleet.has("eu", *keys), 60)
    after = delivered(fleet)
    assert "state=renewed" not in eu.relay.text(), "the errand did not hold it up"
    assert [after[seq] - before[seq] for seq in ("stream_seq", "consumer_seq")] == [20, 20], "some had to be given once more"
    verified.sendto(servfail(question), asker)
    question, asker = verified.recvfrom(512)  # AAAA
    verified.sendto(servfail(question), asker)
    wait_for("the new one to be in service", lambda: "state=renewed" in eu.relay.text(), 60)
    assert fleet.confirmed("us", "later", "20s")


if __name__ == "__main__":
    main()
