/* Whatever is taken from the bus is acknowledged after the commit, and begun after it, too: a crash before means that it comes again. */
#include "relay/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_MAX = 512, FETCHES_MAX = 64 }; /* events; times a turn */
enum { RECEIPT_MS = 100, IDLE_MS = 1000, ANEW_MS = 10000, ANEW_DOUBLED_MS = 600000 };
enum { KEPT_MAX = 1000000 }; /* events, for regions that are away */

static void complain(const char *what, const struct err *err)
{
	static struct log_limit limit;
	unsigned held;

	if (log_allowed(&limit, clock_monotonic_ms(), &held))
		log_error("%s error=\"%s\" held=%u", what, err->text, held);
}

/* ---- the log ---- */

static bool commit(struct exchange *exchange)
{
	if (store_commit(exchange->store, &exchange->log_why))
		return true;
	memset(exchange->told_gone, 0, sizeof exchange->told_gone); /* what told them is gone, too */
	exchange->log_failures++;
	complain("log=not-written", &exchange->log_why);
	return false;
}

/* What was gathered is in the log, or is not: whoever asked is answered by that. */
static bool settle(struct exchange *exchange)
{
	bool committed = commit(exchange);

	if (exchange->writs != NULL)
		writs_settle(exchange->writs, committed);
	exchange->settled(exchange->arg, committed, &exchange->log_why);
	return committed;
}

/* What has ended is told to the store until that has it. Not with every commit: a hundred ends at a time touch the pages that one does, and
 * an end that is lost means that something is done twice. */
bool exchange_commit(struct exchange *exchange)
{
	struct err err;
	bool committed;

	if (!work_write(exchange->work, &err))
		complain("log=not-written", &err);
	committed = settle(exchange);
	if (committed)
		work_written(exchange->work);
	return committed;
}

/* ---- in ---- */

/* What came in, kept until the store has it. */
struct fresh {
	struct exchange *exchange;
	struct arena *arena; /* the events' */
	struct event *events;
	size_t n, cap, fetched, taken;
	const char *coarse; /* why everything is to be dropped; NULL: it is not */
};

/* An origin does not keep any more what we missed: what follows is that everything is dropped, and its numbers go on there. */
static bool jump(struct fresh *fresh, const struct event *event, struct err *err)
{
	const struct exchange *exchange = fresh->exchange;
	struct store_mark received, mark = { .epoch = event->epoch, .oseq = event->jump };

	if (event->jump == 0 || event->class != EVENT_ALL)
		return true;
	store_received(exchange->store, event->origin, &received);
	if (event->jump >= event->oseq || !event_is_for(event, exchange->conf->region, exchange->conf->name) ||
		received.epoch != event->epoch || received.oseq >= event->jump)
		return true;
	snprintf(mark.origin, sizeof mark.origin, "%s", event->origin);
	log_warning("relay=%s received=%llu jump=%llu: it does not keep what is between: everything is dropped",
		event->origin, (unsigned long long)received.oseq, (unsigned long long)event->jump);
	fresh->coarse = "another relay does not keep any more what was missed";
	return store_jump(exchange->store, &mark, err);
}

/* One that cannot be read comes again, for a later version of this program, and its origin keeps it; one that speaks for another relay
 * would raise that one's floor over what it never made: it is dropped. */
static enum bus_taken pass_over(struct exchange *exchange, const char *from, bool parked, const struct err *err)
{
	struct err why;

	err_set(&why, "from %s: %s", from, err->text);
	complain(parked ? "event=parked" : "event=refused", &why);
	exchange->spoofed += !parked;
	if (!parked && exchange->refused != NULL)
		exchange->refused(exchange->arg, from, NULL, err->text);
	return parked ? BUS_LEFT : BUS_TAKEN;
}

/* It comes again when the mistake may be in our own secrets, and is on record once. */
static enum bus_taken doubt(
	struct exchange *exchange, const char *from, const char *bytes, size_t len, const struct err *err)
{
	bool first, left = doubts_leave(&exchange->doubts, bytes, len, exchange->now_ms, &first);

	if (first)
		pass_over(exchange, from, false, err);
	return left ? BUS_LEFT : BUS_TAKEN;
}

/* Overrides are merged in the transaction that takes them in: for the log they are done. Also those that the log has passed: one that comes
 * behind a later first one counts as had there, and merging twice is no harm. */
static enum store_taken take_overrides(
	struct exchange *exchange, const struct event *event, enum store_taken taken, struct err *err)
{
	struct store_mark mark = { .epoch = event->epoch, .oseq = event->oseq };

	snprintf(mark.origin, sizeof mark.origin, "%s", event->origin);
	exchange->receipts_due = true;
	if (!writs_take(exchange->writs, event, exchange->now_ms, err))
		return STORE_FAILED;
	return taken == STORE_DUPLICATE || store_done(exchange->store, &mark, false, err) ? taken : STORE_FAILED;
}

/* It is done with errors, so that its origin knows, and no cache hears of it. */
static bool forbid(struct exchange *exchange, const struct event *event, const struct err *why, struct err *err)
{
	struct store_mark mark = { .epoch = event->epoch, .oseq = event->oseq };

	snprintf(mark.origin, sizeof mark.origin, "%s", event->origin);
	complain("event=refused", why);
	exchange->forbidden++;
	exchange->receipts_due = true;
	if (exchange->refused != NULL)
		exchange->refused(exchange->arg, event->origin, event, why->text);
	return store_done(exchange->store, &mark, true, err);
}

/* What another region asks for must be allowed here, too; it asked its own policy only. Overrides drop nothing. */
static bool is_allowed(const struct exchange *exchange, const struct event *event, struct err *why)
{
	const struct relay_conf *conf = exchange->conf;
	size_t i = conf_relay(conf, event->origin);
	const char *region = i < conf->nrelays ? conf->relays[i].region : event->origin;

	return (event->jump != 0 && event->class == EVENT_ALL) || event->class == EVENT_OVERRIDE ||
	       !event_is_for(event, conf->region, conf->name) || strcmp(region, conf->region) == 0 ||
	       policy_allows(conf->policy, POLICY_REGION, region, event, why);
}

/* Our own come from the log. */
static bool is_genuine(const struct relay_conf *conf, const char *from, const char *bytes, size_t len, struct err *err)
{
	return conf->sign == NULL || strcmp(from, conf->name) == 0 || sign_check(conf->sign, from, bytes, len, err);
}

static enum bus_taken take_fetched(void *arg, const char *from, const char *bytes, size_t len)
{
	struct fresh *fresh = arg;
	enum store_taken taken = STORE_FAILED;
	struct event event;
	struct err err = { .text = "" }, why;
	bool parked = false, good = event_parse(bytes, len, true, fresh->arena, &event, &parked, &err), allowed = true;
	bool ours = good && event.class == EVENT_OVERRIDE && fresh->exchange->writs != NULL;

	fresh->fetched++;
	if (good && strcmp(event.origin, from) != 0)
		good = err_set(&err, "it speaks for %s", event.origin);
	if (!good)
		return pass_over(fresh->exchange, from, parked, &err);
	if (!is_genuine(fresh->exchange->conf, from, bytes, len, &err))
		return doubt(fresh->exchange, from, bytes, len, &err);
	fresh->taken++;
	if (jump(fresh, &event, &err))
		taken = store_take(fresh->exchange->store, &event, bytes, len, &err);
	if (ours && taken != STORE_FAILED)
		taken = take_overrides(fresh->exchange, &event, taken, &err);
	if (taken == STORE_NEW || taken == STORE_EPOCH)
		allowed = is_allowed(fresh->exchange, &event, &why);
	if (!allowed && !forbid(fresh->exchange, &event, &why, &err))
		taken = STORE_FAILED;
	switch (taken) {
	case STORE_FAILED:
		complain("event=not-taken", &err);
		return BUS_STOP;
	case STORE_DUPLICATE:
		fresh->exchange->duplicates++;
		return BUS_TAKEN;
	case STORE_EPOCH:
		fresh->coarse = "another relay began its log anew";
		break;
	case STORE_NEW:
		break;
	}
	if (ours || !allowed)
		return BUS_TAKEN;
	fresh->events = mem_grow(fresh->events, fresh->n, &fresh->cap, sizeof *fresh->events);
	fresh->events[fresh->n++] = event;
	return BUS_TAKEN;
}

/* Returns whether there may be more: not when none of many could be read, since ours come again at once. */
static bool fetch(struct exchange *exchange)
{
	struct fresh fresh = { .exchange = exchange, .arena = arena_new() };
	struct err err;
	bool more, committed;

	if (!exchange->bus_ops->fetch(exchange->bus, FETCH_MAX, take_fetched, &fresh, &err))
		complain("bus=fetch", &err);
	committed = settle(exchange);
	more = committed && fresh.fetched >= FETCH_MAX && fresh.taken > 0;
	exchange->bus_ops->acknowledge(exchange->bus, committed);
	if (committed && fresh.coarse != NULL) {
		exchange->coarse++;
		work_coarse(exchange->work, fresh.coarse, exchange->now_ms);
	}
	for (size_t i = 0; committed && i < fresh.n; i++)
		work_begin(exchange->work, &fresh.events[i], exchange->now_ms);
	arena_free(fresh.arena);
	free(fresh.events);
	return more;
}

void exchange_take(struct exchange *exchange, uint64_t now_ms)
{
	exchange->now_ms = now_ms;
	exchange->more = true;
	for (unsigned i = 0; exchange->more && i < FETCHES_MAX; i++)
		exchange->more = fetch(exchange);
}

/* What is missing for too long is given up: the floor goes over it, and all is dropped. */
static void close_gap(struct exchange *exchange, const struct store_mark *upto)
{
	struct store_mark floor;
	struct err err;

	store_received(exchange->store, upto->origin, &floor);
	if (!store_jump(exchange->store, upto, &err)) {
		complain("log=gap", &err);
		return;
	}
	if (!exchange_commit(exchange))
		return;
	log_warning("gap=given-up relay=%s epoch=%u from=%llu to=%llu reason=\"they do not come any more\"",
		upto->origin, upto->epoch, (unsigned long long)floor.oseq + 1, (unsigned long long)upto->oseq);
	exchange->gaps++;
	exchange->coarse++;
	work_coarse(exchange->work, "events of another relay are missing for good", exchange->now_ms);
}

static void look_for_gaps(struct exchange *exchange)
{
	struct store_mark upto;

	for (size_t i = 0; i < exchange->conf->nrelays && i < CONF_RELAYS_MAX; i++)
		if (gap_stays(&exchange->gap[i], exchange->store, exchange->conf->relays[i].name, exchange->now_ms,
			    &upto))
			close_gap(exchange, &upto);
}

/* ---- receipts ---- */

/* What is done here, told to whoever made it. */
static void give_receipts(struct exchange *exchange)
{
	const struct relay_conf *conf = exchange->conf;
	struct store_mark received, done;
	struct err err;
	bool errors;

	for (size_t i = 0; i < conf->nrelays; i++) {
		store_floors(exchange->store, conf->relays[i].name, &received, &done, &errors);
		if (done.oseq > 0 && !exchange->bus_ops->receipt(exchange->bus, &done, errors, &err))
			complain("bus=receipt", &err);
	}
}

/* What is too old, or too much, is not kept for relays that are away. */
static void let_go(struct exchange *exchange)
{
	uint64_t kept_ms = exchange->conf->keep_ms, rows;
	struct err err;

	if (exchange->wall_ms <= kept_ms)
		return;
	if (!store_let_go(exchange->store, exchange->wall_ms - kept_ms, KEPT_MAX, &rows, &err)) {
		complain("log=trim", &err);
		return;
	}
	exchange->let_go += rows;
	if (rows > 0) {
		err_set(&err, "%llu events up to %llu are not kept any more, and some relay does not have them",
			(unsigned long long)rows, (unsigned long long)store_gone(exchange->store));
		complain("log=let-go", &err);
	}
}

/* The outbox forgets what all relays have done. */
static void trim(struct exchange *exchange)
{
	const struct relay_conf *conf = exchange->conf;
	const char *names[CONF_RELAYS_MAX];
	struct err err;

	for (size_t i = 0; i < conf->nrelays; i++)
		names[i] = conf->relays[i].name;
	if (!store_trim(exchange->store, names, conf->nrelays, &err))
		complain("log=trim", &err);
	let_go(exchange);
	settle(exchange);
}

/* A relay that was away for too long is back: once for each number that it missed. */
static void say_gone(struct exchange *exchange, const char *relay, uint64_t receipt)
{
	const struct relay_conf *conf = exchange->conf;
	uint64_t gone = store_gone(exchange->store);
	size_t i = conf_relay(conf, relay);
	struct err err;

	if (i == conf->nrelays || receipt >= gone || exchange->told_gone[i] == gone)
		return;
	if (!store_say_gone(exchange->store, conf->relays[i].region, relay, exchange->wall_ms, &err)) {
		complain("log=gone", &err);
		return;
	}
	exchange->told_gone[i] = gone;
	log_warning("relay=%s receipt=%llu gone=%llu: it was away for too long, and is told to drop everything", relay,
		(unsigned long long)receipt, (unsigned long long)gone);
}

/* Whoever knew the life before learns that it has ended, and what was lost with it is made good there by a coarse flush, without waiting for the
 * next event: this one asks nothing of them. */
static bool announce(struct exchange *exchange, struct err *err)
{
	const struct relay_conf *conf = exchange->conf;
	const char *const regions[] = { conf->region };
	struct event event = {
		.class = EVENT_ALL,
		.nregions = 1,
		.regions = regions,
		.relay = conf->name,
		.why = "the log began anew",
		.actor = "gslb-relay",
		.trace = "",
	};

	return conf->nrelays == 1 || store_add(exchange->store, &event, exchange->wall_ms, err);
}

/* A relay has done what this log never made, or the bus has had it: it is an old copy, or began anew with the clock set back. What it makes now
 * would be taken for what is done already. Whoever says so wrongly makes us do it once in ten seconds at most. Two hosts with one name would do
 * it in turns, and all others would drop everything each time: these wait for ten minutes, in which somebody may mend it. */
static void begin_anew(struct exchange *exchange, const char *relay, uint32_t epoch, const char *reason)
{
	uint64_t now_ms = exchange->now_ms, pause_ms = exchange->doubled ? ANEW_DOUBLED_MS : ANEW_MS;
	struct err err;

	if (epoch > UINT32_MAX - 2 || (exchange->anew_ms != 0 && now_ms < exchange->anew_ms + pause_ms))
		return;
	/* one that fails, on a full disk, say, is tried again with the next word: before a number is given away twice */
	if (!store_begin_anew(exchange->store, epoch, &err)) {
		complain("log=anew", &err);
		return;
	}
	exchange->anew_ms = now_ms;
	exchange->anew++;
	if (!announce(exchange, &err))
		complain("log=anew", &err);
	log_warning("log=anew relay=%s epoch=%u reason=\"%s\"", relay, store_epoch(exchange->store), reason);
}

static void hear_receipt(void *arg, const char *relay, uint32_t epoch, uint64_t oseq, bool errors)
{
	struct exchange *exchange = arg;
	uint64_t before = store_receipt_of(exchange->store, relay, NULL);
	struct err err;

	if (store_is_ahead(exchange->store, epoch, oseq))
		begin_anew(exchange, relay, epoch, "it has done what this log never made");
	else if (!store_receipt(exchange->store, relay, epoch, oseq, errors, &err))
		complain("bus=receipt", &err);
	else if (store_receipt_of(exchange->store, relay, NULL) != before)
		exchange->trim_due = true;
	if (epoch == store_epoch(exchange->store))
		say_gone(exchange, relay, oseq);
}

/* Before any relay could say how far it is, an old copy has given away a number for the second time. */
static void hear_known(void *arg)
{
	struct exchange *exchange = arg;

	begin_anew(exchange, exchange->conf->name, store_epoch(exchange->store),
		"the bus had a number before this log gave it away");
}

static void hear_state(void *arg, const char *relay, const struct work_state *state)
{
	const struct exchange *exchange = arg;

	exchange->heard(exchange->arg, relay, state);
}

static void hear_said(void *arg, const char *region, const char *node, const char *kind, const void *bytes, size_t len)
{
	struct exchange *exchange = arg;

	if (exchange->said != NULL)
		exchange->said(exchange->arg, region, node, kind, bytes, len);
}

/* ---- out ---- */

/* A receipt that was heard is no reason to give some: each would bring forth the next, all the while. */
static void settle_up(struct exchange *exchange)
{
	bool idle = exchange->now_ms >= exchange->said_ms + IDLE_MS;

	if (!idle && (exchange->now_ms < exchange->settled_ms + RECEIPT_MS ||
			     !(exchange->receipts_due || exchange->trim_due)))
		return;
	exchange_commit(exchange); /* what has ended counts */
	if (idle)
		look_for_gaps(exchange);
	if (idle || exchange->receipts_due) {
		give_receipts(exchange);
		exchange->said_ms = exchange->now_ms;
	}
	trim(exchange);
	exchange->settled_ms = exchange->now_ms;
	exchange->receipts_due = exchange->trim_due = false;
}

uint64_t exchange_give(struct exchange *exchange, uint64_t now_ms)
{
	const struct bus_ear ear = { exchange, hear_receipt, hear_state, hear_known, hear_said };
	uint64_t next_ms = exchange->bus_ops->publish(exchange->bus, now_ms), then_ms;

	exchange->now_ms = now_ms;
	exchange->bus_ops->listen(exchange->bus, &ear);
	then_ms = work_run(exchange->work, now_ms);
	next_ms = then_ms < next_ms ? then_ms : next_ms;
	settle_up(exchange);
	if (exchange->more)
		return now_ms;
	then_ms = exchange->receipts_due || exchange->trim_due ? exchange->settled_ms + RECEIPT_MS
							       : exchange->said_ms + IDLE_MS;
	return then_ms < next_ms ? then_ms : next_ms;
}

/* ---- after a start ---- */

struct resuming {
	struct exchange *exchange;
	uint64_t now_ms;
};

static bool resume(void *arg, const char *bytes, size_t len)
{
	const struct resuming *resuming = arg;
	struct arena *arena = arena_new();
	struct event event;
	struct err err;
	bool parked;

	if (event_parse(bytes, len, true, arena, &event, &parked, &err))
		work_begin(resuming->exchange->work, &event, resuming->now_ms);
	else
		log_error("event=unreadable reason=\"%s\" parked=%s", err.text, parked ? "yes" : "no");
	arena_free(arena);
	return true;
}

bool exchange_resume(struct exchange *exchange, bool fresh, uint64_t now_ms, struct err *err)
{
	struct resuming resuming = { exchange, now_ms };

	if (store_coarse_due(exchange->store)) {
		exchange->coarse++;
		work_coarse(exchange->work,
			fresh ? "the log is new: what was to be dropped before is not known"
			      : "it was not finished before the last end",
			now_ms);
	}
	if (fresh && !announce(exchange, err))
		return false;
	return store_inbox(exchange->store, resume, &resuming, err);
}
