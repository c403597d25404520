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


def fake(stack, body):
    lab = Lab(stack, {"svc.example": ZONE})
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
        assert lab.ctl_text(table).stdout.isprintable() or "\n" in lab.ctl_text(table).stdout
    text = lab.ctl_text("endpoints").stdout
    assert all(c.isprintable() or c == "\n" for c in text), repr(text)


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


@test
def a_stopped_one_is_replaced(stack):
    """a stopped gslb-health leaves the verdicts standing, and after ten seconds of silence another takes its place"""
    lab = Lab(stack, {"svc.example": ZONE.replace("check=tcp", "check=tcp; interval=500ms; timeout=200ms")}).start()
    wait_for("its pid", lambda: lab.health_pid() > 0)
    pid = lab.health_pid()
    lab.gslbd.wait_log("plan=1")
    os.kill(pid, signal.SIGSTOP)
    still_well(lab)
    wait_for("another gslb-health", lambda: lab.health_pid() not in (0, pid), 25)
    assert "silent for 10 s" in lab.gslbd.text()
    still_well(lab)


@test
def a_missing_one_is_said_at_start(stack):
    """without a gslb-health to start, gslbd says so in a sentence and does not start"""
    lab = Lab(stack, {"svc.example": ZONE}, env={"GSLB_HEALTH": "/nonexistent/gslb-health"})
    lab.start(wait=False)
    assert lab.gslbd.process.wait(10) == 1
    assert "/nonexistent/gslb-health: No such file" in lab.gslbd.text(), lab.gslbd.text()


if __name__ == "__main__":
    main()
