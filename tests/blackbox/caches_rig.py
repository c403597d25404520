"""Real caches for gslb-relay, each in the test's folder: how it is started, and the row of caches: that tells gslb-relay where it is."""
import os
import socket

from lab import Program, free_port, test, wait_for
from relay_rig import command, program, unbound, write
from tcp_rig import Tcp


# ---- resolvers ----

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IHNlY3JldCBvZiB0ZXM="


def named(stack, rig, upstream):
    port, control = free_port(), free_port()
    conf = write(os.path.join(rig.folder, "named.conf"), f"""
key "relay" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
options {{
  directory "{rig.folder}"; pid-file none; session-keyfile none; managed-keys-directory "{rig.folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion yes; allow-recursion {{ 127.0.0.0/8; }}; dnssec-validation no; empty-zones-enable no;
}};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "relay"; }}; }};
zone "svc.example" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {upstream}; }}; }};
""")
    write(os.path.join(rig.folder, "rndc.secret"), SECRET + "\n")
    Program(stack, "named", [program("named"), "-g", "-c", conf, "-n", "1"], rig.folder)
    return port, {"type": "bind", "name": "resolver", "socket": f"127.0.0.1@{control}", "key-file": "rndc.secret", "zones": ["svc.example"]}


def powerdns(stack, rig, upstream):
    port = free_port()
    conf = os.path.join(rig.folder, "pdns")
    os.mkdir(conf)
    write(os.path.join(conf, "recursor.conf"), "")
    Program(stack, "pdns", [program("pdns_recursor"), f"--config-dir={conf}", "--daemon=no", f"--socket-dir={rig.folder}", "--dnssec=off",
                            "--local-address=127.0.0.1", f"--local-port={port}", f"--forward-zones=svc.example=127.0.0.1:{upstream}",
                            "--write-pid=no", "--dont-query=", "--threads=1", "--disable-packetcache=no"], rig.folder)
    return port, {"type": "powerdns", "name": "resolver", "socket": f"{rig.folder}/pdns_recursor.controlsocket", "zones": ["svc.example"]}


def kresd(stack, rig, upstream):
    port = free_port()
    conf = write(os.path.join(rig.folder, "kresd.conf"), f"""
net.ipv6 = false
net.listen('127.0.0.1', {port}, {{ kind = 'dns' }})
net.listen('{rig.folder}/kresd.ctl', nil, {{ kind = 'control' }})
trust_anchors.remove('.')
modules.unload('priming')
modules.unload('ta_update')
modules.unload('ta_signal_query')
cache.size = 10 * MB
policy.add(policy.suffix(policy.STUB('127.0.0.1@{upstream}'), {{ todname('svc.example') }}))
""")
    run = os.path.join(rig.folder, "kresd")
    os.mkdir(run)
    Program(stack, "kresd", [program("kresd"), "-n", "-c", conf, run], rig.folder)
    return port, {"type": "knot", "name": "resolver", "socket": f"{rig.folder}/kresd.ctl", "zones": ["svc.example"]}


RESOLVERS = [("unbound", unbound), ("named", named), ("pdns_recursor", powerdns), ("kresd", kresd)]


def resolver_test(sentence):
    """One test for each resolver: function(stack, start)."""
    def register(function):
        for name, start in RESOLVERS:
            def one(stack, start=start):
                function(stack, start)
            one.__name__, one.__doc__ = function.__name__, f"{name}: {sentence}"
            test(one)
        return function
    return register


# ---- key-value stores ----

def memcached(stack, rig):
    port = free_port()
    Program(stack, "memcached", [program("memcached"), "-u", "root", "-l", "127.0.0.1", "-p", str(port)], rig.folder)
    wait_for("memcached", lambda: command(port, "version\r\n").startswith("VERSION"))
    return port, {"type": "memcached", "name": "kv", "socket": f"127.0.0.1@{port}"}


# ---- HTTP caches ----

VCL = """vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "%d"; }
acl relay { "127.0.0.1"; }
sub vcl_recv {
  if (req.method == "PURGE") {
    if (!client.ip ~ relay) { return (synth(405)); }
    return (purge);
  }
  if (req.method == "BAN") {
    if (!client.ip ~ relay) { return (synth(405)); }
    ban("obj.http.x-host == " + req.http.X-Gslb-Ban-Host + " && obj.http.x-url ~ " + req.http.X-Gslb-Ban-Regex);
    return (synth(200));
  }
  if (req.http.X-Gslb-Refresh) { set req.hash_always_miss = true; }
}
sub vcl_backend_response {
  set beresp.http.x-url = bereq.url;
  set beresp.http.x-host = bereq.http.host;
  set beresp.ttl = 1h;
}
"""


class Origin(Tcp):
    """Counts what it is asked for, and answers with the count."""

    def __init__(self, stack):
        self.count = 0
        super().__init__(stack, self.answer, free_port())

    def answer(self, s):
        data = b""
        while b"\r\n\r\n" not in data:
            more = s.recv(4096)
            if not more:
                break
            data += more
        self.count += 1
        body = str(self.count).encode()
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def get(port, path, host="www.example"):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while True:
            more = s.recv(65536)
            if not more:
                return int(data.split(b"\r\n\r\n", 1)[1])
            data += more


def varnish(stack, rig, origin):
    port = free_port()
    vcl = write(os.path.join(rig.folder, "test.vcl"), VCL % origin.port)
    Program(stack, "varnish", [program("varnishd"), "-F", "-f", vcl, "-a", f"127.0.0.1:{port}", "-n", f"{rig.folder}/varnish",
                               "-s", "malloc,16m", "-p", "default_grace=0", "-T", "none", "-j", "none"], rig.folder)
    wait_for("varnish", lambda: get(port, "/ready") > 0, 30)
    return port, {"type": "http", "name": "edge", "url": f"http://127.0.0.1:{port}/"}


def nginx(stack, rig, origin):
    port = free_port()
    conf = write(os.path.join(rig.folder, "nginx.conf"), f"""
daemon off; worker_processes 1; pid {rig.folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {rig.folder}/ngx-body; proxy_temp_path {rig.folder}/ngx-proxy; fastcgi_temp_path {rig.folder}/ngx-fcgi;
  uwsgi_temp_path {rig.folder}/ngx-uwsgi; scgi_temp_path {rig.folder}/ngx-scgi;
  proxy_cache_path {rig.folder}/ngx-cache keys_zone=all:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($request_method = PURGE) {{ return 405; }}
      proxy_pass http://127.0.0.1:{origin.port}; proxy_cache all; proxy_cache_key $host$uri; proxy_cache_valid 200 1h;
      proxy_cache_bypass $http_x_gslb_refresh;
    }}
  }}
}}
""")
    Program(stack, "nginx", [program("nginx"), "-p", rig.folder, "-c", conf], rig.folder)
    wait_for("nginx", lambda: get(port, "/ready") > 0, 30)
    return port, {"type": "http", "name": "edge", "url": f"http://127.0.0.1:{port}/"}
