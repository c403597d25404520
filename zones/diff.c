/* What an edit changed, name by name: both sides know their names by hash, so that a million of them take as long as reading them once. */
#include <stdlib.h>
#include <string.h>

#include "zones/inner.h"

/* The configuration's names of a zone, by hash. */
struct config_entry {
	uint64_t hash;
	const struct node *node;
};

struct diff {
	const struct zone *other;
	const struct config_entry *config; /* the other's */
	void (*changed)(void *arg, const struct name *owner);
	void *arg;
};

static bool same_records(const struct node *a, const struct node *b)
{
	if (a->nrrsets != b->nrrsets)
		return false;
	for (uint16_t i = 0; i < a->nrrsets; i++) {
		const struct rrset *x = &a->rrsets[i], *y = &b->rrsets[i];

		if (x->type != y->type || x->wire_len != y->wire_len || memcmp(x->wire, y->wire, x->wire_len) != 0)
			return false;
	}
	return true;
}

static void tell(const struct diff *diff, const struct node *node, unsigned skip)
{
	struct name whole, owner;

	if (name_from_wire(&whole, node->wire, node->head.len) == 0)
		return;
	name_suffix(&whole, skip, &owner);
	diff->changed(diff->arg, &owner);
}

/* A name of one side; `both`: those that the other side has, too, are looked at. */
static void look(const struct diff *diff, const struct node *node, bool both)
{
	const struct node *other = zone_node(diff->other, node->wire, node->head.len);

	if (other == NULL ? true : both && !same_records(node, other))
		tell(diff, node, 0);
}

static uint64_t hash_of(const struct node *node)
{
	return hash_bytes(1, node->wire, node->head.len);
}

static int by_hash(const void *a, const void *b)
{
	const struct config_entry *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static struct config_entry *sort_config(const struct zone *zone)
{
	size_t n = zone->inner->nconfig;
	struct config_entry *entries = mem_alloc((n + 1) * sizeof *entries);

	for (size_t i = 0; i < n; i++)
		entries[i] = (struct config_entry){ hash_of(&zone->inner->config[i]), &zone->inner->config[i] };
	qsort(entries, n, sizeof *entries, by_hash);
	return entries;
}

/* Equal hashes of different names: taken for another name, so that the owner is told of once too often. */
static const struct node *find_config(const struct diff *diff, const struct node *like)
{
	const struct config_entry key = { .hash = hash_of(like) },
				  *found =
					  bsearch(&key, diff->config, diff->other->inner->nconfig, sizeof key, by_hash);

	if (found == NULL || found->node->head.len != like->head.len ||
		memcmp(found->node->wire, like->wire, like->head.len) != 0)
		return NULL;
	return found->node;
}

static bool begins_with(const struct node *node, const char *label)
{
	return node->wire[0] == strlen(label) && memcmp(node->wire + 1, label, strlen(label)) == 0;
}

/* A service or a map of one side: its owner's answers are others. Pools are not looked at: what is in service tells of them. */
static void look_config(const struct diff *diff, const struct node *node, bool both)
{
	const struct node *other;

	if (!begins_with(node, "_gslb") && !begins_with(node, "_map"))
		return;
	other = find_config(diff, node);
	if (other == NULL ? true : both && !same_records(node, other))
		tell(diff, node, 1);
}

static void look_at_all(const struct zone *zone, const struct diff *diff, bool both)
{
	for (size_t i = 0; i < zone->nnodes; i++)
		look(diff, &zone->inner->nodes[i], both);
	for (size_t i = 0; i < zone->inner->nconfig; i++)
		look_config(diff, &zone->inner->config[i], both);
}

void zone_diff(const struct zone *before, const struct zone *after,
	void (*changed)(void *arg, const struct name *owner), void *arg)
{
	struct config_entry *old = sort_config(before), *new = sort_config(after);

	look_at_all(after, &(struct diff){ before, old, changed, arg }, true);
	look_at_all(before, &(struct diff){ after, new, changed, arg }, false);
	free(old);
	free(new);
}

static bool is_pool(const struct node *node)
{
	struct node parent = { .wire = node->wire + 1 + node->wire[0] };

	return begins_with(&parent, "_pool");
}

void zone_diff_pools(const struct zone *before, const struct zone *after,
	void (*changed)(void *arg, const struct name *pool), void *arg)
{
	struct config_entry *old = sort_config(before);
	const struct diff diff = { before, old, changed, arg };

	for (size_t i = 0; i < after->inner->nconfig; i++) {
		const struct node *node = &after->inner->config[i];
		const struct node *other = is_pool(node) ? find_config(&diff, node) : NULL;

		if (other != NULL && !same_records(node, other))
			tell(&diff, node, 0);
	}
	free(old);
}
