#pragma once

#include <pthread.h>
#include <stddef.h>

/*
 * Starts a joinable thread that no signal is delivered to but those that say
 * that it has itself failed (as the pool's: see pool.c). stack_size is in
 * bytes. Returns 0 or an errno value: a system may refuse one, and whoever asks
 * knows how to do without.
 */
int thread_start(pthread_t *thread, size_t stack_size, void *(*run)(void *arg),
                 void *arg);
