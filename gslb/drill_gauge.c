/* Two views of one change. gslbd's: of the answers it gives, from when on do so many go elsewhere? They are taken in slices of at least
 * SLICE_MIN answers or a second; a quantile is reached when the last slice that missed it ended, so that it is never said too
 * early. The clients': each old answer stays in a cache for its TTL; a quantile is reached when so many of those held at the change
 * have expired. */
#include "gslb/drill_gauge.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/drill_cover.h"
#include "gslb/override.h"

enum {
	SERVICES_MAX = 32,    /* that have a track of their own */
	RESOLVERS_MAX = 1024, /* that are remembered one by one */
	RESOLVERS_SHOWN = 50,
	CLIENTS_MAX = 8192, /* that are known to have been told the old pool; a power of two */
	HELD_MAX = 1 << 17, /* answers in caches */
	SLICE_MIN = 100,    /* answers */
	SLICE_MAX_MS = 1000,
	BEFORE_MS = 60000, /* the share before is that of so long before the change */
};

const unsigned drill_quantiles[DRILL_QUANTILES] = { 50, 90, 99 };

struct held {
	uint64_t expires_ms;
	uint32_t weight;
};

/* A service's answers; track 0 is all together. */
struct track {
	char *service;
	uint32_t ttl_max_s, ttl_min_s;
	uint64_t old_before, all_before, old_after, all_after;
	uint64_t first_ms;                       /* wall; 0: not yet */
	uint64_t slice_ms, slice_old, slice_all; /* the slice under way: its beginning, its answers */
	uint64_t missed_ms[DRILL_QUANTILES];     /* wall: when the last slice that missed it ended */
	struct held *held;
	size_t nheld, held_cap;
};

struct resolver {
	struct addr addr;
	uint64_t before, after; /* old answers */
	uint32_t ttl_min_s, ttl_max_s;
	uint64_t until_ms;
};

struct drill_gauge {
	size_t step;
	uint64_t effective_ms, closed_ms;
	bool returns, overfull; /* overfull: more resolvers or held answers than are remembered */
	const struct snapshot *snapshot;
	struct overlay *covers;
	struct track track[1 + SERVICES_MAX];
	size_t ntracks;
	struct resolver resolver[RESOLVERS_MAX];
	size_t nresolvers;
	uint16_t place[2 * RESOLVERS_MAX]; /* open addressing: number + 1 */
	uint64_t told[2 * CLIENTS_MAX]; /* hashes of service and client that were told the old pool before; 0: free */
	size_t ntold;
};

struct drill_gauge *drill_gauge_new(size_t step, uint64_t effective_ms, bool returns)
{
	struct drill_gauge *gauge = mem_alloc(sizeof *gauge);

	gauge->step = step;
	gauge->effective_ms = effective_ms;
	gauge->returns = returns;
	gauge->ntracks = 1;
	return gauge;
}

void drill_gauge_free(struct drill_gauge *gauge)
{
	if (gauge == NULL)
		return;
	for (size_t i = 0; i < gauge->ntracks; i++) {
		free(gauge->track[i].service);
		free(gauge->track[i].held);
	}
	overlay_free(gauge->covers);
	free(gauge);
}

size_t drill_gauge_step(const struct drill_gauge *gauge)
{
	return gauge->step;
}

void drill_gauge_cover(struct drill_gauge *gauge, const struct snapshot *snapshot, struct overlay *covers)
{
	overlay_free(gauge->covers);
	gauge->covers = covers;
	gauge->snapshot = snapshot;
}

void drill_gauge_close(struct drill_gauge *gauge, uint64_t at_ms)
{
	if (gauge->closed_ms == 0)
		gauge->closed_ms = at_ms;
}

/* ---- answers ---- */

static bool covers_answer(const struct drill_gauge *gauge, const struct drill_answer *answer)
{
	const struct service_plan *plan = &gauge->snapshot->services[answer->service];

	return drill_cover_is_set(gauge->covers->pool[plan->list->candidate[answer->candidate].pool]) ||
	       drill_cover_is_set(gauge->covers->service_pool[plan->first_override + answer->candidate]) ||
	       (answer->endpoint != CANDIDATE_NONE && drill_cover_is_set(gauge->covers->endpoint[answer->endpoint]));
}

/* Its own track; NULL: its answers count with all together alone. */
static struct track *track_of(struct drill_gauge *gauge, const struct service_plan *plan)
{
	char owner[NAME_TEXT_MAX];
	struct track *track;
	size_t i = 1;

	name_format(&plan->service->owner, owner);
	while (i < gauge->ntracks && strcmp(gauge->track[i].service, owner) != 0)
		i++;
	if (i == 1 + SERVICES_MAX)
		return NULL;
	track = &gauge->track[i];
	if (i == gauge->ntracks) {
		track->service = mem_strdup(owner);
		gauge->ntracks++;
	}
	track->ttl_max_s = plan->ttl_max_s;
	track->ttl_min_s = plan->ttl_min_s;
	return track;
}

static void hold(struct drill_gauge *gauge, struct track *track, const struct drill_answer *answer)
{
	uint64_t expires_ms = answer->at_ms + (uint64_t)answer->ttl_s * 1000;

	if (expires_ms <= gauge->effective_ms)
		return;
	if (track->nheld == HELD_MAX) {
		gauge->overfull = true;
		return;
	}
	track->held = mem_grow(track->held, track->nheld, &track->held_cap, sizeof *track->held);
	track->held[track->nheld++] = (struct held){ expires_ms, answer->weight };
}

/* NULL: there are too many. */
static struct resolver *resolver_of(struct drill_gauge *gauge, const struct addr *addr)
{
	size_t at = hash_bytes(7, addr->bytes, sizeof addr->bytes) % (2 * RESOLVERS_MAX);

	while (gauge->place[at] != 0) {
		struct resolver *resolver = &gauge->resolver[gauge->place[at] - 1];

		if (addr_equal(&resolver->addr, addr))
			return resolver;
		at = (at + 1) % (2 * RESOLVERS_MAX);
	}
	if (gauge->nresolvers == RESOLVERS_MAX) {
		gauge->overfull = true;
		return NULL;
	}
	gauge->resolver[gauge->nresolvers] = (struct resolver){ .addr = *addr, .ttl_min_s = UINT32_MAX };
	gauge->place[at] = (uint16_t)++gauge->nresolvers;
	return &gauge->resolver[gauge->nresolvers - 1];
}

/* Where the client's hash is, or would be. */
static uint64_t *told_at(struct drill_gauge *gauge, const struct drill_answer *answer)
{
	uint64_t hash = hash_bytes(
		gauge->snapshot->services[answer->service].identity, answer->client.bytes, sizeof answer->client.bytes);
	size_t at = hash % (2 * CLIENTS_MAX);

	hash |= 1;
	while (gauge->told[at] != 0 && gauge->told[at] != hash)
		at = (at + 1) % (2 * CLIENTS_MAX);
	if (gauge->told[at] == 0 && gauge->ntold < CLIENTS_MAX && answer->at_ms < gauge->effective_ms &&
		covers_answer(gauge, answer)) {
		gauge->told[at] = hash;
		gauge->ntold++;
	}
	return &gauge->told[at];
}

/* Who was told the old pool, before or after. */
static void note_resolver(struct drill_gauge *gauge, const struct drill_answer *answer, bool after)
{
	struct resolver *resolver = resolver_of(gauge, &answer->resolver);
	uint64_t until_ms = answer->at_ms + (uint64_t)answer->ttl_s * 1000;

	if (resolver == NULL)
		return;
	*(after ? &resolver->after : &resolver->before) += answer->weight;
	if (answer->ttl_s < resolver->ttl_min_s)
		resolver->ttl_min_s = answer->ttl_s;
	if (answer->ttl_s > resolver->ttl_max_s)
		resolver->ttl_max_s = answer->ttl_s;
	if (until_ms > resolver->until_ms)
		resolver->until_ms = until_ms;
}

static double share(uint64_t part, uint64_t all)
{
	return all > 0 ? (double)part / (double)all : -1;
}

/* How much of what the old pool gave before goes elsewhere in this slice? */
static void end_slice(struct track *track, uint64_t now_ms)
{
	double before = share(track->old_before, track->all_before), is = share(track->slice_old, track->slice_all);

	for (unsigned i = 0; i < DRILL_QUANTILES && before > 0; i++)
		if (1 - is / before < drill_quantiles[i] / 100.0)
			track->missed_ms[i] = now_ms;
	track->slice_old = track->slice_all = 0;
	track->slice_ms = now_ms;
}

static void slice_answer(struct drill_gauge *gauge, struct track *track, const struct drill_answer *answer, bool old)
{
	if (track->slice_ms == 0)
		track->slice_ms = gauge->effective_ms;
	if (track->slice_all > 0 && (track->slice_all >= SLICE_MIN || answer->at_ms >= track->slice_ms + SLICE_MAX_MS))
		end_slice(track, answer->at_ms);
	track->slice_old += old ? answer->weight : 0;
	track->slice_all += answer->weight;
}

static void track_answer(
	struct drill_gauge *gauge, struct track *track, const struct drill_answer *answer, bool old, bool changed)
{
	if (old)
		hold(gauge, track, answer);
	if (answer->at_ms < gauge->effective_ms) {
		if (answer->at_ms + BEFORE_MS < gauge->effective_ms)
			return;
		track->all_before += answer->weight;
		track->old_before += old ? answer->weight : 0;
		return;
	}
	track->all_after += answer->weight;
	track->old_after += old ? answer->weight : 0;
	if (changed && track->first_ms == 0)
		track->first_ms = answer->at_ms;
	slice_answer(gauge, track, answer, old);
}

void drill_gauge_answer(struct drill_gauge *gauge, const struct drill_answer *answer)
{
	const struct service_plan *plan = &gauge->snapshot->services[answer->service];
	bool after = answer->at_ms >= gauge->effective_ms, old, changed;
	struct track *track;

	if ((gauge->closed_ms != 0 && answer->at_ms >= gauge->closed_ms) ||
		!drill_cover_has_service(gauge->covers, gauge->snapshot, plan))
		return;
	old = covers_answer(gauge, answer);
	changed = gauge->returns ? old : *told_at(gauge, answer) != 0 && !old;
	track_answer(gauge, &gauge->track[0], answer, old, changed);
	track = track_of(gauge, plan);
	if (track != NULL)
		track_answer(gauge, track, answer, old, changed);
	if (old && !gauge->returns)
		note_resolver(gauge, answer, after);
}

/* ---- what came of it ---- */

static int compare_held(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->expires_ms < y->expires_ms ? -1 : x->expires_ms > y->expires_ms;
}

static void held_quantiles(const struct drill_gauge *gauge, const struct track *track, struct drill_moved *moved)
{
	struct held *held = mem_dup(track->held, track->nheld * sizeof *held);
	uint64_t sum = 0;
	unsigned at = 0;

	qsort(held, track->nheld, sizeof *held, compare_held);
	for (size_t i = 0; i < track->nheld; i++)
		moved->held += held[i].weight;
	for (size_t i = 0; i < track->nheld; i++) {
		sum += held[i].weight;
		moved->held_until_ms = held[i].expires_ms;
		while (at < DRILL_QUANTILES && sum * 100 >= moved->held * drill_quantiles[at])
			moved->clients_ms[at++] = (int64_t)(held[i].expires_ms - gauge->effective_ms);
	}
	free(held);
}

static struct drill_moved moved_of(const struct drill_gauge *gauge, const struct track *track)
{
	struct drill_moved moved = { .first_ms = -1, .answers_ms = { -1, -1, -1 }, .clients_ms = { -1, -1, -1 } };
	struct track settled = *track;

	moved.share_before = share(track->old_before, track->all_before) * 100;
	moved.share_after = share(track->old_after, track->all_after) * 100;
	moved.old_after = track->old_after;
	moved.all_after = track->all_after;
	if (track->first_ms != 0)
		moved.first_ms = (int64_t)(track->first_ms - gauge->effective_ms);
	if (gauge->returns)
		return moved;
	if (settled.slice_all > 0) /* what of the last slice there is */
		end_slice(&settled, settled.slice_ms + SLICE_MAX_MS);
	for (unsigned i = 0; i < DRILL_QUANTILES && track->first_ms != 0; i++) {
		uint64_t at_ms = settled.missed_ms[i] > track->first_ms ? settled.missed_ms[i] : track->first_ms;

		if (settled.missed_ms[i] < settled.slice_ms || settled.missed_ms[i] == 0)
			moved.answers_ms[i] = (int64_t)(at_ms - gauge->effective_ms);
	}
	if (track->nheld > 0)
		held_quantiles(gauge, track, &moved);
	return moved;
}

bool drill_gauge_moved(const struct drill_gauge *gauge, const char *service, struct drill_moved *moved)
{
	for (size_t i = 0; i < gauge->ntracks; i++)
		if (service == NULL ? i == 0 : i > 0 && strcmp(gauge->track[i].service, service) == 0) {
			*moved = moved_of(gauge, &gauge->track[i]);
			return true;
		}
	return false;
}

/* ---- as JSON ---- */

static json_t *ms_json(int64_t ms)
{
	return ms >= 0 ? json_integer(ms) : json_null();
}

static json_t *percent_json(double percent)
{
	return percent >= 0 ? json_real(percent) : json_null();
}

static json_t *time_json(uint64_t wall_ms)
{
	char text[CLOCK_TEXT_MAX];

	return wall_ms > 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *quantiles_json(const int64_t ms[DRILL_QUANTILES])
{
	return json_pack("{s:o,s:o,s:o}", "50", ms_json(ms[0]), "90", ms_json(ms[1]), "99", ms_json(ms[2]));
}

static json_t *track_json(const struct drill_gauge *gauge, const struct track *track)
{
	struct drill_moved moved = moved_of(gauge, track);

	return json_pack("{s:o,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o}", "service",
		track->service != NULL ? json_string(track->service) : json_null(), "ttl_max_s",
		(json_int_t)track->ttl_max_s, "ttl_min_s", (json_int_t)track->ttl_min_s, "share_before",
		percent_json(moved.share_before), "share_after", percent_json(moved.share_after), "first_changed_ms",
		ms_json(moved.first_ms), "answers_moved_ms", quantiles_json(moved.answers_ms), "clients_moved_ms",
		quantiles_json(moved.clients_ms), "answers", (json_int_t)moved.all_after, "old_answers",
		(json_int_t)moved.old_after, "held", (json_int_t)moved.held, "held_until",
		time_json(moved.held_until_ms));
}

static int compare_resolvers(const void *a, const void *b)
{
	const struct resolver *x = *(const struct resolver *const *)a, *y = *(const struct resolver *const *)b;

	if (x->after != y->after)
		return x->after > y->after ? -1 : 1;
	return x->until_ms > y->until_ms ? -1 : x->until_ms < y->until_ms;
}

/* Those that matter: who was told the old pool after the change, then who may hold it for longest. */
static json_t *resolvers_json(const struct drill_gauge *gauge)
{
	const struct resolver **order = mem_alloc((gauge->nresolvers + 1) * sizeof *order);
	json_t *list = json_array();
	char addr[ADDR_TEXT_MAX];

	for (size_t i = 0; i < gauge->nresolvers; i++)
		order[i] = &gauge->resolver[i];
	qsort(order, gauge->nresolvers, sizeof *order, compare_resolvers);
	for (size_t i = 0; i < gauge->nresolvers && i < RESOLVERS_SHOWN; i++)
		json_array_append_new(list,
			json_pack("{s:s,s:I,s:I,s:I,s:I,s:o}", "resolver", addr_format(&order[i]->addr, addr),
				"old_answers", (json_int_t)order[i]->after, "before", (json_int_t)order[i]->before,
				"ttl_min_s", (json_int_t)order[i]->ttl_min_s, "ttl_max_s",
				(json_int_t)order[i]->ttl_max_s, "held_until", time_json(order[i]->until_ms)));
	free(order);
	return list;
}

json_t *drill_gauge_json(const struct drill_gauge *gauge)
{
	json_t *services = json_array();

	for (size_t i = 1; i < gauge->ntracks; i++)
		json_array_append_new(services, track_json(gauge, &gauge->track[i]));
	return json_pack("{s:I,s:o,s:I,s:b,s:o,s:o,s:o,s:I,s:b}", "step", (json_int_t)gauge->step + 1, "in_force",
		time_json(gauge->effective_ms), "in_force_ms", (json_int_t)gauge->effective_ms, "returns",
		gauge->returns, "all", track_json(gauge, &gauge->track[0]), "services", services, "resolvers",
		resolvers_json(gauge), "resolvers_told", (json_int_t)gauge->nresolvers, "overfull", gauge->overfull);
}
