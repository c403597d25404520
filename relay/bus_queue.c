#include "relay/bus_queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

void bus_queue_init(struct bus_queue *queue, int event_fd)
{
	*queue = (struct bus_queue){ .event_fd = event_fd };
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->wake, NULL);
	STAILQ_INIT(&queue->events);
	STAILQ_INIT(&queue->words);
	STAILQ_INIT(&queue->rows);
}

void bus_queue_fini(struct bus_queue *queue)
{
	struct heard *heard;

	while ((heard = bus_queue_word(queue)) != NULL || (heard = bus_queue_event(queue)) != NULL)
		heard_free(heard);
	while (queue->nrows > 0)
		bus_queue_drop_row(queue);
}

void bus_queue_stop(struct bus_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->stop = true;
	pthread_cond_broadcast(&queue->wake);
	pthread_mutex_unlock(&queue->lock);
}

bool bus_queue_stops(struct bus_queue *queue)
{
	bool stop;

	pthread_mutex_lock(&queue->lock);
	stop = queue->stop;
	pthread_mutex_unlock(&queue->lock);
	return stop;
}

void bus_queue_trouble(struct bus_queue *queue, const char *what, const char *why)
{
	pthread_mutex_lock(&queue->lock);
	snprintf(queue->trouble, sizeof queue->trouble, "%s%s%s", what, why[0] != '\0' ? ": " : "", why);
	pthread_mutex_unlock(&queue->lock);
}

void bus_queue_connected(struct bus_queue *queue, bool connected)
{
	pthread_mutex_lock(&queue->lock);
	queue->connected = connected;
	pthread_mutex_unlock(&queue->lock);
}

/* ---- in ---- */

bool bus_queue_hear(struct bus_queue *queue, struct heard *heard)
{
	bool dropped = false, quiet;

	pthread_mutex_lock(&queue->lock);
	if (queue->stop) {
		pthread_mutex_unlock(&queue->lock);
		return false;
	}
	/* else the main thread was woken for its kind already, and has not come to it yet */
	quiet = heard->kind == HEARD_EVENT ? queue->nevents == 0 : queue->nwords == 0;
	if ((heard->kind == HEARD_STATE && queue->nwords >= BUS_WORDS_MAX) ||
		(heard->kind == HEARD_SAID && queue->said_bytes + heard->len > BUS_SAID_MAX)) {
		dropped = true;
	} else if (heard->kind == HEARD_EVENT) {
		STAILQ_INSERT_TAIL(&queue->events, heard, link);
		queue->nevents++;
	} else {
		STAILQ_INSERT_TAIL(&queue->words, heard, link);
		queue->nwords++;
		queue->said_bytes += heard->len;
	}
	pthread_mutex_unlock(&queue->lock);
	if (dropped)
		heard_free(heard);
	if (quiet)
		eventfd_write(queue->event_fd, 1);
	return true;
}

bool bus_queue_has_room(struct bus_queue *queue)
{
	bool room;

	pthread_mutex_lock(&queue->lock);
	room = queue->begun && queue->nevents < BUS_QUEUE_MAX;
	pthread_mutex_unlock(&queue->lock);
	return room;
}

void bus_queue_begin(struct bus_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->begun = true;
	pthread_mutex_unlock(&queue->lock);
}

struct heard *bus_queue_event(struct bus_queue *queue)
{
	struct heard *heard;

	pthread_mutex_lock(&queue->lock);
	heard = STAILQ_FIRST(&queue->events);
	if (heard != NULL) {
		STAILQ_REMOVE_HEAD(&queue->events, link);
		queue->nevents--;
	}
	pthread_mutex_unlock(&queue->lock);
	return heard;
}

struct heard *bus_queue_word(struct bus_queue *queue)
{
	struct heard *heard;

	pthread_mutex_lock(&queue->lock);
	heard = STAILQ_FIRST(&queue->words);
	if (heard != NULL) {
		STAILQ_REMOVE_HEAD(&queue->words, link);
		queue->nwords--;
		queue->said_bytes -= heard->len;
	}
	pthread_mutex_unlock(&queue->lock);
	return heard;
}

void bus_queue_inherit(struct bus_queue *queue, struct bus_queue *from)
{
	struct bus_queue had;

	pthread_mutex_lock(&from->lock);
	had = *from;
	STAILQ_INIT(&had.events);
	STAILQ_INIT(&had.words);
	STAILQ_CONCAT(&had.events, &from->events);
	STAILQ_CONCAT(&had.words, &from->words);
	from->nevents = from->nwords = from->said_bytes = 0;
	pthread_mutex_unlock(&from->lock);
	pthread_mutex_lock(&queue->lock);
	STAILQ_CONCAT(&queue->events, &had.events);
	STAILQ_CONCAT(&queue->words, &had.words);
	queue->nevents += had.nevents;
	queue->nwords += had.nwords;
	queue->said_bytes += had.said_bytes;
	queue->regressions += had.regressions;
	queue->regressed = queue->regressed || had.regressed;
	queue->known = queue->known || had.known;
	pthread_mutex_unlock(&queue->lock);
	eventfd_write(queue->event_fd, 1);
}

void bus_queue_regress(struct bus_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->regressed = true;
	queue->regressions++;
	pthread_mutex_unlock(&queue->lock);
	eventfd_write(queue->event_fd, 1);
}

bool bus_queue_regressed(struct bus_queue *queue)
{
	bool regressed;

	pthread_mutex_lock(&queue->lock);
	regressed = queue->regressed;
	queue->regressed = false;
	pthread_mutex_unlock(&queue->lock);
	return regressed;
}

void bus_queue_know(struct bus_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->known = true;
	pthread_mutex_unlock(&queue->lock);
	eventfd_write(queue->event_fd, 1);
}

bool bus_queue_knew(struct bus_queue *queue)
{
	bool known;

	pthread_mutex_lock(&queue->lock);
	known = queue->known;
	queue->known = false;
	pthread_mutex_unlock(&queue->lock);
	return known;
}

/* ---- out ---- */

void bus_queue_offer(struct bus_queue *queue, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len)
{
	struct bus_row *row = mem_alloc(sizeof *row);
	bool first;

	*row = (struct bus_row){ .epoch = epoch, .oseq = oseq, .bytes = mem_alloc(len + 1), .len = len };
	memcpy(row->bytes, bytes, len);
	pthread_mutex_lock(&queue->lock);
	STAILQ_INSERT_TAIL(&queue->rows, row, link);
	first = queue->nrows++ == 0; /* else the publisher is at work */
	pthread_mutex_unlock(&queue->lock);
	if (first)
		pthread_cond_signal(&queue->wake);
}

size_t bus_queue_rows(struct bus_queue *queue)
{
	size_t n;

	pthread_mutex_lock(&queue->lock);
	n = queue->nrows;
	pthread_mutex_unlock(&queue->lock);
	return n;
}

uint64_t bus_queue_least(struct bus_queue *queue, uint32_t epoch)
{
	const struct bus_row *row;
	uint64_t least = UINT64_MAX;

	pthread_mutex_lock(&queue->lock);
	STAILQ_FOREACH(row, &queue->rows, link)
	least = row->epoch == epoch && row->oseq < least ? row->oseq : least;
	pthread_mutex_unlock(&queue->lock);
	return least;
}

size_t bus_queue_first(struct bus_queue *queue, size_t max, const struct bus_row **rows)
{
	const struct bus_row *row;
	size_t n = 0;

	pthread_mutex_lock(&queue->lock);
	while (STAILQ_EMPTY(&queue->rows) && !queue->stop)
		pthread_cond_wait(&queue->wake, &queue->lock);
	if (!queue->stop) {
		STAILQ_FOREACH(row, &queue->rows, link)
		{
			if (n == max)
				break;
			rows[n++] = row;
		}
	}
	pthread_mutex_unlock(&queue->lock);
	return n;
}

void bus_queue_drop_row(struct bus_queue *queue)
{
	struct bus_row *row;

	pthread_mutex_lock(&queue->lock);
	row = STAILQ_FIRST(&queue->rows);
	STAILQ_REMOVE_HEAD(&queue->rows, link);
	queue->nrows--;
	pthread_mutex_unlock(&queue->lock);
	free(row->bytes);
	free(row);
}

/* ---- words ---- */

struct heard *heard_event(const char *relay, const char *reply, const char *bytes, size_t len)
{
	struct heard *heard = mem_alloc(sizeof *heard);

	heard->kind = HEARD_EVENT;
	snprintf(heard->relay, sizeof heard->relay, "%s", relay);
	heard->reply = mem_strdup(reply);
	heard->bytes = mem_dup(bytes, len);
	heard->len = len;
	return heard;
}

void heard_free(struct heard *heard)
{
	free(heard->reply);
	free(heard->bytes);
	free(heard);
}

void heard_free_all(struct heard_list *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct heard *heard = STAILQ_FIRST(list);

		STAILQ_REMOVE_HEAD(list, link);
		heard_free(heard);
	}
}

/* The next part of a subject. */
static bool part_of(const char **at, char part[static EVENT_LABEL_MAX])
{
	size_t len = strcspn(*at, ".");

	if (!state_label_is_good(*at, len))
		return false;
	memcpy(part, *at, len);
	part[len] = '\0';
	*at += len + ((*at)[len] == '.');
	return true;
}

#define STATE_SUBJECT "gslb.state."

static struct heard *heard_said(const char *subject, const void *bytes, size_t len)
{
	struct heard *heard = mem_alloc(sizeof *heard);
	const char *at = subject + strlen(STATE_SUBJECT);

	heard->kind = HEARD_SAID;
	if (len > STATE_BYTES_MAX || !part_of(&at, heard->region) || !part_of(&at, heard->node) ||
		!part_of(&at, heard->state_kind) || *at != '\0') {
		free(heard);
		return NULL;
	}
	heard->bytes = mem_dup(bytes, len);
	heard->len = len;
	return heard;
}

static bool relay_of(const char *subject, char relay[static EVENT_LABEL_MAX])
{
	char before[EVENT_LABEL_MAX];

	return part_of(&subject, before) && part_of(&subject, before) && part_of(&subject, relay) && *subject != '\0';
}

void word_receipt(const struct store_mark *done, bool errors, char text[static WORD_TEXT_MAX])
{
	snprintf(text, WORD_TEXT_MAX, "%u %llu %d", done->epoch, (unsigned long long)done->oseq, errors);
}

static struct heard *heard_receipt(const char *subject, const char *text, size_t len)
{
	struct heard *heard = mem_alloc(sizeof *heard);
	char copy[WORD_TEXT_MAX];
	unsigned long long oseq;
	unsigned epoch, errors;

	snprintf(copy, sizeof copy, "%.*s", (int)(len < sizeof copy ? len : sizeof copy - 1), text);
	if (!relay_of(subject, heard->relay) || sscanf(copy, "%u %llu %u", &epoch, &oseq, &errors) != 3) {
		free(heard);
		return NULL;
	}
	heard->kind = HEARD_RECEIPT;
	heard->epoch = epoch;
	heard->oseq = oseq;
	heard->errors = errors != 0;
	return heard;
}

void word_state(const struct work_state *state, char text[static WORD_TEXT_MAX])
{
	snprintf(text, WORD_TEXT_MAX, "%s %d %d %u %u", state->id, state->done, state->errors, state->targets,
		state->took_ms);
}

_Static_assert(EVENT_ID_MAX == 96, "sscanf's field below");

static struct heard *heard_state(const char *subject, const char *text, size_t len)
{
	struct heard *heard = mem_alloc(sizeof *heard);
	char copy[WORD_TEXT_MAX], id[EVENT_ID_MAX];
	unsigned done, errors, targets, took_ms;

	snprintf(copy, sizeof copy, "%.*s", (int)(len < sizeof copy ? len : sizeof copy - 1), text);
	if (!relay_of(subject, heard->relay) ||
		sscanf(copy, "%95s %u %u %u %u", id, &done, &errors, &targets, &took_ms) != 5) {
		free(heard);
		return NULL;
	}
	heard->kind = HEARD_STATE;
	heard->state = (struct work_state){
		.flushed = true, .done = done != 0, .errors = errors != 0, .targets = targets, .took_ms = took_ms
	};
	snprintf(heard->state.id, sizeof heard->state.id, "%s", id);
	return heard;
}

struct heard *heard_word(const char *subject, const char *bytes, size_t len)
{
	if (strncmp(subject, "gslb.rcpt.", strlen("gslb.rcpt.")) == 0)
		return heard_receipt(subject, bytes, len);
	if (strncmp(subject, "gslb.rcptx.", strlen("gslb.rcptx.")) == 0)
		return heard_state(subject, bytes, len);
	if (strncmp(subject, STATE_SUBJECT, strlen(STATE_SUBJECT)) == 0)
		return heard_said(subject, bytes, len);
	return NULL;
}
