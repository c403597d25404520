#include "gslb/counters.h"

const char *const counter_names[COUNTERS_N] = {
#define ROW(name, sentence) #name,
	COUNTERS(ROW)
#undef ROW
};

const char *const counter_sentences[COUNTERS_N] = {
#define ROW(name, sentence) sentence,
	COUNTERS(ROW)
#undef ROW
};

const struct outcome_row outcome_rows[OUTCOMES_N] = {
#define ROW(name, rcode, kind, counter, second) { rcode, kind, counter, second },
	OUTCOMES(ROW)
#undef ROW
};

/* The types that resolvers ask for, and those that are asked for to do harm. */
/* clang-format off */
#define TYPES(row) \
	row(1, "A", 0) row(28, "AAAA", 1) row(65, "HTTPS", 2) row(64, "SVCB", 3) row(2, "NS", 4) row(5, "CNAME", 5) \
	row(6, "SOA", 6) row(12, "PTR", 7) row(15, "MX", 8) row(16, "TXT", 9) row(33, "SRV", 10) row(43, "DS", 11) \
	row(48, "DNSKEY", 12) row(255, "ANY", 13) row(252, "AXFR", 14)
/* clang-format on */

const char *const counted_type_names[COUNTED_TYPES] = {
#define ROW(qtype, name, number) [number] = name,
	TYPES(ROW)
#undef ROW
		[COUNTED_OTHER] = "other",
};

/* Every type that is not in the list, by the gaps between those that are. */
const uint8_t counted_type_of[256] = { [0] = COUNTED_OTHER,
	[3 ... 4] = COUNTED_OTHER,
	[7 ... 11] = COUNTED_OTHER,
	[13 ... 14] = COUNTED_OTHER,
	[17 ... 27] = COUNTED_OTHER,
	[29 ... 32] = COUNTED_OTHER,
	[34 ... 42] = COUNTED_OTHER,
	[44 ... 47] = COUNTED_OTHER,
	[49 ... 63] = COUNTED_OTHER,
	[66 ... 251] = COUNTED_OTHER,
	[253 ... 254] = COUNTED_OTHER,
#define ROW(qtype, name, number) [qtype] = number,
	TYPES(ROW)
#undef ROW
};

void counted_add(struct counted *counted, const struct counters *counters)
{
	const _Atomic uint64_t *from = &counters->queries[0][0][0][0];
	uint64_t *to = &counted->queries[0][0][0][0];

	for (int i = 0; i < COUNTERS_N; i++)
		counted->value[i] += atomic_load_explicit(&counters->value[i], memory_order_relaxed);
	for (size_t i = 0; i < sizeof counted->queries / sizeof *to; i++)
		to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

static void add_outcome(struct counted *counted, enum outcome outcome, uint64_t n)
{
	counted->value[outcome_rows[outcome].counter] += n;
	if (outcome_rows[outcome].second != COUNTERS_N)
		counted->value[outcome_rows[outcome].second] += n;
}

void counted_end(struct counted *counted)
{
	for (int transport = 0; transport < COUNTED_TRANSPORTS; transport++)
		for (int family = 0; family < COUNTED_FAMILIES; family++)
			for (int type = 0; type < COUNTED_TYPES; type++)
				for (int outcome = 0; outcome < OUTCOMES_N; outcome++) {
					uint64_t n = counted->queries[transport][family][type][outcome];

					counted->value[transport == 0 ? COUNT_queries_udp : COUNT_queries_tcp] += n;
					if (family == 1)
						counted->value[COUNT_queries_v6] += n;
					add_outcome(counted, (enum outcome)outcome, n);
				}
}
