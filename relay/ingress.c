#include "relay/ingress.h"

#include <jansson.h>
#include <string.h>

#include "relay/event.h"

/* What the draft calls it, and what we do. */
static const struct {
	const char *type, *class, *member;
} kinds[] = {
	{ "uri", "url", "u" },
	{ "uri-prefix", "prefix", "u" },
	{ "origin", "prefix", "u" }, /* all of it: the gate adds the path "/" */
	{ "group", "tag", "g" },
};

/* A reference of its own; NULL with a sentence. purge: false is what the draft calls to invalidate, and we call soft. */
static json_t *from_draft(const json_t *root, struct err *err)
{
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *selectors = json_object_get(root, "selectors");
	json_t *items = json_array();
	unsigned kind = 0;

	while (kind < COUNT_OF(kinds) && (type == NULL || strcmp(type, kinds[kind].type) != 0))
		kind++;
	if (kind == COUNT_OF(kinds) || !json_is_array(selectors)) {
		json_decref(items);
		err_set(err, "selectors: want a type: uri, uri-prefix, origin or group");
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(selectors); i++)
		json_array_append_new(items, json_pack("{s:O}", kinds[kind].member, json_array_get(selectors, i)));
	return json_pack("{s:s,s:s,s:o}", "class", kinds[kind].class, "op",
		json_is_true(json_object_get(root, "purge")) ? "flush" : "soft", "items", items);
}

/* Its trace and where it came from are kept, where the event says nothing of them. */
static json_t *from_cloudevent(const json_t *root, struct err *err)
{
	json_t *data = json_object_get(root, "data");
	const char *trace = json_string_value(json_object_get(root, "traceparent")),
		   *source = json_string_value(json_object_get(root, "source"));
	json_t *event;

	if (!json_is_object(data)) {
		err_set(err, "data: must be the event, a JSON object");
		return NULL;
	}
	event = json_copy(data);
	if (trace != NULL && json_object_get(event, "trace") == NULL)
		json_object_set_new(event, "trace", json_string(trace));
	if (source != NULL && strlen(source) < 256 && json_object_get(event, "why") == NULL)
		json_object_set_new(event, "why", json_string(source));
	return event;
}

json_t *ingress_event(const char *body, size_t len, struct err *err)
{
	json_error_t error;
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error), *meant = NULL;

	if (!json_is_object(root))
		err_set(err, "not a JSON object: line %d column %d", error.line, error.column);
	else if (json_object_get(root, "specversion") != NULL)
		meant = from_cloudevent(root, err);
	else if (json_object_get(root, "selectors") != NULL)
		meant = from_draft(root, err);
	else
		meant = json_incref(root);
	json_decref(root);
	return meant;
}
