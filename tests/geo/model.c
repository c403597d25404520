#include "tests/geo/model.h"

#include <string.h>

static const char *const embedding[] = { "::ffff:0:0/96", "64:ff9b::/96", "2001::/32", "2002::/16" };

struct addr addr_embed(const struct addr *v4, unsigned way)
{
	struct prefix range;

	prefix_parse(embedding[way], &range);
	memcpy(range.addr.bytes + (way == 3 ? 2 : 12), v4->bytes, 4);
	for (int i = 12; way == 2 && i < 16; i++)
		range.addr.bytes[i] ^= 0xff;
	return range.addr;
}

struct addr model_unwrap(const struct addr *addr)
{
	struct addr v4 = { .family = ADDR_V4 };

	for (unsigned way = 0; way < 4 && addr->family == ADDR_V6; way++) {
		struct prefix range;

		prefix_parse(embedding[way], &range);
		if (!prefix_contains(&range, addr))
			continue;
		memcpy(v4.bytes, addr->bytes + (way == 3 ? 2 : 12), 4);
		for (int i = 0; way == 2 && i < 4; i++)
			v4.bytes[i] ^= 0xff;
		return v4;
	}
	return *addr;
}

struct addr addr_step(const struct addr *addr, int by)
{
	struct addr next = *addr;

	for (size_t i = addr_len(addr); i-- > 0;) {
		next.bytes[i] = (uint8_t)(next.bytes[i] + by);
		if (next.bytes[i] != (by > 0 ? 0x00 : 0xff))
			break;
	}
	return next;
}

/* The longest prefix, of equal ones the last. */
static int longest(const struct model_list *list, const struct addr *addr)
{
	int value = MODEL_NOTHING, len = -1;

	for (size_t i = 0; i < list->n; i++) {
		const struct model_prefix *prefix = &list->at[i];

		if (prefix_contains(&prefix->net, addr) && prefix->net.len >= len) {
			len = prefix->net.len;
			value = prefix->value;
		}
	}
	return value;
}

static struct addr block_of(const struct addr *addr)
{
	struct addr block = model_unwrap(addr);

	addr_mask(&block, block.family == ADDR_V4 ? 24 : 56);
	return block;
}

int model_place(const struct model *model, const struct addr *addr)
{
	struct addr block = block_of(addr);

	for (size_t i = 0; i < MODEL_DBS; i++) {
		int place = longest(&model->places[i], &block);

		if (place > 0)
			return place;
	}
	return 0;
}

int model_asn(const struct model *model, const struct addr *addr)
{
	struct addr block = block_of(addr);
	int asn = longest(&model->asns, &block);

	return asn > 0 ? asn : 0;
}

int model_overlay(const struct model *model, const struct addr *addr)
{
	struct addr plain = model_unwrap(addr);

	return longest(&model->overlays, &plain);
}

/* ---- edges ---- */

struct edges {
	struct addr *at;
	size_t n, cap;
};

static void add_edge(struct edges *edges, struct addr edge)
{
	edges->at = mem_grow(edges->at, edges->n, &edges->cap, sizeof *edges->at);
	edges->at[edges->n++] = edge;
}

/* Both sides of both of a prefix's ends. */
static void add_prefix(struct edges *edges, const struct prefix *net, unsigned most_bits)
{
	struct addr first = net->addr, last;
	unsigned len = net->len < most_bits ? net->len : most_bits;

	addr_mask(&first, len);
	last = first;
	for (unsigned bit = len; bit < addr_bits(&last); bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	add_edge(edges, first);
	add_edge(edges, last);
	add_edge(edges, addr_step(&first, -1));
	add_edge(edges, addr_step(&last, 1));
}

static void add_list(struct edges *edges, const struct model_list *list, bool blocks)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct prefix *net = &list->at[i].net;

		add_prefix(edges, net, !blocks ? 128 : net->addr.family == ADDR_V4 ? 24 : 56);
	}
}

struct addr *model_edges(const struct model *model, size_t *nedges)
{
	struct edges edges = { 0 };
	struct prefix all;
	size_t nplain;

	prefix_parse("0.0.0.0/0", &all);
	add_prefix(&edges, &all, 128);
	prefix_parse("::/0", &all);
	add_prefix(&edges, &all, 128);
	for (size_t i = 0; i < MODEL_DBS; i++)
		add_list(&edges, &model->places[i], true);
	add_list(&edges, &model->asns, true);
	add_list(&edges, &model->overlays, false);
	nplain = edges.n;
	for (size_t i = 0; i < nplain; i++)
		for (unsigned way = 0; way < 4 && edges.at[i].family == ADDR_V4; way++)
			add_edge(&edges, addr_embed(&edges.at[i], way));
	for (unsigned way = 0; way < 4; way++) {
		prefix_parse(embedding[way], &all);
		add_prefix(&edges, &all, 128);
	}
	*nedges = edges.n;
	return edges.at;
}
