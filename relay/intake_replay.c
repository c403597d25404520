/* What is kept of an origin's events is read for whoever asks, and asked for once more by him: as new events of this region's log, which pass
 * the gate, the policy, the limits and the pacer as all do, and touch no floor of the origin. */
#include <stdlib.h>
#include <string.h>

#include "relay/bus_nats_replay.h"
#include "relay/service.h"

/* The last number of the origin that came here, and of which life of its log. */
static void last_of(const struct service *service, const char *origin, struct store_mark *mark)
{
	*mark = (struct store_mark){ .epoch = store_epoch(service->store), .oseq = store_committed(service->store) };
	if (strcmp(origin, service->conf->name) != 0)
		store_received(service->store, origin, mark);
}

static bool is_region(const struct service *service, const char *region, struct err *err)
{
	if (conf_region(service->conf, region) < service->conf->nregions)
		return true;
	return err_set(err, "region: %.60s: no such region (bus.regions in gslb.yaml has them)", region);
}

static bool is_relay(const struct service *service, const char *name, struct err *err)
{
	if (conf_relay(service->conf, name) < service->conf->nrelays)
		return true;
	return err_set(err, "origin: %.60s: no such host (bus.relays in gslb.yaml, or bus.regions, has them)", name);
}

static bool prepare(const struct service *service, const json_t *args, json_t *what, struct err *err)
{
	const char *origin = json_string_value(json_object_get(args, "origin")),
		   *region = json_string_value(json_object_get(args, "region"));
	json_int_t from = json_integer_value(json_object_get(args, "from")),
		   epoch = json_integer_value(json_object_get(args, "epoch")),
		   to = json_integer_value(json_object_get(args, "to"));
	struct store_mark last;

	if (service->conf->nservers == 0)
		return err_set(
			err, "without a bus nothing is kept that was done (gslbctl relay resync drops everything)");
	region = region != NULL ? region : service->conf->region;
	origin = origin != NULL ? origin : "";
	if (!is_relay(service, origin, err) || !is_region(service, region, err))
		return false;
	last_of(service, origin, &last);
	if (from < 1 || (uint64_t)from > last.oseq)
		return err_set(err, "from: the numbers of %s go from 1 to %llu, in this life %u of its log", origin,
			(unsigned long long)last.oseq, last.epoch);
	json_object_set_new(what, "origin", json_string(origin));
	json_object_set_new(what, "region", json_string(region));
	json_object_set_new(what, "from", json_integer(from));
	json_object_set_new(what, "epoch", json_integer(epoch > 0 ? epoch : (json_int_t)last.epoch));
	json_object_set_new(what, "to", json_integer(to > 0 ? to : (json_int_t)last.oseq));
	json_object_set_new(what, "before", json_integer(json_integer_value(json_object_get(args, "before"))));
	return true;
}

void intake_kept(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct service *service = context;
	json_t *what = json_object();
	struct err err;
	char *text;

	(void)peer;
	if (prepare(service, args, what, &err)) {
		text = json_dumps(what, JSON_COMPACT);
		if (errand_begin(service->errand, bus_nats_replay, text, ticket, &err))
			reply->defer = ticket;
		else
			intake_refuse(service, reply, &err);
		free(text);
	} else {
		intake_refuse(service, reply, &err);
	}
	json_decref(what);
}
