#include "progress.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { STATE_SIZE = 32 };

struct seen_run {
    char state[STATE_SIZE];
    int64_t attempt;
};

struct seen_card {
    int64_t question, revision;
    bool open;
};

struct progress {
    const struct terminal *terminal;
    FILE *stream;
    struct seen_run *runs; /* in the order of the steps and their runs, which never changes */
    size_t run_count;
    struct seen_card *cards;
    size_t card_count;
    bool looked; /* not the first look */
};

struct progress *progress_create(const struct terminal *terminal, FILE *stream) {
    struct progress *progress = mem_alloc(sizeof *progress);
    progress->terminal = terminal;
    progress->stream = stream;
    return progress;
}

void progress_destroy(struct progress *progress) {
    if (progress) {
        mem_free(progress->runs);
        mem_free(progress->cards);
        mem_free(progress);
    }
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

/* What is said of a run in this state; NULL: nothing. Words are those of RUN_STATES. */
static const char *state_words(const char *state, enum terminal_color *ret_color) {
    static const struct {
        const char *state, *words;
        enum terminal_color color;
    } STATES[] = {
        {"asking", "failed", TERMINAL_YELLOW},
        {"canceled", "canceled", TERMINAL_FAINT},
        {"delayed", "failed, tries again", TERMINAL_YELLOW},
        {"excluded", "excluded", TERMINAL_FAINT},
        {"failed", "failed", TERMINAL_RED},
        {"skipped", "skipped", TERMINAL_FAINT},
        {"succeeded", "succeeded", TERMINAL_GREEN},
        {"unknown", "unknown", TERMINAL_RED},
        {"warned", "passed with a warning", TERMINAL_YELLOW},
    };
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        if (str_equal(STATES[i].state, state)) {
            *ret_color = STATES[i].color;
            return STATES[i].words;
        }
    }
    return NULL;
}

static void say_run(const struct progress *progress, const struct json *step, const struct json *run) {
    enum terminal_color color = TERMINAL_PLAIN;
    const char *words = state_words(json_string(json_get(run, "state")), &color);
    const char *name = json_string(json_get(step, "name")), *target = json_string(json_get(run, "target"));
    const char *outcome = json_string(json_get(run, "outcome"));
    bool on_worker = json_bool(json_get(step, "on_worker"), false),
         unknown = json_bool(json_get(run, "unknown"), false);
    int64_t attempt = json_int(json_get(run, "attempt"), 0);
    if (!words) {
        return;
    }
    struct buf line = BUF_INIT(LIMIT_MESSAGE_BYTES);
    buf_printf(&line, "  %s%s%s", name ? name : "", on_worker ? "" : " on ", on_worker || !target ? "" : target);
    buf_printf(&line, "%*s", line.size < 38 ? (int)(38 - line.size) : 1, "");
    terminal_write(progress->terminal, progress->stream, TERMINAL_PLAIN, line.data);
    terminal_write(progress->terminal, progress->stream, color, unknown ? "outcome unknown" : words);
    buf_clear(&line);
    bool failed = outcome && color != TERMINAL_GREEN && color != TERMINAL_FAINT && !unknown;
    buf_printf(&line, "%s%s", failed ? ", " : "", failed ? outcome : "");
    if (attempt > 1) {
        buf_printf(&line, " (attempt %lld)", (long long)attempt);
    }
    buf_addc(&line, '\n');
    terminal_write(progress->terminal, progress->stream, TERMINAL_PLAIN, line.data);
    buf_finish(&line);
}

/* True if the run is in another state or attempt than when it was seen last. */
static bool see_run(struct progress *progress, size_t at, const struct json *run) {
    const char *state = json_string(json_get(run, "state"));
    int64_t attempt = json_int(json_get(run, "attempt"), 0);
    if (at == progress->run_count) {
        progress->runs = mem_grow(progress->runs, ++progress->run_count, sizeof *progress->runs);
        progress->runs[at] = (struct seen_run){.attempt = -1};
    }
    struct seen_run *seen = &progress->runs[at];
    if (!state || (str_equal(seen->state, state) && seen->attempt == attempt)) {
        return false;
    }
    (void)snprintf(seen->state, sizeof seen->state, "%s", state);
    seen->attempt = attempt;
    return true;
}

static void show_runs(struct progress *progress, const struct json *deployment) {
    size_t at = 0;
    for (const struct json *step = json_first(json_get(deployment, "steps")); step; step = json_next(step)) {
        for (const struct json *run = json_first(json_get(step, "runs")); run; run = json_next(run)) {
            if (see_run(progress, at++, run)) {
                say_run(progress, step, run);
            }
        }
    }
}

/* --- questions -------------------------------------------------------------------------------------------------- */

static bool is_question(const struct json *card) {
    return str_equal(json_string(json_get(card, "kind")), "question");
}

static bool is_open(const struct json *card) {
    return json_string(json_get(card, "outcome")) == NULL;
}

const struct json *progress_open_card(const struct json *deployment) {
    for (const struct json *card = json_first(json_get(deployment, "cards")); card; card = json_next(card)) {
        if (is_question(card) && is_open(card)) {
            return card;
        }
    }
    return NULL;
}

static void say_indented(const struct progress *progress, enum terminal_color color, const char *text) {
    while (*text) {
        size_t size = strcspn(text, "\n");
        struct buf line = BUF_INIT(LIMIT_MESSAGE_BYTES);
        buf_adds(&line, "    | ");
        buf_add(&line, text, size);
        terminal_write(progress->terminal, progress->stream, color, line.data);
        (void)fputc('\n', progress->stream);
        buf_finish(&line);
        text += size + (text[size] == '\n');
    }
}

static void say_card(const struct progress *progress, const struct json *card) {
    const char *excerpt = json_string(json_get(card, "excerpt")), *text = json_string(json_get(card, "text"));
    bool open = is_open(card);
    (void)fputs(open ? "\n" : "  ", progress->stream);
    if (open && excerpt) {
        say_indented(progress, TERMINAL_FAINT, excerpt);
    }
    terminal_write(progress->terminal, progress->stream, open ? TERMINAL_BOLD : TERMINAL_PLAIN, text ? text : "");
    (void)fputs(open ? "\n\n" : "\n", progress->stream);
}

/* True if there is something about it that has not been said. What was over before the first look is old. */
static bool see_card(struct progress *progress, const struct json *card) {
    struct seen_card now = {json_int(json_get(card, "question"), 0), json_int(json_get(card, "revision"), 0),
                            is_open(card)};
    for (size_t i = 0; i < progress->card_count; i++) {
        struct seen_card *seen = &progress->cards[i];
        if (seen->question == now.question) {
            bool changed = seen->revision != now.revision || seen->open != now.open;
            *seen = now;
            return changed;
        }
    }
    progress->cards = mem_grow(progress->cards, progress->card_count + 1, sizeof *progress->cards);
    progress->cards[progress->card_count++] = now;
    return now.open || progress->looked;
}

static void show_cards(struct progress *progress, const struct json *deployment, bool open) {
    for (const struct json *card = json_first(json_get(deployment, "cards")); card; card = json_next(card)) {
        if (is_question(card) && is_open(card) == open && see_card(progress, card)) {
            say_card(progress, card);
        }
    }
}

void progress_show(struct progress *progress, const struct json *deployment) {
    show_cards(progress, deployment, false); /* the answer, what came of it, and what is asked now */
    show_runs(progress, deployment);
    show_cards(progress, deployment, true);
    progress->looked = true;
    (void)fflush(progress->stream);
}
