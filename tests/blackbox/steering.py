#!/usr/bin/python3
"""What a client is told over the wire: stable for sticky ones, as explained, in shares, and by its rule."""
import random
import time

from lab import Lab, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.s TXT "v=gslb1; pools=a,b,c; rank=weight; spread=sticky; sticky=24/48; ttl=30/5"
_gslb.two TXT "v=gslb1; pools=b:1,a:3; rank=weight; spread=sticky; sticky=24/48; ttl=30/5; answers=2"
_map.s TXT "v=map1; net:198.51.100.0/24=c; net:2001:db8:c::/48=c; net:10.0.0.0/8=b,a"
_gslb.share TXT "v=gslb1; pools=d; ttl=30/5"
a._pool TXT "v=pool1; check=push; ramp=0s"
a._pool SRV 0 3 80 x.a
a._pool SRV 0 1 80 y.a
x.a A 192.0.2.1
x.a AAAA 2001:db8::1
y.a A 192.0.2.11
y.a AAAA 2001:db8::11
b._pool TXT "v=pool1; check=none"
b._pool SRV 0 1 80 x.b
x.b A 192.0.2.2
x.b AAAA 2001:db8::2
c._pool TXT "v=pool1; check=none"
c._pool SRV 0 1 80 x.c
x.c A 192.0.2.3
x.c AAAA 2001:db8::3
d._pool TXT "v=pool1; check=none"
d._pool SRV 0 60 80 one.d
d._pool SRV 0 30 80 two.d
d._pool SRV 0 10 80 three.d
d._pool SRV 0 0 80 zero.d
d._pool SRV 1 90 80 backup.d
one.d A 192.0.2.101
two.d A 192.0.2.102
three.d A 192.0.2.103
zero.d A 192.0.2.104
backup.d A 192.0.2.105
"""


def random_client(dice):
    """A prefix as a resolver would send it: most are anywhere, some under the map's rules, a third are IPv6."""
    kind = dice.randrange(6)
    if kind == 0:
        return f"198.51.{dice.choice((99, 100, 101))}.0/24"
    if kind == 1:
        return f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}/32"
    if kind == 2:
        return f"2001:db8:{dice.choice('bcd')}:{dice.randrange(256) * 256:x}::/56"
    if kind == 3:
        return f"2a{dice.randrange(256):02x}:{dice.randrange(65536):x}:{dice.randrange(65536):x}::/48"
    return f"{dice.randrange(11, 224)}.{dice.randrange(256)}.{dice.randrange(256)}.0/24"


@test
def explain_says_what_is_answered(stack):
    """gslbctl explain agrees with the answer, its TTL and its scope, for 200 random clients of sticky services"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    dice = random.Random(20261122)
    seen = set()
    for n in range(200):
        client, name, rdtype = random_client(dice), dice.choice(("s", "two")) + ".svc.example", dice.choice(("A", "AAAA"))
        for _ in range(2):
            answer = lab.query(name, rdtype, subnet=client)
            rrset = answer.answer[0]
            said = lab.ctl("explain", name, client, rdtype)["answer"]
            if rrset.ttl == said["ttl_s"]:
                break  # else the minute ended between the two, and with it the jitter
        told = sorted(r.address for r in rrset)
        assert (told, rrset.ttl, lab.scope(answer)) == (sorted(said["records"]), said["ttl_s"], said["scope"]), \
            (n, client, name, rdtype, answer.to_text(), said)
        seen.add(tuple(told))
    assert len(seen) > 6, seen


@test
def a_sticky_client_is_told_the_same(stack):
    """200 questions of one prefix have one answer, over UDP and TCP and after a restart; another prefix may have another"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    prefixes = [f"203.0.{n}.0/24" for n in range(30)]
    first = {p: lab.addresses("s.svc.example", subnet=p) for p in prefixes}
    for n in range(200):
        assert lab.addresses("s.svc.example", subnet="203.0.7.0/24", tcp=n % 2 == 1) == first["203.0.7.0/24"]
    for host in (1, 77, 254):
        assert lab.addresses("s.svc.example", subnet=f"203.0.7.{host}/32") == first["203.0.7.0/24"]
    lab.stop()
    lab.start()
    assert {p: lab.addresses("s.svc.example", subnet=p) for p in prefixes} == first
    assert len({tuple(a) for a in first.values()}) >= 3, first


@test
def a_pushed_failure_moves_only_its_own(stack):
    """when a sticky endpoint is pushed down only its clients move, and all return when it is up"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    lab.gslbd.wait_log("plan=1")
    prefixes = [f"203.0.{n}.0/24" for n in range(120)]
    before = {p: lab.addresses("s.svc.example", subnet=p) for p in prefixes}
    lab.ctl("push", "a/y.a", "down")
    lab.wait_state("192.0.2.11", "down")
    after = {p: lab.addresses("s.svc.example", subnet=p) for p in prefixes}
    moved = [p for p in prefixes if before[p] != after[p]]
    assert moved and {tuple(before[p]) for p in moved} == {("192.0.2.11",)}, (moved, before, after)
    assert not any(after[p] == ["192.0.2.11"] for p in prefixes)
    lab.ctl("push", "a/y.a", "up")
    lab.wait_state("192.0.2.11", "up")
    assert {p: lab.addresses("s.svc.example", subnet=p) for p in prefixes} == before


@test
def weights_are_shares(stack):
    """weights 60, 30 and 10 are shares of the answers; weight 0 and the next tier are not answered"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    total, count = 3000, {}
    for _ in range(total):
        (address,) = lab.addresses("share.svc.example")
        count[address] = count.get(address, 0) + 1
    assert set(count) == {"192.0.2.101", "192.0.2.102", "192.0.2.103"}, count
    for address, share in (("192.0.2.101", 0.6), ("192.0.2.102", 0.3), ("192.0.2.103", 0.1)):
        assert abs(count[address] / total - share) < 0.04, count


@test
def a_gradual_drain_is_gradual(stack):
    """drain --over takes an endpoint's share away step by step, until nothing of it is answered"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    lab.ctl("force", "endpoint:d/one.d", "drain", "--for", "60s", "--over", "4s", "--why", "test")
    start = time.monotonic()
    early = sum(lab.addresses("share.svc.example") == ["192.0.2.101"] for _ in range(100))
    assert early > 10, early

    def unseen():
        return all(lab.addresses("share.svc.example") != ["192.0.2.101"] for _ in range(200))

    wait_for("its share to be nothing", unseen, 8)
    assert unseen() and time.monotonic() - start > 2
    lab.ctl("clear", "endpoint:d/one.d")
    lab.wait_answer(["192.0.2.101"], "share.svc.example")


if __name__ == "__main__":
    main()
