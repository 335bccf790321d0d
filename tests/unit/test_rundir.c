/* What a run directory proves, also while guidepost-step starts in it, and how long it is kept. */

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/id.h"
#include "../src/exec/launch.h"
#include "../src/exec/rundir.h"

static const char OTHER_BOOT[] = "boot 01234567-89ab-cdef-0123-456789abcdef\n";
static char state[64], dir[RUNDIR_PATH_SIZE], this_boot[64], step_program[RUNDIR_PATH_SIZE];
static bool as_directory; /* else it is made as its record */

static int setup_record(void **context) {
    (void)context;
    as_directory = false;
    char runs[128], boot[ID_BOOT_SIZE];
    id_boot(boot);
    (void)snprintf(this_boot, sizeof this_boot, "boot %s\n", boot);
    (void)snprintf(state, sizeof state, "/tmp/guidepost-rundir-XXXXXX");
    assert_non_null(mkdtemp(state));
    (void)snprintf(runs, sizeof runs, "%s/runs", state);
    assert_int_equal(mkdir(runs, 0700), 0);
    rundir_path(dir, state, 7, 0, 0, 1);
    return 0;
}

static int setup_directory(void **context) {
    int r = setup_record(context);
    as_directory = true;
    return r;
}

static int teardown(void **context) {
    (void)context;
    return file_remove_tree(state) ? 0 : -1;
}

static bool is_there(const char *path) {
    return access(path, F_OK) == 0;
}

/* As whoever looks at it from outside finds it. */
static void file_of(char path[RUNDIR_PATH_SIZE + 64], const char *name) {
    struct stat st;
    bool beside = lstat(dir, &st) == 0 && S_ISREG(st.st_mode);
    bool is_record = strcmp(name, "record") == 0;
    (void)snprintf(path, RUNDIR_PATH_SIZE + 64, "%s%s%s", dir,
                   !beside     ? "/"
                   : is_record ? ""
                               : ".",
                   beside && is_record ? "" : name);
}

static bool has(const char *name) {
    char path[RUNDIR_PATH_SIZE + 64];
    file_of(path, name);
    return is_there(path);
}

static void put(const char *name, const char *text) {
    char path[RUNDIR_PATH_SIZE + 64];
    struct err err;
    file_of(path, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, false, &err), 0);
}

static void put_record(const char *boot, const char *text) {
    char record[512];
    (void)snprintf(record, sizeof record, "%s%s", boot, text);
    put("record", record);
}

/* The whole record is `boot`, then `text`. */
static void assert_record(const char *boot, const char *text) {
    char path[RUNDIR_PATH_SIZE + 64], wanted[512];
    struct buf found = BUF_INIT(512);
    file_of(path, "record");
    (void)snprintf(wanted, sizeof wanted, "%s%s", boot, text);
    assert_int_equal(file_read(path, 512, &found, NULL), 0);
    assert_string_equal(found.data, wanted);
    buf_finish(&found);
}

static int try_make(void) {
    struct err err;
    return as_directory ? rundir_make_directory(dir, &err) : rundir_make(dir, &err);
}

static void make(void) {
    assert_int_equal(try_make(), 0);
}

/* A disk on which no file can grow beyond a size. */
static void disk_limit(rlim_t size) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size < limit.rlim_max ? size : limit.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_missing_directory_proves_that_nothing_started_where_its_owner_was(void **context) {
    (void)context;
    assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
    assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
}

static void a_missing_directory_proves_nothing_elsewhere_however_often_one_looks(void **context) {
    (void)context;
    assert_int_equal(rundir_look(dir, false), RUNDIR_GONE);
    assert_int_equal(rundir_look(dir, false), RUNDIR_GONE);
}

/* That its first line is not there proves it where its owner was, who had not come to it yet; elsewhere the line may have been lost. */
static void a_record_without_a_line_proves_that_nothing_started_where_its_owner_was(void **context) {
    (void)context;
    for (int owner_was_here = 0; owner_was_here < 2; owner_was_here++) {
        make();
        put("record", "");
        for (int look = 0; look < 2; look++) {
            assert_int_equal(rundir_look(dir, owner_was_here), owner_was_here ? RUNDIR_NEVER_STARTED : RUNDIR_GONE);
        }
        assert_record("", "void\n");
        assert_true(file_remove_tree(dir));
    }
}

static void make_week_old(void) {
    char deployment[128];
    const struct timespec old[2] = {{.tv_sec = time(NULL) - 8 * 24 * 3600}, {.tv_sec = time(NULL) - 8 * 24 * 3600}};
    (void)snprintf(deployment, sizeof deployment, "%s/runs/7", state);
    assert_int_equal(utimensat(AT_FDCWD, deployment, old, 0), 0);
}

static bool swept_when(const char *boot, const char *text, bool told) {
    make();
    put_record(boot, text);
    if (told) {
        rundir_clear(dir);
    }
    make_week_old();
    rundir_sweep(state);
    bool gone = !is_there(dir);
    (void)file_remove_tree(dir);
    return gone;
}

static void the_sweep_keeps_what_was_not_told(void **context) {
    (void)context;
    assert_false(swept_when("", "", true));
    assert_false(swept_when(this_boot, "", true));
    assert_false(swept_when(this_boot, "started 2 3 4\n", true));
    assert_false(swept_when(this_boot, "started 2 3 4\nexit exit 0 5 0 0\n", false));
    assert_false(swept_when(this_boot, "started 2 3 4\nexit exit 0 5 0 0", true));
    assert_false(swept_when(this_boot, "started 2 3 4\nexit exit 0 5 0 0\ntold", false));
    assert_true(swept_when(this_boot, "started 2 3 4\nexit exit 0 5 0 0\n", true));
    assert_true(swept_when(OTHER_BOOT, "started 2 3 4\nexit exit 0 5 0 0\n", true));
    assert_true(swept_when(this_boot, "exit notstarted 2 5 0 0\n", false));
    assert_true(swept_when(this_boot, "void\n", false));
    assert_false(swept_when("", "void\n", true));
}

static bool look_is_swept(time_t age) {
    char looks[128], look[160], record[192];
    struct err err;
    const struct timespec old[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    (void)snprintf(looks, sizeof looks, "%s/looks", state);
    (void)snprintf(look, sizeof look, "%s/one", looks);
    (void)snprintf(record, sizeof record, "%s/record", look);
    assert_int_equal(file_make_dirs(look, 0700, &err), 0);
    assert_int_equal(file_write_atomic(record, "boot x\n", 7, 0600, false, &err), 0);
    assert_int_equal(utimensat(AT_FDCWD, look, old, 0), 0);
    rundir_sweep(state);
    bool gone = !is_there(look);
    (void)file_remove_tree(looks);
    return gone;
}

static void the_sweep_takes_looks_that_nobody_took_away(void **context) {
    (void)context;
    assert_true(look_is_swept(3700));
    assert_false(look_is_swept(60));
}

static void an_end_that_was_told_is_still_an_end(void **context) {
    (void)context;
    static const char *const tails[] = {"", "t", "told"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        char text[128];
        make();
        (void)snprintf(text, sizeof text, "started 2 3 4\nexit exit 0 5 2230000 1800000\n%s", tails[i]);
        put_record(this_boot, text);
        put("out.0", "abc");
        put("out.17", "def");
        assert_int_equal(rundir_last_segment(dir), 17);
        rundir_clear(dir);
        assert_false(has("out.0") || has("out.17"));
        rundir_clear(dir);
        assert_record(this_boot, "started 2 3 4\nexit exit 0 5 2230000 1800000\ntold\n");
        assert_int_equal(rundir_last_segment(dir), 0);
        assert_int_equal(rundir_look(dir, true), RUNDIR_ENDED);
        assert_false(rundir_still_runs(dir));
        assert_true(file_remove_tree(dir));
    }
}

static void only_an_end_is_told(void **context) {
    (void)context;
    rundir_clear(dir); /* there is no directory */
    make();
    put_record(this_boot, "started 2 3 4\n");
    rundir_clear(dir);
    assert_record(this_boot, "started 2 3 4\n");
}

/* A run keeps out whoever would begin it again, whatever has made it; and output beside a record is no run. */
static void it_is_made_once(void **context) {
    (void)context;
    struct err err;
    make();
    put("out.0", "abc");
    put("stop", "");
    assert_int_equal(rundir_make(dir, &err), -ERR_CONFLICT);
    assert_int_equal(rundir_make_directory(dir, &err), -ERR_CONFLICT);
    put_record(this_boot, "started 2 3 4\nexit exit 0 5 3 0\n");
    make_week_old();
    rundir_sweep(state);
    assert_true(is_there(dir));
    struct buf excerpt = BUF_INIT(64);
    rundir_excerpt(dir, &excerpt);
    assert_string_equal(excerpt.data, "abc");
    buf_finish(&excerpt);
    assert_true(rundir_is_stopped(dir));
    rundir_clear(dir);
    assert_false(has("out.0"));
    make_week_old();
    rundir_sweep(state);
    assert_false(is_there(dir));
}

struct history {
    const char *boot; /* NULL = this one */
    const char *lines;
    const char *truths; /* after so many lines, beginning with none: gone, never started, ended */
    struct outcome outcome;
    uint64_t bytes, left_out;
};

/* A crash, a full disk and a power loss leave any beginning of a record. */
static void a_record_that_is_cut_off_anywhere_says_what_its_whole_lines_say(void **context) {
    (void)context;
    static const struct history histories[] = {
        {NULL,
         "started 2 3 4\nexit signal 9 1759000000000 123456 1234\ntold\n",
         "NNGEE",
         {OUTCOME_SIGNAL, 9},
         123456,
         1234},
        {NULL, "exit notstarted 22 1759000000000 98 0\ntold\n", "NNEE", {OUTCOME_NOT_STARTED, 22}, 98, 0},
        {NULL, "void\n", "NNN", {0}, 0, 0},
        {NULL, "some other line\nexit exit 0 5 6 7\n", "NNGE", {OUTCOME_EXIT, 0}, 6, 7},
        {NULL, "exit sideways 0 5 6 7\n", "NNG", {0}, 0, 0},
        {NULL, "exit exit 0 5 6 7 8\n", "NNG", {0}, 0, 0},
        {OTHER_BOOT, "started 2 3 4\nexit exit 3 1759000000000 12 0\n", "NGGE", {OUTCOME_EXIT, 3}, 12, 0},
        {OTHER_BOOT, "void\n", "NGN", {0}, 0, 0},
        /* An adopter was faster than the maker of the directory. */
        {"void\n", "boot 01234567-89ab-cdef-0123-456789abcdef\nexit exit 0 5 6 7\n", "NNNN", {0}, 0, 0},
    };
    for (size_t i = 0; i < sizeof histories / sizeof histories[0]; i++) {
        const struct history *h = &histories[i];
        char all[512], cut[512];
        int size = snprintf(all, sizeof all, "%s%s", h->boot == NULL ? this_boot : h->boot, h->lines);
        for (int n = 0; n <= size; n++) {
            int lines = 0, whole = 0;
            for (int at = 0; at < n; at++) {
                lines += all[at] == '\n';
                whole = all[at] == '\n' ? at + 1 : whole;
            }
            char letter = h->truths[lines];
            enum rundir_truth truth = letter == 'G' ? RUNDIR_GONE : letter == 'N' ? RUNDIR_NEVER_STARTED : RUNDIR_ENDED;
            struct outcome outcome;
            uint64_t bytes, left_out;
            make();
            (void)snprintf(cut, sizeof cut, "%.*s", n, all);
            put("record", cut);
            assert_int_equal(rundir_end(dir, &outcome, &bytes, &left_out), truth == RUNDIR_ENDED);
            for (int look = 0; look < 2; look++) {
                assert_int_equal(rundir_look(dir, true), truth);
                assert_false(rundir_still_runs(dir));
            }
            if (truth == RUNDIR_ENDED) {
                assert_true(outcome.kind == h->outcome.kind && outcome.number == h->outcome.number);
                assert_true(bytes == h->bytes && left_out == h->left_out);
            }
            if (lines == 0 || (lines == 1 && h->boot == NULL && truth == RUNDIR_NEVER_STARTED)) {
                (void)snprintf(cut, sizeof cut, "%.*svoid\n", whole, all);
            }
            assert_record("", cut);
            assert_true(file_remove_tree(dir));
        }
    }
}
static void what_could_not_be_executed_has_ended(void **context) {
    (void)context;
    static const char *const tails[] = {"", "voi", "exit notstarted 2 1759000000000 4"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct outcome outcome;
        uint64_t bytes, left_out;
        struct err err;
        make();
        put_record(this_boot, tails[i]);
        assert_int_equal(rundir_not_started(dir, 2, "why\n", &err), 0);
        assert_int_equal(rundir_look(dir, true), RUNDIR_ENDED);
        assert_true(rundir_end(dir, &outcome, &bytes, &left_out));
        assert_true(outcome.kind == OUTCOME_NOT_STARTED && outcome.number == 2 && bytes == 4 && left_out == 0);
        assert_true(file_remove_tree(dir));
    }
}

/* Somebody has cleaned up meanwhile. */
static void what_is_gone_is_not_made_to_say_that_it_did_not_start(void **context) {
    (void)context;
    struct stat st;
    struct err err;
    make();
    assert_true(file_remove_tree(dir));
    assert_int_equal(rundir_not_started(dir, 2, "why\n", &err), -ERR_IO);
    assert_int_equal(lstat(dir, &st), -1);
}

static void what_was_given_up_gets_no_end(void **context) {
    (void)context;
    static const char *const texts[] = {"void\n", "started 2 3 4\n", "exit exit 0 5 6 7\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err err;
        make();
        put_record(this_boot, texts[i]);
        assert_int_equal(rundir_not_started(dir, 2, "why\n", &err), -ERR_CONFLICT);
        assert_record(this_boot, texts[i]);
        assert_true(file_remove_tree(dir));
    }
}

static void a_full_disk_makes_no_wrong_record(void **context) {
    (void)context;
    for (size_t room = 0; room < strlen(this_boot); room += 9) {
        disk_limit(room);
        assert_int_equal(try_make(), -ERR_IO);
        assert_int_equal(rundir_look(dir, true), room < strlen("void\n") ? RUNDIR_UNREADABLE : RUNDIR_NEVER_STARTED);
        disk_limit(RLIM_INFINITY);
        assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
        assert_record("", "void\n");
        assert_true(file_remove_tree(dir));
    }
    for (size_t room = 0; room < strlen("void\n"); room++) {
        make();
        disk_limit(strlen(this_boot) + room);
        assert_int_equal(rundir_look(dir, true), RUNDIR_UNREADABLE);
        disk_limit(RLIM_INFINITY);
        assert_int_equal(rundir_look(dir, true), RUNDIR_NEVER_STARTED);
        assert_record(this_boot, "void\n");
        assert_true(file_remove_tree(dir));
    }
}

/* Whoever comes first, nothing can start in a directory that an adopter has called anything but running. */
static void an_adopter_that_is_faster_than_the_maker_keeps_it_from_starting(void **context) {
    (void)context;
    for (int i = 0; i < 500; i++) {
        int ends[2];
        char byte;
        assert_int_equal(pipe(ends), 0);
        pid_t maker = fork();
        if (maker == 0) {
            (void)close(ends[1]);
            (void)!read(ends[0], &byte, 1);
            (void)!try_make();
            _exit(0);
        }
        (void)close(ends[0]);
        (void)close(ends[1]);
        for (volatile int spin = (i % 50) * 500; spin > 0; spin--) {
        }
        enum rundir_truth truth = rundir_look(dir, true);
        assert_int_equal(waitpid(maker, NULL, 0), maker);
        assert_true(truth == RUNDIR_NEVER_STARTED || truth == RUNDIR_GONE);
        char path[RUNDIR_PATH_SIZE + 64];
        struct buf found = BUF_INIT(512);
        file_of(path, "record");
        assert_int_equal(file_read(path, 512, &found, NULL), 0);
        assert_non_null(strstr(found.data, "void\n"));
        buf_finish(&found);
        assert_true(file_remove_tree(dir));
    }
}

struct turn {
    char ran[128]; /* made by the script */
    enum rundir_truth truth;
};

/* Starts a step, maybe kills its supervisor, and looks at it after so many turns of an empty loop. */
static void turn_take(struct turn *turn, size_t number, int spins, bool killed) {
    struct buf instructions = BUF_INIT(1024);
    struct err err;
    char script[256];
    pid_t pid;
    int code, status;
    rundir_path(dir, state, 7, number, 0, 1);
    (void)snprintf(turn->ran, sizeof turn->ran, "%s/ran.%zu", state, number);
    (void)snprintf(script, sizeof script, ": >%s", turn->ran);
    instruction_add(&instructions, "script", script);
    instruction_end(&instructions);
    make();
    const struct launch launch = {.program = step_program, .dir = dir, .instructions = &instructions};
    assert_int_equal(launch_supervisor(&launch, &pid, &code, &err), 0);
    buf_finish(&instructions);
    for (volatile int spin = spins; spin > 0; spin--) {
    }
    if (killed) {
        assert_int_equal(kill(pid, SIGKILL), 0);
    }
    turn->truth = rundir_look(dir, true);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!killed) {
        assert_int_equal(WEXITSTATUS(status), turn->truth == RUNDIR_NEVER_STARTED ? 111 : 0);
        assert_int_equal(is_there(turn->ran), turn->truth != RUNDIR_NEVER_STARTED);
        assert_true(turn->truth == RUNDIR_NEVER_STARTED || turn->truth == RUNDIR_RUNNING ||
                    turn->truth == RUNDIR_ENDED);
        assert_int_equal(rundir_look(dir, true),
                         turn->truth == RUNDIR_NEVER_STARTED ? RUNDIR_NEVER_STARTED : RUNDIR_ENDED);
    }
    while (killed && turn->truth == RUNDIR_RUNNING) {
        turn->truth = rundir_look(dir, true); /* The child has the lock for a moment longer. */
    }
}

/* Never both given up and started, whether or not the supervisor is killed in the midst of it. The moment of the look
 * moves to where either may be first. */
static void an_adopter_and_a_starting_supervisor_agree(void **context) {
    (void)context;
    enum { TURNS = 2400 };
    static struct turn turns[TURNS];
    size_t counts[RUNDIR_UNREADABLE + 1] = {0};
    int spins[2] = {0};
    for (size_t i = 0; i < TURNS; i++) {
        bool killed = i % 3 == 0;
        turn_take(&turns[i], i, spins[killed], killed);
        counts[turns[i].truth]++;
        int step = 1 + (int)(i * 7919 % 5000);
        bool later = turns[i].truth == RUNDIR_NEVER_STARTED;
        spins[killed] = later ? spins[killed] + step : spins[killed] > step ? spins[killed] - step : 0;
    }
    (void)usleep(200000);
    for (size_t i = 0; i < TURNS; i++) {
        assert_false(turns[i].truth == RUNDIR_NEVER_STARTED && is_there(turns[i].ran));
    }
    print_message("%zu never started, %zu running, %zu ended, %zu gone\n", counts[RUNDIR_NEVER_STARTED],
                  counts[RUNDIR_RUNNING], counts[RUNDIR_ENDED], counts[RUNDIR_GONE]);
    assert_int_equal(counts[RUNDIR_UNREADABLE], 0);
    assert_true(counts[RUNDIR_NEVER_STARTED] > TURNS / 20 && counts[RUNDIR_RUNNING] > TURNS / 20);
}

static int find_step(void **context) {
    (void)context;
    const char *given = getenv("GUIDEPOST_STEP"), *build = getenv("GUIDEPOST_BUILD");
    char self[RUNDIR_PATH_SIZE / 2] = "";
    if (given != NULL) {
        (void)snprintf(step_program, sizeof step_program, "%s", given);
    } else if (build != NULL) {
        (void)snprintf(step_program, sizeof step_program, "%s/guidepost-step", build);
    } else { /* this is <build>/tests/unit/test_rundir */
        (void)!readlink("/proc/self/exe", self, sizeof self - 1);
        (void)snprintf(step_program, sizeof step_program, "%.*s/../../guidepost-step", (int)(strrchr(self, '/') - self),
                       self);
    }
    return access(step_program, X_OK);
}

#define RUNDIR_TEST(name)                                              \
    {#name, name, setup_record, teardown, NULL}, {                     \
#name " in a directory", name, setup_directory, teardown, NULL \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        RUNDIR_TEST(a_missing_directory_proves_that_nothing_started_where_its_owner_was),
        RUNDIR_TEST(a_missing_directory_proves_nothing_elsewhere_however_often_one_looks),
        RUNDIR_TEST(a_record_without_a_line_proves_that_nothing_started_where_its_owner_was),
        RUNDIR_TEST(a_record_that_is_cut_off_anywhere_says_what_its_whole_lines_say),
        RUNDIR_TEST(what_could_not_be_executed_has_ended),
        RUNDIR_TEST(what_is_gone_is_not_made_to_say_that_it_did_not_start),
        RUNDIR_TEST(what_was_given_up_gets_no_end),
        RUNDIR_TEST(a_full_disk_makes_no_wrong_record),
        RUNDIR_TEST(an_adopter_that_is_faster_than_the_maker_keeps_it_from_starting),
        cmocka_unit_test_setup_teardown(an_adopter_and_a_starting_supervisor_agree, setup_directory, teardown),
        RUNDIR_TEST(the_sweep_keeps_what_was_not_told),
        RUNDIR_TEST(the_sweep_takes_looks_that_nobody_took_away),
        RUNDIR_TEST(an_end_that_was_told_is_still_an_end),
        RUNDIR_TEST(only_an_end_is_told),
        RUNDIR_TEST(it_is_made_once),
    };
    return cmocka_run_group_tests(tests, find_step, NULL);
}
