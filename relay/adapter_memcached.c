/* memcached's meta commands (1.6): `md KEY` deletes, `md KEY I T30` marks stale, so that one client makes it anew while the others
 * still get the old value for half a minute. A batch is sent whole, and answered in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"
#include "relay/wire.h"

enum { BATCH = 128, STALE_S = 30, LINE_MAX_LEN = 512 };

struct memcached {
	const struct cache_conf *conf;
	struct wire wire;
};

static void *memcached_open(const struct cache_conf *conf, struct err *err)
{
	struct memcached *m;

	if (conf->socket[0] == '\0') {
		err_set(err, "socket: must be given (a path, or ADDRESS@11211)");
		return NULL;
	}
	m = mem_alloc(sizeof *m);
	*m = (struct memcached){ .conf = conf, .wire.fd = -1 };
	return m;
}

static void memcached_close(void *state)
{
	struct memcached *m = state;

	wire_close(&m->wire);
	free(m);
}

static bool ready(struct memcached *m, struct err *err)
{
	if (m->wire.fd < 0)
		return wire_open(&m->wire, m->conf->socket, m->conf->timeout_ms, err);
	wire_timeout(&m->wire, m->conf->timeout_ms);
	return true;
}

static void put_command(const struct memcached *m, struct buf *text, const struct pending_entry *entry)
{
	if (entry->class == EVENT_ALL)
		buf_printf(text, "flush_all\r\n");
	else if (entry->op == EVENT_FLUSH)
		buf_printf(text, "md %s%s\r\n", m->conf->prefix, entry->text);
	else
		buf_printf(text, "md %s%s I T%d\r\n", m->conf->prefix, entry->text, STALE_S);
}

/* HD: gone; NF: was not there; OK: of flush_all. */
static bool take_answer(struct memcached *m, struct adapter_work *work, struct err *err)
{
	char line[LINE_MAX_LEN];

	if (!wire_line(&m->wire, line, sizeof line, err))
		return false;
	if (strncmp(line, "HD", 2) == 0 || strncmp(line, "NF", 2) == 0 || strcmp(line, "OK") == 0)
		work->result = ADAPTER_DONE;
	else if (strncmp(line, "SERVER_ERROR", 12) == 0)
		adapter_say(work, ADAPTER_RETRY, "memcached answers: %.200s", line);
	else
		adapter_say(work, ADAPTER_REFUSED, "memcached answers: %.200s", line);
	if (work->result == ADAPTER_DONE && line[0] != 'O')
		work->found = line[0] == 'H' ? FOUND_SOMETHING : FOUND_NOTHING;
	return true;
}

static unsigned memcached_run(void *state, struct adapter_work *work, unsigned n)
{
	struct memcached *m = state;
	struct buf text = { 0 };
	struct err err;
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++)
		put_command(m, &text, work[i].entry);
	for (int tries = 0; tries < 2 && done == 0; tries++) {
		bool kept = m->wire.fd >= 0;

		if (ready(m, &err) && wire_send(&m->wire, text.text, text.len, &err))
			while (done < n && take_answer(m, &work[done], &err))
				done++;
		if (done < n)
			wire_close(&m->wire);
		if (!kept)
			break;
	}
	adapter_say_all(work + done, n - done, ADAPTER_AWAY, &err);
	buf_fini(&text);
	return n;
}

/* STAT uptime SECONDS, among others, and END. */
static bool memcached_ping(void *state, uint64_t *lived_s, struct err *err)
{
	struct memcached *m = state;
	char line[LINE_MAX_LEN];
	unsigned long long uptime_s = UINT64_MAX;
	bool good = ready(m, err) && wire_send(&m->wire, "stats\r\n", 7, err);

	while (good && (good = wire_line(&m->wire, line, sizeof line, err)) && strcmp(line, "END") != 0)
		(void)sscanf(line, "STAT uptime %llu", &uptime_s);
	if (!good)
		wire_close(&m->wire);
	*lived_s = good ? uptime_s : UINT64_MAX;
	return good;
}

const struct adapter adapter_memcached = {
	.type = "memcached",
	.classes = 1 << EVENT_KEY | 1 << EVENT_ALL,
	.by_consent = true,
	.batch = BATCH,
	.most = 50000,
	.timeout_ms = 500,
	.open = memcached_open,
	.close = memcached_close,
	.run = memcached_run,
	.ping = memcached_ping,
};
