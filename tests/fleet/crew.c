#include "tests/fleet/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/counts.h"
#include "tests/fleet/say.h"

/* libssh and OpenSSL need 20 KiB; sanitizers make frames several times as
 * large. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE ((size_t)1024 * 1024)
#else
#define STACK_SIZE ((size_t)128 * 1024)
#endif

struct crew {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t work;  /* queue or closing changed */
	pthread_cond_t ended; /* threads changed */
	struct conn *queue;   /* oldest first */
	struct conn **queue_end;
	struct conn *live; /* those that are being served */
	size_t queued;
	size_t idle;    /* threads that wait for work */
	size_t threads; /* at work or idle */
	pthread_t *ids; /* of all ever started: joined at the end */
	size_t ids_count;
	size_t ids_room;
	bool closing;
};

struct crew *crew_new(void)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	pthread_condattr_t monotonic;

	if (crew == NULL)
		return NULL;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_cond_init(&crew->work, NULL);
	pthread_cond_init(&crew->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	crew->queue_end = &crew->queue;
	return crew;
}

void crew_free(struct crew *crew)
{
	if (crew == NULL)
		return;
	pthread_cond_destroy(&crew->ended);
	pthread_cond_destroy(&crew->work);
	pthread_mutex_destroy(&crew->lock);
	free(crew->ids);
	free(crew);
}

void conn_free(struct conn *conn)
{
	close(conn->fd);
	counts_closed(conn->counts, conn->address);
	free(conn);
}

/* Takes the oldest one and lists it as live. The lock is held. */
static struct conn *take(struct crew *crew)
{
	struct conn *conn = crew->queue;

	crew->queue = conn->next;
	if (crew->queue == NULL)
		crew->queue_end = &crew->queue;
	crew->queued--;
	conn->before = NULL;
	conn->next = crew->live;
	if (crew->live != NULL)
		crew->live->before = conn;
	crew->live = conn;
	return conn;
}

/* The lock is held. */
static void unlist(struct crew *crew, struct conn *conn)
{
	if (conn->next != NULL)
		conn->next->before = conn->before;
	if (conn->before != NULL)
		conn->before->next = conn->next;
	else
		crew->live = conn->next;
}

static void *serve(void *arg)
{
	struct crew *crew = arg;

	pthread_mutex_lock(&crew->lock);
	for (;;) {
		struct conn *conn = NULL;

		crew->idle++;
		while (crew->queue == NULL && !crew->closing)
			pthread_cond_wait(&crew->work, &crew->lock);
		crew->idle--;
		if (crew->queue == NULL)
			break;
		conn = take(crew);
		if (crew->closing)
			shutdown(conn->fd, SHUT_RDWR);
		pthread_mutex_unlock(&crew->lock);
		conn->behaviour->serve(conn);
		pthread_mutex_lock(&crew->lock);
		unlist(crew, conn);
		pthread_mutex_unlock(&crew->lock);
		conn_free(conn);
		pthread_mutex_lock(&crew->lock);
	}
	crew->threads--;
	pthread_cond_signal(&crew->ended);
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static bool grow_ids(struct crew *crew)
{
	size_t room = crew->ids_room > 0 ? 2 * crew->ids_room : 64;
	pthread_t *grown = NULL;

	if (crew->ids_count < crew->ids_room)
		return true;
	grown = reallocarray(crew->ids, room, sizeof(*grown));
	if (grown == NULL)
		return false;
	crew->ids = grown;
	crew->ids_room = room;
	return true;
}

/* The lock is held: a thread that is not counted yet cannot end. */
static int start_thread(struct crew *crew)
{
	pthread_attr_t attr;
	int rc = 0;

	if (!grow_ids(crew))
		return ENOMEM;
	rc = pthread_attr_init(&attr);
	if (rc != 0)
		return rc;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = pthread_create(&crew->ids[crew->ids_count], &attr, serve, crew);
	pthread_attr_destroy(&attr);
	if (rc == 0) {
		crew->ids_count++;
		crew->threads++;
	}
	return rc;
}

void crew_submit(struct crew *crew, struct conn *conn)
{
	int rc = 0;

	conn->next = NULL;
	pthread_mutex_lock(&crew->lock);
	*crew->queue_end = conn;
	crew->queue_end = &conn->next;
	crew->queued++;
	/* A thread just started counts as idle only when it runs, so a burst
	 * may start one too many: it will be of use. */
	if (crew->queued > crew->idle)
		rc = start_thread(crew);
	pthread_cond_signal(&crew->work);
	pthread_mutex_unlock(&crew->lock);
	/* It stays queued and is served when another one ends. */
	if (rc != 0)
		say(rc, "could not start a thread; a connection waits");
}

bool crew_close(struct crew *crew, int timeout_ms)
{
	struct timespec deadline;
	bool ended = false;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += timeout_ms / 1000;
	deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
	if (deadline.tv_nsec >= 1000000000L) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&crew->lock);
	crew->closing = true;
	for (struct conn *c = crew->live; c != NULL; c = c->next)
		shutdown(c->fd, SHUT_RDWR);
	pthread_cond_broadcast(&crew->work);
	while (crew->threads > 0 && rc == 0)
		rc = pthread_cond_timedwait(&crew->ended, &crew->lock,
		                            &deadline);
	ended = crew->threads == 0;
	pthread_mutex_unlock(&crew->lock);
	/* OpenSSL still frees what each of them had. */
	for (size_t i = 0; ended && i < crew->ids_count; i++)
		pthread_join(crew->ids[i], NULL);
	return ended;
}
