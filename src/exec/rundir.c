#include "rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/lockfile.h"
#include "base/str.h"
#include "exec/rundir.h"

enum { RECORD_BYTES = 256, EXCERPT_READ_BYTES = 8 << 10, KEPT_SECONDS = 7 * 24 * 3600 };

void rundir_path(char out[RUNDIR_PATH_SIZE], const char *state_dir, uint64_t deployment, size_t step, size_t slot,
                 uint32_t attempt) {
    (void)snprintf(out, RUNDIR_PATH_SIZE, "%s/runs/%" PRIu64 "/%zu.%zu.%" PRIu32, state_dir, deployment, step, slot,
                   attempt);
}

/* A path that does not fit names nothing: what is done with it then fails as it should. */
static void file_path(char out[RUNDIR_PATH_SIZE], const char *dir, const char *name) {
    if (snprintf(out, RUNDIR_PATH_SIZE, "%s/%s", dir, name) >= RUNDIR_PATH_SIZE) {
        out[0] = '\0';
    }
}

static bool file_exists(const char *dir, const char *name) {
    char path[RUNDIR_PATH_SIZE];
    struct stat st;
    file_path(path, dir, name);
    return lstat(path, &st) == 0;
}

static bool file_text(const char *dir, const char *name, struct buf *out) {
    char path[RUNDIR_PATH_SIZE];
    file_path(path, dir, name);
    return file_read(path, RECORD_BYTES, out, NULL) == 0;
}

int rundir_make(const char *path, struct err *err) {
    char parent[RUNDIR_PATH_SIZE], boot[ID_BOOT_SIZE], lock[RUNDIR_PATH_SIZE];
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mkdir(path, 0700) < 0 &&
        (errno != ENOENT || (mkdir(parent, 0700) < 0 && errno != EEXIST) || mkdir(path, 0700) < 0)) {
        return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "The run directory %s can't be made: %s.", path,
                       strerror(errno));
    }
    id_boot(boot);
    file_path(lock, path, "lock");
    int fd = open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, boot, strlen(boot)) == (ssize_t)strlen(boot);
    int code = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    return written ? 0 : err_set(err, ERR_IO, "%s can't be written: %s.", lock, strerror(code));
}

static bool same_boot(const char *path) {
    struct buf text = BUF_INIT(RECORD_BYTES);
    char boot[ID_BOOT_SIZE];
    id_boot(boot);
    bool same = file_text(path, "lock", &text) && str_equal(text.data, boot);
    buf_finish(&text);
    return same;
}

static int lock_open(const char *path) {
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "lock");
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && lockfile_take_open(fd, NULL) < 0) {
        (void)close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static enum rundir_truth look_locked(const char *path) {
    if (file_exists(path, "exit")) {
        return RUNDIR_ENDED;
    }
    if (file_exists(path, "void")) {
        return RUNDIR_NEVER_STARTED;
    }
    if (file_exists(path, "started") || !same_boot(path)) {
        return RUNDIR_GONE;
    }
    /* Whoever holds the lock here while nothing was started makes sure that nothing will be. */
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "void");
    return file_write_atomic(name, "", 0, 0600, true, NULL) == 0 ? RUNDIR_NEVER_STARTED : RUNDIR_UNREADABLE;
}

enum rundir_truth rundir_look(const char *path, bool owner_was_here) {
    struct stat st;
    struct err err;
    if (!owner_was_here && lstat(path, &st) < 0 && errno == ENOENT) {
        return RUNDIR_GONE; /* It may have been lost with the boot, or lie in another state directory. */
    }
    if (rundir_make(path, &err) < 0 && err.code != ERR_CONFLICT) {
        return RUNDIR_UNREADABLE;
    }
    if (file_exists(path, "exit")) {
        return RUNDIR_ENDED;
    }
    int fd = lock_open(path);
    if (fd < 0) {
        return errno == EWOULDBLOCK ? RUNDIR_RUNNING : RUNDIR_UNREADABLE;
    }
    enum rundir_truth truth = look_locked(path);
    (void)close(fd);
    return truth;
}

static const struct {
    const char *word;
    enum outcome_kind kind;
} end_words[] = {
    {"exit", OUTCOME_EXIT},   {"signal", OUTCOME_SIGNAL},     {"timeout", OUTCOME_TIMEOUT},
    {"quiet", OUTCOME_QUIET}, {"canceled", OUTCOME_CANCELED}, {"notstarted", OUTCOME_NOT_STARTED},
};

bool rundir_end(const char *path, struct outcome *ret_outcome, uint64_t *ret_bytes, uint64_t *ret_left_out) {
    struct buf text = BUF_INIT(RECORD_BYTES);
    char word[16];
    int64_t number, wall_ms;
    bool found = false;
    if (file_text(path, "exit", &text) && sscanf(text.data, "%15s %" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64, word,
                                                 &number, &wall_ms, ret_bytes, ret_left_out) == 5) {
        for (size_t i = 0; i < sizeof end_words / sizeof end_words[0]; i++) {
            if (str_equal(word, end_words[i].word)) {
                *ret_outcome = (struct outcome){end_words[i].kind, number};
                found = true;
            }
        }
    }
    buf_finish(&text);
    return found;
}

int rundir_not_started(const char *path, int number, const char *why, struct err *err) {
    char name[RUNDIR_PATH_SIZE], record[RECORD_BYTES];
    file_path(name, path, "out.0");
    int r = file_write_atomic(name, why, strlen(why), 0600, false, err);
    if (r < 0) {
        return r;
    }
    (void)snprintf(record, sizeof record, "notstarted %d %" PRId64 " %zu 0\n", number, clock_wall_ms(), strlen(why));
    file_path(name, path, "exit");
    return file_write_atomic(name, record, strlen(record), 0600, true, err);
}

/* `started`: "<supervisor pid> <child pid> <wall ms>". */
static bool started_pids(const char *path, pid_t *ret_supervisor, pid_t *ret_child) {
    struct buf text = BUF_INIT(RECORD_BYTES);
    int supervisor = 0, child = 0;
    bool found = file_text(path, "started", &text) && sscanf(text.data, "%d %d", &supervisor, &child) == 2 &&
                 supervisor > 1 && child > 1;
    buf_finish(&text);
    *ret_supervisor = supervisor;
    *ret_child = child;
    return found;
}

/* The session of a process, from /proc/<pid>/stat (proc(5): field 6, behind the name in parentheses); 0 if it is gone or a zombie. */
static pid_t process_session(const char *pid) {
    char path[64];
    struct buf text = BUF_INIT(4096);
    int parent = 0, group = 0, session = 0;
    char state = 'Z';
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    if (file_read(path, 4000, &text, NULL) == 0) {
        const char *behind_name = strrchr(text.data, ')');
        if (behind_name == NULL || sscanf(behind_name + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4) {
            session = 0;
        }
    }
    buf_finish(&text);
    return state == 'Z' || state == 'X' ? 0 : session;
}

bool rundir_is_locked(const char *path) {
    char lock[RUNDIR_PATH_SIZE];
    file_path(lock, path, "lock");
    return lockfile_is_held(lock);
}

bool rundir_still_runs(const char *path) {
    pid_t supervisor, child;
    if (rundir_is_locked(path)) {
        return true;
    }
    if (file_exists(path, "exit") || !same_boot(path) || !started_pids(path, &supervisor, &child)) {
        return false;
    }
    DIR *proc = opendir("/proc");
    bool found = proc == NULL; /* What cannot be proved gone may run. */
    for (struct dirent *entry = proc == NULL ? NULL : readdir(proc); entry != NULL && !found; entry = readdir(proc)) {
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && process_session(entry->d_name) == supervisor;
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    return found;
}

bool rundir_stop(const char *path) {
    pid_t supervisor, child;
    return rundir_is_locked(path) && started_pids(path, &supervisor, &child) && kill(supervisor, SIGTERM) == 0;
}

uint64_t rundir_last_segment(const char *path) {
    uint64_t last = 0;
    DIR *dir = opendir(path);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        uint64_t number;
        if (str_starts(entry->d_name, "out.") && str_to_u64(entry->d_name + 4, &number, NULL) == 0 && number > last) {
            last = number;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return last;
}

static void read_tail(const char *path, uint64_t segment, struct buf *out) {
    char name[RUNDIR_PATH_SIZE], bytes[EXCERPT_READ_BYTES];
    (void)snprintf(name, sizeof name, "%s/out.%" PRIu64, path, segment);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, bytes, sizeof bytes, size > EXCERPT_READ_BYTES ? size - EXCERPT_READ_BYTES : 0);
    if (n > 0) {
        buf_add(out, bytes, (size_t)n);
    }
    (void)close(fd);
}

void rundir_excerpt(const char *path, struct buf *out) {
    struct buf raw = BUF_INIT(EXCERPT_READ_BYTES * 2), shown = BUF_INIT(EXCERPT_READ_BYTES * 8);
    uint64_t last = rundir_last_segment(path);
    if (last > 0) {
        read_tail(path, last - 1, &raw);
    }
    read_tail(path, last, &raw);
    str_show(&shown, raw.data, raw.size);
    while (shown.size > 0 && shown.data[shown.size - 1] == '\n') {
        shown.data[--shown.size] = '\0';
    }
    size_t from = shown.size, lines = 0;
    while (from > 0 && shown.size - from < LIMIT_EXCERPT_BYTES - 4) {
        if (shown.data[from - 1] == '\n' && ++lines == LIMIT_EXCERPT_LINES) {
            break;
        }
        from--;
    }
    while (from < shown.size && ((unsigned char)shown.data[from] & 0xC0) == 0x80) {
        from++; /* not in the middle of a character */
    }
    buf_adds(out, shown.data + from);
    buf_finish(&raw);
    buf_finish(&shown);
}

/* The first segment is always kept, so without it there are no others. `started` is renamed rather than removed: some file systems
 * look for a place for new files past each one that was removed lately. */
void rundir_clear(const char *path) {
    char from[RUNDIR_PATH_SIZE], to[RUNDIR_PATH_SIZE];
    file_path(from, path, "out.0");
    DIR *dir = unlink(from) == 0 ? opendir(path) : NULL;
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (str_starts(entry->d_name, "out.")) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    file_path(from, path, "started");
    file_path(to, path, "told");
    (void)rename(from, to);
}

/* An attempt that has started and whose end was not told is kept however old it is: without its directory it would seem that it never
 * started. */
static bool all_told(const char *deployment_dir) {
    DIR *dir = opendir(deployment_dir);
    bool told = dir != NULL;
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL && told; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        file_path(path, deployment_dir, entry->d_name);
        told = entry->d_name[0] == '.' || file_exists(path, "void") ||
               (file_exists(path, "exit") && !file_exists(path, "started"));
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return told;
}

void rundir_sweep(const char *state_dir) {
    char runs[RUNDIR_PATH_SIZE];
    file_path(runs, state_dir, "runs");
    DIR *dir = opendir(runs);
    time_t now = time(NULL);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        struct stat st;
        file_path(path, runs, entry->d_name);
        if (entry->d_name[0] != '.' && lstat(path, &st) == 0 && now - st.st_mtime > KEPT_SECONDS && all_told(path)) {
            file_remove_tree(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}
