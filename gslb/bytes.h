/* bytes - numbers and short pieces of a message, written where they go. */
#ifndef GSLB_BYTES_H
#define GSLB_BYTES_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/likely.h"

static inline void store16(uint8_t *at, unsigned value)
{
	uint16_t word = htobe16((uint16_t)value);

	memcpy(at, &word, sizeof word);
}

static inline void store32(uint8_t *at, uint32_t value)
{
	uint32_t word = htobe32(value);

	memcpy(at, &word, sizeof word);
}

static inline void store64(uint8_t *at, uint64_t value)
{
	uint64_t word = htobe64(value);

	memcpy(at, &word, sizeof word);
}

/* At least 4 bytes, without the call that a memcpy of unknown length is: pieces that overlap. */
static inline void copy_some(uint8_t *restrict to, const uint8_t *restrict from, size_t len)
{
	if (UNLIKELY(len < 8)) {
		memcpy(to, from, 4);
		memcpy(to + len - 4, from + len - 4, 4);
		return;
	}
	if (len < 16) {
		memcpy(to, from, 8);
		memcpy(to + len - 8, from + len - 8, 8);
		return;
	}
	if (UNLIKELY(len > 48)) { /* long enough for a call */
		memcpy(to, from, len);
		return;
	}
	memcpy(to, from, 16);
	if (len > 32)
		memcpy(to + 16, from + 16, 16);
	memcpy(to + len - 16, from + len - 16, 16);
}

#endif
