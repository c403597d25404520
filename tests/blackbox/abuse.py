#!/usr/bin/python3
"""The limit of answers, and cookies: with real clients, over real sockets, and in a fleet that shares a secret."""
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode

from lab import Lab, Skip, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=none"
eu._pool SRV 0 1 80 lb1.eu
lb1.eu A 192.0.2.10
"""
OLD, NEW = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
CLIENT = bytes.fromhex("2464c4abcf10c957")
COOKIE = 10
BADCOOKIE = 23


def write(path, text):
    with open(path + ".part", "w") as f:
        f.write(text)
    os.rename(path + ".part", path)


def server(stack, rate=0, burst=500, secrets=None, **options):
    more = {"rrl": {"rate": rate, "burst": burst}}
    if secrets:
        more["cookies"] = {"secret-file": secrets}
    return Lab(stack, {"svc.example": ZONE}, extra={"server": more}, **options).start()


def ask(lab, cookie=None, source="127.0.0.1", tcp=False, message=None):
    options = [dns.edns.GenericOption(COOKIE, cookie)] if cookie else []
    message = message or dns.message.make_query("www.svc.example", "A", use_edns=0 if cookie else False, options=options)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(message, lab.address, port=lab.port, source=source, timeout=5)


def cookie_of(answer):
    for option in answer.options:
        if option.otype == COOKIE:
            return option.data if hasattr(option, "data") else option.to_wire()
    return None


def is_whole(answer):
    return answer.rcode() == 0 and not answer.flags & dns.flags.TC and len(answer.answer) == 1


def is_truncated(answer):
    return answer.rcode() == 0 and answer.flags & dns.flags.TC and not answer.answer and not answer.authority


def flood(lab, n, source="127.0.0.1", name="www.svc.example"):
    """n plain queries at once; how many were answered whole, with TC, and otherwise."""
    query = dns.message.make_query(name, "A", use_edns=False).to_wire()
    whole = truncated = other = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.bind((source, 0))
        s.connect((lab.address, lab.port))
        s.settimeout(2)
        for start in range(0, n, 50):  # in step with the answers: nothing is lost in a buffer
            for _ in range(min(50, n - start)):
                s.send(query)
            for _ in range(min(50, n - start)):
                flags, _, nanswers = struct.unpack_from("!HHH", s.recv(2048), 2)
                whole += flags & 0x020f == 0 and nanswers == 1
                truncated += flags & 0x020f == 0x0200 and nanswers == 0
                other += flags & 0x000f != 0
    return whole, truncated, other


def exhaust(lab, source="127.0.0.1"):
    """Have the source over its limit: with a rate of 1, for some ten seconds, since the last error went over it by ten."""
    flood(lab, 100, source, "nothing.svc.example")


@test
def over_the_limit_comes_tc_and_tcp_works(stack):
    """a source over its limit gets TC on each query, the whole answer over TCP, and its rate again after a while"""
    lab = server(stack, rate=20, burst=100)
    whole, truncated, other = flood(lab, 500)
    assert 95 <= whole <= 140 and whole + truncated == 500, (whole, truncated, other)
    assert is_truncated(ask(lab))
    assert is_whole(ask(lab, tcp=True))
    assert is_whole(ask(lab, source="127.0.0.2")), "a neighbour pays for it"
    wait_for("the load to decay", lambda: is_whole(ask(lab)))
    stats = lab.ctl("stats")
    counters = stats.get("counters", stats)
    assert int(counters["limited_truncated"]) >= truncated, counters


@test
def workers_share_the_limit(stack):
    """a source that uses many ports, and so many workers, has one limit"""
    lab = server(stack, rate=20, burst=100, workers=4)
    whole = sum(flood(lab, 40)[0] for _ in range(20))
    assert 95 <= whole <= 160, whole


@contextlib.contextmanager
def kept_over(lab, source="127.0.0.1"):
    """The source stays over its limit, however long what is done meanwhile takes: a machine may be slow, and each second lets one in."""
    query = dns.message.make_query("www.svc.example", "A", use_edns=False).to_wire()
    done = threading.Event()

    def ask_on():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((source, 0))
            while not done.wait(0.02):
                s.sendto(query, (lab.address, lab.port))

    exhaust(lab, source)
    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@test
def errors_weigh_ten_times_as_much(stack):
    """names that do not exist are limited ten times as hard"""
    lab = server(stack, rate=20, burst=100)
    _, truncated, nxdomain = flood(lab, 200, name="nothing.svc.example")
    assert 9 <= nxdomain <= 16 and truncated + nxdomain == 200, (truncated, nxdomain)


@test
def a_valid_cookie_passes_and_a_first_one_is_told(stack):
    """over the limit a client's first cookie gets BADCOOKIE and a cookie with which it passes"""
    lab = server(stack, rate=1, burst=100)
    with kept_over(lab):
        told = ask(lab, CLIENT)
    assert told.rcode() == BADCOOKIE and not told.flags & dns.flags.TC and not told.answer, told
    cookie = cookie_of(told)
    assert len(cookie) == 24 and cookie.startswith(CLIENT + b"\1\0\0\0"), cookie.hex()
    for _ in range(300):
        assert is_whole(ask(lab, cookie))
    with kept_over(lab):
        assert is_truncated(ask(lab)), "a valid cookie frees those without it"
    assert ask(lab, cookie, source="127.0.0.2").rcode() == 0
    exhaust(lab, "127.0.0.2")
    assert ask(lab, cookie, source="127.0.0.2").rcode() == BADCOOKIE, "a cookie of another address"
    assert is_whole(ask(lab, CLIENT, tcp=True))


@test
def under_the_limit_cookies_cost_nothing(stack):
    """a first, a valid, and a forged cookie are all answered, each with a valid one"""
    lab = server(stack)
    first = ask(lab, CLIENT)
    assert is_whole(first)
    cookie = cookie_of(first)
    again = ask(lab, cookie)
    assert is_whole(again) and cookie_of(again) == cookie
    forged = ask(lab, cookie[:-1] + bytes([cookie[-1] ^ 1]))
    assert is_whole(forged) and cookie_of(forged)[:8] == CLIENT
    assert ask(lab, CLIENT[:7]).rcode() == dns.rcode.FORMERR
    assert cookie_of(ask(lab)) is None


@test
def a_query_with_a_cookie_and_no_question_is_answered(stack):
    """QDCOUNT 0 with a cookie: NOERROR for a first or a valid one, BADCOOKIE for another, over UDP and TCP"""
    lab = server(stack)

    def bare(cookie):
        message = dns.message.Message()
        message.use_edns(0, options=[dns.edns.GenericOption(COOKIE, cookie)])
        return message

    for tcp in (False, True):
        first = ask(lab, message=bare(CLIENT), tcp=tcp)
        assert first.rcode() == 0 and not first.question
        cookie = cookie_of(first)
        assert ask(lab, message=bare(cookie), tcp=tcp).rcode() == 0
        assert ask(lab, message=bare(cookie[:-1] + bytes([cookie[-1] ^ 1])), tcp=tcp).rcode() == BADCOOKIE


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout


@test
def dig_comes_back_with_its_cookie(stack):
    """dig: over the limit, BADCOOKIE and the retry with the cookie happen by themselves"""
    if not shutil.which("dig"):
        raise Skip("dig is not installed")
    lab = server(stack, rate=1, burst=100)
    dig = ["dig", "@127.0.0.1", "-p", str(lab.port), "www.svc.example", "A", "+tries=1", "+time=3"]
    with kept_over(lab):
        text = run(*dig, "+cookie", "+ignore", "+nobadcookie")
        assert "BADCOOKIE" in text and "(good)" in text, text
        text = run(*dig, "+cookie", "+ignore")
        assert "status: NOERROR" in text and "192.0.2.10" in text and "(good)" in text, text
        text = run(*dig, "+nocookie")  # without cookies: TC, then TCP by itself
    assert "192.0.2.10" in text and "(TCP)" in text, text


@test
def kdig_comes_back_with_its_cookie(stack):
    """kdig: over the limit, BADCOOKIE and the retry with the cookie happen by themselves"""
    if not shutil.which("kdig"):
        raise Skip("kdig is not installed")
    lab = server(stack, rate=1, burst=100)
    kdig = ["kdig", "@127.0.0.1", "-p", str(lab.port), "www.svc.example", "A", "+retry=0", "+timeout=3"]
    with kept_over(lab):
        text = run(*kdig, "+cookie=2464c4abcf10c957", "+nobadcookie", "+ignore")
        assert "BADCOOKIE" in text, text
        text = run(*kdig, "+cookie=2464c4abcf10c957", "+badcookie", "+ignore")
        assert "status: NOERROR" in text and "192.0.2.10" in text, text
        text = run(*kdig)
    assert "192.0.2.10" in text and "(TCP)" in text, text


@test
def a_fleet_shares_a_secret_and_changes_it_without_losing_a_cookie(stack):
    """two hosts with one secret file take each other's cookies, at each step of the change to a new secret"""
    one = Lab(stack, {"svc.example": ZONE})
    shared = os.path.join(one.folder, "cookie.key")
    write(shared, OLD + "\n")
    more = {"server": {"rrl": {"rate": 1, "burst": 100}, "cookies": {"secret-file": shared}}}
    one.write_conf(extra=more)
    one.start()
    two = Lab(stack, {"svc.example": ZONE}, extra=more).start()
    hosts = [one, two]

    def passes(host, cookie):
        exhaust(host)  # only a valid cookie passes now
        return is_whole(ask(host, cookie))

    def issue(host):
        return cookie_of(ask(host, CLIENT))

    seen = [issue(one)]
    assert passes(two, seen[0])
    for text in (OLD + "\n" + NEW, NEW + "\n" + OLD):
        write(shared, text + "\n")
        for changed, other in ((one, two), (two, one)):  # host by host: both orders of made and taken
            changed.ctl("reload")
            seen += [issue(changed), issue(other)]
            for cookie in seen:
                assert passes(one, cookie) and passes(two, cookie), text
    renewed = cookie_of(ask(one, seen[0]))
    assert renewed != seen[0], "a cookie of the second secret is replaced"
    write(shared, NEW + "\n")
    for host in hosts:
        host.ctl("reload")
    for host in hosts:
        assert passes(host, renewed)
        exhaust(host)
        assert ask(host, seen[0]).rcode() == BADCOOKIE
    write(shared, "not a secret\n")
    assert one.ctl("reload", expect=3)["configuration"]["state"] == "refused"
    assert passes(one, renewed), "a bad file changes nothing"


@test
def a_hosts_own_secret_survives_a_restart(stack):
    """without a secret file one is made, readable by nobody else, and cookies outlive a restart"""
    lab = server(stack, rate=1, burst=100)
    cookie = cookie_of(ask(lab, CLIENT))
    key = os.path.join(lab.folder, "state", "cookie.key")
    assert os.stat(key).st_mode & 0o777 == 0o600
    assert re.fullmatch("[0-9a-f]{32}\n", open(key).read())
    lab.stop()
    lab.start()
    exhaust(lab)
    assert is_whole(ask(lab, cookie))


@test
def a_reload_changes_the_limit(stack):
    """a reload takes up another limit, also none, and keeps the loads when it did not change"""
    lab = server(stack, rate=1, burst=100)
    exhaust(lab)
    lab.ctl("reload")
    assert is_truncated(ask(lab)), "the same limit starts anew"
    lab.write_conf(extra={"server": {"rrl": {"rate": 0}}})
    lab.ctl("reload")
    assert flood(lab, 2000)[0] == 2000
    lab.write_conf(extra={"server": {"rrl": {"rate": 10, "burst": 50}}})
    lab.gslbd.process.send_signal(signal.SIGHUP)
    lab.gslbd.wait_log("rrl_rate=10 rrl_burst=50")
    whole, truncated, _ = flood(lab, 500)
    assert 48 <= whole <= 70 and whole + truncated == 500, whole


@test
def responses_and_forged_ports_get_silence(stack):
    """a response gets no answer, nor does a query from the port of echo; the next query does"""
    lab = server(stack)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        query = bytearray(dns.message.make_query("www.svc.example", "A", use_edns=False).to_wire())
        query[2] |= 0x80
        s.sendto(query, (lab.address, lab.port))
        try:
            raise AssertionError(f"an answer to a response: {s.recv(512)}")
        except TimeoutError:
            pass
    if os.geteuid() == 0:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.bind(("127.0.0.1", 7))
            query[2] &= 0x7f
            s.sendto(query, (lab.address, lab.port))
            try:
                raise AssertionError(f"an answer to the echo port: {s.recv(512)}")
            except TimeoutError:
                pass
    assert is_whole(ask(lab))


if __name__ == "__main__":
    main()
