#include "gslb/split.h"

#include <stdlib.h>

struct split *split_new(const struct snapshot *snapshot)
{
	struct split *split = mem_alloc(sizeof *split);

	split->nservices = snapshot->nservices;
	split->row = mem_alloc((snapshot->nservices * (size_t)FAMILIES + 1) * sizeof *split->row);
	return split;
}

void split_free(struct split *split)
{
	if (split == NULL)
		return;
	for (size_t i = 0; i < split->nservices * (size_t)FAMILIES; i++)
		free(split->row[i]);
	free(split->row);
	free(split->rows);
	free(split);
}

/* Who shares comes first; the others keep their groups, which begin where the first one left begins. */
static void reorder(struct split_row *row, const struct order *order, const uint16_t *part, uint32_t home)
{
	bool begins = true;

	row->order.begins = 1;
	for (unsigned i = 0; i < order->npools; i++)
		if (part[i] > 0) {
			row->home |= (home >> i & 1) << row->order.npools;
			row->part[row->order.npools] = part[i];
			row->order.pool[row->order.npools++] = order->pool[i];
		}
	for (unsigned i = 0; i < order->npools; i++) {
		begins |= (order->begins >> i & 1) != 0;
		if (part[i] > 0)
			continue;
		row->home |= (home >> i & 1) << row->order.npools;
		row->order.begins |= (uint32_t)begins << row->order.npools;
		row->order.pool[row->order.npools++] = order->pool[i];
		begins = false;
	}
}

uint32_t split_add(struct split *split, const struct order *order, const uint16_t *part, uint32_t home)
{
	split->rows = mem_grow(split->rows, split->nrows, &split->cap, sizeof *split->rows);
	split->rows[split->nrows] = (struct split_row){ 0 };
	reorder(&split->rows[split->nrows], order, part, home);
	return ++split->nrows;
}

void split_map(struct split *split, const struct snapshot *snapshot, uint32_t service, enum family family,
	uint32_t class, uint32_t row)
{
	uint32_t **of = &split->row[service * FAMILIES + family];

	if (*of == NULL)
		*of = mem_alloc(((size_t)snapshot->services[service].steering[family].norders + 1) * sizeof **of);
	(*of)[class] = row;
}
