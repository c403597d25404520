/* Every relay says the digest of what it has, every ten seconds and when it changed. One that has had another than ours for some seconds, in
 * which ours stood still, was away for longer than the bus keeps events, is new, or has lost its log: it is sent all that is known here, as
 * events for it alone, and again only when it has a receipt for these. It does the same, so that both end with the later one of each target. */
#include <stdio.h>
#include <string.h>

#include "base/state.h"
#include "relay/writs.h"

enum { DIFFERS_MS = 2000, PAUSE_MS = 10000, PAUSE_MAX_MS = 300000, SAY_APART_MS = 200 };

static struct writs_peer *find_peer(struct writs *writs, const char *region, const char *name)
{
	for (unsigned i = 0; i < CONF_RELAYS_MAX; i++) {
		struct writs_peer *peer = &writs->peer[i];

		if (peer->name[0] == '\0') {
			snprintf(peer->region, sizeof peer->region, "%s", region);
			snprintf(peer->name, sizeof peer->name, "%s", name);
		}
		if (strcmp(peer->name, name) == 0)
			return peer;
	}
	return NULL;
}

void writs_hear_digest(struct writs *writs, const char *region, const char *name, uint64_t digest, uint64_t now_ms)
{
	struct writs_peer *peer = strcmp(name, writs->name) != 0 ? find_peer(writs, region, name) : NULL;

	if (peer == NULL)
		return;
	peer->digest = digest;
	if (digest == writs_digest(writs)) {
		peer->differs_ms = peer->pause_ms = 0;
	} else if (peer->differs_ms == 0) {
		peer->differs_ms = now_ms;
		peer->next_ms = now_ms + DIFFERS_MS;
	}
}

static void repair(struct writs *writs, struct writs_peer *peer, uint64_t now_ms)
{
	struct err err;

	peer->pause_ms = peer->pause_ms == 0 ? PAUSE_MS : peer->pause_ms * 2;
	if (peer->pause_ms > PAUSE_MAX_MS)
		peer->pause_ms = PAUSE_MAX_MS;
	peer->next_ms = now_ms + peer->pause_ms;
	writs->repairs++;
	log_notice("overrides=sent relay=%s reason=\"it has others than this one\"", peer->name);
	if (!writs_offer_all(writs, peer->region, peer->name, &err))
		log_error("overrides=not-sent relay=%s reason=\"%s\"", peer->name, err.text);
	peer->offered = store_last(writs->store);
}

/* What was sent last is on its way yet, for as long as the relay is away. What the log did not take has numbers that were never made. */
static bool is_under_way(const struct writs *writs, const struct writs_peer *peer)
{
	return peer->offered <= store_last(writs->store) &&
	       peer->offered > store_receipt_of(writs->store, peer->name, NULL);
}

bool writs_repair(struct writs *writs, uint64_t now_ms, uint64_t *digest)
{
	*digest = writs_digest(writs);
	for (unsigned i = 0; i < CONF_RELAYS_MAX && writs->peer[i].name[0] != '\0'; i++) {
		struct writs_peer *peer = &writs->peer[i];

		if (peer->differs_ms == 0)
			continue;
		if (peer->digest == *digest)
			peer->differs_ms = peer->pause_ms = 0;
		else if (now_ms >= peer->next_ms && now_ms >= writs->changed_ms + DIFFERS_MS &&
			 !is_under_way(writs, peer))
			repair(writs, peer, now_ms);
	}
	if (writs->said_ms != 0 &&
		now_ms < writs->said_ms + (*digest != writs->said_digest ? SAY_APART_MS : STATE_FULL_MS))
		return false;
	writs->said_digest = *digest;
	writs->said_ms = now_ms;
	return true;
}
