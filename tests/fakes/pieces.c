#include "pieces.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

void pieces_assert_has(const char *text, const char *piece) {
    if (strstr(text, piece) == NULL) {
        fail_msg("no %s in %s", piece, text);
    }
}

void pieces_assert_lacks(const char *text, const char *piece) {
    if (strstr(text, piece) != NULL) {
        fail_msg("%s in %s", piece, text);
    }
}

size_t pieces_count(const char *text, const char *piece) {
    size_t found = 0;
    for (const char *at = strstr(text, piece); at != NULL; at = strstr(at + 1, piece)) {
        found++;
    }
    return found;
}

const char *pieces_repeat(const char *piece, size_t times, struct arena *arena) {
    struct buf all = BUF_INIT(strlen(piece) * times);
    for (size_t i = 0; i < times; i++) {
        buf_adds(&all, piece);
    }
    const char *text = arena_strdup(arena, all.data);
    buf_finish(&all);
    return text;
}
