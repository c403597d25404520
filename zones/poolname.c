/* Names of pools as services, and other pools, write them. Each distinct name is kept once, so that a hundred thousand services over a
 * thousand pools share a thousand names, and zone_set_link looks each of them up once. */
#include <stdlib.h>
#include <string.h>

#include "zones/model.h"

bool pool_parent(const struct draft *draft, struct name *parent)
{
	return name_prepend(&draft->apex, (const uint8_t *)"_pool", 5, parent);
}

static uint32_t intern(struct draft *draft, const struct name *name)
{
	uint64_t hash = hash_bytes(draft->seed, name->wire, name->len), at = hash;
	struct pool_name *added;
	uint32_t i;

	while ((i = table_next(&draft->pool_table, hash, &at)) != NONE)
		if (name_equal(&draft->pool_names[i]->name, name))
			return i;
	added = arena_alloc(draft->arena, sizeof *added);
	added->name = *name;
	added->hash = hash;
	draft->pool_names =
		mem_grow(draft->pool_names, draft->npool_names, &draft->pool_names_cap, sizeof(struct pool_name *));
	draft->pool_names[draft->npool_names++] = added;
	if (table_full(&draft->pool_table)) {
		table_fini(&draft->pool_table);
		table_init(&draft->pool_table, draft->npool_names * 2);
		for (size_t k = 0; k + 1 < draft->npool_names; k++)
			table_put(&draft->pool_table, draft->pool_names[k]->hash, (uint32_t)k);
	}
	table_put(&draft->pool_table, hash, (uint32_t)draft->npool_names - 1);
	return (uint32_t)draft->npool_names - 1;
}

static bool parse_name(const struct draft *draft, const char *text, struct name *name)
{
	struct name label, parent;
	size_t len = strlen(text);

	if (len > 0 && text[len - 1] == '.')
		return name_from_text(name, text);
	return strspn(text, POOL_LETTERS) == len && name_from_text(&label, text) && label.nlabels == 1 &&
	       pool_parent(draft, &parent) && name_prepend(&parent, label.wire + 1, label.wire[0], name);
}

bool pool_use_parse(struct draft *draft, const char *text, struct pool_use *use, struct err *err)
{
	char shown[TAG_SHOWN_MAX];
	struct name name;

	if (!parse_name(draft, text, &name))
		return err_set(err, "%s: not a pool (try eu, or eu._pool.example.org. with its last dot)",
			tag_shown(text, shown));
	use->pool = intern(draft, &name);
	use->name = &draft->pool_names[use->pool]->name;
	use->weight = 1;
	return true;
}

/* "eu:3" apart. The colon is the last one: a name may hold one, too. */
static bool parse_item(struct draft *draft, char *item, bool weights, struct pool_use *use, struct err *err)
{
	char *colon = strrchr(item, ':'), shown[TAG_SHOWN_MAX];
	uint64_t weight = 1;

	if (*item == '\0')
		return err_set(err, "an empty place in the list (try eu,us)");
	if (colon != NULL) {
		if (!weights)
			return err_set(err, "%s: a weight stands in pools alone (leave :%s out)",
				tag_shown(item, shown), colon + 1);
		if (!number_parse(colon + 1, 1, UINT16_MAX, &weight))
			return err_set(err, "%s: not a weight from 1 to 65535 (try eu:3)", tag_shown(item, shown));
		*colon = '\0';
	}
	if (!pool_use_parse(draft, item, use, err))
		return false;
	use->weight = (uint32_t)weight;
	return true;
}

bool pool_uses_parse(
	struct draft *draft, const char *list, bool weights, struct pool_use **uses, uint8_t *nuses, struct err *err)
{
	struct pool_use found[SERVICE_POOLS_MAX];
	char item[NAME_TEXT_MAX + 8], shown[TAG_SHOWN_MAX];
	size_t n = 0;

	if (*list == '\0')
		return err_set(err, "an empty list of pools (name at least one)");
	while (list_next(&list, item, sizeof item)) {
		if (n == SERVICE_POOLS_MAX)
			return err_set(err, "more than %d pools", SERVICE_POOLS_MAX);
		if (!parse_item(draft, item, weights, &found[n], err))
			return false;
		for (size_t i = 0; i < n; i++)
			if (found[i].pool == found[n].pool)
				return err_set(err, "%s: twice in the list (leave one)", tag_shown(item, shown));
		n++;
	}
	*uses = arena_dup(draft->arena, found, n * sizeof *found);
	*nuses = (uint8_t)n;
	return true;
}
