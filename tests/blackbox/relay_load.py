"""What loads a gslb-relay and a redis: one connection each that is kept."""
import itertools
import json
import socket


class Line:
    """A connection to gslb-relay's socket that is kept."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def say(self, command, **args):
        self.socket.sendall(json.dumps({"command": command, "args": args}).encode() + b"\n")

    def ask(self, command, **args):
        self.say(command, **args)
        return json.loads(self.file.readline())

    def begin_purge(self, keys, wait_ms=0, prio=2):
        self.say("invalidate", event={"class": "key", "prio": prio, "items": [{"k": k} for k in keys]}, wait_ms=wait_ms)

    def end_purge(self):
        answer = json.loads(self.file.readline())
        assert answer["ok"], answer
        return answer["result"]

    def purge(self, keys, wait_ms=0, prio=2):
        self.begin_purge(keys, wait_ms, prio)
        return self.end_purge()


class Redis:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return None if int(rest) < 0 else self.file.read(int(rest) + 2)[:-2]
        return int(rest) if kind == b":" else rest

    def ask(self, *words):
        self.socket.sendall(self.pack(words))
        return self.read()

    def pack(self, words):
        return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in map(str.encode, words))

    def put(self, keys):
        for at in range(0, len(keys), 1000):
            self.ask("MSET", *itertools.chain.from_iterable((k, "1") for k in keys[at:at + 1000]))
