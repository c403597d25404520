#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "gslb/packet.h"
#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"

static struct world world;
static struct counters counters;
static struct dice dice;
static struct packet_context context;
static uint8_t out[PACKET_TCP_MAX];
static struct buf text;

static void setup(void)
{
	packet_world_init(&world, 1);
	memset(&counters, 0, sizeof counters);
	dice.state = 1;
	context = (struct packet_context){
		.world = &world,
		.identity = &packet_world_identity,
		.dice = &dice,
		.counters = &counters,
		.row = ledger_row(world.ledger, 0),
		.now_ms = 1700000000000,
		.now_s = 1700000000,
		.source_port = 4242,
	};
	ck_assert(addr_parse("203.0.113.9", &context.source));
}

static void teardown(void)
{
	packet_world_fini(&world);
	buf_fini(&text);
}

static const char *answer_bytes(const uint8_t *in, size_t len)
{
	size_t cap = context.transport == TRANSPORT_UDP ? PACKET_UDP_MAX : PACKET_TCP_MAX;
	uint8_t *exact = mem_dup(in, len); /* a sanitizer sees a read past the end */
	size_t out_len = packet_answer(&context, exact, len, out, cap);

	free(exact);
	ck_assert_uint_le(out_len, cap);
	return out_len == 0 ? "silence" : message_text(out, out_len, &text);
}

static const char *answer_words(const char *words)
{
	uint8_t in[512];

	return answer_bytes(in, message_query(words, in, sizeof in));
}

static uint64_t counted(enum counter which)
{
	struct counted sums = { 0 };

	counted_add(&sums, &counters);
	counted_end(&sums);
	return sums.value[which];
}

/* ---- messages as no decent resolver makes them ---- */

#define STATIC_NAME "06737461746963 03737663 076578616d706c65 00"
#define STATIC_A STATIC_NAME "0001 0001"
#define ONE "0001 0000 0000 0000"
#define ONE_AND_OPT "0001 0000 0000 0001"
#define OPT(rdlen) "00 0029 04d0 00 00 0000 " rdlen " "
#define SAYS_STATIC \
	"; static.svc.example A; answer: static.svc.example 3600 A 192.0.2.1, static.svc.example 3600 A 192.0.2.2"
#define ASKED "; static.svc.example A"

static const struct packet_case {
	const char *sentence, *hex, *expected;
} packets[] = {
	{ "nothing at all", "", "silence" },
	{ "a byte less than a header", "beef 0000 0001 0000 0000 00", "silence" },
	{ "a response", "beef 8000" ONE STATIC_A, "silence" },
	{ "a response of opcode 5", "beef a800" ONE STATIC_A, "silence" },
	{ "a header alone", "beef 0000 0000 0000 0000 0000", "FORMERR" },
	{ "a header that promises a question", "beef 0000" ONE, "FORMERR" },
	{ "two questions", "beef 0000 0002 0000 0000 0000" STATIC_A STATIC_A, "FORMERR" },
	{ "a plain question", "beef 0000" ONE STATIC_A, "NOERROR aa" SAYS_STATIC },
	{ "flags that are for responses are not looked at, and not sent back", "beef 04e0" ONE STATIC_A,
		"NOERROR aa" SAYS_STATIC },
	{ "RD and CD are sent back", "beef 0110" ONE STATIC_A, "NOERROR aa rd cd" SAYS_STATIC },
	{ "a question that was cut off", "beef 0200" ONE STATIC_A, "FORMERR" ASKED },
	{ "an inverse query", "beef 0800" ONE STATIC_A, "NOTIMP" ASKED },
	{ "a status request", "beef 1000" ONE STATIC_A, "NOTIMP" ASKED },
	{ "a NOTIFY", "beef 2000" ONE STATIC_A, "NOTIMP" ASKED },
	{ "an UPDATE", "beef 2800" ONE STATIC_A, "NOTIMP" ASKED },
	{ "a stateful operation without question", "beef 3000 0000 0000 0000 0000", "NOTIMP" },
	{ "opcode 15 with RD", "beef 7900" ONE STATIC_A, "NOTIMP rd" ASKED },
	{ "a question name that points forward", "beef 0000" ONE "c010 0001 0001", "FORMERR" },
	{ "a question name that points at itself", "beef 0000" ONE "c00c 0001 0001", "FORMERR" },
	{ "a question name that ends in a pointer", "beef 0000" ONE "06737461746963 c00c 0001 0001", "FORMERR" },
	{ "a label of an unknown kind", "beef 0000" ONE "46737461746963 00 0001 0001", "FORMERR" },
	{ "a name without end", "beef 0000" ONE "06737461746963", "FORMERR" },
	{ "a question without class", "beef 0000" ONE STATIC_NAME "0001", "FORMERR" },
	{ "a byte behind the question", "beef 0000" ONE STATIC_A "00", "FORMERR" ASKED },
	{ "an answer in the question", "beef 0000 0001 0001 0000 0000" STATIC_A "c00c 0001 0001 00000000 0004 c0000201",
		"FORMERR" ASKED },
	{ "an authority in the question",
		"beef 0000 0001 0000 0001 0000" STATIC_A "c00c 0001 0001 00000000 0004 c0000201", "FORMERR" ASKED },
	{ "an OPT in the answer section", "beef 0000 0001 0001 0000 0000" STATIC_A OPT("0000"), "FORMERR" ASKED },
	{ "an OPT in the authority section", "beef 0000 0001 0000 0001 0000" STATIC_A OPT("0000"), "FORMERR" ASKED },
	{ "an additional record that is not there", "beef 0000" ONE_AND_OPT STATIC_A, "FORMERR" ASKED },
	{ "an additional record that is cut off", "beef 0000" ONE_AND_OPT STATIC_A "00 0029 04d0 0000",
		"FORMERR" ASKED },
	{ "a record whose owner is broken", "beef 0000" ONE_AND_OPT STATIC_A "47 0001 0001 00000000 0000",
		"FORMERR" ASKED },
	{ "a record we do not know is passed over",
		"beef 0000" ONE_AND_OPT STATIC_A "c00c ff00 0001 00000000 0002 abcd", "NOERROR aa" SAYS_STATIC },
	{ "a record with a long owner is passed over",
		"beef 0000" ONE_AND_OPT STATIC_A "0161 0162 c00c 0001 0001 00000000 0000", "NOERROR aa" SAYS_STATIC },
	{ "a TSIG goes unsigned", "beef 0000" ONE_AND_OPT STATIC_A "036b6579 00 00fa 00ff 00000000 0004 01020304",
		"NOERROR aa" SAYS_STATIC },
	{ "an OPT", "beef 0000" ONE_AND_OPT STATIC_A OPT("0000"), "NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "an OPT behind another record",
		"beef 0000 0001 0000 0000 0002" STATIC_A "00 ff00 0001 00000000 0000" OPT("0000"),
		"NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "an OPT before another record",
		"beef 0000 0001 0000 0000 0002" STATIC_A OPT("0000") "00 ff00 0001 00000000 0000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "two OPTs", "beef 0000 0001 0000 0000 0002" STATIC_A OPT("0000") OPT("0000"), "FORMERR" ASKED "; opt: 1232" },
	{ "an OPT that is not the root's", "beef 0000" ONE_AND_OPT STATIC_A "0161 00 0029 04d0 00 00 0000 0000",
		"FORMERR" ASKED },
	{ "an OPT whose owner points to the root", "beef 0000" ONE_AND_OPT STATIC_A "c01f 0029 04d0 00 00 0000 0000",
		"FORMERR" ASKED },
	{ "EDNS 1", "beef 0000" ONE_AND_OPT STATIC_A "00 0029 04d0 00 01 0000 0000", "BADVERS" ASKED "; opt: 1232" },
	{ "EDNS 255 with DO, and options of its own",
		"beef 0100" ONE_AND_OPT STATIC_A "00 0029 04d0 00 ff 8000 0003 abcdef",
		"BADVERS rd" ASKED "; opt: 1232 do" },
	{ "EDNS 1 and a byte too many", "beef 0000" ONE_AND_OPT STATIC_A "00 0029 04d0 00 01 0000 0000 00",
		"FORMERR" ASKED "; opt: 1232" },
	{ "other EDNS flags are not sent back", "beef 0000" ONE_AND_OPT STATIC_A "00 0029 04d0 00 00 7fff 0000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "a payload of 0 counts as 512", "beef 0000" ONE_AND_OPT STATIC_A "00 0029 0000 00 00 0000 0000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "an unknown option", "beef 0000" ONE_AND_OPT STATIC_A OPT("0006") "fde9 0002 abcd",
		"NOERROR aa" SAYS_STATIC "; opt: 1232" },
	{ "an option that is cut off", "beef 0000" ONE_AND_OPT STATIC_A OPT("0006") "fde9 0003 abcd",
		"FORMERR" ASKED "; opt: 1232" },
	{ "half an option's head", "beef 0000" ONE_AND_OPT STATIC_A OPT("0003") "fde9 00",
		"FORMERR" ASKED "; opt: 1232" },
	{ "NSID", "beef 0000" ONE_AND_OPT STATIC_A OPT("0004") "0003 0000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 nsid=ns1.test" },
	{ "NSID twice", "beef 0000" ONE_AND_OPT STATIC_A OPT("0008") "0003 0000 0003 0000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 nsid=ns1.test" },
	{ "NSID with data", "beef 0000" ONE_AND_OPT STATIC_A OPT("0005") "0003 0001 61",
		"FORMERR" ASKED "; opt: 1232" },

	{ "ECS 192.0.2.0/24", "beef 0000" ONE_AND_OPT STATIC_A OPT("000b") "0008 0007 0001 18 00 c00002",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=1/24/0=192.0.2" },
	{ "ECS of 32 bits", "beef 0000" ONE_AND_OPT STATIC_A OPT("000c") "0008 0008 0001 20 00 c0000263",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=1/32/0=192.0.2.99" },
	{ "ECS of 17 bits", "beef 0000" ONE_AND_OPT STATIC_A OPT("000b") "0008 0007 0001 11 00 c00080",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=1/17/0=192.0.128" },
	{ "ECS of no bits", "beef 0000" ONE_AND_OPT STATIC_A OPT("0008") "0008 0004 0001 00 00",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=1/0/0" },
	{ "ECS of no bits and no family", "beef 0000" ONE_AND_OPT STATIC_A OPT("0008") "0008 0004 0000 00 00",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=0/0/0" },
	{ "ECS of IPv6", "beef 0000" ONE_AND_OPT STATIC_A OPT("000f") "0008 000b 0002 38 00 20010db8000000",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=2/56/0=32.1.13.184.0.0.0" },
	{ "ECS of 128 bits",
		"beef 0000" ONE_AND_OPT STATIC_A OPT("0018") "0008 0014 0002 80 00 20010db8000000000000000000000001",
		"NOERROR aa" SAYS_STATIC "; opt: 1232 ecs=2/128/0=32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1" },
	{ "ECS without anything", "beef 0000" ONE_AND_OPT STATIC_A OPT("0004") "0008 0000",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of three bytes", "beef 0000" ONE_AND_OPT STATIC_A OPT("0007") "0008 0003 0001 00",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of a family that is none", "beef 0000" ONE_AND_OPT STATIC_A OPT("000b") "0008 0007 0003 18 00 c00002",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of a family that is none, without bits",
		"beef 0000" ONE_AND_OPT STATIC_A OPT("0008") "0008 0004 0003 00 00", "FORMERR" ASKED "; opt: 1232" },
	{ "ECS of family 0 with bits", "beef 0000" ONE_AND_OPT STATIC_A OPT("0009") "0008 0005 0000 08 00 c0",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS with an octet too few", "beef 0000" ONE_AND_OPT STATIC_A OPT("000a") "0008 0006 0001 18 00 c000",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS with an octet too many", "beef 0000" ONE_AND_OPT STATIC_A OPT("000c") "0008 0008 0001 18 00 c0000200",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of no bits with an octet", "beef 0000" ONE_AND_OPT STATIC_A OPT("0009") "0008 0005 0001 00 00 00",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS with a bit set past the source's",
		"beef 0000" ONE_AND_OPT STATIC_A OPT("000b") "0008 0007 0001 11 00 c000c0",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of 33 bits of IPv4", "beef 0000" ONE_AND_OPT STATIC_A OPT("000d") "0008 0009 0001 21 00 c000020080",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS of 129 bits of IPv6",
		"beef 0000" ONE_AND_OPT STATIC_A OPT("0019") "0008 0015 0002 81 00 20010db800000000000000000000000180",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS with a scope", "beef 0000" ONE_AND_OPT STATIC_A OPT("000b") "0008 0007 0001 18 18 c00002",
		"FORMERR" ASKED "; opt: 1232" },
	{ "ECS twice",
		"beef 0000" ONE_AND_OPT STATIC_A OPT("0016") "0008 0007 0001 18 00 c00002 0008 0007 0001 18 00 c00002",
		"FORMERR" ASKED "; opt: 1232" },
};

START_TEST(a_malformed_message_gets_the_rcode_that_is_due_or_silence)
{
	const struct packet_case *c = &packets[_i];
	uint8_t in[512];
	const char *got = answer_bytes(in, message_from_hex(c->hex, in, sizeof in));

	ck_assert_msg(strcmp(got, c->expected) == 0, "%s:\n got      %s\n expected %s", c->sentence, got, c->expected);
	if (strcmp(got, "silence") != 0)
		ck_assert_msg(out[0] == 0xbe && out[1] == 0xef, "%s: another id", c->sentence);
}
END_TEST

START_TEST(no_part_of_a_message_breaks_the_parser)
{
	uint8_t in[512];
	size_t len = message_query("www.svc.example A rd do nsid keepalive ecs=198.51.100.0/24", in, sizeof in);

	for (size_t cut = 0; cut < len; cut++) {
		const char *got = answer_bytes(in, cut);

		ck_assert_msg(
			strcmp(got, "silence") == 0 || strncmp(got, "FORMERR rd", 10) == 0, "%zu bytes: %s", cut, got);
	}
	ck_assert_msg(strncmp(answer_bytes(in, len), "NOERROR aa rd;", 14) == 0, "%s", text.text);
}
END_TEST

/* ---- questions, and what they are told ---- */

#define SOA(zone_ttl) \
	"authority: svc.example " zone_ttl " SOA ns1.svc.example hostmaster.svc.example 7 3600 600 604800 30"
#define OTHER_SOA "authority: other.example 60 SOA ns.elsewhere.test hostmaster.other.example 1 3600 600 604800 60"

static const struct answer_case {
	const char *words, *expected;
} answers[] = {
	/* static data */
	{ "ns1.svc.example A", "NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53" },
	{ "Ns1.SVC.example A", "NOERROR aa; Ns1.SVC.example A; answer: Ns1.SVC.example 3600 A 192.0.2.53" },
	{ "static.svc.example MX",
		"NOERROR aa; static.svc.example MX; answer: static.svc.example 3600 MX 10 Mail.svc.example" },
	{ "svc.example NS", "NOERROR aa; svc.example NS; answer: svc.example 3600 NS ns1.svc.example" },
	{ "svc.example SOA", "NOERROR aa; svc.example SOA; answer: svc.example 3600 SOA ns1.svc.example "
			     "hostmaster.svc.example 7 3600 600 "
			     "604800 30" },
	{ "static.svc.example AAAA", "NOERROR aa; static.svc.example AAAA; " SOA("30") },
	{ "ent.svc.example A", "NOERROR aa; ent.svc.example A; " SOA("30") },
	{ "nothing.svc.example A", "NXDOMAIN aa; nothing.svc.example A; " SOA("30") },
	{ "a.b.nothing.svc.example A", "NXDOMAIN aa; a.b.nothing.svc.example A; " SOA("30") },
	{ "elsewhere.test A", "REFUSED; elsewhere.test A" },
	{ "elsewhere.test A edns=1232", "REFUSED; elsewhere.test A; opt: 1232 ede=20" },
	{ "example A", "REFUSED; example A" },
	{ ". NS", "REFUSED; . NS" },
	{ "static.svc.example A any-class", "NOERROR; static.svc.example A; answer: static.svc.example 3600 A "
					    "192.0.2.1, static.svc.example 3600 A "
					    "192.0.2.2" },
	/* configuration does not exist for the outside */
	{ "_gslb.www.svc.example TXT", "NXDOMAIN aa; _gslb.www.svc.example TXT; " SOA("30") },
	{ "eu._pool.svc.example SRV", "NXDOMAIN aa; eu._pool.svc.example SRV; " SOA("30") },
	/* wildcards */
	{ "x.wild.svc.example A", "NOERROR aa; x.wild.svc.example A; answer: x.wild.svc.example 3600 A 192.0.2.9" },
	{ "x.y.wild.svc.example A",
		"NOERROR aa; x.y.wild.svc.example A; answer: x.y.wild.svc.example 3600 A 192.0.2.9" },
	{ "x.wild.svc.example TXT", "NOERROR aa; x.wild.svc.example TXT; " SOA("30") },
	{ "wild.svc.example A", "NOERROR aa; wild.svc.example A; " SOA("30") },
	{ "x.wild-alias.svc.example A", "NOERROR aa; x.wild-alias.svc.example A; answer: x.wild-alias.svc.example 3600 "
					"CNAME static.svc.example, "
					"static.svc.example 3600 A 192.0.2.1, static.svc.example 3600 A 192.0.2.2" },
	/* CNAMEs */
	{ "alias.svc.example A", "NOERROR aa; alias.svc.example A; answer: alias.svc.example 3600 CNAME "
				 "static.svc.example, static.svc.example "
				 "3600 A 192.0.2.1, static.svc.example 3600 A 192.0.2.2" },
	{ "alias2.svc.example MX", "NOERROR aa; alias2.svc.example MX; answer: alias2.svc.example 3600 CNAME "
				   "alias.svc.example, alias.svc.example "
				   "3600 CNAME static.svc.example, static.svc.example 3600 MX 10 Mail.svc.example" },
	{ "alias.svc.example CNAME",
		"NOERROR aa; alias.svc.example CNAME; answer: alias.svc.example 3600 CNAME static.svc.example" },
	{ "alias.svc.example AAAA",
		"NOERROR aa; alias.svc.example AAAA; answer: alias.svc.example 3600 CNAME static.svc.example; " SOA(
			"30") },
	{ "loop1.svc.example A", "NOERROR aa; loop1.svc.example A; answer: loop1.svc.example 3600 CNAME "
				 "loop2.svc.example, loop2.svc.example "
				 "3600 CNAME loop1.svc.example" },
	{ "to-nothing.svc.example A", "NXDOMAIN aa; to-nothing.svc.example A; answer: to-nothing.svc.example 3600 "
				      "CNAME nothing.svc.example; " SOA("30") },
	{ "to-service.svc.example A",
		"NOERROR aa; to-service.svc.example A; answer: to-service.svc.example 3600 CNAME www.svc.example" },
	{ "to-service.svc.example TXT",
		"NOERROR aa; to-service.svc.example TXT; answer: to-service.svc.example 3600 CNAME www.svc.example" },
	{ "to-cut.svc.example A",
		"NOERROR aa; to-cut.svc.example A; answer: to-cut.svc.example 3600 CNAME host.sub.svc.example" },
	{ "to-outside.svc.example A",
		"NOERROR aa; to-outside.svc.example A; answer: to-outside.svc.example 3600 CNAME www.elsewhere.test" },
	{ "to-other.svc.example A",
		"NOERROR aa; to-other.svc.example A; answer: to-other.svc.example 3600 CNAME host.other.example, "
		"host.other.example 600 A 192.0.2.77" },
	{ "to-other-nothing.svc.example A",
		"NXDOMAIN aa; to-other-nothing.svc.example A; answer: to-other-nothing.svc.example 3600 CNAME "
		"nothing.other.example; " OTHER_SOA },
	/* referrals */
	{ "sub.svc.example A", "NOERROR; sub.svc.example A; authority: sub.svc.example 3600 NS ns.sub.svc.example, "
			       "sub.svc.example 3600 NS "
			       "ns.elsewhere.test; additional: ns.sub.svc.example 3600 A 192.0.2.61, "
			       "ns.sub.svc.example 3600 AAAA 2001:db8::61" },
	{ "a.b.sub.svc.example A", "NOERROR; a.b.sub.svc.example A; authority: sub.svc.example 3600 NS "
				   "ns.sub.svc.example, sub.svc.example 3600 NS "
				   "ns.elsewhere.test; additional: ns.sub.svc.example 3600 A 192.0.2.61, "
				   "ns.sub.svc.example 3600 AAAA 2001:db8::61" },
	{ "ns.sub.svc.example A", "NOERROR; ns.sub.svc.example A; authority: sub.svc.example 3600 NS "
				  "ns.sub.svc.example, sub.svc.example 3600 NS "
				  "ns.elsewhere.test; additional: ns.sub.svc.example 3600 A 192.0.2.61, "
				  "ns.sub.svc.example 3600 AAAA 2001:db8::61" },
	{ "x.sibling.svc.example A",
		"NOERROR; x.sibling.svc.example A; authority: sibling.svc.example 3600 NS ns.sub.svc.example; "
		"additional: "
		"ns.sub.svc.example 3600 A 192.0.2.61, ns.sub.svc.example 3600 AAAA 2001:db8::61" },
	{ "self.svc.example A", "NOERROR; self.svc.example A; authority: self.svc.example 3600 NS self.svc.example; "
				"additional: self.svc.example "
				"3600 A 192.0.2.62" },
	{ "sub.svc.example DS", "NOERROR aa; sub.svc.example DS; " SOA("30") },
	/* services */
	{ "www.svc.example A ecs=198.51.100.0/24", "NOERROR aa; www.svc.example A; answer: www.svc.example 30 A "
						   "192.0.2.20; opt: 1232 ecs=1/24/24=198.51.100" },
	{ "www.svc.example A ecs=198.51.100.77/32", "NOERROR aa; www.svc.example A; answer: www.svc.example 30 A "
						    "192.0.2.20; opt: 1232 ecs=1/32/24=198.51.100.77" },
	{ "www.svc.example AAAA ecs=198.51.100.0/24", "NOERROR aa; www.svc.example AAAA; answer: www.svc.example 30 "
						      "AAAA 2001:db8::10; opt: 1232 ecs=1/24/0=198.51.100" },
	{ "www.svc.example A ecs=2001:db8:aa::/56",
		"NOERROR aa; www.svc.example A; answer: www.svc.example 30 A 192.0.2.20; opt: 1232 "
		"ecs=2/56/48=32.1.13.184.0.170.0" },
	{ "www.svc.example TXT ecs=198.51.100.0/24",
		"NOERROR aa; www.svc.example TXT; answer: www.svc.example 3600 TXT \"beside the service\"; opt: 1232 "
		"ecs=1/24/0=198.51.100" },
	{ "www.svc.example MX", "NOERROR aa; www.svc.example MX; " SOA("5") },
	{ "www.svc.example CNAME", "NOERROR aa; www.svc.example CNAME; " SOA("5") },
	{ "four.svc.example A", "NOERROR aa; four.svc.example A; answer: four.svc.example 30 A 192.0.2.20" },
	{ "four.svc.example AAAA ecs=198.51.100.0/24",
		"NOERROR aa; four.svc.example AAAA; " SOA("5") "; opt: 1232 ecs=1/24/0=198.51.100" },
	{ "X.app.svc.example A", "NOERROR aa; X.app.svc.example A; answer: X.app.svc.example 30 A 192.0.2.20" },
	{ "app.svc.example A", "NOERROR aa; app.svc.example A; " SOA("30") },
	{ "by-name.svc.example A",
		"NOERROR aa; by-name.svc.example A; answer: by-name.svc.example 30 CNAME lb1.us.svc.example" },
	{ "by-name.svc.example MX",
		"NOERROR aa; by-name.svc.example MX; answer: by-name.svc.example 30 CNAME lb1.us.svc.example" },
	{ "by-name.svc.example ANY",
		"NOERROR aa; by-name.svc.example ANY; answer: by-name.svc.example 30 CNAME lb1.us.svc.example" },
	/* ANY (RFC 8482) */
	{ "static.svc.example ANY",
		"NOERROR aa; static.svc.example ANY; answer: static.svc.example 3600 HINFO \"RFC8482\" \"\"" },
	{ "four.svc.example ANY",
		"NOERROR aa; four.svc.example ANY; answer: four.svc.example 3600 HINFO \"RFC8482\" \"\"" },
	{ "x.wild.svc.example ANY",
		"NOERROR aa; x.wild.svc.example ANY; answer: x.wild.svc.example 3600 HINFO \"RFC8482\" \"\"" },
	{ "alias.svc.example ANY",
		"NOERROR aa; alias.svc.example ANY; answer: alias.svc.example 3600 CNAME static.svc.example" },
	{ "ent.svc.example ANY", "NOERROR aa; ent.svc.example ANY; " SOA("30") },
	{ "nothing.svc.example ANY", "NXDOMAIN aa; nothing.svc.example ANY; " SOA("30") },
	/* types that ask for no data */
	{ "svc.example AXFR", "REFUSED; svc.example AXFR" },
	{ "svc.example IXFR", "REFUSED; svc.example IXFR" },
	{ "svc.example MAILA", "NOTIMP; svc.example MAILA" },
	{ "svc.example MAILB edns=4096", "NOTIMP; svc.example MAILB; opt: 1232" },
	{ "svc.example OPT", "NOTIMP; svc.example OPT" },
	{ "svc.example TSIG", "NOTIMP; svc.example TSIG" },
	{ "svc.example TYPE128", "NOTIMP; svc.example TYPE128" },
	{ "svc.example TYPE127", "NOERROR aa; svc.example TYPE127; " SOA("30") },
	{ "svc.example TYPE65280", "NOERROR aa; svc.example TYPE65280; " SOA("30") },
	/* class CH */
	{ "version.bind TXT ch", "NOERROR aa; version.bind TXT; answer: version.bind 0 CH TXT \"gslb test\"" },
	{ "Version.Server TXT ch", "NOERROR aa; Version.Server TXT; answer: Version.Server 0 CH TXT \"gslb test\"" },
	{ "id.server TXT ch", "NOERROR aa; id.server TXT; answer: id.server 0 CH TXT \"ns1.test\"" },
	{ "hostname.bind ANY ch", "NOERROR aa; hostname.bind ANY; answer: hostname.bind 0 CH TXT \"ns1.test\"" },
	{ "hostname.bind A ch", "REFUSED; hostname.bind A" },
	{ "svc.example TXT ch", "REFUSED; svc.example TXT" },
	/* EDNS */
	{ "four.svc.example A do",
		"NOERROR aa; four.svc.example A; answer: four.svc.example 30 A 192.0.2.20; opt: 1232 do" },
	{ "four.svc.example A keepalive",
		"NOERROR aa; four.svc.example A; answer: four.svc.example 30 A 192.0.2.20; opt: 1232" },
	{ "nothing.svc.example A nsid ecs=198.51.100.0/24",
		"NXDOMAIN aa; nothing.svc.example A; " SOA("30") "; opt: 1232 ecs=1/24/0=198.51.100 nsid=ns1.test" },
	{ "sub.svc.example NS ecs=198.51.100.0/24", "NOERROR; sub.svc.example NS; authority: sub.svc.example 3600 NS "
						    "ns.sub.svc.example, sub.svc.example 3600 NS "
						    "ns.elsewhere.test; additional: ns.sub.svc.example 3600 A "
						    "192.0.2.61, ns.sub.svc.example 3600 AAAA 2001:db8::61; "
						    "opt: 1232 ecs=1/24/0=198.51.100" },
	{ "elsewhere.test A ecs=198.51.100.0/24", "REFUSED; elsewhere.test A; opt: 1232 ecs=1/24/0=198.51.100 ede=20" },
	/* truncation keeps question and OPT */
	{ "big.svc.example TXT", "NOERROR aa tc; big.svc.example TXT" },
	{ "big.svc.example TXT do edns=512", "NOERROR aa tc; big.svc.example TXT; opt: 1232 do" },
	{ "big.svc.example TXT edns=100", "NOERROR aa tc; big.svc.example TXT; opt: 1232" },
};

START_TEST(a_question_is_told_what_the_zones_say)
{
	const struct answer_case *c = &answers[_i];
	const char *got = answer_words(c->words);

	ck_assert_msg(strcmp(got, c->expected) == 0, "%s:\n got      %s\n expected %s", c->words, got, c->expected);
}
END_TEST

START_TEST(the_case_of_the_question_comes_back_and_records_point_to_it)
{
	answer_words("wWw.sVc.ExAmPlE A ecs=198.51.100.0/24");
	ck_assert_str_eq(text.text, "NOERROR aa; wWw.sVc.ExAmPlE A; answer: wWw.sVc.ExAmPlE 30 A 192.0.2.20; opt: 1232 "
				    "ecs=1/24/24=198.51.100");
}
END_TEST

START_TEST(without_ecs_the_packets_source_decides_and_no_option_comes_back)
{
	ck_assert(addr_parse("198.51.100.7", &context.source));
	ck_assert_str_eq(answer_words("www.svc.example A"),
		"NOERROR aa; www.svc.example A; answer: www.svc.example 30 A 192.0.2.20");
	ck_assert_str_eq(answer_words("www.svc.example A edns=1232"),
		"NOERROR aa; www.svc.example A; answer: www.svc.example 30 A 192.0.2.20; opt: 1232");
}
END_TEST

START_TEST(ecs_without_bits_is_located_by_the_source_and_has_scope_0)
{
	ck_assert(addr_parse("198.51.100.7", &context.source));
	ck_assert_str_eq(answer_words("www.svc.example A ecs=0.0.0.0/0"),
		"NOERROR aa; www.svc.example A; answer: www.svc.example 30 A 192.0.2.20; opt: 1232 ecs=1/0/0");
	ck_assert_str_eq(answer_words("www.svc.example A ecs=::/0"),
		"NOERROR aa; www.svc.example A; answer: www.svc.example 30 A 192.0.2.20; opt: 1232 ecs=2/0/0");
}
END_TEST

START_TEST(ecs_beats_the_source)
{
	ck_assert(addr_parse("198.51.100.7", &context.source));
	answer_words("www.svc.example A ecs=203.0.112.0/24");
	ck_assert_msg(
		strstr(text.text, "A 192.0.2.1") != NULL && strstr(text.text, "192.0.2.20") == NULL, "%s", text.text);
}
END_TEST

START_TEST(a_source_shorter_than_the_needed_prefix_gets_the_scope_that_is_needed)
{
	answer_words("www.svc.example A ecs=198.51.0.0/16");
	ck_assert_msg(strstr(text.text, "ecs=1/16/18=198.51") != NULL, "%s", text.text);
}
END_TEST

START_TEST(two_answers_are_both_addresses_once)
{
	answer_words("two.svc.example A");
	ck_assert_msg(strstr(text.text, "A 192.0.2.10") != NULL && strstr(text.text, "A 192.0.2.11") != NULL, "%s",
		text.text);
	ck_assert_uint_eq(out[7], 2);
}
END_TEST

START_TEST(a_service_that_is_down_says_so_by_its_policy_and_in_words)
{
	packet_world_down(&world, "us");
	answer_words("fallen.svc.example A edns=1232");
	ck_assert_msg(strstr(text.text, "A 192.0.2.1") != NULL && strstr(text.text, "ede=0") != NULL, "%s", text.text);
	ck_assert_uint_eq(counted(COUNT_answers_fallback), 1);
	answer_words("four.svc.example A edns=1232");
	ck_assert_msg(strstr(text.text, "A 192.0.2.20; opt: 1232 ede=0") != NULL, "%s", text.text);
	ck_assert_uint_eq(counted(COUNT_answers_all_down), 1);
	ck_assert_str_eq(answer_words("closed.svc.example A ecs=198.51.100.0/24"),
		"SERVFAIL; closed.svc.example A; opt: 1232 ecs=1/24/0=198.51.100 ede=0");
	ck_assert_str_eq(answer_words("empty.svc.example A"), "NOERROR aa; empty.svc.example A; " SOA("5"));
	ck_assert_str_eq(answer_words("by-name.svc.example A"),
		"NOERROR aa; by-name.svc.example A; answer: by-name.svc.example 30 CNAME lb1.us.svc.example");
}
END_TEST

START_TEST(a_chain_of_cnames_ends_after_eight)
{
	answer_words("c0.svc.example A edns=1232");
	ck_assert_uint_eq(out[7], 8);
	ck_assert_msg(strstr(text.text, "c7.svc.example 3600 CNAME c8.svc.example; opt") != NULL, "%s", text.text);
}
END_TEST

START_TEST(what_is_too_long_for_udp_comes_over_tcp)
{
	answer_words("big.svc.example TXT edns=1232");
	ck_assert_msg(strncmp(text.text, "NOERROR aa; big", 15) == 0, "%s", text.text);
	answer_words("big.svc.example TXT");
	ck_assert_uint_eq(counted(COUNT_answers_truncated), 1);
	context.transport = TRANSPORT_TCP;
	answer_words("big.svc.example TXT");
	ck_assert_msg(strncmp(text.text, "NOERROR aa; big.svc.example TXT; answer:", 40) == 0, "%s", text.text);
	ck_assert_uint_eq(counted(COUNT_answers_truncated), 1);
	ck_assert_uint_eq(counted(COUNT_queries_tcp), 1);
}
END_TEST

START_TEST(glue_that_nobody_needs_is_left_out_and_glue_that_somebody_needs_is_not)
{
	answer_words("x.wide.svc.example A edns=1232");
	ck_assert_uint_eq(out[9], 10);
	ck_assert_uint_eq(out[11], 10 + 1);
	answer_words("x.wide.svc.example A");
	ck_assert_msg(strncmp(text.text, "NOERROR; x.wide", 15) == 0, "%s", text.text);
	ck_assert_uint_eq(out[9], 10);
	ck_assert(out[11] > 0 && out[11] < 10);
	answer_words("x.deep.svc.example A edns=1232");
	ck_assert_uint_eq(out[11], 10 + 1);
	ck_assert_str_eq(answer_words("x.deep.svc.example A"), "NOERROR tc; x.deep.svc.example A");
}
END_TEST

START_TEST(keepalive_is_told_over_tcp_when_asked_for)
{
	context.transport = TRANSPORT_TCP;
	ck_assert_str_eq(answer_words("ns1.svc.example A keepalive"),
		"NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53; opt: 1232 keepalive=100");
	ck_assert_str_eq(answer_words("ns1.svc.example A edns=1232"),
		"NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53; opt: 1232");
}
END_TEST

START_TEST(a_packet_from_port_0_gets_no_answer)
{
	context.source_port = 0;
	ck_assert_str_eq(answer_words("ns1.svc.example A"), "silence");
	ck_assert_uint_eq(counted(COUNT_dropped), 1);
}
END_TEST

START_TEST(an_identity_that_is_empty_is_not_told)
{
	static const struct packet_identity nobody = { .tcp_idle_ms = 1000 };

	context.identity = &nobody;
	ck_assert_str_eq(answer_words("version.bind TXT ch"), "REFUSED; version.bind TXT");
	ck_assert_str_eq(answer_words("id.server TXT ch"), "REFUSED; id.server TXT");
	ck_assert_str_eq(answer_words("ns1.svc.example A nsid"),
		"NOERROR aa; ns1.svc.example A; answer: ns1.svc.example 3600 A 192.0.2.53; opt: 1232");
}
END_TEST

START_TEST(the_longest_question_and_all_options_fit_in_512_bytes)
{
	static struct packet_identity longest;
	char words[400] = "";
	uint8_t in[512];
	size_t len;

	longest = packet_world_identity;
	memset(longest.nsid, 'n', sizeof longest.nsid);
	longest.nsid_len = sizeof longest.nsid;
	context.identity = &longest;
	context.transport = TRANSPORT_TCP;
	for (int i = 0; i < 126; i++)
		strcat(words, "a.");
	strcat(words, "a A do nsid keepalive edns=512 ecs=2001:db8::1/128");
	len = message_query(words, in, sizeof in);
	answer_bytes(in, len);
	ck_assert_msg(strncmp(text.text, "REFUSED; a.a.", 13) == 0, "%s", text.text);
	context.transport = TRANSPORT_UDP;
	answer_bytes(in, len);
	ck_assert_msg(strncmp(text.text, "REFUSED; a.a.", 13) == 0, "%s", text.text);
	longest.nsid_len = 8;
}
END_TEST

START_TEST(a_steered_answer_counts_for_the_pool_that_gave_it)
{
	const struct service_plan *www =
		&world.snapshot->services[zone_set_service(world.snapshot->set, "www.svc.example", NULL)];

	answer_words("www.svc.example A ecs=198.51.100.0/24");
	answer_words("www.svc.example A ecs=198.51.100.0/24");
	answer_words("www.svc.example A ecs=203.0.112.0/24");
	answer_words("www.svc.example TXT");
	ck_assert_uint_eq(ledger_answers(world.ledger, www->first_override + 0), 1);
	ck_assert_uint_eq(ledger_answers(world.ledger, www->first_override + 1), 2);
	ck_assert_uint_eq(counted(COUNT_answers_steered), 3);
	ck_assert_uint_eq(counted(COUNT_answers_noerror), 4);
	ck_assert_uint_eq(counted(COUNT_queries_ecs), 3);
	ck_assert_uint_eq(counted(COUNT_queries_udp), 4);
}
END_TEST

START_TEST(each_answer_is_counted_as_what_it_is)
{
	static const struct {
		const char *words;
		enum counter counter;
	} cases[] = {
		{ "ns1.svc.example A", COUNT_answers_noerror },
		{ "ns1.svc.example MX", COUNT_answers_nodata },
		{ "nothing.svc.example A", COUNT_answers_nxdomain },
		{ "sub.svc.example A", COUNT_answers_referral },
		{ "elsewhere.test A", COUNT_answers_refused },
		{ "svc.example MAILA", COUNT_answers_notimp },
		{ "big.svc.example TXT", COUNT_answers_truncated },
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t before = counted(cases[i].counter);

		answer_words(cases[i].words);
		ck_assert_msg(counted(cases[i].counter) == before + 1, "%s", cases[i].words);
	}
	for (unsigned i = COUNT_answers_noerror; i <= COUNT_answers_referral; i++)
		sum += counted(i);
	ck_assert_uint_eq(sum, COUNT_OF(cases));
	ck_assert_str_eq(counter_names[COUNT_answers_nodata], "answers_nodata");
}
END_TEST

START_TEST(a_query_is_counted_by_how_it_came_what_it_asked_and_how_it_ended)
{
	static const struct {
		const char *words, *type;
		enum outcome outcome;
	} cases[] = {
		{ "ns1.svc.example A", "A", OUTCOME_ANSWER },
		{ "ns1.svc.example AAAA", "AAAA", OUTCOME_NODATA },
		{ "ns1.svc.example MX", "MX", OUTCOME_NODATA },
		{ "nothing.svc.example A", "A", OUTCOME_NXDOMAIN },
		{ "sub.svc.example A", "A", OUTCOME_REFERRAL },
		{ "elsewhere.test TXT", "TXT", OUTCOME_REFUSED },
		{ "svc.example MAILA", "other", OUTCOME_NOTIMP },
	};
	uint64_t all = 0;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unsigned type = 0;

		while (strcmp(counted_type_names[type], cases[i].type) != 0)
			type++;
		answer_words(cases[i].words);
		ck_assert_msg(counters.queries[TRANSPORT_UDP][0][type][cases[i].outcome] == 1, "%s", cases[i].words);
	}
	for (unsigned type = 0; type < COUNTED_TYPES; type++)
		for (unsigned outcome = 0; outcome < OUTCOMES_N; outcome++)
			all += counters.queries[TRANSPORT_UDP][0][type][outcome];
	ck_assert_uint_eq(all, COUNT_OF(cases));
}
END_TEST

START_TEST(each_type_has_its_name_or_is_another)
{
	ck_assert_str_eq(counted_type_names[counted_type(1)], "A");
	ck_assert_str_eq(counted_type_names[counted_type(28)], "AAAA");
	ck_assert_str_eq(counted_type_names[counted_type(65)], "HTTPS");
	ck_assert_str_eq(counted_type_names[counted_type(255)], "ANY");
	for (unsigned qtype = 0; qtype < 65536; qtype++) {
		ck_assert_uint_lt(counted_type((uint16_t)qtype), COUNTED_TYPES);
		ck_assert((counted_type((uint16_t)qtype) == 0) == (qtype == 1));
	}
	ck_assert_str_eq(counted_type_names[counted_type(0)], "other");
	ck_assert_str_eq(counted_type_names[counted_type(257)], "other");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("packet");
	TCase *cases = tcase_create("packet");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, a_malformed_message_gets_the_rcode_that_is_due_or_silence, 0, COUNT_OF(packets));
	tcase_add_test(cases, no_part_of_a_message_breaks_the_parser);
	tcase_add_loop_test(cases, a_question_is_told_what_the_zones_say, 0, COUNT_OF(answers));
	tcase_add_test(cases, the_case_of_the_question_comes_back_and_records_point_to_it);
	tcase_add_test(cases, without_ecs_the_packets_source_decides_and_no_option_comes_back);
	tcase_add_test(cases, ecs_without_bits_is_located_by_the_source_and_has_scope_0);
	tcase_add_test(cases, ecs_beats_the_source);
	tcase_add_test(cases, a_source_shorter_than_the_needed_prefix_gets_the_scope_that_is_needed);
	tcase_add_test(cases, two_answers_are_both_addresses_once);
	tcase_add_test(cases, a_service_that_is_down_says_so_by_its_policy_and_in_words);
	tcase_add_test(cases, a_chain_of_cnames_ends_after_eight);
	tcase_add_test(cases, what_is_too_long_for_udp_comes_over_tcp);
	tcase_add_test(cases, glue_that_nobody_needs_is_left_out_and_glue_that_somebody_needs_is_not);
	tcase_add_test(cases, keepalive_is_told_over_tcp_when_asked_for);
	tcase_add_test(cases, a_packet_from_port_0_gets_no_answer);
	tcase_add_test(cases, an_identity_that_is_empty_is_not_told);
	tcase_add_test(cases, the_longest_question_and_all_options_fit_in_512_bytes);
	tcase_add_test(cases, a_steered_answer_counts_for_the_pool_that_gave_it);
	tcase_add_test(cases, each_answer_is_counted_as_what_it_is);
	tcase_add_test(cases, a_query_is_counted_by_how_it_came_what_it_asked_and_how_it_ended);
	tcase_add_test(cases, each_type_has_its_name_or_is_another);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
