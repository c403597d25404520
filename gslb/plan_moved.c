/* What moving adds to a client's way: of a group whose shares change, the mean of where its answers come from then less that of where
 * they come from now, over those that move. */
#include <math.h>
#include <stdlib.h>

#include "gslb/plan_replay.h"

static void added_note(struct replay_added *added, double value, double answers)
{
	if (isnan(value) || !(answers > 0))
		return;
	added->of = mem_grow(added->of, added->n, &added->cap, 2 * sizeof(double));
	added->of[2 * added->n] = value;
	added->of[2 * added->n++ + 1] = answers;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return x[0] < y[0] ? -1 : x[0] > y[0];
}

void replay_sum(struct replay_added *added, struct plan_added *sum)
{
	double half = 0, most = 0, seen = 0;

	*sum = (struct plan_added){ 0 };
	if (added->n == 0)
		return;
	qsort(added->of, added->n, 2 * sizeof(double), by_value);
	for (size_t i = 0; i < added->n; i++) {
		sum->answers += added->of[2 * i + 1];
		sum->mean += added->of[2 * i] * added->of[2 * i + 1];
	}
	sum->mean /= sum->answers;
	half = sum->answers * 0.5;
	most = sum->answers * 0.95;
	for (size_t i = 0; i < added->n; i++) {
		if (seen < half)
			sum->p50 = added->of[2 * i];
		if (seen < most)
			sum->p95 = added->of[2 * i];
		seen += added->of[2 * i + 1];
	}
	added->n = 0;
}

/* The worst ones, by milliseconds, then kilometres, then weight. */
static bool is_worse(const struct plan_mover *a, const struct plan_mover *b)
{
	double x = isnan(a->ms) ? -INFINITY : a->ms, y = isnan(b->ms) ? -INFINITY : b->ms;

	if (x != y)
		return x > y;
	x = isnan(a->km) ? -INFINITY : a->km;
	y = isnan(b->km) ? -INFINITY : b->km;
	return x != y ? x > y : a->answers > b->answers;
}

static void note_mover(struct plan *plan, const struct plan_mover *mover)
{
	size_t at = plan->nmovers;

	if (at == PLAN_MOVERS && !is_worse(mover, &plan->movers[at - 1]))
		return;
	if (at == PLAN_MOVERS)
		at--;
	else
		plan->nmovers++;
	for (; at > 0 && is_worse(mover, &plan->movers[at - 1]); at--)
		plan->movers[at] = plan->movers[at - 1];
	plan->movers[at] = *mover;
}

/* ---- a client ---- */

/* Kilometres and milliseconds that an answer that moves has more, as far as all places are known; and between which pools most do. */
static void measure(const struct replay *replay, double share, struct plan_mover *mover)
{
	const struct plan_question *question = replay->question;
	double most = 0, least = 0;
	struct cost_client client;

	cost_client_init(
		&client, question->meter, question->before->snapshot, &mover->net.addr, question->now_ms / 1000);
	for (size_t i = 0; i < replay->nshifts; i++) {
		const struct replay_shift *shift = &replay->shifts[i];
		const struct plan_pool *pool = &replay->plan->pools[shift->pool];
		struct cost cost = { NAN, NAN, false };

		if (shift->pool != 0)
			cost = cost_to(&client, pool->after != NULL ? pool->after : pool->before);
		mover->km += cost.km * shift->share / share;
		mover->ms += cost.ms * shift->share / share;
		mover->measured = mover->measured || cost.measured;
		if (shift->share > most)
			mover->to = shift->pool;
		if (shift->share < least)
			mover->from = shift->pool;
		most = fmax(most, shift->share);
		least = fmin(least, shift->share);
	}
}

void replay_moved(struct replay *replay, struct plan_service *service, const struct replay_item *item, double share)
{
	const struct visit *visit = &replay->visits[item->visit];
	double answers = (double)visit->weight * share;
	struct plan_mover mover = {
		.net = visit->net,
		.family = visit->family,
		.service = item->service,
		.answers = answers,
	};

	measure(replay, share, &mover);
	service->moved_networks += share;
	service->moved_answers += answers;
	added_note(&replay->km, mover.km, answers);
	added_note(&replay->ms, mover.ms, answers);
	added_note(&replay->all_km, mover.km, answers);
	added_note(&replay->all_ms, mover.ms, answers);
	note_mover(replay->plan, &mover);
}
