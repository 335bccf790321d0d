/*
 * A worker: its presence (lock, beat, siblings of this host), the jobs it asks for, and the attempts under way.
 */

#include "exec/worker.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/lockfile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"

enum { SWEEP_EVERY_BEATS = 3600, FIRST_BEAT_MS = 50, PLACE_SIZE = 9 };

struct worker {
    struct worker_options options;
    char *host, *state_dir, *step_program, *ssh_program, *url; /* owned; options point to them */
    char *installation;                                        /* owned; NULL until the first run on an ssh target */
    char place[PLACE_SIZE];
    char id[256];
    char lock_path[RUNDIR_PATH_SIZE];
    int lock_fd;
    struct job_reader *reader;
    struct timer *beat;
    struct signal_watch *children;
    struct plans *plans;
    struct crew *crew;
    struct attempt *attempts;
    pid_t *pids; /* supervisors that we started and that have not ended */
    size_t pid_count;
    uint64_t beats;
    bool known; /* the first beat was sent */
    bool draining;
    bool left; /* it has drained and said good-bye */
    void (*drained)(void *user);
    void *drained_user;
};

const char *worker_id(const struct worker *worker) {
    return worker->id;
}

const struct worker_options *worker_options_of(const struct worker *worker) {
    return &worker->options;
}

const char *worker_installation(const struct worker *worker) {
    return worker->installation;
}

void worker_name_installation(struct worker *worker, const char *name) {
    mem_free(worker->installation);
    worker->installation = mem_strdup(name);
}

struct plans *worker_plans(const struct worker *worker) {
    return worker->plans;
}

struct crew *worker_crew(const struct worker *worker) {
    return worker->crew;
}

bool worker_is_draining(const struct worker *worker) {
    return worker->draining;
}

unsigned worker_busy(const struct worker *worker) {
    unsigned busy = 0;
    for (const struct attempt *attempt = worker->attempts; attempt != NULL; attempt = attempt->next) {
        busy += attempt->counts;
    }
    return busy;
}

static void worker_ask(struct worker *worker) {
    unsigned busy = worker_busy(worker);
    bool free_slots = worker->known && !worker->draining && busy < worker->options.slots;
    job_reader_want(worker->reader, free_slots ? worker->options.slots - busy : 0);
    metric_set(METRIC_WORKER_SLOTS, busy, "busy", NULL, NULL);
    metric_set(METRIC_WORKER_SLOTS, free_slots ? worker->options.slots - busy : 0, "free", NULL, NULL);
}

static void worker_check_drained(struct worker *worker) {
    if (worker->draining && worker->attempts == NULL && !worker->left) {
        worker->left = true;
        queue_worker_gone(worker->options.store, worker->id, NULL, NULL);
        worker->drained(worker->drained_user);
    }
}

/* --- attempts ------------------------------------------------------------------------------------------------- */

void worker_add(struct worker *worker, struct attempt *attempt) {
    attempt->next = worker->attempts;
    worker->attempts = attempt;
}

void worker_remove(struct worker *worker, struct attempt *attempt) {
    struct attempt **link = &worker->attempts;
    while (*link != attempt) {
        link = &(*link)->next;
    }
    *link = attempt->next;
    worker_ask(worker);
    if (worker->draining && worker->attempts == NULL) {
        timer_start(worker->beat, 0); /* The owner may destroy the worker then, so not from in here. */
    }
}

struct attempt *worker_attempts(const struct worker *worker) {
    return worker->attempts;
}

static const struct attempt *worker_find(const struct worker *worker, const struct job *job) {
    const struct attempt *a = worker->attempts;
    while (a != NULL && (a->job.kind != job->kind || a->job.deployment != job->deployment || a->job.step != job->step ||
                         a->job.slot != job->slot || a->job.attempt != job->attempt || a->job.epoch != job->epoch)) {
        a = a->next;
    }
    return a;
}

/* Jobs have come. One that is under way is let go: if it was read twice, the first of them acknowledges it; if it was given twice, that is
 * done here. What comes after the good-bye the sweep gives to others. */
static void worker_read(const struct job *jobs, size_t count, void *user) {
    struct worker *worker = user;
    for (size_t i = 0; i < count && !worker->left; i++) {
        const struct attempt *there = worker_find(worker, &jobs[i]);
        if (there == NULL) {
            attempt_begin(worker, &jobs[i]);
        } else if (!str_equal(jobs[i].entry, there->job.entry)) {
            queue_acknowledge(worker->options.store, &jobs[i]);
        }
    }
    worker_ask(worker);
}

/* --- children -------------------------------------------------------------------------------------------------- */

void worker_spawned(struct worker *worker, pid_t pid) {
    worker->pids = mem_grow(worker->pids, worker->pid_count + 1, sizeof *worker->pids);
    worker->pids[worker->pid_count++] = pid;
}

static struct attempt *worker_find_pid(const struct worker *worker, pid_t pid) {
    struct attempt *attempt = worker->attempts;
    while (attempt != NULL && attempt->pid != pid) {
        attempt = attempt->next;
    }
    return attempt;
}

static void worker_started(pid_t pid, void *user) {
    worker_spawned(user, pid);
}

static void worker_run_over(pid_t pid, int status, void *user) {
    struct attempt *attempt = worker_find_pid(user, pid);
    if (attempt != NULL && status == 0) {
        attempt_run_over(attempt);
    } else if (attempt != NULL) {
        attempt_supervisor_gone(attempt);
    }
}

/* Some child has ended; only supervisors are ours to collect. */
static void worker_children(int number, void *user) {
    (void)number;
    struct worker *worker = user;
    for (size_t i = 0; i < worker->pid_count;) {
        pid_t pid = worker->pids[i];
        int status = -1;
        if (waitpid(pid, &status, WNOHANG) == 0) {
            i++;
            continue;
        }
        worker->pids[i] = worker->pids[--worker->pid_count];
        struct attempt *attempt = worker_find_pid(worker, pid);
        if (attempt != NULL) {
            attempt_child_ended(attempt, status);
        }
    }
}

/* --- presence --------------------------------------------------------------------------------------------------- */

struct farewell {
    char path[RUNDIR_PATH_SIZE + 256]; /* of the lock file */
};

static void sibling_told(const struct commit_reply *reply, void *user) {
    struct farewell *farewell = user;
    if (reply->result == COMMIT_DONE) {
        (void)unlink(farewell->path);
    }
    mem_free(farewell);
}

/* A lock that nobody holds proves that its worker is gone: the leader need not wait for its silence. */
static void worker_look_for_siblings(struct worker *worker) {
    char folder[RUNDIR_PATH_SIZE];
    (void)snprintf(folder, sizeof folder, "%s/workers", worker->state_dir);
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir == NULL ? NULL : readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *end = strrchr(entry->d_name, '.');
        if (!str_equal(end, ".lock") || end == entry->d_name || str_starts(entry->d_name, worker->id)) {
            continue;
        }
        struct farewell *farewell = mem_alloc(sizeof *farewell);
        (void)snprintf(farewell->path, sizeof farewell->path, "%s/%s", folder, entry->d_name);
        if (lockfile_is_held(farewell->path)) {
            mem_free(farewell);
            continue;
        }
        char id[256];
        (void)snprintf(id, sizeof id, "%.*s", (int)(end - entry->d_name), entry->d_name);
        log_info("a worker of this host is gone", LOG_STR("worker", id), LOG_END);
        queue_worker_gone(worker->options.store, id, sibling_told, farewell);
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
}

/* The first beat comes before the first claim: who owns a run and is nowhere to be seen counts as gone. */
static void worker_beat(void *user) {
    struct worker *worker = user;
    timer_start(worker->beat, worker->options.heartbeat_ms);
    if (worker->beats % SWEEP_EVERY_BEATS == 0) {
        rundir_sweep(worker->state_dir);
    }
    worker->beats++;
    if (store_is_ready(worker->options.store)) {
        struct worker_info info = {
            .id = worker->id,
            .host = worker->host,
            .beat = worker->beats,
            .slots = worker->options.slots,
            .busy = worker_busy(worker),
            .draining = worker->draining,
        };
        queue_beat(worker->options.store, &info);
        worker_look_for_siblings(worker);
        if (!worker->known) {
            worker->known = true;
            worker_ask(worker);
        }
    } else if (!worker->known) {
        timer_start(worker->beat, FIRST_BEAT_MS);
    }
    worker_check_drained(worker);
}

static int worker_make_folders(struct worker *worker, struct err *err) {
    static const char *const folders[] = {"runs", "targets", "workers", "looks", "ssh"};
    char path[RUNDIR_PATH_SIZE];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", worker->state_dir, folders[i]);
        int r = file_make_dirs(path, 0700, err);
        if (r < 0) {
            return r;
        }
    }
    (void)snprintf(worker->lock_path, sizeof worker->lock_path, "%s/workers/%s.lock", worker->state_dir, worker->id);
    return lockfile_take(worker->lock_path, &worker->lock_fd, err);
}

bool worker_was_here(const struct worker *worker, const char *id) {
    char part[PLACE_SIZE + 2];
    (void)snprintf(part, sizeof part, "-%s-", worker->place);
    return id != NULL && strstr(id, part) != NULL;
}

/* The place is this boot of the machine and this state directory, which gets a name when the first worker comes: what another one lacks
 * says nothing about what was in this one. */
static int worker_find_place(struct worker *worker, struct err *err) {
    char path[RUNDIR_PATH_SIZE], own[RUNDIR_PATH_SIZE + ID_RANDOM_SIZE], name[ID_RANDOM_SIZE], digest[ID_DIGEST_SIZE],
        boot[ID_BOOT_SIZE];
    struct buf text = BUF_INIT(ID_RANDOM_SIZE + ID_BOOT_SIZE);
    id_random(name);
    id_boot(boot);
    (void)snprintf(path, sizeof path, "%s/name", worker->state_dir);
    (void)snprintf(own, sizeof own, "%s.%s", path, name);
    int r = file_make_dirs(worker->state_dir, 0700, err);
    r = r < 0 ? r : file_write_atomic(own, name, strlen(name), 0600, true, err);
    if (r == 0) {
        /* Whoever is first names it. */
        if (link(own, path) < 0 && errno != EEXIST) {
            r = err_set(err, ERR_IO, "%s can't be made: %s.", path, strerror(errno));
        }
        (void)unlink(own);
        r = r < 0 ? r : file_read(path, ID_RANDOM_SIZE, &text, err);
    }
    buf_adds(&text, boot);
    id_digest(digest, text.data, text.size);
    (void)snprintf(worker->place, sizeof worker->place, "%.8s", digest);
    buf_finish(&text);
    return r;
}

static void worker_name(struct worker *worker) {
    char host[128] = "", random[ID_RANDOM_SIZE];
    (void)gethostname(host, sizeof host - 1);
    worker->host = mem_strdup(worker->options.host != NULL ? worker->options.host : host);
    worker->options.host = worker->host;
    id_random(random);
    (void)snprintf(worker->id, sizeof worker->id, "%.100s-%s-%d-%.8s", worker->host, worker->place, (int)getpid(),
                   random);
}

static void worker_free(struct worker *worker) {
    mem_free(worker->pids);
    mem_free(worker->host);
    mem_free(worker->state_dir);
    mem_free(worker->step_program);
    mem_free(worker->ssh_program);
    mem_free(worker->installation);
    mem_free(worker->url);
    mem_free(worker);
}

static char *ssh_program_of(const struct worker_options *options) {
    const char *slash = strrchr(options->step_program, '/');
    struct buf path = BUF_INIT(RUNDIR_PATH_SIZE);
    if (options->ssh_program != NULL) {
        return mem_strdup(options->ssh_program);
    }
    buf_printf(&path, "%.*s/guidepost-ssh", slash == NULL ? 1 : (int)(slash - options->step_program),
               slash == NULL ? "." : options->step_program);
    return buf_take(&path);
}

int worker_create(const struct worker_options *options, struct worker **ret_worker, struct err *err) {
    struct worker *worker = mem_alloc(sizeof *worker);
    worker->options = *options;
    worker->lock_fd = -1;
    worker->options.state_dir = worker->state_dir = mem_strdup(options->state_dir);
    worker->options.step_program = worker->step_program = mem_strdup(options->step_program);
    worker->options.ssh_program = worker->ssh_program = ssh_program_of(options);
    worker->options.url = worker->url = mem_strdup(options->url);
    int r =
        access(options->step_program, X_OK) == 0
            ? worker_find_place(worker, err)
            : err_set(err, ERR_IO, "%s can't be executed. It is installed beside guidepost.", options->step_program);
    worker_name(worker);
    r = r < 0 ? r : worker_make_folders(worker, err);
    if (r < 0) {
        worker_free(worker);
        return r;
    }
    worker->children = signal_watch_create(options->loop, SIGCHLD, worker_children, worker);
    worker->plans = plans_create();
    worker->crew = crew_create(
        options->loop, &(struct crew_events){.started = worker_started, .over = worker_run_over, .user = worker});
    worker->beat = loop_timer(options->loop, worker_beat, worker);
    worker->reader = job_reader_create(options->loop, options->store, worker->id, worker->host, worker_read, worker);
    worker_ask(worker);
    timer_start(worker->beat, 0);
    *ret_worker = worker;
    return 0;
}

/* Those go on elsewhere: what was delivered to a worker that is gone the sweep gives to others. */
static void worker_leave_probes(struct worker *worker) {
    struct attempt *next;
    for (struct attempt *attempt = worker->attempts; attempt != NULL; attempt = next) {
        next = attempt->next;
        if (attempt->job.kind == JOB_PROBE) {
            attempt_finish(attempt);
        }
    }
}

void worker_drain(struct worker *worker, void (*drained)(void *user), void *user) {
    worker->draining = true;
    worker_leave_probes(worker);
    worker->drained = drained;
    worker->drained_user = user;
    worker_ask(worker);
    timer_start(worker->beat, 0);
}

void worker_destroy(struct worker *worker) {
    if (worker == NULL) {
        return;
    }
    job_reader_destroy(worker->reader);
    bool leaves_work = worker->attempts != NULL; /* The free lock says at once that it is to be adopted. */
    while (worker->attempts != NULL) {
        struct attempt *attempt = worker->attempts;
        worker->attempts = attempt->next;
        attempt_let_go(attempt);
    }
    signal_watch_destroy(worker->children);
    timer_destroy(worker->beat);
    plans_destroy(worker->plans);
    crew_destroy(worker->crew);
    if (worker->draining && !leaves_work) {
        (void)unlink(worker->lock_path);
    }
    (void)close(worker->lock_fd);
    worker_free(worker);
}
