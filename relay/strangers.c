#include "relay/strangers.h"

#include <stdio.h>
#include <string.h>

enum { SAY_APART_MS = 60000 };

static bool fits(const struct relay_conf *conf, const char *region, const char *name)
{
	size_t i = conf_relay(conf, name);

	return i < conf->nrelays && strcmp(conf->relays[i].region, region) == 0 && strcmp(name, conf->name) != 0;
}

static bool is_heard(const struct stranger *stranger, uint64_t now_ms)
{
	return stranger->heard_ms != 0 && now_ms < stranger->heard_ms + STRANGERS_KEPT_MS;
}

static void describe(
	const struct stranger *stranger, const struct relay_conf *conf, char text[static STRANGERS_TEXT_MAX])
{
	if (strcmp(stranger->name, conf->name) == 0)
		snprintf(text, STRANGERS_TEXT_MAX,
			"another host, %s/%s, has our name on the bus, %s: give each a bus.name of its own",
			stranger->region, stranger->node, conf->name);
	else
		snprintf(text, STRANGERS_TEXT_MAX,
			"a host that we do not hear, %s/%s, is %s on the bus: add %s@%s to bus.relays, alike in each "
			"host's file",
			stranger->region, stranger->node, stranger->name, stranger->name, stranger->region);
}

/* Its own place, or one that is free; NULL: there are more of them than matter. */
static struct stranger *place_of(
	struct strangers *strangers, const char *region, const char *node, const char *name, uint64_t now_ms)
{
	struct stranger *free = NULL;

	for (struct stranger *at = strangers->stranger; at < strangers->stranger + STRANGERS_MAX; at++) {
		if (strcmp(at->region, region) == 0 && strcmp(at->node, node) == 0 && strcmp(at->name, name) == 0)
			return at;
		if (free == NULL && !is_heard(at, now_ms))
			free = at;
	}
	if (free == NULL)
		return NULL;
	*free = (struct stranger){ 0 };
	snprintf(free->region, sizeof free->region, "%s", region);
	snprintf(free->node, sizeof free->node, "%s", node);
	snprintf(free->name, sizeof free->name, "%s", name);
	return free;
}

bool strangers_hear(struct strangers *strangers, const struct relay_conf *conf, const char *region, const char *node,
	const char *name, uint64_t now_ms)
{
	char text[STRANGERS_TEXT_MAX];
	struct stranger *stranger;

	if (fits(conf, region, name))
		return true;
	stranger = place_of(strangers, region, node, name, now_ms);
	if (stranger == NULL)
		return false;
	stranger->heard_ms = now_ms;
	if (stranger->said_ms == 0 || now_ms >= stranger->said_ms + SAY_APART_MS) {
		describe(stranger, conf, text);
		log_error("bus=name error=\"%s\"", text);
		stranger->said_ms = now_ms;
	}
	return false;
}

size_t strangers_look(const struct strangers *strangers, const struct relay_conf *conf, uint64_t now_ms,
	char text[static STRANGERS_TEXT_MAX])
{
	const struct stranger *worst = NULL;
	size_t n = 0;

	for (const struct stranger *at = strangers->stranger; at < strangers->stranger + STRANGERS_MAX; at++) {
		if (!is_heard(at, now_ms))
			continue;
		n++;
		if (worst == NULL || strcmp(at->name, conf->name) == 0)
			worst = at;
	}
	text[0] = '\0';
	if (worst != NULL)
		describe(worst, conf, text);
	return n;
}

bool strangers_have_our_name(const struct strangers *strangers, const struct relay_conf *conf, uint64_t now_ms)
{
	for (const struct stranger *at = strangers->stranger; at < strangers->stranger + STRANGERS_MAX; at++)
		if (is_heard(at, now_ms) && strcmp(at->name, conf->name) == 0)
			return true;
	return false;
}
