#include "view_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

struct card *view_card(enum card_kind kind, const struct deployment *d, struct arena *arena) {
    struct card *card = arena_alloc(arena, sizeof *card);
    card->kind = kind;
    card->deployment = d->id;
    card->subject = arena_printf(arena, "%s %s → %s", d->plan->project, d->version, d->plan->environment);
    return card;
}

void view_fact(struct card *card, const char *fact, struct arena *arena) {
    card->facts = arena_push(arena, card->facts, card->fact_count, sizeof *card->facts);
    card->facts[card->fact_count++] = fact;
}

void view_row(struct card *card, struct card_row row, struct arena *arena) {
    if (card->row_count < LIMIT_CARD_ROWS) {
        card->rows = arena_push(arena, card->rows, card->row_count, sizeof *card->rows);
        card->rows[card->row_count++] = row;
    }
}

void view_rows_end(struct card *card, size_t wanted, struct arena *arena) {
    if (wanted > card->row_count && card->row_count > 0) {
        card->rows_left_out = wanted - card->row_count + 1;
        card->rows[card->row_count - 1] = (struct card_row){
            .state = "", .name = arena_printf(arena, "and %zu more", card->rows_left_out), .detail = ""};
    }
}

/* Copies a finished text into the arena and gives its memory back. */
static const char *keep(struct buf *text, struct arena *arena) {
    const char *copy = arena_strdup(arena, text->data);
    buf_finish(text);
    return copy;
}

const char *view_duration(int64_t ms, struct arena *arena) {
    struct buf text = BUF_INIT(LIMIT_NAME_BYTES);
    str_duration(&text, ms);
    return keep(&text, arena);
}

const char *view_clock(int64_t wall_ms, int64_t now_ms, struct arena *arena) {
    struct buf text = BUF_INIT(LIMIT_NAME_BYTES);
    clock_short(&text, wall_ms, now_ms);
    return keep(&text, arena);
}

const char *view_list(const char *const *names, size_t count, struct arena *arena) {
    enum { LISTED = 8 };
    /* "and 1 more" would take the place of a name and say less. */
    size_t listed = count <= LISTED + 1 ? count : LISTED;
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    for (size_t i = 0; i < listed; i++) {
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    if (listed < count) {
        buf_printf(&text, " and %zu more", count - listed);
    }
    return keep(&text, arena);
}

static int slot_order(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

const char *view_slots(const struct deployment *d, size_t step, size_t *slots, size_t count, struct arena *arena) {
    qsort(slots, count, sizeof *slots, slot_order);
    const char **names = arena_array(arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = plan_slot_name(d->plan, step, slots[i]);
    }
    return view_list(names, count, arena);
}

const char *view_machines(size_t count, struct arena *arena) {
    return arena_printf(arena, "%zu machine%s", count, count == 1 ? "" : "s");
}

const char *view_responsible(const struct plan_step *step, struct arena *arena) {
    const struct plan_names *names = &step->guided.responsible;
    const char *text = names->count > 0 ? names->items[0] : "an answer";
    for (size_t i = 1; i < names->count; i++) {
        text = arena_printf(arena, "%s%s%s", text, i + 1 == names->count ? " or " : ", ", names->items[i]);
    }
    return text;
}

const char *view_place(const struct deployment *d, size_t step, size_t slot, struct arena *arena) {
    if (d->plan->steps[step].on_worker) {
        return "on the worker";
    }
    return arena_printf(arena, "on %s", plan_slot_name(d->plan, step, slot));
}

/* What somebody has quoted themselves is quoted once all the same. */
static const char *unquoted(const char *note, struct arena *arena) {
    static const struct {
        const char *open, *close;
    } quotes[] = {{"\"", "\""}, {"“", "”"}, {"„", "“"}, {"'", "'"}, {"‘", "’"}};
    size_t size = strlen(note);
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        size_t before = strlen(quotes[i].open), behind = strlen(quotes[i].close);
        bool quoted = size > before + behind && str_starts(note, quotes[i].open) &&
                      str_equal(note + size - behind, quotes[i].close);
        char *inner = quoted ? arena_strndup(arena, note + before, size - before - behind) : NULL;
        if (quoted && strstr(inner, quotes[i].open) == NULL && strstr(inner, quotes[i].close) == NULL) {
            return inner;
        }
    }
    return note;
}

const char *view_note(const char *note, struct arena *arena) {
    return str_empty(note) ? "" : arena_printf(arena, ": “%s”", unquoted(note, arena));
}

static bool run_was_stopped(const struct run *run) {
    return run->outcome.kind == OUTCOME_CANCELED ||
           (run->state == RUN_CANCELED && run->outcome.kind == OUTCOME_NONE && run->started_ms != 0);
}

/* The first step of each kind of trouble that a machine had. */
struct trouble {
    const char *unknown, *failed, *stopped, *last_done;
    bool left; /* a step that belongs to the version did not run */
};

static void trouble_note(struct trouble *trouble, const struct plan_step *step, const struct run *run) {
    const char **first = run->unknown                        ? &trouble->unknown
                         : run_was_stopped(run)              ? &trouble->stopped
                         : run->outcome.kind != OUTCOME_NONE ? &trouble->failed
                                                             : NULL;
    if (run->state == RUN_SUCCEEDED || run->state == RUN_WARNED) {
        trouble->last_done = step->name;
    } else if (!first) {
        trouble->left = trouble->left || step->condition == PLAN_SUCCESS;
    } else if (!*first) {
        *first = step->name;
    }
}

static struct view_standing trouble_sum(const struct trouble *t, bool excluded, struct arena *arena) {
    if (t->unknown) {
        return (struct view_standing){"unknown", arena_printf(arena, "unknown at %s", t->unknown)};
    }
    if (excluded) {
        return (struct view_standing){"excluded", "excluded"};
    }
    if (t->failed) {
        return (struct view_standing){"failed", arena_printf(arena, "failed at %s", t->failed)};
    }
    if (t->stopped) {
        return (struct view_standing){"canceled", arena_printf(arena, "stopped at %s", t->stopped)};
    }
    if (t->left && t->last_done) {
        return (struct view_standing){"canceled", arena_printf(arena, "done up to %s", t->last_done)};
    }
    return t->last_done ? (struct view_standing){"succeeded", "done"}
                        : (struct view_standing){"pending", "not started"};
}

const struct view_standing *view_standings(const struct deployment *d, struct arena *arena) {
    const struct plan *plan = d->plan;
    struct trouble *troubles = arena_array(arena, plan->target_count + 1, sizeof *troubles);
    struct view_standing *standings = arena_array(arena, plan->target_count + 1, sizeof *standings);
    for (size_t step = 0; step < plan->step_count; step++) {
        for (size_t slot = 0; slot < plan->steps[step].slot_count && !plan->steps[step].on_worker; slot++) {
            trouble_note(&troubles[plan->steps[step].targets[slot]], &plan->steps[step], deployment_run(d, step, slot));
        }
    }
    for (size_t i = 0; i < plan->target_count; i++) {
        standings[i] = trouble_sum(&troubles[i], d->excluded[i], arena);
    }
    return standings;
}

const char *view_origin(const struct deployment *d, struct arena *arena) {
    const char *format = NULL;
    switch (d->origin) {
    case ORIGIN_DEPLOY:
        return NULL;
    case ORIGIN_RESUME:
        format = "Resumes D%llu";
        break;
    case ORIGIN_AGAIN:
        format = "The same again as D%llu";
        break;
    case ORIGIN_CATCH_UP:
        format = "Catches up with D%llu";
        break;
    case ORIGIN_ROLLBACK:
        format = "Rolls back D%llu";
        break;
    case ORIGIN_PROMOTE:
        format = "Promotes D%llu";
        break;
    }
    return arena_printf(arena, format, (unsigned long long)d->origin_id);
}

const char *view_state_title(enum deployment_state state) {
    switch (state) {
    case DEPLOYMENT_QUEUED:
        return "Queued";
    case DEPLOYMENT_RUNNING:
        return "Running";
    case DEPLOYMENT_PAUSED:
        return "Paused";
    case DEPLOYMENT_CANCELING:
        return "Canceling";
    case DEPLOYMENT_SUCCEEDED:
        return "Succeeded";
    case DEPLOYMENT_SUCCEEDED_WITH_WARNINGS:
        return "Succeeded with warnings";
    case DEPLOYMENT_FAILED:
        return "Failed";
    case DEPLOYMENT_CANCELED:
        return "Canceled";
    }
    return "";
}

bool view_needs_confirm(const struct plan_step *step, const struct question *question, enum guidance guidance) {
    bool risky = guidance == GUIDANCE_IGNORE || (guidance == GUIDANCE_RETRY && !step->safe_to_rerun);
    bool ignores_away = question->unreachable && guidance == GUIDANCE_IGNORE;
    return (step->guided.confirm & (unsigned)guidance) != 0 || (question->unknown && risky) || ignores_away;
}

/* ", 2 of 3 machines", or nothing for a deployment that touches none. */
static const char *machines_done(const struct deployment *d, struct arena *arena) {
    size_t done = 0, count = d->plan->target_count;
    const struct view_standing *standings = view_standings(d, arena);
    for (size_t i = 0; i < count; i++) {
        done += str_equal(standings[i].state, "succeeded");
    }
    if (count == 0) {
        return "";
    }
    return done == count ? arena_printf(arena, ", %s", view_machines(count, arena))
                         : arena_printf(arena, ", %zu of %s", done, view_machines(count, arena));
}

const char *view_result(const struct deployment *d, struct arena *arena) {
    const char *took = "";
    if (d->started_ms != 0 && d->ended_ms >= d->started_ms) {
        took = arena_printf(arena, ", %s", view_duration(d->ended_ms - d->started_ms, arena));
    }
    if (*took && d->waiting_ms >= 1000) {
        took = arena_printf(arena, "%s (%s waiting for people)", took, view_duration(d->waiting_ms, arena));
    }
    return arena_printf(arena, "%s: %s %s to %s%s%s", view_state_title(d->state), d->plan->project, d->version,
                        d->plan->environment, machines_done(d, arena), took);
}
