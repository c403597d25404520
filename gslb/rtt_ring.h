/* rtt_ring - round trips on their way from a worker to the main thread. One writer, one reader, no lock; what finds it full is
 * lost, since more will come. */
#ifndef GSLB_RTT_RING_H
#define GSLB_RTT_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

enum { RTT_RING = 1024 }; /* a power of two */

struct rtt_sample {
	struct addr client;
	uint32_t rtt_us;
};

struct rtt_ring {
	alignas(64) _Atomic uint32_t written; /* the writer's */
	alignas(64) _Atomic uint32_t taken;   /* the reader's */
	struct rtt_sample at[RTT_RING];
};

static inline bool rtt_ring_put(struct rtt_ring *ring, const struct addr *client, uint32_t rtt_us)
{
	uint32_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);

	if (written - atomic_load_explicit(&ring->taken, memory_order_acquire) == RTT_RING)
		return false;
	ring->at[written % RTT_RING] = (struct rtt_sample){ .client = *client, .rtt_us = rtt_us };
	atomic_store_explicit(&ring->written, written + 1, memory_order_release);
	return true;
}

static inline bool rtt_ring_take(struct rtt_ring *ring, struct rtt_sample *sample)
{
	uint32_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);

	if (atomic_load_explicit(&ring->written, memory_order_acquire) == taken)
		return false;
	*sample = ring->at[taken % RTT_RING];
	atomic_store_explicit(&ring->taken, taken + 1, memory_order_release);
	return true;
}

#endif
