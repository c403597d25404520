/* Sets of zones, files with includes, printing, and names as operators type them. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/zones.h"
#include "zones/inner.h"

#define SOA_NS "$TTL 60\n@ SOA a h 1 2 3 4 5\n NS ns.example.org.\n"
#define EU "eu._pool TXT \"v=pool1\"\n SRV 0 1 443 lb.example.org.\n"

/* ---- across zones ---- */

static const struct link_case {
	const char *origins[2], *texts[2], *report;
} links[] = {
	{ { "a.example", "b.example" }, { SOA_NS EU, SOA_NS "_gslb.www TXT \"v=gslb1; pools=eu._pool.a.example.\"\n" },
		"" },
	{ { "a.example", "b.example" },
		{ SOA_NS EU,
			SOA_NS "_gslb.www TXT \"v=gslb1; pools=us._pool.a.example.; fallback=eu._pool.c.example.\"\n" },
		"z:4: _gslb.www: us._pool.a.example.: no such pool in a loaded zone (correct it, or load its zone)\n"
		"z:4: _gslb.www: eu._pool.c.example.: no such pool in a loaded zone (correct it, or load its zone)\n" },
	{ { "a.example", "b.example" },
		{ SOA_NS "eu._pool TXT \"v=pool1; via=cname\"\n SRV 0 1 443 lb.example.org.\n", SOA_NS EU
			"_gslb.www TXT \"v=gslb1; pools=eu\"\n_map.www TXT \"v=map1; asn:1=eu._pool.a.example.\"\n" },
		"z:7: _map.www: eu has via=cname, but eu has via=address (all pools of a service agree)\n" },
	{ { "a.example", "b.example" },
		{ SOA_NS "eu._pool TXT \"v=pool1\"\n SRV 0 1 443 lb.b.example.\n", SOA_NS "lb A 192.0.2.1\n" }, "" },
	{ { "a.example", "b.example" }, { SOA_NS "eu._pool TXT \"v=pool1\"\n SRV 0 1 443 lb.b.example.\n", SOA_NS },
		"z:5: eu._pool: SRV lb.b.example.: no such name in the zone b.example (give it an A or AAAA "
		"record)\n" },
	{ { "a.example", "b.example" },
		{ SOA_NS "eu._pool TXT \"v=pool1; via=cname\"\n SRV 0 1 443 www.b.example.\n",
			SOA_NS EU "_gslb.*.b.example. TXT \"v=gslb1; pools=eu\"\n" },
		"z:5: eu._pool: SRV www.b.example.: is a service itself (name an endpoint)\n" },
	{ { "a.example", "b.example" },
		{ SOA_NS EU,
			SOA_NS "us._pool TXT \"v=pool1; needs=eu._pool.a.example.\"\n SRV 0 1 443 lb.example.org.\n" },
		"" },
	{ { "a.example", "b.example" },
		{ SOA_NS,
			SOA_NS "us._pool TXT \"v=pool1; needs=eu._pool.a.example.\"\n SRV 0 1 443 lb.example.org.\n" },
		"z:4: us._pool: needs: eu._pool.a.example.: no such pool in a loaded zone (correct it, or load its "
		"zone)\n" },
	{ { "a.example", "b.example" },
		{ SOA_NS "eu._pool TXT \"v=pool1; needs=us._pool.b.example.\"\n SRV 0 1 443 lb.example.org.\n",
			SOA_NS "us._pool TXT \"v=pool1; needs=eu._pool.a.example.\"\n SRV 0 1 443 lb.example.org.\n" },
		"z:4: eu._pool: needs: eu needs us._pool.b.example., which needs eu (a circle: take one of them "
		"out)\n" },
	{ { "a.example", "A.Example" }, { SOA_NS, SOA_NS },
		"z: @: the zone a.example is that of z, too (load one of them)\n" },
	{ { "a.example", "sub.a.example" }, { SOA_NS "sub NS ns.example.org.\n", SOA_NS }, "" },
	{ { "a.example", "sub.a.example" }, { SOA_NS, SOA_NS },
		"z: warning: @: a.example above does not delegate sub.a.example (add its NS records there)\n" },
};

START_TEST(zones_are_checked_as_one_set)
{
	const struct link_case *c = &links[_i];
	struct report report = { 0 };
	struct zone *zones[2];
	struct zone_set *set;
	char *text;

	for (size_t i = 0; i < 2; i++) {
		zones[i] = zone_of(c->origins[i], c->texts[i], &report);
		ck_assert_ptr_nonnull(zones[i]);
	}
	set = zone_set_link(zones, 2, SEED, &report);
	text = report_text(&report);
	ck_assert_str_eq(text, c->report);
	ck_assert_int_eq(set != NULL, report.nmistakes == 0);
	zone_set_free(set);
	zone_unref(zones[0]);
	zone_unref(zones[1]);
	report_fini(&report);
	free(text);
}
END_TEST

START_TEST(numbers_go_by_zone_and_then_by_the_files_order_and_zones_are_shared)
{
	struct report report = { 0 };
	struct zone *zones[2] = {
		zone_of("a.example",
			SOA_NS "_gslb.z TXT \"v=gslb1; pools=eu\"\n_gslb.a TXT \"v=gslb1; pools=us\"\n" EU
			       "us._pool TXT \"v=pool1\"\n SRV 0 1 443 x.example.org.\n SRV 0 1 443 y.example.org.\n",
			&report),
		zone_of("b.example", SOA_NS "_gslb.b TXT \"v=gslb1; pools=eu,us._pool.a.example.\"\n" EU, &report),
	};
	struct zone_set *one = zone_set_link(zones, 2, SEED, &report), *two = zone_set_link(zones, 2, SEED, &report);
	static const char *const owners[] = { "z.a.example", "a.a.example", "b.b.example" };
	char text[NAME_TEXT_MAX];

	ck_assert_ptr_nonnull(one);
	ck_assert_uint_eq(one->nservices, 3);
	ck_assert_uint_eq(one->npools, 3);
	ck_assert_uint_eq(one->ntargets, 4);
	zone_set_free(one);
	zone_unref(zones[0]);
	zone_unref(zones[1]);
	for (size_t i = 0; i < 3; i++) { /* the second set lives on */
		ck_assert_str_eq(name_format(&two->services[i].owner, text), owners[i]);
		ck_assert_uint_eq(two->services[i].number, i);
		ck_assert_uint_eq(two->pools[i].number, i);
	}
	ck_assert_uint_eq(two->services[2].pools[0].pool, 2);
	ck_assert_uint_eq(two->services[2].pools[1].pool, 1);
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(two->targets[i]->number, i);
	zone_set_free(two);
	report_fini(&report);
}
END_TEST

static const struct lookup_case {
	const char *text;
	uint32_t number;
	const char *err;
} pool_names[] = {
	{ "us", 1, NULL },
	{ "US", 1, NULL },
	{ "us.a.example", 1, NULL },
	{ "us._pool.a.example", 1, NULL },
	{ "eu.b.example.", 2, NULL },
	{ "eu", POOL_NONE, "eu: more than one pool has that name (it is one of eu._pool.a.example, eu._pool.b.example)" },
	{ "ap", POOL_NONE, "ap: no such pool" },
	{ "_pool", POOL_NONE, "_pool: no such pool" },
	{ "a..b", POOL_NONE, "a..b: not the name of a pool (try eu or eu.svc.example)" },
}, service_names[] = {
	{ "www.a.example", 0, NULL },
	{ "*.app", 1, NULL },
	{ "a.example", 2, NULL },
	{ "www", SERVICE_NONE, "www: more than one service has that name (it is one of www.a.example, www.b.example)" },
	{ "ftp", SERVICE_NONE, "ftp: no such service" },
	{ "a..b", SERVICE_NONE, "a..b: not the name of a service (try www or www.svc.example)" },
};

static void expect_lookup(const struct lookup_case *c, uint32_t number, const struct err *err)
{
	ck_assert_msg(number == c->number, "%s: %u", c->text, number);
	if (c->err != NULL)
		ck_assert_str_eq(err->text, c->err);
}

START_TEST(operators_name_pools_and_services_as_short_as_they_are_unique)
{
	struct report report = { 0 };
	struct zone *zones[2] = {
		zone_of("a.example",
			SOA_NS EU "us._pool TXT \"v=pool1\"\n SRV 0 1 443 x.example.org.\n"
				  "_gslb.www TXT \"v=gslb1; pools=eu\"\n_gslb.*.app TXT \"v=gslb1; pools=eu\"\n_gslb "
				  "TXT \"v=gslb1; pools=eu\"\n",
			&report),
		zone_of("b.example", SOA_NS EU "_gslb.www TXT \"v=gslb1; pools=eu\"\n", &report),
	};
	struct zone_set *set = zone_set_link(zones, 2, SEED, &report);
	struct err err;

	ck_assert_ptr_nonnull(set);
	for (size_t i = 0; i < COUNT_OF(pool_names); i++)
		expect_lookup(&pool_names[i], zone_set_pool(set, pool_names[i].text, &err), &err);
	for (size_t i = 0; i < COUNT_OF(service_names); i++)
		expect_lookup(&service_names[i], zone_set_service(set, service_names[i].text, &err), &err);
	zone_set_free(set);
	zone_unref(zones[0]);
	zone_unref(zones[1]);
	report_fini(&report);
}
END_TEST

START_TEST(a_set_of_no_zones_finds_nothing)
{
	struct report report = { 0 };
	struct zone_set *set = zone_set_link(NULL, 0, SEED, &report);
	struct found found;
	struct name name;

	ck_assert_ptr_nonnull(set);
	ck_assert(name_from_text(&name, "www.example"));
	ck_assert_int_eq(find_both(set, &name, RR_A, &found), FOUND_NO_ZONE);
	ck_assert_ptr_null(found.zone);
	zone_set_free(set);
}
END_TEST

START_TEST(the_root_may_be_a_zone)
{
	struct report report = { 0 };
	struct zone *zone = zone_of(".",
		"$TTL 60\n@ SOA a h 1 2 3 4 5\n NS a\na A 192.0.2.1\ncom NS a\n_gslb.www TXT \"v=gslb1; pools=eu\"\n"
		"eu._pool TXT \"v=pool1\"\n SRV 0 1 443 a\n",
		&report);
	struct zone_set *set = zone_set_link(&zone, 1, SEED, &report);
	struct found found;
	struct name name;

	ck_assert_ptr_nonnull(set);
	ck_assert(name_from_text(&name, "x.com"));
	ck_assert_int_eq(find_both(set, &name, RR_A, &found), FOUND_CUT);
	ck_assert(name_from_text(&name, "."));
	ck_assert_int_eq(find_both(set, &name, RR_DS, &found), FOUND_NODE);
	ck_assert(name_from_text(&name, "www"));
	ck_assert_int_eq(find_both(set, &name, RR_A, &found), FOUND_NODE);
	ck_assert_ptr_nonnull(found.service);
	ck_assert(name_from_text(&name, "www.nothing"));
	ck_assert_int_eq(find_both(set, &name, RR_A, &found), FOUND_NOTHING);
	ck_assert_uint_eq(zone_set_service(set, "www", NULL), 0);
	zone_set_free(set);
	zone_unref(zone);
	report_fini(&report);
}
END_TEST

/* ---- files ---- */

static char folder[UNIT_FOLDER_MAX];

static char *path_in(const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = path_in(name);
	struct err err;

	ck_assert_msg(file_replace(path, text, strlen(text), 0600, &err), "%s", err.text);
	free(path);
}

START_TEST(an_include_has_its_own_origin_owner_and_ttl_and_gives_them_back)
{
	static const struct {
		const char *owner;
		uint32_t ttl_s;
	} records[] = { { "a.svc.example", 60 }, { "b.x.svc.example", 30 }, { "c.y.x.svc.example", 30 },
		{ "d.svc.example", 60 }, { "e.svc.example", 60 } };
	struct report report = { 0 };
	const char *const *files;
	struct zone *zone;
	char *path, *sub;

	unit_folder(folder);
	sub = path_in("sub");
	ck_assert_int_eq(mkdir(sub, 0700), 0);
	write_file("svc.example.zone", SOA_NS "a TXT a\n$INCLUDE sub/more.inc x ; the other folder\n TXT "
					      "again\n$INCLUDE \"sub/most.inc\"\nd TXT d\n");
	write_file("sub/more.inc", "$TTL 30\nb TXT b\n$ORIGIN y\n$INCLUDE most.inc\n");
	write_file("sub/most.inc", "c TXT c\ne.svc.example. 60 TXT e");
	path = path_in("svc.example.zone");
	zone = zone_load(path, NULL, SEED, &report);
	ck_assert_ptr_nonnull(zone);
	ck_assert_str_eq(zone->file, path);
	for (size_t i = 0; i < COUNT_OF(records); i++) {
		const struct node *node;
		struct name name;

		ck_assert(name_from_text(&name, records[i].owner));
		node = zone_node(zone, name.wire, name.len);
		ck_assert_msg(node != NULL && node_rrset(node, RR_TXT) != NULL, "%s", records[i].owner);
		ck_assert_msg(node_rrset(node, RR_TXT)->ttl_s == records[i].ttl_s, "%s", records[i].owner);
		ck_assert_uint_eq(node_rrset(node, RR_TXT)->count, i == 0 ? 2 : 1);
	}
	ck_assert_uint_eq(zone_files(zone, &files), 3);
	ck_assert_str_eq(files[0], path);
	ck_assert_ptr_nonnull(strstr(files[1], "/sub/more.inc"));
	ck_assert_ptr_nonnull(strstr(files[2], "/sub/most.inc"));
	zone_unref(zone);
	report_fini(&report);
	free(path);
	free(sub);
}
END_TEST

START_TEST(names_in_data_are_under_the_origin_of_their_own_file)
{
	struct report report = { 0 };
	struct buf printed = { 0 };
	struct zone *zone;
	char *path;

	unit_folder(folder);
	write_file("svc.example.zone", SOA_NS "$INCLUDE one.inc x\nb PTR t\n");
	write_file("one.inc", "a PTR t\n");
	path = path_in("svc.example.zone");
	zone = zone_load(path, NULL, SEED, &report);
	ck_assert_ptr_nonnull(zone);
	zone_print(zone, &printed);
	ck_assert_ptr_nonnull(strstr(printed.text, "a.x\t60\tIN\tPTR\tt.x.svc.example.\n"));
	ck_assert_ptr_nonnull(strstr(printed.text, "\nb\t60\tIN\tPTR\tt.svc.example.\n"));
	zone_unref(zone);
	buf_fini(&printed);
	free(path);
}
END_TEST

START_TEST(includes_in_a_circle_or_too_deep_are_mistakes_at_their_own_line)
{
	struct report report = { 0 };
	char *path, *expected, *got;

	unit_folder(folder);
	write_file("svc.example.zone", SOA_NS "$INCLUDE one.inc\n$INCLUDE svc.example.zone\n$INCLUDE .\n");
	write_file("one.inc", "; one\n$INCLUDE one.inc\nx A y\n");
	path = path_in("svc.example.zone");
	ck_assert_ptr_null(zone_load(path, NULL, SEED, &report));
	got = report_text(&report);
	expected = mem_printf("%s/one.inc:2: $INCLUDE %s/one.inc: it is being read already: a loop\n"
			      "%s/one.inc:3: x: A y: not the data of a record of type A (try A 192.0.2.1)\n"
			      "%s:5: $INCLUDE %s: it is being read already: a loop\n"
			      "%s:6: $INCLUDE %s/.: no regular file\n",
		folder, folder, folder, path, path, path, folder);
	ck_assert_str_eq(got, expected);
	report_fini(&report);
	free(path);
	free(expected);
	free(got);
}
END_TEST

START_TEST(includes_may_be_16_files_deep)
{
	struct report report = { 0 };
	struct zone *zone;
	char *path;

	unit_folder(folder);
	write_file("svc.example.zone", SOA_NS "$INCLUDE 1\n");
	for (int i = 1; i < 20; i++) {
		char *name = mem_printf("%d", i), *text = mem_printf("n%d TXT x\n$INCLUDE %d\n", i, i + 1);

		write_file(name, i == 16 ? "n16 TXT x\n" : text);
		free(text);
		free(name);
	}
	path = path_in("svc.example.zone");
	zone = zone_load(path, NULL, SEED, &report);
	ck_assert_ptr_nonnull(zone);
	zone_unref(zone);
	write_file("16", "$INCLUDE 17\n");
	ck_assert_ptr_null(zone_load(path, NULL, SEED, &report));
	ck_assert_ptr_nonnull(strstr(report.lines[0].text, "more than 16 files deep"));
	report_fini(&report);
	free(path);
}
END_TEST

START_TEST(a_files_name_is_its_origin_unless_one_is_given)
{
	struct report report = { 0 };
	struct name origin;
	char *text;

	ck_assert_ptr_null(zone_load("/nowhere/svc.example.zone", NULL, SEED, &report));
	ck_assert_ptr_null(zone_load("/nowhere/svc.example", NULL, SEED, &report));
	ck_assert_ptr_null(zone_load("/nowhere/.zone", NULL, SEED, &report));
	ck_assert_ptr_null(zone_load("/nowhere/a..b.zone", NULL, SEED, &report));
	ck_assert(name_from_text(&origin, "svc.example"));
	ck_assert_ptr_null(zone_load("/nowhere/svc", &origin, SEED, &report));
	text = report_text(&report);
	ck_assert_str_eq(text,
		"/nowhere/svc.example.zone: No such file or directory\n"
		"/nowhere/svc.example: the file's name is not that of a zone and .zone (try svc.example.zone)\n"
		"/nowhere/.zone: the file's name is not that of a zone and .zone (try svc.example.zone)\n"
		"/nowhere/a..b.zone: the file's name is not that of a zone and .zone (try svc.example.zone)\n"
		"/nowhere/svc: No such file or directory\n");
	report_fini(&report);
	free(text);
}
END_TEST

static char *source_path(const char *name)
{
	const char *top = getenv("top_srcdir");

	return mem_printf("%s/%s", top == NULL ? "." : top, name);
}

START_TEST(the_example_loads_without_a_mistake_or_warning)
{
	char *path = source_path("examples/zones/svc.example.zone"), *text;
	struct report report = { 0 };
	struct zone *zone = zone_load(path, NULL, SEED, &report);
	struct zone_set *set = zone == NULL ? NULL : zone_set_link(&zone, 1, SEED, &report);

	text = report_text(&report);
	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(set->nservices, 1);
	ck_assert_uint_eq(set->npools, 3);
	ck_assert(set->targets[2]->dynamic);
	zone_set_free(set);
	zone_unref(zone);
	free(path);
	free(text);
}
END_TEST

/* ---- printing ---- */

static void expect_same_rrsets(const struct node *a, const struct node *b)
{
	ck_assert_uint_eq(a->nrrsets, b->nrrsets);
	ck_assert_int_eq(a->service != NULL, b->service != NULL);
	ck_assert_int_eq(a->cut != NULL, b->cut != NULL);
	ck_assert_int_eq(a->wildcard != NULL, b->wildcard != NULL);
	for (size_t i = 0; i < a->nrrsets; i++) {
		const struct rrset *x = &a->rrsets[i], *y = &b->rrsets[i];

		ck_assert_uint_eq(x->type, y->type);
		ck_assert_uint_eq(x->count, y->count);
		ck_assert_uint_eq(x->ttl_s, y->ttl_s);
		ck_assert_uint_eq(x->wire_len, y->wire_len);
		ck_assert_mem_eq(x->wire, y->wire, x->wire_len);
	}
}

static void expect_same_zone(const struct zone *a, const struct zone *b)
{
	ck_assert_uint_eq(a->nnodes, b->nnodes);
	ck_assert_uint_eq(a->nservices, b->nservices);
	ck_assert_uint_eq(a->npools, b->npools);
	for (size_t i = 0; i < a->nnodes; i++) {
		const struct node *node = &a->inner->nodes[i], *other = zone_node(b, node->wire, node->head.len);

		ck_assert_ptr_nonnull(other);
		expect_same_rrsets(node, other);
	}
	for (size_t i = 0; i < a->inner->nconfig; i++)
		expect_same_rrsets(&a->inner->config[i], &b->inner->config[i]);
	for (size_t i = 0; i < a->nservices; i++)
		ck_assert(name_equal(&a->services[i].owner, &b->services[i].owner));
	for (size_t i = 0; i < a->npools; i++)
		ck_assert(name_equal(&a->pools[i].name, &b->pools[i].name));
}

/* All types that ldns knows, odd bytes, odd names. */
static const char every_type[] = HEAD
	"a A 192.0.2.1\n A 192.0.2.2\n AAAA 2001:db8::1\n MX 10 mail\n TXT \"a\\\"b\\\\c;d\\000\\255\" \"\" x\\ y\n "
	"SPF \"v=spf1\"\n"
	"b PTR c\n HINFO \"x y\" z\n MINFO a b\n RP a b\n AFSDB 1 a\n X25 311061700956\n ISDN 150862028003217 004\n RT "
	"10 a\n NSAP 0x47000580\n"
	"c PX 10 a b\n LOC 53 20 31.5 N 6 15 W -10.5m 1m 100m 10m\n SRV 0 0 80 a\n NAPTR 100 10 \"\" \"E2U+sip\" "
	"\"!^.*$!sip:a@b!\" .\n KX 1 a\n"
	"d CERT PGP 0 0 AAAA\n APL 1:192.0.2.0/24 !2:2001:db8::/32\n SSHFP 4 2 00ff\n IPSECKEY 10 1 2 192.0.2.38 "
	"AQNR\n DHCID AAIB\n"
	"e TLSA 3 1 1 00ff\n SMIMEA 3 0 0 00ff\n HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNu "
	"rvs.example.com.\n OPENPGPKEY AAAA\n"
	"f CDS 1 13 2 00ff\n CDNSKEY 257 3 13 AAAA\n CSYNC 1 3 A NS\n ZONEMD 1 1 1 "
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n"
	"g SVCB 0 a\n HTTPS 1 . mandatory=alpn alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.1 ech=AAAA "
	"ipv6hint=2001:db8::1 key65000=\"x y\"\n"
	"h EUI48 00-00-5e-00-53-2a\n EUI64 00-00-5e-ef-10-00-00-2a\n URI 10 1 \"https://a/?b=\\\"c\\\"\"\n CAA 128 "
	"issue \"ca; x=y\"\n NID 10 0014:4fff:ff20:ee64\n L32 10 10.1.2.0\n L64 10 2001:0DB8:1140:1000\n LP 10 a\n"
	"i DNSKEY 257 3 13 AAAA\n KEY 512 255 1 AAAA\n TYPE65280 \\# 3 c00c00\n TYPE65281 \\# 0\n"
	"j\\.k.\\000\\255\\@\\;\\\".\\032x TXT odd\n\\@ TXT at\n*.w TXT star\n\\$TTL TXT dollar\n"
	"del NS ns.del\n DS 1 13 2 00ff\nns.del A 192.0.2.8\nalias CNAME a\n"
	"_gslb TXT \"v=gslb1; pools=eu\"\n_gslb.*.app TXT \"v=gslb1; \" \"pools=eu\"\n_map TXT \"v=map1; asn:1=eu\"\n "
	"TXT \"v=map1; asn:2=eu\"\n"
	"eu._pool LOC 1 2 3.004 S 5 6 7.89 E 0m\n TXT \"v=pool1; check=http; body=a\\\\;b\"\n SRV 0 1 443 a\n";

static struct zone *reprint(const struct zone *zone, char **text)
{
	struct report report = { 0 };
	struct buf printed = { 0 };
	struct zone *again;
	char *lines;

	zone_print(zone, &printed);
	again = zone_parse("z", printed.text, printed.len, &zone->apex, SEED, &report);
	lines = report_text(&report);
	ck_assert_msg(again != NULL && report.nlines == 0, "%s\n%s", printed.text, lines);
	free(lines);
	report_fini(&report);
	*text = printed.text;
	return again;
}

START_TEST(what_is_printed_reads_as_the_same_zone)
{
	struct report report = { 0 };
	struct zone *zone = zone_of("svc.example", every_type, &report), *again;
	char *lines = report_text(&report), *once, *twice;
	struct zone *third;

	ck_assert_msg(zone != NULL && report.nlines == 0, "%s", lines);
	again = reprint(zone, &once);
	expect_same_zone(zone, again);
	third = reprint(again, &twice);
	expect_same_zone(again, third);
	ck_assert_str_eq(once, twice);
	zone_unref(zone);
	zone_unref(again);
	zone_unref(third);
	report_fini(&report);
	free(lines);
	free(once);
	free(twice);
}
END_TEST

START_TEST(types_go_by_name_and_by_number)
{
	static const struct {
		const char *text;
		bool ok;
		uint16_t type;
		const char *printed;
	} types[] = { { "A", true, RR_A, "A" }, { "https", true, RR_HTTPS, "HTTPS" },
		{ "TYPE28", true, RR_AAAA, "AAAA" }, { "type65280", true, 65280, "TYPE65280" },
		{ "TYPE65536", false, 0, NULL }, { "TYPE1x", false, 0, NULL }, { "BOGUS", false, 0, NULL },
		{ "", false, 0, NULL }, { "ANY", true, RR_ANY, "ANY" } };

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		uint16_t type = 0;
		char text[16];

		ck_assert_msg(rrtype_parse(types[i].text, &type) == types[i].ok, "%s", types[i].text);
		if (!types[i].ok)
			continue;
		ck_assert_uint_eq(type, types[i].type);
		ck_assert_str_eq(rrtype_format(type, text), types[i].printed);
	}
}
END_TEST

void add_set_cases(Suite *suite)
{
	TCase *tcase = tcase_create("set");

	tcase_add_loop_test(tcase, zones_are_checked_as_one_set, 0, COUNT_OF(links));
	tcase_add_test(tcase, numbers_go_by_zone_and_then_by_the_files_order_and_zones_are_shared);
	tcase_add_test(tcase, operators_name_pools_and_services_as_short_as_they_are_unique);
	tcase_add_test(tcase, a_set_of_no_zones_finds_nothing);
	tcase_add_test(tcase, the_root_may_be_a_zone);
	tcase_add_test(tcase, an_include_has_its_own_origin_owner_and_ttl_and_gives_them_back);
	tcase_add_test(tcase, names_in_data_are_under_the_origin_of_their_own_file);
	tcase_add_test(tcase, includes_in_a_circle_or_too_deep_are_mistakes_at_their_own_line);
	tcase_add_test(tcase, includes_may_be_16_files_deep);
	tcase_add_test(tcase, a_files_name_is_its_origin_unless_one_is_given);
	tcase_add_test(tcase, the_example_loads_without_a_mistake_or_warning);
	tcase_add_test(tcase, what_is_printed_reads_as_the_same_zone);
	tcase_add_test(tcase, types_go_by_name_and_by_number);
	suite_add_tcase(suite, tcase);
}
