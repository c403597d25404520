/* assign - which regions probe an endpoint: the highest of a weighted rendezvous over the regions that the configuration names, whether they
 * live or not (Thaler, Ravishankar 1998). Every host computes the same from the same names, a region more or less moves only what it must, and
 * one that is missing counts as silent. Pure. */
#ifndef GSLB_HEALTH_ASSIGN_H
#define GSLB_HEALTH_ASSIGN_H

#include <stdint.h>

enum { ASSIGN_REGIONS_MAX = 64, ASSIGN_VANTAGES_MAX = 7 };

/* Indices of the regions, the first choice first; at most `vantages`, ASSIGN_VANTAGES_MAX and nregions. Returns how many. */
unsigned assign_regions(const char *const *regions, unsigned nregions, uint64_t identity, unsigned vantages,
	uint8_t chosen[static ASSIGN_VANTAGES_MAX]);

#endif
