/* A gslbd asks with what it has in force, which acknowledges that; it is answered when there is more, and asks again. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/writs.h"

void writs_ask(struct writs *writs, const char *name, uint64_t life, uint64_t have, uint64_t ticket, uint64_t now_ms)
{
	struct writs_host *host = NULL, *oldest = &writs->host[0];

	for (unsigned i = 0; i < WRITS_HOSTS_MAX && host == NULL; i++) {
		if (strcmp(writs->host[i].name, name) == 0)
			host = &writs->host[i];
		if (writs->host[i].seen_ms < oldest->seen_ms)
			oldest = &writs->host[i];
	}
	if (host == NULL) {
		host = oldest;
		*host = (struct writs_host){ 0 };
		snprintf(host->name, sizeof host->name, "%s", name);
	}
	host->have = life == writs->life ? have : 0;
	host->seen_ms = now_ms;
	host->ticket = ticket;
	host->until_ms =
		life == writs->life ? now_ms + WRITS_POLL_MS : now_ms; /* which life this is, it hears at once */
}

/* ---- answers ---- */

/* What changed behind `have`, as much as one answer holds; *upto: what who takes it has then. */
static json_t *changes_behind(const struct writs *writs, uint64_t have, uint64_t *upto)
{
	json_t *list = json_array();

	*upto = writs->version;
	for (size_t i = 0; i < writs->nchanges; i++) {
		const struct writs_change *change = &writs->changes[i];
		const struct writ *writ = change->version > have ? writ_set_find(writs->set, change->target) : NULL;

		if (writ == NULL)
			continue;
		if (json_array_size(list) == WRITS_BATCH) {
			*upto = change->version - 1;
			break;
		}
		json_array_append_new(list, writ_json(writ));
	}
	return list;
}

static void answer(struct writs *writs, struct writs_host *host, struct control *control)
{
	struct control_reply reply = { 0 };
	uint64_t upto;
	json_t *list = changes_behind(writs, host->have, &upto);

	reply.result = json_pack("{s:I,s:I,s:I,s:o}", "life", (json_int_t)writs->life, "upto", (json_int_t)upto, "last",
		(json_int_t)writs->version, "writs", list);
	control_answer(control, host->ticket, &reply);
	host->ticket = 0;
}

/* What is told is in the log. */
static bool is_settled(const struct writs *writs)
{
	return writs->nhanded == 0 || writs->handed[writs->nhanded - 1].committed;
}

/* ---- in force ---- */

/* Have all gslbds that are here this version? With none here nobody has. */
static bool is_in_force(const struct writs *writs, uint64_t version, uint64_t now_ms, unsigned *hosts)
{
	*hosts = 0;
	for (unsigned i = 0; i < WRITS_HOSTS_MAX; i++) {
		const struct writs_host *host = &writs->host[i];

		if (host->name[0] == '\0' || (host->ticket == 0 && now_ms > host->seen_ms + WRITS_PRESENT_MS))
			continue;
		if (host->have < version)
			return false;
		(*hosts)++;
	}
	return *hosts > 0;
}

static void tell(struct writs *writs, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < writs->nhanded; i++) {
		const struct writs_handed *handed = &writs->handed[i];
		struct work_state state = {
			.flushed = true, .done = true, .errors = handed->errors, .asked = handed->asked
		};

		if (!is_in_force(writs, handed->version, now_ms, &state.targets)) {
			if (kept != i)
				writs->handed[kept] = *handed;
			kept++;
			continue;
		}
		memcpy(state.id, handed->id, sizeof state.id);
		memcpy(state.origin, handed->origin, sizeof state.origin);
		state.took_ms = (uint32_t)(now_ms - handed->began_ms);
		writs->told(writs->arg, &state);
	}
	writs->nhanded = kept;
}

uint64_t writs_run(struct writs *writs, struct control *control, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	assert(is_settled(writs));
	for (unsigned i = 0; i < WRITS_HOSTS_MAX; i++) {
		struct writs_host *host = &writs->host[i];

		if (host->ticket == 0)
			continue;
		if (!control_waits(control, host->ticket))
			host->ticket = 0;
		else if (host->have < writs->version || now_ms >= host->until_ms)
			answer(writs, host, control);
		else if (host->until_ms < next_ms)
			next_ms = host->until_ms;
	}
	tell(writs, now_ms);
	return next_ms;
}

/* ---- looking ---- */

json_t *writs_status(struct writs *writs, uint64_t now_ms)
{
	char digest[17];
	const struct writ *const *all;
	json_t *hosts = json_array();

	snprintf(digest, sizeof digest, "%016llx", (unsigned long long)writs_digest(writs));
	for (unsigned i = 0; i < WRITS_HOSTS_MAX; i++) {
		const struct writs_host *host = &writs->host[i];

		if (host->name[0] != '\0')
			json_array_append_new(hosts, json_pack("{s:s,s:I,s:I}", "host", host->name, "behind",
							     (json_int_t)(writs->version - host->have), "heard_s",
							     (json_int_t)((now_ms - host->seen_ms) / 1000)));
	}
	return json_pack("{s:s,s:I,s:I,s:I,s:o,s:I}", "digest", digest, "writs",
		(json_int_t)writ_set_get(writs->set, &all), "refused", (json_int_t)writs->refused, "repairs",
		(json_int_t)writs->repairs, "hosts", hosts, "waiting", (json_int_t)writs->nhanded);
}
