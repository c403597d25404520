/* store_sql - what the store's files share: the database, its statements, and a transaction that is opened by the first change. */
#ifndef GSLB_RELAY_STORE_SQL_H
#define GSLB_RELAY_STORE_SQL_H

#include <sys/queue.h>

#include "relay/store.h"

/* Prepared once; the texts are in store_sql.c. */
enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	META_GET,
	META_PUT,
	OUTBOX_ADD,
	OUTBOX_PUT,
	OUTBOX_AFTER,
	OUTBOX_TRIM,
	OUTBOX_LEFT,
	OUTBOX_FIRST,
	OUTBOX_OLD,
	OUTBOX_MADE,
	OUTBOX_COUNT,
	INBOX_ADD,
	INBOX_ALL,
	INBOX_DROP,
	INBOX_DROP_ORIGIN,
	INBOX_FIRST,
	FLOOR_GET,
	FLOOR_PUT,
	AHEAD_HAS,
	AHEAD_COUNT,
	AHEAD_ADD,
	AHEAD_FIRST,
	AHEAD_TAKE,
	AHEAD_DROP,
	RECEIPT_PUT,
	RECEIPT_GET,
	RECEIPT_LEAST,
	RECEIPT_ALL,
	DEAD_ADD,
	DEAD_TRIM,
	DEAD_ALL,
	DEAD_DROP,
	DEAD_CLEAR,
	DEAD_COUNT,
	WRIT_PUT,
	WRIT_DROP,
	WRIT_ALL,
	STATEMENTS
};

struct sqlite3;
struct sqlite3_stmt;
struct origin;
struct receipt;

struct store {
	struct sqlite3 *db;
	struct sqlite3_stmt *statement[STATEMENTS];
	char *path;
	char name[EVENT_LABEL_MAX]; /* of the origin that it is */
	uint32_t epoch;
	uint64_t last_oseq, committed_oseq, rollbacks;
	uint64_t gone; /* as the database has it, once known */
	bool gone_known;
	bool dirty, failed; /* a transaction is open; and a statement of it went wrong */
	struct err why;
	STAILQ_HEAD(, origin) origins; /* store_floor.h */
	STAILQ_HEAD(, receipt) receipts;
};

/* Open or make the file; one that is damaged is put aside first. */
bool sql_open(struct store *store, struct err *err);
void sql_shut(struct store *store);

bool sql_fail(struct store *store, struct err *err); /* SQLite's own sentence; always false */
/* A change: its transaction is open from now on. */
bool sql_begin(struct store *store, struct err *err);
bool sql_run(struct store *store, enum statement which, struct err *err); /* a statement without rows */
/* The next row, or the end, where the statement is reset: false, and *good says whether it was a good one. */
bool sql_row(struct store *store, enum statement which, bool *good, struct err *err);
void sql_reset(struct store *store, enum statement which);
void sql_text(struct store *store, enum statement which, int at, const char *text); /* borrowed until it is run */
void sql_number(struct store *store, enum statement which, int at, uint64_t number);
void sql_blob(struct store *store, enum statement which, int at, const void *bytes, size_t len); /* borrowed, too */
uint64_t sql_get_number(struct store *store, enum statement which, int at);
const char *sql_get_text(struct store *store, enum statement which, int at);
const char *sql_get_blob(struct store *store, enum statement which, int at, size_t *len);
bool sql_is_null(struct store *store, enum statement which, int at);
/* The number that a statement answers with; 0: none, or NULL. */
uint64_t sql_one(struct store *store, enum statement which);
bool sql_in_transaction(struct store *store);
uint64_t sql_meta_get(struct store *store, const char *key); /* 0: there is none */
bool sql_meta_put(struct store *store, const char *key, uint64_t value, struct err *err);

#endif
