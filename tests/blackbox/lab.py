"""lab - what the black-box tests share: real programs on loopback, in a folder of their own, ended by their process ids.

A test is a function with a sentence as its docstring, registered by @test; main() runs all and prints TAP. @rows(table)
makes one of each row of a table. Nothing sleeps for a fixed time to be safe: tests wait for the event itself, with a
deadline."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

# Who starts the tests may have told them to live through a hang-up (nohup), and what they start would live through it, too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

BUILD = os.environ.get("top_builddir", os.getcwd())
SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
DEADLINE = float(os.environ.get("GSLB_TEST_DEADLINE", "20"))
REALTIME = os.environ.get("GSLB_TEST_REALTIME") == "1"  # a quiet machine: figures are demanded, not only printed

_tests = []
_shared = contextlib.ExitStack()


def test(function):
    if function.__module__ == "__main__":  # not those of a program that another takes a rig from
        _tests.append(function)
    return function


def rows(table, todo=None):
    """A test for each row: its first item is the sentence, its last one where that is written; the function gets all but the
    last. Named on the command line, the function runs all of its rows. todo: sentences of rows that are known to fail, and
    why; they do not count until they pass."""
    def register(function):
        for row in table:
            def one(stack, row=row):
                function(*row[:-1])
            one.__name__, one.__doc__ = function.__name__, f"{row[0]} ({row[-1]})"
            one.__module__, one.todo = function.__module__, (todo or {}).get(row[0])
            test(one)
        return function
    return register


def shared(build):
    """What build(stack) makes, once, for all tests of the program; it ends with the program. A failure is kept, too."""
    made = []

    def get():
        if not made:
            try:
                made.append((build(_shared), None))
            except Exception as error:
                made.append((None, error))
        value, error = made[0]
        if error:
            raise error
        return value
    return get


def main():
    only = sys.argv[1:]
    chosen = [t for t in _tests if not only or t.__name__ in only]
    print(f"1..{len(chosen)}", flush=True)
    with _shared:
        failed = run(chosen)
    sys.exit(1 if failed else 0)


def run(chosen):
    failed = 0
    for number, function in enumerate(chosen, 1):
        sentence = (function.__doc__ or function.__name__).strip().split("\n")[0]
        try:
            with contextlib.ExitStack() as stack:
                function(stack)
            print(f"ok {number} - {sentence}", flush=True)
        except Skip as why:
            print(f"ok {number} - {sentence} # SKIP {why}", flush=True)
        except Exception:
            todo = getattr(function, "todo", None)
            failed += not todo
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {number} - {sentence}" + (f" # TODO {todo}" if todo else ""), flush=True)
    return failed


class Skip(Exception):
    pass


def seen(text):
    print("# seen: " + text, flush=True)


def wait_for(what, condition, deadline=None):
    """The condition's first true value; an error that says what was waited for when the deadline passes."""
    end = time.monotonic() + (deadline or DEADLINE)
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
        except Skip:
            raise
        except Exception as error:  # whatever is not there yet, said when it never comes
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for: {what}" + (f" ({last})" if last else ""))
        time.sleep(0.01)


def _free_ports():
    """Ports below the range that outgoing connections take theirs from, a slice for each process; one that was given out
    stays held by a lock as long as this process lives, so that no other test that runs at the same time takes it between
    the look and the bind."""
    start = 10000 + (os.getpid() % 200) * 100
    for n in range(20000):
        yield 10000 + (start - 10000 + n) % 20000


_ports = _free_ports()
_held = []


def free_port(address="127.0.0.1"):
    for port in _ports:
        lock = open(f"/tmp/gslb-test-port-{port}", "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as s:
                    s.bind((address, port))
        except OSError:
            lock.close()
            continue
        _held.append(lock)
        return port
    raise AssertionError("no free port")


def free_ports(n):
    """The first of n in a row."""
    row = [free_port()]
    while len(row) < n:
        port = free_port()
        row = [*row, port] if port == row[-1] + 1 else [port]
    return row[0]


class Program:
    """A process with its log in a file; ended with the test."""

    def __init__(self, stack, name, argv, folder, env=None, **options):
        self.name = name
        self.log_path = os.path.join(folder, name + ".log")
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **(env or {})}, **options)
        stack.callback(self.end)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def kill(self, sig=signal.SIGKILL):
        if self.alive():
            self.process.send_signal(sig)
            if sig in (signal.SIGKILL, signal.SIGTERM):
                self.process.wait(20)

    def end(self):
        if self.alive():
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_log(self, text, deadline=None):
        wait_for(f"{self.name} to log {text!r}; its log ends with {self.text()[-600:]!r}",
                 lambda: text in self.text(), deadline)


BACKEND = r"""
import http.server, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        b = b"alive\n"
        self.send_response(200); self.send_header("Content-Length", str(len(b))); self.end_headers(); self.wfile.write(b)
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
servers = [S((a, int(sys.argv[1])), H) for a in sys.argv[2:]]
for s in servers[1:]: threading.Thread(target=s.serve_forever, daemon=True).start()
print("ready", flush=True)
servers[0].serve_forever()
"""


def http_backend(stack, folder, name, port, *addresses):
    """A process with a plain HTTP server on each address; kill it and its connections are refused."""
    program = Program(stack, name, [sys.executable, "-c", BACKEND, str(port), *addresses], folder)
    program.wait_log("ready")
    return program


class Lab:
    """A gslbd with its own folder, zones and configuration."""

    def __init__(self, stack, zones, databases=(), workers=2, extra=None, address="127.0.0.1", env=None):
        self.stack = stack
        self.folder = tempfile.mkdtemp(prefix="gslb-test-")
        if not os.environ.get("GSLB_TEST_KEEP"):
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.address, self.port = address, free_port(address)
        self.zones = os.path.join(self.folder, "zones")
        self.socket = os.path.join(self.folder, "control.sock")
        self.conf = os.path.join(self.folder, "gslb.yaml")
        self.env = env or {}
        os.mkdir(self.zones)
        for name, text in zones.items():
            self.write_zone(name, text)
        self.write_conf(databases, workers, extra or {})
        self.gslbd = None
        self.starts = 0

    def write_zone(self, name, text):
        path = os.path.join(self.zones, name + ".zone")
        with open(path + ".part", "w") as f:
            f.write(text)
        os.rename(path + ".part", path)

    def write_conf(self, databases=(), workers=2, extra=None):
        sections = {
            "server": {"listen": [f"{self.address}@{self.port}"], "workers": workers, "identity": "lab", "region": "lab",
                       "rrl": {"rate": 0}},  # all clients of a test share one address
            "zones": {"directory": "zones", "watch": "no"},
            "geo": {"databases": list(databases)},
            "state": {"directory": "state"},
            "control": {"socket": "control.sock"},
            "http": {"listen": "none"},
        }
        for section, values in (extra or {}).items():
            sections.setdefault(section, {}).update(values)
        with open(self.conf, "w") as f:
            for section, values in sections.items():
                values = {k: v for k, v in values.items() if v != []}
                if values:
                    f.write(f"{section}:\n")
                for key, value in values.items():
                    f.write(f"  {key}: {json.dumps(value) if not isinstance(value, str) else value}\n")

    def start(self, wait=True):
        self.starts += 1
        self.gslbd = Program(self.stack, f"gslbd-{self.starts}", [os.path.join(BUILD, "gslbd"), "-c", self.conf], self.folder, self.env)
        if wait:
            wait_for(f"gslbd to answer; its log ends with {self.gslbd.text()[-800:]!r}",
                     lambda: self.gslbd.alive() and "state=running version" in self.gslbd.text())
        return self

    def stop(self):
        self.gslbd.kill(signal.SIGTERM)

    def ctl(self, *arguments, expect=0):
        """gslbctl --json: its document (None when it prints none)."""
        done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", self.socket, "--json", *arguments],
                              capture_output=True, text=True, timeout=60)
        assert expect is None or done.returncode == expect, \
            f"gslbctl {' '.join(arguments)}: exit {done.returncode}, not {expect}: {done.stdout}{done.stderr}"
        self.last_error = done.stderr.strip()
        self.last_exit = done.returncode
        return json.loads(done.stdout) if done.stdout.strip() else None

    def ctl_text(self, *arguments):
        return subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", self.socket, *arguments],
                              capture_output=True, text=True, timeout=60)

    def query(self, name, rdtype="A", subnet=None, tcp=False, edns=None, timeout=2, **options):
        ednsopts = []
        if subnet:
            address, length = subnet.split("/")
            ednsopts.append(dns.edns.ECSOption(address, int(length)))
        use = 0 if subnet or edns else edns
        message = dns.message.make_query(name, rdtype, use_edns=use if use is not None else False,
                                         options=ednsopts or None, **options)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(message, self.address, port=self.port, timeout=timeout)

    def addresses(self, name, rdtype="A", subnet=None, **options):
        answer = self.query(name, rdtype, subnet, **options)
        return sorted(r.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype) for r in rrset)

    def scope(self, answer):
        for option in answer.options:
            if isinstance(option, dns.edns.ECSOption):
                return option.scopelen
        return None

    def wait_answer(self, addresses, name, rdtype="A", subnet=None, deadline=None):
        """Until the answer is one of these addresses, and nothing else."""
        wanted = set(addresses)

        def told():
            got = set(self.addresses(name, rdtype, subnet))
            return got and got <= wanted

        start = time.monotonic()
        wait_for(f"{name} {rdtype} to be answered from {sorted(wanted)}", told, deadline)
        return time.monotonic() - start

    def endpoint(self, address):
        for endpoint in self.ctl("endpoints")["endpoints"]:
            if endpoint["address"] == address:
                return endpoint
        return None

    def wait_state(self, address, state, deadline=None):
        wait_for(f"{address} to be {state}", lambda: (self.endpoint(address) or {}).get("state") == state, deadline)

    def health_pid(self):
        return self.ctl("status")["health"]["pid"]
