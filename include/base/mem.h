#ifndef GP_BASE_MEM_H
#define GP_BASE_MEM_H

/*
 * Memory of small and fixed sizes. These never return NULL: when memory is gone the process
 * ends with a log line, because the queue hands its work to the next one. What is as large as
 * the input goes through struct buf, which has a cap and an error.
 */

#include <stddef.h>

void *mem_alloc(size_t size);               /* zeroed */
void *mem_array(size_t count, size_t size); /* zeroed; overflow ends the process */
void *mem_grow(void *old, size_t count, size_t size);
char *mem_strdup(const char *text); /* NULL gives NULL */
char *mem_strndup(const char *text, size_t length);
void mem_free(void *pointer);

#endif
