#ifndef GP_EXEC_RUNDIR_RECORD_H
#define GP_EXEC_RUNDIR_RECORD_H

/*
 * The file `record` of a run directory as the worker reads and writes it. exec/rundir.h says what its lines mean and
 * who may write them when.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/id.h"
#include "core/deployment.h"

/* What the whole lines say. One that does not begin with the boot says nothing but `is_void`. */
struct rundir_record {
    bool has_boot;
    bool started; /* something may have been started: also when a line is there that nobody knows */
    bool is_void;
    bool ended;
    bool told;
    char boot[ID_BOOT_SIZE];
    pid_t supervisor, child; /* 0 = not known */
    struct outcome outcome;
    uint64_t bytes, left_out;
    off_t whole; /* where the whole lines end, and */
    bool cut;    /* whether part of a line follows */
};

/* Returns 0 or a negative errno. */
int rundir_record_read(struct rundir_record *ret, int fd) MUST_USE;

/* Written under this boot of the machine, so that what is not in it did not happen. */
bool rundir_record_is_of_this_boot(const struct rundir_record *record);

/* Appends a line to what was read, in the place of a part of one. With `sync` it is on the disk when this returns 0,
 * which is 0 or a negative errno. The descriptor appends (O_APPEND), so that nothing that came meanwhile is
 * overwritten. */
int rundir_record_append(const struct rundir_record *record, int fd, const char *line, bool sync) MUST_USE;

#endif
