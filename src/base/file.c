#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int read_all(int fd, const char *path, size_t limit, struct buf *out, struct err *err) {
    char chunk[16 << 10];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set(err, ERR_IO, "The file '%s' cannot be read: %s.", path, strerror(errno));
        }
        if (got == 0) {
            return 0;
        }
        total += (size_t)got;
        if (total > limit || (size_t)got > out->limit - out->size) {
            return err_set(err, ERR_TOO_BIG, "The file '%s' is larger than %zu bytes.", path,
                           limit < out->limit ? limit : out->limit);
        }
        buf_add(out, chunk, (size_t)got);
    }
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        enum err_code code = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        return err_set(err, code, "The file '%s' cannot be opened: %s.", path, strerror(errno));
    }
    size_t before = out->size;
    int result = read_all(fd, path, limit, out, err);
    if (result != 0 && out->size > before) {
        out->size = before;
        out->data[before] = 0;
    }
    (void)close(fd);
    return result;
}

static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* A rename is on the disk when its directory is. */
static bool sync_directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    char *parent = slash == NULL ? mem_strdup(".") : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(parent);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode, bool sync, struct err *err) {
    size_t length = strlen(path);
    char *temporary = mem_alloc(length + sizeof ".XXXXXX");
    memcpy(temporary, path, length);
    memcpy(temporary + length, ".XXXXXX", sizeof ".XXXXXX");

    int fd = mkostemp(temporary, O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, data, size) && fchmod(fd, mode) == 0 && (!sync || fsync(fd) == 0);
    ok = ok && rename(temporary, path) == 0;
    int why = errno;
    if (!ok && fd >= 0) {
        (void)unlink(temporary);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(temporary);
    if (ok && sync && !sync_directory_of(path)) {
        why = errno;
        ok = false;
    }
    return ok ? 0 : err_set(err, ERR_IO, "The file '%s' cannot be written: %s.", path, strerror(why));
}

int file_make_dirs(const char *path, mode_t mode, struct err *err) {
    char *part = mem_strdup(path);
    size_t length = strlen(path);
    int result = 0;
    for (size_t i = length > 0; i <= length && result == 0; i++) {
        if (path[i] != '/' && path[i] != 0) {
            continue;
        }
        part[i] = 0;
        struct stat status;
        if (mkdir(part, mode) != 0) {
            int why = errno;
            if (stat(part, &status) != 0) {
                result = err_set(err, ERR_IO, "The directory '%s' cannot be made: %s.", part, strerror(why));
            } else if (!S_ISDIR(status.st_mode)) {
                result = err_set(err, ERR_IO, "The directory '%s' cannot be made: there is a file of that name.", part);
            }
        }
        part[i] = path[i];
    }
    mem_free(part);
    return result;
}

static bool is_dot(const char *name) {
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Opens a directory, never through a link, and makes it writable, because a script may have left it read-only. */
static DIR *open_directory(int parent, const char *name) {
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0) {
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (fd < 0) {
        return NULL;
    }
    (void)fchmod(fd, 0700);
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        (void)close(fd);
    }
    return directory;
}

/* Moves a directory up into `top` under a name that is free there. */
static bool move_up(int parent, const char *name, int top) {
    char new_name[32];
    int result = -1;
    DIR *writable = open_directory(parent, name); /* moving changes its ".." */
    if (writable != NULL) {
        (void)closedir(writable);
    }
    for (unsigned i = 0; i < UINT_MAX && result != 0; i++) {
        (void)snprintf(new_name, sizeof new_name, ".removed-%u", i);
        result = renameat2(parent, name, top, new_name, RENAME_NOREPLACE);
        if (result != 0 && errno != EEXIST) {
            return false;
        }
    }
    return result == 0;
}

/* Empties a directory but for its own subdirectories that are not empty: those come up into `top`. So the whole
 * tree is removed with two open directories, however deep a script has made it. Returns how much was done. */
static size_t flatten(DIR *directory, int top) {
    size_t done = 0;
    int fd = dirfd(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (is_dot(entry->d_name)) {
            continue;
        }
        if (unlinkat(fd, entry->d_name, 0) == 0 || unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0) {
            done++;
            continue;
        }
        if (fd != top) {
            done += move_up(fd, entry->d_name, top);
            continue;
        }
        DIR *inner = open_directory(fd, entry->d_name);
        if (inner != NULL) {
            done += flatten(inner, top);
            (void)closedir(inner);
            done += unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0;
        }
    }
    return done;
}

bool file_remove_tree(const char *path) {
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) {
        return true;
    }
    DIR *top = open_directory(AT_FDCWD, path);
    if (top == NULL) {
        return false;
    }
    while (flatten(top, dirfd(top)) > 0) {
        rewinddir(top);
    }
    (void)closedir(top);
    return rmdir(path) == 0 || errno == ENOENT;
}
