/* libmaxminddb reads a file's metadata with recursion that follows pointers: a few hundred crafted bytes can take it
 * through its stack, or keep it busy for years (an array of pointers to an array of pointers to …). Real metadata is a flat
 * map with an array and a map of strings in it, so it is enough to allow little nesting, and pointers to plain values only.
 *
 * The format: https://maxmind.github.io/MaxMind-DB/, "Output Data Section". */
#include "geo/guard.h"

#include <stdbool.h>
#include <string.h>

enum { TYPE_EXTENDED = 0, TYPE_POINTER = 1, TYPE_MAP = 7, TYPE_ARRAY = 11, TYPE_BOOLEAN = 14 };
enum { DEPTH_MAX = 8, METADATA_MAX = 128 * 1024, ANY = 1 << 24 };

/* How many bytes a value of each type may have. The library leaks what it has read when it meets a value that breaks this. */
static const struct {
	size_t least, most;
} sizes[] = {
	[1] = { 0, ANY },
	[2] = { 0, ANY },
	[3] = { 8, 8 },
	[4] = { 0, ANY },
	[5] = { 0, 2 },
	[6] = { 0, 4 },
	[TYPE_MAP] = { 0, ANY },
	[8] = { 0, 4 },
	[9] = { 0, 8 },
	[10] = { 0, 16 },
	[TYPE_ARRAY] = { 0, ANY },
	[12] = { 1, 0 },
	[13] = { 1, 0 }, /* none */
	[TYPE_BOOLEAN] = { 0, 1 },
	[15] = { 4, 4 },
};

struct value {
	unsigned type;
	size_t size;  /* entries of a map or array, else bytes; of a pointer its target */
	size_t after; /* where what follows its head begins */
};

static bool read_number(const uint8_t *bytes, size_t len, size_t *at, unsigned nbytes, size_t *number)
{
	*number = 0;
	if (len - *at < nbytes)
		return false;
	while (nbytes-- > 0)
		*number = *number << 8 | bytes[(*at)++];
	return true;
}

static bool read_pointer(const uint8_t *bytes, size_t len, size_t *at, uint8_t head, size_t *target)
{
	static const size_t base[] = { 0, 2048, 526336, 0 };
	unsigned size = head >> 3 & 3;

	if (!read_number(bytes, len, at, size + 1, target))
		return false;
	if (size < 3)
		*target += (size_t)(head & 7) << 8 * (size + 1);
	*target += base[size];
	return true;
}

static bool read_head(const uint8_t *bytes, size_t len, size_t at, struct value *value)
{
	static const size_t base[] = { 29, 285, 65821 };
	uint8_t head;

	if (at >= len)
		return false;
	head = bytes[at++];
	value->type = head >> 5;
	if (value->type == TYPE_POINTER) {
		value->after = 0;
		if (!read_pointer(bytes, len, &at, head, &value->size))
			return false;
		value->after = at;
		return true;
	}
	if (value->type == TYPE_EXTENDED) {
		if (at >= len)
			return false;
		value->type = 7u + bytes[at++];
	}
	value->size = head & 31;
	if (value->size >= 29) {
		unsigned more = (unsigned)value->size - 28;

		if (!read_number(bytes, len, &at, more, &value->size))
			return false;
		value->size += base[more - 1];
	}
	value->after = at;
	return true;
}

static bool is_well_formed(const struct value *value)
{
	return value->type < sizeof sizes / sizeof *sizes &&
	       (value->type == TYPE_POINTER ||
		       (value->size >= sizes[value->type].least && value->size <= sizes[value->type].most));
}

static bool is_container(const struct value *value)
{
	return value->type == TYPE_MAP || value->type == TYPE_ARRAY;
}

/* Step over one value from its head on; a container's entries are left to be read. False: out of bounds. */
static bool step_over(const uint8_t *bytes, size_t len, const struct value *value, size_t *at)
{
	struct value target;

	*at = value->after;
	if (!is_well_formed(value))
		return false;
	if (is_container(value) || value->type == TYPE_BOOLEAN)
		return true;
	if (value->type == TYPE_POINTER)
		return read_head(bytes, len, value->size, &target) && is_well_formed(&target) &&
		       !is_container(&target) && target.type != TYPE_POINTER &&
		       (target.type == TYPE_BOOLEAN || target.size <= len - target.after);
	if (value->size > len - *at)
		return false;
	*at += value->size;
	return true;
}

/* Each step consumes a byte or more: the time is bounded by len. */
static bool map_is_tame(const uint8_t *bytes, size_t len)
{
	size_t pending[DEPTH_MAX] = { 1 }, at = 0;
	unsigned depth = 0;
	struct value value;

	for (;;) {
		while (pending[depth] == 0)
			if (depth-- == 0)
				return true;
		pending[depth]--;
		if (!read_head(bytes, len, at, &value) || !step_over(bytes, len, &value, &at))
			return false;
		if (depth == 0 && value.type != TYPE_MAP)
			return false;
		if (is_container(&value)) {
			if (++depth == DEPTH_MAX || value.size > len)
				return false;
			pending[depth] = value.type == TYPE_MAP ? value.size * 2 : value.size;
		}
	}
}

const char *guard_metadata(const uint8_t *bytes, size_t len)
{
	static const char marker[] = "\xab\xcd\xefMaxMind.com";
	const size_t marker_len = sizeof marker - 1;
	size_t tail = len < METADATA_MAX ? len : METADATA_MAX;
	const uint8_t *found = NULL, *end = bytes + len;

	for (const uint8_t *at = end - tail; (at = memmem(at, (size_t)(end - at), marker, marker_len)) != NULL; at++)
		found = at;
	if (found == NULL)
		return "not a MaxMind DB file (its end lacks the mark \"MaxMind.com\"; is it complete, and "
		       "unpacked?)";
	found += marker_len;
	if (!map_is_tame(found, (size_t)(end - found)))
		return "its metadata are damaged (fetch the file again)";
	return NULL;
}
