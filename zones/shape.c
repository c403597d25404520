/* A zone's shape: its apex, its delegations and what lies below them (RFC 1034 4.2.1, RFC 4592, RFC 2181 10.3). */
#include <stdlib.h>
#include <string.h>

#include "zones/inner.h"

static bool is_wildcard(const struct draft *draft, const struct draft_node *node)
{
	const char *wire = draft->names.text + node->wire;

	return wire[0] == 1 && wire[1] == '*';
}

static void check_apex(struct draft *draft)
{
	const struct draft_node *apex = &draft->nodes[0];
	const struct draft_record *wrong;

	if (draft_first(draft, apex, RR_SOA) == NULL)
		draft_report(draft, REPORT_MISTAKE, apex, NULL,
			"no SOA record (try @ SOA ns1 hostmaster 1 3600 600 604800 30)");
	if (draft_first(draft, apex, RR_NS) == NULL)
		draft_report(draft, REPORT_MISTAKE, apex, NULL, "no NS record (try @ NS ns1)");
	wrong = draft_first(draft, apex, RR_CNAME);
	if (wrong != NULL)
		draft_report(draft, REPORT_MISTAKE, apex, wrong,
			"CNAME: at the apex, which holds SOA and NS (make it a service with _gslb)");
	wrong = draft_first(draft, apex, RR_DS);
	if (wrong != NULL)
		draft_report(draft, REPORT_MISTAKE, apex, wrong, "DS: belongs into the zone above");
}

/* Types that stand only at some names. */
static void check_place(struct draft *draft, const struct draft_node *node)
{
	const struct draft_record *soa = draft_first(draft, node, RR_SOA), *ds = draft_first(draft, node, RR_DS),
				  *ns = draft_first(draft, node, RR_NS), *dname = draft_first(draft, node, RR_DNAME);

	if (soa != NULL)
		draft_report(draft, REPORT_MISTAKE, node, soa,
			"SOA: stands at the apex alone (a zone below is a file of its own)");
	if (ds != NULL && ns == NULL)
		draft_report(draft, REPORT_MISTAKE, node, ds, "DS: without NS (it belongs to a delegation)");
	if (ns != NULL && is_wildcard(draft, node))
		draft_report(
			draft, REPORT_MISTAKE, node, ns, "NS: at a wildcard, which cannot be delegated (RFC 4592 4.2)");
	if (dname != NULL && is_wildcard(draft, node))
		draft_report(draft, REPORT_MISTAKE, node, dname, "DNAME: at a wildcard (RFC 4592 4.4)");
}

/* Indexes of all names that are no configuration, those with fewer labels first: parents before children. */
static uint32_t *from_the_top(const struct draft *draft, size_t *n)
{
	size_t start[NAME_LABELS_MAX + 2] = { 0 };
	uint32_t *order = mem_alloc(draft->nnodes * sizeof *order);

	for (size_t i = 0; i < draft->nnodes; i++)
		start[draft->nodes[i].nlabels + 1]++;
	for (size_t i = 1; i < COUNT_OF(start); i++)
		start[i] += start[i - 1];
	for (size_t i = 0; i < draft->nnodes; i++)
		order[start[draft->nodes[i].nlabels]++] = (uint32_t)i;
	*n = 0;
	for (size_t i = 0; i < draft->nnodes; i++)
		if (!draft->nodes[order[i]].config)
			order[(*n)++] = order[i];
	return order;
}

static void inherit(struct draft *draft, uint32_t index)
{
	struct draft_node *node = &draft->nodes[index];
	const struct draft_node *parent = node->parent == NONE ? NULL : &draft->nodes[node->parent];

	node->has_dname = draft_first(draft, node, RR_DNAME) != NULL;
	if (parent == NULL)
		return;
	node->under_dname = parent->has_dname || parent->under_dname;
	if (parent->cut != NONE)
		node->cut = parent->cut;
	else if (draft_first(draft, node, RR_NS) != NULL)
		node->cut = index;
}

static bool stays(uint16_t type, bool at_the_cut)
{
	return type == RR_A || type == RR_AAAA || (at_the_cut && (type == RR_NS || type == RR_DS));
}

/* At a cut the delegation and glue stay, below it glue. */
static void occlude(struct draft *draft, const struct draft_node *node)
{
	const struct draft_node *cut = &draft->nodes[node->cut];
	char type[16], text[NAME_TEXT_MAX];
	struct name name;

	draft_name(draft, cut, &name);
	name_format_under(&name, &draft->apex, text);
	for (uint32_t i = node->first; i != NONE; i = draft->records[i].next) {
		struct draft_record *record = &draft->records[i];

		if (record->dropped || stays(record->type, node == cut))
			continue;
		record->dropped = true;
		draft_report(draft, REPORT_WARNING, node, record,
			"%s: hidden by the delegation of %s (it belongs into that zone)",
			rrtype_format(record->type, type), text);
	}
	if (node->service != NONE)
		service_mistake(draft->report, &draft->apex, &draft->services[node->service], NULL,
			"a service at or below the delegation of %s (put it into that zone)", text);
}

/* RFC 6672 2.4 */
static void check_dname(struct draft *draft, const struct draft_node *node)
{
	const struct draft_record *dname = draft_first(draft, node, RR_DNAME);
	const struct draft_record *first = node->first == NONE ? NULL : &draft->records[node->first];

	if (dname != NULL)
		draft_report(draft, REPORT_WARNING, node, dname,
			"DNAME: served as it is, but names below it are not answered from it (try CNAME records)");
	if (node->under_dname && node->service != NONE)
		service_mistake(draft->report, &draft->apex, &draft->services[node->service], NULL,
			"a service below a DNAME, where nothing may stand");
	else if (node->under_dname && first != NULL)
		draft_report(
			draft, REPORT_MISTAKE, node, first, "below a DNAME, where nothing may stand (RFC 6672 2.4)");
}

/* ---- name servers ---- */

/* The node that answers for a name: itself, or a wildcard; NONE when there is none. *cut is the delegation it lies at or
 * below, whether it exists or not. */
static uint32_t answering(const struct draft *draft, const struct name *name, uint32_t *cut)
{
	struct name suffix;
	bool config = false;

	for (unsigned i = 0; i + draft->apex.nlabels <= name->nlabels; i++) {
		uint32_t index;

		name_suffix(name, i, &suffix);
		index = draft_find(draft, &suffix);
		if (index != NONE && !draft->nodes[index].config) {
			*cut = draft->nodes[index].cut;
			return i == 0 ? index : *cut != NONE || config ? NONE : draft->nodes[index].wildcard;
		}
		config |= label_is_config(name->wire + name->label[i]);
	}
	*cut = NONE;
	return NONE;
}

static bool has_address(const struct draft *draft, const struct draft_node *node)
{
	return node->service != NONE || draft_first(draft, node, RR_A) != NULL ||
	       draft_first(draft, node, RR_AAAA) != NULL;
}

static void check_server(struct draft *draft, uint32_t index, const struct draft_record *ns)
{
	const struct draft_node *node = &draft->nodes[index], *host;
	char text[NAME_TEXT_MAX];
	struct name name;
	uint32_t found, cut;

	name_from_wire(&name, draft_rdata(draft, ns), ns->rdlen);
	if (!name_is_under(&name, &draft->apex))
		return;
	name_format_under(&name, &draft->apex, text);
	found = answering(draft, &name, &cut);
	host = found == NONE ? NULL : &draft->nodes[found];
	if (host != NULL && draft_first(draft, host, RR_CNAME) != NULL)
		draft_report(draft, REPORT_MISTAKE, node, ns,
			"NS %s: is a CNAME (RFC 2181 10.3: give it an A or AAAA record)", text);
	else if ((host == NULL || !has_address(draft, host)) && (cut == NONE || cut == index))
		draft_report(draft, REPORT_MISTAKE, node, ns,
			"NS %s: has no address in this zone (give it an A or AAAA record)", text);
}

static void check_servers(struct draft *draft, uint32_t index)
{
	const struct draft_record *ns = draft_first(draft, &draft->nodes[index], RR_NS);

	for (; ns != NULL; ns = draft_next(draft, ns))
		check_server(draft, index, ns);
}

void shape_check(struct draft *draft)
{
	uint32_t *order;
	size_t n;

	check_apex(draft);
	order = from_the_top(draft, &n);
	for (size_t i = 0; i < n; i++) {
		inherit(draft, order[i]);
		if (order[i] != 0)
			check_place(draft, &draft->nodes[order[i]]);
	}
	for (size_t i = 0; i < n; i++) {
		const struct draft_node *node = &draft->nodes[order[i]];

		if (node->cut != NONE)
			occlude(draft, node);
		check_dname(draft, node);
	}
	for (size_t i = 0; i < n; i++) /* after what is hidden is gone */
		if (order[i] == 0 || draft->nodes[order[i]].cut == order[i])
			check_servers(draft, order[i]);
	free(order);
}
