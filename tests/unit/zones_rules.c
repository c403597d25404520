/* Every rule and tag of the zone-file language (DESIGN 3): a right case and a wrong one, with the whole report. */
#include "tests/unit/zones.h"

#define POOL(label, address)                 \
	label "._pool TXT \"v=pool1\"\n"     \
	      " SRV 0 1 443 lb1." label "\n" \
	      "lb1." label " A " address "\n"
/* Nine lines behind the case's own. */
#define POOLS POOL("eu", "192.0.2.1") POOL("us", "192.0.2.2") POOL("ap", "192.0.2.3")
#define SERVICE(tags) "_gslb.www TXT \"v=gslb1; " tags "\"\n" POOLS
#define MAP(keys) "_map.www TXT \"v=map1; " keys "\"\n" SERVICE("pools=eu,us")
#define POOL_OF(label) label "._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n"
#define PROBED(tags) \
	"eu._pool TXT \"v=pool1; " tags "\"\n SRV 0 1 443 lb1\n SRV 0 1 443 lb2\nlb1 A 192.0.2.1\nlb2 A 192.0.2.2\n"
#define TARGETS(records) "eu._pool TXT \"v=pool1\"\n" records

static const struct rule_case {
	const char *body, *report;
} cases[] = {
	/* RRsets */
	{ "a A 192.0.2.1\n  A 192.0.2.2\n", "" },
	{ "a A 192.0.2.1\n  A 192.0.2.1\n", "z:6: warning: a: A: the same record again (it counts once)\n" },
	{ "a PTR b\n  PTR B.svc.example.\n", "z:6: warning: a: PTR: the same record again (it counts once)\n" },
	{ "a 60 A 192.0.2.1\n 30 A 192.0.2.2\n",
		"z:6: warning: a: A: another TTL than its record before (30, the smallest, is used for all)\n" },
	{ "a CNAME b\n", "" },
	{ "a CNAME b\n  CNAME c\n", "z:6: a: CNAME: a second one at the same name (leave one)\n" },
	{ "a CNAME b\n  TXT x\n", "z:5: a: CNAME: beside TXT (a CNAME stands alone)\n" },
	{ "@ SOA ns2 hostmaster 8 3600 600 604800 30\n", "z:5: @: SOA: a second one at the same name (leave one)\n" },
	{ "a SOA ns1 hostmaster 8 3600 600 604800 30\n",
		"z:5: a: SOA: stands at the apex alone (a zone below is a file of its own)\n" },
	{ "@ CNAME b\n", "z:5: @: CNAME: beside NS (a CNAME stands alone)\n"
			 "z:5: @: CNAME: at the apex, which holds SOA and NS (make it a service with _gslb)\n" },
	{ "@ DS 1 13 2 00ff\n", "z:5: @: DS: belongs into the zone above\n" },
	/* delegations */
	{ "sub NS ns.example.org.\n DS 1 13 2 00ff\n", "" },
	{ "sub NS ns.sub\nns.sub A 192.0.2.1\n AAAA 2001:db8::1\n", "" },
	{ "sub NS sub\n A 192.0.2.1\n", "" },
	{ "sub NS ns1\n", "" },
	{ "sub NS ns.other\nother NS ns.other\nns.other A 192.0.2.1\n", "" },
	{ "sub NS ns.sub\n", "z:5: sub: NS ns.sub: has no address in this zone (give it an A or AAAA record)\n" },
	{ "sub NS ns9\n", "z:5: sub: NS ns9: has no address in this zone (give it an A or AAAA record)\n" },
	{ "sub NS ns9\nns9 CNAME ns1\n",
		"z:5: sub: NS ns9: is a CNAME (RFC 2181 10.3: give it an A or AAAA record)\n" },
	{ "sub NS ns9\nns9 TXT x\n", "z:5: sub: NS ns9: has no address in this zone (give it an A or AAAA record)\n" },
	{ "sub NS ns1\na.sub TXT x\n A 192.0.2.1\nsub MX 1 ns1\n",
		"z:6: warning: a.sub: TXT: hidden by the delegation of sub (it belongs into that zone)\n"
		"z:8: warning: sub: MX: hidden by the delegation of sub (it belongs into that zone)\n" },
	{ "sub NS ns1\nsub.sub NS ns1\n",
		"z:6: warning: sub.sub: NS: hidden by the delegation of sub (it belongs into that zone)\n" },
	{ "a DS 1 13 2 00ff\n", "z:5: a: DS: without NS (it belongs to a delegation)\n" },
	{ "*.a NS ns1\n", "z:5: *.a: NS: at a wildcard, which cannot be delegated (RFC 4592 4.2)\n" },
	{ "*.a DNAME example.org.\n", "z:5: *.a: DNAME: at a wildcard (RFC 4592 4.4)\n"
				      "z:5: warning: *.a: DNAME: served as it is, but names below it are not answered "
				      "from it (try CNAME records)\n" },
	{ "a DNAME example.org.\nb.a TXT x\n", "z:5: warning: a: DNAME: served as it is, but names below it are not "
					       "answered from it (try CNAME records)\n"
					       "z:6: b.a: below a DNAME, where nothing may stand (RFC 6672 2.4)\n" },
	{ "a DNAME example.org.\n DNAME example.net.\n", "z:5: warning: a: DNAME: served as it is, but names below it "
							 "are not answered from it (try CNAME records)\n"
							 "z:6: a: DNAME: a second one at the same name (leave one)\n" },
	/* services */
	{ SERVICE("pools=eu"), "" },
	{ SERVICE("pools=eu;"), "" },
	{ SERVICE("pools = eu , us ; "), "" },
	{ "_gslb TXT \"v=gslb1; pools=eu\"\n" POOLS, "" },
	{ "_gslb.*.app TXT \"v=gslb1; pools=eu\"\n" POOLS, "" },
	{ "_gslb.www TXT \"v=gslb1; \" \"po\" \"ols=eu\"\n" POOLS, "" },
	{ "_gslb.www TXT \"v=gslb1; pools=eu\"\nwww TXT x\n HTTPS 1 . alpn=h2\n MX 1 ns1\n" POOLS, "" },
	{ "_gslb.www TXT \"pools=eu; v=gslb1\"\n" POOLS,
		"z:5: _gslb.www: v: must be the first tag of a service (try v=gslb1)\n" },
	{ "_gslb.www TXT \"v=gslb2; pools=eu\"\n" POOLS,
		"z:5: _gslb.www: v=gslb2: no version of a service (try v=gslb1)\n" },
	{ "_gslb.www TXT \"\"\n" POOLS, "z:5: _gslb.www: v: must be the first tag of a service (try v=gslb1)\n" },
	{ "_gslb.www TXT \"v=gslb1; pools=eu\"\n TXT \"v=gslb1; pools=us\"\n" POOLS,
		"z:6: _gslb.www: TXT: a second one (a service is one TXT record)\n" },
	{ "_gslb.www A 192.0.2.1\n" POOLS,
		"z:5: _gslb.www: A: has no place here (a service is made of TXT)\n"
		"z:5: _gslb.www: no TXT record, which makes a service (try TXT \"v=gslb1\")\n" },
	{ "a._gslb.www TXT \"v=gslb1; pools=eu\"\n" POOLS, "z:5: a._gslb.www: not the name of a service, map or pool "
							   "(they are _gslb.NAME, _map.NAME and LABEL._pool)\n" },
	{ "_gslb._gslb.www TXT \"v=gslb1; pools=eu\"\n" POOLS,
		"z:5: _gslb._gslb.www: not the name of a service, map or pool (they are _gslb.NAME, _map.NAME and "
		"LABEL._pool)\n" },
	{ "_gslb.sub TXT \"v=gslb1; pools=eu\"\nsub NS ns1\n" POOLS,
		"z:5: _gslb.sub: a service at or below the delegation of sub (put it into that zone)\n" },
	{ "_gslb.a.sub TXT \"v=gslb1; pools=eu\"\nsub NS ns1\n" POOLS,
		"z:5: _gslb.a.sub: a service at or below the delegation of sub (put it into that zone)\n" },
	{ "_gslb.a.sub TXT \"v=gslb1; pools=eu\"\nsub DNAME example.org.\n" POOLS,
		"z:5: _gslb.a.sub: a service below a DNAME, where nothing may stand\n"
		"z:6: warning: sub: DNAME: served as it is, but names below it are not answered from it (try CNAME "
		"records)\n" },
	{ "www A 192.0.2.1\n AAAA 2001:db8::1\n" SERVICE("pools=eu"),
		"z:5: www: A: beside a service, which answers it from its pools (leave one)\n"
		"z:6: www: AAAA: beside a service, which answers it from its pools (leave one)\n" },
	{ "www CNAME ns1\n" SERVICE("pools=eu"),
		"z:5: www: CNAME: beside a service, which answers it from its pools (leave one)\n" },
	{ "www HTTPS 1 . ipv4hint=192.0.2.1\n SVCB 1 a port=1 ipv6hint=2001:db8::1\n" SERVICE("pools=eu"),
		"z:5: www: HTTPS: address hints go round the service's steering (leave ipv4hint and ipv6hint out)\n"
		"z:6: www: SVCB: address hints go round the service's steering (leave ipv4hint and ipv6hint out)\n" },
	{ SERVICE("polls=eu"), "z:5: _gslb.www: polls=eu: no tag of a service (they are v pools rank answers spread "
			       "sticky ttl down fallback keep)\n"
			       "z:5: _gslb.www: pools: missing, and a service needs it (try pools=eu,us:3)\n" },
	{ SERVICE("pools=eu; nonsense"), "z:5: _gslb.www: nonsense: not tag=value\n" },
	{ SERVICE("pools=eu;; ttl=30"), "z:5: _gslb.www: an empty tag before a ; (leave one ; out)\n" },
	{ SERVICE("pools=eu; pools=us"), "z:5: _gslb.www: pools=us: given twice (leave one)\n" },
	{ SERVICE("pools=eu; v=gslb1"), "z:5: _gslb.www: v=gslb1: given twice (leave one)\n" },
	{ SERVICE("pools=eu; ttl=\\\\x30"),
		"z:5: _gslb.www: a backslash before neither ; nor \\ (write \\\\\\\\ for one in a quoted string)\n" },
	{ SERVICE("pools=eu; ttl=\\00030"), "z:5: _gslb.www: TXT: a byte 0 in a list of tags (leave it out)\n" },
	{ SERVICE("ttl=30"), "z:5: _gslb.www: pools: missing, and a service needs it (try pools=eu,us:3)\n" },
	{ SERVICE("pools="), "z:5: _gslb.www: pools=: an empty list of pools (name at least one)\n" },
	{ SERVICE("pools=eu,"), "z:5: _gslb.www: pools=eu,: an empty place in the list (try eu,us)\n" },
	{ SERVICE("pools=eu,eu"), "z:5: _gslb.www: pools=eu,eu: eu: twice in the list (leave one)\n" },
	{ SERVICE("pools=eu:3,us:1,ap"), "" },
	{ SERVICE("pools=eu:0"), "z:5: _gslb.www: pools=eu:0: eu:0: not a weight from 1 to 65535 (try eu:3)\n" },
	{ SERVICE("pools=eu:65536"),
		"z:5: _gslb.www: pools=eu:65536: eu:65536: not a weight from 1 to 65535 (try eu:3)\n" },
	{ SERVICE("pools=eu,oc"),
		"z:5: _gslb.www: oc._pool: no such pool in this zone (correct it, or add the pool)\n" },
	{ SERVICE("pools=eu._pool"), "z:5: _gslb.www: pools=eu._pool: eu._pool: not a pool (try eu, or "
				     "eu._pool.example.org. with its last dot)\n" },
	{ SERVICE("pools=eu._pool.svc.example."), "" },
	{ SERVICE("pools=eu._pool.svc.example.:2,us"), "" },
	{ SERVICE("pools=eu,eu._pool.svc.example."), "z:5: _gslb.www: pools=eu,eu._pool.svc.example.: "
						     "eu._pool.svc.example.: twice in the list (leave one)\n" },
	{ SERVICE("pools=xx._pool.svc.example."),
		"z:5: _gslb.www: xx._pool: no such pool in this zone (correct it, or add the pool)\n" },
	{ SERVICE("pools=eu._pool.other.example."), "z:5: _gslb.www: eu._pool.other.example.: no such pool in a loaded "
						    "zone (correct it, or load its zone)\n" },
	{ SERVICE("pools=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg"),
		"z:5: _gslb.www: pools=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,aa,bb,cc,dd,ee,ff,gg: more "
		"than 32 pools\n" },
	{ SERVICE("pools=eu; rank=geo"), "" },
	{ SERVICE("pools=eu; rank=geo,latency,weight"), "" },
	{ SERVICE("pools=eu; rank=order"), "" },
	{ SERVICE("pools=eu; rank=near"), "z:5: _gslb.www: rank=near: \"near\" is none of latency, geo, order, weight "
					  "and load (try latency,geo)\n" },
	{ SERVICE("pools=eu; rank="),
		"z:5: _gslb.www: rank=: \"\" is none of latency, geo, order, weight and load (try latency,geo)\n" },
	{ SERVICE("pools=eu; rank=geo,geo"), "z:5: _gslb.www: rank=geo,geo: geo twice (leave one)\n" },
	{ SERVICE("pools=eu; rank=weight,geo"),
		"z:5: _gslb.www: rank=weight,geo: nothing is decided after weight (put it last)\n" },
	{ SERVICE("pools=eu; rank=order,geo"),
		"z:5: _gslb.www: rank=order,geo: nothing is tied after order (put it last)\n" },
	{ SERVICE("pools=eu; rank=load"), "" },
	{ SERVICE("pools=eu; rank=geo,load"), "" },
	{ SERVICE("pools=eu; rank=load,geo"),
		"z:5: _gslb.www: rank=load,geo: nothing is decided after load (put it last)\n" },
	{ SERVICE("pools=eu; answers=1"), "" },
	{ SERVICE("pools=eu; answers=16"), "" },
	{ SERVICE("pools=eu; answers=0"), "z:5: _gslb.www: answers=0: not a number from 1 to 16 (try 2)\n" },
	{ SERVICE("pools=eu; answers=17"), "z:5: _gslb.www: answers=17: not a number from 1 to 16 (try 2)\n" },
	{ SERVICE("pools=eu; spread=random"), "" },
	{ SERVICE("pools=eu; spread=sticky"), "" },
	{ SERVICE("pools=eu; spread=even"), "z:5: _gslb.www: spread=even: not random or sticky (try sticky)\n" },
	{ SERVICE("pools=eu; spread=sticky; sticky=24/56"), "" },
	{ SERVICE("pools=eu; spread=sticky; sticky=32/128"), "" },
	{ SERVICE("pools=eu; spread=sticky; sticky=24"),
		"z:5: _gslb.www: sticky=24: not two prefix lengths, to 32 for IPv4 and to 128 for IPv6 (try 20/40)\n" },
	{ SERVICE("pools=eu; spread=sticky; sticky=33/56"), "z:5: _gslb.www: sticky=33/56: not two prefix lengths, to "
							    "32 for IPv4 and to 128 for IPv6 (try 20/40)\n" },
	{ SERVICE("pools=eu; spread=sticky; sticky=24/0"), "z:5: _gslb.www: sticky=24/0: not two prefix lengths, to 32 "
							   "for IPv4 and to 128 for IPv6 (try 20/40)\n" },
	{ SERVICE("pools=eu; sticky=24/56"),
		"z:5: _gslb.www: sticky: without spread=sticky (add it, or leave sticky out)\n" },
	{ SERVICE("pools=eu; ttl=30"), "" },
	{ SERVICE("pools=eu; ttl=60/10"), "" },
	{ SERVICE("pools=eu; ttl=604800/604800"), "" },
	{ SERVICE("pools=eu; ttl=604801"),
		"z:5: _gslb.www: ttl=604801: not max/min in seconds, to 604800 (try 30/5)\n" },
	{ SERVICE("pools=eu; ttl=5m"), "z:5: _gslb.www: ttl=5m: not max/min in seconds, to 604800 (try 30/5)\n" },
	{ SERVICE("pools=eu; ttl=10/60"), "z:5: _gslb.www: ttl=10/60: the minimum is above the maximum (try 60/10)\n" },
	{ SERVICE("pools=eu; ttl=/5"), "z:5: _gslb.www: ttl=/5: not max/min in seconds, to 604800 (try 30/5)\n" },
	{ SERVICE("pools=eu; down=all"), "" },
	{ SERVICE("pools=eu; down=last"), "" },
	{ SERVICE("pools=eu; down=nodata"), "z:5: warning: _gslb.www: down=nodata: resolvers then serve what they "
					    "kept, or nothing (try down=all)\n" },
	{ SERVICE("pools=eu; down=servfail"), "z:5: warning: _gslb.www: down=servfail: resolvers then serve what they "
					      "kept, or nothing (try down=all)\n" },
	{ SERVICE("pools=eu; down=none"), "z:5: _gslb.www: down=none: not all, last, nodata or servfail (try last)\n" },
	{ SERVICE("pools=eu; fallback=us"), "" },
	{ SERVICE("pools=eu; fallback=xx"),
		"z:5: _gslb.www: xx._pool: no such pool in this zone (correct it, or add the pool)\n" },
	{ SERVICE("pools=eu; fallback=us,ap"), "z:5: _gslb.www: fallback=us,ap: us,ap: not a pool (try eu, or "
					       "eu._pool.example.org. with its last dot)\n" },
	{ SERVICE("pools=eu,us; keep=2"), "" },
	{ SERVICE("pools=eu; keep=0"), "" },
	{ SERVICE("pools=eu,us; keep=3"), "z:5: _gslb.www: keep=3: more than there are pools (try 2)\n" },
	{ SERVICE("pools=eu; keep=-1"), "z:5: _gslb.www: keep=-1: not a number from 0 to 32 (try 1)\n" },
	/* maps */
	{ MAP("country:CN=ap; continent:EU=eu,us; asn:64500=us; region:US-CA=us; net:203.0.113.0/24=eu"), "" },
	{ MAP("country:cn=ap; continent:eu=eu; region:us-ca=us; net:2001:db8::/32=eu; net:192.0.2.1=ap"), "" },
	{ MAP("country:CN=ap") "_map.www TXT \"v=map1; country:JP=ap\"\n", "" },
	{ "_map TXT \"v=map1; country:CN=ap\"\n_gslb TXT \"v=gslb1; pools=eu\"\n" POOLS, "" },
	{ MAP(""), "" },
	{ "_map.www TXT \"country:CN=ap\"\n" SERVICE("pools=eu"),
		"z:5: _map.www: v: must be the first tag of a map (try v=map1)\n" },
	{ "_map.www TXT \"v=map2; country:CN=ap\"\n" SERVICE("pools=eu"),
		"z:5: _map.www: v=map2: no version of a map (try v=map1)\n" },
	{ "_map.www SRV 0 0 0 eu\n" SERVICE("pools=eu"),
		"z:5: _map.www: SRV: has no place here (a map is made of TXT)\n" },
	{ "_map.web TXT \"v=map1; country:CN=ap\"\n" SERVICE("pools=eu"),
		"z:5: _map.web: a map without a service (add a _gslb record for the same owner)\n" },
	{ "_map.www TXT \"v=map1; country:CN=ap\"\n" SERVICE("polls=eu"),
		"z:6: _gslb.www: polls=eu: no tag of a service (they are v pools rank answers spread sticky ttl down "
		"fallback keep)\n"
		"z:6: _gslb.www: pools: missing, and a service needs it (try pools=eu,us:3)\n" },
	{ MAP("country:CN="), "z:5: _map.www: country:CN=: an empty list of pools (name at least one)\n" },
	{ MAP("country:CN=xx"), "z:5: _map.www: xx._pool: no such pool in this zone (correct it, or add the pool)\n" },
	{ MAP("country:CN=ap:2"),
		"z:5: _map.www: country:CN=ap:2: ap:2: a weight stands in pools alone (leave :2 out)\n" },
	{ MAP("country:CN=ap,ap"), "z:5: _map.www: country:CN=ap,ap: ap: twice in the list (leave one)\n" },
	{ MAP("country:CHN=ap"), "z:5: _map.www: country:CHN=ap: not a code of ISO 3166-1 (try country:CN)\n" },
	{ MAP("country:C1=ap"), "z:5: _map.www: country:C1=ap: not a code of ISO 3166-1 (try country:CN)\n" },
	{ MAP("continent:XX=ap"), "z:5: _map.www: continent:XX=ap: not a continent (they are AF AN AS EU NA OC SA)\n" },
	{ MAP("region:CA=us"), "z:5: _map.www: region:CA=us: not a code of ISO 3166-2 (try region:US-CA)\n" },
	{ MAP("region:US-=us"), "z:5: _map.www: region:US-=us: not a code of ISO 3166-2 (try region:US-CA)\n" },
	{ MAP("region:US-CALI=us"), "z:5: _map.www: region:US-CALI=us: not a code of ISO 3166-2 (try region:US-CA)\n" },
	{ MAP("asn:AS64500=us"),
		"z:5: _map.www: asn:AS64500=us: not the number of an autonomous system (try asn:64500)\n" },
	{ MAP("asn:0=us"), "z:5: _map.www: asn:0=us: not the number of an autonomous system (try asn:64500)\n" },
	{ MAP("asn:4294967296=us"),
		"z:5: _map.www: asn:4294967296=us: not the number of an autonomous system (try asn:64500)\n" },
	{ MAP("net:203.0.113.1/24=eu"), "z:5: _map.www: net:203.0.113.1/24=eu: not a network: bits are set behind its "
					"length (try net:203.0.113.0/24)\n" },
	{ MAP("net:203.0.113.0/33=eu"),
		"z:5: _map.www: net:203.0.113.0/33=eu: not a network (try net:203.0.113.0/24)\n" },
	{ MAP("net:203.0.113=eu"), "z:5: _map.www: net:203.0.113=eu: not a network (try net:203.0.113.0/24)\n" },
	{ MAP("city:Paris=eu"),
		"z:5: _map.www: city:Paris=eu: no key of a map (they are net: asn: region: country: continent:)\n" },
	{ MAP("country:CN=ap; country:cn=us"), "z:5: _map.www: country:CN: twice in the map (leave one)\n" },
	{ "_map.www TXT \"v=map1; net:192.0.2.0/24=ap\"\n TXT \"v=map1; asn:1=us; net:192.0.2.0/24=eu\"\n" SERVICE(
		  "pools=eu"),
		"z:6: _map.www: net:192.0.2.0/24: twice in the map (leave one)\n" },
	/* pools */
	{ PROBED("region=eu-west"), "" },
	{ PROBED("region=EU West"),
		"z:5: eu._pool: region=EU West: not a name of 1 to 63 letters, digits, - and _ (try eu-west)\n" },
	{ PROBED("check=none") PROBED(""), "z:10: eu._pool: TXT: a second one (a pool is one TXT record)\n"
					   "z:11: warning: eu._pool: SRV: the same record again (it counts once)\n"
					   "z:12: warning: eu._pool: SRV: the same record again (it counts once)\n"
					   "z:13: warning: lb1: A: the same record again (it counts once)\n"
					   "z:14: warning: lb2: A: the same record again (it counts once)\n" },
	{ PROBED("check=none"), "" },
	{ PROBED("check=tcp"), "" },
	{ PROBED("check=http; host=www.example.org; path=/healthz?a=b; status=200-299,301; body=OK\\\\; fine"), "" },
	{ PROBED("check=https; verify=no; cert-days=14"), "" },
	{ PROBED("check=dns; qname=example.org; qtype=A"), "" },
	{ PROBED("check=exec; command=check-mail"), "" },
	{ PROBED("check=push; rise=1; fall=1"), "" },
	{ PROBED("check=grpc; host=a.example; path=/pay.v1.Pay"), "" },
	{ PROBED("check=grpcs; verify=no; cert-days=1; interval=10s"), "" },
	{ PROBED("check=ping"),
		"z:5: eu._pool: check=ping: not none, tcp, http, https, grpc, grpcs, dns, exec or push (try https)\n" },
	{ PROBED("check=https; host=a b"), "z:5: eu._pool: host=a b: not a host name (try www.example.org)\n" },
	{ PROBED("check=https; host="), "z:5: eu._pool: host=: not a host name (try www.example.org)\n" },
	{ PROBED("check=https; path=healthz"),
		"z:5: eu._pool: path=healthz: not a path of at most 1024 bytes that starts with / (try /healthz)\n" },
	{ PROBED("check=https; path=/a b"),
		"z:5: eu._pool: path=/a b: a space, a # or a byte outside ASCII in a path (write it as %20)\n" },
	{ PROBED("check=https; status=600"),
		"z:5: eu._pool: status=600: \"600\" is no status or range from 100 to 599 (try 200-299,301)\n" },
	{ PROBED("check=https; status=299-200"), "z:5: eu._pool: status=299-200: \"299-200\" is no status or range "
						 "from 100 to 599 (try 200-299,301)\n" },
	{ PROBED("check=https; status="),
		"z:5: eu._pool: status=: \"\" is no status or range from 100 to 599 (try 200-299,301)\n" },
	{ PROBED("check=https; status=200,201,202,203,204,205,206,207,208"),
		"z:5: eu._pool: status=200,201,202,203,204,205,206,207,208: more than 8 ranges\n" },
	{ PROBED("check=https; body="), "z:5: eu._pool: body=: not a text of 1 to 1024 bytes (try OK)\n" },
	{ PROBED("check=https; verify=maybe"), "z:5: eu._pool: verify=maybe: not no or yes (try no)\n" },
	{ PROBED("check=https; cert-days=366"), "z:5: eu._pool: cert-days=366: not a number from 0 to 365 (try 14)\n" },
	{ PROBED("check=dns; qname=a..b"), "z:5: eu._pool: qname=a..b: not a domain name (try example.org)\n" },
	{ PROBED("check=dns; qtype=BOGUS"), "z:5: eu._pool: qtype=BOGUS: not a record type (try SOA)\n" },
	{ PROBED("check=dns; qtype=AXFR"), "z:5: eu._pool: qtype=AXFR: not a record type (try SOA)\n" },
	{ PROBED("check=exec"), "z:5: eu._pool: command: missing, and check=exec needs it (try command=check-mail)\n" },
	{ PROBED("check=exec; command=/bin/sh"), "z:5: eu._pool: command=/bin/sh: not the plain name of a file in the "
						 "checks folder (try check-mail)\n" },
	{ PROBED("check=exec; command=.."),
		"z:5: eu._pool: command=..: not the plain name of a file in the checks folder (try check-mail)\n" },
	{ PROBED("path=/healthz; qname=x; command=y; verify=no"),
		"z:5: eu._pool: path: has no meaning with check=tcp (it is for http, https, grpc, grpcs)\n"
		"z:5: eu._pool: verify: has no meaning with check=tcp (it is for https, grpcs)\n"
		"z:5: eu._pool: qname: has no meaning with check=tcp (it is for dns)\n"
		"z:5: eu._pool: command: has no meaning with check=tcp (it is for exec)\n" },
	{ PROBED("check=http; verify=no; cert-days=1"),
		"z:5: eu._pool: verify: has no meaning with check=http (it is for https, grpcs)\n"
		"z:5: eu._pool: cert-days: has no meaning with check=http (it is for https, grpcs)\n" },
	{ PROBED("check=none; interval=5s; rise=1"), "z:5: eu._pool: interval: has no meaning with check=none (it is "
						     "for tcp, http, https, grpc, grpcs, dns, exec, push)\n"
						     "z:5: eu._pool: rise: has no meaning with check=none (it is for "
						     "tcp, http, https, grpc, grpcs, dns, exec, push)\n" },
	{ PROBED("check=push; interval=5s"), "" },
	{ PROBED("check=push; timeout=1s"), "z:5: eu._pool: timeout: has no meaning with check=push (it is for tcp, "
					    "http, https, grpc, grpcs, dns, exec)\n" },
	{ PROBED("interval=200ms"), "" },
	{ PROBED("interval=5x"), "z:5: eu._pool: interval=5x: not a duration (try 5s)\n" },
	{ PROBED("interval=199ms"), "z:5: eu._pool: interval=199ms: not from 200ms to 1h (try 5s)\n" },
	{ PROBED("interval=2h"), "z:5: eu._pool: interval=2h: not from 200ms to 1h (try 5s)\n" },
	{ PROBED("timeout=50ms"), "" },
	{ PROBED("timeout=49ms"), "z:5: eu._pool: timeout=49ms: not from 50ms to 1m (try 2s)\n" },
	{ PROBED("timeout=5001ms"), "z:5: eu._pool: timeout=5s1ms: longer than the interval of 5s (try timeout=5s)\n" },
	{ PROBED("interval=1s"), "" },
	{ PROBED("rise=1; fall=100"), "" },
	{ PROBED("rise=0"), "z:5: eu._pool: rise=0: not a number from 1 to 100 (try 2)\n" },
	{ PROBED("fall=101"), "z:5: eu._pool: fall=101: not a number from 1 to 100 (try 3)\n" },
	{ PROBED("bias=-99"), "" },
	{ PROBED("bias=99"), "" },
	{ PROBED("bias=100"), "z:5: eu._pool: bias=100: not a number from -99 to 99 (try 20)\n" },
	{ PROBED("bias=-100"), "z:5: eu._pool: bias=-100: not a number from -99 to 99 (try 20)\n" },
	{ PROBED("ramp=0"), "" },
	{ PROBED("ramp=1h1s"), "z:5: eu._pool: ramp=1h1s: not from 0s to 1h (try 2m)\n" },
	{ PROBED("min-up=2"), "" },
	{ PROBED("min-up=0"), "z:5: eu._pool: min-up=0: not a number from 1 to 65535 (try 2)\n" },
	{ PROBED("min-up=3"), "z:5: eu._pool: min-up=3: more than the pool has targets (try 2)\n" },
	{ PROBED("via=cname"), "" },
	{ PROBED("via=alias"), "z:5: eu._pool: via=alias: not address or cname (try cname)\n" },
	{ PROBED("private=yes"), "" },
	{ PROBED("private=true"), "z:5: eu._pool: private=true: not no or yes (try yes)\n" },
	{ PROBED("needs=us,ap._pool.svc.example.") POOL_OF("us") POOL_OF("ap"), "" },
	{ PROBED("needs="), "z:5: eu._pool: needs=: an empty list of pools (name at least one)\n" },
	{ PROBED("needs=us,us") POOL_OF("us"), "z:5: eu._pool: needs=us,us: us: twice in the list (leave one)\n" },
	{ PROBED("needs=us:2") POOL_OF("us"),
		"z:5: eu._pool: needs=us:2: us:2: a weight stands in pools alone (leave :2 out)\n" },
	{ PROBED("needs=oc"),
		"z:5: eu._pool: needs: oc._pool: no such pool in this zone (correct it, or add the pool)\n" },
	{ PROBED("needs=eu._pool.other.example."), "z:5: eu._pool: needs: eu._pool.other.example.: no such pool in a "
						   "loaded zone (correct it, or load its zone)\n" },
	{ PROBED("needs=eu"), "z:5: eu._pool: needs: eu needs itself (a circle: take one of them out)\n" },
	{ PROBED("needs=us") "us._pool TXT \"v=pool1; needs=ap\"\n SRV 0 1 443 ns1\n"
			     "ap._pool TXT \"v=pool1; needs=db\"\n SRV 0 1 443 ns1\n"
			     "db._pool TXT \"v=pool1; needs=us\"\n SRV 0 1 443 ns1\n",
		"z:10: us._pool: needs: us needs ap, which needs db, which needs us (a circle: take one of them "
		"out)\n" },
	{ PROBED("vantages=0"), "z:5: eu._pool: vantages=0: not a number from 1 to 7 (try 3)\n" },
	{ PROBED("capacity=5; load=push"), "" },
	{ PROBED("capacity=1000000000; load=http://lb.example.org/load"), "" },
	{ PROBED("load=https://[2001:db8::1]:8443/load?pool=eu"), "" },
	{ PROBED("load=http://192.0.2.1:8080"), "" },
	{ PROBED("check=http; load=header:X-Load"), "" },
	{ PROBED("capacity=0; load=push"),
		"z:5: eu._pool: capacity=0: not a number from 1 to 1000000000 (try 1000)\n" },
	{ PROBED("capacity=5"),
		"z:5: warning: eu._pool: capacity=5: without load= nobody knows when it is reached (try "
		"load=push)\n" },
	{ PROBED("load=low"), "z:5: eu._pool: load=low: neither push, nor header:NAME, nor a URL (try "
			      "http://lb.example.org/load)\n" },
	{ PROBED("load=header:a b"),
		"z:5: eu._pool: load=header:a b: not the name of an HTTP header (try header:X-Load)\n" },
	{ PROBED("check=tcp; load=header:X-Load"),
		"z:5: eu._pool: load=header:X-Load: has no meaning with check=tcp (it is for http, https)\n" },
	{ PROBED("load=http://lb:0/x"), "z:5: eu._pool: load=http://lb:0/x: no host, or no host and port, behind :// "
					"(try http://lb.example.org:8080/load)\n" },
	{ PROBED("load=http:///x"), "z:5: eu._pool: load=http:///x: no host, or no host and port, behind :// (try "
				    "http://lb.example.org:8080/load)\n" },
	{ PROBED("load=http://lb/#x"),
		"z:5: eu._pool: load=http://lb/#x: a space, a # or a byte outside ASCII in a URL "
		"(write it as %20)\n" },
	{ PROBED("colour=blue"),
		"z:5: eu._pool: colour=blue: no tag of a pool (they are v region check host path status body verify "
		"cert-days qname qtype command interval timeout rise fall bias ramp min-up vantages needs via private "
		"capacity load)\n" },
	{ PROBED("region=a; region=b"), "z:5: eu._pool: region=b: given twice (leave one)\n" },
	{ "eu._pool LOC 53 20 N 6 15 W 0m\n" PROBED(""), "" },
	{ "eu._pool LOC 53 20 N 6 15 W 0m\n LOC 53 21 N 6 15 W 0m\n" PROBED(""),
		"z:6: eu._pool: LOC: a second one (a pool is at one place)\n" },
	{ "eu._pool LOC \\# 16 01121613 80000000 80000000 00989680\n" PROBED(""),
		"z:5: eu._pool: LOC: not a place on the globe (try LOC 53 20 N 6 15 W 0m)\n" },
	{ "eu._pool TXT \"v=pool1\"\n",
		"z:5: eu._pool: no SRV record, so nothing is in the pool (try SRV 0 1 443 lb1)\n" },
	{ "eu._pool SRV 0 1 443 ns1\n", "z:5: eu._pool: no TXT record, which makes a pool (try TXT \"v=pool1\")\n" },
	{ "eu._pool TXT \"v=pool2\"\n SRV 0 1 443 ns1\n",
		"z:5: eu._pool: v=pool2: no version of a pool (try v=pool1)\n" },
	{ "eu._pool A 192.0.2.1\n" PROBED(""),
		"z:5: eu._pool: A: has no place here (a pool is made of TXT, SRV and LOC)\n" },
	{ "a.eu._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n", "z:5: a.eu._pool: not the name of a service, map or pool "
							    "(they are _gslb.NAME, _map.NAME and LABEL._pool)\n" },
	{ "eu._pool.sub TXT \"v=pool1\"\n SRV 0 1 443 ns1\n",
		"z:5: eu._pool.sub: not the name of a service, map or pool (they are _gslb.NAME, _map.NAME and "
		"LABEL._pool)\n" },
	{ "_pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n", "z:5: _pool: not the name of a service, map or pool (they are "
						       "_gslb.NAME, _map.NAME and LABEL._pool)\n" },
	{ "e\\.u._pool TXT \"v=pool1\"\n SRV 0 1 443 ns1\n",
		"z:5: e\\.u._pool: a pool's label is 1 to 63 letters, digits, - and _ (try eu)\n" },
	/* targets */
	{ TARGETS(" SRV 0 1 443 ns1\n SRV 0 1 443 lb.example.net.\n"), "" },
	{ TARGETS(" SRV 0 1 443 .\n"),
		"z:6: eu._pool: SRV .: no target (name the endpoint, or leave the record out)\n" },
	{ TARGETS(" SRV 0 1 0 ns1\n"), "z:6: eu._pool: SRV ns1: port 0 cannot be probed by check=tcp (try 443)\n" },
	{ "eu._pool TXT \"v=pool1; check=push\"\n SRV 0 1 0 ns1\n", "" },
	{ TARGETS(" SRV 0 1 443 ns1\n SRV 1 1 8443 NS1\n"),
		"z:7: eu._pool: SRV ns1: a target twice in one pool (leave one)\n" },
	{ TARGETS(" SRV 0 1 443 a\na CNAME ns1\n"),
		"z:6: eu._pool: SRV a: is a CNAME (RFC 2782: name the host that it leads to)\n" },
	{ TARGETS(" SRV 0 1 443 a\na TXT x\n"),
		"z:6: eu._pool: SRV a: no address in the zone svc.example (give it an A or AAAA record)\n" },
	{ TARGETS(" SRV 0 1 443 a\n"),
		"z:6: eu._pool: SRV a: no such name in the zone svc.example (give it an A or AAAA record)\n" },
	{ TARGETS(" SRV 0 1 443 a\n*.b A 192.0.2.1\n SRV 0 1 443 a.b\n"),
		"z:6: eu._pool: SRV a: no such name in the zone svc.example (give it an A or AAAA record)\n" },
	{ TARGETS(" SRV 0 1 443 x.b\n*.b A 192.0.2.1\n"), "" },
	{ TARGETS(" SRV 0 1 443 a\n SRV 0 1 443 b\na A 192.0.2.1\nb A 192.0.2.1\n A 192.0.2.2\n"),
		"z:7: warning: eu._pool: SRV b: 192.0.2.1 is the address of a, too (it counts once)\n" },
	{ TARGETS(" SRV 0 1 443 a.sub\n SRV 0 1 443 b.sub\nsub NS ns1\na.sub A 192.0.2.1\n"), "" },
	{ TARGETS(" SRV 0 1 443 www\n_gslb.www TXT \"v=gslb1; pools=eu\"\n"),
		"z:6: eu._pool: SRV www: is a service itself (name an endpoint)\n" },
	/* via */
	{ PROBED("via=cname") "_gslb.www TXT \"v=gslb1; pools=eu\"\n", "" },
	{ PROBED("via=cname") "_gslb.www TXT \"v=gslb1; pools=eu; answers=2\"\n",
		"z:10: _gslb.www: answers=2: a CNAME has one target (try answers=1)\n" },
	{ PROBED("via=cname") "_gslb.www TXT \"v=gslb1; pools=eu\"\nwww TXT x\n",
		"z:10: _gslb.www: via=cname beside TXT (a CNAME stands alone: try via=address)\n" },
	{ PROBED("via=cname") "_gslb TXT \"v=gslb1; pools=eu\"\n",
		"z:10: _gslb: via=cname at the apex, which holds SOA and NS (try via=address)\n" },
	{ PROBED("via=cname") POOL("us", "192.0.2.9") "_gslb.www TXT \"v=gslb1; pools=eu,us\"\n",
		"z:13: _gslb.www: us has via=address, but eu has via=cname (all pools of a service agree)\n" },
	{ PROBED("via=cname") POOL("us", "192.0.2.9") "_gslb.www TXT \"v=gslb1; pools=eu; fallback=us\"\n",
		"z:13: _gslb.www: us has via=address, but eu has via=cname (all pools of a service agree)\n" },
	{ PROBED("via=cname") POOL(
		  "us", "192.0.2.9") "_gslb.www TXT \"v=gslb1; pools=eu\"\n_map.www TXT \"v=map1; country:CN=us\"\n",
		"z:14: _map.www: us has via=address, but eu has via=cname (all pools of a service agree)\n" },
	/* all mistakes at once */
	{ "a A x\n_gslb.www TXT \"v=gslb1; pools=xx; ttl=5m; keep=9\"\n" PROBED("interval=5x; rise=0"),
		"z:5: a: A x: not the data of a record of type A (try A 192.0.2.1)\n"
		"z:6: _gslb.www: ttl=5m: not max/min in seconds, to 604800 (try 30/5)\n"
		"z:6: _gslb.www: keep=9: more than there are pools (try 1)\n"
		"z:6: _gslb.www: xx._pool: no such pool in this zone (correct it, or add the pool)\n"
		"z:7: eu._pool: interval=5x: not a duration (try 5s)\n"
		"z:7: eu._pool: rise=0: not a number from 1 to 100 (try 2)\n" },
};

START_TEST(each_rule_and_tag_takes_what_is_right_and_names_what_is_not)
{
	expect_report(cases[_i].body, cases[_i].report);
}
END_TEST

void add_rule_cases(Suite *suite)
{
	TCase *tcase = tcase_create("rules");

	tcase_add_loop_test(tcase, each_rule_and_tag_takes_what_is_right_and_names_what_is_not, 0, COUNT_OF(cases));
	suite_add_tcase(suite, tcase);
}
