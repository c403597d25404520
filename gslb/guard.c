/* Over the limit every question still gets an answer, but one that is of no use to an attacker: TC, with nothing in it, as long
 * as the question. A real client comes back over TCP, where its address is proven; dropping would make it wait instead, and
 * spare the victim of a forged address little. A client that knows cookies is told BADCOOKIE, and comes back over UDP with the
 * cookie that it gets along. What could not even be parsed has nobody behind it who would come back: silence. */
#include "gslb/guard.h"

bool guard_port_is_forged(uint16_t port)
{
	return port < 20 && (1u << port & (1u << 0 | 1u << 7 | 1u << 13 | 1u << 17 | 1u << 19)) != 0;
}

void guard_begin(const struct guard *guard, struct guarded *guarded, bool udp)
{
	guarded->cookie = false;
	guarded->limited = udp && guard != NULL && guard->rrl != NULL;
}

void guard_look(const struct guard *guard, struct guarded *guarded, const struct addr *source)
{
	rrl_look(guard->rrl, source, &guarded->keys);
}

void guard_cookie(const struct guard *guard, struct guarded *guarded, const struct query *query,
	const struct addr *source, uint64_t now_ms, struct counters *counters)
{
	static const enum counter counter_of[] = {
		[COOKIE_NEW] = COUNT_cookies_new,
		[COOKIE_BAD] = COUNT_cookies_bad,
		[COOKIE_GOOD] = COUNT_cookies_good,
	};

	if (guard == NULL || query->cookie_len == 0)
		return;
	guarded->cookie = true;
	guarded->verdict = cookie_answer(
		&guard->secrets, source, (uint32_t)(now_ms / 1000), query->cookie, query->cookie_len, guarded->reply);
	if (guarded->verdict == COOKIE_GOOD)
		guarded->limited = false;
	count(counters, counter_of[guarded->verdict]);
}

bool guard_judge(const struct guard *guard, const struct guarded *guarded, struct answer *answer, bool readable,
	uint64_t now_monotonic_ms)
{
	enum rrl_weight weight = answer->rcode == RCODE_NOERROR ? RRL_ANSWER : RRL_ERROR;

	if (guarded->limited && UNLIKELY(!rrl_take(guard->rrl, &guarded->keys, weight, now_monotonic_ms))) {
		if (!readable)
			return false;
		answer_rcode(answer, guarded->cookie ? RCODE_BADCOOKIE : RCODE_NOERROR);
		answer->limited = true;
	}
	answer->cookie = guarded->cookie ? guarded->reply : NULL;
	return true;
}
