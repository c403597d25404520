#!/usr/bin/python3
"""How soon what fails is out of the answers, and that one family's failures are not the other's."""
import signal
import socket
import sys

from lab import Lab, Program, Skip, free_port, http_backend, main, test

HEAD = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
"""

SLOW = HEAD + """
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check={check}; interval=5s; timeout=1s"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.3
"""


def slow(stack, check):
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": SLOW.format(check=check, port=port)})
    lab.backend = http_backend(stack, lab.folder, "eu", port, "127.0.10.1")
    lab.start()
    lab.wait_state("127.0.10.1", "up")
    return lab


@test
def doubt_does_not_wait_for_the_interval(stack):
    """with an interval of 5 s a killed backend is out within one interval and a second: in doubt it is probed at once"""
    for check in ("http", "tcp"):
        lab = slow(stack, check)
        lab.backend.kill()
        took = lab.wait_answer(["192.0.2.3"], "www.svc.example")
        print(f"# {check}: killed, out after {took:.2f} s (interval 5 s, fall 3)")
        assert took < 5 + 1, took


@test
def a_black_hole_costs_its_timeouts(stack):
    """with an interval of 5 s a backend that is stopped is out within fall times interval and timeout"""
    lab = slow(stack, "http")
    lab.backend.kill(signal.SIGSTOP)
    took = lab.wait_answer(["192.0.2.3"], "www.svc.example", deadline=25)
    print(f"# http: stopped, out after {took:.2f} s (interval 5 s, timeout 1 s, fall 3)")
    assert took < 3 * (5 + 1), took
    lab.backend.kill(signal.SIGCONT)


BACKEND = r"""
import http.server, socket, sys
class S(http.server.HTTPServer):
    allow_reuse_address = True
    address_family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "backend", self.server_address[1]
s = S((sys.argv[2], int(sys.argv[1])), http.server.BaseHTTPRequestHandler)
print("ready", flush=True)
s.serve_forever()
"""


@test
def a_family_does_not_depend_on_the_other(stack):
    """a dead IPv6 address leaves AAAA answers and no A answer, and the other way round"""
    port = free_port("127.0.10.1")
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", port))
    except OSError:
        raise Skip("no IPv6 here")
    lab = Lab(stack, {"svc.example": HEAD + f"""
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=tcp; interval=300ms; timeout=200ms; ramp=0s"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
lb1.eu AAAA ::1
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.3
lb1.us AAAA 2001:db8::3
"""})

    def start(name, address):
        program = Program(stack, name, [sys.executable, "-c", BACKEND, str(port), address], lab.folder)
        program.wait_log("ready")
        return program

    four, six = start("four", "127.0.10.1"), start("six", "::1")
    lab.start()
    for address in ("127.0.10.1", "::1"):
        lab.wait_state(address, "up")

    six.kill()
    lab.wait_answer(["2001:db8::3"], "www.svc.example", "AAAA")
    for _ in range(50):
        answer = lab.query("www.svc.example")
        assert [r.address for r in answer.answer[0]] == ["127.0.10.1"] and answer.answer[0].ttl == 30, answer
    assert "family=ipv6 in_service=us was=eu,us" in lab.gslbd.text()
    assert "family=ipv4 in_service" not in lab.gslbd.text()

    six = start("six2", "::1")
    lab.wait_answer(["::1"], "www.svc.example", "AAAA")
    four.kill()
    lab.wait_answer(["192.0.2.3"], "www.svc.example")
    assert lab.addresses("www.svc.example", "AAAA") == ["::1"]


if __name__ == "__main__":
    main()
