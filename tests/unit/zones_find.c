/* Names found: the matrices of RFC 1034 4.3.2 and RFC 4592, delegations, zones below zones, configuration names. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/zones.h"

#define LONG "an-apex-that-is-longer-than-what-a-place-has-room-for.example"

static const struct {
	const char *origin, *text;
} files[] = {
	{ "svc.example", HEAD "a A 192.0.2.1\n"
			      "deep.b.c A 192.0.2.2\n"
			      "*.wild TXT w\n"
			      "host.wild A 192.0.2.3\n"
			      "x.ent.wild A 192.0.2.4\n"
			      "_ssh._tcp.host2.wild SRV 0 0 1 a\n"
			      "sub.*.wild TXT under-the-star\n"
			      "*.twice.wild A 192.0.2.5\n"
			      "q.*.entstar A 192.0.2.6\n"
			      "cname CNAME a\n"
			      "*.cw CNAME a\n"
			      "del NS ns.del\n DS 1 13 2 00ff\nns.del A 192.0.2.8\nx.y.del A 192.0.2.9\n"
			      "z.y.del A 192.0.2.9\n"
			      "*.d.del A 192.0.2.9\n"
			      "low NS a\nin.low NS a\n"
			      "child NS ns1.child\nns1.child A 192.0.2.10\n"
			      "_gslb.www TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.*.app TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.x.y.z TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.a-label-beyond-the-head TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.hidden.lower TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.static.lower TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.lower TXT \"v=gslb1; pools=eu\"\n"
			      "_gslb.both.lower TXT \"v=gslb1; pools=eu\"\n"
			      "_map.www TXT \"v=map1; country:CN=eu\"\n"
			      "eu._pool TXT \"v=pool1\"\n SRV 0 1 443 a\n"
			      "exact.app A 192.0.2.11\n" },
	{ "child.svc.example",
		"$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns1\nns1 A 192.0.2.10\nwww A 192.0.2.12\n* A 192.0.2.13\n" },
	{ "orphan.svc.example", "$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\n" },
	{ "lower.svc.example", "$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\nstatic A 192.0.2.15\n"
			       "_gslb.both TXT \"v=gslb1; pools=eu._pool.svc.example.\"\n" },
	{ "x", "$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\n"
	       "_gslb TXT \"v=gslb1; pools=eu._pool.svc.example.\"\n"
	       "_gslb.s TXT \"v=gslb1; pools=eu._pool.svc.example.\"\n" },
	{ LONG, "$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\n"
		"_gslb.www TXT \"v=gslb1; pools=eu._pool.svc.example.\"\n" },
	{ "star.example",
		"$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\n* A 192.0.2.14\n"
		"eu._pool TXT \"v=pool1\"\n SRV 0 1 443 lb.example.org.\n_gslb.www TXT \"v=gslb1; pools=eu\"\n" },
};

enum { W = 16 }; /* flag: by a wildcard */

/* What a question finds: kind, the node's name, and the service's owner. */
static const struct find_case {
	const char *name, *type;
	int kind;
	const char *node, *service;
} cases[] = {
	/* plain */
	{ "svc.example", "SOA", FOUND_NODE, "svc.example", "svc.example" },
	{ "a.svc.example", "A", FOUND_NODE, "a.svc.example", NULL },
	{ "A.SVC.example", "A", FOUND_NODE, "a.svc.example", NULL },
	{ "a.svc.example", "MX", FOUND_NODE, "a.svc.example", NULL },
	{ "b.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "x.a.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "example", "A", FOUND_NO_ZONE, NULL, NULL },
	{ ".", "NS", FOUND_NO_ZONE, NULL, NULL },
	{ "xsvc.example", "A", FOUND_NO_ZONE, NULL, NULL },
	{ "cname.svc.example", "A", FOUND_NODE, "cname.svc.example", NULL },
	/* empty non-terminals exist, and so do those above a service */
	{ "c.svc.example", "A", FOUND_NODE, "c.svc.example", NULL },
	{ "b.c.svc.example", "A", FOUND_NODE, "b.c.svc.example", NULL },
	{ "z.svc.example", "A", FOUND_NODE, "z.svc.example", NULL },
	{ "y.z.svc.example", "A", FOUND_NODE, "y.z.svc.example", NULL },
	{ "x.y.z.svc.example", "A", FOUND_NODE, "x.y.z.svc.example", "x.y.z.svc.example" },
	{ "w.y.z.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	/* wildcards (RFC 4592 2.2.1, 3.3) */
	{ "one.wild.svc.example", "TXT", FOUND_NODE | W, "*.wild.svc.example", NULL },
	{ "one.two.wild.svc.example", "TXT", FOUND_NODE | W, "*.wild.svc.example", NULL },
	{ "one.wild.svc.example", "A", FOUND_NODE | W, "*.wild.svc.example", NULL },
	{ "*.wild.svc.example", "TXT", FOUND_NODE, "*.wild.svc.example", NULL },
	{ "wild.svc.example", "TXT", FOUND_NODE, "wild.svc.example", NULL },
	{ "host.wild.svc.example", "TXT", FOUND_NODE, "host.wild.svc.example", NULL },
	{ "x.host.wild.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "ent.wild.svc.example", "TXT", FOUND_NODE, "ent.wild.svc.example", NULL },
	{ "y.ent.wild.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "host2.wild.svc.example", "TXT", FOUND_NODE, "host2.wild.svc.example", NULL },
	{ "_telnet._tcp.host2.wild.svc.example", "SRV", FOUND_NOTHING, NULL, NULL },
	{ "x.*.wild.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "sub.*.wild.svc.example", "TXT", FOUND_NODE, "sub.*.wild.svc.example", NULL },
	{ "twice.wild.svc.example", "A", FOUND_NODE, "twice.wild.svc.example", NULL },
	{ "t.twice.wild.svc.example", "A", FOUND_NODE | W, "*.twice.wild.svc.example", NULL },
	{ "t.entstar.svc.example", "A", FOUND_NODE | W, "*.entstar.svc.example", NULL },
	{ "q.t.entstar.svc.example", "A", FOUND_NODE | W, "*.entstar.svc.example", NULL },
	{ "q.*.entstar.svc.example", "A", FOUND_NODE, "q.*.entstar.svc.example", NULL },
	{ "t.cw.svc.example", "A", FOUND_NODE | W, "*.cw.svc.example", NULL },
	/* delegations: the topmost one answers */
	{ "del.svc.example", "A", FOUND_CUT, "del.svc.example", NULL },
	{ "del.svc.example", "NS", FOUND_CUT, "del.svc.example", NULL },
	{ "del.svc.example", "DS", FOUND_NODE, "del.svc.example", NULL },
	{ "ns.del.svc.example", "A", FOUND_CUT, "del.svc.example", NULL },
	{ "ns.del.svc.example", "DS", FOUND_CUT, "del.svc.example", NULL },
	{ "no.such.name.del.svc.example", "A", FOUND_CUT, "del.svc.example", NULL },
	{ "t.d.del.svc.example", "A", FOUND_CUT, "del.svc.example", NULL },
	{ "_pool.del.svc.example", "A", FOUND_CUT, "del.svc.example", NULL },
	{ "in.low.svc.example", "A", FOUND_CUT, "low.svc.example", NULL },
	{ "in.low.svc.example", "DS", FOUND_CUT, "low.svc.example", NULL },
	{ "a.in.low.svc.example", "A", FOUND_CUT, "low.svc.example", NULL },
	/* a zone below another */
	{ "child.svc.example", "NS", FOUND_NODE, "child.svc.example", NULL },
	{ "www.child.svc.example", "A", FOUND_NODE, "www.child.svc.example", NULL },
	{ "t.child.svc.example", "A", FOUND_NODE | W, "*.child.svc.example", NULL },
	{ "child.svc.example", "DS", FOUND_NODE, "child.svc.example", NULL },
	{ "orphan.svc.example", "DS", FOUND_NODE, "orphan.svc.example", NULL },
	{ "svc.example", "DS", FOUND_NODE, "svc.example", "svc.example" },
	/* services */
	{ "www.svc.example", "A", FOUND_NODE, "www.svc.example", "www.svc.example" },
	{ "t.app.svc.example", "A", FOUND_NODE | W, "*.app.svc.example", "*.app.svc.example" },
	{ "s.t.app.svc.example", "A", FOUND_NODE | W, "*.app.svc.example", "*.app.svc.example" },
	{ "*.app.svc.example", "A", FOUND_NODE, "*.app.svc.example", "*.app.svc.example" },
	{ "app.svc.example", "A", FOUND_NODE, "app.svc.example", NULL },
	{ "exact.app.svc.example", "A", FOUND_NODE, "exact.app.svc.example", NULL },
	{ "t.exact.app.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "a-label-beyond-the-head.svc.example", "A", FOUND_NODE, "a-label-beyond-the-head.svc.example",
		"a-label-beyond-the-head.svc.example" },
	{ "www." LONG, "A", FOUND_NODE, "www." LONG, "www." LONG },
	{ "wwx." LONG, "A", FOUND_NOTHING, NULL, NULL },
	{ "x", "A", FOUND_NODE, "x", "x" },
	{ "s.x", "A", FOUND_NODE, "s.x", "s.x" },
	{ "t.x", "A", FOUND_NOTHING, NULL, NULL },
	/* a zone hides what the one above says of its names */
	{ "lower.svc.example", "A", FOUND_NODE, "lower.svc.example", NULL },
	{ "hidden.lower.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "static.lower.svc.example", "A", FOUND_NODE, "static.lower.svc.example", NULL },
	{ "both.lower.svc.example", "A", FOUND_NODE, "both.lower.svc.example", "both.lower.svc.example" },
	/* configuration does not exist, and matches no wildcard */
	{ "_gslb.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "_gslb.www.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "_map.www.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "_gslb.t.app.svc.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "eu._pool.svc.example", "SRV", FOUND_NOTHING, NULL, NULL },
	{ "_pool.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "x.eu._pool.svc.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "eu._pool.star.example", "SRV", FOUND_NOTHING, NULL, NULL },
	{ "_pool.star.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "_gslb.www.star.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "x._map.y.star.example", "TXT", FOUND_NOTHING, NULL, NULL },
	{ "_POOL.star.example", "A", FOUND_NOTHING, NULL, NULL },
	{ "_pools.star.example", "A", FOUND_NODE | W, "*.star.example", NULL },
	{ "pool.star.example", "A", FOUND_NODE | W, "*.star.example", NULL },
	{ "t.star.example", "A", FOUND_NODE | W, "*.star.example", NULL },
	{ "www.star.example", "A", FOUND_NODE, "www.star.example", "www.star.example" },
};

static struct zone_set *set;

static void load(void)
{
	struct zone *zones[COUNT_OF(files)];
	struct report report = { 0 };
	char *text;

	for (size_t i = 0; i < COUNT_OF(files); i++)
		zones[i] = zone_of(files[i].origin, files[i].text, &report);
	text = report_text(&report);
	ck_assert_msg(report.nmistakes == 0, "%s", text);
	set = zone_set_link(zones, COUNT_OF(zones), SEED, &report);
	ck_assert_ptr_nonnull(set);
	for (size_t i = 0; i < COUNT_OF(files); i++)
		zone_unref(zones[i]);
	report_fini(&report);
	free(text);
}

static void unload(void)
{
	zone_set_free(set);
}

START_TEST(a_question_finds_what_rfc_1034_and_rfc_4592_say)
{
	const struct find_case *c = &cases[_i];
	char text[NAME_TEXT_MAX];
	enum found_kind kind;
	struct found found;
	struct name name;
	uint16_t type;

	ck_assert(name_from_text(&name, c->name) && rrtype_parse(c->type, &type));
	kind = find_both(set, &name, type, &found);
	ck_assert_msg((int)kind == (c->kind & ~W), "%s %s: kind %d", c->name, c->type, kind);
	ck_assert_msg(found.wildcard == ((c->kind & W) != 0), "%s: wildcard %d", c->name, found.wildcard);
	if (c->node != NULL)
		ck_assert_str_eq(name_format_wire(found.node->wire, text), c->node);
	ck_assert_msg((found.service != NULL) == (c->service != NULL), "%s: service", c->name);
	if (c->service != NULL) {
		ck_assert_str_eq(name_format(&found.service->owner, text), c->service);
		ck_assert_ptr_eq(found.service, &set->services[found.service->number]);
	}
}
END_TEST

/* Names as deep as names can be, and a zone that deep: at 63 labels the steps give up. */
START_TEST(a_zone_of_many_labels_is_found_as_any)
{
	struct report report = { 0 };
	struct zone *zones[2];
	struct zone_set *some;
	struct found found;
	struct name name;

	for (size_t labels = 60; labels < 68; labels++) {
		char apex[160] = "", text[160];

		for (size_t i = 0; i < labels; i++)
			strcat(apex, i == 0 ? "z" : ".z");
		zones[0] = zone_of("z.z", HEAD "*.z TXT above\n", &report);
		zones[1] = zone_of(apex, HEAD "www TXT x\n", &report);
		some = zone_set_link(zones, COUNT_OF(zones), SEED, &report);
		ck_assert_ptr_nonnull(some);
		for (size_t i = 0; i < 3; i++) {
			snprintf(text, sizeof text, "%s%s", (const char *[]){ "www.", "", "none." }[i], apex);
			ck_assert(name_from_text(&name, text));
			ck_assert_int_eq(find_both(some, &name, RR_TXT, &found), i < 2 ? FOUND_NODE : FOUND_NOTHING);
			ck_assert(name_equal(&found.zone->apex, &zones[1]->apex));
		}
		ck_assert(name_from_text(&name, "a.z.z"));
		ck_assert_int_eq(find_both(some, &name, RR_TXT, &found), FOUND_NOTHING);
		zone_set_free(some);
		zone_unref(zones[0]);
		zone_unref(zones[1]);
	}
	report_fini(&report);
}
END_TEST

/* Who answers a DS question at a zone's apex (RFC 4035 3.1.4.1). */
START_TEST(ds_is_the_parents_where_it_delegates_and_the_childs_where_not)
{
	static const struct {
		const char *name, *zone;
	} answers[] = { { "child.svc.example", "svc.example" }, { "orphan.svc.example", "orphan.svc.example" },
		{ "svc.example", "svc.example" } };

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		char text[NAME_TEXT_MAX];
		struct found found;
		struct name name;

		ck_assert(name_from_text(&name, answers[i].name));
		ck_assert_int_eq(find_both(set, &name, RR_DS, &found), FOUND_NODE);
		ck_assert_str_eq(name_format(&found.zone->apex, text), answers[i].zone);
	}
}
END_TEST

START_TEST(an_rrset_is_found_by_its_type_and_glue_by_its_name)
{
	struct name name;
	const struct node *node;
	uint16_t rdlen;

	ck_assert(name_from_text(&name, "ns.del.svc.example"));
	node = zone_node(set->zones[0], name.wire, name.len);
	ck_assert_ptr_nonnull(node);
	ck_assert_ptr_nonnull(node->cut);
	ck_assert_ptr_null(node_rrset(node, RR_AAAA));
	ck_assert_ptr_null(node_rrset(node, 0));
	ck_assert_mem_eq(rr_rdata(node_rrset(node, RR_A)->wire, &rdlen), "\300\0\2\10", 4);
	ck_assert_uint_eq(rdlen, 4);
	ck_assert_mem_eq(node_rrset(node, RR_A)->wire, "\300\14\0\1\0\1\0\0\16\20\0\4", 12);
	ck_assert(name_from_text(&name, "nx.del.svc.example"));
	ck_assert_ptr_null(zone_node(set->zones[0], name.wire, name.len));
}
END_TEST

/* ---- against a plain search over all names of the file ---- */

enum { NAMES = 12, NAME_TEXT = 16 };

/* One to `most` labels out of few, so that names meet. */
static void random_name(struct dice *dice, size_t most, char *text)
{
	size_t labels = 1 + dice_below(dice, most), len = 0;

	for (size_t i = 0; i < labels; i++)
		len += (size_t)sprintf(text + len, "%s%c", i > 0 ? "." : "", "ab*c"[dice_below(dice, 4)]);
}

/* One of the names is it, or lies below it. */
static bool stands(char names[NAMES][NAME_TEXT], const char *name)
{
	for (size_t i = 0; i < NAMES; i++) {
		size_t len = strlen(name), whole = strlen(names[i]);

		if (strcmp(names[i], name) == 0 ||
			(whole > len && names[i][whole - len - 1] == '.' && strcmp(names[i] + whole - len, name) == 0))
			return true;
	}
	return false;
}

static void expect_plain_search(
	const struct zone_set *some, char names[NAMES][NAME_TEXT], const char *asked, const char *body)
{
	bool exists = stands(names, asked), star;
	const char *encloser = asked;
	char text[64] = "*";
	struct found found;
	struct name name;
	enum found_kind kind;

	while (encloser != NULL && !stands(names, encloser))
		encloser = strchr(encloser, '.') == NULL ? NULL : strchr(encloser, '.') + 1;
	if (encloser != NULL)
		snprintf(text, sizeof text, "*.%s", encloser);
	star = stands(names, text);
	snprintf(text, sizeof text, "%s.svc.example", asked);
	ck_assert(name_from_text(&name, text));
	kind = find_both(some, &name, RR_TXT, &found);
	ck_assert_msg(kind == (exists || star ? FOUND_NODE : FOUND_NOTHING), "%s in\n%s", asked, body);
	ck_assert_msg(found.wildcard == (!exists && star), "%s in\n%s", asked, body);
}

START_TEST(random_names_are_found_as_by_a_plain_search)
{
	struct dice dice = { 7 };

	for (int round = 0; round < 200; round++) {
		char names[NAMES][NAME_TEXT], body[1024] = "", asked[NAME_TEXT];
		struct zone_set *some;

		for (size_t i = 0; i < NAMES; i++) {
			random_name(&dice, 3, names[i]);
			sprintf(body + strlen(body), "%s TXT %zu\n", names[i], i);
		}
		some = set_of(body);
		for (int i = 0; i < 100; i++) {
			random_name(&dice, 4, asked);
			expect_plain_search(some, names, asked, body);
		}
		zone_set_free(some);
	}
}
END_TEST

/* What hashes alike in 64 bits cannot be found: one name's search is ended with the other. */
static const struct alike_case {
	const char *sought, *asked;
} alike[] = {
	{ "www.svc.example", "wxw.svc.example" },
	{ "www.svc.example", "www.svc.exampla" },
	{ "www.svc.example", "www.suc.example" },
	{ "a.svc.example", "b.svc.example" },
	{ "one-of-12-by.svc.example", "one-of-12-bz.svc.example" },
	{ "one-of-11-b.svc.example", "one-of-11-c.svc.example" },
	{ "one-of-11-b.svc.example", "one-of-11-b.tvc.example" },
	{ "one-of-10b.svc.example", "one-of-10c.svc.example" },
	{ "one-of-10b.svc.example", "one-of-10b.tvc.example" },
	{ "oneof-09b.svc.example", "oneof-09c.svc.example" },
	{ "oneof-09b.svc.example", "oneof-09b.tvc.example" },
	{ "a-label-beyond-the-head.svc.example", "a-label-beyond-the-hend.svc.example" },
	{ "a-label-beyond-the-head.svc.example", "a-label-beyond-the-head.svd.example" },
};

START_TEST(a_name_is_not_answered_with_another_of_its_hash)
{
	const struct alike_case *c = &alike[_i];
	struct zone_set *some = set_of("www A 192.0.2.1\na A 192.0.2.1\n"
				       "one-of-12-by A 192.0.2.1\none-of-11-b A 192.0.2.1\n"
				       "one-of-10b A 192.0.2.1\noneof-09b A 192.0.2.1\n"
				       "a-label-beyond-the-head A 192.0.2.1\n");
	struct service_owner owner;
	struct name sought, asked;
	struct zone_seek seek;
	struct found found;

	ck_assert(name_from_text(&sought, c->sought) && name_from_text(&asked, c->asked));
	zone_seek_name(&seek, some, &sought, false);
	zone_seek_slot(&seek);
	zone_seek_node(&seek);
	ck_assert_int_eq(zone_seek_end(&seek, some, &sought, RR_A, &found), FOUND_NODE);
	ck_assert_int_ne(zone_seek_end(&seek, some, &asked, RR_A, &found), FOUND_NODE);
	zone_set_free(some);
	some = set_of("eu._pool TXT \"v=pool1\"\n SRV 0 1 443 lb.example.org.\n"
		      "_gslb.www TXT \"v=gslb1; pools=eu\"\n_gslb.a TXT \"v=gslb1; pools=eu\"\n"
		      "_gslb.one-of-12-by TXT \"v=gslb1; pools=eu\"\n_gslb.one-of-11-b TXT \"v=gslb1; pools=eu\"\n"
		      "_gslb.one-of-10b TXT \"v=gslb1; pools=eu\"\n_gslb.oneof-09b TXT \"v=gslb1; pools=eu\"\n"
		      "_gslb.a-label-beyond-the-head TXT \"v=gslb1; pools=eu\"\n");
	zone_seek_name(&seek, some, &sought, true);
	zone_seek_service(&seek, some, &sought);
	ck_assert_uint_ne(seek.service, SERVICE_NONE);
	owner = service_owner(&some->services[seek.service]);
	ck_assert(zone_seek_is_service(&seek, some, &sought, &owner, &found));
	ck_assert(!zone_seek_is_service(&seek, some, &asked, &owner, &found));
	zone_set_free(some);
}
END_TEST

void add_find_cases(Suite *suite)
{
	TCase *tcase = tcase_create("find"), *random = tcase_create("find at random");

	tcase_add_checked_fixture(tcase, load, unload);
	tcase_add_loop_test(tcase, a_question_finds_what_rfc_1034_and_rfc_4592_say, 0, COUNT_OF(cases));
	tcase_add_test(tcase, ds_is_the_parents_where_it_delegates_and_the_childs_where_not);
	tcase_add_loop_test(tcase, a_name_is_not_answered_with_another_of_its_hash, 0, COUNT_OF(alike));
	tcase_add_test(tcase, an_rrset_is_found_by_its_type_and_glue_by_its_name);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(random, 60);
	tcase_add_test(random, a_zone_of_many_labels_is_found_as_any);
	tcase_add_test(random, random_names_are_found_as_by_a_plain_search);
	suite_add_tcase(suite, random);
}
