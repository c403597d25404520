/* plan_roll - names numbered as they come: pools and services of two worlds are the same when their names are. Init with { 0 }. */
#ifndef GSLB_PLAN_ROLL_H
#define GSLB_PLAN_ROLL_H

#include "base/base.h"

struct plan_roll {
	size_t n, cap, nslots;
	const struct name **names; /* borrowed */
	uint32_t *slots;           /* number + 1; 0: free */
};

enum { ROLL_NONE = 0xffffffff };

uint32_t roll_add(struct plan_roll *roll, const struct name *name); /* its number, which it gets when it has none */
uint32_t roll_find(const struct plan_roll *roll, const struct name *name);
void roll_fini(struct plan_roll *roll);

#endif
