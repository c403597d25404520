#include "tests/unit/herd.h"

#include <math.h>

struct sim herd_sim;
unsigned herd_round;
bool herd_thorough;

void herd_init(struct sim *node)
{
	sim_init(node);
	node->seed[0] = (uint8_t)herd_round;
	node->seed[1] = (uint8_t)(herd_round >> 8);
	node->dice.state += herd_round;
}

void herd_setup(void)
{
	herd_init(&herd_sim);
}

void herd_teardown(void)
{
	sim_fini(&herd_sim);
}

int herd_run(Suite *(*suite)(void))
{
	const char *rounds = getenv("GSLB_SHARES_ROUNDS");
	unsigned nrounds = rounds != NULL ? (unsigned)strtoul(rounds, NULL, 10) : 1;
	int worst = EXIT_SUCCESS;

	herd_thorough = rounds != NULL;
	for (; herd_round < nrounds; herd_round++)
		if (unit_run(suite()) != EXIT_SUCCESS)
			worst = EXIT_FAILURE;
	return worst;
}

unsigned herd_size(unsigned n)
{
	return herd_thorough ? CROWD : n;
}

/* ---- zones: pools p0 to p4 of endpoints l1, l2, … ---- */

const char herd_zone_head[] = "$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 604800 30\n@ NS ns1\nns1 A 192.0.2.53\n";

void herd_add_pool(struct buf *zone, unsigned pool, const unsigned *weights, unsigned n)
{
	buf_printf(zone, "p%u._pool TXT \"v=pool1; ramp=100s\"\n", pool);
	for (unsigned i = 1; i <= n; i++) {
		if (weights[i - 1] == 0)
			continue;
		buf_printf(zone, "p%u._pool SRV 0 %u 443 l%u.p%u\n", pool, weights[i - 1], i, pool);
		buf_printf(zone, "l%u.p%u A 192.0.%u.%u\nl%u.p%u AAAA 2001:db8:%u::%x\n", i, pool, pool + 10, i, i,
			pool, pool + 10, i);
	}
}

void herd_pools(const unsigned weights[static POOLS], const char *tags)
{
	static const unsigned endpoints[] = { 3, 2, 2 };
	struct buf zone = { 0 };
	const char *comma = "";

	buf_printf(&zone, "%s_gslb.www TXT \"v=gslb1; %s; pools=", herd_zone_head, tags);
	for (unsigned i = 0; i < POOLS; i++)
		if (weights[i] > 0) {
			buf_printf(&zone, "%sp%u:%u", comma, i, weights[i]);
			comma = ",";
		}
	buf_printf(&zone, "\"\n");
	for (unsigned i = 0; i < POOLS; i++)
		if (weights[i] > 0)
			herd_add_pool(&zone, i, endpoints, COUNT_OF(endpoints));
	sim_zone(&herd_sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_load(&herd_sim);
}

void herd_endpoints(const unsigned weights[static POOLS], const char *tags)
{
	struct buf zone = { 0 };

	buf_printf(&zone, "%s_gslb.www TXT \"v=gslb1; %s; pools=p0\"\n", herd_zone_head, tags);
	herd_add_pool(&zone, 0, weights, POOLS);
	sim_zone(&herd_sim, "svc.example", zone.text);
	buf_fini(&zone);
	sim_load(&herd_sim);
}

void herd_force(const char *target, enum override_action action, unsigned over_s)
{
	const struct override_request request = { .target = target,
		.action = action,
		.for_ms = 3600000,
		.over_ms = over_s * 1000,
		.who = "tester",
		.why = "test",
		.force = true };
	struct err err;

	if (!sim_force(&herd_sim, &request, &err))
		ck_abort_msg("%s", err.text);
}

void herd_clear(const char *target)
{
	struct err err;

	if (!sim_clear(&herd_sim, target, &err))
		ck_abort_msg("%s", err.text);
}

void herd_probe(const char *target, enum probe_result result)
{
	for (unsigned i = 0; i < 3; i++)
		sim_probe(&herd_sim, target, result);
}

/* ---- clients, and what they are told ---- */

const struct herd_way herd_ways[WAYS] = {
	{ "spread=sticky", FAMILY_V4, 20, 20 },
	{ "spread=sticky", FAMILY_V6, 24, 40 },
	{ "spread=sticky; sticky=24/56", FAMILY_V4, 24, 24 },
	{ "spread=sticky; sticky=24/56", FAMILY_V6, 24, 56 },
};

void herd_client(const struct herd_way *way, unsigned number, struct client *client)
{
	uint64_t key = number * UINT64_C(0x9e3779b1) & ((UINT64_C(1) << way->bits) - 1);
	uint64_t noise = hash_mix(number, 77 + herd_round), word;

	*client = (struct client){ .addr = { .family = way->family == FAMILY_V4 ? ADDR_V4 : ADDR_V6 } };
	word = key << (64 - way->key_len) | noise >> way->key_len;
	word |= way->family == FAMILY_V6 ? UINT64_C(0x20) << 56 : 0;
	for (unsigned i = 0; i < (way->family == FAMILY_V4 ? 4 : 8); i++)
		client->addr.bytes[i] = (uint8_t)(word >> (56 - 8 * i));
}

void herd_ask(struct sim *node, const struct service_plan *service, enum family family, const struct client *client,
	struct told *told)
{
	const struct snapshot *snapshot = node->snapshot;
	struct decision decision;

	decide(&node->world, service, client, family, node->now_ms, &node->dice, &decision, NULL);
	if (decision.kind != DECIDE_ADDRESSES || decision.nendpoints > ANSWERS)
		ck_abort_msg("no addresses");
	memset(told, 0, sizeof(*told));
	told->n = (uint8_t)decision.nendpoints;
	told->scope = decision.scope;
	told->ttl_s = decision.ttl_s;
	told->pool = (uint8_t)(snapshot->pools[decision.pool].pool->label[1] - '0');
	for (unsigned i = 0; i < decision.nendpoints; i++) {
		const uint8_t *bytes = snapshot->endpoints[decision.endpoint[i]].addr.bytes;
		uint8_t last = bytes[family == FAMILY_V4 ? 3 : 15];

		told->endpoint[i] = (uint16_t)(bytes[family == FAMILY_V4 ? 2 : 5] << 8 | last);
	}
}

struct told *herd_told(struct sim *node, const struct herd_way *way, unsigned n)
{
	const struct service_plan *service = sim_service(node, "www.svc.example");
	struct told *told = mem_alloc(n * sizeof(*told));

	for (unsigned i = 0; i < n; i++) {
		struct client client;

		herd_client(way, i, &client);
		herd_ask(node, service, way->family, &client, &told[i]);
	}
	return told;
}

const char *herd_tags(const struct herd_way *way, const char *more)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s; %s", way->sticky, more);
	return text;
}

bool told_names(const struct told *told, unsigned endpoint)
{
	for (unsigned i = 0; i < told->n; i++)
		if ((told->endpoint[i] & 255u) == endpoint)
			return true;
	return false;
}

bool told_same(const struct told *a, const struct told *b)
{
	return a->pool == b->pool && a->n == b->n && memcmp(a->endpoint, b->endpoint, sizeof(a->endpoint)) == 0;
}

void herd_check_part(const char *what, unsigned i, unsigned n, double part, double wanted, double tolerance)
{
	double sigma = sqrt(wanted * (1 - wanted) / n);

	if ((n == CROWD && fabs(part - wanted) > tolerance) || fabs(part - wanted) > 5 * sigma + 6.0 / n)
		ck_abort_msg("%s %u: %.5f of %u, not %.5f", what, i, part, n, wanted);
}

double herd_likely(const unsigned weights[static POOLS], unsigned gone, unsigned wanted, unsigned i)
{
	double total = 0, sum = 0;

	for (unsigned k = 0; k < POOLS; k++)
		total += gone >> k & 1 ? 0 : weights[k];
	for (unsigned k = 0; k < POOLS && wanted > 0 && total > 0; k++)
		if (!(gone >> k & 1))
			sum += weights[k] / total * (k == i ? 1 : herd_likely(weights, gone | 1u << k, wanted - 1, i));
	return sum;
}
