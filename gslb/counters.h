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
	row(answers_explored, "answers that named the second best pool so that it is measured") \
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

/* How a query ended: each row makes the outcome, its rcode and its kind in metrics, and the counters that are sums of it (a second
 * one or COUNTERS_N). */
/* clang-format off */
#define OUTCOMES(row) \
	row(STEERED, "NOERROR", "steered", COUNT_answers_noerror, COUNT_answers_steered) \
	row(ANSWER, "NOERROR", "static", COUNT_answers_noerror, COUNTERS_N) \
	row(NODATA, "NOERROR", "nodata", COUNT_answers_nodata, COUNTERS_N) \
	row(NXDOMAIN, "NXDOMAIN", "nxdomain", COUNT_answers_nxdomain, COUNTERS_N) \
	row(REFERRAL, "NOERROR", "referral", COUNT_answers_referral, COUNTERS_N) \
	row(REFUSED, "REFUSED", "error", COUNT_answers_refused, COUNTERS_N) \
	row(FORMERR, "FORMERR", "error", COUNT_answers_formerr, COUNTERS_N) \
	row(NOTIMP, "NOTIMP", "error", COUNT_answers_notimp, COUNTERS_N) \
	row(SERVFAIL, "SERVFAIL", "error", COUNT_answers_servfail, COUNTERS_N) \
	row(BADVERS, "BADVERS", "error", COUNT_answers_badvers, COUNTERS_N) \
	row(BADCOOKIE, "BADCOOKIE", "error", COUNT_answers_badcookie, COUNTERS_N) \
	row(LIMITED_TRUNCATED, "NOERROR", "limited", COUNT_limited_truncated, COUNTERS_N) \
	row(LIMITED_BADCOOKIE, "BADCOOKIE", "limited", COUNT_answers_badcookie, COUNT_limited_badcookie) \
	row(LIMITED_DROPPED, "none", "limited", COUNT_limited_dropped, COUNTERS_N)
/* clang-format on */

enum outcome {
#define ROW(name, rcode, kind, counter, second) OUTCOME_##name,
	OUTCOMES(ROW)
#undef ROW
		OUTCOMES_N
};

struct outcome_row {
	const char *rcode, *kind;
	enum counter counter, second;
};
extern const struct outcome_row outcome_rows[OUTCOMES_N];

/* Types that queries are counted by; the last takes the rest, and questions that cannot be read. */
enum {
	COUNTED_TYPES = 16,
	COUNTED_OTHER = COUNTED_TYPES - 1,
	COUNTED_OUTCOMES = 16,
	COUNTED_TRANSPORTS = 2,
	COUNTED_FAMILIES = 2
};
_Static_assert((int)OUTCOMES_N <= (int)COUNTED_OUTCOMES, "a row of outcomes is two cache lines");
extern const char *const counted_type_names[COUNTED_TYPES];
extern const uint8_t counted_type_of[256];

static inline unsigned counted_type(uint16_t qtype)
{
	return qtype < 256 ? counted_type_of[qtype] : (unsigned)COUNTED_OTHER;
}

/* By transport (enum transport), family (0: IPv4, 1: IPv6), type and outcome. One number a query says all of it; some of the
 * counters are sums over it, and have nothing of their own. */
struct counters {
	alignas(64) _Atomic uint64_t value[COUNTERS_N];
	alignas(64) _Atomic uint64_t queries[COUNTED_TRANSPORTS][COUNTED_FAMILIES][COUNTED_TYPES][COUNTED_OUTCOMES];
};

/* Sums over several sets. Init with { 0 }. */
struct counted {
	uint64_t value[COUNTERS_N];
	uint64_t queries[COUNTED_TRANSPORTS][COUNTED_FAMILIES][COUNTED_TYPES][COUNTED_OUTCOMES];
};

extern const char *const counter_names[COUNTERS_N];
extern const char *const counter_sentences[COUNTERS_N];

/* Add one set. */
void counted_add(struct counted *counted, const struct counters *counters);
/* Work out the sums, after all sets were added. */
void counted_end(struct counted *counted);

static inline void count_at(_Atomic uint64_t *value)
{
	atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline void count(struct counters *counters, enum counter which)
{
	count_at(&counters->value[which]);
}

#endif
