/* A mark belongs to an override from its target and its beginning, since one that replaces it begins anew. After a restart they are
 * made anew: then answers are counted since the restart. */
#include <stdlib.h>
#include <string.h>

#include "gslb/drain.h"
#include "gslb/parts.h"
#include "gslb/standing.h"

struct mark {
	char *target;
	uint64_t from_ms, since_ms;
	uint64_t answers;
};

struct drain_marks {
	size_t nmarks, cap;
	struct mark *mark;
};

struct drain_marks *drain_marks_new(void)
{
	return mem_alloc(sizeof(struct drain_marks));
}

void drain_marks_free(struct drain_marks *marks)
{
	if (marks == NULL)
		return;
	for (size_t i = 0; i < marks->nmarks; i++)
		free(marks->mark[i].target);
	free(marks->mark);
	free(marks);
}

static const struct mark *mark_find(const struct drain_marks *marks, const struct override *override)
{
	for (size_t i = 0; marks != NULL && i < marks->nmarks; i++)
		if (marks->mark[i].from_ms == override->from_ms && strcmp(marks->mark[i].target, override->target) == 0)
			return &marks->mark[i];
	return NULL;
}

/* All answers by the ways that the target is answered; of endpoints there is no count. */
static uint64_t answers_of(const struct ledger *ledger, const struct override_target *target)
{
	struct parts parts;
	uint64_t sum = 0;

	parts_init(&parts, ledger_snapshot(ledger), target);
	for (uint32_t i = 0; i < parts.snapshot->nservice_pools; i++)
		if (parts.pair[i])
			sum += ledger_answers(ledger, i);
	parts_fini(&parts);
	return sum;
}

static uint64_t whole_ms(const struct override *override)
{
	return override->from_ms + (override->action == OVERRIDE_DRAIN ? override->over_ms : 0);
}

uint64_t drain_marks_since(const struct drain_marks *marks, const struct override *override,
	const struct ledger *ledger, uint64_t *since_ms)
{
	const struct mark *mark = mark_find(marks, override);
	struct override_target target;
	uint64_t answers;

	*since_ms = 0;
	if (mark == NULL || !override_target_again(ledger_snapshot(ledger), override->target, override->glob, &target))
		return 0;
	*since_ms = mark->since_ms;
	answers = answers_of(ledger, &target);
	return answers > mark->answers ? answers - mark->answers : 0; /* a reload may have taken some away */
}

void drain_marks_look(struct drain_marks *marks, const struct override_list *overrides, const struct ledger *ledger,
	uint64_t now_ms, uint64_t *next_ms)
{
	struct drain_marks next = { 0 };
	const struct override *const *list;
	size_t n = override_list_get(overrides, &list);

	*next_ms = 0;
	for (size_t i = 0; i < n; i++) {
		const struct override *o = list[i];
		const struct mark *before = mark_find(marks, o);
		struct mark mark = { .from_ms = o->from_ms, .since_ms = now_ms };
		struct override_target target;

		if (o->action == OVERRIDE_UP || o->kind == OVERRIDE_ENDPOINT)
			continue;
		if (now_ms < whole_ms(o)) {
			*next_ms = sooner(*next_ms, whole_ms(o));
			continue;
		}
		if (before != NULL) {
			mark.since_ms = before->since_ms;
			mark.answers = before->answers;
		} else if (override_target_again(ledger_snapshot(ledger), o->target, o->glob, &target)) {
			mark.answers = answers_of(ledger, &target);
		}
		mark.target = mem_strdup(o->target);
		next.mark = mem_grow(next.mark, next.nmarks, &next.cap, sizeof *next.mark);
		next.mark[next.nmarks++] = mark;
	}
	for (size_t i = 0; i < marks->nmarks; i++)
		free(marks->mark[i].target);
	free(marks->mark);
	*marks = next;
}
