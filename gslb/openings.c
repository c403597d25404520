/* The rate falls with the square root of the samples, in steps, since each rate is a class of its own. */
#include "gslb/openings.h"

#include <math.h>
#include <stdlib.h>

static const double penalty_ms = 25, penalty_part = 0.25, gain_ms = 5, gain_part = 0.10, chance = -1.28;

bool openings_worth(const struct latency_estimate *leader, const struct latency_estimate *other)
{
	double best = exp(leader->mean), cost = exp(other->mean) - best, enough;

	if (leader->n < LATENCY_SAMPLES_MIN || cost > fmin(penalty_ms, penalty_part * best))
		return false;
	if (latency_lacks(leader, other) == 0) /* it comes first anyway */
		return false;
	enough = best - fmax(gain_ms, gain_part * best);
	return enough > 0 && (log(enough) - other->mean) / sqrt(leader->variance + other->variance) >= chance;
}

/* ---- the table ---- */

static uint32_t *slot_of(const struct openings *openings, uint64_t key)
{
	size_t at = hash_mix(key, 0x6f70656e) & (openings->nslots - 1);

	while (openings->slots[at] != 0 && openings->openings[openings->slots[at] - 1].key != key)
		at = (at + 1) & (openings->nslots - 1);
	return &openings->slots[at];
}

static void slots_renew(struct openings *openings, size_t nslots)
{
	free(openings->slots);
	openings->nslots = nslots;
	openings->slots = mem_alloc(nslots * sizeof *openings->slots);
	for (size_t i = 0; i < openings->n; i++)
		*slot_of(openings, openings->openings[i].key) = (uint32_t)i + 1;
}

static struct opening *find(const struct openings *openings, uint64_t key)
{
	uint32_t slot = openings->nslots > 0 && key != 0 ? *slot_of(openings, key) : 0;

	return slot != 0 ? &openings->openings[slot - 1] : NULL;
}

static struct opening *add(struct openings *openings, uint64_t key)
{
	struct opening *opening;

	if (openings->n * 2 >= openings->nslots)
		slots_renew(openings, openings->nslots > 0 ? openings->nslots * 2 : 64);
	openings->openings = mem_grow(openings->openings, openings->n, &openings->cap, sizeof *openings->openings);
	opening = &openings->openings[openings->n++];
	*opening = (struct opening){ .key = key };
	*slot_of(openings, key) = (uint32_t)openings->n;
	return opening;
}

/* ---- a pass ---- */

static uint16_t decayed(uint16_t rate, double n)
{
	double step = fmin(fmax(round(log2(fmax(n, 1))), 0), 6);

	return (uint16_t)fmax(rate * exp2(-step / 2), rate > 0);
}

static void begin(struct opening *opening, uint8_t candidate, double n, uint64_t now_s)
{
	opening->candidate = candidate;
	opening->n = (float)n;
	opening->since_s = (uint32_t)now_s;
	opening->until_s = 0;
}

bool openings_confirm(struct openings *openings, uint64_t key, uint8_t candidate, double n, uint16_t rate,
	uint16_t pass, uint64_t now_s)
{
	struct opening *opening = find(openings, key);
	struct opening was = { 0 };

	if (opening == NULL && openings->nexplored >= OPENINGS_MAX)
		return false;
	if (opening != NULL)
		was = *opening;
	else
		opening = add(openings, key);
	if (was.key == 0 || was.candidate != candidate || (was.until_s != 0 && was.until_s <= now_s) || n > was.n + 0.5)
		begin(opening, candidate, n, now_s);
	else if (n < opening->n) /* time takes of them */
		opening->n = (float)n;
	if (opening->until_s == 0 && now_s >= opening->since_s + (uint64_t)OPENINGS_VAIN_S)
		opening->until_s = (uint32_t)now_s + OPENINGS_REST_S;
	opening->rate = opening->until_s == 0 ? decayed(rate, n) : 0;
	opening->pass = pass;
	openings->nexplored += (opening->rate > 0) - (size_t)(was.rate > 0);
	return opening->rate != was.rate || (opening->rate > 0 && opening->candidate != was.candidate);
}

bool openings_close(struct openings *openings, uint16_t pass, uint64_t now_s)
{
	size_t kept = 0, before = openings->n;
	bool changed = false;

	for (size_t i = 0; i < before; i++) {
		struct opening *opening = &openings->openings[i];

		if (opening->pass != pass && opening->until_s <= now_s) {
			changed |= opening->rate > 0;
			openings->nexplored -= opening->rate > 0;
			continue;
		}
		openings->openings[kept++] = *opening;
	}
	openings->n = kept;
	if (kept < before)
		slots_renew(openings, openings->nslots);
	return changed;
}

const struct opening *openings_find(const struct openings *openings, uint64_t key)
{
	const struct opening *opening = find(openings, key);

	return opening != NULL && opening->rate > 0 ? opening : NULL;
}

void openings_fini(struct openings *openings)
{
	free(openings->openings);
	free(openings->slots);
	*openings = (struct openings){ 0 };
}
