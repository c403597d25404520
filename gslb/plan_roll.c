#include "gslb/plan_roll.h"

#include <stdlib.h>

static size_t slot_of(const struct plan_roll *roll, const struct name *name)
{
	size_t at = hash_bytes(1, name->wire, name->len) & (roll->nslots - 1);

	while (roll->slots[at] != 0 && !name_equal(roll->names[roll->slots[at] - 1], name))
		at = (at + 1) & (roll->nslots - 1);
	return at;
}

static void widen(struct plan_roll *roll)
{
	roll->nslots = roll->nslots > 0 ? 2 * roll->nslots : 64;
	free(roll->slots);
	roll->slots = mem_alloc(roll->nslots * sizeof *roll->slots);
	for (size_t i = 0; i < roll->n; i++)
		roll->slots[slot_of(roll, roll->names[i])] = (uint32_t)i + 1;
}

uint32_t roll_add(struct plan_roll *roll, const struct name *name)
{
	size_t at;

	if (2 * roll->n >= roll->nslots)
		widen(roll);
	at = slot_of(roll, name);
	if (roll->slots[at] == 0) {
		roll->names = mem_grow(roll->names, roll->n, &roll->cap, sizeof *roll->names);
		roll->names[roll->n] = name;
		roll->slots[at] = (uint32_t)++roll->n;
	}
	return roll->slots[at] - 1;
}

uint32_t roll_find(const struct plan_roll *roll, const struct name *name)
{
	return roll->nslots > 0 ? roll->slots[slot_of(roll, name)] - 1 : ROLL_NONE;
}

void roll_fini(struct plan_roll *roll)
{
	free(roll->names);
	free(roll->slots);
	*roll = (struct plan_roll){ 0 };
}
