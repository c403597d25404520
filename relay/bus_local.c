/* No bus: the only region is this one. Its outbox is what comes in, and its receipt goes straight into the store. */
#include <stdlib.h>
#include <string.h>

#include "relay/bus.h"

struct local {
	struct store *store;
	char region[EVENT_LABEL_MAX];
};

/* What was fetched is taken into the inbox while the outbox is being read: the bytes are copied first. */
struct batch {
	struct buf bytes;
	size_t *len;
	size_t n, cap;
};

static void *local_open(struct store *store, const char *region, int event_fd, struct err *err)
{
	struct local *local = mem_alloc(sizeof *local);

	(void)event_fd;
	(void)err;
	local->store = store;
	memcpy(local->region, region, strlen(region) + 1);
	return local;
}

static void local_close(void *bus)
{
	free(bus);
}

static bool local_publish(void *bus, uint64_t after, struct err *err)
{
	(void)bus;
	(void)after;
	(void)err;
	return true;
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

static bool local_fetch(
	void *bus, size_t max, bool (*take)(void *arg, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct local *local = bus;
	struct store_mark received, done;
	struct batch batch = { 0 };
	bool errors, good;
	size_t at = 0;

	store_floors(local->store, local->region, &received, &done, &errors);
	good = store_outbox(
		local->store, received.epoch == store_epoch(local->store) ? received.oseq : 0, max, add, &batch, err);
	for (size_t i = 0; good && i < batch.n && take(arg, batch.bytes.text + at, batch.len[i]); i++)
		at += batch.len[i];
	buf_fini(&batch.bytes);
	free(batch.len);
	return good;
}

static bool local_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	struct local *local = bus;

	return store_receipt(local->store, local->region, done->epoch, done->oseq, errors, err);
}

const struct bus_ops bus_local = {
	.name = "local",
	.open = local_open,
	.close = local_close,
	.publish = local_publish,
	.fetch = local_fetch,
	.receipt = local_receipt,
};
