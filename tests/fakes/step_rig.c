#include "step_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WATCHDOG_S = 120 }; /* a test that hangs ends by SIGALRM */

char step_program[STEP_PATH_BYTES * 2];
char step_self[STEP_PATH_BYTES];
char step_output[STEP_OUTPUT_BYTES];

void step_path(char path[STEP_PATH_BYTES], const struct step_run *run, const char *name) {
    int size = snprintf(path, STEP_PATH_BYTES, "%s/%s", run->directory, name);
    assert_true(size < STEP_PATH_BYTES);
}

bool step_has(const struct step_run *run, const char *name) {
    char path[STEP_PATH_BYTES];

    step_path(path, run, name);
    return access(path, F_OK) == 0;
}

void step_put(const struct step_run *run, const char *name, const char *bytes, size_t size) {
    char path[STEP_PATH_BYTES];

    step_path(path, run, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

size_t step_get(const struct step_run *run, const char *name, char *bytes, size_t room) {
    char path[STEP_PATH_BYTES];
    size_t size = 0;

    step_path(path, run, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail_msg("there is no %s", path);
    }
    for (ssize_t count; (count = read(fd, bytes + size, room - size - 1)) > 0;) {
        size += (size_t)count;
    }
    bytes[size] = '\0';
    (void)close(fd);
    return size;
}

/* Finds the line of the record that begins with a word. */
bool step_line(const struct step_run *run, const char *word, char line[256]) {
    char text[1024];

    (void)step_get(run, "record", text, sizeof text);
    for (char *at = text, *newline; (newline = strchr(at, '\n')) != NULL; at = newline + 1) {
        *newline = '\0';
        if (strncmp(at, word, strlen(word)) == 0 && (at[strlen(word)] == ' ' || at[strlen(word)] == '\0')) {
            (void)snprintf(line, 256, "%.255s", at);
            return true;
        }
    }
    return false;
}

bool step_says(const struct step_run *run, const char *word) {
    char line[256];

    return step_line(run, word, line);
}

static void tell_bytes(struct step_run *run, const char *key, const char *bytes, size_t size) {
    (void)fprintf(run->telling, "%s %zu\n", key, size);
    (void)fwrite(bytes, 1, size, run->telling);
    (void)fputc('\n', run->telling);
}

void step_tell(struct step_run *run, const char *key, const char *value) {
    tell_bytes(run, key, value, strlen(value));
}

void step_make(struct step_run *run, const char *script) {
    *run = (struct step_run){.directory = "/tmp/guidepost_step.XXXXXX", .input = -1};
    assert_non_null(mkdtemp(run->directory));
    step_put(run, "record", STEP_BOOT, sizeof STEP_BOOT - 1);
    run->telling = open_memstream(&run->told, &run->told_size);
    step_tell(run, "env", "PATH=/usr/bin:/bin");
    if (script) {
        step_tell(run, "script", script);
    }
}

static void become_step(const struct step_run *run, int input) {
    char path[STEP_PATH_BYTES];

    step_path(path, run, "errors");
    int errors = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (chdir(run->directory) < 0 || dup2(input, 0) < 0 || dup2(errors, 2) < 0) {
        _exit(120);
    }
    execl(step_program, step_program, (char *)NULL);
    _exit(121);
}

/* Starts the step with nothing told yet. */
void step_start(struct step_run *run) {
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    run->pid = fork();
    if (run->pid == 0) {
        become_step(run, ends[0]);
    }
    (void)close(ends[0]);
    run->input = ends[1];
}

void step_tell_end(struct step_run *run) {
    (void)fflush(run->telling);
    for (size_t at = 0; at < run->told_size;) {
        ssize_t count = write(run->input, run->told + at, run->told_size - at);
        if (count < 0 && errno == EPIPE) {
            break; /* it has left without reading */
        }
        assert_true(count > 0);
        at += (size_t)count;
    }
    (void)close(run->input);
}

void step_go(struct step_run *run) {
    step_tell(run, "end", "");
    step_start(run);
    step_tell_end(run);
}

/* Returns the exit status of the supervisor, or minus the signal that ended it. */
int step_wait(struct step_run *run) {
    int status;

    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct step_ending step_ending_of(const struct step_run *run) {
    struct step_ending ending;
    char line[256];
    int64_t wall;
    int size = 0;

    assert_true(step_line(run, "exit", line));
    int count = sscanf(line, "exit %15s %ld %" SCNd64 " %" SCNu64 " %" SCNu64 "%n", ending.word, &ending.number, &wall,
                       &ending.bytes, &ending.left_out, &size);
    assert_int_equal(count, 5);
    assert_int_equal(size, strlen(line));
    assert_true(llabs(wall - (int64_t)time(NULL) * 1000) < 100000);
    return ending;
}

/* Joins the segments; a gap between them is only fine when the end says that something was left out. */
const char *step_output_of(const struct step_run *run) {
    size_t size = 0;

    step_output[0] = '\0';
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "out.%d", i);
        if (step_has(run, name)) {
            size += step_get(run, name, step_output + size, sizeof step_output - size);
        }
    }
    return step_output;
}

const char *step_errors_of(const struct step_run *run) {
    (void)step_get(run, "errors", step_output, sizeof step_output);
    return step_output;
}

void step_assert_ended(struct step_run *run, const char *word, long number) {
    assert_int_equal(step_wait(run), 0);
    struct step_ending ending = step_ending_of(run);
    if (strcmp(ending.word, word) != 0 || ending.number != number) {
        fail_msg("ended by %s %ld instead of %s %ld, with the output: %s", ending.word, ending.number, word, number,
                 step_output_of(run));
    }
}

void step_remove(struct step_run *run) {
    char path[STEP_PATH_BYTES * 2];
    DIR *files = opendir(run->directory);

    for (struct dirent *entry; files && (entry = readdir(files)) != NULL;) {
        (void)snprintf(path, sizeof path, "%s/%s", run->directory, entry->d_name);
        (void)unlink(path);
    }
    if (files) {
        (void)closedir(files);
        assert_int_equal(rmdir(run->directory), 0);
    }
    (void)fclose(run->telling);
    free(run->told);
}

void step_moment(void) {
    const struct timespec pause = {.tv_nsec = 2000000};
    (void)nanosleep(&pause, NULL);
}

void step_await_line(const struct step_run *run, const char *word) {
    while (!step_says(run, word)) {
        step_moment();
    }
}

void step_await_output(const struct step_run *run, const char *text) {
    while (!strstr(step_output_of(run), text)) {
        step_moment();
    }
}

/* The number after `name=` in the output. */
pid_t step_pid(const struct step_run *run, const char *name) {
    const char *found = strstr(step_output_of(run), name);

    assert_non_null(found);
    return (pid_t)strtol(found + strlen(name) + 1, NULL, 10);
}

/* A dead process is still there until somebody collects it, which may take init a while. */
bool step_lives(pid_t pid) {
    char path[64];
    char text[512];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *state = strrchr(text, ')');
    return state != NULL && state[2] != 'Z' && state[2] != 'X';
}

bool step_lock_is_free(const struct step_run *run) {
    char path[STEP_PATH_BYTES];

    step_path(path, run, "record");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    (void)close(fd);
    return is_free;
}

int step_set_up(void **state) {
    const char *given = getenv("GUIDEPOST_STEP");
    const char *build = getenv("GUIDEPOST_BUILD");
    ssize_t size = readlink("/proc/self/exe", step_self, sizeof step_self - 1);
    (void)state;

    if (size < 0) {
        return -1;
    }
    step_self[size] = '\0';
    if (given) {
        (void)snprintf(step_program, sizeof step_program, "%s", given);
    } else if (build) {
        (void)snprintf(step_program, sizeof step_program, "%s/guidepost-step", build);
    } else { /* the test lies in <build>/tests/unit */
        (void)snprintf(step_program, sizeof step_program, "%.*s/../../guidepost-step",
                       (int)(strrchr(step_self, '/') - step_self), step_self);
    }
    if (access(step_program, X_OK) < 0) {
        (void)fprintf(stderr, "there is no %s: build it first (make all)\n", step_program);
        return -1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

int step_watch(void **state) {
    (void)state;
    (void)alarm(WATCHDOG_S);
    return 0;
}
