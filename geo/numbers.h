/* numbers - each distinct number (an ASN) once, by a small id; 0 has the id 0. Inside geo/ only. One thread's own while it
 * grows. */
#ifndef GSLB_GEO_NUMBERS_H
#define GSLB_GEO_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct numbers {
	uint64_t *number; /* by id */
	uint32_t n;
	size_t cap;
	uint32_t *slots; /* open addressing, 0: free, else id + 1 */
	uint32_t nslots; /* a power of two */
};

void numbers_init(struct numbers *numbers);
void numbers_fini(struct numbers *numbers);
uint32_t numbers_intern(struct numbers *numbers, uint64_t number);
void numbers_trim(struct numbers *numbers); /* nothing more will be interned */

#endif
