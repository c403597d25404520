#include "tests/scenario/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct world *world_of(void *context)
{
	return &((struct rehearsal *)context)->sim->world;
}

static struct override_list *overrides_of(void *context)
{
	return ((struct rehearsal *)context)->sim->overrides;
}

static void publish(void *context)
{
	sim_publish(((struct rehearsal *)context)->sim);
}

static uint64_t now_of(void *context)
{
	return ((struct rehearsal *)context)->sim->now_ms;
}

void rehearsal_init(struct rehearsal *rehearsal, struct sim *sim)
{
	memset(rehearsal, 0, sizeof *rehearsal);
	rehearsal->sim = sim;
	rehearsal->host = (struct drill_host){ rehearsal, world_of, overrides_of, publish, now_of, NULL, NULL };
}

void rehearsal_fini(struct rehearsal *rehearsal)
{
	drill_run_free(rehearsal->run);
}

void rehearsal_crowd(struct rehearsal *rehearsal, const char *net, unsigned n, const char *name)
{
	for (unsigned i = 1; i <= n && rehearsal->ncrowd < CROWD_MAX; i++) {
		struct member *member = &rehearsal->crowd[rehearsal->ncrowd++];

		snprintf(member->client, sizeof member->client, "%s.%u", net, i);
		snprintf(member->name, sizeof member->name, "%s", name);
		member->pool = POOL_NONE;
		member->expires_ms = rehearsal->sim->now_ms + rehearsal->ncrowd * APART_MS;
	}
}

static void ask(struct rehearsal *rehearsal, struct member *member)
{
	const struct sim *sim = rehearsal->sim;
	struct decision decision;
	struct client client;

	sim_ask(rehearsal->sim, member->client, member->name, FAMILY_V4, &decision, NULL);
	rehearsal->queries++;
	member->pool = decision.pool;
	member->expires_ms = sim->now_ms + (uint64_t)decision.ttl_s * 1000;
	if (decision.candidate == CANDIDATE_NONE)
		return;
	sim_client(member->client, &client);
	if (rehearsal->nanswers == HISTORY_MAX) {
		rehearsal->nanswers /= 2;
		memmove(rehearsal->answers, rehearsal->answers + rehearsal->nanswers,
			rehearsal->nanswers * sizeof rehearsal->answers[0]);
	}
	rehearsal->answers[rehearsal->nanswers++] = (struct drill_answer){
		.at_ms = sim->now_ms,
		.service = sim_service(sim, member->name)->service->number,
		.candidate = decision.candidate,
		.endpoint = decision.nendpoints > 0 ? decision.endpoint[0] : CANDIDATE_NONE,
		.ttl_s = decision.ttl_s,
		.weight = 1,
		.resolver = client.addr,
		.client = client.addr,
	};
}

static void ask_all(struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->ncrowd; i++)
		if (rehearsal->crowd[i].expires_ms <= rehearsal->sim->now_ms)
			ask(rehearsal, &rehearsal->crowd[i]);
}

static struct drill_traffic take_traffic(struct rehearsal *rehearsal)
{
	struct drill_traffic traffic = { rehearsal->answers, rehearsal->nanswers, rehearsal->queries, 0 };

	rehearsal->nanswers = 0;
	return traffic;
}

static void tick(struct rehearsal *rehearsal)
{
	struct drill_traffic traffic;

	if (rehearsal->run == NULL || rehearsal->over)
		return; /* what was answered is the history of the next one */
	traffic = take_traffic(rehearsal);
	rehearsal->due_ms = drill_run_tick(rehearsal->run, &traffic, rehearsal->sim->now_ms);
	rehearsal->over = rehearsal->due_ms == 0;
}

bool rehearsal_begin(struct rehearsal *rehearsal, const char *yaml, struct err *err)
{
	struct report report = { 0 };
	struct drill_plan *plan = drill_plan_parse("drill", yaml, strlen(yaml), &report);
	struct drill_traffic recent = take_traffic(rehearsal);
	char line[1024];
	json_t *steps;
	bool good;

	if (plan == NULL) {
		report_format(&report.lines[0], line, sizeof line);
		fprintf(stderr, "%s\n", line);
		abort();
	}
	good = drill_run_check(plan, &rehearsal->host, rehearsal->sim->now_ms, &steps, err);
	json_decref(steps);
	if (!good) {
		drill_plan_free(plan);
		return false;
	}
	drill_run_free(rehearsal->run);
	rehearsal->run = drill_run_new(plan, &rehearsal->host, "rehearsal", "tester", &recent, rehearsal->sim->now_ms);
	rehearsal->over = false;
	tick(rehearsal);
	return true;
}

void rehearsal_to(struct rehearsal *rehearsal, uint64_t at_ms)
{
	uint64_t end_ms = SIM_EPOCH_MS + at_ms;

	while (rehearsal->ncrowd > 0 || (rehearsal->run != NULL && !rehearsal->over)) {
		uint64_t next_ms = (rehearsal->sim->now_ms / ASK_MS + 1) * ASK_MS;

		if (rehearsal->due_ms > rehearsal->sim->now_ms && rehearsal->due_ms < next_ms)
			next_ms = rehearsal->due_ms;
		if (next_ms > end_ms)
			break;
		sim_at(rehearsal->sim, next_ms - SIM_EPOCH_MS);
		ask_all(rehearsal);
		tick(rehearsal);
	}
	sim_at(rehearsal->sim, at_ms);
}

double rehearsal_holds(const struct rehearsal *rehearsal, const char *pool)
{
	size_t n = 0;

	for (size_t i = 0; i < rehearsal->ncrowd; i++) {
		const struct member *member = &rehearsal->crowd[i];

		n += member->pool != POOL_NONE && member->expires_ms > rehearsal->sim->now_ms &&
		     strcmp(rehearsal->sim->snapshot->pools[member->pool].pool->label, pool) == 0;
	}
	return (double)n / (double)rehearsal->ncrowd;
}
