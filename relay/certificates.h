/* certificates - have the bus's files for TLS (bus.ca, bus.cert, bus.key) changed, and are they to be tried? What they are seen as is handed in, and
 * so is the clock. One thread's own. */
#ifndef GSLB_RELAY_CERTIFICATES_H
#define GSLB_RELAY_CERTIFICATES_H

#include "relay/conf.h"

enum {
	CERTIFICATES_LOOK_MS = 2000,  /* from look to look */
	CERTIFICATES_AGAIN_MS = 10000 /* until what failed is tried once more */
};

/* How the three files look from outside, without reading them; all zero: not there, or not given. */
struct certificates_seen {
	struct {
		uint64_t inode, size;
		int64_t changed_s, changed_ns;
	} file[3];
};

struct certificates {
	struct certificates_seen used, last; /* by the bus in service; at the last look */
	uint64_t again_ms;                   /* monotonic: what failed is tried then */
};

void certificates_look(const struct relay_conf *conf, struct certificates_seen *seen);
/* Are they others than those in use? */
bool certificates_differ(const struct certificates *certificates, const struct certificates_seen *seen);
/* Is a new connection to be made, for them or, with other, for another reason? Not while they change: they are written one after the other, and
 * the first would not fit the second. After certificates_failed() not before it is time, or they have changed again. */
bool certificates_due(
	struct certificates *certificates, const struct certificates_seen *seen, bool other, uint64_t now_ms);
void certificates_failed(struct certificates *certificates, uint64_t now_ms);

#endif
