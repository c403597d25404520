"""A gslb-relay with its folder and its caches: what relay.py and fleet.py share."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

from lab import BUILD, Program, Skip, free_port, wait_for


def program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


class Rig:
    """A folder, caches, and a gslb-relay that keeps them."""

    def __init__(self, stack, caches, region="eu-west"):
        self.stack = stack
        self.folder = tempfile.mkdtemp(prefix="gslb-test-")
        os.chmod(self.folder, 0o755)
        if not os.environ.get("GSLB_TEST_KEEP"):
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket, self.region = os.path.join(self.folder, "relay.sock"), region
        self.conf = os.path.join(self.folder, "gslb.yaml")
        self.starts = 0
        self.caches, self.bus = caches, None
        self.relay_section, self.state, self.env, self.identity = "", "state", None, None
        self.relay = None

    def write_conf(self):
        with open(self.conf, "w") as f:
            identity = f", identity: {self.identity}" if self.identity else ""
            f.write(f"server: {{ listen: [\"127.0.0.1@5399\"], region: {self.region}{identity} }}\nzones: {{ directory: zones }}\n"
                    f"state: {{ directory: {self.state} }}\nrelay: {{ socket: {self.socket}{self.relay_section} }}\n")
            if self.bus:
                f.write("bus: " + json.dumps(self.bus) + "\n")
            f.write("caches:\n" if self.caches else "caches: []\n")
            for cache in self.caches:
                f.write("  - " + json.dumps(cache) + "\n")

    def start(self):
        self.starts += 1
        self.write_conf()
        self.relay = Program(self.stack, f"relay-{self.starts}", [os.path.join(BUILD, "gslb-relay"), "-c", self.conf], self.folder, self.env)
        self.relay.wait_log("state=running")
        return self

    def reload(self):
        """Another configuration, by SIGHUP."""
        self.write_conf()
        self.relay.kill(signal.SIGHUP)

    def ctl(self, *arguments, expect=0):
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", self.socket, "--json", *arguments], capture_output=True, text=True,
                              timeout=60)
        assert expect is None or done.returncode == expect, \
            f"gslbctl {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}{self.relay.text()[-800:]}"
        self.error = done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

    def say(self, command, **args):
        """One command over the socket, as an application says it."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.socket)
            s.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                more = s.recv(65536)
                if not more:
                    raise ConnectionError("gslb-relay has gone without an answer")
                data += more
        return json.loads(data)

    def target(self, name):
        return next(t for t in self.ctl("relay", "targets")["targets"] if t["name"] == name)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)
    return path


def redis(stack, rig):
    port = free_port()
    Program(stack, "redis", [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", rig.folder], rig.folder)
    wait_for("redis", lambda: command(port, "PING\r\n").startswith("+PONG"))
    return port, {"type": "redis", "name": "kv", "socket": f"127.0.0.1@{port}", "prefix": "shop:"}


def command(port, text):
    with socket.create_connection(("127.0.0.1", port), 2) as s:
        s.sendall(text.encode())
        return s.recv(65536).decode()


class Authority(threading.Thread):
    """The authoritative server: one address for every name, which the test changes; its answers may take their time."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.port, self.address, self.delay_s, self.asked = free_port(), "192.0.2.1", 0.0, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        stack.callback(self.socket.close)
        self.start()

    def answer(self, data, peer, address, delay_s):
        time.sleep(delay_s)
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query)
        reply.flags |= 0x0400
        question = query.question[0]
        if question.rdtype == dns.rdatatype.A:
            reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", "A", address))
        elif question.rdtype == dns.rdatatype.TXT:
            reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", "TXT", f'"{address}"'))
        else:
            reply.authority.append(dns.rrset.from_text("svc.example.", 300, "IN", "SOA", "ns1.svc.example. h.svc.example. 1 1 1 1 300"))
        try:
            self.socket.sendto(reply.to_wire(), peer)
        except OSError:
            pass

    def run(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self.answer, args=(data, peer, self.address, self.delay_s), daemon=True).start()


def unbound(stack, rig, upstream, modules="iterator", more=""):
    port = free_port()
    conf = write(os.path.join(rig.folder, "unbound.conf"), f"""
server:
  directory: "{rig.folder}"
  chroot: ""
  username: ""
  pidfile: ""
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  module-config: "{modules}"
  {more}
  do-not-query-localhost: no
  do-ip6: no
  access-control: 127.0.0.0/8 allow
stub-zone:
  name: "svc.example"
  stub-addr: 127.0.0.1@{upstream}
remote-control:
  control-enable: yes
  control-interface: {rig.folder}/unbound.ctl
""")
    Program(stack, "unbound", [program("unbound"), "-d", "-p", "-c", conf], rig.folder)
    return port, {"type": "unbound", "name": "resolver", "socket": f"{rig.folder}/unbound.ctl", "zones": ["svc.example"]}


def resolve(port, name, rdtype="A"):
    answer = dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=port, timeout=3)
    return [r.to_text().strip('"') for rrset in answer.answer for r in rrset]


TOKEN = "a-token-of-the-shop-0123456789"


class Door:
    """A relay with a redis and an open HTTP door."""

    def __init__(self, stack, caches=None):
        self.rig = Rig(stack, [])
        self.port = free_port()
        self.redis, cache = redis(stack, self.rig)
        write(os.path.join(self.rig.folder, "tokens"), f"# who may\nshop {TOKEN}\nbulk {TOKEN}-bulk\n")
        self.rig.caches = [cache] + (caches or [])
        write(os.path.join(self.rig.folder, "policy"), "".join(f"actor * {kind} *\n" for kind in ("dns", "key", "tag", "url", "prefix", "zone", "all")))
        self.rig.relay_section = f", listen: 127.0.0.1@{self.port}, token-file: tokens, policy-file: policy"
        self.rig.start()

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["Authorization"] = "Bearer " + token
        connection.request(method, path, body if body is None or isinstance(body, (str, bytes)) else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, (json.loads(text) if text.startswith("{") else text), response.headers

    def post(self, body, **headers):
        return self.ask("POST", "/v1/invalidate", body, **headers)

    def metric(self, name):
        for line in self.ask("GET", "/metrics", token=None)[1].splitlines():
            if line.startswith("gslb_relay_" + name + " "):
                return float(line.split()[-1])
        raise AssertionError(name)


def key_event(*keys):
    return {"class": "key", "items": [{"k": k} for k in keys]}
