#include "segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = NAME_MAX + 1 };

void segments_init(struct segments *segments, const char *prefix, size_t segment_bytes, uint64_t head, uint64_t tail) {
    *segments =
        (struct segments){.prefix = prefix, .segment_bytes = segment_bytes, .head = head, .tail = tail, .fd = -1};
}

static void segment_name(const struct segments *segments, char *name, uint64_t index) {
    (void)snprintf(name, NAME_BYTES, "%sout.%" PRIu64, segments->prefix, index);
}

uint64_t segments_resume(struct segments *segments) {
    DIR *directory = opendir(".");
    const struct dirent *entry;
    struct stat file;
    char name[NAME_BYTES];
    uint64_t index, kept = 0;
    int size;

    while (directory && (entry = readdir(directory)) != NULL) {
        if (sscanf(entry->d_name, "out.%" SCNu64 "%n", &index, &size) != 1 || entry->d_name[size] != '\0' ||
            stat(entry->d_name, &file) < 0) {
            continue;
        }
        kept += (uint64_t)file.st_size;
        segments->index = index > segments->index ? index : segments->index;
    }
    if (directory) {
        (void)closedir(directory);
    }
    segment_name(segments, name, segments->index);
    segments->used = stat(name, &file) == 0 ? (size_t)file.st_size : 0;
    segments->bytes = segments->index * segments->segment_bytes + segments->used;
    segments->left_out = segments->bytes - kept;
    return segments->bytes;
}

/* The oldest segment of the tail goes first: on a full disk it makes the room for the new one. */
static void segment_next(struct segments *segments) {
    char name[NAME_BYTES];

    segments_finish(segments);
    segments->index++;
    segments->used = 0;
    if (segments->index >= segments->head + segments->tail) {
        segment_name(segments, name, segments->index - segments->tail);
        if (unlink(name) == 0) {
            segments->left_out += segments->segment_bytes;
        }
    }
}

void segments_write(struct segments *segments, const char *bytes, size_t size) {
    char name[NAME_BYTES];

    segments->bytes += size;
    while (size > 0) {
        if (segments->used == segments->segment_bytes) {
            segment_next(segments);
        }
        if (segments->fd < 0) {
            segment_name(segments, name, segments->index);
            segments->fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        }
        size_t room = segments->segment_bytes - segments->used;
        ssize_t count = segments->fd < 0 ? -1 : write(segments->fd, bytes, size < room ? size : room);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            segments->left_out += size;
            return;
        }
        segments->used += (size_t)count;
        bytes += count;
        size -= (size_t)count;
    }
}

void segments_finish(struct segments *segments) {
    if (segments->fd >= 0) {
        (void)close(segments->fd);
        segments->fd = -1;
    }
}
