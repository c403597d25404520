/* Of overrides: on no host does an older one follow a later one, none is forgotten over a crash, and in the end all hosts have the last one of
 * each target. */
#include "tests/fleet/host.h"
#include "tests/fleet/oracle.h"

/* What is in force on a host, as far as anyone saw. */
static struct writ *held[ENGINE_HOSTS_MAX][GSLBD_TARGETS];

void oracle_reset_writs(void)
{
	for (unsigned host = 0; host < ENGINE_HOSTS_MAX; host++)
		oracle_forget_writs(host);
}

void oracle_forget_writs(unsigned host)
{
	for (unsigned i = 0; i < GSLBD_TARGETS; i++) {
		writ_free(held[host][i]);
		held[host][i] = NULL;
	}
}

static void hold(unsigned host, const struct writ *writ)
{
	struct writ **place = &held[host][gslbd_target(writ)];

	writ_free(*place);
	*place = writ_copy(writ);
}

void oracle_in_force(unsigned host, const struct writ *writ)
{
	const struct writ *before = held[host][gslbd_target(writ)];

	trace("has %s of %s, by %s", writ->why, writ->target, writ->origin);
	if (before != NULL && writ_compare(writ, before) < 0)
		oracle_fail("order: on h%u %s follows %s, which is the later one of %s", host, writ->why, before->why,
			writ->target);
	hold(host, writ);
	oracle_answers_force(host, writ);
}

void oracle_restarted(unsigned host, const struct writ_set *set)
{
	const struct writ *const *writs;
	size_t n = writ_set_get(set, &writs);

	for (unsigned i = 0; i < GSLBD_TARGETS; i++) {
		const struct writ *before = held[host][i],
				  *now = before != NULL ? writ_set_find(set, before->target) : NULL;

		if (before != NULL && (now == NULL || writ_compare(now, before) != 0))
			oracle_fail("forgotten: h%u had %s of %s in force, and has not after a crash", host,
				before->why, before->target);
	}
	for (size_t i = 0; i < n; i++)
		hold(host, writs[i]);
	oracle_answers_start(host, set);
}

/* Does anybody have this one, or a later one? */
bool oracle_is_held(const struct writ *writ)
{
	for (unsigned host = 0; host < world.nhosts; host++) {
		const struct writ *other = held[host][gslbd_target(writ)];

		if (other != NULL && writ_compare(other, writ) >= 0)
			return true;
	}
	return false;
}

/* ---- when all has settled ---- */

static void check_last(void)
{
	for (size_t i = 0; i < deeds.n; i++) {
		const struct deed *deed = &deeds.list[i];

		for (unsigned host = 0; host < world.nhosts && deed->writ != NULL; host++) {
			const struct writ *now = held[host][gslbd_target(deed->writ)];

			if (deed->committed && !deed->moot && (now == NULL || writ_compare(now, deed->writ) < 0))
				oracle_fail("lost: e%u of %s, which h%u took at %.3f, never came to h%u",
					deed_number(deed), deed->writ->target, deed->origin,
					(double)deed->made_ms / 1000, host);
		}
	}
}

void oracle_check_writs(void)
{
	uint64_t wall_ms = ENGINE_EPOCH_MS + engine_now_ms(), first = writ_set_digest(hosts[0].gslbd.set, wall_ms);

	check_last();
	for (unsigned host = 0; host < world.nhosts; host++) {
		uint64_t own = writ_set_digest(hosts[host].gslbd.set, wall_ms),
			 relay = writ_set_digest(writs_set(hosts[host].writs), wall_ms);

		if (own != first)
			oracle_fail("digest: h%u and h0 do not have the same overrides", host);
		if (own != relay)
			oracle_fail("digest: gslbd and gslb-relay of h%u do not have the same overrides", host);
	}
}
