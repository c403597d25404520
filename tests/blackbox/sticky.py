#!/usr/bin/python3
"""Stickiness over the wire: hosts of one seed tell 20,000 clients the same, and what goes moves its own clients and no one else."""
import ipaddress
import os
import random
import socket
import struct

from lab import Lab, main, test
from wire import ECS, header, opt, option, question

CLIENTS, WINDOW, SOCKETS = 20000, 50, 4
HEAD = "$ORIGIN {0}.\n$TTL 3600\n@ SOA ns1 hostmaster {1} 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"
WEIGHTS = {"p0": 5, "p1": 3, "p2": 2, "p3": 4, "p4": 1}


def zone(pools, serial=1, backwards=False):
    """Each pool is three endpoints; the first two digits of an address are its pool's."""
    lines = ['_gslb.www TXT "v=gslb1; rank=weight; spread=sticky; sticky=24/56; answers=2; pools='
             + ",".join(f"{p}:{WEIGHTS[p]}" for p in pools) + '"']
    for pool in pools:
        n = int(pool[1])
        lines.append(f'{pool}._pool TXT "v=pool1; check=none"')
        for k, weight in ((1, 60), (2, 30), (3, 10)):
            lines += [f"{pool}._pool SRV 0 {weight} 443 l{k}.{pool}", f"l{k}.{pool} A 192.0.{n + 10}.{k}",
                      f"l{k}.{pool} AAAA 2001:db8:{n + 10}::{k}"]
        # an address under two targets, and two that share a target's weight
        lines += [f"{pool}._pool SRV 0 7 443 m.{pool}", f"m.{pool} A 192.0.{n + 10}.3", f"m.{pool} A 192.0.{n + 10}.4",
                  f"m.{pool} A 192.0.{n + 10}.5"]
    return HEAD.format("svc.example", serial) + "\n".join(lines[::-1] if backwards else lines) + "\n"


OTHER = HEAD.format("aaa.example", 1) + '_gslb TXT "v=gslb1; pools=x"\nx._pool TXT "v=pool1; check=none"\nx._pool SRV 0 1 443 e\n' \
    "e A 192.0.2.1\n"


def clients():
    dice = random.Random(20261125)
    for n in range(CLIENTS):
        if n % 2:
            yield ipaddress.ip_address(dice.randrange(1 << 128) & ~((1 << 72) - 1) | 0x20 << 120).packed, 56
        else:
            yield ipaddress.ip_address(dice.randrange(1 << 24, 224 << 24) & ~255).packed, 24


QUESTIONS = {4: question("www A"), 16: question("www AAAA")}
ALL = list(clients())


def query(n):
    address, length = ALL[n]
    data = struct.pack("!HBB", 1 if len(address) == 4 else 2, length, 0) + address[:length // 8]
    message = header(ar=1) + QUESTIONS[len(address)] + opt(option(ECS, data))
    return struct.pack("!H", n) + message[2:]


def told(message):
    """Which client it is for, its scope, and its addresses in their order."""
    n, flags, _, answers, _, _ = struct.unpack_from("!HHHHHH", message)
    assert flags & 15 == 0 and answers > 0, message.hex()
    at = 12 + len(QUESTIONS[len(ALL[n][0])])
    addresses = []
    for _ in range(answers):
        owner, _, _, _, length = struct.unpack_from("!HHHIH", message, at)
        assert owner == 0xc00c, message.hex()
        addresses.append(message[at + 12:at + 12 + length])
        at += 12 + length
    code, length, _, _, scope = struct.unpack_from("!HHHBB", message, at + 11)
    assert code == ECS and length > 4, message.hex()
    return n, (scope, tuple(addresses))


def ask_all(lab):
    """What each client is told; from several ports, since a worker has its own sockets."""
    answers = {}
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    for s in sockets:
        s.settimeout(5)
        s.connect((lab.address, lab.port))
    missing = list(range(CLIENTS))
    for _ in range(3):  # a full buffer may lose some
        for first in range(0, len(missing), WINDOW):
            s = sockets[first // WINDOW % SOCKETS]
            window = missing[first:first + WINDOW]
            for n in window:
                s.send(query(n))
            try:
                for _ in window:
                    n, answer = told(s.recv(2048))
                    answers[n] = answer
            except socket.timeout:
                pass
        missing = [n for n in range(CLIENTS) if n not in answers]
    for s in sockets:
        s.close()
    assert not missing, f"{len(missing)} clients without an answer"
    return [answers[n] for n in range(CLIENTS)]


def pool_of(answer):
    address = answer[1][0]
    return f"p{address[2] - 10}" if len(address) == 4 else f"p{(address[4] << 8 | address[5]) - 0x10}"


def node(stack, seed, backwards=False, more=None):
    lab = Lab(stack, {"svc.example": zone(list(WEIGHTS), backwards=backwards), **(more or {})},
              extra={"selection": {"seed-file": "shared.seed"}})
    with open(os.path.join(lab.folder, "shared.seed"), "w") as f:
        f.write(seed)
    return lab.start()


def check_scopes(answers):
    for n, answer in enumerate(answers):
        assert answer[0] == ALL[n][1], f"client {n}: scope {answer[0]}"


SEED = "000102030405060708090a0b0c0d0e0f\n"


@test
def hosts_of_one_seed_agree(stack):
    """two hosts of one seed, with other zones and other orders of records, tell 20,000 clients the same; one of another seed does not"""
    one, two = node(stack, SEED), node(stack, SEED, backwards=True, more={"aaa.example": OTHER})
    first = ask_all(one)
    check_scopes(first)
    differ = [n for n, answer in enumerate(ask_all(two)) if answer != first[n]]
    assert not differ, f"{len(differ)} differ, {ALL[differ[0]]} is one of them"
    stranger = node(stack, SEED.replace("00", "f0"))
    differ = sum(a != b for a, b in zip(first, ask_all(stranger)))
    assert differ > CLIENTS / 2, differ


@test
def a_pool_that_goes_moves_its_own(stack):
    """each way that one of five pools goes, by an edit or by force, moves its clients and no one else, the same on both hosts"""
    one, two = node(stack, SEED), node(stack, SEED, backwards=True)
    before = ask_all(one)
    had = sum(pool_of(a) == "p3" for a in before)
    assert abs(had / CLIENTS - 4 / 15) < 0.02, had

    def check(after):
        for n in range(CLIENTS):
            if pool_of(before[n]) == "p3":
                assert pool_of(after[n]) != "p3", n
            else:
                assert after[n] == before[n], (n, before[n], after[n])

    one.ctl("force", "p3", "down", "--for", "10m", "--why", "test")
    forced = ask_all(one)
    check(forced)
    two.write_zone("svc.example", zone([p for p in WEIGHTS if p != "p3"], serial=2, backwards=True))
    two.ctl("reload")
    edited = ask_all(two)
    check(edited)
    assert edited == forced
    one.ctl("clear", "p3")
    two.write_zone("svc.example", zone(list(WEIGHTS), serial=3, backwards=True))
    two.ctl("reload")
    assert ask_all(one) == before and ask_all(two) == before


if __name__ == "__main__":
    main()
