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
#include "base/log.h"
#include "base/str.h"
#include "exec/rundir.h"
#include "rundir_record.h"

enum { EXCERPT_READ_BYTES = 8 << 10, KEPT_SECONDS = 7 * 24 * 3600, LOOK_SECONDS = 3600 };

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

static int record_open(const char *path, int flags) {
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "record");
    return open(name, flags | O_CLOEXEC, 0600);
}

/* What is not there or cannot be read says nothing. */
static struct rundir_record record_of(const char *path) {
    struct rundir_record record = {0};
    int fd = record_open(path, O_RDONLY);
    if (fd >= 0 && rundir_record_read(&record, fd) < 0) {
        record = (struct rundir_record){0};
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return record;
}

/* A record that is there already was made by an adopter who found none, and who has called the outcome unknown. */
static int record_make(const char *path, const char *more) {
    const struct rundir_record nothing = {0};
    char boot[ID_BOOT_SIZE], line[RUNDIR_RECORD_BYTES];
    id_boot(boot);
    (void)snprintf(line, sizeof line, "boot %s\n%s", boot, more);
    int fd = record_open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND);
    if (fd < 0) {
        return -errno;
    }
    int r = rundir_record_append(&nothing, fd, line, false);
    (void)close(fd);
    return r;
}

static int record_failed(const char *path, int code, struct err *err) {
    return err_set(err, code == -EEXIST ? ERR_CONFLICT : ERR_IO, "%s/record can't be written: %s.", path,
                   strerror(-code));
}

static int dir_make(const char *path, const char *more, struct err *err) {
    char parent[RUNDIR_PATH_SIZE];
    (void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mkdir(path, 0700) < 0 &&
        (errno != ENOENT || (mkdir(parent, 0700) < 0 && errno != EEXIST) || mkdir(path, 0700) < 0)) {
        return err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "The run directory %s can't be made: %s.", path,
                       strerror(errno));
    }
    int r = record_make(path, more);
    return r < 0 ? record_failed(path, r, err) : 0;
}

int rundir_make(const char *path, struct err *err) {
    return dir_make(path, "", err);
}

int rundir_make_adopted(const char *path, struct err *err) {
    char started[64];
    (void)snprintf(started, sizeof started, "started 0 0 %" PRId64 "\n", clock_wall_ms());
    int r = dir_make(path, started, err);
    return r < 0 && err->code == ERR_CONFLICT ? 0 : r;
}

/* Takes the lock to write. EWOULDBLOCK: somebody holds it. */
static int lock_open(const char *path) {
    int fd = record_open(path, O_RDWR | O_CREAT | O_APPEND);
    if (fd >= 0 && lockfile_take_open(fd, NULL) < 0) {
        (void)close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static enum rundir_truth look_locked(int fd) {
    struct rundir_record record;
    if (rundir_record_read(&record, fd) < 0) {
        return RUNDIR_UNREADABLE;
    }
    if (record.ended) {
        return RUNDIR_ENDED;
    }
    if (!record.is_void) {
        if (record.started || (record.has_boot && !rundir_record_is_of_this_boot(&record))) {
            return RUNDIR_GONE;
        }
        /* Whoever holds the lock here while nothing was started makes sure that nothing will be. */
        if (rundir_record_append(&record, fd, "void\n", true) < 0) {
            return RUNDIR_UNREADABLE;
        }
    }
    return record.has_boot ? RUNDIR_NEVER_STARTED : RUNDIR_GONE;
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
    int fd = lock_open(path);
    if (fd < 0) {
        return errno == EWOULDBLOCK ? RUNDIR_RUNNING : RUNDIR_UNREADABLE;
    }
    enum rundir_truth truth = look_locked(fd);
    (void)close(fd);
    return truth;
}

bool rundir_end(const char *path, struct outcome *ret_outcome, uint64_t *ret_bytes, uint64_t *ret_left_out) {
    struct rundir_record record = record_of(path);
    *ret_outcome = record.outcome;
    *ret_bytes = record.bytes;
    *ret_left_out = record.left_out;
    return record.ended;
}

void rundir_sync(const char *path) {
    int fd = record_open(path, O_RDWR);
    if (fd >= 0 && fdatasync(fd) < 0) {
        log_warn("a run's record can't be put on disk", LOG_STR("dir", path), LOG_STR("error", strerror(errno)),
                 LOG_END);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int not_started_locked(int fd, const char *path, int number, const char *why, struct err *err) {
    struct rundir_record record;
    char output[RUNDIR_PATH_SIZE], line[RUNDIR_RECORD_BYTES];
    int r = rundir_record_read(&record, fd);
    if (r < 0) {
        return record_failed(path, r, err);
    }
    if (!record.has_boot || record.started || record.is_void || record.ended) {
        return err_set(err, ERR_CONFLICT, "%s was given up, or has ended before.", path);
    }
    file_path(output, path, "out.0");
    r = file_write_atomic(output, why, strlen(why), 0600, false, err);
    if (r < 0) {
        return r;
    }
    (void)snprintf(line, sizeof line, "exit notstarted %d %" PRId64 " %zu 0\n", number, clock_wall_ms(), strlen(why));
    r = rundir_record_append(&record, fd, line, true);
    return r < 0 ? record_failed(path, r, err) : 0;
}

int rundir_not_started(const char *path, int number, const char *why, struct err *err) {
    int fd = lock_open(path);
    if (fd < 0) {
        return record_failed(path, -errno, err);
    }
    int r = not_started_locked(fd, path, number, why, err);
    (void)close(fd);
    return r;
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
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "record");
    return lockfile_is_held(name);
}

bool rundir_still_runs(const char *path) {
    if (rundir_is_locked(path)) {
        return true;
    }
    struct rundir_record record = record_of(path);
    if (record.ended || record.supervisor <= 1 || !rundir_record_is_of_this_boot(&record)) {
        return false;
    }
    DIR *proc = opendir("/proc");
    bool found = proc == NULL; /* What cannot be proved gone may run. */
    for (struct dirent *entry = proc == NULL ? NULL : readdir(proc); entry != NULL && !found; entry = readdir(proc)) {
        found =
            entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && process_session(entry->d_name) == record.supervisor;
    }
    if (proc != NULL) {
        (void)closedir(proc);
    }
    return found;
}

/* With the shell's process as a value, so that it can't mean another run that the supervisor has taken meanwhile. */
bool rundir_stop(const char *path) {
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "stop");
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
    struct rundir_record record = record_of(path);
    const union sigval shell = {.sival_int = record.child};
    return record.supervisor > 1 && rundir_is_locked(path) && sigqueue(record.supervisor, SIGTERM, shell) == 0;
}

bool rundir_is_stopped(const char *path) {
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "stop");
    return access(name, F_OK) == 0;
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

bool rundir_is_lost(const char *path) {
    char name[RUNDIR_PATH_SIZE];
    file_path(name, path, "lost");
    return access(name, F_OK) == 0;
}

bool rundir_is_void(const char *path) {
    return record_of(path).is_void;
}

void rundir_lose(const char *path, const char *why) {
    char name[RUNDIR_PATH_SIZE];
    struct err err;
    file_path(name, path, "lost");
    if (file_write_atomic(name, why, strlen(why), 0600, false, &err) < 0) {
        log_warn("it can't be noted that a target is not heard", LOG_ERR(&err), LOG_END);
    }
}

void rundir_excerpt(const char *path, struct buf *out) {
    struct buf raw = BUF_INIT(EXCERPT_READ_BYTES * 2), shown = BUF_INIT(EXCERPT_READ_BYTES * 8);
    char lost[RUNDIR_PATH_SIZE];
    struct err err;
    uint64_t last = rundir_last_segment(path);
    if (last > 0) {
        read_tail(path, last - 1, &raw);
    }
    read_tail(path, last, &raw);
    if (raw.size > 0 && raw.data[raw.size - 1] != '\n') {
        buf_addc(&raw, '\n');
    }
    file_path(lost, path, "lost");
    if (rundir_is_lost(path) && file_read(lost, RUNDIR_RECORD_BYTES, &raw, &err) < 0) {
        log_debug("it can't be read why a target is lost", LOG_ERR(&err), LOG_END);
    }
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

/* The first segment is always kept, so without it there are no others. */
static void output_remove(const char *path) {
    char first[RUNDIR_PATH_SIZE];
    file_path(first, path, "out.0");
    DIR *dir = unlink(first) == 0 ? opendir(path) : NULL;
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (str_starts(entry->d_name, "out.")) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

void rundir_clear(const char *path) {
    struct rundir_record record;
    output_remove(path);
    int fd = record_open(path, O_RDWR | O_APPEND);
    if (fd >= 0 && rundir_record_read(&record, fd) == 0 && record.ended && !record.told &&
        rundir_record_append(&record, fd, "told\n", false) < 0) {
        log_warn("it can't be noted that an end was told, so its run directory stays", LOG_STR("dir", path), LOG_END);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* An attempt that has started and whose end was not told is kept however old it is: without its directory it would seem that it never
 * started. */
static bool is_settled(const char *path) {
    struct rundir_record record = record_of(path);
    return record.ended ? record.told || !record.started : record.has_boot && record.is_void;
}

static bool all_settled(const char *deployment_dir) {
    DIR *dir = opendir(deployment_dir);
    bool settled = dir != NULL;
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL && settled; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        file_path(path, deployment_dir, entry->d_name);
        settled = entry->d_name[0] == '.' || is_settled(path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return settled;
}

/* Removes what lies in a folder of the state directory and was not changed for so long. */
static void sweep(const char *state_dir, const char *name, time_t seconds, bool (*may_go)(const char *path)) {
    char folder[RUNDIR_PATH_SIZE];
    file_path(folder, state_dir, name);
    DIR *dir = opendir(folder);
    time_t now = time(NULL);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        struct stat st;
        file_path(path, folder, entry->d_name);
        if (entry->d_name[0] != '.' && lstat(path, &st) == 0 && now - st.st_mtime > seconds &&
            (may_go == NULL || may_go(path))) {
            file_remove_tree(path);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* Whoever looks at an attempt before takes away its directory itself, unless it was killed. */
void rundir_sweep(const char *state_dir) {
    sweep(state_dir, "runs", KEPT_SECONDS, all_settled);
    sweep(state_dir, "looks", LOOK_SECONDS, NULL);
}
