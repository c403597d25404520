#include "health/fleet.h"

#include <stdio.h>
#include <string.h>

#include "health/ballot.h"
#include "tests/unit/unit.h"

/* A few hosts with the real code, a clock by hand, and a bus of which lines can be cut. */

enum { HOSTS_MAX = 8, ENDPOINTS = 4, WALL = 1000000 };

static const char *const regions[] = { "ap", "eu", "us" };

struct node {
	struct fleet *fleet;
	char region[STATE_LABEL_MAX], name[STATE_LABEL_MAX];
	uint64_t epoch, seq;
	struct fleet_verdict verdict[ENDPOINTS];
	unsigned suspected; /* a bit an endpoint */
};

static struct node nodes[HOSTS_MAX];
static unsigned nnodes, refused;
static uint64_t now_ms;
static bool cut[HOSTS_MAX][HOSTS_MAX];
static unsigned loss; /* one of so many is lost; 0: none */
static struct dice dice;

static struct health_target targets[ENDPOINTS];
static const uint32_t slots[] = { 0, 1, 2, 3 };
static const struct health_pool pools[] = { { slots, 1, 1, 1, "eu" }, { slots + 1, 1, 1, 1, "us" },
	{ slots + 2, 1, 1, 1, "ap" }, { slots + 3, 1, 1, 1, "sa" } };
static const struct health_service services[] = { { slots, 4, 1, "www" } };

static struct fleet_now clock_of_test(void)
{
	return (struct fleet_now){ .monotonic_ms = now_ms, .wall_ms = now_ms + WALL };
}

static void set_plan(struct node *node, unsigned nregions)
{
	struct health_plan plan = { .targets = targets,
		.ntargets = ENDPOINTS,
		.pools = pools,
		.npools = 4,
		.services = services,
		.nservices = 1,
		.fleet = { "", node->region, regions, nregions } };
	const struct fleet_now now = clock_of_test();

	for (uint32_t i = 0; i < ENDPOINTS; i++)
		targets[i] = (struct health_target){ .slot = i, .port = (uint16_t)(80 + i), .vantages = 3 };
	fleet_set(node->fleet, &plan, ENDPOINTS, &now);
}

static void add_node(const char *region, const char *name)
{
	struct node *node = &nodes[nnodes++];

	*node = (struct node){ .fleet = fleet_new(name), .epoch = 1 };
	snprintf(node->region, sizeof node->region, "%s", region);
	snprintf(node->name, sizeof node->name, "%s", name);
	set_plan(node, COUNT_OF(regions));
}

static void world_begin(void)
{
	nnodes = refused = 0;
	loss = 0;
	now_ms = 100000;
	dice = (struct dice){ 1 };
	memset(cut, 0, sizeof cut);
}

static void world_end(void)
{
	ck_assert_uint_eq(refused, 0);
	for (unsigned i = 0; i < nnodes; i++)
		fleet_free(nodes[i].fleet);
}

static void carry(unsigned from, bool full, const struct buf *body)
{
	struct state_said said = { .kind = STATE_VOTES,
		.epoch = nodes[from].epoch,
		.seq = ++nodes[from].seq,
		.full = full,
		.body = body->text,
		.len = body->len };
	const struct fleet_now now = clock_of_test();

	memcpy(said.region, nodes[from].region, sizeof said.region);
	memcpy(said.node, nodes[from].name, sizeof said.node);
	for (unsigned to = 0; to < nnodes; to++)
		if (to != from && !cut[from][to] && (loss == 0 || dice_below(&dice, loss) > 0))
			refused += !fleet_hear(nodes[to].fleet, &said, &now);
}

static void say(unsigned from, bool full)
{
	const struct fleet_now now = clock_of_test();
	unsigned part = 0, nparts;
	struct buf body = { 0 };

	while (fleet_write_changes(nodes[from].fleet, &body))
		carry(from, false, &body);
	while (full && fleet_write(nodes[from].fleet, &part, &nparts, &now, &body))
		carry(from, true, &body);
	buf_fini(&body);
}

static void judge(struct node *node)
{
	const struct fleet_now now = clock_of_test();
	uint32_t slot;
	bool suspect;

	while (fleet_next(node->fleet, &slot, &suspect)) {
		fleet_judge(node->fleet, slot, &now, &node->verdict[slot]);
		node->suspected |= suspect ? 1u << slot : 0;
	}
}

/* What has been said gets round. */
static void settle(void)
{
	for (int turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < nnodes; i++) {
			judge(&nodes[i]);
			say(i, fleet_full_wanted(nodes[i].fleet));
		}
	for (unsigned i = 0; i < nnodes; i++)
		judge(&nodes[i]);
}

static void pass(unsigned seconds)
{
	for (; seconds > 0; seconds--) {
		const struct fleet_now now = { now_ms + 1000, now_ms + 1000 + WALL };

		now_ms += 1000;
		for (unsigned i = 0; i < nnodes; i++)
			fleet_tick(nodes[i].fleet, &now);
		for (unsigned i = 0; i < nnodes; i++) {
			judge(&nodes[i]);
			say(i, fleet_full_wanted(nodes[i].fleet) || now_ms / 1000 % 10 == i % 10);
		}
		for (unsigned i = 0; i < nnodes; i++)
			judge(&nodes[i]);
	}
}

static void vote(unsigned node, uint32_t slot, char letter)
{
	fleet_vote(nodes[node].fleet, slot,
		letter == 'D' || letter == 'd' ? VOTE_DOWN
		: letter == '-'                ? VOTE_SILENT
					       : VOTE_UP,
		letter == 'u' || letter == 'd', (uint32_t)((now_ms + WALL) / 1000));
}

static void vote_all(char letter)
{
	for (unsigned i = 0; i < nnodes; i++)
		for (uint32_t slot = 0; slot < ENDPOINTS; slot++)
			vote(i, slot, letter);
	settle();
}

/* "UUD": each node's verdict on a slot; small letters: in doubt; ? unknown. */
static const char *shown(uint32_t slot)
{
	static char text[HOSTS_MAX + 1];

	for (unsigned i = 0; i < nnodes; i++) {
		const struct fleet_verdict *verdict = &nodes[i].verdict[slot];

		text[i] = "?UD"[verdict->state];
		if (verdict->doubt)
			text[i] = "?ud"[verdict->state];
	}
	text[nnodes] = '\0';
	return text;
}

static void cut_off(unsigned node, bool is_cut)
{
	for (unsigned i = 0; i < nnodes; i++)
		cut[node][i] = cut[i][node] = is_cut;
}

static struct fleet_totals totals(unsigned node)
{
	const struct fleet_now now = clock_of_test();
	struct fleet_totals totals;

	fleet_totals(nodes[node].fleet, &now, &totals);
	return totals;
}

static void agree(const char *when)
{
	for (unsigned i = 1; i < nnodes; i++)
		ck_assert_msg(totals(i).digest == totals(0).digest, "%s: %s/%s differs", when, nodes[i].region,
			nodes[i].name);
}

static void three(void)
{
	world_begin();
	add_node("ap", "a");
	add_node("eu", "e");
	add_node("us", "u");
	settle();
	vote_all('U');
}

/* ---- who probes what ---- */

START_TEST(a_region_more_moves_only_what_it_takes)
{
	static const char *const more[] = { "ap", "eu", "me", "sa", "us" }, *const fewer[] = { "us", "ap", "sa", "eu" };
	unsigned taken = 0, of[5] = { 0 };

	for (uint64_t id = 0; id < 5000; id++) {
		uint8_t a[ASSIGN_VANTAGES_MAX], b[ASSIGN_VANTAGES_MAX];
		unsigned n = assign_regions(more, 5, hash_mix(id, 7), 3, a), m, kept = 0;
		bool me = false;

		m = assign_regions(fewer, 4, hash_mix(id, 7), 3, b); /* in whatever order they are named */
		ck_assert_uint_eq(n, 3);
		ck_assert_uint_eq(m, 3);
		for (unsigned i = 0; i < n; i++) {
			of[a[i]]++;
			me |= a[i] == 2;
			for (unsigned k = 0; k < m; k++)
				kept += strcmp(more[a[i]], fewer[b[k]]) == 0;
		}
		ck_assert_uint_eq(kept, me ? 2 : 3);
		taken += me;
	}
	for (unsigned i = 0; i < 5; i++)
		ck_assert_msg(of[i] > 2800 && of[i] < 3200, "%s has %u of 3000", more[i], of[i]);
	ck_assert_uint_eq(taken, of[2]);
}
END_TEST

START_TEST(fewer_regions_than_vantages_are_all)
{
	uint8_t chosen[ASSIGN_VANTAGES_MAX];

	ck_assert_uint_eq(assign_regions(regions, 3, 1, 5, chosen), 3);
	ck_assert_uint_eq(assign_regions(regions, 0, 1, 3, chosen), 0);
	ck_assert_uint_eq(assign_regions(regions, 3, 1, 1, chosen), 1);
}
END_TEST

/* ---- ballots ---- */

START_TEST(a_ballot_reads_back_as_it_was_written)
{
	const struct ballot_head head = { .abstains = true, .digest = 0x0123456789abcdef, .from = 5, .to = 5 };
	const struct ballot_entry entries[] = { { .id = 5, .says = VOTE_UP },
		{ .id = 6, .says = VOTE_DOWN, .leaning = true, .since_s = 1764000000 },
		{ .id = BALLOT_ID_MAX, .kept = HEALTH_DOWN, .kept_unanimous = true, .kept_since_s = UINT32_MAX } };
	struct ballot_writer writer;
	struct ballot_reader reader;
	struct ballot_head got_head;
	struct ballot_entry got;
	struct buf body = { 0 };

	ballot_begin(&writer, &body, &head);
	for (unsigned i = 0; i < 3; i++)
		ballot_add(&writer, &entries[i]);
	ballot_end(&writer, BALLOT_ID_MAX);
	ck_assert(ballot_open(&reader, body.text, body.len, &got_head));
	ck_assert(got_head.abstains && got_head.digest == head.digest);
	ck_assert(got_head.from == 5 && got_head.to == BALLOT_ID_MAX);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(ballot_next(&reader, &got));
		ck_assert(got.id == entries[i].id && got.says == entries[i].says);
		ck_assert(got.leaning == entries[i].leaning && got.since_s == entries[i].since_s);
		ck_assert(got.kept == entries[i].kept && got.kept_since_s == entries[i].kept_since_s);
		ck_assert(got.kept_unanimous == entries[i].kept_unanimous);
	}
	ck_assert(!ballot_next(&reader, &got) && !reader.bad);
	/* cut anywhere it is damaged, or ends early; it never reads on */
	for (size_t len = 0; len < body.len; len++) {
		char *copy = mem_dup(body.text, len);
		unsigned n = 0;

		if (ballot_open(&reader, copy, len, &got_head))
			while (ballot_next(&reader, &got))
				n++;
		ck_assert_uint_lt(n, 3);
		free(copy);
	}
	buf_fini(&body);
}
END_TEST

START_TEST(noise_is_refused_and_harmless)
{
	struct state_said said = { .kind = STATE_VOTES, .region = "eu", .node = "x", .epoch = 9, .full = true };
	struct fleet_now now;
	uint8_t noise[64];

	three();
	now = clock_of_test();
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (uint8_t)dice_next(&dice);
		noise[0] = dice_below(&dice, 8) > 0 ? 1 : noise[0]; /* the version */
		said.seq++;
		said.body = noise;
		said.len = dice_below(&dice, sizeof noise + 1);
		fleet_hear(nodes[0].fleet, &said, &now);
		judge(&nodes[0]);
	}
	ck_assert(totals(0).refused > 0);
	memcpy(said.region, "xx", 3);
	ck_assert(!fleet_hear(nodes[0].fleet, &said, &now));
	ck_assert_uint_eq(totals(0).hosts, 3);
	for (uint32_t slot = 0; slot < ENDPOINTS; slot++)
		ck_assert_str_eq(shown(slot), "UUU");
	world_end();
}
END_TEST

/* ---- verdicts ---- */

START_TEST(a_majority_of_the_assigned_decides_everywhere_alike)
{
	three();
	ck_assert_str_eq(shown(0), "UUU");
	vote(0, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "uuu");
	vote(2, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "ddd");
	vote(1, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "DDD");
	ck_assert_str_eq(shown(1), "UUU");
	agree("all down");
	vote(0, 0, 'U');
	vote(1, 0, 'U');
	settle();
	ck_assert_str_eq(shown(0), "uuu");
	agree("back");
	world_end();
}
END_TEST

START_TEST(one_that_abstains_changes_no_verdict)
{
	three();
	fleet_abstain(nodes[0].fleet, true);
	for (uint32_t slot = 0; slot < ENDPOINTS; slot++)
		vote(0, slot, 'D');
	settle();
	for (uint32_t slot = 0; slot < ENDPOINTS; slot++)
		ck_assert_str_eq(shown(slot), "UUU");
	agree("one abstains");
	vote(1, 0, 'D'); /* with one that abstains, one of two is no majority */
	settle();
	ck_assert_str_eq(shown(0), "uuu");
	fleet_abstain(nodes[0].fleet, false);
	settle();
	ck_assert_str_eq(shown(0), "ddd");
	agree("it votes");
	world_end();
}
END_TEST

START_TEST(one_that_abstains_or_was_not_heard_is_silent)
{
	three();
	vote(0, 0, 'D');
	vote(1, 0, 'D');
	fleet_abstain(nodes[1].fleet, true);
	settle();
	ck_assert_str_eq(shown(0), "uuu"); /* one that is heard, one that abstains */
	ck_assert_uint_eq(nodes[2].verdict[0].votes.silent, 1);
	cut_off(0, true);
	cut_off(2, true);
	pass(VOTES_FRESH_MS / 1000 + 10);
	fleet_abstain(nodes[1].fleet, false);
	vote(2, 0, 'D');
	pass(1);
	ck_assert_str_eq(shown(0), "uuu"); /* each has heard two that say down, long ago */
	for (unsigned i = 0; i < nnodes; i++)
		ck_assert_uint_eq(nodes[i].verdict[0].votes.silent, 2);
	world_end();
}
END_TEST

START_TEST(a_cut_takes_nobodys_verdict_and_the_minority_takes_nothing_down)
{
	three();
	vote(0, 3, 'D');
	vote(1, 3, 'D');
	vote(2, 3, 'D');
	settle();
	cut_off(2, true);
	pass(120);
	ck_assert_str_eq(shown(3), "DDd"); /* doubt where there is no quorum for a minute */
	ck_assert_str_eq(shown(0), "UUu");
	ck_assert(nodes[2].verdict[0].frozen && nodes[2].verdict[0].old && !nodes[0].verdict[0].frozen);
	vote(2, 0, 'D'); /* it is alone with that */
	pass(1);
	ck_assert_str_eq(shown(0), "UUu");
	vote(0, 1, 'D'); /* those two are a majority of three */
	vote(1, 1, 'D');
	pass(1);
	ck_assert_str_eq(shown(1), "DDu");
	ck_assert_uint_eq(totals(2).frozen, 4);
	ck_assert_uint_eq(totals(2).alarming, 0);
	pass(600); /* and the budget is free again, for us will not be unanimous */
	ck_assert_uint_eq(totals(2).alarming, 4);
	ck_assert_uint_eq(totals(0).alarming, 0);
	cut_off(2, false);
	pass(2);
	agree("two seconds after the heal");
	ck_assert_str_eq(shown(1), "ddd");
	ck_assert_str_eq(shown(0), "uuu");
	world_end();
}
END_TEST

/* All lines are cut: each region is alone, keeps what there was, and what they make of it later is one thing. */
START_TEST(the_bus_is_away_for_an_hour)
{
	three();
	vote(0, 0, 'D');
	vote(1, 0, 'D');
	vote(2, 0, 'D');
	settle();
	for (unsigned i = 0; i < nnodes; i++)
		cut_off(i, true);
	pass(3600);
	ck_assert_str_eq(shown(0), "ddd");
	ck_assert_str_eq(shown(1), "uuu");
	for (unsigned i = 0; i < nnodes; i++)
		cut_off(i, false);
	pass(2);
	agree("two seconds after the heal");
	ck_assert_str_eq(shown(0), "DDD");
	ck_assert_str_eq(shown(1), "UUU");
	world_end();
}
END_TEST

START_TEST(a_host_that_missed_a_verdict_learns_what_the_others_keep)
{
	three();
	cut_off(2, true);
	pass(5);
	vote(0, 0, 'D');
	vote(1, 0, 'D');
	pass(5);
	ck_assert_int_eq(shown(0)[0], 'd');
	ck_assert_int_eq(shown(0)[2], 'U');
	/* now the first two see nothing any more, and abstain: no majority anywhere */
	fleet_abstain(nodes[0].fleet, true);
	fleet_abstain(nodes[1].fleet, true);
	pass(1);
	cut_off(2, false);
	pass(2);
	ck_assert_int_eq(shown(0)[0], 'd');
	ck_assert_int_eq(shown(0)[2], 'd');
	ck_assert(nodes[2].verdict[0].frozen);
	agree("all keep the same");
	world_end();
}
END_TEST

/* It may be a region's own view, or what it saw before there was a fleet. */
START_TEST(what_a_host_comes_with_is_nobody_elses_verdict)
{
	world_begin();
	add_node("ap", "a");
	add_node("eu", "e");
	add_node("us", "u");
	fleet_restore(nodes[0].fleet, 0, HEALTH_DOWN, (uint32_t)((now_ms + WALL) / 1000));
	pass(12);
	ck_assert_str_eq(shown(0), "D??");
	agree("it is no verdict for all");
	vote(1, 0, 'U');
	vote(2, 0, 'U');
	settle();
	ck_assert_str_eq(shown(0), "UUU");
	world_end();
}
END_TEST

START_TEST(what_had_a_quorum_outweighs_what_a_host_comes_with)
{
	three();
	fleet_free(nodes[1].fleet); /* of a region that saw it otherwise, later */
	nodes[1].fleet = fleet_new("e");
	nodes[1].epoch++;
	nodes[1].seq = 0;
	set_plan(&nodes[1], 3);
	fleet_restore(nodes[1].fleet, 0, HEALTH_DOWN, (uint32_t)((now_ms + WALL) / 1000) + 60);
	fleet_abstain(nodes[0].fleet, true);
	pass(12);
	ck_assert_str_eq(shown(0), "UUU");
	agree("the verdict that had one is kept");
	world_end();
}
END_TEST

/* ---- a region's own view ---- */

START_TEST(a_region_with_two_hosts_goes_by_its_own_view)
{
	three();
	add_node("us", "v");
	settle();
	vote_all('U');
	pass(2);
	ck_assert_str_eq(shown(0), "UUUU");
	vote(2, 0, 'D'); /* one of the two is no view, and no vote: a tie */
	settle();
	ck_assert_str_eq(shown(0), "UUUU");
	vote(3, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "uudd");
	ck_assert(nodes[2].verdict[0].regional && !nodes[0].verdict[0].regional);
	ck_assert_uint_eq(totals(3).regional, 1);
	agree("a view of one's own is no difference");
	fleet_abstain(nodes[3].fleet, true); /* one live vantage is too few */
	settle();
	ck_assert_str_eq(shown(0), "uuuu");
	fleet_abstain(nodes[3].fleet, false);
	settle();
	ck_assert_str_eq(shown(0), "uudd");
	/* the other way round: it serves its own clients still */
	vote(0, 1, 'D');
	vote(1, 1, 'D');
	settle();
	ck_assert_str_eq(shown(1), "dduu");
	world_end();
}
END_TEST

START_TEST(the_budget_binds_a_regions_own_view)
{
	three();
	add_node("us", "v");
	settle();
	vote_all('U');
	pass(2);
	for (uint32_t slot = 0; slot < 3; slot++) {
		vote(2, slot, 'D');
		vote(3, slot, 'D');
		pass(1);
	}
	ck_assert_str_eq(shown(0), "uudd");
	ck_assert_str_eq(shown(1), "uuuu");
	ck_assert(nodes[2].verdict[1].held && nodes[2].verdict[2].held);
	ck_assert(!nodes[0].verdict[1].held);
	world_end();
}
END_TEST

/* ---- the budget, the same everywhere ---- */

START_TEST(all_hosts_hold_the_same_pools_whatever_they_heard_first)
{
	char text[GATE_TEXT_MAX];

	three();
	vote(0, 0, 'D');
	cut_off(2, true);
	vote(1, 0, 'D');
	pass(3);
	vote(0, 1, 'D');
	vote(1, 1, 'D');
	pass(1);
	ck_assert_str_eq(shown(0), "ddU"); /* the last word from us is fresh yet */
	cut_off(2, false);
	vote(2, 2, 'D');
	pass(2);
	/* us says up of both: two of three, and not unanimous */
	ck_assert_str_eq(shown(0), "ddd");
	ck_assert_str_eq(shown(1), "uuu");
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!nodes[i].verdict[0].held && nodes[i].verdict[1].held);
	ck_assert(strstr(fleet_sentence(nodes[2].fleet, &nodes[2].verdict[1], text), "us stays in service for www") !=
		  NULL);
	agree("held");
	/* one whose program starts anew comes to the same */
	fleet_free(nodes[1].fleet);
	nodes[1].fleet = fleet_new("e");
	nodes[1].epoch++;
	nodes[1].seq = 0;
	set_plan(&nodes[1], 3);
	fleet_vote(nodes[1].fleet, 0, VOTE_DOWN, false, (100000 + WALL) / 1000);
	fleet_vote(nodes[1].fleet, 1, VOTE_DOWN, false, (103000 + WALL) / 1000);
	vote(1, 2, 'U');
	vote(1, 3, 'U');
	pass(12);
	ck_assert(!nodes[1].verdict[0].held && nodes[1].verdict[1].held);
	agree("anew");
	pass(600);
	ck_assert_str_eq(shown(1), "ddd");
	agree("ten minutes later");
	world_end();
}
END_TEST

/* ---- doubt, and what is lost on the way ---- */

START_TEST(the_first_failure_anywhere_lets_all_look)
{
	three();
	nodes[0].suspected = nodes[1].suspected = nodes[2].suspected = 0;
	vote(0, 2, 'u');
	settle();
	ck_assert_uint_eq(nodes[0].suspected, 0);
	ck_assert_uint_eq(nodes[1].suspected, 1u << 2);
	ck_assert_uint_eq(nodes[2].suspected, 1u << 2);
	nodes[1].suspected = 0;
	pass(20); /* it is said once */
	ck_assert_uint_eq(nodes[1].suspected, 0);
	world_end();
}
END_TEST

START_TEST(what_comes_late_or_twice_changes_nothing)
{
	struct state_said said = { .kind = STATE_VOTES, .region = "eu", .node = "e", .epoch = 1 };
	const struct fleet_now now = clock_of_test();
	struct ballot_head head = { .from = 1 };
	struct ballot_writer writer;
	struct buf body = { 0 };

	three();
	vote(1, 0, 'D');
	settle();
	vote(1, 0, 'U');
	settle();
	vote(0, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "uuu");
	ballot_begin(&writer, &body, &head);
	ballot_add(&writer, &(struct ballot_entry){ .id = ballot_id(health_identity(
							    &targets[0].addr, targets[0].port, &targets[0].probe)),
				    .says = VOTE_DOWN });
	said.body = body.text;
	said.len = body.len;
	said.seq = 2; /* long ago */
	ck_assert(fleet_hear(nodes[2].fleet, &said, &now));
	judge(&nodes[2]);
	ck_assert_str_eq(shown(0), "uuu");
	said.seq = nodes[1].seq + 1; /* the same now would count */
	ck_assert(fleet_hear(nodes[2].fleet, &said, &now));
	judge(&nodes[2]);
	ck_assert_str_eq(shown(0), "uud");
	buf_fini(&body);
	world_end();
}
END_TEST

START_TEST(a_host_whose_clock_was_set_back_votes_again_after_a_minute)
{
	three();
	fleet_free(nodes[1].fleet);
	nodes[1].fleet = fleet_new("e");
	nodes[1].epoch--;
	nodes[1].seq = 0;
	set_plan(&nodes[1], 3);
	for (uint32_t slot = 0; slot < ENDPOINTS; slot++)
		vote(1, slot, slot == 0 ? 'D' : 'U');
	vote(2, 0, 'D');
	pass(40);
	ck_assert_uint_eq(totals(0).alive, 1);
	ck_assert_int_eq(shown(0)[0], 'u');
	pass(25);
	ck_assert_uint_eq(totals(0).alive, 2);
	ck_assert_str_eq(shown(0), "ddd");
	agree("it is heard again");
	world_end();
}
END_TEST

/* A sign of life, and a vote on the first endpoint. */
static bool hear_stranger(unsigned number, uint64_t seq, enum vote_says says)
{
	struct state_said said = { .kind = STATE_VOTES, .region = "eu", .epoch = 1, .seq = seq };
	const struct fleet_now now = clock_of_test();
	struct ballot_writer writer;
	struct buf body = { 0 };
	bool good;

	snprintf(said.node, sizeof said.node, "x%u", number);
	ballot_begin(&writer, &body, &(struct ballot_head){ .from = 1 });
	ballot_add(&writer, &(struct ballot_entry){ .id = ballot_id(health_identity(
							    &targets[0].addr, targets[0].port, &targets[0].probe)),
				    .says = says });
	said.body = body.text;
	said.len = body.len;
	good = fleet_hear(nodes[0].fleet, &said, &now);
	buf_fini(&body);
	return good;
}

START_TEST(names_may_change_more_often_than_there_are_places)
{
	three();
	for (unsigned i = 3; i < FLEET_HOSTS_MAX; i++)
		ck_assert(hear_stranger(i, 1000, VOTE_UP));
	ck_assert(!hear_stranger(FLEET_HOSTS_MAX, 1, VOTE_DOWN)); /* all are alive */
	pass(61);
	ck_assert_uint_eq(totals(0).alive, 2);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(hear_stranger(FLEET_HOSTS_MAX + i, 1, VOTE_DOWN));
	ck_assert_uint_eq(totals(0).hosts, FLEET_HOSTS_MAX - 1);
	ck_assert_uint_eq(totals(0).alive, 102);
	judge(&nodes[0]);
	ck_assert_int_eq(
		nodes[0].verdict[0].says[0].says + nodes[0].verdict[0].says[1].says + nodes[0].verdict[0].says[2].says,
		VOTE_UP + VOTE_UP + VOTE_DOWN); /* eu is what those say who are there now */
	world_end();
}
END_TEST

START_TEST(a_host_that_is_lost_half_the_time_agrees_in_the_end)
{
	three();
	loss = 2;
	for (int turn = 0; turn < 200; turn++) {
		vote((unsigned)dice_below(&dice, 3), (uint32_t)dice_below(&dice, ENDPOINTS),
			"UuDd-"[dice_below(&dice, 5)]);
		pass(1);
	}
	loss = 0;
	pass(21);
	agree("all is heard");
	ck_assert(!totals(0).differs);
	ck_assert_uint_eq(totals(0).agree, 2);
	world_end();
}
END_TEST

START_TEST(one_that_differs_for_half_a_minute_is_named)
{
	three();
	set_plan(&nodes[1], 2); /* its configuration is another one */
	pass(20);
	ck_assert(!totals(0).differs);
	pass(20);
	ck_assert(totals(0).differs);
	ck_assert_str_eq(totals(0).differing, "eu/e");
	set_plan(&nodes[1], 3);
	pass(12);
	ck_assert(!totals(0).differs);
	ck_assert_uint_gt(refused, 0); /* us is no region of eu's file */
	refused = 0;
	world_end();
}
END_TEST

START_TEST(a_path_that_loses_probes_is_no_difference)
{
	three();
	for (unsigned i = 0; i < 60; i++) {
		vote(2, i % ENDPOINTS, i / ENDPOINTS % 2 == 0 ? 'u' : 'U');
		pass(1);
	}
	for (unsigned i = 0; i < nnodes; i++)
		ck_assert_msg(!totals(i).differs, "%s differs for %s", totals(i).differing, nodes[i].name);
	agree("whatever leans");
	world_end();
}
END_TEST

START_TEST(a_new_plan_keeps_what_was_said)
{
	three();
	vote(0, 0, 'D');
	vote(1, 0, 'D');
	settle();
	ck_assert_str_eq(shown(0), "ddd");
	cut_off(0, true);
	set_plan(&nodes[2], 3);
	judge(&nodes[2]);
	ck_assert_str_eq(shown(0), "ddd");
	ck_assert(!nodes[2].verdict[0].frozen);
	world_end();
}
END_TEST

START_TEST(nothing_is_a_fleet_without_regions)
{
	world_begin();
	add_node("eu", "e");
	set_plan(&nodes[0], 0);
	ck_assert(!fleet_has(nodes[0].fleet, 0) && !fleet_assigned(nodes[0].fleet, 0));
	pass(2);
	ck_assert_uint_eq(totals(0).members, 0);
	world_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fleet");
	TCase *parts = tcase_create("parts"), *fleet = tcase_create("fleet");

	tcase_add_test(parts, a_region_more_moves_only_what_it_takes);
	tcase_add_test(parts, fewer_regions_than_vantages_are_all);
	tcase_add_test(parts, a_ballot_reads_back_as_it_was_written);
	tcase_add_test(fleet, noise_is_refused_and_harmless);
	tcase_add_test(fleet, a_majority_of_the_assigned_decides_everywhere_alike);
	tcase_add_test(fleet, one_that_abstains_changes_no_verdict);
	tcase_add_test(fleet, one_that_abstains_or_was_not_heard_is_silent);
	tcase_add_test(fleet, a_cut_takes_nobodys_verdict_and_the_minority_takes_nothing_down);
	tcase_add_test(fleet, the_bus_is_away_for_an_hour);
	tcase_add_test(fleet, a_host_that_missed_a_verdict_learns_what_the_others_keep);
	tcase_add_test(fleet, what_a_host_comes_with_is_nobody_elses_verdict);
	tcase_add_test(fleet, what_had_a_quorum_outweighs_what_a_host_comes_with);
	tcase_add_test(fleet, a_region_with_two_hosts_goes_by_its_own_view);
	tcase_add_test(fleet, the_budget_binds_a_regions_own_view);
	tcase_add_test(fleet, all_hosts_hold_the_same_pools_whatever_they_heard_first);
	tcase_add_test(fleet, the_first_failure_anywhere_lets_all_look);
	tcase_add_test(fleet, what_comes_late_or_twice_changes_nothing);
	tcase_add_test(fleet, a_host_whose_clock_was_set_back_votes_again_after_a_minute);
	tcase_add_test(fleet, names_may_change_more_often_than_there_are_places);
	tcase_add_test(fleet, a_host_that_is_lost_half_the_time_agrees_in_the_end);
	tcase_add_test(fleet, one_that_differs_for_half_a_minute_is_named);
	tcase_add_test(fleet, a_path_that_loses_probes_is_no_difference);
	tcase_add_test(fleet, a_new_plan_keeps_what_was_said);
	tcase_add_test(fleet, nothing_is_a_fleet_without_regions);
	suite_add_tcase(suite, parts);
	suite_add_tcase(suite, fleet);
	return unit_run(suite);
}
