/* bus_queue - between the main thread and a bus's own threads: what came in, and rows of the outbox on their way out, under one lock. */
#ifndef GSLB_RELAY_BUS_QUEUE_H
#define GSLB_RELAY_BUS_QUEUE_H

#include <pthread.h>
#include <sys/queue.h>

#include "relay/bus.h"

enum {
	BUS_QUEUE_MAX = 4096,    /* events that wait for the main thread */
	BUS_WORDS_MAX = 65536,   /* beyond it, states are dropped: they are a courtesy, receipts say the same */
	BUS_ROWS_MAX = 1024,     /* rows that wait for the publisher */
	BUS_SAID_MAX = 16 << 20, /* bytes of periodic state; beyond it, it is dropped: a newer one comes */
};

/* Something that came in. */
struct heard {
	enum { HEARD_EVENT, HEARD_RECEIPT, HEARD_STATE, HEARD_SAID } kind;
	char relay[EVENT_LABEL_MAX]; /* who says so */
	char *reply;                 /* HEARD_EVENT: where it is acknowledged, for as long as the bus keeps it */
	uint32_t epoch;              /* HEARD_RECEIPT */
	uint64_t oseq;
	bool errors;
	struct work_state state; /* HEARD_STATE */
	/* HEARD_SAID */
	char region[EVENT_LABEL_MAX], node[EVENT_LABEL_MAX], state_kind[EVENT_LABEL_MAX];
	uint8_t *bytes; /* its own; also of HEARD_EVENT */
	size_t len;
	STAILQ_ENTRY(heard) link;
};
STAILQ_HEAD(heard_list, heard);

/* A row of the outbox. */
struct bus_row {
	uint32_t epoch;
	uint64_t oseq;
	char *bytes;
	size_t len;
	STAILQ_ENTRY(bus_row) link;
};

struct bus_queue {
	int event_fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool begun, stop, connected, regressed, known;
	struct heard_list events, words;
	STAILQ_HEAD(, bus_row) rows;
	size_t nevents, nwords, nrows, said_bytes;
	uint64_t regressions;
	char trouble[256];
};

void bus_queue_init(struct bus_queue *queue, int event_fd);
void bus_queue_fini(struct bus_queue *queue);
/* All threads are to end: the one that waits for a row, too. Nothing more comes in. */
void bus_queue_stop(struct bus_queue *queue);
bool bus_queue_stops(struct bus_queue *queue);
void bus_queue_trouble(struct bus_queue *queue, const char *what, const char *why); /* "", "": none any more */
void bus_queue_connected(struct bus_queue *queue, bool connected);

/* In: taken over; the main thread is woken. False: the queue is stopped, and it stays the caller's. */
bool bus_queue_hear(struct bus_queue *queue, struct heard *heard);
bool bus_queue_has_room(struct bus_queue *queue); /* for events: until it has begun, for none */
/* The main thread takes from it from now on. */
void bus_queue_begin(struct bus_queue *queue);
struct heard *bus_queue_event(struct bus_queue *queue); /* the next one, the caller's now; NULL: none */
struct heard *bus_queue_word(struct bus_queue *queue);
void heard_free(struct heard *heard);
void heard_free_all(struct heard_list *list); /* the list is empty then */

/* What came in to another queue, which is stopped, comes in to this one; what was counted there counts here. */
void bus_queue_inherit(struct bus_queue *queue, struct bus_queue *from);

/* The bus has lost what it had taken; and asked since then? */
void bus_queue_regress(struct bus_queue *queue);
bool bus_queue_regressed(struct bus_queue *queue);

/* The bus had a number before this log gave it away; and did it, since asked last? */
void bus_queue_know(struct bus_queue *queue);
bool bus_queue_knew(struct bus_queue *queue);

/* Out: the bytes are copied. */
void bus_queue_offer(struct bus_queue *queue, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len);
size_t bus_queue_rows(struct bus_queue *queue);
uint64_t bus_queue_least(
	struct bus_queue *queue, uint32_t epoch); /* the least number among the rows; UINT64_MAX: there are none */
/* The first rows, at most max, which stay until they are dropped; waits for one. 0: the end. For one thread. */
size_t bus_queue_first(struct bus_queue *queue, size_t max, const struct bus_row **rows);
void bus_queue_drop_row(struct bus_queue *queue);

/* The bytes are copied. */
struct heard *heard_event(const char *relay, const char *reply, const char *bytes, size_t len);
/* What others say, by its subject. Of each other's events, as text: gslb.rcpt.RELAY.ORIGIN "epoch oseq errors", gslb.rcptx.RELAY.ORIGIN
 * "id done errors caches took_ms"; and periodic state, gslb.state.REGION.NODE.KIND, whose bytes are copied. NULL: it is damaged. */
struct heard *heard_word(const char *subject, const char *bytes, size_t len);
enum { WORD_TEXT_MAX = EVENT_ID_MAX + 64 };
void word_receipt(const struct store_mark *done, bool errors, char text[static WORD_TEXT_MAX]);
void word_state(const struct work_state *state, char text[static WORD_TEXT_MAX]);

#endif
