#include "gslb/hits.h"

#include <jansson.h>
#include <stdlib.h>

static uint64_t answers_of(const struct ledger *ledger, const struct service_plan *plan)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < plan->list->n; i++)
		n += ledger_answers(ledger, plan->first_override + i);
	return n;
}

struct told {
	uint32_t service;
	uint64_t times;
};

static int more_first(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return (x->times < y->times) - (x->times > y->times);
}

/* A wildcard's names are not written down: of these nothing is told. */
static json_t *hits_json(const struct snapshot *snapshot, const struct told *told, size_t n)
{
	json_t *list = json_array();
	char owner[NAME_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		name_format(&snapshot->services[told[i].service].service->owner, owner);
		if (owner[0] != '*')
			json_array_append_new(list, json_pack("{s:s,s:s,s:I}", "class", "dns", "value", owner, "times",
							    (json_int_t)told[i].times));
	}
	return list;
}

static void tell(struct hits *hits, const struct ledger *ledger, struct herald *herald)
{
	const struct snapshot *snapshot = ledger_snapshot(ledger);
	struct told *told = mem_alloc((snapshot->nservices + 1) * sizeof *told);
	size_t n = 0;

	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		uint64_t now = answers_of(ledger, &snapshot->services[i]);

		if (now > hits->before[i])
			told[n++] = (struct told){ i, now - hits->before[i] };
		hits->before[i] = now;
	}
	qsort(told, n, sizeof *told, more_first);
	if (n > 0)
		herald_hits(herald, hits_json(snapshot, told, n < HITS_MAX ? n : HITS_MAX));
	free(told);
}

/* Other services have these numbers now: from here on. */
static void begin(struct hits *hits, const struct ledger *ledger)
{
	const struct snapshot *snapshot = ledger_snapshot(ledger);

	free(hits->before);
	hits->before = mem_alloc((snapshot->nservices + 1) * sizeof *hits->before);
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		hits->before[i] = answers_of(ledger, &snapshot->services[i]);
	hits->serial = snapshot->serial;
}

uint64_t hits_look(struct hits *hits, const struct ledger *ledger, struct herald *herald, uint64_t now_ms)
{
	if (hits->before == NULL || hits->serial != ledger_snapshot(ledger)->serial)
		begin(hits, ledger);
	if (now_ms >= hits->next_ms) {
		tell(hits, ledger, herald);
		hits->next_ms = now_ms + HITS_MS;
	}
	return hits->next_ms;
}

void hits_leave(struct hits *hits, const struct ledger *ledger, struct herald *herald)
{
	if (hits->before != NULL && hits->serial == ledger_snapshot(ledger)->serial)
		tell(hits, ledger, herald);
}

void hits_fini(struct hits *hits)
{
	free(hits->before);
}
