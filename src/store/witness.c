#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "words.h"

enum { WRITE_PAUSE_MS = 100, LINE_SIZE = 32 };

struct witness {
    int fd; /* -1 = none */
    uint64_t highest, written;
    struct timer *pause;
};

/* Several processes may share the file: it never goes down. */
static uint64_t file_read(const struct witness *witness) {
    char line[LINE_SIZE] = "";
    const char *text = line;
    uint64_t seq = 0;
    ssize_t size = pread(witness->fd, line, sizeof line - 1, 0);
    return size > 0 && words_number(&text, '\n', &seq) ? seq : 0;
}

static void file_write(void *user) {
    struct witness *witness = user;
    if (witness->fd < 0 || witness->highest == witness->written) {
        return;
    }
    witness->written = witness->highest;
    if (file_read(witness) < witness->highest) {
        char line[LINE_SIZE];
        int size = snprintf(line, sizeof line, "%020" PRIu64 "\n", witness->highest);
        (void)!pwrite(witness->fd, line, (size_t)size, 0); /* A full disk leaves the older witness, ignoring. */
    }
}

int witness_create(struct loop *loop, const char *path, struct witness **ret_witness, struct err *err) {
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (path != NULL && fd < 0) {
        return err_set(err, ERR_IO, "Cannot open %s, which remembers how far Redis was: %s.", path, strerror(errno));
    }
    struct witness *witness = mem_alloc(sizeof *witness);
    witness->fd = fd;
    witness->pause = loop_timer(loop, file_write, witness);
    if (fd >= 0) {
        witness->highest = witness->written = file_read(witness);
    }
    *ret_witness = witness;
    return 0;
}

void witness_destroy(struct witness *witness) {
    if (witness == NULL) {
        return;
    }
    file_write(witness);
    if (witness->fd >= 0) {
        (void)close(witness->fd);
    }
    timer_destroy(witness->pause);
    mem_free(witness);
}

void witness_saw(struct witness *witness, uint64_t seq) {
    if (seq > witness->highest) {
        witness->highest = seq;
        if (witness->fd >= 0 && !timer_active(witness->pause)) {
            timer_start(witness->pause, WRITE_PAUSE_MS);
        }
    }
}

uint64_t witness_highest(const struct witness *witness) {
    return witness->highest;
}
