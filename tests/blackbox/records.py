#!/usr/bin/python3
"""Records of all types as they are written and as they are served, and zones of all shapes: at the apex, a top-level domain,
hundreds of them. Every row is asked over UDP and TCP, IPv4 and IPv6."""
from lab import Lab, main, rows, shared, test
from wire import HOSTS, ask, everywhere, listen

HEAD = """
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
"""
L63 = "a" * 63

# Data as a zone file may have it, and as it is told; None: just so.
RECORDS = [
    ("A", "192.0.2.1", None, "RFC 1035 3.4.1"),
    ("A", "0.0.0.0", None, "RFC 1035 3.4.1"),
    ("A", "255.255.255.255", None, "RFC 1035 3.4.1"),
    ("AAAA", "2001:db8::1", None, "RFC 3596; gdnsd 012aaaa"),
    ("AAAA", "2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1", "gdnsd 012aaaa"),
    ("AAAA", "::", None, "gdnsd 012aaaa"),
    ("AAAA", "::1", None, "gdnsd 012aaaa"),
    ("AAAA", "::ffff:192.0.2.1", None, "gdnsd 012aaaa"),
    ("AAAA", "2001:db8::192.0.2.1", "2001:db8::c000:201", "gdnsd 012aaaa"),
    ("AAAA", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None, "gdnsd 012aaaa"),
    ("AAAA", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", "gdnsd 012aaaa"),
    ("MX", "0 .", "0 .", "RFC 7505"),
    ("MX", "65535 mail", None, "RFC 1035 3.3.9"),
    ("MX", "10 Mail.Elsewhere.test.", None, "RFC 1035 3.3.9"),
    ("PTR", "host", None, "RFC 1035 3.3.12"),
    ("SRV", "0 65535 443 target", None, "RFC 2782"),
    ("SRV", "65535 0 0 .", "65535 0 0 .", "RFC 2782"),
    ("TXT", '""', None, "RFC 1035 3.3.14"),
    ("TXT", "bare", '"bare"', "RFC 1035 5.1"),
    ("TXT", '"one" "two"', None, "RFC 1035 3.3.14"),
    ("TXT", '"one""two"', '"one" "two"', "gdnsd 010chars"),
    ("TXT", '( "one"\n "two" ) ; a comment', '"one" "two"', "RFC 1035 5.1"),
    ("TXT", r'"a\"b\\c"', r'"a\"b\\c"', "gdnsd 010chars"),
    ("TXT", r'"semi;colon" back\;slash', '"semi;colon" "back;slash"', "gdnsd 010chars"),
    ("TXT", r'"\000\007\127\128\255"', None, "gdnsd 010chars"),
    ("TXT", r'"\097\098"', '"ab"', "gdnsd 010chars"),
    ("TXT", r"\097\ b", '"a b"', "gdnsd 010chars"),
    ("TXT", '"tab\there (and) parentheses"', r'"tab\009here (and) parentheses"', "gdnsd 010chars"),
    ("TXT", '"' + "t" * 255 + '"', None, "gdnsd 003complex/006limits"),
    ("TXT", r'"' + r"\200" * 255 + '"', None, "gdnsd 003complex/006limits"),
    ("TXT", " ".join(['"' + "t" * 200 + '"'] * 2), None, "gdnsd 003complex/006limits"),
    ("SPF", '"v=spf1 -all"', None, "RFC 4408 3.1.1"),
    ("HINFO", '"cpu" "os"', None, "RFC 1035 3.3.2"),
    ("RP", "who what", "who what", "RFC 1183 2.2"),
    ("AFSDB", "1 afs", None, "RFC 1183 1"),
    ("NAPTR", '10 20 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .', None, "RFC 3403 4; gdnsd 014naptr"),
    ("NAPTR", r'65535 0 "" "" "a\\b\"c" target', None, "gdnsd 014naptr"),
    ("CAA", '0 issue "ca.example.net"', None, "RFC 8659 4; gdnsd 021caa"),
    ("CAA", '128 iodef "mailto:security@example.com"', None, "gdnsd 021caa"),
    ("CAA", '255 tbs ""', None, "gdnsd 021caa"),
    ("TLSA", "3 1 1 " + "0123456789abcdef" * 4, None, "RFC 6698 2.2"),
    ("SSHFP", "4 2 " + "0123456789abcdef" * 4, None, "RFC 4255 3.2"),
    ("LOC", "53 20 0.000 N 6 15 0.000 W 0.00m", None, "RFC 1876"),
    ("URI", '10 1 "https://example.com/a;b"', None, "RFC 7553 4"),
    ("HTTPS", "1 . alpn=h2", '1 . alpn="h2"', "RFC 9460 2.1"),
    ("SVCB", "0 target", None, "RFC 9460 2.1"),
    ("OPENPGPKEY", "AQIDBA==", None, "RFC 7929 2.3"),
    ("TYPE65280", r"\# 0", r"\# 0", "RFC 3597 5; gdnsd 015rfc3597"),
    ("TYPE65280", r"\# 4 01020304", r"\# 4 01020304", "gdnsd 015rfc3597"),
    ("TYPE65280", r"\# 4 ( 01 02" "\n 0304 )", r"\# 4 01020304", "gdnsd 015rfc3597"),
    ("TYPE1", r"\# 4 c0000201", "192.0.2.1", "RFC 3597 4; gdnsd 015rfc3597"),
    ("A", r"\# 4 c0000201", "192.0.2.1", "RFC 3597 5"),
    ("TYPE16", r"\# 3 026869", '"hi"', "RFC 3597 5"),
]
# Owners as a zone file may have them, and as they are asked for
OWNERS = [
    ("longest", ".".join([L63, L63, L63, "a" * 48]), "gdnsd 003complex/006limits"),
    ("labels", ".".join("a" * 120), "gdnsd 003complex/006limits"),
    ("dot", r"a\.b", "gdnsd 010chars"),
    ("byte", r"\000\255", "gdnsd 010chars"),
    ("decimal", r"\099\100", "gdnsd 010chars"),
    ("quote", r"a\"b", "gdnsd 010chars"),
    ("at", r"\@", "gdnsd 010chars"),
    ("underscore", "_x._tcp", "RFC 8552"),
    ("digits", "1.2.0.192", "gdnsd 002simple/002noerr"),
    ("slash", "0/25.2.0.192", "RFC 2317 4; gdnsd 002simple/002noerr"),
    ("hyphens", "-a--b-", "RFC 2181 11"),
    ("upper", "UPPER", "RFC 4343"),
    ("idn", "xn--bcher-kva", "RFC 5890"),
]
ZONES = {
    "svc.example": HEAD + "".join(f"r{n} {rdtype} {data}\n" for n, (rdtype, data, _, _) in enumerate(RECORDS))
    + "".join(f'{owner} TXT "{name}"\n' for name, owner, _ in OWNERS)
    + "t0 0 A 192.0.2.1\nt1 2147483647 A 192.0.2.1\nt2 1d A 192.0.2.1\n",
    "apex.example": HEAD + """
@ MX 10 mail.elsewhere.test.
_gslb TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
_gslb.* TXT "v=gslb1; pools=us; rank=order; ttl=30/5"
_gslb.a.b TXT "v=gslb1; pools=us; rank=order; ttl=30/5"
_GSLB.Upper TXT "v=gslb1; pools=us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.20
""",
    "tld": HEAD + "x A 192.0.2.1\n",
    "a.b.c.d.e.f.g.deep": HEAD + "x A 192.0.2.1\n",
    "g.deep": HEAD + "x A 192.0.2.2\n*.f A 192.0.2.3\n",
}
MANY = 300


@shared
def lab(stack):
    lab = Lab(stack, {**ZONES, **{f"many{n}.test": HEAD + f"x TXT {n}\n" for n in range(MANY)}})
    lab.write_conf(extra=listen(lab))
    return lab.start()


@rows([(f"{rdtype} {data[:60]!r}", n, source) for n, (rdtype, data, _, source) in enumerate(RECORDS)])
def data_of_records(sentence, n):
    rdtype, data, expected, _ = RECORDS[n]
    rdtype = {"TYPE1": "A", "TYPE16": "TXT"}.get(rdtype, rdtype)
    everywhere(lab(), f"r{n} {rdtype}", f"NOERROR aa; an: r{n} {rdtype} {data if expected is None else expected}")


@rows([(f"the owner {owner[:60]!r}", name, owner, source) for name, owner, source in OWNERS])
def owners(sentence, name, owner):
    got = ask(lab(), f"{owner} TXT")
    assert got.startswith("NOERROR aa; an: ") and got.endswith(f' TXT "{name}"'), got
    everywhere(lab(), f"{owner} TXT", got)


def soa_of(zone, ttl_s=30):
    return f"ns: {zone} {ttl_s} SOA ns1.{zone} hostmaster.{zone} 1 3600 600 604800 30"


SHAPES = [
    ("t0 A", "NOERROR aa; an: t0 0 A 192.0.2.1", "RFC 1035 3.2.1"),
    ("t1 A", "NOERROR aa; an: t1 2147483647 A 192.0.2.1", "RFC 2181 8; gdnsd 003complex/006limits"),
    ("t2 A", "NOERROR aa; an: t2 86400 A 192.0.2.1", "gslb.zone(5)"),
    # a service at the apex, and one for all that is not there
    ("apex.example. A", "NOERROR aa; an: apex.example. 30 A 192.0.2.10", "gslb.zone(5)"),
    ("apex.example. AAAA", "NOERROR aa; " + soa_of("apex.example.", 5), "gslb.zone(5)"),
    ("apex.example. MX", "NOERROR aa; an: apex.example. MX 10 mail.elsewhere.test.", "gslb.zone(5)"),
    ("apex.example. NS", "NOERROR aa; an: apex.example. NS ns1.apex.example.", "gslb.zone(5)"),
    ("apex.example. SOA", "NOERROR aa; an: apex.example. SOA ns1.apex.example. hostmaster.apex.example. 1 3600 600 604800 30",
     "gslb.zone(5)"),
    ("x.apex.example. A", "NOERROR aa; an: x.apex.example. 30 A 192.0.2.20", "gslb.zone(5)"),
    ("x.y.apex.example. A", "NOERROR aa; an: x.y.apex.example. 30 A 192.0.2.20", "gslb.zone(5)"),
    ("ns1.apex.example. A", "NOERROR aa; an: ns1.apex.example. A 127.0.0.1", "RFC 4592 2.2.1"),
    ("x.ns1.apex.example. A", "NXDOMAIN aa; " + soa_of("apex.example."), "RFC 4592 3.3.1"),
    ("eu.apex.example. A", "NOERROR aa; " + soa_of("apex.example."), "RFC 4592 2.2.2"),
    ("a.b.apex.example. A", "NOERROR aa; an: a.b.apex.example. 30 A 192.0.2.20", "gslb.zone(5)"),
    ("b.apex.example. A", "NOERROR aa; " + soa_of("apex.example."), "RFC 4592 2.2.2"),
    ("x.b.apex.example. A", "NXDOMAIN aa; " + soa_of("apex.example."), "RFC 4592 3.3.1"),
    ("upper.apex.example. A", "NOERROR aa; an: upper.apex.example. 30 A 192.0.2.20", "RFC 4343"),
    ("_gslb.apex.example. TXT", "NXDOMAIN aa; " + soa_of("apex.example."), "gslb.zone(5)"),
    ("_gslb.*.apex.example. TXT", "NXDOMAIN aa; " + soa_of("apex.example."), "gslb.zone(5)"),
    ("eu._pool.apex.example. SRV", "NXDOMAIN aa; " + soa_of("apex.example."), "gslb.zone(5)"),
    ("_map.apex.example. A", "NXDOMAIN aa; " + soa_of("apex.example."), "gslb.zone(5)"),
    ("x._pool.apex.example. A", "NXDOMAIN aa; " + soa_of("apex.example."), "gslb.zone(5)"),
    # a zone of one label, and zones under each other without a delegation
    ("tld. NS", "NOERROR aa; an: tld. NS ns1.tld.", "gdnsd 005tld"),
    ("x.tld. A", "NOERROR aa; an: x.tld. A 192.0.2.1", "gdnsd 005tld"),
    ("y.tld. A", "NXDOMAIN aa; " + soa_of("tld."), "gdnsd 005tld"),
    ("xtld. A", "REFUSED", "gdnsd 005tld"),
    ("x.a.b.c.d.e.f.g.deep. A", "NOERROR aa; an: x.a.b.c.d.e.f.g.deep. A 192.0.2.1", "RFC 1034 4.3.2 2"),
    ("x.g.deep. A", "NOERROR aa; an: x.g.deep. A 192.0.2.2", "RFC 1034 4.3.2 2"),
    ("c.d.e.f.g.deep. A", "NOERROR aa; an: c.d.e.f.g.deep. A 192.0.2.3", "RFC 1034 4.3.2 2"),
    ("y.a.b.c.d.e.f.g.deep. A", "NXDOMAIN aa; " + soa_of("a.b.c.d.e.f.g.deep."), "RFC 1034 4.3.2 2"),
    ("e.g.deep. A", "NXDOMAIN aa; " + soa_of("g.deep."), "RFC 1034 4.3.2 2"),
    ("deep. A", "REFUSED", "RFC 1034 4.3.2 2"),
    ("x.deep. A", "REFUSED", "RFC 1034 4.3.2 2"),
]


@rows(SHAPES)
def shapes(asked, expected):
    everywhere(lab(), asked, expected)


@test
def hundreds_of_zones(stack):
    """each of 300 zones answers for itself (gdnsd 019many_zones)"""
    for n in range(MANY):
        assert ask(lab(), f"x.many{n}.test. TXT", "udp", HOSTS[n % len(HOSTS)]) == f'NOERROR aa; an: x.many{n}.test. TXT "{n}"'
    assert ask(lab(), f"x.many{MANY}.test. TXT") == "REFUSED"


if __name__ == "__main__":
    main()
