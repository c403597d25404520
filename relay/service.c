/* A turn: requests are taken in and committed together; what the log has then goes to the bus, what the bus has to the inbox, and with a
 * second commit to the caches. Whoever waits is answered as its event is flushed. */
#include "relay/service.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FETCH_MAX = 512, RECEIPT_MS = 100, IDLE_MS = 1000 };

/* ---- who waits ---- */

static json_t *expected(const struct service *service, const struct event *event)
{
	json_t *regions = json_object();

	for (size_t i = 0; i < service->conf->nregions; i++)
		if (event_is_for(event, service->conf->regions[i]))
			json_object_set_new(regions, service->conf->regions[i], json_pack("{s:s}", "state", "pending"));
	return regions;
}

void service_wait(struct service *service, uint64_t ticket, const struct event *event, uint64_t wait_ms)
{
	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];
		uint64_t now_ms = clock_monotonic_ms();

		if (waiter->ticket != 0)
			continue;
		*waiter = (struct waiter){ .ticket = ticket, .began_ms = now_ms, .until_ms = now_ms + wait_ms };
		waiter->regions = expected(service, event);
		waiter->missing = json_object_size(waiter->regions);
		event_id(event, waiter->id);
		return;
	}
}

static void answer(struct service *service, struct waiter *waiter)
{
	struct control_reply reply = { .exit = waiter->missing > 0 || waiter->errors ? 3 : 0 };

	reply.result = json_pack("{s:s,s:o,s:I}", "id", waiter->id, "regions", waiter->regions, "took_ms",
		(json_int_t)(clock_monotonic_ms() - waiter->began_ms));
	control_answer(service->control, waiter->ticket, &reply);
	waiter->ticket = 0;
}

static void note(struct service *service, const char *region, const struct work_state *state)
{
	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];
		json_t *known = waiter->ticket != 0 ? json_object_get(waiter->regions, region) : NULL;

		if (known == NULL || strcmp(waiter->id, state->id) != 0)
			continue;
		waiter->missing -= json_object_get(known, "took_ms") == NULL;
		waiter->errors = waiter->errors || state->errors;
		json_object_set_new(waiter->regions, region,
			json_pack("{s:s,s:I,s:I}", "state",
				state->errors ? "failed"
				: state->done ? "done"
					      : "flushed",
				"took_ms", (json_int_t)state->took_ms, "caches", (json_int_t)state->targets));
		if (waiter->missing == 0)
			answer(service, waiter);
	}
}

/* An event is flushed here, or done. */
static void told(void *arg, const struct work_state *state)
{
	struct service *service = arg;

	service->receipts_due |= state->done;
	if (!state->flushed)
		return;
	if (strcmp(state->origin, service->conf->region) == 0)
		note(service, service->conf->region, state);
	else
		service->bus_ops->state(service->bus, state->origin, state);
}

static uint64_t end_waits(struct service *service, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX;

	for (unsigned i = 0; i < SERVICE_WAITERS_MAX; i++) {
		struct waiter *waiter = &service->waiter[i];

		if (waiter->ticket == 0)
			continue;
		if (waiter->until_ms <= now_ms)
			answer(service, waiter);
		else if (waiter->until_ms < next_ms)
			next_ms = waiter->until_ms;
	}
	return next_ms;
}

/* ---- the ways of an event ---- */

static void complain(const char *what, const struct err *err)
{
	static struct log_limit limit;
	unsigned held;

	if (log_allowed(&limit, clock_monotonic_ms(), &held))
		log_error("%s error=\"%s\" held=%u", what, err->text, held);
}

static bool commit(struct service *service)
{
	struct err err;

	if (store_commit(service->store, &err))
		return true;
	complain("log=not-written", &err);
	return false;
}

/* What came in, kept until the store has it. */
struct fresh {
	struct service *service;
	struct buf bytes;
	size_t *len;
	size_t n, cap;
	bool coarse;
};

static bool take_fetched(void *arg, const char *bytes, size_t len)
{
	struct fresh *fresh = arg;
	struct arena *arena = arena_new();
	enum store_taken taken = STORE_FAILED;
	struct event event;
	struct err err = { .text = "" };
	bool parked;

	if (event_parse(bytes, len, true, arena, &event, &parked, &err))
		taken = store_take(fresh->service->store, &event, bytes, len, &err);
	arena_free(arena);
	if (taken == STORE_FAILED)
		complain("event=not-taken", &err);
	fresh->coarse |= taken == STORE_EPOCH;
	if (taken != STORE_NEW && taken != STORE_EPOCH)
		return taken != STORE_FAILED;
	buf_add(&fresh->bytes, bytes, len);
	fresh->len = mem_grow(fresh->len, fresh->n, &fresh->cap, sizeof *fresh->len);
	fresh->len[fresh->n++] = len;
	return true;
}

/* Returns whether there may be more. */
static bool fetch(struct service *service)
{
	struct fresh fresh = { .service = service };
	uint64_t now_ms = clock_monotonic_ms();
	struct err err;
	bool more, committed;
	size_t at = 0;

	if (!service->bus_ops->fetch(service->bus, FETCH_MAX, take_fetched, &fresh, &err))
		complain("bus=fetch", &err);
	more = fresh.n == FETCH_MAX;
	committed = commit(service);
	service->bus_ops->acknowledge(service->bus, committed);
	if (committed) {
		if (fresh.coarse)
			work_coarse(service->work, "a region began its log anew", now_ms);
		for (size_t i = 0; i < fresh.n; at += fresh.len[i++])
			work_begin(service->work, fresh.bytes.text + at, fresh.len[i], now_ms);
	}
	buf_fini(&fresh.bytes);
	free(fresh.len);
	return more;
}

/* What is done here, told to whoever made it; then the outbox forgets what all regions have done. */
static void give_receipts(struct service *service)
{
	const struct relay_conf *conf = service->conf;
	struct store_mark received, done;
	struct err err;
	bool errors;

	for (size_t i = 0; i < conf->nregions; i++) {
		store_floors(service->store, conf->regions[i], &received, &done, &errors);
		if (done.oseq > 0 && !service->bus_ops->receipt(service->bus, &done, errors, &err))
			complain("bus=receipt", &err);
	}
	if (!store_trim(service->store, conf->regions, conf->nregions, &err))
		complain("log=trim", &err);
	commit(service);
}

static void hear_receipt(void *arg, const char *region, uint32_t epoch, uint64_t oseq, bool errors)
{
	struct service *service = arg;
	struct err err;

	if (!store_receipt(service->store, region, epoch, oseq, errors, &err))
		complain("bus=receipt", &err);
	service->receipts_due = true; /* the outbox may forget more */
}

static void hear_state(void *arg, const char *region, const struct work_state *state)
{
	note(arg, region, state);
}

/* ---- starting ---- */

static bool resume(void *arg, const char *bytes, size_t len)
{
	struct service *service = arg;

	work_begin(service->work, bytes, len, clock_monotonic_ms());
	return true;
}

static bool open_store(struct service *service, bool *fresh, struct err *err)
{
	char *path = mem_printf("%s/relay.db", service->conf->state_directory);

	if (mkdir(service->conf->state_directory, 0750) != 0 && errno != EEXIST)
		err_set(err, "%s: %s", service->conf->state_directory, strerror(errno));
	else
		service->store = store_open(path, service->conf->region, clock_wall_ms(), fresh, err);
	free(path);
	return service->store != NULL;
}

static bool open_control(struct service *service, struct err *err)
{
	const char *name = service->conf->group;
	struct group *group = name[0] != '\0' ? getgrnam(name) : NULL;

	if (name[0] != '\0' && group == NULL)
		return err_set(err, "relay.group: %s: no such group (make it: addgroup --system %s)", name, name);
	service->control = control_open(service->conf->socket, group != NULL ? group->gr_gid : (gid_t)-1, (gid_t)-1,
		intake_commands, service, err);
	return service->control != NULL;
}

static bool open_signals(struct service *service, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	service->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return service->signal_fd >= 0 && service->event_fd >= 0
		       ? true
		       : err_set(err, "signalfd, eventfd: %s", strerror(errno));
}

static bool start(struct service *service, struct err *err)
{
	bool fresh = false;

	service->signal_fd = service->event_fd = -1;
	service->began_ms = clock_wall_ms();
	service->bus_ops = service->conf->nservers > 0 ? &bus_nats : &bus_local;
	if (!open_signals(service, err) || !open_store(service, &fresh, err))
		return false;
	service->bus = service->bus_ops->open(service->conf, service->store, service->event_fd, err);
	if (service->bus == NULL)
		return false;
	service->work = work_new(service->conf, service->store, service->event_fd, told, service, err);
	if (service->work == NULL || !open_control(service, err))
		return false;
	log_notice("state=running region=%s bus=%s caches=%zu socket=%s epoch=%u", service->conf->region,
		service->bus_ops->name, service->conf->ncaches, service->conf->socket, store_epoch(service->store));
	if (fresh)
		work_coarse(service->work, "the log is new: what was to be dropped before is not known",
			clock_monotonic_ms());
	return store_inbox(service->store, resume, service, err);
}

static void end(struct service *service)
{
	work_free(service->work);
	control_close(service->control);
	if (service->bus != NULL)
		service->bus_ops->close(service->bus);
	store_close(service->store);
	if (service->event_fd >= 0)
		close(service->event_fd);
	if (service->signal_fd >= 0)
		close(service->signal_fd);
}

/* ---- the loop ---- */

static int left_ms(uint64_t next_ms, uint64_t now_ms)
{
	if (next_ms <= now_ms)
		return 0;
	return next_ms - now_ms < IDLE_MS ? (int)(next_ms - now_ms) : IDLE_MS;
}

static void earlier(uint64_t *next_ms, uint64_t then_ms)
{
	if (then_ms < *next_ms)
		*next_ms = then_ms;
}

static void serve(struct service *service)
{
	struct pollfd polled[] = { { service->signal_fd, POLLIN, 0 }, { service->event_fd, POLLIN, 0 },
		{ control_fd(service->control), POLLIN, 0 } };
	const struct bus_ear ear = { service, hear_receipt, hear_state };
	uint64_t next_ms = 0, receipts_ms = 0;

	while (!service->stop) {
		uint64_t now_ms;

		poll(polled, COUNT_OF(polled), left_ms(next_ms, clock_monotonic_ms()));
		now_ms = clock_monotonic_ms();
		if (polled[0].revents != 0)
			service->stop = true;
		eventfd_read(service->event_fd, &(eventfd_t){ 0 });
		control_run(service->control, now_ms);
		commit(service);
		next_ms = service->bus_ops->publish(service->bus, now_ms);
		while (fetch(service))
			;
		service->bus_ops->listen(service->bus, &ear);
		earlier(&next_ms, work_run(service->work, clock_monotonic_ms()));
		commit(service);
		if ((service->receipts_due && now_ms >= receipts_ms + RECEIPT_MS) || now_ms >= receipts_ms + IDLE_MS) {
			service->receipts_due = false;
			give_receipts(service);
			receipts_ms = now_ms;
		}
		if (service->receipts_due)
			earlier(&next_ms, receipts_ms + RECEIPT_MS);
		earlier(&next_ms, end_waits(service, now_ms));
	}
}

bool service_run(struct relay_conf *conf, struct err *err)
{
	struct service *service = mem_alloc(sizeof *service);
	bool good;

	service->conf = conf;
	good = start(service, err);
	if (good) {
		serve(service);
		log_notice("state=stopped");
	}
	end(service);
	free(service);
	return good;
}
