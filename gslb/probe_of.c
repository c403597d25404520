#include "gslb/probe_of.h"

#include <stdlib.h>

static enum health_check check_of(enum check_type type)
{
	switch (type) {
	case CHECK_NONE:
		return HEALTH_CHECK_NONE;
	case CHECK_TCP:
		return HEALTH_CHECK_TCP;
	case CHECK_HTTP:
		return HEALTH_CHECK_HTTP;
	case CHECK_HTTPS:
		return HEALTH_CHECK_HTTPS;
	case CHECK_DNS:
		return HEALTH_CHECK_DNS;
	case CHECK_EXEC:
		return HEALTH_CHECK_EXEC;
	case CHECK_PUSH:
		return HEALTH_CHECK_PUSH;
	case CHECK_GRPC:
		return HEALTH_CHECK_GRPC;
	case CHECK_GRPCS:
		return HEALTH_CHECK_GRPCS;
	}
	abort();
}

struct health_probe probe_of(const struct pool *pool, const struct target *target, char room[static NAME_TEXT_MAX])
{
	const unsigned asks_a_name = 1u << CHECK_HTTP | 1u << CHECK_HTTPS | 1u << CHECK_GRPC | 1u << CHECK_GRPCS;
	const struct check *check = &pool->check;
	struct health_probe probe = {
		.check = check_of(check->type),
		.host = check->host,
		.path = check->path,
		.body = check->body,
		.qname = check->qname,
		.command = check->command,
		.load = pool->load.source == LOAD_HEADER ? pool->load.header : "",
		.nstatus = check->nstatus,
		.verify = check->verify,
		.cert_days = (uint16_t)check->cert_days,
		.qtype = check->qtype,
		.interval_ms = check->interval_ms,
		.timeout_ms = check->timeout_ms,
		.rise = (uint16_t)check->rise,
		.fall = (uint16_t)check->fall,
	};

	for (size_t i = 0; i < check->nstatus; i++) {
		probe.status[i].from = check->status[i].from;
		probe.status[i].to = check->status[i].to;
	}
	if ((1u << check->type & asks_a_name) && check->host[0] == '\0')
		probe.host = name_format(&target->name, room);
	if (check->type == CHECK_DNS && check->qname[0] == '\0')
		probe.qname = name_format(&pool->zone->apex, room);
	return probe;
}
