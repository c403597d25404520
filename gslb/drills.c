/* A drill is joined to the daemon here: its clock, its overrides, the ledger's answers, and who waits for it. What a step sets is
 * marked with the drill's id, so that whatever becomes of this process the next one knows what to put back. */
#include "gslb/drills.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gslb/audit.h"
#include "gslb/daemon.h"

#define SCHEDULE "schedule"

enum { LOOK_MS = 5000 };

struct drills {
	struct daemon *daemon;
	struct drill_host host;
	struct drill_run *run; /* NULL: none is under way */
	char *name, *who;
	uint64_t ticket;
	uint64_t next_ms; /* wall: of the run */
	char alarm[512];  /* of the last scheduled run; "" when it succeeded */
	size_t said_step; /* steps that are in the audit log */
	struct drill_folder *folder;
	uint64_t look_ms, due_ms; /* wall: when to look at the folder again; when one of it is due, 0: none */
	uint64_t cursor;          /* into the recent answers */
	struct drill_answer *answers;
	size_t nanswers, answers_cap;
};

/* ---- the host ---- */

static const struct world *world_now(void *context)
{
	return &((struct drills *)context)->daemon->published->world;
}

static struct override_list *overrides_now(void *context)
{
	return ((struct drills *)context)->daemon->overrides;
}

static void publish(void *context)
{
	daemon_publish_overlay(((struct drills *)context)->daemon);
}

static uint64_t now_ms_of(void *context)
{
	(void)context;
	return clock_wall_ms();
}

static const struct recent *recent_now(void *context)
{
	return ((struct drills *)context)->daemon->recent;
}

static void say(void *context, const char *text)
{
	const struct drills *drills = context;

	log_notice("drill=%s who=%s %s", drills->name, drills->who, text);
}

static const char *state_folder(const struct drills *drills)
{
	return drills->daemon->conf->state_directory;
}

static void audit(const struct drills *drills, const char *event, const char *id, const char *who, json_t *more)
{
	char now[CLOCK_TEXT_MAX];
	json_t *line = json_pack("{s:s,s:s,s:s,s:s}", "time", clock_format(clock_wall_ms(), now), "event", event, "who",
		who, "drill", id);
	struct err err;

	json_object_update(line, more);
	json_decref(more);
	if (!audit_append(state_folder(drills), line, &err))
		log_error("audit=not-written event=\"%s\" drill=%s reason=\"%s\"", event, id, err.text);
	json_decref(line);
}

/* ---- answers ---- */

/* The service of a pair: services have their pairs one after the other. */
static uint32_t service_of(const struct snapshot *snapshot, uint32_t pair)
{
	uint32_t low = 0, high = snapshot->nservices;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (snapshot->services[middle].first_override <= pair)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void keep_answer(struct drills *drills, const struct snapshot *snapshot, const struct ledger_entry *entry)
{
	uint32_t service = service_of(snapshot, entry->pair);

	drills->answers = mem_grow(drills->answers, drills->nanswers, &drills->answers_cap, sizeof *drills->answers);
	drills->answers[drills->nanswers++] = (struct drill_answer){
		.at_ms = entry->time_ms,
		.service = service,
		.candidate = entry->pair - snapshot->services[service].first_override,
		.endpoint = entry->slot < snapshot->nendpoints ? entry->slot : CANDIDATE_NONE,
		.ttl_s = entry->ttl_s,
		.weight = entry->weight,
		.resolver = entry->resolver,
		.client = entry->ecs ? entry->client : entry->resolver,
	};
}

static int by_time(const void *a, const void *b)
{
	const struct drill_answer *x = a, *y = b;

	return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* What came in since it was read last. */
static struct drill_traffic read_traffic(struct drills *drills)
{
	const struct daemon *daemon = drills->daemon;
	uint64_t sums[COUNTERS_N], missed = 0;
	struct ledger_entry entry;

	recent_take(daemon->recent, daemon->published->ledger, clock_wall_ms());
	drills->nanswers = 0;
	while (recent_read(daemon->recent, &drills->cursor, &entry, &missed))
		if (entry.pair != LEDGER_NONE)
			keep_answer(drills, daemon->published->snapshot, &entry);
	if (drills->nanswers > 0)
		qsort(drills->answers, drills->nanswers, sizeof *drills->answers, by_time);
	workers_counters(daemon->workers, sums);
	return (struct drill_traffic){ drills->answers, drills->nanswers,
		sums[COUNT_queries_udp] + sums[COUNT_queries_tcp], sums[COUNT_answers_servfail] };
}

/* ---- beginning and ending ---- */

struct drills *drills_open(struct daemon *daemon)
{
	struct drills *drills = mem_alloc(sizeof *drills);
	size_t left = override_clear_drill(daemon->overrides, NULL, "gslbd", clock_wall_ms());

	drills->daemon = daemon;
	drills->host = (struct drill_host){ drills, world_now, overrides_now, publish, now_ms_of, recent_now, say };
	drills->folder = drill_folder_new();
	if (left > 0)
		log_warning("drill=ended overrides=%zu reason=\"gslbd ended while it ran: put back\"", left);
	drill_archive_mend(daemon->conf->state_directory, clock_wall_ms());
	return drills;
}

static char *make_id(const struct drill_plan *plan, uint64_t now_ms)
{
	time_t s = (time_t)(now_ms / 1000);
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof text, "%Y%m%dT%H%M%S", &tm);
	return mem_printf("%s.%03uZ-%s", text, (unsigned)(now_ms % 1000), plan->name);
}

/* An override that another host's drill has set. */
static const struct override *drill_elsewhere(const struct daemon *daemon)
{
	const struct override *const *overrides;
	size_t n = override_list_get(daemon->overrides, &overrides);

	for (size_t i = 0; i < n; i++)
		if (overrides[i]->drill != NULL && !override_is_ours(daemon->overrides, overrides[i]))
			return overrides[i];
	return NULL;
}

static bool is_free(const struct drills *drills, struct err *err)
{
	const struct override *elsewhere = drill_elsewhere(drills->daemon);
	char since[CLOCK_TEXT_MAX];

	if (drills->run == NULL && elsewhere != NULL)
		return err_set(err,
			"the drill %s of %s is under way in region %s (host %s), and there is one at a time in a "
			"fleet; "
			"it ends by %s",
			elsewhere->drill, elsewhere->who, elsewhere->origin, elsewhere->host,
			clock_format(elsewhere->until_ms, since));
	if (drills->run == NULL)
		return true;
	return err_set(err,
		"the drill %s of %s is under way since %s, and there is one at a time (gslbctl drill abort ends it)",
		drills->name, drills->who, clock_format(drill_run_drill(drills->run)->begun_ms, since));
}

static struct drill_plan *read_plan(const char *file, const char *text, struct report *report, struct err *err)
{
	struct drill_plan *plan = drill_plan_parse(file, text, strlen(text), report);

	if (plan == NULL)
		err_set(err, "%s: %zu mistake%s", file, report->nmistakes, report->nmistakes == 1 ? "" : "s");
	return plan;
}

json_t *drills_check(struct drills *drills, const char *file, const char *text, struct report *report, struct err *err)
{
	struct drill_plan *plan = read_plan(file, text, report, err);
	uint64_t now_ms = clock_wall_ms(), next_ms;
	char next[CLOCK_TEXT_MAX];
	json_t *steps, *result;
	bool good;

	if (plan == NULL)
		return NULL;
	if (is_free(drills, err)) {
		good = drill_run_check(plan, &drills->host, now_ms, &steps, err);
	} else {
		good = false;
		steps = json_array();
	}
	next_ms = drill_schedule_next(&plan->schedule, now_ms, now_ms, plan->end_ms);
	result = json_pack("{s:s,s:s,s:I,s:I,s:b,s:o,s:o}", "name", plan->name, "why", plan->why, "end_ms",
		(json_int_t)plan->end_ms, "longest_ms", (json_int_t)drill_plan_longest_ms(plan), "refused", !good,
		"steps", steps, "next", next_ms > 0 ? json_string(clock_format(next_ms, next)) : json_null());
	drill_plan_free(plan);
	return result;
}

/* Kept from the beginning, so that a drill that never ended has a report, too. */
static void archive(const struct drills *drills)
{
	json_t *report = drill_run_report(drills->run, clock_wall_ms());

	drill_archive_write(state_folder(drills), report);
	json_decref(report);
}

bool drills_begin(struct drills *drills, const struct drill_order *order, struct report *report, struct err *err)
{
	uint64_t now_ms = clock_wall_ms();
	struct drill_traffic recent;
	struct drill_plan *plan;
	json_t *steps = NULL;
	char *id;

	if (!is_free(drills, err) || (plan = read_plan(order->file, order->text, report, err)) == NULL)
		return false;
	if (!drill_run_check(plan, &drills->host, now_ms, &steps, err)) {
		log_warning("drill=%s who=%s state=FAILED reason=\"nothing was changed: %s\"", plan->name, order->who,
			err->text);
		json_decref(steps);
		drill_plan_free(plan);
		return false;
	}
	json_decref(steps);
	id = make_id(plan, now_ms);
	drills->name = mem_strdup(plan->name);
	drills->who = mem_strdup(order->who);
	drills->ticket = order->ticket;
	drills->said_step = 0;
	drills->next_ms = now_ms;
	audit(drills, "drill begin", id, order->who,
		json_pack("{s:s,s:s,s:s}", "name", plan->name, "why", plan->why, "text", plan->text));
	log_notice("drill=%s who=%s state=begun id=%s why=\"%s\"", plan->name, order->who, id, plan->why);
	drills->cursor = 0; /* all that is remembered */
	recent = read_traffic(drills);
	drills->run = drill_run_new(plan, &drills->host, id, order->who, &recent, now_ms);
	archive(drills);
	free(id);
	return true;
}

static void audit_steps(struct drills *drills)
{
	const struct drill *drill = drill_run_drill(drills->run);

	for (; drills->said_step < drill->plan->nsteps && drill->stage[drills->said_step].begun_ms != 0;
		drills->said_step++)
		audit(drills, "drill step", drill_run_id(drills->run), drills->who,
			json_pack("{s:i,s:s}", "step", (int)drills->said_step + 1, "text",
				drill->plan->steps[drills->said_step].text));
}

static void answer_runner(struct drills *drills)
{
	const struct drill *drill = drill_run_drill(drills->run);
	struct control_reply reply = { .exit = drill->state == DRILL_SUCCEEDED ? 0 : 1 };

	if (drills->ticket == 0)
		return;
	reply.result = drill_run_report(drills->run, clock_wall_ms());
	if (drill->state != DRILL_SUCCEEDED)
		err_set(&reply.err, "%s: %s: %s", drills->name, drill_state_name(drill->state), drill->reason);
	control_answer(drills->daemon->control, drills->ticket, &reply);
}

/* Nobody looks on when a drill runs by itself. */
static void note_scheduled(struct drills *drills, const char *name, const char *result, const char *reason)
{
	drills->alarm[0] = '\0';
	if (result != NULL)
		snprintf(drills->alarm, sizeof drills->alarm, "drill %s: the last scheduled run %s: %.380s", name,
			result, reason);
}

static void end_run(struct drills *drills)
{
	const struct drill *drill = drill_run_drill(drills->run);

	if (strcmp(drills->who, SCHEDULE) == 0)
		note_scheduled(drills, drills->name,
			drill->state != DRILL_SUCCEEDED ? drill_state_name(drill->state) : NULL, drill->reason);

	archive(drills);
	audit(drills, "drill end", drill_run_id(drills->run), drills->who,
		json_pack("{s:s,s:s}", "result", drill_state_name(drill->state), "reason", drill->reason));
	answer_runner(drills);
	drill_run_free(drills->run);
	free(drills->name);
	free(drills->who);
	drills->run = NULL;
	drills->name = drills->who = NULL;
	drills->ticket = 0;
}

static void work_run(struct drills *drills, uint64_t now_ms)
{
	struct drill_traffic traffic;

	if (drills->ticket != 0 && !control_waits(drills->daemon->control, drills->ticket))
		drill_run_stop(drills->run, "its runner is gone (gslbctl ended or lost the connection)", now_ms);
	traffic = read_traffic(drills);
	drills->next_ms = drill_run_tick(drills->run, &traffic, now_ms);
	audit_steps(drills);
	if (drills->next_ms == 0)
		end_run(drills);
}

void drills_close(struct drills *drills)
{
	if (drills == NULL)
		return;
	if (drills->run != NULL) {
		drill_run_stop(drills->run, "gslbd stops", clock_wall_ms());
		work_run(drills, clock_wall_ms());
	}
	drill_folder_free(drills->folder);
	free(drills->answers);
	free(drills);
}

/* ---- by themselves ---- */

/* When a drill of this name was last begun, by the reports that are kept. */
static uint64_t last_run_ms(void *context, const char *name)
{
	json_t *report = drill_archive_read(state_folder(context), name, NULL);
	uint64_t ms = (uint64_t)json_integer_value(json_object_get(report, "begun_ms"));

	json_decref(report);
	return ms;
}

static void begin_due(struct drills *drills, const char *file, const char *text)
{
	const struct drill_order order = { .file = file, .text = text, .who = SCHEDULE };
	struct report report = { 0 };
	struct err err;

	if (!drills_begin(drills, &order, &report, &err)) {
		log_error("drill=not-begun file=%s reason=\"%s\"", file, err.text);
		audit(drills, "drill refused", file, SCHEDULE, json_pack("{s:s}", "reason", err.text));
		note_scheduled(drills, file, "was refused", err.text);
	}
	report_fini(&report);
}

static void work_folder(struct drills *drills, uint64_t now_ms)
{
	const char *file, *text;

	if (now_ms >= drills->look_ms || drills->look_ms > now_ms + LOOK_MS) {
		drills->look_ms = now_ms + LOOK_MS;
		drill_folder_look(drills->folder, drills->daemon->conf->drills_directory, now_ms, last_run_ms, drills);
	}
	file = drill_folder_due(drills->folder, now_ms, &text, &drills->due_ms);
	if (file != NULL)
		begin_due(drills, file, text);
}

uint64_t drills_work(struct drills *drills, uint64_t now_ms)
{
	uint64_t next_ms;

	work_folder(drills, now_ms);
	if (drills->run != NULL && (now_ms >= drills->next_ms || drills->next_ms > now_ms + 2 * DRILL_TICK_MS))
		work_run(drills, now_ms);
	else if (drills->run != NULL && drills->ticket != 0 && !control_waits(drills->daemon->control, drills->ticket))
		work_run(drills, now_ms);
	next_ms = drills->look_ms;
	if (drills->due_ms != 0 && drills->due_ms < next_ms)
		next_ms = drills->due_ms;
	return drills->run != NULL && drills->next_ms < next_ms ? drills->next_ms : next_ms;
}

/* ---- asked by operators ---- */

bool drills_abort(struct drills *drills, const char *who)
{
	char why[160];

	if (drills->run == NULL)
		return false;
	snprintf(why, sizeof why, "%s aborted it", who);
	drill_run_stop(drills->run, why, clock_wall_ms());
	work_run(drills, clock_wall_ms());
	return true;
}

json_t *drills_status(const struct drills *drills)
{
	return drills->run != NULL ? drill_run_report(drills->run, clock_wall_ms()) : NULL;
}

const char *drills_running(const struct drills *drills)
{
	return drills->run != NULL ? drill_run_id(drills->run) : "";
}

json_t *drills_list(const struct drills *drills)
{
	return drill_folder_json(drills->folder);
}

json_t *drills_brief(const struct drills *drills)
{
	uint64_t next_ms;
	size_t n;
	const char *name = drill_folder_next(drills->folder, &next_ms, &n);
	char next[CLOCK_TEXT_MAX];

	return json_pack("{s:s,s:i,s:s,s:o}", "running", drills_running(drills), "scheduled", (int)n, "next_name",
		name != NULL ? name : "", "next",
		name != NULL ? json_string(clock_format(next_ms, next)) : json_null());
}

void drills_alarms(const struct drills *drills, json_t *alarms)
{
	drill_folder_alarms(drills->folder, alarms);
	if (drills->alarm[0] != '\0')
		json_array_append_new(alarms, json_string(drills->alarm));
}

json_t *drills_report(const struct drills *drills, const char *id, struct err *err)
{
	if (drills->run != NULL && (id[0] == '\0' || strcmp(id, drill_run_id(drills->run)) == 0))
		return drills_status(drills);
	return drill_archive_read(state_folder(drills), id, err);
}

json_t *drills_reports(const struct drills *drills)
{
	return drill_archive_list(state_folder(drills));
}
