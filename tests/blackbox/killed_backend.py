#!/usr/bin/python3
"""examples/fleet, two regions and a hub: a backend is killed, and the caches of both regions give the new answer, though the old one had five
minutes to live. `make bench-failovers` does it fifty times and holds the times against what is promised; `make check` a few times."""
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dns.message
import dns.rdatatype

from lab import BUILD, REALTIME, Program, free_port, free_ports, main, test, wait_for
from relay_rig import program, write

EXAMPLE = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "fleet"))
TIMES = int(os.environ.get("GSLB_TEST_FAILOVERS", "3"))
PROMISED_S = 1.0
PATIENCE_S = 60
ON_ITS_WAY_S = 0.1  # after the verdict the old answer comes: the caches were told meanwhile
REGIONS = {"eu": 10, "us": 20}
SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IHNlY3JldCBvZiB0ZXM="
NEW = socket.inet_aton("127.0.30.1")

HEAD = """$ORIGIN shop.example.
$TTL 300
@ SOA ns1 hostmaster 2 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
spare._pool TXT "v=pool1; check=tcp; interval=1s; timeout=900ms; ramp=0s"
spare._pool SRV 0 1 {port} lb1.spare
lb1.spare A 127.0.30.1
"""
SERVICE = """_gslb.s{n} TXT "v=gslb1; pools=p{n},spare; rank=order; ttl=300/5"
p{n}._pool TXT "v=pool1; check=tcp; interval=1s; timeout=900ms; ramp=0s"
p{n}._pool SRV 0 1 {port} lb1.p{n}
lb1.p{n} A {address}
"""


def address_of(n):
    return f"127.0.40.{n + 1}"


class Backend:
    """A process that takes connections, and nothing else: fifty of them cost little."""

    def __init__(self, stack, address, port):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                with socket.create_server((address, port), backlog=64) as server:
                    while True:
                        server.accept()[0].close()
            finally:
                os._exit(1)
        stack.callback(self.kill)

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.pid = 0


class Late(threading.Thread):
    """What stands between a resolver and gslbd: while it holds, the first answer to a question is kept, and given to whoever asks that; when it
    lets go, they have it: an answer that was on its way while the caches were told."""

    def __init__(self, stack, upstream):
        super().__init__(daemon=True)
        self.port, self.upstream, self.lock = free_port(), upstream, threading.Lock()
        self.holds, self.kept, self.waiting = False, {}, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        stack.callback(self.socket.close)
        self.start()

    def ask(self, data):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(3)
            s.sendto(data, ("127.0.0.1", self.upstream))
            return s.recv(4096)

    def run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            question = data[12:data.index(b"\0", 12) + 5].lower()
            with self.lock:
                try:
                    if not self.holds:
                        self.socket.sendto(self.ask(data), peer)
                        continue
                    if question not in self.kept:
                        self.kept[question] = self.ask(data)
                    self.waiting.append((peer, data[:12], data[12:data.index(b"\0", 12) + 5], self.kept[question]))
                except OSError:
                    continue

    def hold(self):
        with self.lock:
            self.holds = True

    def let_go(self):
        with self.lock:
            self.holds = False
            for peer, head, name, answer in self.waiting:  # its id, and its letters' case
                self.socket.sendto(head[:2] + answer[2:12] + name + answer[12 + len(name):], peer)
            self.waiting, self.kept = [], {}


def question(name):
    return dns.message.make_query(name, "A", use_edns=False).to_wire()


def ask(port, name, timeout=10):
    """The address, and how long it may be kept."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.sendto(question(name), ("127.0.0.1", port))
        answer = dns.message.from_wire(s.recv(4096))
    rrset = next((r for r in answer.answer if r.rdtype == dns.rdatatype.A), None)
    assert rrset, dns.rcode.to_text(answer.rcode())
    return rrset[0].to_text(), rrset.ttl


def ask_early(port, name):
    try:
        ask(port, name, PATIENCE_S)
    except (OSError, AssertionError):  # the resolver lost its patience: then nothing was on its way
        pass


class Watch:
    """Asks servers for a name every 10 ms, each until it gives the new address, and knows when that was."""

    def __init__(self, name):
        self.name, self.since, self.sockets = name, {}, {}
        self.selector = selectors.DefaultSelector()

    def add(self, what, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", port))
        self.sockets[what] = s
        self.selector.register(s, selectors.EVENT_READ, what)

    def step(self):
        until = time.monotonic() + 0.01
        for s in self.sockets.values():
            try:
                s.send(question(self.name))
            except OSError:
                pass
        while (left := until - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                try:
                    new = NEW in key.fileobj.recv(4096)[12:]
                except OSError:
                    continue
                if new:
                    self.since[key.data] = time.monotonic()
                    self.selector.unregister(key.fileobj)
                    self.sockets.pop(key.data).close()

    def until(self, *what):
        end = time.monotonic() + PATIENCE_S
        while not all(w in self.since for w in what):
            assert time.monotonic() < end, f"{self.name}: {[w for w in what if w not in self.since]} still give the old answer"
            self.step()


class Fleet:
    """examples/fleet by its one command, with a zone of many services, and in each region one more resolver behind a Late."""

    def __init__(self, stack, times):
        for name in ("nats-server", "unbound", "redis-server", "openssl", "named", "pdns_recursor"):
            program(name)
        self.stack, self.folder, self.first = stack, tempfile.mkdtemp(prefix="gslb-test-"), free_ports(30)
        os.chmod(self.folder, 0o755)
        if not os.environ.get("GSLB_TEST_KEEP"):
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.backend_port = free_port()
        self.backends = [Backend(stack, address_of(n), self.backend_port) for n in range(times)]
        Backend(stack, "127.0.30.1", self.backend_port)
        stack.callback(subprocess.run, [os.path.join(EXAMPLE, "stop"), self.folder], capture_output=True)
        done = subprocess.run([os.path.join(EXAMPLE, "start"), self.folder], env=dict(os.environ, FLEET_PORT=str(self.first), GSLB_BIN=BUILD),
                              capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        self.late = {region: Late(stack, self.at(region, "dns")) for region in REGIONS}
        self.more = {"eu": self.named("eu"), "us": self.powerdns("us")}
        for region in REGIONS:
            self.load_zone(region, times)
            self.add_cache(region, self.more[region][1])

    def at(self, region, what):
        return self.first + REGIONS[region] + {"nats": 0, "dns": 1, "resolver": 2, "redis": 3, "http": 4}[what]

    def ctl(self, region, *arguments, socket="relay.sock"):
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", os.path.join(self.folder, region, socket), "--json", *arguments],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def load_zone(self, region, times):
        text = HEAD.format(port=self.backend_port)
        text += "".join(SERVICE.format(n=n, port=self.backend_port, address=address_of(n)) for n in range(times))
        path = os.path.join(self.folder, region, "zones", "shop.example.zone")
        write(path + ".part", text)
        os.rename(path + ".part", path)
        self.ctl(region, "reload", socket="control.sock")
        for n in range(times):
            wait_for(f"s{n} in {region}", lambda: ask(self.at(region, "dns"), f"s{n}.shop.example")[0] == address_of(n))

    def named(self, region):
        port, control, folder = free_port(), free_port(), os.path.join(self.folder, region)
        conf = write(os.path.join(folder, "named.conf"), f"""
key "relay" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{
  directory "{folder}"; pid-file none; session-keyfile none; managed-keys-directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion yes; allow-recursion {{ 127.0.0.0/8; }}; dnssec-validation no; empty-zones-enable no;
}};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "relay"; }}; }};
zone "shop.example" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {self.late[region].port}; }}; }};
""")
        write(os.path.join(folder, "rndc.secret"), SECRET + "\n")
        Program(self.stack, "named", [program("named"), "-g", "-c", conf, "-n", "1"], folder)
        wait_for("named", lambda: ask(port, "ns1.shop.example", 1))
        return port, f"type: bind, name: second, socket: 127.0.0.1@{control}, key-file: rndc.secret, zones: [shop.example]"

    def powerdns(self, region):
        port, folder = free_port(), os.path.join(self.folder, region)
        os.mkdir(os.path.join(folder, "pdns"))
        write(os.path.join(folder, "pdns", "recursor.conf"), "")
        Program(self.stack, "pdns", [program("pdns_recursor"), f"--config-dir={folder}/pdns", "--daemon=no", f"--socket-dir={folder}", "--dnssec=off",
                                     "--local-address=127.0.0.1", f"--local-port={port}", "--write-pid=no", "--dont-query=", "--threads=1",
                                     f"--forward-zones=shop.example=127.0.0.1:{self.late[region].port}", "--network-timeout=8000",
                                     "--disable-packetcache=no"], folder)
        wait_for("pdns_recursor", lambda: ask(port, "ns1.shop.example", 1))
        return port, f"type: powerdns, name: second, socket: {folder}/pdns_recursor.controlsocket, zones: [shop.example]"

    def command(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                return f.read().split("\0")[:-1]
        except OSError:
            return []

    def add_cache(self, region, row):
        """gslb-relay ends and comes again with one more cache in its file."""
        conf = os.path.join(self.folder, region, "gslb.yaml")
        with open(conf, "a") as f:
            f.write(f"  - {{ {row} }}\n")
        with open(os.path.join(self.folder, "pids")) as f:
            pid = next(pid for pid in f.read().split() if self.command(pid)[-1:] == [f"{region}/gslb.yaml"] and "gslb-relay" in self.command(pid)[0])
        os.kill(int(pid), signal.SIGTERM)
        wait_for("gslb-relay to end", lambda: not self.command(pid))
        relay = Program(self.stack, "relay-again", [os.path.join(BUILD, "gslb-relay"), "-c", conf], os.path.join(self.folder, region))
        relay.wait_log("state=running")

    def fail_over(self, n):
        """Kill one backend. Seconds from the verdict in a region, which is when its gslbd gives the new answer, to the resolver's."""
        name, watch = f"s{n}.shop.example", Watch(f"s{n}.shop.example")
        for region in REGIONS:
            wait_for(f"{region}'s unbound to keep the old answer for long",
                     lambda: (got := ask(self.at(region, "resolver"), name)) and got[0] == address_of(n) and got[1] > 200, PATIENCE_S)
            self.late[region].hold()
        asking = [threading.Thread(target=ask_early, args=(self.more[region][0], name), daemon=True) for region in REGIONS]
        for thread, region in zip(asking, REGIONS):
            thread.start()
            wait_for("the question", lambda: self.late[region].waiting)
        for region in REGIONS:
            watch.add(("dns", region), self.at(region, "dns"))
            watch.add(("unbound", region), self.at(region, "resolver"))
        self.backends[n].kill()
        began = time.monotonic()
        held = set(REGIONS)
        while held:
            watch.step()
            for region in [r for r in held if time.monotonic() > watch.since.get(("dns", r), float("inf")) + ON_ITS_WAY_S]:
                self.late[region].let_go()
                held.remove(region)
            assert time.monotonic() < began + PATIENCE_S, f"{name}: {held} still give the old answer"
        verdict = {region: watch.since["dns", region] for region in REGIONS}
        for thread in asking:
            thread.join()
        for region in REGIONS:
            watch.add(("second", region), self.more[region][0])
        watch.until(*[(what, region) for what in ("unbound", "second") for region in REGIONS])
        self.backends[n] = Backend(self.stack, address_of(n), self.backend_port)
        return {(what, region): watch.since[what, region] - verdict[region] for what in ("unbound", "second") for region in REGIONS}


@test
def a_killed_backend_is_gone_from_every_cache(stack):
    """a backend killed: both regions' gslbd answer the other one, and so do their unbounds; BIND and PowerDNS, too, with a query on its way"""
    fleet = Fleet(stack, TIMES)
    took = {}
    for n in range(TIMES):
        for who, seconds in fleet.fail_over(n).items():
            took.setdefault(who, []).append(seconds)
    names = {("unbound", "eu"): "eu's unbound", ("unbound", "us"): "us's unbound", ("second", "eu"): "eu's BIND, with a query on its way",
             ("second", "us"): "us's PowerDNS, with a query on its way"}
    late = []
    for who, seconds in took.items():
        seconds.sort()
        p99 = seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)]
        late += [names[who]] if p99 > PROMISED_S else []
        print(f"# from the verdict to {names[who]}: median {seconds[len(seconds) // 2] * 1000:.0f} ms, 99 % {p99 * 1000:.0f} ms, of {len(seconds)}")
    assert not REALTIME or not late, f"later than {PROMISED_S} s: {late}"


main()
