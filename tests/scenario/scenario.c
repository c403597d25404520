/* scenario - runs the .txt files beside it: a zone, places, and then a story with a clock of its own. Each expectation is a line
 * of TAP. A file:
 *
 *   zone svc.example             up to a line "end": a zone file
 *   place 198.51.100.0/24 …      see sim_place
 *   load                         (again after a change: a reload)
 *   at 10s                       the clock
 *   probe eu/lb1 fail [TIMES]    refused; or ok, or timeout; "eu" is the whole pool, "eu/192.0.2.10" one address
 *   lose eu/lb1 10 1000          probes, each tenth of them lost, all others good
 *   flap eu/lb1 30s 20s 10m CLIENT www A                down and up for these times, by turns, probed as it wants to be
 *   changes 1 3                  so often the answer was another one meanwhile
 *   damp eu/lb1 [off]            as if the detector had found that it flaps
 *   ask 198.51.100.0/24 www A
 *   expect eu 192.0.2.10 ttl=5 scope=24 why=ranked      pool ("-": none) and addresses ("-": not looked at)
 *   expect nodata ttl=5          or servfail; the service's maximal TTL stands for what jitter makes of it, too
 *   draw 2000 198.51.100.0/24 www A
 *   share 192.0.2.10 0.55 0.65   part of the answers drawn that hold it; "eu" is a pool
 *   keep CLIENT www A            sticky: note what 2000 client prefixes are told
 *   moved 0.30 0.36              part of them that are told something else now
 *   force eu drain for=30s over=10s [force]   clear eu   refused TEXT (of the one before)
 *   anchors 2 of 3               so many fail: gslb-health of the one vantage abstains from two thirds on
 *   vantages eu-west us-east …   from here on verdicts are made of votes, with the budget
 *   vote us-east eu/lb1 down [leaning]    or up; it stands until another one
 *   vantage us-east silent       or speaks, abstains, votes (abstains no more)
 *   explains TEXT                explain, for who asked last, says so
 *   foresees now+10m TEXT        the same, of that time
 *   serve 3000 198.51.100.7 www A                       so many answers now, which caches hold (capacity)
 *   report eu 900                its load; "-": it is not known any more
 *   step                         capacity looks who is to be sent elsewhere
 *   resolve NAME ADDRESS 60s     restart (overrides are read from their file again)
 *   crowd 198.51.100 50 www      so many clients with caches; they ask when these expire
 *   drill                        up to a line "end": a drill's file, without name and why; it begins (or is refused)
 *   drill-is SUCCEEDED [TEXT]    how it stands, and a part of the reason
 *   moved-in 2 clients99 0 3000  of its step 2: first, answers50|90|99, clients50|90|99 (ms, -1: never), before, since (percent),
 *                                old, all, held (answers)
 *   measure 198.51 12 eu 110 30  of each of 198.51.1.0/24 to 198.51.12.0/24 thirty samples of 110 ms to a region, imported
 *   explore on                   latency.explore: yes; from the next load on
 *   hold eu 0 0.01               part of the crowd whose caches hold an answer of eu */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/explain.h"
#include "gslb/explore.h"
#include "gslb/meter.h"
#include "tests/scenario/pressure.h"
#include "tests/scenario/rehearsal.h"
#include "tests/scenario/sim.h"

enum { WORDS_MAX = 16, DRAWN_MAX = 64, KEPT_MAX = 2000 };

struct drawn {
	char what[ADDR_TEXT_MAX];
	unsigned n;
};

struct run {
	struct sim sim;
	struct rehearsal rehearsal;
	struct pressure pressure;
	const char *file;
	unsigned line;
	struct decision decision;
	char asked[256];
	const struct service_plan *service;  /* that was asked */
	char name[256], client[64], type[8]; /* who asked last */
	struct err refused;                  /* of the last force or clear; "" when it was taken */
	struct drawn drawn[DRAWN_MAX];
	size_t ndrawn;
	unsigned total, changes;
	char kept_name[256];
	enum family kept_family;
	uint32_t kept[KEPT_MAX];
};

static unsigned ntests, nfailed;

static void __attribute__((noreturn)) bail(const struct run *run, const char *why, const char *what)
{
	printf("Bail out! %s:%u: %s: %s\n", run->file, run->line, what, why);
	exit(1);
}

static void result(const struct run *run, bool ok, const char *expected, const char *got)
{
	printf("%s %u - %s:%u: %s: %s\n", ok ? "ok" : "not ok", ++ntests, run->file, run->line, run->asked, expected);
	if (!ok) {
		printf("# got: %s\n", got);
		nfailed++;
	}
}

static uint64_t milliseconds(const struct run *run, const char *text)
{
	uint64_t ms;

	if (!duration_parse(text, &ms))
		bail(run, "not a duration", text);
	return ms;
}

static enum family family_word(const struct run *run, const char *text)
{
	if (strcmp(text, "A") == 0)
		return FAMILY_V4;
	if (strcmp(text, "AAAA") != 0)
		bail(run, "not A or AAAA", text);
	return FAMILY_V6;
}

static const char *full_name(const char *name, char text[static 256])
{
	snprintf(text, 256, "%s%s", name, strchr(name, '.') != NULL ? "" : ".svc.example");
	return text;
}

/* ---- asking ---- */

static void ask(struct run *run, const char *client, const char *name, const char *type)
{
	char full[256];

	snprintf(run->asked, sizeof(run->asked), "%s %s for %s", name, type, client);
	snprintf(run->name, sizeof(run->name), "%s", full_name(name, full));
	snprintf(run->client, sizeof(run->client), "%s", client);
	snprintf(run->type, sizeof(run->type), "%s", type);
	sim_ask(&run->sim, client, full_name(name, full), family_word(run, type), &run->decision, NULL);
	run->service = sim_service(&run->sim, full);
}

static const char *pool_label(const struct run *run)
{
	return run->decision.pool == POOL_NONE ? "-" : run->sim.snapshot->pools[run->decision.pool].pool->label;
}

/* The answer as `expect` would have it. */
static void told(const struct run *run, char *text, size_t cap)
{
	const struct decision *d = &run->decision;
	char records[512] = "", one[NAME_TEXT_MAX];

	switch (d->kind) {
	case DECIDE_NODATA:
		snprintf(text, cap, "nodata ttl=%u scope=%u why=%s", d->ttl_s, d->scope, decide_why_name(d->why));
		return;
	case DECIDE_SERVFAIL:
		snprintf(text, cap, "servfail ttl=%u scope=%u why=%s", d->ttl_s, d->scope, decide_why_name(d->why));
		return;
	case DECIDE_CNAME:
		snprintf(records, sizeof(records), "%s",
			name_format(&run->sim.snapshot->set->targets[d->target]->name, one));
		break;
	case DECIDE_ADDRESSES:
		for (uint32_t i = 0; i < d->nendpoints; i++) {
			size_t len = strlen(records);

			snprintf(records + len, sizeof(records) - len, "%s%s", i > 0 ? "," : "",
				addr_format(&run->sim.snapshot->endpoints[d->endpoint[i]].addr, one));
		}
		break;
	}
	snprintf(text, cap, "%s %s ttl=%u scope=%u why=%s", pool_label(run), records, d->ttl_s, d->scope,
		decide_why_name(d->why));
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += len)
		if ((at == text || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* "ttl=30" of a service with that maximum stands for what jitter makes of it, too. */
static bool is_steady(const struct run *run, const char *word)
{
	uint32_t max_s = run->service->ttl_max_s;

	return strncmp(word, "ttl=", 4) == 0 && strtoul(word + 4, NULL, 10) == max_s && run->decision.ttl_s <= max_s &&
	       run->decision.ttl_s >= max_s - decide_ttl_span(run->service);
}

static void expect(struct run *run, char **words, unsigned n)
{
	char got[1024], expected[1024] = "";
	bool ok = true;

	told(run, got, sizeof(got));
	for (unsigned i = 1; i < n; i++) {
		size_t len = strlen(expected);

		snprintf(expected + len, sizeof(expected) - len, "%s%s", i > 1 ? " " : "", words[i]);
		if (strcmp(words[i], "-") != 0)
			ok &= is_steady(run, words[i]) || has_word(got, words[i]);
	}
	result(run, ok, expected, got);
}

static void explains(struct run *run, const char *at, const char *text)
{
	char abstaining[ABSTAIN_TEXT_MAX];
	const struct explain_request request = { .name = run->name,
		.client = run->client,
		.type = run->type,
		.now_ms = run->sim.now_ms,
		.at = at,
		.overrides = run->sim.overrides,
		.abstaining = sim_abstaining(&run->sim, abstaining),
		.vantages = run->sim.nvantages,
		.capacity = run->pressure.capacity };
	struct err err;
	json_t *json = explain(&run->sim.world, &request, &err);
	char *got;

	if (json == NULL)
		bail(run, err.text, "explain");
	got = json_dumps(json, JSON_COMPACT);
	result(run, strstr(got, text) != NULL, text, got);
	free(got);
	json_decref(json);
}

/* ---- many answers ---- */

static void tally(struct run *run, const char *what)
{
	size_t i = 0;

	while (i < run->ndrawn && strcmp(run->drawn[i].what, what) != 0)
		i++;
	if (i == DRAWN_MAX)
		bail(run, "too many different answers", what);
	if (i == run->ndrawn) {
		snprintf(run->drawn[i].what, sizeof(run->drawn[i].what), "%s", what);
		run->drawn[i].n = 0;
		run->ndrawn++;
	}
	run->drawn[i].n++;
}

/* Only stories about latency have one. */
static struct meter *meter_of(struct run *run)
{
	if (run->sim.meter == NULL)
		run->sim.meter = meter_new(LATENCY_BYTES_MAX);
	return run->sim.meter;
}

/* Of each of the first networks of a /16. */
static void measure(struct run *run, char **words)
{
	char text[ADDR_TEXT_MAX];
	struct prefix net;

	for (int i = 1; i <= atoi(words[2]); i++) {
		snprintf(text, sizeof(text), "%s.%d.0/24", words[1], i);
		if (!prefix_parse(text, &net) || !meter_take(meter_of(run), run->sim.snapshot, &net, words[3],
							 atof(words[4]), atof(words[5]), true, run->sim.now_ms / 1000))
			bail(run, text, "measure");
	}
}

static void draw(struct run *run, const char *times, const char *client, const char *name, const char *type)
{
	char text[ADDR_TEXT_MAX];

	run->ndrawn = 0;
	run->total = (unsigned)strtoul(times, NULL, 10);
	for (unsigned i = 0; i < run->total; i++) {
		ask(run, client, name, type);
		tally(run, pool_label(run));
		if (run->decision.kind == DECIDE_CNAME)
			tally(run,
				run->sim.snapshot->set->targets[run->decision.target]->number == 0 ? "first" : "other");
		for (uint32_t k = 0; k < run->decision.nendpoints; k++)
			tally(run, addr_format(&run->sim.snapshot->endpoints[run->decision.endpoint[k]].addr, text));
	}
}

static void part(struct run *run, const char *what, double is, const char *from, const char *to)
{
	char expected[160], got[64];

	snprintf(expected, sizeof(expected), "%s is from %s to %s", what, from, to);
	snprintf(got, sizeof(got), "%.4f", is);
	result(run, is >= atof(from) && is <= atof(to), expected, got);
}

static void share(struct run *run, const char *what, const char *from, const char *to)
{
	unsigned n = 0;

	for (size_t i = 0; i < run->ndrawn; i++)
		if (strcmp(run->drawn[i].what, what) == 0)
			n = run->drawn[i].n;
	part(run, what, (double)n / run->total, from, to);
}

static uint32_t told_to(struct run *run, unsigned i)
{
	char client[64];

	snprintf(client, sizeof(client), "198.%u.%u.0/24", 18 + i / 250, i % 250);
	sim_ask(&run->sim, client, run->kept_name, run->kept_family, &run->decision, NULL);
	return run->decision.nendpoints > 0 ? run->decision.endpoint[0] : POOL_NONE;
}

static void keep(struct run *run, const char *name, const char *type)
{
	char full[256];

	snprintf(run->kept_name, sizeof(run->kept_name), "%s", full_name(name, full));
	run->kept_family = family_word(run, type);
	for (unsigned i = 0; i < KEPT_MAX; i++)
		run->kept[i] = told_to(run, i);
	snprintf(run->asked, sizeof(run->asked), "%s %s for %u clients", name, type, KEPT_MAX);
}

static void moved(struct run *run, const char *from, const char *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEPT_MAX; i++)
		n += told_to(run, i) != run->kept[i];
	part(run, "what moved", (double)n / KEPT_MAX, from, to);
}

/* ---- what happens ---- */

static const char *endpoint_text(const char *target, char text[static 256])
{
	snprintf(text, 256, "%s%s", strchr(target, '/') != NULL ? "endpoint:" : "", target);
	return text;
}

static enum probe_result outcome_word(const struct run *run, const char *text)
{
	if (strcmp(text, "ok") == 0)
		return PROBE_OK;
	if (strcmp(text, "timeout") == 0)
		return PROBE_TIMEOUT;
	if (strcmp(text, "fail") != 0)
		bail(run, "not ok, fail or timeout", text);
	return PROBE_REFUSED;
}

static void probe(struct run *run, const char *target, enum probe_result result)
{
	char text[256];

	sim_probe(&run->sim, endpoint_text(target, text), result);
}

static void probes(struct run *run, const char *target, const char *outcome, const char *times)
{
	unsigned n = times != NULL ? (unsigned)strtoul(times, NULL, 10) : 1;

	while (n-- > 0)
		probe(run, target, outcome_word(run, outcome));
}

static void lose(struct run *run, const char *target, const char *each, const char *times)
{
	unsigned lost = (unsigned)strtoul(each, NULL, 10), n = (unsigned)strtoul(times, NULL, 10);

	for (unsigned i = 1; i <= n; i++)
		probe(run, target, lost > 0 && i % lost == 0 ? PROBE_TIMEOUT : PROBE_OK);
}

static void flap(struct run *run, char **words)
{
	uint64_t down_ms = milliseconds(run, words[2]), up_ms = milliseconds(run, words[3]);
	uint64_t from_ms = run->sim.now_ms, until_ms = from_ms + milliseconds(run, words[4]);
	char before[1024] = "", now[1024];

	run->changes = 0;
	while (run->sim.now_ms < until_ms) {
		bool up = (run->sim.now_ms - from_ms) % (down_ms + up_ms) >= down_ms;

		probe(run, words[1], up ? PROBE_OK : PROBE_REFUSED);
		ask(run, words[5], words[6], words[7]);
		told(run, now, sizeof(now));
		now[strcspn(now, "=")] = '\0'; /* pool and addresses: its TTL is not what is asked about */
		run->changes += *before != '\0' && strcmp(now, before) != 0;
		memcpy(before, now, sizeof(before));
		sim_wait(&run->sim, run->sim.next_ms);
	}
	snprintf(run->asked, sizeof(run->asked), "%s flaps for %s", words[1], words[4]);
}

static void changes(struct run *run, const char *from, const char *to)
{
	char expected[64], got[32];

	snprintf(expected, sizeof(expected), "the answer changes %s to %s times", from, to);
	snprintf(got, sizeof(got), "%u", run->changes);
	result(run, run->changes >= strtoul(from, NULL, 10) && run->changes <= strtoul(to, NULL, 10), expected, got);
}

static void vote(struct run *run, char **words, unsigned n)
{
	char text[256];
	bool up = strcmp(words[3], "up") == 0;

	if (!up && strcmp(words[3], "down") != 0)
		bail(run, "neither up nor down", words[3]);
	snprintf(text, sizeof(text), "%s%s", strchr(words[2], '/') != NULL ? "endpoint:" : "", words[2]);
	sim_vote(&run->sim, words[1], text, up ? VOTE_UP : VOTE_DOWN, n > 4);
}

static void vantage(struct run *run, const char *name, const char *what)
{
	struct sim_vantage *of = sim_vantage(&run->sim, name);

	if (strcmp(what, "silent") == 0 || strcmp(what, "speaks") == 0)
		of->silent = strcmp(what, "silent") == 0;
	else if (strcmp(what, "abstains") == 0 || strcmp(what, "votes") == 0)
		of->abstains = strcmp(what, "abstains") == 0;
	else
		bail(run, "not what a vantage does", what);
	sim_judge(&run->sim);
}

static void force(struct run *run, char **words, unsigned n)
{
	struct override_request request = { .target = words[1], .who = "tester", .why = "test", .for_ms = 3600000 };

	if (!override_action_parse(words[2], &request.action))
		bail(run, "not an action", words[2]);
	for (unsigned i = 3; i < n; i++) {
		if (strncmp(words[i], "for=", 4) == 0)
			request.for_ms = milliseconds(run, words[i] + 4);
		else if (strncmp(words[i], "over=", 5) == 0)
			request.over_ms = (uint32_t)milliseconds(run, words[i] + 5);
		else if (strcmp(words[i], "force") == 0)
			request.force = true;
		else if (strcmp(words[i], "dry-run") == 0)
			request.dry_run = true;
		else
			bail(run, "not an option", words[i]);
	}
	snprintf(run->asked, sizeof(run->asked), "force %s %s", words[1], words[2]);
	run->refused.text[0] = '\0';
	sim_force(&run->sim, &request, &run->refused);
}

static void refused(struct run *run, const char *rest)
{
	result(run, run->refused.text[0] != '\0' && strstr(run->refused.text, rest) != NULL, rest, run->refused.text);
	run->refused.text[0] = '\0';
}

/* ---- reading ---- */

static void read_text(struct run *run, FILE *in, struct buf *text)
{
	char line[1024];

	while (fgets(line, sizeof(line), in) != NULL && strcmp(line, "end\n") != 0) {
		run->line++;
		buf_add(text, line, strlen(line));
	}
	run->line++;
}

static void read_zone(struct run *run, FILE *in, const char *apex)
{
	struct buf text = { 0 };

	read_text(run, in, &text);
	sim_zone(&run->sim, apex, text.text);
	buf_fini(&text);
}

static void read_drill(struct run *run, FILE *in)
{
	struct buf text = { 0 };

	snprintf(run->asked, sizeof(run->asked), "the drill");
	buf_printf(&text, "name: drill\nwhy: test\n");
	read_text(run, in, &text);
	run->refused.text[0] = '\0';
	rehearsal_begin(&run->rehearsal, text.text, &run->refused);
	buf_fini(&text);
}

static void drill_is(struct run *run, const char *state, const char *text)
{
	const struct drill *drill = run->rehearsal.run != NULL ? drill_run_drill(run->rehearsal.run) : NULL;
	const char *is = drill != NULL ? drill_state_name(drill->state) : "none";
	char expected[320], got[1400];

	snprintf(expected, sizeof(expected), "is %s %s", state, text);
	snprintf(got, sizeof(got), "%s %s", is, drill != NULL ? drill->reason : "");
	result(run, strcmp(is, state) == 0 && strstr(got, text) != NULL, expected, got);
}

static double moved_field(const struct drill_moved *moved, const char *field)
{
	static const char *const quantiles[DRILL_QUANTILES] = { "50", "90", "99" };

	for (unsigned i = 0; i < DRILL_QUANTILES; i++) {
		if (strncmp(field, "answers", 7) == 0 && strcmp(field + 7, quantiles[i]) == 0)
			return (double)moved->answers_ms[i];
		if (strncmp(field, "clients", 7) == 0 && strcmp(field + 7, quantiles[i]) == 0)
			return (double)moved->clients_ms[i];
	}
	return strcmp(field, "first") == 0    ? (double)moved->first_ms
	       : strcmp(field, "before") == 0 ? moved->share_before
	       : strcmp(field, "since") == 0  ? moved->share_after
	       : strcmp(field, "old") == 0    ? (double)moved->old_after
	       : strcmp(field, "all") == 0    ? (double)moved->all_after
	       : strcmp(field, "held") == 0   ? (double)moved->held
					      : -2;
}

static void moved_in(struct run *run, char **words)
{
	const struct drill_gauge *gauge = drill_run_gauge(run->rehearsal.run, strtoul(words[1], NULL, 10) - 1);
	struct drill_moved moved;
	char what[128];

	if (gauge == NULL || !drill_gauge_moved(gauge, NULL, &moved))
		bail(run, "this step changed nothing", words[1]);
	snprintf(what, sizeof(what), "step %s: %s", words[1], words[2]);
	part(run, what, moved_field(&moved, words[2]), words[3], words[4]);
}

static void command(struct run *run, FILE *in, const char *line, char **words, unsigned n)
{
	const char *verb = words[0];
	char text[256], full[256];

	if (run->refused.text[0] != '\0' && strcmp(verb, "refused") != 0)
		bail(run, run->refused.text, "refused");
	if (strcmp(verb, "zone") == 0 && n == 2)
		read_zone(run, in, words[1]);
	else if (strcmp(verb, "place") == 0)
		sim_place(&run->sim, line + strlen("place "));
	else if (strcmp(verb, "measure") == 0 && n == 6)
		measure(run, words);
	else if (strcmp(verb, "explore") == 0 && n == 2)
		meter_explore(meter_of(run), strcmp(words[1], "on") == 0 ? EXPLORE_MOST : 0);
	else if (strcmp(verb, "load") == 0)
		sim_load(&run->sim);
	else if (strcmp(verb, "at") == 0 && n == 2)
		rehearsal_to(&run->rehearsal, milliseconds(run, words[1]));
	else if (strcmp(verb, "probe") == 0 && n >= 3)
		probes(run, words[1], words[2], n > 3 ? words[3] : NULL);
	else if (strcmp(verb, "lose") == 0 && n == 4)
		lose(run, words[1], words[2], words[3]);
	else if (strcmp(verb, "flap") == 0 && n == 8)
		flap(run, words);
	else if (strcmp(verb, "changes") == 0 && n == 3)
		changes(run, words[1], words[2]);
	else if (strcmp(verb, "damp") == 0 && n >= 2)
		sim_damp(&run->sim, endpoint_text(words[1], text), n == 2);
	else if (strcmp(verb, "ask") == 0 && n == 4)
		ask(run, words[1], words[2], words[3]);
	else if (strcmp(verb, "expect") == 0 && n >= 2)
		expect(run, words, n);
	else if (strcmp(verb, "draw") == 0 && n == 5)
		draw(run, words[1], words[2], words[3], words[4]);
	else if (strcmp(verb, "serve") == 0 && n == 5)
		pressure_serve(&run->pressure, (unsigned)strtoul(words[1], NULL, 10), words[2],
			full_name(words[3], full), strcmp(words[4], "AAAA") == 0 ? FAMILY_V6 : FAMILY_V4);
	else if (strcmp(verb, "report") == 0 && n == 3 && pressure_report(&run->pressure, words[1], words[2]))
		return;
	else if (strcmp(verb, "step") == 0)
		pressure_step(&run->pressure);
	else if (strcmp(verb, "share") == 0 && n == 4)
		share(run, words[1], words[2], words[3]);
	else if (strcmp(verb, "keep") == 0 && n == 3)
		keep(run, words[1], words[2]);
	else if (strcmp(verb, "moved") == 0 && n == 3)
		moved(run, words[1], words[2]);
	else if (strcmp(verb, "force") == 0 && n >= 3)
		force(run, words, n);
	else if (strcmp(verb, "clear") == 0 && n == 2)
		sim_clear(&run->sim, words[1], &run->refused);
	else if (strcmp(verb, "refused") == 0 && n >= 2)
		refused(run, line + strlen("refused "));
	else if (strcmp(verb, "anchors") == 0 && n == 4)
		sim_anchors(&run->sim, (uint32_t)atoi(words[1]), (uint32_t)atoi(words[3]));
	else if (strcmp(verb, "vantages") == 0 && n >= 2)
		sim_vantages(&run->sim, words + 1, n - 1);
	else if (strcmp(verb, "vote") == 0 && n >= 4)
		vote(run, words, n);
	else if (strcmp(verb, "vantage") == 0 && n == 3)
		vantage(run, words[1], words[2]);
	else if (strcmp(verb, "explains") == 0 && n >= 2)
		explains(run, NULL, line + strlen("explains "));
	else if (strcmp(verb, "foresees") == 0 && n >= 3)
		explains(run, words[1], strstr(line, words[1]) + strlen(words[1]) + 1);
	else if (strcmp(verb, "resolve") == 0 && n == 4)
		sim_resolve(&run->sim, words[1], words[2], milliseconds(run, words[3]));
	else if (strcmp(verb, "restart") == 0)
		sim_restart(&run->sim);
	else if (strcmp(verb, "crowd") == 0 && n == 4)
		rehearsal_crowd(
			&run->rehearsal, words[1], (unsigned)strtoul(words[2], NULL, 10), full_name(words[3], full));
	else if (strcmp(verb, "drill") == 0 && n == 1)
		read_drill(run, in);
	else if (strcmp(verb, "drill-is") == 0 && n >= 2)
		drill_is(run, words[1], n > 2 ? strstr(line, words[2]) : "");
	else if (strcmp(verb, "moved-in") == 0 && n == 5)
		moved_in(run, words);
	else if (strcmp(verb, "hold") == 0 && n == 4)
		part(run, words[1], rehearsal_holds(&run->rehearsal, words[1]), words[2], words[3]);
	else
		bail(run, "not a command, or not with so many words", verb);
}

static unsigned split(char *line, char **words)
{
	unsigned n = 0;
	char *save = NULL;

	for (char *word = strtok_r(line, " \t\n", &save); word != NULL && n < WORDS_MAX;
		word = strtok_r(NULL, " \t\n", &save))
		words[n++] = word;
	return n;
}

static void run_file(const char *path)
{
	struct run *run = mem_alloc(sizeof(*run));
	FILE *in = fopen(path, "r");
	char line[1024];

	run->file = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	if (in == NULL)
		bail(run, "cannot be read", path);
	sim_init(&run->sim);
	rehearsal_init(&run->rehearsal, &run->sim);
	pressure_init(&run->pressure, &run->sim);
	while (fgets(line, sizeof(line), in) != NULL) {
		char *words[WORDS_MAX], copy[1024];
		unsigned n;

		run->line++;
		line[strcspn(line, "\n")] = '\0';
		memcpy(copy, line, sizeof(copy));
		n = split(copy, words);
		if (n > 0 && words[0][0] != '#') {
			command(run, in, line, words, n);
			/* what is published anew has no split */
			if (strcmp(words[0], "load") == 0 || run->sim.world.split != run->pressure.split)
				pressure_apply(&run->pressure);
		}
	}
	if (run->refused.text[0] != '\0')
		bail(run, run->refused.text, "refused");
	fclose(in);
	pressure_fini(&run->pressure);
	rehearsal_fini(&run->rehearsal);
	meter_free(run->sim.meter);
	sim_fini(&run->sim);
	free(run);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("1..%u\n", ntests);
	return nfailed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
