/* zones - what the zones tests share: a zone from text, and its report as text. */
#ifndef GSLB_TESTS_ZONES_H
#define GSLB_TESTS_ZONES_H

#include "tests/unit/unit.h"
#include "zones/zones.h"

enum { SEED = 42 };

/* What a case's body stands behind: four lines, so that the body starts at line 5. */
#define HEAD                                          \
	"$TTL 3600\n"                                 \
	"@ SOA ns1 hostmaster 7 3600 600 604800 30\n" \
	"@ NS ns1\n"                                  \
	"ns1 A 192.0.2.53\n"

/* The zone svc.example, in a file called z. Reports are added to. */
struct zone *zone_of(const char *origin, const char *text, struct report *report);
/* All lines of a report, each with its newline; on the heap. */
char *report_text(const struct report *report);
/* Loads HEAD and the body, links it alone, and fails unless the report is this one. */
void expect_report(const char *body, const char *expected);
/* A set of one zone (HEAD and the body) that must be without mistakes. */
struct zone_set *set_of(const char *body);
/* zone_set_find; and fails unless the same is found in steps, as a batch of packets does it. */
enum found_kind find_both(const struct zone_set *set, const struct name *name, uint16_t qtype, struct found *found);

void add_reader_cases(Suite *suite);
void add_rule_cases(Suite *suite);
void add_model_cases(Suite *suite);
void add_find_cases(Suite *suite);
void add_set_cases(Suite *suite);

#endif
