#!/usr/bin/python3
"""Wildcards, delegations and CNAMEs: what the zones say for a name, as a table of questions and whole answers. Every row is asked
over UDP and TCP, IPv4 and IPv6."""
from lab import Lab, main, rows, shared
from wire import everywhere, listen

ZONE = r"""
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
static A 192.0.2.1
static TXT "static"
; the zone of RFC 4592 2.2.1, below a name
*.w TXT "this is a wildcard"
*.w MX 10 host1.w
sub.*.w TXT "this is not a wildcard"
host1.w A 192.0.2.11
_ssh._tcp.host1.w SRV 0 0 22 host1.w
_ssh._tcp.host2.w SRV 0 0 22 host1.w
subdel.w NS ns.elsewhere.test.
; wildcards and what stands in their way
*.one A 192.0.2.21
exact.one TXT "exact"
leaf.ent.one TXT "below an empty one"
*.inner.one A 192.0.2.22
*.b.a.one A 192.0.2.23
cut.one NS ns.cut.one
ns.cut.one A 192.0.2.24
*.*.two A 192.0.2.25
*.only AAAA 2001:db8::26
deleg.*.three NS ns.elsewhere.test.
*.three A 192.0.2.27
*.alias CNAME static
exact.alias TXT "exact"
*.loop CNAME a.loop
*.gone CNAME nothing
*.away CNAME www.elsewhere.test.
*.below CNAME host.d1
*.steered CNAME www
*.hop CNAME x.alias
*.CaSe A 192.0.2.28
star.x*x A 192.0.2.29
; services
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
_gslb.*.app TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
*.app TXT "beside the service"
fixed.app A 192.0.2.31
text.app TXT "exact"
leaf.ent.app TXT "below an empty one"
_gslb.own.app TXT "v=gslb1; pools=us; rank=order; ttl=30/5"
_gslb.*.bare TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
_map.*.bare TXT "v=map1; net:198.51.100.0/24=us"
_gslb.*.named TXT "v=gslb1; pools=byname; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.20
byname._pool TXT "v=pool1; check=none; via=cname"
byname._pool SRV 0 1 80 lb1.eu
; delegations
d1 NS ns.d1
ns.d1 A 192.0.2.41
ns.d1 AAAA 2001:db8::41
d1 DS 4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
d10 A 192.0.2.42
xd1 A 192.0.2.43
d2 NS ns.elsewhere.test.
*.d2 A 192.0.2.52
d3 NS d3
d3 A 192.0.2.44
d4 NS ns.d1
d5 NS ns1
d6 NS ns.d6
d6 NS ns.d1
d6 NS ns1
d6 NS ns.elsewhere.test.
ns.d6 A 192.0.2.45
d7 NS ns.a.b.c.d7
ns.a.b.c.d7 A 192.0.2.46
x.y.d8 NS ns.elsewhere.test.
D9 NS Ns.D9
ns.d9 A 192.0.2.47
d11 NS n1.d11
d11 NS n2.d11
n1.d11 A 192.0.2.48
n1.d11 A 192.0.2.49
n2.d11 AAAA 2001:db8::48
child NS ns.child
ns.child A 192.0.2.50
child DS 4712 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
to-cut CNAME d2
to-child CNAME child
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
c0 CNAME c1
c1 CNAME c2
c2 CNAME c3
c3 CNAME c4
c4 CNAME c5
c5 CNAME c6
c6 CNAME c7
c7 CNAME c8
c8 CNAME c9
c9 CNAME static
to-below CNAME host.d2
d12 600 NS ns.d12
ns.d12 700 A 192.0.2.51
"""
CHILD = """
$ORIGIN child.svc.example.
$TTL 3600
@ SOA ns hostmaster 2 3600 600 604800 60
@ NS ns
ns A 192.0.2.50
host A 192.0.2.60
"""

SOA = "ns: @ 30 SOA ns1 hostmaster 1 3600 600 604800 30"
NX, NODATA = f"NXDOMAIN aa; {SOA}", f"NOERROR aa; {SOA}"
SERVICE_NODATA = NODATA.replace("30 SOA", "5 SOA", 1)
CHILD_SOA = "ns: child 60 SOA ns.child hostmaster.child 2 3600 600 604800 60"


@shared
def lab(stack):
    lab = Lab(stack, {"svc.example": ZONE, "child.svc.example": CHILD})
    lab.write_conf(extra=listen(lab))
    return lab.start()


WILDCARDS = [
    # RFC 4592 2.2.1's own list, and gdnsd's 003complex/013wild
    ("host3.w MX", "+ 10 host1.w", "RFC 4592 2.2.1"),
    ("host3.w A", NODATA, "RFC 4592 2.2.1"),
    ("foo.bar.w TXT", '+ "this is a wildcard"', "RFC 4592 2.2.1"),
    ("host1.w MX", NODATA, "RFC 4592 2.2.1"),
    ("sub.*.w MX", NODATA, "RFC 4592 2.2.1"),
    ("sub.*.w TXT", '+ "this is not a wildcard"', "RFC 4592 2.2.1"),
    ("_telnet._tcp.host1.w SRV", NX, "RFC 4592 2.2.1"),
    ("host.subdel.w A", "NOERROR; ns: subdel.w NS ns.elsewhere.test.", "RFC 4592 2.2.1"),
    ("ghost.*.w MX", NX, "RFC 4592 2.2.1"),
    ("*.w MX", "+ 10 host1.w", "RFC 4592 2.1.1"),
    ("*.w A", NODATA, "RFC 4592 2.1.1"),
    ("w MX", NODATA, "RFC 4592 2.2.2"),
    ("_tcp.host1.w SRV", NODATA, "RFC 4592 2.2.2"),
    ("_tcp.host2.w TXT", NODATA, "RFC 4592 2.2.2"),
    ("host2.w TXT", NODATA, "RFC 4592 2.2.2"),
    ("x.host2.w TXT", NX, "RFC 4592 3.3.1"),
    ("x.host1.w TXT", NX, "RFC 4592 3.3.1"),
    # depth
    ("x.one A", "+ 192.0.2.21", "RFC 4592 3.3.1"),
    ("x.y.z.one A", "+ 192.0.2.21", "RFC 4592 3.3.1"),
    ("x.one AAAA", NODATA, "RFC 4592 2.2.1"),
    ("one A", NODATA, "RFC 4592 2.2.2"),
    ("exact.one TXT", '+ "exact"', "RFC 4592 2.2.1"),
    ("exact.one A", NODATA, "RFC 4592 2.2.1"),
    ("x.exact.one A", NX, "RFC 4592 3.3.1"),
    ("ent.one A", NODATA, "RFC 4592 2.2.2"),
    ("x.ent.one A", NX, "RFC 4592 3.3.1"),
    ("leaf.ent.one A", NODATA, "RFC 4592 2.2.1"),
    ("x.leaf.ent.one A", NX, "RFC 4592 3.3.1"),
    ("inner.one A", NODATA, "RFC 4592 2.2.2"),
    ("x.inner.one A", "+ 192.0.2.22", "RFC 4592 3.3.1"),
    ("x.y.inner.one A", "+ 192.0.2.22", "RFC 4592 3.3.1"),
    ("xinner.one A", "+ 192.0.2.21", "RFC 4592 3.3.1"),
    ("a.one A", NODATA, "RFC 4592 2.2.2"),
    ("b.a.one A", NODATA, "RFC 4592 2.2.2"),
    ("x.a.one A", NX, "RFC 4592 3.3.1"),
    ("x.b.a.one A", "+ 192.0.2.23", "RFC 4592 3.3.1"),
    # the asterisk itself
    ("*.one A", "+ 192.0.2.21", "RFC 4592 2.1.1"),
    ("x.*.one A", NX, "RFC 4592 2.3"),
    ("*.x.one A", "+ 192.0.2.21", "RFC 4592 2.3"),
    ("*.exact.one A", NX, "RFC 4592 3.3.1"),
    ("*.*.one A", NX, "RFC 4592 2.3"),
    ("**.one A", "+ 192.0.2.21", "RFC 4592 2.1.2"),
    ("*x.one A", "+ 192.0.2.21", "RFC 4592 2.1.2"),
    ("*.*.two A", "+ 192.0.2.25", "RFC 4592 2.1.3"),
    ("x.*.two A", "+ 192.0.2.25", "RFC 4592 2.1.3"),
    ("x.y.*.two A", "+ 192.0.2.25", "RFC 4592 2.1.3"),
    ("*.two A", NODATA, "RFC 4592 4.9"),
    ("x.two A", NODATA, "RFC 4592 4.9; gdnsd 003complex/013wild"),
    ("x.y.two A", NODATA, "RFC 4592 4.9; gdnsd 003complex/013wild"),
    ("star.x*x A", "+ 192.0.2.29", "RFC 4592 2.1.2"),
    ("star.xyx A", NX, "RFC 4592 2.1.2"),
    ("x.only A", NODATA, "RFC 4592 2.2.1"),
    ("x.only AAAA", "+ 2001:db8::26", "RFC 4592 2.2.1"),
    ("X.ONE A", "+ 192.0.2.21", "RFC 4343 4"),
    ("x.cAsE A", "+ 192.0.2.28", "RFC 4343 4"),
    ("x.one ANY", '+ HINFO', "RFC 8482 4.2"),
    # what is delegated is not matched
    ("cut.one A", "NOERROR; ns: cut.one NS ns.cut.one; ar: ns.cut.one A 192.0.2.24", "RFC 4592 4.2"),
    ("x.cut.one A", "NOERROR; ns: cut.one NS ns.cut.one; ar: ns.cut.one A 192.0.2.24", "RFC 4592 4.2"),
    ("cut.one DS", NODATA, "RFC 4035 3.1.4.1"),
    ("deleg.*.three A", "NOERROR; ns: deleg.*.three NS ns.elsewhere.test.", "RFC 4592 2.2.1"),
    ("x.deleg.*.three A", "NOERROR; ns: deleg.*.three NS ns.elsewhere.test.", "RFC 4592 2.2.1"),
    ("deleg.x.three A", "+ 192.0.2.27", "RFC 4592 2.2.1"),
    # CNAME
    ("x.alias A", "NOERROR aa; an: static A 192.0.2.1, x.alias CNAME static", "RFC 4592 4.3"),
    ("x.y.alias A", "NOERROR aa; an: static A 192.0.2.1, x.y.alias CNAME static", "RFC 4592 4.3"),
    ("x.alias AAAA", f"NOERROR aa; an: x.alias CNAME static; {SOA}", "RFC 2308 2.2"),
    ("x.alias CNAME", "+ static", "RFC 1034 3.6.2"),
    ("x.alias ANY", "NOERROR aa; an: x.alias CNAME static", "RFC 8482 4.3"),
    ("*.alias A", "NOERROR aa; an: *.alias CNAME static, static A 192.0.2.1", "RFC 4592 4.3"),
    ("exact.alias A", NODATA, "RFC 4592 2.2.1"),
    ("alias A", NODATA, "RFC 4592 2.2.2"),
    ("x.hop A", "NOERROR aa; an: static A 192.0.2.1, x.alias CNAME static, x.hop CNAME x.alias", "RFC 4592 4.3"),
    ("x.loop A", "NOERROR aa; an: x.loop CNAME a.loop", "RFC 1034 3.6.2"),
    ("x.gone A", f"NXDOMAIN aa; an: x.gone CNAME nothing; {SOA}", "RFC 6604 3"),
    ("x.away A", "NOERROR aa; an: x.away CNAME www.elsewhere.test.", "RFC 1034 4.3.2"),
    ("x.below A", "NOERROR aa; an: x.below CNAME host.d1", "RFC 1034 4.3.2"),
    ("x.steered A", "NOERROR aa; an: x.steered CNAME www", "gslb.zone(5)"),
    ("x.steered TXT", "NOERROR aa; an: x.steered CNAME www", "gslb.zone(5)"),
    # services
    ("x.app A", "NOERROR aa; an: x.app 30 A 192.0.2.10", "gslb.zone(5)"),
    ("x.y.app A", "NOERROR aa; an: x.y.app 30 A 192.0.2.10", "gslb.zone(5)"),
    ("*.app A", "NOERROR aa; an: *.app 30 A 192.0.2.10", "RFC 4592 2.1.1"),
    ("x.app AAAA", SERVICE_NODATA, "gslb.zone(5)"),
    ("x.app TXT", '+ "beside the service"', "gslb.zone(5)"),
    ("x.app MX", SERVICE_NODATA, "gslb.zone(5)"),
    ("x.app ANY", "+ HINFO", "RFC 8482 4.2"),
    ("app A", NODATA, "RFC 4592 2.2.2"),
    ("fixed.app A", "+ 192.0.2.31", "RFC 4592 2.2.1"),
    ("x.fixed.app A", NX, "RFC 4592 3.3.1"),
    ("text.app A", NODATA, "RFC 4592 2.2.1"),
    ("ent.app A", NODATA, "RFC 4592 2.2.2"),
    ("x.ent.app A", NX, "RFC 4592 3.3.1"),
    ("own.app A", "NOERROR aa; an: own.app 30 A 192.0.2.20", "gslb.zone(5)"),
    ("x.own.app A", NX, "RFC 4592 3.3.1"),
    ("x.bare A", "NOERROR aa; an: x.bare 30 A 192.0.2.10", "gslb.zone(5)"),
    ("x.bare TXT", SERVICE_NODATA, "gslb.zone(5)"),
    ("x.bare ANY", "+ HINFO", "RFC 8482 4.2"),
    ("bare A", NODATA, "RFC 4592 2.2.2"),
    ("x.named A", "NOERROR aa; an: x.named 30 CNAME lb1.eu", "gslb.zone(5)"),
    ("x.named MX", "NOERROR aa; an: x.named 30 CNAME lb1.eu", "gslb.zone(5)"),
    ("X.aPP A", "NOERROR aa; an: X.aPP 30 A 192.0.2.10", "RFC 4343 4"),
    # configuration does not exist, and no wildcard matches its names
    ("_gslb.www TXT", NX, "gslb.zone(5)"),
    ("_gslb.*.app TXT", NX, "gslb.zone(5)"),
    ("_map.*.bare TXT", NX, "gslb.zone(5)"),
    ("eu._pool SRV", NX, "gslb.zone(5)"),
    ("_pool SRV", NX, "gslb.zone(5)"),
    ("_gslb TXT", NX, "gslb.zone(5)"),
    ("_gslb.x.one A", NX, "gslb.zone(5)"),
    ("x._gslb.one A", NX, "gslb.zone(5)"),
    ("_gslb.one A", NX, "gslb.zone(5)"),
    ("_map.one A", NX, "gslb.zone(5)"),
    ("x._pool.one A", NX, "gslb.zone(5)"),
    ("_PooL.one A", NX, "gslb.zone(5)"),
    ("_gslb.x.app A", NX, "gslb.zone(5)"),
    ("_gslb.x.alias A", NX, "gslb.zone(5)"),
    ("_gslbx.one A", "+ 192.0.2.21", "gslb.zone(5)"),
    ("x_gslb.one A", "+ 192.0.2.21", "gslb.zone(5)"),
    ("_maps.one A", "+ 192.0.2.21", "gslb.zone(5)"),
    ("_tcp.one A", "+ 192.0.2.21", "gslb.zone(5)"),
    ("lb1.eu A", "+ 192.0.2.10", "gslb.zone(5)"),
    ("eu A", NODATA, "RFC 4592 2.2.2"),
]


def whole(asked, expected):
    """"+ DATA" is an answer of one record of the question's name and type; "+ HINFO" what ANY gets."""
    if expected == "+ HINFO":
        return f'NOERROR aa; an: {asked.split()[0]} HINFO "RFC8482" ""'
    return f"NOERROR aa; an: {asked} {expected[2:]}" if expected.startswith("+ ") else expected


@rows(WILDCARDS)
def wildcards(asked, expected):
    everywhere(lab(), asked, whole(asked, expected))


# ---- delegations ----

D1 = "NOERROR; ns: d1 NS ns.d1; ar: ns.d1 A 192.0.2.41, ns.d1 AAAA 2001:db8::41"
D6 = "NOERROR; ns: d6 NS ns.d1, d6 NS ns.d6, d6 NS ns.elsewhere.test., d6 NS ns1; " \
     "ar: ns.d1 A 192.0.2.41, ns.d1 AAAA 2001:db8::41, ns.d6 A 192.0.2.45"
D11 = "NOERROR; ns: d11 NS n1.d11, d11 NS n2.d11; ar: n1.d11 A 192.0.2.48, n1.d11 A 192.0.2.49, n2.d11 AAAA 2001:db8::48"
DS1 = "4711 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
DELEGATIONS = [
    # at the cut and below it
    ("d1 A", D1, "RFC 1034 4.3.2 3b"),
    ("d1 NS", D1, "RFC 1034 4.3.2 3b"),
    ("d1 SOA", D1, "RFC 1034 4.3.2 3b"),
    ("d1 ANY", D1, "RFC 1034 4.3.2 3b"),
    ("d1 CNAME", D1, "RFC 1034 4.3.2 3b"),
    ("d1 TYPE65280", D1, "RFC 1034 4.3.2 3b"),
    ("d1 NSEC", D1, "RFC 1034 4.3.2 3b"),
    ("host.d1 A", D1, "RFC 1034 4.3.2 3b"),
    ("a.b.c.d.e.f.d1 A", D1, "gdnsd 003complex/004delegations"),
    ("ns.d1 A", D1, "RFC 1034 4.2.1: glue is no data of ours"),
    ("ns.d1 AAAA", D1, "RFC 1034 4.2.1: glue is no data of ours"),
    ("ns.d1 MX", D1, "RFC 1034 4.2.1: glue is no data of ours"),
    ("x.ns.d1 A", D1, "gdnsd 003complex/004delegations"),
    ("*.d1 A", D1, "RFC 4592 4.2"),
    ("_gslb.d1 TXT", D1, "RFC 1034 4.3.2 3b"),
    ("HoSt.D1 A", D1.replace("d1 NS", "D1 NS"), "RFC 4343 4"),
    # DS is the parent's
    ("d1 DS", f"+ {DS1}", "RFC 4035 3.1.4.1"),
    ("d2 DS", NODATA, "RFC 4035 3.1.4.1"),
    ("host.d1 DS", D1, "RFC 4035 3.1.4.1"),
    ("d1 DS do", f"NOERROR aa; an: d1 DS {DS1}; opt: 1232 do", "RFC 4035 3.1.4.1"),
    ("@ DS", NODATA, "RFC 4035 3.1.4.1"),
    ("static DS", NODATA, "RFC 4035 3.1.4.1"),
    # flags and EDNS
    ("d1 A rd", D1.replace("NOERROR", "NOERROR rd"), "RFC 1034 4.3.1"),
    ("d1 A cd", D1.replace("NOERROR", "NOERROR cd"), "RFC 4035 3.1.6"),
    ("d1 A size=512", D1 + "; opt: 1232", "RFC 6891 7"),
    ("d1 A do", D1 + "; opt: 1232 do", "RFC 3225 3"),
    ("d1 A nsid", D1 + "; opt: 1232 nsid=lab", "RFC 5001 2.2"),
    # the name servers' own names
    ("d2 A", "NOERROR; ns: d2 NS ns.elsewhere.test.", "RFC 1034 4.2.1; gdnsd 003complex/004delegations"),
    ("x.d2 A", "NOERROR; ns: d2 NS ns.elsewhere.test.", "RFC 4592 4.2: no wildcard below a cut"),
    ("*.d2 A", "NOERROR; ns: d2 NS ns.elsewhere.test.", "RFC 4592 4.2: no wildcard below a cut"),
    ("d3 A", "NOERROR; ns: d3 NS d3; ar: d3 A 192.0.2.44", "gdnsd 003complex/004delegations"),
    ("x.d3 A", "NOERROR; ns: d3 NS d3; ar: d3 A 192.0.2.44", "gdnsd 003complex/004delegations"),
    ("d4 A", "NOERROR; ns: d4 NS ns.d1; ar: ns.d1 A 192.0.2.41, ns.d1 AAAA 2001:db8::41", "RFC 9471 2.2"),
    ("d5 A", "NOERROR; ns: d5 NS ns1", "RFC 9471 2: no glue below a cut"),
    ("d6 A", D6, "RFC 9471 3"),
    ("host.d6 A", D6, "RFC 9471 3"),
    ("d7 A", "NOERROR; ns: d7 NS ns.a.b.c.d7; ar: ns.a.b.c.d7 A 192.0.2.46", "gdnsd 003complex/004delegations"),
    ("c.d7 A", "NOERROR; ns: d7 NS ns.a.b.c.d7; ar: ns.a.b.c.d7 A 192.0.2.46", "gdnsd 003complex/004delegations"),
    ("x.a.b.c.d7 A", "NOERROR; ns: d7 NS ns.a.b.c.d7; ar: ns.a.b.c.d7 A 192.0.2.46", "gdnsd 003complex/004delegations"),
    ("d9 A", "NOERROR; ns: d9 NS Ns.D9; ar: Ns.D9 A 192.0.2.47", "RFC 4343 4"),
    ("d11 A", D11, "RFC 9471 3"),
    ("d12 A", "NOERROR; ns: d12 600 NS ns.d12; ar: ns.d12 700 A 192.0.2.51", "RFC 2181 5.2"),
    # beside a cut
    ("d10 A", "+ 192.0.2.42", "gdnsd 003complex/004delegations"),
    ("xd1 A", "+ 192.0.2.43", "gdnsd 003complex/004delegations"),
    ("d A", NX, "gdnsd 003complex/004delegations"),
    ("dd1 A", NX, "gdnsd 003complex/004delegations"),
    ("y.d8 A", NODATA, "RFC 4592 2.2.2"),
    ("d8 A", NODATA, "RFC 4592 2.2.2"),
    ("z.y.d8 A", NX, "RFC 1034 4.3.2 3c"),
    ("x.y.d8 A", "NOERROR; ns: x.y.d8 NS ns.elsewhere.test.", "RFC 1034 4.3.2 3b"),
    ("a.x.y.d8 A", "NOERROR; ns: x.y.d8 NS ns.elsewhere.test.", "RFC 1034 4.3.2 3b"),
    # CNAMEs that lead there
    ("to-cut A", "NOERROR aa; an: to-cut CNAME d2", "RFC 1034 4.3.2"),
    ("to-below A", "NOERROR aa; an: to-below CNAME host.d2", "RFC 1034 4.3.2"),
    ("to-cut CNAME", "+ d2", "RFC 1034 3.6.2"),
    # a zone that is delegated, and served here, too
    ("child NS", "+ ns.child", "RFC 1034 4.3.2 2"),
    ("child SOA", "NOERROR aa; an: child SOA ns.child hostmaster.child 2 3600 600 604800 60", "RFC 1034 4.3.2 2"),
    ("child DS", "+ 4712 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "RFC 4035 3.1.4.1"),
    ("child A", f"NOERROR aa; {CHILD_SOA}", "RFC 1034 4.3.2 2"),
    ("host.child A", "+ 192.0.2.60", "RFC 1034 4.3.2 2"),
    ("ns.child A", "+ 192.0.2.50", "RFC 1034 4.3.2 2"),
    ("x.child A", f"NXDOMAIN aa; {CHILD_SOA}", "RFC 1034 4.3.2 2"),
    ("host.child DS", f"NOERROR aa; {CHILD_SOA}", "RFC 4035 3.1.4.1"),
]


@rows(DELEGATIONS)
def delegations(asked, expected):
    everywhere(lab(), asked, whole(asked, expected))


# ---- chains ----

def chain(first, n):
    return "NOERROR aa; an: " + ", ".join(f"c{i} CNAME c{i + 1}" for i in range(first, first + n))


CHAINS = [
    ("c9 A", "NOERROR aa; an: c9 CNAME static, static A 192.0.2.1", "RFC 1034 3.6.2; gdnsd 007cname"),
    ("c9 CNAME", "+ static", "RFC 1034 3.6.2"),
    ("c9 ANY", "NOERROR aa; an: c9 CNAME static", "RFC 8482 4.3"),
    ("c9 MX", f"NOERROR aa; an: c9 CNAME static; {SOA}", "RFC 2308 2.2"),
    ("c2 A", chain(2, 7) + ", c9 CNAME static, static A 192.0.2.1", "gdnsd 012cname/038cname"),
    ("c1 A", chain(1, 8), "gslb: eight at most"),
    ("c0 A", chain(0, 8), "gslb: eight at most"),
    ("self A", "NOERROR aa; an: self CNAME self", "RFC 1034 3.6.2"),
    ("loop1 A", "NOERROR aa; an: loop1 CNAME loop2, loop2 CNAME loop1", "RFC 1034 3.6.2"),
    ("loop2 A", "NOERROR aa; an: loop1 CNAME loop2, loop2 CNAME loop1", "RFC 1034 3.6.2"),
    ("to-child A", f"NOERROR aa; an: to-child CNAME child; {CHILD_SOA}", "RFC 1034 4.3.2 3a"),
    ("to-child DS", "NOERROR aa; an: child DS 4712 13 2 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f, "
     "to-child CNAME child", "RFC 4035 3.1.4.1"),
]


@rows(CHAINS)
def chains(asked, expected):
    everywhere(lab(), asked, whole(asked, expected))


if __name__ == "__main__":
    main()
