#include "problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

enum { PROBLEM_TEXT_BYTES = 1000 };

void problem_init(struct config_problems *problems) {
    *problems = (struct config_problems){.arena = arena_create()};
}

bool problem_full(const struct config_problems *problems) {
    return problems->count >= LIMIT_CONFIG_ERRORS;
}

static const char *safe_text(struct arena *arena, const char *format, va_list args) {
    struct buf raw = BUF_INIT(2 * PROBLEM_TEXT_BYTES);
    struct buf shown = BUF_INIT(8 * PROBLEM_TEXT_BYTES);
    buf_vprintf(&raw, format, args);
    str_show(&shown, raw.data, raw.size);
    char *text = arena_strndup(arena, shown.data, str_utf8_cut(shown.data, shown.size, PROBLEM_TEXT_BYTES));
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\n' || *c == '\t') {
            *c = ' ';
        }
    }
    buf_finish(&raw);
    buf_finish(&shown);
    return text;
}

static void add(struct config_problems *problems, struct problem_place place, bool warning, const char *text) {
    problems->items = arena_push(problems->arena, problems->items, problems->count, sizeof *problems->items);
    problems->items[problems->count++] = (struct config_problem){
        .file = arena_strdup(problems->arena, place.file),
        .line = place.line,
        .column = place.column,
        .warning = warning,
        .text = text,
    };
}

void problem_error(struct config_problems *problems, struct problem_place place, const char *format, ...) {
    problems->errors++;
    if (problem_full(problems)) {
        return;
    }
    va_list args;
    va_start(args, format);
    add(problems, place, false, safe_text(problems->arena, format, args));
    va_end(args);
}

void problem_warn(struct config_problems *problems, struct problem_place place, const char *format, ...) {
    if (problem_full(problems)) {
        return;
    }
    va_list args;
    va_start(args, format);
    add(problems, place, true, safe_text(problems->arena, format, args));
    va_end(args);
}

static int compare(const void *left, const void *right) {
    const struct config_problem *a = left, *b = right;
    int files = strcmp(a->file, b->file);
    if (files != 0) {
        return files;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->text, b->text);
}

void problem_sort(struct config_problems *problems) {
    if (problems->count > 1) {
        qsort(problems->items, problems->count, sizeof *problems->items, compare);
    }
}

void config_problems_finish(struct config_problems *problems) {
    arena_destroy(problems->arena);
    *problems = (struct config_problems){0};
}

void config_problems_write(const struct config_problems *problems, struct buf *out) {
    size_t errors_shown = 0;
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        buf_adds(out, problem->file);
        if (problem->line > 0) {
            buf_printf(out, ":%u:%u", problem->line, problem->column);
        }
        buf_printf(out, ": %s: %s\n", problem->warning ? "warning" : "error", problem->text);
        errors_shown += !problem->warning;
    }
    if (problems->errors > errors_shown) {
        buf_printf(out, "%zu more errors are not shown\n", problems->errors - errors_shown);
    }
}
