/* Who waits: for the log, and perhaps for the relays. Whatever came in between two commits is answered after the second one, together. */
#include <stdlib.h>
#include <string.h>

#include "relay/service.h"

/* One that has another name than its region says which that is. */
static json_t *entry(const struct conf_relay *relay, json_t *entry)
{
	if (strcmp(relay->name, relay->region) != 0)
		json_object_set_new(entry, "region", json_string(relay->region));
	return entry;
}

static json_t *expected(const struct service *service, const struct event *event)
{
	const struct relay_conf *conf = service->conf;
	json_t *relays = json_object();

	for (const struct conf_relay *relay = conf->relays; relay < conf->relays + conf->nrelays; relay++)
		if (event_is_for(event, relay->region, relay->name))
			json_object_set_new(relays, relay->name, entry(relay, json_pack("{s:s}", "state", "pending")));
	return relays;
}

/* NULL: no place is left, which the bounds of socket and HTTP allow only for those that went away while they waited. */
struct waiter *wait_begin(struct service *service, const struct event *event, uint64_t wait_ms)
{
	uint64_t now_ms = clock_monotonic_ms();

	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];

		if (waiter->used)
			continue;
		*waiter = (struct waiter){ .used = true,
			.rollbacks = store_rollbacks(service->store),
			.began_us = clock_monotonic_us(),
			.until_ms = wait_ms > 0 ? now_ms + wait_ms : 0 };
		waiter->prio = event->prio;
		waiter->caches = work_takers(service->work, event->class);
		waiter->relays = expected(service, event);
		waiter->missing = json_object_size(waiter->relays);
		event_id(event, waiter->id);
		return waiter;
	}
	return NULL;
}

static void give(struct service *service, struct waiter *waiter, unsigned status, struct control_reply *reply)
{
	if (waiter->request != NULL)
		http_answer(waiter->request, status, 0,
			reply->result != NULL ? reply->result : json_pack("{s:s}", "error", reply->err.text));
	else
		control_answer(service->control, waiter->ticket, reply);
	json_decref(waiter->relays);
	*waiter = (struct waiter){ .used = false };
}

/* Why relays are missing, as far as it is known here: NULL when nothing is. */
static const char *trouble(const struct service *service, struct bus_status *bus)
{
	service_bus_status(service, bus);
	if (bus->connected && strcmp(bus->trouble, renew_status(service->renew).ending) == 0)
		return NULL; /* nothing, or that the certificate ends some day */
	return bus->trouble[0] != '\0' ? bus->trouble : "the bus is not connected";
}

static void answer(struct service *service, struct waiter *waiter)
{
	bool all = waiter->missing == 0 && !waiter->errors;
	struct control_reply reply = { .exit = waiter->until_ms == 0 || all ? 0 : 3 };
	struct bus_status bus;

	if (waiter->until_ms == 0)
		reply.result = json_pack("{s:s,s:i}", "id", waiter->id, "caches", (int)waiter->caches);
	else
		reply.result = json_pack("{s:s,s:O,s:I,s:I,s:s*}", "id", waiter->id, "regions", waiter->relays,
			"took_ms", (json_int_t)((clock_monotonic_us() - waiter->began_us) / 1000), "logged_us",
			(json_int_t)(waiter->logged_us - waiter->began_us), "trouble",
			waiter->missing > 0 ? trouble(service, &bus) : NULL);
	give(service, waiter, waiter->until_ms != 0 && all ? 200 : 202, &reply);
}

void wait_settle(struct service *service, bool committed, const struct err *why)
{
	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];

		if (!waiter->used || waiter->committed)
			continue;
		waiter->committed = committed && waiter->rollbacks == store_rollbacks(service->store);
		waiter->logged_us = clock_monotonic_us();
		if (!waiter->committed) {
			struct control_reply reply = { .exit = 1, .err = *why };

			service->refused++;
			give(service, waiter, 503, &reply);
		} else if (waiter->until_ms == 0 || waiter->missing == 0) {
			answer(service, waiter);
		}
	}
}

/* The first that is heard of it from the relay; by this host's clock, with the way of the answer in it. */
static void note_time(struct service *service, const struct waiter *waiter, size_t relay, uint64_t heard_us)
{
	if (relay < CONF_RELAYS_MAX && waiter->prio < EVENT_PRIOS)
		spread_add(&service->applied[relay][waiter->prio], heard_us);
}

void wait_note(struct service *service, const char *name, const struct work_state *state)
{
	size_t relay = conf_relay(service->conf, name);
	uint64_t heard_us;

	for (unsigned i = 0; i < SERVICE_WAITERS_MAX && relay < service->conf->nrelays; i++) {
		struct waiter *waiter = &service->waiter[i];
		json_t *known = waiter->used ? json_object_get(waiter->relays, name) : NULL;

		if (known == NULL || strcmp(waiter->id, state->id) != 0)
			continue;
		heard_us = (uint64_t)json_integer_value(json_object_get(known, "heard_us"));
		if (json_object_get(known, "heard_us") == NULL) {
			heard_us = clock_monotonic_us() - waiter->began_us;
			waiter->missing--;
			note_time(service, waiter, relay, heard_us);
		}
		waiter->errors = waiter->errors || state->errors;
		json_object_set_new(waiter->relays, name,
			entry(&service->conf->relays[relay],
				json_pack("{s:s,s:I,s:I,s:I}", "state",
					state->errors ? "failed"
					: state->done ? "done"
						      : "flushed",
					"took_ms", (json_int_t)state->took_ms, "caches", (json_int_t)state->targets,
					"heard_us", (json_int_t)heard_us)));
		if (waiter->missing == 0)
			answer(service, waiter);
	}
}

uint64_t wait_run(struct service *service, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];

		if (!waiter->used || !waiter->committed)
			continue;
		if (waiter->until_ms <= now_ms)
			answer(service, waiter);
		else if (waiter->until_ms < next_ms)
			next_ms = waiter->until_ms;
	}
	return next_ms;
}

void wait_end(struct service *service)
{
	if (service->work != NULL && service->control != NULL)
		(void)wait_run(service, UINT64_MAX);
}
