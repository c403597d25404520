#include <stdlib.h>

#include "zones/inner.h"

void table_init(struct table *table, size_t nitems)
{
	size_t nslots = 8;

	while (nslots < nitems * 2 + 2)
		nslots *= 2;
	*table = (struct table){ .slots = huge_alloc(nslots * sizeof *table->slots), .mask = (uint32_t)(nslots - 1) };
}

void table_fini(struct table *table)
{
	huge_free(table->slots, ((size_t)table->mask + 1) * sizeof *table->slots);
	*table = (struct table){ 0 };
}

void table_put(struct table *table, uint64_t hash, uint32_t index)
{
	uint64_t at = hash;

	while (table->slots[at & table->mask].index != 0)
		at++;
	table->slots[at & table->mask] = (struct slot){ .mark = (uint32_t)(hash >> 32), .index = index + 1 };
	table->used++;
}
