/* Shares are of the answers of the last seconds, in buckets: of five, or of as many as it takes to see ENOUGH answers, at most a minute,
 * since caches that all ask at one time leave seconds of chance between. They begin anew when a step changes what is answered, so that
 * an expectation is never met by answers from before it. What takes a look at many pools or services is looked at once a second. */
#include "gslb/drill_measure.h"

#include <stdlib.h>
#include <string.h>

#include "gslb/drill_cover.h"
#include "gslb/standing.h"

enum {
	BUCKET_MS = 250,
	BUCKETS = 240,
	RECENT = 20 /* buckets */,
	ENOUGH = 100,
	FEWEST = 10 /* a share of less says nothing */,
	FEW = 1000,
	RARELY_MS = 1000,
	SAMPLES = 100
};

struct bucket {
	uint64_t number; /* time / BUCKET_MS */
	uint64_t part, all;
};

/* A condition's names as numbers of the snapshot in force. */
struct subject {
	uint32_t service, pool; /* SERVICE_NONE, POOL_NONE: none, or gone */
	struct bucket bucket[BUCKETS];
};

struct sample {
	uint64_t at_ms, queries, servfails;
};

struct drill_measures {
	const struct drill_plan *plan;
	struct subject subject[DRILL_CONDITIONS_MAX];
	uint64_t from_ms; /* answers before it do not count */
	struct sample sample[SAMPLES];
	size_t nsamples, oldest;
	bool *other;      /* by pool: no step covers it, and it was in service when the drill began */
	uint32_t *served; /* services that steps touch and that had a pool in service */
	size_t nserved;
	uint64_t looked_ms;
	double others_down, empty;
};

/* ---- what is in service ---- */

static bool pool_in_service(const struct world *world, uint32_t pool, uint64_t now_ms)
{
	for (enum family family = 0; family < FAMILIES; family++)
		if (world->snapshot->pools[pool].part[family].n > 0 &&
			pool_standing(world, pool, family, now_ms).state == HEALTH_UP)
			return true;
	return false;
}

static bool service_is_served(const struct world *world, uint32_t service, uint64_t now_ms)
{
	const struct service_plan *plan = &world->snapshot->services[service];
	uint32_t of;

	return service_pools_in_service(world, plan, now_ms, false, &of) > 0 ||
	       (plan->list->fallback != POOL_NONE && pool_in_service(world, plan->list->fallback, now_ms));
}

/* ---- names ---- */

static bool find_subject(
	const struct drill_condition *condition, const struct world *world, struct subject *subject, struct err *err)
{
	const struct zone_set *set = world->snapshot->set;

	subject->service = SERVICE_NONE;
	subject->pool = POOL_NONE;
	if (condition->service != NULL) {
		subject->service = zone_set_service(set, condition->service, err);
		if (subject->service == SERVICE_NONE)
			return false;
	}
	if (condition->pool != NULL) {
		subject->pool = zone_set_pool(set, condition->pool, err);
		if (subject->pool == POOL_NONE)
			return false;
	}
	return true;
}

static void find_subjects(struct drill_measures *measures, const struct world *world)
{
	for (size_t i = 0; i < measures->plan->nconditions; i++)
		find_subject(&measures->plan->conditions[i], world, &measures->subject[i], NULL);
}

/* What a step is about: its pools, and the services that it touches. */
static void mark_about(
	struct drill_measures *measures, const struct snapshot *snapshot, const struct overlay *cover, bool *touched)
{
	for (uint32_t i = 0; i < snapshot->npools; i++)
		if (measures->other[i] && drill_cover_has_pool(cover, snapshot, i))
			measures->other[i] = false;
	for (uint32_t i = 0; i < snapshot->nservices; i++) {
		const struct service_plan *plan = &snapshot->services[i];

		touched[i] = touched[i] || drill_cover_has_service(cover, snapshot, plan);
		for (uint32_t k = 0; k < plan->list->n; k++)
			if (drill_cover_is_set(cover->service_pool[plan->first_override + k]))
				measures->other[plan->list->candidate[k].pool] = false;
	}
}

/* Which pools and services the steps are about: the other pools are to stay as they are. */
static void find_bystanders(struct drill_measures *measures, const struct world *world, uint64_t now_ms)
{
	const struct snapshot *snapshot = world->snapshot;
	bool *touched = mem_alloc(snapshot->nservices + 1);

	free(measures->other);
	free(measures->served);
	measures->other = mem_alloc(snapshot->npools + 1);
	measures->served = mem_alloc((snapshot->nservices + 1) * sizeof *measures->served);
	measures->nserved = 0;
	for (uint32_t i = 0; i < snapshot->npools; i++)
		measures->other[i] = pool_in_service(world, i, now_ms);
	for (size_t i = 0; i < measures->plan->nsteps; i++)
		if (measures->plan->steps[i].verb == DRILL_FORCE) {
			struct overlay *cover = drill_cover_new(snapshot, measures->plan->steps[i].target);

			mark_about(measures, snapshot, cover, touched);
			overlay_free(cover);
		}
	for (uint32_t i = 0; i < snapshot->nservices; i++)
		if (touched[i] && service_is_served(world, i, now_ms))
			measures->served[measures->nserved++] = i;
	free(touched);
}

struct drill_measures *drill_measures_new(
	const struct drill_plan *plan, const struct world *world, const struct drill_traffic *traffic, uint64_t now_ms)
{
	struct drill_measures *measures = mem_alloc(sizeof *measures);

	measures->plan = plan;
	measures->from_ms = now_ms;
	measures->sample[0] = (struct sample){ now_ms, traffic->queries, traffic->servfails };
	measures->nsamples = 1;
	find_subjects(measures, world);
	find_bystanders(measures, world, now_ms);
	return measures;
}

void drill_measures_free(struct drill_measures *measures)
{
	if (measures == NULL)
		return;
	free(measures->other);
	free(measures->served);
	free(measures);
}

void drill_measures_reload(struct drill_measures *measures, const struct world *world, uint64_t now_ms)
{
	find_subjects(measures, world);
	find_bystanders(measures, world, now_ms);
}

void drill_measures_restart(struct drill_measures *measures, uint64_t from_ms)
{
	measures->from_ms = from_ms;
	for (size_t i = 0; i < measures->plan->nconditions; i++)
		memset(measures->subject[i].bucket, 0, sizeof measures->subject[i].bucket);
}

/* ---- answers ---- */

static void share_take(struct subject *subject, const struct snapshot *snapshot, const struct drill_answer *answer)
{
	const struct service_plan *plan = &snapshot->services[answer->service];
	uint64_t number = answer->at_ms / BUCKET_MS;
	struct bucket *bucket = &subject->bucket[number % BUCKETS];
	bool of_pool = plan->list->candidate[answer->candidate].pool == subject->pool, uses = of_pool;

	if (subject->service != SERVICE_NONE && subject->service != answer->service)
		return;
	for (uint32_t i = 0; i < plan->list->n && !uses; i++)
		uses = plan->list->candidate[i].pool == subject->pool;
	if (!uses)
		return;
	if (bucket->number != number)
		*bucket = (struct bucket){ .number = number };
	bucket->all += answer->weight;
	bucket->part += of_pool ? answer->weight : 0;
}

void drill_measures_take(struct drill_measures *measures, const struct world *world,
	const struct drill_traffic *traffic, uint64_t now_ms)
{
	size_t last = (measures->oldest + measures->nsamples - 1) % SAMPLES;

	for (size_t i = 0; i < traffic->nanswers; i++)
		for (size_t k = 0; k < measures->plan->nconditions; k++)
			if (measures->plan->conditions[k].measure == DRILL_SHARE &&
				traffic->answers[i].at_ms >= measures->from_ms)
				share_take(&measures->subject[k], world->snapshot, &traffic->answers[i]);
	if (now_ms < measures->sample[last].at_ms + DRILL_TICK_MS)
		return;
	if (measures->nsamples == SAMPLES)
		measures->oldest = (measures->oldest + 1) % SAMPLES;
	else
		measures->nsamples++;
	last = (measures->oldest + measures->nsamples - 1) % SAMPLES;
	measures->sample[last] = (struct sample){ now_ms, traffic->queries, traffic->servfails };
}

/* ---- values ---- */

static struct drill_value percent_of(uint64_t part, uint64_t all)
{
	return (struct drill_value){ all >= FEWEST, all > 0 ? (double)part * 100 / (double)all : 0 };
}

static struct drill_value share_of(const struct subject *subject, uint64_t now_ms)
{
	uint64_t part = 0, all = 0, now = now_ms / BUCKET_MS;

	for (uint64_t i = 0; i < BUCKETS && i <= now && (i < RECENT || all < ENOUGH); i++) {
		const struct bucket *bucket = &subject->bucket[(now - i) % BUCKETS];

		if (bucket->number != now - i)
			continue;
		part += bucket->part;
		all += bucket->all;
	}
	return percent_of(part, all);
}

static struct drill_value servfail_of(const struct drill_measures *measures)
{
	const struct sample *first = &measures->sample[measures->oldest],
			    *last = &measures->sample[(measures->oldest + measures->nsamples - 1) % SAMPLES];

	return percent_of(last->servfails - first->servfails, last->queries - first->queries);
}

static void look(struct drill_measures *measures, const struct world *world, uint64_t now_ms)
{
	bool few = measures->nserved <= FEW && world->snapshot->npools <= FEW;

	if (!few && now_ms < measures->looked_ms + RARELY_MS)
		return;
	measures->looked_ms = now_ms;
	measures->others_down = measures->empty = 0;
	for (uint32_t i = 0; i < world->snapshot->npools; i++)
		measures->others_down += measures->other[i] && !pool_in_service(world, i, now_ms);
	for (size_t i = 0; i < measures->nserved; i++)
		measures->empty += !service_is_served(world, measures->served[i], now_ms);
}

static struct drill_value pools_up(const struct subject *subject, const struct world *world, uint64_t now_ms)
{
	uint32_t of;

	if (subject->service == SERVICE_NONE)
		return (struct drill_value){ false, 0 };
	return (struct drill_value){ true,
		service_pools_in_service(world, &world->snapshot->services[subject->service], now_ms, false, &of) };
}

void drill_measures_read(struct drill_measures *measures, const struct world *world, uint64_t now_ms,
	struct drill_value values[DRILL_CONDITIONS_MAX])
{
	look(measures, world, now_ms);
	for (size_t i = 0; i < measures->plan->nconditions; i++)
		switch (measures->plan->conditions[i].measure) {
		case DRILL_POOLS_UP:
			values[i] = pools_up(&measures->subject[i], world, now_ms);
			break;
		case DRILL_SHARE:
			values[i] = share_of(&measures->subject[i], now_ms);
			break;
		case DRILL_SERVFAIL:
			values[i] = servfail_of(measures);
			break;
		case DRILL_EMPTY:
			values[i] = (struct drill_value){ true, measures->empty };
			break;
		case DRILL_OTHERS_DOWN:
			values[i] = (struct drill_value){ true, measures->others_down };
			break;
		}
}

bool drill_measures_check(const struct drill_plan *plan, const struct world *world, uint64_t now_ms, struct err *err)
{
	for (size_t i = 0; i < plan->nconditions; i++) {
		const struct drill_condition *condition = &plan->conditions[i];
		struct subject subject = { 0 };
		struct drill_value value;
		char text[48];
		struct err why;

		if (!find_subject(condition, world, &subject, &why))
			return err_set(err, "%s: %s", condition->text, why.text);
		if (condition->measure != DRILL_POOLS_UP || condition->role == DRILL_EXPECTED)
			continue;
		value = pools_up(&subject, world, now_ms);
		if (drill_condition_holds(condition, value.value) != (condition->role == DRILL_ALWAYS))
			return err_set(err, "%s: %s now, measured %s", condition->text,
				condition->role == DRILL_ALWAYS ? "not so" : "it is so",
				drill_value_format(condition, value, text));
	}
	return true;
}
