#include "gslb/plan_commands.h"

#include <stdlib.h>

#include "gslb/daemon.h"

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
