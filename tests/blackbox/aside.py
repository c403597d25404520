#!/usr/bin/python3
"""A reload that takes as long as the test wants (a zone file is a pipe that nobody has written to yet) holds nothing up."""
import contextlib
import errno
import os
import signal
import subprocess
import time

from lab import BUILD, REALTIME, Lab, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster {serial} 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu,us,ap; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=push; rise=1; fall=1"
eu._pool SRV 0 1 443 lb1.eu
lb1.eu A 127.0.10.{serial}
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 443 lb1.us
lb1.us A 127.0.20.1
ap._pool TXT "v=pool1; check=none"
ap._pool SRV 0 1 443 lb1.ap
lb1.ap A 127.0.30.1
"""
SLOW = "$TTL 3600\n@ SOA ns1 hostmaster {serial} 3600 600 604800 30\n@ NS ns1\nns1 A 127.0.0.1\n"


def reload(lab):
    return subprocess.Popen([os.path.join(BUILD, "gslbctl"), "-s", lab.socket, "reload"], stdout=subprocess.DEVNULL)


def world(stack):
    lab = Lab(stack, {"svc.example": ZONE.format(serial=1)}).start()
    wait_for("gslb-health to run", lambda: lab.ctl("status")["health"]["pid"])
    lab.pipe = os.path.join(lab.zones, "slow.example.zone")
    os.mkfifo(lab.pipe)
    return lab


def being_read(lab):
    """A descriptor to write to, once somebody waits at the other end."""

    def opened():
        try:
            return os.open(lab.pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        return None

    return wait_for("the pipe to be read", opened)


def give(fd, serial):
    os.write(fd, SLOW.format(serial=serial).encode())
    os.close(fd)


@contextlib.contextmanager
def within_a_second(what):
    begin = time.monotonic()
    yield
    took_s = time.monotonic() - begin
    assert took_s < (1 if REALTIME else 20), f"{what} took {took_s:.2f} s"  # the reload waits until the test lets it go


@test
def a_reload_holds_nothing_up(stack):
    """while a reload waits for a file: status, explain, force and verdicts within a second, and all of it holds afterwards"""
    lab = world(stack)
    before = lab.ctl("status")["reloads"]
    lab.write_zone("svc.example", ZONE.format(serial=2))
    asked = reload(lab)
    fd = being_read(lab)
    with within_a_second("status"):
        status = lab.ctl("status")
    assert status["reloads"] == before and status["zones"][0]["serial"] == 1, status
    with within_a_second("explain"):
        lab.ctl("explain", "www.svc.example", "192.0.2.1")
    assert lab.addresses("www.svc.example") == ["127.0.10.1"]
    with within_a_second("push"):
        lab.ctl("push", "eu/lb1", "down")
        lab.wait_answer(["127.0.20.1"], "www.svc.example")
    with within_a_second("force"):
        lab.ctl("force", "us", "down", "--for", "1h", "--why", "set while a reload runs")
        lab.wait_answer(["127.0.30.1"], "www.svc.example")
    assert asked.poll() is None
    give(fd, 1)
    assert asked.wait(20) == 0
    os.unlink(lab.pipe)
    status = lab.ctl("status")
    assert status["reloads"] == before + 1 and status["zones"][1]["serial"] == 2, status
    # lb1.eu has another address now, which nobody spoke about; us stays as it was forced
    assert lab.addresses("www.svc.example") == ["127.0.10.2"]
    lab.ctl("push", "eu/lb1", "down")
    lab.wait_answer(["127.0.30.1"], "www.svc.example")
    assert [o["target"] for o in lab.ctl("overrides")["overrides"]] == ["pool:us.svc.example"], lab.ctl("overrides")


@test
def requests_coalesce(stack):
    """requests to reload that arrive while one runs are answered by the next, which reads what is then, and by one"""
    lab = world(stack)
    before = lab.ctl("status")["reloads"]
    first = reload(lab)
    fd = being_read(lab)
    later = [reload(lab) for _ in range(6)]
    lab.gslbd.kill(signal.SIGHUP)
    lab.write_zone("svc.example", ZONE.format(serial=3))
    wait_for("the requests to be heard", lambda: lab.ctl("status"))
    time.sleep(0.2)
    give(fd, 1)
    assert first.wait(20) == 0
    fd = being_read(lab)
    assert [process.poll() for process in later] == [None] * 6
    assert lab.ctl("status")["reloads"] == before + 1
    give(fd, 2)
    assert [process.wait(20) for process in later] == [0] * 6
    os.unlink(lab.pipe)
    status = lab.ctl("status")
    assert status["reloads"] == before + 2, status["reloads"]
    assert lab.addresses("www.svc.example") == ["127.0.10.3"]


@test
def a_reload_that_fails_leaves_what_was_served(stack):
    """a reload that ends in a mistake exits 3, and what was served and overridden stays"""
    lab = world(stack)
    lab.write_zone("svc.example", ZONE.format(serial=2).replace("lb1.eu A", "lb9.eu A"))
    asked = reload(lab)
    fd = being_read(lab)
    lab.ctl("force", "eu", "drain", "--for", "1h", "--why", "set while a reload runs")
    os.write(fd, b"not a zone\n")
    os.close(fd)
    assert asked.wait(20) == 3
    os.unlink(lab.pipe)
    assert lab.addresses("www.svc.example") == ["127.0.20.1"]
    lab.ctl("clear", "eu")
    assert lab.addresses("www.svc.example") == ["127.0.10.1"]


@test
def a_file_that_never_comes_does_not_keep_gslbd(stack):
    """SIGTERM ends gslbd with exit status 0 also while a reload waits for a file that never comes"""
    lab = world(stack)
    asked = reload(lab)
    fd = being_read(lab)
    lab.ctl("force", "us", "down", "--for", "1h", "--why", "to be kept")
    begin = time.monotonic()
    lab.gslbd.kill(signal.SIGTERM)
    print(f"# stopped after {time.monotonic() - begin:.1f} s")
    assert lab.gslbd.process.returncode == 0
    asked.wait(5)
    os.close(fd)
    os.unlink(lab.pipe)
    lab.start()
    assert len(lab.ctl("overrides")["overrides"]) == 1


if __name__ == "__main__":
    main()
