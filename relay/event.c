#include "relay/event.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writ.h"
#include "relay/check.h"

static const struct {
	const char *name, *member; /* of an item; NULL: it has no items */
	bool (*check)(const char *text, size_t len, char out[static CHECK_TEXT_MAX], struct err *err);
} classes[EVENT_CLASSES] = {
	[EVENT_DNS] = { "dns", "n", check_name },
	[EVENT_KEY] = { "key", "k", check_key },
	[EVENT_TAG] = { "tag", "g", check_tag },
	[EVENT_URL] = { "url", "u", check_url },
	[EVENT_PREFIX] = { "prefix", "u", check_url },
	[EVENT_ZONE] = { "zone", "n", check_name },
	[EVENT_ALL] = { "all", NULL, NULL },
	[EVENT_OVERRIDE] = { "override", "o", NULL },
};

static const char *const op_names[EVENT_OPS] = {
	[EVENT_FLUSH] = "flush",
	[EVENT_SOFT] = "soft",
	[EVENT_REFRESH] = "refresh",
};

const char *event_class_name(enum event_class class)
{
	return classes[class].name;
}

bool event_item_check(enum event_class class, const char *text, size_t len, char out[], struct err *err)
{
	if (classes[class].check == NULL)
		return err_set(err, "class=%s has no items", classes[class].name);
	return classes[class].check(text, len, out, err);
}

bool event_class_parse(const char *text, enum event_class *class)
{
	for (unsigned i = 0; i < EVENT_CLASSES; i++)
		if (strcmp(text, classes[i].name) == 0) {
			*class = (enum event_class)i;
			return true;
		}
	return false;
}

bool event_class_is_broad(enum event_class class)
{
	return class == EVENT_ZONE || class == EVENT_PREFIX || class == EVENT_ALL;
}

const char *event_op_name(enum event_op op)
{
	return op_names[op];
}

const char *event_id(const struct event *event, char text[static EVENT_ID_MAX])
{
	snprintf(text, EVENT_ID_MAX, "%s:%" PRIu32 ":%" PRIu64, event->origin, event->epoch, event->oseq);
	return text;
}

bool event_is_for(const struct event *event, const char *region, const char *relay)
{
	if (event->relay != NULL && event->relay[0] != '\0' && strcmp(event->relay, relay) != 0)
		return false;
	for (size_t i = 0; i < event->nregions; i++)
		if (strcmp(event->regions[i], region) == 0)
			return true;
	return event->nregions == 0;
}

/* ---- reading ---- */

struct reading {
	const json_t *root;
	struct arena *arena;
	struct err *err;
};

/* A text of at most max bytes; "" when it is not there. */
static bool get_text(const struct reading *r, const char *member, size_t max, const char **text)
{
	const json_t *value = json_object_get(r->root, member);

	*text = "";
	if (value == NULL)
		return true;
	if (!json_is_string(value) || json_string_length(value) > max)
		return err_set(r->err, "%s: must be a text of at most %zu bytes", member, max);
	*text = arena_strdup(r->arena, json_string_value(value));
	for (char *at = (char *)(uintptr_t)*text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' '; /* it is shown to people only */
	return true;
}

static bool get_number(const struct reading *r, const char *member, uint64_t max, uint64_t *number)
{
	const json_t *value = json_object_get(r->root, member);

	*number = 0;
	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return err_set(r->err, "%s: must be a whole number from 0 to %" PRIu64, member, max);
	*number = (uint64_t)json_integer_value(value);
	return true;
}

static bool get_origin(const struct reading *r, bool stored, struct event *event)
{
	const json_t *origin = json_object_get(r->root, "origin");
	uint64_t epoch, oseq;

	if (!stored) {
		if (origin != NULL || json_object_get(r->root, "oseq") != NULL ||
			json_object_get(r->root, "epoch") != NULL || json_object_get(r->root, "jump") != NULL ||
			json_object_get(r->root, "relay") != NULL)
			return err_set(
				r->err, "origin, epoch, oseq, jump and relay are given by the relay: leave them out");
		return true;
	}
	if (!json_is_string(origin) || json_string_length(origin) >= EVENT_LABEL_MAX ||
		!check_label(json_string_value(origin), json_string_length(origin)))
		return err_set(r->err, "origin: must be a relay's name");
	if (!get_number(r, "epoch", UINT32_MAX, &epoch) || !get_number(r, "oseq", INT64_MAX, &oseq))
		return false;
	if (epoch == 0 || oseq == 0)
		return err_set(r->err, "epoch and oseq: must be there, and begin at 1");
	snprintf(event->origin, sizeof event->origin, "%s", json_string_value(origin));
	event->epoch = (uint32_t)epoch;
	event->oseq = oseq;
	return true;
}

static bool get_class(const struct reading *r, struct event *event)
{
	const char *class = json_string_value(json_object_get(r->root, "class"));
	const char *op = json_string_value(json_object_get(r->root, "op"));
	uint64_t prio;

	if (class == NULL || !event_class_parse(class, &event->class))
		return err_set(r->err, "class: must be one of dns, key, tag, url, prefix, zone and all");
	if (op != NULL) {
		unsigned i = 0;

		while (i < EVENT_OPS && strcmp(op, op_names[i]) != 0)
			i++;
		if (i == EVENT_OPS)
			return err_set(r->err, "op: must be one of flush, soft and refresh");
		event->op = (enum event_op)i;
	}
	event->prio = event->class == EVENT_DNS ? EVENT_EDIT : EVENT_HOT;
	if (json_object_get(r->root, "prio") == NULL)
		return true;
	if (!get_number(r, "prio", EVENT_PRIOS - 1, &prio))
		return false;
	event->prio = (enum event_prio)prio;
	return true;
}

static bool get_types(const struct reading *r, const json_t *item, size_t at, struct event_item *out)
{
	const json_t *list = json_object_get(item, "t");

	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > EVENT_TYPES_MAX)
		return err_set(r->err, "items[%zu].t: must be a list of at most %d DNS types", at, EVENT_TYPES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		uint16_t type = name != NULL ? check_type(name) : 0;

		if (type == 0)
			return err_set(r->err,
				"items[%zu].t[%zu]: not a DNS type that can be flushed (try A, AAAA, HTTPS)", at, i);
		out->type[out->ntypes++] = type;
	}
	return true;
}

static bool get_text_item(
	const struct reading *r, const struct event *event, const json_t *item, size_t at, struct event_item *out)
{
	const json_t *value = json_object_get(item, classes[event->class].member);
	char text[CHECK_TEXT_MAX];
	struct err why;

	if (!json_is_string(value))
		return err_set(r->err, "items[%zu]: must have a text \"%s\"", at, classes[event->class].member);
	if (!classes[event->class].check(json_string_value(value), json_string_length(value), text, &why))
		return err_set(r->err, "items[%zu]: %s", at, why.text);
	out->text = arena_strdup(r->arena, text);
	return event->class != EVENT_DNS || get_types(r, item, at, out);
}

static bool get_writ(const struct reading *r, const json_t *item, size_t at, struct event_item *out)
{
	struct err why = { .text = "" };
	struct writ *writ = writ_parse(json_object_get(item, classes[EVENT_OVERRIDE].member), &why);
	bool good = writ != NULL && writ_can_travel(writ, &why);
	json_t *json = good ? writ_json(writ) : NULL;
	char *text = good ? json_dumps(json, JSON_COMPACT) : NULL;

	if (good)
		out->text = arena_strdup(r->arena, text);
	free(text);
	json_decref(json);
	writ_free(writ);
	return good || err_set(r->err, "items[%zu]: %s", at, why.text);
}

static bool get_items(const struct reading *r, struct event *event)
{
	const json_t *list = json_object_get(r->root, "items");
	struct event_item *items;

	if (classes[event->class].member == NULL) {
		if (json_array_size(list) > 0)
			return err_set(r->err, "items: class=all has none");
		return true;
	}
	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > EVENT_ITEMS_MAX)
		return err_set(r->err, "items: must be a list of 1 to %d", EVENT_ITEMS_MAX);
	event->nitems = json_array_size(list);
	event->items = items = arena_alloc(r->arena, event->nitems * sizeof *items);
	for (size_t i = 0; i < event->nitems; i++) {
		const json_t *item = json_array_get(list, i);

		if (event->class == EVENT_OVERRIDE ? !get_writ(r, item, i, &items[i])
						   : !get_text_item(r, event, item, i, &items[i]))
			return false;
	}
	return true;
}

static bool get_regions(const struct reading *r, struct event *event)
{
	const json_t *list = json_object_get(r->root, "scope");
	const char **regions;

	if (list == NULL)
		return true;
	if (!json_is_array(list) || json_array_size(list) > EVENT_REGIONS_MAX)
		return err_set(r->err, "scope: must be a list of at most %d regions", EVENT_REGIONS_MAX);
	event->regions = regions = arena_alloc(r->arena, json_array_size(list) * sizeof *regions);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *value = json_array_get(list, i);

		if (!json_is_string(value) || json_string_length(value) >= EVENT_LABEL_MAX ||
			!check_label(json_string_value(value), json_string_length(value)))
			return err_set(r->err, "scope[%zu]: must be a region's name", i);
		regions[event->nregions++] = arena_strdup(r->arena, json_string_value(value));
	}
	return true;
}

static bool read_members(const struct reading *r, bool stored, struct event *event)
{
	event->confirm = json_is_true(json_object_get(r->root, "confirm"));
	return get_origin(r, stored, event) && get_class(r, event) && get_items(r, event) && get_regions(r, event) &&
	       get_text(r, "relay", EVENT_LABEL_MAX - 1, &event->relay) &&
	       get_number(r, "jump", INT64_MAX, &event->jump) && get_number(r, "gen", INT64_MAX, &event->generation) &&
	       get_number(r, "ts", INT64_MAX, &event->made_ms) && get_number(r, "exp", INT64_MAX, &event->moot_ms) &&
	       get_text(r, "why", 256, &event->why) && get_text(r, "actor", 128, &event->actor) &&
	       get_text(r, "trace", 64, &event->trace);
}

bool event_read(
	const json_t *root, bool stored, struct arena *arena, struct event *event, bool *parked, struct err *err)
{
	const struct reading r = { .root = root, .arena = arena, .err = err };
	uint64_t version;

	*event = (struct event){ 0 };
	*parked = false;
	if (!get_number(&r, "v", UINT32_MAX, &version))
		return false;
	if (version != EVENT_VERSION && (stored || version != 0)) {
		*parked = version > EVENT_VERSION;
		return err_set(err, "v: this relay knows version %d only", EVENT_VERSION);
	}
	return read_members(&r, stored, event);
}

bool event_parse(const char *bytes, size_t len, bool stored, struct arena *arena, struct event *event, bool *parked,
	struct err *err)
{
	json_error_t error;
	json_t *root;
	bool good;

	*event = (struct event){ 0 };
	*parked = false;
	if (len > (stored ? EVENT_SIGNED_MAX : EVENT_BYTES_MAX))
		return err_set(err, "an event has at most %d bytes, this one %zu: split it", EVENT_BYTES_MAX, len);
	root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(root))
		good = event_read(root, stored, arena, event, parked, err);
	else
		good = err_set(err, "not a JSON object: line %d column %d", error.line, error.column);
	json_decref(root);
	return good;
}

/* ---- writing ---- */

static void put_text(json_t *root, const char *member, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(root, member, json_string(text));
}

static void put_number(json_t *root, const char *member, uint64_t number)
{
	if (number != 0)
		json_object_set_new(root, member, json_integer((json_int_t)number));
}

static json_t *items_json(const struct event *event)
{
	json_t *list = json_array();

	for (size_t i = 0; i < event->nitems; i++) {
		json_t *value = event->class == EVENT_OVERRIDE ? json_loads(event->items[i].text, 0, NULL)
							       : json_string(event->items[i].text),
		       *item = json_pack("{s:o}", classes[event->class].member, value), *types = NULL;

		for (unsigned k = 0; k < event->items[i].ntypes; k++) {
			if (types == NULL)
				json_object_set_new(item, "t", types = json_array());
			json_array_append_new(types, json_string(check_type_name(event->items[i].type[k])));
		}
		json_array_append_new(list, item);
	}
	return list;
}

void event_print(const struct event *event, struct buf *buf)
{
	json_t *root = json_pack("{s:i}", "v", EVENT_VERSION);
	char *text;

	put_text(root, "origin", event->origin);
	put_number(root, "epoch", event->epoch);
	put_number(root, "oseq", event->oseq);
	put_number(root, "jump", event->jump);
	put_number(root, "gen", event->generation);
	put_number(root, "ts", event->made_ms);
	put_number(root, "exp", event->moot_ms);
	put_text(root, "class", classes[event->class].name);
	put_text(root, "op", op_names[event->op]);
	json_object_set_new(root, "prio", json_integer(event->prio));
	if (event->nitems > 0)
		json_object_set_new(root, "items", items_json(event));
	if (event->nregions > 0) {
		json_t *scope = json_array();

		for (size_t i = 0; i < event->nregions; i++)
			json_array_append_new(scope, json_string(event->regions[i]));
		json_object_set_new(root, "scope", scope);
	}
	put_text(root, "relay", event->relay);
	if (event->confirm)
		json_object_set_new(root, "confirm", json_true());
	put_text(root, "why", event->why);
	put_text(root, "actor", event->actor);
	put_text(root, "trace", event->trace);
	text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
	buf_add(buf, text, strlen(text));
	free(text);
	json_decref(root);
}
