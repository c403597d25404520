/* What gslb-relay reads: the first byte says as what. An event that was read prints as one that is read again to the same bytes; whatever
 * passes the gate is canonical: it passes again, unchanged, and has none of the bytes that a control channel could trip over. */
#include <stdlib.h>
#include <string.h>

#include "base/writ_set.h"
#include "relay/check.h"
#include "relay/event.h"
#include "relay/policy.h"

#define NOW_MS UINT64_C(1764000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_event(const char *bytes, size_t len, bool stored)
{
	struct arena *arena = arena_new();
	struct buf once = { 0 }, twice = { 0 };
	struct event event, again;
	bool parked;

	if (event_parse(bytes, len, stored, arena, &event, &parked, NULL)) {
		if (!stored) {
			memcpy(event.origin, "eu", 3);
			event.epoch = 1;
			event.oseq = 1;
		}
		event_print(&event, &once);
		if (once.len <= EVENT_BYTES_MAX) {
			if (!event_parse(once.text, once.len, true, arena, &again, &parked, NULL))
				abort();
			event_print(&again, &twice);
			if (once.len != twice.len || memcmp(once.text, twice.text, once.len) != 0)
				abort();
		}
	}
	buf_fini(&once);
	buf_fini(&twice);
	arena_free(arena);
}

/* Whatever it says, it decides on an event of each kind. */
static void read_policy(const char *bytes, size_t len)
{
	static const char *const texts[EVENT_CLASSES] = { [EVENT_DNS] = "www.svc.example",
		[EVENT_KEY] = "cart:1",
		[EVENT_TAG] = "t",
		[EVENT_URL] = "http://h.example/",
		[EVENT_PREFIX] = "http://h.example/",
		[EVENT_ZONE] = "svc.example" };
	struct arena *arena = arena_new();
	const struct policy *policy = policy_parse("p", bytes, len, arena, NULL);

	for (unsigned i = 0; i < EVENT_CLASSES && policy != NULL; i++) {
		const struct event_item item = { .text = texts[i] };
		const struct event event = { .class = (enum event_class)i, .nitems = texts[i] != NULL, .items = &item };

		policy_allows(policy, POLICY_ACTOR, "shop", &event, NULL);
		policy_allows(policy, POLICY_REGION, "us", &event, NULL);
	}
	arena_free(arena);
}

/* A writ that was read is written as one that is read again as the same; and the set takes it or says why not. */
static void read_writ(const char *bytes, size_t len)
{
	json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL), *written;
	struct writ *writ = writ_parse(json, NULL), *again, *before = NULL;
	struct writ_set *set = writ_set_new();
	struct err err = { .text = "" };

	json_decref(json);
	if (writ != NULL) {
		written = writ_json(writ);
		again = writ_parse(written, &err);
		if (again == NULL || writ_compare(writ, again) != 0 || writ_hash(writ) != writ_hash(again))
			abort();
		json_decref(written);
		if (writ_set_merge(set, again, NOW_MS, &before, &err) == WRIT_TAKEN)
			again = NULL;
		else if (err.text[0] == '\0' && writ_is_kept(writ, NOW_MS))
			abort();
		writ_free(again);
	}
	writ_free(writ);
	writ_set_free(set);
}

static void pass_gate(bool (*check)(const char *, size_t, char *, struct err *), const char *text, size_t len)
{
	char once[CHECK_TEXT_MAX], twice[CHECK_TEXT_MAX];

	if (!check(text, len, once, NULL))
		return;
	if (!check(once, strlen(once), twice, NULL) || strcmp(once, twice) != 0)
		abort();
	for (const char *at = once; *at != '\0'; at++)
		if ((unsigned char)*at <= 0x20 || *at == 0x7f)
			abort();
	if (check == check_name && strpbrk(once, "'\"\\()$`;") != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;

	if (len == 0)
		return 0;
	switch (data[0]) {
	case 'n':
		pass_gate(check_name, text, len - 1);
		break;
	case 'k':
		pass_gate(check_key, text, len - 1);
		break;
	case 'g':
		pass_gate(check_tag, text, len - 1);
		break;
	case 'u':
		pass_gate(check_url, text, len - 1);
		break;
	case 'p':
		read_policy(text, len - 1);
		break;
	case 'w':
		read_writ(text, len - 1);
		break;
	case 's':
		read_event(text, len - 1, true);
		break;
	default:
		read_event(text, len - 1, false);
		break;
	}
	return 0;
}
