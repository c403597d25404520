/* places - each distinct place once, by a small number; 0 is the unknown place. Inside geo/ only. One thread's own while
 * it grows. */
#ifndef GSLB_GEO_PLACES_H
#define GSLB_GEO_PLACES_H

#include "geo/geo.h"

struct places {
	struct place *place; /* by id; their padding is zero, their asn 0 */
	uint32_t n, cap;
	uint32_t *slots; /* open addressing, 0: free */
	uint32_t nslots; /* a power of two */
};

void places_init(struct places *places);
void places_fini(struct places *places);
/* The id of a place (its asn is not looked at). */
uint32_t places_intern(struct places *places, const struct place *place);
void places_trim(struct places *places); /* nothing more will be interned */

#endif
