/* gslb-health writes all this; what it writes is bounded and cleaned here, for it is another program's memory. */
#include "gslb/fleet_document.h"

#include <stdio.h>
#include <string.h>

static uint32_t load(const _Atomic uint32_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

static const struct board_fleet *fleet_of(const struct board *board)
{
	const struct board_fleet *fleet = board != NULL ? &board_stats(board)->fleet : NULL;

	return fleet != NULL && load(&fleet->nregions) > 0 ? fleet : NULL;
}

/* A label out of shared memory. */
static const char *label(const char *from, size_t len, char text[static 2 * BOARD_REGION_MAX])
{
	size_t n = 0;

	for (; n < len && from[n] != '\0'; n++)
		text[n] = from[n] > 0x20 && from[n] < 0x7f ? from[n] : '?';
	text[n] = '\0';
	return text;
}

static json_t *region_json(const struct board_fleet *fleet, uint32_t number)
{
	char text[2 * BOARD_REGION_MAX];

	if (number >= load(&fleet->nregions) || number >= BOARD_REGIONS_MAX)
		return json_string("?");
	return json_string(label(fleet->region[number], BOARD_REGION_MAX - 1, text));
}

/* ---- an endpoint ---- */

void fleet_document_votes(
	json_t *json, const struct world *world, const struct endpoint *endpoint, const struct verdict *verdict)
{
	static const char *const words[] = { [BOARD_SILENT] = "silent", [BOARD_UP] = "up", [BOARD_DOWN] = "down" };
	const struct board_fleet *fleet = fleet_of(world->board);
	struct board_say says[BOARD_SAYS_MAX];
	json_t *votes;
	unsigned n;

	if (fleet == NULL || endpoint->slot >= world->nslots)
		return;
	n = board_says_unpack(
		atomic_load_explicit(&board_says(world->board)[endpoint->slot], memory_order_relaxed), says);
	votes = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(votes, json_pack("{s:o,s:s,s:b}", "region", region_json(fleet, says[i].region),
						     "says", words[says[i].says], "leaning", says[i].leaning));
	json_object_set_new(json, "votes", votes);
	json_object_set_new(json, "regional", json_boolean(verdict->regional));
	json_object_set_new(json, "frozen", json_boolean(verdict->frozen));
}

/* ---- the whole ---- */

json_t *fleet_document(const struct board *board)
{
	const struct board_fleet *fleet = fleet_of(board);
	char digest[17], differing[2 * BOARD_REGION_MAX];
	json_t *regions;

	if (fleet == NULL)
		return json_null();
	regions = json_array();
	for (uint32_t i = 0; i < load(&fleet->nregions) && i < BOARD_REGIONS_MAX; i++)
		json_array_append_new(regions, region_json(fleet, i));
	snprintf(digest, sizeof digest, "%016llx",
		(unsigned long long)atomic_load_explicit(&fleet->digest, memory_order_relaxed));
	label(fleet->differing, sizeof fleet->differing - 1, differing);
	return json_pack("{s:o,s:b,s:b,s:s,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "regions", regions, "relay",
		load(&fleet->relay) != 0, "bus", load(&fleet->bus) != 0, "digest", digest, "hosts",
		(json_int_t)load(&fleet->hosts), "alive", (json_int_t)load(&fleet->alive), "agree",
		(json_int_t)load(&fleet->agree), "differing", load(&fleet->differs) != 0 ? differing : "", "endpoints",
		(json_int_t)load(&fleet->members), "assigned", (json_int_t)load(&fleet->assigned), "frozen",
		(json_int_t)load(&fleet->frozen), "frozen_long", (json_int_t)load(&fleet->alarming), "held",
		(json_int_t)load(&fleet->held), "regional", (json_int_t)load(&fleet->regional));
}

static void __attribute__((format(printf, 2, 3))) add(json_t *alarms, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	json_array_append_new(alarms, json_string(text));
}

void fleet_document_alarms(json_t *alarms, const struct board *board)
{
	const struct board_fleet *fleet = fleet_of(board);
	char differing[2 * BOARD_REGION_MAX];

	if (fleet == NULL)
		return;
	if (load(&fleet->relay) == 0)
		add(alarms,
			"gslb-health does not reach gslb-relay: the fleet does not hear what this host sees, nor this "
			"host the fleet");
	else if (load(&fleet->bus) == 0)
		add(alarms, "the bus is away: the fleet does not hear what this host sees, nor this host the fleet");
	if (load(&fleet->differs) != 0)
		add(alarms,
			"%s has had other votes or verdicts than this host for more than 30 s: its zones or its "
			"bus.regions "
			"differ, or one does not hear the other",
			label(fleet->differing, sizeof fleet->differing - 1, differing));
	if (load(&fleet->alarming) > 0)
		add(alarms,
			"no majority of those who vote was heard on %u endpoints for 5 minutes: their verdicts stand "
			"as they "
			"were",
			load(&fleet->alarming));
}
