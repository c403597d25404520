#include "relay/policy.h"

#include <stdio.h>
#include <string.h>

#include "relay/check.h"

struct rule {
	enum policy_kind kind;
	const char *name; /* "*": anybody */
	enum event_class class;
	bool any; /* of the class */
	size_t nselectors;
	const char **selectors;
};

struct policy {
	size_t nrules;
	bool names[2]; /* of each kind somebody */
	struct rule *rules;
};

/* ---- what a selector selects ---- */

static bool is_under(const char *name, const char *top)
{
	size_t len = strlen(name), top_len = strlen(top);

	return len >= top_len && strcmp(name + len - top_len, top) == 0 &&
	       (len == top_len || name[len - top_len - 1] == '.');
}

static bool begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool has_host(const char *url, const char *host)
{
	char text[CHECK_TEXT_MAX];

	check_url_host(url, text);
	return strcmp(text, host) == 0;
}

/* A class that is not here has no selectors. */
static bool (*const selects[EVENT_CLASSES])(const char *text, const char *selector) = {
	[EVENT_DNS] = is_under,
	[EVENT_KEY] = begins_with,
	[EVENT_TAG] = begins_with,
	[EVENT_URL] = has_host,
	[EVENT_PREFIX] = has_host,
	[EVENT_ZONE] = is_under,
};

static bool rule_covers(const struct rule *rule, const char *text)
{
	bool covers = rule->any;

	for (size_t i = 0; i < rule->nselectors && !covers; i++)
		covers = selects[rule->class](text, rule->selectors[i]);
	return covers;
}

/* ---- reading ---- */

struct reading {
	const char *path;
	unsigned line;
	struct arena *arena;
	struct err *err;
};

static bool wrong(const struct reading *r, const char *what)
{
	return err_set(r->err, "%s:%u: %s", r->path, r->line, what);
}

static bool read_selector(const struct reading *r, const char *text, struct rule *rule)
{
	char checked[CHECK_TEXT_MAX];
	struct err why;

	if (strcmp(text, "*") == 0) {
		rule->any = true;
		return true;
	}
	if (selects[rule->class] == NULL)
		return wrong(r, "this class has no selectors: leave them out");
	if (selects[rule->class] != begins_with) {
		if (!check_name(text, strlen(text), checked, &why))
			return wrong(r, why.text);
		text = checked;
	}
	rule->selectors[rule->nselectors++] = arena_strdup(r->arena, text);
	return true;
}

static bool read_rule(const struct reading *r, char *line, struct rule *rule)
{
	size_t most = strlen(line) / 2 + 1; /* selectors */
	char *kind = check_word(&line), *name = check_word(&line), *class = check_word(&line), *selector;

	if (kind == NULL || (strcmp(kind, "actor") != 0 && strcmp(kind, "region") != 0))
		return wrong(r, "a line begins with actor or region (try: actor shop key cart: product:)");
	if (name == NULL || (strcmp(name, "*") != 0 && !check_label(name, strlen(name))))
		return wrong(r, "the name must be * or 1 to 63 letters, digits, - and _");
	if (class == NULL || !event_class_parse(class, &rule->class) || rule->class == EVENT_OVERRIDE)
		return wrong(r, "the class must be one of dns, key, tag, url, prefix, zone and all");
	rule->kind = kind[0] == 'a' ? POLICY_ACTOR : POLICY_REGION;
	rule->name = arena_strdup(r->arena, name);
	rule->selectors = arena_alloc(r->arena, most * sizeof *rule->selectors);
	while ((selector = check_word(&line)) != NULL)
		if (!read_selector(r, selector, rule))
			return false;
	if (selects[rule->class] == NULL)
		rule->any = true;
	return rule->any || rule->nselectors > 0 ? true : wrong(r, "what of the class? Name it, or * for everything");
}

const struct policy *policy_parse(const char *path, const char *text, size_t len, struct arena *arena, struct err *err)
{
	struct policy *policy = arena_alloc(arena, sizeof *policy);
	struct reading r = { .path = path, .arena = arena, .err = err };
	char *rest = arena_alloc(arena, len + 1), *line;
	size_t most = 1;

	memcpy(rest, text, len);
	for (size_t i = 0; i < len; i++)
		most += text[i] == '\n';
	policy->rules = arena_alloc(arena, most * sizeof *policy->rules);
	while ((line = check_line(&rest, &r.line)) != NULL) {
		struct rule *rule = &policy->rules[policy->nrules];

		if (!read_rule(&r, line, rule))
			return NULL;
		policy->names[rule->kind] = true;
		policy->nrules++;
	}
	return policy;
}

/* ---- deciding ---- */

static bool covers(
	const struct policy *policy, enum policy_kind kind, const char *name, enum event_class class, const char *text)
{
	for (size_t i = 0; i < policy->nrules; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->kind == kind && rule->class == class &&
			(strcmp(rule->name, "*") == 0 || strcmp(rule->name, name) == 0) && rule_covers(rule, text))
			return true;
	}
	return false;
}

bool policy_allows(const struct policy *policy, enum policy_kind kind, const char *name, const struct event *event,
	struct err *err)
{
	const char *class = event_class_name(event->class);

	if (policy == NULL && (kind == POLICY_REGION || !event_class_is_broad(event->class)))
		return true;
	if (policy == NULL)
		return err_set(err, "class: %s may not have a whole %s dropped: relay.policy-file must allow it", name,
			event->class == EVENT_ALL ? "cache" : class);
	if (kind == POLICY_REGION && !policy->names[POLICY_REGION])
		return true;
	for (size_t i = 0; i < event->nitems || (i == 0 && event->nitems == 0); i++)
		if (!covers(policy, kind, name, event->class, event->nitems > 0 ? event->items[i].text : ""))
			return err_set(err,
				"items[%zu]: %s %s may not have this %s dropped: relay.policy-file says what", i,
				kind == POLICY_ACTOR ? "actor" : "region", name, class);
	return true;
}
