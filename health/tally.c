/* Plain loads and stores: one thread writes, and whoever reads is content with each number by itself. */
#include "health/tally.h"

#include "health/board.h"

static void put_u32(_Atomic uint32_t *at, uint32_t number)
{
	atomic_store_explicit(at, number, memory_order_relaxed);
}

void tally_begin(struct board_stats *stats, uint32_t max_descriptors)
{
	for (unsigned i = 0; i < HEALTH_CHECKS; i++) {
		put_u32(&stats->checks[i].running, 0);
		put_u32(&stats->checks[i].queued, 0);
	}
	put_u32(&stats->running, 0);
	put_u32(&stats->queued, 0);
	put_u32(&stats->descriptors, 0);
	put_u32(&stats->max_descriptors, max_descriptors);
	atomic_store_explicit(&stats->late_max_us, 0, memory_order_relaxed);
}

void tally_late(struct board_stats *stats, uint64_t late_us)
{
	board_histogram_add(&stats->late, late_us);
	if (late_us > atomic_load_explicit(&stats->late_max_us, memory_order_relaxed))
		atomic_store_explicit(&stats->late_max_us, late_us, memory_order_relaxed);
}

void tally_ended(struct board_stats *stats, enum health_check check, const struct probe_report *report)
{
	struct board_check_stats *of = &stats->checks[check];

	board_count(&of->results[report->result]);
	board_histogram_add(&of->total, report->took_us);
	if (report->reused)
		board_count(&of->reused);
	if (report->connect_us != 0)
		board_histogram_add(&of->connect, report->connect_us);
	if (report->tls_us != 0)
		board_histogram_add(&of->tls, report->tls_us);
	if (report->first_byte_us != 0)
		board_histogram_add(&of->first_byte, report->first_byte_us);
}

void tally_now(struct board_stats *stats, enum health_check check, const struct tally_now *now)
{
	put_u32(&stats->checks[check].running, now->running);
	put_u32(&stats->checks[check].queued, now->queued);
	put_u32(&stats->running, now->running_all);
	put_u32(&stats->queued, now->queued_all);
	put_u32(&stats->descriptors, now->descriptors);
}
