/* guard - what stands between strangers and the answers: cookies, which prove an address, and the limiter, which counts those
 * that do not. The main thread makes one and publishes it; workers read it (the limiter's table is atomic in itself). */
#ifndef GSLB_GUARD_H
#define GSLB_GUARD_H

#include "gslb/answer.h"
#include "gslb/cookie.h"
#include "gslb/counters.h"
#include "gslb/rrl.h"

struct guard {
	struct cookie_secrets secrets;
	struct rrl *rrl; /* NULL: no limit */
};

/* What the guard knows of one query; on the packet path's stack. */
struct guarded {
	bool limited; /* it counts: UDP, and there is a limit */
	bool cookie;  /* it came with one, and reply is what goes back */
	enum cookie_verdict verdict;
	struct rrl_keys keys;
	uint8_t reply[COOKIE_LEN];
};

/* A source port that answers whatever it gets: echo, daytime, quote of the day, character generator; and 0, which is nobody's.
 * Queries from there are forged, to have two servers talk to each other. */
bool guard_port_is_forged(uint16_t port);
/* Before the packet is parsed. guard may be NULL. */
void guard_begin(const struct guard *guard, struct guarded *guarded, bool udp);
/* If it is limited: find out where its source's loads are, and begin to read them. Some time before guard_judge. */
void guard_look(const struct guard *guard, struct guarded *guarded, const struct addr *source);
/* After it was parsed well: its cookie, counted. */
void guard_cookie(const struct guard *guard, struct guarded *guarded, const struct query *query,
	const struct addr *source, uint64_t now_ms, struct counters *counters);
/* After the answer is known: it may be replaced by a short one. readable: the question was understood, so that it makes sense
 * to ask it again. False: say nothing. */
bool guard_judge(const struct guard *guard, const struct guarded *guarded, struct answer *answer, bool readable,
	uint64_t now_monotonic_ms);

#endif
