#!/usr/bin/python3
"""Client Subnet (RFC 7871): the fourteen classes of cases that no server of our kind was found to pass as a set, each over UDP
and TCP, IPv4 and IPv6. Answer, scope, and what is echoed are compared as a whole (wire.told)."""
import ipaddress
import os
import random
import re
import struct
import subprocess

from lab import BUILD, Lab, main, shared, test
from wire import ECS, HOSTS, WAYS, ask, ecs_data, everywhere, header, listen, opt, option, question

HEAD = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
"""


def pool(name, n, more="", targets=1, families=(4, 6)):
    """A pool without probes: its endpoints are 192.0.2.n and 2001:db8:f::n, and the next ones."""
    lines = [f'{name}._pool TXT "v=pool1; check=none{more}"']
    for i in range(targets):
        lines.append(f"{name}._pool SRV 0 1 80 t{i}.{name}")
        if 4 in families:
            lines.append(f"t{i}.{name} A 192.0.2.{n + i}")
        if 6 in families:
            lines.append(f"t{i}.{name} AAAA 2001:db8:f::{n + i:x}")
    return "\n".join(lines) + "\n"


ZONE = HEAD + pool("eu", 10) + pool("us", 20) + pool("ap", 30) + pool("old", 40, families=(4,)) + pool("new", 50, families=(6,)) \
    + pool("many", 100, targets=16) + pool("more", 120, targets=16) + pool("byname", 10, "; via=cname") \
    + pool("othername", 20, "; via=cname") + pool("crowd", 60, targets=4) + """
dead._pool TXT "v=pool1; check=push"
dead._pool SRV 0 1 80 t0.dead
t0.dead A 192.0.2.99
gone._pool TXT "v=pool1; check=push"
gone._pool SRV 0 1 80 t0.gone
t0.gone A 192.0.2.98
; nested nets
_gslb.m TXT "v=gslb1; pools=eu; rank=order"
_map.m TXT "v=map1; net:10.0.0.0/8=us; net:10.1.0.0/16=ap; net:2001:db8::/32=us; net:2001:db8:1::/48=ap"
m TXT "beside the service"
_gslb.all TXT "v=gslb1; pools=eu; rank=order"
_map.all TXT "v=map1; net:0.0.0.0/0=us; net:::/0=ap"
_gslb.six TXT "v=gslb1; pools=eu; rank=order"
_map.six TXT "v=map1; net:::/0=ap"
_gslb.whole TXT "v=gslb1; pools=eu; rank=order"
_map.whole TXT "v=map1; net:10.0.0.0/8=us; net:10.0.0.0/9=ap; net:10.128.0.0/9=ap"
_gslb.single TXT "v=gslb1; pools=eu; rank=order"
_map.single TXT "v=map1; net:10.1.2.3/32=us; net:2001:db8::1/128=ap"
; the loopback and null island are elsewhere
_gslb.here TXT "v=gslb1; pools=eu; rank=order"
_map.here TXT "v=map1; net:127.0.0.0/8=ap; net:::1/128=ap; net:0.0.0.0/8=us; net:::/127=us; net:10.0.0.0/8=us"
; untailored, and what not all pools can answer
_gslb.one TXT "v=gslb1; pools=eu; rank=order"
_gslb.four TXT "v=gslb1; pools=old; rank=order"
_map.four TXT "v=map1; net:10.0.0.0/8=old"
_gslb.mixed TXT "v=gslb1; pools=eu; rank=order"
_map.mixed TXT "v=map1; net:10.0.0.0/8=old; net:11.0.0.0/8=new; net:12.0.0.0/8=us"
; sticky ones
_gslb.sticky TXT "v=gslb1; pools=crowd; rank=order; spread=sticky; sticky=24/56"
_gslb.usual TXT "v=gslb1; pools=crowd; rank=order; spread=sticky"
_gslb.shares TXT "v=gslb1; pools=eu,us,ap; rank=weight; spread=sticky; sticky=24/56"
_gslb.lone TXT "v=gslb1; pools=eu; rank=order; spread=sticky; sticky=24/56"
_gslb.deep TXT "v=gslb1; pools=crowd; rank=order; spread=sticky; sticky=16/40"
_map.deep TXT "v=map1; net:10.1.2.128/25=us"
_gslb.dice TXT "v=gslb1; pools=crowd; rank=order"
; names
alias CNAME m
alias2 CNAME alias
*.wild CNAME m
chain CNAME host
host A 192.0.2.200
_gslb.named TXT "v=gslb1; pools=byname; rank=order"
_map.named TXT "v=map1; net:10.0.0.0/8=othername"
_gslb.*.app TXT "v=gslb1; pools=eu; rank=order"
_map.*.app TXT "v=map1; net:10.0.0.0/8=us"
sub NS ns.sub
ns.sub A 192.0.2.201
; nothing is up
_gslb.closed TXT "v=gslb1; pools=dead; rank=order; down=servfail"
_map.closed TXT "v=map1; net:10.0.0.0/8=gone"
_gslb.empty TXT "v=gslb1; pools=dead; rank=order; down=nodata"
_map.empty TXT "v=map1; net:10.0.0.0/8=gone"
; long ones
_gslb.a-name-so-long-that-its-answer-is-truncated TXT "v=gslb1; pools=many; rank=order; answers=16"
_map.a-name-so-long-that-its-answer-is-truncated TXT "v=map1; net:10.0.0.0/8=more; net:127.0.0.0/8=more; net:::1/128=more"
"""

SOA = "ns: @ 30 SOA ns1 hostmaster 1 3600 600 604800 30"
SERVICE_SOA = SOA.replace("30 SOA", "5 SOA", 1)
POOL = {"eu": 10, "us": 20, "ap": 30, "old": 40, "new": 50, "au": 70, "br": 80, "jp": 90}


@shared
def lab(stack):
    lab = Lab(stack, {"svc.example": ZONE})
    lab.write_conf(extra=listen(lab))
    return lab.start()


def echo(prefix, scope):
    """The option that comes back for this prefix."""
    data = ecs_data(prefix)
    family, source, _ = struct.unpack_from("!HBB", data)
    return f"ecs={family}/{source}/{scope}" + (f"={data[4:].hex()}" if len(data) > 4 else "")


def steered(words, prefix, name, scope):
    """What an answer from the pool of that name is in words."""
    owner, rdtype = words.split()[:2]
    address = f"192.0.2.{POOL[name]}" if rdtype == "A" else f"2001:db8:f::{POOL[name]:x}"
    return f"NOERROR aa; an: {owner} 30 {rdtype} {address}; opt: 1232 {echo(prefix, scope)}"


def check_steered(lab, table):
    """Rows of question, prefix, pool and scope."""
    for words, prefix, name, scope in table:
        everywhere(lab, f"{words} ecs={prefix}", steered(words, prefix, name, scope))


def check_told(lab, table):
    """Rows of question, prefix, and the answer but for its OPT; the scope is 0."""
    for words, prefix, expected in table:
        everywhere(lab, f"{words} ecs={prefix}", f"{expected}; opt: 1232 {echo(prefix, 0)}")


@test
def nested_nets(stack):
    """1: of nested nets the deepest decides, and a client beside the inner one has the shortest scope that leaves it out"""
    check_steered(lab(), [
        ("m A", "10.200.3.0/24", "us", 9),
        ("m A", "10.64.0.0/24", "us", 10),
        ("m A", "10.2.0.0/24", "us", 15),
        ("m A", "10.0.5.0/24", "us", 16),
        ("m A", "10.0.255.255/32", "us", 16),
        ("m A", "10.1.2.0/24", "ap", 16),
        ("m A", "10.1.0.0/16", "ap", 16),
        ("m A", "10.1.255.255/32", "ap", 16),
        ("m A", "2001:db8:ffff::/56", "us", 33),
        ("m A", "2001:db8::/48", "us", 48),
        ("m A", "2001:db8:1:2::/64", "ap", 48),
        ("m AAAA", "10.200.3.0/24", "us", 9),
        ("m AAAA", "2001:db8:1:2::/64", "ap", 48),
        ("x.app A", "10.1.2.0/24", "us", 8),
        # halves that together hide their net, one address, and nets of everything
        ("whole A", "10.200.0.0/16", "ap", 8),
        ("whole A", "11.0.0.0/8", "eu", 8),
        ("single A", "10.1.2.3/32", "us", 32),
        ("single A", "10.1.2.2/32", "eu", 32),
        ("single A", "10.1.2.0/24", "eu", 31),
        ("single A", "10.1.3.0/24", "eu", 24),
        ("single A", "2001:db8::1/128", "ap", 128),
        ("single A", "2001:db8::/64", "eu", 128),
        ("all A", "10.0.0.0/8", "us", 0),
        ("all A", "2a00::/16", "ap", 5),
        ("all A", "2002:a00::/24", "us", 16),
        ("all A", "::ffff:1.2.3.0/120", "us", 96),
        ("six A", "10.0.0.0/8", "eu", 0),
        ("six A", "2a00::/16", "ap", 5),
        ("six A", "2002:a00::/24", "eu", 16),
    ])


@test
def outside_of_all_nets(stack):
    """2: a client that no net holds gets the default, with the shortest scope that leaves all nets out"""
    check_steered(lab(), [
        ("m A", "11.0.0.0/24", "eu", 8),
        ("m A", "8.8.8.0/24", "eu", 7),
        ("m A", "64.0.0.0/24", "eu", 2),
        ("m A", "203.0.113.0/24", "eu", 1),
        ("m A", "203.0.113.77/32", "eu", 1),
        ("m A", "2001:db9::/48", "eu", 32),
        ("m A", "2a00:1450::/32", "eu", 5),
        ("m A", "fd00::/48", "eu", 1),
        ("x.app A", "11.0.0.0/24", "eu", 8),
    ])


@test
def nodata_is_everyones(stack):
    """3: NODATA of a tailored name has scope 0, and which types there are does not depend on the client"""
    clients = ("10.1.2.0/24", "11.0.0.0/24", "12.0.0.0/24", "203.0.113.0/24", "2001:db8::/48")
    check_told(lab(), [(f"{name} {rdtype}", client, f"NOERROR aa; {SERVICE_SOA}")
                       for name, rdtype in (("m", "MX"), ("m", "CNAME"), ("m", "SVCB"), ("four", "AAAA"), ("x.app", "TXT"))
                       for client in clients])
    check_told(lab(), [("app A", client, f"NOERROR aa; {SOA}") for client in clients])
    # a pool without addresses of the family is no candidate: such a client gets another pool, not NODATA
    for client in clients:
        for rdtype in ("A", "AAAA"):
            got = ask(lab(), f"mixed {rdtype} ecs={client}")
            assert got.startswith(f"NOERROR aa; an: mixed 30 {rdtype} "), (client, rdtype, got)
    check_steered(lab(), [
        ("mixed A", "10.1.2.0/24", "old", 8),
        ("mixed AAAA", "11.0.0.0/24", "new", 8),
        ("mixed AAAA", "12.0.0.0/24", "us", 8),
        ("mixed A", "12.0.0.0/24", "us", 8),
    ])


@test
def untailored_names(stack):
    """4: a name that is the same for all has scope 0: static data, data beside a service, a service with one pool"""
    clients = ("10.1.2.0/24", "203.0.113.77/32", "2001:db8:1::/48")
    check_told(lab(), [(words, client, f"NOERROR aa; an: {told_words}") for client in clients for words, told_words in (
        ("ns1 A", "ns1 A 127.0.0.1"),
        ("host A", "host A 192.0.2.200"),
        ("@ NS", "@ NS ns1"),
        ("m TXT", 'm TXT "beside the service"'),
        ("host ANY", 'host HINFO "RFC8482" ""'),
        ("m ANY", 'm HINFO "RFC8482" ""'),
        ("one A", "one 30 A 192.0.2.10"),
        ("one AAAA", "one 30 AAAA 2001:db8:f::a"),
        ("four A", "four 30 A 192.0.2.40"),
    )])


@test
def a_source_of_no_bits(stack):
    """5: a source of no bits is located by where the packet came from, not at 0.0.0.0, and has scope 0"""
    check_steered(lab(), [
        ("here A", "0.0.0.0/0", "ap", 0),
        ("here A", "::/0", "ap", 0),
        ("here A", "0/0", "ap", 0),
        ("here AAAA", "::/0", "ap", 0),
        ("here A", "0.0.0.0/8", "us", 8),
        ("here A", "::/127", "us", 128),
        ("m A", "0.0.0.0/0", "eu", 0),
    ])


@test
def options_that_are_wrong(stack):
    """6: bits behind the source, octets too many or too few, another family, a scope in a query: FORMERR, and no option back"""
    for data in (
        "0001 18 00 0a0102ff", "0001 18 00 0a0102 00", "0001 18 00 0a01", "0001 17 00 0a0103", "0001 21 00 0a01020300",
        "0001 00 00 0a", "0001 18 18 0a0102", "0001 00 01", "0002 38 00 20010db80000000001", "0002 38 00 20010db80000",
        "0002 81 00 20010db80000000000000000000000000080", "0002 31 00 20010db8000040", "0003 18 00 0a0102", "0003 00 00",
        "0000 08 00 0a", "ffff 20 00 0a010203", "0001 18", "0001", "",
    ):
        message = header(ar=1) + question("m A") + opt(option(ECS, data))
        everywhere(lab(), message, "FORMERR; opt: 1232")
    twice = option(ECS, ecs_data("10.1.2.0/24")) + option(ECS, ecs_data("11.0.0.0/24"))
    everywhere(lab(), header(ar=1) + question("m A") + opt(twice), "FORMERR; opt: 1232")
    # all the same over any number of octets and bits that is right
    for length in range(33):
        prefix = ipaddress.ip_network((int(ipaddress.ip_address("10.1.2.128")) >> (32 - length) << (32 - length), length))
        got = ask(lab(), f"host A ecs={prefix}")
        assert got == f"NOERROR aa; an: host A 192.0.2.200; opt: 1232 {echo(str(prefix), 0)}", got
    for length in range(129):
        prefix = ipaddress.ip_network("2001:db8:ffff:1:2:3:4:5/128").supernet(new_prefix=length)
        got = ask(lab(), f"host A ecs={prefix}")
        assert got == f"NOERROR aa; an: host A 192.0.2.200; opt: 1232 {echo(str(prefix), 0)}", got


@test
def a_source_that_is_too_short(stack):
    """7: a source shorter than what decides gets the answer of its first address, and the scope that would be needed"""
    check_steered(lab(), [
        ("m A", "10.0.0.0/8", "us", 16),
        ("m A", "10.0.0.0/15", "us", 16),
        ("m A", "10.128.0.0/9", "us", 9),
        ("m A", "0.0.0.0/1", "eu", 5),
        ("m A", "128.0.0.0/1", "eu", 1),
        ("m A", "2001:db8::/32", "us", 48),
        ("m A", "2000::/3", "eu", 16),
    ])
    # a net longer than /24: the half of the /24 that is asked for in full, and the /24
    everywhere(lab(), "deep A ecs=10.1.2.128/25", steered("deep A", "10.1.2.128/25", "us", 25))
    for client in ("10.1.2.0/24", "10.1.2.127/32"):
        got = ask(lab(), f"deep A ecs={client}")
        assert got.endswith(echo(client, 25)) and "192.0.2.6" in got, got


@test
def without_the_option(stack):
    """8: a query without the option gets none back, and is located by where it came from"""
    for words, expected in (
        ("here A", "NOERROR aa; an: here 30 A 192.0.2.30"),
        ("here AAAA", "NOERROR aa; an: here 30 AAAA 2001:db8:f::1e"),
        ("here A size=1232", "NOERROR aa; an: here 30 A 192.0.2.30; opt: 1232"),
        ("here A nsid", "NOERROR aa; an: here 30 A 192.0.2.30; opt: 1232 nsid=lab"),
        ("here A option=9:0001180a0102", "NOERROR aa; an: here 30 A 192.0.2.30; opt: 1232"),
        ("m A size=1232", "NOERROR aa; an: m 30 A 192.0.2.10; opt: 1232"),
    ):
        everywhere(lab(), words, expected)


@test
def names_that_lead_to_a_service(stack):
    """9: a chain of CNAMEs stops before a service, with scope 0; a service that answers by name is tailored as any other"""
    check_told(lab(), [(words, client, f"NOERROR aa; an: {told_words}") for client in ("10.1.2.0/24", "203.0.113.0/24") for
                       words, told_words in (
        ("alias A", "alias CNAME m"),
        ("alias AAAA", "alias CNAME m"),
        ("alias2 A", "alias CNAME m, alias2 CNAME alias"),
        ("x.wild A", "x.wild CNAME m"),
        ("chain A", "chain CNAME host, host A 192.0.2.200"),
    )])
    for client, target, scope in (("10.1.2.0/24", "othername", 8), ("11.1.2.0/24", "byname", 8), ("203.0.113.0/24", "byname", 1)):
        for rdtype in ("A", "AAAA", "MX", "ANY"):
            everywhere(lab(), f"named {rdtype} ecs={client}",
                       f"NOERROR aa; an: named 30 CNAME t0.{target}; opt: 1232 {echo(client, scope)}")


@test
def stickiness_is_in_the_scope(stack):
    """10: where a hash of the client's prefix chooses, the scope holds all bits that were hashed; where dice do, none"""
    def endpoint(answer):
        return re.search(r"an: \S+ 30 \S+ ([0-9a-f.:]+);", answer).group(1)

    for name, client, scope in (
        ("sticky", "203.0.113.0/24", 24), ("sticky", "203.0.113.77/32", 24), ("sticky", "203.0.0.0/16", 24),
        ("sticky", "2a00:1:2::/48", 56), ("sticky", "2a00:1:2:3::/64", 56), ("sticky", "0.0.0.0/1", 24),
        ("usual", "203.0.113.0/24", 20), ("usual", "2a00:1:2::/48", 40),
        ("shares", "203.0.113.0/24", 24), ("shares", "2a00:1:2::/48", 56),
        ("deep", "203.0.113.0/24", 16), ("deep", "10.1.2.0/24", 25), ("deep", "10.1.0.0/24", 23),
        ("lone", "203.0.113.0/24", 0), ("dice", "203.0.113.0/24", 0),
    ):
        for rdtype in ("A", "AAAA"):
            answers = [ask(lab(), f"{name} {rdtype} ecs={client}", *way) for way in WAYS for _ in range(2)]
            assert all(a.endswith("; opt: 1232 " + echo(client, scope)) for a in answers), (name, client, scope, answers)
            if name != "dice":
                assert len(set(answers)) == 1, answers
    # all of a block have one answer, and blocks differ
    blocks = {}
    for n in range(64):
        blocks[n] = {endpoint(ask(lab(), f"sticky A ecs=203.0.{n}.{host}/{length}"))
                     for host, length in ((0, 24), (1, 32), (128, 25), (255, 32))}
        assert len(blocks[n]) == 1, (n, blocks[n])
    assert len(set.union(*blocks.values())) == 4, blocks
    halves = {endpoint(ask(lab(), f"usual A ecs=203.0.{112 + n}.0/24")) for n in range(16)}
    assert len(halves) == 1, f"one /20, but {halves}"
    # the source decides where no bits were sent, and the scope is 0
    for host in HOSTS:
        answers = {ask(lab(), "sticky A ecs=0.0.0.0/0", transport, host) for transport in ("udp", "tcp") for _ in range(5)}
        assert len(answers) == 1 and answers.pop().endswith("ecs=1/0/0"), answers


@test
def what_is_no_answer(stack):
    """11: NXDOMAIN, REFUSED, referrals, NOTIMP and SERVFAIL have scope 0"""
    for pool_name, address in (("dead", "192.0.2.99"), ("gone", "192.0.2.98")):
        assert f"; opt: 1232 {echo('10.1.2.0/24', 8)}" in ask(lab(), "empty A ecs=10.1.2.0/24"), "tailored while it is up"
        lab().ctl("push", f"{pool_name}/t0.{pool_name}", "down")
        lab().wait_state(address, "down")
    clients = ("10.1.2.0/24", "203.0.113.0/24", "2001:db8:1::/48")
    check_told(lab(), [(words, client, expected) for client in clients for words, expected in (
        ("nothing A", f"NXDOMAIN aa; {SOA}"),
        ("x.m A", f"NXDOMAIN aa; {SOA}"),
        ("_gslb.m TXT", f"NXDOMAIN aa; {SOA}"),
        ("sub A", "NOERROR; ns: sub NS ns.sub; ar: ns.sub A 192.0.2.201"),
        ("host.sub A", "NOERROR; ns: sub NS ns.sub; ar: ns.sub A 192.0.2.201"),
        ("m MAILA", "NOTIMP"),
        ("m AXFR", "REFUSED"),
        ("m A class=CH", "REFUSED"),
    )])
    for client in clients:
        everywhere(lab(), f"elsewhere.test. A ecs={client}", f"REFUSED; opt: 1232 {echo(client, 0)} ede=20")
        everywhere(lab(), f"closed A ecs={client}", f"SERVFAIL; opt: 1232 {echo(client, 0)} ede=0")
        everywhere(lab(), f"empty A ecs={client}", f"NOERROR aa; {SERVICE_SOA}; opt: 1232 {echo(client, 0)} ede=0")
        everywhere(lab(), f"m A edns=1 ecs={client}", "BADVERS; opt: 1232")


# ---- databases ----

GEO = HEAD + "".join(
    pool(name, POOL[name]) + f"{name}._pool LOC {place} 0m\n" for name, place in (
        ("br", "15 48 S 47 52 W"), ("au", "33 30 S 151 15 E"), ("jp", "35 30 N 139 30 E"))) + """
_gslb.g TXT "v=gslb1; pools=br,au,jp; rank=geo"
"""
AU = "{'country_code':'AU' 'latitude':-33.5 'longitude':151.25}"
JP = "{'country_code':'JP' 'latitude':35.5 'longitude':139.5}"
V4 = f"10.0.0.0/9 {AU}\n10.64.0.0/16 {JP}\n10.64.7.128/25 {AU}\n"
V6 = f"2001:db8::/32 {JP}\n2001:db8:5:ff80::/57 {AU}\n"


def geo_lab(stack, version, lines):
    lab = Lab(stack, {"svc.example": GEO}, databases=["test.mmdb"])
    subprocess.run([os.path.join(BUILD, "tests/blackbox/mmdb"), version, os.path.join(lab.folder, "test.mmdb")],
                   input=lines, text=True, check=True)
    lab.write_conf(["test.mmdb"], extra=listen(lab))
    return lab.start()


V4_CLIENTS = [
    ("g A", "10.1.0.0/24", "au", 10),
    ("g A", "10.64.3.0/24", "jp", 16),
    ("g A", "10.64.7.0/24", "jp", 16),     # a leaf deeper than /24 is that of the /24's first address
    ("g A", "10.64.7.200/32", "jp", 16),
    ("g A", "10.127.0.0/24", "au", 11),
    ("g A", "10.128.0.0/24", "br", 9),
    ("g A", "203.0.113.0/24", "br", 1),
    ("g AAAA", "10.1.0.0/24", "au", 10),
    ("g A", "10.0.0.0/7", "au", 10),
]
# IPv4 in IPv6: v4-mapped, NAT64, 6to4, Teredo
CARRIED_V4 = [
    ("g A", "::ffff:10.1.0.0/120", "au", 96 + 10),
    ("g A", "::ffff:10.64.3.0/120", "jp", 96 + 16),
    ("g A", "::ffff:10.128.0.0/128", "br", 96 + 9),
    ("g A", "64:ff9b::a01:0/120", "au", 96 + 10),
    ("g A", "2002:a01::/48", "au", 16 + 10),
    ("g A", "2002:a40:300::/40", "jp", 16 + 16),
    ("g A", "2001:0:1:2:3:4:f5fe:ffff/128", "au", 96 + 10),
]


@test
def databases_of_one_family(stack):
    """12: IPv6 clients of an IPv4 database, IPv4 clients of an IPv6 one, and IPv4 in IPv6: the scope is of the asker's family"""
    only_v4 = geo_lab(stack, "4", V4)
    check_steered(only_v4, V4_CLIENTS + CARRIED_V4 + [
        ("g A", "2a00:1::/48", "br", 5),
        ("g A", "2001:db8::/48", "br", 21),
        ("g A", "fd00::/48", "br", 1),
    ])
    only_v6 = geo_lab(stack, "6", V6)
    check_steered(only_v6, [
        ("g A", "10.1.0.0/24", "br", 0),
        ("g A", "203.0.113.7/32", "br", 0),
        ("g A", "2001:db8:7::/48", "jp", 32),
        ("g A", "2001:db8:5:ff80::/64", "jp", 32),  # deeper than /56
        ("g A", "2001:db9::/48", "br", 32),
        ("g A", "2a00:1::/48", "br", 5),
        ("g A", "2002:a01::/48", "br", 15),
        ("g AAAA", "2001:db8:7::/48", "jp", 32),
    ])
    both = geo_lab(stack, "6", V4 + V6 + "alias 2002::/16\n")
    check_steered(both, V4_CLIENTS + CARRIED_V4 + [
        ("g A", "2001:db8:7::/48", "jp", 32),
        ("g A", "::10.1.0.0/120", "br", 81),  # v4-compatible: deprecated, and nobody's place
    ])


@test
def with_dnssec_ok(stack):
    """13: with DO the variant and its scope are the same, DO comes back, and no signature is invented"""
    for words, prefix, name, scope in (
        ("m A", "10.1.2.0/24", "ap", 16), ("m A", "10.200.3.0/24", "us", 9), ("m AAAA", "203.0.113.0/24", "eu", 1),
        ("m A", "2001:db8:1:2::/64", "ap", 48), ("here A", "0.0.0.0/0", "ap", 0),
    ):
        plain = steered(words, prefix, name, scope)
        everywhere(lab(), f"{words} do ecs={prefix}", plain.replace("opt: 1232", "opt: 1232 do"))
        everywhere(lab(), f"{words} cd do ecs={prefix}",
                   plain.replace("NOERROR aa", "NOERROR aa cd").replace("opt: 1232", "opt: 1232 do"))
    for words, expected in (("nothing A", f"NXDOMAIN aa; {SOA}"), ("m MX", f"NOERROR aa; {SERVICE_SOA}"),
                            ("m RRSIG", f"NOERROR aa; {SERVICE_SOA}"), ("@ DNSKEY", f"NOERROR aa; {SOA}")):
        everywhere(lab(), f"{words} do ecs=10.1.2.0/24", f"{expected}; opt: 1232 do {echo('10.1.2.0/24', 0)}")


@test
def truncated_and_asked_again(stack):
    """14: a truncated answer has the scope of the whole one, and over TCP comes the same variant"""
    long = "a-name-so-long-that-its-answer-is-truncated"
    for prefix, first, scope in (("10.1.2.0/24", 120, 8), ("203.0.113.0/24", 100, 1), ("0.0.0.0/0", 120, 0), ("::/0", 120, 0)):
        addresses = ", ".join(sorted(f"{long} 30 AAAA 2001:db8:f::{first + i:x}" for i in range(16)))
        opt_words = f"; opt: 1232 {echo(prefix, scope)}"
        whole = f"NOERROR aa; an: {addresses}{opt_words}"
        everywhere(lab(), f"{long} AAAA size=512 ecs={prefix}", {"udp": f"NOERROR aa tc{opt_words}", "tcp": whole})
        everywhere(lab(), f"{long} AAAA size=1232 ecs={prefix}", whole)
        everywhere(lab(), f"{long} AAAA size=0 ecs={prefix}", {"udp": f"NOERROR aa tc{opt_words}", "tcp": whole})
    everywhere(lab(), f"{long} AAAA", {"udp": "NOERROR aa tc", "tcp": "NOERROR aa; an: " + ", ".join(
        sorted(f"{long} 30 AAAA 2001:db8:f::{120 + i:x}" for i in range(16)))})


@test
def scopes_are_exact(stack):
    """for 60 random clients: all of the scope's block have one answer, and with one bit less some have another"""
    dice = random.Random(7871)
    ends = [ipaddress.ip_network(net)
            for net in ("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "2001:db8:1::/48", "0.0.0.0/0", "::/0")]
    # IPv4 clients in IPv6 are IPv4 clients: the ends of their nets count where they are carried
    carried = [f"{prefix}{net}/{96 + length}" for prefix in ("::ffff:", "64:ff9b::")
               for net, length in (("10.0.0.0", 8), ("10.1.0.0", 16))]
    ends += [ipaddress.ip_network(net) for net in carried + ["2002:a00::/24", "2002:a01::/32"]]

    def answer(address):
        words = ask(lab(), f"m A ecs={address}/{address.max_prefixlen}")
        scope = re.search(r"ecs=\d/\d+/(\d+)", words).group(1)
        return words.split(";")[1], int(scope)

    def probes(block):
        """Where the answer may change within a block, and somewhere in it."""
        for net in ends:
            for n in (int(net[0]) - 1, int(net[0]), int(net[-1]), int(net[-1]) + 1):
                if net.version == block.version and int(block[0]) <= n <= int(block[-1]):
                    yield type(block[0])(n)
        yield from (block[0], block[-1], block[dice.randrange(block.num_addresses)])

    for n in range(60):
        client = ipaddress.ip_address(dice.choice((
            dice.randrange(1 << 32), 0x0a000000 + dice.randrange(1 << 24), 0x0a000000 + dice.randrange(1 << 18),
            0x20010db8 << 96 | dice.randrange(1 << 96), 0x20010db80000 << 80 | dice.randrange(1 << 82),
            dice.randrange(1 << 128))))
        said, scope = answer(client)
        block = ipaddress.ip_network((client, scope), strict=False)
        for probe in probes(block):
            assert answer(probe)[0] == said, f"{client} has {said} for {block}, but {probe} another answer"
        if scope > 0:
            wider = block.supernet()
            assert any(answer(probe)[0] != said for probe in probes(wider)), f"{client}: {wider} has one answer, but not as scope"


if __name__ == "__main__":
    main()
