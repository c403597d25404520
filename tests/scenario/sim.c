#include "tests/scenario/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/rules.h"
#include "gslb/standing.h"
#include "gslb/target.h"
#include "health/ballot.h"
#include "tests/geo/mmdb_write.h"

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

void sim_publish(struct sim *sim)
{
	overlay_free(sim->overlay);
	sim->overlay = overlay_new(sim->overrides, sim->snapshot);
	sim->world = (struct world){
		.snapshot = sim->snapshot,
		.overlay = sim->overlay,
		.slots = sim->slots,
		.nslots = SIM_SLOTS,
	};
}

void sim_init(struct sim *sim)
{
	struct err err;

	memset(sim, 0, sizeof(*sim));
	sim->now_ms = SIM_EPOCH_MS;
	sim->dice.state = sim->name_seed = SIM_SEED;
	memcpy(sim->seed, "sixteen bytes..", sizeof(sim->seed));
	snprintf(sim->state, sizeof(sim->state), "/tmp/gslb-sim.XXXXXX");
	if (mkdtemp(sim->state) == NULL)
		fail("%s: cannot be made", sim->state);
	sim->overrides = override_list_open(sim->state, sim->now_ms, &err);
}

static void remove_state(const char *state)
{
	static const char *const files[] = { "overrides.json", "overrides.json.bad", "audit.log", "audit.log.1",
		"audit.log.2", "audit.log.3", "audit.log.4" };
	char path[128];

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", state, files[i]);
		unlink(path);
	}
	rmdir(state);
}

void sim_fini(struct sim *sim)
{
	overlay_free(sim->overlay);
	snapshot_free(sim->snapshot);
	snapshot_geo_unref(sim->geo);
	override_list_free(sim->overrides);
	for (size_t i = 0; i < sim->nzones; i++)
		zone_unref(sim->zones[i]);
	for (size_t i = 0; i < sim->nslots; i++)
		free(sim->slot[i].pool);
	crowd_free(sim->crowd);
	fleet_free(sim->fleet);
	arena_free(sim->rules);
	buf_fini(&sim->places[0]);
	buf_fini(&sim->places[1]);
	remove_state(sim->state);
}

/* ---- zones ---- */

static void show_report(const struct report *report)
{
	char text[1024];

	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], text, sizeof(text));
		fprintf(stderr, "%s\n", text);
	}
}

void sim_zone(struct sim *sim, const char *apex, const char *text)
{
	struct report report = { 0 };
	struct zone *zone;
	struct name origin;
	char file[256];
	size_t at = 0;

	if (!name_from_text(&origin, apex))
		fail("%s: no name", apex);
	snprintf(file, sizeof(file), "%s.zone", apex);
	zone = zone_parse(file, text, strlen(text), &origin, sim->name_seed, &report);
	if (zone == NULL) {
		show_report(&report);
		fail("%s: has mistakes", file);
	}
	report_fini(&report);
	while (at < sim->nzones && !name_equal(&sim->zones[at]->apex, &origin))
		at++;
	if (at == SIM_ZONES)
		fail("more than %d zones", SIM_ZONES);
	if (at == sim->nzones)
		sim->nzones++;
	else
		zone_unref(sim->zones[at]);
	sim->zones[at] = zone;
}

/* ---- places ---- */

void sim_place(struct sim *sim, const char *line)
{
	char net[64], lat[32] = "-", lon[32] = "-", country[8] = "-", continent[8] = "-", asn[16] = "-",
		      region[16] = "-";
	struct buf *place = &sim->places[0];

	if (sscanf(line, "%63s %31s %31s %7s %7s %15s %15s", net, lat, lon, country, continent, asn, region) < 3)
		fail("%s: not a place", line);
	buf_printf(place, "%s {", net);
	if (lat[0] != '-' || lat[1] != '\0')
		buf_printf(place, "'location':{'latitude':%f 'longitude':%f} ", atof(lat), atof(lon));
	if (strcmp(country, "-") != 0)
		buf_printf(place, "'country':{'iso_code':'%s'} ", country);
	if (strcmp(continent, "-") != 0)
		buf_printf(place, "'continent':{'code':'%s'} ", continent);
	if (strcmp(region, "-") != 0)
		buf_printf(place, "'subdivisions':[{'iso_code':'%s'}] ", region);
	buf_printf(place, "}\n");
	if (strcmp(asn, "-") != 0)
		buf_printf(&sim->places[1], "%s {'autonomous_system_number':%s}\n", net, asn);
}

static const char *write_database(const char *type, char *lines, int *fd, char path[static 64])
{
	struct mmdb_write w;
	char *save = NULL;

	mmdb_write_init(&w, 6, 28, type);
	for (char *line = strtok_r(lines, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *record = strchr(line, ' ');

		*record = '\0';
		mmdb_write_put(&w, line, record + 1);
	}
	mmdb_write_file(&w, fd, path);
	mmdb_write_fini(&w);
	return path;
}

static struct geo *open_geo(const struct sim *sim)
{
	static const char *const types[2] = { "City", "ASN" };
	const char *paths[2];
	char path[2][64];
	size_t n = 0;
	int fds[2];
	struct err err;
	struct geo *geo;

	for (size_t i = 0; i < 2; i++)
		if (sim->places[i].len > 0) {
			char *lines = mem_strdup(sim->places[i].text);

			paths[n] = write_database(types[i], lines, &fds[n], path[n]);
			free(lines);
			n++;
		}
	geo = geo_open(paths, n, &err);
	if (geo == NULL)
		fail("%s", err.text);
	while (n > 0)
		close(fds[--n]);
	return geo;
}

/* ---- loading ---- */

void sim_resolve(struct sim *sim, const char *name, const char *addr, uint64_t ttl_ms)
{
	struct resolved *resolved;
	struct name wanted;
	size_t at = 0;

	if (!name_from_text(&wanted, name))
		fail("%s: no name", name);
	while (at < sim->nnames && !name_equal(&sim->names[at].name, &wanted))
		at++;
	if (at == SIM_NAMES)
		fail("more than %d names", SIM_NAMES);
	resolved = &sim->names[at];
	if (at == sim->nnames)
		*resolved = (struct resolved){ .name = wanted };
	sim->nnames = at == sim->nnames ? at + 1 : sim->nnames;
	if (!addr_parse(addr, &resolved->addrs[resolved->naddrs++]))
		fail("%s: no address", addr);
	resolved->expires_ms = sim->now_ms + ttl_ms;
}

static const struct resolved *find_name(void *context, const struct name *name)
{
	const struct sim *sim = context;

	for (size_t i = 0; i < sim->nnames; i++)
		if (name_equal(&sim->names[i].name, name))
			return &sim->names[i];
	return NULL;
}

static bool take_slot(void *context, const struct endpoint *endpoint, const struct pool *pool,
	const struct target *target, uint32_t *slot, uint16_t *generation)
{
	struct sim *sim = context;
	char name[NAME_TEXT_MAX];
	size_t at = 0;

	(void)target;
	name_format(&pool->name, name);
	while (at < sim->nslots &&
		!(addr_equal(&sim->slot[at].addr, &endpoint->addr) && strcmp(sim->slot[at].pool, name) == 0))
		at++;
	if (at == SIM_SLOTS)
		return false;
	if (at == sim->nslots)
		sim->slot[sim->nslots++] = (struct sim_slot){ .addr = endpoint->addr, .pool = mem_strdup(name) };
	*slot = (uint32_t)at;
	*generation = 0;
	return true;
}

static void gather_crowd(struct sim *sim)
{
	uint32_t *groups = mem_alloc((sim->snapshot->nendpoints + 1) * sizeof *groups);

	crowd_free(sim->crowd);
	sim->crowd = crowd_new(rules_groups(sim->snapshot, groups));
	for (uint32_t i = 0; i < sim->snapshot->nendpoints; i++) {
		uint32_t slot = sim->snapshot->endpoints[i].slot;
		struct crowd_member *member = &sim->slot[slot < SIM_SLOTS ? slot : 0].member;

		if (slot != SLOT_NONE)
			crowd_join(sim->crowd, member, groups[i], sim->slot[slot].detector.state == HEALTH_UP);
	}
	free(groups);
}

void sim_load(struct sim *sim)
{
	struct snapshot_inputs inputs = {
		.resolve = find_name,
		.slot = take_slot,
		.context = sim,
		.meter = sim->meter,
		.learn = true,
		.now_s = sim->now_ms / 1000,
	};
	struct snapshot *before = sim->snapshot;
	struct report report = { 0 };
	struct zone_set *set = zone_set_link(sim->zones, sim->nzones, sim->name_seed, &report);
	struct err err;

	memcpy(inputs.seed, sim->seed, sizeof(inputs.seed));
	if (set == NULL) {
		show_report(&report);
		fail("the zones have mistakes");
	}
	report_fini(&report);
	if (sim->geo == NULL)
		sim->geo = snapshot_geo_ref(open_geo(sim));
	sim->snapshot = snapshot_new(set, sim->geo, &inputs, before, &err);
	if (sim->snapshot == NULL)
		fail("%s", err.text);
	snapshot_free(before);
	sim_publish(sim);
	gather_crowd(sim);
}

/* ---- what happens ---- */

static void show(struct sim *sim, uint32_t slot, const struct verdict *verdict)
{
	sim->slots[slot].word = verdict_pack(verdict);
}

static void look(struct sim *sim, uint64_t since_ms)
{
	sim->counts.groups_failing = crowd_failing(sim->crowd);
	sim->counts.groups_seen = crowd_seen_since(sim->crowd, since_ms);
	abstain_step(&sim->abstain,
		&(struct abstain_rule){ .patience_ms = ABSTAIN_PATIENCE_MS, .calm_ms = ABSTAIN_CALM_MS }, &sim->counts,
		sim->now_ms);
}

/* May this failure take it down? As probing.c has it. */
static bool trusted(struct sim *sim, const struct sim_slot *slot, const struct detector *next)
{
	if (slot->detector.state == HEALTH_DOWN || sim->fleet != NULL)
		return true;
	if (sim->abstain.why != ABSTAIN_NOT)
		return false;
	if (next->state == HEALTH_DOWN)
		look(sim, slot->failing_ms);
	return next->state != HEALTH_DOWN || abstain_allows_down(&sim->abstain);
}

static void step(struct sim *sim, const struct endpoint *endpoint, enum probe_result result)
{
	const struct check *check = &sim->snapshot->pools[endpoint->pool].pool->check;
	const struct detector_rule rule = {
		.rise = (uint16_t)check->rise,
		.fall = (uint16_t)check->fall,
		.interval_ms = check->interval_ms,
	};
	struct sim_slot *slot = &sim->slot[endpoint->slot];
	struct board_slot *board = &sim->slots[endpoint->slot];
	const struct observation seen = { .result = result };
	struct detector next = slot->detector;
	bool ok = result == PROBE_OK, failed = slot->member.failing, held;
	struct detector_terms terms;

	crowd_result(sim->crowd, &slot->member, slot->detector.state == HEALTH_UP, ok, sim->now_ms);
	if (slot->member.failing && !failed)
		slot->failing_ms = sim->now_ms;
	detector_step(&next, &rule, &seen, sim->now_ms, &sim->next_ms);
	held = !ok && !trusted(sim, slot, &next);
	if (held)
		slot->detector.doubt = true;
	else
		slot->detector = next;
	crowd_result(sim->crowd, &slot->member, slot->detector.state == HEALTH_UP, ok, sim->now_ms);
	terms = detector_terms(&slot->detector, &rule, sim->now_ms);
	board->terms = detector_terms_pack(&terms);
	board->streak = slot->detector.streak;
	board->last_s = (uint32_t)(sim->now_ms / 1000);
	show(sim, endpoint->slot,
		&(struct verdict){
			.state = slot->detector.state,
			.doubt = slot->detector.doubt,
			.recovered = slot->detector.recovered,
			.damped = slot->detector.damped || slot->damped,
			.held = held,
			.reason = (uint8_t)result,
			.since_s = (uint32_t)(slot->detector.since_ms / 1000),
		});
}

static void each_endpoint(struct sim *sim, const char *text,
	void (*act)(struct sim *sim, const struct endpoint *endpoint, void *what), void *what)
{
	struct override_target target;
	struct err err;

	if (!override_target_find(sim->snapshot, text, &target, &err))
		fail("%s", err.text);
	for (uint32_t i = 0; i < sim->snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &sim->snapshot->endpoints[i];

		if (endpoint->pool != target.pool || endpoint->slot == SLOT_NONE)
			continue;
		if (target.kind == OVERRIDE_ENDPOINT && target.name == NULL &&
			!addr_equal(&endpoint->addr, &target.addr))
			continue;
		if (target.name != NULL &&
			!name_equal(&sim->snapshot->set->targets[endpoint->target]->name, target.name))
			continue;
		act(sim, endpoint, what);
	}
}

static void step_with(struct sim *sim, const struct endpoint *endpoint, void *result)
{
	step(sim, endpoint, *(const enum probe_result *)result);
}

void sim_probe(struct sim *sim, const char *target, enum probe_result result)
{
	each_endpoint(sim, target, step_with, &result);
}

static void damp(struct sim *sim, const struct endpoint *endpoint, void *damped)
{
	struct sim_slot *slot = &sim->slot[endpoint->slot];
	struct verdict verdict = verdict_unpack(sim->slots[endpoint->slot].word);

	slot->damped = *(const bool *)damped;
	verdict.damped = slot->detector.damped || slot->damped;
	verdict.reason = PROBE_OK;
	show(sim, endpoint->slot, &verdict);
}

void sim_damp(struct sim *sim, const char *target, bool damped)
{
	each_endpoint(sim, target, damp, &damped);
}

/* ---- many vantages ---- */

void sim_anchors(struct sim *sim, uint32_t failing, uint32_t of)
{
	sim->counts.anchors = of;
	sim->counts.anchors_failing = failing;
	look(sim, sim->now_ms);
}

const char *sim_abstaining(const struct sim *sim, char text[static ABSTAIN_TEXT_MAX])
{
	uint32_t failing, of;

	abstain_numbers(&sim->abstain, &failing, &of);
	return abstain_sentence(sim->abstain.why, failing, of, text);
}

static struct fleet_now fleet_clock(const struct sim *sim)
{
	return (struct fleet_now){ .monotonic_ms = sim->now_ms, .wall_ms = sim->now_ms };
}

/* Each endpoint is probed by all regions. */
static void plan_targets(struct sim *sim, struct health_plan *plan)
{
	struct health_target *targets = arena_alloc(sim->rules, SIM_SLOTS * sizeof *targets);
	static const struct health_probe probe = { .check = HEALTH_CHECK_TCP };

	for (uint32_t i = 0; i < sim->snapshot->nendpoints; i++) {
		const struct endpoint *endpoint = &sim->snapshot->endpoints[i];

		if (endpoint->slot == SLOT_NONE)
			continue;
		targets[plan->ntargets++] = (struct health_target){ .slot = endpoint->slot,
			.addr = endpoint->addr,
			.port = endpoint->port,
			.probe = probe,
			.vantages = (uint8_t)plan->fleet.nregions };
		sim->ids[endpoint->slot] = ballot_id(health_identity(&endpoint->addr, endpoint->port, &probe));
	}
	plan->targets = targets;
}

void sim_vantages(struct sim *sim, char **names, unsigned n)
{
	struct health_plan plan = { .fleet = { .relay_socket = "", .region = "" } };
	const struct fleet_now now = fleet_clock(sim);
	const char **regions;

	if (n > SIM_VANTAGES || n > ASSIGN_VANTAGES_MAX)
		fail("more than %d vantages", SIM_VANTAGES);
	fleet_free(sim->fleet);
	arena_free(sim->rules);
	sim->rules = arena_new();
	plan.fleet.regions = regions = arena_alloc(sim->rules, n * sizeof *regions);
	plan.fleet.nregions = n;
	sim->nvantages = n;
	for (unsigned i = 0; i < n; i++) {
		sim->vantages[i] = (struct sim_vantage){ .silent = false };
		snprintf(sim->vantages[i].name, sizeof(sim->vantages[i].name), "%s", names[i]);
		regions[i] = sim->vantages[i].name;
	}
	rules_budget(sim->snapshot, sim->rules, &plan);
	plan_targets(sim, &plan);
	sim->fleet = fleet_new("");
	fleet_set(sim->fleet, &plan, SIM_SLOTS, &now);
}

struct sim_vantage *sim_vantage(struct sim *sim, const char *name)
{
	for (unsigned i = 0; i < sim->nvantages; i++)
		if (strcmp(sim->vantages[i].name, name) == 0)
			return &sim->vantages[i];
	fail("%s: no vantage", name);
}

static int by_id(const void *a, const void *b)
{
	const struct ballot_entry *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* All that a vantage says, over the real ballot. */
static void hear_vantage(struct sim *sim, struct sim_vantage *vantage)
{
	struct state_said said = {
		.kind = STATE_VOTES, .node = "ns1", .epoch = 1, .seq = ++vantage->seq, .full = true
	};
	struct ballot_head head = { .abstains = vantage->abstains, .to = BALLOT_ID_MAX };
	const struct fleet_now now = fleet_clock(sim);
	struct ballot_entry entries[SIM_SLOTS];
	struct ballot_writer writer;
	struct buf body = { 0 };
	size_t n = 0;

	for (uint32_t slot = 0; slot < sim->nslots; slot++)
		if (sim->ids[slot] != 0 && vantage->votes[slot].says != VOTE_SILENT)
			entries[n++] = (struct ballot_entry){ .id = sim->ids[slot],
				.says = vantage->votes[slot].says,
				.leaning = vantage->votes[slot].leaning,
				.since_s = vantage->votes[slot].since_s };
	qsort(entries, n, sizeof *entries, by_id);
	ballot_begin(&writer, &body, &head);
	for (size_t i = 0; i < n; i++)
		ballot_add(&writer, &entries[i]);
	ballot_end(&writer, BALLOT_ID_MAX);
	snprintf(said.region, sizeof said.region, "%s", vantage->name);
	said.body = body.text;
	said.len = body.len;
	if (!fleet_hear(sim->fleet, &said, &now))
		fail("%s: its ballot is not understood", vantage->name);
	buf_fini(&body);
}

static void judge_slot(struct sim *sim, uint32_t slot)
{
	struct verdict was = verdict_unpack(sim->slots[slot].word), shown = { .reason = PROBE_REFUSED };
	const struct fleet_now now = fleet_clock(sim);
	struct fleet_verdict verdict;

	if (!fleet_has(sim->fleet, slot))
		return;
	fleet_judge(sim->fleet, slot, &now, &verdict);
	shown.state = verdict.state;
	shown.doubt = verdict.doubt;
	shown.held = verdict.held;
	shown.frozen = verdict.frozen;
	shown.since_s = shown.state != was.state ? (uint32_t)(sim->now_ms / 1000) : was.since_s;
	shown.recovered = shown.state != was.state ? was.state == HEALTH_DOWN : was.recovered;
	show(sim, slot, &shown);
}

void sim_judge(struct sim *sim)
{
	const struct fleet_now now = fleet_clock(sim);
	uint32_t slot;
	bool suspect;

	if (sim->fleet == NULL)
		return;
	for (unsigned i = 0; i < sim->nvantages; i++)
		if (!sim->vantages[i].silent)
			hear_vantage(sim, &sim->vantages[i]);
	fleet_tick(sim->fleet, &now);
	for (slot = 0; slot < sim->nslots; slot++)
		judge_slot(sim, slot);
	while (fleet_next(sim->fleet, &slot, &suspect))
		judge_slot(sim, slot);
}

struct sim_said {
	struct sim_vantage *vantage;
	enum vote_says says;
	bool leaning;
};

static void say(struct sim *sim, const struct endpoint *endpoint, void *what)
{
	struct sim_said *said = what;
	bool same = said->vantage->votes[endpoint->slot].says == said->says;

	said->vantage->votes[endpoint->slot].says = said->says;
	said->vantage->votes[endpoint->slot].leaning = said->leaning;
	if (!same)
		said->vantage->votes[endpoint->slot].since_s = (uint32_t)(sim->now_ms / 1000);
}

void sim_vote(struct sim *sim, const char *vantage, const char *target, enum vote_says says, bool leaning)
{
	struct sim_said said = { .vantage = sim_vantage(sim, vantage), .says = says, .leaning = leaning };

	if (said.vantage->silent)
		fail("%s: is silent", vantage);
	each_endpoint(sim, target, say, &said);
	sim_judge(sim);
}

bool sim_force(struct sim *sim, const struct override_request *request, struct err *err)
{
	bool good = override_set(sim->overrides, &sim->world, request, sim->now_ms, NULL, err);

	sim_publish(sim);
	return good;
}

bool sim_clear(struct sim *sim, const char *target, struct err *err)
{
	bool good = override_clear(sim->overrides, &sim->world, target, "tester", sim->now_ms, err) == OVERRIDE_CLEARED;

	sim_publish(sim);
	return good;
}

void sim_at(struct sim *sim, uint64_t now_ms)
{
	uint64_t next_ms;

	sim->now_ms = SIM_EPOCH_MS + now_ms;
	if (override_expire(sim->overrides, sim->now_ms, &next_ms))
		sim_publish(sim);
	sim_judge(sim);
	if (sim->abstain.why != ABSTAIN_NOT) /* gslb-health looks each second */
		look(sim, sim->abstain.since_ms);
}

void sim_wait(struct sim *sim, uint64_t ms)
{
	sim_at(sim, sim->now_ms - SIM_EPOCH_MS + ms);
}

void sim_restart(struct sim *sim)
{
	struct err err;

	override_list_free(sim->overrides);
	sim->overrides = override_list_open(sim->state, sim->now_ms, &err);
	if (err.text[0] != '\0')
		fail("%s", err.text);
	sim_publish(sim);
}

/* ---- asking ---- */

const struct service_plan *sim_service(const struct sim *sim, const char *text)
{
	struct found found = { 0 };
	struct name name;

	if (!name_from_text(&name, text))
		fail("%s: no name", text);
	if (zone_set_find(sim->snapshot->set, &name, RR_A, &found) != FOUND_NODE || found.service == NULL)
		fail("%s: no service", text);
	return &sim->snapshot->services[found.service->number];
}

void sim_client(const char *text, struct client *client)
{
	struct prefix prefix;

	if (!prefix_parse(text, &prefix))
		fail("%s: no client", text);
	*client = (struct client){ .addr = prefix.addr };
	client->ecs = strchr(text, '/') != NULL;
	client->source_len = client->ecs ? prefix.len : 0;
	client->explore = true;
}

void sim_ask(struct sim *sim, const char *text, const char *name, enum family family, struct decision *decision,
	struct trace *trace)
{
	struct client client;

	sim_client(text, &client);
	memset(decision, 0xee, sizeof(*decision)); /* decide must fill in all that is read */
	decide(&sim->world, sim_service(sim, name), &client, family, sim->now_ms, &sim->dice, decision, trace);
}
