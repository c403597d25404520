/* model - services, maps and pools out of TXT records; shared by model.c, service.c, map.c and pool.c. */
#ifndef GSLB_ZONES_MODEL_H
#define GSLB_ZONES_MODEL_H

#include "zones/tags.h"

/* A pool's label and region, which are names on command lines and in metrics, too. */
#define POOL_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

/* The reader stands at a TXT record that is split and of the right version. */
void service_read(struct tag_reader *reader, const struct name *owner);
/* All TXT records of a _map: a reader at its node, and the service that they belong to. */
void map_read(struct tag_reader *reader, struct service *service);
void pool_read(struct tag_reader *reader, const char *label);
/* load.c: the value of load=. */
bool load_place_parse(struct draft *draft, const char *value, struct load_place *load, struct err *err);

/* min(TTL, MINIMUM) of a SOA (RFC 2308 5). */
static inline uint32_t soa_negative_ttl_s(const uint8_t *rdata, uint16_t rdlen, uint32_t ttl_s)
{
	const uint8_t *at = rdata + rdlen - 4;
	uint32_t minimum = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

	return ttl_s < minimum ? ttl_s : minimum;
}

#endif
