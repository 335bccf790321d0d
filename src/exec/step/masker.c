#include "masker.h"

#include "spelling.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * An Aho-Corasick automaton: a tree of all texts, in which each node also knows the longest other node that its path
 * ends with (`fallback`). The depth of the current node is therefore the number of bytes at the end of the stream that
 * may still become a match: exactly these are held back. Children are a list, since nearly every node has a single one;
 * but the root and its children, where ordinary output spends its time, have tables.
 */
struct node {
    uint32_t child;    /* 0 = none: the root is nobody's child */
    uint32_t sibling;  /* 0 = none */
    uint32_t fallback; /* 0 = the root */
    uint32_t depth;
    uint32_t match; /* size of the longest text that ends here, 0 = none */
    unsigned char byte;
};

/* Bytes to mask: positions in the stream, the second one exclusive. */
struct run {
    uint64_t start;
    uint64_t end;
};

struct masker {
    struct node *nodes; /* owned; the first is the root */
    uint32_t node_count;
    uint32_t node_capacity;
    uint32_t first[256];       /* children of the root, by their byte */
    uint32_t second[256][256]; /* their children, by both bytes */
    size_t longest;

    uint32_t state;      /* the current node */
    uint64_t position;   /* bytes fed */
    uint64_t released;   /* bytes that came out, or were masked */
    bool masking;        /* the last of them was masked */
    unsigned char *held; /* owned: byte p of the stream is at p & held_mask */
    uint64_t held_mask;
    struct run *runs; /* owned ring: apart from each other, in order, none before `released` */
    size_t run_first;
    size_t run_count;
    size_t run_capacity;
};

static uint32_t state_next(const struct masker *masker, uint32_t state, unsigned char byte);
static void run_add(struct masker *masker, uint64_t start, uint64_t end);
static size_t release(struct masker *masker, uint64_t until, char *out);

size_t masker_feed(struct masker *masker, const char *bytes, size_t size, char *out) {
    const unsigned char *in = (const unsigned char *)bytes;
    size_t given = 0;

    for (size_t i = 0; i < size; i++) {
        if (masker->state == 0) {
            size_t start = i;
            while (i < size && masker->first[in[i]] == 0) {
                i++;
            }
            if (i > start) {
                memcpy(out + given, in + start, i - start);
                given += i - start;
                masker->position += i - start;
                masker->released = masker->position;
                masker->masking = false;
                if (i == size) {
                    break;
                }
            }
        }
        masker->held[masker->position++ & masker->held_mask] = in[i];
        uint32_t state = state_next(masker, masker->state, in[i]);
        if (masker->nodes[state].match > 0) {
            run_add(masker, masker->position - masker->nodes[state].match, masker->position);
        }
        while (state != 0 && masker->nodes[state].child == 0) {
            state = masker->nodes[state].fallback; /* complete: nothing longer can come of it */
        }
        masker->state = state;
        given += release(masker, masker->position - masker->nodes[state].depth, out + given);
    }
    return given;
}

bool masker_is_at_rest(const struct masker *masker) {
    return masker->released == masker->position && !masker->masking;
}

size_t masker_finish(struct masker *masker, char *out) {
    size_t given = release(masker, masker->position, out);

    masker->state = 0;
    masker->masking = false;
    return given;
}

size_t masker_held_max(const struct masker *masker) {
    return masker->longest;
}

static uint32_t child_find(const struct masker *masker, uint32_t parent, unsigned char byte) {
    if (parent == 0) {
        return masker->first[byte];
    }
    if (masker->nodes[parent].depth == 1) {
        return masker->second[masker->nodes[parent].byte][byte];
    }
    uint32_t child = masker->nodes[parent].child;
    while (child != 0 && masker->nodes[child].byte != byte) {
        child = masker->nodes[child].sibling;
    }
    return child;
}

static uint32_t state_next(const struct masker *masker, uint32_t state, unsigned char byte) {
    for (;;) {
        uint32_t next = child_find(masker, state, byte);
        if (next != 0 || state == 0) {
            return next;
        }
        state = masker->nodes[state].fallback;
    }
}

/* The new run ends later than all others, and may swallow or lengthen the last of them. */
static void run_add(struct masker *masker, uint64_t start, uint64_t end) {
    assert(start >= masker->released);
    while (masker->run_count > 0) {
        struct run *last = &masker->runs[(masker->run_first + masker->run_count - 1) % masker->run_capacity];
        if (last->end < start) {
            break;
        }
        start = last->start < start ? last->start : start;
        masker->run_count--;
    }
    assert(masker->run_count < masker->run_capacity);
    masker->runs[(masker->run_first + masker->run_count++) % masker->run_capacity] =
        (struct run){.start = start, .end = end};
}

/* Lets go of the held bytes before `until`. Never gives more than was held: a run of at least 6 bytes becomes 3. */
static size_t release(struct masker *masker, uint64_t until, char *out) {
    size_t given = 0;

    while (masker->released < until) {
        struct run *run = masker->run_count > 0 ? &masker->runs[masker->run_first] : NULL;
        if (run && run->start <= masker->released) {
            if (!masker->masking) {
                memcpy(out + given, "***", 3);
                given += 3;
                masker->masking = true;
            }
            masker->released = run->end < until ? run->end : until;
            run->start = masker->released;
            if (run->start == run->end) {
                masker->run_first = (masker->run_first + 1) % masker->run_capacity;
                masker->run_count--;
            }
        } else {
            out[given++] = (char)masker->held[masker->released++ & masker->held_mask];
            masker->masking = false;
        }
    }
    return given;
}

struct masker *masker_create(void) {
    struct masker *masker = calloc(1, sizeof *masker);
    if (!masker) {
        return NULL;
    }
    masker->node_capacity = 1024;
    masker->nodes = calloc(masker->node_capacity, sizeof *masker->nodes);
    if (!masker->nodes) {
        free(masker);
        return NULL;
    }
    masker->node_count = 1;
    return masker;
}

void masker_destroy(struct masker *masker) {
    if (masker) {
        free(masker->nodes);
        free(masker->held);
        free(masker->runs);
        free(masker);
    }
}

/* Returns 0 when memory ran out. */
static uint32_t child_add(struct masker *masker, uint32_t parent, unsigned char byte) {
    if (masker->node_count == masker->node_capacity) {
        if (masker->node_capacity > UINT32_MAX / 2) {
            return 0;
        }
        struct node *grown = realloc(masker->nodes, (size_t)masker->node_capacity * 2 * sizeof *grown);
        if (!grown) {
            return 0;
        }
        masker->nodes = grown;
        masker->node_capacity *= 2;
    }
    uint32_t child = masker->node_count++;
    masker->nodes[child] = (struct node){
        .byte = byte,
        .depth = masker->nodes[parent].depth + 1,
        .sibling = masker->nodes[parent].child,
    };
    masker->nodes[parent].child = child;
    if (parent == 0) {
        masker->first[byte] = child;
    } else if (masker->nodes[parent].depth == 1) {
        masker->second[masker->nodes[parent].byte][byte] = child;
    }
    return child;
}

bool masker_add(struct masker *masker, const char *bytes, size_t size) {
    uint32_t at = 0;

    if (size < MASKER_BYTES_MIN) {
        return true;
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        uint32_t child = child_find(masker, at, byte);
        if (child == 0) {
            child = child_add(masker, at, byte);
        }
        if (child == 0) {
            return false;
        }
        at = child;
    }
    masker->nodes[at].match = masker->nodes[at].depth;
    if (size > masker->longest) {
        masker->longest = size;
    }
    return true;
}

static bool spelling_add(void *user, const char *bytes, size_t size) {
    return masker_add(user, bytes, size);
}

bool masker_add_secret(struct masker *masker, const char *value, size_t size) {
    return spelling_each(value, size, spelling_add, masker);
}

/* Breadth first, because the fallback of a node is nearer to the root than the node itself. */
static bool fallbacks_build(struct masker *masker) {
    struct node *nodes = masker->nodes;
    uint32_t *queue = calloc(masker->node_count, sizeof *queue);
    uint32_t count = 1;

    if (!queue) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t parent = queue[i];
        for (uint32_t child = nodes[parent].child; child != 0; child = nodes[child].sibling) {
            uint32_t fallback = parent == 0 ? 0 : state_next(masker, nodes[parent].fallback, nodes[child].byte);
            nodes[child].fallback = fallback;
            if (nodes[child].match == 0) {
                nodes[child].match = nodes[fallback].match;
            }
            queue[count++] = child;
        }
    }
    free(queue);
    return true;
}

bool masker_build(struct masker *masker) {
    uint64_t held_size = 1;

    while (held_size <= masker->longest) {
        held_size *= 2;
    }
    masker->held_mask = held_size - 1;
    masker->held = malloc(held_size);
    masker->run_capacity = masker->longest / MASKER_BYTES_MIN + 2;
    masker->runs = calloc(masker->run_capacity, sizeof *masker->runs);
    return masker->held && masker->runs && fallbacks_build(masker);
}
