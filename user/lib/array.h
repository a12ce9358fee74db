/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: arrays that grow by doubling, from malloc(3). */
#ifndef ARRAY_H
#define ARRAY_H

#include <stdlib.h>

/*
 * Makes room for one more behind the @n elements of @size bytes in @array.
 * *@room, how many there is room for, is kept by the caller. Returns the array,
 * which may have moved; NULL: no memory, and @array is as it was.
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
