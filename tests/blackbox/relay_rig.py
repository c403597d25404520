"""A gslb-relay with its folder and its caches: what relay.py and fleet.py share."""
import json
import os
import shutil
import socket
import subprocess
import tempfile

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
        self.relay_section, self.state = "", "state"
        self.relay = None

    def write_conf(self):
        with open(self.conf, "w") as f:
            f.write(f"server: {{ listen: [\"127.0.0.1@5399\"], region: {self.region} }}\nzones: {{ directory: zones }}\n"
                    f"state: {{ directory: {self.state} }}\nrelay: {{ socket: {self.socket}{self.relay_section} }}\n")
            if self.bus:
                f.write("bus: " + json.dumps(self.bus) + "\n")
            f.write("caches:\n")
            for cache in self.caches:
                f.write("  - " + json.dumps(cache) + "\n")

    def start(self):
        self.starts += 1
        self.write_conf()
        self.relay = Program(self.stack, f"relay-{self.starts}", [os.path.join(BUILD, "gslb-relay"), "-c", self.conf], self.folder)
        self.relay.wait_log("state=running")
        return self

    def ctl(self, *arguments, expect=0):
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", self.socket, "--json", *arguments], capture_output=True, text=True,
                              timeout=60)
        assert expect is None or done.returncode == expect, \
            f"gslbctl {' '.join(arguments)}: exit {done.returncode}: {done.stdout}{done.stderr}{self.relay.text()[-800:]}"
        self.error = done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

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
