/* A target is drained when nothing is left of it in any of its pairs; it is safe when also the latest expiry of all that it takes in is
 * over. The endpoints of a pool count beside its pairs: a service that a reload took the pool away from has left no pair. And so does
 * whatever else has one of their addresses: who asks wants to switch a machine off. */
#include "gslb/drain.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/parts.h"
#include "gslb/standing.h"

/* ---- is it drained ---- */

/* How a way of being answered stands, and how all of them do together. */
struct out {
	uint16_t left;                      /* permille of its clients that are still sent to it */
	uint64_t since_ms;                  /* when it was whole, or will be; 0: no drain */
	uint64_t back_ms;                   /* when the first one comes back */
	const struct service_plan *service; /* one that is left most */
};

/* The drain or down of an overlay's entry, while it is in force. */
static const struct effect *effect_of(const struct overlay *overlay, const uint16_t pair[2], uint64_t now_ms)
{
	const struct effect *effect;

	if (overlay == NULL || pair == NULL || pair[1] == 0 || pair[1] >= overlay->neffects)
		return NULL;
	effect = &overlay->effects[pair[1]];
	return now_ms >= effect->from_ms && now_ms < effect->until_ms ? effect : NULL;
}

static void out_add(struct out *out, const struct effect *effect, uint64_t now_ms)
{
	uint64_t whole_ms, elapsed_ms;
	uint16_t left = 0;

	if (effect == NULL)
		return;
	whole_ms = effect->from_ms + (effect->action == OVERRIDE_DRAIN ? effect->over_ms : 0);
	elapsed_ms = now_ms - effect->from_ms;
	if (now_ms < whole_ms)
		left = (uint16_t)(999 - elapsed_ms * 999 / effect->over_ms); /* 1000: no drain has begun */
	if (left < out->left)
		out->left = left;
	if (out->since_ms == 0 || whole_ms < out->since_ms)
		out->since_ms = whole_ms;
	if (effect->until_ms > out->back_ms)
		out->back_ms = effect->until_ms;
}

/* Of what is needed all at once: the one that is least out. */
static void out_join(struct out *all, const struct out *one)
{
	if (one->left > all->left || (one->left == 1000 && all->service == NULL)) {
		all->left = one->left;
		all->service = one->service;
	}
	if (one->since_ms > all->since_ms)
		all->since_ms = one->since_ms;
	if (all->back_ms == 0 || one->back_ms < all->back_ms)
		all->back_ms = one->back_ms;
}

/* Of one pair: the pool as a whole, else each of its endpoints that are the target's. */
static struct out pair_out(const struct drain_question *question, const struct parts *parts,
	const struct service_plan *service, uint32_t candidate)
{
	const struct overlay *overlay = question->world->overlay;
	const struct pool_plan *plan = &parts->snapshot->pools[service->list->candidate[candidate].pool];
	struct out whole = { .left = 1000, .service = service }, all = { .service = service };
	bool by_pool = parts->target.kind == OVERRIDE_SERVICE_POOL, some = false;

	if (overlay == NULL)
		return whole;
	out_add(&whole, effect_of(overlay, overlay->pool[service->list->candidate[candidate].pool], question->now_ms),
		question->now_ms);
	out_add(&whole,
		effect_of(overlay, overlay->service_pool[service->first_override + candidate], question->now_ms),
		question->now_ms);
	for (enum family family = 0; family < FAMILIES; family++)
		for (uint32_t i = plan->part[family].first; i < plan->part[family].first + plan->part[family].n; i++) {
			struct out one = whole;

			if (!by_pool && !parts->endpoint[i])
				continue;
			some = true;
			out_add(&one, effect_of(overlay, overlay->endpoint[i], question->now_ms), question->now_ms);
			out_join(&all, &one);
		}
	return some ? all : whole;
}

static struct out stand(const struct drain_question *question, const struct parts *parts)
{
	const struct snapshot *snapshot = parts->snapshot;
	struct out all = { 0 };

	for (uint32_t i = 0; i < snapshot->nservices; i++)
		for (uint32_t k = 0; k < snapshot->services[i].list->n; k++)
			if (parts->pair[snapshot->services[i].first_override + k]) {
				struct out one = pair_out(question, parts, &snapshot->services[i], k);

				out_join(&all, &one);
			}
	return all;
}

/* ---- until when, and who ---- */

static void later(uint32_t *latest_s, uint32_t expires_s)
{
	if (expires_s > *latest_s)
		*latest_s = expires_s;
}

static uint32_t expires(const struct ledger *ledger, const struct parts *parts)
{
	const struct snapshot *snapshot = parts->snapshot;
	uint32_t latest_s = 0;

	for (uint32_t i = 0; i < snapshot->nendpoints; i++)
		if (parts->endpoint[i]) {
			later(&latest_s, ledger_slot_expires_s(ledger, i));
			later(&latest_s, ledger_slot_expires_s(
						 ledger, ledger_target_slot(ledger, snapshot->endpoints[i].target)));
		}
	if (parts->target.kind != OVERRIDE_ENDPOINT)
		for (uint32_t i = 0; i < snapshot->nservice_pools; i++)
			if (parts->pair[i])
				later(&latest_s, ledger_pair_expires_s(ledger, i));
	return latest_s;
}

/* Could the network's last answer have named the target? */
static bool may_name(const struct parts *parts, const struct recent_client *client)
{
	if (!parts->pair[client->pair])
		return false;
	if (parts->target.kind != OVERRIDE_ENDPOINT || !client->one)
		return true;
	return client->slot >= parts->snapshot->nendpoints || parts->endpoint[client->slot];
}

struct holders {
	size_t networks, holding; /* a network counts once for each service that can name the target */
	double weight, held;
};

/* The service of each pair that has a part of the target in it; else LEDGER_NONE. */
static uint32_t *concerned(const struct parts *parts)
{
	const struct snapshot *snapshot = parts->snapshot;
	uint32_t *service = mem_alloc((snapshot->nservice_pools + 1) * sizeof *service);

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *plan = &snapshot->services[i];
		bool mine = false;

		for (uint32_t k = 0; k < plan->list->n; k++)
			mine |= parts->pair[plan->first_override + k];
		for (uint32_t k = 0; k < plan->list->n; k++)
			service[plan->first_override + k] = mine ? i : LEDGER_NONE;
	}
	return service;
}

static struct holders count_holders(const struct drain_question *question, const struct parts *parts)
{
	uint32_t *service = concerned(parts);
	size_t n;
	struct recent_client *clients = recent_clients(question->recent, &n);
	struct holders holders = { 0 };

	for (size_t i = 0; i < n;) {
		const struct recent_client *first = &clients[i];
		uint32_t of = service[first->pair];
		double weight = 0;
		bool held = false;

		for (; i < n && service[clients[i].pair] == of && clients[i].family == first->family &&
			addr_equal(&clients[i].net, &first->net);
			i++) {
			weight += (double)clients[i].weight;
			held |= clients[i].expires_s > question->now_ms / 1000 && may_name(parts, &clients[i]);
		}
		if (of == LEDGER_NONE)
			continue;
		holders.networks++;
		holders.weight += weight;
		holders.holding += held;
		holders.held += held ? weight : 0;
	}
	free(clients);
	free(service);
	return holders;
}

/* ---- the same addresses elsewhere ---- */

static int by_address(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* The endpoint, not one of the target's, that has one of its addresses and is held longest; LEDGER_NONE: none. */
static uint32_t elsewhere(const struct ledger *ledger, const struct parts *parts, uint32_t *expires_s)
{
	const struct endpoint *endpoints = parts->snapshot->endpoints;
	struct addr *mine = mem_alloc((parts->nendpoints + 1) * sizeof *mine);
	uint32_t n = 0, found = LEDGER_NONE;

	*expires_s = 0;
	for (uint32_t i = 0; i < parts->snapshot->nendpoints; i++)
		if (parts->endpoint[i])
			mine[n++] = endpoints[i].addr;
	qsort(mine, n, sizeof *mine, by_address);
	for (uint32_t i = 0; i < parts->snapshot->nendpoints && n > 0; i++) {
		uint32_t held_s = ledger_slot_expires_s(ledger, i);

		if (parts->endpoint[i] || held_s <= *expires_s ||
			bsearch(&endpoints[i].addr, mine, n, sizeof *mine, by_address) == NULL)
			continue;
		found = i;
		*expires_s = held_s;
	}
	free(mine);
	return found;
}

/* ---- the whole ---- */

static enum drain_state state_of(const struct drain_facts *facts, uint64_t now_ms)
{
	uint64_t now_s = now_ms / 1000;

	if (facts->npairs > 0 && facts->left == 1000)
		return DRAIN_NONE;
	if (facts->left > 0)
		return DRAIN_UNDER_WAY;
	return now_s < facts->expires_s || now_s < facts->elsewhere_s ? DRAIN_HELD : DRAIN_SAFE;
}

void drain_look(const struct drain_question *question, const struct override_target *target, struct drain_facts *facts)
{
	struct parts parts;
	struct holders holders;
	struct out out;

	parts_init(&parts, question->world->snapshot, target);
	out = stand(question, &parts);
	holders = count_holders(question, &parts);
	*facts = (struct drain_facts){
		.npairs = parts.npairs,
		.left = out.left,
		.since_ms = out.since_ms,
		.back_ms = out.back_ms,
		.service = out.service,
		.expires_s = expires(question->ledger, &parts),
		.networks = holders.networks,
		.holding = holders.holding,
		.held_percent = holders.weight > 0 ? holders.held * 100 / holders.weight : 0,
		.elsewhere = LEDGER_NONE,
	};
	if (target->kind != OVERRIDE_SERVICE_POOL)
		facts->elsewhere = elsewhere(question->ledger, &parts, &facts->elsewhere_s);
	facts->state = state_of(facts, question->now_ms);
	parts_fini(&parts);
}
