#ifndef GP_BASE_FILE_H
#define GP_BASE_FILE_H

/* Whole files and directories, for the start of the program and for small files. These calls block. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the whole file to `out`; nothing is appended on an error. ERR_NOT_FOUND if there is none,
 * ERR_TOO_BIG if it has more than `limit` bytes or `out` has no room for it. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err) MUST_USE;

/* Whoever opens the path sees the old content or the new one, never a part. With `sync` the new one is on the
 * disk when this returns 0. `mode` is set as it is, whatever the umask. */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode, bool sync, struct err *err)
    MUST_USE;

/* mkdir -p. */
int file_make_dirs(const char *path, mode_t mode, struct err *err) MUST_USE;

/* Removes a file, or a directory with all that is in it. Never follows a symbolic link: it removes the link.
 * True if nothing is there any more, also if nothing was there before. */
bool file_remove_tree(const char *path);

#endif
