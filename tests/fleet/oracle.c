#include "tests/fleet/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/fleet/disk.h"
#include "tests/fleet/host.h"

static char verdict[ORACLE_TEXT_MAX];
static bool oracle_quiet; /* a question only */
static struct loop_timer looking;

enum { LOOK_MS = 1000 };

static void look(struct loop_timer *timer)
{
	engine_in(ENGINE_NOBODY, timer, LOOK_MS);
	oracle_look_at_votes();
	oracle_look_at_answers();
}

void oracle_reset(void)
{
	verdict[0] = '\0';
	oracle_reset_writs();
	oracle_reset_votes();
	oracle_reset_answers();
	looking = (struct loop_timer){ .fire = look };
	engine_in(ENGINE_NOBODY, &looking, LOOK_MS);
}

const char *oracle_verdict(void)
{
	return verdict;
}

void oracle_fail(const char *fmt, ...)
{
	va_list args;

	if (verdict[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(verdict, sizeof verdict, fmt, args);
	va_end(args);
	if (oracle_quiet)
		return;
	trace("VIOLATED: %s", verdict);
	engine_stop();
}

/* ---- events ---- */

void oracle_committed(unsigned host, struct deed *deed)
{
	(void)host;
	deed->committed = true;
	deed->made_ms = engine_now_ms();
}

void oracle_kept(unsigned host, const char *said)
{
	if (store_is_dirty(hosts[host].store))
		oracle_fail("early: h%u %s what it has not committed", host, said);
	else if (!disk_is_safe(host))
		oracle_fail("early: h%u %s what a loss of power would take away", host, said);
}

void oracle_acknowledged(unsigned host, unsigned origin, uint32_t epoch, uint64_t oseq)
{
	oracle_kept(host, "acknowledges");
	if (!host_has(host, origin, epoch, oseq))
		oracle_fail("early: h%u acknowledges %u:%llu of h%u, which is not in its log", host, epoch,
			(unsigned long long)oseq, origin);
}

void oracle_applied(unsigned host, struct deed *deed)
{
	trace("applies e%u of h%u", deed_number(deed), deed->origin);
	if (deed->applied[host] == 0)
		deed->applied[host] = engine_now_ms() + 1;
}

void oracle_coarse(unsigned host, const char *reason)
{
	trace("drops all: %s", reason);
	deeds.coarse_ms[host] = engine_now_ms() + 1;
}

void oracle_receipt(unsigned host, unsigned origin, uint32_t epoch, uint64_t oseq)
{
	for (size_t i = 0; i < deeds.n; i++) {
		const struct deed *deed = &deeds.list[i];

		if (deed->origin != origin || !deed->committed || deed->writ != NULL || deed->epoch != epoch ||
			deed->oseq > oseq)
			continue;
		if (!deed_is_covered(deed, host))
			oracle_fail("lost: h%u has a receipt for all of h%u up to %u:%llu, and never had e%u (%u:%llu)",
				host, origin, epoch, (unsigned long long)oseq, deed_number(deed), deed->epoch,
				(unsigned long long)deed->oseq);
	}
}

void oracle_rolled_back(unsigned origin)
{
	for (size_t i = 0; i < deeds.n; i++) {
		struct deed *deed = &deeds.list[i];

		if (deed->origin == origin && deed->gone && deed->writ == NULL &&
			!stream_has(origin, deed->epoch, deed->oseq))
			deed->moot = true;
	}
}

/* An override is with whoever has it in force. */
static void lose_writs(void)
{
	for (size_t i = 0; i < deeds.n; i++) {
		struct deed *deed = &deeds.list[i];

		if (deed->writ != NULL && deed->gone && !oracle_is_held(deed->writ))
			deed->moot = true;
	}
}

void oracle_put_back(unsigned host, uint64_t to_ms)
{
	for (size_t i = 0; i < deeds.n; i++)
		if (deeds.list[i].origin == host && deeds.list[i].made_ms >= to_ms)
			deeds.list[i].gone = true;
	oracle_rolled_back(host);
	oracle_forget_writs(host);
	lose_writs();
}

static void check_events(void)
{
	for (size_t i = 0; i < deeds.n; i++) {
		const struct deed *deed = &deeds.list[i];

		for (unsigned host = 0; host < world.nhosts; host++)
			if (deed->writ == NULL && deed->committed && !deed->moot && !deed_is_covered(deed, host))
				oracle_fail("lost: e%u, which h%u took at %.3f, never came to h%u", deed_number(deed),
					deed->origin, (double)deed->made_ms / 1000, host);
	}
}

/* Everybody has receipts for everything: nothing is kept for anyone. */
static void check_outboxes(void)
{
	for (unsigned host = 0; host < world.nhosts; host++) {
		uint64_t rows, oldest_ms, last;

		store_outbox_left(hosts[host].store, &rows, &oldest_ms, &last);
		if (rows > 0)
			oracle_fail("stuck: h%u keeps %llu events that all have done", host, (unsigned long long)rows);
	}
}

void oracle_settled(void)
{
	for (unsigned host = 0; host < world.nhosts; host++)
		if (!hosts[host].up)
			oracle_fail("h%u is down", host);
	if (verdict[0] == '\0')
		check_events();
	if (verdict[0] == '\0')
		check_outboxes();
	if (verdict[0] == '\0')
		oracle_check_writs();
	if (verdict[0] == '\0')
		oracle_check_votes();
}

bool oracle_settles(void)
{
	oracle_quiet = true;
	oracle_settled();
	oracle_quiet = false;
	if (verdict[0] == '\0')
		return true;
	verdict[0] = '\0';
	return false;
}
