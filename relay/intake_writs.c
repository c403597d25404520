/* gslbd's side of the overrides: it asks for what others decided, and offers what was decided here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relay/service.h"

enum { HOST_MAX = 255, OFFER_MAX = 256, DIGEST_LEN = 16 };

/* Who may decide for the fleet: gslbd, which asked its operator who he is. */
static bool may(struct service *service, const struct control_peer *peer, struct control_reply *reply)
{
	struct err err;

	if (intake_trusts(service, peer))
		return true;
	err_set(&err, "%s may not speak of overrides here (root, and server.user of gslb.yaml, may)", peer->name);
	intake_refuse(service, reply, &err);
	return false;
}

static uint64_t number_of(const json_t *args, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(args, key));

	return number > 0 ? (uint64_t)number : 0;
}

/* {"host", "life", "have"} → {"life", "upto", "last", "writs": […]}, when there is more than it has. */
void intake_overrides(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	const char *host = json_string_value(json_object_get(args, "host"));
	struct err err;

	if (!may(service, peer, reply))
		return;
	if (host == NULL || host[0] == '\0' || strlen(host) > HOST_MAX) {
		err_set(&err, "overrides: \"host\" must name the gslbd that asks");
		intake_refuse(service, reply, &err);
		return;
	}
	writs_ask(service->writs, host, number_of(args, "life"), number_of(args, "have"), ticket, clock_monotonic_ms());
	reply->defer = ticket;
}

static void await(struct service *service, const struct event *event, uint64_t wait_ms, uint64_t ticket,
	struct control_reply *reply)
{
	struct waiter *waiter = wait_begin(service, event, wait_ms);

	if (waiter == NULL) {
		reply->result = json_pack("{s:b,s:b}", "news", 1, "crowded", 1);
		return;
	}
	waiter->ticket = ticket;
	reply->defer = ticket;
}

/* {"writs": […], "wait_ms"} → as an invalidation's; or {"news": false}: all of it is known here. */
void intake_offer(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	const json_t *list = json_object_get(args, "writs");
	struct arena *arena;
	struct event last;
	struct err err = { .text = "" };
	size_t refused;
	uint64_t wait_ms = intake_wait_ms(args);

	if (!may(service, peer, reply))
		return;
	if (!json_is_array(list) || json_array_size(list) > OFFER_MAX) {
		err_set(&err, "offer: \"writs\" must be a list of at most %d", OFFER_MAX);
		intake_refuse(service, reply, &err);
		return;
	}
	arena = arena_new();
	if (!writs_offer(service->writs, list, peer->name, wait_ms > 0, &refused, arena, &last, &err) ||
		(last.oseq == 0 && refused > 0))
		intake_refuse(service, reply, &err);
	else if (last.oseq == 0)
		reply->result = json_pack("{s:b}", "news", 0);
	else
		await(service, &last, wait_ms, ticket, reply);
	service->urgent |= last.oseq != 0;
	arena_free(arena);
}

void intake_writs(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;

	(void)args;
	(void)peer;
	(void)ticket;
	reply->result = writs_status(service->writs, clock_monotonic_ms());
}

/* ---- between regions ---- */

void intake_digest(void *context, const struct state_said *said)
{
	struct service *service = context;
	char text[DIGEST_LEN + 1] = "";
	uint64_t digest;

	if (said->len != DIGEST_LEN)
		return;
	memcpy(text, said->body, DIGEST_LEN);
	if (strspn(text, "0123456789abcdef") == DIGEST_LEN && sscanf(text, "%" SCNx64, &digest) == 1)
		writs_hear_digest(service->writs, said->region, digest, clock_monotonic_ms());
}

uint64_t intake_run(struct service *service, uint64_t now_ms)
{
	char text[DIGEST_LEN + 1];
	uint64_t digest;

	writs_forget(service->writs);
	if (writs_repair(service->writs, now_ms, &digest)) {
		snprintf(text, sizeof text, "%016" PRIx64, digest);
		state_say(service->state, STATE_WRITS, true, 0, 1, text, DIGEST_LEN, now_ms);
	}
	return writs_run(service->writs, service->control, now_ms);
}
