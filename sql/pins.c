#include "sql/store_private.h"

#include "sql/row.h"

struct reading {
	bool (*each)(void *arg, const char *ip, unsigned port, const char *type,
	             const char *sha256);
	void *arg;
	bool stopped;
};

/* Columns: ip, port, type, fingerprint. */
static bool take_pin(void *arg, const char *const *values, size_t count)
{
	struct reading *reading = arg;
	int64_t port;

	(void)count;
	if (values[0] == NULL || values[1] == NULL || values[3] == NULL ||
	    !row_parse_number(values[1], &port) || port < 1 || port > 65535)
		return true;
	reading->stopped =
	    !reading->each(reading->arg, values[0], (unsigned)port,
	                   values[2] != NULL ? values[2] : "", values[3]);
	return !reading->stopped;
}

static bool read_pins(struct store *store, const char *sql,
                      struct reading *reading, struct err *err)
{
	if (!store_select(store, sql, take_pin, reading, err))
		return false;
	return !reading->stopped || err_set(err, ERR_SYSTEM, "out of memory");
}

bool store_each_pin(struct store *store,
                    bool (*each)(void *arg, const char *ip, unsigned port,
                                 const char *type, const char *sha256),
                    void *arg, struct err *err)
{
	struct reading reading = { .each = each, .arg = arg };

	return read_pins(store,
	                 "SELECT ip, port, host_key_type, host_key_sha256 "
	                 "FROM server_status "
	                 "WHERE host_key_sha256 IS NOT NULL ORDER BY ip, port",
	                 &reading, err);
}

bool store_each_refused_pin(struct store *store,
                            bool (*each)(void *arg, const char *ip,
                                         unsigned port, const char *type,
                                         const char *sha256),
                            void *arg, struct err *err)
{
	struct reading reading = { .each = each, .arg = arg };

	return read_pins(store,
	                 "SELECT ip, port, NULL, new_value "
	                 "FROM server_history "
	                 "WHERE field = 'host_key_sha256' "
	                 "ORDER BY ip, port, field, changed_at",
	                 &reading, err);
}
