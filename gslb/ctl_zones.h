/* ctl_zones - zone files read and linked as gslbd would do it, without one: for check and plan. All files that are given are one set,
 * since a service may use pools of another zone. */
#ifndef GSLB_CTL_ZONES_H
#define GSLB_CTL_ZONES_H

#include "gslb/ctl_text.h"
#include "zones/zones.h"

/* Init with { .seed = … }. */
struct ctl_zones {
	uint64_t seed;
	char **files;
	size_t nfiles, files_cap;
	struct zone **zones; /* those without a mistake */
	size_t nzones, zones_cap;
	struct report report;
	bool alone; /* a zone has a mistake of its own: links were not looked at */
};

void ctl_zones_add(struct ctl_zones *zones, const char *path); /* a zone file, or a folder of *.zone */
/* Read and link all; NULL when there is a mistake. The caller frees the set. */
struct zone_set *ctl_zones_link(struct ctl_zones *zones);
void ctl_zones_fini(struct ctl_zones *zones);

/* {"mistakes":[…],"warnings":[…]}, and the sentence when there are mistakes. */
json_t *ctl_zones_report(struct ctl_zones *zones, struct err *err);
/* The same as lines of text. */
void ctl_zones_print(const json_t *result, struct buf *out);

#endif
