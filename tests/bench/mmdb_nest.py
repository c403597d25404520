#!/usr/bin/python3
"""Rewrite flat databases (country_code, latitude, longitude at the top: ip-location-db's) or mere country databases into the
nested City schema of MaxMind's, which is the only one that gdnsd, Knot and PowerDNS read. The search tree stays as it is; an
IPv4 tree is grafted into the IPv6 one at ::/96, where MaxMind has it. A country without coordinates gets those of its middle,
as gslb itself does it (geo/country.c), so that all servers know the same.

usage: mmdb_nest.py IN.mmdb [IN-V6.mmdb] OUT.mmdb"""
import array
import os
import re
import struct
import sys

MARK = b"\xab\xcd\xefMaxMind.com"
NOTHING = 0xFFFFFFFF
COUNTRIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "geo", "country.c")


def decode(b, at, base):
    """The value at this place, and the place behind it."""
    control = b[at]
    at += 1
    kind, size = control >> 5, control & 31
    if kind == 1:
        more = (size >> 3) + 1
        value = int.from_bytes(b[at:at + more], "big")
        if more < 4:
            value += (size & 7) << 8 * more
        value += (0, 2048, 526336, 0)[more - 1]
        return decode(b, base + value, base)[0], at + more
    if kind == 0:
        kind = b[at] + 7
        at += 1
    if size > 28:
        more = size - 28
        size = (29, 285, 65821)[more - 1] + int.from_bytes(b[at:at + more], "big")
        at += more
    if kind == 7:
        result = {}
        for _ in range(size):
            key, at = decode(b, at, base)
            result[key], at = decode(b, at, base)
        return result, at
    if kind == 11:
        result = []
        for _ in range(size):
            value, at = decode(b, at, base)
            result.append(value)
        return result, at
    if kind == 14:
        return bool(size), at
    data = b[at:at + size]
    if kind == 2:
        return data.decode(), at + size
    if kind == 3:
        return struct.unpack(">d", data)[0], at + size
    if kind == 15:
        return struct.unpack(">f", data)[0], at + size
    return int.from_bytes(data, "big"), at + size


def head(kind, size):
    extended = bytes([kind - 7]) if kind > 7 else b""
    first = kind << 5 if kind <= 7 else 0
    if size < 29:
        return bytes([first | size]) + extended
    if size < 285:
        return bytes([first | 29]) + extended + bytes([size - 29])
    return bytes([first | 30]) + extended + struct.pack(">H", size - 285)


def encode(value, kind=6):
    """kind: of a number, 5 is 16 bits, 6 is 32, 9 is 64."""
    if isinstance(value, str):
        return head(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return head(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        data = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(kind, len(data)) + data
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encode(v) for v in value)
    return head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def read_countries():
    """code -> (continent, latitude, longitude)"""
    row = re.compile(r'\{ "([A-Z]{2})", "([A-Z]{2})", (-?[\d.]+)f, (-?[\d.]+)f \}')
    with open(COUNTRIES) as file:
        return {m[1]: (m[2], float(m[3]), float(m[4])) for m in row.finditer(file.read())}


def metadata(b):
    at = b.rindex(MARK) + len(MARK)
    return decode(b, at, at)[0]


class Tree:
    """left and right: a node's number, NOTHING, or NOTHING - 1 - the number of a record."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.meta = metadata(self.bytes)
        self.n, self.bits = self.meta["node_count"], self.meta["record_size"]
        self.data = self.n * self.bits // 4 + 16

    def records(self):
        """All records, left and right of node after node."""
        b, n = self.bytes, self.n
        if self.bits == 32:
            words = array.array("I", b[:8 * n])
            if sys.byteorder == "little":
                words.byteswap()
            return words
        words = array.array("I", bytes(8 * n))
        if self.bits == 24:
            wide = bytearray(8 * n)
            for i in range(3):
                wide[i + 1::4] = b[i:6 * n:3]
            words = array.array("I", bytes(wide))
            if sys.byteorder == "little":
                words.byteswap()
            return words
        for i in range(n):
            r = int.from_bytes(b[7 * i:7 * i + 7], "big")
            words[2 * i] = r >> 32 | (r >> 28 & 15) << 24
            words[2 * i + 1] = r & 0xFFFFFFF
        return words

    def example(self):
        """A record of the data section."""
        for word in self.records():
            if word > self.n:
                return self.value(word)
        return {}

    def value(self, word):
        return decode(self.bytes, self.data + word - self.n - 16, self.data)[0]


def nest(record, countries):
    nested = {}
    country = record.get("country_code") or record.get("country", {}).get("iso_code", "")
    city = record.get("city")
    place = record.get("location", record)
    if isinstance(city, str) and city:
        nested["city"] = {"names": {"en": city}}
    elif isinstance(city, dict):
        nested["city"] = city
    if country in countries:
        nested["continent"] = {"code": countries[country][0]}
    if country:
        nested["country"] = {"iso_code": country}
    if "latitude" in place:
        nested["location"] = {"latitude": round(float(place["latitude"]), 4),
                              "longitude": round(float(place["longitude"]), 4)}
    elif country in countries:
        nested["location"] = dict(zip(("latitude", "longitude"), countries[country][1:]))
    return nested


def graft(six, nsix, first_of_four):
    """Have 96 zero bits of the IPv6 tree lead to that node. Returns the nodes that were missing on the way; they are to stand
    behind those of both trees."""
    extra, node, total = array.array("I"), 0, first_of_four[1]
    for depth in range(96):
        in_six = node < nsix
        tree, left = (six, 2 * node) if in_six else (extra, 2 * (node - total))
        target = tree[left]
        if depth == 95:
            target = first_of_four[0]
        elif target >= 0x80000000:
            target = total + len(extra) // 2
            extra.extend((NOTHING, NOTHING))
        tree[left] = target
        node = target
    return extra


def convert(inputs, out):
    countries, data, places, parts, first = read_countries(), bytearray(), {}, [], 0
    # what leads out of a tree has its highest bit set until the number of nodes is known: at most 2^31 bytes of data
    for tree in sorted((Tree(path) for path in inputs), key=lambda t: -t.meta["ip_version"]):
        known, n = {}, tree.n
        known[n] = NOTHING
        words = tree.records()
        for i, word in enumerate(words):
            if word < n:
                words[i] = word + first
                continue
            new = known.get(word)
            if new is None:
                text = encode(nest(tree.value(word), countries))
                at = places.get(text)
                if at is None:
                    at = places[text] = len(data)
                    data += text
                new = known[word] = 0x80000000 | at
            words[i] = new
        parts.append(words)
        first += n
    if len(parts) == 2:
        nsix = len(parts[0]) // 2
        parts.append(graft(parts[0], nsix, (nsix, first)))
        first += len(parts[2]) // 2
    meta = {"binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0), "build_epoch": (9, 1700000000),
            "database_type": "GeoLite2-City", "description": {"en": "nested for a measurement"},
            "ip_version": (5, 6 if len(parts) == 3 else tree.meta["ip_version"]), "languages": ["en"],
            "node_count": (6, first), "record_size": (5, 32)}
    with open(out + ".part", "wb") as file:
        for words in parts:
            for i, word in enumerate(words):
                if word >= 0x80000000:
                    words[i] = first if word == NOTHING else first + 16 + (word & 0x7FFFFFFF)
            if sys.byteorder == "little":
                words.byteswap()
            words.tofile(file)
        file.write(bytes(16) + bytes(data) + MARK + head(7, len(meta)))
        for key, value in meta.items():
            file.write(encode(key) + (encode(value[1], value[0]) if isinstance(value, tuple) else encode(value)))
    os.rename(out + ".part", out)
    print(f"{out}: {first} nodes, {len(places)} places")


def is_nested(path):
    """Do the others read it? Then it has coordinates where MaxMind has them."""
    return "location" in Tree(path).example()


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    convert(sys.argv[1:-1], sys.argv[-1])
