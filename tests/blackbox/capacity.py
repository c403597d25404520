#!/usr/bin/python3
"""Loads of pools: pushed, read from a URL, found on the answers of health checks."""
import http.client
import http.server
import json
import os
import threading
import time

from lab import Lab, free_port, main, test, wait_for

TOKEN = "push-0123456789abcdef"


class Backend(http.server.ThreadingHTTPServer):
    """Answers "ok" everywhere with its load in X-Load, and its load alone at /load; text: what it says there instead."""
    daemon_threads = True

    def __init__(self, address, port=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = (self.server.text or f"{self.server.load}\n") if self.path == "/load" else "ok\n"
                self.send_response(200)
                self.send_header("X-Load", str(self.server.load))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *a): pass
        super().__init__((address, port), Handler)
        self.load, self.text = 0, None
        threading.Thread(target=self.serve_forever, daemon=True).start()


def backend(stack, address, port=0):
    made = Backend(address, port)
    stack.callback(made.server_close)
    stack.callback(made.shutdown)
    return made


def server(stack, zone, **sections):
    port = free_port()
    lab = Lab(stack, {"svc.example": zone},
              extra={"http": {"listen": f"127.0.0.1@{port}"}, "health": {"push-token-file": "push.token"}, **sections})
    lab.http = port
    path = os.path.join(lab.folder, "push.token")
    with open(path, "w") as f:
        f.write(TOKEN + "\n")
    os.chmod(path, 0o600)
    lab.start()
    lab.gslbd.wait_log("info: plan=")
    return lab


def pool(lab, name):
    return next(p for p in lab.ctl("pools")["pools"] if p["name"] == name)


def post(lab, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", lab.http, timeout=20)
    connection.request("POST", path, body, {"Authorization": "Bearer " + TOKEN})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, json.loads(text)


def metrics(lab):
    connection = http.client.HTTPConnection("127.0.0.1", lab.http, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


HEAD = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 192.0.2.53
"""

LOADS = HEAD + """
_gslb.www TXT "v=gslb1; pools=eu,us,ap; rank=order; ttl=5/5"
eu._pool TXT "v=pool1; check=none; capacity=1000; load=push"
eu._pool SRV 0 1 80 lb1.eu
eu._pool SRV 0 1 80 lb2.eu
lb1.eu A 192.0.2.10
lb2.eu A 192.0.2.11
us._pool TXT "v=pool1; check=none; capacity=500; load=http://127.0.0.1:%d/load"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.20
ap._pool TXT "v=pool1; check=http; interval=1s; load=header:x-load"
ap._pool SRV 0 1 %d lb1.ap
ap._pool SRV 0 1 %d lb2.ap
lb1.ap A 127.0.0.2
lb2.ap A 127.0.0.3
"""


@test
def loads_are_pushed(stack):
    """the load of a pool, or the parts of its endpoints, is pushed by gslbctl and over HTTP, and shown"""
    lab = server(stack, LOADS % (9, 9, 9))
    assert pool(lab, "eu")["load"]["load"] is None and not pool(lab, "eu")["load"]["fresh"]
    assert lab.ctl("push", "eu", "load=412.5")["load"] == 412.5
    load = pool(lab, "eu")["load"]
    assert (load["load"], load["capacity"], load["headroom"], load["fresh"]) == (412.5, 1000, 587.5, True), load
    text = lab.ctl_text("pools").stdout
    assert "412.5" in text and "587.5" in text, text
    page = metrics(lab)
    assert 'gslb_pool_load{pool="eu",zone="svc.example",region="eu"} 412.5' in page, page
    assert 'gslb_pool_capacity{pool="eu",zone="svc.example",region="eu"} 1000' in page, page
    # two endpoints, each with its part: the whole that was told before counts no more
    status, body = post(lab, "/v1/push/eu/lb1", "load=100")
    assert status == 200 and body["load"] == 100, body
    assert post(lab, "/v1/push/eu/192.0.2.11", "load=50 for=5m")[0] == 200
    assert pool(lab, "eu")["load"]["load"] == 150
    assert post(lab, "/v1/push/eu", "load=7")[0] == 200
    assert pool(lab, "eu")["load"]["load"] == 7
    for path, body, wanted in (("/v1/push/eu", "load=low", 400), ("/v1/push/eu", "load=-1", 400),
                               ("/v1/push/eu", "up", 400), ("/v1/push/us", "load=1", 409),
                               ("/v1/push/xx", "load=1", 404), ("/v1/push/eu/lb9", "load=1", 404),
                               ("/v1/push/eu/lb1", "up load=1", 400)):
        status, answer = post(lab, path, body)
        assert status == wanted, (path, body, status, answer)
    assert pool(lab, "eu")["load"]["load"] == 7
    # who falls silent has said nothing of now
    assert post(lab, "/v1/push/eu", "load=9 for=1s")[0] == 200
    wait_for("the load to be stale", lambda: not pool(lab, "eu")["load"]["fresh"])
    load = pool(lab, "eu")["load"]
    assert (load["load"], load["headroom"]) == (9, None) and load["age_s"] >= 1, load
    assert "9?" in lab.ctl_text("pools").stdout
    assert "gslb_pool_load{" not in metrics(lab)


@test
def loads_are_read(stack):
    """a URL is polled for a number, and answers of health checks tell each endpoint's part in a header"""
    source, (one, other) = backend(stack, "127.0.0.1"), (backend(stack, "127.0.0.2"), None)
    other = backend(stack, "127.0.0.3")
    lab = server(stack, LOADS % (source.server_port, one.server_port, other.server_port))
    source.load = 120
    wait_for("the load that the URL gives", lambda: pool(lab, "us")["load"]["load"] == 120)
    one.load, other.load = 30, 12.5
    wait_for("the sum of two headers", lambda: pool(lab, "ap")["load"]["load"] == 42.5)
    source.text = '{"pool": "us", "load": 1.5e2}'
    wait_for("a member of a JSON object", lambda: pool(lab, "us")["load"]["load"] == 150)
    source.text = "busy"
    wait_for("words on what is wrong", lambda: pool(lab, "us")["load"]["trouble"] is not None)
    load = pool(lab, "us")["load"]
    assert load["load"] == 150 and load["fresh"], load  # for a minute
    source.text = None
    wait_for("no trouble", lambda: pool(lab, "us")["load"]["trouble"] is None)


FULL = HEAD + """
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=5/5"
eu._pool TXT "v=pool1; check=none; region=eu-west; capacity=1000; load=push"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
us._pool TXT "v=pool1; check=none; region=us-east; capacity=2000; load=push"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.20
"""


class Clients:
    """Whoever is told a pool makes load there for the time of the TTL: so many units in all, reported each second."""

    def __init__(self, lab, demand):
        self.lab, self.demand, self.told, self.next = lab, demand, [], 0

    def ask(self):
        now = time.monotonic()
        for _ in range(40):
            self.told.append((now, self.lab.addresses("www.svc.example")[0]))
        self.told = [told for told in self.told if told[0] > now - 5]
        if now < self.next:
            return
        self.next = now + 1
        for pool, address in (("eu", "192.0.2.10"), ("us", "192.0.2.20")):
            part = sum(told[1] == address for told in self.told) / len(self.told)
            self.lab.ctl("push", pool, f"load={self.demand * part:.1f}")


@test
def a_full_pool_gives_away_what_it_cannot_carry(stack):
    """clients of a pool that reports more than 80 % of its capacity are sent to the next one, and explain, capacity and the log say so"""
    lab = server(stack, FULL)
    clients = Clients(lab, 1200)

    def reported():
        clients.ask()
        return {p["pool"]: p for p in lab.ctl("capacity")["pools"]}

    def settled():
        pools = reported()
        return (pools["eu"]["given_percent"] > 25 and (pools["eu"]["load"] or 9999) < 950 and
                1000 < pools["eu"]["demand"] < 1400 and pools["us"]["taken"] > 250)

    wait_for("the pool to give away a third", settled, deadline=180)
    lab.gslbd.wait_log("pool=eu spill_percent=")

    def spilled():
        clients.ask()
        explained = lab.ctl("explain", "www.svc.example", "198.51.100.7")
        eu = next(p for p in explained["pools"] if p["pool"] == "eu")
        return explained["answer"]["why"] == "spill" and 50 < eu["capacity"]["class_percent"] < 80 and explained
    explained = wait_for("a client that is sent on", spilled)
    assert explained["answer"]["pool"] == "us", explained["answer"]
    eu = next(p for p in explained["pools"] if p["pool"] == "eu")
    assert eu["fate"] == "full" and "its own clients ask for" in eu["reason"], eu
    assert eu["capacity"]["filled_to"] == 800, eu
    assert 'reason="spill"' in metrics(lab)
    # zones that are those in force move nobody, though clients are passed on meanwhile
    def planned():
        plan = lab.ctl("plan", os.path.join(lab.folder, "zones"))
        return plan["networks"] > 0 and plan
    plan = wait_for("clients to be known", planned)
    assert plan["moved"]["networks"] == 0, plan["moved"]
    # what the loss of a region would do: eu could not carry it all, us could
    report = lab.ctl("capacity")
    lost = {r["region"]: r for r in report["regions"]}
    assert not lost["us-east"]["fits"] and lost["us-east"]["over"] > 0, lost
    assert lost["eu-west"]["fits"], lost
    text = lab.ctl_text("capacity").stdout
    assert "Without us-east" in text and "overloaded" in text, text


if __name__ == "__main__":
    main()
