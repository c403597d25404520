#include "gslb/fleet.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/state.h"
#include "gslb/accord.h"
#include "gslb/line.h"
#include "gslb/summary.h"

enum { JUDGE_MS = 30000, JUDGE_PART = 100 /* of the time */ };

struct fleet {
	struct daemon *daemon;
	struct accord *accord;
	struct summary *summary; /* NULL: there is no other region */
	uint64_t judge_ms;       /* monotonic: when to see whether a `keep` is broken yet */
	int epoll;
	char host[STATE_LABEL_MAX];
};

static bool is_in_a_fleet(const struct daemon *daemon)
{
	return daemon->fleet != NULL && daemon->conf->nregions > 1;
}

/* ---- what the accord asks for ---- */

static const struct writ_set *known(void *arg)
{
	const struct fleet *fleet = arg;

	return override_list_writs(fleet->daemon->overrides);
}

static bool take(void *arg, const struct writ *const *writs, size_t n)
{
	const struct fleet *fleet = arg;
	struct daemon *daemon = fleet->daemon;
	struct override_merged merged;
	struct err err;

	if (!override_merge(daemon->overrides, &daemon->published->world, writs, n, clock_wall_ms(), &merged, &err)) {
		log_error("overrides=not-taken n=%zu reason=\"%s\"", n, err.text);
		return false;
	}
	if (merged.refused > 0)
		log_warning("overrides=refused n=%zu reason=\"%s\"", merged.refused, merged.refusal.text);
	if (merged.changed)
		daemon_publish_overlay(daemon);
	return true;
}

/* ---- who waits ---- */

/* With gslb-relay away nobody says which regions there are but the file. */
static void name_regions(const struct daemon *daemon, json_t *in_force)
{
	json_t *regions = json_object();

	if (json_object_get(in_force, "regions") != NULL) {
		json_decref(regions);
		return;
	}
	for (size_t i = 0; i < daemon->conf->nregions; i++) {
		bool ours = strcmp(daemon->conf->regions[i], conf_region(daemon->conf)) == 0;

		json_object_set_new(regions, daemon->conf->regions[i], json_string(ours ? "in force" : "unknown"));
	}
	json_object_set_new(in_force, "in_force", json_integer(1));
	json_object_set_new(in_force, "of", json_integer((json_int_t)daemon->conf->nregions));
	json_object_set_new(in_force, "regions", regions);
}

static void complete(const struct daemon *daemon, struct control_reply *reply, json_t *in_force)
{
	name_regions(daemon, in_force);
	reply->exit = json_integer_value(json_object_get(in_force, "in_force")) ==
				      json_integer_value(json_object_get(in_force, "of"))
			      ? 0
			      : 3;
	json_object_set_new(reply->result, "fleet", in_force);
}

static void settled(void *arg, uint64_t ticket, json_t *result, json_t *in_force)
{
	const struct fleet *fleet = arg;
	struct control_reply reply = { .result = result };

	complete(fleet->daemon, &reply, in_force);
	control_answer(fleet->daemon->control, ticket, &reply);
}

static uint64_t wait_of(const json_t *args)
{
	const json_t *given = json_object_get(args, "wait_ms");
	json_int_t ms = json_integer_value(given);

	if (!json_is_integer(given))
		return ACCORD_WAIT_MS;
	return ms <= 0 ? 0 : ms > ACCORD_WAIT_MAX_MS ? ACCORD_WAIT_MAX_MS : (uint64_t)ms;
}

void fleet_confirm(struct daemon *daemon, const json_t *args, uint64_t ticket, struct control_reply *reply)
{
	const struct writ *last = override_list_last(daemon->overrides);
	uint64_t wait_ms = wait_of(args);
	json_t *in_force;

	if (!is_in_a_fleet(daemon) || wait_ms == 0 || last == NULL)
		return;
	if (!accord_wait(daemon->fleet->accord, last, wait_ms, ticket, reply->result, &in_force)) {
		complete(daemon, reply, in_force);
		return;
	}
	reply->result = NULL; /* the accord's until then */
	reply->defer = ticket;
}

/* ---- life ---- */

void fleet_name(struct daemon *daemon)
{
	char region[STATE_LABEL_MAX], host[STATE_LABEL_MAX];

	if (daemon->conf->relay_socket[0] == '\0')
		return;
	state_label(conf_region(daemon->conf), region);
	state_label(daemon->conf->identity, host);
	override_list_name(daemon->overrides, region, host);
}

struct fleet *fleet_open(struct daemon *daemon)
{
	const struct conf *conf = daemon->conf;
	struct fleet *fleet;

	if (conf->relay_socket[0] == '\0')
		return NULL;
	fleet = mem_alloc(sizeof *fleet);
	fleet->daemon = daemon;
	state_label(conf->identity, fleet->host);
	override_judge(daemon->overrides, &daemon->published->world, clock_wall_ms());
	fleet->accord =
		accord_new(conf->relay_socket, fleet->host, &(struct accord_ops){ fleet, known, take, settled });
	fleet->summary = conf->nregions > 1 ? summary_new(daemon) : NULL;
	fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, accord_fd(fleet->accord), &(struct epoll_event){ .events = EPOLLIN });
	return fleet;
}

void fleet_close(struct fleet *fleet)
{
	if (fleet == NULL)
		return;
	accord_free(fleet->accord);
	summary_free(fleet->summary);
	close(fleet->epoll);
	free(fleet);
}

void fleet_changed(struct fleet *fleet)
{
	if (fleet != NULL)
		accord_changed(fleet->accord);
}

int fleet_fd(const struct fleet *fleet)
{
	return fleet != NULL ? fleet->epoll : -1;
}

/* With very many services one takes seconds. */
static void judge_again(struct fleet *fleet, uint64_t now_ms, uint64_t wall_ms)
{
	struct daemon *daemon = fleet->daemon;
	uint64_t took_ms;

	if (now_ms < fleet->judge_ms)
		return;
	override_judge_again(daemon->overrides, &daemon->published->world, wall_ms);
	took_ms = clock_monotonic_ms() - now_ms;
	fleet->judge_ms = now_ms + JUDGE_MS + took_ms * JUDGE_PART;
}

uint64_t fleet_run(struct fleet *fleet, uint64_t now_ms, uint64_t wall_ms)
{
	uint64_t next_ms = accord_run(fleet->accord, now_ms, wall_ms), then_ms;

	judge_again(fleet, now_ms, wall_ms);
	next_ms = fleet->judge_ms < next_ms ? fleet->judge_ms : next_ms;
	if (fleet->summary == NULL)
		return next_ms;
	then_ms = summary_run(fleet->summary, now_ms, wall_ms);
	line_watch(fleet->epoll, summary_fd(fleet->summary), POLLIN);
	return then_ms < next_ms ? then_ms : next_ms;
}

/* ---- looking ---- */

void fleet_words(const struct daemon *daemon, char text[static 320])
{
	struct accord_status status = { 0 };

	if (is_in_a_fleet(daemon))
		status = accord_status(daemon->fleet->accord);
	if (!is_in_a_fleet(daemon))
		snprintf(text, 320, "alone");
	else if (status.trouble[0] != '\0')
		snprintf(text, 320, "away: %s", status.trouble);
	else if (status.unsaid > 0)
		snprintf(text, 320, "%zu override%s on the way to gslb-relay", status.unsaid,
			status.unsaid == 1 ? "" : "s");
	else
		snprintf(text, 320, "%s", status.agreed ? "overrides are those of gslb-relay" : "connecting");
}

static void add_alarm(json_t *alarms, const char *text)
{
	json_array_append_new(alarms, json_string(text));
}

void fleet_alarms(const struct daemon *daemon, json_t *alarms)
{
	const struct override *const *overrides;
	size_t n = override_list_get(daemon->overrides, &overrides);
	char text[400];

	if (is_in_a_fleet(daemon) && accord_status(daemon->fleet->accord).trouble[0] != '\0') {
		snprintf(text, sizeof text, "gslb-relay is away: overrides of other regions do not come (%s)",
			accord_status(daemon->fleet->accord).trouble);
		add_alarm(alarms, text);
	}
	for (size_t i = 0; i < n; i++)
		if (overrides[i]->breaks != NULL)
			add_alarm(alarms, overrides[i]->breaks);
}
