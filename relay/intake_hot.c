/* What is asked for most: told, and asked for. */
#include "relay/service.h"

void intake_hits(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	size_t n;
	struct err err;

	(void)peer;
	(void)ticket;
	if (heat_take(service->heat, args, &n, clock_monotonic_ms(), &err))
		reply->result = json_pack("{s:I}", "taken", (json_int_t)n);
	else
		intake_refuse(service, reply, &err);
}

void intake_hot(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	json_int_t n = json_integer_value(json_object_get(args, "n"));

	(void)peer;
	(void)ticket;
	reply->result = json_pack("{s:o,s:I,s:I}", "hot",
		heat_json(service->heat, n > 0 ? (size_t)n : 100, clock_monotonic_ms()), "counted",
		(json_int_t)heat_count(service->heat), "wrong_lines", (json_int_t)heat_wrong(service->heat));
}
