/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: arrays that grow by doubling, from malloc(3). */
#ifndef ARRAY_H
#define ARRAY_H

#include <stdlib.h>

/*
 * Makes room for one more after the @n elements of @size bytes in @array. The
 * caller keeps *@room, the capacity. Returns the array, which may have moved;
 * NULL: out of memory, @array is unchanged.
 */
static inline void *array_grow(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;

	if (n < *room)
		return array;
	array = reallocarray(array, more, size);
	if (array)
		*room = more;
	return array;
}

#endif
