/* A plan as bytes: a head, then targets, then lookups, each field after the other in the host's byte order, texts as a length
 * and their bytes. It is read through a cursor that remembers its first error. The reader copies the file first instead of
 * mapping it: nobody can then change it between the check and the use. */
#include "health/plan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = "gslbpln4";

enum {
	TEXT_LEN_MAX = 1 << 16,      /* a TXT record's data is no longer */
	TARGET_LEN_MIN = 46 + 7 * 4, /* all fields of one without the texts' bytes and the status ranges */
	LOOKUP_LEN_MIN = 8,
	GAUGE_LEN_MIN = 16,
	ANCHOR_LEN = 19,
	POOL_LEN_MIN = 16,
	SERVICE_LEN_MIN = 12,
	REGIONS_MAX = 64,
	PLAN_LEN_MAX = 1 << 30,
};

/* ---- writing ---- */

static void put(struct buf *buf, const void *field, size_t len)
{
	buf_add(buf, field, len);
}

static void put_u16(struct buf *buf, uint16_t number)
{
	put(buf, &number, sizeof number);
}

static void put_u32(struct buf *buf, uint32_t number)
{
	put(buf, &number, sizeof number);
}

static bool put_text(struct buf *buf, const char *text, const char *what, struct err *err)
{
	size_t len = text == NULL ? 0 : strlen(text);

	if (len > TEXT_LEN_MAX)
		return err_set(
			err, "%s has %zu bytes: at most %d can be handed to gslb-health", what, len, TEXT_LEN_MAX);
	put_u32(buf, (uint32_t)len);
	put(buf, text, len);
	return true;
}

static void put_addr(struct buf *buf, const struct addr *addr)
{
	put(buf, &addr->family, 1);
	put(buf, addr->bytes, 16);
}

static bool put_target(struct buf *buf, const struct health_target *target, struct err *err)
{
	const struct health_probe *probe = &target->probe;

	assert(probe->nstatus <= COUNT_OF(probe->status));
	put_u32(buf, target->slot);
	put_u16(buf, target->generation);
	put_u16(buf, target->port);
	put_addr(buf, &target->addr);
	put_u16(buf, (uint16_t)probe->check);
	put_u16(buf, probe->verify);
	put_u16(buf, probe->cert_days);
	put_u16(buf, probe->qtype);
	put_u32(buf, probe->interval_ms);
	put_u32(buf, probe->timeout_ms);
	put_u16(buf, probe->rise);
	put_u16(buf, probe->fall);
	put(buf, &probe->nstatus, 1);
	for (unsigned i = 0; i < probe->nstatus; i++) {
		put_u16(buf, probe->status[i].from);
		put_u16(buf, probe->status[i].to);
	}
	return put_text(buf, probe->host, "host", err) && put_text(buf, probe->path, "path", err) &&
	       put_text(buf, probe->body, "body", err) && put_text(buf, probe->qname, "qname", err) &&
	       put_text(buf, probe->command, "command", err) && put_text(buf, probe->load, "load", err) &&
	       put_text(buf, target->label, "label", err);
}

static bool put_gauges(struct buf *buf, const struct health_plan *plan, struct err *err)
{
	put_u32(buf, (uint32_t)plan->ngauges);
	for (size_t i = 0; i < plan->ngauges; i++) {
		const struct health_gauge *gauge = &plan->gauges[i];

		put_u32(buf, gauge->id);
		put_u16(buf, gauge->tls);
		put_u16(buf, gauge->port);
		if (!put_text(buf, gauge->host, "load", err) || !put_text(buf, gauge->path, "load", err))
			return false;
	}
	return true;
}

static void put_numbers(struct buf *buf, const uint32_t *numbers, uint32_t n)
{
	put_u32(buf, n);
	put(buf, numbers, n * sizeof *numbers);
}

static bool put_fleet(struct buf *buf, const struct health_fleet *fleet, struct err *err)
{
	put_u32(buf, (uint32_t)fleet->nregions);
	for (size_t i = 0; i < fleet->nregions; i++)
		if (!put_text(buf, fleet->regions[i], "region", err))
			return false;
	return put_text(buf, fleet->region, "region", err) && put_text(buf, fleet->relay_socket, "socket", err);
}

/* What judging needs beyond the probes: who can fail together, whom we ask about ourselves, and what the budget counts. */
static bool put_rules(struct buf *buf, const struct health_plan *plan, struct err *err)
{
	put_u32(buf, plan->ngroups);
	for (size_t i = 0; i < plan->ntargets; i++)
		put_u32(buf, plan->targets[i].group);
	for (size_t i = 0; i < plan->ntargets; i++)
		put(buf, &plan->targets[i].vantages, 1);
	put_u32(buf, (uint32_t)plan->nanchors);
	for (size_t i = 0; i < plan->nanchors; i++) {
		put_addr(buf, &plan->anchors[i].addr);
		put_u16(buf, plan->anchors[i].port);
	}
	if (!put_fleet(buf, &plan->fleet, err))
		return false;
	put_u32(buf, (uint32_t)plan->npools);
	for (size_t i = 0; i < plan->npools; i++) {
		const struct health_pool *pool = &plan->pools[i];

		put_numbers(buf, pool->slots, pool->nslots);
		put_u32(buf, pool->nv4);
		put_u32(buf, pool->min_up);
		if (!put_text(buf, pool->label, "pool", err))
			return false;
	}
	put_u32(buf, (uint32_t)plan->nservices);
	for (size_t i = 0; i < plan->nservices; i++) {
		const struct health_service *service = &plan->services[i];

		put_numbers(buf, service->pools, service->npools);
		put_u32(buf, service->keep);
		if (!put_text(buf, service->label, "service", err))
			return false;
	}
	return true;
}

bool plan_format(const struct health_plan *plan, struct buf *buf, struct err *err)
{
	put(buf, magic, sizeof magic);
	put(buf, &plan->serial, sizeof plan->serial);
	put_u32(buf, (uint32_t)plan->ntargets);
	put_u32(buf, (uint32_t)plan->nlookups);
	if (!put_text(buf, plan->checks_directory, "checks-directory", err))
		return false;
	for (size_t i = 0; i < plan->ntargets; i++)
		if (!put_target(buf, &plan->targets[i], err))
			return false;
	for (size_t i = 0; i < plan->nlookups; i++) {
		put_u32(buf, plan->lookups[i].id);
		if (!put_text(buf, plan->lookups[i].name, "name", err))
			return false;
	}
	return put_gauges(buf, plan, err) && put_rules(buf, plan, err);
}

int health_plan_write(const struct health_plan *plan, struct err *err)
{
	struct buf buf = { 0 };
	int fd = -1;

	if (!plan_format(plan, &buf, err))
		goto out;
	fd = memfd_create("gslb-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || !file_write_all(fd, buf.text, buf.len) ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		err_set(err, "the plan for gslb-health cannot be written: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
out:
	buf_fini(&buf);
	return fd;
}

/* ---- reading ---- */

struct cursor {
	const uint8_t *at, *end;
	struct arena *arena;
	bool bad;
};

static void get(struct cursor *c, void *field, size_t len)
{
	if (c->bad || (size_t)(c->end - c->at) < len) {
		c->bad = true;
		memset(field, 0, len);
		return;
	}
	memcpy(field, c->at, len);
	c->at += len;
}

static uint16_t get_u16(struct cursor *c)
{
	uint16_t number;

	get(c, &number, sizeof number);
	return number;
}

static uint32_t get_u32(struct cursor *c)
{
	uint32_t number;

	get(c, &number, sizeof number);
	return number;
}

static const char *get_text(struct cursor *c)
{
	uint32_t len = get_u32(c);
	char *text;

	if (len > TEXT_LEN_MAX || (size_t)(c->end - c->at) < len)
		c->bad = true;
	if (c->bad || len == 0)
		return "";
	text = arena_alloc(c->arena, len + 1);
	get(c, text, len);
	if (memchr(text, '\0', len) != NULL)
		c->bad = true;
	return text;
}

static void get_addr(struct cursor *c, struct addr *addr)
{
	get(c, &addr->family, 1);
	get(c, addr->bytes, 16);
	c->bad |= addr->family != ADDR_V4 && addr->family != ADDR_V6;
}

static bool target_is_sound(const struct health_target *target)
{
	const struct health_probe *probe = &target->probe;

	return probe->check < HEALTH_CHECKS && probe->interval_ms > 0 && probe->timeout_ms > 0 && probe->rise > 0 &&
	       probe->fall > 0;
}

static void get_target(struct cursor *c, struct health_target *target)
{
	struct health_probe *probe = &target->probe;

	target->slot = get_u32(c);
	target->generation = get_u16(c);
	target->port = get_u16(c);
	get_addr(c, &target->addr);
	probe->check = get_u16(c);
	probe->verify = get_u16(c) != 0;
	probe->cert_days = get_u16(c);
	probe->qtype = get_u16(c);
	probe->interval_ms = get_u32(c);
	probe->timeout_ms = get_u32(c);
	probe->rise = get_u16(c);
	probe->fall = get_u16(c);
	get(c, &probe->nstatus, 1);
	if (probe->nstatus > COUNT_OF(probe->status)) {
		c->bad = true;
		probe->nstatus = 0;
	}
	for (unsigned i = 0; i < probe->nstatus; i++) {
		probe->status[i].from = get_u16(c);
		probe->status[i].to = get_u16(c);
	}
	probe->host = get_text(c);
	probe->path = get_text(c);
	probe->body = get_text(c);
	probe->qname = get_text(c);
	probe->command = get_text(c);
	probe->load = get_text(c);
	target->label = get_text(c);
	c->bad |= !target_is_sound(target);
}

/* A count that the rest of the bytes cannot hold is damage, and must not size an array. */
static size_t get_count(struct cursor *c, size_t item_len_min)
{
	size_t count = get_u32(c);

	if (count > (size_t)(c->end - c->at) / item_len_min)
		c->bad = true;
	return c->bad ? 0 : count;
}

static void get_gauges(struct cursor *c, struct health_plan *plan)
{
	struct health_gauge *gauges;

	plan->ngauges = get_count(c, GAUGE_LEN_MIN);
	plan->gauges = gauges = arena_alloc(c->arena, plan->ngauges * sizeof *gauges);
	for (size_t i = 0; i < plan->ngauges && !c->bad; i++) {
		gauges[i].id = get_u32(c);
		gauges[i].tls = get_u16(c) != 0;
		gauges[i].port = get_u16(c);
		gauges[i].host = get_text(c);
		gauges[i].path = get_text(c);
	}
}

static const uint32_t *get_numbers(struct cursor *c, uint32_t *n)
{
	uint32_t *numbers;

	*n = (uint32_t)get_count(c, sizeof *numbers);
	numbers = arena_alloc(c->arena, *n * sizeof *numbers);
	get(c, numbers, *n * sizeof *numbers);
	return numbers;
}

static void get_pools(struct cursor *c, struct health_plan *plan)
{
	struct health_pool *pools;

	plan->npools = get_count(c, POOL_LEN_MIN);
	plan->pools = pools = arena_alloc(c->arena, plan->npools * sizeof *pools);
	for (size_t i = 0; i < plan->npools && !c->bad; i++) {
		pools[i].slots = get_numbers(c, &pools[i].nslots);
		pools[i].nv4 = get_u32(c);
		pools[i].min_up = get_u32(c);
		pools[i].label = get_text(c);
		c->bad |= pools[i].nv4 > pools[i].nslots;
	}
}

static void get_services(struct cursor *c, struct health_plan *plan)
{
	struct health_service *services;

	plan->nservices = get_count(c, SERVICE_LEN_MIN);
	plan->services = services = arena_alloc(c->arena, plan->nservices * sizeof *services);
	for (size_t i = 0; i < plan->nservices && !c->bad; i++) {
		services[i].pools = get_numbers(c, &services[i].npools);
		services[i].keep = get_u32(c);
		services[i].label = get_text(c);
		for (uint32_t k = 0; k < services[i].npools; k++)
			c->bad |= services[i].pools[k] >= plan->npools;
	}
}

static void get_fleet(struct cursor *c, struct health_fleet *fleet)
{
	const char **regions;

	fleet->nregions = get_count(c, 4);
	c->bad |= fleet->nregions > REGIONS_MAX;
	fleet->nregions = c->bad ? 0 : fleet->nregions;
	fleet->regions = regions = arena_alloc(c->arena, (fleet->nregions + 1) * sizeof *regions);
	for (size_t i = 0; i < fleet->nregions; i++)
		regions[i] = get_text(c);
	fleet->region = get_text(c);
	fleet->relay_socket = get_text(c);
}

static void get_rules(struct cursor *c, struct health_plan *plan, struct health_target *targets)
{
	struct health_anchor *anchors;

	plan->ngroups = get_u32(c);
	c->bad |= plan->ngroups > plan->ntargets;
	for (size_t i = 0; i < plan->ntargets && !c->bad; i++)
		targets[i].group = get_u32(c);
	for (size_t i = 0; i < plan->ntargets && !c->bad; i++)
		get(c, &targets[i].vantages, 1);
	plan->nanchors = get_count(c, ANCHOR_LEN);
	plan->anchors = anchors = arena_alloc(c->arena, plan->nanchors * sizeof *anchors);
	for (size_t i = 0; i < plan->nanchors && !c->bad; i++) {
		get_addr(c, &anchors[i].addr);
		anchors[i].port = get_u16(c);
	}
	get_fleet(c, &plan->fleet);
	get_pools(c, plan);
	get_services(c, plan);
}

bool plan_parse(const uint8_t *bytes, size_t len, struct arena *arena, struct health_plan *plan, struct err *err)
{
	struct cursor c = { .at = bytes, .end = bytes + len, .arena = arena };
	struct health_target *targets;
	struct health_lookup *lookups;
	char head[sizeof magic];

	get(&c, head, sizeof head);
	if (c.bad || memcmp(head, magic, sizeof head) != 0)
		return err_set(err, "not a plan of this version: gslbd and gslb-health must be of one build");
	*plan = (struct health_plan){ 0 };
	get(&c, &plan->serial, sizeof plan->serial);
	plan->ntargets = get_count(&c, TARGET_LEN_MIN);
	plan->nlookups = get_count(&c, LOOKUP_LEN_MIN);
	plan->checks_directory = get_text(&c);
	plan->targets = targets = arena_alloc(arena, plan->ntargets * sizeof *targets);
	plan->lookups = lookups = arena_alloc(arena, plan->nlookups * sizeof *lookups);
	for (size_t i = 0; i < plan->ntargets && !c.bad; i++)
		get_target(&c, &targets[i]);
	for (size_t i = 0; i < plan->nlookups && !c.bad; i++) {
		lookups[i].id = get_u32(&c);
		lookups[i].name = get_text(&c);
	}
	get_gauges(&c, plan);
	get_rules(&c, plan, targets);
	if (c.bad || c.at != c.end)
		return err_set(err, "the plan is damaged at byte %zu of %zu", (size_t)(c.at - bytes), len);
	return true;
}

bool health_plan_read(int fd, struct arena *arena, struct health_plan *plan, struct err *err)
{
	size_t len = 0;
	uint8_t *bytes;
	struct stat st;
	bool ok;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > PLAN_LEN_MAX)
		return err_set(err, "a plan comes as a memfd of at most %d bytes", PLAN_LEN_MAX);
	bytes = mem_alloc((size_t)st.st_size);
	while (len < (size_t)st.st_size) {
		ssize_t n = pread(fd, bytes + len, (size_t)st.st_size - len, (off_t)len);

		if (n <= 0 && !(n < 0 && errno == EINTR))
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	ok = plan_parse(bytes, len, arena, plan, err);
	free(bytes);
	return ok;
}
