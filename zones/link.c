/* Services meet their pools, in whatever zone those stand; zones below another meet their parents. */
#include "zones/set.h"

struct linker {
	struct zone_set *set;
	const struct zone_place *place;
	struct report *report;
};

/* One use gets its number. *first is a pool that the service uses, for comparison. */
static void link_use(const struct linker *linker, const struct service *service, const struct map_rule *rule,
	struct pool_use *use, const struct pool **first)
{
	const struct name *apex = &service->zone->apex;
	char text[NAME_TEXT_MAX];
	const struct pool *pool;

	use->pool = linker->place->pools[use->pool];
	if (use->pool == POOL_NONE) {
		service_mistake(linker->report, apex, service, rule,
			"%s: no such pool in a loaded zone (correct it, or load its zone)",
			name_format_under(use->name, apex, text));
		return;
	}
	pool = &linker->set->pools[use->pool];
	if (*first == NULL)
		*first = pool;
	if (pool->via_cname != (*first)->via_cname)
		service_mistake(linker->report, apex, service, rule,
			"%s has via=%s, but %s has via=%s (all pools of a service agree)", pool->label,
			pool->via_cname ? "cname" : "address", (*first)->label,
			(*first)->via_cname ? "cname" : "address");
}

static void check_cname(const struct linker *linker, const struct service *service)
{
	const struct name *apex = &service->zone->apex;
	const struct node *node = zone_node(service->zone, service->owner.wire, service->owner.len);
	char type[16];

	if (node == service->zone->apex_node)
		service_mistake(linker->report, apex, service, NULL,
			"via=cname at the apex, which holds SOA and NS (try via=address)");
	else if (node->nrrsets > 0)
		service_mistake(linker->report, apex, service, NULL,
			"via=cname beside %s (a CNAME stands alone: try via=address)",
			rrtype_format(node->rrsets[0].type, type));
	if (service->answers > 1)
		service_mistake(linker->report, apex, service, NULL,
			"answers=%u: a CNAME has one target (try answers=1)", service->answers);
}

static void link_service(const struct linker *linker, struct service *service)
{
	struct arena *arena = linker->set->inner->arena;
	const struct pool *first = NULL;

	service->pools = arena_dup(arena, service->pools, service->npools * sizeof *service->pools);
	service->rules = arena_dup(arena, service->rules, service->nrules * sizeof *service->rules);
	for (size_t i = 0; i < service->npools; i++)
		link_use(linker, service, NULL, &service->pools[i], &first);
	if (service->has_fallback)
		link_use(linker, service, NULL, &service->fallback, &first);
	for (size_t r = 0; r < service->nrules; r++) {
		struct map_rule *rule = &service->rules[r];

		rule->pools = arena_dup(arena, rule->pools, rule->npools * sizeof *rule->pools);
		for (size_t i = 0; i < rule->npools; i++)
			link_use(linker, service, rule, &rule->pools[i], &first);
	}
	service->via_cname = first != NULL && first->via_cname;
	if (service->via_cname)
		check_cname(linker, service);
}

void link_services(struct zone_set *set, struct report *report)
{
	struct linker linker = { .set = set, .report = report };

	for (size_t i = 0; i < set->inner->nplaces; i++) {
		linker.place = &set->inner->places[i];
		for (size_t k = 0; k < linker.place->zone->nservices; k++)
			link_service(&linker, &set->inner->services[linker.place->first_service + k]);
	}
}

/* ---- zones below zones ---- */

void link_delegations(const struct zone_set *set, struct report *report)
{
	for (size_t i = 0; i < set->nzones; i++) {
		const struct zone *zone = set->zones[i];
		char child[NAME_TEXT_MAX], parent[NAME_TEXT_MAX];
		struct found found;
		struct name name;

		if (zone->apex.nlabels == 0)
			continue;
		name_suffix(&zone->apex, 1, &name);
		if (zone_set_find(set, &name, RR_NS, &found) == FOUND_NO_ZONE)
			continue;
		if (zone_find(found.zone, &zone->apex, RR_NS, &found) != FOUND_CUT)
			report_add(report, REPORT_WARNING, zone->file, 0,
				"@: %s above does not delegate %s (add its NS records there)",
				name_format(&found.zone->apex, parent), name_format(&zone->apex, child));
	}
}
