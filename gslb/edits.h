/* edits - the names whose answers an edit of zone files changed: worked out aside, told to gslb-relay once the new zones are in force. */
#ifndef GSLB_EDITS_H
#define GSLB_EDITS_H

#include "gslb/herald.h"
#include "zones/zones.h"

enum { EDITS_MAX = 10000 }; /* names of one zone; beyond it the zone is told of as a whole */

struct edits;

/* before may be NULL: then nothing is known to be other than it was. Any thread; NULL when nothing changed. */
struct edits *edits_new(const struct zone_set *before, const struct zone_set *after);
void edits_free(struct edits *edits); /* NULL is fine */
void edits_tell(const struct edits *edits, struct herald *herald, uint64_t serial);
size_t edits_count(const struct edits *edits);

/* A name as gslb-relay is told of it: of a wildcard it is what lies below its parent. */
void edits_tell_name(struct herald *herald, const struct name *owner, enum herald_prio prio, uint64_t serial);

#endif
