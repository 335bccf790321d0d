#ifndef GP_EXEC_STEP_INSTRUCTIONS_H
#define GP_EXEC_STEP_INSTRUCTIONS_H

/*
 * What a supervisor is told to do: the records "<key> <size>\n<bytes>\n" of exec/rundir.h.
 *
 * Parsing is strict, because half-understood instructions would run half of what was decided: an unknown key, a key
 * given twice, a size that does not fit or a missing end record refuse the whole. Everything points into the text
 * that was parsed, which is changed (each value gets its terminating zero byte) and must outlive the instructions.
 */

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    INSTRUCTIONS_BYTES = 8 << 20, /* all records together */
    INSTRUCTIONS_ENV = 1024,
    INSTRUCTIONS_VALUE_BYTES = 128 << 10,  /* the kernel takes no longer argument or variable */
    INSTRUCTIONS_SECRET_BYTES = 256 << 10, /* all secrets together: bounds the memory of the masker */
    INSTRUCTIONS_SEGMENT_BYTES = 16 << 20,
    INSTRUCTIONS_SEGMENTS = 1000,
    INSTRUCTIONS_SSH_OPTIONS = 64,
};

struct instructions_secret {
    const char *bytes;
    size_t size;
};

/* Those of guidepost-ssh alone. */
struct instructions_ssh {
    const char *work;        /* NULL = start */
    const char *destination; /* NULL: this is no step over ssh */
    const char *run;
    const char *program; /* NULL = not given, here and below */
    const char *config;
    const char *known_hosts;
    const char *control;
    const char *options[INSTRUCTIONS_SSH_OPTIONS];
    size_t option_count;
};

struct instructions {
    struct instructions_ssh ssh;
    const char *target_lock; /* NULL = none */
    const char *script;
    const char *work_dir;            /* NULL = / */
    const char *user;                /* NULL = unchanged */
    char *env[INSTRUCTIONS_ENV + 1]; /* ends with NULL */
    size_t env_count;
    struct instructions_secret secrets[LIMIT_SECRETS];
    size_t secret_count;
    size_t secret_bytes;
    int64_t timeout_ms; /* 0 = none, here and below */
    int64_t quiet_ms;
    int64_t kill_ms;
    int64_t segment_bytes;
    int64_t head_segments;
    int64_t tail_segments;
};

/*
 * Reads standard input to its end into room for INSTRUCTIONS_BYTES + 1. Returns the size or a negative errno; -ECANCELED:
 * SIGTERM came first, by `signal_fd`.
 */
ssize_t instructions_read(int signal_fd, char *text);

/* Returns NULL, or what is wrong in words that fit to show to a person and quote no value. */
const char *instructions_parse(struct instructions *ret, char *text, size_t size);

#endif
