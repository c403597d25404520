/* Bytes on the bus: "GS", version, kind, flags, part, nparts, epoch, seq, region, node, body; numbers low byte first, labels with their
 * length before them. */
#include "base/state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { FORMAT = 1, FLAG_FULL = 1, HEAD_LEN = 5 + 2 * 2 + 2 * 8 };

static const char *const names[STATE_KINDS] = {
	[STATE_VOTES] = "votes",
	[STATE_LATENCY] = "latency",
	[STATE_LOAD] = "load",
	[STATE_HOT] = "hot",
	[STATE_WRITS] = "writs",
};

const char *state_kind_name(enum state_kind kind)
{
	return names[kind];
}

bool state_kind_find(const char *name, enum state_kind *kind)
{
	for (unsigned i = 0; i < STATE_KINDS; i++)
		if (strcmp(names[i], name) == 0) {
			*kind = (enum state_kind)i;
			return true;
		}
	return false;
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool state_label_is_good(const char *label, size_t len)
{
	size_t i = 0;

	while (i < len && is_label_char(label[i]))
		i++;
	return len > 0 && len < STATE_LABEL_MAX && i == len;
}

void state_label(const char *text, char label[static STATE_LABEL_MAX])
{
	snprintf(label, STATE_LABEL_MAX, "%s", text[0] != '\0' ? text : "local");
	for (char *at = label; *at != '\0'; at++)
		if (!is_label_char(*at))
			*at = '-';
}

/* ---- out ---- */

static uint8_t *put(uint8_t *at, uint64_t number, unsigned nbytes)
{
	for (unsigned i = 0; i < nbytes; i++)
		*at++ = (uint8_t)(number >> 8 * i);
	return at;
}

static uint8_t *put_label(uint8_t *at, const char *label)
{
	size_t len = strlen(label);

	at = put(at, len, 1);
	memcpy(at, label, len);
	return at + len;
}

size_t state_format(const struct state_said *said, uint8_t bytes[static STATE_BYTES_MAX])
{
	uint8_t *at = bytes;

	assert(said->len <= STATE_BODY_MAX && said->part < said->nparts && said->nparts <= STATE_PARTS_MAX);
	*at++ = 'G';
	*at++ = 'S';
	at = put(at, FORMAT, 1);
	at = put(at, said->kind, 1);
	at = put(at, said->full ? FLAG_FULL : 0, 1);
	at = put(at, said->part, 2);
	at = put(at, said->nparts, 2);
	at = put(at, said->epoch, 8);
	at = put(at, said->seq, 8);
	at = put_label(at, said->region);
	at = put_label(at, said->node);
	if (said->len > 0)
		memcpy(at, said->body, said->len);
	return (size_t)(at - bytes) + said->len;
}

/* ---- in ---- */

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get(struct cursor *c, unsigned nbytes)
{
	uint64_t number = 0;

	if (c->bad || (size_t)(c->end - c->at) < nbytes) {
		c->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < nbytes; i++)
		number |= (uint64_t)*c->at++ << 8 * i;
	return number;
}

static void get_label(struct cursor *c, char label[static STATE_LABEL_MAX])
{
	size_t len = get(c, 1);

	label[0] = '\0';
	if (c->bad || (size_t)(c->end - c->at) < len || !state_label_is_good((const char *)c->at, len)) {
		c->bad = true;
		return;
	}
	memcpy(label, c->at, len);
	label[len] = '\0';
	c->at += len;
}

bool state_parse(const void *bytes, size_t len, struct state_said *said)
{
	struct cursor c = { .at = bytes, .end = (const uint8_t *)bytes + len };
	uint64_t kind;

	*said = (struct state_said){ 0 };
	c.bad = len < HEAD_LEN || get(&c, 1) != 'G' || get(&c, 1) != 'S' || get(&c, 1) != FORMAT;
	kind = get(&c, 1);
	said->full = (get(&c, 1) & FLAG_FULL) != 0;
	said->part = (uint16_t)get(&c, 2);
	said->nparts = (uint16_t)get(&c, 2);
	said->epoch = get(&c, 8);
	said->seq = get(&c, 8);
	get_label(&c, said->region);
	get_label(&c, said->node);
	said->body = c.at;
	said->len = (size_t)(c.end - c.at);
	if (c.bad || kind >= STATE_KINDS || said->nparts > STATE_PARTS_MAX || said->part >= said->nparts ||
		said->len > STATE_BODY_MAX)
		return false;
	said->kind = (enum state_kind)kind;
	return true;
}

char *state_socket(const char *relay_socket)
{
	return mem_printf("%s.state", relay_socket);
}
