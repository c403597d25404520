/* Targets of pools get their addresses: from the loaded zone that answers for the name; a name in none is dynamic, and
 * gslb-health resolves it. An address counts once in a pool. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/set.h"

/* A pool while its targets are filled. */
struct filling {
	const struct zone_set *set;
	const struct pool *pool;
	struct report *report;
	struct table seen; /* to addrs */
	struct addr *addrs;
	const struct target **owners; /* of each address */
	size_t naddrs, addrs_cap, owners_cap;
};

static void say(const struct filling *filling, enum report_kind kind, const struct target *target, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void say(const struct filling *filling, enum report_kind kind, const struct target *target, const char *fmt, ...)
{
	char text[NAME_TEXT_MAX];
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	report_add(filling->report, kind, filling->pool->file, target->line, "%s._pool: SRV %s: %s",
		filling->pool->label, name_format_under(&target->name, &filling->pool->zone->apex, text), what.text);
}

static void grow_seen(struct filling *filling)
{
	table_fini(&filling->seen);
	table_init(&filling->seen, filling->naddrs * 2 + 4);
	for (size_t i = 0; i < filling->naddrs; i++)
		table_put(&filling->seen,
			hash_bytes(filling->set->inner->seed, &filling->addrs[i], sizeof(struct addr)), (uint32_t)i);
}

static void take_address(struct filling *filling, const struct target *target, const struct addr *addr)
{
	uint64_t hash = hash_bytes(filling->set->inner->seed, addr, sizeof *addr), at = hash;
	char text[ADDR_TEXT_MAX], other[NAME_TEXT_MAX];
	uint32_t i;

	while ((i = table_next(&filling->seen, hash, &at)) != NONE)
		if (addr_equal(&filling->addrs[i], addr)) {
			say(filling, REPORT_WARNING, target, "%s is the address of %s, too (it counts once)",
				addr_format(addr, text),
				name_format_under(&filling->owners[i]->name, &filling->pool->zone->apex, other));
			return;
		}
	filling->addrs = mem_grow(filling->addrs, filling->naddrs, &filling->addrs_cap, sizeof *addr);
	filling->owners = mem_grow(filling->owners, filling->naddrs, &filling->owners_cap, sizeof(struct target *));
	filling->owners[filling->naddrs] = target;
	filling->addrs[filling->naddrs++] = *addr;
	if (table_full(&filling->seen))
		grow_seen(filling);
	else
		table_put(&filling->seen, hash, (uint32_t)filling->naddrs - 1);
}

static void take_addresses(struct filling *filling, struct target *target, const struct node *node)
{
	static const struct {
		uint16_t type;
		uint8_t family, len;
	} families[] = { { RR_A, ADDR_V4, 4 }, { RR_AAAA, ADDR_V6, 16 } };
	size_t before = filling->naddrs;

	target->ttl_s = UINT32_MAX;
	for (size_t f = 0; f < COUNT_OF(families); f++) {
		const struct rrset *set = node_rrset(node, families[f].type);

		if (set == NULL)
			continue;
		if (set->ttl_s < target->ttl_s)
			target->ttl_s = set->ttl_s;
		for (const uint8_t *at = set->wire; at < set->wire + set->wire_len;) {
			struct addr addr = { .family = families[f].family };
			uint16_t rdlen;
			const uint8_t *rdata = rr_rdata(at, &rdlen);

			memcpy(addr.bytes, rdata, families[f].len);
			take_address(filling, target, &addr);
			at = rdata + rdlen;
		}
	}
	target->naddrs = (uint16_t)(filling->naddrs - before);
	target->addrs =
		arena_dup(filling->set->inner->arena, filling->addrs + before, target->naddrs * sizeof(struct addr));
}

static bool has_address(const struct node *node)
{
	return node != NULL && (node_rrset(node, RR_A) != NULL || node_rrset(node, RR_AAAA) != NULL);
}

static void link_target(struct filling *filling, struct target *target)
{
	char apex[NAME_TEXT_MAX] = "";
	const struct node *glue;
	struct found found;
	enum found_kind kind;

	kind = zone_set_find(filling->set, &target->name, RR_A, &found);
	if (kind != FOUND_NO_ZONE)
		name_format(&found.zone->apex, apex);
	switch (kind) {
	case FOUND_NO_ZONE:
		target->dynamic = true;
		return;
	case FOUND_CUT:
		glue = zone_node(found.zone, target->name.wire, target->name.len);
		target->dynamic = !has_address(glue);
		if (!target->dynamic)
			take_addresses(filling, target, glue);
		return;
	case FOUND_NOTHING:
		say(filling, REPORT_MISTAKE, target, "no such name in the zone %s (give it an A or AAAA record)", apex);
		return;
	case FOUND_NODE:
		break;
	}
	if (found.service != NULL)
		say(filling, REPORT_MISTAKE, target, "is a service itself (name an endpoint)");
	else if (node_rrset(found.node, RR_CNAME) != NULL)
		say(filling, REPORT_MISTAKE, target, "is a CNAME (RFC 2782: name the host that it leads to)");
	else if (!has_address(found.node))
		say(filling, REPORT_MISTAKE, target, "no address in the zone %s (give it an A or AAAA record)", apex);
	else
		take_addresses(filling, target, found.node);
}

void link_targets(struct zone_set *set, struct report *report)
{
	struct filling filling = { .set = set, .report = report };

	for (size_t i = 0; i < set->npools; i++) {
		struct pool *pool = &set->inner->pools[i];

		filling.pool = pool;
		filling.naddrs = 0;
		table_init(&filling.seen, pool->ntargets * 2u);
		for (size_t t = 0; t < pool->ntargets; t++)
			link_target(&filling, &pool->targets[t]);
		table_fini(&filling.seen);
	}
	free(filling.addrs);
	free(filling.owners);
}
