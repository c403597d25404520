/* Master files: what is a record, and what is not. */
#include <string.h>

#include "tests/unit/zones.h"

/* A body (after HEAD, so from line 5 on) and its whole report; "" when it is right. */
static const struct reader_case {
	const char *body, *report;
} cases[] = {
	/* entries */
	{ "a A 192.0.2.1\n", "" },
	{ "a A 192.0.2.1", "" },
	{ "a A 192.0.2.1\r\nb A 192.0.2.2\r\n", "" },
	{ "a A 192.0.2.1 ; a comment\n; another ( \" one\n\n   \n", "" },
	{ "a (\n A\n 192.0.2.1 ; inside\n )\n", "" },
	{ "a TXT ( \"one\"\n \"two\" )\n A 192.0.2.1\n", "" },
	{ "a TXT one\\;two \"three;four\" \"a\\\"b\" \\\"c\n", "" },
	{ "a TXT \"\\000\\255\"\n", "" },
	{ "a TXT \"one\nb A 192.0.2.1\n",
		"z:5: a quote is not closed on its line (try \" at the end of the string)\n" },
	{ "a TXT one\\\n", "z:5: a backslash ends the line (try \\\\ for a backslash)\n" },
	{ "a TXT ( one\nb A 192.0.2.1\n",
		"z:5: a parenthesis is not closed (try a closing one at the end of the record)\n" },
	{ "a TXT ( one ( two ) )\n", "z:5: a parenthesis inside a parenthesis (try one pair)\n" },
	{ "a TXT one )\nb A x\n", "z:5: a closing parenthesis that none opens\n"
				  "z:6: b: A x: not the data of a record of type A (try A 192.0.2.1)\n" },
	{ "a TXT \"\\999\"\n", "z:5: a: TXT \"\\999\": not the data of a record of type TXT (try TXT \"text\")\n" },
	/* owners */
	{ "a A 192.0.2.1\n  AAAA 2001:db8::1\n", "" },
	{ "a.svc.example. A 192.0.2.1\n", "" },
	{ "A.SVC.Example. A 192.0.2.1\n", "" },
	{ "a\\.b A 192.0.2.1\n", "" },
	{ "\\@ A 192.0.2.1\n", "" },
	{ "a.example. A 192.0.2.1\n", "z:5: a.example.: outside the zone svc.example (is a last dot too much?)\n" },
	{ "a..b A 192.0.2.1\n  A 192.0.2.2\n",
		"z:5: a..b: not a name (labels of 1 to 63 bytes, 255 in all)\n"
		"z:6: the line starts blank and has no owner before it (try @ for the origin)\n" },
	{ "0123456789012345678901234567890123456789012345678901234567890123 A 192.0.2.1\n",
		"z:5: 0123456789012345678901234567890123456789012345678901234567890123: not a name (labels of 1 to 63 "
		"bytes, 255 in all)\n" },
	{ "\"a\" A 192.0.2.1\n", "z:5: a: not a name (labels of 1 to 63 bytes, 255 in all)\n" },
	/* TTL, class, type */
	{ "a 60 A 192.0.2.1\nb IN A 192.0.2.1\nc 60 IN A 192.0.2.1\nd IN 1h30m A 192.0.2.1\ne CLASS1 1W A 192.0.2.1\n",
		"" },
	{ "a 2147483647 A 192.0.2.1\nb 0 A 192.0.2.1\n", "" },
	{ "a 2147483648 A 192.0.2.1\n", "z:5: a: 2147483648: not a TTL (try 3600 or 1h)\n" },
	{ "a 5x A 192.0.2.1\n", "z:5: a: 5x: not a TTL (try 3600 or 1h)\n" },
	{ "a 1h30 A 192.0.2.1\n", "z:5: a: 1h30: not a TTL (try 3600 or 1h)\n" },
	{ "a 60 60 A 192.0.2.1\n", "z:5: a: 60: no record type (TYPE and its number stands for one without a name)\n" },
	{ "a CH TXT x\n", "z:5: a: CH: zones are of class IN alone (leave the class out)\n" },
	{ "a CLASS3 TXT x\n", "z:5: a: CLASS3: zones are of class IN alone (leave the class out)\n" },
	{ "a BOGUS x\n", "z:5: a: BOGUS: no record type (TYPE and its number stands for one without a name)\n" },
	{ "a TYPE65536 \\# 0\n",
		"z:5: a: TYPE65536: no record type (TYPE and its number stands for one without a name)\n" },
	{ "a 60\n", "z:5: a: no record type (an owner, a TTL, a type and its data make a record)\n" },
	{ "a\n", "z:5: a: no record type (an owner, a TTL, a type and its data make a record)\n" },
	/* directives */
	{ "$ORIGIN sub\na A 192.0.2.1\n$ORIGIN svc.example.\na.sub AAAA 2001:db8::1\n", "" },
	{ "$TTL 1h\na A 192.0.2.1\n$ttl 60 ; lower case\nb A 192.0.2.1\n", "" },
	{ "$TTL abc\na A 192.0.2.1\n", "z:5: $TTL abc: takes one time from 0 to 2147483647 seconds (try $TTL 3600)\n" },
	{ "$TTL\n", "z:5: $TTL: takes one time from 0 to 2147483647 seconds (try $TTL 3600)\n" },
	{ "$TTL 60 70\n", "z:5: $TTL 60: takes one time from 0 to 2147483647 seconds (try $TTL 3600)\n" },
	{ "$ORIGIN\n", "z:5: $ORIGIN: takes one name (try $ORIGIN example.org.)\n" },
	{ "$ORIGIN a..b.\n", "z:5: $ORIGIN: takes one name (try $ORIGIN example.org.)\n" },
	{ "$GENERATE 1-2 a$ A 192.0.2.$\n",
		"z:5: $GENERATE: no directive of RFC 1035 or 2308 (they are $ORIGIN, $TTL and $INCLUDE)\n" },
	{ "$INCLUDE\n", "z:5: $INCLUDE: takes a file and perhaps an origin (try $INCLUDE pools.inc)\n" },
	{ "$INCLUDE /nowhere/at/all.inc\n", "z:5: $INCLUDE /nowhere/at/all.inc: No such file or directory\n" },
	{ "$INCLUDE /dev/null\n", "z:5: $INCLUDE /dev/null: no regular file\n" },
	/* data of every kind of type */
	{ "a MX 10 mail\n PTR @\n HINFO x y\n RP a b\n AFSDB 1 a\n NAPTR 1 1 \"u\" \"E2U\" \"!^.*$!x!\" .\n KX 1 a\n",
		"" },
	{ "a CAA 0 issue \"ca.example\"\n TLSA 3 1 1 00ff\n SSHFP 4 2 00ff\n URI 10 1 \"https://example.org/\"\n", "" },
	{ "a HTTPS 1 . alpn=\"h2,h3\" port=8443 key65000=x\n SVCB 0 b\n CERT 1 2 8 AAAA\n DNSKEY 257 3 13 AAAA\n", "" },
	{ "a LOC 53 20 31.5 N 6 15 W 10.5m 1m 100m 10m\n EUI48 00-00-5e-00-53-2a\n APL 1:192.0.2.0/24\n", "" },
	{ "a TYPE65280 \\# 3 c0 0002\n TYPE1 \\# 4 c0000201\n AAAA \\# 16 20010db8000000000000000000000001\n", "" },
	{ "a DNAME example.org.\n", "z:5: warning: a: DNAME: served as it is, but names below it are not answered from "
				    "it (try CNAME records)\n" },
	{ "a A 192.0.2.300\n", "z:5: a: A 192.0.2.300: not the data of a record of type A (try A 192.0.2.1)\n" },
	{ "a A 192.0.2.1 192.0.2.2\n",
		"z:5: a: A 192.0.2.1 192.0.2.2: not the data of a record of type A (try A 192.0.2.1)\n" },
	{ "a AAAA 192.0.2.1\n",
		"z:5: a: AAAA 192.0.2.1: not the data of a record of type AAAA (try AAAA 2001:db8::1)\n" },
	{ "a A \\# 3 c00002\n", "z:5: a: A \\# 3 c00002: not the data of a record of type A\n" },
	{ "a TYPE65280 \\# 4 c00002\n",
		"z:5: a: TYPE65280 \\# 4 c00002: not the data of a record of type TYPE65280\n" },
	{ "a TYPE65280 \\# 65536 00\n",
		"z:5: a: TYPE65280 \\#: the length of the data is a number from 0 to 65535 (RFC 3597)\n" },
	{ "a MX 65536 mail\n", "z:5: a: MX 65536: not a number from 0 to 65535\n" },
	{ "a MX 10 a..b\n", "z:5: a: MX 10 a..b: not the data of a record of type MX (try MX 10 mail)\n" },
	{ "a MX \\# 4 000a c00c\n", "z:5: a: MX \\# 4 000a c00c: not the data of a record of type MX\n" },
	{ "a SRV -1 1 1 b\n", "z:5: a: SRV -1: not a number from 0 to 65535\n" },
	{ "a SRV 0 1 99443 b\n", "z:5: a: SRV 99443: not a number from 0 to 65535\n" },
	{ "a TLSA 300 1 1 00ff\n", "z:5: a: TLSA 300: not a number from 0 to 255\n" },
	{ "a TXT "
	  "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	  "xxxxxxxxxxxxxxxxxxxxx\"\n",
		"z:5: a: TXT xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: a "
		"string longer than 255 bytes (try several strings)\n" },
	{ "a TXT\n", "z:5: a: TXT: not the data of a record of type TXT (try TXT \"text\")\n" },
	{ "a HTTPS 1 . nokey=x\n",
		"z:5: a: HTTPS 1 . nokey=x: not the data of a record of type HTTPS (try HTTPS 1 . alpn=h2)\n" },
	{ "a LOC 93 20 N 6 15 W 0m\n", "z:5: a: LOC: not a place (try LOC 53 20 N 6 15 W 0m)\n" },
	{ "a LOC 53 20 N 6 15 W\n", "z:5: a: LOC: not a place (try LOC 53 20 N 6 15 W 0m)\n" },
	{ "a LOC 53 60 N 6 15 W 0m\n", "z:5: a: LOC: not a place (try LOC 53 20 N 6 15 W 0m)\n" },
	{ "a LOC 53 20 N 181 W 0m\n", "z:5: a: LOC: not a place (try LOC 53 20 N 6 15 W 0m)\n" },
	{ "a RRSIG A 13 3 60 20300101000000 20200101000000 1 @ AAAA\n",
		"z:5: a: RRSIG: a signature or denial record: a zone file is unsigned (leave it out)\n" },
	{ "a NSEC b A\nc NSEC3PARAM 1 0 0 -\nd TYPE50 \\# 0\n",
		"z:5: a: NSEC: a signature or denial record: a zone file is unsigned (leave it out)\n"
		"z:6: c: NSEC3PARAM: a signature or denial record: a zone file is unsigned (leave it out)\n"
		"z:7: d: NSEC3: a signature or denial record: a zone file is unsigned (leave it out)\n" },
	{ "a TYPE41 \\# 0\nb TYPE0 \\# 0\nc TYPE255 \\# 0\nd TYPE251 \\# 0\n",
		"z:5: a: OPT: a type of messages, which no zone holds (leave it out)\n"
		"z:6: b: TYPE0: a type of messages, which no zone holds (leave it out)\n"
		"z:7: c: ANY: a type of questions, which no zone holds (leave it out)\n"
		"z:8: d: IXFR: a type of questions, which no zone holds (leave it out)\n" },
};

START_TEST(a_master_file_is_read_as_rfc_1035_has_it_and_slips_are_named)
{
	expect_report(cases[_i].body, cases[_i].report);
}
END_TEST

START_TEST(a_record_without_any_ttl_is_a_mistake_and_later_ones_take_the_last)
{
	struct report report = { 0 };
	struct zone *zone = zone_of("svc.example", "@ SOA ns1 h 1 2 3 4 5\n 600 NS ns1\nns1 A 192.0.2.1\n", &report);
	char *text = report_text(&report);

	ck_assert_ptr_null(zone);
	ck_assert_str_eq(text, "z: @: no SOA record (try @ SOA ns1 hostmaster 1 3600 600 604800 30)\n"
			       "z:1: @: no TTL, and none before it (try $TTL 3600 at the top)\n");
	free(text);
	report_fini(&report);
}
END_TEST

START_TEST(a_blank_first_line_has_no_owner)
{
	struct report report = { 0 };

	ck_assert_ptr_null(zone_of("svc.example", " 60 A 192.0.2.1\n", &report));
	ck_assert_str_eq(
		report.lines[2].text, "the line starts blank and has no owner before it (try @ for the origin)");
	report_fini(&report);
}
END_TEST

START_TEST(a_nul_byte_is_refused_with_its_line)
{
	static const char text[] = "; one\n; two\0\n";
	struct report report = { 0 };
	struct name name;

	ck_assert(name_from_text(&name, "svc.example"));
	ck_assert_ptr_null(zone_parse("z", text, sizeof text - 1, &name, SEED, &report));
	ck_assert_uint_eq(report.lines[report.nlines - 1].line, 2);
	ck_assert_ptr_nonnull(strstr(report.lines[report.nlines - 1].text, "a NUL byte"));
	report_fini(&report);
}
END_TEST

/* HEAD and n strings of `len` bytes at the name a: in one TXT record, or in a record each. */
static char *long_txt(size_t n, size_t len, bool one_record)
{
	struct buf text = { 0 };

	buf_printf(&text, "%sa TXT", HEAD);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && !one_record)
			buf_printf(&text, "\n TXT");
		buf_printf(&text, " \"%06zu", i);
		for (size_t k = 6; k < len; k++)
			buf_add(&text, "x", 1);
		buf_printf(&text, "\"");
	}
	buf_printf(&text, "\n");
	return text.text;
}

START_TEST(data_past_64_kib_is_a_mistake_and_is_not_cut)
{
	struct report report = { 0 };
	char *text = long_txt(256, 255, true);

	ck_assert_ptr_null(zone_of("svc.example", text, &report));
	ck_assert_str_eq(report.lines[0].text, "a: TXT: 65536 bytes of data where 65535 fit (try several records)");
	report_fini(&report);
	free(text);
}
END_TEST

/* ldns cuts what is written at 65,535 characters. */
START_TEST(txt_may_be_longer_as_text_than_on_the_wire)
{
	static const struct {
		const char *character;
		uint8_t byte;
		size_t strings;
	} texts[] = { { "x", 'x', 255 }, { "\\200", 200, 255 }, { "\\\"", '"', 255 }, { "\\255", 255, 1 },
		{ "\\000", 0, 100 } };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct report report = { 0 };
		struct buf text = { 0 };
		const uint8_t *rdata;
		struct zone *zone;
		struct name name;
		uint16_t rdlen;

		buf_printf(&text, "%sa TXT", HEAD);
		for (size_t n = 0; n < texts[i].strings; n++) {
			buf_printf(&text, " \"");
			for (size_t k = 0; k < 255; k++)
				buf_printf(&text, "%s", texts[i].character);
			buf_printf(&text, "\"");
		}
		buf_printf(&text, "\n");
		zone = zone_of("svc.example", text.text, &report);
		ck_assert_msg(zone != NULL, "case %zu: %s", i, report.nlines > 0 ? report.lines[0].text : "");
		ck_assert(name_from_text(&name, "a.svc.example"));
		rdata = rr_rdata(node_rrset(zone_node(zone, name.wire, name.len), RR_TXT)->wire, &rdlen);
		ck_assert_uint_eq(rdlen, texts[i].strings * 256);
		for (size_t at = 0; at < rdlen; at++)
			ck_assert_uint_eq(rdata[at], at % 256 == 0 ? 255 : texts[i].byte);
		zone_unref(zone);
		report_fini(&report);
		free(text.text);
	}
}
END_TEST

START_TEST(data_that_ldns_would_cut_is_a_mistake)
{
	static const struct {
		const char *type, *head, *digit;
		size_t digits;
		const char *expected;
	} cuts[] = {
		{ "CERT", "PGP 0 0 ", "A", 65536,
			"a: CERT: 65544 characters of data where 65535 fit (try several records)" },
		{ "TYPE65280", "\\# 33000 ", "0", 66000,
			"a: TYPE65280: 66009 characters of data where 65535 fit (try several records)" },
	};

	for (size_t i = 0; i < COUNT_OF(cuts); i++) {
		struct report report = { 0 };
		struct buf text = { 0 };

		buf_printf(&text, "%sa %s %s", HEAD, cuts[i].type, cuts[i].head);
		for (size_t k = 0; k < cuts[i].digits; k++)
			buf_add(&text, cuts[i].digit, 1);
		buf_printf(&text, "\n");
		ck_assert_ptr_null(zone_of("svc.example", text.text, &report));
		ck_assert_str_eq(report.lines[0].text, cuts[i].expected);
		report_fini(&report);
		free(text.text);
	}
}
END_TEST

START_TEST(an_rrset_that_no_message_holds_is_a_mistake)
{
	static const struct {
		size_t records;
		const char *report;
	} sizes[] = {
		{ 244, "" }, /* 244 * (12 + 256) + name, question and the rest: 65,436 */
		{ 245, "z:5: a: TXT: 65660 bytes of records, more than a message of 64 KiB holds (try fewer)\n" },
	};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char *text = long_txt(sizes[i].records, 255, false), *got;
		struct report report = { 0 };
		struct zone *zone = zone_of("svc.example", text, &report);

		got = report_text(&report);
		ck_assert_str_eq(got, sizes[i].report);
		zone_unref(zone);
		report_fini(&report);
		free(text);
		free(got);
	}
}
END_TEST

START_TEST(an_overlong_record_is_refused_and_the_next_one_read)
{
	struct report report = { 0 };
	char *text = long_txt(3000, 250, true), *more = mem_printf("%sb A x\n", text);

	ck_assert_ptr_null(zone_of("svc.example", more, &report));
	ck_assert_uint_eq(report.nlines, 2);
	ck_assert_str_eq(report.lines[0].text, "a line longer than 512 KiB (try several records)");
	ck_assert_uint_eq(report.lines[1].line, 6);
	report_fini(&report);
	free(text);
	free(more);
}
END_TEST

/* Data as the file has it, its bytes, and how it is printed: TXT and addresses are read and printed here, the rest by ldns. */
static const struct data_case {
	const char *text, *bytes;
	size_t len;
	const char *printed;
} data[] = {
	{ "TXT one two", "\3one\3two", 8, "\"one\" \"two\"" },
	{ "TXT \"a b\" \"\"", "\3a b\0", 5, "\"a b\" \"\"" },
	{ "TXT \"\\000\\255\\065\"", "\3\0\377A", 4, "\"\\000\\255A\"" },
	{ "TXT a\\;b\\\"c\\\\d", "\7a;b\"c\\d", 8, "\"a;b\\\"c\\\\d\"" },
	{ "TXT key=\"a b\"", NULL, 0, NULL },
	{ "TXT \\# 3 026869", "\2hi", 3, "\"hi\"" },
	{ "A 192.0.2.255", "\300\0\2\377", 4, "192.0.2.255" },
	{ "AAAA 2001:DB8:0:0::1", " \1\r\270\0\0\0\0\0\0\0\0\0\0\0\1", 16, "2001:db8::1" },
};

START_TEST(data_is_read_and_printed_so_that_it_reads_the_same)
{
	char *text = mem_printf(HEAD "a %s\n", data[_i].text), *line;
	struct report report = { 0 };
	struct buf printed = { 0 };
	const uint8_t *rdata;
	struct zone *zone, *again;
	struct name name;
	uint16_t rdlen;

	zone = zone_of("svc.example", text, &report);
	if (data[_i].bytes != NULL) {
		ck_assert_ptr_nonnull(zone);
		name_from_text(&name, "a.svc.example");
		rdata = rr_rdata(zone_node(zone, name.wire, name.len)->rrsets[0].wire, &rdlen);
		ck_assert_uint_eq(rdlen, data[_i].len);
		ck_assert_mem_eq(rdata, data[_i].bytes, rdlen);
	}
	for (int round = 0; round < 2 && zone != NULL; round++) {
		printed.len = 0;
		zone_print(zone, &printed);
		line = mem_printf("\t%s\n", data[_i].printed != NULL ? data[_i].printed : "");
		ck_assert_msg(data[_i].printed == NULL || strstr(printed.text, line) != NULL, "%s", printed.text);
		free(line);
		name_from_text(&name, "svc.example");
		again = zone_parse("z", printed.text, printed.len, &name, SEED, &report);
		ck_assert_msg(again != NULL, "%s", printed.text);
		zone_unref(zone);
		zone = again;
	}
	zone_unref(zone);
	buf_fini(&printed);
	report_fini(&report);
	free(text);
}
END_TEST

void add_reader_cases(Suite *suite)
{
	TCase *tcase = tcase_create("reader");

	tcase_add_loop_test(tcase, a_master_file_is_read_as_rfc_1035_has_it_and_slips_are_named, 0, COUNT_OF(cases));
	tcase_add_loop_test(tcase, data_is_read_and_printed_so_that_it_reads_the_same, 0, COUNT_OF(data));
	tcase_add_test(tcase, a_record_without_any_ttl_is_a_mistake_and_later_ones_take_the_last);
	tcase_add_test(tcase, a_blank_first_line_has_no_owner);
	tcase_add_test(tcase, a_nul_byte_is_refused_with_its_line);
	tcase_add_test(tcase, data_past_64_kib_is_a_mistake_and_is_not_cut);
	tcase_add_test(tcase, txt_may_be_longer_as_text_than_on_the_wire);
	tcase_add_test(tcase, data_that_ldns_would_cut_is_a_mistake);
	tcase_add_test(tcase, an_rrset_that_no_message_holds_is_a_mistake);
	tcase_add_test(tcase, an_overlong_record_is_refused_and_the_next_one_read);
	suite_add_tcase(suite, tcase);
}
