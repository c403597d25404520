#include "relay/pacer.h"

#include <math.h>

enum {
	RATE_MIN_LOG2 = -8, /* bucket 0: once in four minutes and less */
	MOMENT_MS = 10,
};

#define BURST 0.2 /* of a second's budget: with what a second brings, the peak is 1.2 of it */

static unsigned bucket_of(float rate)
{
	int at = rate > 0 ? ilogbf(rate) - RATE_MIN_LOG2 : 0;

	return at < 0 ? 0 : at >= PACER_BUCKETS ? PACER_BUCKETS - 1 : (unsigned)at;
}

/* The middle of a bucket's rates. */
static double rate_of(unsigned bucket)
{
	return ldexp(1.5, (int)bucket + RATE_MIN_LOG2);
}

void pacer_init(struct pacer *pacer, const struct pacer_rule *rule, uint64_t now_ms)
{
	*pacer = (struct pacer){ .now_ms = now_ms,
		.batch_ms = now_ms,
		.batch = rule->batch,
		.channel = 1,
		.unknown = rule->budget * BURST };
}

/* Of one item, in the next moment: how many regenerations are to be expected. Linear would count one that is asked for a thousand
 * times a second more than once, but it is made anew only once. */
static double soon(double rate)
{
	return 1 - exp(-rate * MOMENT_MS / 1000);
}

double pacer_expected(const struct pacer *pacer)
{
	return pacer->soon * 1000 / MOMENT_MS;
}

void pacer_tick(struct pacer *pacer, const struct pacer_rule *rule, uint64_t now_ms)
{
	double dt_s = now_ms > pacer->now_ms ? (double)(now_ms - pacer->now_ms) / 1000 : 0;
	double most = rule->most / 100.0 > 1 ? rule->most / 100.0 : 1; /* a pause is no licence for a burst */

	pacer->now_ms += (uint64_t)(dt_s * 1000 + 0.5);
	pacer->soon = 0;
	for (unsigned b = 0; b < PACER_BUCKETS; b++) {
		pacer->left[b] *= exp(-rate_of(b) * dt_s);
		pacer->soon += pacer->left[b] * soon(rate_of(b));
	}
	pacer->channel += rule->most * dt_s;
	if (pacer->channel > most)
		pacer->channel = most;
	pacer->unknown += (rule->budget - pacer_expected(pacer)) * dt_s;
	if (pacer->unknown > rule->budget * BURST)
		pacer->unknown = rule->budget * BURST;
	if (pacer->unknown < 0)
		pacer->unknown = 0;
	if (pacer->now_ms >= pacer->batch_ms + rule->apart_ms) {
		pacer->batch = rule->batch;
		pacer->batch_ms = pacer->now_ms;
	}
}

static void count(struct pacer *pacer, float rate)
{
	unsigned b = bucket_of(rate);

	if (rate <= 0) {
		pacer->unknown -= 1;
		return;
	}
	pacer->left[b] += 1;
	pacer->soon += soon(rate_of(b));
}

bool pacer_allows(struct pacer *pacer, const struct pacer_rule *rule, float rate)
{
	if (pacer->channel < 1)
		return false;
	switch (rule->kind) {
	case PACER_OFF:
		break;
	case PACER_BUDGET:
		if (rate > 0 ? pacer->soon >= rule->budget * MOMENT_MS / 1000 : pacer->unknown < 1)
			return false;
		break;
	case PACER_BATCH:
		if (pacer->batch == 0)
			return false;
		pacer->batch--;
		break;
	}
	pacer->channel -= 1;
	count(pacer, rate);
	return true;
}

bool pacer_admits(struct pacer *pacer, const struct pacer_rule *rule, bool urgent, float rate)
{
	if (!urgent)
		return pacer_allows(pacer, rule, rate);
	if (pacer->channel < 1)
		return false;
	pacer->channel -= 1;
	count(pacer, rate);
	return true;
}
