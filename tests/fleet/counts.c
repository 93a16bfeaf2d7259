#include "tests/fleet/counts.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* a power of two; 10,000 hosts are the usual fleet */

struct entry {
	struct entry *next; /* in its bucket */
	uint32_t address;   /* of a network: its first one */
	uint64_t connections;
	uint64_t kinds[COUNT_KINDS];
	uint64_t held;
	uint64_t held_most;
};

struct table {
	size_t entries;
	struct entry *buckets[BUCKETS];
};

struct counts {
	pthread_mutex_t lock; /* guards all below */
	struct entry total;
	struct table hosts;
	struct table networks; /* each /24 */
};

struct counts *counts_new(void)
{
	struct counts *counts = calloc(1, sizeof(*counts));

	if (counts == NULL)
		return NULL;
	if (pthread_mutex_init(&counts->lock, NULL) != 0) {
		free(counts);
		return NULL;
	}
	return counts;
}

static void release(struct table *table)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *e = table->buckets[i];

		while (e != NULL) {
			struct entry *next = e->next;

			free(e);
			e = next;
		}
	}
}

void counts_free(struct counts *counts)
{
	if (counts == NULL)
		return;
	release(&counts->hosts);
	release(&counts->networks);
	pthread_mutex_destroy(&counts->lock);
	free(counts);
}

static uint32_t network_of(uint32_t address)
{
	return address & ~UINT32_C(255);
}

/* Where the address's entry is or belongs. The lock is held. */
static struct entry **find(struct table *table, uint32_t address)
{
	/* Fibonacci hashing: fleets count their last octet up. */
	struct entry **p =
	    &table->buckets[(address * UINT32_C(2654435769)) >> 18];

	while (*p != NULL && (*p)->address != address)
		p = &(*p)->next;
	return p;
}

/* NULL without memory. The lock is held. */
static struct entry *find_or_add(struct table *table, uint32_t address)
{
	struct entry **p = find(table, address);

	if (*p == NULL) {
		*p = calloc(1, sizeof(**p));
		if (*p == NULL)
			return NULL;
		(*p)->address = address;
		table->entries++;
	}
	return *p;
}

static void hold(struct entry *e)
{
	e->connections++;
	e->held++;
	if (e->held > e->held_most)
		e->held_most = e->held;
}

uint64_t counts_opened(struct counts *counts, uint32_t address)
{
	struct entry *host = NULL, *network = NULL;
	uint64_t number = 0;

	pthread_mutex_lock(&counts->lock);
	host = find_or_add(&counts->hosts, address);
	network = find_or_add(&counts->networks, network_of(address));
	if (host != NULL && network != NULL) {
		hold(host);
		hold(network);
		hold(&counts->total);
		number = host->connections;
	}
	pthread_mutex_unlock(&counts->lock);
	return number;
}

void counts_closed(struct counts *counts, uint32_t address)
{
	struct entry *host = NULL, *network = NULL;

	pthread_mutex_lock(&counts->lock);
	host = *find(&counts->hosts, address);
	network = *find(&counts->networks, network_of(address));
	assert(host != NULL && network != NULL);
	host->held--;
	network->held--;
	counts->total.held--;
	pthread_mutex_unlock(&counts->lock);
}

void counts_add(struct counts *counts, uint32_t address, enum count count)
{
	struct entry *host = NULL, *network = NULL;

	pthread_mutex_lock(&counts->lock);
	host = *find(&counts->hosts, address);
	network = *find(&counts->networks, network_of(address));
	assert(host != NULL && network != NULL);
	host->kinds[count]++;
	network->kinds[count]++;
	counts->total.kinds[count]++;
	pthread_mutex_unlock(&counts->lock);
}

static void clear(struct entry *e)
{
	e->connections = 0;
	memset(e->kinds, 0, sizeof(e->kinds));
	e->held_most = e->held;
}

static void clear_all(struct table *table)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct entry *e = table->buckets[i]; e != NULL;
		     e = e->next)
			clear(e);
	}
}

void counts_reset(struct counts *counts)
{
	pthread_mutex_lock(&counts->lock);
	clear(&counts->total);
	clear_all(&counts->hosts);
	clear_all(&counts->networks);
	pthread_mutex_unlock(&counts->lock);
}

static void print(const char *name, const struct entry *e, FILE *out)
{
	fprintf(out, "%s\t%" PRIu64, name, e->connections);
	for (size_t i = 0; i < COUNT_KINDS; i++)
		fprintf(out, "\t%" PRIu64, e->kinds[i]);
	fprintf(out, "\t%" PRIu64 "\t%" PRIu64 "\n", e->held, e->held_most);
}

static void print_address(const struct entry *e, FILE *out)
{
	char name[16];

	snprintf(name, sizeof(name), "%u.%u.%u.%u", (e->address >> 24) & 255U,
	         (e->address >> 16) & 255U, (e->address >> 8) & 255U,
	         e->address & 255U);
	print(name, e, out);
}

static int by_address(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static bool print_table(struct counts *counts, const struct table *table,
                        FILE *out)
{
	struct entry *copy = NULL;
	size_t n = 0;

	/* Copied, for the lock is not held while a slow reader reads. */
	pthread_mutex_lock(&counts->lock);
	copy = calloc(table->entries + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < BUCKETS; i++) {
		for (struct entry *e = table->buckets[i]; e != NULL;
		     e = e->next)
			copy[n++] = *e;
	}
	pthread_mutex_unlock(&counts->lock);
	if (copy == NULL)
		return false;
	qsort(copy, n, sizeof(*copy), by_address);
	for (size_t i = 0; i < n; i++)
		print_address(&copy[i], out);
	free(copy);
	return true;
}

bool counts_print_all(struct counts *counts, FILE *out)
{
	return print_table(counts, &counts->hosts, out);
}

bool counts_print_networks(struct counts *counts, FILE *out)
{
	return print_table(counts, &counts->networks, out);
}

void counts_print(struct counts *counts, uint32_t address, FILE *out)
{
	struct entry copy = { .address = address };
	const struct entry *e = NULL;

	pthread_mutex_lock(&counts->lock);
	e = *find(&counts->hosts, address);
	if (e != NULL)
		copy = *e;
	pthread_mutex_unlock(&counts->lock);
	print_address(&copy, out);
}

void counts_print_totals(struct counts *counts, FILE *out)
{
	struct entry copy;

	pthread_mutex_lock(&counts->lock);
	copy = counts->total;
	pthread_mutex_unlock(&counts->lock);
	print("all", &copy, out);
}
