#include "tests/unit/packet_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 0x5eed };

const struct packet_identity packet_world_identity = {
	.nsid = "ns1.test",
	.nsid_len = 8,
	.version = "gslb test",
	.tcp_idle_ms = 10000,
};

static const char svc_zone[] =
	"$TTL 3600\n"
	"@ SOA ns1 hostmaster 7 3600 600 604800 30\n"
	"@ NS ns1\n"
	"ns1 A 192.0.2.53\n"
	"static A 192.0.2.1\n"
	"static A 192.0.2.2\n"
	"static MX 10 Mail.svc.example.\n"
	"big TXT \"" /* two strings of 200 and more: over 512 bytes in all, under 1232 */
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" \""
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\" \""
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"\n"
	"alias CNAME static\n"
	"alias2 CNAME alias\n"
	"loop1 CNAME loop2\n"
	"loop2 CNAME loop1\n"
	"c0 CNAME c1\nc1 CNAME c2\nc2 CNAME c3\nc3 CNAME c4\nc4 CNAME c5\nc5 CNAME c6\nc6 CNAME c7\nc7 CNAME c8\n"
	"c8 CNAME c9\nc9 CNAME static\n"
	"to-service CNAME www\n"
	"to-nothing CNAME nothing\n"
	"to-cut CNAME host.sub\n"
	"to-other CNAME host.other.example.\n"
	"to-other-nothing CNAME nothing.other.example.\n"
	"to-outside CNAME www.elsewhere.test.\n"
	"*.wild A 192.0.2.9\n"
	"*.wild-alias CNAME static\n"
	"leaf.ent TXT \"below\"\n"
	"sub NS ns.sub\n"
	"sub NS ns.elsewhere.test.\n"
	"ns.sub A 192.0.2.61\n"
	"ns.sub AAAA 2001:db8::61\n"
	"sibling NS ns.sub\n"
	"wide NS n1.sub\ndeep NS n1.deep\nn1.sub A 192.0.2.101\nn1.deep A 192.0.2.121\n"
	"wide NS n2.sub\ndeep NS n2.deep\nn2.sub A 192.0.2.102\nn2.deep A 192.0.2.122\n"
	"wide NS n3.sub\ndeep NS n3.deep\nn3.sub A 192.0.2.103\nn3.deep A 192.0.2.123\n"
	"wide NS n4.sub\ndeep NS n4.deep\nn4.sub A 192.0.2.104\nn4.deep A 192.0.2.124\n"
	"wide NS n5.sub\ndeep NS n5.deep\nn5.sub A 192.0.2.105\nn5.deep A 192.0.2.125\n"
	"wide NS n6.sub\ndeep NS n6.deep\nn6.sub A 192.0.2.106\nn6.deep A 192.0.2.126\n"
	"wide NS n7.sub\ndeep NS n7.deep\nn7.sub A 192.0.2.107\nn7.deep A 192.0.2.127\n"
	"wide NS n8.sub\ndeep NS n8.deep\nn8.sub A 192.0.2.108\nn8.deep A 192.0.2.128\n"
	"wide NS n9.sub\ndeep NS n9.deep\nn9.sub A 192.0.2.109\nn9.deep A 192.0.2.129\n"
	"wide NS n10.sub\ndeep NS n10.deep\nn10.sub A 192.0.2.110\nn10.deep A 192.0.2.130\n"
	"self NS self\n"
	"self A 192.0.2.62\n"
	"_gslb.www TXT \"v=gslb1; pools=eu,us; rank=order; ttl=30/5\"\n"
	"_map.www TXT \"v=map1; net:198.51.100.0/24=us; net:2001:db8:aa::/48=us\"\n"
	"www TXT \"beside the service\"\n"
	"_gslb.two TXT \"v=gslb1; pools=eu; answers=2; rank=order\"\n"
	"_gslb.four TXT \"v=gslb1; pools=us; rank=order\"\n"
	"_gslb.fallen TXT \"v=gslb1; pools=us; fallback=eu; rank=order\"\n"
	"_gslb.closed TXT \"v=gslb1; pools=us; down=servfail; rank=order\"\n"
	"_gslb.empty TXT \"v=gslb1; pools=us; down=nodata; rank=order\"\n"
	"_gslb.*.app TXT \"v=gslb1; pools=us; rank=order\"\n"
	"_gslb.by-name TXT \"v=gslb1; pools=cdn; rank=order\"\n"
	"eu._pool LOC 53 20 N 6 15 W 0m\n"
	"eu._pool TXT \"v=pool1; check=none\"\n"
	"eu._pool SRV 0 50 443 lb1.eu\n"
	"eu._pool SRV 0 50 443 lb2.eu\n"
	"lb1.eu A 192.0.2.10\n"
	"lb1.eu AAAA 2001:db8::10\n"
	"lb2.eu A 192.0.2.11\n"
	"us._pool LOC 40 N 75 W 0m\n"
	"us._pool TXT \"v=pool1; check=none\"\n"
	"us._pool SRV 0 1 443 lb1.us\n"
	"lb1.us A 192.0.2.20\n"
	"cdn._pool TXT \"v=pool1; check=none; via=cname\"\n"
	"cdn._pool SRV 0 1 443 lb1.us\n";

static const char other_zone[] = "$TTL 600\n"
				 "@ SOA ns.elsewhere.test. hostmaster 1 3600 600 604800 60\n"
				 "@ NS ns.elsewhere.test.\n"
				 "host A 192.0.2.77\n";

static struct zone *parse(const char *apex, const char *text, size_t len, struct report *report)
{
	struct name origin;
	char file[64];

	snprintf(file, sizeof file, "%s.zone", apex);
	if (!name_from_text(&origin, apex))
		abort();
	return zone_parse(file, text, len, &origin, SEED, report);
}

static void must(bool ok, const struct report *report)
{
	if (ok)
		return;
	for (size_t i = 0; i < report->nlines; i++)
		fprintf(stderr, "%s:%u: %s\n", report->lines[i].file, report->lines[i].line, report->lines[i].text);
	abort();
}

static const struct resolved *resolve_nothing(void *context, const struct name *name)
{
	(void)context;
	(void)name;
	return NULL;
}

static bool no_slot(void *context, const struct endpoint *endpoint, const struct pool *pool,
	const struct target *target, uint32_t *slot, uint16_t *generation)
{
	(void)context;
	(void)endpoint;
	(void)pool;
	(void)target;
	*slot = SLOT_NONE;
	*generation = 0;
	return true;
}

void packet_world_init(struct world *world, unsigned nworkers)
{
	static const struct snapshot_inputs inputs = { .resolve = resolve_nothing, .slot = no_slot };
	struct report report = { 0 };
	struct zone *zones[2];
	struct zone_set *set;
	struct err err;
	struct geo *geo = geo_open(NULL, 0, &err);

	zones[0] = parse("svc.example", svc_zone, sizeof svc_zone - 1, &report);
	zones[1] = parse("other.example", other_zone, sizeof other_zone - 1, &report);
	must(zones[0] != NULL && zones[1] != NULL && geo != NULL, &report);
	set = zone_set_link(zones, 2, SEED, &report);
	must(set != NULL, &report);
	zone_unref(zones[0]);
	zone_unref(zones[1]);
	*world = (struct world){ .snapshot = snapshot_new(set, geo, &inputs, NULL, &err) };
	must(world->snapshot != NULL, &report);
	world->ledger = ledger_new(world->snapshot, nworkers);
	report_fini(&report);
}

void packet_world_down(struct world *world, const char *pool)
{
	const struct snapshot *snapshot = world->snapshot;
	struct overlay *overlay = mem_alloc(sizeof *overlay);
	uint32_t number = zone_set_pool(snapshot->set, pool, NULL);

	if (number == POOL_NONE || world->overlay != NULL)
		abort();
	overlay->neffects = 2;
	overlay->effects = mem_alloc(2 * sizeof *overlay->effects);
	overlay->effects[1] = (struct effect){ OVERRIDE_DOWN, 0, UINT64_MAX, 0 };
	overlay->endpoint = mem_alloc((snapshot->nendpoints + 1) * sizeof *overlay->endpoint);
	overlay->pool = mem_alloc((snapshot->npools + 1) * sizeof *overlay->pool);
	overlay->service_pool = mem_alloc((snapshot->nservice_pools + 1) * sizeof *overlay->service_pool);
	overlay->pool[number][1] = 1;
	world->overlay = overlay;
}

void packet_world_fini(struct world *world)
{
	/* the members are const for readers; here they are ours again */
	union {
		const struct snapshot *in;
		struct snapshot *out;
	} snapshot = { .in = world->snapshot };
	union {
		const struct overlay *in;
		struct overlay *out;
	} overlay = { .in = world->overlay };

	if (overlay.out != NULL) {
		free(overlay.out->effects);
		free(overlay.out->endpoint);
		free(overlay.out->pool);
		free(overlay.out->service_pool);
		free(overlay.out);
	}
	ledger_free(world->ledger);
	snapshot_free(snapshot.out);
	*world = (struct world){ 0 };
}
