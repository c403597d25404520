#include "relay/resend.h"

enum {
	PAUSE_MS = 2000, /* without a receipt */
	PAUSE_MAX_MS = 60000,
	AGAIN_ROWS = 1024, /* the oldest; they show whether the bus has lost something, and then all are sent anew */
};

struct offering {
	struct resend *resend;
	const struct resend_way *way;
};

static bool offer(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	const struct offering *offering = arg;

	offering->way->offer(offering->way->arg, offering->resend->epoch, oseq, bytes, len);
	offering->resend->offered = oseq;
	return true;
}

static bool offer_again(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	const struct offering *offering = arg;

	if (oseq > offering->resend->offered)
		return false;
	offering->way->offer(offering->way->arg, offering->resend->epoch, oseq, bytes, len);
	offering->resend->again++;
	return true;
}

/* What every one of them has a receipt for. */
static uint64_t least_receipt(struct store *store, const struct resend_way *way)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < way->nrelays; i++) {
		uint64_t oseq = store_receipt_of(store, way->relays[i], NULL);

		least = oseq < least ? oseq : least;
	}
	return least;
}

static void begin_at(struct resend *resend, uint64_t least, uint64_t now_ms)
{
	resend->least = least;
	resend->progress_ms = now_ms;
	resend->pause_ms = PAUSE_MS;
}

uint64_t resend_run(struct resend *resend, struct store *store, const struct resend_way *way, uint64_t now_ms)
{
	struct offering offering = { resend, way };
	uint64_t least = least_receipt(store, way), fresh;

	if (way->nrelays == 0)
		return UINT64_MAX;
	if (resend->epoch != store_epoch(store) || way->lost) {
		resend->epoch = store_epoch(store);
		resend->again += resend->offered > least ? resend->offered - least : 0;
		resend->offered = least;
		begin_at(resend, least, now_ms);
	} else if (least > resend->least || resend->offered <= least) {
		begin_at(resend, least, now_ms);
	} else if (now_ms >= resend->progress_ms + resend->pause_ms && way->waiting == 0) {
		/* the bus may have lost what it took: the same ids again, which it keeps only once for some minutes. All of them would fill it,
		 * while a region is away */
		store_outbox(store, least, AGAIN_ROWS, offer_again, &offering, NULL);
		resend->progress_ms = now_ms;
		resend->pause_ms = resend->pause_ms * 2 < PAUSE_MAX_MS ? resend->pause_ms * 2 : PAUSE_MAX_MS;
	}
	if (resend->offered < least)
		resend->offered = least;
	/* what is not committed may be forgotten, and its number given to another one */
	fresh = store_committed(store) > resend->offered ? store_committed(store) - resend->offered : 0;
	if (way->room > 0 && fresh > 0)
		store_outbox(store, resend->offered, fresh < way->room ? fresh : way->room, offer, &offering, NULL);
	/* while the bus takes nothing, to be called at once again is of no use */
	return resend->offered > least && way->waiting == 0 ? resend->progress_ms + resend->pause_ms : UINT64_MAX;
}
