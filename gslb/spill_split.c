/* Deferred acceptance (Gale, Shapley 1962) with demand that can be divided: each class proposes to its pools in its order; a pool takes
 * all, and while it holds more than it has room for gives back what loses least by going on. Whoever is given back proposes to the
 * next one. What a pool gives back for want of room it would give back again, so it ends, and in one split whatever the order of
 * proposals was. */
#include "gslb/spill.h"

#include <assert.h>
#include <stdlib.h>

#include "base/base.h"

enum { NO_NEXT = 0xffffffff };

/* What a pool holds of a class. */
struct holding {
	uint32_t regret; /* of one who must go on to the next pool; NO_NEXT: there is none */
	uint32_t class;
	uint8_t rank;
};

struct proposal {
	uint64_t demand;
	uint32_t class;
	uint8_t rank;
};

/* Least regret first. */
struct holder {
	struct holding *heap;
	size_t n, cap;
	uint64_t load;
};

struct split {
	const struct spill_class *classes;
	const uint64_t *room;
	struct holder *holders;        /* by pool */
	uint64_t (*held)[SPILL_RANKS]; /* by class and rank: demand */
	uint64_t *left;                /* by class: what no pool has room for */
	struct proposal *proposals;    /* that are to be made; in which order is nothing to the end */
	size_t nproposals, proposals_cap;
};

static bool before(const struct split *split, const struct holding *a, const struct holding *b)
{
	if (a->regret != b->regret)
		return a->regret < b->regret;
	return split->classes[a->class].identity < split->classes[b->class].identity;
}

static void swap(struct holding *a, struct holding *b)
{
	struct holding c = *a;

	*a = *b;
	*b = c;
}

static void heap_push(const struct split *split, struct holder *holder, struct holding holding)
{
	size_t at = holder->n;

	holder->heap = mem_grow(holder->heap, holder->n, &holder->cap, sizeof(*holder->heap));
	holder->heap[holder->n++] = holding;
	for (; at > 0 && before(split, &holder->heap[at], &holder->heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&holder->heap[at], &holder->heap[(at - 1) / 2]);
}

static void heap_pop(const struct split *split, struct holder *holder)
{
	size_t at = 0;

	holder->heap[0] = holder->heap[--holder->n];
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < holder->n; child++)
			if (before(split, &holder->heap[child], &holder->heap[least]))
				least = child;
		if (least == at)
			return;
		swap(&holder->heap[at], &holder->heap[least]);
		at = least;
	}
}

static void will_propose(struct split *split, uint32_t class, unsigned rank, uint64_t demand)
{
	if (demand == 0)
		return;
	split->proposals =
		mem_grow(split->proposals, split->nproposals, &split->proposals_cap, sizeof(*split->proposals));
	split->proposals[split->nproposals++] =
		(struct proposal){ .demand = demand, .class = class, .rank = (uint8_t)rank };
}

/* Give back what is too much. */
static void relieve(struct split *split, struct holder *holder, uint64_t room)
{
	while (holder->load > room) {
		struct holding first = holder->heap[0];
		uint64_t *held = &split->held[first.class][first.rank];
		uint64_t over = holder->load - room, back = *held < over ? *held : over;

		*held -= back;
		holder->load -= back;
		if (*held == 0)
			heap_pop(split, holder);
		will_propose(split, first.class, first.rank + 1u, back);
	}
}

static void propose(struct split *split, const struct proposal *proposal)
{
	const struct spill_class *class = &split->classes[proposal->class];
	uint64_t *held = &split->held[proposal->class][proposal->rank];
	unsigned rank = proposal->rank;
	struct holder *holder;

	if (rank == class->npools) {
		split->left[proposal->class] += proposal->demand;
		return;
	}
	holder = &split->holders[class->pool[rank]];
	if (*held == 0)
		heap_push(split, holder,
			(struct holding){
				.regret = rank + 1 < class->npools ? class->score[rank + 1] - class->score[rank]
								   : NO_NEXT,
				.class = proposal->class,
				.rank = proposal->rank,
			});
	*held += proposal->demand;
	holder->load += proposal->demand;
}

/* In rounds: one by one, small parts would push each other from pool to pool without end. */
static void settle(struct split *split, size_t npools)
{
	while (split->nproposals > 0) {
		for (size_t i = 0; i < split->nproposals; i++)
			propose(split, &split->proposals[i]);
		split->nproposals = 0;
		for (size_t i = 0; i < npools; i++)
			relieve(split, &split->holders[i], split->room[i]);
	}
}

/* Nobody is turned away: who finds no room is spread over the first two. */
static void fail_open(struct split *split, uint32_t number)
{
	const struct spill_class *class = &split->classes[number];
	uint64_t left = split->left[number], first, rooms;

	if (left == 0)
		return;
	if (class->npools == 1) {
		split->held[number][0] += left;
		return;
	}
	first = split->room[class->pool[0]];
	rooms = first + split->room[class->pool[1]];
	first = rooms > 0 ? (uint64_t)((unsigned __int128)left * first / rooms) : left;
	split->held[number][0] += first;
	split->held[number][1] += left - first;
}

/* Rounded so that they add up: what is cut off goes to those that lost most by it, the best rank first. */
static void share_out(const uint64_t held[static SPILL_RANKS], const struct spill_class *class, uint16_t *shares)
{
	uint64_t rest[SPILL_RANKS] = { 0 };
	unsigned total = 0;

	for (unsigned i = 0; i < SPILL_RANKS; i++)
		shares[i] = 0;
	if (class->demand == 0) {
		shares[0] = SPILL_SHARES;
		return;
	}
	for (unsigned i = 0; i < class->npools; i++) {
		shares[i] = (uint16_t)(held[i] * SPILL_SHARES / class->demand);
		rest[i] = held[i] * SPILL_SHARES % class->demand;
		total += shares[i];
	}
	for (; total < SPILL_SHARES; total++) {
		unsigned most = 0;

		for (unsigned i = 1; i < class->npools; i++)
			if (rest[i] > rest[most])
				most = i;
		shares[most]++;
		rest[most] = 0;
	}
}

void spill_split(const struct spill_class *classes, size_t nclasses, const uint64_t *room, size_t npools,
	uint16_t (*shares)[SPILL_RANKS])
{
	struct split split = {
		.classes = classes,
		.room = room,
		.holders = mem_alloc((npools + 1) * sizeof(*split.holders)),
		.held = mem_alloc((nclasses + 1) * sizeof(*split.held)),
		.left = mem_alloc((nclasses + 1) * sizeof(*split.left)),
	};

	for (uint32_t i = 0; i < nclasses; i++) {
		assert(classes[i].npools >= 1 && classes[i].npools <= SPILL_RANKS);
		will_propose(&split, i, 0, classes[i].demand);
	}
	settle(&split, npools);
	for (uint32_t i = 0; i < nclasses; i++) {
		fail_open(&split, i);
		share_out(split.held[i], &classes[i], shares[i]);
	}
	for (size_t i = 0; i < npools; i++)
		free(split.holders[i].heap);
	free(split.holders);
	free(split.held);
	free(split.left);
	free(split.proposals);
}

/* ---- is another one better? ---- */

/* What a split makes of the pools, and of the clients. */
static uint64_t weigh(
	const struct spill_class *classes, size_t nclasses, uint16_t (*shares)[SPILL_RANKS], uint64_t *load)
{
	unsigned __int128 score = 0;
	uint64_t demand = 0;

	for (size_t i = 0; i < nclasses; i++) {
		demand += classes[i].demand;
		for (unsigned k = 0; k < classes[i].npools; k++) {
			uint64_t part = classes[i].demand * shares[i][k] / SPILL_SHARES;

			load[classes[i].pool[k]] += part;
			score += (unsigned __int128)part * classes[i].score[k];
		}
	}
	return demand > 0 ? (uint64_t)(score / demand) : 0;
}

bool spill_split_keeps(const struct spill_class *classes, size_t nclasses, const uint64_t *room, size_t npools,
	uint16_t (*present)[SPILL_RANKS], uint16_t (*other)[SPILL_RANKS])
{
	uint64_t *load = mem_alloc((2 * npools + 1) * sizeof(*load));
	uint64_t score = weigh(classes, nclasses, present, load),
		 better = weigh(classes, nclasses, other, load + npools);
	bool keeps = score <= better + SPILL_GAIN;

	for (size_t i = 0; i < npools; i++) {
		uint64_t most = room[i] + room[i] * SPILL_ERROR_PERMILLE / 1000;

		keeps &= load[i] <= most || load[npools + i] >= load[i];
	}
	free(load);
	return keeps;
}
