/* Nanoseconds that the limiter and a cookie add to an answer.
 *
 * usage: abuse_bench [COUNT [ROW]]   (valgrind --tool=callgrind abuse_bench 100000 ROW: stable instruction counts) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gslb/cookie.h"
#include "gslb/rrl.h"

enum { DEFAULT_COUNT = 5000000, NOW_S = 1700000000 };

static struct rrl *rrl;
static struct dice dice = { 1 };
static struct cookie_secrets secrets = { 1, { "sixteen bytes of" } };
static uint64_t sink; /* what is computed must not be optimised away */

/* One of so many sources; 2^32 of them are never the same. */
static struct addr source_of(uint8_t family, uint32_t nsources)
{
	uint32_t number = (uint32_t)dice_below(&dice, nsources) * 2654435761u;
	struct addr source = { .family = family };

	memcpy(source.bytes, &number, sizeof number);
	return source;
}

static void limit(uint8_t family, uint32_t nsources, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct addr source = source_of(family, nsources);
		struct rrl_keys keys;

		rrl_look(rrl, &source, &keys);
		sink += rrl_take(rrl, &keys, RRL_ANSWER, 1000000 + i / 1000); /* a million a second */
	}
}

static void cookie(uint8_t family, bool valid, unsigned count)
{
	struct addr source = source_of(family, 1);
	uint8_t bytes[COOKIE_LEN] = "client's", reply[COOKIE_LEN];

	cookie_answer(&secrets, &source, NOW_S, bytes, COOKIE_CLIENT_LEN, bytes);
	for (unsigned i = 0; i < count; i++) {
		cookie_answer(
			&secrets, &source, NOW_S + i / 1000000, bytes, valid ? COOKIE_LEN : COOKIE_CLIENT_LEN, reply);
		sink += reply[COOKIE_LEN - 1];
	}
}

static const struct row {
	const char *name, *sentence;
	enum { LIMIT, COOKIE } what;
	uint8_t family;
	uint32_t nsources; /* cookies: 1 is a valid one */
	uint32_t rate;
} rows[] = {
	{ "draw", "drawing a source, which is in all of the limiter's", LIMIT, ADDR_NONE, 0, 1 },
	{ "under4", "one IPv4 source, under its limit", LIMIT, ADDR_V4, 1, RRL_RATE_MAX },
	{ "under6", "one IPv6 source, under its limit", LIMIT, ADDR_V6, 1, RRL_RATE_MAX },
	{ "over4", "one IPv4 source, over its limit", LIMIT, ADDR_V4, 1, 200 },
	{ "few4", "10,000 IPv4 sources", LIMIT, ADDR_V4, 10000, 200 },
	{ "few6", "10,000 IPv6 sources", LIMIT, ADDR_V6, 10000, 200 },
	{ "many4", "all of IPv4: a flood of forged sources", LIMIT, ADDR_V4, UINT32_MAX, 200 },
	{ "many6", "as many networks of IPv6", LIMIT, ADDR_V6, UINT32_MAX, 200 },
	{ "new4", "a first cookie over IPv4", COOKIE, ADDR_V4, 0, 1 },
	{ "new6", "a first cookie over IPv6", COOKIE, ADDR_V6, 0, 1 },
	{ "good4", "a valid cookie over IPv4", COOKIE, ADDR_V4, 1, 1 },
	{ "good6", "a valid cookie over IPv6", COOKIE, ADDR_V6, 1, 1 },
};

static void run(const struct row *row, unsigned count)
{
	if (row->what == COOKIE)
		cookie(row->family, row->nsources == 1, count);
	else if (row->family == ADDR_NONE)
		for (unsigned i = 0; i < count; i++)
			sink += source_of(ADDR_V4, UINT32_MAX).bytes[0];
	else
		limit(row->family, row->nsources, count);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : DEFAULT_COUNT;

	if (count == 0) {
		fprintf(stderr, "usage: abuse_bench [COUNT [ROW]]\n");
		return 2;
	}
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t began;

		if (argc > 2 && strcmp(argv[2], rows[i].name) != 0)
			continue;
		rrl = rrl_new(rows[i].rate, rows[i].rate, RRL_TABLE_LEN, &dice);
		run(&rows[i], count / 10 + 1); /* warm */
		began = now_ns();
		run(&rows[i], count);
		printf("%8.1f ns  %-6s %s\n", (double)(now_ns() - began) / count, rows[i].name, rows[i].sentence);
		rrl_free(rrl);
	}
	return sink == 42; /* never, but the compiler cannot know */
}
