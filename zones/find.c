/* Names found: one probe for the zone's apex, one for the name; on a miss one for each label of the closest encloser below
 * the apex, which is as deep as the zone is and not as the question. Nothing here allocates or locks.
 *
 * A hit is found in steps; whatever is not plainly one (a miss, a cut, a hash that another name has, too) is left to zone_set_find,
 * which looks at everything anew. What most questions ask for, a service, is found by its whole name in a table of the set's own. */
#include <string.h>

#include "zones/inner.h"
#include "zones/set.h"

const struct rrset *node_rrset(const struct node *node, uint16_t type)
{
	for (unsigned i = 0; i < node->nrrsets && node->rrsets[i].type <= type; i++)
		if (node->rrsets[i].type == type)
			return &node->rrsets[i];
	return NULL;
}

/* The node of the name from its label i on. */
static const struct node *probe(const struct zone *zone, const struct name *name, unsigned i)
{
	const uint8_t *wire = name->wire + name->label[i];
	size_t len = (size_t)name->len - name->label[i];
	uint64_t hash = name_hash(name, i, zone->inner->seed), at = hash;
	uint32_t index;

	while ((index = table_next(&zone->inner->table, hash, &at)) != NONE) {
		const struct node *node = &zone->inner->nodes[index];

		if (node->hash == hash && node->head.len == len && name_bytes_equal(node->wire, wire, len))
			return node;
	}
	return NULL;
}

const struct node *zone_node(const struct zone *zone, const uint8_t *wire, size_t len)
{
	struct name name;

	if (name_from_wire(&name, wire, len) != len)
		return NULL;
	return probe(zone, &name, 0);
}

/* The deepest name above that exists (RFC 4592 3.3.1); *i is its first label in name. */
static const struct node *closest_encloser(const struct zone *zone, const struct name *name, unsigned *i)
{
	const struct node *closest = zone->apex_node, *node;

	for (*i = (unsigned)name->nlabels - zone->apex.nlabels; *i > 1; --*i) {
		node = probe(zone, name, *i - 1);
		if (node == NULL)
			break;
		closest = node;
	}
	return closest;
}

enum found_kind zone_find(const struct zone *zone, const struct name *name, uint16_t qtype, struct found *found)
{
	const struct node *node = probe(zone, name, 0);
	unsigned encloser;

	*found = (struct found){ .zone = zone, .node = node };
	if (node == NULL) {
		node = closest_encloser(zone, name, &encloser);
		if (node->cut == NULL) {
			for (unsigned i = 0; i < encloser; i++)
				if (label_is_config(name->wire + name->label[i]))
					return FOUND_NOTHING;
			found->node = node->wildcard;
			found->wildcard = node->wildcard != NULL;
			return node->wildcard == NULL ? FOUND_NOTHING : FOUND_NODE;
		}
	} else if (node->cut == NULL || (node == node->cut && qtype == RR_DS)) {
		return FOUND_NODE;
	}
	found->node = node->cut;
	return FOUND_CUT;
}

/* ---- in a set ---- */

const struct zone_place *set_deepest_zone(const struct zone_set_inner *inner, const struct name *name, unsigned *i)
{
	for (; *i <= name->nlabels; ++*i) {
		unsigned depth = (unsigned)name->nlabels - *i, at = name->label[*i];
		uint64_t hash, slot;
		uint32_t k;

		if ((inner->depths[depth / 64] >> depth % 64 & 1) == 0)
			continue;
		hash = slot = name_hash(name, *i, inner->seed);
		while ((k = table_next(&inner->apexes, hash, &slot)) != NONE) {
			const struct zone_place *place = &inner->places[k];

			if (place->apex_len == name->len - at &&
				name_bytes_equal(place->apex, name->wire + at, place->apex_len))
				return place;
		}
	}
	return NULL;
}

static void found_service(struct found *found, const struct zone_set *set, const struct zone_place *place)
{
	const struct service *service = found->node->service;

	if (service != NULL)
		found->service = &set->services[place->first_service + (size_t)(service - place->services)];
}

static enum found_kind find_in(const struct zone_set *set, const struct zone_place *place, const struct name *name,
	uint16_t qtype, struct found *found)
{
	enum found_kind kind = zone_find(place->zone, name, qtype, found);

	if (kind == FOUND_NODE)
		found_service(found, set, place);
	return kind;
}

enum found_kind zone_set_find(const struct zone_set *set, const struct name *name, uint16_t qtype, struct found *found)
{
	unsigned i = 0, above = 1;
	const struct zone_place *place = set_deepest_zone(set->inner, name, &i), *parent;

	if (place == NULL) {
		*found = (struct found){ 0 };
		return FOUND_NO_ZONE;
	}
	if (qtype == RR_DS && i == 0 && name->nlabels > 0 &&
		(parent = set_deepest_zone(set->inner, name, &above)) != NULL) {
		enum found_kind kind = find_in(set, parent, name, qtype, found);

		/* a parent that does not delegate it must not deny that it exists */
		if (kind == FOUND_CUT || (kind == FOUND_NODE && !found->wildcard))
			return kind;
	}
	return find_in(set, place, name, qtype, found);
}

/* ---- in steps ---- */

/* The deepest zone that has an apex of such a hash: the names are compared once, at the end. Names of more than 63 labels are
 * left to zone_set_find. */
static const struct zone_place *likely_zone(const struct zone_set_inner *inner, const struct name *name)
{
	if (UNLIKELY(name->nlabels > 63))
		return NULL;
	/* the name's own depth lies at the top, and is looked at first */
	for (uint64_t depths = inner->depths[0] << (63 - name->nlabels); depths != 0;) {
		unsigned i = (unsigned)__builtin_clzll(depths);
		uint64_t hash = name_hash(name, i, inner->seed), at = hash;
		uint32_t k = table_next(&inner->apexes, hash, &at);

		if (LIKELY(k != NONE))
			return &inner->places[k];
		depths &= ~(UINT64_C(1) << (63 - i));
	}
	return NULL;
}

static void seek_place(struct zone_seek *seek, const struct zone_set_inner *inner, const struct name *name)
{
	seek->place = likely_zone(inner, name);
	if (UNLIKELY(seek->place == NULL))
		return;
	__builtin_prefetch(seek->place);
	__builtin_prefetch(&seek->place->table);
}

void zone_seek_name(struct zone_seek *seek, const struct zone_set *set, const struct name *name, bool services)
{
	const struct zone_set_inner *inner = set->inner;

	seek->hash = name_hash(name, 0, inner->seed);
	seek->place = NULL;
	seek->node = NULL;
	seek->service = SERVICE_NONE;
	seek->of_services = services && inner->owners.used > 0;
	if (LIKELY(seek->of_services))
		table_prefetch(&inner->owners, seek->hash);
	else
		seek_place(seek, inner, name);
}

_Static_assert((uint32_t)NONE == (uint32_t)SERVICE_NONE, "what a table does not have is no service");

void zone_seek_service(struct zone_seek *seek, const struct zone_set *set, const struct name *name)
{
	uint64_t at = seek->hash;

	if (UNLIKELY(!seek->of_services))
		return;
	seek->service = table_next(&set->inner->owners, seek->hash, &at);
	if (UNLIKELY(seek->service == SERVICE_NONE))
		seek_place(seek, set->inner, name);
}

void zone_seek_slot(const struct zone_seek *seek)
{
	if (LIKELY(seek->place == NULL)) /* of a service, or nowhere */
		return;
	table_prefetch(&seek->place->table, seek->hash);
	__builtin_prefetch(&seek->place->zone->inner); /* for a name that does not exist */
}

void zone_seek_node(struct zone_seek *seek)
{
	uint64_t at = seek->hash;
	uint32_t i;

	if (LIKELY(seek->place == NULL))
		return;
	i = table_next(&seek->place->table, seek->hash, &at);
	if (UNLIKELY(i == NONE)) {
		__builtin_prefetch(seek->place->zone->inner);
		return;
	}
	seek->node = &seek->place->nodes[i];
	__builtin_prefetch(seek->node);
}

/* Is it this owner's name? A long one lies elsewhere in memory: it is waited for. */
static bool is_name_of(
	const struct name_head *owner, const uint8_t *wire, const struct zone_place *place, const struct name *name)
{
	size_t head = (size_t)name->len - place->apex_len;

	if (UNLIKELY(owner->len != name->len))
		return false;
	if (UNLIKELY(head > NAME_HEAD || name->len < NAME_HEAD))
		return name_bytes_equal(wire, name->wire, name->len);
	return memcmp(owner->bytes, name->wire, NAME_HEAD) == 0 &&
	       name_bytes_equal(place->apex, name->wire + head, place->apex_len);
}

bool zone_seek_is_service(const struct zone_seek *seek, const struct zone_set *set, const struct name *name,
	const struct service_owner *owner, struct found *found)
{
	const struct zone_place *place = &set->inner->places[owner->zone_number];
	const struct service *service = &set->services[seek->service];

	if (UNLIKELY(!is_name_of(&owner->head, service->owner.wire, place, name)))
		return false;
	*found = (struct found){ .zone = place->zone, .service = service };
	return true;
}

enum found_kind zone_seek_end(const struct zone_seek *seek, const struct zone_set *set, const struct name *name,
	uint16_t qtype, struct found *found)
{
	const struct node *node = seek->node;

	/* the whole name says that it lies in this zone, too; a DS may be the parent's to answer */
	if (UNLIKELY(node == NULL || node->hash != seek->hash || node->cut != NULL || qtype == RR_DS ||
		     !is_name_of(&node->head, node->wire, seek->place, name)))
		return zone_set_find(set, name, qtype, found);
	*found = (struct found){ .zone = seek->place->zone, .node = node };
	found_service(found, set, seek->place);
	return FOUND_NODE;
}
