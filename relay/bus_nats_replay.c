/* Backwards from the end: an outbox that offered something again has the same number twice in the stream, and a later one before an earlier. */
#include "relay/bus_nats_replay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/bus_nats_link.h"
#include "relay/sign.h"

enum { READ_MAX = 512, READERS = 8 /* requests under way: a region may be far */, ASK_MS = 2000 };

struct reading {
	const struct relay_conf *conf;
	const struct conf_relay *relay; /* who made it */
	const char *origin, *region;    /* its name; who is to do it again */
	uint64_t epoch, from, to;
	char stream[NATS_SUBJECT_MAX];
	natsConnection *connection;
	jsCtx *js;
	uint64_t first; /* of the stream, where msg[0] stands */
	size_t n;
	natsMsg *msg[READ_MAX]; /* NULL: it is not kept any more */
	atomic_size_t next;
	atomic_bool failed;
};

static json_t *failure(const struct reading *reading, natsStatus status)
{
	struct buf text = { 0 };
	json_t *answer;

	buf_printf(&text,
		"stream %s of region %s cannot be read (%s): is its link up, and may we ask "
		"$JS.%s.API.STREAM.MSG.GET.%s "
		"(gslbctl bus check)?",
		reading->stream, reading->relay->region, natsStatus_GetText(status), reading->relay->region,
		reading->stream);
	answer = json_pack("{s:s,s:i}", "error", text.text, "exit", 1);
	buf_fini(&text);
	return answer;
}

/* ---- reading ---- */

static natsStatus connect_to(struct reading *reading)
{
	natsStatus status = nats_connect(reading->conf, &reading->connection);
	jsOptions options;

	jsOptions_Init(&options);
	options.Domain = reading->relay->region;
	options.Wait = ASK_MS;
	return status == NATS_OK ? natsConnection_JetStream(&reading->js, reading->connection, &options) : status;
}

/* The number of the stream's last message; 0: it has none. */
static natsStatus find_last(struct reading *reading, uint64_t *last)
{
	char subject[NATS_SUBJECT_MAX];
	jsErrCode code = 0;
	natsMsg *msg = NULL;
	natsStatus status;

	snprintf(subject, sizeof subject, "gslb.inv.%s.e", reading->origin);
	status = js_GetLastMsg(&msg, reading->js, reading->stream, subject, NULL, &code);
	*last = status == NATS_OK ? natsMsg_GetSequence(msg) : 0;
	natsMsg_Destroy(msg);
	return status == NATS_NOT_FOUND && code == JSNoMessageFoundErr ? NATS_OK : status;
}

static void *read_main(void *arg)
{
	struct reading *reading = arg;
	size_t i;

	while ((i = atomic_fetch_add(&reading->next, 1)) < reading->n && !atomic_load(&reading->failed)) {
		jsErrCode code = 0;
		natsStatus status =
			js_GetMsg(&reading->msg[i], reading->js, reading->stream, reading->first + i, NULL, &code);

		if (status != NATS_OK && status != NATS_NOT_FOUND)
			atomic_store(&reading->failed, true);
	}
	return NULL;
}

static bool read_all(struct reading *reading)
{
	pthread_t thread[READERS];
	unsigned n = 0;

	while (n < READERS && pthread_create(&thread[n], NULL, read_main, reading) == 0)
		n++;
	if (n == 0)
		read_main(reading);
	while (n > 0)
		pthread_join(thread[--n], NULL);
	return !atomic_load(&reading->failed);
}

/* ---- what it is ---- */

/* Overrides are no caches' business, and what gslb-relay says of its own log was for those who heard it then. */
static bool is_own(const struct event *event)
{
	return event->class == EVENT_OVERRIDE || event->jump != 0 ||
	       (event->class == EVENT_ALL && strcmp(event->actor, "gslb-relay") == 0);
}

/* Why it is not to be done again; NULL: it is. */
static const char *passed_over(const struct reading *reading, const struct event *event)
{
	const struct relay_conf *conf = reading->conf;
	struct err why;

	if (is_own(event))
		return "own";
	if (!event_is_for(event, reading->region, event->relay))
		return "scope";
	if (event->moot_ms != 0 && clock_wall_ms() > event->moot_ms)
		return "moot";
	if (strcmp(reading->region, conf->region) == 0 && strcmp(reading->relay->region, conf->region) != 0 &&
		!policy_allows(conf->policy, POLICY_REGION, reading->relay->region, event, &why))
		return "policy";
	return NULL;
}

static json_t *row_of(const struct event *event, const char *skip)
{
	static const char *const kept[] = { "class", "op", "items" };
	json_t *row = json_pack("{s:I}", "oseq", (json_int_t)event->oseq), *all;
	struct buf text = { 0 };

	if (skip != NULL) {
		json_object_set_new(row, "skip", json_string(skip));
		return row;
	}
	event_print(event, &text);
	all = json_loadb(text.text, text.len, 0, NULL);
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (json_object_get(all, kept[i]) != NULL)
			json_object_set(row, kept[i], json_object_get(all, kept[i]));
	json_decref(all);
	buf_fini(&text);
	return row;
}

/* What stands in a stream is believed as little as what comes from it. */
static bool is_genuine(const struct reading *reading, const natsMsg *msg)
{
	const struct sign *sign = reading->conf->sign;
	struct err why;

	return sign == NULL ||
	       sign_check(sign, reading->origin, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), &why);
}

static void take(const struct reading *reading, const natsMsg *msg, json_t *rows)
{
	struct arena *arena = arena_new();
	struct event event;
	struct err err;
	bool parked;

	if (event_parse(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), true, arena, &event, &parked, &err) &&
		strcmp(event.origin, reading->origin) == 0 && event.epoch == reading->epoch &&
		event.oseq >= reading->from && event.oseq <= reading->to && is_genuine(reading, msg))
		json_array_append_new(rows, row_of(&event, passed_over(reading, &event)));
	arena_free(arena);
}

/* ---- all of it ---- */

static json_t *read_before(struct reading *reading, uint64_t before)
{
	uint64_t last = before > 0 ? before - 1 : 0;
	natsStatus status = connect_to(reading);
	json_t *rows;
	bool more;

	if (status == NATS_OK && before == 0)
		status = find_last(reading, &last);
	if (status != NATS_OK)
		return failure(reading, status);
	reading->first = last > READ_MAX ? last - READ_MAX + 1 : 1;
	reading->n = (size_t)(last - reading->first + 1);
	if (!read_all(reading))
		return failure(reading, NATS_TIMEOUT);
	more = reading->first > 1 && reading->msg[0] != NULL; /* what is too old goes from the front */
	rows = json_array();
	for (size_t i = reading->n; i-- > 0;)
		if (reading->msg[i] != NULL)
			take(reading, reading->msg[i], rows);
	return json_pack("{s:s,s:I,s:I,s:I,s:s,s:o,s:I}", "origin", reading->origin, "epoch",
		(json_int_t)reading->epoch, "from", (json_int_t)reading->from, "to", (json_int_t)reading->to, "region",
		reading->region, "rows", rows, "before", (json_int_t)(more ? reading->first : 0));
}

json_t *bus_nats_replay(const struct relay_conf *conf, const char *what)
{
	json_t *asked = json_loads(what, 0, NULL), *answer;
	struct reading *reading = mem_alloc(sizeof *reading);

	reading->conf = conf;
	reading->origin = json_string_value(json_object_get(asked, "origin"));
	reading->relay = &conf->relays[conf_relay(conf, reading->origin)]; /* whoever asked has looked */
	reading->region = json_string_value(json_object_get(asked, "region"));
	reading->epoch = (uint64_t)json_integer_value(json_object_get(asked, "epoch"));
	reading->from = (uint64_t)json_integer_value(json_object_get(asked, "from"));
	reading->to = (uint64_t)json_integer_value(json_object_get(asked, "to"));
	snprintf(reading->stream, sizeof reading->stream, "INV_%s", reading->origin);
	answer = read_before(reading, (uint64_t)json_integer_value(json_object_get(asked, "before")));
	for (size_t i = 0; i < reading->n; i++)
		natsMsg_Destroy(reading->msg[i]);
	jsCtx_Destroy(reading->js);
	natsConnection_Destroy(reading->connection);
	free(reading);
	json_decref(asked);
	return answer;
}
