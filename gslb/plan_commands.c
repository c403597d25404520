#include "gslb/plan_commands.h"

#include <stdlib.h>

#include "gslb/daemon.h"
#include "gslb/planner.h"

enum { CLIENTS_AT_ONCE = 8192 };

static uint64_t number_of(const json_t *args, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(args, key));

	return number > 0 ? (uint64_t)number : 0;
}

void plan_command_clients(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct daemon *daemon = context;
	const struct visit *visits;
	size_t n = audience_visits(daemon->audience, &visits), from = number_of(args, "from");
	struct buf text = { 0 };

	(void)peer;
	(void)ticket;
	if (from > n)
		from = n;
	audience_print(daemon->audience, from, CLIENTS_AT_ONCE, &text);
	reply->result = json_pack("{s:s%,s:I,s:I,s:I}", "text", text.len > 0 ? text.text : "", text.len, "next",
		(json_int_t)(from + CLIENTS_AT_ONCE < n ? from + CLIENTS_AT_ONCE : n), "of", (json_int_t)n, "shuffles",
		(json_int_t)audience_shuffles(daemon->audience));
	reply->exit = 0;
	buf_fini(&text);
}

static const char *text_of(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));

	return text != NULL ? text : "";
}

void plan_command_begin(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	uint64_t plan;

	(void)args;
	(void)ticket;
	reply->exit = 1;
	plan = planner_open(daemon->planner, peer->name, &reply->err);
	if (plan == 0)
		return;
	reply->result = json_pack("{s:I}", "plan", (json_int_t)plan);
	reply->exit = 0;
}

void plan_command_put(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	const json_t *text = json_object_get(args, "text");
	bool good = planner_put(daemon->planner, number_of(args, "plan"), text_of(args, "file"), text_of(args, "text"),
		json_string_length(text), &reply->err);

	(void)peer;
	(void)ticket;
	reply->exit = good ? 0 : 1;
	if (good)
		reply->result = json_object();
}

void plan_command_run(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)peer;
	if (planner_run(daemon->planner, number_of(args, "plan"), ticket, &reply->err))
		reply->defer = ticket;
	else
		reply->exit = 1;
}

void plan_command_progress(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	const struct daemon *daemon = context;
	const char *phase;
	uint32_t permille;

	(void)peer;
	(void)ticket;
	phase = planner_phase(daemon->planner, number_of(args, "plan"), &permille);
	reply->exit = phase != NULL ? 0 : 1;
	if (phase != NULL)
		reply->result = json_pack("{s:s,s:I}", "phase", phase, "permille", (json_int_t)permille);
	else
		err_set(&reply->err, "no such plan is under way");
}
