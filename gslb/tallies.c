/* A reload makes other numbers of services and pools; names stay. The identities of a snapshot are hashes of names, and most
 * services have the same number after a reload as before, so that is looked at first. */
#include "gslb/tallies.h"

#include <stdlib.h>
#include <string.h>

/* Written, not only asked for: a worker that is the first to touch a page would wait for whoever has the address space, and the
 * builder may have it while it waits for a processor. */
static void *touched(size_t len)
{
	void *bytes = mem_resize(NULL, len > 0 ? len : 1);

	memset(bytes, 0, len);
	return bytes;
}

struct tallies *tallies_new(const struct snapshot *snapshot, unsigned nworkers)
{
	struct tallies *tallies = mem_alloc(sizeof *tallies);
	size_t nreasons = (size_t)snapshot->nservices * WHYS;

	*tallies = (struct tallies){
		.nworkers = nworkers,
		.nservices = snapshot->nservices,
		.reasons = touched((nworkers * nreasons + 1) * sizeof(uint64_t)),
		.before = mem_alloc((nreasons + 1) * sizeof(uint64_t)),
	};
	return tallies;
}

void tallies_free(struct tallies *tallies)
{
	if (tallies == NULL)
		return;
	free(tallies->reasons);
	free(tallies->before);
	free(tallies);
}

/* ---- sums ---- */

static uint64_t over_workers(const _Atomic uint64_t *rows, unsigned nworkers, size_t row_len, size_t at)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nworkers; i++)
		sum += atomic_load_explicit(&rows[i * row_len + at], memory_order_relaxed);
	return sum;
}

static uint64_t reason_at(const struct tallies *tallies, uint32_t service, enum decide_why why)
{
	size_t at = (size_t)service * WHYS + why;

	return tallies->before[at] +
	       over_workers(tallies->reasons, tallies->nworkers, (size_t)tallies->nservices * WHYS, at);
}

uint64_t tallies_reason(const struct tallies *tallies, const struct snapshot *snapshot, const struct ledger *ledger,
	uint32_t service, enum decide_why why)
{
	const struct service_plan *plan = &snapshot->services[service];
	uint64_t answers = 0, others = reason_at(tallies, service, why);

	if (why != WHY_RANKED)
		return others;
	for (uint32_t i = 0; i < plan->list->n; i++)
		answers += ledger_answers(ledger, plan->first_override + i);
	return answers > others ? answers - others : 0; /* workers count on while we add */
}

/* ---- going on ---- */

enum { NOBODY = 0xffffffff };

/* Services by identity: open addressing, twice as long as needed. */
struct index {
	uint32_t mask;
	uint32_t *service; /* number; NOBODY: empty */
};

static struct index index_new(const struct snapshot *snapshot)
{
	struct index index = { .mask = 1 };

	while (index.mask < snapshot->nservices * 2)
		index.mask = index.mask * 2 + 1;
	index.service = mem_resize(NULL, (index.mask + (size_t)1) * sizeof *index.service);
	memset(index.service, 0xff, (index.mask + (size_t)1) * sizeof *index.service);
	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		uint32_t at = (uint32_t)snapshot->services[i].identity & index.mask;

		while (index.service[at] != NOBODY)
			at = (at + 1) & index.mask;
		index.service[at] = i;
	}
	return index;
}

static uint32_t index_find(const struct index *index, const struct snapshot *snapshot, uint64_t identity)
{
	uint32_t at = (uint32_t)identity & index->mask;

	while (index->service[at] != NOBODY && snapshot->services[index->service[at]].identity != identity)
		at = (at + 1) & index->mask;
	return index->service[at];
}

void tallies_inherit(
	struct tallies *tallies, const struct snapshot *snapshot, const struct tallies *from, const struct snapshot *of)
{
	struct index index = { 0 };

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		uint64_t identity = snapshot->services[i].identity;
		uint32_t was = i;

		if (was >= of->nservices || of->services[was].identity != identity) {
			if (index.service == NULL)
				index = index_new(of);
			was = index_find(&index, of, identity);
		}
		if (was != NOBODY)
			for (int why = 0; why < WHYS; why++)
				tallies->before[(size_t)i * WHYS + (size_t)why] =
					reason_at(from, was, (enum decide_why)why);
	}
	free(index.service);
}
