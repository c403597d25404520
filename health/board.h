/* board - gslb-health's side of the verdict board: map what gslbd made, and write slots. */
#ifndef GSLB_HEALTH_BOARD_H
#define GSLB_HEALTH_BOARD_H

#include "health/health.h"

/* Map the board for writing. The descriptor stays the caller's and may be closed afterwards. NULL when it is too small for
 * nslots, or could shrink under us. board_detach gives it back. */
struct board_slot *board_attach(int fd, uint32_t nslots, struct err *err);
void board_detach(struct board_slot *slots, uint32_t nslots);
/* The statistics that lie behind them. */
struct board_stats *board_attached_stats(struct board_slot *slots, uint32_t nslots);

/* What the regions say of each slot. */
_Atomic uint64_t *board_attached_says(struct board_slot *slots, uint32_t nslots);

/* For the one thread that writes. */
void board_histogram_add(struct board_histogram *histogram, uint64_t us);
static inline void board_count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
