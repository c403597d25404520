#!/usr/bin/python3
"""HTTP: is it well, metrics, the tables as JSON, the page, pushed states; and who may do what."""
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dns.message
import dns.query

from lab import BUILD, SOURCE, Lab, Program, free_port, http_backend, main, rows, shared, test, wait_for

PUSH_TOKEN, READ_TOKEN = "push-0123456789abcdef", "read-0123456789abcdef"

ZONE = r"""
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster %(serial)d 3600 600 604800 30
@ NS ns1
ns1 A 192.0.2.53
child NS ns.child
ns.child A 192.0.2.54
alias CNAME ns1
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5; fallback=spare"
_gslb.we\"ird TXT "v=gslb1; pools=us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=push; interval=1s; region=west"
eu._pool SRV 0 1 9 lb1.eu
eu._pool SRV 0 1 9 lb2.eu
lb1.eu A 192.0.2.1
lb1.eu AAAA 2001:db8::1
lb2.eu A 192.0.2.2
us._pool TXT "v=pool1; check=push; interval=10m"
us._pool SRV 0 1 9 lb1.us
lb1.us A 192.0.2.3
spare._pool TXT "v=pool1; check=none"
spare._pool SRV 0 1 9 lb1.spare
lb1.spare A 192.0.2.9
"""


def server(stack, zones=None, http=None, tokens=True, start=True, **sections):
    port = free_port()
    extra = {"http": {"listen": f"127.0.0.1@{port}", **(http or {})}, **sections}
    if tokens:
        extra.setdefault("health", {})["push-token-file"] = "push.token"
    lab = Lab(stack, zones or {"svc.example": ZONE % {"serial": 1}}, extra=extra)
    lab.http = port
    for name, text in (("push.token", PUSH_TOKEN), ("read.token", READ_TOKEN)):
        path = os.path.join(lab.folder, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        os.chmod(path, 0o600)
    return started(lab) if start else lab


def started(lab):
    lab.start()
    lab.gslbd.wait_log(" state=running version=")
    lab.gslbd.wait_log("info: plan=")  # before gslb-health runs nothing can be pushed
    return lab


common = shared(server)


def ask(lab, path, method="GET", body=None, headers=None, token=None, timeout=20):
    """Status, headers and body, whatever the status is."""
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + token
    connection = http.client.HTTPConnection("127.0.0.1", lab.http, timeout=timeout)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def push(lab, endpoint, state, query="", token=PUSH_TOKEN):
    status, _, body = ask(lab, f"/v1/push/{endpoint}{query}", "POST", state, token=token)
    return status, json.loads(body)


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


class Metrics:
    """The text format, read strictly: a family's lines are together, after its HELP and TYPE, and no sample is there twice."""

    def __init__(self, text):
        self.samples, self.types, self.helps = {}, {}, {}
        assert text.endswith("\n"), text[-100:]
        family = None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                family, self_help = line[7:].split(" ", 1)
                assert family not in self.helps, f"{family} comes twice"
                self.helps[family] = self_help
                continue
            if line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == family and kind in ("counter", "gauge", "histogram"), line
                assert (kind == "counter") == name.endswith("_total"), line
                self.types[name] = kind
                continue
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            base = re.sub("_(bucket|sum|count)$", "", name) if self.types.get(family) == "histogram" else name
            assert base == family, f"{line} stands under {family}"
            pairs = tuple(sorted((k, v.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\"))
                                 for k, v in LABEL.findall(labels or "")))
            assert (name, pairs) not in self.samples, f"{line} comes twice"
            self.samples[name, pairs] = float(value)

    def sum(self, name, **labels):
        return sum(v for (n, pairs), v in self.samples.items() if n == name and set(labels.items()) <= set(pairs))

    def one(self, name, **labels):
        found = [v for (n, pairs), v in self.samples.items() if n == name and set(labels.items()) <= set(pairs)]
        assert len(found) == 1, f"{name} {labels}: {found}"
        return found[0]

    def labels(self, name, key):
        return {dict(pairs)[key] for (n, pairs) in self.samples if n == name}


def scrape(lab, token=None):
    status, headers, body = ask(lab, "/metrics", token=token)
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), (status, headers)
    return Metrics(body)


# ---- is it well? ----

@test
def alive_and_ready(stack):
    """/healthz and /readyz say that it is well, and a host whose zones all have mistakes is alive and not ready"""
    lab = common()
    assert ask(lab, "/healthz")[::2] == (200, "ok\n")
    status, _, body = ask(lab, "/readyz")
    assert status == 200 and body.startswith("ready: 1 zone, last word from gslb-health "), (status, body)
    bad = server(stack, {"svc.example": ZONE % {"serial": 1} + "_gslb.x TXT \"v=gslb1; pools=nowhere\"\n"})
    assert ask(bad, "/healthz")[0] == 200
    status, _, body = ask(bad, "/readyz")
    assert status == 503 and "no zone is served" in body, (status, body)


def without_health(stack):
    lab = server(stack, start=False)
    lab.env["GSLB_HEALTH"] = "/bin/false"
    return lab.start()


mute = shared(without_health)


@test
def before_the_minute_is_over(stack):
    """a gslb-health that does not start is seen in the metrics, and the last verdicts are good for a minute"""
    lab = mute()
    metrics = wait_for("the end to be seen", lambda: (m := scrape(lab)).one("gslb_health_running") == 0 and m)
    if metrics.one("gslb_board_age_seconds") < 50:
        assert ask(lab, "/readyz")[0] == 200


# ---- tables ----

@test
def the_same_as_gslbctl(stack):
    """/v1/NAME is what gslbctl --json shows"""
    lab = common()
    lab.ctl("force", "us", "drain", "--for", "30m", "--why", "the café moves", "--force")
    for name in ("services", "pools", "endpoints", "overrides"):
        status, headers, body = ask(lab, f"/v1/{name}")
        assert status == 200 and headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "no-store"
        seen, shown = json.loads(body), lab.ctl(name)
        for document in (seen, shown):  # what time changes
            for row in document[name]:
                row.pop("left_s", None)
        assert seen == shown, (seen, shown)
    assert json.loads(ask(lab, "/v1/overrides")[2])["overrides"][0]["why"] == "the café moves"
    status = json.loads(ask(lab, "/v1/status")[2])
    assert status["pid"] == lab.gslbd.pid and status["identity"] == "lab"
    assert json.loads(ask(lab, "/v1/capacity")[2]) == lab.ctl("capacity")
    assert json.loads(ask(lab, "/v1/stats")[2])["counters"].keys() == lab.ctl("stats")["counters"].keys()
    lab.ctl("clear", "us")


@test
def explain_by_parameters(stack):
    """/v1/explain takes name, client, type and several assume"""
    lab = common()
    body = json.loads(ask(lab, "/v1/explain?name=www.svc.example&client=198.51.100.7&assume=eu%3Ddown&assume=us=down")[2])
    assert body["decision"]["reason"] == "fallback" if "reason" in body.get("decision", {}) else "spare" in json.dumps(body), body
    body = json.loads(ask(lab, "/v1/explain?name=www.svc.example&client=198.51.100.7&at=now%2B10m")[2])
    assert body["steered"] and body["at"].startswith("20") and body["at"].endswith("Z"), body
    body = json.loads(ask(lab, "/v1/explain?name=www.svc.example&client=2001:db8::1&type=AAAA")[2])
    assert "2001:db8::1" in json.dumps(body["answer"] if "answer" in body else body)


REFUSED = [
    ("a page that is not there", "GET", "/nothing", None, {}, 404, "no such page"),
    ("a table that is not there", "GET", "/v1/nothing", None, {}, 404, "no such thing under /v1/"),
    ("/v1 alone", "GET", "/v1", None, {}, 404, "no such thing under /v1/"),
    ("more behind a table", "GET", "/v1/status/x", None, {}, 404, "no such thing under /v1/"),
    ("dots", "GET", "/../../etc/passwd", None, {}, 404, "no such page"),
    ("escaped dots", "GET", "/%2e%2e/%2e%2e/etc/passwd", None, {}, 404, "no such page"),
    ("an escaped slash", "GET", "/v1%2fstatus", None, {}, 404, "no such page"),
    ("who asked for what", "GET", "/v1/clients", None, {}, 404, "no such thing under /v1/"),
    ("a plan, which takes time", "GET", "/v1/plan-begin", None, {}, 404, "no such thing under /v1/"),
    ("a NUL", "GET", "/v1/status%00", None, {}, 400, "malformed"),
    ("half an escape", "GET", "/%4", None, {}, 400, "malformed"),
    ("what is not UTF-8", "GET", "/v1/explain?name=%ff", None, {}, 400, "malformed"),
    ("an address of 5000 bytes", "GET", "/" + "a" * 5000, None, {}, 414, "too long"),
    ("a parameter nobody takes", "GET", "/v1/status?verbose=1", None, {}, 400, "status: no such parameter: verbose="),
    ("a parameter twice", "GET", "/v1/explain?name=a&name=b", None, {}, 400, "explain: name= is there twice"),
    ("explain without a client", "GET", "/v1/explain?name=www.svc.example", None, {}, 400, ""),
    ("explain of no name", "GET", "/v1/explain?name=..&client=192.0.2.1", None, {}, 400, ""),
    ("a change by GET", "GET", "/v1/reload", None, {}, 403, "what changes something is for gslbctl"),
    ("a change by POST", "POST", "/v1/reload", "", {}, 405, "this takes GET and HEAD"),
    ("a page by POST", "POST", "/metrics", "x", {}, 405, "this takes GET and HEAD"),
    ("another method", "DELETE", "/v1/overrides", None, {}, 405, "this takes GET and HEAD"),
    ("a push by GET", "GET", "/v1/push/eu/lb1", None, {}, 405, "this takes POST"),
    ("a push without a token", "POST", "/v1/push/eu/lb1", "down", {}, 401, "the token is missing or wrong"),
    ("a push with a wrong token", "POST", "/v1/push/eu/lb1", "down", {"Authorization": "Bearer " + READ_TOKEN}, 401, "the token"),
    ("a push with half the token", "POST", "/v1/push/eu/lb1", "down", {"Authorization": "Bearer " + PUSH_TOKEN[:-1]}, 401, "the token"),
    ("a push by another scheme", "POST", "/v1/push/eu/lb1", "down", {"Authorization": "Basic " + PUSH_TOKEN}, 401, "the token"),
    ("a push of nothing", "POST", "/v1/push/eu/lb1", "", {"Authorization": "Bearer " + PUSH_TOKEN}, 400, "the body says up, down or load="),
    ("a push of a load", "POST", "/v1/push/eu/lb1", "load=3", {"Authorization": "Bearer " + PUSH_TOKEN}, 409, "only load=push takes pushed loads"),
    ("a push to no pool", "POST", "/v1/push/nowhere/lb1", "up", {"Authorization": "Bearer " + PUSH_TOKEN}, 404, "nowhere"),
    ("a push to no endpoint", "POST", "/v1/push/eu/lb9", "up", {"Authorization": "Bearer " + PUSH_TOKEN}, 404, "no such endpoint"),
    ("a push to what is not pushed", "POST", "/v1/push/spare/lb1", "up", {"Authorization": "Bearer " + PUSH_TOKEN}, 409, "check=none"),
    ("a push with a large body", "POST", "/v1/push/eu/lb1", "x" * 5000, {"Authorization": "Bearer " + PUSH_TOKEN}, 413, "too large"),
    ("a page of another site", "GET", "/v1/status", None, {"Host": "evil.example"}, 403, "called localhost"),
]


@rows([(*row, f"{row[5]}") for row in REFUSED])
def refused(sentence, method, path, body, headers, status, text):
    lab = common()
    got, answer_headers, answer = ask(lab, path, method, body, headers)
    assert got == status, (got, answer)
    assert text in json.loads(answer)["error"], answer
    assert answer_headers["Content-Type"] == "application/json"
    if status == 405:
        assert answer_headers["Allow"] in ("POST", "GET, HEAD"), answer_headers["Allow"]
    if status == 401:
        assert answer_headers["WWW-Authenticate"].startswith("Bearer"), answer_headers


@test
def a_body_without_a_length(stack):
    """a body in chunks is bounded like any other"""
    lab = common()
    connection = http.client.HTTPConnection("127.0.0.1", lab.http, timeout=20)
    connection.request("POST", "/v1/push/eu/lb1", iter([b"a" * 1000] * 5), {"Authorization": "Bearer " + PUSH_TOKEN},
                       encode_chunked=True)
    assert connection.getresponse().status == 413


# ---- who may ----

@test
def tokens_to_read(stack):
    """with http.token-file all but /healthz and /readyz takes it, and pushes take their own"""
    lab = server(stack, http={"token-file": "read.token"})
    for path, status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 401), ("/v1/status", 401), ("/", 401)):
        assert ask(lab, path)[0] == status, path
        assert ask(lab, path, token=READ_TOKEN)[0] == 200, path
    assert ask(lab, "/v1/status", token=PUSH_TOKEN)[0] == 401
    assert push(lab, "eu/lb1", "up", token=READ_TOKEN)[0] == 401
    lab.gslbd.wait_log("a wrong token was shown")
    assert push(lab, "eu/lb1", "up")[0] == 200


@test
def measurements_are_posted(stack):
    """POST /v1/latency takes what latency import takes, CSV and JSON lines, all of it or nothing"""
    lab = common()

    def post(body, query="", token=PUSH_TOKEN):
        status, _, answer = ask(lab, "/v1/latency" + query, "POST", body, token=token)
        return status, json.loads(answer)

    def samples(net):
        regions = {r["region"]: r for r in lab.ctl("latency", "show", net)["regions"]}
        return {name: (round(r["measured_ms"]["network"]), round(r["samples"]["network"])) for name, r in regions.items()
                if r["samples"]["network"] > 0}

    status, answer = post("prefix,pool,rtt_ms,n\n# of beacons\n81.2.3.0/24,eu,31.5,12\n81.2.3.0/24,us,90\n")
    assert status == 200 and answer["lines"] == 2 and answer["taken"], answer
    assert samples("81.2.3.0/24") == {"west": (32, 12), "us": (90, 1)}, samples("81.2.3.0/24")
    status, answer = post('{"prefix":"81.2.4.0/24","region":"west","rtt_ms":20,"n":9}\n{"prefix":"81.2.4.0/24","pool":"us","rtt_ms":40}')
    assert status == 200 and answer["lines"] == 2, answer
    assert samples("81.2.4.0/24") == {"west": (20, 9), "us": (40, 1)}, samples("81.2.4.0/24")
    path = os.path.join(lab.folder, "rtts")
    for body, what in (("81.2.5.0/24,eu,20\n81.2.5.0/24,nowhere,20\n", "2: nowhere: neither a pool"), ("81.2.5.0/24,eu,fast", "1: rtt_ms: fast"),
                       ('81.2.5.0/24,eu,20\n\n{"prefix":"81.2.5.0/24","rtt":3}', "3: wants: prefix")):
        status, answer = post(body)
        assert status == 400 and what in answer["mistakes"][0] and not answer["taken"] and "nothing was taken" in answer["error"], answer
        with open(path, "w") as f:
            f.write(body)
        lab.ctl("latency", "import", path, expect=1)
    assert samples("81.2.5.0/24") == {}
    assert post("81.2.5.0/24,eu,20", "?check=yes")[1]["taken"] is False and samples("81.2.5.0/24") == {}
    assert post("")[0] == 400 and post("# nothing\n")[0] == 400
    assert post("81.2.5.0/24,eu,20", token=READ_TOKEN)[0] == 401 and ask(lab, "/v1/latency", token=READ_TOKEN)[0] == 405
    many = "".join(f"81.3.{n % 250}.0/24,eu,{20 + n % 7},2\n" for n in range(8000))
    assert len(many) > 150000 and post(many)[1]["lines"] == 8000
    assert samples("81.3.7.0/24")["west"][1] > 10
    assert post(many + many)[0] == 413


@test
def no_token_no_pushes(stack):
    """without health.push-token-file nothing can be pushed over HTTP"""
    lab = server(stack, tokens=False)
    status, body = push(lab, "eu/lb1", "down")
    assert status == 403 and "health.push-token-file" in body["error"], body


@test
def others_only_with_a_token(stack):
    """an address that others can reach is refused without a token, and bound with one"""
    lab = server(stack, http={"listen": "0.0.0.0@0"}, start=False)
    check = subprocess.run([os.path.join(BUILD, "gslbd"), "-t", "-c", lab.conf], capture_output=True, text=True)
    assert check.returncode == 1 and "others than this host could read it" in check.stderr, check.stderr
    lab = server(stack, http={"listen": f"0.0.0.0@{free_port()}", "token-file": "read.token"})
    lab.http = int(re.search(r"listen=0.0.0.0@(\d+) transport=http", lab.gslbd.text()).group(1))
    assert ask(lab, "/metrics")[0] == 401
    assert ask(lab, "/metrics", token=READ_TOKEN, headers={"Host": "ns1.example"})[0] == 200


@test
def a_port_that_is_taken(stack):
    """a port that is taken is an error when it stands in the file, and a warning when it is the default"""
    taken = socket.create_server(("127.0.0.1", 0))
    stack.callback(taken.close)
    lab = server(stack, http={"listen": f"127.0.0.1@{taken.getsockname()[1]}"}, start=False)
    lab.start(wait=False)
    lab.gslbd.wait_log("http.listen: 127.0.0.1@")
    assert lab.gslbd.process.wait(20) == 1
    try:
        default = socket.create_server(("127.0.0.1", 9153))
        stack.callback(default.close)
    except OSError:
        pass  # somebody else has it: as good
    lab = server(stack, start=False)
    with open(lab.conf) as f:
        text = re.sub(r"http:\n(  .*\n)+", "", f.read())
    with open(lab.conf, "w") as f:
        f.write(text)
    lab.start()
    assert "http=off" in lab.gslbd.text()
    assert lab.query("www.svc.example").answer


# ---- HTTP itself ----

@test
def head_and_keep_alive(stack):
    """HEAD has the headers alone, and one connection serves request after request"""
    lab = common()
    connection = http.client.HTTPConnection("127.0.0.1", lab.http, timeout=20)
    connection.connect()
    local = connection.sock.getsockname()
    for n in range(20):
        for method, path in (("HEAD", "/v1/status"), ("GET", "/healthz"), ("GET", "/metrics"), ("GET", "/nothing")):
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            assert (len(body) > 0) == (method == "GET"), (method, path, body)
            assert connection.sock is not None and connection.sock.getsockname() == local, (method, path)
    connection.close()
    with socket.create_connection(("127.0.0.1", lab.http)) as s:  # of unknown length, hence the connection's last
        s.settimeout(20)
        s.sendall(b"HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        text = b""
        while got := s.recv(4096):
            text += got
    assert text.startswith(b"HTTP/1.1 200 OK\r\n") and text.endswith(b"\r\n\r\n") and text.count(b"\r\n\r\n") == 1, text


@test
def many_at_once(stack):
    """200 clients at once all get their answers, while DNS is answered"""
    lab = common()
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        got = [pool.submit(ask, lab, path, timeout=60) for n in range(100) for path in ("/metrics", "/healthz")]
        for _ in range(20):
            assert lab.query("www.svc.example").answer
        statuses = [one.result()[0] for one in got]
    assert all(status in (200, 503) for status in statuses), statuses
    assert statuses[1::2] == [200] * 100, statuses  # /healthz always


@test
def who_asks_nothing_is_cut_off(stack):
    """connections that drip or say nothing take all places, and keep nobody out"""
    lab = server(stack)
    idle = []
    for n in range(150):
        s = socket.create_connection(("127.0.0.1", lab.http))
        s.sendall(b"GET /healthz HT" if n % 2 else b"G")
        idle.append(s)
        stack.callback(s.close)
    over = threading.Event()
    stack.callback(over.set)

    def drip():  # a byte now and then: a limit that begins anew with each would never end
        while not over.wait(0.2):
            for s in idle:
                try:
                    s.send(b"x", socket.MSG_NOSIGNAL)
                except OSError:
                    pass
    threading.Thread(target=drip, daemon=True).start()
    assert lab.query("www.svc.example").answer
    assert ask(lab, "/healthz", timeout=60)[0] == 200
    assert scrape(lab).one("gslb_http_cut_off_total") >= 64


@test
def a_reader_that_stops(stack):
    """a scrape that nobody reads holds up neither another one nor a reload, and is whole when that takes the pools away"""
    lab = server(stack, {"svc.example": ZONE % {"serial": 1} + "".join(
        f"p{n}._pool TXT \"v=pool1; check=push; capacity=9; load=push\"\np{n}._pool SRV 0 1 9 p{n}\np{n} A 192.0.2.7\n_gslb.s{n} TXT \"v=gslb1; pools=p{n}\"\n"
        for n in range(3000))})
    wait_for("a look at what the pools can carry", lambda: "\ngslb_pool_demand{" in ask(lab, "/metrics")[2])
    stuck = socket.socket()
    stack.callback(stuck.close)
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", lab.http))
    stuck.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert stuck.recv(100)
    for serial in (2, 3):
        lab.write_zone("svc.example", ZONE % {"serial": serial})
        lab.ctl("reload")
        metrics = scrape(lab)
        assert metrics.one("gslb_zone_serial") == serial
    # what was begun is of its own moment, and whole
    stuck.settimeout(20)
    text = b""
    while not text.endswith(b"0\r\n\r\n"):
        got = stuck.recv(1 << 20)
        assert got, text[-200:]
        text += got
    text = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", text)  # where a piece ends
    for name in (b"gslb_pool_demand", b"gslb_pool_spill_ratio"):
        assert text.count(b"\n" + name + b"{") == 3000, (name, text.count(b"\n" + name + b"{"))
    assert b"gslb_endpoint_push_end_timestamp_seconds" in text and b'endpoint="p2999"' in text


# ---- metrics ----

@test
def promtool_finds_nothing(stack):
    """promtool has no complaint about /metrics"""
    lab = common()
    check = subprocess.run(["promtool", "check", "metrics"], input=ask(lab, "/metrics")[2], capture_output=True, text=True)
    assert check.returncode == 0 and not check.stderr and not check.stdout, check.stderr + check.stdout


@test
def queries_are_counted(stack):
    """queries are counted by transport, type, rcode and kind, and the sums agree"""
    lab = server(stack)
    asked = [("www.svc.example", "A", False, 7), ("www.svc.example", "A", True, 3), ("www.svc.example", "AAAA", False, 5),
             ("www.svc.example", "HTTPS", False, 2), ("ns1.svc.example", "A", False, 4), ("nothing.svc.example", "A", False, 6),
             ("x.child.svc.example", "A", False, 1), ("svc.example", "SOA", True, 2), ("other.example", "A", False, 3),
             ("www.svc.example", "TYPE65280", False, 2), ("svc.example", "TYPE257", False, 1)]
    for name, kind, tcp, times in asked:
        for _ in range(times):
            lab.query(name, kind, tcp=tcp)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # a header that promises what does not come
        s.settimeout(5)
        s.sendto(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03ww", ("127.0.0.1", lab.port))
        s.recv(512)
    metrics = scrape(lab)

    def queries(**labels):
        return metrics.sum("gslb_queries_total", **labels)
    assert queries() == sum(row[3] for row in asked) + 1
    assert queries(transport="tcp") == 5 and queries(family="ipv6") == 0
    assert queries(transport="udp", type="A", kind="steered") == 7 and queries(transport="tcp", type="A", kind="steered") == 3
    assert queries(type="AAAA", kind="steered", rcode="NOERROR") == 5
    assert queries(type="HTTPS", kind="nodata") == 2 and queries(type="A", kind="static") == 4
    assert queries(type="A", rcode="NXDOMAIN", kind="nxdomain") == 6 and queries(kind="referral") == 1
    assert queries(rcode="REFUSED", kind="error") == 3 and queries(rcode="FORMERR", type="other") == 1
    assert queries(type="other") == 4 and queries(type="SOA", transport="tcp") == 2
    for counter, count in (("queries_udp", 32), ("queries_tcp", 5), ("answers_steered", 15), ("answers_noerror", 21),
                           ("answers_nodata", 5), ("answers_nxdomain", 6), ("answers_refused", 3), ("answers_formerr", 1)):
        assert lab.ctl("stats")["counters"][counter] == count, (counter, lab.ctl("stats")["counters"])
        assert metrics.one(f"gslb_{counter}_total") == count, counter


@test
def what_is_answered_and_why(stack):
    """answers are counted by service and pool and by reason, and go on over reloads and overrides"""
    lab = server(stack)

    def counted():
        metrics = scrape(lab)
        return ({pool: metrics.one("gslb_answers_total", service="www.svc.example", pool=pool) for pool in ("eu", "us", "spare")},
                {why: metrics.one("gslb_service_answers_total", service="www.svc.example", reason=why)
                 for why in ("ranked", "fallback", "all-down")})

    for _ in range(4):
        lab.query("www.svc.example")
    assert counted() == ({"eu": 4, "us": 0, "spare": 0}, {"ranked": 4, "fallback": 0, "all-down": 0})
    lab.ctl("force", "eu", "down", "--for", "10m", "--why", "test")
    for _ in range(3):
        lab.query("www.svc.example")
    assert counted() == ({"eu": 4, "us": 3, "spare": 0}, {"ranked": 7, "fallback": 0, "all-down": 0})
    # another zone before this one, another service, another order of pools: all numbers change, names do not
    lab.write_zone("a.example", (ZONE % {"serial": 1}).replace("svc.example", "a.example"))
    lab.write_zone("svc.example", (ZONE % {"serial": 2}).replace("pools=eu,us", "pools=us,eu") + '_gslb.aaa TXT "v=gslb1; pools=us"\n')
    lab.ctl("reload")
    assert counted() == ({"eu": 4, "us": 3, "spare": 0}, {"ranked": 7, "fallback": 0, "all-down": 0})
    lab.ctl("force", "pool:us._pool.svc.example", "down", "--for", "10m", "--why", "test", "--force")
    for _ in range(2):
        lab.query("www.svc.example")
    lab.ctl("reload")
    assert counted() == ({"eu": 4, "us": 3, "spare": 2}, {"ranked": 7, "fallback": 2, "all-down": 0})
    metrics = scrape(lab)
    assert metrics.one("gslb_service_pools_up", service="www.svc.example") == 1
    assert metrics.sum("gslb_overrides", action="down") == 2
    assert 500 < metrics.one("gslb_override_left_seconds", target="pool:us.svc.example") <= 600
    assert 'we\\"ird.svc.example' in metrics.labels("gslb_answers_total", "service"), metrics.labels("gslb_answers_total", "service")


@test
def a_dead_backend_is_seen(stack):
    """a backend that is killed is seen in /metrics with the reason, and when it comes back"""
    folder_stack, port = stack, free_port("127.0.0.2")
    zone = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 192.0.2.53
_gslb.www TXT "v=gslb1; pools=eu"
eu._pool TXT "v=pool1; check=http; interval=1s; rise=1; fall=1"
eu._pool SRV 0 1 %d lb1.eu
lb1.eu A 127.0.0.2
""" % port
    lab = server(stack, {"svc.example": zone}, start=False)
    backend = http_backend(folder_stack, lab.folder, "backend", port, "127.0.0.2")
    lab.start()
    lab.wait_state("127.0.0.2", "up")
    metrics = scrape(lab)
    assert metrics.one("gslb_endpoint_up", address="127.0.0.2") == 1 and metrics.one("gslb_pool_up", pool="eu") == 1
    assert metrics.one("gslb_endpoint_state", address="127.0.0.2", state="up") == 1
    assert metrics.one("gslb_endpoint_last_probe_rtt_seconds") > 0 and metrics.one("gslb_health_running") == 1
    assert metrics.sum("gslb_probes_total", check="http", result="ok") >= 1
    assert metrics.one("gslb_probe_duration_seconds_bucket", check="http", part="total", le="+Inf") == \
        metrics.one("gslb_probe_duration_seconds_count", check="http", part="total")
    backend.kill()
    metrics = wait_for("the metrics to say so", lambda: (m := scrape(lab)).one("gslb_endpoint_up") == 0 and m)
    assert metrics.one("gslb_endpoint_failing", reason="connect refused") == 1
    assert metrics.one("gslb_endpoint_state", state="down") == 1 and metrics.one("gslb_pool_up") == 0
    assert metrics.one("gslb_endpoint_transitions_total") == 2 and metrics.one("gslb_endpoints", state="down") == 1
    http_backend(folder_stack, lab.folder, "backend-2", port, "127.0.0.2")
    wait_for("the metrics to say so", lambda: scrape(lab).one("gslb_endpoint_state", state="up") == 1)
    os.kill(lab.health_pid(), signal.SIGKILL)
    wait_for("the restart to be counted", lambda: scrape(lab).one("gslb_health_restarts_total") == 1)


@test
def endpoints_left_out(stack):
    """http.endpoint-metrics: no leaves out endpoints one by one, and keeps how many are up"""
    lab = server(stack, http={"endpoint-metrics": "no"})
    metrics = scrape(lab)
    assert not [name for name, _ in metrics.samples if name.startswith("gslb_endpoint_")]
    assert metrics.sum("gslb_endpoints") == 4 and metrics.one("gslb_pool_endpoints", pool="us") == 1


@test
def a_drill_that_cannot_run_is_seen(stack):
    """an alarm of drills, as of a file with mistakes in drills.directory, is in the metrics as it is in gslbctl status"""
    lab = server(stack, drills={"directory": "zones"})  # any folder that is there
    assert scrape(lab).one("gslb_alarm", of="drills") == 0
    with open(os.path.join(lab.zones, "broken.yaml"), "w") as f:
        f.write("name: broken\n")
    wait_for("the drill's alarm", lambda: scrape(lab).one("gslb_alarm", of="drills") == 1)
    assert "drill broken.yaml" in lab.ctl("status")["alarms"][0] and scrape(lab).one("gslb_alarm", of="fleet") == 0


@test
def zones_with_mistakes_are_seen(stack):
    """a zone with a mistake is a number to alarm on"""
    lab = server(stack)
    assert scrape(lab).one("gslb_zone_mistakes") == 0
    lab.write_zone("svc.example", ZONE % {"serial": 2} + '_gslb.x TXT "v=gslb1; pools=nowhere"\n')
    lab.ctl("reload", expect=3)
    metrics = scrape(lab)
    assert metrics.one("gslb_zone_mistakes", file="svc.example.zone") >= 1 and metrics.one("gslb_zones", state="last-good") == 1
    assert metrics.one("gslb_zone_serial") == 1 and metrics.one("gslb_reloads_total") == 1


@test
def the_manual_has_each_metric(stack):
    """gslb.http(7) and the alert rules name metrics that are there, and the manual all of them"""
    with open(os.path.join(SOURCE, "man", "gslb.http.7")) as f:
        manual = set(re.findall(r"^\.B[A-Z]* ((?:gslb|process)_\w+)", f.read().replace("\\_", "_"), re.M))
    served = set(scrape(common()).helps)
    assert served == manual, (sorted(served - manual), sorted(manual - served))
    with open(os.path.join(SOURCE, "examples", "prometheus-alerts.yaml")) as f:
        used = {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"\b(gslb_\w+)", f.read())}
    assert used and used <= served, used - served


@test
def the_rules_are_good(stack):
    """promtool takes the alert rules of the examples"""
    path = os.path.join(SOURCE, "examples", "prometheus-alerts.yaml")
    check = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr


# ---- the page ----

@test
def the_page_loads_nothing_else(stack):
    """the page is one document that nothing else may be loaded by"""
    status, headers, body = ask(common(), "/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert body.startswith("<!DOCTYPE html>") and body.rstrip().endswith("</html>")
    assert not re.search(r"https?://|src=|href=|innerHTML|url\(", body)
    for name in re.findall(r'"/v1/" \+ name|\["(\w+)", "(\w+)", "(\w+)", "(\w+)"\]\.map\(get\)', body)[-1]:
        assert ask(common(), "/v1/" + name)[0] == 200, name


# ---- pushes ----

def wait_over(lab, address, transitions):
    """Until a pushed state has ended; so many changes of it there are then: on a slow machine it may come and go unseen."""
    def over():
        endpoint = lab.endpoint(address)
        return endpoint["state"] == "unknown" and endpoint["reason"] == "not pushed again" and endpoint["transitions"] == transitions
    wait_for(f"the push for {address} to be over", over)


@test
def a_push_ends(stack):
    """a pushed state acts at once and ends: after three intervals, or when it said"""
    lab = server(stack)
    status, body = push(lab, "eu/lb1", "down", "?for=1s")
    assert status == 200 and body["addresses"] == 2 and body["state"] == "down", body
    wait_over(lab, "192.0.2.1", 2)
    begun = time.monotonic()
    push(lab, "eu/192.0.2.2", "down")  # an interval of a second
    wait_over(lab, "192.0.2.2", 2)
    assert time.monotonic() - begun > 2.9
    # one that is renewed does not end
    push(lab, "eu/lb1", "down", "?for=1s")
    push(lab, "eu/lb1", "down", "?for=1h")
    push(lab, "us/lb1", "down")
    push(lab, "eu/192.0.2.2", "down", "?for=1s")
    wait_over(lab, "192.0.2.2", 4)
    assert lab.endpoint("192.0.2.1")["state"] == "down" and lab.endpoint("192.0.2.3")["state"] == "down"
    assert 3000 < scrape(lab).one("gslb_endpoint_push_end_timestamp_seconds", address="192.0.2.1") - time.time() < 3700
    assert lab.ctl("push", "eu/lb1", "up", "--for", "5m")["until"] > body["until"]


@test
def a_push_outlives_the_prober(stack):
    """a pushed state and its end are kept over a kill -9 of gslb-health"""
    lab = server(stack)
    push(lab, "eu/192.0.2.2", "down", "?for=3s")
    push(lab, "eu/lb1", "down", "?for=1h")
    lab.wait_state("192.0.2.1", "down")  # the last of the two
    os.kill(lab.health_pid(), signal.SIGKILL)
    wait_for("gslb-health to be back", lambda: scrape(lab).one("gslb_health_restarts_total") == 1 and lab.health_pid())
    wait_over(lab, "192.0.2.2", 2)
    assert lab.endpoint("192.0.2.1")["state"] == "down"
    assert scrape(lab).one("gslb_endpoint_push_end_timestamp_seconds", address="192.0.2.1") - time.time() > 3000


@test
def not_just_now(stack):
    """a push while gslb-health is away says so, and when to come back"""
    lab = mute()
    status, headers, body = ask(lab, "/v1/push/eu/lb1", "POST", "up", token=PUSH_TOKEN)
    assert status == 503 and headers["Retry-After"] == "1" and "gslb-health is not running" in json.loads(body)["error"], body


# ---- after privileges are dropped ----

@test
def after_the_drop(stack):
    """a privileged port is bound before root is dropped, and served after"""
    if os.geteuid() != 0:
        from lab import Skip
        raise Skip("needs root")
    lab = server(stack, http={"listen": "127.0.0.1@613"}, start=False, server={"user": "nobody"})
    for folder, _, files in os.walk(lab.folder):
        shutil.chown(folder, "nobody")
        for name in files:
            shutil.chown(os.path.join(folder, name), "nobody")
    lab.http = 613
    started(lab)
    assert ask(lab, "/readyz")[0] == 200 and push(lab, "eu/lb1", "down")[0] == 200
    status = open(f"/proc/{lab.gslbd.pid}/status").read()
    assert re.search(r"^Uid:\s+(?!0\b)\d+", status, re.M), status
    assert scrape(lab).one("process_open_fds") > 10


@test
def a_silent_prober(stack):
    """/readyz fails once gslb-health has said nothing for a minute, unless it is asked without health"""
    lab = mute()
    wait_for("the verdicts to be old", lambda: ask(lab, "/readyz")[0] == 503, 90)
    assert "gslb-health has said nothing for 6" in ask(lab, "/readyz")[2], ask(lab, "/readyz")[2]
    assert ask(lab, "/readyz?health=no")[0] == 200
    assert lab.query("www.svc.example").answer


main()
