/* event - what is to be forgotten, where, and why: RELAY 5.1. One JSON document on the bus, in the log and from applications; all that
 * is in a struct event has passed check.h. Pure; what it points to lies in an arena. */
#ifndef GSLB_RELAY_EVENT_H
#define GSLB_RELAY_EVENT_H

#include "base/base.h"

enum event_class {
	EVENT_DNS,
	EVENT_KEY,
	EVENT_TAG,
	EVENT_URL,
	EVENT_PREFIX,
	EVENT_ZONE,
	EVENT_ALL,
	EVENT_OVERRIDE, /* not for caches: what operators decided (writs.h) */
	EVENT_CLASSES
};
enum event_op { EVENT_FLUSH, EVENT_SOFT, EVENT_REFRESH, EVENT_OPS };
/* Scheduling: failover, drain, override; edit; hot and bulk ones of applications. */
enum event_prio { EVENT_FAILOVER, EVENT_EDIT, EVENT_HOT, EVENT_BULK, EVENT_PRIOS };

enum {
	EVENT_VERSION = 1,
	EVENT_ITEMS_MAX = 256,
	EVENT_TYPES_MAX = 18,
	EVENT_REGIONS_MAX = 64,
	EVENT_BYTES_MAX = 32768,
	EVENT_SIGNED_MAX = EVENT_BYTES_MAX + 64, /* with a signature: sign.h */
	EVENT_LABEL_MAX = 64,                    /* a relay's or a region's name, with NUL */
	EVENT_ID_MAX = EVENT_LABEL_MAX + 11 + 21,
};

struct event_item {
	const char *text; /* canonical: a name, a key, a tag, a URL, a prefix of URLs, or a zone; a writ as JSON
			   * (base/writ.h); NULL with EVENT_ALL */
	uint8_t ntypes;   /* EVENT_DNS: 0 is all that the relay knows to be published there */
	uint16_t type[EVENT_TYPES_MAX];
};

struct event {
	char origin[EVENT_LABEL_MAX]; /* name of the gslb-relay that made it; "" until the store took it in */
	uint32_t epoch;               /* of the origin's log: rises when that is made anew */
	uint64_t oseq;                /* contiguous within origin and epoch, from 1 */
	uint64_t generation;          /* of gslbd's state that made the old answer wrong; 0: no barrier */
	uint64_t made_ms, moot_ms;    /* wall: made; moot afterwards, since it has expired everywhere (0: never) */
	enum event_class class;
	enum event_op op;
	enum event_prio prio;
	size_t nitems;
	const struct event_item *items;
	uint64_t jump;   /* what is before that number does not come any more; 0: not so. The relay's only */
	size_t nregions; /* 0: all */
	const char *const *regions;
	const char *relay; /* of all gslb-relays in these regions for this one only; NULL, "": all. The relay's only */
	bool confirm;      /* somebody waits to hear from each gslb-relay how far this one is */
	const char *why, *actor, *trace; /* "" when not given; trace is a W3C traceparent */
};

/* Read one. `stored`: it must say where it comes from (origin, epoch, oseq); else those are refused, since the store gives them. An
 * unknown member is passed over; a version above ours fails with *parked set: it is to be kept, not dropped. */
bool event_parse(const char *bytes, size_t len, bool stored, struct arena *arena, struct event *event, bool *parked,
	struct err *err);
/* The same of a document that was read already. */
struct json_t;
bool event_read(const struct json_t *root, bool stored, struct arena *arena, struct event *event, bool *parked,
	struct err *err);
/* As one line of JSON, without newline; the same event gives the same bytes. */
void event_print(const struct event *event, struct buf *buf);

/* "origin:epoch:oseq". */
const char *event_id(const struct event *event, char text[static EVENT_ID_MAX]);
/* For the gslb-relay of that name in that region? */
bool event_is_for(const struct event *event, const char *region, const char *relay);

const char *event_class_name(enum event_class class);
bool event_class_parse(const char *text, enum event_class *class);
bool event_class_is_broad(enum event_class class); /* one of them drops what nobody has counted */
const char *event_op_name(enum event_op op);
/* Is it right for that class? The canonical text; false with a sentence. EVENT_ALL has none. */
bool event_item_check(enum event_class class, const char *text, size_t len, char out[], struct err *err);

#endif
