/* Both are renewal processes. A cycle begins where nothing speaks against the endpoint; it ends there again, or in an alarm. The
 * rate is what a cycle ends in alarms, over the probes it takes.
 *
 * Plain: a cycle is a run of k losses and the success after it, or `fall` losses: alarms p^fall; probes 1 + p + … + p^(fall-1).
 *
 * Adaptive: the states are (sum of log-likelihoods, losses in a row). A loss adds ln(0.98/p), a success takes ln((1-p)/0.02)
 * and stops at 0; the alarm is a sum of 4·fall with at least `fall` in a row. All paths are walked until what is left of
 * their probability is too small to matter. */
#include "tests/health/chain.h"

#include <math.h>

#define TOO_SMALL 1e-15

struct cycle {
	double p, loss_nats, success_nats, alarm_nats;
	unsigned fall;
	double alarms, probes; /* expected, of a cycle */
};

static void walk(struct cycle *cycle, double nats, unsigned streak, double chance)
{
	double lost = chance * cycle->p, kept = chance - lost, up = nats + cycle->loss_nats;
	double down = nats - cycle->success_nats;

	if (chance < TOO_SMALL)
		return;
	cycle->probes += chance;
	if (up >= cycle->alarm_nats && streak + 1 >= cycle->fall)
		cycle->alarms += lost;
	else
		walk(cycle, up, streak + 1, lost);
	if (down > 0)
		walk(cycle, down, 0, kept);
}

double chain_adaptive(double p, unsigned fall)
{
	double known = p < 0.01 ? 0.01 : p > 0.30 ? 0.30 : p;
	struct cycle cycle = {
		.p = p,
		.loss_nats = log(0.98 / known),
		.success_nats = log((1 - known) / 0.02),
		.alarm_nats = 4.0 * fall,
		.fall = fall,
	};

	walk(&cycle, 0, 0, 1);
	return cycle.alarms / cycle.probes;
}

double chain_plain(double p, unsigned fall)
{
	double probes = 0;

	for (unsigned i = 0; i < fall; i++)
		probes += pow(p, i);
	return pow(p, fall) / probes;
}
