#!/usr/bin/python3
"""What strangers send to gslb-relay (RELAY 5.12, 19), by each of its doors and against every kind of cache: refused with one sentence, on record,
and no cache hears a byte of it."""
import http.client
import json
import os
import shutil
import socket

from fleet_rig import Fleet, Monitor
from lab import Program, free_port, main, test, wait_for
from relay_rig import Rig, write
from tcp_rig import Tcp

TOKEN = "a-token-of-the-shop-0123456789"

NAMES = ["", ".", "*", "a..b", "x y", "x\r\nstop", "x\nflush_zone .", "x';quit()--", 'x"', "x`id`", "$(id)", "x;y", "x\\", "x|y", "../../x", "x\u0000y",
         "x', true); return os.getenv('HOME')--", "x && req.url ~ .", "a" * 64, "a" * 300 + ".example", ("a" * 63 + ".") * 4 + "example",
         "m\u00fcnchen.example", "\u0440\u0430\u0443.example", "x.*.example", "x\x7f"]
KEYS = ["", "x y", "x\r\nflush_all", "x\nquit", "x\tnoreply", "x\u0000y", "k" * 251, "x\x7f"]
TAGS = ["", "x y", "x && req.url ~ .", "x\r\nban", "x'y", 'x"', "\u00e9", "$(id)", "x|y", "x\u0000", "t" * 129, "*"]
URLS = ["", "http://", "file:///etc/passwd", "gopher://h.example/", "javascript:alert(1)", "http://user:word@h.example/", "http://h.example/\r\nHost: x",
        "http://h.example/%0d%0aX: y", "http://h.example/%00", "http://h.example/\u0000", "http://h.exa mple/", "http://h.example:99999/",
        "http://m\u00fcnchen.example/", "http://*.example/", 'http://h.example/" && req.url ~ .', "http://h.example/" + "x" * 3000, "http://h.example/#x"]
HOSTILE = [(kind, member, text) for kind, member, texts in (("dns", "n", NAMES), ("zone", "n", NAMES), ("key", "k", KEYS), ("tag", "g", TAGS),
                                                              ("url", "u", URLS), ("prefix", "u", URLS)) for text in texts]
GOOD = [{"class": "dns", "prio": 0, "items": [{"n": "good.svc.example"}]}, {"class": "key", "items": [{"k": "good"}]},
        {"class": "url", "items": [{"u": "http://h.example/good"}]}]
# whoever claims to be another, or to be what only the relay can say
CLAIMS = [{"origin": "us"}, {"epoch": 9}, {"oseq": 1}, {"jump": 5}, {"scope": ["mars"]}, {"scope": ["*"]}, {"v": 2}, {"prio": -1}, {"prio": 9},
          {"op": "drop"}, {"items": []}, {"items": [{"k": 5}]}, {"items": [{"k": ["a"]}]}, {"items": [{"k": "a"}] * 257}, {"class": "override"}]


class Spy(Tcp):
    """A cache that hears and says nothing: the bytes of all its connections."""

    def __init__(self, stack, path=None):
        self.heard, self.connections = b"", 0
        super().__init__(stack, self.hear, free_port(), path=path)
        self.at = path or f"127.0.0.1@{self.port}"

    def hear(self, s):
        self.connections += 1
        s.settimeout(None)
        if "kresd" in self.at:
            s.sendall(b"> ")
        while data := s.recv(4096):
            self.heard += data


def one_sentence(text):
    return 10 < len(text) < 300 and text.isprintable()


class House:
    """A gslb-relay with one spy of each kind, and both doors open."""

    def __init__(self, stack):
        self.rig, self.port = Rig(stack, []), free_port()
        self.conf("tokens", f"shop {TOKEN}\n")
        self.conf("policy", "actor shop dns *\nactor shop zone *\nactor shop key *\nactor shop tag *\nactor shop url *\nactor shop prefix *\n")
        self.conf("rndc.secret", "c2VjcmV0IG9mIHRoZSB0ZXN0IHNlY3JldCBvZiB0ZXM=\n")
        self.rig.relay_section = f", listen: 127.0.0.1@{self.port}, token-file: tokens, policy-file: policy"
        self.rig.start()  # without caches: what a new log owes to them is done then
        wait_for("nothing to be owed", lambda: self.rig.ctl("relay", "status")["active"] == 0)
        self.rig.relay.process.terminate()
        self.rig.relay.process.wait(20)
        # what gets a SIGHUP here ends; it must have the name
        shutil.copy("/bin/sleep", os.path.join(self.rig.folder, "dnsmasq"))
        self.dnsmasq = Program(stack, "dnsmasq", [os.path.join(self.rig.folder, "dnsmasq"), "600"], self.rig.folder)
        self.conf("dnsmasq.pid", f"{self.dnsmasq.process.pid}\n")
        self.spies = {"unbound": Spy(stack, f"{self.rig.folder}/unbound"), "powerdns": Spy(stack, f"{self.rig.folder}/pdns"),
                      "knot": Spy(stack, f"{self.rig.folder}/kresd")}
        self.spies.update({kind: Spy(stack) for kind in ("bind", "redis", "memcached", "http")})
        rows = {"bind": {"key-file": "rndc.secret"}, "http": {"method": "PURGE"}}
        self.rig.caches = [dict({"type": kind, "name": kind, "timeout": "500ms", **({"url": "http://" + spy.at.replace("@", ":")} if kind == "http" else
                                                                                      {"socket": spy.at})}, **rows.get(kind, {}))
                           for kind, spy in self.spies.items()]
        self.rig.caches.append({"type": "dnsmasq", "name": "dnsmasq", "pid-file": "dnsmasq.pid"})
        self.rig.start()

    def conf(self, name, text):
        write(os.path.join(self.rig.folder, name), text)

    def post(self, body, token=TOKEN):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/v1/invalidate", body, {"Authorization": "Bearer " + token} if token else {})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def audited(self):
        with open(os.path.join(self.rig.folder, "state", "relay-audit.log")) as f:
            return [json.loads(line) for line in f]

    def refused(self):
        return sum(line["event"] == "refused" for line in self.audited())

    def say(self, event):
        """By both doors: the sentences."""
        answer = self.rig.say("invalidate", event=event)
        status, body = self.post(json.dumps(event))
        assert not answer["ok"] and 400 <= status < 500, (event, answer, status, body)
        return answer["error"], body["error"]

    def raw(self, data):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(self.rig.socket)
            try:
                s.sendall(data)
            except OSError:
                pass  # it was cut short, and the answer is there
            answer = b""
            while not answer.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    break
                answer += more
        return json.loads(answer)

    def nobody_heard(self):
        """Then something good goes to all of them, and it is all they hear."""
        for kind, spy in self.spies.items():
            assert spy.connections == 0, (kind, spy.heard)
        assert self.dnsmasq.process.poll() is None
        for event in GOOD:
            assert self.rig.say("invalidate", event=event)["ok"]
        for kind, spy in self.spies.items():
            # BIND and the like get a greeting or a first, empty command before
            wait_for(f"{kind} to hear what is good", lambda spy=spy: spy.heard)
            assert not any(word in spy.heard for word in (b"quit()", b"flush_all", b"os.getenv", b"req.url", b"/etc/passwd")), (kind, spy.heard)
        wait_for("the one without an ear to be told", lambda: self.dnsmasq.process.poll() is not None)


@test
def no_cache_hears_of_what_strangers_send(stack):
    """names, keys, tags and URLs with line ends, quotes, Lua, ban expressions, NUL, other scripts and too many bytes, and claims to be another: by
    the socket and over HTTP, against eight kinds of caches"""
    house = House(stack)
    sent = 0
    for kind, member, text in HOSTILE:
        for sentence in house.say({"class": kind, "items": [{member: text}]}):
            assert one_sentence(sentence), (kind, text, sentence)
            sent += 1
    for claim in CLAIMS:
        for sentence in house.say({"class": "key", "items": [{"k": "a"}], **claim}):
            assert one_sentence(sentence), (claim, sentence)
            sent += 1
    wait_for("all to be on record", lambda: house.refused() == sent)
    assert {(line["by"], line["actor"]) for line in house.audited()} >= {("http", "shop")}
    assert all(one_sentence(line["reason"]) for line in house.audited())
    house.nobody_heard()
    print(f"# seen: {sent} refused with a sentence and on record, 0 connections to caches")


@test
def no_cache_hears_of_what_is_no_request(stack):
    """ten megabytes, half a document, a document in a document, bytes that are no text, a wrong token: by both doors"""
    house = House(stack)
    bodies = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"class":"key","class":"dns"}', b"[" * 100000 + b"]" * 100000, b'{"class":' * 1000,
              b'{"class":"key","items":[{"k":"a\\u0000b"}]}', b'{"class":"key","items":[{"k":"\xff"}]}', b"x" * (10 << 20)]
    sent = 0
    for body in bodies:
        try:
            status, answer = house.post(body)
            assert 400 <= status < 500 and one_sentence(answer["error"]), (body[:40], status, answer)
        except (BrokenPipeError, ConnectionResetError):
            assert len(body) > 1 << 20, body[:40]  # it is not read to its end
        sent += 1
        answer = house.raw(body + b"\n" if body else b"{}\n")
        assert not answer["ok"] and one_sentence(answer["error"]), (body[:40], answer)
    for token in (None, TOKEN[:-1], TOKEN + "x", "x" * 5000):
        status, answer = house.post(json.dumps(GOOD[1]), token)
        assert status == 401 and one_sentence(answer["error"]), (status, answer)
        sent += 1
    wait_for("all to be on record", lambda: sum(line["by"] == "http" for line in house.audited()) >= sent)
    assert sum(line["actor"] == "" for line in house.audited()) == 4
    assert house.rig.relay.process.poll() is None
    house.nobody_heard()


@test
def what_is_not_allowed_is_refused(stack):
    """relay.policy-file: an actor may what its lines say and no more, by HTTP; without a file no zones, prefixes and all"""
    house = House(stack)
    house.conf("policy", "# who may\nactor shop key cart: stock:\nactor shop dns svc.example\nactor shop url h.example\nregion us tag *\n")
    house.rig.caches = []
    house.rig.relay.process.terminate()
    house.rig.relay.process.wait(20)
    house.rig.start()
    for allowed, event in (
            (True, {"class": "key", "items": [{"k": "cart:1"}, {"k": "stock:x"}]}), (False, {"class": "key", "items": [{"k": "cart:1"}, {"k": "user:1"}]}),
            (True, {"class": "dns", "items": [{"n": "a.b.svc.example"}]}), (True, {"class": "dns", "items": [{"n": "svc.example"}]}),
            (False, {"class": "dns", "items": [{"n": "xsvc.example"}]}), (False, {"class": "tag", "items": [{"g": "a"}]}),
            (True, {"class": "url", "items": [{"u": "http://h.example/x"}]}), (False, {"class": "url", "items": [{"u": "http://h.example.evil/x"}]}),
            (False, {"class": "prefix", "items": [{"u": "http://h.example/"}]}), (False, {"class": "zone", "items": [{"n": "svc.example"}]}),
            (False, {"class": "all"})):
        status, answer = house.post(json.dumps(event))
        assert status == (202 if allowed else 403), (event, status, answer)
        assert allowed or one_sentence(answer["error"]), answer
    taken = [line for line in house.audited() if line["event"] == "taken"]
    assert len(taken) == 4 and taken[0]["actor"] == "shop" and taken[0]["first"] == ["cart:1", "stock:x"] and taken[0]["id"], taken
    house.rig.relay_section = house.rig.relay_section.replace(", policy-file: policy", "")
    house.rig.relay.process.terminate()
    house.rig.relay.process.wait(20)
    house.rig.start()
    assert house.post(json.dumps({"class": "tag", "items": [{"g": "a"}]}))[0] == 202
    for event in ({"class": "all"}, {"class": "zone", "items": [{"n": "svc.example"}]}, {"class": "prefix", "items": [{"u": "http://h.example/"}]}):
        assert house.post(json.dumps(event))[0] == 403, event


@test
def what_another_region_may_not(stack):
    """the bus: what is damaged, hostile, or speaks for another is dropped; what the policy does not allow a region is done with errors there; both
    are on record, and redis hears nothing"""
    fleet = Fleet(stack)
    us = fleet.rigs["us"]
    write(os.path.join(us.folder, "policy"), "region eu key cart: hello\n")
    us.relay_section = ", policy-file: policy"
    us.relay.process.terminate()
    us.relay.process.wait(20)
    us.start()
    told = Monitor(stack, fleet.redis["us"])
    speaker, epoch = fleet.client("eu"), fleet.status("eu")["epoch"]

    def event(oseq, **more):
        return json.dumps(dict({"v": 1, "origin": "eu", "epoch": epoch, "oseq": oseq, "class": "key", "items": [{"k": "cart:x"}]}, **more))

    hostile = ["{", "x" * 40000, event(9000, origin="us"), event(9001, items=[{"k": "x\r\nFLUSHALL"}]), event(9002, **{"class": "dns", "items": [{"n": "x';q"}]}),
               event(0), event(9003, epoch=0), event(9004, items=[{"k": "a"}] * 300)]
    for text in hostile:
        speaker.say("gslb.inv.eu.e", text)

    def audited():
        with open(os.path.join(us.folder, "state", "relay-audit.log")) as f:
            return [line for line in map(json.loads, f) if line["event"] == "refused"]

    wait_for("all to be on record", lambda: len(audited()) == len(hostile), 60)
    assert all(line["by"] == "bus" and line["actor"] == "eu" and one_sentence(line["reason"]) for line in audited()), audited()
    fleet.put("cart:1", "user:1")
    assert fleet.purge("eu", "user:1")
    wait_for("the one more", lambda: len(audited()) == len(hostile) + 1, 60)
    assert "relay.policy-file" in audited()[-1]["reason"], audited()[-1]
    assert fleet.purge("eu", "cart:1")
    wait_for("what is allowed to be done", lambda: not fleet.has("us", "cart:1"), 60)
    assert fleet.has("us", "user:1") and not any("FLUSHALL" in line or "user:1" in line for line in told.lines if "UNLINK" in line), told.lines
    fleet.wait_empty(60)


main()
