/* Knot Resolver 5's control socket, which evaluates Lua: only names that passed check_name ever stand in it, and they have no quote and
 * no backslash. After "__binary" an answer is its length (u32, network order) and text. One connection is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"
#include "relay/wire.h"

enum { REPLY_MAX = 65536 };

struct knot {
	const struct cache_conf *conf;
	struct wire wire;
};

static void *knot_open(const struct cache_conf *conf, struct err *err)
{
	struct knot *knot;

	if (conf->socket[0] == '\0') {
		err_set(err, "socket: must be given (a path such as /run/knot-resolver/control/1)");
		return NULL;
	}
	knot = mem_alloc(sizeof *knot);
	*knot = (struct knot){ .conf = conf, .wire.fd = -1 };
	return knot;
}

static void knot_close(void *state)
{
	struct knot *knot = state;

	wire_close(&knot->wire);
	free(knot);
}

static bool get_reply(struct knot *knot, char reply[static 512], struct err *err)
{
	uint8_t head[4];
	uint32_t len;
	char byte;

	if (!wire_get(&knot->wire, head, sizeof head, err))
		return false;
	len = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	if (len > REPLY_MAX)
		return err_set(err, "the resolver's answer claims %u bytes", len);
	for (uint32_t i = 0; i < len; i++) {
		if (!wire_get(&knot->wire, &byte, 1, err))
			return false;
		if (i < 511)
			reply[i] = byte >= 0x20 && byte < 0x7f ? byte : ' ';
	}
	reply[len < 511 ? len : 511] = '\0';
	return true;
}

/* It greets with "> ". */
static bool connect_knot(struct knot *knot, struct err *err)
{
	static const char binary[] = "__binary\n";
	char greeting[2];

	return wire_open(&knot->wire, knot->conf->socket, knot->conf->timeout_ms, err) &&
	       wire_get(&knot->wire, greeting, sizeof greeting, err) &&
	       wire_send(&knot->wire, binary, sizeof binary - 1, err);
}

static bool command(struct knot *knot, const char *text, char reply[static 512], struct err *err)
{
	for (int tries = 0; tries < 2; tries++) {
		bool kept = knot->wire.fd >= 0;

		if (kept)
			wire_timeout(&knot->wire, knot->conf->timeout_ms);
		if ((kept || connect_knot(knot, err)) && wire_send(&knot->wire, text, strlen(text), err) &&
			get_reply(knot, reply, err))
			return true;
		wire_close(&knot->wire);
		if (!kept)
			return false;
	}
	return false;
}

static void clear(struct knot *knot, struct adapter_work *work, const char *name, bool below)
{
	char text[CHECK_TEXT_MAX + 64], reply[512];
	const char *count;
	struct err err;
	unsigned n;

	snprintf(text, sizeof text, "cache.clear('%s'%s)\n", name, below ? "" : ", true");
	if (!command(knot, text, reply, &err))
		adapter_say(work, ADAPTER_AWAY, "%s", err.text);
	else if ((count = strstr(reply, "count")) == NULL)
		adapter_say(work, ADAPTER_REFUSED, "the resolver answers: %.200s", reply);
	else if (sscanf(count, "count%*[]'\" =]%u", &n) == 1) /* ['count'] = 2 */
		work->found = n > 0 ? FOUND_SOMETHING : FOUND_NOTHING;
}

static unsigned knot_run(void *state, struct adapter_work *work, unsigned n)
{
	struct knot *knot = state;

	(void)n;
	work->result = ADAPTER_DONE;
	if (work->entry->class != EVENT_ALL)
		clear(knot, work, work->entry->text, work->entry->class == EVENT_ZONE);
	for (size_t k = 0; work->entry->class == EVENT_ALL && k < knot->conf->nzones; k++)
		if (work->result == ADAPTER_DONE)
			clear(knot, work, knot->conf->zones[k], true);
	return 1;
}

static bool knot_ping(void *state, uint64_t *lived_s, struct err *err)
{
	char reply[512];

	*lived_s = UINT64_MAX; /* its cache lies in a file, and outlives it */
	return command(state, "worker.pid\n", reply, err);
}

const struct adapter adapter_knot = {
	.type = "knot",
	.classes = 1 << EVENT_DNS | 1 << EVENT_ZONE | 1 << EVENT_ALL,
	.batch = 64,
	.most = 2000,
	.timeout_ms = 500,
	.open = knot_open,
	.close = knot_close,
	.run = knot_run,
	.ping = knot_ping,
};
