/* The pieces of a scrape: what changes is copied first, then the rows are written one thing after the other. */
#include "gslb/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct metrics_family *const metrics_tables[] = {
	metrics_self,
	metrics_queries,
	metrics_services,
	metrics_zones,
	metrics_health,
	metrics_fleet,
	metrics_endpoints,
	NULL,
};

/* ---- samples ---- */

static void add_escaped(struct buf *out, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");

		buf_add(out, value, plain);
		value += plain;
		if (*value == '\0')
			return;
		buf_add(out, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\", 2);
		value++;
	}
}

static void add_start(struct buf *out, const char *name, const char *const *labels)
{
	buf_add(out, name, strlen(name));
	for (size_t i = 0; labels != NULL && labels[i] != NULL; i += 2) {
		buf_add(out, i == 0 ? "{" : ",", 1);
		buf_add(out, labels[i], strlen(labels[i]));
		buf_add(out, "=\"", 2);
		add_escaped(out, labels[i + 1]);
		buf_add(out, "\"", 1);
	}
	if (labels != NULL && labels[0] != NULL)
		buf_add(out, "} ", 2);
	else
		buf_add(out, " ", 1);
}

static void add_number(struct buf *out, uint64_t number)
{
	char text[24], *at = text + sizeof text;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buf_add(out, at, (size_t)(text + sizeof text - at));
}

/* number of units, each one over 10 to the power of `places`. */
static void add_decimal(struct buf *out, uint64_t number, unsigned places)
{
	uint64_t unit = 1, rest;
	char text[24];

	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	add_number(out, number / unit);
	rest = number % unit;
	if (rest == 0)
		return;
	for (; rest % 10 == 0; places--)
		rest /= 10;
	snprintf(text, sizeof text, ".%0*llu", (int)places, (unsigned long long)rest);
	buf_add(out, text, strlen(text));
}

void metrics_put(struct buf *out, const char *name, const char *const *labels, uint64_t number)
{
	add_start(out, name, labels);
	add_number(out, number);
	buf_add(out, "\n", 1);
}

void metrics_put_ms(struct buf *out, const char *name, const char *const *labels, uint64_t ms)
{
	add_start(out, name, labels);
	add_decimal(out, ms, 3);
	buf_add(out, "\n", 1);
}

void metrics_put_us(struct buf *out, const char *name, const char *const *labels, uint64_t us)
{
	add_start(out, name, labels);
	add_decimal(out, us, 6);
	buf_add(out, "\n", 1);
}

/* ---- the moment ---- */

static uint32_t relaxed(const _Atomic uint32_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void look_at_endpoint(struct metrics *metrics, uint32_t number)
{
	const struct world *world = &metrics->published->world;
	const struct endpoint *endpoint = &metrics->snapshot->endpoints[number];
	struct metrics_endpoint *now = &metrics->endpoints[number];
	struct standing standing = endpoint_standing(world, number, metrics->now_ms);
	struct verdict verdict;

	now->up = standing.state != HEALTH_DOWN && standing.weight_permille > 0;
	now->weight_permille = (uint16_t)standing.weight_permille;
	now->forced = (uint8_t)standing.forced;
	now->probed = endpoint->slot < world->nslots;
	now->word = board_word(world->slots, world->nslots, endpoint->slot, endpoint->generation);
	if (!now->probed)
		return;
	verdict = verdict_unpack(now->word);
	metrics->states[verdict.state]++;
	metrics->doubtful += verdict.doubt;
	if (now->word == 0) /* the slot is another's, or nobody has looked yet */
		return;
	now->rtt_us = relaxed(&world->slots[endpoint->slot].rtt_us);
	now->last_s = relaxed(&world->slots[endpoint->slot].last_s);
	now->transitions = relaxed(&world->slots[endpoint->slot].transitions);
	now->probes = relaxed(&world->slots[endpoint->slot].probes);
	now->cert_end_s = relaxed(&world->slots[endpoint->slot].cert_end_s);
}

static void look_at_pool(struct metrics *metrics, uint32_t number)
{
	const struct pool_plan *plan = &metrics->snapshot->pools[number];

	for (int family = 0; family < FAMILIES; family++) {
		struct metrics_pool *now = &metrics->pools[number][family];
		const struct pool_part *part = &plan->part[family];
		struct standing standing;

		if (part->n == 0)
			continue;
		standing = pool_standing(&metrics->published->world, number, (enum family)family, metrics->now_ms);
		now->up = standing.state != HEALTH_DOWN && standing.weight_permille > 0;
		now->forced = (uint8_t)standing.forced;
		for (uint32_t i = part->first; i < part->first + part->n; i++)
			now->endpoints_up += metrics->endpoints[i].up;
	}
}

struct metrics *metrics_begin(struct daemon *daemon)
{
	struct metrics *metrics = mem_alloc(sizeof *metrics);
	const struct snapshot *snapshot = daemon->published->snapshot;

	metrics->daemon = daemon;
	metrics->published = daemon_hold(daemon);
	metrics->snapshot = snapshot;
	metrics->now_ms = clock_wall_ms();
	metrics->monotonic_ms = clock_monotonic_ms();
	metrics->whole = daemon->conf->endpoint_metrics;
	metrics->prober = prober_status(daemon->prober);
	workers_counted(daemon->workers, &metrics->counted);
	metrics->endpoints = mem_alloc((snapshot->nendpoints + 1) * sizeof *metrics->endpoints);
	metrics->pools = mem_alloc((snapshot->npools + 1) * sizeof *metrics->pools);
	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		look_at_endpoint(metrics, i);
	metrics->facts = mem_alloc((snapshot->npools + 1) * sizeof *metrics->facts);
	for (uint32_t i = 0; i < snapshot->npools; i++) {
		look_at_pool(metrics, i);
		metrics->facts[i] = capacity_facts(daemon->capacity, i);
	}
	metrics->table = metrics_tables;
	return metrics;
}

void metrics_end(struct metrics *metrics)
{
	daemon_let_go(metrics->daemon, metrics->published);
	free(metrics->endpoints);
	free(metrics->pools);
	free(metrics->facts);
	free(metrics);
}

/* ---- the text ---- */

static void add_head(struct buf *out, const struct metrics_family *family)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };

	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name, types[family->type]);
}

bool metrics_next(struct metrics *metrics, struct buf *piece, size_t len)
{
	size_t before = piece->len;

	while (*metrics->table != NULL && piece->len - before < len) {
		const struct metrics_family *family = &(*metrics->table)[metrics->row];

		if (family->name == NULL) {
			metrics->table++;
			metrics->row = 0;
			continue;
		}
		if (metrics->thing == 0)
			add_head(piece, family);
		if (metrics->thing < (family->things != NULL ? family->things(metrics) : 1)) {
			family->write(metrics, metrics->thing++, family->name, piece);
			continue;
		}
		metrics->row++;
		metrics->thing = 0;
	}
	return piece->len > before;
}
