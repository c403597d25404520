/* conf_bus - who is on the bus, of the section bus: all regions; their gslb-relays, each of which has a name of its own there and a region that it
 * serves (a region's first one is named as the region is, others are in bus.relays); and with which secrets they sign. For conf.c. */
#ifndef GSLB_RELAY_CONF_BUS_H
#define GSLB_RELAY_CONF_BUS_H

#include "relay/conf.h"

/* What stands in the file. */
struct conf_bus_text {
	const char *path, *name, *sign_file; /* path: the file's; NULL: none is given */
	char **regions, **relays;            /* of relays each "NAME", or "NAME@REGION" */
	size_t nregions, nrelays;            /* 0: only this host's; what bus.regions has */
};

/* Fills in regions, name, relays and sign of conf, whose region has been read. False with a sentence. */
bool conf_bus_read(struct relay_conf *conf, const struct conf_bus_text *text, struct err *err);
/* Without a bus there is this host only; its log goes on under that name. */
void conf_bus_none(struct relay_conf *conf, const char *name);
/* Do both name the same servers; the same regions and relays? Each in the same order. */
bool conf_bus_same_servers(const struct relay_conf *a, const struct relay_conf *b);
bool conf_bus_same_fleet(const struct relay_conf *a, const struct relay_conf *b);

#endif
