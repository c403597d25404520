#!/usr/bin/python3
"""How long an answer may be over UDP, and TCP as streams of messages that are cut as it pleases their senders."""
import socket
import struct

from lab import Lab, main, rows, shared, test
from wire import (HOSTS, WAYS, connect, everywhere, exchange, framed, header, listen, octets, opt, option, query, question,
                  receive, told)

SIZES = (511, 512, 513, 501, 502, 1221, 1222, 1232, 1233, 4096, 16384, 60000, 65524)
QUESTION_LEN = len(question("s511 TXT"))


def text(size):
    """TXT data that makes a plain message with it, and with a name of four letters, that long."""
    left, strings = size - 12 - QUESTION_LEN - 12, []
    while left > 0:
        take = min(left, 256)
        if left - take == 1:
            take -= 1
        strings.append('"' + "t" * (take - 1) + '"')
        left -= take
    return " ".join(strings)


def name_of(size):
    return f"s{size}" if size < 1000 else f"x{size}" if size < 10000 else f"y{size}"


ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
alias CNAME x1222
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
""" + "".join(f"{name_of(size)} TXT {text(size - len(name_of(size)) + 4)}\n" for size in SIZES) + "".join(
    f"crowd A 192.0.2.{n}\n" for n in range(1, 101)) + "".join(
    f"wide NS n{n}.sub\nn{n}.sub A 192.0.2.{n}\ndeep NS n{n}.deep\nn{n}.deep A 192.0.2.{n}\n"
    for n in range(10, 22)) + "sub NS n10.sub\n"


@shared
def lab(stack):
    lab = Lab(stack, {"svc.example": ZONE})
    lab.write_conf(extra=listen(lab))
    return lab.start()


# ---- how long ----

def check_len(words, sizes):
    """sizes: the length over UDP and TCP; None: truncated, with nothing but the question and the OPT."""
    for transport, address in WAYS:
        message = query(words)
        answer = exchange(lab(), message, transport, address)
        where = f"{words} over {transport} to {address}"
        if sizes[transport] is None:
            wanted = "NOERROR aa tc" + ("; opt: 1232" if "size" in words else "") + (" nsid=lab" if "nsid" in words else "")
            assert told(message, answer) == wanted, f"{where}: {told(message, answer)[:200]}"
        else:
            assert len(answer) == sizes[transport] and told(message, answer).startswith("NOERROR aa; an: "), \
                f"{where}: {len(answer)} bytes, {told(message, answer)[:200]}"


def fits(size, most, more=0):
    return {"udp": size + more if size + more <= most else None, "tcp": size + more}


LENGTHS = [(f"{size} bytes without EDNS", f"{name_of(size)} TXT", fits(size, 512), "RFC 1035 2.3.4; gdnsd 003complex/005big")
           for size in SIZES] + [
    (f"{size} bytes and an OPT, for {payload}", f"{name_of(size)} TXT size={payload}", fits(size, most, 11),
     "RFC 6891 6.2.3, 6.2.5; gdnsd 003complex/005big")
    for payload, most in ((0, 512), (512, 512), (513, 513), (1231, 1231), (1232, 1232), (1233, 1232), (4096, 1232), (65535, 1232))
    for size in SIZES] + [
    ("an OPT with NSID needs its room", "x1221 TXT size=1232 nsid", fits(1221, 1232, 18), "RFC 6891 6.2.5"),
    ("what fits with NSID", "s513 TXT size=1232 nsid", fits(513, 1232, 18), "RFC 6891 6.2.5"),
    ("the longest message there is", "y65524 TXT size=4096", {"udp": None, "tcp": 65535}, "RFC 1035 4.2.2"),
    ("100 addresses without EDNS", "crowd A", fits(12 + QUESTION_LEN + 1 + 1600, 512), "RFC 2181 9"),
    ("100 addresses with EDNS", "crowd A size=4096", fits(12 + QUESTION_LEN + 1 + 1600, 1232, 11), "RFC 2181 9"),
    ("a CNAME whose target is too long comes not alone", "alias TXT size=1232", {"udp": None, "tcp": 1222 + 11 + 31},
     "RFC 2181 9"),
]


@rows(LENGTHS)
def lengths(sentence, words, sizes):
    check_len(words, sizes)


@test
def what_no_message_holds(stack):
    """an answer that fills a message, and an option beyond that, is SERVFAIL over TCP, where TC is of no use (gslb/reply.h)"""
    everywhere(lab(), "y65524 TXT size=4096 nsid",
               {"udp": "NOERROR aa tc; opt: 1232 nsid=lab", "tcp": "SERVFAIL aa; opt: 1232 nsid=lab"})


@test
def glue_that_must_be_there(stack):
    """addresses below the cut that do not fit are truncation, those of a sibling are left out (RFC 9471 3.1, 3.2)"""
    for address in HOSTS:
        for words, expected in (("x.deep A", {"udp": (0x8200, 0, 0), "tcp": (0x8000, 12, 12)}),
                                ("x.deep A size=1232", {"udp": (0x8000, 12, 13), "tcp": (0x8000, 12, 13)}),
                                ("x.wide A size=1232", {"udp": (0x8000, 12, 13), "tcp": (0x8000, 12, 13)})):
            for transport in ("udp", "tcp"):
                answer = exchange(lab(), query(words), transport, address)
                flags, _, _, nauthority, nadditional = struct.unpack_from("!HHHHH", answer, 2)
                assert (flags, nauthority, nadditional) == expected[transport], (words, transport, told(query(words), answer))
        answer = exchange(lab(), query("x.wide A"), "udp", address)
        flags, _, _, nauthority, nadditional = struct.unpack_from("!HHHHH", answer, 2)
        assert flags == 0x8000 and nauthority == 12 and 0 < nadditional < 12 and len(answer) <= 512, \
            told(query("x.wide A"), answer)


@test
def the_most_that_goes_without_saying(stack):
    """the longest name, and every option at its longest, leave room in 512 bytes, and do not end the server"""
    zone = ZONE + """
_gslb.*.w TXT "v=gslb1; pools=dead; rank=order; ttl=30/5"
dead._pool TXT "v=pool1; check=push"
dead._pool SRV 0 1 80 lb1.dead
lb1.dead A 192.0.2.99
"""
    lab = Lab(stack, {"svc.example": zone})
    extra = listen(lab)
    extra["server"]["identity"] = "n" * 128
    lab.write_conf(extra=extra)
    lab.start()
    lab.ctl("push", "dead/lb1.dead", "down")
    lab.wait_state("192.0.2.99", "down")
    name = ".".join(["a" * 63] * 3 + ["a" * 47, "w"])
    options = "do size=512 nsid keepalive ecs=2001:db8::1/128 cookie=2464c4abcf10c957"
    told_opt = "; opt: 1232 do cookie ecs=2/128/0=20010db8000000000000000000000001 nsid=" + "n" * 128
    for words, expected in (
        (f"{name} A {options}", {"udp": f"NOERROR aa tc{told_opt} ede=0",
                                 "tcp": f"NOERROR aa; an: {name} 5 A 192.0.2.99{told_opt} ede=0 keepalive=100"}),
        (f"{'a.' * 126}a. A {options}", {"udp": f"REFUSED{told_opt} ede=20", "tcp": f"REFUSED{told_opt} ede=20 keepalive=100"}),
    ):
        for transport, address in WAYS:
            answer = exchange(lab, query(words), transport, address)
            assert told(query(words), answer) == expected[transport], (transport, address, told(query(words), answer))
            assert transport == "tcp" or len(answer) <= 512, len(answer)


@test
def the_address_that_was_asked_answers(stack):
    """a server that listens on all addresses answers from the one that was asked, over UDP, too (RFC 2181 4.1)"""
    lab = Lab(stack, {"svc.example": ZONE})
    lab.write_conf(extra={"server": {"listen": [f"0.0.0.0@{lab.port}"] + [f"::@{lab.port}"] * (len(HOSTS) - 1)}})
    lab.start()
    for address in HOSTS + ["127.0.0.2", "127.9.9.9"]:
        for transport in ("udp", "tcp"):  # a connected socket takes no answer from elsewhere
            assert told(query("www A"), exchange(lab, query("www A"), transport, address)) == MIXED[0][1], (address, transport)


# ---- streams ----

MIXED = [("www A", "NOERROR aa; an: www 30 A 192.0.2.10"), ("ns1 A", "NOERROR aa; an: ns1 A 127.0.0.1"),
         ("nothing A", "NXDOMAIN aa; ns: @ 30 SOA ns1 hostmaster 1 3600 600 604800 30"), ("elsewhere.test. A", "REFUSED"),
         ("@ AXFR", "REFUSED"), ("www A nsid", "NOERROR aa; an: www 30 A 192.0.2.10; opt: 1232 nsid=lab"),
         ("www A edns=1", "BADVERS; opt: 1232"), ("ns1 TYPE200", "NOTIMP"), ("x.sub A", None), ("y60000 TXT", None)]


def numbered(message, n):
    return struct.pack("!H", n) + message[2:]


def expect(s, n, words, expected):
    """The next answer of a stream is the one to the nth question."""
    message, answer = numbered(query(words), n), receive(s)
    got = told(message, answer)
    assert got.startswith("NOERROR") and "another" not in got if expected is None else got == expected, (n, words, got[:300])


def stream(n):
    """n questions as one run of bytes, and what they are."""
    asked = [MIXED[i % len(MIXED)] for i in range(n)]
    return b"".join(framed(numbered(query(words), i)) for i, (words, _) in enumerate(asked)), asked


def finish(s, asked, first=0):
    for i, (words, expected) in enumerate(asked, first):
        expect(s, i, words, expected)


@test
def many_questions_in_one_segment(stack):
    """300 questions sent at once are answered in their order (RFC 7766 6.2.1.1; gdnsd 004misc/019bad)"""
    data, asked = stream(300)
    for address in HOSTS:
        with connect(lab(), "tcp", address) as s:
            s.sendall(data)
            finish(s, asked)


@test
def a_byte_at_a_time(stack):
    """questions that come in segments of one byte, and of any other cut, are answered (RFC 7766 8)"""
    data, asked = stream(9)
    for address in HOSTS:
        for step in (1, 2, 3, 7, 31, 64, 100):
            with connect(lab(), "tcp", address) as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(data), step):
                    s.send(data[at:at + step])
                finish(s, asked)


@test
def a_question_after_an_answer(stack):
    """a connection serves one question after another (RFC 7766 6.2.1)"""
    for address in HOSTS:
        with connect(lab(), "tcp", address) as s:
            for i in range(100):
                words, expected = MIXED[i % len(MIXED)]
                s.sendall(framed(numbered(query(words), i)))
                expect(s, i, words, expected)


@test
def a_client_that_closes_its_half(stack):
    """a client that sends no more gets what it asked for, and then the end"""
    data, asked = stream(20)
    for address in HOSTS:
        with connect(lab(), "tcp", address) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            finish(s, asked)
            assert s.recv(1) == b"", "more than was asked for"


ENDS = [
    ("a message of 0 bytes", framed(b""), "RFC 1035 4.2.2"),
    ("a message of 1 byte", framed(b"\xbe"), "RFC 1035 4.2.2"),
    ("a message of 11 bytes", framed(bytes(11)), "gdnsd 004misc/019bad"),
    ("the length of 11 bytes, and none of them", b"\0\x0b", "gdnsd 004misc/019bad"),
    ("a response", framed(header(0x8000) + question("www A")), "RFC 1035 7.3"),
    ("half a length, and the end", b"\0" + b"", "gdnsd 026tcp"),
    ("a length, and the end", b"\0\x20", "gdnsd 026tcp"),
    ("half a message, and the end", framed(query("www A"))[:20], "gdnsd 026tcp"),
    ("an HTTP request", b"GET / HTTP/1.1\r\nHost: svc.example\r\n\r\n", "gdnsd 026tcp"),
]


@rows(ENDS)
def streams_that_end(sentence, last):
    data, asked = stream(5)
    for address in HOSTS:
        with connect(lab(), "tcp", address, timeout=1) as s:  # less than the time for a question (gslb/tcp.h)
            s.sendall(data + last)
            if "the end" in sentence or "HTTP" in sentence:
                s.shutdown(socket.SHUT_WR)
            got = 0
            while (answer := receive(s)) is not None:
                assert told(numbered(query(asked[got][0]), got), answer).startswith((asked[got][1] or "NOERROR")[:8])
                got += 1
            assert got == len(asked), f"{got} answers before the end"
        assert told(query("www A"), exchange(lab(), query("www A"), "tcp", address)) == MIXED[0][1]


@rows([
    ("a question with 65535 bytes of option", header(ar=1) + question("www A") +
     opt(option(65001, bytes(65535 - 12 - len(question("www A")) - 11 - 4))), MIXED[0][1] + "; opt: 1232", "RFC 1035 4.2.2"),
    ("65535 bytes of nothing", header(qd=0) + bytes(65523), "FORMERR; no question", "gdnsd 004misc/019bad"),
    ("a question and 65000 bytes behind it", header() + question("www A") + bytes(65000), "FORMERR", "gdnsd 004misc/019bad"),
    ("1000 records that nobody knows", header(ar=1000) + question("www A") + octets("00 ff00 0001 00000000 0002 abcd") * 1000,
     MIXED[0][1], "RFC 1035 4.1"),
])
def long_questions(sentence, message, expected):
    for address in HOSTS:
        got = told(message, exchange(lab(), message, "tcp", address))
        assert got == expected, f"over tcp to {address}: got {got}, expected {expected}"


@rows([(f"a question of {size} bytes over UDP", size, whole, "gslb/udp.c") for size, whole in (
    (512, True), (513, True), (1232, True), (1500, True), (2048, True), (2049, False), (4096, False), (65000, False))])
def long_datagrams(sentence, size, whole):
    message = header(ar=1) + question("www A")
    message += opt(option(65001, bytes(size - len(message) - 15)))
    for address in HOSTS:
        got = told(message, exchange(lab(), message, "udp", address))
        assert got == (MIXED[0][1] + "; opt: 1232" if whole else "silence"), (len(message), address, got)


@test
def a_client_that_reads_late(stack):
    """60 answers of 60000 bytes that nobody reads yet are all there when somebody does"""
    for address in HOSTS:
        with connect(lab(), "tcp", address) as s:
            s.sendall(b"".join(framed(numbered(query("y60000 TXT"), n)) for n in range(60)))
            assert told(query("www A"), exchange(lab(), query("www A"), "tcp", address)) == MIXED[0][1], "the others wait"
            for n in range(60):
                answer = receive(s)
                assert len(answer) == 60000 and answer[:2] == struct.pack("!H", n), (n, len(answer))


@test
def many_connections(stack):
    """200 connections at a time are answered in any order of their questions"""
    for address in HOSTS:
        every = [connect(lab(), "tcp", address) for _ in range(200)]
        try:
            for n, s in enumerate(reversed(every)):
                s.sendall(framed(numbered(query(MIXED[n % 8][0]), n)))
            for n, s in reversed(list(enumerate(reversed(every)))):
                expect(s, n, *MIXED[n % 8])
        finally:
            for s in every:
                s.close()


if __name__ == "__main__":
    main()
