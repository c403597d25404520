"""recursive - real recursive resolvers in front of a lab, which resolve svc.example through its gslbd."""
import os
import shutil

import dns.message
import dns.query

from lab import Program, Skip, free_port

UNBOUND = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  interface: 127.0.0.1@{port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  verbosity: 1
  module-config: "iterator"
  do-not-query-localhost: no
  do-ip6: no
  access-control: 127.0.0.0/8 allow
stub-zone:
  name: "svc.example"
  stub-addr: {address}@{upstream}
remote-control:
  control-enable: no
"""

NAMED = """
options {{
  directory "{folder}";
  pid-file none;
  session-keyfile none;
  managed-keys-directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion yes;
  allow-recursion {{ 127.0.0.0/8; }};
  dnssec-validation no;
  empty-zones-enable no;
}};
controls {{ }};
zone "svc.example" {{ type forward; forward only; forwarders {{ {address} port {upstream}; }}; }};
"""


def program(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def unbound(stack, lab):
    port = free_port()
    conf = os.path.join(lab.folder, "unbound.conf")
    with open(conf, "w") as f:
        f.write(UNBOUND.format(folder=lab.folder, port=port, address=lab.address, upstream=lab.port))
    return Program(stack, "unbound", [program("unbound"), "-d", "-p", "-c", conf], lab.folder), port


def named(stack, lab):
    port = free_port()
    conf = os.path.join(lab.folder, "named.conf")
    with open(conf, "w") as f:
        f.write(NAMED.format(folder=lab.folder, port=port, address=lab.address, upstream=lab.port))
    return Program(stack, "named", [program("named"), "-g", "-c", conf, "-n", "1"], lab.folder), port


def resolve(port, name, rdtype="A"):
    return dns.query.udp(dns.message.make_query(name, rdtype), "127.0.0.1", port=port, timeout=3)


def first_address(answer):
    return [r.address for rrset in answer.answer for r in rrset if rrset.rdtype == 1]
