#!/usr/bin/python3
"""Started by root, both programs run as their users; the control socket knows who may look and who may change."""
import grp
import json
import os
import pwd
import signal
import stat
import subprocess

from lab import BUILD, Lab, Skip, free_port, http_backend, main, test, wait_for

ZONE = """
$ORIGIN svc.example.
$TTL 3600
@ SOA ns1 hostmaster {serial} 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
_gslb.www TXT "v=gslb1; pools=eu,us; rank=order; ttl=30/5"
eu._pool TXT "v=pool1; check=http; interval=500ms; timeout=300ms"
eu._pool SRV 0 1 {port} lb1.eu
lb1.eu A 127.0.10.1
us._pool TXT "v=pool1; check=none"
us._pool SRV 0 1 80 lb1.us
lb1.us A 192.0.2.3
"""
USER, PROBE_USER = "nobody", "daemon"
GROUP, READERS = "staff", "games"


def as_user(uid, gid, groups):
    def become():
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    return become


def can_run(user, program):
    entry = pwd.getpwnam(user)
    try:
        return subprocess.run([program, "--version"], preexec_fn=as_user(entry.pw_uid, entry.pw_gid, []),
                              capture_output=True, timeout=10).returncode is not None
    except OSError:
        return False


def root_lab(stack, server=None, control=None):
    if os.geteuid() != 0:
        raise Skip("only root can give up what root may")
    for user in (USER, PROBE_USER):
        try:
            pwd.getpwnam(user)
        except KeyError:
            raise Skip(f"no user {user} here")
        if not can_run(user, os.path.join(BUILD, "gslb-health")):
            raise Skip(f"the build folder is closed to {user}")
    port = free_port("127.0.10.1")
    lab = Lab(stack, {"svc.example": ZONE.format(serial=1, port=port)},
              extra={"server": {"user": USER, "probe-user": PROBE_USER, **(server or {})}, "control": control or {}})
    os.chmod(lab.folder, 0o755)
    lab.backend_port = port
    lab.eu = http_backend(stack, lab.folder, "eu", port, "127.0.10.1")
    lab.start()
    lab.wait_state("127.0.10.1", "up")
    return lab


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def runs_as(pid, user):
    """All four user ids and group ids are the user's, and no capability is left."""
    entry, status = pwd.getpwnam(user), status_of(pid)
    assert status["Uid"].split() == [str(entry.pw_uid)] * 4, status["Uid"]
    assert status["Gid"].split() == [str(entry.pw_gid)] * 4, status["Gid"]
    assert "0" not in status["Groups"].split(), status["Groups"]
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind], 16) == 0, (kind, status[kind])


@test
def both_run_as_their_users(stack):
    """gslbd and gslb-health run as their users without a capability, also a gslb-health that was started again"""
    lab = root_lab(stack)
    runs_as(lab.gslbd.pid, USER)
    first = lab.health_pid()
    runs_as(first, PROBE_USER)
    os.kill(first, signal.SIGKILL)
    wait_for("another gslb-health", lambda: lab.health_pid() not in (0, first))
    wait_for("it to have changed its user", lambda: runs_as(lab.health_pid(), PROBE_USER) is None)
    lab.eu.kill()
    lab.wait_answer(["192.0.2.3"], "www.svc.example")


@test
def all_goes_on_without_root(stack):
    """without root zones reload, overrides and verdicts are kept, and a second start on the same state folder works"""
    lab = root_lab(stack)
    lab.write_zone("svc.example", ZONE.format(serial=2, port=lab.backend_port).replace("192.0.2.3", "192.0.2.4"))
    lab.ctl("reload")
    lab.ctl("force", "eu", "drain", "--for", "60s", "--why", "drill")
    assert lab.addresses("www.svc.example") == ["192.0.2.4"]
    lab.stop()
    assert lab.gslbd.process.returncode == 0
    state = os.path.join(lab.folder, "state")
    owner = pwd.getpwnam(USER).pw_uid
    for name in ("", "verdicts", "overrides.json", "zones/svc.example.zone", "sticky.seed"):
        st = os.stat(os.path.join(state, name))
        assert st.st_uid == owner and not st.st_mode & 0o027, (name, oct(st.st_mode), st.st_uid)
    lab.start()
    assert lab.addresses("www.svc.example") == ["192.0.2.4"]
    assert lab.ctl("overrides")["overrides"][0]["why"] == "drill"
    lab.ctl("clear", "eu")
    lab.gslbd.kill()
    lab.start()
    assert lab.addresses("www.svc.example") == ["127.0.10.1"]
    assert "not-" not in lab.gslbd.text(), lab.gslbd.text()


@test
def what_root_left_is_taken_over(stack):
    """a state folder that was filled by a gslbd of root is given to the user at the next start"""
    lab = root_lab(stack, server={"user": "root", "probe-user": "root"})
    lab.ctl("force", "eu", "drain", "--for", "60s", "--why", "drill")
    lab.stop()
    with open(lab.conf) as f:
        text = f.read().replace("user: root", f"user: {USER}")
    with open(lab.conf, "w") as f:
        f.write(text)
    lab.start()
    runs_as(lab.gslbd.pid, USER)
    assert lab.addresses("www.svc.example") == ["192.0.2.3"]
    lab.ctl("clear", "eu")
    lab.write_zone("svc.example", ZONE.format(serial=2, port=lab.backend_port).replace("192.0.2.3", "192.0.2.4"))
    lab.ctl("reload")
    lab.ctl("force", "eu", "drain", "--for", "60s", "--why", "drill")
    lab.stop()
    lab.start()
    assert lab.addresses("www.svc.example") == ["192.0.2.4"]
    assert "not-" not in lab.gslbd.text(), lab.gslbd.text()


def ctl_as(lab, uid, gid, groups, *arguments):
    done = subprocess.run([os.path.join(BUILD, "gslbctl"), "-s", lab.socket, "--json", *arguments], capture_output=True,
                          text=True, timeout=30, preexec_fn=as_user(uid, gid, groups))
    return done.returncode, done.stdout, done.stderr


@test
def the_socket_is_for_owner_and_group(stack):
    """the control socket has mode 0660, and a stranger cannot connect"""
    lab = root_lab(stack)
    st = os.stat(lab.socket)
    assert stat.S_IMODE(st.st_mode) == 0o660, oct(st.st_mode)
    assert st.st_gid == pwd.getpwnam(USER).pw_gid
    code, out, error = ctl_as(lab, 12345, 12345, [], "status")
    assert code == 1 and "you may not use it" in error, (code, out, error)
    code, out, error = ctl_as(lab, 12345, 12345, [st.st_gid], "status")
    assert code == 0 and json.loads(out), (code, out, error)


@test
def the_read_only_group_looks_and_changes_nothing(stack):
    """the read-only group may look and is refused what changes; the control group may both; a stranger neither"""
    try:
        group, readers = grp.getgrnam(GROUP).gr_gid, grp.getgrnam(READERS).gr_gid
    except KeyError:
        raise Skip(f"no groups {GROUP} and {READERS} here")
    lab = root_lab(stack, control={"group": GROUP, "read-only-group": READERS})
    force = ("force", "eu", "drain", "--for", "60s", "--why", "drill")
    for uid, gid, groups in ((12345, readers, []), (12345, 12345, [readers])):
        for look in ("status", "pools", "overrides", "stats"):
            code, out, error = ctl_as(lab, uid, gid, groups, look)
            assert code == 0 and json.loads(out), (look, error)
        for change in (force, ("clear", "eu"), ("reload",)):
            code, out, error = ctl_as(lab, uid, gid, groups, *change)
            assert code == 1 and "read-only group" in error, (change, code, out, error)
    assert lab.addresses("www.svc.example") == ["127.0.10.1"]
    code, out, error = ctl_as(lab, 12345, 12345, [], "status")
    assert code == 1 and "neither in the control group nor in the read-only group" in error, (code, out, error)
    code, out, error = ctl_as(lab, 12345, 12345, [group], *force)
    assert code == 0, (code, out, error)
    assert lab.addresses("www.svc.example") == ["192.0.2.3"]


@test
def an_unknown_user_is_said_in_a_sentence(stack):
    """a user that does not exist is said in a sentence, and nothing runs as root instead"""
    lab = root_lab(stack)
    lab.stop()
    for key, wrong in (("user", "no-such-user"), ("probe-user", "no-such-user")):
        lab.write_conf(extra={"server": {"user": USER, "probe-user": PROBE_USER, key: wrong}})
        lab.start(wait=False)
        assert lab.gslbd.process.wait(10) == 1
        assert f"server.{key}: no-such-user: no such user" in lab.gslbd.text(), lab.gslbd.text()


if __name__ == "__main__":
    main()
