/* Order: the plan's receipt first, then whether we abstain, then answers, then changes. A change says no more than "look at slot N", so one that waits
 * stands for all that follow on its slot. */
#include "health/post.h"

#include <stdlib.h>

struct post {
	int sock;
	const struct board_slot *slots;
	uint32_t nslots;
	bool *waits;     /* a slot's change is in the queue */
	uint32_t *queue; /* a ring of nslots + 1: each slot stands in it at most once */
	size_t head, tail;
	struct health_message *answers;
	size_t nanswers, answers_cap;
	uint64_t serial;
	bool serial_waits;
	struct health_message abstain;
	bool abstain_waits;
};

struct post *post_new(int sock)
{
	struct post *post = mem_alloc(sizeof *post);

	post->sock = sock;
	return post;
}

void post_free(struct post *post)
{
	if (post == NULL)
		return;
	free(post->waits);
	free(post->queue);
	free(post->answers);
	free(post);
}

static void enqueue(struct post *post, uint32_t slot)
{
	post->waits[slot] = true;
	post->queue[post->tail] = slot;
	post->tail = (post->tail + 1) % ((size_t)post->nslots + 1);
}

void post_set_board(struct post *post, const struct board_slot *slots, uint32_t nslots)
{
	uint32_t old_nslots = post->nslots;
	bool *waited = post->waits;

	free(post->queue);
	post->slots = slots;
	post->nslots = nslots;
	post->waits = mem_alloc(nslots * sizeof *post->waits);
	post->queue =
		mem_resize(NULL, ((size_t)nslots + 1) * sizeof *post->queue); /* memory is taken as it is written */
	post->head = post->tail = 0;
	for (uint32_t slot = 0; slot < old_nslots && slot < nslots; slot++)
		if (waited[slot])
			enqueue(post, slot);
	free(waited);
}

static bool send_changed(const struct post *post, uint32_t slot)
{
	struct verdict verdict = verdict_unpack(atomic_load_explicit(&post->slots[slot].word, memory_order_relaxed));
	struct health_message message = {
		.kind = HEALTH_CHANGED, .slot = slot, .generation = verdict.generation, .state = (uint16_t)verdict.state
	};

	return health_send(post->sock, &message, -1);
}

static bool send_taken(const struct post *post)
{
	return health_send(post->sock, &(struct health_message){ .kind = HEALTH_TAKEN, .value = post->serial }, -1);
}

bool post_flush(struct post *post)
{
	size_t sent = 0;

	if (post->serial_waits && !send_taken(post))
		return false;
	post->serial_waits = false;
	if (post->abstain_waits && !health_send(post->sock, &post->abstain, -1))
		return false;
	post->abstain_waits = false;
	while (sent < post->nanswers && health_send(post->sock, &post->answers[sent], -1))
		sent++;
	post->nanswers -= sent;
	for (size_t i = 0; sent > 0 && i < post->nanswers; i++)
		post->answers[i] = post->answers[sent + i];
	if (post->nanswers > 0)
		return false;
	for (; post->head != post->tail; post->head = (post->head + 1) % ((size_t)post->nslots + 1)) {
		uint32_t slot = post->queue[post->head];

		if (!send_changed(post, slot))
			return false;
		post->waits[slot] = false;
	}
	post->head = post->tail = 0;
	return true;
}

void post_changed(struct post *post, uint32_t slot)
{
	if (slot < post->nslots && !post->waits[slot])
		enqueue(post, slot);
}

void post_resolved(struct post *post, const struct health_message *message)
{
	for (size_t i = 0; i < post->nanswers; i++) {
		if (post->answers[i].value == message->value) {
			post->answers[i] = *message;
			return;
		}
	}
	post->answers = mem_grow(post->answers, post->nanswers, &post->answers_cap, sizeof *post->answers);
	post->answers[post->nanswers++] = *message;
}

void post_taken(struct post *post, uint64_t serial)
{
	post->serial = serial;
	post->serial_waits = true;
}

void post_abstain(struct post *post, const struct health_message *message)
{
	post->abstain = *message;
	post->abstain_waits = true;
}

void post_alive(struct post *post)
{
	health_send(post->sock, &(struct health_message){ .kind = HEALTH_ALIVE }, -1);
}
