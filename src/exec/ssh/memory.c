#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 160 };

bool memory_load(struct memory *memory) {
    char line[LINE_BYTES + 1];
    int started = 0;

    *memory = (struct memory){.fd = open("contact", O_RDWR | O_CLOEXEC)};
    ssize_t size = memory->fd < 0 ? -1 : pread(memory->fd, line, LINE_BYTES, 0);
    if (size != LINE_BYTES || line[LINE_BYTES - 1] != '\n') {
        return false;
    }
    line[size] = '\0';
    bool whole =
        sscanf(line, "%63s %d %" SCNu64 " %" SCNu64, memory->boot, &started, &memory->raw, &memory->masked) == 4;
    memory->started = started != 0;
    return whole;
}

/* Always of the same size, and in the same place, so that it is there whole. */
int memory_save(struct memory *memory) {
    char text[LINE_BYTES], line[LINE_BYTES + 2];

    if (memory->fd < 0) {
        memory->fd = open("contact", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    (void)snprintf(text, sizeof text, "%s %d %" PRIu64 " %" PRIu64, memory->boot, memory->started, memory->raw,
                   memory->masked);
    (void)snprintf(line, sizeof line, "%-*s\n", LINE_BYTES - 1, text);
    ssize_t count = memory->fd < 0 ? -1 : pwrite(memory->fd, line, LINE_BYTES, 0);
    return count < 0 ? -errno : count < LINE_BYTES ? -ENOSPC : 0;
}
