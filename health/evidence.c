/* Page's CUSUM of log-likelihood ratios: "down" fails 98 of 100 probes, "up" as many as the path loses. The sum starts from 0
 * and never falls below it, so that good days earn no credit that a dead endpoint could live on. On a path that loses less
 * than 1.8 per cent, FALL_NATS a failure of the operator's `fall` come together in exactly `fall` failures; at 3 per cent loss
 * fall=3 takes 4, at 10 per cent 6, at 30 per cent, beyond which loss counts no more, 11.
 *
 * Only probes that could be lost on the way teach the loss, and only those of a doubt that ended well: else an outage would
 * make the next one slower to see. */
#include "health/evidence.h"

#include <math.h>

#define FALL_NATS 4.0f
#define DOWN_FAILS 0.98f /* of the probes of an endpoint that is down */
#define LOSS_LEAST 0.01f
#define LOSS_MOST 0.30f

/* The estimate is a mean at first and an exponential one later. A thousand probes are long enough that the estimate at 3 per
 * cent loss strays by an eighth only, and short enough, 85 minutes at 5 s, that a path may change. */
enum { PRIOR_PROBES = 32, LEARN_PROBES = 1024, RESTORED_PROBES = 256 };

static float loss_that_counts(const struct evidence *evidence)
{
	if (evidence->loss < LOSS_LEAST)
		return LOSS_LEAST;
	return evidence->loss > LOSS_MOST ? LOSS_MOST : evidence->loss;
}

static float weight_of(const struct evidence *evidence, enum probe_result result)
{
	return logf(DOWN_FAILS / (result_is_silence(result) ? loss_that_counts(evidence) : LOSS_LEAST));
}

static void learn(struct evidence *evidence, bool lost)
{
	if (evidence->probes < LEARN_PROBES - PRIOR_PROBES)
		evidence->probes++;
	evidence->loss += ((lost ? 1.0f : 0.0f) - evidence->loss) / (float)(evidence->probes + PRIOR_PROBES);
}

static void learn_doubt(struct evidence *evidence)
{
	for (; evidence->lost > 0; evidence->lost--)
		learn(evidence, true);
	for (; evidence->refused > 0; evidence->refused--)
		learn(evidence, false);
}

void evidence_success(struct evidence *evidence)
{
	learn_doubt(evidence);
	learn(evidence, false);
	if (evidence->nats > 0) {
		evidence->nats -= logf((1 - loss_that_counts(evidence)) / (1 - DOWN_FAILS));
		if (evidence->nats < 0)
			evidence->nats = 0;
	}
}

void evidence_failure(struct evidence *evidence, enum probe_result result)
{
	uint8_t *count = result_is_silence(result) ? &evidence->lost : &evidence->refused;

	if (*count < UINT8_MAX)
		++*count;
	evidence->nats += weight_of(evidence, result);
}

void evidence_forget(struct evidence *evidence)
{
	evidence->nats = 0;
	evidence->lost = evidence->refused = 0;
}

bool evidence_convicts(const struct evidence *evidence, unsigned fall)
{
	return evidence->nats >= FALL_NATS * (float)fall;
}

unsigned evidence_missing(const struct evidence *evidence, unsigned fall, enum probe_result result)
{
	float missing = FALL_NATS * (float)fall - evidence->nats;

	return missing <= 0 ? 0 : (unsigned)ceilf(missing / weight_of(evidence, result));
}

unsigned evidence_loss_permille(const struct evidence *evidence)
{
	return (unsigned)lroundf(evidence->loss * 1000);
}

void evidence_set_loss(struct evidence *evidence, unsigned permille)
{
	*evidence = (struct evidence){ .probes = permille > 0 ? RESTORED_PROBES : 0 };
	evidence->loss = (float)(permille < 1000 ? permille : 1000) / 1000;
}
