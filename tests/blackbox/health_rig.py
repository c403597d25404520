"""health_rig - gslb-health as gslbd sees it: the socket, the board, plans; and the servers that its probes meet.

The packing here is written from health.h, not from the program's own code: the two agree only if both are right."""
import fcntl
import mmap
import os
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

import lab
from tcp_rig import Tcp

F_ADD_SEALS, SEAL, SHRINK, GROW, WRITE = 1033, 1, 2, 4, 8
BOARD, PLAN, PUSH, TAKEN, CHANGED, RESOLVED, ALIVE, ABSTAIN = range(1, 9)
UNKNOWN, UP, DOWN = range(3)
CHECKS = ["none", "tcp", "http", "https", "dns", "exec", "push", "grpc", "grpcs"]
RESULTS = ["ok", "none", "refused", "timeout", "reset", "unreachable", "closed early", "tls expired", "tls name",
           "tls untrusted", "tls other", "status", "body", "http other", "dns rcode", "dns other", "exec exit",
           "exec signal", "exec start", "pushed down", "pushed up", "local", "http header", "grpc status", "grpc health", "grpc other",
           "push over"]
PROGRAM = os.path.join(lab.BUILD, "gslb-health")


def text(value):
    return struct.pack("=I", len(value.encode())) + value.encode()


def packed(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return struct.pack("=B16s", 6 if ":" in address else 4, socket.inet_pton(family, address))


def unpacked(raw):
    return socket.inet_ntop(socket.AF_INET6, raw[1:]) if raw[0] == 6 else socket.inet_ntop(socket.AF_INET, raw[1:5])


def target(slot, check, port=1, address="127.0.0.1", generation=1, host="", path="/", body="", qname="", qtype=6, command="",
           status=(), verify=True, cert_days=7, interval=300, timeout=800, rise=2, fall=2, label=None):
    return b"".join([
        struct.pack("=IHH", slot, generation, port), packed(address),
        struct.pack("=HHHHIIHHB", CHECKS.index(check), verify, cert_days, qtype, interval, timeout, rise, fall, len(status)),
        *(struct.pack("=HH", *r) for r in status),
        *(text(t) for t in (host, path, body, qname, command, "", label or f"pool/{check}{slot}"))])


def sealed(name, content, seals):
    fd = os.memfd_create(name, os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


class Slot:
    def __init__(self, raw):
        (word, self.rtt_us, self.last_s, self.transitions, self.probes, self.streak, self.number,
         detail, terms, self.cert_end_s) = struct.unpack("=QIIIIHH28sII", raw)
        self.state, self.doubt, self.recovered, self.damped = word & 3, bool(word & 4), bool(word & 8), bool(word & 16)
        self.held, self.regional, self.frozen = bool(word & 32), bool(word & 64), bool(word & 128)
        self.needed, self.loss_permille, self.hold_s = terms & 255, terms >> 8 & 1023, (terms >> 25) * 8
        self.result = RESULTS[word >> 8 & 255]
        self.generation, self.since_s = word >> 16 & 0xffff, word >> 32
        self.detail = detail.split(b"\0")[0].decode()

    def __repr__(self):
        return (f"state={self.state} doubt={self.doubt} result={self.result!r} number={self.number} detail={self.detail!r} "
                f"probes={self.probes} transitions={self.transitions} generation={self.generation}")


class Histogram:
    BOUNDS = [m * 10 ** e / 1e6 for e in range(1, 8) for m in (1, 2, 5)][2:] + [float("inf")]

    def __init__(self, numbers):
        self.count, self.sum_us, self.buckets = numbers[0], numbers[1], numbers[2:]

    def beyond(self, seconds):
        return sum(n for n, bound in zip(self.buckets, self.BOUNDS) if bound > seconds)


class Stats:
    """struct board_stats, all of it numbers of 8 bytes but for pairs of 4."""
    HISTOGRAM = 22
    CHECK = len(RESULTS) + 1 + 4 * HISTOGRAM + 1
    LEN = 8 * (len(CHECKS) * CHECK + HISTOGRAM + 1 + 3)
    FLEET = 14 * 4 + 4 * 8 + 128 + 64 * 64

    def __init__(self, raw):
        numbers = struct.unpack(f"={self.LEN // 8}Q", raw)
        halves = struct.unpack(f"={self.LEN // 4}I", raw)
        self.checks = {}
        for i, check in enumerate(CHECKS):
            at = i * self.CHECK
            one = self.checks[check] = dict(results={r: n for r, n in zip(RESULTS, numbers[at:]) if n})
            at += len(RESULTS)
            one["reused"] = numbers[at]
            for j, part in enumerate(("connect", "tls", "first_byte", "total")):
                one[part] = Histogram(numbers[at + 1 + j * self.HISTOGRAM:at + 1 + (j + 1) * self.HISTOGRAM])
            one["running"], one["queued"] = halves[2 * (at + 1 + 4 * self.HISTOGRAM):][:2]
        at = len(CHECKS) * self.CHECK
        self.late, self.late_max_us = Histogram(numbers[at:at + self.HISTOGRAM]), numbers[at + self.HISTOGRAM]
        self.running, self.queued, self.descriptors, self.max_descriptors, self.targets = halves[2 * (at + self.HISTOGRAM + 1):][:5]


def pages(n):
    return (n + 4095) // 4096 * 4096


class Board:
    def __init__(self, nslots, seals=SEAL | SHRINK | GROW):
        self.nslots = nslots
        size = pages(64 * nslots) + pages(Stats.LEN + Stats.FLEET) + pages(8 * nslots)
        self.fd = os.memfd_create("board", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, size)
        fcntl.fcntl(self.fd, F_ADD_SEALS, seals)
        self.map = mmap.mmap(self.fd, size, mmap.MAP_SHARED, mmap.PROT_READ)

    def stats(self):
        return Stats(self.map[pages(64 * self.nslots):pages(64 * self.nslots) + Stats.LEN])

    def __getitem__(self, slot):
        return Slot(self.map[slot * 64:slot * 64 + 64])

    def put(self, slot, state, generation=1, since_s=1000):
        os.pwrite(self.fd, struct.pack("=Q", state | 1 << 8 | generation << 16 | since_s << 32) + bytes(56), slot * 64)


class Health:
    """A gslb-health with its board; messages are kept as they come, but only while somebody reads them."""

    def __init__(self, stack, folder, nslots=64, env=None, board=None, wrap=()):
        self.sock, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.board = board or Board(nslots)
        self.messages, self.serial = [], 0
        self.program = lab.Program(stack, "health", [*wrap, PROGRAM, "--fd", str(other.fileno())], folder, env=env,
                                   pass_fds=[other.fileno()])
        other.close()
        stack.callback(self.sock.close)
        self.send(BOARD, value=self.board.nslots, fd=self.board.fd)

    def send(self, kind, slot=0, generation=0, state=0, value=0, fd=None):
        packet = struct.pack("=IIHHQIHH", kind, slot, generation, state, value, 0, 0, 0)
        socket.send_fds(self.sock, [packet], [] if fd is None else [fd])

    def read(self, seconds=0.0):
        """Take in what has come, waiting so long for the first."""
        while select.select([self.sock], [], [], seconds)[0]:
            packet = self.sock.recv(4096)
            if not packet:
                raise AssertionError("gslb-health is gone: " + self.program.text()[-800:])
            kind, slot, generation, state, value, ttl, ok, n = struct.unpack("=IIHHQIHH", packet[:28])
            addrs = [unpacked(packet[28 + 17 * i:45 + 17 * i]) for i in range(n)]
            assert len(packet) == 28 + 17 * n
            self.messages.append(dict(kind=kind, slot=slot, generation=generation, state=state, value=value, ttl=ttl, ok=ok,
                                      addrs=addrs, at=time.monotonic()))
            seconds = 0

    def wait_message(self, what, wanted, deadline=10):
        def look():
            self.read(0.02)
            return next((m for m in self.messages if wanted(m)), None)
        return lab.wait_for(what, look, deadline)

    def send_plan(self, targets, lookups=(), checks="", groups=None, anchors=(), vantages=0, fleet=("", "", ())):
        """groups: a number for each target; none: all are of one. fleet: the relay's socket, the region, all regions."""
        self.serial += 1
        groups = groups or [0] * len(targets)
        content = b"gslbpln4" + struct.pack("=QII", self.serial, len(targets), len(lookups)) + text(checks)
        content += b"".join(targets) + b"".join(struct.pack("=I", i) + text(name) for i, name in lookups)
        content += struct.pack("=I", 0)  # gauges
        content += struct.pack(f"={len(targets) + 1}I", max(groups, default=-1) + 1, *groups)
        content += bytes([vantages] * len(targets))
        content += struct.pack("=I", len(anchors)) + b"".join(packed(a) + struct.pack("=H", port) for a, port in anchors)
        content += struct.pack("=I", len(fleet[2])) + b"".join(text(t) for t in (*fleet[2], fleet[1], fleet[0]))
        content += struct.pack("=II", 0, 0)
        fd = sealed("plan", content, SEAL | SHRINK | GROW | WRITE)
        self.send(PLAN, value=self.serial, fd=fd)
        os.close(fd)

    def plan(self, targets, lookups=(), checks="", groups=None, anchors=(), vantages=0, fleet=("", "", ())):
        self.send_plan(targets, lookups, checks, groups, anchors, vantages, fleet)
        self.wait_message("the plan to be taken", lambda m: m["kind"] == TAKEN and m["value"] == self.serial)

    def wait_slot(self, slot, wanted, deadline=10):
        def look():
            self.read()
            return wanted(self.board[slot])
        try:
            lab.wait_for(f"slot {slot}", look, deadline)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {self.board[slot]}") from None
        return self.board[slot]

    def wait_state(self, slot, state, deadline=10):
        return self.wait_slot(slot, lambda s: s.state == state and not s.doubt, deadline)


def once(check, port, *keys, address="127.0.0.1", env=None, wrap=()):
    done = subprocess.run([*wrap, PROGRAM, "--once", check, address, str(port), *keys], capture_output=True, text=True,
                          timeout=30, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout + done.stderr


def openssl(*arguments, **options):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options)


class Pki:
    """Certificates of a test's own authority, for www.example but for `other`."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = self.path("ca.crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path("ca.key"),
                "-out", self.ca, "-days", "30", "-subj", "/CN=test ca")
        self.make("good", "www.example", 30)
        self.make("soon", "www.example", 3)
        self.make("expired", "www.example", -1)
        self.make("other", "other.example", 30)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.path("self.key"), "-out", self.path("self.crt"), "-days", "30", "-subj", "/CN=www.example", "-addext",
                "subjectAltName=DNS:www.example")

    def path(self, name):
        return os.path.join(self.folder, name)

    def make(self, name, host, days):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"),
                "-out", self.path(name + ".csr"), "-subj", "/CN=" + host)
        with open(self.path(name + ".ext"), "w") as f:
            f.write(f"subjectAltName=DNS:{host}\n")
        openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.ca, "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", str(days), "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".crt"))


class Tls(Tcp):
    """The same over TLS, with the certificate of that name. ALPN: what it speaks."""

    def __init__(self, stack, behave, pki, name="good", alpn=("http/1.1",)):
        self.context, self.pki, self.alpn, self.handshakes = None, pki, alpn, 0
        self.show(name)
        super().__init__(stack, behave)

    def show(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pki.path(name + ".crt"), self.pki.path(name + ".key"))
        context.set_alpn_protocols(list(self.alpn))
        self.context = context

    def one(self, connection):
        try:
            connection.settimeout(20)
            secure = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        self.handshakes += 1
        super().one(secure)


def read_request(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        got = connection.recv(4096)
        if not got:
            break
        request += got
    return request


def answering(*parts, pause=0.0, forever=False):
    """Behaviour: read the request, send the parts one after the other, again and again if forever, and close."""
    def behave(connection):
        read_request(connection)
        while True:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
            if not forever:
                return
    return behave


def silent(connection):
    while connection.recv(4096):
        pass


def resetting(connection):
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def black_hole(stack):
    """A port whose backlog is full: the kernel drops each further SYN."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    stack.callback(listener.close)
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        stack.callback(filler.close)
    time.sleep(0.05)
    return listener.getsockname()[1]


class Udp:
    """A name server that lets `answer(query bytes, count)` make each reply; None: silence."""

    def __init__(self, stack, answer):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.answer, self.count = answer, 0
        threading.Thread(target=self.serve, daemon=True).start()
        stack.callback(self.sock.close)

    def serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            self.count += 1
            reply = self.answer(query, self.count)
            if reply is not None:
                self.sock.sendto(reply, peer)


def reply_to(query, rcode=0, question=True):
    return query[:2] + bytes([0x84, rcode, 0, 1 if question else 0]) + bytes(6) + (query[12:] if question else b"")
