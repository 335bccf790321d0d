#include "core/rollback.h"

#include "base/str.h"

size_t rollback_choose(const struct rollback_entry *entries, size_t count) {
    size_t at = 0;
    while (at < count) {
        size_t next = at + 1;
        if (entries[at].rolls_back) {
            /* Before it the lane was as it had been when this version was there the last time. */
            while (next < count && !str_equal(entries[next].version, entries[at].version)) {
                next++;
            }
        } else if (next == count || !str_equal(entries[next].version, entries[at].version)) {
            return next;
        }
        at = next;
    }
    return count;
}
