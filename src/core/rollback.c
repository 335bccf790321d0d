#include "core/rollback.h"

#include "base/str.h"

/* The next entry from `at` on that is of the whole lane. */
static size_t next_whole(const struct rollback_entry *entries, size_t count, size_t at) {
    while (at < count && entries[at].partial) {
        at++;
    }
    return at;
}

size_t rollback_choose(const struct rollback_entry *entries, size_t count) {
    size_t at = next_whole(entries, count, 0);
    if (at > 0 && at < count && !str_equal(entries[0].version, entries[at].version)) {
        return at; /* A part of the lane went on from there. */
    }
    while (at < count) {
        size_t next = next_whole(entries, count, at + 1);
        if (entries[at].rolls_back) {
            /* Before it the lane was as it had been when this version was there the last time. */
            while (next < count && !str_equal(entries[next].version, entries[at].version)) {
                next = next_whole(entries, count, next + 1);
            }
        } else if (next == count || !str_equal(entries[next].version, entries[at].version)) {
            return next;
        }
        at = next;
    }
    return count;
}
