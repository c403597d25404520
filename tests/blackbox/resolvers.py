#!/usr/bin/python3
"""Real recursive resolvers resolve the zone through gslbd, honour its TTL and follow a failover."""
import os
import re
import subprocess
import time

import dns.rcode

from lab import Lab, free_port, http_backend, main, test, wait_for
from recursive import first_address, named, program, resolve, unbound

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
@ MX 10 mail
mail A 192.0.2.25
text TXT "some text"
alias CNAME www
static CNAME mail
*.wild A 192.0.2.77
sub NS ns1.sub
ns1.sub A 192.0.2.99
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=4/1"
eu._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"
us._pool SRV 0 1 {port} lb1.us
lb1.us A 127.0.20.1
"""

def gslb(stack):
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": ZONE.format(port=port)})
    lab.eu = http_backend(stack, lab.folder, "eu", port, "127.0.10.1")
    lab.us = http_backend(stack, lab.folder, "us", port, "127.0.20.1")
    lab.start()
    lab.wait_state("127.0.10.1", "up")
    lab.wait_state("127.0.20.1", "up")
    return lab


def through(stack, start):
    lab = gslb(stack)
    resolver, port = start(stack, lab)
    wait_for(f"{resolver.name} to answer; its log: {resolver.text()[-300:]}",
             lambda: resolver.alive() and resolve(port, "mail.svc.example").rcode() == 0)

    # all shapes of answers
    assert first_address(resolve(port, "mail.svc.example")) == ["192.0.2.25"]
    assert resolve(port, "svc.example", "MX").answer[0][0].preference == 10
    assert resolve(port, "text.svc.example", "TXT").answer[0][0].strings == (b"some text",)
    assert first_address(resolve(port, "anything.wild.svc.example")) == ["192.0.2.77"]
    assert first_address(resolve(port, "static.svc.example")) == ["192.0.2.25"]
    nodata = resolve(port, "mail.svc.example", "AAAA")
    assert nodata.rcode() == 0 and not nodata.answer
    assert resolve(port, "nothing.svc.example").rcode() == dns.rcode.NXDOMAIN
    assert resolve(port, "eu._pool.svc.example", "TXT").rcode() == dns.rcode.NXDOMAIN

    # a CNAME to a service ends in the service's address
    assert first_address(resolve(port, "alias.svc.example")) == ["127.0.10.1"]

    # the TTL is honoured: within it the answer comes from the resolver's cache and counts down
    wait_for("a fresh answer", lambda: resolve(port, "www.svc.example").answer[0].ttl == 4)
    before = lab.ctl("stats")["counters"]["answers_steered"]
    answer = resolve(port, "www.svc.example")
    assert first_address(answer) == ["127.0.10.1"] and answer.answer[0].ttl <= 4
    assert lab.ctl("stats")["counters"]["answers_steered"] == before
    wait_for("the TTL to count down", lambda: resolve(port, "www.svc.example").answer[0].ttl <= 3)

    # a failover is followed when the TTL ends
    lab.eu.kill()
    start_s = time.monotonic()
    wait_for("the failover to be followed", lambda: first_address(resolve(port, "www.svc.example")) == ["127.0.20.1"])
    took = time.monotonic() - start_s
    print(f"# {resolver.name}: followed after {took:.1f} s with TTL 4")
    assert took < 4 + 3 * 0.8 + 1.5, took


@test
def unbound_resolves_and_follows(stack):
    """unbound resolves the zone through gslbd, honours the TTL, and follows a failover when it ends"""
    through(stack, unbound)


@test
def bind_resolves_and_follows(stack):
    """BIND resolves the zone through gslbd, honours the TTL, and follows a failover when it ends"""
    through(stack, named)


def run(lab, tool, *arguments):
    done = subprocess.run([program(tool), f"@{lab.address}", "-p", str(lab.port), *arguments], capture_output=True, text=True,
                          timeout=20)
    return done.stdout


@test
def dig_and_kdig_see_what_they_should(stack):
    """dig and kdig over UDP and TCP: subnet, NSID, CHAOS, ANY, referral, BADVERS, an unknown opcode, a foreign zone"""
    lab = gslb(stack)
    for tool in ("dig", "kdig"):
        for transport in ([], ["+tcp"]):
            text = run(lab, tool, *transport, "+subnet=198.51.100.0/24", "+nsid", "www.svc.example", "A")
            assert "127.0.10.1" in text and "198.51.100.0/24/0" in text and "lab" in text, text
            text = run(lab, tool, *transport, "www.sub.svc.example", "A")
            flags = re.search(r"(?i)flags: ([^;]*);", text).group(1).split()
            assert "ns1.sub.svc.example" in text and "192.0.2.99" in text and "aa" not in flags, text
            text = run(lab, tool, *transport, "www.svc.example", "ANY")
            assert "RFC8482" in text, text
            text = run(lab, tool, *transport, "foreign.example", "A")
            assert "REFUSED" in text, text
    text = run(lab, "dig", "CH", "TXT", "id.server")
    assert '"lab"' in text, text
    assert "gslb" in run(lab, "dig", "CH", "TXT", "version.bind")
    assert "BADVERS" in run(lab, "dig", "+edns=1", "+noednsnegotiation", "www.svc.example")
    assert "NOTIMP" in run(lab, "dig", "+opcode=5", "www.svc.example")
    assert "do;" in run(lab, "dig", "+dnssec", "www.svc.example")


@test
def the_zone_file_is_a_master_file_for_others(stack):
    """named-checkzone and ldns-read-zone accept the zone files of the examples"""
    source = os.environ.get("top_srcdir", ".")
    for name in ("examples/zones/svc.example.zone", "examples/quickstart/svc.example.zone"):
        for command in ([program("named-checkzone"), "-i", "none", "svc.example"], [program("ldns-read-zone")]):
            done = subprocess.run(command + [os.path.join(source, name)], capture_output=True, text=True, timeout=20)
            assert done.returncode == 0, (command, name, done)


if __name__ == "__main__":
    main()
