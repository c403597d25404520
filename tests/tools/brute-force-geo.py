#!/usr/bin/env python3
"""Which pools tie for the best for a client, by great-circle distance: the plain truth to hold gslbd's choices against.

Reads MaxMind DB files with a reader of its own and ranks pools for each client prefix one by one. Nothing of it is shared
with gslb's code.

usage: brute-force-geo.py --database FILE [--database FILE …] --pool "NAME LAT LON [BIAS]" … [--countries COUNTRY.C] [PREFIXES]

PREFIXES is a file with one prefix or address a line (default: standard input). Each gives one line:
    PREFIX LAT,LON NAME KM [NAME KM …]    the tie group, nearest first (with bias); "-" when the client cannot be placed
--countries geo/country.c gives country-only data the country's centre.
"""
import argparse
import ipaddress
import math
import mmap
import re
import struct
import sys

MARK = b"\xab\xcd\xefMaxMind.com"
EARTH_KM = 6371.0088
TIE_SHARE, TIE_KM = 0.05, 50.0


class Database:
    """One file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = self.bytes.rfind(MARK)
        if start < 0:
            sys.exit(f"{path}: not a MaxMind DB file")
        start += len(MARK)
        meta, _ = self.decode(start, start)
        self.nodes, self.bits = meta["node_count"], meta["record_size"]
        self.version = meta["ip_version"]
        self.data = self.nodes * self.bits // 4 + 16

    def decode(self, at, base):
        control = self.bytes[at]
        kind, size, at = control >> 5, control & 31, at + 1
        if kind == 1:
            length, value = (size >> 3) + 1, size & 7
            target = int.from_bytes(self.bytes[at:at + length], "big")
            if length < 4:
                target += (value << 8 * length) + (0, 2048, 526336)[length - 1]
            return self.decode(base + target, base)[0], at + length
        if kind == 0:
            kind, at = 7 + self.bytes[at], at + 1
        if size >= 29:
            length = size - 28
            size = (29, 285, 65821)[length - 1] + int.from_bytes(self.bytes[at:at + length], "big")
            at += length
        if kind in (7, 11):
            values = []
            for _ in range(size * (2 if kind == 7 else 1)):
                value, at = self.decode(at, base)
                values.append(value)
            return (dict(zip(values[::2], values[1::2])) if kind == 7 else values), at
        if kind == 14:
            return bool(size), at
        raw = self.bytes[at:at + size]
        if kind == 2:
            value = raw.decode("utf-8", "replace")
        elif kind == 3:
            value = struct.unpack(">d", raw)[0]
        elif kind == 15:
            value = struct.unpack(">f", raw)[0]
        elif kind == 8:
            value = int.from_bytes(raw, "big", signed=size == 4)
        else:
            value = int.from_bytes(raw, "big")
        return value, at + size

    def child(self, node, side):
        width = self.bits // 4
        raw = self.bytes[node * width:(node + 1) * width]
        if self.bits != 28:
            half = width // 2
            return int.from_bytes(raw[side * half:(side + 1) * half], "big")
        if side:
            return (raw[3] & 15) << 24 | int.from_bytes(raw[4:7], "big")
        return raw[3] >> 4 << 24 | int.from_bytes(raw[0:3], "big")

    def find(self, address):
        """The record at an address, or None."""
        number, length = int(address), address.max_prefixlen
        if length == 128 and self.version == 4:
            return None
        if length == 32 and self.version == 6:
            length = 128
        node = 0
        for bit in range(length - 1, -1, -1):
            node = self.child(node, number >> bit & 1)
            if node >= self.nodes:
                break
        if node <= self.nodes:
            return None
        return self.decode(self.data + node - self.nodes - 16, self.data)[0]


def record_place(record, countries):
    """(latitude, longitude), or None: nested schema, flat schema, the country's centre."""
    if not isinstance(record, dict):
        return None
    where = record.get("location", record)
    try:
        place = float(where["latitude"]), float(where["longitude"])
        if place != (0.0, 0.0) and abs(place[0]) <= 90 and abs(place[1]) <= 180:
            return place
    except (KeyError, TypeError, ValueError):
        pass
    for key in ("country", "registered_country"):
        value = record.get(key)
        if isinstance(value, dict) and value.get("iso_code"):
            return countries.get(value["iso_code"])
    return countries.get(record.get("country_code") or "")


def unwrap(address):
    """The IPv4 client in an IPv6 address, where there is one."""
    if address.version == 4:
        return address
    number = int(address)
    if number >> 32 in (0xffff, 0x64ff9b << 64):
        return ipaddress.IPv4Address(number & 0xffffffff)
    if number >> 96 == 0x20010000:
        return ipaddress.IPv4Address(~number & 0xffffffff)
    if number >> 112 == 0x2002:
        return ipaddress.IPv4Address(number >> 80 & 0xffffffff)
    return address


def block_of(address):
    """The first address of its /24 or /56."""
    drop = 8 if address.version == 4 else 72
    return type(address)(int(address) >> drop << drop)


def distance_km(a, b):
    lat1, lon1, lat2, lon2 = map(math.radians, (*a, *b))
    # by vectors, not by the haversine formula that gslb uses
    p = (math.cos(lat1) * math.cos(lon1), math.cos(lat1) * math.sin(lon1), math.sin(lat1))
    q = (math.cos(lat2) * math.cos(lon2), math.cos(lat2) * math.sin(lon2), math.sin(lat2))
    cross = (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])
    return EARTH_KM * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(p, q)))


def biased_km(place, pool):
    km, bias = distance_km(place, pool[1:3]), pool[3]
    return km * (1 - bias / 100) if bias >= 0 else km / (1 + bias / 100)


def tie_group(place, pools):
    ranked = sorted((biased_km(place, pool), pool[0]) for pool in pools)
    best = ranked[0][0]
    limit = max(best * (1 + TIE_SHARE), best + TIE_KM)
    return [(name, km) for km, name in ranked if km <= limit]


def pool_argument(text):
    words = text.split()
    if len(words) not in (3, 4):
        raise argparse.ArgumentTypeError(f"{text!r}: not NAME LAT LON [BIAS]")
    return words[0], float(words[1]), float(words[2]), float(words[3]) if len(words) == 4 else 0.0


def read_countries(path):
    with open(path, encoding="utf-8") as file:
        rows = re.findall(r'\{ "([A-Z]{2})", "[A-Z]{2}", (-?[\d.]+)f, (-?[\d.]+)f \}', file.read())
    return {code: (float(latitude), float(longitude)) for code, latitude, longitude in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", action="append", required=True)
    parser.add_argument("--pool", action="append", required=True, type=pool_argument)
    parser.add_argument("--countries")
    parser.add_argument("prefixes", nargs="?")
    args = parser.parse_args()
    countries = read_countries(args.countries) if args.countries else {}
    databases = [Database(path) for path in args.database]
    with open(args.prefixes, encoding="utf-8") if args.prefixes else sys.stdin as lines:
        for line in filter(None, map(str.strip, lines)):
            address = block_of(unwrap(ipaddress.ip_address(line.split("/")[0])))
            found = (record_place(database.find(address), countries) for database in databases)
            place = next(filter(None, found), None)
            if place is None:
                print(line, "-")
                continue
            group = " ".join(f"{name} {km:.1f}" for name, km in tie_group(place, args.pool))
            print(f"{line} {place[0]:.4f},{place[1]:.4f} {group}")


main()
