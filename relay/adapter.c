#include "relay/adapter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct adapter *const adapters[] = {
	&adapter_unbound,
	&adapter_bind,
	&adapter_powerdns,
	&adapter_knot,
	&adapter_dnsmasq,
	&adapter_resolved,
	&adapter_http,
	&adapter_redis,
	&adapter_memcached,
};

const struct adapter *adapter_find(const char *type)
{
	for (unsigned i = 0; i < COUNT_OF(adapters); i++)
		if (strcmp(type, adapters[i]->type) == 0)
			return adapters[i];
	return NULL;
}

const char *adapter_types(void)
{
	return "unbound, bind, powerdns, knot, dnsmasq, resolved, http, redis and memcached";
}

void adapter_say(struct adapter_work *work, enum adapter_result result, const char *fmt, ...)
{
	va_list args;

	work->result = result;
	va_start(args, fmt);
	vsnprintf(work->err.text, sizeof work->err.text, fmt, args);
	va_end(args);
}

void adapter_say_all(struct adapter_work *work, unsigned n, enum adapter_result result, const struct err *err)
{
	for (unsigned i = 0; i < n; i++) {
		work[i].result = result;
		work[i].err = *err;
	}
}
