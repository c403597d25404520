#!/usr/bin/python3
"""Cookies (RFC 7873, RFC 9018), made by the test itself from the server's secret: which are good, for how long, for whom, and
what comes back. The limit of answers that they free from is in abuse.py."""
import os
import struct
import time

from lab import Lab, main, rows, shared, test
from wire import (COOKIE, ECS, NSID, WAYS, ecs_data, everywhere, exchange, header, listen, octets, opt, option, options_of,
                  question, told)

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
static A 192.0.2.1
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
"""
SECRETS = [bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf"), bytes.fromhex("445536bcd2513298075a5d379663c962")]

NXDOMAIN = "NXDOMAIN aa; ns: @ 30 SOA ns1 hostmaster 1 3600 600 604800 30"
SAYS = "NOERROR aa; an: static A 192.0.2.1"
UNREADABLE = "FORMERR; no question"
OPT_BACK = "; opt: 1232"
Q = question("static A")
UNKNOWN = octets("00 ff00 0001 00000000 0002 abcd")


@shared
def lab(stack):
    lab = Lab(stack, {"svc.example": ZONE})
    key = os.path.join(lab.folder, "cookie.key")
    with open(key, "w") as f:
        f.writelines(secret.hex() + "\n" for secret in SECRETS)
    extra = listen(lab)
    extra["server"]["cookies"] = {"secret-file": key}
    lab.write_conf(extra=extra)
    return lab.start()


def siphash(key, data):
    """SipHash-2-4, which RFC 9018 4.4 takes."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v0, v1, v2, v3 = k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573

    def turn(x, n):
        return (x << n | x >> (64 - n)) & mask

    def rounds(n):
        nonlocal v0, v1, v2, v3
        for _ in range(n):
            v0 = (v0 + v1) & mask
            v2 = (v2 + v3) & mask
            v1, v3 = turn(v1, 13) ^ v0, turn(v3, 16) ^ v2
            v0 = turn(v0, 32)
            v2 = (v2 + v1) & mask
            v0 = (v0 + v3) & mask
            v1, v3 = turn(v1, 17) ^ v2, turn(v3, 21) ^ v0
            v2 = turn(v2, 32)

    whole = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", whole):
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xff
    rounds(4)
    return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


CLIENT = bytes.fromhex("2464c4abcf10c957")


def packed(address):
    return bytes(15) + b"\1" if address == "::1" else bytes(int(part) for part in address.split("."))


def cookie(address, age_s=0, secret=SECRETS[0], client=CLIENT, version=1, reserved=b"\0\0\0", at=None):
    head = client + bytes([version]) + reserved + struct.pack("!I", (int(time.time()) - age_s if at is None else at) & 0xffffffff)
    return head + siphash(secret, head + packed(address))


def changed(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


NEW, GOOD, RENEWED, BAD, WRONG = "new", "good", "good, and renewed", "bad", "of no length that cookies have"
COOKIES = [
    ("a first one", lambda a: CLIENT, NEW, "RFC 7873 5.2.3"),
    ("one of now", lambda a: cookie(a), GOOD, "RFC 9018 4.3"),
    ("one of 29 minutes ago", lambda a: cookie(a, 29 * 60), GOOD, "RFC 9018 4.3"),
    ("one of 31 minutes ago", lambda a: cookie(a, 31 * 60), RENEWED, "RFC 9018 4.3"),
    ("one of 59 minutes ago", lambda a: cookie(a, 59 * 60), RENEWED, "RFC 9018 4.3"),
    ("one of 61 minutes ago", lambda a: cookie(a, 61 * 60), BAD, "RFC 9018 4.3"),
    ("one of a day ago", lambda a: cookie(a, 86400), BAD, "RFC 9018 4.3"),
    ("one of four minutes ahead", lambda a: cookie(a, -4 * 60), GOOD, "RFC 9018 4.3"),
    ("one of six minutes ahead", lambda a: cookie(a, -6 * 60), BAD, "RFC 9018 4.3"),
    ("one of half of all time ahead", lambda a: cookie(a, -(1 << 31) + 60), BAD, "RFC 1982 3.2"),
    ("one of time 0", lambda a: cookie(a, at=0), BAD, "RFC 9018 4.3"),
    ("one of the second secret", lambda a: cookie(a, secret=SECRETS[1]), RENEWED, "RFC 9018 5"),
    ("one of a secret that nobody has", lambda a: cookie(a, secret=bytes(16)), BAD, "RFC 9018 4.4"),
    ("one with another hash", lambda a: changed(cookie(a), 23), BAD, "RFC 9018 4.4"),
    ("one with another first byte of the hash", lambda a: changed(cookie(a), 16), BAD, "RFC 9018 4.4"),
    ("one of another client's", lambda a: changed(cookie(a), 0), BAD, "RFC 9018 4.4"),
    ("one whose time was changed", lambda a: changed(cookie(a), 15), BAD, "RFC 9018 4.4"),
    ("one whose reserved bytes were changed", lambda a: changed(cookie(a), 9), BAD, "RFC 9018 4.4"),
    ("one with reserved bytes that were hashed", lambda a: cookie(a, reserved=b"abc"), GOOD, "RFC 9018 4.2"),
    ("one of version 0", lambda a: cookie(a, version=0), BAD, "RFC 9018 4.1"),
    ("one of version 2", lambda a: cookie(a, version=2), BAD, "RFC 9018 4.1"),
    ("one of another address", lambda a: cookie("127.0.0.2"), BAD, "RFC 9018 4.4"),
    ("one of the other family", lambda a: cookie("127.0.0.1" if ":" in a else "::1"), BAD, "RFC 9018 4.4"),
    ("all zeros", lambda a: bytes(24), BAD, "RFC 9018 4.4"),
    ("a first one of zeros", lambda a: bytes(8), NEW, "RFC 7873 5.2.3"),
] + [
    (f"one of {length} bytes", lambda a, length=length: (cookie(a) + bytes(100))[:length], BAD if 16 <= length <= 40 else WRONG,
     "RFC 7873 5.2.2; gdnsd 023cookies") for length in (0, 1, 7, 9, 15, 16, 17, 23, 25, 32, 39, 40, 41, 64)
]


def check_reply(sent, address, outcome, reply):
    """The cookie of an answer is one that its asker can use."""
    if outcome == GOOD:
        assert reply == sent, f"another cookie for a good one: {reply.hex()}"
        return
    (made,) = struct.unpack_from("!I", reply, 12)
    assert abs(time.time() - made) < 5, f"made {made}"
    assert reply == cookie(address, client=sent[:8], at=made), reply.hex()


@rows([(f"a cookie: {sentence} is {outcome}", make, outcome, source) for sentence, make, outcome, source in COOKIES])
def cookies(sentence, make, outcome):
    for transport, address in WAYS:
        sent = make(address)
        for bare in (False, True):
            message = header(ar=1, qd=not bare) + (b"" if bare else Q) + opt(option(COOKIE, sent))
            answer = exchange(lab(), message, transport, address)
            wanted = "FORMERR" if outcome == WRONG else "BADCOOKIE" if bare and outcome == BAD else "NOERROR" if bare else SAYS
            wanted += ("; no question" if bare else "") + OPT_BACK + ("" if outcome == WRONG else " cookie")
            got = told(message, answer)
            assert got == wanted, f"over {transport} to {address}: {sent.hex()}\n got      {got}\n expected {wanted}"
            if outcome != WRONG:
                check_reply(sent, address, outcome, dict(options_of(answer))[COOKIE])


FIRST = option(COOKIE, CLIENT)


OTHERS = [
    ("no question and no cookie", header(qd=0, ar=1) + opt(), "FORMERR; no question" + OPT_BACK, "RFC 7873 5.4"),
    ("no question, and another option", header(qd=0, ar=1) + opt(option(NSID)),
     "FORMERR; no question" + OPT_BACK, "RFC 7873 5.4"),
    ("no question, a cookie and RD", header(0x0100, qd=0, ar=1) + opt(FIRST),
     "NOERROR rd; no question; opt: 1232 cookie", "RFC 7873 5.4"),
    ("no question, a cookie and DO", header(qd=0, ar=1) + opt(FIRST, flags=0x8000),
     "NOERROR; no question; opt: 1232 do cookie", "RFC 7873 5.4"),
    ("no question, a cookie and NSID", header(qd=0, ar=1) + opt(FIRST + option(NSID)),
     "NOERROR; no question; opt: 1232 cookie nsid=lab", "RFC 7873 5.4"),
    ("no question, a cookie and an answer", header(qd=0, an=1, ar=1) + UNKNOWN + opt(FIRST), UNREADABLE, "RFC 7873 5.4"),
    ("no question, a cookie and TC", header(0x0200, qd=0, ar=1) + opt(FIRST), UNREADABLE, "RFC 7873 5.4"),
    ("no question, a cookie and a byte too many", header(qd=0, ar=1) + opt(FIRST) + b"\0", UNREADABLE + OPT_BACK,
     "RFC 7873 5.4"),
    ("no question, a cookie and EDNS 1", header(qd=0, ar=1) + opt(FIRST, version=1),
     "BADVERS; no question" + OPT_BACK, "RFC 6891 6.1.3"),
    ("no question, a cookie and a response", header(0x8000, qd=0, ar=1) + opt(FIRST), "silence", "RFC 7873 5.4"),
    ("no question, a cookie and opcode 5", header(opcode=5, qd=0, ar=1) + opt(FIRST), "NOTIMP; no question" + OPT_BACK + " cookie", "RFC 6891 6.1.1"),
    ("two questions and a cookie", header(qd=2, ar=1) + Q + Q + opt(FIRST), UNREADABLE, "RFC 9619 4"),
    ("a cookie twice: the first counts", header(ar=1) + Q + opt(FIRST + option(COOKIE, bytes(8))),
     SAYS + OPT_BACK + " cookie", "RFC 7873 5.2"),
    ("a cookie twice, the second of no length", header(ar=1) + Q + opt(FIRST + option(COOKIE, bytes(3))),
     SAYS + OPT_BACK + " cookie", "RFC 7873 5.2"),
    ("a cookie with EDNS 1", header(ar=1) + Q + opt(FIRST, version=1), "BADVERS" + OPT_BACK, "RFC 6891 6.1.3"),
    ("a cookie with NXDOMAIN", header(ar=1) + question("nothing A") + opt(FIRST),
     NXDOMAIN + OPT_BACK + " cookie", "RFC 7873 5.2.3"),
    ("a cookie with REFUSED", header(ar=1) + question("elsewhere.test. A") + opt(FIRST),
     "REFUSED" + OPT_BACK + " cookie ede=20", "RFC 7873 5.2.3"),
    ("a cookie with AXFR", header(ar=1) + question("@ AXFR") + opt(FIRST), "REFUSED" + OPT_BACK + " cookie", "RFC 7873 5.2.3"),
    ("a cookie with a service's answer and ECS",
     header(ar=1) + question("www A") + opt(option(ECS, ecs_data("10.0.0.0/8")) + FIRST),
     "NOERROR aa; an: www 30 A 192.0.2.10; opt: 1232 cookie ecs=1/8/0=0a", "RFC 7873 5.2.3"),
]


@rows(OTHERS)
def cookies_among_others(sentence, message, expected):
    everywhere(lab(), message, expected)


@test
def the_first_of_two_cookies(stack):
    """of two cookies the first is looked at, and comes back whole (RFC 7873 5.2)"""
    for transport, address in WAYS:
        good = cookie(address)
        for second in (bytes(8), changed(good, 0), b"abc"):
            message = header(qd=0, ar=1) + opt(option(COOKIE, good) + option(COOKIE, second))
            answer = exchange(lab(), message, transport, address)
            assert told(message, answer) == "NOERROR; no question; opt: 1232 cookie", told(message, answer)
            assert options_of(answer) == [(COOKIE, good)], options_of(answer)


@test
def the_example_of_the_rfc(stack):
    """the hash that these tests expect makes the cookie of RFC 9018 A.1"""
    got = cookie("198.51.100.100", at=1559731985)
    assert got.hex() == "2464c4abcf10c957010000005cf79f111f8130c3eee29480", got.hex()


if __name__ == "__main__":
    main()
