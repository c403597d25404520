#include "gslb/edits.h"

#include <stdlib.h>

struct edit {
	struct name owner;
	bool whole; /* the zone of that apex */
};

struct edits {
	struct edit *items;
	size_t n, cap, nzone; /* of the zone at hand */
};

static void add(struct edits *edits, const struct name *owner, bool whole)
{
	edits->items = mem_grow(edits->items, edits->n, &edits->cap, sizeof *edits->items);
	edits->items[edits->n++] = (struct edit){ *owner, whole };
}

static void changed(void *arg, const struct name *owner)
{
	struct edits *edits = arg;

	if (++edits->nzone <= EDITS_MAX)
		add(edits, owner, false);
}

static const struct zone *find(const struct zone_set *set, const struct name *apex)
{
	for (size_t i = 0; i < set->nzones; i++)
		if (name_equal(&set->zones[i]->apex, apex))
			return set->zones[i];
	return NULL;
}

/* Zones that did not change are the very same ones. */
static void compare(struct edits *edits, const struct zone *before, const struct zone *after)
{
	size_t began = edits->n;

	edits->nzone = 0;
	zone_diff(before, after, changed, edits);
	if (edits->nzone <= EDITS_MAX)
		return;
	edits->n = began;
	add(edits, &after->apex, true);
}

struct edits *edits_new(const struct zone_set *before, const struct zone_set *after)
{
	struct edits *edits;

	if (before == NULL || before == after)
		return NULL;
	edits = mem_alloc(sizeof *edits);
	for (size_t i = 0; i < after->nzones; i++) {
		const struct zone *old = find(before, &after->zones[i]->apex);

		if (old == NULL)
			add(edits, &after->zones[i]->apex, true);
		else if (old != after->zones[i])
			compare(edits, old, after->zones[i]);
	}
	for (size_t i = 0; i < before->nzones; i++)
		if (find(after, &before->zones[i]->apex) == NULL)
			add(edits, &before->zones[i]->apex, true);
	if (edits->n > 0)
		return edits;
	edits_free(edits);
	return NULL;
}

void edits_free(struct edits *edits)
{
	if (edits == NULL)
		return;
	free(edits->items);
	free(edits);
}

size_t edits_count(const struct edits *edits)
{
	return edits != NULL ? edits->n : 0;
}

void edits_tell_name(struct herald *herald, const struct name *owner, enum herald_prio prio, uint64_t serial)
{
	struct name parent;

	if (owner->nlabels == 0 || owner->wire[0] != 1 || owner->wire[1] != '*') {
		herald_tell(herald, owner, false, prio, serial);
		return;
	}
	name_suffix(owner, 1, &parent);
	herald_tell(herald, &parent, true, prio, serial);
}

void edits_tell(const struct edits *edits, struct herald *herald, uint64_t serial)
{
	for (size_t i = 0; i < edits_count(edits); i++) {
		const struct edit *edit = &edits->items[i];

		if (edit->whole)
			herald_tell(herald, &edit->owner, true, HERALD_EDIT, serial);
		else
			edits_tell_name(herald, &edit->owner, HERALD_EDIT, serial);
	}
}
