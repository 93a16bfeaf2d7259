#include "tests/fleet/delay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/fleet/conn.h"
#include "tests/fleet/crew.h"
#include "tests/fleet/link.h"

#define BILLION INT64_C(1000000000)
#define EVENTS 256

void link_reset_on_close(struct link *link)
{
	atomic_store(&link->reset, true);
}

/* Sets what epoll is to watch an end for. Failing is out of memory only, and
 * then the client runs into its deadline. */
static void watch(struct delay *delay, struct end *end, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = end };

	if (!end->known || end->events == events)
		return;
	end->events = events;
	epoll_ctl(delay->epoll, EPOLL_CTL_MOD, end->fd, &e);
}

/* Tells epoll what the state of both ways asks of this end. */
static void rewatch(struct delay *delay, struct end *end)
{
	struct link *link = end->link;
	const struct way *from = end == &link->tcp ? &link->in : &link->out;
	const struct way *to = end == &link->tcp ? &link->out : &link->in;
	uint32_t events = 0;

	if (!from->ended && from->queued < QUEUED_MAX)
		events |= EPOLLIN;
	if (to->blocked)
		events |= EPOLLOUT;
	watch(delay, end, events);
}

static void forget(struct delay *delay, struct end *end)
{
	if (end->known)
		epoll_ctl(delay->epoll, EPOLL_CTL_DEL, end->fd, NULL);
	end->known = false;
}

static void unlist(struct delay *delay, struct link *link)
{
	if (link->next != NULL)
		link->next->before = link->before;
	if (link->before != NULL)
		link->before->next = link->next;
	else
		delay->links = link->next;
}

/* After each change: the link ends when the handler has closed its end and
 * its last bytes are out. */
static void settle(struct delay *delay, struct link *link)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (!link->left || (!link->out.broken && link->out.first != NULL)) {
		rewatch(delay, &link->tcp);
		rewatch(delay, &link->near);
		return;
	}
	if (atomic_load(&link->reset))
		setsockopt(link->tcp.fd, SOL_SOCKET, SO_LINGER, &now,
		           sizeof(now));
	forget(delay, &link->tcp);
	forget(delay, &link->near);
	way_clear(delay, &link->in);
	way_clear(delay, &link->out);
	close(link->tcp.fd);
	close(link->near.fd);
	unlist(delay, link);
	link->next = delay->done;
	delay->done = link;
	/* Events of this round may still name it. */
	link->tcp.fd = -1;
	link->near.fd = -1;
}

static void on_event(struct delay *delay, struct end *end, uint32_t events)
{
	struct link *link = end->link;
	bool is_tcp = end == &link->tcp;
	struct way *from = is_tcp ? &link->in : &link->out;
	struct way *to = is_tcp ? &link->out : &link->in;
	bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;

	if (end->fd < 0)
		return;
	if ((events & EPOLLIN) != 0 || gone)
		way_take_in(delay, from, gone);
	if (gone) {
		/* Reported for ever: both directions of this end are over. */
		forget(delay, end);
		way_break(delay, to);
		if (!is_tcp)
			link->left = true;
	} else if ((events & EPOLLOUT) != 0) {
		way_give_out(delay, to);
	}
	settle(delay, link);
}

/* A timer that is late costs every host time, so it is in nanoseconds. */
static void arm(struct delay *delay)
{
	const struct heap_item *soonest = heap_soonest(&delay->heap);
	int64_t due = soonest != NULL ? soonest->due_ns : 0;
	const struct itimerspec when = {
		.it_value = { .tv_sec = due / BILLION,
		              .tv_nsec = due % BILLION },
	};

	if (due == delay->armed_ns)
		return;
	delay->armed_ns = due;
	timerfd_settime(delay->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_timer(struct delay *delay)
{
	uint64_t times = 0;
	int64_t now = delay_now_ns();

	if (read(delay->timer, &times, sizeof(times)) < 0)
		return;
	delay->armed_ns = 0;
	for (;;) {
		struct heap_item *item = heap_soonest(&delay->heap);
		struct way *way = (struct way *)item;

		if (item == NULL || item->due_ns > now)
			return;
		way_give_out(delay, way);
		settle(delay, way->link);
	}
}

static void free_done(struct delay *delay)
{
	while (delay->done != NULL) {
		struct link *next = delay->done->next;

		free(delay->done);
		delay->done = next;
	}
}

static void *carry(void *arg)
{
	struct delay *delay = arg;
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(delay->epoll, events, EVENTS, -1);

		pthread_mutex_lock(&delay->lock);
		for (int i = 0; i < n; i++) {
			void *who = events[i].data.ptr;

			if (who == &delay->stop) {
				pthread_mutex_unlock(&delay->lock);
				return NULL;
			}
			if (who == &delay->timer)
				on_timer(delay);
			else
				on_event(delay, who, events[i].events);
		}
		free_done(delay);
		arm(delay);
		pthread_mutex_unlock(&delay->lock);
	}
}

static bool add_end(struct delay *delay, struct end *end)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = end };

	end->events = EPOLLIN;
	end->known = epoll_ctl(delay->epoll, EPOLL_CTL_ADD, end->fd, &e) == 0;
	return end->known;
}

static struct link *link_new(const struct delay *delay, struct conn *conn,
                             const int pair[static 2])
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->start_ns = delay_now_ns() + delay->settings.rtt_ns;
	link->tcp = (struct end){ .link = link, .fd = conn->fd };
	link->near = (struct end){ .link = link, .fd = pair[0] };
	link->in =
	    (struct way){ .link = link, .from = &link->tcp, .to = &link->near };
	link->out =
	    (struct way){ .link = link, .from = &link->near, .to = &link->tcp };
	link->in.last = &link->in.first;
	link->out.last = &link->out.first;
	link->in.dice = delay->settings.seed ^ ((uint64_t)conn->address << 16);
	link->out.dice = ~link->in.dice;
	return link;
}

bool delay_add(struct delay *delay, struct conn *conn)
{
	int pair[2] = { -1, -1 };
	struct link *link = NULL;
	bool ok = false;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	link = link_new(delay, conn, pair);
	if (link == NULL)
		goto out;
	pthread_mutex_lock(&delay->lock);
	ok = add_end(delay, &link->tcp) && add_end(delay, &link->near) &&
	     way_queue(delay, &link->in, CHUNK_OPEN, NULL, 0,
	               way_arrival_ns(delay, &link->in));
	if (ok) {
		link->conn = conn;
		link->next = delay->links;
		if (delay->links != NULL)
			delay->links->before = link;
		delay->links = link;
		conn->link = link;
		conn->fd = pair[1];
		pair[0] = pair[1] = -1;
		arm(delay);
	} else {
		forget(delay, &link->tcp);
		forget(delay, &link->near);
		way_clear(delay, &link->in);
		free(link);
	}
	pthread_mutex_unlock(&delay->lock);
out:
	if (pair[0] >= 0) {
		int saved = errno;

		close(pair[0]);
		close(pair[1]);
		errno = saved;
	}
	return ok;
}

struct delay *delay_new(const struct delay_settings *settings,
                        struct crew *crew, int *errnum)
{
	struct delay *delay = calloc(1, sizeof(*delay));
	struct epoll_event e = { .events = EPOLLIN };

	if (delay == NULL) {
		*errnum = ENOMEM;
		return NULL;
	}
	delay->settings = *settings;
	delay->crew = crew;
	delay->epoll = epoll_create1(EPOLL_CLOEXEC);
	delay->timer =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	delay->stop = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&delay->lock, NULL);
	if (delay->epoll < 0 || delay->timer < 0 || delay->stop < 0)
		goto failed;
	e.data.ptr = &delay->timer;
	if (epoll_ctl(delay->epoll, EPOLL_CTL_ADD, delay->timer, &e) < 0)
		goto failed;
	e.data.ptr = &delay->stop;
	if (epoll_ctl(delay->epoll, EPOLL_CTL_ADD, delay->stop, &e) < 0)
		goto failed;
	*errnum = pthread_create(&delay->thread, NULL, carry, delay);
	if (*errnum == 0)
		return delay;
	errno = *errnum;
failed:
	*errnum = errno;
	delay_free(delay);
	return NULL;
}

void delay_stop(struct delay *delay)
{
	const uint64_t one = 1;

	if (write(delay->stop, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(delay->thread, NULL);
}

static void link_free(struct delay *delay, struct link *link)
{
	if (link->conn != NULL)
		conn_free(link->conn);
	way_clear(delay, &link->in);
	way_clear(delay, &link->out);
	close(link->tcp.fd);
	close(link->near.fd);
	free(link);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void delay_free(struct delay *delay)
{
	if (delay == NULL)
		return;
	free_done(delay);
	while (delay->links != NULL) {
		struct link *next = delay->links->next;

		link_free(delay, delay->links);
		delay->links = next;
	}
	heap_release(&delay->heap);
	close_fd(delay->epoll);
	close_fd(delay->timer);
	close_fd(delay->stop);
	pthread_mutex_destroy(&delay->lock);
	free(delay);
}
