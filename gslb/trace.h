/* trace - what each step of a decision saw, worked out after it by the same looks. Inside the decision core. */
#ifndef GSLB_TRACE_H
#define GSLB_TRACE_H

#include "gslb/split.h"
#include "gslb/standing.h"

/* What decide knows besides the decision. */
struct trace_input {
	const struct sight *sight; /* the one that the answer was found with */
	const struct service_plan *service;
	const struct client *client;
	enum family asked;
	unsigned family; /* or FAMILY_ANY */
	const struct order *order;
	const struct split_row *split; /* that the order is of; NULL: of none */
	bool sticky;
	uint64_t key;
	uint64_t draw;
	uint32_t spilled; /* a bit for each tie group that passed the client on since too little of it is up */
};

void trace_fill(const struct trace_input *input, const struct decision *decision, struct trace *trace);

#endif
