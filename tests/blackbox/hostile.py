#!/usr/bin/python3
"""Backends that mean it badly: each has its own reason within the timeout, and none costs gslb-health much."""
import os
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab
from health_rig import DOWN, UP, Health, Pki, Tls, answering, black_hole, resetting, silent, target
from tcp_rig import Tcp

FOLDER = tempfile.mkdtemp(prefix="gslb-hostile-")
os.chmod(FOLDER, 0o755)
PKI = Pki(tempfile.mkdtemp(prefix="pki-", dir=FOLDER))
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"Content-Length: 2\r\n\r\nok"
TIMEOUT_S = 1.0


def dripping(head, byte=b"x"):
    """A byte a second, for ever."""
    def behave(connection):
        connection.recv(4096)
        connection.sendall(head)
        while True:
            connection.sendall(byte)
            time.sleep(1)
    return behave


def endless(head, part):
    def behave(connection):
        connection.recv(4096)
        connection.sendall(head)
        while True:
            connection.sendall(part)
    return behave


def gigabyte(connection):
    connection.recv(4096)
    connection.sendall(HEAD + b"Content-Length: 1073741824\r\n\r\n")
    for _ in range(1024):
        connection.sendall(b"x" * 1048576)


def redirecting(connection):
    """To itself, for whoever follows."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")


def http(behave, result, **keys):
    return lambda stack: dict(check="http", port=Tcp(stack, behave).port, result=result, **keys)


def https(name, result, **keys):
    return lambda stack: dict(check="https", port=Tls(stack, answering(OK), PKI, name).port, result=result, **keys)


BACKENDS = {
    "accepts and never answers": http(silent, "timeout", detail="no answer to the request"),
    "accepts and never shakes hands": lambda stack: dict(check="https", port=Tcp(stack, silent).port, result="timeout",
                                                         detail="in the TLS handshake"),
    "drops every SYN": lambda stack: dict(check="tcp", port=black_hole(stack), result="timeout", detail="no answer to connect"),
    "closes at once": http(lambda c: (c.shutdown(socket.SHUT_WR), silent(c)), "closed early"),
    "closes after the request": http(answering(), "closed early"),
    "closes in the midst": http(answering(HEAD + b"Content-Length: 100\r\n\r\n", b"short"), "closed early"),
    "resets": http(resetting, "reset"),
    "drips its header": http(dripping(b"HTTP/1.1 200 O"), "timeout", detail="in the midst of the answer"),
    "drips its body": http(dripping(HEAD + b"\r\n"), "timeout", detail="in the midst of the answer"),
    "sends a gigabyte, without the text": http(gigabyte, "body", body="needle", detail="64 KiB"),
    "sends a gigabyte": http(gigabyte, "ok", state=UP),  # enough was seen: no more than 64 KiB is read
    "an endless header": http(endless(HEAD, b"X-Line: y\r\n" * 1000), "http header", detail="over 16 KiB"),
    "an endless line in the header": http(endless(HEAD + b"X: ", b"y" * 65536), "http header",
                                          detail="a line without end"),
    "an endless row of interim answers": http(endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000), "http header"),
    "endless chunks without the text": http(endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
                                                   b"3e8\r\n" + b"x" * 1000 + b"\r\n"), "body", body="needle"),
    "a chunk that is none": http(answering(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), "http other"),
    "a redirect loop": http(redirecting, "status", number=302, detail="a redirect"),
    "no HTTP at all": http(answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "http other"),
    "an expired certificate": https("expired", "tls expired"),
    "a self-signed certificate": https("self", "tls untrusted", detail="self-signed"),
    "a certificate for another name": https("other", "tls name"),
    "plain HTTP where TLS should be": lambda stack: dict(
        check="https", result="tls other", port=Tcp(stack, lambda c: (c.recv(4096), c.sendall(OK), silent(c))).port),
}


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@lab.test
def each_has_its_reason(stack):
    """each bad backend has its own reason within the timeout, beside a good one that stays up, at little cost"""
    cases = [make(stack) for make in BACKENDS.values()]
    wanted = [(c.pop("result"), c.pop("state", DOWN), c.pop("number", 0), c.pop("detail", "")) for c in cases]
    health = Health(stack, FOLDER, env={"CURL_CA_BUNDLE": PKI.ca})
    pid = health.program.process.pid
    good = target(len(cases), "https", Tls(stack, answering(OK), PKI).port, host="www.example", interval=1000)
    health.plan([good] + [target(slot, host="www.example", interval=2000, timeout=int(TIMEOUT_S * 1000), fall=1, **case)
                          for slot, case in enumerate(cases)])
    for slot, (says, (result, state, number, detail)) in enumerate(zip(BACKENDS, wanted)):
        got = health.wait_slot(slot, lambda s: s.probes >= 1, 20)
        assert (got.result, got.state, got.number) == (result, state, number) and detail in got.detail, (says, got)
    began, before, first = time.monotonic(), cpu_s(pid), [health.board[slot].probes for slot in range(len(cases))]
    for slot, probes in enumerate(first):
        health.wait_slot(slot, lambda s: s.probes >= probes + 3, 30)
    share = (cpu_s(pid) - before) / (time.monotonic() - began)
    print(f"# gslb-health took {share:.1%} of a CPU for {len(cases)} bad backends every 2 s")
    assert share < 0.15, share  # 5 % on a quiet machine
    for slot, (says, (result, state, _, _)) in enumerate(zip(BACKENDS, wanted)):
        assert (health.board[slot].result, health.board[slot].state) == (result, state), (says, health.board[slot])
    assert health.board[len(cases)].state == UP and health.board[len(cases)].transitions == 1, health.board[len(cases)]
    totals = health.board.stats().checks
    assert all(totals[check]["total"].beyond(TIMEOUT_S * 2) == 0 for check in ("tcp", "http", "https")), totals
    peak = next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM"))
    assert peak < 128 * 1024, f"{peak} kB"


if __name__ == "__main__":
    stack_of_all = __import__("contextlib").ExitStack()
    stack_of_all.callback(shutil.rmtree, FOLDER, ignore_errors=True)
    with stack_of_all:
        lab.main()
