/* Records of one name and type become one set: no record twice, one TTL (RFC 2181 5), small enough for a message, and alone
 * where the type demands it. Each name's records are chained by rising type from here on. */
#include <stdlib.h>
#include <string.h>

#include "zones/inner.h"

/* Header, question and the smallest OPT beside the set; the name counts apart. */
enum { MESSAGE_MAX = 65535, MESSAGE_REST = 12 + 4 + 11, RECORD_HEAD = 12 };

struct tidy {
	struct draft *draft;
	uint32_t *records, *sorted;
	size_t nrecords, records_cap, sorted_cap;
};

static const struct draft_record *record_of(const struct draft *draft, const void *index)
{
	return &draft->records[*(const uint32_t *)index];
}

/* Ties go by index, the file's order. */
static int by_type(const void *a, const void *b, void *draft)
{
	int types = record_of(draft, a)->type - record_of(draft, b)->type;

	return types != 0
		       ? types
		       : (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static bool holds_only_a_name(uint16_t type)
{
	return rrtype_name_at(type) == 0;
}

/* Names are the same in either case (RFC 4343). */
static int data_compare(const struct draft *draft, const struct draft_record *x, const struct draft_record *y)
{
	const uint8_t *a = draft_rdata(draft, x), *b = draft_rdata(draft, y);
	struct name name_a, name_b;

	if (x->rdlen != y->rdlen)
		return x->rdlen - y->rdlen;
	if (holds_only_a_name(x->type) && name_from_wire(&name_a, a, x->rdlen) > 0 &&
		name_from_wire(&name_b, b, y->rdlen) > 0)
		return memcmp(name_a.wire, name_b.wire, name_a.len);
	return memcmp(a, b, x->rdlen);
}

static int by_data(const void *a, const void *b, void *draft)
{
	int data = data_compare(draft, record_of(draft, a), record_of(draft, b));

	return data != 0
		       ? data
		       : (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static void collect(struct tidy *tidy, const struct draft_node *node)
{
	tidy->nrecords = 0;
	for (uint32_t i = node->first; i != NONE; i = tidy->draft->records[i].next) {
		tidy->records = mem_grow(tidy->records, tidy->nrecords, &tidy->records_cap, sizeof *tidy->records);
		tidy->records[tidy->nrecords++] = i;
	}
	if (tidy->nrecords > 1)
		qsort_r(tidy->records, tidy->nrecords, sizeof *tidy->records, by_type, tidy->draft);
}

static void chain(struct tidy *tidy, struct draft_node *node)
{
	struct draft_record *records = tidy->draft->records;

	for (size_t i = 0; i + 1 < tidy->nrecords; i++)
		records[tidy->records[i]].next = tidy->records[i + 1];
	node->first = tidy->records[0];
	node->last = tidy->records[tidy->nrecords - 1];
	records[node->last].next = NONE;
}

static void drop_duplicates(struct tidy *tidy, const struct draft_node *node, const uint32_t *set, size_t n)
{
	struct draft *draft = tidy->draft;
	char type[16];

	while (tidy->sorted_cap < n)
		tidy->sorted = mem_grow(tidy->sorted, tidy->sorted_cap, &tidy->sorted_cap, sizeof *tidy->sorted);
	memcpy(tidy->sorted, set, n * sizeof *set);
	qsort_r(tidy->sorted, n, sizeof *set, by_data, draft);
	for (size_t i = 1; i < n; i++) {
		struct draft_record *record = &draft->records[tidy->sorted[i]];

		if (data_compare(draft, &draft->records[tidy->sorted[i - 1]], record) != 0)
			continue;
		record->dropped = true;
		draft_report(draft, REPORT_WARNING, node, record, "%s: the same record again (it counts once)",
			rrtype_format(record->type, type));
	}
}

static void settle_ttl(struct tidy *tidy, const struct draft_node *node, const uint32_t *set, size_t n)
{
	struct draft_record *records = tidy->draft->records;
	const struct draft_record *odd = NULL;
	uint32_t ttl_s = records[set[0]].ttl_s;
	char type[16];

	for (size_t i = 1; i < n; i++) {
		if (odd == NULL && records[set[i]].ttl_s != ttl_s)
			odd = &records[set[i]];
		if (records[set[i]].ttl_s < ttl_s)
			ttl_s = records[set[i]].ttl_s;
	}
	if (odd == NULL)
		return;
	draft_report(tidy->draft, REPORT_WARNING, node, odd,
		"%s: another TTL than its record before (%u, the smallest, is used for all)",
		rrtype_format(odd->type, type), ttl_s);
	for (size_t i = 0; i < n; i++)
		records[set[i]].ttl_s = ttl_s;
}

static void check_size(struct tidy *tidy, const struct draft_node *node, const uint32_t *set, size_t n)
{
	const struct draft_record *records = tidy->draft->records;
	size_t len = 0;
	char type[16];

	for (size_t i = 0; i < n; i++)
		len += records[set[i]].dropped ? 0 : RECORD_HEAD + (size_t)records[set[i]].rdlen;
	if (len + node->len + MESSAGE_REST > MESSAGE_MAX)
		draft_report(tidy->draft, REPORT_MISTAKE, node, &records[set[0]],
			"%s: %zu bytes of records, more than a message of 64 KiB holds (try fewer)",
			rrtype_format(records[set[0]].type, type), len);
}

/* One SOA, one CNAME, one DNAME. */
static void check_single(struct tidy *tidy, const struct draft_node *node, const uint32_t *set, size_t n)
{
	const struct draft_record *records = tidy->draft->records;
	uint16_t type = records[set[0]].type;
	char text[16];

	if (type != RR_SOA && type != RR_CNAME && type != RR_DNAME)
		return;
	for (size_t i = 1; i < n; i++)
		if (!records[set[i]].dropped)
			draft_report(tidy->draft, REPORT_MISTAKE, node, &records[set[i]],
				"%s: a second one at the same name (leave one)", rrtype_format(type, text));
}

/* RFC 2181 10.1, RFC 1034 3.6.2 */
static void check_alone(struct tidy *tidy, const struct draft_node *node)
{
	const struct draft_record *cname = draft_first(tidy->draft, node, RR_CNAME);
	char type[16];

	if (cname == NULL)
		return;
	for (size_t i = 0; i < tidy->nrecords; i++) {
		const struct draft_record *other = &tidy->draft->records[tidy->records[i]];

		if (other->type == RR_CNAME)
			continue;
		draft_report(tidy->draft, REPORT_MISTAKE, node, cname, "CNAME: beside %s (a CNAME stands alone)",
			rrtype_format(other->type, type));
		return;
	}
}

static void tidy_set(struct tidy *tidy, const struct draft_node *node, const uint32_t *set, size_t n)
{
	if (n > 1) {
		drop_duplicates(tidy, node, set, n);
		settle_ttl(tidy, node, set, n);
		check_single(tidy, node, set, n);
	}
	if (!node->config) /* what is configuration is never sent */
		check_size(tidy, node, set, n);
}

void rrsets_tidy(struct draft *draft)
{
	struct tidy tidy = { .draft = draft };

	for (size_t i = 0; i < draft->nnodes; i++) {
		struct draft_node *node = &draft->nodes[i];

		collect(&tidy, node);
		if (tidy.nrecords == 0)
			continue;
		chain(&tidy, node);
		for (size_t from = 0, to; from < tidy.nrecords; from = to) {
			for (to = from + 1; to < tidy.nrecords; to++)
				if (draft->records[tidy.records[to]].type != draft->records[tidy.records[from]].type)
					break;
			tidy_set(&tidy, node, tidy.records + from, to - from);
		}
		check_alone(&tidy, node);
	}
	free(tidy.records);
	free(tidy.sorted);
}
