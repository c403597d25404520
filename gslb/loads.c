/* The loads of pools as gslbctl pools and /v1/pools show them. */
#include "gslb/daemon.h"

static const char *source_name(enum load_source source)
{
	switch (source) {
	case LOAD_NONE:
		return "none";
	case LOAD_PUSH:
		return "push";
	case LOAD_URL:
		return "url";
	case LOAD_HEADER:
		return "header";
	}
	return "?";
}

static json_t *thousandths(bool known, int64_t milli)
{
	return known ? json_real((double)milli / 1000) : json_null();
}

json_t *document_load(const struct daemon *daemon, const struct pool *pool, uint64_t now_ms)
{
	struct load load = loads_of(daemon->loads, pool, now_ms);
	int64_t capacity_milli = (int64_t)pool->capacity * 1000;
	char at[CLOCK_TEXT_MAX];

	if (pool->load.source == LOAD_NONE && pool->capacity == 0)
		return json_null();
	return json_pack("{s:s,s:s?,s:o,s:b,s:o,s:o,s:o,s:o,s:s?}", "source", source_name(pool->load.source), "from",
		pool->load.text, "load", thousandths(load.at_ms > 0, (int64_t)load.milli), "fresh", load.known,
		"reported", load.at_ms > 0 ? json_string(clock_format(load.at_ms, at)) : json_null(), "age_s",
		load.at_ms > 0 ? json_real((double)(now_ms - load.at_ms) / 1000) : json_null(), "capacity",
		pool->capacity > 0 ? json_integer(pool->capacity) : json_null(), "headroom",
		thousandths(load.known && pool->capacity > 0, capacity_milli - (int64_t)load.milli), "trouble",
		load.trouble);
}
