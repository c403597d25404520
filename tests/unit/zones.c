#include "tests/unit/zones.h"

#include <string.h>

struct zone *zone_of(const char *origin, const char *text, struct report *report)
{
	struct name name;

	ck_assert(name_from_text(&name, origin));
	return zone_parse("z", text, strlen(text), &name, SEED, report);
}

char *report_text(const struct report *report)
{
	struct buf out = { 0 };
	char line[2048];

	buf_add(&out, "", 0);
	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], line, sizeof line);
		buf_printf(&out, "%s\n", line);
	}
	return out.text;
}

static char *joined(const char *body)
{
	return mem_printf("%s%s", HEAD, body);
}

void expect_report(const char *body, const char *expected)
{
	char *text = joined(body), *got;
	struct report report = { 0 };
	struct zone *zone = zone_of("svc.example", text, &report);
	struct zone_set *set = zone == NULL ? NULL : zone_set_link(&zone, 1, SEED, &report);

	got = report_text(&report);
	ck_assert_msg(strcmp(got, expected) == 0, "zone:\n%s\nreport:\n%s\nexpected:\n%s", body, got, expected);
	ck_assert((set != NULL) == (report.nmistakes == 0));
	zone_set_free(set);
	zone_unref(zone);
	report_fini(&report);
	free(text);
	free(got);
}

struct zone_set *set_of(const char *body)
{
	char *text = joined(body), *got;
	struct report report = { 0 };
	struct zone *zone = zone_of("svc.example", text, &report);
	struct zone_set *set = zone == NULL ? NULL : zone_set_link(&zone, 1, SEED, &report);

	got = report_text(&report);
	ck_assert_msg(set != NULL, "zone:\n%s\nreport:\n%s", body, got);
	zone_unref(zone); /* the set holds it */
	report_fini(&report);
	free(text);
	free(got);
	return set;
}

/* Services first, as for a question that each of them steers. */
static void find_service(
	const struct zone_set *set, const struct name *name, enum found_kind kind, const struct found *found)
{
	struct found stepwise;
	struct zone_seek seek;
	struct service_owner owner;

	zone_seek_name(&seek, set, name, true);
	ck_assert_int_eq(zone_seek_end(&seek, set, name, RR_A, &stepwise), kind);
	zone_seek_service(&seek, set, name);
	zone_seek_slot(&seek);
	zone_seek_node(&seek);
	if (seek.service == SERVICE_NONE) {
		ck_assert(kind != FOUND_NODE || found->service == NULL || found->wildcard);
		ck_assert_int_eq(zone_seek_end(&seek, set, name, RR_A, &stepwise), kind);
		ck_assert_ptr_eq(stepwise.node, found->node);
		ck_assert_ptr_eq(stepwise.service, found->service);
		return;
	}
	owner = service_owner(&set->services[seek.service]);
	ck_assert(zone_seek_is_service(&seek, set, name, &owner, &stepwise));
	ck_assert_int_eq(kind, FOUND_NODE);
	ck_assert_ptr_eq(stepwise.zone, found->zone);
	ck_assert_ptr_eq(stepwise.service, found->service);
	ck_assert_ptr_null(stepwise.node);
	ck_assert(!stepwise.wildcard && !found->wildcard);
}

enum found_kind find_both(const struct zone_set *set, const struct name *name, uint16_t qtype, struct found *found)
{
	enum found_kind kind = zone_set_find(set, name, qtype, found);
	struct found stepwise;
	struct zone_seek seek;

	zone_seek_name(&seek, set, name, false);
	ck_assert_int_eq(zone_seek_end(&seek, set, name, qtype, &stepwise), kind); /* the end may follow after any */
	zone_seek_service(&seek, set, name);
	zone_seek_slot(&seek);
	zone_seek_node(&seek);
	ck_assert_int_eq(zone_seek_end(&seek, set, name, qtype, &stepwise), kind);
	ck_assert_ptr_eq(stepwise.zone, found->zone);
	ck_assert_ptr_eq(stepwise.node, found->node);
	ck_assert_ptr_eq(stepwise.service, found->service);
	ck_assert_int_eq(stepwise.wildcard, found->wildcard);
	if (qtype == RR_A)
		find_service(set, name, kind, found);
	return kind;
}

int main(void)
{
	Suite *suite = suite_create("zones");

	add_reader_cases(suite);
	add_rule_cases(suite);
	add_model_cases(suite);
	add_find_cases(suite);
	add_set_cases(suite);
	return unit_run(suite);
}
