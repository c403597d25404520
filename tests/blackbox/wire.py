"""wire - messages as bytes: made from words or hexadecimal digits, sent over UDP and TCP, IPv4 and IPv6, and told in one line.

A question in words is a name (relative to svc.example), a type, and what else it carries:
    www A rd cd do size=1232 ecs=198.51.100.0/24 nsid keepalive cookie=HEX class=CH edns=1 option=CODE:HEX
An answer in words is its rcode, its flags, the sections that hold something, and the OPT:
    NOERROR aa rd; an: www 30 A 192.0.2.20; opt: 1232 do ecs=1/24/24=c63364
TTLs of 3600 are left out, those that jitter makes of 30 are told as 30 (tests/unit/decide.c has them exactly), records of one
section are sorted. That the id and the question came back as they were asked is
not told, only when they did not."""
import ipaddress
import socket
import struct

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ORIGIN = dns.name.from_text("svc.example.")
ID = 0xbeef
FLAGS = {0x0400: "aa", 0x0200: "tc", 0x0100: "rd", 0x0080: "ra", 0x0040: "z", 0x0020: "ad", 0x0010: "cd"}
NSID, ECS, COOKIE, KEEPALIVE, PADDING, EDE = 3, 8, 10, 11, 12, 15
USUAL_TTL_S = 3600
STEADY_TTL_S = range(27, 31)


def has_v6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


HOSTS = ["127.0.0.1", "::1"] if has_v6() else ["127.0.0.1"]
WAYS = [(transport, address) for transport in ("udp", "tcp") for address in HOSTS]


def listen(lab):
    """The configuration that has a lab answer on all of them."""
    return {"server": {"listen": [f"{host}@{lab.port}" for host in HOSTS]}}



class Truncated(AssertionError):
    pass


# ---- queries ----

def octets(text):
    """Bytes from hexadecimal digits with blanks among them; bytes stay as they are."""
    return text if isinstance(text, bytes) else bytes.fromhex(text)


def option(code, data=b""):
    data = octets(data)
    return struct.pack("!HH", code, len(data)) + data


def opt(options=b"", size=1232, version=0, flags=0, owner=b"\0"):
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def ecs_data(prefix):
    """What RFC 7871 section 6 makes of a prefix, which may be "0/0" for family 0."""
    address, length = prefix.split("/")
    length = int(length)
    if address == "0":
        return struct.pack("!HBB", 0, length, 0)
    address = ipaddress.ip_address(address)
    return struct.pack("!HBB", 1 if address.version == 4 else 2, length, 0) + address.packed[:(length + 7) // 8]


def header(flags=0, qd=1, an=0, ns=0, ar=0, opcode=0):
    return struct.pack("!HHHHHH", ID, flags | opcode << 11, qd, an, ns, ar)


def name_wire(text):
    return dns.name.from_text(text, ORIGIN).to_wire()


def question(words):
    """The question section of "name TYPE [CLASS]"."""
    name, rdtype, *rdclass = words.split()
    return name_wire(name) + struct.pack("!HH", dns.rdatatype.from_text(rdtype),
                                         dns.rdataclass.from_text(rdclass[0] if rdclass else "IN"))


def query(words):
    """A message of a question in words, see above."""
    name, rdtype, *more = words.split()
    flags, size, version, edns_flags, options, rdclass, edns = 0, 1232, 0, 0, b"", "IN", False
    for word in more:
        key, _, value = word.partition("=")
        if key in ("rd", "cd", "ad"):
            flags |= {"rd": 0x0100, "cd": 0x0010, "ad": 0x0020}[key]
            continue
        if key == "class":
            rdclass = value
            continue
        edns = True
        if key == "do":
            edns_flags = 0x8000
        elif key == "size":
            size = int(value)
        elif key == "edns":
            version = int(value)
        elif key == "ecs":
            options += option(ECS, ecs_data(value))
        elif key == "nsid":
            options += option(NSID)
        elif key == "keepalive":
            options += option(KEEPALIVE)
        elif key == "cookie":
            options += option(COOKIE, value)
        elif key == "option":
            code, data = value.split(":")
            options += option(int(code), data)
        else:
            raise ValueError(word)
    return header(flags, ar=edns) + question(f"{name} {rdtype} {rdclass}") + \
        (opt(options, size, version, edns_flags) if edns else b"")


# ---- over the wire ----

FENCE_ID = 0xfe4c
FENCE = struct.pack("!HHHHHH", FENCE_ID, 0, 1, 0, 0, 0) + question("@ SOA")


def connect(lab, transport, address, timeout=5, source=None):
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    s.settimeout(timeout)
    if source:
        s.bind((source, 0))
    s.connect((address, lab.port))
    return s


def receive(s):
    """The next message of a connection or a socket; None at its end, or when it was reset."""
    if s.type == socket.SOCK_DGRAM:
        return s.recv(65535)
    data = b""
    try:
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            wanted = 2 if len(data) < 2 else 2 + struct.unpack_from("!H", data)[0]
            more = s.recv(wanted - len(data))
            if not more:
                assert not data, f"the connection ended within a message: {data.hex()}"
                return None
            data += more
    except ConnectionResetError:
        return None
    return data[2:]


def framed(message):
    return struct.pack("!H", len(message)) + message


def is_fence(message):
    return message is not None and len(message) >= 2 and struct.unpack_from("!H", message)[0] == FENCE_ID


def exchange(lab, message, transport="udp", address="127.0.0.1", source=None):
    """The answer's bytes; None for silence. A plain question is sent behind the message: what is answered before it is the
    message's answer, and that one is answered shows that the server lives (over TCP, silence is the end of the connection)."""
    with connect(lab, transport, address, source=source) as s:
        if transport == "udp":
            s.send(message)
            s.send(FENCE)
        else:
            s.sendall(framed(message) + framed(FENCE))
        answer = receive(s)
        if is_fence(answer):
            assert transport == "udp", "silence over TCP leaves the connection open"
            return None
        if answer is None:
            assert told(FENCE, exchange(lab, FENCE.replace(b"\xfe\x4c", b"\xbe\xef", 1), transport, address), True)
            return None
        assert is_fence(receive(s)), "a second answer"
        return answer


# ---- answers ----

class Reader:
    def __init__(self, message):
        self.message, self.at = message, 0

    def take(self, form):
        size = struct.calcsize(form)
        if self.at + size > len(self.message):
            raise Truncated(f"the answer ends at {len(self.message)}: {self.message.hex()}")
        values = struct.unpack_from(form, self.message, self.at)
        self.at += size
        return values

    def name(self):
        name, used = dns.name.from_wire(self.message, self.at)
        self.at += used
        return name


def told_ttl(ttl):
    return [] if ttl == USUAL_TTL_S else ["30"] if ttl in STEADY_TTL_S else [str(ttl)]


def told_name(name):
    return name.relativize(ORIGIN).to_text()


def told_option(code, data):
    if code == ECS and len(data) >= 4:
        family, source, scope = struct.unpack_from("!HBB", data)
        return f"ecs={family}/{source}/{scope}" + (f"={data[4:].hex()}" if len(data) > 4 else "")
    if code == NSID:
        return "nsid=" + data.decode()
    if code == COOKIE and len(data) == 24 and data[8] == 1:
        return "cookie"
    if code == KEEPALIVE and len(data) == 2:
        return f"keepalive={struct.unpack('!H', data)[0]}"
    if code == EDE and len(data) > 2:
        return f"ede={struct.unpack_from('!H', data)[0]}"
    return f"option={code}:{data.hex()}"


def options_of(message):
    """The options of a message's OPT, which is its last record: (code, data)."""
    found = []
    told(message, message, True, found)
    return found


def told_opt(size, ttl, rdata, options):
    reader = Reader(rdata)
    words = [str(size)]
    assert ttl >> 16 & 255 == 0, f"an OPT of version {ttl >> 16 & 255}"
    if ttl & 0x8000:
        words.append("do")
    if ttl & 0x7fff:
        words.append(f"flags={ttl & 0x7fff:04x}")
    while reader.at < len(rdata):
        code, length = reader.take("!HH")
        (data,) = reader.take(f"!{length}s")
        options.append((code, data))
        words.append(told_option(code, data))
    return " ".join(words)


def told(asked, message, any_id=False, options=None):
    """An answer in words. options: a list that takes the OPT's options as bytes."""
    if message is None:
        return "silence"
    reader = Reader(message)
    got_id, flags, *counts = reader.take("!HHHHHH")
    rcode, words, parts = flags & 15, [], []
    if not any_id and got_id != struct.unpack_from("!H", asked)[0]:
        parts.append("another id")
    if not flags & 0x8000:
        parts.append("no response")
    if len(asked) >= 3 and flags >> 11 & 15 != asked[2] >> 3 & 15:
        parts.append("another opcode")
    words += [word for bit, word in FLAGS.items() if flags & bit]
    if counts[0] == 0:
        parts.append("no question")
    for _ in range(counts[0]):
        reader.name()
        reader.take("!HH")
        if message[12:reader.at] != asked[12:reader.at]:
            parts.append("another question")
    edns = None
    for section, count in zip(("an", "ns", "ar"), counts[1:]):
        records = []
        for _ in range(count):
            owner = reader.name()
            rdtype, rdclass, ttl, length = reader.take("!HHIH")
            start = reader.at
            (rdata,) = reader.take(f"!{length}s")
            if rdtype == 41:
                assert section == "ar" and edns is None and owner == dns.name.root, "an OPT where none belongs"
                rcode |= ttl >> 24 << 4
                found = []
                edns = told_opt(rdclass, ttl, rdata, found)
                if options is not None:
                    options += found
                continue
            text = dns.rdata.from_wire(rdclass, rdtype, message, start, length, ORIGIN).to_text(ORIGIN, True).rstrip()
            records.append(" ".join([told_name(owner)] + told_ttl(ttl)
                                    + ([dns.rdataclass.to_text(rdclass)] if rdclass != 1 else [])
                                    + [dns.rdatatype.to_text(rdtype), text]))
        if records:
            parts.append(f"{section}: " + ", ".join(sorted(records)))
    if reader.at != len(message):
        parts.append(f"{len(message) - reader.at} bytes behind the end")
    if edns is not None:
        parts.append("opt: " + edns)
    name = {16: "BADVERS", 23: "BADCOOKIE"}.get(rcode) or dns.rcode.to_text(rcode)
    return "; ".join([" ".join([name] + words)] + parts)


def ask(lab, words, transport="udp", address="127.0.0.1"):
    """A question in words, and its answer in words."""
    message = query(words)
    return told(message, exchange(lab, message, transport, address))


def everywhere(lab, message, expected):
    """The same answer over UDP and TCP, IPv4 and IPv6. message: words or bytes; expected: words, or words for each transport."""
    message = query(message) if isinstance(message, str) else message
    for transport, address in WAYS:
        wanted = expected[transport] if isinstance(expected, dict) else expected
        got = told(message, exchange(lab, message, transport, address))
        assert got == wanted, f"over {transport} to {address}: {message.hex()}\n got      {got}\n expected {wanted}"
