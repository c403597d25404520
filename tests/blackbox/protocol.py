#!/usr/bin/python3
"""Messages as no decent resolver makes them, EDNS and its options: tables of rows, each with where it is written.
Every row goes over UDP and TCP, IPv4 and IPv6, to one server, which must answer a plain question after each of them."""
import random
import struct

from lab import Lab, main, rows, shared, test
from wire import (ECS, HOSTS, KEEPALIVE, NSID, PADDING, WAYS, ecs_data, everywhere, exchange, header, listen, name_wire, octets,
                  opt, option, options_of, query, question, told)

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
static A 192.0.2.1
static A 192.0.2.2
static TXT "text"
\\225x A 192.0.2.3
a[b A 192.0.2.3
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
"""

SOA = "ns: @ 30 SOA ns1 hostmaster 1 3600 600 604800 30"
NXDOMAIN, NODATA = f"NXDOMAIN aa; {SOA}", f"NOERROR aa; {SOA}"
SAYS = "NOERROR aa; an: static A 192.0.2.1, static A 192.0.2.2"
UNREADABLE = "FORMERR; no question"
OPT_BACK = "; opt: 1232"


@shared
def lab(stack):
    lab = Lab(stack, {"svc.example": ZONE})
    lab.write_conf(extra=listen(lab))
    return lab.start()


# ---- the header ----

Q = question("static A")
A_RECORD = octets("c00c 0001 0001 00000e10 0004 c0000201")
SOA_RECORD = octets("c00c 0006 0001 00000e10 0016 00 00 00000001 00000001 00000001 00000001 00000001")

HEADERS = [
    ("no byte at all", b"", "silence", "RFC 1035 4.1.1"),
    ("one byte", b"\xbe", "silence", "RFC 1035 4.1.1"),
    ("an id and nothing else", octets("beef"), "silence", "RFC 1035 4.1.1"),
    ("one byte less than a header", header()[:-1], "silence", "gdnsd 004misc/019bad"),
    ("a header without a question", header(qd=0), UNREADABLE, "RFC 9619 4"),
    ("a header that promises a question", header(), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a question that the header does not count", header(qd=0) + Q, UNREADABLE, "RFC 9619 4"),
    ("two questions", header(qd=2) + Q + Q, UNREADABLE, "RFC 9619 4"),
    ("two questions, of which one is there", header(qd=2) + Q, UNREADABLE, "RFC 9619 4"),
    ("65535 questions", header(qd=65535) + Q, UNREADABLE, "RFC 9619 4"),
    ("an answer in the query", header(an=1) + Q + A_RECORD, "FORMERR", "RFC 1035 4.1"),
    ("an answer that is counted but not there", header(an=1) + Q, "FORMERR", "gdnsd 004misc/019bad"),
    ("65535 answers", header(an=65535) + Q, "FORMERR", "gdnsd 004misc/019bad"),
    ("an authority record in the query", header(ns=1) + Q + A_RECORD, "FORMERR", "RFC 1035 4.1"),
    ("an authority record that is counted but not there", header(ns=1) + Q, "FORMERR", "gdnsd 004misc/019bad"),
    ("an additional record that is counted but not there", header(ar=1) + Q, "FORMERR", "gdnsd 004misc/019bad"),
    ("65535 additional records, of which one is there", header(ar=65535) + Q + opt(), "FORMERR" + OPT_BACK,
     "gdnsd 004misc/019bad"),
    ("a byte behind the question", header() + Q + b"\0", "FORMERR", "RFC 1035 4.1"),
    ("a question behind the question", header() + Q + Q, "FORMERR", "RFC 1035 4.1"),
    ("an OPT behind the question that is not counted", header() + Q + opt(), "FORMERR", "RFC 1035 4.1"),
    ("a byte behind the OPT", header(ar=1) + Q + opt() + b"\0", "FORMERR" + OPT_BACK, "RFC 1035 4.1"),
    ("a response", header(0x8000) + Q, "silence", "RFC 1035 7.3"),
    ("a response with an answer", header(0x8400, an=1) + Q + A_RECORD, "silence", "RFC 1035 7.3"),
    ("a response that is a header only", header(0x8001, qd=0), "silence", "RFC 1035 7.3"),
    ("a response of NOTIFY", header(0x8000, opcode=4) + Q, "silence", "RFC 1996 3.12"),
    ("a response of UPDATE", header(0x8000, opcode=5) + Q, "silence", "RFC 2136 2.2"),
    ("a response of opcode 15", header(0x8000, opcode=15) + Q, "silence", "RFC 1035 7.3"),
    ("a broken response", header(0x8000) + Q[:3], "silence", "RFC 1035 7.3"),
    ("a query that was cut off (TC)", header(0x0200) + Q, "FORMERR", "RFC 1035 4.1.1"),
    ("RD comes back", header(0x0100) + Q, SAYS.replace("aa", "aa rd"), "RFC 1035 4.1.1"),
    ("CD comes back", header(0x0010) + Q, SAYS.replace("aa", "aa cd"), "RFC 4035 3.1.6"),
    ("RD and CD come back together", header(0x0110) + Q, SAYS.replace("aa", "aa rd cd"), "RFC 4035 3.1.6"),
    ("RD comes back with an error", header(0x0100) + question("elsewhere.test. A"), "REFUSED rd", "RFC 1035 4.1.1"),
    ("RD comes back with FORMERR", header(0x0100, qd=2) + Q + Q, "FORMERR rd; no question", "RFC 1035 4.1.1"),
    ("AD of a query does not come back", header(0x0020) + Q, SAYS, "RFC 6840 5.7"),
    ("AA, RA and Z of a query do not come back", header(0x04c0) + Q, SAYS, "RFC 1035 4.1.1"),
    ("an rcode in a query is not looked at", header(0x000f) + Q, SAYS, "RFC 1035 4.1.1"),
    ("id 0", b"\0\0" + header()[2:] + Q, SAYS, "RFC 1035 4.1.1"),
    ("id 65535", b"\xff\xff" + header()[2:] + Q, SAYS, "RFC 1035 4.1.1"),
] + [
    (f"opcode {opcode}", header(opcode=opcode) + Q, "NOTIMP", "RFC 1035 4.1.1") for opcode in range(1, 16)
] + [
    ("opcode 4 with RD and CD", header(0x0110, opcode=4) + Q, "NOTIMP rd cd", "RFC 1996 3.3"),
    ("an UPDATE with records", header(opcode=5, ns=1) + question("@ SOA") + A_RECORD, "NOTIMP", "RFC 2136 3.1"),
    ("a stateful operation", header(opcode=6, qd=0) + octets("0001 0008 00003a98 00003a98"), "NOTIMP; no question",
     "RFC 8490 5.1"),
    ("opcode 2 with a broken question", header(opcode=2) + octets("c00c 0001 0001"), "NOTIMP; no question", "RFC 1035 4.1.1"),
]


@rows(HEADERS)
def headers(sentence, message, expected):
    everywhere(lab(), message, expected)


# ---- the question ----

def longest(last=b""):
    """Labels of one letter up to the 255 bytes of a name."""
    return b"\1a" * ((254 - len(last)) // 2) + last + b"\0"


def asked(name, rdtype=1, rdclass=1):
    return header() + octets(name) + struct.pack("!HH", rdtype, rdclass)


SVC = octets("03737663 076578616d706c65")  # svc.example without the root
L63 = b"\x3f" + b"a" * 63

QUESTIONS = [
    ("a name that points at itself", asked("c00c"), UNREADABLE, "RFC 1035 4.1.4"),
    ("a name that points at the header", asked("c000"), UNREADABLE, "RFC 1035 4.1.4"),
    ("a name that points forward", asked("c010"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a name that points behind the message", asked("ffff"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a label, and a pointer to it", asked("06737461746963 c00c"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a label, and a pointer into it", asked("06737461746963 c00d"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("half a pointer at the end", header() + octets("06737461746963 c0"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a name whose rest stands in the OPT", header(ar=1) + octets("06737461746963 c02c 0001 0001") +
     opt(option(65001, SVC + b"\0")), UNREADABLE, "RFC 1035 4.1.4"),
    ("a label of 64 bytes", asked(b"\x40" + b"a" * 64 + b"\0"), UNREADABLE, "RFC 1035 2.3.4"),
    ("an extended label", asked("41 00"), UNREADABLE, "RFC 6891 5"),
    ("a label of the kind 10", asked("80 00"), UNREADABLE, "RFC 1035 4.1.4"),
    ("a label of 191 bytes", asked(b"\xbf" + b"a" * 191 + b"\0"), UNREADABLE, "RFC 1035 4.1.4"),
    ("a name of 256 bytes", asked(L63 * 3 + b"\x3e" + b"a" * 62 + b"\0"), UNREADABLE, "RFC 1035 2.3.4"),
    ("a name of 257 bytes", asked(L63 * 4 + b"\0"), UNREADABLE, "RFC 1035 2.3.4"),
    ("128 labels", asked(b"\1a" * 128 + b"\0"), UNREADABLE, "RFC 1035 2.3.4"),
    ("a name without the root", header() + Q[:-5], UNREADABLE, "gdnsd 004misc/019bad"),
    ("a name that runs over the end", header() + octets("3f616161"), UNREADABLE, "gdnsd 004misc/019bad"),
    ("a name without type", header() + Q[:-4], UNREADABLE, "gdnsd 004misc/019bad"),
    ("half a type", header() + Q[:-3], UNREADABLE, "gdnsd 004misc/019bad"),
    ("a type without class", header() + Q[:-2], UNREADABLE, "gdnsd 004misc/019bad"),
    ("half a class", header() + Q[:-1], UNREADABLE, "gdnsd 004misc/019bad"),
    ("a label of 63 bytes", asked(L63 + SVC + b"\0"), NXDOMAIN, "RFC 1035 2.3.4"),
    ("a name of 255 bytes in a zone", asked(longest(SVC)), NXDOMAIN, "gdnsd 003complex/006limits"),
    ("a name of 255 bytes of long labels", asked(L63 * 3 + b"\x30" + b"a" * 48 + SVC + b"\0"), NXDOMAIN,
     "gdnsd 003complex/006limits"),
    ("127 labels", asked(longest()), "REFUSED", "gdnsd 003complex/006limits"),
    ("127 labels and an OPT", header(ar=1) + longest() + octets("0001 0001") + opt(option(NSID)),
     "REFUSED; opt: 1232 nsid=lab ede=20", "gdnsd 003complex/006limits"),
    ("the root", asked("00", 2), "REFUSED", "RFC 1034 4.3.2"),
    ("the zone above", asked("076578616d706c65 00"), "REFUSED", "RFC 1034 4.3.2"),
    ("a sibling whose name ends alike", asked("0478737663 076578616d706c65 00"), "REFUSED", "RFC 1034 4.3.2"),
    ("a label with a byte 0", asked(b"\3a\0b" + SVC + b"\0"), NXDOMAIN, "RFC 2181 11"),
    ("a label with a dot", asked(b"\x0astatic.svc" + SVC[4:] + b"\0"), "REFUSED", "RFC 2181 11"),
    ("labels of any bytes", asked(b"\4\xff\x80\x01*" + SVC + b"\0"), NXDOMAIN, "RFC 2181 11"),
    ("a letter beyond ASCII", asked(b"\2\xe1x" + SVC + b"\0"), "NOERROR aa; an: \\225x A 192.0.2.3", "RFC 4343 2"),
    ("letters beyond ASCII have no case", asked(b"\2\xc1x" + SVC + b"\0"), NXDOMAIN, "RFC 4343 3"),
    ("a bracket", asked(b"\3a[b" + SVC + b"\0"), "NOERROR aa; an: a[b A 192.0.2.3", "RFC 4343 3"),
    ("a bracket is no upper-case brace", asked(b"\3a{b" + SVC + b"\0"), NXDOMAIN, "RFC 4343 3"),
    ("the case of the question comes back", header() + question("sTaTiC.sVC.eXAmplE. A"),
     "NOERROR aa; an: sTaTiC A 192.0.2.1, sTaTiC A 192.0.2.2", "draft-vixie-dnsext-dns0x20"),
    ("the case of a service's question, too", header() + question("WwW.SVC.EXAMPLE. A"),
     "NOERROR aa; an: WwW 30 A 192.0.2.10", "draft-vixie-dnsext-dns0x20"),
    ("and of one without an answer", header() + question("NoThing A"), NXDOMAIN, "draft-vixie-dnsext-dns0x20"),
] + [
    (f"type {name}", asked(name_wire("static"), rdtype), expected, source) for name, rdtype, expected, source in (
        ("0", 0, NODATA, "RFC 6895 3.1"),
        ("AAAA without data", 28, NODATA, "RFC 2308 2.2"),
        ("OPT", 41, "NOTIMP", "RFC 6891 6.1.1"),
        ("RRSIG", 46, NODATA, "RFC 4035 3.1"),
        ("127", 127, NODATA, "RFC 6895 3.1"),
        ("128, a meta type", 128, "NOTIMP", "RFC 6895 3.1"),
        ("200, a meta type", 200, "NOTIMP", "RFC 6895 3.1"),
        ("TKEY", 249, "NOTIMP", "RFC 2930"),
        ("TSIG", 250, "NOTIMP", "RFC 8945"),
        ("IXFR", 251, "REFUSED", "RFC 1995 2"),
        ("AXFR", 252, "REFUSED", "RFC 5936 2.2.1"),
        ("MAILB", 253, "NOTIMP", "RFC 1035 3.2.3"),
        ("MAILA", 254, "NOTIMP", "RFC 1035 3.2.3"),
        ("ANY", 255, 'NOERROR aa; an: static HINFO "RFC8482" ""', "RFC 8482 4.2"),
        ("URI", 256, NODATA, "RFC 7553"),
        ("65280, for private use", 65280, NODATA, "RFC 6895 3.1"),
        ("65535", 65535, NODATA, "RFC 6895 3.1"),
    )
] + [
    ("AXFR of the zone", header() + question("@ AXFR"), "REFUSED", "RFC 5936 2.2.1"),
    ("IXFR of the zone, with its SOA", header(ns=1) + question("@ IXFR") + SOA_RECORD, "REFUSED", "RFC 1995 3"),
    ("IXFR with an SOA that runs over the end", header(ns=1) + question("@ IXFR") + SOA_RECORD[:-1], "FORMERR", "RFC 1995 3"),
    ("AXFR of no zone of ours", header() + question("elsewhere.test. AXFR"), "REFUSED", "RFC 5936 2.2.1"),
] + [
    (f"class {name}", asked(name_wire("static"), 1, rdclass), expected, "RFC 1035 3.2.4, 6.2") for name, rdclass, expected in (
        ("0", 0, "REFUSED"), ("CS", 2, "REFUSED"), ("CH", 3, "REFUSED"), ("HS", 4, "REFUSED"), ("NONE", 254, "REFUSED"),
        ("ANY, whose answers are never authoritative", 255, SAYS.replace(" aa", "")), ("65535", 65535, "REFUSED"))
] + [
    ("id.server in CH", header() + question("id.server. TXT CH"), 'NOERROR aa; an: id.server. 0 CH TXT "lab"', "RFC 4892"),
    ("hostname.bind in CH", header() + question("HostName.bind. TXT CH"), 'NOERROR aa; an: HostName.bind. 0 CH TXT "lab"',
     "RFC 4892"),
    ("id.server ANY in CH", header() + question("id.server. ANY CH"), 'NOERROR aa; an: id.server. 0 CH TXT "lab"', "RFC 4892"),
    ("another type in CH", header() + question("id.server. A CH"), "REFUSED", "gdnsd 003complex/017chaos"),
    ("another name in CH", header() + question("authors.bind. TXT CH"), "REFUSED", "gdnsd 003complex/017chaos"),
    ("id.server in IN", header() + question("id.server. TXT"), "REFUSED", "RFC 4892"),
]


@rows(QUESTIONS)
def questions(sentence, message, expected):
    everywhere(lab(), message, expected)


# ---- the OPT ----

def with_opt(*options, **more):
    return header(ar=1) + Q + opt(b"".join(options), **more)


def raw_opt(text):
    return header(ar=1) + Q + octets(text)


UNKNOWN = octets("00 ff00 0001 00000000 0002 abcd")  # a record of a type for private use
TSIG = octets("036b6579 00 00fa 00ff 00000000 0004 01020304")
DO = OPT_BACK + " do"

EDNS = [
    ("an OPT", with_opt(), SAYS + OPT_BACK, "RFC 6891 6.1.1"),
    ("DO comes back", with_opt(flags=0x8000), SAYS + DO, "RFC 3225 3"),
    ("the other flags do not", with_opt(flags=0x7fff), SAYS + OPT_BACK, "RFC 6891 6.1.4"),
    ("a payload of 0", with_opt(size=0), SAYS + OPT_BACK, "RFC 6891 6.2.3"),
    ("a payload of 511", with_opt(size=511), SAYS + OPT_BACK, "RFC 6891 6.2.3"),
    ("a payload of 65535", with_opt(size=65535), SAYS + OPT_BACK, "RFC 6891 6.2.3"),
    ("an extended rcode in a query", raw_opt("00 0029 04d0 ff 00 0000 0000"), SAYS + OPT_BACK, "RFC 6891 6.1.3"),
    ("an OPT behind another record", header(ar=2) + Q + UNKNOWN + opt(), SAYS + OPT_BACK, "RFC 6891 6.1.1"),
    ("an OPT before another record", header(ar=2) + Q + opt() + UNKNOWN, SAYS + OPT_BACK, "RFC 6891 6.1.1"),
    ("an address in the additional section", header(ar=1) + Q + A_RECORD, SAYS, "RFC 1035 4.1"),
    ("a TSIG goes unsigned", header(ar=1) + Q + TSIG, SAYS, "RFC 8945 5.2"),
    ("a TSIG behind an OPT", header(ar=2) + Q + opt() + TSIG, SAYS + OPT_BACK, "RFC 8945 5.2"),
    ("a record whose owner is broken", header(ar=1) + Q + octets("47 0001 0001 00000000 0000"), "FORMERR", "RFC 1035 4.1.4"),
    ("a record that is cut off", header(ar=1) + Q + UNKNOWN[:-1], "FORMERR", "gdnsd 004misc/019bad"),
    ("two OPTs", header(ar=2) + Q + opt() + opt(), "FORMERR" + OPT_BACK, "RFC 6891 6.1.1"),
    ("two OPTs around another record", header(ar=3) + Q + opt() + UNKNOWN + opt(), "FORMERR" + OPT_BACK, "RFC 6891 6.1.1"),
    ("two OPTs of other versions", header(ar=2) + Q + opt(version=1) + opt(), "FORMERR" + OPT_BACK, "RFC 6891 6.1.1"),
    ("an OPT in the answer section", header(an=1) + Q + opt(), "FORMERR", "RFC 6891 6.1.1"),
    ("an OPT in the authority section", header(ns=1) + Q + opt(), "FORMERR", "RFC 6891 6.1.1"),
    ("an OPT that is not the root's", with_opt(owner=b"\1a\0"), "FORMERR", "RFC 6891 6.1.2"),
    ("an OPT of the question's name", with_opt(owner=b"\xc0\x0c"), "FORMERR", "RFC 6891 6.1.2"),
    ("an OPT whose owner points to the root", with_opt(owner=octets("c01f")), "FORMERR", "RFC 6891 6.1.2"),
    ("an OPT that is cut off", with_opt()[:-1], "FORMERR", "gdnsd 004misc/019bad"),
    ("an OPT that is longer than the message", raw_opt("00 0029 04d0 00 00 0000 0001"), "FORMERR", "gdnsd 004misc/019bad"),
    ("an OPT of 65535 bytes", raw_opt("00 0029 04d0 00 00 0000 ffff"), "FORMERR", "gdnsd 004misc/019bad"),
    ("an option that runs over the end", with_opt(octets("fde9 0003 abcd")), "FORMERR" + OPT_BACK, "RFC 6891 6.1.2"),
    ("an option of 65535 bytes", with_opt(octets("fde9 ffff abcd")), "FORMERR" + OPT_BACK, "RFC 6891 6.1.2"),
    ("half an option's length", with_opt(octets("fde9 00")), "FORMERR" + OPT_BACK, "RFC 6891 6.1.2"),
    ("half an option's code", with_opt(octets("fd")), "FORMERR" + OPT_BACK, "RFC 6891 6.1.2"),
    ("an option that runs into the next record", header(ar=2) + Q + opt(octets("fde9 0004")) + UNKNOWN,
     "FORMERR" + OPT_BACK, "RFC 6891 6.1.2"),
    ("an unknown option", with_opt(option(65001, "abcd")), SAYS + OPT_BACK, "RFC 6891 6.1.2"),
    ("an unknown option without data", with_opt(option(65001)), SAYS + OPT_BACK, "RFC 6891 6.1.2"),
    ("300 unknown options", with_opt(option(65001) * 300), SAYS + OPT_BACK, "RFC 6891 6.1.2"),
    ("an unknown option of 1000 bytes", with_opt(option(65001, bytes(1000))), SAYS + OPT_BACK, "RFC 6891 6.1.2"),
    ("an unknown option before one that is known", with_opt(option(65001, "abcd"), option(NSID)),
     SAYS + OPT_BACK + " nsid=lab", "RFC 6891 6.1.2"),
    ("padding is neither read nor made without encryption", with_opt(option(PADDING, bytes(100))), SAYS + OPT_BACK,
     "RFC 7830 6"),
] + [
    (f"option {code} is not ours", with_opt(option(code, data)), SAYS + OPT_BACK, source) for code, data, source in (
        (0, "", "RFC 6891 9"), (1, "0001 0001 0000 0000000000000000 00000e10", "RFC 8764 3.2"),
        (2, "00000e10 00000e10", "RFC 9664"),
        (5, "050708", "RFC 6975 3"), (9, "", "RFC 7314 2"), (13, "00", "RFC 7901 4"), (14, "4f66", "RFC 8145 4.1"),
        (15, "0000 61", "RFC 8914 2"), (18, "07636f6e74726f6c 00", "RFC 9567 5"),
        (20292, "0000", "RFC 6891 9"), (65535, "00", "RFC 6891 9"))
] + [
    ("a NOTIFY with an OPT", header(opcode=4, ar=1) + question("@ SOA") + opt(), "NOTIMP" + OPT_BACK, "RFC 6891 6.1.1"),
    ("an UPDATE with an OPT", header(opcode=5, ar=1) + question("@ SOA") + opt(), "NOTIMP" + OPT_BACK, "RFC 6891 6.1.1"),
    ("a meta type with an OPT", header(ar=1) + question("static MAILA") + opt(), "NOTIMP" + OPT_BACK, "RFC 6891 6.1.1"),
    ("AXFR with an OPT", header(ar=1) + question("@ AXFR") + opt(), "REFUSED" + OPT_BACK, "RFC 6891 6.1.1"),
    ("another class with an OPT", header(ar=1) + question("static A CH") + opt(), "REFUSED" + OPT_BACK, "RFC 6891 6.1.1"),
    ("EDNS 1", with_opt(version=1), "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("EDNS 255", with_opt(version=255), "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("EDNS 1 with DO", with_opt(version=1, flags=0x8000), "BADVERS" + DO, "RFC 6891 6.1.3"),
    ("EDNS 1 with an unknown option", with_opt(option(65001, "00"), version=1), "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("EDNS 1 with options of its own shape", with_opt(octets("abcdef"), version=1), "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("EDNS 1 with known options", with_opt(option(NSID), option(ECS, ecs_data("10.0.0.0/8")), version=1),
     "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("EDNS 1 to no zone of ours", header(ar=1) + question("elsewhere.test. A") + opt(version=1), "BADVERS" + OPT_BACK,
     "RFC 6891 6.1.3"),
    ("EDNS 1 and a byte too many", with_opt(version=1) + b"\0", "FORMERR" + OPT_BACK, "RFC 6891 6.1.3"),
    ("NSID", with_opt(option(NSID)), SAYS + OPT_BACK + " nsid=lab", "RFC 5001 2.2"),
    ("NSID twice", with_opt(option(NSID) * 2), SAYS + OPT_BACK + " nsid=lab", "gdnsd defect 7.1"),
    ("NSID with data", with_opt(option(NSID, "61")), "FORMERR" + OPT_BACK, "RFC 5001 2.1; gdnsd 003complex/009broken"),
    ("NSID with NXDOMAIN", query("nothing A nsid"), NXDOMAIN + OPT_BACK + " nsid=lab", "RFC 5001 2.2"),
    ("NSID with REFUSED, and why it is", query("elsewhere.test. A nsid"), "REFUSED" + OPT_BACK + " nsid=lab ede=20",
     "RFC 8914 4.21"),
    ("an extended error needs EDNS", query("elsewhere.test. A"), "REFUSED", "RFC 8914 2"),
    ("keepalive is for TCP", with_opt(option(KEEPALIVE)),
     {"udp": SAYS + OPT_BACK, "tcp": SAYS + OPT_BACK + " keepalive=100"}, "RFC 7828 3.2.2, 3.3.2"),
    ("keepalive that nobody asked for", with_opt(), SAYS + OPT_BACK, "RFC 7828 3.3.2"),
    ("all options at once", with_opt(option(NSID), option(ECS, ecs_data("10.0.0.0/8")), option(KEEPALIVE), flags=0x8000),
     {"udp": SAYS + DO + " ecs=1/8/0=0a nsid=lab", "tcp": SAYS + DO + " ecs=1/8/0=0a nsid=lab keepalive=100"}, "RFC 6891 6.1.2"),
]


@rows(EDNS)
def edns(sentence, message, expected):
    everywhere(lab(), message, expected)


# ---- Client Subnet: what the option may look like. What is made of it is in ecs.py. ----

VALID = [f"{address}/{length}" for length, address in (
    (0, "0"), (0, "0.0.0.0"), (1, "128.0.0.0"), (7, "10.0.0.0"), (8, "10.0.0.0"), (9, "10.128.0.0"), (15, "10.2.0.0"),
    (16, "10.1.0.0"), (17, "10.1.128.0"), (23, "10.1.2.0"), (24, "10.1.3.0"), (25, "10.1.3.128"), (31, "10.1.3.4"),
    (32, "10.1.3.5"), (32, "255.255.255.255"), (32, "0.0.0.0"),
    (0, "::"), (1, "8000::"), (32, "2001:db8::"), (47, "2001:db8:2::"), (48, "2001:db8:3::"), (56, "2001:db8:3:400::"),
    (57, "2001:db8:3:480::"), (64, "2001:db8:3:4::"), (65, "2001:db8:3:4:8000::"), (127, "2001:db8::2"), (128, "2001:db8::3"))]
INVALID = [
    ("no data", ""),
    ("a family alone", "0001"),
    ("no scope", "0001 18"),
    ("three bytes", "0001 00"),
    ("half a family", "00"),
    ("no address", "0001 18 00"),
    ("an octet too few", "0001 18 00 0a01"),
    ("an octet too many", "0001 18 00 0a010300"),
    ("all four octets for /24", "0001 18 00 0a010304"),
    ("an octet for /0", "0001 00 00 00"),
    ("two octets for /8", "0001 08 00 0a00"),
    ("one octet for /9", "0001 09 00 0a"),
    ("a bit behind /17", "0001 11 00 0a01c0"),
    ("the last bit behind /31", "0001 1f 00 0a010301"),
    ("a bit behind /1", "0001 01 00 c0"),
    ("33 bits of IPv4", "0001 21 00 0a01030480"),
    ("255 bits of IPv4", "0001 ff 00 " + "ff" * 32),
    ("a scope", "0001 18 18 0a0103"),
    ("a scope of one bit", "0001 18 01 0a0103"),
    ("a scope without source", "0001 00 18"),
    ("an octet too few of IPv6", "0002 38 00 20010db80000"),
    ("an octet too many of IPv6", "0002 38 00 20010db800000000"),
    ("a bit behind /49", "0002 31 00 20010db8000040"),
    ("129 bits of IPv6", "0002 81 00 20010db8" + "00" * 12 + "80"),
    ("a scope with IPv6", "0002 30 30 20010db80003"),
    ("family 0 with bits", "0000 08 00 0a"),
    ("family 3", "0003 18 00 0a0103"),
    ("family 3 without bits", "0003 00 00"),
    ("family 256", "0100 18 00 0a0103"),
    ("family 65535", "ffff 00 00"),
]


def echoed(prefix):
    data = ecs_data(prefix)
    family, source, scope = struct.unpack_from("!HBB", data)
    return f"ecs={family}/{source}/{scope}" + (f"={data[4:].hex()}" if len(data) > 4 else "")


@rows([(f"ECS {prefix}, family {ecs_data(prefix)[1]}", prefix, "RFC 7871 7.2.1; gdnsd 003complex/013clientsub")
       for prefix in VALID])
def ecs_is_taken(sentence, prefix):
    data = option(ECS, ecs_data(prefix))
    everywhere(lab(), with_opt(data), f"{SAYS}{OPT_BACK} {echoed(prefix)}")
    everywhere(lab(), with_opt(option(65001, "00"), data), f"{SAYS}{OPT_BACK} {echoed(prefix)}")
    everywhere(lab(), header(ar=1) + question("nothing A") + opt(data), f"{NXDOMAIN}{OPT_BACK} {echoed(prefix)}")


@rows([(f"ECS with {name}", data, "RFC 7871 6, 7.1; gdnsd 003complex/013clientsub") for name, data in INVALID])
def ecs_is_refused(sentence, data):
    everywhere(lab(), with_opt(option(ECS, data)), "FORMERR" + OPT_BACK)
    everywhere(lab(), with_opt(option(NSID), option(ECS, data), option(65001)), "FORMERR" + OPT_BACK)


@rows([(f"ECS twice: {one} and {two}", one, two, "gdnsd defect 7.1") for one, two in (
    ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.3.0/24", "0.0.0.0/0"), ("0/0", "0/0"), ("2001:db8::/32", "10.0.0.0/8"))])
def ecs_twice(sentence, one, two):
    everywhere(lab(), with_opt(option(ECS, ecs_data(one)), option(ECS, ecs_data(two))), "FORMERR" + OPT_BACK)


# ---- what is left ----

@test
def an_extended_error_says_why(stack):
    """an extended error has a text for people (RFC 8914 2)"""
    answer = exchange(lab(), query("elsewhere.test. A size=1232"))
    assert dict(options_of(answer))[15] == b"\0\x14no such zone here", options_of(answer)


@test
def the_version_in_ch(stack):
    """version.bind and version.server in CH name the program (RFC 4892)"""
    for name in ("version.bind.", "version.server."):
        got = told(query(f"{name} TXT class=CH"), exchange(lab(), query(f"{name} TXT class=CH")))
        assert got.startswith(f'NOERROR aa; an: {name} 0 CH TXT "gslb '), got


@test
def no_cut_of_a_message_is_answered_with_more_than_an_error(stack):
    """a query that was cut off anywhere gets FORMERR or, within its header, silence (gdnsd 004misc/019bad)"""
    message = query("www A rd do nsid keepalive ecs=198.51.100.0/24 cookie=2464c4abcf10c957")
    for cut in range(len(message)):
        for way in WAYS:
            got = told(message, exchange(lab(), message[:cut], *way))
            assert got == "silence" if cut < 12 else got.startswith("FORMERR rd"), (cut, way, got)


def random_message(dice):
    """Bytes at random, or a good query in which some were changed, cut or doubled."""
    if dice.random() < 0.3:
        return dice.randbytes(dice.randrange(120))
    message = bytearray(query(dice.choice(
        ("www A", "static ANY do", "www AAAA ecs=10.0.0.0/8 nsid", "nothing MX cookie=2464c4abcf10c957"))))
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(message))
        kind = dice.randrange(4)
        if kind == 0:
            message[at] = dice.randrange(256)
        elif kind == 1:
            message[at] ^= 1 << dice.randrange(8)
        elif kind == 2 and len(message) > 14:
            del message[at:at + dice.randrange(1, 4)]
        else:
            message[at:at] = message[at:at + dice.randrange(8)]
    return bytes(message)


@test
def random_messages(stack):
    """4000 random and broken messages: each answer is well-formed, and the server lives (gdnsd 003complex/011random)"""
    dice = random.Random(20261125)
    pid = lab().gslbd.pid
    for n in range(4000):
        message = random_message(dice)
        way = WAYS[n % len(WAYS)] if n % 10 == 0 else ("udp", HOSTS[n % len(HOSTS)])
        answer = exchange(lab(), message, *way)
        if answer is None:
            assert len(message) < 12 or message[2] & 0x80, f"silence for {message.hex()}"
            continue
        assert answer[2] & 0x80 and answer[:2] == message[:2], (message.hex(), answer.hex())
        options_of(answer)
    assert lab().gslbd.alive() and lab().gslbd.pid == pid
    counters = lab().ctl("stats")
    assert int(counters.get("counters", counters)["answers_formerr"]) > 500, counters


if __name__ == "__main__":
    main()
