/* How far the relays are with what this one made, as the socket says it. */
#include "relay/service.h"

struct listing {
	struct service *service;
	uint64_t last;
	json_t *rows;
};

/* The row, which stays the list's. */
static json_t *add_row(const struct listing *listing, const char *relay, uint64_t receipt)
{
	json_t *row = json_pack("{s:s,s:I,s:I,s:f}", "region", relay, "receipt", (json_int_t)receipt, "behind",
		(json_int_t)(listing->last > receipt ? listing->last - receipt : 0), "behind_s",
		metrics_lag_s(listing->service, relay, clock_wall_ms()));

	json_array_append_new(listing->rows, row);
	return row;
}

/* And here of theirs. */
static void add_relay(const struct listing *listing, const char *relay, uint64_t receipt)
{
	json_t *row = add_row(listing, relay, receipt);
	struct store_mark received, done;
	bool errors;

	store_floors(listing->service->store, relay, &received, &done, &errors);
	json_object_set_new(row, "received", json_integer((json_int_t)received.oseq));
	json_object_set_new(row, "done", json_integer((json_int_t)done.oseq));
	json_object_set_new(row, "epoch", json_integer((json_int_t)received.epoch));
}

static void add_unlisted(void *arg, const char *relay, uint64_t receipt)
{
	const struct listing *listing = arg;
	const struct relay_conf *conf = listing->service->conf;

	if (receipt < listing->last && conf_relay(conf, relay) == conf->nrelays)
		json_object_set_new(add_row(listing, relay, receipt), "unlisted", json_true());
}

json_t *intake_lag(struct service *service, uint64_t last, bool behind)
{
	const struct relay_conf *conf = service->conf;
	struct listing listing = { service, last, json_array() };

	for (size_t i = 0; i < conf->nrelays; i++) {
		uint64_t receipt = store_receipt_of(service->store, conf->relays[i].name, NULL);

		if (!behind || receipt < last)
			add_relay(&listing, conf->relays[i].name, receipt);
	}
	store_receipts(service->store, add_unlisted, &listing);
	return listing.rows;
}

void intake_lag_command(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	uint64_t rows, oldest_ms, last;

	(void)args;
	(void)peer;
	(void)ticket;
	store_outbox_left(service->store, &rows, &oldest_ms, &last);
	reply->result = json_pack("{s:o}", "lag", intake_lag(service, last, false));
}
