/* pick - weighted choice without repetition, by dice or by hash (weighted rendezvous). Integer arithmetic throughout: every
 * host picks the same for the same key. */
#ifndef GSLB_PICK_H
#define GSLB_PICK_H

#include "base/base.h"

enum { PICK_MAX = 16 };
enum {
	PICK_UNITS = 256000
}; /* of a weight of 1 that nothing lessens: by permille, and by shares down to a 256th of one */

/* Candidates are added one by one; id[0..npicked) is the choice so far, the best first. */
struct picker {
	unsigned wanted, npicked;
	struct dice *dice;
	bool sticky;
	uint64_t key;
	uint64_t total;
	uint32_t id[PICK_MAX];
	uint64_t score[PICK_MAX], identity[PICK_MAX];
};

/* wanted: 1 to PICK_MAX. The key counts only when sticky, the dice only when not. */
void picker_init(struct picker *picker, unsigned wanted, struct dice *dice, bool sticky, uint64_t key);
/* weight: 1 to 2^38. By hash, the order in which candidates are added is nothing to the choice. */
void picker_add(struct picker *picker, uint32_t id, uint64_t identity, uint64_t weight);

/* An even number of key and candidate. */
uint64_t picker_hash(uint64_t key, uint64_t identity);
/* -log2((h + 1) / 2^64) in units of 2^-32. */
uint64_t pick_cost(uint64_t h);
/* The lowest score wins: with even h, in proportion to weight. */
uint64_t pick_score(uint64_t h, uint64_t weight);

#endif
