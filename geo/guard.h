/* guard - what a file must fulfil before libmaxminddb may see it. Inside geo/ only. */
#ifndef GSLB_GEO_GUARD_H
#define GSLB_GEO_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* NULL when the bytes end with metadata that can be read in bounded time and stack; else what is wrong with them. */
const char *guard_metadata(const uint8_t *bytes, size_t len);

#endif
