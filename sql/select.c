#include "sql/store_private.h"

#include "sql/patience.h"

struct reading {
	struct patience *patience;
	db_row_function *row;
	void *arg;
};

/* A long result is no silence. */
static bool take_row(void *arg, const char *const *values, size_t count)
{
	struct reading *reading = arg;

	patience_progress(reading->patience);
	return reading->row(reading->arg, values, count);
}

static enum db_result read_patiently(struct reading *reading, const char *sql,
                                     struct err *err)
{
	struct patience *patience = reading->patience;
	struct db *db = patience->db;
	enum db_result result;

	patience_begin(patience);
	do {
		patience_call(patience);
		result = db->ops->select(db, sql, take_row, reading, err);
		result = patience_called(patience, result, err);
	} while (patience_again(patience, result, err));
	return result;
}

bool store_select(struct store *store, const char *sql, db_row_function *row,
                  void *arg, struct err *err)
{
	struct reading reading = { &store->writer.patience, row, arg };
	struct err failed = { .kind = ERR_NONE };
	enum db_result result;

	db_thread_begin(store->db->ops);
	result = read_patiently(&reading, sql, &failed);
	db_thread_end(store->db->ops);
	if (result == DB_OK)
		return true;
	*err = failed;
	err->kind = ERR_STORE;
	return err_prefix(err, "%s", store->name);
}
