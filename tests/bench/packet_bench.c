/* Nanoseconds a stage of the packet path, over a prepared world in memory: no sockets. Each stage is measured on its own, over
 * the same queries. whole is packet_answer, and batch the same for many at a time: all stages but locate and limit, for which the
 * small world has nothing. locate finds random clients in a table made from the databases that the environment variable GEO
 * names (without it, it is 0), a batch at a time. limit counts one source, which is under its limit.
 *
 * usage: packet_bench [ROUNDS [STAGE [LOAD]]]
 * valgrind --tool=callgrind --toggle-collect='measure*' packet_bench 100 whole 'steered, ECS': instructions, which are stable;
 * tests/bench/instructions.sh does it for all stages */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gslb/answer.h"
#include "gslb/query.h"
#include "gslb/reply.h"
#include "gslb/rrl.h"
#include "gslb/split.h"
#include "tests/bench/locate.h"
#include "tests/unit/message.h"
#include "tests/unit/packet_world.h"

enum { QUERIES = 1024, BATCH = 32, DEFAULT_ROUNDS = 2000 };

struct load {
	const char *name, *words; /* "%u" in it: a number drawn for each query */
	size_t len[QUERIES];
	uint8_t bytes[QUERIES][128];
};

static struct load loads[] = {
	{ .name = "steered, ECS", .words = "www.svc.example A ecs=198.51.%u.0/24" },
	{ .name = "steered, EDNS", .words = "www.svc.example A edns=1232" },
	{ .name = "steered, plain", .words = "www.svc.example A" },
	{ .name = "static", .words = "static.svc.example A edns=1232" },
	{ .name = "nxdomain", .words = "nothing-%u.svc.example A edns=1232" },
	{ .name = "referral", .words = "host.sub.svc.example A edns=1232" },
};

struct stage {
	const char *name;
	void (*run)(const struct packet_context *context, const struct load *load, size_t i);
};

/* What the reply is made from. */
static struct said {
	struct query query;
	struct answer answer;
} said;
static struct rrl *rrl;
static bool located;

static uint64_t sink; /* what is computed must not be optimised away */

static void run_parse(const struct packet_context *context, const struct load *load, size_t i)
{
	struct query query;

	(void)context;
	sink += query_parse(&query, load->bytes[i], load->len[i]);
	sink += query.qtype;
}

/* As packets_find does. */
static void run_find(const struct packet_context *context, const struct load *load, size_t i)
{
	const struct snapshot *snapshot = context->world->snapshot;
	const struct zone_set *set = snapshot->set;
	struct zone_seek seek;
	struct found found;
	struct name name;

	name_from_wire(&name, load->bytes[i] + QUERY_HEADER_LEN, load->len[i] - QUERY_HEADER_LEN);
	zone_seek_name(&seek, set, &name, true);
	zone_seek_service(&seek, set, &name);
	zone_seek_slot(&seek);
	zone_seek_node(&seek);
	if (seek.service != SERVICE_NONE &&
		zone_seek_is_service(&seek, set, &name, &snapshot->services[seek.service].owner, &found))
		sink++;
	else
		sink += zone_seek_end(&seek, set, &name, RR_A, &found);
}

static void decide_in(const struct world *world, const struct packet_context *context, size_t i)
{
	struct client client = { .addr = { ADDR_V4, { 198, 51, (uint8_t)i } }, .ecs = true, .source_len = 24 };
	struct decision decision;

	decide(world, &world->snapshot->services[0], &client, FAMILY_V4, context->now_ms, context->dice, &decision,
		NULL);
	sink += decision.nendpoints;
}

static void run_decide(const struct packet_context *context, const struct load *load, size_t i)
{
	(void)load;
	decide_in(context->world, context, i);
}

/* The same, while each class's best pool is full and gives away three of ten clients. */
static struct world full;

static void run_spill(const struct packet_context *context, const struct load *load, size_t i)
{
	(void)load;
	decide_in(&full, context, i);
}

static struct split *fill(const struct world *world)
{
	const struct snapshot *snapshot = world->snapshot;
	const struct steering *steering = &snapshot->services[0].steering[FAMILY_V4];
	uint16_t part[SERVICE_POOLS_MAX] = { SPLIT_ONE * 7 / 10, SPLIT_ONE * 3 / 10 };
	struct split *split = split_new(snapshot);

	for (uint32_t i = 0; i < steering->norders; i++)
		if (steering->orders[i].npools > 1)
			split_map(split, snapshot, 0, FAMILY_V4, i, split_add(split, &steering->orders[i], part, 1));
	full = *world;
	full.split = split;
	return split;
}

static void run_locate(const struct packet_context *context, const struct load *load, size_t i)
{
	(void)context, (void)load;
	if (located && i % LOCATE_BATCH == 0)
		sink += locate_batch();
}

static void run_reply(const struct packet_context *context, const struct load *load, size_t i)
{
	uint8_t out[PACKET_UDP_MAX];
	bool truncated;

	(void)load;
	said.query.id = (uint16_t)i;
	sink += reply_write(&said.query, &said.answer, context->identity, TRANSPORT_UDP, out, sizeof out, &truncated);
}

static void run_limit(const struct packet_context *context, const struct load *load, size_t i)
{
	struct rrl_keys keys;

	(void)load;
	rrl_look(rrl, &context->source, &keys);
	sink += rrl_take(rrl, &keys, RRL_ANSWER, 1000000 + i); /* a thousand a second */
}

static void run_whole(const struct packet_context *context, const struct load *load, size_t i)
{
	uint8_t out[PACKET_UDP_MAX];

	sink += packet_answer(context, load->bytes[i], load->len[i], out, sizeof out);
}

/* As a worker does it: with the queries of a batch, whose reads of memory overlap. */
static void run_batch(const struct packet_context *context, const struct load *load, size_t i)
{
	static struct packet packets[BATCH];
	uint8_t out[PACKET_UDP_MAX];

	if (i % BATCH != 0)
		return;
	for (size_t j = 0; j < BATCH; j++) {
		packets[j].source = context->source;
		packets[j].source_port = context->source_port;
		packet_read(&packets[j], context, load->bytes[i + j], load->len[i + j]);
	}
	packets_find(packets, BATCH, context);
	for (size_t j = 0; j < BATCH; j++)
		sink += packet_write(&packets[j], context, out, sizeof out);
}

static const struct stage stages[] = {
	{ "parse", run_parse },
	{ "find", run_find },
	{ "locate", run_locate },
	{ "decide", run_decide }, /* order and pick */
	{ "spill", run_spill },
	{ "reply", run_reply },
	{ "limit", run_limit },
	{ "whole", run_whole },
	{ "batch", run_batch },
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void prepare(struct load *load)
{
	for (unsigned i = 0; i < QUERIES; i++) {
		char words[128];
		const char *at = strstr(load->words, "%u");

		if (at == NULL)
			snprintf(words, sizeof words, "%s", load->words);
		else
			snprintf(
				words, sizeof words, "%.*s%u%s", (int)(at - load->words), load->words, i % 256, at + 2);
		uint8_t bytes[512];

		load->len[i] = message_query(words, bytes, sizeof bytes);
		if (load->len[i] > sizeof load->bytes[i])
			abort();
		memcpy(load->bytes[i], bytes, load->len[i]);
	}
}

/* The answer to the load's first query. */
static void prepare_reply(const struct packet_context *context, const struct load *load)
{
	struct packet packet = { .source = context->source, .source_port = context->source_port };

	packet_read(&packet, context, load->bytes[0], load->len[0]);
	packets_find(&packet, 1, context);
	if (!packet.for_zones)
		abort();
	said.query = packet.query;
	answer_make(&said.answer, &said.query, &packet.lookup, packet.service, &packet.client, context->world,
		context->now_ms, context->dice);
}

__attribute__((noinline)) static double measure(
	const struct stage *stage, const struct packet_context *context, const struct load *load, unsigned rounds)
{
	uint64_t began = now_ns();

	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < QUERIES; i++)
			stage->run(context, load, i);
	return (double)(now_ns() - began) / rounds / QUERIES;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : DEFAULT_ROUNDS;
	static struct counters counters;
	struct dice dice = { 1 };
	struct split *split;
	struct world world;
	struct packet_context context = {
		.world = &world,
		.identity = &packet_world_identity,
		.dice = &dice,
		.counters = &counters,
		.now_ms = clock_wall_ms(),
		.source = { ADDR_V4, { 203, 0, 113, 9 } },
		.source_port = 4242,
	};

	if (rounds == 0) {
		fprintf(stderr, "usage: packet_bench [ROUNDS [STAGE [LOAD]]]\n");
		return 2;
	}
	packet_world_init(&world, 1);
	ledger_sample(world.ledger, 8); /* as it is at half a million answers a second */
	context.row = ledger_row(world.ledger, 0);
	context.now_s = (uint32_t)(context.now_ms / 1000);
	rrl = rrl_new(RRL_RATE_MAX, RRL_RATE_MAX, RRL_TABLE_LEN, &dice);
	located = locate_open();
	split = fill(&world);
	printf("%-16s", "ns a query");
	for (size_t s = 0; s < COUNT_OF(stages); s++)
		printf("%10s", stages[s].name);
	printf("\n");
	for (size_t l = 0; l < COUNT_OF(loads); l++) {
		if (argc > 3 && strcmp(argv[3], loads[l].name) != 0)
			continue;
		prepare(&loads[l]);
		prepare_reply(&context, &loads[l]);
		printf("%-16s", loads[l].name);
		for (size_t s = 0; s < COUNT_OF(stages); s++) {
			if (argc > 2 && strcmp(argv[2], stages[s].name) != 0)
				continue;
			measure(&stages[s], &context, &loads[l], rounds / 10 + 1); /* warm */
			printf("%10.1f", measure(&stages[s], &context, &loads[l], rounds));
		}
		printf("\n");
	}
	locate_close();
	rrl_free(rrl);
	split_free(split);
	packet_world_fini(&world);
	return sink == 42; /* never, but the compiler cannot know */
}
