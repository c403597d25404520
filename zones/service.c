/* Services: TXT at _gslb.<owner> (DESIGN 3). */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "zones/model.h"

static const char *const rank_names[] = { "latency", "geo", "order", "weight", "load", NULL };
static const char *const spread_names[] = { "random", "sticky", NULL };
static const char *const down_names[] = { "all", "last", "nodata", "servfail", NULL };

enum { TTL_MOST = 604800 };

const char *rank_name(enum rank_by rank)
{
	return rank_names[rank];
}

const char *down_name(enum down_policy down)
{
	return down_names[down];
}

/* ---- tags with a syntax of their own ---- */

static bool parse_pools(struct tag_reader *reader, const char *value, struct err *err)
{
	struct service *service = reader->into;

	return pool_uses_parse(reader->draft, value, true, &service->pools, &service->npools, err);
}

static bool parse_fallback(struct tag_reader *reader, const char *value, struct err *err)
{
	struct service *service = reader->into;

	service->has_fallback = pool_use_parse(reader->draft, value, &service->fallback, err);
	return service->has_fallback;
}

static bool find_rank(const char *item, enum rank_by *rank)
{
	for (size_t i = 0; rank_names[i] != NULL; i++)
		if (strcmp(item, rank_names[i]) == 0) {
			*rank = (enum rank_by)i;
			return true;
		}
	return false;
}

static bool parse_rank(struct tag_reader *reader, const char *value, struct err *err)
{
	struct service *service = reader->into;
	char item[16];
	enum rank_by rank;

	service->nranks = 0;
	while (list_next(&value, item, sizeof item)) {
		if (!find_rank(item, &rank))
			return err_set(
				err, "\"%s\" is none of latency, geo, order, weight and load (try latency,geo)", item);
		for (size_t i = 0; i < service->nranks; i++) {
			if (service->ranks[i] == rank)
				return err_set(err, "%s twice (leave one)", item);
			if (service->ranks[i] == RANK_WEIGHT)
				return err_set(err, "nothing is decided after weight (put it last)");
			if (service->ranks[i] == RANK_LOAD)
				return err_set(err, "nothing is decided after load (put it last)");
			if (service->ranks[i] == RANK_ORDER)
				return err_set(err, "nothing is tied after order (put it last)");
		}
		service->ranks[service->nranks++] = rank;
	}
	return true;
}

/* "a/b" as two numbers; without "/b", *second stays as it is. */
static bool parse_pair(const char *value, uint64_t max_first, uint64_t max_second, uint64_t *first, uint64_t *second)
{
	const char *slash = strchr(value, '/');
	char head[24];

	if (slash == NULL)
		return number_parse(value, 0, max_first, first);
	if ((size_t)(slash - value) >= sizeof head)
		return false;
	memcpy(head, value, (size_t)(slash - value));
	head[slash - value] = '\0';
	return number_parse(head, 0, max_first, first) && number_parse(slash + 1, 0, max_second, second);
}

static bool parse_sticky(struct tag_reader *reader, const char *value, struct err *err)
{
	struct service *service = reader->into;
	uint64_t v4 = 0, v6 = 0;

	if (!parse_pair(value, 32, 128, &v4, &v6) || v4 == 0 || v6 == 0)
		return err_set(err, "not two prefix lengths, to 32 for IPv4 and to 128 for IPv6 (try 20/40)");
	service->sticky_v4 = (uint8_t)v4;
	service->sticky_v6 = (uint8_t)v6;
	return true;
}

static bool parse_ttl(struct tag_reader *reader, const char *value, struct err *err)
{
	struct service *service = reader->into;
	uint64_t most, least = 5;

	if (!parse_pair(value, TTL_MOST, TTL_MOST, &most, &least))
		return err_set(err, "not max/min in seconds, to 604800 (try 30/5)");
	if (strchr(value, '/') == NULL && least > most)
		least = most;
	if (least > most)
		return err_set(err, "the minimum is above the maximum (try %llu/%llu)", (unsigned long long)least,
			(unsigned long long)most);
	service->ttl_max_s = (uint32_t)most;
	service->ttl_min_s = (uint32_t)least;
	return true;
}

static const struct tag rows[] = {
	{ .name = "pools",
		.kind = TAG_OTHER,
		.parse = parse_pools,
		.required = true,
		.try = "eu,us:3",
		.sentence = "The pools that answer, in order of preference, at most 32; a number behind a colon is the "
			    "weight for ties, 1 without it." },
	{ .name = "rank",
		.kind = TAG_OTHER,
		.parse = parse_rank,
		.normal = "latency,geo",
		.try = "latency,geo",
		.sentence = "How pools are ordered for a client, the first decides: latency, geo, order, weight "
			    "and load, each at most once, order, weight and load last." },
	{ .name = "answers",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = SERVICE_ANSWERS_MAX,
		.normal = "1",
		.try = "2",
		TAG_FIELD(struct service, answers),
		.sentence = "How many endpoints of the pool one answer names." },
	{ .name = "spread",
		.kind = TAG_CHOICE,
		.choices = spread_names,
		.normal = "random",
		.try = "sticky",
		TAG_FIELD(struct service, spread),
		.sentence =
			"How an endpoint is drawn: random for each answer anew, or sticky to the client's prefix." },
	{ .name = "sticky",
		.kind = TAG_OTHER,
		.parse = parse_sticky,
		.normal = "20/40",
		.try = "24/56",
		.sentence = "With spread=sticky, how many bits of an IPv4 and of an IPv6 address make the client's "
			    "prefix." },
	{ .name = "ttl",
		.kind = TAG_OTHER,
		.parse = parse_ttl,
		.normal = "30/5",
		.try = "60/10",
		.sentence = "The most and the least seconds that an answer may be kept, to 604800; without the least "
			    "it is 5, or the most where that is less." },
	{ .name = "down",
		.kind = TAG_CHOICE,
		.choices = down_names,
		.normal = "all",
		.try = "last",
		TAG_FIELD(struct service, down),
		.sentence = "What is answered when no pool is up and there is no fallback: all (as if all were up), "
			    "last (what was up last), nodata or servfail; the last two draw a warning." },
	{ .name = "fallback",
		.kind = TAG_OTHER,
		.parse = parse_fallback,
		.try = "sorry",
		.sentence = "The pool of last resort, asked before down." },
	{ .name = "keep",
		.kind = TAG_NUMBER,
		.min = 0,
		.max = SERVICE_POOLS_MAX,
		.normal = "1",
		.try = "1",
		TAG_FIELD(struct service, keep),
		.sentence =
			"Overrides and drills never leave fewer pools than this in service; not more than pools has." },
};

const struct tag_table service_tags = { "service", "gslb1", rows, COUNT_OF(rows) };

/* ---- what tags and owner say together ---- */

void service_mistake(struct report *report, const struct name *apex, const struct service *service,
	const struct map_rule *rule, const char *fmt, ...)
{
	char owner[NAME_TEXT_MAX];
	struct err what;
	va_list args;
	bool at_apex;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	at_apex = strcmp(name_format_under(&service->owner, apex, owner), "@") == 0;
	report_add(report, REPORT_MISTAKE, rule == NULL ? service->file : rule->file,
		rule == NULL ? service->line : rule->line, "%s%s%s: %s", rule == NULL ? "_gslb" : "_map",
		at_apex ? "" : ".", at_apex ? "" : owner, what.text);
}

static void check_together(const struct tag_reader *reader, const struct service *service)
{
	if (tags_has(reader, &service_tags, "sticky") && service->spread != SPREAD_STICKY)
		tags_mistake(reader, "sticky: without spread=sticky (add it, or leave sticky out)");
	if (service->npools > 0 && service->keep > service->npools)
		tags_mistake(reader, "keep=%u: more than there are pools (try %u)", service->keep, service->npools);
	if (service->down == DOWN_NODATA || service->down == DOWN_SERVFAIL)
		tags_warning(reader, "down=%s: resolvers then serve what they kept, or nothing (try down=all)",
			down_name(service->down));
}

/* Addresses in an HTTPS or SVCB record go round the steering (RFC 9460 7.3). */
static bool has_hints(const uint8_t *rdata, size_t len)
{
	struct name target;
	size_t at = 2;

	at += len > 2 ? name_from_wire(&target, rdata + 2, len - 2) : 0;
	while (at + 4 <= len) {
		unsigned key = (unsigned)(rdata[at] << 8 | rdata[at + 1]);

		if (key == 4 || key == 6)
			return true;
		at += 4u + (unsigned)(rdata[at + 2] << 8 | rdata[at + 3]);
	}
	return false;
}

static void check_owner(struct draft *draft, const struct draft_node *node)
{
	char type[16];

	for (uint32_t i = node->first; i != NONE; i = draft->records[i].next) {
		const struct draft_record *record = &draft->records[i];

		rrtype_format(record->type, type);
		if (record->type == RR_A || record->type == RR_AAAA || record->type == RR_CNAME)
			draft_report(draft, REPORT_MISTAKE, node, record,
				"%s: beside a service, which answers it from its pools (leave one)", type);
		else if ((record->type == RR_SVCB || record->type == RR_HTTPS) &&
			 has_hints(draft_rdata(draft, record), record->rdlen))
			draft_report(draft, REPORT_MISTAKE, node, record,
				"%s: address hints go round the service's steering (leave ipv4hint and ipv6hint out)",
				type);
	}
}

static uint32_t negative_ttl_s(const struct draft *draft, const struct service *service)
{
	const struct draft_record *soa = draft_first(draft, &draft->nodes[0], RR_SOA);
	uint32_t least = service->ttl_min_s;

	if (soa != NULL && soa_negative_ttl_s(draft_rdata(draft, soa), soa->rdlen, soa->ttl_s) < least)
		least = soa_negative_ttl_s(draft_rdata(draft, soa), soa->rdlen, soa->ttl_s);
	return least;
}

void service_read(struct tag_reader *reader, const struct name *owner)
{
	struct draft *draft = reader->draft;
	struct service service = {
		.number = (uint32_t)draft->nservices,
		.owner = *owner,
		.file = draft->files[reader->record->file],
		.line = reader->record->line,
	};
	uint32_t node = draft_intern(draft, owner);

	reader->into = &service;
	tags_read(reader, &service_tags);
	check_together(reader, &service);
	check_owner(draft, &draft->nodes[node]);
	service.negative_ttl_s = negative_ttl_s(draft, &service);
	draft->services = mem_grow(draft->services, draft->nservices, &draft->services_cap, sizeof service);
	draft->services[draft->nservices] = service;
	draft->nodes[node].service = (uint32_t)draft->nservices++;
}
