/* Maps: TXT at _map.<owner>, whose tags are keys of clients (DESIGN 3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zones/model.h"

static const struct tag_table map_tags = { "map", "map1", NULL, 0 };

/* ---- keys ---- */

static bool all_letters(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

static void upper_case(char *to, const char *from)
{
	for (; *from != '\0'; from++)
		*to++ = *from >= 'a' && *from <= 'z' ? (char)(*from - 32) : *from;
	*to = '\0';
}

static bool key_net(const char *text, struct map_rule *rule, struct err *err)
{
	char address[ADDR_TEXT_MAX], right[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	uint64_t len;

	if (prefix_parse(text, &rule->net))
		return true;
	if (slash == NULL || (size_t)(slash - text) >= sizeof address)
		return err_set(err, "not a network (try net:203.0.113.0/24)");
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (!addr_parse(address, &rule->net.addr) || !number_parse(slash + 1, 0, addr_bits(&rule->net.addr), &len))
		return err_set(err, "not a network (try net:203.0.113.0/24)");
	addr_mask(&rule->net.addr, (unsigned)len);
	rule->net.len = (uint8_t)len;
	return err_set(
		err, "not a network: bits are set behind its length (try net:%s)", prefix_format(&rule->net, right));
}

static bool key_asn(const char *text, struct map_rule *rule, struct err *err)
{
	uint64_t asn;

	if (!number_parse(text, 1, UINT32_MAX, &asn))
		return err_set(err, "not the number of an autonomous system (try asn:64500)");
	rule->asn = (uint32_t)asn;
	return true;
}

static bool key_region(const char *text, struct map_rule *rule, struct err *err)
{
	char code[sizeof rule->code];
	size_t len = strlen(text);

	if (len >= 4 && len <= 6) {
		upper_case(code, text);
		if (strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") >= 2 && code[2] == '-' &&
			strspn(code + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len - 3) {
			memcpy(rule->code, code, len + 1);
			return true;
		}
	}
	return err_set(err, "not a code of ISO 3166-2 (try region:US-CA)");
}

static bool key_country(const char *text, struct map_rule *rule, struct err *err)
{
	if (strlen(text) != 2 || !all_letters(text))
		return err_set(err, "not a code of ISO 3166-1 (try country:CN)");
	upper_case(rule->code, text);
	return true;
}

static bool key_continent(const char *text, struct map_rule *rule, struct err *err)
{
	static const char codes[][3] = { "AF", "AN", "AS", "EU", "NA", "OC", "SA" };
	char code[3];

	if (strlen(text) == 2) {
		upper_case(code, text);
		for (size_t i = 0; i < COUNT_OF(codes); i++)
			if (strcmp(code, codes[i]) == 0) {
				memcpy(rule->code, code, sizeof code);
				return true;
			}
	}
	return err_set(err, "not a continent (they are AF AN AS EU NA OC SA)");
}

static const struct key {
	const char *name;
	enum map_kind kind;
	bool (*parse)(const char *text, struct map_rule *rule, struct err *err);
} keys[] = {
	{ "net:", MAP_NET, key_net },
	{ "asn:", MAP_ASN, key_asn },
	{ "region:", MAP_REGION, key_region },
	{ "country:", MAP_COUNTRY, key_country },
	{ "continent:", MAP_CONTINENT, key_continent },
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (strncmp(name, keys[i].name, strlen(keys[i].name)) == 0)
			return &keys[i];
	return NULL;
}

/* ---- rules ---- */

struct rules {
	struct map_rule *rules;
	const struct draft_record **records; /* of each, for mistakes */
	size_t nrules, rules_cap, records_cap;
};

static bool read_rule(struct tag_reader *reader, const struct tag_value *tag, struct map_rule *rule, struct err *err)
{
	const struct key *key = find_key(tag->name);

	if (key == NULL)
		return err_set(err, "no key of a map (they are net: asn: region: country: continent:)");
	*rule = (struct map_rule){
		.kind = key->kind,
		.file = reader->draft->files[reader->record->file],
		.line = reader->record->line,
	};
	return key->parse(tag->name + strlen(key->name), rule, err) &&
	       pool_uses_parse(reader->draft, tag->value, false, &rule->pools, &rule->npools, err);
}

static void read_record(struct tag_reader *reader, struct rules *rules)
{
	char name[TAG_SHOWN_MAX], value[TAG_SHOWN_MAX];
	struct map_rule rule;
	struct err err;

	for (size_t i = 1; i < reader->list.nvalues; i++) {
		const struct tag_value *tag = &reader->list.values[i];

		if (!read_rule(reader, tag, &rule, &err)) {
			tags_mistake(reader, "%s=%s: %s", tag_shown(tag->name, name), tag_shown(tag->value, value),
				err.text);
			continue;
		}
		rules->rules = mem_grow(rules->rules, rules->nrules, &rules->rules_cap, sizeof rule);
		rules->records =
			mem_grow(rules->records, rules->nrules, &rules->records_cap, sizeof(struct draft_record *));
		rules->records[rules->nrules] = reader->record;
		rules->rules[rules->nrules++] = rule;
	}
}

static int by_key(const void *a, const void *b, void *all)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct map_rule *x = &((const struct map_rule *)all)[i], *y = &((const struct map_rule *)all)[j];
	int order = (int)x->kind - (int)y->kind;

	if (order == 0)
		order = addr_compare(&x->net.addr, &y->net.addr);
	if (order == 0)
		order = (int)x->net.len - (int)y->net.len;
	if (order == 0)
		order = (x->asn > y->asn) - (x->asn < y->asn);
	if (order == 0)
		order = strcmp(x->code, y->code);
	return order;
}

static const char *key_text(const struct map_rule *rule, char text[static ADDR_TEXT_MAX])
{
	char net[ADDR_TEXT_MAX];
	struct buf buf = { 0 };

	buf_printf(&buf, "%s", keys[rule->kind].name);
	if (rule->kind == MAP_NET)
		buf_printf(&buf, "%s", prefix_format(&rule->net, net));
	else if (rule->kind == MAP_ASN)
		buf_printf(&buf, "%u", rule->asn);
	else
		buf_printf(&buf, "%s", rule->code);
	snprintf(text, ADDR_TEXT_MAX, "%s", buf.text);
	buf_fini(&buf);
	return text;
}

static void check_twice(struct tag_reader *reader, const struct rules *rules)
{
	uint32_t *order = mem_alloc(rules->nrules * sizeof *order);
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < rules->nrules; i++)
		order[i] = (uint32_t)i;
	if (rules->nrules > 1)
		qsort_r(order, rules->nrules, sizeof *order, by_key, rules->rules);
	for (size_t i = 1; i < rules->nrules; i++) {
		uint32_t later = order[i] > order[i - 1] ? order[i] : order[i - 1];

		if (by_key(&order[i - 1], &order[i], rules->rules) != 0)
			continue;
		reader->record = rules->records[later];
		tags_mistake(reader, "%s: twice in the map (leave one)", key_text(&rules->rules[later], text));
	}
	free(order);
}

void map_read(struct tag_reader *reader, struct service *service)
{
	const struct draft *draft = reader->draft;
	struct rules rules = { 0 };
	struct err err;

	for (reader->record = draft_first(draft, &draft->nodes[reader->node], RR_TXT); reader->record != NULL;
		reader->record = draft_next(draft, reader->record)) {
		if (!tags_split(reader, &err))
			tags_mistake(reader, "%s", err.text);
		else if (tags_version(reader, &map_tags))
			read_record(reader, &rules);
	}
	check_twice(reader, &rules);
	if (rules.nrules > UINT16_MAX) {
		reader->record = rules.records[UINT16_MAX];
		tags_mistake(reader, "more than 65535 keys in a map");
	} else {
		service->rules = arena_dup(draft->arena, rules.rules, rules.nrules * sizeof *rules.rules);
		service->nrules = (uint16_t)rules.nrules;
	}
	free(rules.rules);
	free(rules.records);
}
