/* stream - a simulated NATS JetStream, for exchange.c as its bus: each host's events on a stream of its own, kept by its region's server, from
 * which every other host takes them through links that can be cut; acknowledged one by one, brought again when they are not, in whatever order
 * that makes; a message is kept once by its id. A server can lose the end of what it has kept. Receipts and other words may be lost. RELAY 2, 3.3
 * and 5.2. One thread's own. */
#ifndef GSLB_TESTS_FLEET_STREAM_H
#define GSLB_TESTS_FLEET_STREAM_H

#include "relay/bus.h"
#include "tests/fleet/world.h"

/* A host's end of it. */
struct stream_end;

extern const struct bus_ops stream_ops;

void stream_reset(void);
/* While a host lives. conf's regions are the hosts. woken: something came in, look at it so soon. */
struct stream_end *stream_open(unsigned host, const struct relay_conf *conf, struct store *store,
	void (*woken)(unsigned host, uint64_t in_ms));
void stream_close(struct stream_end *end);

/* The server of a host's stream loses what it took last, at most so many. */
void stream_roll_back(unsigned origin, unsigned messages);
/* Something was mended: what waits is tried now. */
void stream_heal(void);
/* Is an event of that origin on its stream, or was it taken by another host from there? */
bool stream_has(unsigned origin, uint32_t epoch, uint64_t oseq);

/* A message that may be lost, of at most STREAM_WORD_MAX bytes: take is called as the other host, when that lives. */
enum { STREAM_WORD_MAX = 4096 };
void stream_say(unsigned from, unsigned to, const void *bytes, size_t len,
	void (*take)(unsigned to, unsigned from, const void *bytes, size_t len));
/* Has it an end? */
bool stream_is_open(unsigned host);

struct stream_totals {
	uint64_t published, brought, again, words, lost, rolled_back;
};
extern struct stream_totals stream_totals;

#endif
