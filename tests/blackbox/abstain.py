#!/usr/bin/python3
"""gslb-health does not trust its eyes when its anchors fail, or most unrelated endpoints: it takes nothing down then."""
import socket
import tempfile
import time

from health_rig import ABSTAIN, DOWN, UP, Health, black_hole, target
from lab import main, test, wait_for
from tcp_rig import Tcp


def rig(stack):
    return Health(stack, stack.enter_context(tempfile.TemporaryDirectory(prefix="gslb-abstain-")))


def accepting(stack):
    return Tcp(stack, lambda connection: connection.recv(1))


def refusing(stack):
    """A port that nobody listens at, held by a socket that is bound only."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    stack.callback(held.close)
    return held.getsockname()[1]


def abstentions(health):
    health.read()
    return [m for m in health.messages if m["kind"] == ABSTAIN]


def wait_abstain(health, wanted, deadline=15):
    return wait_for(f"abstain state {wanted}; log: {health.program.text()[-500:]}",
                    lambda: (abstentions(health) or [{"state": 0}])[-1]["state"] == wanted, deadline)


@test
def anchors_that_fail_hold_verdicts(stack):
    """two of three anchors fail: what fails meanwhile stays up and is held, what succeeds comes up, and one line says so"""
    health = rig(stack)
    hole, alive = black_hole(stack), refusing(stack)
    server = accepting(stack)
    health.board.put(2, DOWN)
    anchors = [("127.0.0.1", alive), ("127.0.0.1", hole), ("127.0.0.1", black_hole(stack))]
    targets = [target(1, "tcp", server.port), target(2, "tcp", alive)]
    health.plan(targets, anchors=anchors)
    health.wait_state(1, UP)
    wait_abstain(health, 1)
    message = abstentions(health)[-1]
    assert (message["slot"], message["ttl"]) == (2, 3) and abs(message["value"] / 1000 - time.time()) < 60, message
    server.close()
    health.wait_slot(1, lambda s: s.held)
    probes = health.board[1].probes
    health.wait_slot(1, lambda s: s.probes > probes + 4)
    slot = health.board[1]
    assert slot.state == UP and slot.doubt and slot.result == "refused" and slot.transitions == 1, slot
    # what a success proves is believed
    server2 = accepting(stack)
    health.board.put(3, DOWN)
    health.plan([*targets, target(3, "tcp", server2.port)], anchors=anchors)
    health.wait_state(3, UP)
    # the anchors come back: what still fails goes down, counted anew
    health.plan(targets, anchors=anchors[:1])
    wait_abstain(health, 0)
    health.wait_state(1, DOWN)
    assert not health.board[1].held
    log = health.program.text()
    assert log.count("abstaining=yes") == 1 and log.count("abstaining=no") == 1, log
    assert 'abstaining=yes reason="2 of 3 anchors fail: no endpoint is taken down until they answer"' in log, log


@test
def an_anchor_that_refuses_is_alive(stack):
    """anchors that refuse connections are alive: an endpoint that fails goes down"""
    health = rig(stack)
    port = refusing(stack)
    server = accepting(stack)
    health.plan([target(1, "tcp", server.port)], anchors=[("127.0.0.1", port), ("127.0.0.2", port)])
    health.wait_state(1, UP)
    server.close()
    health.wait_state(1, DOWN)
    assert not abstentions(health), health.messages


@test
def most_groups_at_once_hold_verdicts(stack):
    """three unrelated groups of four fail at once: none of them goes down, all are held, and one line says so"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(4)]
    health.plan([target(i, "tcp", s.port, interval=1000, fall=3) for i, s in enumerate(servers)], groups=[0, 1, 2, 3])
    for i in range(4):
        health.wait_state(i, UP)
    for server in servers[:3]:
        server.close()
    wait_abstain(health, 2)
    for i in range(3):
        health.wait_slot(i, lambda s: s.held)
    probes = [health.board[i].probes for i in range(3)]
    for i in range(3):
        slot = health.wait_slot(i, lambda s, i=i: s.probes > probes[i] + 3)
        assert slot.state == UP and slot.transitions == 1, slot
    assert health.board[3].state == UP and not health.board[3].held
    log = health.program.text()
    assert log.count("abstaining=yes") == 1 and "unrelated groups of endpoints fail at once" in log, log
    assert "state=down" not in log, log


@test
def two_of_three_groups_are_believed(stack):
    """two unrelated groups of three fail at once: they go down, since the third one proves that we see"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(3)]
    health.plan([target(i, "tcp", s.port, fall=3) for i, s in enumerate(servers)], groups=[0, 1, 2])
    for i in range(3):
        health.wait_state(i, UP)
    for server in servers[:2]:
        server.close()
    health.wait_state(0, DOWN)
    health.wait_state(1, DOWN)
    assert not abstentions(health), health.messages


@test
def kin_are_one_failure(stack):
    """many endpoints of one group that fail at once go down: they have something in common"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(6)]
    health.plan([target(i, "tcp", s.port) for i, s in enumerate(servers)])
    for i in range(6):
        health.wait_state(i, UP)
    for server in servers:
        server.close()
    for i in range(6):
        health.wait_state(i, DOWN)
    assert not abstentions(health), health.messages


@test
def with_long_intervals_witnesses_are_called(stack):
    """one group fails, and the others, whose next probes were minutes away, are probed at once: all are seen to fail"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(5)]
    first = target(0, "tcp", servers[0].port, interval=1000, fall=3)
    others = [target(i, "tcp", servers[i].port, interval=600000, fall=3) for i in range(1, 5)]
    health.plan([first, *others], groups=[0, 1, 2, 3, 4])
    for i in range(5):
        health.wait_state(i, UP)
    for server in servers:
        server.close()
    wait_abstain(health, 2)
    assert all(health.board[i].state == UP for i in range(5)), [health.board[i] for i in range(5)]


@test
def a_new_plan_is_no_blindness(stack):
    """while plans come one after the other, groups that fail one after the other go down: others were seen all the while"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(8)]
    targets = [target(i, "tcp", s.port, interval=1000, fall=5) for i, s in enumerate(servers)]
    health.plan(targets, groups=list(range(8)))
    for i in range(8):
        health.wait_state(i, UP)
    for server in servers[:3]:
        server.close()
    for _ in range(100):
        health.plan(targets, groups=list(range(8)))
        time.sleep(0.05)
    for i in range(3):
        health.wait_state(i, DOWN)
    assert not abstentions(health), health.messages


@test
def a_start_among_doubts_is_no_blindness(stack):
    """a gslb-health that starts, and finds many in doubt that are well, does not abstain for what its forerunner saw"""
    health = rig(stack)
    servers = [accepting(stack) for _ in range(8)]
    for i in range(8):
        health.board.put(i, UP | 4)
    health.plan([target(i, "tcp", s.port, interval=1000, fall=3) for i, s in enumerate(servers)], groups=list(range(8)),
                anchors=[("127.0.0.1", refusing(stack))])
    for i in range(8):
        health.wait_slot(i, lambda s: s.state == UP and not s.doubt)
    assert not abstentions(health), health.messages


@test
def pushes_are_believed_while_abstaining(stack):
    """what is pushed is believed: others saw it, not we"""
    health = rig(stack)
    health.plan([target(1, "push"), target(2, "tcp", refusing(stack))], anchors=[("127.0.0.1", black_hole(stack))])
    wait_abstain(health, 1)
    health.send(3, slot=1, generation=1, state=UP)
    health.wait_state(1, UP)
    health.send(3, slot=1, generation=1, state=DOWN)
    health.wait_state(1, DOWN)


@test
def one_of_three_vantages_decides_nothing(stack):
    """where three vantages are assigned, what this one sees is a vote and a doubt; where it is alone again, the verdict"""
    health = rig(stack)
    health.board.put(1, UP)
    targets = [target(1, "tcp", refusing(stack))]
    health.plan(targets, vantages=3, fleet=("/nonexistent/relay.sock", "eu", ("ap", "eu", "us")))
    health.wait_slot(1, lambda s: s.probes > 5)
    slot = health.board[1]
    assert slot.state == UP and slot.doubt and slot.frozen and not slot.held and slot.transitions == 0, slot
    health.plan(targets)
    health.wait_state(1, DOWN)


if __name__ == "__main__":
    main()
