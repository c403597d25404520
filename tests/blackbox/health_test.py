#!/usr/bin/python3
"""gslb-health against real servers: each reason of the vocabulary, detection times, plans, lookups, and what happens when either
side is stopped or killed."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

import lab
from health_rig import (ALIVE, BOARD, CHANGED, DOWN, PLAN, PUSH, RESOLVED, SEAL, TAKEN, UNKNOWN, UP, Board, Health, Pki, Udp,
                        answering, black_hole, once, read_request, reply_to, resetting, silent, target)
from tcp_rig import Tcp

FOLDER = tempfile.mkdtemp(prefix="gslb-health-")
os.chmod(FOLDER, 0o755)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def sub(name):
    path = tempfile.mkdtemp(prefix=name + "-", dir=FOLDER)
    os.chmod(path, 0o755)
    return path


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


# ---- certificates and nginx, made once ----

PKI = Pki(sub("pki"))
ENV = {"CURL_CA_BUNDLE": PKI.ca}
CERTS = ["good", "soon", "expired", "other", "self"]


class Nginx:
    def __init__(self, stack):
        folder = sub("nginx")
        self.ports = {name: lab.free_port() for name in ["plain", *CERTS]}
        sites = "".join(
            f"server {{ listen 127.0.0.1:{self.ports[n]} ssl; ssl_certificate {PKI.path(n)}.crt; "
            f"ssl_certificate_key {PKI.path(n)}.key; return 200 'host=$host sni=$ssl_server_name'; }}\n" for n in CERTS)
        with open(os.path.join(folder, "nginx.conf"), "w") as f:
            f.write(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{ access_log {folder}/access.log; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
server {{ listen 127.0.0.1:{self.ports['plain']};
  location / {{ return 200 'host=$http_host agent=$http_user_agent uri=$request_uri'; }}
  location /503 {{ return 503; }}
  location /204 {{ return 204; }}
  location /redirect {{ return 302 http://127.0.0.1:1/; }} }}
{sites} }}
""")
        self.program = lab.Program(stack, "nginx", ["nginx", "-c", folder + "/nginx.conf"], folder)
        lab.wait_for("nginx to listen", lambda: socket.create_connection(("127.0.0.1", self.ports["good"]), 1).close() or True)


def expect(stack, cases, checks="", **options):
    """Probe all targets of the cases at once; each must reach its state for its reason. case: keys of target() and state,
    result, and perhaps number and detail."""
    health = Health(stack, sub("health"), nslots=len(cases), env=ENV, **options)
    wanted, targets = [], []
    for slot, case in enumerate(cases):
        wanted.append({k: case.pop(k) for k in ("state", "result", "number", "detail") if k in case})
        targets.append(target(slot, **case))
    health.plan(targets, checks=checks)
    faults = []
    for slot, want in enumerate(wanted):
        try:
            got = health.wait_state(slot, want["state"])
        except AssertionError as error:
            faults.append(f"{want} of {cases[slot]}: {error}")
            continue
        if got.result != want["result"] or got.number != want.get("number", 0) or want.get("detail", "") not in got.detail:
            faults.append(f"{want} of {cases[slot]}: {got}")
    assert not faults, "\n".join(faults)
    return health


@lab.test
def http_reasons(stack):
    """each way an HTTP answer can go wrong has its reason"""
    nginx = Nginx(stack).ports["plain"]
    big = b"HTTP/1.1 200 OK\r\n\r\n"

    def served(*parts, **how):
        return Tcp(stack, answering(*parts, **how)).port

    def up(port, **keys):
        return dict(check="http", port=port, state=UP, result="ok", **keys)

    def down(port, result, **keys):
        return dict(check="http", port=port, state=DOWN, result=result, **keys)

    expect(stack, [
        up(nginx, host="www.example", body="host=www.example agent=gslb-health/"),
        up(nginx, path="/x/../y?z=1", body="uri=/x/../y?z=1"),
        up(nginx, path="/503", status=[(200, 299), (503, 503)]),
        up(nginx, path="/redirect", status=[(302, 302)]),
        up(nginx, path="/204"),
        up(served(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK)),
        up(served(b"HTTP/1.0 200 OK\r\n\r\nno length, the end is the close")),
        up(served(big + b"x" * 65530, b"needle", forever=True), body="xxxneedle"),  # it ends at byte 65536
        up(served(big, b"a", b"nee", b"dle", pause=0.02), body="needle"),
        up(served(big, b"x" * 10000, forever=True)),
        down(nginx, "status", path="/503", number=503),
        down(nginx, "status", path="/redirect", number=302, detail="a redirect"),
        down(nginx, "status", number=200, status=[(204, 204)]),
        down(nginx, "body", body="no such text"),
        down(nginx, "body", path="/204", body="no content"),
        down(served(big + b"x" * 65531, b"needle", forever=True), "body", body="needle", detail="64 KiB"),
        down(served(), "closed early"),
        down(served(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"short"), "closed early"),
        down(Tcp(stack, resetting).port, "reset"),
        down(Tcp(stack, silent).port, "timeout", detail="no answer to the request"),
        down(served(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100, pause=1), "timeout", detail="in the midst"),
        down(served(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100000), "http header", detail="over 16 KiB"),
        down(served(b"HTTP/1.1 100 Continue\r\n\r\n" * 100000), "http header", detail="over 16 KiB"),
        down(served(b"X" * 200000), "http other"),
        down(served(b"SSH-2.0-OpenSSH_9.2\r\n"), "http other"),
        down(closed_port(), "refused"),
        down(black_hole(stack), "timeout", detail="no answer to connect"),
    ])


@lab.test
def https_reasons(stack):
    """each way TLS can go wrong has its reason, and Host and SNI are the name in host"""
    ports = Nginx(stack).ports

    def https(name, state, result, **keys):
        return dict(check="https", port=ports[name], state=state, result=result, **{"host": "www.example", **keys})

    health = expect(stack, [
        https("good", UP, "ok", body="host=www.example sni=www.example"),
        https("good", DOWN, "tls name", host="other.example"),
        https("good", DOWN, "tls name", host=""),
        https("other", DOWN, "tls name"),
        https("expired", DOWN, "tls expired"),
        https("expired", UP, "ok", verify=False),
        https("self", DOWN, "tls untrusted"),
        https("self", UP, "ok", verify=False, body="sni=www.example"),
        https("plain", DOWN, "tls other"),
        https("soon", UP, "ok", label="soon"),
        https("soon", UP, "ok", label="not-so-soon", cert_days=2),
        dict(check="https", port=Tcp(stack, silent).port, state=DOWN, result="timeout", detail="TLS handshake"),
        dict(check="https", port=Tcp(stack, lambda c: c.recv(5)).port, state=DOWN, result="reset"),
        dict(check="https", port=closed_port(), state=DOWN, result="refused"),
    ])
    health.wait_slot(9, lambda s: s.probes >= 4)
    log = health.program.text()
    assert log.count('target="soon" certificate ends in 2 days') == 1 and "not-so-soon\" cert" not in log, log


@lab.test
def tcp_reasons(stack):
    """a TCP probe knows accepted from refused from a black hole, on IPv4 and IPv6"""
    cases = [
        dict(check="tcp", port=Tcp(stack, silent).port, state=UP, result="ok"),
        dict(check="tcp", port=closed_port(), state=DOWN, result="refused"),
        dict(check="tcp", port=black_hole(stack), state=DOWN, result="timeout"),
        dict(check="none", port=1, state=UP, result="ok"),
    ]
    if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6") and open("/proc/net/if_inet6").read():
        v6 = Tcp(stack, answering(OK), address="::1").port
        cases += [dict(check="tcp", port=v6, address="::1", state=UP, result="ok"),
                  dict(check="http", port=v6, address="::1", state=UP, result="ok"),
                  dict(check="http", port=v6, address="::1", host="www.example", state=UP, result="ok"),
                  dict(check="tcp", port=closed_port(), address="::1", state=DOWN, result="refused")]
    expect(stack, cases)


@lab.test
def dns_reasons(stack):
    """a DNS probe takes NOERROR, with data or without, for life, and tells what else came"""
    asked = []

    def note(query, count):
        asked.append(query)
        return reply_to(query)

    def dns_case(answer, state, result, **keys):
        return dict(check="dns", port=Udp(stack, answer).port, qname="Svc.Example", state=state, result=result, **keys)

    expect(stack, [
        dns_case(note, UP, "ok", qtype=16),
        dns_case(lambda q, n: reply_to(q) if n % 2 == 0 else None, UP, "ok", fall=1),  # one packet of two is lost
        dns_case(lambda q, n: reply_to(b"xx" + q[2:]) if n % 2 else reply_to(q), UP, "ok"),  # another's id is no answer
        dns_case(lambda q, n: reply_to(q, rcode=2), DOWN, "dns rcode", number=2),
        dns_case(lambda q, n: reply_to(q, rcode=1, question=False), DOWN, "dns rcode", number=1),
        dns_case(lambda q, n: reply_to(q[:14] + b"X" + q[15:]), DOWN, "dns other"),
        dns_case(lambda q, n: q, DOWN, "dns other"),
        dns_case(lambda q, n: None, DOWN, "timeout"),
        dict(check="dns", port=closed_port(), qname="svc.example", state=DOWN, result="refused"),
    ])
    question = dns.message.from_wire(asked[0]).question[0]
    assert str(question.name) == "svc.example." and question.rdtype == dns.rdatatype.TXT, question


@lab.test
def exec_reasons(stack):
    """a command is judged by its exit, is given address and port, and leaves nothing behind"""
    checks = sub("checks")

    def script(name, content, mode=0o755):
        path = os.path.join(checks, name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + content)
        os.chmod(path, mode)
        return name

    def case(command, state, result, **keys):
        return dict(check="exec", port=77, address="192.0.2.7", command=command, state=state, result=result, **keys)

    expect(stack, [
        case(script("args", '[ "$*" = "192.0.2.7 77" ] && [ -z "$HOME" ] && [ "$(ls /proc/$$/fd | grep -c .)" -le 5 ]'), UP, "ok"),
        case(script("chatty", "head -c 200000 /dev/zero"), UP, "ok"),
        case(script("endless", "exec yes"), DOWN, "exec signal", number=13),  # SIGPIPE, after a MiB
        case(script("fail", "echo replication stopped; echo more; exit 3"), DOWN, "exec exit", number=3,
             detail="replication stopped"),
        case(script("abort", "kill -ABRT $$"), DOWN, "exec signal", number=6),
        case(script("hang", f"echo waiting; sleep 300 & echo $! >> {checks}/hung; wait"), DOWN, "timeout", detail="waiting"),
        case(script("stray", f"sleep 300 & echo $! >> {checks}/strays; exit 0"), UP, "ok"),
        case("absent", DOWN, "exec start"),
        case(script("plain", "exit 0", mode=0o644), DOWN, "exec start"),
        case("../checks/fail", DOWN, "exec start"),
        case("", DOWN, "exec start"),
    ], checks=checks)
    time.sleep(0.1)
    for name in ("hung", "strays"):
        pids = open(os.path.join(checks, name)).read().split()
        assert pids
        # all but the newest must be gone: that one may be running just now
        lab.wait_for(f"the children of {name} to be gone", lambda: not any(os.path.exists(f"/proc/{p}") for p in pids[:-1]), 3)


@lab.test
def many_commands(stack):
    """of hundreds of commands that hang at most 64 run at once, and other checks do not wait for them"""
    checks = sub("checks")
    path = os.path.join(checks, "hang")
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec sleep 300\n")
    os.chmod(path, 0o755)
    health = Health(stack, sub("health"), nslots=201)
    health.plan([target(slot, "exec", command="hang", timeout=2000, interval=2000, fall=1) for slot in range(200)] +
                [target(200, "tcp", Tcp(stack, silent).port, interval=100)], checks=checks)
    running = []

    def all_down():
        health.read()
        running.append(health.board.stats().checks["exec"]["running"])
        return all(health.board[slot].state == DOWN for slot in range(200))

    lab.wait_for("all to run out of time", all_down, 60)
    assert 32 < max(running) <= 64, max(running)
    assert health.board[200].transitions == 1 and health.board[200].probes >= 20, health.board[200]
    assert all(health.board[slot].result == "timeout" for slot in range(200))


@lab.test
def commands_die_with_us(stack):
    """a command that hangs dies with gslb-health, even when that is killed"""
    checks = sub("checks")
    path = os.path.join(checks, "hang")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\necho $$ > {checks}/pid\nexec sleep 300\n")
    os.chmod(path, 0o755)
    health = Health(stack, sub("health"))
    health.plan([target(0, "exec", command="hang", timeout=60000)], checks=checks)
    pid = lab.wait_for("the command to run", lambda: os.path.exists(checks + "/pid") and open(checks + "/pid").read().strip())
    health.program.kill()
    lab.wait_for("the command to be gone", lambda: not os.path.exists(f"/proc/{pid}"), 3)


@lab.test
def detection_times(stack):
    """a killed backend is down within the interval, half a second and little more; a black hole within fall × timeout and that"""
    backend = subprocess.Popen([sys.executable, "-c", "import socket,time\ns=socket.create_server(('127.0.0.1',0),backlog=0)\n"
                                "print(s.getsockname()[1],flush=True)\nwhile 1: s.accept()[0].close()"], stdout=subprocess.PIPE)
    stack.callback(backend.wait)
    stack.callback(backend.kill)
    port = int(backend.stdout.readline())
    stuck = socket.create_server(("127.0.0.1", 0), backlog=0)
    stack.callback(stuck.close)
    accepting = True

    def accept_all():
        stuck.settimeout(0.02)
        while accepting:
            try:
                stuck.accept()[0].close()
            except OSError:
                pass
    thread = threading.Thread(target=accept_all, daemon=True)
    thread.start()
    health = Health(stack, sub("health"))
    rule = dict(interval=1000, timeout=600, fall=3)
    health.plan([target(0, "tcp", port, **rule), target(1, "tcp", stuck.getsockname()[1], **rule)])
    health.wait_state(0, UP)
    health.wait_state(1, UP)
    accepting = False
    thread.join()
    begin = time.monotonic()
    backend.kill()
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(stuck.getsockname())
        stack.callback(filler.close)

    def took(slot):
        message = health.wait_message(f"slot {slot} down", lambda m: m["kind"] == CHANGED and m["slot"] == slot and m["state"] == DOWN)
        return message["at"] - begin
    refused, black = took(0), took(1)
    assert refused < 1.05 + 0.5 + 0.25, refused
    assert black < 1.05 + 0 + 0.5 + 3 * 0.6 + 0.25, black
    doubts = [m for m in health.messages if m["kind"] == CHANGED and m["slot"] == 0 and m["state"] == UP]
    assert len(doubts) >= 2, "no message said that slot 0 was in doubt"
    Tcp(stack, silent, port=port)
    back = time.monotonic()
    assert health.wait_state(0, UP).recovered
    assert time.monotonic() - back < 1.05 + 1 + 0.25
    assert 'target="pool/tcp0" state=down was=up probe=tcp reason="connect refused" after_ms=' in health.program.text()


@lab.test
def pushed(stack):
    """a pushed state acts at once, and only where check=push"""
    health = Health(stack, sub("health"))
    health.plan([target(0, "push", rise=5, fall=5), target(1, "tcp", closed_port())])
    health.wait_state(1, DOWN)
    assert health.board[0].state == UNKNOWN and health.board[0].generation == 1
    for state, reason in ((DOWN, "pushed down"), (UP, "pushed up"), (DOWN, "pushed down")):
        health.send(PUSH, slot=0, generation=1, state=state)
        assert health.wait_state(0, state, 2).result == reason
    health.send(PUSH, slot=0, generation=2, state=UP)
    health.send(PUSH, slot=1, generation=1, state=UP)
    health.send(PUSH, slot=99, generation=1, state=UP)
    health.program.wait_log("refused: no target with check=push")
    assert health.board[0].state == DOWN and health.board[1].state == DOWN


@lab.test
def pushed_for_a_time(stack):
    """a pushed state ends after three intervals, or when it said; the next one puts the end off, and the board keeps it"""
    health = Health(stack, sub("health"))
    targets = [target(0, "push", interval=300), target(1, "push", interval=300), target(2, "push", interval=300)]
    health.plan(targets)
    health.send(PUSH, slot=0, generation=1, state=DOWN)
    health.send(PUSH, slot=1, generation=1, state=DOWN, value=1)
    health.send(PUSH, slot=1, generation=1, state=DOWN, value=3600000)
    health.send(PUSH, slot=2, generation=1, state=DOWN, value=3000)
    health.wait_state(2, DOWN)
    assert health.wait_state(0, UNKNOWN).result == "push over"
    assert health.board[1].state == DOWN and health.board[2].state == DOWN
    health.program.kill()
    next_one = Health(stack, sub("health"), board=health.board)
    next_one.plan(targets)
    assert next_one.board[2].state == DOWN
    assert next_one.wait_state(2, UNKNOWN).result == "push over"
    assert next_one.board[1].state == DOWN


@lab.test
def killed(stack):
    """kill -9 of gslb-health loses no verdict: the next one goes on from the board"""
    live = Tcp(stack, silent).port
    targets = [target(0, "tcp", live), target(1, "tcp", closed_port()), target(2, "push"), target(3, "tcp", live)]
    first = Health(stack, sub("health"))
    first.plan(targets)
    first.wait_state(0, UP)
    first.wait_state(1, DOWN)
    first.send(PUSH, slot=2, generation=1, state=DOWN)
    before = [first.wait_state(2, DOWN) and first.board[slot] for slot in range(3)]
    first.program.kill()
    first.board.put(3, DOWN, generation=1, since_s=4711)  # and gslbd may preset one
    slow = dict(interval=60000, fall=3, rise=3)
    second = Health(stack, sub("health"), board=first.board)
    second.plan([target(0, "tcp", live, **slow), target(1, "tcp", closed_port(), **slow), target(2, "push"),
                 target(3, "tcp", live, **slow), target(4, "push")])
    for slot in range(3):
        after = second.board[slot]
        assert (after.state, after.since_s) == (before[slot].state, before[slot].since_s), (slot, before[slot], after)
    assert second.board[3].state == DOWN and second.board[3].since_s == 4711, second.board[3]
    assert second.board[4].state == UNKNOWN
    second.wait_slot(3, lambda s: s.doubt)  # it recovers from there, by its rise


@lab.test
def reloads(stack):
    """a new plan leaves what it keeps alone, drops what it leaves out, and starts over what changed"""
    kept, dropped = Tcp(stack, silent), Tcp(stack, silent)
    health = Health(stack, sub("health"))
    health.plan([target(0, "tcp", kept.port), target(1, "tcp", dropped.port), target(2, "tcp", closed_port()),
                 target(3, "tcp", kept.port), target(4, "tcp", black_hole(stack), timeout=30000)])
    for slot in (0, 1, 3):
        health.wait_state(slot, UP)
    health.wait_state(2, DOWN)
    before = health.board[0]
    health.plan([target(0, "tcp", kept.port, interval=400), target(2, "push", generation=2), target(3, "tcp", closed_port()),
                 target(70, "tcp", kept.port)])
    assert health.board[0].transitions == before.transitions and health.board[0].since_s == before.since_s
    assert health.board[2].state == UNKNOWN and health.board[2].generation == 2
    assert health.board[3].state == UNKNOWN  # another probe under the same generation
    assert "slot 70 lies beyond the board" in health.program.text()
    count, probes = len(dropped.times), health.board[1].probes
    health.wait_slot(0, lambda s: s.probes >= before.probes + 3)
    assert len(dropped.times) == count and health.board[1].probes == probes
    health.plan([])
    count = health.board[0].probes
    time.sleep(0.6)
    assert health.board[0].probes == count


@lab.test
def larger_board(stack):
    """a larger board takes over all that was known"""
    health = Health(stack, sub("health"), nslots=2)
    live = Tcp(stack, silent).port
    health.plan([target(0, "tcp", live), target(1, "tcp", closed_port())])
    health.wait_state(0, UP)
    before = health.wait_state(1, DOWN)
    old, health.board = health.board, Board(64)
    health.send(BOARD, value=64, fd=health.board.fd)
    health.plan([target(0, "tcp", live), target(1, "tcp", closed_port(), interval=60000), target(63, "tcp", live)])
    after = health.board[0]
    assert after.state == UP and after.rtt_us > 0 and after.probes > 0, after
    health.wait_state(63, UP)
    frozen = old[0].probes
    health.wait_slot(0, lambda s: s.probes >= after.probes + 3)
    assert old[0].probes == frozen
    assert before.state == DOWN


@lab.test
def damaged(stack):
    """a damaged plan or board is refused in one line, and the old one stays in force"""
    health = Health(stack, sub("health"))
    live = Tcp(stack, silent).port
    health.plan([target(0, "tcp", live)])
    health.wait_state(0, UP)
    health.send_plan([target(1, "tcp", live)[:-1]])
    health.program.wait_log("plan refused, the one before stays in force: the plan is damaged")
    health.send(PLAN, value=9)
    health.program.wait_log("a plan comes as a memfd")
    unsealed = Board(64, seals=SEAL)
    health.send(BOARD, value=64, fd=unsealed.fd)
    health.program.wait_log("not sealed against shrinking")
    health.send(BOARD, value=1 << 40, fd=health.board.fd)
    health.program.wait_log("too small for its")
    probes = health.board[0].probes
    health.wait_slot(0, lambda s: s.probes > probes)
    health.read()
    assert not any(m["kind"] == TAKEN and m["value"] == health.serial for m in health.messages)


@lab.test
def gslbd_stops_reading(stack):
    """when gslbd does not read, probing goes on; each change is told once when it reads again"""
    health = Health(stack, sub("health"), nslots=20000)
    live = Tcp(stack, silent)
    health.plan([target(slot, "push", interval=60000) for slot in range(19999)] + [target(19999, "tcp", live.port)])
    health.wait_state(19999, UP)
    health.read()
    health.messages.clear()
    for state in (DOWN, UP, DOWN):
        for slot in range(19999):
            while True:  # its queue is short: it must go on reading while it cannot write
                try:
                    health.sock.setblocking(False)
                    health.send(PUSH, slot=slot, generation=1, state=state)
                    break
                except BlockingIOError:
                    time.sleep(0.001)
    probes = health.board[19999].probes
    lab.wait_for("probing to go on", lambda: health.board[19999].probes >= probes + 3)
    assert health.board[0].state == DOWN and health.board[19998].state == DOWN
    last = {}

    def all_told():
        health.read(0.02)
        last.update((m["slot"], m["state"]) for m in health.messages if m["kind"] == CHANGED)
        return len(last) == 19999 and set(last.values()) == {DOWN}
    lab.wait_for("every slot to be told down", all_told)
    assert len([m for m in health.messages if m["kind"] == CHANGED]) < 3 * 19999
    health.wait_message("a sign of life", lambda m: m["kind"] == ALIVE and m["at"] > time.monotonic() - 1)
    assert "suppressed=" in health.program.text()


@lab.test
def ends_with_gslbd(stack):
    """gslb-health ends when gslbd's side of the socket closes, and when garbage comes from it"""
    for farewell in (lambda s: s.close(), lambda s: s.send(b"garbage")):
        health = Health(stack, sub("health"))
        health.plan([target(0, "tcp", black_hole(stack), timeout=30000)])
        farewell(health.sock)
        lab.wait_for("gslb-health to end", lambda: not health.program.alive(), 3)
        assert health.program.process.returncode == 0


@lab.test
def stopped(stack):
    """what gslb-health slept through itself is not held against an endpoint"""
    answers = threading.Event()
    answers.set()
    slow = Tcp(stack, lambda c: (read_request(c), time.sleep(0.1), answers.wait(), c.sendall(OK)))
    health = Health(stack, sub("health"))
    health.plan([target(0, "http", slow.port, interval=50, timeout=600, fall=1)])
    health.wait_state(0, UP)
    answers.clear()
    lab.wait_for("a probe in flight", lambda: slow.now == 1)
    health.program.process.send_signal(signal.SIGSTOP)
    time.sleep(1.2)
    probes = health.board[0].probes
    health.program.process.send_signal(signal.SIGCONT)
    assert health.wait_slot(0, lambda s: s.probes > probes).result == "local"
    answers.set()
    after = health.wait_slot(0, lambda s: s.probes >= probes + 2)
    assert after.state == UP and after.transitions == 1, after


@lab.test
def one_in_flight(stack):
    """never more than one probe of an endpoint is in flight, and first probes are spread"""
    slow = Tcp(stack, answering(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.1))
    many = Tcp(stack, silent)
    health = Health(stack, sub("health"), nslots=101)
    health.plan([target(0, "http", slow.port, interval=10, timeout=300, fall=3)] +
                [target(slot, "tcp", many.port, interval=5000) for slot in range(1, 101)])
    health.wait_state(0, DOWN)
    health.wait_slot(0, lambda s: s.probes >= 6)
    assert slow.most <= 2, slow.most  # the server notices the reset of the one before a little late
    lab.wait_for("all first probes", lambda: len(many.times) >= 100)
    first = sorted(many.times)[:100]
    assert 0.7 < first[-1] - first[0] < 1.3, first[-1] - first[0]
    assert max(sum(a <= t < a + 0.1 for t in first) for a in first) < 40


@lab.test
def many_first_probes(stack):
    """first probes that are much work are spread over more than a second, and not again when others are added"""
    closed, count = closed_port(), 1000
    health = Health(stack, sub("health"), nslots=count + 1)
    targets = [target(slot, "https", closed, interval=60000, fall=1) for slot in range(count)]
    health.plan(targets)
    lab.wait_for("all of them", lambda: health.read() or health.board.stats().checks["https"]["total"].count == count)
    changed = [m["at"] for m in health.messages if m["kind"] == CHANGED]
    assert len(changed) == count and changed[-1] - changed[0] > 1.2, changed[-1] - changed[0]
    health.plan(targets + [target(count, "https", closed, interval=60000, fall=1)])
    health.wait_state(count, DOWN, 1.5)


@lab.test
def few_descriptors(stack):
    """with few descriptors probes queue: none is lost, none fails for it"""
    live, hole = Tcp(stack, silent).port, black_hole(stack)
    health = Health(stack, sub("health"), nslots=200, wrap=["prlimit", "--nofile=100:100"])
    health.plan([target(slot, "tcp", live if slot % 2 else hole, timeout=900, interval=1000, fall=1) for slot in range(200)])
    for slot in range(200):
        health.wait_state(slot, UP if slot % 2 else DOWN, 20)
    assert not any("open files" in health.board[slot].detail for slot in range(200))


# ---- names ----

class Zone:
    """A resolver with what it says in `records`: {(name, type): (ttl, [rdata…])}, or an rcode in place of the tuple."""

    def __init__(self, stack):
        self.records, self.asked = {}, []
        self.server = Udp(stack, self.answer)

    def answer(self, wire, count):
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = str(question.name), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        reply = dns.message.make_response(query, recursion_available=True)
        for _ in range(8):
            known = self.records.get((name, kind)) or self.records.get((name, "CNAME"))
            if known is None:
                break
            if isinstance(known, int):
                reply.set_rcode(known)
                break
            used = kind if (name, kind) in self.records else "CNAME"
            reply.answer.append(dns.rrset.from_text(name, known[0], "IN", used, *known[1]))
            if used != "CNAME":
                break
            name = known[1][0]
        return reply.to_wire()


@lab.test
def lookups(stack):
    """names resolve to sorted addresses of both families with the least TTL, again before it ends; a failure keeps the last"""
    zone = Zone(stack)
    zone.records = {
        ("both.example.", "A"): (300, ["192.0.2.9", "192.0.2.1"]), ("both.example.", "AAAA"): (200, ["2001:db8::1"]),
        ("alias.example.", "CNAME"): (40, ["both.example."]),
        ("short.example.", "A"): (1, ["192.0.2.5"]),
        ("half.example.", "A"): (100, ["192.0.2.6"]), ("half.example.", "AAAA"): int(dns.rcode.SERVFAIL),
        ("broken.example.", "A"): int(dns.rcode.SERVFAIL), ("broken.example.", "AAAA"): int(dns.rcode.SERVFAIL),
        ("long.example.", "A"): (999999, ["192.0.2.8"]),
    }
    health = Health(stack, sub("health"), env={"GSLB_RESOLVER": f"127.0.0.1:{zone.server.port}"})
    names = ["both", "alias", "short", "half", "broken", "absent", "long"]
    health.plan([], lookups=[(n, f"{name}.example.") for n, name in enumerate(names, 1)])

    def resolved(number, count=1):
        health.wait_message(f"{names[number - 1]} to be resolved", lambda m: [x["value"] for x in health.messages if
                            x["kind"] == RESOLVED].count(number) >= count)
        found = [m for m in health.messages if m["kind"] == RESOLVED and m["value"] == number][count - 1]
        return found["ok"], found["ttl"], found["addrs"]
    assert resolved(1) == (1, 200, ["192.0.2.1", "192.0.2.9", "2001:db8::1"]), resolved(1)
    assert resolved(2) == (1, 40, ["192.0.2.1", "192.0.2.9", "2001:db8::1"]), resolved(2)
    assert resolved(3) == (1, 5, ["192.0.2.5"]), resolved(3)
    assert resolved(4) == (1, 5, ["192.0.2.6"]), resolved(4)
    assert resolved(5) == (0, 0, []) and resolved(6) == (0, 0, []), (resolved(5), resolved(6))
    assert resolved(7) == (1, 3600, ["192.0.2.8"]), resolved(7)
    zone.records[("short.example.", "A")] = (1, ["192.0.2.55"])
    zone.records[("broken.example.", "A")] = (60, ["192.0.2.7"])
    zone.records[("broken.example.", "AAAA")] = (60, ["2001:db8::7"])
    health.plan([], lookups=[(n, f"{name}.example") for n, name in enumerate(names, 1)])  # kept: no new queries
    assert resolved(3, 2) == (1, 5, ["192.0.2.55"]), resolved(3, 2)
    assert resolved(5, 2) == (1, 60, ["192.0.2.7", "2001:db8::7"]), resolved(5, 2)
    assert zone.asked.count(("both.example.", "A")) == 1, zone.asked


@lab.test
def once_says(stack):
    """--once prints the result and its time; exit status 0 up, 1 not, 2 usage"""
    nginx = Nginx(stack).ports
    live = Tcp(stack, silent).port
    cases = [
        (0, "ok in ", ("tcp", live)),
        (1, "connect refused in ", ("tcp", closed_port())),
        (1, "timeout (no answer to the request) in ", ("http", live, "timeout=100ms")),
        (0, "certificate ends in 29 days", ("https", nginx["good"], "host=www.example")),
        (1, "certificate expired in ", ("https", nginx["expired"], "host=www.example")),
        (0, "ok in ", ("https", nginx["expired"], "host=www.example", "verify=no")),
        (1, "HTTP status 503 in ", ("http", nginx["plain"], "path=/503")),
        (0, "ok in ", ("http", nginx["plain"], "path=/503", "status=200-299,503")),
        (0, "ok (127.0.0.1 7) in ", ("exec", 7, "checks-directory=/bin", "command=echo")),
        (2, "no check that can be run", ("gopher", live)),
        (2, "not a port", ("tcp", "x")),
        (2, "must be up to 8 ranges", ("http", live, "status=9-5")),
        (2, "no key=value that --once knows", ("http", live, "colour=red")),
    ]
    for status, words, arguments in cases:
        code, said = once(*arguments, env=ENV)
        assert code == status and words in said, (arguments, code, said)
    for arguments, status in ((["--help"], 0), (["--version"], 0), ([], 2), (["--fd"], 2), (["--fd", "0"], 1), (["-x"], 2)):
        done = subprocess.run([os.path.join(lab.BUILD, "gslb-health"), *arguments], capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == status, (arguments, done)


@lab.test
def counted(stack):
    """each result, time and delay is counted in the statistics on the board, and goes on over a restart"""
    live, closed = Tcp(stack, answering(OK)), closed_port()
    targets = [target(0, "tcp", live.port), target(1, "tcp", closed), target(2, "http", live.port)]
    board = Board(64)
    for number in (1, 2):
        with __import__("contextlib").ExitStack() as run:
            health = Health(run, sub("counted"), board=board)
            health.plan(targets)
            lab.wait_for("results", lambda: board[0].probes >= 3 * number and board[1].probes >= 3 * number and
                         board[2].probes >= 3 * number)
    stats = board.stats()
    tcp, http = stats.checks["tcp"], stats.checks["http"]
    assert set(tcp["results"]) == {"ok", "refused"} and min(tcp["results"].values()) >= 6, tcp
    assert set(http["results"]) == {"ok"}, http
    for check, probes in ((tcp, board[0].probes + board[1].probes), (http, board[2].probes)):
        assert check["total"].count == sum(check["total"].buckets) == sum(check["results"].values()) == probes, check
        assert check["total"].sum_us > 0 and check["total"].beyond(20) == 0
    assert stats.late.count >= tcp["total"].count + http["total"].count and 0 < stats.late_max_us < 20e6, stats.late_max_us
    assert stats.targets == 3 and stats.max_descriptors > 0


@lab.test
def unreachable(stack):
    """an endpoint without a route is unreachable, not refused"""
    probe = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*probe, "true"], capture_output=True).returncode != 0:
        raise lab.Skip("no network namespace to be had here")
    code, said = once("tcp", 80, address="192.0.2.1", wrap=probe)
    assert code == 1 and "unreachable" in said, said
    code, said = once("http", 80, address="192.0.2.1", wrap=probe)
    assert code == 1 and "unreachable" in said, said


if __name__ == "__main__":
    stack_of_all = __import__("contextlib").ExitStack()
    stack_of_all.callback(__import__("shutil").rmtree, FOLDER, ignore_errors=True)
    with stack_of_all:
        lab.main()
