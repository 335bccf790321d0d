#ifndef GP_EXEC_SSH_FRAMING_H
#define GP_EXEC_SSH_FRAMING_H

/*
 * Reads what contact.sh says, in whatever pieces it comes. What login files of the target say before our shell answers is
 * skipped; from its greeting on everything is strict, and what does not fit means that the connection is of no use.
 *
 *     guidepost 1 <boot id> [<tool that is missing> ...]     the greeting
 *     s                        the script has been started, now or earlier
 *     h                        alive
 *     o <offset> <size>        and then so many bytes of output, raw; what is before the offset and did not come is lost
 *     x <word> <number>        the end
 *     n <errno> <why>          surely not started, and never will be
 *     v                        the same, found out when looking: the run directory had been made but not used, or just now
 *     g <errno>                the end will never be known
 *     u <why>                  cannot tell now
 *
 * No I/O, no memory of its own but a line.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAMING_NOISE_BYTES = 64 << 10, /* before the greeting */
    FRAMING_LINE_BYTES = 512,
    FRAMING_PIECE_BYTES = 16 << 20, /* of output; no more is announced at once */
};

enum frame_kind {
    FRAME_NONE, /* more bytes are needed */
    FRAME_HELLO,
    FRAME_STARTED,
    FRAME_ALIVE,
    FRAME_OUTPUT,
    FRAME_END,
    FRAME_REFUSED,
    FRAME_VOID,
    FRAME_GONE,
    FRAME_UNDECIDED,
    FRAME_BROKEN, /* and so is everything that follows */
};

struct framing {
    char line[FRAMING_LINE_BYTES];
    size_t line_size;
    size_t noise;    /* bytes before the greeting */
    uint64_t offset; /* of the next byte of output */
    uint64_t left;   /* bytes of it to come */
    bool greeted;
    bool broken;
};

struct frame {
    const char
        *text; /* OUTPUT: the bytes, borrowed from what was read; else a text, borrowed until the next frame: HELLO the
                       * tools that are missing, END the word, REFUSED and UNDECIDED why */
    size_t size;     /* of the output here, may be 0 */
    uint64_t offset; /* of it */
    int64_t number;
    char boot[64]; /* HELLO */
};

/* Takes the next frame from the bytes between *cursor and `end`, and moves *cursor. Start with a zeroed framing. */
enum frame_kind framing_next(struct framing *framing, const char **cursor, const char *end, struct frame *ret);

#endif
