#ifndef GP_EXEC_SSH_MEMORY_H
#define GP_EXEC_SSH_MEMORY_H

/*
 * What a guidepost-ssh leaves for the next one in the file `contact` of the run directory: on which boot of the target the
 * run was begun, and from where its output is wanted. Raw output is what the target has, masked output what is in the
 * segments here; the two positions belong together only while the masker holds nothing back.
 */

#include <stdbool.h>
#include <stdint.h>

struct memory {
    char boot[64];   /* of the target when the instructions were sent */
    bool started;    /* the target has said that it started the script */
    uint64_t raw;    /* bytes of output that were taken, */
    uint64_t masked; /* and what they came to here */
    int fd;          /* of the file; -1 = not made yet */
};

/* Reads what is there. False: nothing, or nothing that can be relied on. */
bool memory_load(struct memory *memory);

/* Returns 0 or a negative errno. */
int memory_save(struct memory *memory);

#endif
