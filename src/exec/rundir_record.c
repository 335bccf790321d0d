#include "rundir_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "exec/rundir.h"

static const struct {
    const char *word;
    enum outcome_kind kind;
} end_words[] = {
    {"exit", OUTCOME_EXIT},
    {"signal", OUTCOME_SIGNAL},
    {"timeout", OUTCOME_TIMEOUT},
    {"quiet", OUTCOME_QUIET},
    {"canceled", OUTCOME_CANCELED},
    {"notstarted", OUTCOME_NOT_STARTED},
    {"unreachable", OUTCOME_UNREACHABLE},
    {"gone", OUTCOME_UNKNOWN},
};

static bool exit_take(struct rundir_record *record, const char *line) {
    char word[16];
    int64_t number, wall_ms;
    uint64_t bytes, left_out;
    int size = 0;
    if (sscanf(line, "exit %15s %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64 "%n", word, &number, &wall_ms, &bytes,
               &left_out, &size) != 5 ||
        line[size] != '\0') {
        return false;
    }
    for (size_t i = 0; i < sizeof end_words / sizeof end_words[0]; i++) {
        if (str_equal(word, end_words[i].word)) {
            record->outcome = (struct outcome){end_words[i].kind, number};
            record->bytes = bytes;
            record->left_out = left_out;
            return true;
        }
    }
    return false;
}

static void line_take(struct rundir_record *record, const char *line) {
    int64_t wall_ms;
    if (record->whole == 0) {
        record->is_void = str_equal(line, "void");
        record->has_boot = sscanf(line, "boot %36s", record->boot) == 1;
    } else if (!record->has_boot || record->is_void) {
        return; /* nothing that follows can count */
    } else if (record->ended) {
        record->told = record->told || str_equal(line, "told");
    } else if (exit_take(record, line)) {
        record->ended = true;
    } else if (str_equal(line, "void") && !record->started) {
        record->is_void = true;
    } else {
        record->started = true;
        if (sscanf(line, "started %d %d %" SCNd64, &record->supervisor, &record->child, &wall_ms) != 3) {
            record->supervisor = record->child = 0;
        }
    }
}

int rundir_record_read(struct rundir_record *ret, int fd) {
    char text[RUNDIR_RECORD_BYTES];
    *ret = (struct rundir_record){0};
    ssize_t size = pread(fd, text, sizeof text, 0);
    if (size < 0) {
        return -errno;
    }
    char *newline;
    while ((newline = memchr(text + ret->whole, '\n', (size_t)(size - ret->whole))) != NULL) {
        *newline = '\0';
        line_take(ret, text + ret->whole);
        ret->whole = newline + 1 - text;
    }
    ret->cut = size > ret->whole;
    return 0;
}

bool rundir_record_is_of_this_boot(const struct rundir_record *record) {
    char boot[ID_BOOT_SIZE];
    id_boot(boot);
    return record->has_boot && str_equal(record->boot, boot);
}

int rundir_record_append(const struct rundir_record *record, int fd, const char *line, bool sync) {
    if (record->cut && ftruncate(fd, record->whole) < 0) {
        return -errno;
    }
    ssize_t count = write(fd, line, strlen(line));
    if (count >= 0 && (size_t)count < strlen(line)) {
        return -ENOSPC;
    }
    return count < 0 || (sync && fdatasync(fd) < 0) ? -errno : 0;
}
