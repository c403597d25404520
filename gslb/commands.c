/* What gslbctl asks for: one function a command, one row a command. Arguments come from an operator's socket: they are
 * checked here once more. */
#include <stdlib.h>
#include <string.h>

#include "gslb/daemon.h"
#include "gslb/drill_commands.h"
#include "gslb/explain.h"
#include "gslb/fleet.h"
#include "gslb/latency_import.h"
#include "gslb/plan_commands.h"

static void give(struct control_reply *reply, json_t *result)
{
	reply->result = result;
	reply->exit = 0;
}

static void refuse(struct control_reply *reply, const char *sentence)
{
	reply->exit = 1;
	err_set(&reply->err, "%s", sentence);
}

static const char *text_of(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));

	return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *args, const char *key, uint64_t max)
{
	json_int_t number = json_integer_value(json_object_get(args, key));

	if (number < 0)
		return 0;
	return (uint64_t)number > max ? max : (uint64_t)number;
}

#define TABLE(what)                                                                                                 \
	static void run_##what(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket, \
		struct control_reply *reply)                                                                        \
	{                                                                                                           \
		(void)args;                                                                                         \
		(void)peer;                                                                                         \
		(void)ticket;                                                                                       \
		give(reply, document_##what(context));                                                              \
	}

TABLE(status)
TABLE(services)
TABLE(pools)
TABLE(endpoints)
TABLE(overrides)
TABLE(stats)

static void run_capacity(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct daemon *daemon = context;

	(void)args;
	(void)peer;
	(void)ticket;
	give(reply, capacity_report(daemon->capacity, &daemon->published->world, clock_wall_ms()));
}

static void run_explain(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct daemon *daemon = context;
	const struct prober_status status = prober_status(daemon->prober);
	const json_t *assumed = json_object_get(args, "assume");
	char abstaining[ABSTAIN_TEXT_MAX];
	const char *assume[32];
	struct explain_request request = {
		.name = text_of(args, "name"),
		.client = text_of(args, "client"),
		.type = text_of(args, "type"),
		.assume = assume,
		.now_ms = clock_wall_ms(),
		.at = text_of(args, "at"),
		.overrides = daemon->overrides,
		.dice = dice_from_kernel().state,
		.abstaining =
			abstain_sentence(status.abstaining, status.abstain_failing, status.abstain_of, abstaining),
		.vantages = (unsigned)status.nregions,
		.meter = daemon->meter,
		.capacity = daemon->capacity,
	};

	(void)peer;
	(void)ticket;
	if (request.type[0] == '\0')
		request.type = "A";
	for (size_t i = 0; i < json_array_size(assumed); i++) {
		if (request.nassume == COUNT_OF(assume) || !json_is_string(json_array_get(assumed, i))) {
			refuse(reply, "--assume: at most 32 of them, each TARGET=up|down|drain");
			return;
		}
		assume[request.nassume++] = json_string_value(json_array_get(assumed, i));
	}
	reply->result = explain(&daemon->published->world, &request, &reply->err);
	reply->exit = reply->result != NULL ? 0 : 1;
}

static void run_force(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	struct override_request request = {
		.target = text_of(args, "target"),
		.for_ms = number_of(args, "for_ms", UINT64_C(366) * 86400000),
		.over_ms = (uint32_t)number_of(args, "over_ms", 86400000),
		.who = peer->name,
		.why = text_of(args, "why"),
		.force = json_is_true(json_object_get(args, "force")),
		.dry_run = json_is_true(json_object_get(args, "dry_run")),
		.recent = daemon->recent,
	};
	uint64_t now_ms = clock_wall_ms();
	json_t *effects = NULL;
	char until[CLOCK_TEXT_MAX];

	if (!override_action_parse(text_of(args, "action"), &request.action)) {
		refuse(reply, "force: the action is one of up, down and drain");
		return;
	}
	if (!override_set(daemon->overrides, &daemon->published->world, &request, now_ms, &effects, &reply->err)) {
		reply->exit = 1;
		return;
	}
	if (!request.dry_run) {
		log_notice("override=%s target=\"%s\" who=%s why=\"%s\" until=%s", text_of(args, "action"),
			request.target, request.who, request.why, clock_format(now_ms + request.for_ms, until));
		daemon_publish_overlay(daemon);
	}
	give(reply,
		json_pack("{s:s,s:s,s:s,s:o,s:b}", "target", request.target, "action", text_of(args, "action"), "until",
			clock_format(now_ms + request.for_ms, until), "effects", effects, "dry_run", request.dry_run));
	if (request.dry_run)
		json_object_set_new(reply->result, "clients_since",
			json_string(clock_format(recent_facts(daemon->recent, now_ms).since_ms, until)));
	else
		fleet_confirm(daemon, args, ticket, reply);
}

static void run_drain_status(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	static const int exits[] = { [DRAIN_SAFE] = 0, [DRAIN_HELD] = 3, [DRAIN_UNDER_WAY] = 3, [DRAIN_NONE] = 4 };
	const struct daemon *daemon = context;
	const struct drain_question question = {
		.target = text_of(args, "target"),
		.world = &daemon->published->world,
		.ledger = daemon->published->ledger,
		.recent = daemon->recent,
		.overrides = daemon->overrides,
		.marks = daemon->marks,
		.now_ms = clock_wall_ms(),
		.started_ms = daemon->started_ms,
	};
	enum drain_state state;

	(void)peer;
	(void)ticket;
	recent_take(daemon->recent, daemon->published->ledger, question.now_ms);
	reply->result = drain_status(&question, &state, &reply->err);
	reply->exit = reply->result != NULL ? exits[state] : 1;
}

static void run_clear(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	const char *target = text_of(args, "target");

	switch (override_clear(
		daemon->overrides, &daemon->published->world, target, peer->name, clock_wall_ms(), &reply->err)) {
	case OVERRIDE_CLEARED:
		break;
	case OVERRIDE_CLEAR_MOOT:
		reply->exit = 4;
		return;
	case OVERRIDE_CLEAR_FAILED:
		reply->exit = 1;
		return;
	}
	log_notice("override=none target=\"%s\" who=%s why=\"cleared\"", target, peer->name);
	daemon_publish_overlay(daemon);
	give(reply, json_pack("{s:s}", "target", target));
	fleet_confirm(daemon, args, ticket, reply);
}

static void run_push(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const char *endpoint = text_of(args, "endpoint"), *state = text_of(args, "state");
	uint64_t for_ms = number_of(args, "for_ms", PUSH_FOR_MAX_MS);
	enum push_verdict verdict;

	(void)peer;
	(void)ticket;
	if (strncmp(state, "load=", 5) == 0)
		verdict = daemon_push_load(context, endpoint, state + 5, for_ms, &reply->result, &reply->err);
	else
		verdict = daemon_push(context, endpoint, state, for_ms, &reply->result, &reply->err);
	reply->exit = verdict == PUSH_TAKEN ? 0 : 1;
}

/* Reloads coalesce: all that were asked for before one begins are answered by it; who asks while one is under way is answered by
 * the next. */
static void run_reload(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)args;
	(void)peer;
	if (daemon->ntickets + daemon->nbegun >= DAEMON_TICKETS_MAX) {
		refuse(reply, "too many reloads are waiting: one is about to run");
		return;
	}
	daemon->tickets[daemon->ntickets++] = ticket;
	daemon->reload_wanted = true;
	reply->defer = ticket;
}

static void run_latency_show(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)peer;
	(void)ticket;
	reply->result = meter_show(daemon->meter, daemon->published->snapshot, text_of(args, "prefix"),
		clock_wall_ms() / 1000, &reply->err);
	reply->exit = reply->result != NULL ? 0 : 1;
}

static void run_latency_moved(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)args;
	(void)peer;
	(void)ticket;
	reply->result = meter_moved(daemon->meter, daemon->published->snapshot);
}

/* What came in whole is looked at at once: who imports wants to see what it does. */
static void run_latency_import(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	const json_t *text = json_object_get(args, "text");
	const struct latency_text from = {
		.text = text_of(args, "text"),
		.len = json_string_length(text),
		.name = text_of(args, "file"),
		.first_line = (unsigned)number_of(args, "line", UINT32_MAX),
		.check = json_is_true(json_object_get(args, "check")),
	};

	(void)ticket;
	give(reply, latency_import_json(daemon->meter, daemon->published->snapshot, &from, clock_wall_ms() / 1000));
	if (!json_is_true(json_object_get(reply->result, "taken")))
		return;
	daemon->latency_wanted = true;
	log_notice("latency=imported file=\"%s\" lines=%lld who=%s", from.name,
		(long long)json_integer_value(json_object_get(reply->result, "lines")), peer->name);
}

const struct control_command daemon_commands[] = {
	{ "status", false, run_status },
	{ "services", false, run_services },
	{ "pools", false, run_pools },
	{ "endpoints", false, run_endpoints },
	{ "explain", false, run_explain },
	{ "capacity", false, run_capacity },
	{ "overrides", false, run_overrides },
	{ "drain-status", false, run_drain_status },
	{ "stats", false, run_stats },
	{ "clients", false, plan_command_clients },
	{ "plan-begin", false, plan_command_begin },
	{ "plan-put", false, plan_command_put },
	{ "plan-run", false, plan_command_run },
	{ "plan-progress", false, plan_command_progress },
	{ "latency-show", false, run_latency_show },
	{ "latency-moved", false, run_latency_moved },
	{ "latency-import", true, run_latency_import },
	{ "force", true, run_force },
	{ "clear", true, run_clear },
	{ "push", true, run_push },
	{ "reload", true, run_reload },
	{ "drill-check", false, drill_command_check },
	{ "drill-run", true, drill_command_run },
	{ "drill-status", false, drill_command_status },
	{ "drill-abort", true, drill_command_abort },
	{ "drill-report", false, drill_command_report },
	{ "drill-list", false, drill_command_list },
	{ NULL, false, NULL },
};
