/* Nodes that share a configuration and a seed answer alike, whatever numbers they have given to things; and all that an ECS answer is
 * kept for would be told the same. */
#include "tests/unit/herd.h"

static struct sim other;

/* ---- nodes ---- */

/* Pools in two zones, tiers, shared addresses, large weights. */
static const char *const node_lines[] = {
	"_gslb.www TXT \"v=gslb1; pools=p0:5,p1:3,p2:65535,p3._pool.other.example.:65535; rank=geo,weight; answers=3; "
	"%s\"\n",
	"_map.www TXT \"v=map1; net:41.0.0.0/9=p1,p0; net:2000:4000::/34=p1,p0; net:2000:0:4000::/34=p1,p0; "
	"net:45.0.0.0/12=p0,p2\"\n",
	"p0._pool LOC 1 N 1 E 0m\n",
	"p0._pool TXT \"v=pool1; ramp=0s\"\n",
	"p0._pool SRV 0 65535 443 l1.p0\n",
	"p0._pool SRV 0 65535 443 l2.p0\n",
	"p0._pool SRV 0 65535 443 l3.p0\n",
	"p0._pool SRV 0 40000 443 l4.p0\n",
	"p1._pool LOC 1 N 1 E 0m\n",
	"p1._pool TXT \"v=pool1\"\n",
	"p1._pool SRV 0 65535 443 l1.p1\n",
	"p1._pool SRV 0 60000 443 l2.p1\n",
	"p1._pool SRV 0 5 443 l3.p1\n",
	"p1._pool SRV 1 5 443 l4.p1\n",
	"p2._pool TXT \"v=pool1\"\n",
	"p2._pool SRV 0 0 443 l1.p2\n",
	"p2._pool SRV 0 0 443 l2.p2\n",
	"l1.p0 A 192.0.10.1\nl1.p0 AAAA 2001:db8:10::1\n",
	"l2.p0 A 192.0.10.2\nl2.p0 AAAA 2001:db8:10::2\n",
	"l3.p0 A 192.0.10.3\nl3.p0 AAAA 2001:db8:10::3\n",
	"l4.p0 A 192.0.10.4\nl4.p0 AAAA 2001:db8:10::4\n",
	"l1.p1 A 192.0.11.1\nl1.p1 AAAA 2001:db8:11::1\n",
	"l1.p1 A 192.0.11.9\nl1.p1 AAAA 2001:db8:11::9\n",
	"l1.p1 A 192.0.11.8\nl1.p1 AAAA 2001:db8:11::8\n",
	"l1.p1 A 192.0.11.7\nl1.p1 AAAA 2001:db8:11::7\n",
	"l2.p1 A 192.0.11.1\nl2.p1 AAAA 2001:db8:11::1\n",
	"l2.p1 A 192.0.11.2\nl2.p1 AAAA 2001:db8:11::2\n",
	"l3.p1 A 192.0.11.3\nl3.p1 AAAA 2001:db8:11::3\n",
	"l4.p1 A 192.0.11.4\nl4.p1 AAAA 2001:db8:11::4\n",
	"l1.p2 A 192.0.12.1\nl1.p2 AAAA 2001:db8:12::1\n",
	"l2.p2 A 192.0.12.2\nl2.p2 AAAA 2001:db8:12::2\n",
};

static const char other_zone[] = "p3._pool TXT \"v=pool1\"\np3._pool SRV 0 1 443 l1\np3._pool SRV 0 2 443 l2\n"
				 "l1 A 192.0.13.1\nl1 AAAA 2001:db8:13::1\nl2 A 192.0.13.2\nl2 AAAA 2001:db8:13::2\n";

static const char unrelated_zone[] = "_gslb TXT \"v=gslb1; pools=x\"\nx._pool TXT \"v=pool1\"\nx._pool SRV 0 1 443 e\n"
				     "e A 192.0.99.1\n";

static void node_zone(struct sim *node, const char *apex, const char *text)
{
	struct buf zone = { 0 };

	buf_printf(&zone, "%s%s", herd_zone_head, text);
	sim_zone(node, apex, zone.text);
	buf_fini(&zone);
}

/* One that knows the same in another order: its zones, its records, and its numbers for them. */
static void node_load(struct sim *node, const struct herd_way *way, bool second)
{
	struct buf zone = { 0 };

	herd_init(node);
	if (second) {
		node->name_seed = 0xfeed + herd_round;
		node->dice.state = 99;
		node_zone(node, "aaa.example", unrelated_zone);
		node_zone(node, "other.example", other_zone);
	}
	for (size_t i = 0; i < COUNT_OF(node_lines); i++) {
		const char *line = node_lines[second ? COUNT_OF(node_lines) - 1 - i : i], *at = strstr(line, "%s");

		if (at == NULL)
			buf_printf(&zone, "%s", line);
		else
			buf_printf(&zone, "%.*s%s%s", (int)(at - line), line, way->sticky, at + 2);
	}
	node_zone(node, "svc.example", zone.text);
	buf_fini(&zone);
	if (!second)
		node_zone(node, "other.example", other_zone);
	sim_place(node, "32.0.0.0/4 3 4 IE EU");
	sim_place(node, "2000::/4 3 4 IE EU");
	sim_load(node);
}

/* The same endpoints of both are down. */
static void nodes_suffer(struct dice *dice)
{
	for (size_t i = 0; i < herd_sim.nslots; i++) {
		struct verdict verdict = { .state = dice_below(dice, 4) == 0 ? HEALTH_DOWN : HEALTH_UP };

		herd_sim.slots[i].word = verdict_pack(&verdict);
		for (size_t k = 0; k < other.nslots; k++)
			if (addr_equal(&other.slot[k].addr, &herd_sim.slot[i].addr))
				other.slots[k].word = herd_sim.slots[i].word;
	}
}

static void check_agree(const struct herd_way *way, unsigned n)
{
	struct told *one = herd_told(&herd_sim, way, n), *two = herd_told(&other, way, n);

	for (unsigned i = 0; i < n; i++)
		if (memcmp(&one[i], &two[i], sizeof(one[i])) != 0)
			ck_abort_msg("client %u: p%u %u… of %u for %u s, and p%u %u… of %u for %u s", i, one[i].pool,
				one[i].endpoint[0] & 255, one[i].n, one[i].ttl_s, two[i].pool, two[i].endpoint[0] & 255,
				two[i].n, two[i].ttl_s);
	free(one);
	free(two);
}

START_TEST(nodes_of_one_seed_agree)
{
	const struct herd_way *way = &herd_ways[_i];
	struct dice dice = { (uint64_t)_i + 1000 * herd_round };

	node_load(&herd_sim, way, false);
	node_load(&other, way, true);
	ck_assert_uint_ne(
		herd_sim.snapshot->set->zones[0]->apex_node->hash, other.snapshot->set->zones[0]->apex_node->hash);
	ck_assert_uint_ne(sim_service(&herd_sim, "www.svc.example")->service->number,
		sim_service(&other, "www.svc.example")->service->number);
	check_agree(way, _i % 3 == 0 ? CROWD : herd_size(50000));
	for (unsigned i = 0; i < 10; i++) {
		nodes_suffer(&dice);
		check_agree(way, herd_size(10000));
	}
	sim_fini(&herd_sim);
	sim_fini(&other);
}
END_TEST

START_TEST(nodes_of_different_seeds_do_not)
{
	const struct herd_way *way = &herd_ways[0];
	struct told *one, *two;
	unsigned differ = 0;

	node_load(&herd_sim, way, false);
	herd_init(&other);
	sim_fini(&other);
	herd_round++;
	node_load(&other, way, false);
	herd_round--;
	one = herd_told(&herd_sim, way, 10000);
	two = herd_told(&other, way, 10000);
	for (unsigned i = 0; i < 10000; i++)
		differ += !told_same(&one[i], &two[i]);
	ck_assert_uint_gt(differ, 5000);
	free(one);
	free(two);
	sim_fini(&herd_sim);
	sim_fini(&other);
}
END_TEST

/* ---- scopes ---- */

/* An address in the block of one, behind its first bits. */
static struct addr near(const struct addr *addr, unsigned len, uint64_t noise)
{
	struct addr other_one = *addr;

	for (unsigned i = 0; i < (addr->family == ADDR_V4 ? 4u : 8u); i++) {
		unsigned keep = len > i * 8 ? (len - i * 8 < 8 ? len - i * 8 : 8) : 0;
		uint8_t mask = (uint8_t)(0xff00 >> keep);

		other_one.bytes[i] = (uint8_t)((addr->bytes[i] & mask) | ((uint8_t)(noise >> (8 * i)) & ~mask));
	}
	return other_one;
}

static void load_scopes(const struct herd_way *way)
{
	static const char *const places[] = { "41.0.0.0/8 3 4 IE EU", "2041::/16 3 4 IE EU", "41.7.64.0/22 60 4 SE EU",
		"41.7.65.128/26 3 90 CN AS", "2041:7:6400::/42 60 4 SE EU", "2041:7:6410::/50 3 90 CN AS" };
	struct buf zone = { 0 };

	buf_printf(&zone,
		"_gslb.www TXT \"v=gslb1; pools=p0,p1,p2,p3; rank=geo,weight; answers=2; %s\"\n"
		"_map.www TXT \"v=map1; net:41.7.66.192/27=p3,p0; net:2041:7:6420::/60=p3,p0\"\n",
		way->sticky);
	for (unsigned i = 0; i < 4; i++) {
		static const unsigned weights[POOLS] = { 1, 2, 3, 1, 1 };

		buf_printf(&zone, "p%u._pool LOC %u N %u E 0m\n", i, i == 2 ? 60 : 1, i == 3 ? 80 : 4);
		herd_add_pool(&zone, i, weights, POOLS);
	}
	node_zone(&herd_sim, "svc.example", zone.text);
	buf_fini(&zone);
	for (size_t i = 0; i < COUNT_OF(places); i++)
		sim_place(&herd_sim, places[i]);
	sim_load(&herd_sim);
}

/* All of the block that an answer is kept for are told the same, and it is no smaller than that takes: one bit less, and it holds others'
 * keys or places. */
START_TEST(all_of_a_scope_are_told_the_same_and_no_bit_is_for_nothing)
{
	const struct herd_way *way = &herd_ways[_i];
	const struct service_plan *service;
	struct dice dice = { 4 + herd_round };
	unsigned lengths[129] = { 0 }, wider[129] = { 0 };

	load_scopes(way);
	service = sim_service(&herd_sim, "www.svc.example");
	for (unsigned i = 0; i < 4000; i++) {
		const uint8_t around[] = { 0x41, 0x29 };
		struct client client = { .ecs = true, .source_len = way->family == FAMILY_V4 ? 32 : 64 };
		struct verdict verdict = { .state = dice_below(&dice, 2) == 0 ? HEALTH_DOWN : HEALTH_UP };
		struct told first, again;

		if (i >= 1000) /* from then on parts of pools are down, and pass clients on */
			herd_sim.slots[dice_below(&dice, herd_sim.nslots)].word = verdict_pack(&verdict);
		client.addr = (struct addr){ .family = way->family == FAMILY_V4 ? ADDR_V4 : ADDR_V6,
			.bytes = { around[1], 7, (uint8_t)(64 + dice_below(&dice, 4)) } };
		if (way->family == FAMILY_V6)
			memcpy(client.addr.bytes,
				(uint8_t[]){ 0x20, around[0], 0, 7, 0x64, (uint8_t)(dice_next(&dice) & 0x3f) }, 6);
		client.addr = near(&client.addr,
			i % 8 == 0                 ? 12
			: way->family == FAMILY_V4 ? 24
						   : 48,
			dice_next(&dice));
		herd_ask(&herd_sim, service, way->family, &client, &first);
		lengths[first.scope]++;
		ck_assert(first.scope >= way->key_len);
		for (unsigned k = 0; k < 30; k++) {
			struct client neighbour = client;

			neighbour.addr = near(&client.addr, first.scope, dice_next(&dice));
			herd_ask(&herd_sim, service, way->family, &neighbour, &again);
			if (!told_same(&first, &again) || first.scope != again.scope || first.ttl_s != again.ttl_s)
				ck_abort_msg("client %u, neighbour %u: another answer within /%u", i, k, first.scope);
			neighbour.addr = near(&client.addr, first.scope - 1u, dice_next(&dice));
			herd_ask(&herd_sim, service, way->family, &neighbour, &again);
			wider[first.scope] += !told_same(&first, &again);
		}
	}
	for (unsigned len = 0; len <= 128; len++)
		if (lengths[len] > 20 && wider[len] == 0)
			ck_abort_msg("a scope of %u, and one bit less has the same answers", len);
	ck_assert(lengths[way->key_len] > 0);
	ck_assert(lengths[way->family == FAMILY_V4 ? 27 : 60] > 0 || way->family == FAMILY_V6);
}
END_TEST

static Suite *suite(void)
{
	Suite *suite = suite_create("nodes");
	TCase *one = tcase_create("one"), *two = tcase_create("two");

	tcase_set_timeout(one, 300);
	tcase_add_checked_fixture(one, herd_setup, herd_teardown);
	tcase_add_loop_test(one, all_of_a_scope_are_told_the_same_and_no_bit_is_for_nothing, 0, WAYS);
	suite_add_tcase(suite, one);
	tcase_set_timeout(two, 300);
	tcase_add_loop_test(two, nodes_of_one_seed_agree, 0, WAYS);
	tcase_add_test(two, nodes_of_different_seeds_do_not);
	suite_add_tcase(suite, two);
	return suite;
}

int main(void)
{
	return herd_run(suite);
}
