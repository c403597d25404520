/* names - what the names of dynamic targets resolved to: the last good answer is kept while lookups fail. One thread at a time. */
#ifndef GSLB_NAMES_H
#define GSLB_NAMES_H

#include "gslb/snapshot.h"

struct names;

struct names *names_new(void);
void names_free(struct names *names);
/* The name's entry is made on first sight, and from then on looked up. NULL: nothing known yet. */
const struct resolved *names_find(struct names *names, const struct name *name);
/* The same without making an entry: for who only looks. */
const struct resolved *names_known(const struct names *names, const struct name *name);
/* Take in an answer; true when the addresses are others than before: time for another snapshot. */
bool names_take(struct names *names, const struct health_message *message, uint64_t now_ms);
/* Keep what is about to end and was not renewed: call it twice a second. */
void names_prolong(struct names *names, uint64_t now_ms);
/* All names in use, for a plan: those that the last snapshot asked for. The lookups' strings live until the next call. */
size_t names_lookups(struct names *names, struct health_lookup **lookups);
/* Forget names that nothing asked for since the last sweep. */
void names_sweep(struct names *names);

#endif
