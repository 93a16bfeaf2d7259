#pragma once

/* Raises the number of descriptors to what the administrator allows. */
void limits_raise(void);

/*
 * How many hosts can be in flight with the descriptors that there are: wanted,
 * or less. Each takes two at most (connecting to a second address of a name
 * while the first is silent), the rest of the program RESERVED.
 */
#define LIMITS_RESERVED 32
unsigned limits_fanout(unsigned wanted);
