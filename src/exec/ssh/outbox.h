#ifndef GP_EXEC_SSH_OUTBOX_H
#define GP_EXEC_SSH_OUTBOX_H

/* Bytes that wait until a descriptor takes them. Zeroed = empty. */

#include <stdbool.h>
#include <stddef.h>

struct outbox {
    char *bytes; /* owned */
    size_t size;
    size_t capacity;
    size_t done; /* of these, written */
};

/* Both end the process when there is no memory: what is asked for is bounded by the instructions. */
void outbox_add(struct outbox *outbox, const char *bytes, size_t size);
__attribute__((format(printf, 2, 3))) void outbox_print(struct outbox *outbox, const char *format, ...);

bool outbox_is_empty(const struct outbox *outbox);

/* Writes what the descriptor takes without blocking. Returns 0 or a negative errno. */
int outbox_write(struct outbox *outbox, int fd);

/* Wipes it, since it may have had secrets in it. */
void outbox_clear(struct outbox *outbox);

#endif
