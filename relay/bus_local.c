/* No bus: the only relay is this one. Its outbox is what comes in, and its receipt goes straight into the store. */
#include <stdlib.h>
#include <string.h>

#include "relay/bus.h"

struct local {
	struct store *store;
	char name[EVENT_LABEL_MAX];
};

/* What was fetched is taken into the inbox while the outbox is being read: the bytes are copied first. */
struct batch {
	struct buf bytes;
	size_t *len;
	size_t n, cap;
};

static void *local_open(const struct relay_conf *conf, int event_fd, struct err *err)
{
	struct local *local = mem_alloc(sizeof *local);

	(void)event_fd;
	(void)err;
	memcpy(local->name, conf->name, sizeof local->name);
	return local;
}

static void local_begin(void *bus, struct store *store, void *from)
{
	struct local *local = bus;

	(void)from;
	local->store = store;
}

static void local_close(void *bus)
{
	free(bus);
}

static uint64_t local_publish(void *bus, uint64_t now_ms)
{
	(void)bus;
	(void)now_ms;
	return UINT64_MAX;
}

static bool add(void *arg, uint64_t oseq, const char *bytes, size_t len)
{
	struct batch *batch = arg;

	(void)oseq;
	buf_add(&batch->bytes, bytes, len);
	batch->len = mem_grow(batch->len, batch->n, &batch->cap, sizeof *batch->len);
	batch->len[batch->n++] = len;
	return true;
}

bool bus_own(struct store *store, const char *name, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct store_mark received;
	struct batch batch = { 0 };
	bool good;
	size_t at = 0;

	store_received(store, name, &received);
	if (received.epoch == store_epoch(store) && received.oseq >= store_last(store))
		return true;
	good = store_outbox(store, received.epoch == store_epoch(store) ? received.oseq : 0, max, add, &batch, err);
	for (size_t i = 0; good && i < batch.n; at += batch.len[i++])
		if (take(arg, name, batch.bytes.text + at, batch.len[i]) == BUS_STOP)
			break;
	buf_fini(&batch.bytes);
	free(batch.len);
	return good;
}

static bool local_fetch(void *bus, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct local *local = bus;

	return bus_own(local->store, local->name, max, take, arg, err);
}

static void local_acknowledge(void *bus, bool committed)
{
	(void)bus;
	(void)committed;
}

static bool local_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	struct local *local = bus;

	return store_receipt(local->store, local->name, done->epoch, done->oseq, errors, err);
}

static void local_state(void *bus, const char *origin, const struct work_state *state)
{
	(void)bus;
	(void)origin;
	(void)state;
}

static void local_say(void *bus, const char *node, enum state_kind kind, const void *bytes, size_t len)
{
	(void)bus;
	(void)node;
	(void)kind;
	(void)bytes;
	(void)len;
}

static void local_listen(void *bus, const struct bus_ear *ear)
{
	(void)bus;
	(void)ear;
}

static void local_status(void *bus, struct bus_status *status)
{
	(void)bus;
	*status = (struct bus_status){ .connected = true };
}

const struct bus_ops bus_local = {
	.name = "local",
	.open = local_open,
	.begin = local_begin,
	.close = local_close,
	.publish = local_publish,
	.fetch = local_fetch,
	.acknowledge = local_acknowledge,
	.receipt = local_receipt,
	.state = local_state,
	.say = local_say,
	.listen = local_listen,
	.status = local_status,
};
