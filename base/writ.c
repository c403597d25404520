#include "base/writ.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const action_names[] = {
	[WRIT_CLEAR] = "clear",
	[WRIT_UP] = "up",
	[WRIT_DRAIN] = "drain",
	[WRIT_DOWN] = "down",
};

static const char *const kinds[] = { "endpoint:", "pool:", "region:", "service:" };

const char *writ_action_name(enum writ_action action)
{
	return action_names[action];
}

bool writ_action_parse(const char *text, enum writ_action *action)
{
	for (unsigned i = 0; i < COUNT_OF(action_names); i++)
		if (strcmp(text, action_names[i]) == 0) {
			*action = (enum writ_action)i;
			return true;
		}
	return false;
}

void writ_free(struct writ *writ)
{
	if (writ == NULL)
		return;
	free(writ->target);
	free(writ->who);
	free(writ->why);
	free(writ->drill);
	free(writ->origin);
	free(writ->host);
	free(writ);
}

struct writ *writ_copy(const struct writ *from)
{
	struct writ *writ = mem_dup(from, sizeof *from);

	writ->target = mem_strdup(from->target);
	writ->who = mem_strdup(from->who);
	writ->why = mem_strdup(from->why);
	writ->drill = from->drill != NULL ? mem_strdup(from->drill) : NULL;
	writ->origin = mem_strdup(from->origin);
	writ->host = mem_strdup(from->host);
	return writ;
}

/* ---- as JSON ---- */

json_t *writ_json(const struct writ *writ)
{
	return json_pack("{s:s,s:b,s:s,s:s,s:s,s:I,s:I,s:I,s:s*,s:I,s:s,s:s}", "target", writ->target, "glob",
		writ->glob, "action", writ_action_name(writ->action), "who", writ->who, "why", writ->why, "from_ms",
		(json_int_t)writ->from_ms, "until_ms", (json_int_t)writ->until_ms, "over_ms", (json_int_t)writ->over_ms,
		"drill", writ->drill, "made_ms", (json_int_t)writ->made_ms, "origin", writ->origin, "host", writ->host);
}

struct reading {
	const json_t *json;
	struct err *err;
};

static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* A copy, to be freed; "" when it is not there and may be so. Only a reason may have line ends: all else is compared, and stands in logs. */
static bool get_text(const struct reading *r, const char *member, bool optional, size_t max, char **text)
{
	const json_t *value = json_object_get(r->json, member);

	*text = NULL;
	if (value == NULL && optional) {
		*text = mem_strdup("");
		return true;
	}
	if (!json_is_string(value) || json_string_length(value) > max)
		return err_set(r->err, "%s: must be a text of at most %zu bytes", member, max);
	if (max != SIZE_MAX && !is_plain(json_string_value(value)))
		return err_set(r->err, "%s: has a control character", member);
	*text = mem_strdup(json_string_value(value));
	return true;
}

static bool get_number(const struct reading *r, const char *member, uint64_t max, uint64_t *number)
{
	const json_t *value = json_object_get(r->json, member);

	*number = value == NULL ? 0 : (uint64_t)json_integer_value(value);
	if (value != NULL && (!json_is_integer(value) || json_integer_value(value) < 0 || *number > max))
		return err_set(r->err, "%s: must be a whole number from 0 to %" PRIu64, member, max);
	return true;
}

static bool get_target(const struct reading *r, struct writ *writ)
{
	if (!get_text(r, "target", false, WRIT_TARGET_MAX, &writ->target))
		return false;
	for (unsigned i = 0; i < COUNT_OF(kinds); i++)
		if (strncmp(writ->target, kinds[i], strlen(kinds[i])) == 0 && writ->target[strlen(kinds[i])] != '\0')
			return true;
	return err_set(
		r->err, "target: %.80s: must be endpoint:, pool:, region: or service: with a name", writ->target);
}

static bool get_action(const struct reading *r, struct writ *writ)
{
	const char *action = json_string_value(json_object_get(r->json, "action"));

	writ->glob = json_is_true(json_object_get(r->json, "glob"));
	return (action != NULL && writ_action_parse(action, &writ->action)) ||
	       err_set(r->err, "action: must be one of clear, up, drain and down");
}

static bool get_times(const struct reading *r, struct writ *writ)
{
	const uint64_t max = INT64_MAX / 2;
	uint64_t over_ms;

	if (!get_number(r, "from_ms", max, &writ->from_ms) || !get_number(r, "until_ms", max, &writ->until_ms) ||
		!get_number(r, "over_ms", 86400000, &over_ms) || !get_number(r, "made_ms", max, &writ->made_ms))
		return false;
	if (json_object_get(r->json, "made_ms") == NULL)
		writ->made_ms = writ->from_ms;
	writ->over_ms = (uint32_t)over_ms;
	if (writ->made_ms == 0 || writ->until_ms == 0)
		return err_set(r->err, "made_ms, until_ms: must be there");
	if (writ->action != WRIT_CLEAR && writ->until_ms < writ->from_ms)
		return err_set(r->err, "until_ms: before from_ms");
	if (writ->until_ms > writ->made_ms + WRIT_LONGEST_MS)
		return err_set(
			r->err, "until_ms: an override lasts %u days at most", (unsigned)(WRIT_LONGEST_MS / 86400000));
	return writ->over_ms == 0 || writ->action == WRIT_DRAIN || err_set(r->err, "over_ms: goes with drain only");
}

static bool get_texts(const struct reading *r, struct writ *writ)
{
	if (!get_text(r, "who", false, WRIT_WHO_MAX, &writ->who) ||
		!get_text(r, "why", writ->action == WRIT_CLEAR, SIZE_MAX, &writ->why) ||
		!get_text(r, "origin", true, WRIT_LABEL_MAX, &writ->origin) ||
		!get_text(r, "host", true, WRIT_LABEL_MAX, &writ->host) ||
		!get_text(r, "drill", true, WRIT_LABEL_MAX, &writ->drill))
		return false;
	if (writ->drill[0] == '\0') {
		free(writ->drill);
		writ->drill = NULL;
	}
	return writ->why[0] != '\0' || writ->action == WRIT_CLEAR || err_set(r->err, "why: must say something");
}

struct writ *writ_parse(const json_t *json, struct err *err)
{
	const struct reading r = { json, err };
	struct writ *writ = mem_alloc(sizeof *writ);

	if (!json_is_object(json))
		err_set(err, "an override must be an object");
	else if (get_target(&r, writ) && get_action(&r, writ) && get_times(&r, writ) && get_texts(&r, writ))
		return writ;
	writ_free(writ);
	return NULL;
}

bool writ_can_travel(const struct writ *writ, struct err *err)
{
	return strlen(writ->why) <= WRIT_WHY_MAX ||
	       err_set(err, "%s: the reason has at most %d bytes where there is a fleet", writ->target, WRIT_WHY_MAX);
}

/* ---- order ---- */

static char *text_of(const struct writ *writ)
{
	json_t *json = writ_json(writ);
	char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);

	json_decref(json);
	return text;
}

/* Two that only their texts tell apart are made by no one host: it is for those who gave two hosts one name. */
static int compare_texts(const struct writ *a, const struct writ *b)
{
	char *x = text_of(a), *y = text_of(b);
	int order = strcmp(x, y);

	free(x);
	free(y);
	return order;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whoever asks what another lacks compares each with itself, mostly: that takes no JSON. */
static bool is_same(const struct writ *a, const struct writ *b)
{
	return a->action == b->action && a->glob == b->glob && a->from_ms == b->from_ms && a->until_ms == b->until_ms &&
	       a->over_ms == b->over_ms && is_same_text(a->target, b->target) && is_same_text(a->who, b->who) &&
	       is_same_text(a->why, b->why) && is_same_text(a->drill, b->drill);
}

int writ_compare(const struct writ *a, const struct writ *b)
{
	int order = (a->made_ms > b->made_ms) - (a->made_ms < b->made_ms);

	if (order == 0)
		order = strcmp(a->origin, b->origin);
	if (order == 0)
		order = strcmp(a->host, b->host);
	if (order != 0 || is_same(a, b))
		return order;
	return compare_texts(a, b);
}

uint64_t writ_hash(const struct writ *writ)
{
	char *text = text_of(writ);
	uint64_t hash = hash_bytes(0, text, strlen(text));

	free(text);
	return hash;
}

const char *writ_id(const struct writ *writ, char id[static WRIT_ID_MAX])
{
	snprintf(id, WRIT_ID_MAX, "%" PRIu64 ".%s.%s", writ->made_ms, writ->origin, writ->host);
	return id;
}

/* ---- time ---- */

bool writ_in_force(const struct writ *writ, uint64_t now_ms)
{
	return writ->action != WRIT_CLEAR && writ->until_ms > now_ms;
}

bool writ_is_kept(const struct writ *writ, uint64_t now_ms)
{
	uint64_t end_ms = writ->until_ms > writ->made_ms ? writ->until_ms : writ->made_ms;

	return now_ms < end_ms + WRIT_KEPT_MS;
}

bool writ_is_timely(const struct writ *writ, uint64_t now_ms, struct err *err)
{
	char ahead[32];

	if (writ->made_ms <= now_ms + WRIT_SKEW_MS)
		return true;
	return err_set(err,
		"%s: made %s in the future by this host's clock (origin %s, host %s): set the clocks right, it is "
		"taken "
		"then",
		writ->target, duration_format(writ->made_ms - now_ms, ahead), writ->origin, writ->host);
}
