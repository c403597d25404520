/* gslbd's side of the overrides: it asks for what others decided, and offers what was decided here. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "relay/check.h"
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

/* ---- between relays ---- */

/* Its digest, and behind a space its name on the bus, where that is not its region's. */
static bool read_digest(const struct state_said *said, uint64_t *digest, char name[static EVENT_LABEL_MAX])
{
	const char *body = said->body;
	char text[DIGEST_LEN + EVENT_LABEL_MAX + 1] = "";
	size_t len = said->len;

	if (len < DIGEST_LEN || len >= sizeof text)
		return false;
	memcpy(text, body, len);
	snprintf(name, EVENT_LABEL_MAX, "%s", len > DIGEST_LEN ? text + DIGEST_LEN + 1 : said->region);
	if (len > DIGEST_LEN && (text[DIGEST_LEN] != ' ' || !check_label(name, len - DIGEST_LEN - 1)))
		return false;
	text[DIGEST_LEN] = '\0';
	return strspn(text, "0123456789abcdef") == DIGEST_LEN && sscanf(text, "%" SCNx64, digest) == 1;
}

void intake_digest(void *context, const struct state_said *said)
{
	struct service *service = context;
	const struct relay_conf *conf = service->conf;
	uint64_t digest, now_ms = clock_monotonic_ms();
	char name[EVENT_LABEL_MAX];

	if (strcmp(said->region, conf->region) == 0 && strcmp(said->node, conf->node) == 0)
		return;
	if (read_digest(said, &digest, name) &&
		strangers_hear(&service->strangers, conf, said->region, said->node, name, now_ms))
		writs_hear_digest(service->writs, said->region, name, digest, now_ms);
}

static void say_digest(struct service *service, uint64_t digest, uint64_t now_ms)
{
	const struct relay_conf *conf = service->conf;
	bool named = strcmp(conf->name, conf->region) != 0;
	char text[DIGEST_LEN + EVENT_LABEL_MAX + 1];
	int len = snprintf(text, sizeof text, "%016" PRIx64 "%s%s", digest, named ? " " : "", named ? conf->name : "");

	state_say(service->state, STATE_WRITS, true, 0, 1, text, (size_t)len, now_ms);
}

uint64_t intake_run(struct service *service, uint64_t now_ms)
{
	uint64_t digest;

	writs_forget(service->writs);
	if (writs_repair(service->writs, now_ms, &digest))
		say_digest(service, digest, now_ms);
	return writs_run(service->writs, service->control, now_ms);
}
