/* state_origin - who was heard: of each region, node and kind the newest number, which numbers were seen, and the last full one. For
 * state.c. */
#ifndef GSLB_RELAY_STATE_ORIGIN_H
#define GSLB_RELAY_STATE_ORIGIN_H

#include <sys/queue.h>

#include "base/state.h"

enum {
	ORIGINS_MAX = 1024, /* regions × nodes × kinds */
	ORIGIN_FORGOTTEN_MS =
		60000, /* silent for so long, it may begin with any epoch: its clock may have been set back */
	ORIGIN_KEPT_MAX = 32 << 20, /* bytes of all that is kept */
};

struct origin_part {
	uint8_t *bytes; /* NULL: none */
	size_t len;
	uint64_t seq, at_ms;
};

struct origin {
	char region[STATE_LABEL_MAX], node[STATE_LABEL_MAX];
	enum state_kind kind;
	uint64_t epoch, newest;
	uint64_t seen; /* bit i: newest - i was */
	uint64_t heard_ms;
	size_t bytes; /* kept */
	struct origin_part part[STATE_PARTS_MAX];
	LIST_ENTRY(origin) link;
};

struct origins {
	LIST_HEAD(, origin) list;
	size_t n, bytes;
};

enum origin_says {
	ORIGIN_NEW,
	ORIGIN_KNOWN, /* it was seen, or is older than what was */
	ORIGIN_FULL   /* too many origins */
};

/* Take it in. Its bytes, as they came, are kept when it is a full one. */
enum origin_says origins_take(
	struct origins *origins, const struct state_said *said, const void *bytes, size_t len, uint64_t now_ms);
/* Let go what is older than a minute. */
void origins_tick(struct origins *origins, uint64_t now_ms);
void origins_fini(struct origins *origins);

#endif
