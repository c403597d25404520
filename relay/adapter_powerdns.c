/* PowerDNS Recursor's control socket (4.5 and later): a connection a command; u32 0, u64 length in the host's order, text; the answer
 * has the same shape, with the command's exit status in front. Many names go into one wipe-cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"
#include "relay/wire.h"

enum { BATCH = 100, REPLY_MAX = 65536 };

static void *powerdns_open(const struct cache_conf *conf, struct err *err)
{
	if (conf->socket[0] == '\0') {
		err_set(err, "socket: must be given (the path of pdns_recursor.controlsocket)");
		return NULL;
	}
	return (void *)(uintptr_t)conf;
}

static void powerdns_close(void *state)
{
	(void)state;
}

/* *refused: the recursor understood, and said no. */
static bool command(const struct cache_conf *conf, const char *text, size_t len, char reply[static 512], bool *refused,
	struct err *err)
{
	uint32_t status = 0;
	uint64_t size = len;
	struct wire wire;
	bool good = wire_open(&wire, conf->socket, conf->timeout_ms, err) &&
		    wire_send(&wire, &status, sizeof status, err) && wire_send(&wire, &size, sizeof size, err) &&
		    wire_send(&wire, text, len, err) && wire_get(&wire, &status, sizeof status, err) &&
		    wire_get(&wire, &size, sizeof size, err);

	*refused = false;
	reply[0] = '\0';
	if (good && size > REPLY_MAX) {
		good = err_set(err, "the recursor's answer claims %llu bytes", (unsigned long long)size);
	} else if (good) {
		size = size < 511 ? size : 511;
		good = wire_get(&wire, reply, (size_t)size, err);
		reply[size] = '\0';
		reply[strcspn(reply, "\r\n")] = '\0';
	}
	wire_close(&wire);
	if (!good || status == 0)
		return good;
	*refused = true;
	return err_set(err, "the recursor answers: %.200s", reply);
}

static void add_name(struct buf *text, const char *name, bool below)
{
	buf_printf(text, " %s.%s", name, below ? "$" : "");
}

/* "wiped 3 records, 0 negative records, 2 packets": of all names together. Of several it does not say whose; and to count them only when that
 * is none would have it look as if the rest were none, too. */
static void note_found(struct adapter_work *work, unsigned n, const char *reply)
{
	unsigned records, negatives;

	if (n == 1 && sscanf(reply, "wiped %u records, %u negative records", &records, &negatives) == 2)
		work->found = records + negatives > 0 ? FOUND_SOMETHING : FOUND_NOTHING;
}

static unsigned powerdns_run(void *state, struct adapter_work *work, unsigned n)
{
	const struct cache_conf *conf = state;
	struct buf text = { 0 };
	char reply[512];
	struct err err = { .text = "" };
	bool refused;

	buf_printf(&text, "wipe-cache");
	for (unsigned i = 0; i < n; i++) {
		if (work[i].entry->class == EVENT_ALL)
			for (size_t k = 0; k < conf->nzones; k++)
				add_name(&text, conf->zones[k], true);
		else
			add_name(&text, work[i].entry->text, work[i].entry->class == EVENT_ZONE);
	}
	if (command(conf, text.text, text.len, reply, &refused, &err)) {
		adapter_say_all(work, n, ADAPTER_DONE, &err);
		note_found(work, n, reply);
	} else {
		adapter_say_all(work, n, refused ? ADAPTER_REFUSED : ADAPTER_AWAY, &err);
	}
	buf_fini(&text);
	return n;
}

static bool powerdns_ping(void *state, uint64_t *lived_s, struct err *err)
{
	static const char text[] = "get uptime";
	unsigned long uptime_s;
	char reply[512];
	bool refused;

	*lived_s = UINT64_MAX;
	if (!command(state, text, sizeof text - 1, reply, &refused, err))
		return false;
	if (sscanf(reply, "%lu", &uptime_s) == 1)
		*lived_s = uptime_s;
	return true;
}

const struct adapter adapter_powerdns = {
	.type = "powerdns",
	.classes = 1 << EVENT_DNS | 1 << EVENT_ZONE | 1 << EVENT_ALL,
	.batch = BATCH,
	.most = 5000,
	.timeout_ms = 500,
	.open = powerdns_open,
	.close = powerdns_close,
	.run = powerdns_run,
	.ping = powerdns_ping,
};
