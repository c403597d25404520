#include "health/anchors.h"

#include <stdlib.h>

enum { INTERVAL_MS = 2000, TIMEOUT_MS = 1000, FAILURES = 2 };

struct anchor {
	struct anchors *anchors;
	struct health_target target;
	struct probe probe;
	struct loop_timer timer;
	unsigned failures; /* in a row */
};

struct anchors {
	struct loop *loop;
	struct probe_runner *runner;
	void (*changed)(void *arg);
	void *arg;
	struct anchor **list;
	size_t n;
};

static void ask_in(struct anchor *anchor, uint32_t ms)
{
	loop_set(anchor->anchors->loop, &anchor->timer, clock_monotonic_us() + ms * (uint64_t)1000);
}

static void anchor_is_due(struct loop_timer *timer)
{
	struct anchor *anchor = LOOP_OWNER(timer, struct anchor, timer);

	probe_start(anchor->anchors->runner, &anchor->probe);
}

/* A lost packet is no lost network: it is asked a second time at once. */
static void anchor_answered(struct probe *probe, const struct probe_report *report)
{
	struct anchor *anchor = LOOP_OWNER(probe, struct anchor, probe);

	switch (report->result) {
	case PROBE_OK:
	case PROBE_REFUSED:
	case PROBE_RESET:
		anchor->failures = 0;
		break;
	case PROBE_LOCAL:
	case PROBE_NONE:
		break;
	default:
		anchor->failures += anchor->failures < FAILURES;
		break;
	}
	ask_in(anchor, anchor->failures > 0 && anchor->failures < FAILURES ? 0 : INTERVAL_MS);
	anchor->anchors->changed(anchor->anchors->arg);
}

static struct anchor *anchor_new(struct anchors *anchors, const struct health_anchor *from)
{
	struct anchor *anchor = mem_alloc(sizeof *anchor);

	anchor->anchors = anchors;
	anchor->target = (struct health_target){
		.addr = from->addr,
		.port = from->port,
		.probe = { .check = HEALTH_CHECK_TCP, .interval_ms = INTERVAL_MS, .timeout_ms = TIMEOUT_MS },
		.label = "anchor",
	};
	anchor->probe.target = &anchor->target;
	anchor->probe.finished = anchor_answered;
	anchor->timer.fire = anchor_is_due;
	ask_in(anchor, 0);
	return anchor;
}

static void anchor_free(struct anchor *anchor)
{
	if (anchor == NULL)
		return;
	probe_cancel(&anchor->probe);
	loop_clear(anchor->anchors->loop, &anchor->timer);
	free(anchor);
}

struct anchors *anchors_new(struct loop *loop, struct probe_runner *runner, void (*changed)(void *arg), void *arg)
{
	struct anchors *anchors = mem_alloc(sizeof *anchors);

	*anchors = (struct anchors){ .loop = loop, .runner = runner, .changed = changed, .arg = arg };
	return anchors;
}

static void free_list(struct anchor **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		anchor_free(list[i]);
	free(list);
}

void anchors_free(struct anchors *anchors)
{
	if (anchors == NULL)
		return;
	free_list(anchors->list, anchors->n);
	free(anchors);
}

static struct anchor *take_known(struct anchors *anchors, const struct health_anchor *wanted)
{
	for (size_t i = 0; i < anchors->n; i++) {
		struct anchor *anchor = anchors->list[i];

		if (anchor == NULL || anchor->target.port != wanted->port ||
			!addr_equal(&anchor->target.addr, &wanted->addr))
			continue;
		anchors->list[i] = NULL;
		return anchor;
	}
	return NULL;
}

void anchors_set(struct anchors *anchors, const struct health_anchor *list, size_t n)
{
	struct anchor **fresh = mem_alloc((n + 1) * sizeof *fresh);

	for (size_t i = 0; i < n; i++) {
		fresh[i] = take_known(anchors, &list[i]);
		if (fresh[i] == NULL)
			fresh[i] = anchor_new(anchors, &list[i]);
	}
	free_list(anchors->list, anchors->n);
	anchors->list = fresh;
	anchors->n = n;
}

void anchors_hurry(struct anchors *anchors)
{
	for (size_t i = 0; i < anchors->n; i++)
		if (anchors->list[i]->probe.phase == PROBE_IDLE)
			ask_in(anchors->list[i], 0);
}

void anchors_count(const struct anchors *anchors, struct abstain_counts *counts)
{
	counts->anchors = (uint32_t)anchors->n;
	counts->anchors_failing = counts->anchors_unsure = 0;
	for (size_t i = 0; i < anchors->n; i++) {
		counts->anchors_failing += anchors->list[i]->failures >= FAILURES;
		counts->anchors_unsure += anchors->list[i]->failures == 1;
	}
}
