/* While a plan is made the builder makes nothing else, so that what is in force stays; overrides and clients are copies of when it
 * began. Zones whose text is that of the one in force are that one, and so are tables of orders that did not change. */
#include "gslb/planner.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/plan.h"
#include "gslb/target.h"

enum phase { PHASE_OPEN, PHASE_READY, PHASE_COMPILING, PHASE_REPLAYING, PHASE_DONE };

struct text {
	char *file;
	struct name apex;
	struct buf text;
};

struct job {
	uint64_t number, ticket, active_ms; /* monotonic: the last piece */
	char who[64];
	struct text *zones;
	size_t nzones, cap, bytes;
	/* from planner_begin on; the builder's until planner_end, but for what is atomic */
	_Atomic int phase;
	_Atomic uint32_t permille;
	const _Atomic bool *stop; /* the planner's */
	struct published *held;
	struct audience *audience;
	struct override_list *overrides;
	struct snapshot_inputs inputs;
	double *loads; /* of before */
	struct world before;
	uint64_t now_ms;
	json_t *result;
	struct err err;
};

struct planner {
	struct daemon *daemon;
	uint64_t last;
	struct job *job; /* NULL: none */
	_Atomic bool stopped;
};

struct planner *planner_new(struct daemon *daemon)
{
	struct planner *planner = mem_alloc(sizeof *planner);

	planner->daemon = daemon;
	planner->last = dice_from_kernel().state >> 32; /* a number from before a restart is not taken for another's */
	return planner;
}

static void job_free(struct job *job)
{
	for (size_t i = 0; i < job->nzones; i++) {
		free(job->zones[i].file);
		buf_fini(&job->zones[i].text);
	}
	free(job->zones);
	audience_free(job->audience);
	override_list_free(job->overrides);
	json_decref(job->result);
	free(job->loads);
	free(job);
}

/* ---- taking it in ---- */

static bool is_idle(const struct job *job)
{
	return atomic_load(&job->phase) == PHASE_OPEN && clock_monotonic_ms() >= job->active_ms + PLANNER_IDLE_MS;
}

uint64_t planner_open(struct planner *planner, const char *who, struct err *err)
{
	if (planner->job != NULL && !is_idle(planner->job)) {
		err_set(err, "another plan is being made, for %s: try again in some seconds", planner->job->who);
		return 0;
	}
	if (planner->job != NULL)
		job_free(planner->job);
	planner->job = mem_alloc(sizeof *planner->job);
	planner->job->number = ++planner->last;
	planner->job->stop = &planner->stopped;
	planner->job->active_ms = clock_monotonic_ms();
	snprintf(planner->job->who, sizeof planner->job->who, "%s", who);
	return planner->job->number;
}

static struct job *open_job(const struct planner *planner, uint64_t plan, struct err *err)
{
	struct job *job = planner->job;

	if (job != NULL && job->number == plan && atomic_load(&job->phase) == PHASE_OPEN)
		return job;
	err_set(err, "no such plan is being sent (another one took its place)");
	return NULL;
}

/* "svc.example.zone" is the zone svc.example. */
static bool apex_of(const char *file, struct name *apex)
{
	size_t len = strlen(file);
	char text[NAME_TEXT_MAX];

	if (len <= 5 || len - 5 >= sizeof text || strchr(file, '/') != NULL || strcmp(file + len - 5, ".zone") != 0)
		return false;
	memcpy(text, file, len - 5);
	text[len - 5] = '\0';
	return name_from_text(apex, text);
}

bool planner_put(
	struct planner *planner, uint64_t plan, const char *file, const char *text, size_t len, struct err *err)
{
	struct job *job = open_job(planner, plan, err);
	struct name apex;

	if (job == NULL)
		return false;
	if (!apex_of(file, &apex))
		return err_set(err, "%s: not the name of a zone's file (svc.example.zone)", file);
	if (job->bytes + len > PLANNER_BYTES_MAX)
		return err_set(err, "the zones are larger than %d MiB", PLANNER_BYTES_MAX >> 20);
	if (job->nzones == 0 || strcmp(job->zones[job->nzones - 1].file, file) != 0) {
		job->zones = mem_grow(job->zones, job->nzones, &job->cap, sizeof *job->zones);
		job->zones[job->nzones++] = (struct text){ .file = mem_strdup(file), .apex = apex };
	}
	buf_add(&job->zones[job->nzones - 1].text, text, len);
	job->bytes += len;
	job->active_ms = clock_monotonic_ms();
	return true;
}

bool planner_run(struct planner *planner, uint64_t plan, uint64_t ticket, struct err *err)
{
	struct job *job = open_job(planner, plan, err);

	if (job == NULL)
		return false;
	job->ticket = ticket;
	atomic_store(&job->phase, PHASE_READY);
	return true;
}

const char *planner_phase(const struct planner *planner, uint64_t plan, uint32_t *permille)
{
	static const char *const names[] = {
		[PHASE_OPEN] = "sending",
		[PHASE_READY] = "waiting",
		[PHASE_COMPILING] = "compiling",
		[PHASE_REPLAYING] = "replaying",
		[PHASE_DONE] = "done",
	};
	const struct job *job = planner->job;

	if (job == NULL || job->number != plan)
		return NULL;
	*permille = atomic_load_explicit(&job->permille, memory_order_relaxed);
	return names[atomic_load(&job->phase)];
}

/* ---- in the builder's thread ---- */

static struct zone *in_force(const struct zone_set *set, const struct text *text)
{
	struct buf printed = { 0 };
	struct zone *zone = NULL;

	for (size_t i = 0; i < set->nzones && zone == NULL; i++)
		if (name_equal(&set->zones[i]->apex, &text->apex))
			zone = set->zones[i];
	if (zone == NULL)
		return NULL;
	zone_print(zone, &printed);
	if (printed.len != text->text.len || memcmp(printed.text, text->text.text, printed.len) != 0)
		zone = NULL;
	buf_fini(&printed);
	return zone != NULL ? zone_ref(zone) : NULL;
}

static bool first_mistake(const struct report *report, struct err *err)
{
	char line[900] = "mistakes";

	if (report->nlines > 0)
		report_format(&report->lines[0], line, sizeof line);
	return err_set(err, "%s", line);
}

static struct zone_set *link_zones(struct job *job, uint64_t seed)
{
	struct zone **zones = mem_alloc((job->nzones + 1) * sizeof(struct zone *));
	struct zone_set *set = NULL;
	struct report report = { 0 };
	size_t n = 0;

	for (; n < job->nzones; n++) {
		struct text *text = &job->zones[n];

		zones[n] = in_force(job->before.snapshot->set, text);
		if (zones[n] == NULL)
			zones[n] = zone_parse(text->file, text->text.text, text->text.len, &text->apex, seed, &report);
		if (zones[n] == NULL)
			break;
		buf_fini(&text->text);
	}
	if (n == job->nzones)
		set = zone_set_link(zones, n, seed, &report);
	for (size_t i = 0; i < n; i++)
		zone_unref(zones[i]);
	free(zones);
	if (set == NULL)
		first_mistake(&report, &job->err);
	report_fini(&report);
	return set;
}

/* Pools that have no address since nobody has looked their names up yet. */
static json_t *unresolved_json(const struct snapshot *snapshot)
{
	char name[NAME_TEXT_MAX];
	json_t *list = json_array();

	for (uint32_t i = 0; i < snapshot->npools && json_array_size(list) < PLAN_NAMES; i++)
		if (snapshot->pools[i].unresolved)
			json_array_append_new(list, json_string(name_format(&snapshot->pools[i].pool->name, name)));
	return list;
}

static void replay(struct job *job, const struct snapshot *snapshot)
{
	struct overlay *overlay = overlay_new(job->overrides, snapshot);
	struct world after = { .snapshot = snapshot,
		.overlay = overlay,
		.slots = job->before.slots,
		.nslots = job->before.nslots,
		.board = job->before.board };
	const struct plan_question question = { .before = &job->before,
		.after = &after,
		.audience = job->audience,
		.meter = job->inputs.meter,
		.loads = job->loads,
		.now_ms = job->now_ms,
		.permille = &job->permille,
		.stop = job->stop };
	struct plan *plan;

	atomic_store(&job->phase, PHASE_REPLAYING);
	plan = plan_make(&question);
	if (!atomic_load(job->stop)) {
		job->result = plan_json(plan, job->before.snapshot->set, snapshot->set);
		json_object_set_new(job->result, "unresolved", unresolved_json(snapshot));
	}
	plan_free(plan);
	overlay_free(overlay);
}

static void carry_out(void *context, struct geo *geo, uint64_t name_seed)
{
	struct job *job = context;
	struct zone_set *set = link_zones(job, name_seed);
	struct snapshot *snapshot;

	if (set == NULL)
		return;
	if (atomic_load(job->stop)) {
		zone_set_free(set);
		return;
	}
	snapshot = snapshot_new(set, geo, &job->inputs, job->before.snapshot, &job->err);
	if (snapshot != NULL)
		replay(job, snapshot);
	snapshot_free(snapshot);
}

/* ---- the main thread again ---- */

/* Who asked for it sends no more, or does not wait any more. */
static bool is_abandoned(const struct planner *planner, const struct job *job)
{
	return is_idle(job) ||
	       (atomic_load(&job->phase) == PHASE_READY && !control_waits(planner->daemon->control, job->ticket));
}

bool planner_waits(const struct planner *planner)
{
	const struct job *job = planner->job;

	return job != NULL && (is_abandoned(planner, job) || atomic_load(&job->phase) == PHASE_READY);
}

static double *take_loads(const struct daemon *daemon, const struct snapshot *snapshot, uint64_t now_ms)
{
	double *loads = mem_alloc((snapshot->npools + 1) * sizeof *loads);

	for (uint32_t i = 0; i < snapshot->npools; i++) {
		struct load load = loads_of(daemon->loads, snapshot->pools[i].pool, now_ms);

		loads[i] = load.known ? (double)load.milli / 1000 : NAN;
	}
	return loads;
}

void planner_begin(struct planner *planner)
{
	struct daemon *daemon = planner->daemon;
	struct job *job = planner->job;
	struct build_order order = { .kind = BUILD_ASIDE, .aside = { carry_out, job } };

	if (job != NULL && is_abandoned(planner, job)) {
		job_free(job);
		planner->job = NULL;
		return;
	}
	if (job == NULL || atomic_load(&planner->stopped) || atomic_load(&job->phase) != PHASE_READY)
		return;
	job->now_ms = clock_wall_ms();
	job->held = daemon_hold(daemon);
	job->before = job->held->world;
	job->before.split = NULL; /* both as they are ordered: what capacity would make of the other one is not known */
	job->before.ledger = NULL;
	job->before.reasons = NULL;
	job->audience = audience_copy(daemon->audience);
	job->loads = take_loads(daemon, job->before.snapshot, job->now_ms);
	job->overrides = override_list_scratch(daemon->overrides);
	prober_looks(daemon->prober, &job->inputs);
	job->inputs.meter = daemon->meter;
	job->inputs.trial = true;
	job->inputs.now_s = job->now_ms / 1000;
	memcpy(job->inputs.seed, daemon->sticky_seed, sizeof job->inputs.seed);
	atomic_store(&job->phase, PHASE_COMPILING);
	order.conf = daemon->conf;
	builder_begin(daemon->builder, &order);
}

void planner_end(struct planner *planner)
{
	struct job *job = planner->job;
	struct control_reply reply = { .result = job->result, .exit = job->result != NULL ? 0 : 1, .err = job->err };

	job->result = NULL;
	log_notice("plan=%s who=%s took_ms=%llu", reply.result != NULL ? "made" : "refused", job->who,
		(unsigned long long)(clock_wall_ms() - job->now_ms));
	control_answer(planner->daemon->control, job->ticket, &reply);
	daemon_let_go(planner->daemon, job->held);
	job_free(job);
	planner->job = NULL;
}

void planner_stop(struct planner *planner)
{
	atomic_store(&planner->stopped, true);
}

void planner_free(struct planner *planner)
{
	if (planner == NULL)
		return;
	if (planner->job != NULL && planner->job->held != NULL)
		daemon_let_go(planner->daemon, planner->job->held);
	if (planner->job != NULL)
		job_free(planner->job);
	free(planner);
}
