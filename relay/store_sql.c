/* The one file that knows SQLite. */
#include "relay/store_sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS outbox(oseq INTEGER PRIMARY KEY, made_ms INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS inbox(n INTEGER PRIMARY KEY, origin TEXT NOT NULL, epoch INTEGER NOT NULL,"
	" oseq INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE UNIQUE INDEX IF NOT EXISTS inbox_mark ON inbox(origin, epoch, oseq);"
	"CREATE TABLE IF NOT EXISTS floor(origin TEXT PRIMARY KEY, epoch INTEGER NOT NULL, oseq INTEGER NOT NULL,"
	" errors INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS ahead(origin TEXT NOT NULL, oseq INTEGER NOT NULL, PRIMARY KEY(origin, oseq)) "
	"WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS receipt(region TEXT PRIMARY KEY, epoch INTEGER NOT NULL, oseq INTEGER NOT NULL,"
	" errors INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS dead(id INTEGER PRIMARY KEY, target TEXT, event TEXT, item TEXT, reason TEXT, "
	"at_ms INTEGER);"
	"CREATE TABLE IF NOT EXISTS writ(target TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;";

static const char *const sql[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[META_PUT] = "INSERT INTO meta VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
	[OUTBOX_ADD] = "INSERT INTO outbox VALUES(?1, ?2, ?3)",
	[OUTBOX_PUT] = "UPDATE outbox SET body = ?2 WHERE oseq = ?1",
	[OUTBOX_AFTER] = "SELECT oseq, body FROM outbox WHERE oseq > ?1 ORDER BY oseq LIMIT ?2",
	[OUTBOX_TRIM] = "DELETE FROM outbox WHERE oseq <= ?1",
	[OUTBOX_LEFT] = "SELECT count(*), min(made_ms) FROM outbox",
	[OUTBOX_FIRST] = "SELECT oseq, made_ms FROM outbox ORDER BY oseq LIMIT 1",
	[OUTBOX_OLD] = "SELECT max(oseq) FROM outbox WHERE made_ms < ?1",
	[OUTBOX_MADE] = "SELECT made_ms FROM outbox WHERE oseq > ?1 ORDER BY oseq LIMIT 1",
	[OUTBOX_COUNT] = "SELECT count(*) FROM outbox WHERE oseq <= ?1",
	[INBOX_ADD] = "INSERT INTO inbox(origin, epoch, oseq, body) VALUES(?1, ?2, ?3, ?4)",
	[INBOX_ALL] = "SELECT body FROM inbox ORDER BY n",
	[INBOX_DROP] = "DELETE FROM inbox WHERE origin = ?1 AND epoch = ?2 AND oseq = ?3",
	[INBOX_DROP_ORIGIN] = "DELETE FROM inbox WHERE origin = ?1 AND (epoch <> ?2 OR oseq <= ?3)",
	[INBOX_FIRST] = "SELECT min(oseq) FROM inbox WHERE origin = ?1 AND epoch = ?2",
	[FLOOR_GET] = "SELECT epoch, oseq, errors FROM floor WHERE origin = ?1",
	[FLOOR_PUT] = "INSERT OR REPLACE INTO floor VALUES(?1, ?2, ?3, ?4)",
	[AHEAD_HAS] = "SELECT 1 FROM ahead WHERE origin = ?1 AND oseq = ?2",
	[AHEAD_COUNT] = "SELECT count(*) FROM ahead WHERE origin = ?1",
	[AHEAD_ADD] = "INSERT OR IGNORE INTO ahead VALUES(?1, ?2)",
	[AHEAD_FIRST] = "SELECT min(oseq) FROM ahead WHERE origin = ?1",
	[AHEAD_TAKE] = "DELETE FROM ahead WHERE origin = ?1 AND oseq = ?2",
	[AHEAD_DROP] = "DELETE FROM ahead WHERE origin = ?1 AND oseq <= ?2",
	[RECEIPT_PUT] = "INSERT OR REPLACE INTO receipt VALUES(?1, ?2, ?3, ?4)",
	[RECEIPT_GET] = "SELECT epoch, oseq, errors FROM receipt WHERE region = ?1",
	[RECEIPT_ALL] = "SELECT region, oseq FROM receipt WHERE epoch = ?1 ORDER BY region",
	[RECEIPT_LEAST] = "SELECT min(oseq) FROM receipt WHERE epoch = ?1",
	[DEAD_ADD] = "INSERT INTO dead(target, event, item, reason, at_ms) VALUES(?1, ?2, ?3, ?4, ?5)",
	[DEAD_TRIM] = "DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?1",
	[DEAD_ALL] = "SELECT id, target, event, item, reason, at_ms FROM dead ORDER BY id",
	[DEAD_DROP] = "DELETE FROM dead WHERE id = ?1",
	[DEAD_CLEAR] = "DELETE FROM dead",
	[DEAD_COUNT] = "SELECT count(*) FROM dead",
	[WRIT_PUT] = "INSERT INTO writ VALUES(?1, ?2) ON CONFLICT(target) DO UPDATE SET body = ?2",
	[WRIT_DROP] = "DELETE FROM writ WHERE target = ?1",
	[WRIT_ALL] = "SELECT body FROM writ ORDER BY target",
};

/* ---- statements ---- */

bool sql_fail(struct store *store, struct err *err)
{
	return err_set(err, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

bool sql_run(struct store *store, enum statement which, struct err *err)
{
	int got = sqlite3_step(store->statement[which]);
	bool good = got == SQLITE_DONE || got == SQLITE_ROW ? true : sql_fail(store, err);

	if (!good && store->dirty && !store->failed) {
		store->failed = true;
		sql_fail(store, &store->why);
	}
	sqlite3_reset(store->statement[which]);
	return good;
}

bool sql_row(struct store *store, enum statement which, bool *good, struct err *err)
{
	int got = sqlite3_step(store->statement[which]);

	*good = got == SQLITE_ROW || got == SQLITE_DONE ? true : sql_fail(store, err);
	if (got != SQLITE_ROW)
		sqlite3_reset(store->statement[which]);
	return got == SQLITE_ROW;
}

void sql_reset(struct store *store, enum statement which)
{
	sqlite3_reset(store->statement[which]);
}

void sql_text(struct store *store, enum statement which, int at, const char *text)
{
	sqlite3_bind_text(store->statement[which], at, text, -1, SQLITE_STATIC);
}

void sql_number(struct store *store, enum statement which, int at, uint64_t number)
{
	sqlite3_bind_int64(store->statement[which], at, (sqlite3_int64)number);
}

void sql_blob(struct store *store, enum statement which, int at, const void *bytes, size_t len)
{
	sqlite3_bind_blob(store->statement[which], at, bytes, (int)len, SQLITE_STATIC);
}

uint64_t sql_get_number(struct store *store, enum statement which, int at)
{
	return (uint64_t)sqlite3_column_int64(store->statement[which], at);
}

const char *sql_get_text(struct store *store, enum statement which, int at)
{
	const char *text = (const char *)sqlite3_column_text(store->statement[which], at);

	return text != NULL ? text : "";
}

const char *sql_get_blob(struct store *store, enum statement which, int at, size_t *len)
{
	const char *bytes = sqlite3_column_blob(store->statement[which], at);

	*len = (size_t)sqlite3_column_bytes(store->statement[which], at);
	return bytes != NULL ? bytes : "";
}

bool sql_is_null(struct store *store, enum statement which, int at)
{
	return sqlite3_column_type(store->statement[which], at) == SQLITE_NULL;
}

bool sql_in_transaction(struct store *store)
{
	return sqlite3_get_autocommit(store->db) == 0;
}

bool sql_begin(struct store *store, struct err *err)
{
	/* on a full disk SQLite may have rolled back already: what came now would be written by itself, and numbered behind what is not there */
	if (store->failed)
		return err_set(err, "%s", store->why.text);
	if (store->dirty)
		return true;
	store->dirty = true; /* also when it does not begin: the commit must not say that all is written */
	return sql_run(store, BEGIN, err);
}

/* ---- opening ---- */

static bool is_sound(struct store *store)
{
	sqlite3_stmt *check = NULL;
	bool sound = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &check, NULL) == SQLITE_OK &&
		     sqlite3_step(check) == SQLITE_ROW &&
		     strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;

	sqlite3_finalize(check);
	return sound;
}

void sql_shut(struct store *store)
{
	for (unsigned i = 0; i < STATEMENTS; i++) {
		sqlite3_finalize(store->statement[i]);
		store->statement[i] = NULL;
	}
	sqlite3_close(store->db);
	store->db = NULL;
}

static bool open_file(struct store *store, struct err *err)
{
	if (sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		    NULL) != SQLITE_OK)
		return sql_fail(store, err);
	sqlite3_busy_timeout(store->db, 2000);
	if (sqlite3_exec(store->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA locking_mode=EXCLUSIVE",
		    NULL, NULL, NULL) != SQLITE_OK ||
		!is_sound(store) || sqlite3_exec(store->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(store, err);
	for (unsigned i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statement[i], NULL) !=
			SQLITE_OK)
			return sql_fail(store, err);
	return true;
}

static bool is_damage(struct store *store)
{
	int code = sqlite3_errcode(store->db);

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_OK; /* OK: quick_check said no */
}

static bool put_aside(const struct store *store, struct err *err)
{
	static const char *const tails[] = { "", "-wal", "-shm" };

	for (unsigned i = 0; i < COUNT_OF(tails); i++) {
		char *from = mem_printf("%s%s", store->path, tails[i]),
		     *to = mem_printf("%s.bad%s", store->path, tails[i]);
		bool moved = rename(from, to) == 0 || i > 0;

		free(from);
		free(to);
		if (!moved)
			return err_set(err, "%s: is damaged and cannot be put aside", store->path);
	}
	return true;
}

bool sql_open(struct store *store, struct err *err)
{
	bool damaged;

	if (open_file(store, err))
		return true;
	damaged = is_damage(store);
	sql_shut(store);
	return damaged && put_aside(store, err) && open_file(store, err);
}

/* ---- single numbers ---- */

uint64_t sql_one(struct store *store, enum statement which)
{
	uint64_t number = 0;

	if (sql_row(store, which, &(bool){ false }, NULL))
		number = sql_get_number(store, which, 0); /* NULL is 0 for SQLite, too */
	sql_reset(store, which);
	return number;
}

uint64_t sql_meta_get(struct store *store, const char *key)
{
	sql_text(store, META_GET, 1, key);
	return sql_one(store, META_GET);
}

bool sql_meta_put(struct store *store, const char *key, uint64_t value, struct err *err)
{
	sql_text(store, META_PUT, 1, key);
	sql_number(store, META_PUT, 2, value);
	return sql_run(store, META_PUT, err);
}
