#ifndef GP_EXEC_STEP_INSTRUCTIONS_H
#define GP_EXEC_STEP_INSTRUCTIONS_H

/*
 * What the supervisor is told to do: the records "<key> <size>\n<bytes>\n" of exec/rundir.h.
 *
 * Parsing is strict, because half-understood instructions would run half of what was decided: an unknown key, a key
 * given twice, a size that does not fit or a missing end record refuse the whole. Everything points into the text
 * that was parsed, which is changed (each value gets its terminating zero byte) and must outlive the instructions.
 */

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

enum {
    INSTRUCTIONS_BYTES = 8 << 20, /* all records together */
    INSTRUCTIONS_ENV = 1024,
    INSTRUCTIONS_VALUE_BYTES = 128 << 10,  /* the kernel takes no longer argument or variable */
    INSTRUCTIONS_SECRET_BYTES = 256 << 10, /* all secrets together: bounds the memory of the masker */
    INSTRUCTIONS_SEGMENT_BYTES = 16 << 20,
    INSTRUCTIONS_SEGMENTS = 1000,
};

struct instructions_secret {
    const char *bytes;
    size_t size;
};

struct instructions {
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

/* Returns NULL, or what is wrong in words that fit to show to a person and quote no value. */
const char *instructions_parse(struct instructions *ret, char *text, size_t size);

#endif
