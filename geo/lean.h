/* lean - a table that borrows the runs of the geo it is made from, and has of its own only a class for each place and a bit for
 * each run at which the class changes: a twentieth of a table with runs of its own, for who needs hundreds of them. The runs
 * around an address that its place's class reaches over are found from the bits. Inside geo/ only. Immutable. */
#ifndef GSLB_GEO_LEAN_H
#define GSLB_GEO_LEAN_H

#include "geo/inside.h"

struct lean;

/* class: by place, taken over. IPv4 must not be of one class throughout: see table.c, of what embeds IPv4. */
struct lean *lean_new(const struct geo *geo, uint16_t *class);
void lean_free(struct lean *lean); /* NULL is fine */
size_t lean_bytes(const struct lean *lean);
struct geo_hit lean_find(const struct lean *lean, const struct addr *addr);
void lean_prefetch_index(const struct lean *lean, const struct addr *addr);
void lean_prefetch(const struct lean *lean, const struct addr *addr);

#endif
