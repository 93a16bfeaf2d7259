#include "inventory/pins.h"

#include "inventory/hostset.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PINS_FIRST 64

struct pin_list {
	struct hostset hosts; /* the number of a host's pin, from 1 */
	struct pin *pins;
	size_t used, room;
};

struct pins {
	pthread_mutex_t lock; /* guards both */
	struct pin_list pinned, refused;
};

bool pins_open(struct pins **out, struct err *err)
{
	struct pins *pins = calloc(1, sizeof(*pins));

	if (pins == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	/* With the attributes that are the default it cannot fail. */
	(void)pthread_mutex_init(&pins->lock, NULL);
	*out = pins;
	return true;
}

void pins_close(struct pins *pins)
{
	if (pins == NULL)
		return;
	hostset_release(&pins->pinned.hosts);
	hostset_release(&pins->refused.hosts);
	free(pins->pinned.pins);
	free(pins->refused.pins);
	pthread_mutex_destroy(&pins->lock);
	free(pins);
}

static struct pin *find(const struct pin_list *list, const char *ip,
                        unsigned port)
{
	uint32_t number = hostset_find(&list->hosts, ip, port);

	return number > 0 ? &list->pins[number - 1] : NULL;
}

/* A new pin; NULL without memory. */
static struct pin *make(struct pin_list *list, const char *ip, unsigned port)
{
	uint32_t before;

	if (list->used == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : PINS_FIRST;
		struct pin *pins = realloc(list->pins, room * sizeof(*pins));

		if (pins == NULL)
			return NULL;
		list->pins = pins;
		list->room = room;
	}
	if (!hostset_add(&list->hosts, ip, port, (uint32_t)list->used + 1,
	                 &before))
		return NULL;
	return &list->pins[list->used++];
}

static bool put(struct pin_list *list, const char *ip, unsigned port,
                const char *type, const char *sha256)
{
	struct pin *pin = find(list, ip, port);

	if (pin == NULL)
		pin = make(list, ip, port);
	if (pin == NULL)
		return false;
	snprintf(pin->type, sizeof(pin->type), "%s", type);
	snprintf(pin->sha256, sizeof(pin->sha256), "%s", sha256);
	return true;
}

bool pins_add(void *arg, const char *ip, unsigned port, const char *type,
              const char *sha256)
{
	struct pins *pins = arg;
	bool ok;

	pthread_mutex_lock(&pins->lock);
	ok = put(&pins->pinned, ip, port, type, sha256);
	pthread_mutex_unlock(&pins->lock);
	return ok;
}

bool pins_add_refused(void *arg, const char *ip, unsigned port,
                      const char *type, const char *sha256)
{
	struct pins *pins = arg;
	bool ok;

	pthread_mutex_lock(&pins->lock);
	ok = put(&pins->refused, ip, port, type, sha256);
	pthread_mutex_unlock(&pins->lock);
	return ok;
}

static bool is_key(const struct pin *pin, const char *sha256)
{
	return pin != NULL && strcmp(pin->sha256, sha256) == 0;
}

enum pins_verdict pins_look(struct pins *pins, const char *ip, unsigned port,
                            const char *type, const char *sha256,
                            struct pin *pinned, bool *in_history)
{
	enum pins_verdict verdict = PINS_KNOWN;
	const struct pin *pin;

	pthread_mutex_lock(&pins->lock);
	pin = find(&pins->pinned, ip, port);
	if (pin == NULL) {
		verdict = put(&pins->pinned, ip, port, type, sha256)
		              ? PINS_NEW
		              : PINS_UNSURE;
	} else if (!is_key(pin, sha256)) {
		verdict = PINS_CHANGED;
		*pinned = *pin;
		*in_history = is_key(find(&pins->refused, ip, port), sha256);
		/* Without memory it is said again, which does no harm. */
		(void)put(&pins->refused, ip, port, type, sha256);
	}
	pthread_mutex_unlock(&pins->lock);
	return verdict;
}

void pins_type(struct pins *pins, const char *ip, unsigned port,
               char type[static RECORD_KEY_TYPE_MAX + 1])
{
	const struct pin *pin;

	pthread_mutex_lock(&pins->lock);
	pin = find(&pins->pinned, ip, port);
	snprintf(type, RECORD_KEY_TYPE_MAX + 1, "%s",
	         pin != NULL ? pin->type : "");
	pthread_mutex_unlock(&pins->lock);
}
