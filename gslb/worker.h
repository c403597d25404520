/* worker - threads that answer: each has its own UDP and TCP sockets (SO_REUSEPORT) for every listen address, its own
 * counters and dice, and reads the world under RCU (QSBR), offline around every wait in the kernel. */
#ifndef GSLB_WORKER_H
#define GSLB_WORKER_H

#include "gslb/conf.h"
#include "gslb/packet.h"
#include "gslb/rtt_ring.h"

struct workers;

/* Bind all sockets (before privileges are dropped). A sentence names the address and what to do ("127.0.0.1@53: Permission
 * denied: start as root or …"). Port 0 takes a free one, the same for UDP and TCP. */
struct workers *workers_bind(const struct conf *conf, struct err *err);
/* The addresses in fact bound (port 0 resolved). */
size_t workers_listening(const struct workers *workers, const struct conf_listen **listen);
/* Start the threads on the first world. */
bool workers_start(
	struct workers *workers, const struct packet_identity *identity, const struct world *first, struct err *err);
/* Put another world in force; returns the one before, which nobody reads any more (after a grace period: the call waits for
 * it, microseconds to a few milliseconds). Main thread. */
const struct world *workers_publish(struct workers *workers, const struct world *next);
/* Put another guard in force; returns the one before in the same way, NULL the first time. Before workers_start, too. */
const struct guard *workers_guard(struct workers *workers, const struct guard *next);
/* The limits that a reload may change. Returns the TCP clients there may be: fewer than asked for when the system has no
 * descriptors for them. */
uint32_t workers_limits(struct workers *workers, const struct conf *conf);
/* Sum of all workers' counters. */
void workers_counters(const struct workers *workers, uint64_t sums[static COUNTERS_N]);
/* With queries one by one, too. */
void workers_counted(const struct workers *workers, struct counted *counted);
/* Truncate some answers so that resolvers can be measured, or no longer. The sampler, which lives as long as the workers; NULL: off. */
struct sampler *workers_sample(struct workers *workers, bool on);
/* The next round trip of a TCP client's handshake; false when there is none. Main thread. */
bool workers_take_rtt(struct workers *workers, struct rtt_sample *sample);
/* Stop taking new connections, answer what is queued, end the threads within drain_ms. */
void workers_stop(struct workers *workers, uint32_t drain_ms);
void workers_free(struct workers *workers);

#endif
