/* Drives the real guidepost-step, the way a worker does, and reads what it leaves in the run directory. */

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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"

enum {
    PATH_BYTES = 256,
    OUTPUT_BYTES = 12 << 20,
    WATCHDOG_S = 120, /* a test that hangs ends by SIGALRM */
};

/* One run: its directory, its instructions, its process. */
struct run {
    char directory[PATH_BYTES / 2];
    char *told; /* owned by the stream */
    size_t told_size;
    FILE *telling;
    pid_t pid;
    int input;
};

struct ending {
    char word[16];
    long number;
    uint64_t bytes;
    uint64_t left_out;
};

static const char BOOT[] = "boot 01234567-89ab-cdef-0123-456789abcdef\n";
static char binary[PATH_BYTES * 2];
static char self[PATH_BYTES];
static char output[OUTPUT_BYTES];

/* ---- a run, from its directory to its end ---- */

static void path_of(char path[PATH_BYTES], const struct run *run, const char *name) {
    int size = snprintf(path, PATH_BYTES, "%s/%s", run->directory, name);
    assert_true(size < PATH_BYTES);
}

static bool has(const struct run *run, const char *name) {
    char path[PATH_BYTES];

    path_of(path, run, name);
    return access(path, F_OK) == 0;
}

static void put(const struct run *run, const char *name, const char *bytes, size_t size) {
    char path[PATH_BYTES];

    path_of(path, run, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
}

static size_t get(const struct run *run, const char *name, char *bytes, size_t room) {
    char path[PATH_BYTES];
    size_t size = 0;

    path_of(path, run, name);
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
static bool find_line(const struct run *run, const char *word, char line[256]) {
    char text[1024];

    (void)get(run, "record", text, sizeof text);
    for (char *at = text, *newline; (newline = strchr(at, '\n')) != NULL; at = newline + 1) {
        *newline = '\0';
        if (strncmp(at, word, strlen(word)) == 0 && (at[strlen(word)] == ' ' || at[strlen(word)] == '\0')) {
            (void)snprintf(line, 256, "%.255s", at);
            return true;
        }
    }
    return false;
}

static bool says(const struct run *run, const char *word) {
    char line[256];

    return find_line(run, word, line);
}

static void tell_bytes(struct run *run, const char *key, const char *bytes, size_t size) {
    (void)fprintf(run->telling, "%s %zu\n", key, size);
    (void)fwrite(bytes, 1, size, run->telling);
    (void)fputc('\n', run->telling);
}

static void tell(struct run *run, const char *key, const char *value) {
    tell_bytes(run, key, value, strlen(value));
}

static void run_make(struct run *run, const char *script) {
    *run = (struct run){.directory = "/tmp/test_step.XXXXXX", .input = -1};
    assert_non_null(mkdtemp(run->directory));
    put(run, "record", BOOT, sizeof BOOT - 1);
    run->telling = open_memstream(&run->told, &run->told_size);
    tell(run, "env", "PATH=/usr/bin:/bin");
    if (script) {
        tell(run, "script", script);
    }
}

static void become_step(const struct run *run, int input) {
    char path[PATH_BYTES];

    path_of(path, run, "errors");
    int errors = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (chdir(run->directory) < 0 || dup2(input, 0) < 0 || dup2(errors, 2) < 0) {
        _exit(120);
    }
    execl(binary, binary, (char *)NULL);
    _exit(121);
}

/* Starts the step with nothing told yet. */
static void run_start(struct run *run) {
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    run->pid = fork();
    if (run->pid == 0) {
        become_step(run, ends[0]);
    }
    (void)close(ends[0]);
    run->input = ends[1];
}

static void run_tell_end(struct run *run) {
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

static void run_go(struct run *run) {
    tell(run, "end", "");
    run_start(run);
    run_tell_end(run);
}

/* Returns the exit status of the supervisor, or minus the signal that ended it. */
static int run_wait(struct run *run) {
    int status;

    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static struct ending ending_of(const struct run *run) {
    struct ending ending;
    char line[256];
    int64_t wall;
    int size = 0;

    assert_true(find_line(run, "exit", line));
    int count = sscanf(line, "exit %15s %ld %" SCNd64 " %" SCNu64 " %" SCNu64 "%n", ending.word, &ending.number, &wall,
                       &ending.bytes, &ending.left_out, &size);
    assert_int_equal(count, 5);
    assert_int_equal(size, strlen(line));
    assert_true(llabs(wall - (int64_t)time(NULL) * 1000) < 100000);
    return ending;
}

/* Joins the segments; a gap between them is only fine when the end says that something was left out. */
static const char *output_of(const struct run *run) {
    size_t size = 0;

    output[0] = '\0';
    for (int i = 0; i < 200; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "out.%d", i);
        if (has(run, name)) {
            size += get(run, name, output + size, sizeof output - size);
        }
    }
    return output;
}

static const char *errors_of(const struct run *run) {
    (void)get(run, "errors", output, sizeof output);
    return output;
}

static void assert_ended(struct run *run, const char *word, long number) {
    assert_int_equal(run_wait(run), 0);
    struct ending ending = ending_of(run);
    if (strcmp(ending.word, word) != 0 || ending.number != number) {
        fail_msg("ended by %s %ld instead of %s %ld, with the output: %s", ending.word, ending.number, word, number,
                 output_of(run));
    }
}

static void run_remove(struct run *run) {
    char path[PATH_BYTES * 2];
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

static void moment(void) {
    const struct timespec pause = {.tv_nsec = 2000000};
    (void)nanosleep(&pause, NULL);
}

static void wait_for_line(const struct run *run, const char *word) {
    while (!says(run, word)) {
        moment();
    }
}

static void wait_for_output(const struct run *run, const char *text) {
    while (!strstr(output_of(run), text)) {
        moment();
    }
}

/* The number after `name=` in the output. */
static pid_t pid_in_output(const struct run *run, const char *name) {
    const char *found = strstr(output_of(run), name);

    assert_non_null(found);
    return (pid_t)strtol(found + strlen(name) + 1, NULL, 10);
}

/* A dead process is still there until somebody collects it, which may take init a while. */
static bool lives(pid_t pid) {
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

static bool lock_is_free(const struct run *run) {
    char path[PATH_BYTES];

    path_of(path, run, "record");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool is_free = flock(fd, LOCK_EX | LOCK_NB) == 0;
    (void)close(fd);
    return is_free;
}

/* ---- how scripts end, and what they find ---- */

static void the_end_of_the_shell_is_recorded(void **state) {
    static const struct {
        const char *script;
        const char *word;
        long number;
    } cases[] = {
        {":", "exit", 0},
        {"true", "exit", 0},
        {"exit 3", "exit", 3},
        {"exit 255", "exit", 255},
        {"false; echo not reached", "exit", 1}, /* -e */
        {"no-such-program", "exit", 127},
        {"if", "exit", 2},
        {"kill -9 $$", "signal", 9},
        {"kill -15 $$", "signal", 15},
        {"exec sleep 0", "exit", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        run_make(&run, cases[i].script);
        run_go(&run);
        assert_ended(&run, cases[i].word, cases[i].number);
        assert_null(strstr(output_of(&run), "not reached"));
        assert_true(lock_is_free(&run));
        run_remove(&run);
    }
}

static void both_outputs_come_in_order(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo a; echo b >&2; echo c; printf d");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    assert_string_equal(output_of(&run), "a\nb\nc\nd");
    assert_int_equal(ending_of(&run).bytes, 7);
    assert_int_equal(ending_of(&run).left_out, 0);
    run_remove(&run);
}

static void the_script_finds_only_what_it_was_given(void **state) {
    struct run run;
    int leaked[2];
    (void)state;

    assert_int_equal(setenv("STEP_CANARY", "from the worker", 1), 0);
    assert_int_equal(pipe(leaked), 0);
    mode_t mask = umask(027);
    run_make(&run, "tr '\\0' '\\n' </proc/$$/environ; cat; echo fds $(ls /proc/self/fd); umask; ulimit -c; pwd;"
                   /* 32 and 33 are glibc's own: posix_spawn of whoever started us leaves them ignored. */
                   "grep SigBlk /proc/self/status; i=0x$(sed -n 's/^SigIgn:.//p' /proc/self/status);"
                   "echo ignored $((i & ~0x180000000))");
    tell(&run, "env", "RELEASE=1.2; $(id)");
    tell(&run, "work-dir", "/usr");
    (void)signal(SIGUSR1, SIG_IGN);
    run_go(&run);
    (void)signal(SIGUSR1, SIG_DFL);
    (void)umask(mask);
    (void)close(leaked[0]);
    (void)close(leaked[1]);
    assert_ended(&run, "exit", 0);
    assert_string_equal(output_of(&run), "PATH=/usr/bin:/bin\nRELEASE=1.2; $(id)\nfds 0 1 2 3\n0027\n0\n/usr\n"
                                         "SigBlk:\t0000000000000000\nignored 0\n");
    run_remove(&run);
}

static void the_start_is_recorded_before_the_script_runs(void **state) {
    struct run run;
    char wanted[64];
    (void)state;

    run_make(&run, "echo $PPID $$; grep started \"$RUN/record\"");
    char variable[PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
    tell(&run, "env", variable);
    run_go(&run);
    assert_ended(&run, "exit", 0);
    const char *second = strchr(output_of(&run), '\n') + 1;
    (void)snprintf(wanted, sizeof wanted, "started %.*s ", (int)(second - output - 1), output);
    assert_int_equal(strncmp(second, wanted, strlen(wanted)), 0);
    assert_int_equal(strtol(output, NULL, 10), run.pid);
    run_remove(&run);
}

static void files_are_for_their_owner_alone(void **state) {
    static const char *const names[] = {"record", "out.0"};
    struct run run;
    (void)state;

    run_make(&run, "echo x");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_BYTES];
        struct stat file;
        path_of(path, &run, names[i]);
        assert_int_equal(stat(path, &file), 0);
        assert_int_equal(file.st_mode & 07777, 0600);
    }
    run_remove(&run);
}

static void a_missing_directory_is_named(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo ran");
    tell(&run, "work-dir", "/srv/no such place");
    run_go(&run);
    assert_ended(&run, "notstarted", ENOENT);
    assert_non_null(strstr(output_of(&run), "/srv/no such place"));
    assert_null(strstr(output_of(&run), "ran"));
    run_remove(&run);
}

static void the_script_runs_as_its_user(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "id -un; id -Gn; cat \"$RUN/record\" || echo locked out");
    tell(&run, "user", "nobody");
    char variable[PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
    tell(&run, "env", variable);
    run_go(&run);
    if (getuid() == 0) {
        assert_ended(&run, "exit", 0);
        assert_non_null(strstr(output_of(&run), "nobody\nnogroup\n"));
        assert_non_null(strstr(output_of(&run), "locked out"));
    } else {
        assert_ended(&run, "notstarted", EPERM);
    }
    run_remove(&run);

    run_make(&run, "echo ran");
    tell(&run, "user", "no-such-user");
    run_go(&run);
    assert_ended(&run, "notstarted", ENOENT);
    assert_non_null(strstr(output_of(&run), "no-such-user"));
    run_remove(&run);
}

/* ---- ending what does not end ---- */

static void a_script_that_takes_too_long_is_ended(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo begun; sleep 1000");
    tell(&run, "timeout-ms", "100");
    run_go(&run);
    assert_ended(&run, "timeout", 100);
    assert_string_equal(output_of(&run), "begun\n");
    run_remove(&run);
}

static void a_timeout_stays_a_timeout_when_the_script_ends_well_after_it(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done");
    tell(&run, "timeout-ms", "100");
    run_go(&run);
    assert_ended(&run, "timeout", 100);
    assert_non_null(strstr(output_of(&run), "cleaned\n"));
    run_remove(&run);
}

static void a_silent_script_is_ended_and_a_talking_one_is_not(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo begun; sleep 1000");
    tell(&run, "quiet-ms", "200");
    run_go(&run);
    assert_ended(&run, "quiet", 200);
    run_remove(&run);

    run_make(&run, "for i in 1 2 3 4 5 6 7 8; do echo; sleep 0.2; done");
    tell(&run, "quiet-ms", "1200");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    run_remove(&run);
}

static void a_cancel_ends_the_script(void **state) {
    static const struct {
        const char *script;
        const char *kill_ms;
        long number;
    } cases[] = {
        {"echo begun; sleep 1000", "100000", SIGTERM},
        {"trap 'exit 0' TERM; echo begun; while :; do sleep 0.01; done", "100000", SIGTERM},
        {"trap '' TERM; echo begun; while :; do sleep 0.01; done", "100", SIGKILL},
        {"trap '' TERM; echo begun; sleep 1000", "0", SIGKILL},
        {"echo begun; kill -STOP $$", "100000", SIGTERM},
        {"(trap '' TERM; echo begun; exec sleep 1000)", "100", SIGKILL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        run_make(&run, cases[i].script);
        tell(&run, "kill-ms", cases[i].kill_ms);
        run_go(&run);
        wait_for_output(&run, "begun");
        assert_int_equal(kill(run.pid, SIGTERM), 0);
        assert_ended(&run, "canceled", cases[i].number);
        run_remove(&run);
    }
}

static void a_cancel_ends_the_whole_group(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "sleep 1000 & echo sleeper=$!.\n"
                   "sh -c 'trap \"\" TERM; sleep 1000 & echo grandchild=$!.; wait' &\n"
                   "(sh -c 'trap \"\" TERM; echo orphan=$$.; exec sleep 1000' &)\n"
                   "echo shell=$$.; wait");
    tell(&run, "kill-ms", "100");
    run_go(&run);
    wait_for_output(&run, "shell=");
    wait_for_output(&run, "orphan=");
    wait_for_output(&run, "grandchild=");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    assert_ended(&run, "canceled", SIGKILL);
    assert_false(lives(pid_in_output(&run, "sleeper")) || lives(pid_in_output(&run, "grandchild")));
    assert_false(lives(pid_in_output(&run, "orphan")) || lives(pid_in_output(&run, "shell")));
    run_remove(&run);
}

/* The helper leaves a child in the group and the group itself, and never reaps that child. */
static _Noreturn void leave_group(void) {
    pid_t child = fork();

    if (child != 0) {
        (void)setsid();
        (void)printf("helper=%ld.\n", (long)getpid());
        (void)fflush(stdout);
    }
    for (;;) {
        (void)pause();
    }
}

static void a_dead_member_that_nobody_reaps_does_not_keep_the_end_away(void **state) {
    struct run run;
    char script[PATH_BYTES * 2];
    (void)state;

    (void)snprintf(script, sizeof script, "'%s' leave-group", self);
    run_make(&run, script);
    tell(&run, "kill-ms", "100");
    run_go(&run);
    wait_for_output(&run, "helper=");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    assert_ended(&run, "canceled", SIGKILL);
    pid_t helper = pid_in_output(&run, "helper");
    assert_true(lives(helper));
    assert_int_equal(kill(helper, SIGKILL), 0);
    run_remove(&run);
}

/* Else it would run beside the next attempt. */
static void a_killed_shell_takes_along_what_it_waited_for(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo shell=$$.; sh -c 'trap \"\" TERM; echo deaf=$$.; sleep 1000'; echo never");
    tell(&run, "kill-ms", "100");
    run_go(&run);
    wait_for_output(&run, "deaf=");
    assert_int_equal(kill(pid_in_output(&run, "shell"), SIGKILL), 0);
    assert_ended(&run, "signal", SIGKILL);
    assert_false(lives(pid_in_output(&run, "deaf")));
    run_remove(&run);
}

static void a_process_in_the_background_outlives_its_script(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "sleep 1000 & echo background=$!.; (sleep 0.05; echo late) &");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    assert_non_null(strstr(output_of(&run), "late\n"));
    pid_t background = pid_in_output(&run, "background");
    assert_true(lives(background));
    assert_int_equal(kill(background, SIGKILL), 0);
    run_remove(&run);
}

static void a_talking_process_in_the_background_does_not_keep_the_end_away(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "(while :; do echo x; sleep 0.01; done) & echo background=$!.");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    run_remove(&run); /* the next echo finds the pipe closed, and -e ends the loop */
}

/* ---- output ---- */

static void a_flood_without_a_newline_keeps_its_head_and_tail(void **state) {
    enum { SIZE = 10 << 20 };
    struct run run;
    (void)state;

    run_make(&run, "printf head; head -c 10485752 /dev/zero | tr '\\0' x; printf tail");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    struct ending ending = ending_of(&run);
    assert_int_equal(ending.bytes, SIZE);
    size_t size = strlen(output_of(&run));
    assert_int_equal(size, SIZE - ending.left_out);
    assert_in_range(size, LIMIT_OUTPUT_BYTES - LIMIT_OUTPUT_SEGMENT, LIMIT_OUTPUT_BYTES);
    assert_int_equal(strncmp(output, "headxxx", 7), 0);
    assert_string_equal(output + size - 7, "xxxtail");
    run_remove(&run);
}

static void a_hundred_thousand_lines_come_whole(void **state) {
    struct run run;
    char *at = output;
    (void)state;

    run_make(&run, "seq 100000");
    tell(&run, "secret", "not in it");
    tell(&run, "segment-bytes", "100000");
    tell(&run, "head-segments", "10");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    (void)output_of(&run);
    for (long i = 1; i <= 100000; i++) {
        assert_int_equal(strtol(at, &at, 10), i);
        assert_int_equal(*at++, '\n');
    }
    assert_int_equal(*at, '\0');
    assert_int_equal(ending_of(&run).left_out, 0);
    run_remove(&run);
}

static void any_bytes_come_as_they_are(void **state) {
    struct run run;
    char bytes[4096];
    char script[PATH_BYTES * 2];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)(i * 7 + i / 256);
    }
    run_make(&run, NULL);
    put(&run, "bytes", bytes, sizeof bytes);
    (void)snprintf(script, sizeof script, "cat %s/bytes", run.directory);
    tell(&run, "script", script);
    tell(&run, "secret", "hunter22");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    assert_int_equal(get(&run, "out.0", output, sizeof output), sizeof bytes);
    assert_memory_equal(output, bytes, sizeof bytes);
    run_remove(&run);
}

static void a_secret_written_in_two_pieces_is_masked(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "for at in 1 2 3 4 5 6 7; do\n"
                   "printf '<'; printf %s \"$SECRET\" | head -c $at; sleep 0.02\n"
                   "printf %s \"$SECRET\" | tail -c $((8 - at)); echo '>'; done\n"
                   "set -x; echo \"$SECRET\"; printf %s \"$SECRET\" | base64; printf 'hunter'");
    tell(&run, "env", "SECRET=hunter22");
    tell(&run, "secret", "hunter22");
    run_go(&run);
    assert_ended(&run, "exit", 0);
    const char *at = output_of(&run);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(strncmp(at, "<***>\n", 6), 0);
        at += 6;
    }
    assert_null(strstr(at, "hunter22"));
    assert_null(strstr(at, "aHVudGVyMjI"));
    assert_non_null(strstr(at, "+ echo ***\n***\n"));
    assert_string_equal(at + strlen(at) - 7, "\nhunter"); /* what was held back comes at the end */
    run_remove(&run);
}

static void output_is_there_while_the_script_runs(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "printf 'Proceed? '; sleep 1000");
    tell(&run, "secret", "hunter22");
    run_go(&run);
    wait_for_output(&run, "Proceed? ");
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    assert_ended(&run, "canceled", SIGTERM);
    run_remove(&run);
}

/* ---- who owns a run ---- */

static void the_step_does_not_notice_the_death_of_its_starter(void **state) {
    struct run run;
    char path[PATH_BYTES];
    (void)state;

    run_make(&run, NULL);
    path_of(path, &run, "go");
    char script[PATH_BYTES * 2];
    (void)snprintf(script, sizeof script, "while ! [ -e %s ]; do sleep 0.01; done; echo on; exit 7", path);
    tell(&run, "script", script);
    tell(&run, "end", "");
    pid_t starter = fork();
    if (starter == 0) {
        run_start(&run);
        run_tell_end(&run);
        for (;;) {
            (void)pause();
        }
    }
    wait_for_line(&run, "started");
    assert_int_equal(kill(starter, SIGKILL), 0);
    assert_int_equal(waitpid(starter, NULL, 0), starter);
    char started[256];
    assert_true(find_line(&run, "started", started));
    pid_t supervisor = (pid_t)strtol(started + strlen("started "), NULL, 10);
    static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++) {
        assert_int_equal(kill(supervisor, ignored[i]), 0);
    }
    assert_false(lock_is_free(&run));
    put(&run, "go", "", 0);
    wait_for_line(&run, "exit");
    struct ending ending = ending_of(&run);
    assert_string_equal(ending.word, "exit");
    assert_int_equal(ending.number, 7);
    assert_string_equal(output_of(&run), "on\n");
    while (!lock_is_free(&run)) {
        moment();
    }
    run_remove(&run);
}

static void a_killed_supervisor_leaves_no_end_and_a_free_lock(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo shell=$$.; exec sleep 1000");
    run_go(&run);
    wait_for_output(&run, "shell=");
    assert_false(lock_is_free(&run));
    assert_int_equal(kill(run.pid, SIGKILL), 0);
    assert_int_equal(run_wait(&run), -SIGKILL);
    assert_false(says(&run, "exit"));
    assert_true(lock_is_free(&run));
    assert_true(says(&run, "started"));
    pid_t shell = pid_in_output(&run, "shell");
    assert_true(lives(shell)); /* what was started may still run: that is why the outcome is unknown */
    assert_int_equal(kill(shell, SIGKILL), 0);
    run_remove(&run);
}

static void a_run_that_belongs_to_somebody_else_is_left_alone(void **state) {
    static const char *const records[] = {
        "boot b\nstarted 2 3 4\n",
        "boot b\nstarted 2 3 4\nexit exit 0 5 6 7\n",
        "boot b\nstarted 2 3 4\nexit exit 0 5 6 7\ntold\n",
        "boot b\nexit notstarted 22 5 6 7\nto",
        "boot b\nvoid\n",
        "boot b\nsomething new\n",
        "void\n",
        "void\nboot b\n",
        "boot b", /* it was never made */
        "",
        "\n",
        "\nboot b\n",
        "started 2 3 4\n",
    };
    struct run run;
    char path[PATH_BYTES];
    char text[1024];
    (void)state;

    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        run_make(&run, "echo ran");
        put(&run, "record", records[i], strlen(records[i]));
        run_go(&run);
        assert_int_equal(run_wait(&run), 111);
        assert_false(has(&run, "out.0"));
        (void)get(&run, "record", text, sizeof text);
        assert_string_equal(text, records[i]);
        run_remove(&run);
    }
    run_make(&run, "echo ran");
    path_of(path, &run, "record");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    run_go(&run);
    assert_int_equal(run_wait(&run), 111);
    assert_false(has(&run, "out.0") || says(&run, "exit") || says(&run, "started"));
    (void)close(fd);
    run_remove(&run);
}

static void two_steps_never_run_on_one_target(void **state) {
    struct run first;
    struct run second;
    char target[PATH_BYTES];
    (void)state;

    run_make(&first, "echo begun; sleep 1000");
    path_of(target, &first, "target");
    tell(&first, "target-lock", target);
    run_go(&first);
    wait_for_output(&first, "begun");

    run_make(&second, "echo ran");
    tell(&second, "target-lock", target);
    run_go(&second);
    assert_ended(&second, "notstarted", EWOULDBLOCK);
    assert_null(strstr(output_of(&second), "ran"));
    assert_false(says(&second, "started"));
    run_remove(&second);

    assert_int_equal(kill(first.pid, SIGTERM), 0);
    assert_ended(&first, "canceled", SIGTERM);
    run_make(&second, "sleep 1000 & echo ran; kill $!");
    tell(&second, "target-lock", target);
    run_go(&second);
    assert_ended(&second, "exit", 0);
    run_remove(&second);
    run_remove(&first);
}

static void a_target_stays_locked_while_the_script_of_a_killed_supervisor_runs(void **state) {
    struct run first;
    struct run second;
    char target[PATH_BYTES];
    (void)state;

    run_make(&first, "echo shell=$$.; exec sleep 1000");
    path_of(target, &first, "target");
    tell(&first, "target-lock", target);
    run_go(&first);
    wait_for_output(&first, "shell=");
    assert_int_equal(kill(first.pid, SIGKILL), 0);
    assert_int_equal(waitpid(first.pid, NULL, 0), first.pid);

    run_make(&second, "echo ran");
    tell(&second, "target-lock", target);
    run_go(&second);
    assert_ended(&second, "notstarted", EWOULDBLOCK);
    run_remove(&second);

    pid_t shell = pid_in_output(&first, "shell");
    assert_int_equal(kill(shell, SIGKILL), 0);
    while (lives(shell)) {
        (void)usleep(1000);
    }
    run_make(&second, "echo ran");
    tell(&second, "target-lock", target);
    run_go(&second);
    assert_ended(&second, "exit", 0);
    run_remove(&second);
    run_remove(&first);
}

static void what_a_script_leaves_in_the_background_does_not_lock_its_target(void **state) {
    struct run first;
    struct run second;
    char target[PATH_BYTES];
    (void)state;

    run_make(&first, "sleep 1000 >/dev/null 2>&1 & echo background=$!.");
    path_of(target, &first, "target");
    tell(&first, "target-lock", target);
    run_go(&first);
    assert_ended(&first, "exit", 0);

    run_make(&second, "echo ran");
    tell(&second, "target-lock", target);
    run_go(&second);
    assert_ended(&second, "exit", 0);
    run_remove(&second);
    assert_int_equal(kill(pid_in_output(&first, "background"), SIGKILL), 0);
    run_remove(&first);
}

static void nothing_runs_where_there_is_no_record(void **state) {
    struct run run;
    char path[PATH_BYTES];
    (void)state;

    run_make(&run, "true");
    path_of(path, &run, "record");
    assert_int_equal(unlink(path), 0);
    run_go(&run);
    assert_int_equal(run_wait(&run), 111);
    assert_false(has(&run, "record") || has(&run, "out.0"));
    run_remove(&run);
}

static void of_two_supervisors_one_starts(void **state) {
    (void)state;

    for (int i = 0; i < 200; i++) {
        struct run first;
        run_make(&first, "echo ran");
        tell(&first, "end", "");
        (void)fflush(first.telling); /* so that the copy knows what is told */
        struct run second = first;
        run_start(&first);
        run_start(&second);
        run_tell_end(i % 2 ? &first : &second);
        run_tell_end(i % 2 ? &second : &first);
        int statuses[] = {run_wait(&first), run_wait(&second)};
        assert_int_equal(statuses[0] + statuses[1], 111); /* one of them is 0 */
        assert_true(statuses[0] == 0 || statuses[1] == 0);
        assert_string_equal(ending_of(&first).word, "exit");
        assert_string_equal(output_of(&first), "ran\n");
        run_remove(&first);
    }
}

/* An adopter could not write `void` whole: it has given up nothing. */
static void a_line_that_was_not_written_whole_is_cut_off(void **state) {
    static const char *const lines[] = {"void", "exit exit 0 1759000000000 123456 0",
                                        "started 1234567 1234568 1759000000000"};
    (void)state;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        for (int size = 1; size <= (int)strlen(lines[i]); size++) {
            struct run run;
            char text[1024];
            char line[256];
            int length = snprintf(text, sizeof text, "%s%.*s", BOOT, size, lines[i]);
            run_make(&run, "true");
            put(&run, "record", text, (size_t)length);
            run_go(&run);
            assert_ended(&run, "exit", 0);
            (void)get(&run, "record", text, sizeof text);
            assert_true(find_line(&run, "started", line));
            assert_int_equal(strncmp(text, BOOT, sizeof BOOT - 1), 0);
            assert_int_equal(strncmp(text + sizeof BOOT - 1, line, strlen(line)), 0);
            run_remove(&run);
        }
    }
}

/* Whoever looks at a lock holds it shared for an instant. */
static void who_only_looks_at_a_lock_is_no_holder(void **state) {
    static const char *const locks[] = {"record", "target"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct run run;
        char target[PATH_BYTES];
        char path[PATH_BYTES];
        run_make(&run, "true");
        path_of(target, &run, "target");
        tell(&run, "target-lock", target);
        path_of(path, &run, locks[i]);
        int looking = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(flock(looking, LOCK_SH | LOCK_NB), 0);
        run_go(&run);
        for (int moments = 0; moments < 10; moments++) {
            moment();
        }
        assert_int_equal(waitpid(run.pid, NULL, WNOHANG), 0);
        (void)close(looking);
        assert_ended(&run, "exit", 0);
        run_remove(&run);
    }
}

static void bad_instructions_run_nothing(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo ran");
    tell(&run, "colour", "red");
    run_go(&run);
    assert_ended(&run, "notstarted", EINVAL);
    assert_null(strstr(output_of(&run), "ran"));
    run_remove(&run);

    run_make(&run, "echo ran"); /* no end: the worker died while it wrote */
    run_start(&run);
    run_tell_end(&run);
    assert_ended(&run, "notstarted", EINVAL);
    assert_null(strstr(output_of(&run), "ran"));
    assert_false(says(&run, "started"));
    run_remove(&run);
}

static void a_cancel_before_the_start_runs_nothing(void **state) {
    struct run run;
    (void)state;

    run_make(&run, "echo ran");
    run_start(&run);
    while (lock_is_free(&run)) {
        moment();
    }
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    assert_ended(&run, "notstarted", ECANCELED);
    (void)close(run.input);
    run_remove(&run);
}

/* ---- when the disk does not do what it should ---- */

static void a_full_disk_stops_neither_the_script_nor_its_record(void **state) {
    struct rlimit before;
    struct run run;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    run_make(&run, "printf '%0200d' 0; sleep 0.05; printf '%0300d' 0; exit 5");
    struct rlimit small = before;
    small.rlim_cur = 150;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    tell(&run, "end", "");
    run_start(&run);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    run_tell_end(&run);
    assert_ended(&run, "exit", 5);
    assert_int_equal(ending_of(&run).bytes, 500);
    assert_int_equal(ending_of(&run).left_out, 350);
    assert_int_equal(strlen(output_of(&run)), 150);
    run_remove(&run);
}

/* Lets the files of a running step grow to a size and no further, or to any size. */
static void limit_files(const struct run *run, rlim_t size) {
    struct rlimit limit;

    assert_int_equal(prlimit(run->pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    assert_int_equal(prlimit(run->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

/* The line of the end fits not at all, or a part of it. */
static void an_end_that_cannot_be_recorded_is_tried_until_it_is(void **state) {
    (void)state;

    for (size_t room = 0; room < 30; room += 14) {
        struct run run;
        char text[1024];
        run_make(&run, "while ! [ -e \"$RUN/go\" ]; do sleep 0.01; done; exit 9");
        char variable[PATH_BYTES];
        (void)snprintf(variable, sizeof variable, "RUN=%s", run.directory);
        tell(&run, "env", variable);
        run_go(&run);
        wait_for_line(&run, "started");
        size_t size = get(&run, "record", text, sizeof text);
        limit_files(&run, size + room);
        put(&run, "go", "", 0);
        while (!has(&run, "errors") || !strstr(errors_of(&run), "cannot record the end")) {
            moment();
        }
        assert_int_equal(get(&run, "record", text, sizeof text), size + room);
        assert_false(says(&run, "exit"));
        assert_false(lock_is_free(&run));
        assert_int_equal(waitpid(run.pid, NULL, WNOHANG), 0);
        assert_int_equal(kill(run.pid, SIGTERM), 0); /* too late: it changes nothing */
        limit_files(&run, RLIM_INFINITY);
        assert_ended(&run, "exit", 9);
        run_remove(&run);
    }
}

/* Then the script has not begun either. */
static void a_start_that_cannot_be_recorded_runs_nothing(void **state) {
    (void)state;

    for (size_t room = 0; room < 30; room += 14) {
        struct run run;
        run_make(&run, "echo ran");
        run_start(&run);
        while (lock_is_free(&run)) {
            moment();
        }
        limit_files(&run, sizeof BOOT - 1 + room);
        tell(&run, "end", "");
        run_tell_end(&run);
        while (!strstr(errors_of(&run), "cannot record the end")) {
            moment();
        }
        limit_files(&run, RLIM_INFINITY);
        assert_int_equal(run_wait(&run), 0);
        assert_string_equal(ending_of(&run).word, "notstarted");
        assert_false(says(&run, "started"));
        assert_null(strstr(output_of(&run), "ran"));
        run_remove(&run);
    }
}

static void a_deleted_directory_ends_the_trying(void **state) {
    static const char *const deleted[] = {"", "/record"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct run run;
        char script[PATH_BYTES];
        run_make(&run, NULL);
        (void)snprintf(script, sizeof script, "rm -r %s%s", run.directory, deleted[i]);
        tell(&run, "script", script);
        run_go(&run);
        assert_int_equal(run_wait(&run), 1);
        assert_false(has(&run, "record"));
        run_remove(&run);
    }
}

static void a_hundred_steps_one_after_another_leave_nothing_behind(void **state) {
    (void)state;

    for (int i = 0; i < 100; i++) {
        struct run run;
        run_make(&run, "true");
        run_go(&run);
        assert_ended(&run, "exit", 0);
        run_remove(&run);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- one run after the other ---- */

struct server {
    pid_t pid;
    int socket;
};

static void server_start(struct server *server) {
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    server->pid = fork();
    if (server->pid == 0) {
        (void)dup2(ends[1], 0);
        execl(binary, binary, "serve", (char *)NULL);
        _exit(121);
    }
    (void)close(ends[1]);
    server->socket = ends[0];
}

static void server_give(const struct server *server, struct run *run) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec piece = {run->directory, strlen(run->directory)};
    const struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    tell(run, "end", "");
    (void)fflush(run->telling);
    int fd = memfd_create("instructions", MFD_CLOEXEC);
    assert_int_equal(write(fd, run->told, run->told_size), run->told_size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    assert_true(sendmsg(server->socket, &message, MSG_NOSIGNAL) > 0);
    (void)close(fd);
}

/* -1: it has left instead. */
static int server_answer(const struct server *server) {
    unsigned char answer;
    ssize_t size = recv(server->socket, &answer, 1, 0);

    return size == 1 ? answer : -1;
}

static int server_end(const struct server *server) {
    int status;

    (void)close(server->socket);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void one_supervisor_serves_one_run_after_the_other(void **state) {
    struct server server;
    char wanted[64];
    (void)state;

    server_start(&server);
    (void)snprintf(wanted, sizeof wanted, "%d fds 0 1 2 3\n0\n", (int)server.pid);
    for (long i = 0; i < 3; i++) {
        struct run run;
        run_make(&run, "echo $PPID fds $(ls /proc/self/fd); cat; echo $?; exit $STATUS");
        tell(&run, "env", i == 0 ? "STATUS=0" : i == 1 ? "STATUS=1" : "STATUS=2");
        server_give(&server, &run);
        assert_int_equal(server_answer(&server), 0);
        struct ending ending = ending_of(&run);
        assert_string_equal(ending.word, "exit");
        assert_int_equal(ending.number, i);
        assert_string_equal(output_of(&run), wanted);
        assert_true(lock_is_free(&run));
        run_remove(&run);
    }
    assert_int_equal(server_end(&server), 0);
}

static void a_run_that_is_not_its_own_is_told_to_who_asked(void **state) {
    struct server server;
    struct run given_up, next;
    (void)state;

    server_start(&server);
    run_make(&given_up, "echo x");
    put(&given_up, "record", "void\n", 5);
    server_give(&server, &given_up);
    assert_int_equal(server_answer(&server), 111);
    assert_false(has(&given_up, "out.0"));
    run_make(&next, "echo x");
    server_give(&server, &next);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(output_of(&next), "x\n");
    assert_int_equal(server_end(&server), 0);
    run_remove(&given_up);
    run_remove(&next);
}

static void who_knows_a_secret_serves_no_other_run(void **state) {
    struct server server;
    struct run run;
    (void)state;

    server_start(&server);
    run_make(&run, "echo x");
    tell(&run, "secret", "hunter2hunter2");
    server_give(&server, &run);
    assert_int_equal(server_answer(&server), -1);
    assert_int_equal(server_end(&server), 0);
    assert_string_equal(ending_of(&run).word, "exit");
    run_remove(&run);
}

static void whose_script_left_something_serves_no_other_run(void **state) {
    struct server server;
    struct run run;
    (void)state;

    server_start(&server);
    run_make(&run, "sleep 100 >/dev/null 2>&1 & echo left=$!");
    server_give(&server, &run);
    assert_int_equal(server_answer(&server), -1);
    assert_int_equal(server_end(&server), 0);
    assert_string_equal(ending_of(&run).word, "exit");
    pid_t left = pid_in_output(&run, "left");
    assert_true(lives(left));
    (void)kill(left, SIGKILL);
    run_remove(&run);
}

static void a_stop_ends_only_the_run_that_it_means(void **state) {
    struct server server;
    struct run run;
    (void)state;

    server_start(&server);
    run_make(&run, "echo shell=$$; sleep 100");
    server_give(&server, &run);
    wait_for_output(&run, "\n");
    pid_t shell = pid_in_output(&run, "shell");
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell + 1}), 0);
    for (int i = 0; i < 20; i++) {
        moment();
    }
    assert_false(says(&run, "exit"));
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell}), 0);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(ending_of(&run).word, "canceled");
    /* One that comes too late ends nobody. */
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell}), 0);
    struct run next;
    run_make(&next, "echo x");
    server_give(&server, &next);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(output_of(&next), "x\n");
    assert_int_equal(server_end(&server), 0);
    run_remove(&run);
    run_remove(&next);
}

static void a_run_goes_on_when_who_asked_for_it_is_gone(void **state) {
    struct server server;
    struct run run;
    (void)state;

    server_start(&server);
    run_make(&run, "echo up; while ! test -e \"$GO\"; do sleep 0.01; done");
    char variable[PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "GO=%s/go", run.directory);
    tell(&run, "env", variable);
    server_give(&server, &run);
    wait_for_output(&run, "up");
    (void)close(server.socket);
    put(&run, "go", "", 0);
    wait_for_line(&run, "exit");
    server.socket = -1;
    assert_int_equal(server_end(&server), 0);
    run_remove(&run);
}

static int set_up(void **state) {
    const char *given = getenv("GUIDEPOST_STEP");
    const char *build = getenv("GUIDEPOST_BUILD");
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    (void)state;

    if (size < 0) {
        return -1;
    }
    self[size] = '\0';
    if (given) {
        (void)snprintf(binary, sizeof binary, "%s", given);
    } else if (build) {
        (void)snprintf(binary, sizeof binary, "%s/guidepost-step", build);
    } else { /* this is <build>/tests/unit/test_step */
        (void)snprintf(binary, sizeof binary, "%.*s/../../guidepost-step", (int)(strrchr(self, '/') - self), self);
    }
    if (access(binary, X_OK) < 0) {
        (void)fprintf(stderr, "there is no %s: build it first (make all)\n", binary);
        return -1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

static int watch(void **state) {
    (void)state;
    (void)alarm(WATCHDOG_S);
    return 0;
}

#define STEP_TEST(name) cmocka_unit_test_setup(name, watch)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(the_end_of_the_shell_is_recorded),
        STEP_TEST(both_outputs_come_in_order),
        STEP_TEST(the_script_finds_only_what_it_was_given),
        STEP_TEST(the_start_is_recorded_before_the_script_runs),
        STEP_TEST(files_are_for_their_owner_alone),
        STEP_TEST(a_missing_directory_is_named),
        STEP_TEST(the_script_runs_as_its_user),
        STEP_TEST(a_script_that_takes_too_long_is_ended),
        STEP_TEST(a_timeout_stays_a_timeout_when_the_script_ends_well_after_it),
        STEP_TEST(a_silent_script_is_ended_and_a_talking_one_is_not),
        STEP_TEST(a_cancel_ends_the_script),
        STEP_TEST(a_cancel_ends_the_whole_group),
        STEP_TEST(a_dead_member_that_nobody_reaps_does_not_keep_the_end_away),
        STEP_TEST(a_killed_shell_takes_along_what_it_waited_for),
        STEP_TEST(a_process_in_the_background_outlives_its_script),
        STEP_TEST(a_talking_process_in_the_background_does_not_keep_the_end_away),
        STEP_TEST(a_flood_without_a_newline_keeps_its_head_and_tail),
        STEP_TEST(a_hundred_thousand_lines_come_whole),
        STEP_TEST(any_bytes_come_as_they_are),
        STEP_TEST(a_secret_written_in_two_pieces_is_masked),
        STEP_TEST(output_is_there_while_the_script_runs),
        STEP_TEST(the_step_does_not_notice_the_death_of_its_starter),
        STEP_TEST(a_killed_supervisor_leaves_no_end_and_a_free_lock),
        STEP_TEST(a_run_that_belongs_to_somebody_else_is_left_alone),
        STEP_TEST(two_steps_never_run_on_one_target),
        STEP_TEST(a_target_stays_locked_while_the_script_of_a_killed_supervisor_runs),
        STEP_TEST(what_a_script_leaves_in_the_background_does_not_lock_its_target),
        STEP_TEST(nothing_runs_where_there_is_no_record),
        STEP_TEST(of_two_supervisors_one_starts),
        STEP_TEST(a_line_that_was_not_written_whole_is_cut_off),
        STEP_TEST(who_only_looks_at_a_lock_is_no_holder),
        STEP_TEST(bad_instructions_run_nothing),
        STEP_TEST(a_cancel_before_the_start_runs_nothing),
        STEP_TEST(a_full_disk_stops_neither_the_script_nor_its_record),
        STEP_TEST(an_end_that_cannot_be_recorded_is_tried_until_it_is),
        STEP_TEST(a_start_that_cannot_be_recorded_runs_nothing),
        STEP_TEST(a_deleted_directory_ends_the_trying),
        STEP_TEST(a_hundred_steps_one_after_another_leave_nothing_behind),
        STEP_TEST(one_supervisor_serves_one_run_after_the_other),
        STEP_TEST(a_run_that_is_not_its_own_is_told_to_who_asked),
        STEP_TEST(who_knows_a_secret_serves_no_other_run),
        STEP_TEST(whose_script_left_something_serves_no_other_run),
        STEP_TEST(a_stop_ends_only_the_run_that_it_means),
        STEP_TEST(a_run_goes_on_when_who_asked_for_it_is_gone),
    };
    if (argc > 1 && strcmp(argv[1], "leave-group") == 0) {
        leave_group();
    }
    return cmocka_run_group_tests(tests, set_up, NULL);
}
