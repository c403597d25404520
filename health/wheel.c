/* A hierarchical timing wheel (Varghese and Lauck, 1987): four wheels of 256 slots with ticks of 1 ms, 256 ms, 65.5 s and 4.7
 * hours. A timer lies in the finest wheel that reaches it; when a coarse slot's time comes, its timers move to finer ones, so
 * each is moved three times at most. A bit for each slot tells which hold something: from one to the next it is one jump, and a
 * sleeper wakes for nothing in between. What lies beyond the last wheel's reach (49 days) waits in its last slot and is sorted
 * in again from there. */
#include "health/wheel.h"

#include <assert.h>

enum { SLOT_BITS = 8, NSLOTS = WHEEL_LEVELS * WHEEL_SLOTS, PLACE_NOW = NSLOTS + 1 };

/* ---- lists: a ring with the head in it, so that whatever lies in one leaves it without knowing which ---- */

static void ring_init(struct wheel_link *head)
{
	head->next = head->prev = head;
}

static bool ring_is_empty(const struct wheel_link *head)
{
	return head->next == head;
}

static void ring_append(struct wheel_link *head, struct wheel_link *link)
{
	link->next = head;
	link->prev = head->prev;
	head->prev->next = link;
	head->prev = link;
}

static void ring_leave(struct wheel_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
}

/* All of one into the other, behind a link of it. */
static void ring_insert(struct wheel_link *from, struct wheel_link *after)
{
	if (ring_is_empty(from))
		return;
	from->next->prev = after;
	from->prev->next = after->next;
	after->next->prev = from->prev;
	after->next = from->next;
	ring_init(from);
}

static void ring_move(struct wheel_link *from, struct wheel_link *to)
{
	ring_insert(from, to->prev);
}

/* ---- slots ---- */

static void mark(struct wheel *wheel, unsigned slot, bool taken)
{
	uint64_t *word = &wheel->taken[slot / WHEEL_SLOTS][slot % WHEEL_SLOTS / 64], bit = (uint64_t)1 << slot % 64;

	*word = taken ? *word | bit : *word & ~bit;
}

/* From a slot to the next one that holds something, going round: 1 to 256; 0: none does. */
static unsigned distance(const uint64_t taken[static WHEEL_SLOTS / 64], unsigned from)
{
	unsigned at = (from + 1) % WHEEL_SLOTS;

	for (unsigned i = 0; i <= WHEEL_SLOTS / 64; i++) {
		uint64_t word = taken[at / 64] >> at % 64;

		if (word != 0) {
			unsigned found = (at + (unsigned)__builtin_ctzll(word) - from) % WHEEL_SLOTS;

			return found == 0 ? WHEEL_SLOTS : found;
		}
		at = (at / 64 + 1) * 64 % WHEEL_SLOTS;
	}
	return 0;
}

/* The next tick at which a slot wants to be looked at. */
static uint64_t next_tick(const struct wheel *wheel)
{
	uint64_t first = UINT64_MAX;

	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		uint64_t turn = wheel->tick >> level * SLOT_BITS;
		unsigned far = distance(wheel->taken[level], turn % WHEEL_SLOTS);
		uint64_t tick = far > 0 ? (turn + far) << level * SLOT_BITS : UINT64_MAX;

		if (tick < first)
			first = tick;
	}
	return first;
}

static unsigned slot_for(const struct wheel *wheel, uint64_t tick)
{
	const uint64_t reach = (uint64_t)(WHEEL_SLOTS - 1) << (WHEEL_LEVELS - 1) * SLOT_BITS;
	uint64_t ahead = tick - wheel->tick;
	unsigned level = 0;

	if (ahead > reach)
		tick = wheel->tick + (ahead = reach);
	while (ahead >> (level + 1) * SLOT_BITS != 0)
		level++;
	return level * WHEEL_SLOTS + (unsigned)(tick >> level * SLOT_BITS) % WHEEL_SLOTS;
}

static uint64_t tick_of(uint64_t at_us)
{
	return at_us / WHEEL_TICK_US + (at_us % WHEEL_TICK_US != 0);
}

static void put(struct wheel *wheel, struct wheel_timer *timer)
{
	uint64_t tick = tick_of(timer->at_us);
	unsigned slot;

	if (tick <= wheel->tick) {
		ring_append(&wheel->next, &timer->link);
		timer->place = PLACE_NOW;
		return;
	}
	slot = slot_for(wheel, tick);
	ring_append(&wheel->slots[slot], &timer->link);
	mark(wheel, slot, true);
	timer->place = (uint16_t)(slot + 1);
}

/* ---- the outside ---- */

void wheel_init(struct wheel *wheel, uint64_t now_us)
{
	*wheel = (struct wheel){ .tick = now_us / WHEEL_TICK_US };
	for (unsigned slot = 0; slot < NSLOTS; slot++)
		ring_init(&wheel->slots[slot]);
	ring_init(&wheel->due);
	ring_init(&wheel->next);
}

void wheel_clear(struct wheel *wheel, struct wheel_timer *timer)
{
	unsigned place = timer->place;

	if (place == 0)
		return;
	ring_leave(&timer->link);
	timer->place = 0;
	if (place < PLACE_NOW && ring_is_empty(&wheel->slots[place - 1]))
		mark(wheel, place - 1, false);
}

void wheel_set(struct wheel *wheel, struct wheel_timer *timer, uint64_t at_us)
{
	wheel_clear(wheel, timer);
	timer->at_us = at_us;
	put(wheel, timer);
}

/* A coarse slot's time has come. Whatever is in it lies ahead by less than the slot is wide, or is due now. */
static void sort_in_again(struct wheel *wheel, unsigned slot)
{
	struct wheel_link moving;

	ring_init(&moving);
	ring_move(&wheel->slots[slot], &moving);
	mark(wheel, slot, false);
	while (!ring_is_empty(&moving)) {
		struct wheel_timer *timer = (struct wheel_timer *)(void *)moving.next;

		ring_leave(&timer->link);
		put(wheel, timer);
	}
}

static void come_to(struct wheel *wheel, uint64_t tick)
{
	unsigned slot = (unsigned)(tick % WHEEL_SLOTS);

	wheel->tick = tick;
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--)
		if (tick % ((uint64_t)1 << level * SLOT_BITS) == 0)
			sort_in_again(wheel, level * WHEEL_SLOTS + (unsigned)(tick >> level * SLOT_BITS) % WHEEL_SLOTS);
	for (struct wheel_link *link = wheel->slots[slot].next; link != &wheel->slots[slot]; link = link->next)
		((struct wheel_timer *)(void *)link)->place = PLACE_NOW;
	ring_move(&wheel->next, &wheel->due);
	ring_move(&wheel->slots[slot], &wheel->due);
	mark(wheel, slot, false);
}

void wheel_advance(struct wheel *wheel, uint64_t now_us)
{
	uint64_t now = now_us / WHEEL_TICK_US, tick;

	ring_insert(&wheel->next, &wheel->due); /* before all that was left of the last round */
	while ((tick = next_tick(wheel)) <= now)
		come_to(wheel, tick);
	if (now > wheel->tick)
		wheel->tick = now;
}

struct wheel_timer *wheel_take(struct wheel *wheel)
{
	struct wheel_timer *timer = (struct wheel_timer *)(void *)wheel->due.next;

	if (ring_is_empty(&wheel->due))
		return NULL;
	wheel_clear(wheel, timer);
	return timer;
}

uint64_t wheel_next_us(const struct wheel *wheel)
{
	uint64_t tick;

	if (!ring_is_empty(&wheel->due) || !ring_is_empty(&wheel->next))
		return 0;
	tick = next_tick(wheel);
	return tick == UINT64_MAX ? UINT64_MAX : tick * WHEEL_TICK_US;
}
