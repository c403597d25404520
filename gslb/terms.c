#include "gslb/terms.h"

/* In a fleet the verdict, and its doubt, need not be what this host's detector says. */
static bool is_of_others(const struct world *world, const struct endpoint *endpoint, const struct verdict *verdict,
	uint16_t streak, const struct detector_terms *terms)
{
	if (world->board == NULL ||
		atomic_load_explicit(&board_says(world->board)[endpoint->slot], memory_order_relaxed) == 0)
		return false;
	return verdict->doubt && (streak == 0 || streak >= terms->needed);
}

void terms_add(json_t *json, const struct world *world, const struct endpoint *endpoint, const struct verdict *verdict,
	uint64_t now_ms)
{
	const struct check *check = &world->snapshot->pools[endpoint->pool].pool->check;
	const struct board_slot *slot;
	struct detector_terms terms;
	char text[DETECTOR_TEXT_MAX];
	uint32_t last_s;
	uint16_t streak;

	if (endpoint->slot >= world->nslots)
		return;
	slot = &world->slots[endpoint->slot];
	terms = detector_terms_unpack(atomic_load_explicit(&slot->terms, memory_order_relaxed));
	streak = atomic_load_explicit(&slot->streak, memory_order_relaxed);
	last_s = atomic_load_explicit(&slot->last_s, memory_order_relaxed);
	if (is_of_others(world, endpoint, verdict, streak, &terms))
		text[0] = '\0';
	else
		detector_explain(verdict, streak, &terms, (uint16_t)check->fall, last_s, now_ms, text);
	json_object_set_new(json, "loss_percent", json_real(terms.loss_permille / 10.0));
	json_object_set_new(json, "needed", json_integer(terms.needed));
	json_object_set_new(json, "streak", json_integer(streak));
	json_object_set_new(json, "penalty", json_integer(terms.penalty));
	json_object_set_new(json, "damped", json_boolean(verdict->damped));
	json_object_set_new(json, "detector", text[0] != '\0' ? json_string(text) : json_null());
}
