#!/usr/bin/python3
"""A gslb-health that stops, scribbles, cuts or dies cannot stop or crash gslbd."""
import os
import signal
import stat
import time

from lab import Lab, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5; answers=2"
eu._pool TXT "v=pool1; check=tcp"
eu._pool SRV 0 1 9 lb1.eu
eu._pool SRV 0 1 9 lb2.eu
lb1.eu A 192.0.2.1
lb2.eu A 192.0.2.2
us._pool TXT "v=pool1; check=tcp"
us._pool SRV 0 1 9 lb1.us
lb1.us A 192.0.2.3
"""
ALL = {"192.0.2.1", "192.0.2.2", "192.0.2.3"}

# A gslb-health that gets the board and does with it what BODY says; `say` writes to its log, which is gslbd's.
FAKE = """#!/usr/bin/python3
import array, mmap, os, random, socket, sys, time
def say(text):
    os.write(2, (text + chr(10)).encode())
sock = socket.socket(fileno=int(sys.argv[sys.argv.index("--fd") + 1]))
sock.setblocking(True)
while True:
    data, control, _, _ = sock.recvmsg(8192, socket.CMSG_SPACE(16))
    fds = array.array("i")
    for level, kind, value in control:
        fds.frombytes(value[:len(value) - len(value) % 4])
    if data[0] == 1:
        board = fds[0]
        break
"""


def fake(stack, body, zone=ZONE):
    lab = Lab(stack, {"svc.example": zone})
    path = os.path.join(lab.folder, "fake-health")
    with open(path, "w") as f:
        f.write(FAKE + body)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    lab.env["GSLB_HEALTH"] = path
    return lab.start()


def answers(lab, times=50):
    for _ in range(times):
        answer = lab.query("www.svc.example")
        assert answer.rcode() == 0 and answer.answer, answer
        assert {r.address for r in answer.answer[0]} <= ALL


def still_well(lab):
    answers(lab)
    assert lab.gslbd.alive()
    for table in ("status", "services", "pools", "endpoints"):
        lab.ctl(table)
        done = lab.ctl_text(table)
        assert done.returncode == 0 and done.stdout, done
        assert all(c.isprintable() or c == "\n" for c in done.stdout), repr(done.stdout)


@test
def scribbling_over_the_board_harms_nothing(stack):
    """random bytes over all of the board and random messages change no more than who is taken for up"""
    lab = fake(stack, """
mem = mmap.mmap(board, 1 << 20)
say("scribbling")
end = time.time() + 3
while time.time() < end:
    mem[:] = os.urandom(1 << 20)
    try:
        sock.send(os.urandom(random.randrange(1, 3000)), socket.MSG_DONTWAIT)
    except OSError:
        pass
say("scribbled")
time.sleep(60)
""")
    lab.gslbd.wait_log("scribbling")
    while "scribbled" not in lab.gslbd.text() and "killed" not in lab.gslbd.text():
        answers(lab, 20)
        still_well(lab)
    assert "it closed its socket or wrote garbage" in lab.gslbd.text()
    wait_for("the next one", lambda: lab.gslbd.text().count("scribbling") >= 2)
    still_well(lab)


@test
def garbage_over_words_that_look_right_is_printable(stack):
    """verdicts with the right generation, random states, reasons, ages and texts leave answers whole and tables printable"""
    lab = fake(stack, """
import struct
mem = mmap.mmap(board, 1 << 20)
say("scribbling")
end = time.time() + 4
while time.time() < end:
    for slot in range(8):
        generation = struct.unpack_from("<Q", mem, 64 * slot)[0] >> 16 & 0xffff
        word = random.getrandbits(64) & ~(0xffff << 16) | generation << 16
        mem[64 * slot:64 * slot + 64] = struct.pack("<Q", word) + os.urandom(56)
    sock.send(struct.pack("<IIHHQIHH", 5, 0, 1, 1, 0, 0, 0, 0), socket.MSG_DONTWAIT)
    time.sleep(0.001)
say("scribbled")
time.sleep(60)
""")
    lab.gslbd.wait_log("scribbling")
    while "scribbled" not in lab.gslbd.text():
        answers(lab, 20)
        still_well(lab)
        done = lab.ctl_text("explain", "www.svc.example", "192.0.2.0/24")
        assert done.returncode == 0 and all(c.isprintable() or c == "\n" for c in done.stdout), done
    log = lab.gslbd.text()
    assert all(c.isprintable() or c == "\n" for c in log), [line for line in log.split("\n") if not line.isprintable()]


@test
def the_board_cannot_be_cut(stack):
    """truncating or growing the board is refused by its seals"""
    lab = fake(stack, """
for length in (0, 4096, 1 << 30):
    try:
        os.ftruncate(board, length)
        say("the board was cut")
    except OSError as error:
        say("cut refused: " + str(error))
say("tried")
time.sleep(60)
""")
    lab.gslbd.wait_log("tried")
    assert lab.gslbd.text().count("cut refused") == 3 and "was cut" not in lab.gslbd.text(), lab.gslbd.text()
    still_well(lab)


@test
def a_flood_of_messages_harms_nothing(stack):
    """a flood of well-formed news does not keep gslbd from answering or from its operators"""
    lab = fake(stack, """
say("flooding")
import struct
news = struct.pack("<IIHHQIHH", 5, 0, 1, 0, 0, 0, 0, 0).ljust(4096, b"\\0")
end = time.time() + 3
while time.time() < end:
    try:
        sock.send(news[:len(data)])
    except OSError:
        break
say("flooded")
time.sleep(60)
""")
    lab.gslbd.wait_log("flooding")
    still_well(lab)


@test
def one_that_ends_at_once_is_started_with_patience(stack):
    """a gslb-health that ends at once is started again with growing patience; status raises an alarm; answers go on"""
    lab = fake(stack, "sys.exit(7)\n")
    wait_for("the third end", lambda: lab.gslbd.text().count("state=ended") >= 3)
    still_well(lab)
    wait_for("the alarm", lambda: any("gslb-health" in a for a in lab.ctl("status")["alarms"]))
    ends = lab.gslbd.text().count("state=ended")
    assert ends < 12, ends
    health = lab.ctl("status")["health"]
    assert health["state"] == "restarting" and health["restarts"] >= 2, health


@test
def a_stopped_one_is_replaced(stack):
    """a stopped gslb-health leaves the verdicts standing, and after ten seconds of silence another takes its place"""
    began = time.monotonic()
    lab = Lab(stack, {"svc.example": ZONE.replace("check=tcp", "check=tcp; interval=500ms; timeout=200ms")}).start()
    wait_for("its pid", lambda: lab.health_pid() > 0)
    pid = lab.health_pid()
    lab.gslbd.wait_log("plan=1")
    os.kill(pid, signal.SIGSTOP)
    still_well(lab)
    wait_for("another gslb-health", lambda: lab.health_pid() not in (0, pid), 25)
    assert time.monotonic() - began >= 10
    assert f"pid={pid} state=killed reason=\"silent for 10 s\"" in lab.gslbd.text()
    assert f"pid={pid} state=ended signal=9" in lab.gslbd.text()
    assert lab.ctl("status")["health"]["restarts"] == 1
    still_well(lab)


@test
def false_addresses_of_names_are_not_answered(stack):
    """private addresses that gslb-health gives a name are not answered, and a name that flips does not fill the log"""
    zone = ZONE.replace('lb1.eu A 192.0.2.1\n', '').replace("9 lb1.eu\n", "9 lb.cloud.example.net.\n")
    lab = fake(stack, """
import struct
def resolved(number, ok, ttl, *addresses):
    return struct.pack("<IIHHQIHH", KIND, 0, 0, 0, number, ttl, ok, len(addresses)) + b"".join(
        bytes([4]) + socket.inet_aton(a) + bytes(12) for a in addresses)
""".replace("KIND", "6") + """
say("resolving")
end = time.time() + 3
n = 0
while time.time() < end:
    n += 1
    try:
        sock.send(resolved(1, 1, 0xffffffff, "127.0.0.1", "10.0.0.1"))
        sock.send(resolved(1, 0, 0))
        sock.send(resolved(1, 1, 0, "192.168.0.%d" % (n % 250)))
        sock.send(resolved(random.getrandbits(64), 1, 1, "192.0.2.77"))
    except OSError as error:
        say("refused " + str(error))
        break
say("done after %d" % n)
time.sleep(60)
""", zone)
    lab.gslbd.wait_log("resolving")
    while "done after" not in lab.gslbd.text():
        answers(lab, 20)
        still_well(lab)
    lines = lab.gslbd.text().count("name=lb.cloud.example.net.")
    print(f"# lines about the name: {lines}")
    assert 0 < lines < 30, lines


@test
def without_the_one_that_starts_it_the_verdicts_stand(stack):
    """when the process that starts gslb-health is killed, gslbd answers on, says so and raises an alarm"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    wait_for("gslb-health to run", lambda: lab.health_pid() > 0)
    with open(f"/proc/{lab.health_pid()}/stat") as f:
        spawner = int(f.read().rsplit(")", 1)[1].split()[1])
    os.kill(spawner, signal.SIGKILL)
    lab.gslbd.wait_log("state=unwatched")
    still_well(lab)
    status = lab.ctl("status")
    assert any("gslb-health" in a for a in status["alarms"]) and status["health"]["pid"] == 0, status
    lab.write_zone("svc.example", ZONE.replace("master 1 ", "master 2 "))
    lab.ctl("reload")
    still_well(lab)
    lab.gslbd.kill(signal.SIGTERM)
    assert lab.gslbd.process.returncode == 0


@test
def a_missing_one_is_said_at_start(stack):
    """without a gslb-health to start, gslbd says so in a sentence and does not start"""
    lab = Lab(stack, {"svc.example": ZONE}, env={"GSLB_HEALTH": "/nonexistent/gslb-health"})
    lab.start(wait=False)
    assert lab.gslbd.process.wait(10) == 1
    assert "/nonexistent/gslb-health: No such file" in lab.gslbd.text(), lab.gslbd.text()


@test
def few_endpoints_take_little_memory(stack):
    """with few endpoints gslb-health takes little memory, though the board has room for a million"""
    lab = Lab(stack, {"svc.example": ZONE}).start()
    wait_for("the endpoints to be probed", lambda: all(e["last_probe"] for e in lab.ctl("endpoints")["endpoints"]))
    with open(f"/proc/{lab.health_pid()}/status") as f:
        anonymous_kb = int(next(line for line in f if line.startswith("RssAnon")).split()[1])
    assert anonymous_kb < 16384, f"{anonymous_kb} KB"


if __name__ == "__main__":
    main()
