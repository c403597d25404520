/* What is wrong now, as sentences: `gslbctl status` begins with them. One a cause, however much it hits. */
#include <stdio.h>

#include "gslb/daemon.h"
#include "gslb/drills.h"
#include "gslb/fleet.h"
#include "gslb/fleet_document.h"
#include "gslb/standing.h"

static void add_alarm(json_t *alarms, const char *text)
{
	if (text[0] != '\0')
		json_array_append_new(alarms, json_string(text));
}

static unsigned count_held(const struct world *world)
{
	unsigned held = 0;

	for (uint32_t i = 0; i < world->snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &world->snapshot->endpoints[i];

		held += board_read(world->slots, world->nslots, endpoint->slot, endpoint->generation).held;
	}
	return held;
}

static void add_abstention(json_t *alarms, const struct daemon *daemon)
{
	struct prober_status status = prober_status(daemon->prober);
	char sentence[ABSTAIN_TEXT_MAX], text[ABSTAIN_TEXT_MAX + 32];

	if (status.nregions > 1 && count_held(&daemon->published->world) > 0)
		add_alarm(
			alarms, "the mass-failure budget is spent: verdicts are held (gslbctl endpoints shows which)");
	if (status.abstaining == ABSTAIN_NOT)
		return;
	snprintf(text, sizeof text, "gslb-health abstains: %s",
		abstain_sentence(status.abstaining, status.abstain_failing, status.abstain_of, sentence));
	add_alarm(alarms, text);
}

/* One alarm for all services without a pool: many fail for one reason, and it must be seen. */
static void add_services_down(json_t *alarms, const struct daemon *daemon)
{
	const struct world *world = &daemon->published->world;
	const struct service *first = NULL;
	uint64_t now_ms = clock_wall_ms();
	char owner[NAME_TEXT_MAX], text[NAME_TEXT_MAX + 128];
	uint32_t n = 0, of;

	for (uint32_t i = 0; i < world->snapshot->nservices; i++) {
		const struct service_plan *plan = &world->snapshot->services[i];

		if (service_pools_in_service(world, plan, now_ms, false, &of) > 0)
			continue;
		if (n++ == 0)
			first = plan->service;
	}
	if (n == 0)
		return;
	name_format(&first->owner, owner);
	if (n == 1)
		snprintf(text, sizeof text, "%s has no pool in service: down=%s decides what is answered", owner,
			down_name(first->down));
	else
		snprintf(text, sizeof text, "%u services have no pool in service: %s and %u more", n, owner, n - 1);
	add_alarm(alarms, text);
}

static void add_stale_loads(json_t *alarms, const struct daemon *daemon)
{
	char text[256], more[32] = "";
	const struct pool *pool;
	unsigned n;

	pool = loads_stale(daemon->loads, &n);
	if (pool == NULL)
		return;
	if (n > 1)
		snprintf(more, sizeof more, " and of %u more pool%s", n - 1, n > 2 ? "s" : "");
	snprintf(text, sizeof text, "the load of %s%s is unknown: nobody is moved on its account (gslbctl pools)",
		pool->label, more);
	add_alarm(alarms, text);
}

json_t *document_alarms(const struct daemon *daemon)
{
	json_t *alarms = json_array();

	add_alarm(alarms, daemon->geo_alarm);
	add_alarm(alarms, daemon->health_alarm);
	add_abstention(alarms, daemon);
	fleet_document_alarms(alarms, prober_board(daemon->prober));
	add_services_down(alarms, daemon);
	add_stale_loads(alarms, daemon);
	add_alarm(alarms, daemon->state_alarm);
	drills_alarms(daemon->drills, alarms);
	fleet_alarms(daemon, alarms);
	if (prober_status(daemon->prober).unsaved)
		add_alarm(alarms, "the state folder cannot be written: verdicts would not outlive a restart");
	for (size_t i = 0; i < daemon->zones->nzones; i++) {
		const struct loaded_zone *zone = &daemon->zones->zones[i];
		char line[1400];

		if (zone->standing == ZONE_LOADED && !zone->gone)
			continue;
		if (zone->gone)
			snprintf(line, sizeof line, "%s: the file is gone; still served until `gslbctl reload`",
				zone->file);
		else
			snprintf(line, sizeof line, "%s: %zu mistake%s; %s", zone->file, zone->mistakes.nmistakes,
				zone->mistakes.nmistakes == 1 ? "" : "s",
				zone->zone != NULL ? "an older state is served" : "the zone is not served");
		add_alarm(alarms, line);
	}
	return alarms;
}
