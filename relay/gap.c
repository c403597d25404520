#include "relay/gap.h"

bool gap_stays(struct gap *gap, struct store *store, const char *origin, uint64_t now_ms, struct store_mark *upto)
{
	struct store_mark floor;

	if (!store_gap(store, origin, upto)) {
		gap->since_ms = 0;
		return false;
	}
	store_received(store, origin, &floor);
	if (gap->since_ms == 0 || gap->epoch != floor.epoch || gap->oseq != floor.oseq)
		*gap = (struct gap){ .epoch = floor.epoch, .oseq = floor.oseq, .since_ms = now_ms };
	return now_ms >= gap->since_ms + GAP_MS;
}
