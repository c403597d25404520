#include "relay/store_sql.h"

bool store_writ_put(struct store *store, const char *target, const char *bytes, size_t len, struct err *err)
{
	if (!sql_begin(store, err))
		return false;
	sql_text(store, WRIT_PUT, 1, target);
	sql_blob(store, WRIT_PUT, 2, bytes, len);
	return sql_run(store, WRIT_PUT, err);
}

bool store_writ_drop(struct store *store, const char *target, struct err *err)
{
	if (!sql_begin(store, err))
		return false;
	sql_text(store, WRIT_DROP, 1, target);
	return sql_run(store, WRIT_DROP, err);
}

bool store_writs(
	struct store *store, void (*take)(void *arg, const char *bytes, size_t len), void *arg, struct err *err)
{
	bool good = true;

	while (sql_row(store, WRIT_ALL, &good, err)) {
		size_t len;
		const char *bytes = sql_get_blob(store, WRIT_ALL, 0, &len);

		take(arg, bytes, len);
	}
	sql_reset(store, WRIT_ALL);
	return good;
}
