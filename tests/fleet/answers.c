/* The zone: five pools of two endpoints, one in each region, as prober.c has them; the last pools have fewer addresses of version 6, so that not
 * every pool is a candidate for everybody. The services have each of the last resorts that never answer emptily. */
#include "tests/fleet/answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/scenario/sim.h"

enum { CLIENTS = 5 };

static const char zone[] = "$TTL 3600\n"
			   "@ SOA ns1 hostmaster 1 3600 600 604800 30\n"
			   "@ NS ns1\n"
			   "ns1 A 192.0.2.53\n"
			   "_gslb.near TXT \"v=gslb1; pools=p0,p1,p2,p3,p4; rank=geo; down=all\"\n"
			   "_gslb.order TXT \"v=gslb1; pools=p0,p1; rank=order; down=all\"\n"
			   "_gslb.last TXT \"v=gslb1; pools=p1,p2; rank=order; down=last\"\n"
			   "_gslb.back TXT \"v=gslb1; pools=p3; rank=order; fallback=p4; keep=0\"\n"
			   "_gslb.share TXT \"v=gslb1; pools=p2:3,p3:2; rank=weight; spread=sticky; answers=2\"\n"
			   "p0._pool LOC 53 20 N 6 15 W 0m\n"
			   "p1._pool LOC 40 N 75 W 0m\n"
			   "p2._pool LOC 1 20 N 103 50 E 0m\n"
			   "p3._pool LOC 23 30 S 46 40 W 0m\n"
			   "p4._pool LOC 33 50 S 151 10 E 0m\n";

/* v6: of the pool's two. */
static const struct {
	bool v6[2];
} pools[] = { { { true, true } }, { { true, true } }, { { true, true } }, { { true, false } }, { { false, false } } };

static const char *const services[] = { "near.svc.example", "order.svc.example", "last.svc.example", "back.svc.example",
	"share.svc.example" };

static const struct {
	const char *v4, *v6, *place;
} clients[CLIENTS] = {
	{ "198.51.100.7", "2001:db8:100::7", "53.3 -6.2 IE EU" },
	{ "198.51.101.7", "2001:db8:101::7", "40.7 -74.0 US NA" },
	{ "198.51.102.7", "2001:db8:102::7", "1.3 103.8 SG AS" },
	{ "198.51.103.7", "2001:db8:103::7", "-23.5 -46.6 BR SA" },
	{ "198.51.104.7", "2001:db8:104::7", "-33.8 151.2 AU OC" },
};

/* The snapshot, which does not change; its slots and overrides are not used. */
static struct {
	bool made;
	struct sim sim;
	const struct service_plan *service[COUNT_OF(services)];
	struct client client[CLIENTS][2];
} common;

struct answers {
	struct override_list *list;
	struct overlay *overlay;
};

/* ---- what all have in common ---- */

static void write_zone(struct buf *text)
{
	buf_printf(text, "%s", zone);
	for (unsigned i = 0; i < COUNT_OF(pools); i++) {
		buf_printf(text, "p%u._pool TXT \"v=pool1; region=g%u; ramp=0s\"\n", i, i);
		for (unsigned k = 0; k < 2; k++) {
			buf_printf(text, "p%u._pool SRV 0 1 443 e%u\ne%u A 192.0.1.%u\n", i, 2 * i + k, 2 * i + k,
				2 * i + k + 1);
			if (pools[i].v6[k])
				buf_printf(text, "e%u AAAA 2001:db8::%u\n", 2 * i + k, 2 * i + k + 1);
		}
	}
}

static void place_client(unsigned i)
{
	char line[128];

	snprintf(line, sizeof line, "198.51.%u.0/24 %s", 100 + i, clients[i].place);
	sim_place(&common.sim, line);
	snprintf(line, sizeof line, "2001:db8:%u::/48 %s", 100 + i, clients[i].place);
	sim_place(&common.sim, line);
	sim_client(clients[i].v4, &common.client[i][0]);
	sim_client(clients[i].v6, &common.client[i][1]);
}

static void make_common(void)
{
	struct buf text = { 0 };

	sim_init(&common.sim);
	rmdir(common.sim.state); /* its own overrides, which are none; a worker of many may be killed at any time */
	write_zone(&text);
	sim_zone(&common.sim, "svc.example", text.text);
	buf_fini(&text);
	for (unsigned i = 0; i < CLIENTS; i++)
		place_client(i);
	sim_load(&common.sim);
	for (unsigned i = 0; i < COUNT_OF(services); i++)
		common.service[i] = sim_service(&common.sim, services[i]);
	common.made = true;
}

/* ---- a host ---- */

struct answers *answers_new(void)
{
	struct answers *answers = mem_alloc(sizeof *answers);

	if (!common.made)
		make_common();
	answers->list = override_list_scratch(NULL);
	answers->overlay = overlay_new(answers->list, common.sim.snapshot);
	return answers;
}

void answers_free(struct answers *answers)
{
	if (answers == NULL)
		return;
	overlay_free(answers->overlay);
	override_list_free(answers->list);
	free(answers);
}

bool answers_take(struct answers *answers, const struct writ *writ, uint64_t wall_ms, struct err *err)
{
	struct world world = common.sim.world;
	struct override_merged merged;

	world.overlay = answers->overlay;
	if (!override_merge(answers->list, &world, &writ, 1, wall_ms, &merged, err))
		return false;
	if (merged.refused > 0)
		return err_set(err, "%s", merged.refusal.text);
	overlay_free(answers->overlay);
	answers->overlay = overlay_new(answers->list, common.sim.snapshot);
	return true;
}

uint64_t answers_overrides(const struct answers *answers, uint64_t wall_ms)
{
	return writ_set_digest(override_list_writs(answers->list), wall_ms);
}

/* ---- asking ---- */

/* Without what only those know who probe it. */
static uint64_t bare(uint64_t word)
{
	struct verdict verdict = verdict_unpack(word);

	verdict.doubt = verdict.damped = false;
	return verdict_pack(&verdict);
}

/* By the last byte of its address: 192.0.1.3 and 2001:db8::3 are the third one. */
static void show(
	struct board_slot shown[static SIM_SLOTS], const struct board_slot *slots, unsigned nslots, bool is_bare)
{
	for (size_t i = 0; i < common.sim.nslots; i++) {
		const struct addr *addr = &common.sim.slot[i].addr;
		unsigned endpoint = addr->bytes[addr->family == ADDR_V4 ? 3 : 15] - 1U;

		if (endpoint >= nslots)
			continue;
		memcpy(&shown[i], &slots[endpoint], sizeof shown[i]);
		if (is_bare)
			shown[i].word = bare(shown[i].word);
	}
}

static bool is_answer(const struct decision *decision)
{
	return decision->kind == DECIDE_ADDRESSES && decision->nendpoints > 0 && decision->ttl_s > 0;
}

static uint64_t mix(uint64_t hash, const struct decision *decision)
{
	hash = hash_mix(hash, decision->kind * 16U + decision->why);
	for (uint32_t i = 0; i < decision->nendpoints; i++)
		hash = hash_mix(hash, decision->endpoint[i]);
	return hash;
}

static bool ask(const struct world *world, unsigned service, unsigned client, enum family family, uint64_t wall_ms,
	uint64_t *hash, struct err *err)
{
	struct dice dice = { .state = SIM_SEED };
	struct decision decision;

	memset(&decision, 0xee, sizeof decision);
	decide(world, common.service[service], &common.client[client][family == FAMILY_V4 ? 0 : 1], family, wall_ms,
		&dice, &decision, NULL);
	*hash = mix(*hash, &decision);
	return is_answer(&decision) || err_set(err, "%s is answered nothing for %s: %s",
					       family == FAMILY_V4 ? clients[client].v4 : clients[client].v6,
					       services[service], decide_why_name(decision.why));
}

bool answers_look(const struct answers *answers, const struct board_slot *slots, unsigned nslots, bool is_bare,
	uint64_t wall_ms, uint64_t *hash, struct err *err)
{
	static struct board_slot shown[SIM_SLOTS];
	struct world world = common.sim.world;
	bool good = true;

	show(shown, slots, nslots, is_bare);
	world.slots = shown;
	world.overlay = answers->overlay;
	*hash = 0;
	for (unsigned i = 0; i < COUNT_OF(services); i++)
		for (unsigned k = 0; k < CLIENTS; k++)
			good = ask(&world, i, k, FAMILY_V4, wall_ms, hash, err) &&
			       ask(&world, i, k, FAMILY_V6, wall_ms, hash, err) && good;
	return good;
}
