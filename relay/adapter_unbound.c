/* Unbound's control protocol: a command a connection, over a Unix socket ("control-interface: /path"). `flush NAME` forgets twelve types;
 * each other one that is published there needs a flush_type. flush_zone is never used for a name: it walks the whole cache, a quarter of a second
 * with half a million entries, and leaves entries that serve-expired answers from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/adapter.h"
#include "relay/check.h"
#include "relay/lint.h"
#include "relay/wire.h"

enum { REPLY_MAX = 4096 };

static void *unbound_open(const struct cache_conf *conf, struct err *err)
{
	if (conf->socket[0] == '\0') {
		err_set(err, "socket: must be given (unbound.conf's control-interface, as a path)");
		return NULL;
	}
	return (void *)(uintptr_t)conf;
}

static void unbound_close(void *state)
{
	(void)state;
}

/* One command; its whole answer. */
static bool command(const struct cache_conf *conf, const char *text, char reply[static REPLY_MAX], struct err *err)
{
	struct wire wire;
	char line[CHECK_TEXT_MAX + 64];
	int len = snprintf(line, sizeof line, "UBCT1 %s\n", text);
	bool good = wire_open(&wire, conf->socket, conf->timeout_ms, err) && wire_send(&wire, line, (size_t)len, err) &&
		    wire_rest(&wire, reply, REPLY_MAX, err);

	wire_close(&wire);
	return good;
}

/* Those that `flush` forgets by itself. */
static bool is_covered(uint16_t type)
{
	static const uint16_t covered[] = { 1, 2, 5, 6, 12, 15, 28, 33, 35, 39, 64, 65 };

	for (unsigned i = 0; i < COUNT_OF(covered); i++)
		if (covered[i] == type)
			return true;
	return false;
}

static bool tell(const struct cache_conf *conf, struct adapter_work *work, const char *text)
{
	char reply[REPLY_MAX];
	struct err err;

	if (!command(conf, text, reply, &err)) {
		adapter_say(work, ADAPTER_AWAY, "%s", err.text);
		return false;
	}
	if (strncmp(reply, "ok", 2) == 0)
		return true;
	reply[strcspn(reply, "\n")] = '\0';
	adapter_say(work, ADAPTER_REFUSED, "unbound answers: %.200s", reply);
	return false;
}

static void flush_name(const struct cache_conf *conf, struct adapter_work *work)
{
	char text[CHECK_TEXT_MAX + 32];
	bool good;

	snprintf(text, sizeof text, "flush %s.", work->entry->text);
	good = tell(conf, work, text);
	for (unsigned i = 0; good && i < work->entry->ntypes; i++) {
		if (is_covered(work->entry->type[i]))
			continue;
		snprintf(text, sizeof text, "flush_type %s. %s", work->entry->text,
			check_type_name(work->entry->type[i]));
		good = tell(conf, work, text);
	}
	if (good)
		work->result = ADAPTER_DONE;
}

static void flush_zone(const struct cache_conf *conf, struct adapter_work *work, const char *zone)
{
	char text[CHECK_TEXT_MAX + 32];

	snprintf(text, sizeof text, "flush_zone %s.", zone);
	if (tell(conf, work, text))
		work->result = ADAPTER_DONE;
}

static unsigned unbound_run(void *state, struct adapter_work *work, unsigned n)
{
	const struct cache_conf *conf = state;

	(void)n;
	work->result = ADAPTER_DONE;
	if (work->entry->class == EVENT_DNS)
		flush_name(conf, work);
	else if (work->entry->class == EVENT_ZONE)
		flush_zone(conf, work, work->entry->text);
	else
		for (size_t k = 0; k < conf->nzones && work->result == ADAPTER_DONE; k++)
			flush_zone(conf, work, conf->zones[k]);
	return 1;
}

/* "uptime: 123 seconds", of which the moment of its start is made. */
static bool unbound_ping(void *state, uint64_t *lived_s, struct err *err)
{
	char reply[REPLY_MAX];
	unsigned long uptime_s;
	const char *at;

	*lived_s = UINT64_MAX;
	if (!command(state, "status", reply, err))
		return false;
	at = strstr(reply, "uptime: ");
	if (at == NULL || sscanf(at, "uptime: %lu", &uptime_s) != 1)
		return err_set(err, "unbound's status has no uptime");
	*lived_s = uptime_s;
	return true;
}

const struct adapter adapter_unbound = {
	.type = "unbound",
	.classes = 1 << EVENT_DNS | 1 << EVENT_ZONE | 1 << EVENT_ALL,
	.batch = 32,
	.most = 2000,
	.timeout_ms = 500,
	.open = unbound_open,
	.close = unbound_close,
	.run = unbound_run,
	.ping = unbound_ping,
};

bool unbound_option(const struct cache_conf *conf, const char *name, char value[static LINT_VALUE_MAX], struct err *err)
{
	char text[64], reply[REPLY_MAX];

	snprintf(text, sizeof text, "get_option %s", name);
	if (!command(conf, text, reply, err))
		return false;
	reply[strcspn(reply, "\n")] = '\0';
	if (strncmp(reply, "error", 5) == 0)
		return err_set(err, "unbound answers: %.200s", reply);
	snprintf(value, LINT_VALUE_MAX, "%.*s", LINT_VALUE_MAX - 1, reply);
	return true;
}
