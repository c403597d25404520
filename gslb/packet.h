/* packet - a DNS message in, a DNS message out: query → answer → reply, for any transport. Nothing here knows sockets; nothing
 * takes a lock, allocates or logs.
 *
 * A batch goes through it in stages: packet_read all, packet_ahead all for each of its steps, packet_write all. An answer is a
 * chain of a dozen memory reads of which each says where the next one is, and with many names and many clients none of them is in a
 * cache; so the reads of one step are under way for all packets at once. */
#ifndef GSLB_PACKET_H
#define GSLB_PACKET_H

#include "gslb/answer.h"
#include "gslb/counters.h"
#include "gslb/guard.h"
#include "gslb/query.h"

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

enum { PACKET_UDP_MAX = 1232, PACKET_TCP_MAX = 65535, PACKET_NSID_MAX = 128 };

/* What is the same for all packets of a server; immutable while workers run. */
struct packet_identity {
	char nsid[PACKET_NSID_MAX];
	size_t nsid_len;
	char version[64]; /* CH TXT version.bind */
	uint32_t tcp_idle_ms;
};

/* What a worker hands in besides the packet. */
struct packet_context {
	const struct world *world;
	const struct packet_identity *identity;
	const struct guard *guard; /* NULL: no cookies, no limit */
	struct dice *dice;
	struct counters *counters; /* this worker's own */
	unsigned worker;           /* its number: picks its row of world->shares */
	uint64_t now_ms;           /* wall, once a batch */
	uint64_t now_monotonic_ms; /* at the same moment */
	enum transport transport;
	struct addr source;
	uint16_t source_port;
};

/* A message on its way. */
struct packet {
	enum query_verdict verdict;
	bool looked_up;                     /* lookup is set */
	struct addr source;                 /* the context's, when it was read */
	const struct service_plan *service; /* that will steer it, when packet_ahead got so far; else NULL */
	struct zone_seek seek;
	struct lookup lookup;
	struct guarded guarded;
	struct query query; /* borrows from the message */
	uint64_t hash[NAME_LABELS_MAX + 1];
};

/* Read one message of len bytes. The context says where it came from. */
void packet_read(struct packet *packet, const struct packet_context *context, const uint8_t *message, size_t len);
/* Begin the memory reads that a later stage needs. May be left out. */
enum { PACKET_AHEAD_STEPS = 6 };
void packet_ahead(struct packet *packet, const struct packet_context *context, unsigned step);
/* The answer to what was read, of the same world. out has room for cap bytes (UDP: at least PACKET_UDP_MAX; TCP: PACKET_TCP_MAX) and may
 * not overlap the message. Returns its length; 0 for silence. */
size_t packet_write(struct packet *packet, const struct packet_context *context, uint8_t *out, size_t cap);

/* All stages, for one message. */
size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap);

#endif
