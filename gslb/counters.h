/* counters - one set a worker, written by it alone, read by anyone: relaxed atomics without a bus lock. */
#ifndef GSLB_COUNTERS_H
#define GSLB_COUNTERS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Each row makes the counter, its name in `gslbctl stats`, and its sentence. */
/* clang-format off */
#define COUNTERS(row) \
	row(queries_udp, "queries over UDP") \
	row(queries_tcp, "queries over TCP") \
	row(queries_v6, "queries over IPv6") \
	row(queries_edns, "queries with EDNS") \
	row(queries_ecs, "queries with EDNS Client Subnet") \
	row(answers_noerror, "answers NOERROR with records") \
	row(answers_nodata, "answers NOERROR without records") \
	row(answers_nxdomain, "answers NXDOMAIN") \
	row(answers_refused, "answers REFUSED") \
	row(answers_formerr, "answers FORMERR") \
	row(answers_notimp, "answers NOTIMP") \
	row(answers_servfail, "answers SERVFAIL") \
	row(answers_badvers, "answers BADVERS") \
	row(answers_referral, "referrals") \
	row(answers_truncated, "answers with TC") \
	row(answers_sampled, "answers truncated so that the resolver comes over TCP and is measured") \
	row(answers_steered, "answers that were steered") \
	row(answers_fallback, "steered answers from a fallback pool") \
	row(answers_all_down, "steered answers while everything was down") \
	row(answers_panic, "steered answers of a pool with most of it down, its probes ignored") \
	row(dropped, "packets dropped in silence") \
	row(send_failed, "answers that could not be sent") \
	row(tcp_accepted, "TCP connections accepted") \
	row(tcp_closed, "TCP connections closed, by either side") \
	row(tcp_refused, "TCP connections refused for want of memory") \
	row(tcp_paused, "pauses in accepting TCP connections for want of descriptors or memory") \
	row(tcp_idle_closed, "TCP connections closed as idle") \
	row(tcp_late, "TCP connections closed since a query was not whole in time") \
	row(tcp_unread, "TCP connections closed since answers were not read in time") \
	row(tcp_shed, "TCP connections closed to make room for others") \
	row(tcp_shed_prefix, "TCP connections closed to make room for others of their network") \
	row(tcp_shed_memory, "TCP connections closed since all together held too much memory") \
	row(cookies_new, "queries with a client's part of a cookie alone") \
	row(cookies_bad, "queries with a cookie that is not valid") \
	row(cookies_good, "queries with a valid cookie") \
	row(answers_badcookie, "answers BADCOOKIE") \
	row(limited_truncated, "answers over the rate limit: TC alone") \
	row(limited_badcookie, "answers over the rate limit: BADCOOKIE") \
	row(limited_dropped, "unreadable queries over the rate limit, dropped")
/* clang-format on */

enum counter {
#define ROW(name, sentence) COUNT_##name,
	COUNTERS(ROW)
#undef ROW
		COUNTERS_N
};

struct counters {
	alignas(64) _Atomic uint64_t value[COUNTERS_N];
};

extern const char *const counter_names[COUNTERS_N];
extern const char *const counter_sentences[COUNTERS_N];

static inline void count(struct counters *counters, enum counter which)
{
	_Atomic uint64_t *value = &counters->value[which];

	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + 1, memory_order_relaxed);
}

#endif
