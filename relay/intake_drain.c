/* Before its host is taken away: nothing new comes in, and what is here is finished. In memory only: the next start takes in events again. */
#include <stdio.h>
#include <string.h>

#include "relay/service.h"

enum { EXIT_MOOT = 4, EXIT_PARTLY = 3 };

/* gslbd does not ask twice: answers that have changed already are told to the caches whatever is drained. So is what a trusted peer calls a
 * failover. */
static bool is_spared(const struct event *event, bool trusted)
{
	return trusted && (event->prio == EVENT_FAILOVER || event->generation != 0);
}

bool intake_is_shut(const struct service *service, const struct event *event, bool trusted, struct err *err)
{
	const struct drain *drain = &service->drain;
	char since[CLOCK_TEXT_MAX];

	if (!drain->on || (event != NULL && is_spared(event, trusted)))
		return false;
	err_set(err,
		"nothing new is taken in: this gslb-relay is drained, by %s since %s (ask another one, or gslbctl "
		"relay drain --off)",
		drain->by, clock_format(drain->since_ms, since));
	return true;
}

/* Of what the other relays made, what was under way when it began is waited for: they keep the rest. Of our own, all: nobody else has it. */
static bool is_left(const struct service *service, uint64_t rows, size_t events)
{
	return rows > 0 || events > 0 || work_owes(service->work) || store_is_dirty(service->store);
}

static json_t *caches_left(const struct service *service)
{
	struct target *const *targets;
	size_t n = work_targets(service->work, &targets);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		struct target_stats stats = target_stats(targets[i]);

		if (stats.pending > 0)
			json_array_append_new(
				list, json_pack("{s:s,s:I,s:s,s:s}", "cache", target_conf(targets[i])->name, "pending",
					      (json_int_t)stats.pending, "state", intake_breaker_word(&stats),
					      "trouble", stats.trouble));
	}
	return list;
}

static void begin(struct service *service, const struct control_peer *peer)
{
	struct drain *drain = &service->drain;

	if (drain->on)
		return;
	*drain = (struct drain){ .on = true, .since_ms = clock_wall_ms(), .begun = work_begun(service->work) };
	snprintf(drain->by, sizeof drain->by, "%s", peer->name);
	log_notice("drain=begin by=%s: nothing new is taken in", drain->by);
}

static void look(struct service *service, struct control_reply *reply)
{
	struct drain *drain = &service->drain;
	uint64_t rows, oldest_ms, last;
	size_t events = work_left(service->work, drain->begun);
	char since[CLOCK_TEXT_MAX];
	bool left;

	store_outbox_left(service->store, &rows, &oldest_ms, &last);
	left = is_left(service, rows, events);
	if (!left && !drain->told)
		log_notice("drain=done after_ms=%llu", (unsigned long long)(clock_wall_ms() - drain->since_ms));
	drain->told |= !left;
	reply->exit = left ? EXIT_PARTLY : 0;
	reply->result = json_pack("{s:b,s:b,s:s,s:s,s:I,s:I,s:o,s:o}", "draining", 1, "left", left, "since",
		clock_format(drain->since_ms, since), "by", drain->by, "events", (json_int_t)events, "outbox",
		(json_int_t)rows, "regions", intake_lag(service, last, true), "caches", caches_left(service));
}

static void stop(struct service *service, const struct control_peer *peer, struct control_reply *reply)
{
	reply->exit = service->drain.on ? 0 : EXIT_MOOT;
	reply->result = json_pack("{s:b,s:b}", "draining", 0, "was", service->drain.on);
	if (service->drain.on)
		log_notice("drain=off by=%s: events are taken in again", peer->name);
	service->drain = (struct drain){ .on = false };
}

void intake_drain(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	struct err err;

	(void)ticket;
	if (!intake_trusts(service, peer)) {
		err_set(&err, "drain: %s may not: root, server.user and the user of gslb-relay may", peer->name);
		intake_refuse(service, reply, &err);
	} else if (json_is_true(json_object_get(args, "off"))) {
		stop(service, peer, reply);
	} else {
		begin(service, peer);
		look(service, reply);
	}
}
