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

#include "relay/conf_bus.h"

enum {
	IDLE_MS = 1000,
	PROBE_MS = 1000,
	/* Under load, what comes within this time of a commit is gathered for the next one: an fsync, a batch for the bus and one for each
	 * cache, and the threads that are woken for them, then serve several events. */
	GATHER_MS = 2,
};

/* An event is flushed here, or done. */
static void told(void *arg, const struct work_state *state)
{
	struct service *service = arg;

	service->exchange.receipts_due |= state->done;
	if (!state->flushed)
		return;
	if (strcmp(state->origin, service->conf->name) == 0)
		wait_note(service, service->conf->name, state);
	else if (state->asked)
		service->bus_ops->state(service->bus, state->origin, state);
}

/* Whoever asked for what came in is answered by that. */
static void settled(void *arg, bool committed, const struct err *why)
{
	const struct service *service = arg;

	audit_settle(service->audit, committed);
	wait_settle(arg, committed, why);
}

/* For the audit: who was refused, at each of the three doors. */
static void refused_by_bus(void *arg, const char *relay, const struct event *event, const char *reason)
{
	const struct service *service = arg;

	audit_refused(service->audit, &(struct audit_who){ relay, "bus" }, event, reason, clock_wall_ms());
}

static void refused_by_socket(void *arg, const struct control_peer *peer, const char *reason)
{
	struct service *service = arg;

	service->refused++;
	audit_refused(service->audit, &(struct audit_who){ peer->name, "socket" }, NULL, reason, clock_wall_ms());
}

static void refused_by_http(void *arg, const char *actor, const char *reason)
{
	struct service *service = arg;

	service->refused++;
	audit_refused(service->audit, &(struct audit_who){ actor, "http" }, NULL, reason, clock_wall_ms());
}

static void hear_state(void *arg, const char *relay, const struct work_state *state)
{
	wait_note(arg, relay, state);
}

static void hear_said(void *arg, const char *region, const char *node, const char *kind, const void *bytes, size_t len)
{
	struct service *service = arg;

	state_hear(service->state, region, node, kind, bytes, len, clock_monotonic_ms());
}

/* ---- starting ---- */

static bool open_store(struct service *service, bool *fresh, struct err *err)
{
	char *path = mem_printf("%s/relay.db", service->conf->state_directory);

	if (mkdir(service->conf->state_directory, 0750) != 0 && errno != EEXIST)
		err_set(err, "%s: %s", service->conf->state_directory, strerror(errno));
	else
		service->store = store_open(path, service->conf->name, clock_wall_ms(), fresh, err);
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
	if (service->control != NULL)
		control_on_refusal(service->control, refused_by_socket);
	return service->control != NULL;
}

static void say_state(void *arg, const char *node, enum state_kind kind, const void *bytes, size_t len)
{
	struct service *service = arg;

	service->bus_ops->say(service->bus, node, kind, bytes, len);
}

static void hear_hot(void *arg, const struct state_said *said)
{
	struct service *service = arg;

	heat_hear(service->heat, said->body, said->len, clock_monotonic_ms());
}

static bool open_state(struct service *service, struct err *err)
{
	const struct state_ops ops = { service, say_state };

	service->state = state_open(service->conf, &ops, err);
	if (service->state == NULL)
		return false;
	service->heat = heat_new(service->conf, clock_monotonic_ms());
	work_heat(service->work, service->heat);
	service->journal = journal_new();
	work_journal(service->work, service->journal);
	state_on(service->state, STATE_HOT, hear_hot, service);
	return true;
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
	if (!service->log_good)
		return err_set(err, "%s", service->log_why.text);
	return !intake_is_shut(
		service, NULL, false, err); /* so that who balances between gslb-relays goes to another one */
}

static bool open_http(struct service *service, struct err *err)
{
	const struct http_ops ops = { service, intake_http, refused_by_http, metrics_print, is_healthy };

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
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	service->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return service->signal_fd >= 0 && service->event_fd >= 0
		       ? true
		       : err_set(err, "signalfd, eventfd: %s", strerror(errno));
}

static bool start(struct service *service, const char *path, struct err *err)
{
	bool fresh = false;

	service->log_good = true;
	service->signal_fd = service->event_fd = -1;
	service->began_ms = clock_wall_ms();
	service->bus_ops = service->conf->nservers > 0 ? &bus_nats : &bus_local;
	if (!open_signals(service, err) || !open_store(service, &fresh, err))
		return false;
	service->audit = audit_new(service->conf->state_directory);
	service->bus = service->bus_ops->open(service->conf, service->event_fd, err);
	if (service->bus == NULL)
		return false;
	service->bus_ops->begin(service->bus, service->store, NULL);
	service->renew = renew_new(path, service->conf, service->event_fd);
	service->work = work_new(service->conf, service->store, service->event_fd, told, service, err);
	if (service->work == NULL || !open_control(service, err) || !open_state(service, err) ||
		!open_http(service, err))
		return false;
	service->writs = writs_new(
		service->store, service->conf->region, service->conf->name, service->began_ms, told, service, err);
	if (service->writs == NULL)
		return false;
	state_on(service->state, STATE_WRITS, intake_digest, service);
	service->exchange = (struct exchange){
		.conf = service->conf,
		.store = service->store,
		.bus_ops = service->bus_ops,
		.bus = service->bus,
		.work = service->work,
		.writs = service->writs,
		.settled = settled,
		.heard = hear_state,
		.said = hear_said,
		.refused = refused_by_bus,
		.arg = service,
	};
	service->exchange.wall_ms = clock_wall_ms();
	service->errand = errand_new(service->conf, service->event_fd);
	log_notice("state=running region=%s name=%s bus=%s caches=%zu socket=%s epoch=%u", service->conf->region,
		service->conf->name, service->bus_ops->name, service->conf->ncaches, service->conf->socket,
		store_epoch(service->store));
	return exchange_resume(&service->exchange, fresh, clock_monotonic_ms(), err);
}

static void end(struct service *service)
{
	if (service->exchange.work != NULL)
		(void)exchange_commit(&service->exchange);
	renew_end(service->renew);
	wait_end(service);
	http_close(service->http);
	errand_free(service->errand);
	work_free(service->work);
	writs_free(service->writs);
	state_close(service->state);
	heat_free(service->heat);
	journal_free(service->journal);
	control_close(service->control);
	if (service->bus != NULL)
		service->bus_ops->close(service->bus);
	bus_nats.end();
	store_close(service->store);
	audit_free(service->audit);
	renew_free(service->renew);
	if (service->event_fd >= 0)
		close(service->event_fd);
	if (service->signal_fd >= 0)
		close(service->signal_fd);
}

/* ---- another bus ---- */

void service_bus_status(const struct service *service, struct bus_status *status)
{
	uint64_t now_ms = clock_monotonic_ms(), alike_ms = state_totals(service->state).alike_ms;
	struct renew_status renew = renew_status(service->renew);
	char text[STRANGERS_TEXT_MAX];

	service->bus_ops->status(service->bus, status);
	if (strangers_look(&service->strangers, service->conf, now_ms, text) > 0)
		snprintf(status->trouble, sizeof status->trouble, "%s", text);
	else if (alike_ms != 0 && now_ms < alike_ms + STRANGERS_KEPT_MS)
		snprintf(status->trouble, sizeof status->trouble,
			"another host calls itself %s/%s: give each a server.identity of its own, and a bus.name",
			service->conf->region, service->conf->node);
	else if (status->trouble[0] == '\0')
		snprintf(status->trouble, sizeof status->trouble, "%s",
			renew.trouble[0] != '\0' ? renew.trouble : renew.ending);
}

/* What is counted by a relay's place in the list begins anew when that is another one. */
static void take_up(struct service *service, const struct relay_conf *from)
{
	struct relay_conf *conf = service->conf;

	conf->servers = from->servers;
	conf->nservers = from->nservers;
	conf->ca = from->ca;
	conf->cert = from->cert;
	conf->key = from->key;
	conf->sign = from->sign;
	if (conf_bus_same_fleet(conf, from))
		return;
	conf->regions = from->regions;
	conf->nregions = from->nregions;
	conf->relays = from->relays;
	conf->nrelays = from->nrelays;
	memset(service->exchange.gap, 0, sizeof service->exchange.gap);
	memset(service->exchange.told_gone, 0, sizeof service->exchange.told_gone);
	memset(service->applied, 0, sizeof service->applied);
	memset(&service->strangers, 0, sizeof service->strangers);
}

/* The new one is in service from now on. An errand reads the configuration in a thread of its own. */
static void renew_bus(struct service *service, uint64_t now_ms)
{
	const struct bus_ops *ops = service->bus_ops;
	void *bus = service->bus;
	struct bus_status status;
	struct renewed renewed;

	ops->status(bus, &status);
	if (errand_busy(service->errand) ||
		!renew_run(service->renew, status.ended, now_ms, service->exchange.wall_ms, &renewed))
		return;
	renewed.ops->begin(renewed.bus, service->store, renewed.ops == ops ? bus : NULL);
	service->bus_ops = service->exchange.bus_ops = renewed.ops;
	service->bus = service->exchange.bus = renewed.bus;
	take_up(service, renewed.conf);
	renew_retire(service->renew, ops, bus);
	log_notice("bus=%s state=renewed was=%s relays=%zu", renewed.ops->name, ops->name, service->conf->nrelays);
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

/* False: not yet. */
static bool take_in(struct service *service, uint64_t now_ms)
{
	if (now_ms < service->taken_ms + GATHER_MS && !service->urgent)
		return false;
	exchange_take(&service->exchange, now_ms);
	service->urgent = service->exchange.more;
	service->taken_ms = clock_monotonic_ms();
	return true;
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

static uint64_t run_state(struct service *service, uint64_t now_ms)
{
	struct bus_status bus;

	service->bus_ops->status(service->bus, &bus);
	state_bus(service->state, bus.connected && service->conf->nservers > 0);
	return state_run(service->state, now_ms);
}

static uint64_t run_heat(struct service *service, uint64_t now_ms)
{
	uint64_t next_ms = heat_run(service->heat, now_ms), say_ms = service->hot_said_ms + HEAT_SAY_MS;
	struct buf body = { 0 };

	if (now_ms < say_ms)
		return next_ms < say_ms ? next_ms : say_ms;
	heat_print(service->heat, &body, now_ms);
	if (body.len > 0)
		state_say(service->state, STATE_HOT, true, 0, 1, body.text, body.len, now_ms);
	buf_fini(&body);
	service->hot_said_ms = now_ms;
	return next_ms;
}

static void take_signals(struct service *service)
{
	struct signalfd_siginfo taken;

	while (read(service->signal_fd, &taken, sizeof taken) == sizeof taken) {
		if (taken.ssi_signo == SIGHUP)
			renew_reload(service->renew);
		else
			service->stop = true;
	}
}

static void serve(struct service *service)
{
	struct pollfd polled[] = { { service->signal_fd, POLLIN, 0 }, { service->event_fd, POLLIN, 0 },
		{ control_fd(service->control), POLLIN, 0 },
		{ service->http != NULL ? http_fd(service->http) : -1, POLLIN, 0 },
		{ state_fd(service->state), POLLIN, 0 } };
	uint64_t next_ms = 0;

	while (!service->stop) {
		uint64_t now_ms, http_ms = service->http != NULL ? http_left_ms(service->http) : UINT64_MAX;
		int left = left_ms(next_ms, clock_monotonic_ms());
		bool taken;

		poll(polled, COUNT_OF(polled), http_ms < (uint64_t)left ? (int)http_ms : left);
		now_ms = clock_monotonic_ms();
		take_signals(service);
		service->exchange.wall_ms = clock_wall_ms();
		service->exchange.doubled = strangers_have_our_name(&service->strangers, service->conf, now_ms);
		eventfd_read(service->event_fd, &(eventfd_t){ 0 });
		writs_clock(service->writs, clock_wall_ms());
		take_requests(service, now_ms);
		renew_bus(service, now_ms);
		taken = take_in(service, now_ms);
		if (service->http != NULL)
			http_run(service->http); /* what was answered */
		next_ms = exchange_give(&service->exchange, now_ms);
		earlier(&next_ms, intake_run(service, now_ms));
		earlier(&next_ms, run_heat(service, now_ms));
		earlier(&next_ms, run_state(service, now_ms));
		earlier(&next_ms, wait_run(service, now_ms));
		if (!taken || store_is_dirty(service->store)) /* asked for since then */
			earlier(&next_ms, service->taken_ms + GATHER_MS);
	}
}

bool service_run(const char *path, struct relay_conf *conf, struct err *err)
{
	struct service *service = mem_alloc(sizeof *service);
	bool good;

	service->conf = conf;
	good = start(service, path, err);
	if (good) {
		serve(service);
		log_notice("state=stopped");
	}
	end(service);
	free(service);
	return good;
}
