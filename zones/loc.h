/* loc - LOC records (RFC 1876): where a pool is. */
#ifndef GSLB_ZONES_LOC_H
#define GSLB_ZONES_LOC_H

#include "zones/lexer.h"

enum { LOC_LEN = 16 };

/* "53 20 N 6 15 W 0m [size [horizontal [vertical]]]" to wire form. */
bool loc_parse(const struct token *tokens, size_t ntokens, uint8_t wire[static LOC_LEN], struct err *err);
/* Degrees, north and east positive. False when it is no LOC of version 0, or lies off the globe. */
bool loc_degrees(const uint8_t *rdata, uint16_t rdlen, double *latitude, double *longitude);

#endif
