#include "geo/numbers.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

void numbers_init(struct numbers *numbers)
{
	*numbers = (struct numbers){ .nslots = 64 };
	numbers->slots = mem_alloc(numbers->nslots * sizeof *numbers->slots);
	numbers_intern(numbers, 0);
}

void numbers_fini(struct numbers *numbers)
{
	free(numbers->number);
	free(numbers->slots);
	*numbers = (struct numbers){ 0 };
}

static uint32_t *find_slot(const struct numbers *numbers, uint64_t number)
{
	uint64_t hash = hash_mix(number, 0);

	for (;; hash++) {
		uint32_t *slot = &numbers->slots[hash & (numbers->nslots - 1)];

		if (*slot == 0 || numbers->number[*slot - 1] == number)
			return slot;
	}
}

static void grow(struct numbers *numbers)
{
	free(numbers->slots);
	numbers->nslots *= 2;
	numbers->slots = mem_alloc(numbers->nslots * sizeof *numbers->slots);
	for (uint32_t id = 0; id < numbers->n; id++)
		*find_slot(numbers, numbers->number[id]) = id + 1;
}

uint32_t numbers_intern(struct numbers *numbers, uint64_t number)
{
	uint32_t *slot = find_slot(numbers, number);

	if (*slot != 0)
		return *slot - 1;
	*slot = numbers->n + 1;
	numbers->number = mem_grow(numbers->number, numbers->n, &numbers->cap, sizeof *numbers->number);
	numbers->number[numbers->n++] = number;
	if (numbers->n > numbers->nslots / 2)
		grow(numbers);
	return numbers->n - 1;
}

void numbers_trim(struct numbers *numbers)
{
	free(numbers->slots);
	numbers->slots = NULL;
	numbers->nslots = 0;
}
