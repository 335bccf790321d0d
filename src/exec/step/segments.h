#ifndef GP_EXEC_STEP_SEGMENTS_H
#define GP_EXEC_STEP_SEGMENTS_H

/*
 * Output on disk: files <prefix>out.0, <prefix>out.1, ..., all of `segment_bytes` but the last. The first
 * `head` and the last `tail` of them are kept, so that a flood of output cannot fill the disk.
 *
 * Nothing here fails: what cannot be written is counted as left out, and the next write tries again, because a full
 * disk is no reason to stop a deployment in the middle.
 */

#include <stddef.h>
#include <stdint.h>

struct segments {
    const char *prefix; /* borrowed */
    size_t segment_bytes;
    uint64_t head;
    uint64_t tail;     /* at least 1 */
    uint64_t bytes;    /* given to segments_write */
    uint64_t left_out; /* of these, not on disk: deleted or not written */
    uint64_t index;    /* of the segment being written */
    size_t used;       /* bytes in it */
    int fd;            /* -1 = not open */
};

void segments_init(struct segments *segments, const char *prefix, size_t segment_bytes, uint64_t head, uint64_t tail);
/* Goes on behind what an earlier process has left in the current directory, without a prefix, and returns how many bytes that was. */
uint64_t segments_resume(struct segments *segments);
void segments_write(struct segments *segments, const char *bytes, size_t size);
void segments_finish(struct segments *segments);

#endif
