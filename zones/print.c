/* A zone as a master file. Records under _gslb, _map and _pool are printed as they were read. */
#include <stdio.h>
#include <string.h>

#include "zones/inner.h"

static void print_node(struct rdata_parser *parser, const struct zone *zone, const struct node *node, struct buf *out)
{
	char owner[NAME_TEXT_MAX], type[16];
	struct name name;

	name_from_wire(&name, node->wire, node->head.len);
	name_format_under(&name, &zone->apex, owner);
	for (size_t i = 0; i < node->nrrsets; i++) {
		const struct rrset *set = &node->rrsets[i];
		char head[48];

		snprintf(head, sizeof head, "\t%u\tIN\t%s\t", set->ttl_s, rrtype_format(set->type, type));
		for (const uint8_t *at = set->wire; at < set->wire + set->wire_len;) {
			uint16_t rdlen;
			const uint8_t *rdata = rr_rdata(at, &rdlen);

			buf_add(out, owner, strlen(owner));
			buf_add(out, head, strlen(head));
			rdata_print(parser, set->type, rdata, rdlen, out);
			buf_add(out, "\n", 1);
			at = rdata + rdlen;
		}
	}
}

void zone_print(const struct zone *zone, struct buf *out)
{
	struct rdata_parser *parser = rdata_parser_new();
	char apex[NAME_TEXT_MAX];

	rdata_parser_origin(parser, &zone->apex);
	buf_printf(out, "$ORIGIN %s%s\n", name_format(&zone->apex, apex), zone->apex.nlabels > 0 ? "." : "");
	for (size_t i = 0; i < zone->nnodes; i++)
		print_node(parser, zone, &zone->inner->nodes[i], out);
	for (size_t i = 0; i < zone->inner->nconfig; i++)
		print_node(parser, zone, &zone->inner->config[i], out);
	rdata_parser_free(parser);
}
