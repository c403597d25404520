#!/usr/bin/python3
"""Probes over TLS that keep their connection, HTTP/2, and gRPC health checks, against small real servers."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import h2.config
import h2.connection
import h2.events

import lab
from health_rig import DOWN, UP, Health, Pki, Tls, answering, once, read_request, silent, target
from tcp_rig import Tcp

FOLDER = tempfile.mkdtemp(prefix="gslb-probes-")
os.chmod(FOLDER, 0o755)
PKI = Pki(tempfile.mkdtemp(prefix="pki-", dir=FOLDER))
ENV = {"CURL_CA_BUNDLE": PKI.ca}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def sub(name):
    return tempfile.mkdtemp(prefix=name + "-", dir=FOLDER)


def start(stack, *targets):
    health = Health(stack, sub("health"), env=ENV)
    health.plan(targets)
    return health


def probed(health, slot, times):
    return health.wait_slot(slot, lambda s: s.probes >= times)


# ---- kept connections ----

def keeping(requests=1000, answers=OK):
    """Behaviour: answer so many requests on a connection, then close it."""
    def behave(connection):
        for _ in range(requests):
            if b"\r\n\r\n" not in read_request(connection):
                return
            connection.sendall(answers)
    return behave


@lab.test
def kept(stack):
    """a TLS connection serves several probes, but not for ever; each probe still opens one of its own first"""
    server = Tls(stack, keeping(), PKI)
    health = start(stack, target(0, "https", server.port, host="www.example", interval=30))
    health.wait_state(0, UP)
    slot = probed(health, 0, 45)
    stats = health.board.stats().checks["https"]
    assert slot.transitions == 1 and set(stats["results"]) == {"ok"}, (slot, stats)
    assert 3 <= server.handshakes <= 3 + slot.probes // 10, (server.handshakes, slot)
    assert stats["reused"] >= slot.probes * 3 // 4, (stats["reused"], slot)
    assert stats["connect"].count >= 45 and stats["tls"].count == stats["connect"].count - stats["reused"], stats
    assert 29 * 86400 < slot.cert_end_s - __import__("time").time() < 30 * 86400, slot


@lab.test
def closed_when_idle(stack):
    """a server that closes its connections between probes costs a second try, and is no failure"""
    server = Tls(stack, keeping(1), PKI)
    liar = Tls(stack, keeping(2), PKI)  # closes without a word after the second request
    silent_one = Tls(stack, lambda c: (read_request(c), c.sendall(OK), c.read()), PKI)  # answers one, then never again
    health = start(stack, *(target(slot, "https", s.port, host="www.example", interval=100, timeout=1000)
                            for slot, s in enumerate((server, liar, silent_one))))
    for slot in range(3):
        health.wait_state(slot, UP)
    for slot in range(3):
        assert probed(health, slot, 8).transitions == 1, health.board[slot]
    assert set(health.board.stats().checks["https"]["results"]) == {"ok"}, health.board.stats().checks["https"]


@lab.test
def no_new_ones(stack):
    """a server that still answers on an old connection but accepts no new ones is down at once"""
    server = Tls(stack, keeping(), PKI)
    health = start(stack, target(0, "https", server.port, host="www.example", interval=200, fall=1))
    health.wait_state(0, UP)
    lab.wait_for("a kept connection", lambda: health.board.stats().checks["https"]["reused"] > 0)
    server.close()
    slot = health.wait_state(0, DOWN)
    assert slot.result == "refused", slot


@lab.test
def changed_certificate(stack):
    """a certificate that is changed for an expired one is seen within ten probes"""
    server = Tls(stack, keeping(), PKI)
    health = start(stack, target(0, "https", server.port, host="www.example", interval=50))
    health.wait_state(0, UP)
    before = probed(health, 0, 5).probes
    server.show("expired")
    slot = health.wait_state(0, DOWN)
    assert slot.result == "tls expired" and slot.probes <= before + 20, slot


# ---- HTTP/2 and gRPC ----

def h2_server(answer):
    """Behaviour: HTTP/2; answer(connection, stream, headers, body) sends what it likes."""
    def behave(sock):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        sock.sendall(connection.data_to_send())
        streams = {}
        while True:
            data = sock.recv(65536)
            if not data:
                return
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    streams[event.stream_id] = [dict(event.headers), b""]
                elif isinstance(event, h2.events.DataReceived):
                    streams[event.stream_id][1] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    answer(connection, event.stream_id, *streams.pop(event.stream_id))
            sock.sendall(connection.data_to_send())
    return behave


def grpc(serving, asked=None):
    """Answers Check with a status of grpc.health.v1; serving: the number, bytes of a message, or ("status", N, words)."""
    def answer(connection, stream, headers, body):
        if asked is not None:
            asked.append((headers, body))
        if isinstance(serving, tuple):
            connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc"),
                                             ("grpc-status", str(serving[1])), ("grpc-message", serving[2])], end_stream=True)
            return
        message = serving if isinstance(serving, bytes) else bytes([8, serving]) if serving else b""
        connection.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        connection.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message)
        connection.send_headers(stream, [("grpc-status", "0")], end_stream=True)
    return h2_server(answer)


GRPC = {
    "SERVING is up": (grpc(1), UP, "ok", 0, ""),
    "fields of a later version are passed over": (grpc(bytes([8, 1, 18, 2, 65, 65, 24, 5, 37, 1, 2, 3, 4])), UP, "ok", 0, ""),
    "NOT_SERVING is down": (grpc(2), DOWN, "grpc health", 2, "NOT_SERVING"),
    "UNKNOWN is down": (grpc(0), DOWN, "grpc health", 0, "UNKNOWN"),
    "SERVICE_UNKNOWN is down": (grpc(3), DOWN, "grpc health", 3, "SERVICE_UNKNOWN"),
    "a service nobody knows": (grpc(("status", 5, "unknown service")), DOWN, "grpc status", 5, "NOT_FOUND"),
    "no health service": (grpc(("status", 12, "no")), DOWN, "grpc status", 12, "UNIMPLEMENTED"),
    "a message that is none": (grpc(b"\xff\xff"), DOWN, "grpc other", 0, "not a health answer"),
    "a message that is long": (grpc(b"\x12\x7f" + b"x" * 127), DOWN, "grpc other", 0, "not a health answer"),
    "no status in the trailers": (h2_server(lambda c, s, h, b: c.send_headers(s, [(":status", "200")], end_stream=True)),
                                  DOWN, "grpc other", 0, "no grpc-status"),
    "a proxy's 502": (h2_server(lambda c, s, h, b: c.send_headers(s, [(":status", "502")], end_stream=True)), DOWN, "status", 502,
                      ""),
    "a server of HTTP/1.1": (lambda c: (c.recv(4096), c.sendall(OK), silent(c)), DOWN, "closed early", 0, ""),
}


@lab.test
def grpc_reasons(stack):
    """each answer of a gRPC health service has its reason"""
    servers = [Tcp(stack, row[0]) for row in GRPC.values()]
    health = start(stack, *(target(slot, "grpc", s.port, fall=1) for slot, s in enumerate(servers)))
    for slot, (says, (_, state, result, number, detail)) in enumerate(GRPC.items()):
        got = health.wait_state(slot, state)
        assert (got.result, got.number) == (result, number) and detail in got.detail, (says, got)


@lab.test
def grpc_question(stack):
    """the question is Check of grpc.health.v1 for the service in path, to the name in host, over plain HTTP/2 or over TLS"""
    asked = []
    plain, secure = Tcp(stack, grpc(1, asked)), Tls(stack, grpc(1, asked), PKI, alpn=("h2",))
    old = Tls(stack, answering(OK), PKI)
    for check, port, keys in (("grpc", plain.port, ["host=www.example"]),
                              ("grpcs", secure.port, ["host=www.example", "path=/pay.v1.Pay"])):
        code, said = once(check, port, *keys, env=ENV)
        assert code == 0, said
    for (headers, body), service in zip(asked, (b"", b"\x0a\x0apay.v1.Pay")):
        assert headers[":method"] == "POST" and headers[":path"] == "/grpc.health.v1.Health/Check", headers
        assert headers[":authority"] == "www.example" and headers["te"] == "trailers", headers
        assert headers["content-type"] == "application/grpc", headers
        assert body == b"\0" + len(service).to_bytes(4, "big") + service, body
    assert len(asked) == 2, asked
    code, said = once("grpcs", old.port, "host=www.example", env=ENV)
    assert code == 1 and "gRPC protocol error (no HTTP/2)" in said, said
    code, said = once("grpcs", secure.port, "host=other.example", env=ENV)
    assert code == 1 and "certificate for another name" in said, said


@lab.test
def http2(stack):
    """https speaks HTTP/2 where the server does, and keeps that connection, too"""
    def answer(connection, stream, headers, body):
        connection.send_headers(stream, [(":status", "200" if headers[":path"] == "/ok" else "503")])
        connection.send_data(stream, b"h2 is spoken", end_stream=True)
    server = Tls(stack, h2_server(answer), PKI, alpn=("h2", "http/1.1"))
    health = start(stack, target(0, "https", server.port, host="www.example", path="/ok", body="h2 is", interval=50),
                   target(1, "https", server.port, host="www.example", path="/no"))
    health.wait_state(0, UP)
    assert health.wait_state(1, DOWN).number == 503
    assert probed(health, 0, 12).transitions == 1
    assert health.board.stats().checks["https"]["reused"] > 5


if __name__ == "__main__":
    stack_of_all = __import__("contextlib").ExitStack()
    stack_of_all.callback(shutil.rmtree, FOLDER, ignore_errors=True)
    with stack_of_all:
        lab.main()
