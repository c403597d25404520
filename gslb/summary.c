/* A latency map may have a million cells, so it is said in pieces of which each can be taken in alone and twice: 240 KB every ten seconds at
 * most, in turn. Loads are small, and all of them are said whenever one changed. */
#include "gslb/summary.h"

#include <stdlib.h>
#include <string.h>

#include "base/state_client.h"

enum { PIECES = 4, LOOK_MS = 500 };

struct summary {
	struct daemon *daemon;
	struct state_client *client;
	uint64_t full_ms, look_ms; /* monotonic: when to say all; when to look for changes */
	size_t cursor;             /* of the map */
	uint64_t loads_said;       /* their version */
};

/* ---- in ---- */

static void complain(const char *what, const struct state_said *said, const char *why)
{
	static struct log_limit limit;
	unsigned held;

	if (log_allowed(&limit, clock_monotonic_ms(), &held))
		log_error("%s=not-taken region=%s host=%s reason=\"%s\" held=%u", what, said->region, said->node, why,
			held);
}

static void hear_latency(const struct daemon *daemon, const struct state_said *said)
{
	struct err err;

	if (strcmp(said->region, conf_region(daemon->conf)) != 0 &&
		!meter_hear(daemon->meter, said->region, said->body, said->len, clock_wall_ms() / 1000, &err))
		complain("latency", said, err.text);
}

static void hear_load(const struct daemon *daemon, const struct state_said *said)
{
	json_t *json = json_loadb(said->body, said->len, JSON_REJECT_DUPLICATES, NULL);
	uint64_t now_ms = clock_wall_ms();

	if (json_is_object(json))
		loads_hear(daemon->loads, json, now_ms > said->age_ms ? now_ms - said->age_ms : 0, now_ms);
	else
		complain("load", said, "not a JSON object");
	json_decref(json);
}

static void hear(void *arg, const struct state_said *said)
{
	const struct summary *summary = arg;

	switch (said->kind) {
	case STATE_LATENCY:
		hear_latency(summary->daemon, said);
		break;
	case STATE_LOAD:
		hear_load(summary->daemon, said);
		break;
	case STATE_VOTES:
	case STATE_HOT:
	case STATE_WRITS:
	case STATE_KINDS:
		break;
	}
}

static void link_changed(void *arg, const struct state_link *link)
{
	struct summary *summary = arg;

	if (link->relay && link->bus)
		summary->full_ms = 0;
}

/* ---- out ---- */

static void say_latency(struct summary *summary, uint64_t wall_ms)
{
	const struct daemon *daemon = summary->daemon;

	for (unsigned i = 0; i < PIECES; i++) {
		struct buf bytes = { 0 };

		if (meter_say(daemon->meter, conf_region(daemon->conf), STATE_BODY_MAX, wall_ms / 1000,
			    &summary->cursor, &bytes))
			state_client_say(summary->client, STATE_LATENCY, true, 0, 1, bytes.text, bytes.len);
		buf_fini(&bytes);
		if (summary->cursor == 0)
			break;
	}
}

struct saying {
	struct summary *summary;
	bool full;
};

static void say_load(void *arg, const json_t *json)
{
	const struct saying *saying = arg;
	char *text = json_dumps(json, JSON_COMPACT);

	if (strlen(text) <= STATE_BODY_MAX)
		state_client_say(saying->summary->client, STATE_LOAD, saying->full, 0, 1, text, strlen(text));
	free(text);
}

static void say_loads(struct summary *summary, bool full, uint64_t wall_ms)
{
	const struct loads *loads = summary->daemon->loads;

	summary->loads_said = loads_version(loads);
	loads_say(loads, wall_ms, say_load, &(struct saying){ summary, full });
}

uint64_t summary_run(struct summary *summary, uint64_t now_ms, uint64_t wall_ms)
{
	uint64_t next_ms = state_client_run(summary->client, now_ms);

	if (now_ms >= summary->full_ms) {
		summary->full_ms = now_ms + STATE_FULL_MS;
		say_latency(summary, wall_ms);
		say_loads(summary, true, wall_ms);
	}
	if (now_ms >= summary->look_ms) {
		summary->look_ms = now_ms + LOOK_MS;
		if (loads_version(summary->daemon->loads) != summary->loads_said)
			say_loads(summary, false, wall_ms);
	}
	next_ms = summary->full_ms < next_ms ? summary->full_ms : next_ms;
	return summary->look_ms < next_ms ? summary->look_ms : next_ms;
}

/* ---- life ---- */

struct summary *summary_new(struct daemon *daemon)
{
	struct summary *summary = mem_alloc(sizeof *summary);
	const struct state_client_ops ops = { summary, hear, link_changed };

	*summary = (struct summary){ .daemon = daemon };
	summary->client = state_client_new(
		daemon->conf->relay_socket, 1u << STATE_LATENCY | 1u << STATE_LOAD, clock_wall_ms(), &ops);
	return summary;
}

void summary_free(struct summary *summary)
{
	if (summary == NULL)
		return;
	state_client_free(summary->client);
	free(summary);
}

int summary_fd(const struct summary *summary)
{
	return state_client_fd(summary->client);
}
