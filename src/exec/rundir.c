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
static void path_join(char out[RUNDIR_PATH_SIZE], const char *path, char separator, const char *name) {
    if (snprintf(out, RUNDIR_PATH_SIZE, "%s%c%s", path, separator, name) >= RUNDIR_PATH_SIZE) {
        out[0] = '\0';
    }
}

static bool is_record(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

void rundir_file(char out[RUNDIR_PATH_SIZE], const char *path, const char *name) {
    path_join(out, path, is_record(path) ? '.' : '/', name);
}

void rundir_place(char out_directory[RUNDIR_PATH_SIZE], const char **ret_prefix, const char *path) {
    const char *slash = strrchr(path, '/');
    bool beside = is_record(path);
    *ret_prefix = beside ? slash + 1 : "";
    (void)snprintf(out_directory, RUNDIR_PATH_SIZE, "%.*s", beside ? (int)(slash - path) : RUNDIR_PATH_SIZE - 1, path);
}

/* For reading and writing: a directory can't be opened so. Only the record in one is created: a file is made with its first line. */
static int record_open(const char *path, int flags) {
    int fd = open(path, O_RDWR | O_CLOEXEC | (flags & ~O_CREAT), 0600);
    if (fd < 0 && errno == EISDIR) {
        char name[RUNDIR_PATH_SIZE];
        path_join(name, path, '/', "record");
        fd = open(name, O_RDWR | O_CLOEXEC | flags, 0600);
    }
    return fd;
}

/* What is not there or cannot be read says nothing. */
static struct rundir_record record_of(const char *path) {
    struct rundir_record record = {0};
    int fd = record_open(path, 0);
    if (fd >= 0 && rundir_record_read(&record, fd) < 0) {
        record = (struct rundir_record){0};
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return record;
}

/* Returns a descriptor or -1. */
static int record_create(const char *name) {
    return open(name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
}

/* The directory, and then the record in it: that can be there if an adopter found none, who has called the outcome
 * unknown. */
static int directory_create(const char *path) {
    char name[RUNDIR_PATH_SIZE];
    path_join(name, path, '/', "record");
    return mkdir(path, 0700) < 0 ? -1 : record_create(name);
}

static int run_make(const char *path, int create(const char *path), const char *more, struct err *err) {
    const struct rundir_record nothing = {0};
    char deployment[RUNDIR_PATH_SIZE], boot[ID_BOOT_SIZE], line[RUNDIR_RECORD_BYTES];
    id_boot(boot);
    (void)snprintf(line, sizeof line, "boot %s\n%s", boot, more);
    (void)snprintf(deployment, sizeof deployment, "%.*s", (int)(strrchr(path, '/') - path), path);
    int fd = create(path);
    if (fd < 0 && errno == ENOENT && (mkdir(deployment, 0700) == 0 || errno == EEXIST)) {
        fd = create(path);
    }
    int r = fd < 0 ? -errno : rundir_record_append(&nothing, fd, line, false);
    if (fd >= 0) {
        (void)close(fd);
    }
    return r == 0 ? 0
                  : err_set(err, r == -EEXIST ? ERR_CONFLICT : ERR_IO, "The run directory %s can't be made: %s.", path,
                            strerror(-r));
}

int rundir_make(const char *path, struct err *err) {
    return run_make(path, record_create, "", err);
}

int rundir_make_directory(const char *path, struct err *err) {
    return run_make(path, directory_create, "", err);
}

int rundir_make_adopted(const char *path, struct err *err) {
    char started[64];
    (void)snprintf(started, sizeof started, "started 0 0 %" PRId64 "\n", clock_wall_ms());
    int r = run_make(path, directory_create, started, err);
    return r < 0 && err->code == ERR_CONFLICT ? 0 : r;
}

/* Takes the lock to write. EWOULDBLOCK: somebody holds it. */
static int lock_open(const char *path) {
    int fd = record_open(path, O_CREAT | O_APPEND);
    if (fd >= 0 && lockfile_take_open(fd, NULL) < 0) {
        (void)close(fd);
        errno = EWOULDBLOCK;
        return -1;
    }
    return fd;
}

static enum rundir_truth look_locked(int fd, bool owner_was_here) {
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
    /* An owner that was killed between making the record and its first line has started nothing either. */
    bool empty = record.whole == 0 || (record.is_void && !record.has_boot);
    return record.has_boot || (owner_was_here && empty) ? RUNDIR_NEVER_STARTED : RUNDIR_GONE;
}

enum rundir_truth rundir_look(const char *path, bool owner_was_here) {
    struct stat st;
    struct err err;
    if (!owner_was_here && lstat(path, &st) < 0 && errno == ENOENT) {
        return RUNDIR_GONE; /* It may have been lost with the boot, or lie in another state directory. */
    }
    if (rundir_make_directory(path, &err) < 0 && err.code != ERR_CONFLICT) {
        return RUNDIR_UNREADABLE;
    }
    int fd = lock_open(path);
    if (fd < 0) {
        return errno == EWOULDBLOCK ? RUNDIR_RUNNING : RUNDIR_UNREADABLE;
    }
    enum rundir_truth truth = look_locked(fd, owner_was_here);
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
    int fd = record_open(path, 0);
    if (fd >= 0 && fdatasync(fd) < 0) {
        log_warn("a run's record can't be put on disk", LOG_STR("dir", path), LOG_STR("error", strerror(errno)),
                 LOG_END);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static int record_failed(const char *path, int code, struct err *err) {
    return err_set(err, ERR_IO, "The record of the run directory %s can't be written: %s.", path, strerror(-code));
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
    rundir_file(output, path, "out.0");
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
    path_join(name, path, '/', "record");
    return lockfile_is_held(is_record(path) ? path : name);
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
    rundir_file(name, path, "stop");
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
    rundir_file(name, path, "stop");
    return access(name, F_OK) == 0;
}

/* Where nothing was left out, the end says it; else one has to look. */
uint64_t rundir_last_segment(const char *path) {
    const struct rundir_record record = record_of(path);
    if (record.ended && record.left_out == 0) {
        return record.bytes == 0 ? 0 : (record.bytes - 1) / LIMIT_OUTPUT_SEGMENT;
    }
    uint64_t last = 0, number;
    char directory[RUNDIR_PATH_SIZE], name[64];
    const char *prefix;
    rundir_place(directory, &prefix, path);
    (void)snprintf(name, sizeof name, "%s%sout.", prefix, prefix[0] == '\0' ? "" : ".");
    DIR *dir = opendir(directory);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (str_starts(entry->d_name, name) && str_to_u64(entry->d_name + strlen(name), &number, NULL) == 0 &&
            number > last) {
            last = number;
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return last;
}

static void segment_path(char out[RUNDIR_PATH_SIZE], const char *path, uint64_t number) {
    char name[32];
    (void)snprintf(name, sizeof name, "out.%" PRIu64, number);
    rundir_file(out, path, name);
}

int rundir_open_segment(const char *path, uint64_t number) {
    char name[RUNDIR_PATH_SIZE];
    segment_path(name, path, number);
    return open(name, O_RDONLY | O_CLOEXEC);
}

static void read_tail(const char *path, uint64_t segment, struct buf *out) {
    char bytes[EXCERPT_READ_BYTES];
    int fd = rundir_open_segment(path, segment);
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
    rundir_file(name, path, "lost");
    return access(name, F_OK) == 0;
}

bool rundir_is_void(const char *path) {
    return record_of(path).is_void;
}

void rundir_lose(const char *path, const char *why) {
    char name[RUNDIR_PATH_SIZE];
    struct err err;
    rundir_file(name, path, "lost");
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
    rundir_file(lost, path, "lost");
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

static void output_remove(const char *path) {
    for (uint64_t number = 0, last = rundir_last_segment(path); number <= last; number++) {
        char name[RUNDIR_PATH_SIZE];
        segment_path(name, path, number);
        (void)unlink(name);
    }
}

void rundir_clear(const char *path) {
    struct rundir_record record = {0};
    int fd = record_open(path, O_APPEND);
    bool readable = fd >= 0 && rundir_record_read(&record, fd) == 0;
    if (!record.ended || record.bytes > 0) {
        output_remove(path);
    }
    if (readable && record.ended && !record.told && rundir_record_append(&record, fd, "told\n", false) < 0) {
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

/* Not a record, but a file that lies beside one: <step>.<slot>.<attempt>.<name> */
static bool is_beside(const char *name) {
    for (int dots = 0; (name = strchr(name, '.')) != NULL; name++) {
        if (++dots == 3) {
            return true;
        }
    }
    return false;
}

static bool all_settled(const char *deployment_dir) {
    DIR *dir = opendir(deployment_dir);
    bool settled = dir != NULL;
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL && settled; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        path_join(path, deployment_dir, '/', entry->d_name);
        settled = entry->d_name[0] == '.' || is_beside(entry->d_name) || is_settled(path);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return settled;
}

/* Removes what lies in a folder of the state directory and was not changed for so long. */
static void sweep(const char *state_dir, const char *name, time_t seconds, bool (*may_go)(const char *path)) {
    char folder[RUNDIR_PATH_SIZE];
    path_join(folder, state_dir, '/', name);
    DIR *dir = opendir(folder);
    time_t now = time(NULL);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[RUNDIR_PATH_SIZE];
        struct stat st;
        path_join(path, folder, '/', entry->d_name);
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
