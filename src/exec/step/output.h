#ifndef GP_EXEC_STEP_OUTPUT_H
#define GP_EXEC_STEP_OUTPUT_H

/* The output of a run on its way to the disk: masked, then cut into segments. */

#include "instructions.h"
#include "masker.h"
#include "segments.h"

struct output {
    struct segments segments;
    struct masker *masker; /* owned; NULL = nothing to mask */
    char *masked;          /* owned: room for what the masker gives */
    uint64_t skip;         /* masked bytes that are on disk already, and come again */
};

/* With the limits of a run whose instructions are not known yet. The prefix of its segments is borrowed. */
void output_init(struct output *output, const char *prefix);

/* Takes limits and secrets from the instructions; nothing may have been put. False: no memory. */
bool output_set_up(struct output *output, const struct instructions *in);

void output_put(struct output *output, const char *bytes, size_t size);

/* Adds our own words behind what was put. */
__attribute__((format(printf, 2, 3))) void output_say(struct output *output, const char *format, ...);

/* No more comes: puts what was held back, which may have been the beginning of a secret. More may be said. */
void output_end(struct output *output);

void output_finish(struct output *output);

#endif
