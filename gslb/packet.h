/* packet - a DNS message in, a DNS message out: query → answer → reply, in one call for any transport. Nothing here knows
 * sockets; nothing takes a lock, allocates or logs. */
#ifndef GSLB_PACKET_H
#define GSLB_PACKET_H

#include "gslb/counters.h"
#include "gslb/decide.h"

struct guard;

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

/* Answer one message of len bytes. out has room for cap bytes (UDP: at least PACKET_UDP_MAX; TCP: PACKET_TCP_MAX) and may not
 * overlap in. Returns the answer's length; 0 for silence. */
size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap);

#endif
