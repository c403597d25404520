"""servers - one service, written down for each server that is measured: www.example.com, eight data centres with two A records
each, the nearest by the city database, on 127.0.0.1, one thread for UDP. A server is a row of SERVERS."""
import os
import shutil
import time

import rig

ZONE = """$ORIGIN example.com.
$TTL 3600
@ SOA ns1 hostmaster 1 3600 600 604800 30
@ NS ns1
ns1 A 127.0.0.1
static 30 A 127.0.1.1
static 30 A 127.0.2.1
"""
# Data centres by country, for what knows no distances.
COUNTRIES = "US CA BR AR GB IE DE FR NL IT ES PL RU IN ID CN JP KR AU NZ ZA NG EG MX".split()

# What the database knows, for what places its data centres by their addresses: one in or near each of the eight.
PLACED = "128.112.128.1 171.64.0.1 200.144.183.1 134.226.0.1 131.159.14.1 14.139.0.1 133.11.0.1 129.94.0.1".split()


def degrees(value, positive, negative):
    minutes = round(abs(value) * 60)
    return f"{minutes // 60} {minutes % 60} {positive if value >= 0 else negative}"


def steered_zone(port):
    """gslb's: each address is probed over TCP."""
    names = ",".join(name for name, _, _ in rig.DATACENTRES)
    lines = [f'_gslb.www TXT "v=gslb1; pools={names}; rank=geo; ttl=30/5; answers=2"']
    for number, (name, latitude, longitude) in enumerate(rig.DATACENTRES):
        first, second = rig.addresses(number)
        lines += [f"{name}._pool LOC {degrees(latitude, 'N', 'S')} {degrees(longitude, 'E', 'W')} 0m",
                  f'{name}._pool TXT "v=pool1; check=tcp; interval=5s"',
                  f"{name}._pool SRV 0 60 {port} a.{name}", f"{name}._pool SRV 0 40 {port} b.{name}",
                  f"a.{name} A {first}", f"b.{name} A {second}"]
    return ZONE + "\n".join(lines) + "\n"


class Floor:
    name, sentence, programs, steers = "floor", "sends each packet back: the kernel's part", [], False

    def write(self, bench, folder, port):
        return [os.path.join(bench.build, "tests", "bench", "floor"), str(port)]


class Gslb:
    name, sentence, programs, steers = "gslb", "geo, weights, TCP checks, limiter, cookies", [], True

    def write(self, bench, folder, port):
        shutil.rmtree(folder, ignore_errors=True) # no verdicts of the round before
        rig.write(f"{folder}/zones/example.com.zone", steered_zone(bench.backends.port))
        rig.write(f"{folder}/gslb.yaml", f"""server:
  listen: ["127.0.0.1@{port}"]
  workers: 1
  identity: bench
  rrl: {{ rate: 1000000, burst: 1000000 }}
zones: {{ directory: zones }}
geo: {{ databases: [{", ".join(bench.geo.databases)}] }}
state: {{ directory: state }}
control: {{ socket: control.sock }}
""")
        return [os.path.join(bench.build, "gslbd"), "-c", f"{folder}/gslb.yaml"]

    def settle(self, bench, folder):
        """Until each address was probed."""
        for _ in range(200):
            endpoints = rig.gslbctl(bench.build, f"{folder}/control.sock", "endpoints").get("endpoints", [])
            if endpoints and all(e["state"] == "up" for e in endpoints):
                return
            time.sleep(0.1)
        raise rig.Trouble("gslb: its endpoints do not come up")


class Gdnsd:
    programs, steers = [("gdnsd", "gdnsd")], True

    def __init__(self, name, sentence, weights, checks):
        self.name, self.sentence, self.weights, self.checks = name, sentence, weights, checks

    def write(self, bench, folder, port):
        names = [name for name, _, _ in rig.DATACENTRES]
        service = "tcp" if self.checks else "up"
        sites = {name: rig.addresses(number) for number, name in enumerate(names)}
        if self.weights:
            where = " ".join(f"{name} => %weighted!{name}," for name in names)
            weighted = " ".join(f"{name} => {{ a => [ {a}, 60 ], b => [ {b}, 40 ] }}," for name, (a, b) in sites.items())
            weighted = f"weighted => {{ multi => true, service_types => {service}, {weighted} }},"
        else:
            where = " ".join(f"{name} => {{ a => {a}, b => {b} }}," for name, (a, b) in sites.items())
            weighted = ""
        coordinates = " ".join(f"{name} => [ {lat}, {lon} ]," for name, lat, lon in rig.DATACENTRES)
        for sub in "run", "state":
            os.makedirs(f"{folder}/{sub}", exist_ok=True)
        rig.write(f"{folder}/config", f"""options => {{ listen => "127.0.0.1:{port}", udp_threads => 1, tcp_threads => 1,
  run_dir => {folder}/run, state_dir => {folder}/state, acme_challenge_ttl => 600 }}
service_types => {{ tcp => {{ plugin => tcp_connect, port => {bench.backends.port}, interval => 5, timeout => 2 }} }}
plugins => {{ tcp_connect => {{}}, {weighted}
  geoip => {{
    maps => {{ m => {{ geoip2_db => {bench.geo.nested()}, datacenters => [ {", ".join(names)} ],
      auto_dc_coords => {{ {coordinates} }} }} }}
    resources => {{ www => {{ map => m, service_types => {service}, dcmap => {{ {where} }} }} }} }} }}
""")
        rig.write(f"{folder}/zones/example.com", ZONE.replace("$ORIGIN example.com.\n", "") + "www 30 DYNA geoip!www\n")
        return ["gdnsd", "-c", folder, "start"]


class Nsd:
    name, sentence, programs, steers = "nsd", "static: no steering at all", [("nsd", "nsd")], False

    def write(self, bench, folder, port):
        rig.write(f"{folder}/example.com.zone", ZONE + "www 30 A 127.0.1.1\nwww 30 A 127.0.2.1\n")
        rig.write(f"{folder}/nsd.conf", f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: example.com.zone
""")
        return ["nsd", "-d", "-c", f"{folder}/nsd.conf"]


class Knot:
    steers = False # by country: its geo module knows no distances

    def __init__(self, name, sentence, geo):
        self.name, self.sentence, self.geo = name, sentence, geo
        self.programs = [("knotd", "knot")] + ([("/usr/lib/*/knot/modules-*/geoip.so", "knot-module-geoip")] if geo else [])

    def write(self, bench, folder, port):
        rig.write(f"{folder}/example.com.zone", ZONE + "www 30 A 127.0.1.1\nwww 30 A 127.0.2.1\n")
        lines = ["www.example.com:"]
        for number, country in enumerate(COUNTRIES):
            first, second = rig.addresses(number)
            lines += [f'  - geo: "{country}"', f"    A: [{first}, {second}]"]
        rig.write(f"{folder}/geo.conf", "\n".join(lines) + "\n")
        module = "" if not self.geo else f"""mod-geoip:
  - id: g
    config-file: "{folder}/geo.conf"
    ttl: 30
    mode: geodb
    geodb-file: "{bench.geo.nested()}"
    geodb-key: [ country/iso_code ]
"""
        rig.write(f"{folder}/knot.conf", f"""server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
  storage: "{folder}"
{module}zone:
  - domain: example.com
    storage: "{folder}"
    file: example.com.zone
    zonefile-sync: -1
""" + ("    module: mod-geoip/g\n" if self.geo else ""))
        return ["knotd", "-c", f"{folder}/knot.conf"]


class Pdns:
    def __init__(self, name, sentence, lua):
        self.name, self.sentence, self.lua, self.steers = name, sentence, lua, False
        self.programs = [("pdns_server", "pdns-server"), ("/usr/lib/*/pdns/libgeoipbackend.so", "pdns-backend-geoip")]
        if lua:
            self.programs.append(("/usr/lib/*/pdns/libbindbackend.so", "pdns-backend-bind"))

    def write(self, bench, folder, port):
        self.write_lua(folder) if self.lua else self.write_geo(folder)
        rig.write(f"{folder}/pdns.conf", f"""local-address=127.0.0.1
local-port={port}
receiver-threads=1
distributor-threads=1
launch={"geoip,bind" if self.lua else "geoip"}
geoip-database-files=mmdb:{bench.geo.nested()}
geoip-zones-file={folder}/geo.yaml
edns-subnet-processing=yes
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
loglevel=3
cache-ttl=0
query-cache-ttl=0
""" + (f"enable-lua-records=yes\nbind-config={folder}/named.conf\n" if self.lua else ""))
        return ["pdns_server", f"--config-dir={folder}"]

    def write_geo(self, folder):
        """Services by continent."""
        sites = "".join(f"    {c}.www.example.com: [ {{a: 127.0.1.1}}, {{a: 127.0.2.1}} ]\n"
                        for c in "na sa eu as oc af an unknown".split())
        rig.write(f"{folder}/geo.yaml", f"""domains:
- domain: example.com
  ttl: 30
  records:
    example.com: [ {{soa: ns1.example.com hostmaster.example.com 1 3600 600 604800 30}}, {{ns: ns1.example.com}} ]
    ns1.example.com: [ {{a: 127.0.0.1}} ]
{sites}  services:
    www.example.com: [ '%cn.www.example.com' ]
""")

    def write_lua(self, folder):
        closest = ",".join(f"'{address}'" for address in PLACED)
        rig.write(f"{folder}/example.com.zone", ZONE + f'www 30 IN LUA A "pickclosest({{{closest}}})"\n')
        rig.write(f"{folder}/named.conf", f'zone "example.com" {{ type master; file "{folder}/example.com.zone"; }};\n')
        rig.write(f"{folder}/geo.yaml", "domains: []\n")


SERVERS = [
    Floor(),
    Gslb(),
    Gdnsd("gdnsd", "geo, weights", True, False),
    Gdnsd("gdnsd-health", "geo, weights, TCP checks", True, True),
    Gdnsd("gdnsd-plain", "geo alone", False, False),
    Knot("knot-static", "static: no steering at all", False),
    Knot("knot-geo", "by country, geoip module", True),
    Nsd(),
    Pdns("pdns-geo", "by continent, geoip backend", False),
    Pdns("pdns-lua", "Lua pickclosest", True),
]
