/* capacity - who is sent elsewhere since pools are full, and how clients are shared out among pools that are ranked by load. Every ten
 * seconds: what classes of clients ask for is told from the load reports and from what their caches hold (demand.h); a pool that has
 * more than 80 % of its capacity gives away those who lose least by it (spill.h), all services that share pools in one. Main
 * thread. What comes of it, is read by packets: split.h. */
#ifndef GSLB_CAPACITY_H
#define GSLB_CAPACITY_H

#include <jansson.h>

#include "gslb/demand.h"
#include "gslb/split.h"

struct capacity;

/* What a pool says of itself, by pool number. */
struct capacity_load {
	bool known;
	uint64_t at_ms, milli; /* when; thousandths of its units */
};

struct capacity *capacity_new(void);
void capacity_free(struct capacity *capacity); /* NULL is fine */
/* A snapshot is in force; what is known goes on. */
void capacity_begin(struct capacity *capacity, const struct snapshot *snapshot);
/* Answers that were given; in the snapshot's own numbers. */
void capacity_take(struct capacity *capacity, const struct recent *recent);
void capacity_note(struct capacity *capacity, const struct ledger_entry *entry);
/* Is there anything to do? Once every SPILL_STEP_S. */
bool capacity_is_due(const struct capacity *capacity, uint64_t now_ms);
/* Do it. True when another split is to be published. */
bool capacity_step(
	struct capacity *capacity, const struct world *world, const struct capacity_load *loads, uint64_t now_ms);
/* For the snapshot in force; NULL: all are as they were ordered. The caller frees it. */
struct split *capacity_split(const struct capacity *capacity);

/* What the last step saw of a pool. Thousandths of its units. */
struct capacity_facts {
	bool limited;    /* it has a capacity, and tells its load */
	bool known;      /* the load */
	bool frozen;     /* it gives away as much as it did when the load was last known */
	uint64_t load;   /* as reported */
	uint64_t demand; /* of the clients that are its own */
	uint64_t filled; /* what it is filled to: 80 % of what it can carry now */
	uint32_t part;   /* of SPILL_ONE: what of its own clients it gives away */
	uint64_t taken;  /* of others' clients, by the split */
};
struct capacity_facts capacity_facts(const struct capacity *capacity, uint32_t pool);

/* Why a pool has that part (of SPLIT_ONE) of a class: its figures, with a sentence `reason`. home: the class is its own. */
json_t *capacity_explain(const struct capacity *capacity, uint32_t pool, bool home, uint32_t part);

/* What the loss of each region would do to the others, by what is asked for now; and what pools carry as it is. */
json_t *capacity_report(struct capacity *capacity, const struct world *world, uint64_t now_ms);

#endif
