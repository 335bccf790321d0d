#ifndef GP_TESTS_STEP_RIG_H
#define GP_TESTS_STEP_RIG_H

/*
 * Drives the real guidepost-step as a worker does, and reads what it leaves in the run directory.
 *
 *     struct step_run run;
 *     step_make(&run, "echo x");
 *     step_tell(&run, "timeout-ms", "100");
 *     step_go(&run);
 *     step_assert_ended(&run, "exit", 0);
 *     assert_string_equal(step_output_of(&run), "x\n");
 *     step_remove(&run);
 *
 * The program is $GUIDEPOST_STEP, or the one of $GUIDEPOST_BUILD, or the one that was built with the test. Tests are
 * run with STEP_TEST(name), which ends a test that hangs, and with step_set_up as the set-up of their group.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum { STEP_PATH_BYTES = 256, STEP_OUTPUT_BYTES = 12 << 20 };

/* The first line of a record, as the worker writes it. */
#define STEP_BOOT "boot 01234567-89ab-cdef-0123-456789abcdef\n"

/* One run: its directory, its instructions, its process. */
struct step_run {
    char directory[STEP_PATH_BYTES / 2];
    char *told; /* owned by the stream */
    size_t told_size;
    FILE *telling;
    pid_t pid;
    int input;
};

/* The line `exit` of a record. */
struct step_ending {
    char word[16];
    long number;
    uint64_t bytes;
    uint64_t left_out;
};

extern char step_program[2 * STEP_PATH_BYTES];
extern char step_self[STEP_PATH_BYTES];     /* the program of the test */
extern char step_output[STEP_OUTPUT_BYTES]; /* what step_output_of or step_errors_of has read */

int step_set_up(void **state);
int step_watch(void **state);
#define STEP_TEST(name) cmocka_unit_test_setup(name, step_watch)

/* A run directory with a record, and the instruction to run a script, unless it is NULL. */
void step_make(struct step_run *run, const char *script);
void step_remove(struct step_run *run);
void step_tell(struct step_run *run, const char *key, const char *value); /* one more instruction */

/* Starts it with all instructions; or starts it first, and then gives it those that were told so far. */
void step_go(struct step_run *run);
void step_start(struct step_run *run);
void step_tell_end(struct step_run *run);

/* Returns the exit status of the supervisor, or minus the signal that ended it. */
int step_wait(struct step_run *run);

/* Waits for it, and fails the test if the record says another end. */
void step_assert_ended(struct step_run *run, const char *word, long number);

/* Files of the run directory. step_get reads one whole, ends it with a NUL, and returns its size. */
void step_path(char path[STEP_PATH_BYTES], const struct step_run *run, const char *name);
bool step_has(const struct step_run *run, const char *name);
void step_put(const struct step_run *run, const char *name, const char *bytes, size_t size);
size_t step_get(const struct step_run *run, const char *name, char *bytes, size_t room);
bool step_lock_is_free(const struct step_run *run);

/* The line of the record that begins with a word; whether there is one; how it ended. */
bool step_line(const struct step_run *run, const char *word, char line[256]);
bool step_says(const struct step_run *run, const char *word);
struct step_ending step_ending_of(const struct step_run *run);

/* What the script has written, and what the supervisor has said. */
const char *step_output_of(const struct step_run *run);
const char *step_errors_of(const struct step_run *run);

/* The number after `name=` in the output. */
pid_t step_pid(const struct step_run *run, const char *name);

/* Whether a process runs. One that is dead counts as such before somebody collects it. */
bool step_lives(pid_t pid);

/* Waits of a moment, or until something is there. */
void step_moment(void);
void step_await_line(const struct step_run *run, const char *word);
void step_await_output(const struct step_run *run, const char *text);

#endif
