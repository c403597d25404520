/* A turn: what was asked for goes into the outbox, that and what the bus brought into the inbox, what has ended out of it, all with one commit;
 * then to the caches, and to the bus. Whoever waits is answered after the commit, or as its event is flushed. */
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

enum { FETCH_MAX = 512, RECEIPT_MS = 100, IDLE_MS = 1000, ANEW_MS = 10000, PROBE_MS = 1000 };

/* An event is flushed here, or done. */
static void told(void *arg, const struct work_state *state)
{
	struct service *service = arg;

	service->receipts_due |= state->done;
	if (!state->flushed)
		return;
	if (strcmp(state->origin, service->conf->region) == 0)
		wait_note(service, service->conf->region, state);
	else
		service->bus_ops->state(service->bus, state->origin, state);
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
	if (store_commit(service->store, &service->log_why))
		return true;
	service->log_failures++;
	complain("log=not-written", &service->log_why);
	return false;
}

/* What has ended is told to the store, with whatever else is committed next, until that has it. */
static void write_ends(struct service *service)
{
	struct err err;

	if (!work_write(service->work, &err))
		complain("log=not-written", &err);
}

/* Whoever asked for what came in is answered by that. */
static bool commit_all(struct service *service)
{
	bool committed;

	write_ends(service);
	committed = commit(service);
	if (committed)
		work_written(service->work);
	wait_settle(service, committed, &service->log_why);
	return committed;
}

/* What came in, kept until the store has it. */
struct fresh {
	struct service *service;
	struct buf bytes;
	size_t *len;
	size_t n, cap, fetched;
	bool coarse;
};

/* One that cannot be read comes again, for a later version of this program, and its origin keeps it; one that speaks for another region
 * would raise that one's floor over what it never made: it is dropped. */
static enum bus_taken pass_over(struct service *service, const char *from, bool parked, const struct err *err)
{
	struct err why;

	err_set(&why, "from region %s: %s", from, err->text);
	complain(parked ? "event=parked" : "event=refused", &why);
	service->spoofed += !parked;
	return parked ? BUS_LEFT : BUS_TAKEN;
}

static enum bus_taken take_fetched(void *arg, const char *from, const char *bytes, size_t len)
{
	struct fresh *fresh = arg;
	struct arena *arena = arena_new();
	enum store_taken taken = STORE_FAILED;
	struct event event;
	struct err err = { .text = "" };
	bool parked = false, good = event_parse(bytes, len, true, arena, &event, &parked, &err);

	fresh->fetched++;
	if (good && strcmp(event.origin, from) != 0)
		good = err_set(&err, "it speaks for region %s", event.origin);
	if (good)
		taken = store_take(fresh->service->store, &event, bytes, len, &err);
	arena_free(arena);
	if (!good)
		return pass_over(fresh->service, from, parked, &err);
	switch (taken) {
	case STORE_FAILED:
		complain("event=not-taken", &err);
		return BUS_STOP;
	case STORE_DUPLICATE:
		fresh->service->duplicates++;
		return BUS_TAKEN;
	case STORE_EPOCH:
		fresh->coarse = true;
		break;
	case STORE_NEW:
		break;
	}
	buf_add(&fresh->bytes, bytes, len);
	fresh->len = mem_grow(fresh->len, fresh->n, &fresh->cap, sizeof *fresh->len);
	fresh->len[fresh->n++] = len;
	return BUS_TAKEN;
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
	committed = commit_all(service);
	more = committed && fresh.fetched >= FETCH_MAX;
	service->bus_ops->acknowledge(service->bus, committed);
	if (committed) {
		if (fresh.coarse) {
			service->coarse++;
			work_coarse(service->work, "a region began its log anew", now_ms);
		}
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
	commit_all(service);
}

/* A region has done what this log never made: it is an old copy, or began anew with the clock set back. What it makes now would be taken
 * for what is done already. Whoever says so wrongly makes us do it once in ten seconds at most. */
static void begin_anew(struct service *service, const char *region, uint32_t epoch)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct err err;

	if (epoch > UINT32_MAX - 2 || (service->anew_ms != 0 && now_ms < service->anew_ms + ANEW_MS))
		return;
	service->anew_ms = now_ms;
	if (!store_begin_anew(service->store, epoch, &err)) {
		complain("log=anew", &err);
		return;
	}
	service->anew++;
	log_warning("log=anew region=%s epoch=%u reason=\"it has done what this log never made\"", region,
		store_epoch(service->store));
}

static void hear_receipt(void *arg, const char *region, uint32_t epoch, uint64_t oseq, bool errors)
{
	struct service *service = arg;
	struct err err;

	if (store_is_ahead(service->store, epoch, oseq))
		begin_anew(service, region, epoch);
	else if (!store_receipt(service->store, region, epoch, oseq, errors, &err))
		complain("bus=receipt", &err);
	service->receipts_due = true; /* the outbox may forget more */
}

static void hear_state(void *arg, const char *region, const struct work_state *state)
{
	wait_note(arg, region, state);
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

static bool is_healthy(void *arg, struct err *err)
{
	struct service *service = arg;
	uint64_t now_ms = clock_monotonic_ms();

	/* not within a transaction: what is gathered is committed by whoever answers for it */
	if (!store_is_dirty(service->store) && now_ms >= service->probed_ms + PROBE_MS) {
		service->probed_ms = now_ms;
		service->log_good = store_probe(service->store, now_ms, &service->log_why);
	}
	return service->log_good ? true : err_set(err, "%s", service->log_why.text);
}

static bool open_http(struct service *service, struct err *err)
{
	const struct http_ops ops = { service, intake_http, metrics_print, is_healthy };

	if (service->conf->listen_port == 0)
		return true;
	service->http = http_open(service->conf, &ops, err);
	return service->http != NULL;
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

	service->log_good = true;
	service->signal_fd = service->event_fd = -1;
	service->began_ms = clock_wall_ms();
	service->bus_ops = service->conf->nservers > 0 ? &bus_nats : &bus_local;
	if (!open_signals(service, err) || !open_store(service, &fresh, err))
		return false;
	service->bus = service->bus_ops->open(service->conf, service->store, service->event_fd, err);
	if (service->bus == NULL)
		return false;
	service->work = work_new(service->conf, service->store, service->event_fd, told, service, err);
	if (service->work == NULL || !open_control(service, err) || !open_http(service, err))
		return false;
	service->errand = errand_new(service->conf, service->event_fd);
	log_notice("state=running region=%s bus=%s caches=%zu socket=%s epoch=%u", service->conf->region,
		service->bus_ops->name, service->conf->ncaches, service->conf->socket, store_epoch(service->store));
	if (store_coarse_due(service->store)) {
		service->coarse++;
		work_coarse(service->work,
			fresh ? "the log is new: what was to be dropped before is not known"
			      : "it was not finished before the last end",
			clock_monotonic_ms());
	}
	return store_inbox(service->store, resume, service, err);
}

static void end(struct service *service)
{
	if (service->work != NULL)
		(void)commit_all(service);
	wait_end(service);
	http_close(service->http);
	errand_free(service->errand);
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

static void take_requests(struct service *service, uint64_t now_ms)
{
	struct control_reply reply;
	uint64_t ticket;

	control_run(service->control, now_ms);
	if (service->http != NULL)
		http_run(service->http);
	if (errand_end(service->errand, &ticket, &reply))
		control_answer(service->control, ticket, &reply);
}

static void serve(struct service *service)
{
	struct pollfd polled[] = { { service->signal_fd, POLLIN, 0 }, { service->event_fd, POLLIN, 0 },
		{ control_fd(service->control), POLLIN, 0 },
		{ service->http != NULL ? http_fd(service->http) : -1, POLLIN, 0 } };
	const struct bus_ear ear = { service, hear_receipt, hear_state };
	uint64_t next_ms = 0, receipts_ms = 0;

	while (!service->stop) {
		uint64_t now_ms, http_ms = service->http != NULL ? http_left_ms(service->http) : UINT64_MAX;
		int left = left_ms(next_ms, clock_monotonic_ms());

		poll(polled, COUNT_OF(polled), http_ms < (uint64_t)left ? (int)http_ms : left);
		now_ms = clock_monotonic_ms();
		if (polled[0].revents != 0)
			service->stop = true;
		eventfd_read(service->event_fd, &(eventfd_t){ 0 });
		take_requests(service, now_ms);
		while (fetch(service))
			;
		if (service->http != NULL)
			http_run(service->http); /* what was answered */
		next_ms = service->bus_ops->publish(service->bus, now_ms);
		service->bus_ops->listen(service->bus, &ear);
		earlier(&next_ms, work_run(service->work, clock_monotonic_ms()));
		if ((service->receipts_due && now_ms >= receipts_ms + RECEIPT_MS) || now_ms >= receipts_ms + IDLE_MS) {
			service->receipts_due = false;
			commit_all(service); /* what has ended counts */
			give_receipts(service);
			receipts_ms = now_ms;
		}
		if (service->receipts_due)
			earlier(&next_ms, receipts_ms + RECEIPT_MS);
		earlier(&next_ms, wait_run(service, now_ms));
		if (store_is_dirty(service->store)) /* asked for since the commit */
			next_ms = 0;
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
