#!/usr/bin/python3
"""Holds a running gslbd's choices against brute-force-geo.py, and its ECS scopes against themselves.

Asks for N random /24s (and /56s) with EDNS Client Subnet; every answer's pool must lie in the brute-force tie group, and two
addresses drawn from one returned scope block must be told pools of the same tie group.

usage: compare-geo.py --server ADDRESS@PORT --name NAME --pool "ADDRESS NAME LAT LON [BIAS]" … --database FILE … [-n N] [--seed S]

ADDRESS is what the pool answers with. A client without a place must be told the first pool. Exit status 0 when all agree."""
import argparse
import ipaddress
import os
import random
import subprocess
import sys

import dns.edns
import dns.message
import dns.query

parser = argparse.ArgumentParser()
parser.add_argument("--server", required=True)
parser.add_argument("--name", required=True)
parser.add_argument("--pool", action="append", required=True)
parser.add_argument("--database", action="append", required=True)
parser.add_argument("-n", type=int, default=10000)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()

dice = random.Random(options.seed)
server, port = options.server.split("@")
pools = {p.split()[0]: p.split()[1] for p in options.pool}
first = options.pool[0].split()[1]


def ask(net):
    ecs = dns.edns.ECSOption(str(net.network_address), net.prefixlen)
    query = dns.message.make_query(options.name, "A", use_edns=0, options=[ecs])
    answer = dns.query.udp(query, server, port=int(port), timeout=3)
    scope = next(o.scopelen for o in answer.options if isinstance(o, dns.edns.ECSOption))
    return pools[answer.answer[0][0].address], scope


def draw(share_v6=0.3):
    if dice.random() < share_v6:
        return ipaddress.ip_network((0x2 << 124 | dice.getrandbits(52) << 72, 56))
    while True:
        net = ipaddress.ip_network((dice.randrange(1 << 24) << 8, 24))
        if net.is_global:
            return net


def in_block(net, scope):
    """Another /24 or /56 of the block that the scope names."""
    scope = min(scope, net.prefixlen)
    block = net.supernet(new_prefix=scope)
    step = 1 << (net.max_prefixlen - net.prefixlen)
    return ipaddress.ip_network((int(block.network_address) + dice.randrange(1 << (net.prefixlen - scope)) * step,
                                 net.prefixlen))


nets = [draw() for _ in range(options.n)]
told = [ask(net) for net in nets]
twins = [in_block(net, scope) for net, (_, scope) in zip(nets, told)]
brute = os.path.join(os.path.dirname(os.path.abspath(__file__)), "brute-force-geo.py")
command = [sys.executable, brute]
for database in options.database:
    command += ["--database", database]
for pool in options.pool:
    command += ["--pool", pool.split(" ", 1)[1]]
asked = "\n".join(str(net) for net in nets + twins) + "\n"
lines = subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
groups = []
for line in lines:
    words = line.split()
    groups.append(None if words[1] == "-" else set(words[2::2]))

wrong = unplaced = 0
for net, (pool, scope), group in zip(nets, told, groups):
    unplaced += group is None
    if pool not in (group or {first}):
        wrong += 1
        print(f"{net}: told {pool}, brute force says {sorted(group or {first})} (scope {scope})")
uneven = 0
for net, twin, (pool, scope), group, other in zip(nets, twins, told, groups[:len(nets)], groups[len(nets):]):
    if (group or {first}) != (other or {first}):
        uneven += 1
        print(f"{net} and {twin} share scope /{scope}, but tie groups {group} and {other}")
print(f"{len(nets)} clients: {wrong} outside the tie group, {uneven} scope blocks with two tie groups, {unplaced} unplaced")
sys.exit(1 if wrong or uneven else 0)
