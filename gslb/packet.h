/* packet - a DNS message in, a DNS message out: query → answer → reply, for any transport. Nothing here knows sockets; nothing
 * takes a lock, allocates or logs.
 *
 * A batch goes through it in stages: packet_read each, packets_find all, packet_write each. An answer is a chain of a dozen memory
 * reads of which each says where the next one is, and with many names and many clients none of them is in a cache; so packets_find
 * goes step by step, and the reads of one step are under way for all packets at once. */
#ifndef GSLB_PACKET_H
#define GSLB_PACKET_H

#include <stdalign.h>

#include "gslb/answer.h"
#include "gslb/counters.h"
#include "gslb/explore.h"
#include "gslb/guard.h"
#include "gslb/ledger.h"
#include "gslb/query.h"
#include "gslb/sampler.h"

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
	struct counters *counters;   /* this worker's own */
	unsigned worker;             /* its number: picks its row of world->reasons */
	struct ledger_row *row;      /* this worker's, of world->ledger; NULL: nothing is written down */
	struct sampling *sampling;   /* this worker's own; NULL: none */
	struct exploring *exploring; /* this worker's own; NULL: none */
	uint64_t now_ms;             /* wall, once a batch */
	uint32_t now_s;              /* the same in seconds */
	uint64_t now_monotonic_ms;   /* at the same moment */
	enum transport transport;
	struct addr source; /* of packet_answer's message */
	uint16_t source_port;
};

/* A message on its way. */
struct packet {
	alignas(MEM_LINE) struct addr source; /* where it came from: set by the caller */
	uint16_t source_port;
	enum query_verdict verdict;
	bool for_zones;                     /* a question that the zones have an answer to; then: */
	struct client client;               /* whom the answer is for */
	const struct service_plan *service; /* that steers the answer; NULL: none. Set by packets_find, as lookup is */
	struct lookup lookup;
	struct zone_seek seek;
	struct guarded guarded;
	struct query query; /* borrows from the message */
};

/* Read one message of len bytes. It is to be found and answered with the same world. */
void packet_read(struct packet *packet, const struct packet_context *context, const uint8_t *message, size_t len);
/* Find what n packets that were read ask for. */
void packets_find(struct packet *packets, unsigned n, const struct packet_context *context);
/* The answer, of the same world. out has room for cap bytes (UDP: at least PACKET_UDP_MAX; TCP: PACKET_TCP_MAX) and may not overlap
 * the message. Returns its length; 0 for silence. */
size_t packet_write(struct packet *packet, const struct packet_context *context, uint8_t *out, size_t cap);

/* All stages, for one message. */
size_t packet_answer(const struct packet_context *context, const uint8_t *in, size_t len, uint8_t *out, size_t cap);

#endif
