#!/usr/bin/python3
"""examples/fleet as its README tells it: started by one command, over mTLS, and nobody may speak for another region."""
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

from fleet_rig import Client
from lab import BUILD, Program, free_port, free_ports, main, test, wait_for
from relay_rig import command, program, resolve, write

EXAMPLE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "fleet"))


class Fleet:
    def __init__(self, stack, relays="eu us"):
        for name in ("nats-server", "unbound", "redis-server", "openssl"):
            program(name)
        self.folder, self.port = tempfile.mkdtemp(prefix="gslb-test-"), free_ports(40)
        os.chmod(self.folder, 0o755)
        if not os.environ.get("GSLB_TEST_KEEP"):
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        env = dict(os.environ, FLEET_PORT=str(self.port), GSLB_BIN=BUILD, FLEET_RELAYS=relays)
        stack.callback(subprocess.run, [os.path.join(EXAMPLE, "stop"), self.folder], capture_output=True)
        done = subprocess.run([os.path.join(EXAMPLE, "start"), self.folder], env=env, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr

    def at(self, region, what):
        return self.port + {"eu": 10, "us": 20, "eu-2": 30}[region] + {"nats": 0, "dns": 1, "resolver": 2, "redis": 3, "http": 4}[what]

    def ctl(self, region, *arguments, socket="relay.sock", expect=0):
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", os.path.join(self.folder, region, socket), "--json", *arguments],
                              capture_output=True, text=True, timeout=60)
        assert expect is None or done.returncode == expect, f"{arguments}: {done.returncode}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def events(self, region):
        text = next(f["text"] for f in self.ctl(region, "bus", "check", expect=None)["findings"] if "holds" in f["text"])
        return int(text.split("holds ")[1].split()[0])

    def log(self, name):
        with open(os.path.join(self.folder, name)) as f:
            return f.read()

    def reload_server(self, region):
        """Its nats-server reads its configuration again."""
        with open(os.path.join(self.folder, "pids")) as f:
            for pid in f.read().split():
                with open(f"/proc/{pid}/cmdline") as line:
                    if f"{region}/nats.conf" in line.read():
                        os.kill(int(pid), signal.SIGHUP)

    def path(self, name):
        return os.path.join(self.folder, "certificates", name)


def client(port, fleet, certificate=None):
    context = ssl.create_default_context(cafile=fleet.path("ca.crt"))
    if certificate:
        context.load_cert_chain(certificate + ".crt", certificate + ".key")
    return Client(port, context)


@test
def the_example_does_what_its_readme_says(stack):
    """one command starts it; a purge is confirmed by both regions over mTLS; the bus is as it must be; a stopped fleet can be started again"""
    fleet = Fleet(stack)
    for region in ("eu", "us"):
        command(fleet.at(region, "redis"), "SET shop:a 1\r\n")
    result = fleet.ctl("eu", "purge", "key", "a", "--wait", "30s")
    assert sorted(result["regions"]) == ["eu", "us"], result
    for region in ("eu", "us"):
        assert command(fleet.at(region, "redis"), "EXISTS shop:a\r\n") == ":0\r\n"
        assert resolve(fleet.at(region, "resolver"), "www.svc.example") == ["192.0.2.10"]
        levels = [f["level"] for f in fleet.ctl(region, "bus", "check")["findings"]]
        assert "error" not in levels and "unknown" not in levels, fleet.ctl(region, "bus", "check")
    number = result["id"].rsplit(":", 1)[1]
    for region, other in (("us", "eu"), ("eu", "eu")):
        command(fleet.at(region, "redis"), "SET shop:a 1\r\n")
        done = fleet.ctl(region, "relay", "replay", "--origin", other, "--from", number)["replay"]
        assert done["done"] >= 1 and command(fleet.at(region, "redis"), "EXISTS shop:a\r\n") == ":0\r\n", done
    subprocess.run([os.path.join(EXAMPLE, "stop"), fleet.folder], check=True)
    env = dict(os.environ, FLEET_PORT=str(fleet.port), GSLB_BIN=BUILD)
    subprocess.run([os.path.join(EXAMPLE, "start"), fleet.folder], env=env, check=True, capture_output=True, timeout=180)
    fleet.ctl("us", "purge", "key", "b", "--wait", "30s")


@test
def a_second_host_in_a_region(stack):
    """a second host in eu shares its server: it may what its name may and no more, the bus is as it must be for all, and a purge is confirmed by
    all three; what it may not, bus check says"""
    fleet = Fleet(stack, "eu us eu-2@eu")
    hosts = ["eu", "eu-2", "us"]
    for host in hosts:
        command(fleet.at(host, "redis"), "SET shop:a 1\r\n")
    result = fleet.ctl("eu-2", "purge", "key", "a", "--wait", "30s")
    assert sorted(result["regions"]) == hosts, result
    for host in hosts:
        assert command(fleet.at(host, "redis"), "EXISTS shop:a\r\n") == ":0\r\n"
        levels = [f["level"] for f in fleet.ctl(host, "bus", "check")["findings"]]
        assert "error" not in levels and "unknown" not in levels, fleet.ctl(host, "bus", "check")
    speaker = client(fleet.at("eu", "nats"), fleet, fleet.path("relay-eu-2"))
    for subject in ("gslb.inv.eu.e", "gslb.rcpt.eu.us", "$JS.API.STREAM.DELETE.INV_eu", "$JS.API.CONSUMER.MSG.NEXT.INV_us.relay-eu"):
        assert "Permissions Violation" in speaker.say(subject, "x"), subject
        assert speaker.line() == "PONG"
    users = os.path.join(fleet.folder, "eu", "users.conf")
    with open(users) as f:
        text = f.read()
    for gone, why in (("gslb.inv.eu-2.>", "may we publish gslb.inv.eu-2.>?"),
                      ("$JS.API.CONSUMER.INFO.INV_eu.relay-eu-2", "may we ask it for $JS.API.CONSUMER.INFO.INV_eu.relay-eu-2?")):
        write(users, text.replace(f'"{gone}"', '"nothing"'))
        fleet.reload_server("eu")
        wait_for(f"bus check to miss {gone}", lambda why=why: any(
            why in f["text"] for f in fleet.ctl("eu-2", "bus", "check", expect=None)["findings"] if f["level"] == "error"), 30)


@test
def a_wrong_certificate_is_refused(stack):
    """without a certificate, with one of another CA, and with one that no user has, nobody gets in"""
    fleet = Fleet(stack)
    subprocess.run([os.path.join(EXAMPLE, "certificates"), os.path.join(fleet.folder, "other")], check=True)
    good = client(fleet.at("eu", "nats"), fleet, fleet.path("relay-eu"))
    assert good.greeting == "PONG", good.greeting
    for certificate in (None, os.path.join(fleet.folder, "other", "relay-eu"), fleet.path("relay-us")):
        try:
            greeting = client(fleet.at("eu", "nats"), fleet, certificate).greeting
        except OSError:  # the handshake
            continue
        assert greeting == "closed" or greeting.startswith("-ERR"), (certificate, greeting)


@test
def no_region_speaks_for_another(stack):
    """a region's relay cannot publish for the other region, nor can its whole server: its own server and the hub refuse it"""
    fleet = Fleet(stack)
    event = json.dumps({"v": 1, "origin": "us", "epoch": 4294967000, "oseq": 1, "class": "all"})
    before = fleet.events("us")
    speaker = client(fleet.at("eu", "nats"), fleet, fleet.path("relay-eu"))
    for subject in ("gslb.inv.us.e", "gslb.rcpt.us.eu", "$JS.us.API.STREAM.DELETE.INV_us", "$JS.API.STREAM.DELETE.INV_eu", "$JS.API.STREAM.PURGE.INV_eu"):
        answer = speaker.say(subject, event)
        assert "Permissions Violation" in answer, (subject, answer)
        assert speaker.line() == "PONG"
    # whoever has eu's machine: a server without any rule, with its certificate for the hub
    port = free_port()
    conf = write(os.path.join(fleet.folder, "rogue.conf"), f"""
server_name: rogue
listen: 127.0.0.1:{port}
leafnodes {{ reconnect: 1, remotes: [ {{ url: "tls://127.0.0.1:{fleet.port + 1}"
  tls {{ cert_file: "{fleet.path('leaf-eu.crt')}", key_file: "{fleet.path('leaf-eu.key')}", ca_file: "{fleet.path('ca.crt')}" }} }} ] }}
""")
    rogue = Program(stack, "rogue", [program("nats-server"), "-c", conf], fleet.folder)
    rogue.wait_log("Leafnode connection created")
    speaker = Client(port)
    for subject in ("gslb.inv.us.e", "gslb.rcpt.us.us", "$JS.us.API.STREAM.DELETE.INV_us"):
        assert speaker.say(subject, event) == "PONG", subject
    time.sleep(1)  # what is let through takes milliseconds
    assert fleet.events("us") == before
    # what eu may say comes through, a receipt. It is for more than us has made: us begins its log anew
    wait_for("its server to know where that goes", lambda: speaker.say("gslb.rcpt.eu.us", "4294967000 1 0") == "PONG" and
             "log=anew relay=eu epoch=4294967001" in fleet.log("us/relay.log"))
    wait_for("eu to hear us again", lambda: fleet.ctl("us", "purge", "key", "x", "--wait", "5s", expect=None)["regions"]["eu"]["state"] in
             ("flushed", "done"), 30)


@test
def an_event_for_another_region_is_dropped(stack):
    """what comes on eu's stream and says that us made it is refused by us, whose own events go on"""
    fleet = Fleet(stack)
    speaker = client(fleet.at("eu", "nats"), fleet, fleet.path("relay-eu"))
    event = json.dumps({"v": 1, "origin": "us", "epoch": 4294967000, "oseq": 1, "class": "all"})
    assert speaker.say("gslb.inv.eu.e", event) == "PONG"
    wait_for("us to refuse it", lambda: "it speaks for us" in fleet.log("us/relay.log"))
    fleet.ctl("us", "purge", "key", "x", "--wait", "30s")
    fleet.ctl("eu", "purge", "key", "y", "--wait", "30s")


main()
