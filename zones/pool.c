/* Pools: the owner of an SRV set directly under _pool (DESIGN 3). */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "zones/loc.h"
#include "zones/model.h"

static const char *const check_names[] = { "none", "tcp", "http", "https", "grpc", "grpcs", "dns", "exec", "push",
	NULL };
static const char *const via_names[] = { "address", "cname", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };

/* Sets of checks, as bits of enum check_type. */
enum {
	FOR_HTTP = 1 << CHECK_HTTP | 1 << CHECK_HTTPS,
	FOR_TLS = 1 << CHECK_HTTPS | 1 << CHECK_GRPCS,
	FOR_REQUESTS = FOR_HTTP | 1 << CHECK_GRPC | 1 << CHECK_GRPCS,
	FOR_DNS = 1 << CHECK_DNS,
	FOR_EXEC = 1 << CHECK_EXEC,
	FOR_PROBES = 1 << CHECK_TCP | FOR_REQUESTS | FOR_DNS | FOR_EXEC, /* gslb-health asks by itself */
	FOR_RESULTS = FOR_PROBES | 1 << CHECK_PUSH,
	FOR_PORTS = 1 << CHECK_TCP | FOR_REQUESTS | FOR_DNS,
};

const char *pool_check_name(enum check_type type)
{
	return check_names[type];
}

/* ---- tags with a syntax of their own ---- */

static bool is_plain_name(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= 63 && strspn(text, POOL_LETTERS) == len;
}

static bool parse_region(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;

	if (!is_plain_name(value))
		return err_set(err, "not a name of 1 to 63 letters, digits, - and _ (try eu-west)");
	pool->region = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_host(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;
	size_t len = strlen(value);
	struct name name;

	if (len == 0 || len > 253 || !name_from_text(&name, value) ||
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != len ||
		value[len - 1] == '.')
		return err_set(err, "not a host name (try www.example.org)");
	pool->check.host = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_path(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;

	if (value[0] != '/' || strlen(value) > 1024)
		return err_set(err, "not a path of at most 1024 bytes that starts with / (try /healthz)");
	for (const char *c = value; *c != '\0'; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '#' || (unsigned char)*c >= 0x80)
			return err_set(err, "a space, a # or a byte outside ASCII in a path (write it as %%20)");
	pool->check.path = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_range(const char *item, struct status_range *range)
{
	const char *dash = strchr(item, '-');
	char head[8];
	uint64_t from, to;

	if (dash == NULL) {
		if (!number_parse(item, 100, 599, &from))
			return false;
		*range = (struct status_range){ (uint16_t)from, (uint16_t)from };
		return true;
	}
	if ((size_t)(dash - item) >= sizeof head)
		return false;
	memcpy(head, item, (size_t)(dash - item));
	head[dash - item] = '\0';
	if (!number_parse(head, 100, 599, &from) || !number_parse(dash + 1, from, 599, &to))
		return false;
	*range = (struct status_range){ (uint16_t)from, (uint16_t)to };
	return true;
}

static bool parse_status(struct tag_reader *reader, const char *value, struct err *err)
{
	struct check *check = &((struct pool *)reader->into)->check;
	char item[16];

	check->nstatus = 0;
	while (list_next(&value, item, sizeof item)) {
		if (check->nstatus == STATUS_RANGES_MAX)
			return err_set(err, "more than %d ranges", STATUS_RANGES_MAX);
		if (!parse_range(item, &check->status[check->nstatus]))
			return err_set(err, "\"%s\" is no status or range from 100 to 599 (try 200-299,301)", item);
		check->nstatus++;
	}
	return true;
}

static bool parse_body(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;

	if (value[0] == '\0' || strlen(value) > 1024)
		return err_set(err, "not a text of 1 to 1024 bytes (try OK)");
	pool->check.body = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_qname(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;
	struct name name;

	if (!name_from_text(&name, value))
		return err_set(err, "not a domain name (try example.org)");
	pool->check.qname = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_qtype(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;
	uint16_t type;

	if (!rrtype_parse(value, &type) || (rrtype_refused(type) != NULL && (type == 0 || type == 41 || type >= 128)))
		return err_set(err, "not a record type (try SOA)");
	pool->check.qtype = type;
	return true;
}

static bool parse_command(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;
	size_t len = strlen(value);

	if (len == 0 || len > 255 || value[0] == '.' || value[0] == '-' ||
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != len)
		return err_set(err, "not the plain name of a file in the checks folder (try check-mail)");
	pool->check.command = arena_strdup(reader->draft->arena, value);
	return true;
}

static bool parse_needs(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;

	return pool_uses_parse(reader->draft, value, false, &pool->needs, &pool->nneeds, err);
}

static bool parse_load(struct tag_reader *reader, const char *value, struct err *err)
{
	struct pool *pool = reader->into;

	return load_place_parse(reader->draft, value, &pool->load, err);
}

static const struct tag rows[] = {
	{ .name = "region",
		.kind = TAG_OTHER,
		.parse = parse_region,
		.try = "eu-west",
		.otherwise = "the pool's label",
		.sentence = "The region's name, for drains by region, votes and metrics: letters, digits, - and _." },
	{ .name = "check",
		.kind = TAG_CHOICE,
		.choices = check_names,
		.normal = "tcp",
		.try = "https",
		TAG_FIELD(struct pool, check.type),
		.sentence = "How endpoints are probed: none, tcp, http, https, grpc, grpcs, dns, exec or push." },
	{ .name = "host",
		.kind = TAG_OTHER,
		.parse = parse_host,
		.checks = FOR_REQUESTS,
		.try = "www.example.org",
		.otherwise = "the SRV target",
		.sentence = "The name that an HTTP or gRPC request and its TLS handshake ask for." },
	{ .name = "path",
		.kind = TAG_OTHER,
		.parse = parse_path,
		.checks = FOR_REQUESTS,
		.normal = "/",
		.try = "/healthz",
		.sentence = "The path of the HTTP request; for gRPC, behind the slash, the service whose health is "
			    "asked for: none is "
			    "the server as a whole." },
	{ .name = "status",
		.kind = TAG_OTHER,
		.parse = parse_status,
		.checks = FOR_HTTP,
		.normal = "200-299",
		.try = "200-299,301",
		.sentence = "The HTTP statuses that count as up: up to 8 numbers and ranges." },
	{ .name = "body",
		.kind = TAG_OTHER,
		.parse = parse_body,
		.checks = FOR_HTTP,
		.try = "OK",
		.sentence = "A text that the first 64 KiB of the HTTP answer must hold." },
	{ .name = "verify",
		.kind = TAG_CHOICE,
		.choices = no_yes,
		.checks = FOR_TLS,
		.normal = "yes",
		.try = "no",
		TAG_FIELD(struct pool, check.verify),
		.sentence = "Whether the certificate must be valid for the host: yes or no." },
	{ .name = "cert-days",
		.kind = TAG_NUMBER,
		.min = 0,
		.max = 365,
		.checks = FOR_TLS,
		.normal = "7",
		.try = "14",
		TAG_FIELD(struct pool, check.cert_days),
		.sentence = "Warn when the certificate ends in fewer days than this." },
	{ .name = "qname",
		.kind = TAG_OTHER,
		.parse = parse_qname,
		.checks = FOR_DNS,
		.try = "example.org",
		.otherwise = "the zone",
		.sentence = "The name that a DNS probe asks for." },
	{ .name = "qtype",
		.kind = TAG_OTHER,
		.parse = parse_qtype,
		.checks = FOR_DNS,
		.normal = "SOA",
		.try = "A",
		.sentence = "The type that a DNS probe asks for." },
	{ .name = "command",
		.kind = TAG_OTHER,
		.parse = parse_command,
		.checks = FOR_EXEC,
		.try = "check-mail",
		.sentence = "The program that check=exec runs: a file's name in the configured checks folder, without "
			    "a slash. check=exec needs it." },
	{ .name = "interval",
		.kind = TAG_DURATION,
		.min = 200,
		.max = 3600000,
		.checks = FOR_RESULTS,
		.normal = "5s",
		.try = "5s",
		TAG_FIELD(struct pool, check.interval_ms),
		.sentence = "The time between two probes of an endpoint; with check=push between two pushes: after "
			    "three without one its "
			    "state is unknown." },
	{ .name = "timeout",
		.kind = TAG_DURATION,
		.min = 50,
		.max = 60000,
		.checks = FOR_PROBES,
		.normal = "2s",
		.try = "2s",
		.otherwise = "2s, or the interval where that is less",
		TAG_FIELD(struct pool, check.timeout_ms),
		.sentence = "The time that one probe may take, at most the interval." },
	{ .name = "rise",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = 100,
		.checks = FOR_RESULTS,
		.normal = "2",
		.try = "2",
		TAG_FIELD(struct pool, check.rise),
		.sentence = "So many good results in a row make an endpoint up, unless it flaps." },
	{ .name = "fall",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = 100,
		.checks = FOR_RESULTS,
		.normal = "3",
		.try = "3",
		TAG_FIELD(struct pool, check.fall),
		.sentence = "So many bad results in a row make an endpoint down; more timeouts, where its path loses "
			    "probes." },
	{ .name = "bias",
		.kind = TAG_NUMBER,
		.min = -99,
		.max = 99,
		.normal = "0",
		.try = "20",
		TAG_FIELD(struct pool, bias),
		.sentence = "Percent by which the pool seems nearer to clients than it is; below zero, farther away." },
	{ .name = "ramp",
		.kind = TAG_DURATION,
		.min = 0,
		.max = 3600000,
		.normal = "120s",
		.try = "2m",
		TAG_FIELD(struct pool, ramp_ms),
		.sentence = "An endpoint that comes up gets its share back over this time." },
	{ .name = "min-up",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = UINT16_MAX,
		.normal = "1",
		.try = "2",
		TAG_FIELD(struct pool, min_up),
		.sentence = "With fewer targets up than this the pool counts as down; not more than it has." },
	{ .name = "vantages",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = 7,
		.normal = "3",
		.try = "3",
		TAG_FIELD(struct pool, vantages),
		.sentence =
			"In a fleet its endpoints are probed from so many regions, or from all where there are fewer; "
			"a majority of those decides." },
	{ .name = "needs",
		.kind = TAG_OTHER,
		.parse = parse_needs,
		.try = "db-eu",
		.sentence =
			"Pools without which this one counts as down, at most 32: labels, or whole names with a last "
			"dot." },
	{ .name = "via",
		.kind = TAG_CHOICE,
		.choices = via_names,
		.normal = "address",
		.try = "cname",
		TAG_FIELD(struct pool, via_cname),
		.sentence = "Whether an answer gives the endpoint's address, or a CNAME to its name: address or cname. "
			    "All pools of a service agree." },
	{ .name = "private",
		.kind = TAG_CHOICE,
		.choices = no_yes,
		.normal = "no",
		.try = "yes",
		TAG_FIELD(struct pool, private_ok),
		.sentence = "Whether a target that is resolved by name may have private and loopback addresses: yes or "
			    "no." },
	{ .name = "capacity",
		.kind = TAG_NUMBER,
		.min = 1,
		.max = 1000000000,
		.try = "1000",
		TAG_FIELD(struct pool, capacity),
		.sentence = "Load units that the pool can carry. With load= the clients that lose least are sent on "
			    "when it has more than 80 % of this." },
	{ .name = "load",
		.kind = TAG_OTHER,
		.parse = parse_load,
		.try = "http://lb.example.org:8080/load",
		.sentence = "Where its load is read: push, a URL that gives a number, or header:NAME, a header on the "
			    "answers of its HTTP check." },
};

const struct tag_table pool_tags = { "pool", "pool1", rows, COUNT_OF(rows) };

/* ---- what tags say together ---- */

static void check_tag_fits(const struct tag_reader *reader, const struct pool *pool, const struct tag *row)
{
	struct buf right = { 0 };

	if (row->checks == 0 || (row->checks >> pool->check.type & 1) != 0 || !tags_has(reader, &pool_tags, row->name))
		return;
	for (size_t i = 0; check_names[i] != NULL; i++)
		if ((row->checks >> i & 1) != 0)
			buf_printf(&right, "%s%s", right.len == 0 ? "" : ", ", check_names[i]);
	tags_mistake(reader, "%s: has no meaning with check=%s (it is for %s)", row->name,
		pool_check_name(pool->check.type), right.text);
	buf_fini(&right);
}

static void check_together(const struct tag_reader *reader, struct pool *pool)
{
	struct check *check = &pool->check;
	char interval[32], timeout[32];

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_tag_fits(reader, pool, &rows[i]);
	if (check->type == CHECK_EXEC && !tags_has(reader, &pool_tags, "command"))
		tags_mistake(reader, "command: missing, and check=exec needs it (try command=check-mail)");
	if (pool->load.source == LOAD_HEADER && (FOR_HTTP >> check->type & 1) == 0)
		tags_mistake(reader, "load=%s: has no meaning with check=%s (it is for http, https)", pool->load.text,
			pool_check_name(check->type));
	if (pool->capacity > 0 && pool->load.source == LOAD_NONE && !tags_has(reader, &pool_tags, "load"))
		tags_warning(reader, "capacity=%u: without load= nobody knows when it is reached (try load=push)",
			pool->capacity);
	if (check->timeout_ms <= check->interval_ms)
		return;
	if (tags_has(reader, &pool_tags, "timeout"))
		tags_mistake(reader, "timeout=%s: longer than the interval of %s (try timeout=%s)",
			duration_format(check->timeout_ms, timeout), duration_format(check->interval_ms, interval),
			interval);
	check->timeout_ms = check->interval_ms;
}

/* ---- its LOC and SRV ---- */

static void read_place(struct tag_reader *reader, struct pool *pool)
{
	const struct draft *draft = reader->draft;
	const struct draft_node *node = &draft->nodes[reader->node];
	const struct draft_record *loc = draft_first(draft, node, RR_LOC), *second;

	if (loc == NULL)
		return;
	second = draft_next(draft, loc);
	if (second != NULL)
		draft_report(draft, REPORT_MISTAKE, node, second, "LOC: a second one (a pool is at one place)");
	pool->located = loc_degrees(draft_rdata(draft, loc), loc->rdlen, &pool->latitude, &pool->longitude);
	if (!pool->located)
		draft_report(
			draft, REPORT_MISTAKE, node, loc, "LOC: not a place on the globe (try LOC 53 20 N 6 15 W 0m)");
}

static int by_priority(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	/* records of a set have no order: all hosts must see one, since an address that two targets have counts for the first */
	return name_compare(&x->name, &y->name);
}

static void read_target(
	const struct tag_reader *reader, const struct pool *pool, const struct draft_record *srv, struct target *target)
{
	const struct draft_node *node = &reader->draft->nodes[reader->node];
	const uint8_t *rdata = draft_rdata(reader->draft, srv);
	char text[NAME_TEXT_MAX];

	target->line = srv->line;
	target->priority = (uint16_t)(rdata[0] << 8 | rdata[1]);
	target->weight = (uint16_t)(rdata[2] << 8 | rdata[3]);
	target->port = (uint16_t)(rdata[4] << 8 | rdata[5]);
	name_from_wire(&target->name, rdata + 6, srv->rdlen - 6u);
	name_format_under(&target->name, &reader->draft->apex, text);
	if (target->name.nlabels == 0)
		draft_report(reader->draft, REPORT_MISTAKE, node, srv,
			"SRV .: no target (name the endpoint, or leave the record out)");
	if (target->port == 0 && (FOR_PORTS >> pool->check.type & 1) != 0)
		draft_report(reader->draft, REPORT_MISTAKE, node, srv,
			"SRV %s: port 0 cannot be probed by check=%s (try 443)", text,
			pool_check_name(pool->check.type));
}

static int by_name(const void *a, const void *b, void *targets)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int names = name_compare(&((const struct target *)targets)[i].name, &((const struct target *)targets)[j].name);

	return names != 0 ? names : (i > j) - (i < j);
}

/* An endpoint is known by its pool and its name: "eu/lb1". */
static void check_names_differ(const struct tag_reader *reader, const struct pool *pool)
{
	uint32_t *order = mem_alloc(pool->ntargets * sizeof *order);
	char text[NAME_TEXT_MAX];

	for (uint32_t i = 0; i < pool->ntargets; i++)
		order[i] = i;
	if (pool->ntargets > 1)
		qsort_r(order, pool->ntargets, sizeof *order, by_name, pool->targets);
	for (size_t i = 1; i < pool->ntargets; i++) {
		const struct target *target = &pool->targets[order[i]];

		if (name_equal(&target->name, &pool->targets[order[i - 1]].name))
			report_add(reader->draft->report, REPORT_MISTAKE, pool->file, target->line,
				"%s._pool: SRV %s: a target twice in one pool (leave one)", pool->label,
				name_format_under(&target->name, &reader->draft->apex, text));
	}
	free(order);
}

static void read_targets(struct tag_reader *reader, struct pool *pool)
{
	const struct draft *draft = reader->draft;
	const struct draft_node *node = &draft->nodes[reader->node];
	const struct draft_record *srv;
	size_t n = 0;

	for (srv = draft_first(draft, node, RR_SRV); srv != NULL; srv = draft_next(draft, srv))
		n++;
	if (n == 0 || n > UINT16_MAX) {
		tags_mistake(reader, n == 0 ? "no SRV record, so nothing is in the pool (try SRV 0 1 443 lb1)"
					    : "more than 65535 SRV records in a pool");
		return;
	}
	pool->targets = arena_alloc(draft->arena, n * sizeof *pool->targets);
	for (srv = draft_first(draft, node, RR_SRV); srv != NULL; srv = draft_next(draft, srv)) {
		pool->targets[pool->ntargets].number = pool->ntargets;
		read_target(reader, pool, srv, &pool->targets[pool->ntargets++]);
	}
	qsort(pool->targets, pool->ntargets, sizeof *pool->targets, by_priority);
	check_names_differ(reader, pool);
	if (pool->min_up > pool->ntargets)
		tags_mistake(
			reader, "min-up=%u: more than the pool has targets (try %u)", pool->min_up, pool->ntargets);
}

void pool_read(struct tag_reader *reader, const char *label)
{
	struct draft *draft = reader->draft;
	struct pool pool = {
		.number = (uint32_t)draft->npools,
		.label = arena_strdup(draft->arena, label),
		.file = draft->files[reader->record->file],
		.line = reader->record->line,
		.check = { .host = "", .body = "", .qname = "", .command = "" },
	};

	if (!is_plain_name(label))
		tags_mistake(reader, "a pool's label is 1 to 63 letters, digits, - and _ (try eu)");
	pool.region = pool.label;
	draft_name(draft, &draft->nodes[reader->node], &pool.name);
	reader->into = &pool;
	tags_read(reader, &pool_tags);
	check_together(reader, &pool);
	read_place(reader, &pool);
	read_targets(reader, &pool);
	draft->pools = mem_grow(draft->pools, draft->npools, &draft->pools_cap, sizeof pool);
	draft->pools[draft->npools++] = pool;
}
