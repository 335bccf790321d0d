/* The line that stays when a question is over: who answered what, how fast, and what has come of it since. */

#include "view_parts.h"

#include <string.h>

#include "base/str.h"

/* What the run has done since somebody answered Retry. It keeps its old attempt if that was found alive after all. */
static const char *retry_result(const struct run *run, const struct question *q, struct arena *arena) {
    bool again = run->attempt > q->attempt;
    const char *format = NULL;
    switch (run->state) {
    case RUN_QUEUED:
        return "waits for a worker";
    case RUN_RUNNING:
    case RUN_LOST:
        format = again ? "attempt %u is running" : "not run again, attempt %u is still running";
        break;
    case RUN_SUCCEEDED:
        format = again ? "worked on attempt %u" : "not run again, attempt %u had worked";
        break;
    case RUN_ASKING:
    case RUN_WARNED:
    case RUN_FAILED:
    case RUN_UNKNOWN:
    case RUN_EXCLUDED:
    case RUN_DELAYED:
        if (run->unknown) {
            format = "outcome of attempt %u unknown";
        } else if (run->state == RUN_DELAYED && run->unstarted > 0) {
            format = "attempt %u could not begin, runs again by itself";
        } else {
            return arena_printf(arena, "attempt %u: %s", run->attempt, outcome_text(run->outcome, arena));
        }
        break;
    case RUN_CANCELED:
    case RUN_SKIPPED:
        return run->started_ms == 0 ? "it did not start any more" : "canceled";
    case RUN_PENDING:
    case RUN_STATE_COUNT:
        return "";
    }
    return arena_printf(arena, format, run->attempt);
}

static const char *fail_result(const struct deployment *d) {
    return d->state == DEPLOYMENT_FAILED     ? "the deployment failed"
           : d->closing == CLOSING_FAILING   ? "the deployment ends as failed"
           : d->closing == CLOSING_CANCELING ? "the deployment was canceled"
                                             : "";
}

static const char *result(const struct deployment *d, const struct question_record *record, struct arena *arena) {
    const struct question *q = &record->question;
    switch (record->answer) {
    case GUIDANCE_RETRY:
        return retry_result(deployment_run(d, q->step, q->slot), q, arena);
    case GUIDANCE_IGNORE:
        return q->unknown ? "taken as done" : "counts as done, with a warning";
    case GUIDANCE_EXCLUDE:
        return arena_printf(arena, "%s is excluded", plan_slot_name(d->plan, q->step, q->slot));
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        return fail_result(d);
    case GUIDANCE_PROCEED:
    case GUIDANCE_NONE:
        break;
    }
    return "";
}

static const char *who(const struct question_record *record, struct arena *arena) {
    return arena_printf(arena, "%s by %s", guidance_title(record->answer), record->answered_by);
}

static const char *who_and_when(const struct question_record *record, struct arena *arena) {
    int64_t took = record->answered_ms - record->question.asked_ms;
    return arena_printf(arena, "%s after %s", who(record, arena), view_duration(took > 0 ? took : 0, arena));
}

/* The sentence why nobody had to answer, without its full stop. */
static const char *closed_line(const struct question_record *record, struct arena *arena) {
    const char *why = str_empty(record->closed_why) ? "Closed without an answer" : record->closed_why;
    size_t size = strlen(why);
    return why[size - 1] == '.' ? arena_strndup(arena, why, size - 1) : why;
}

static bool has_answer(const struct question_record *record) {
    return record->answer != GUIDANCE_NONE && record->answered_by && !record->closed_why;
}

const char *view_answer(const struct deployment *d, const struct question_record *record, struct arena *arena) {
    if (!has_answer(record)) {
        return closed_line(record, arena);
    }
    const char *came = result(d, record, arena);
    return arena_printf(arena, "%s%s%s", who_and_when(record, arena), *came ? " · " : "", came);
}

/* One kind of line and how many of the questions it is true for. */
struct tally {
    const char *text;
    size_t count;
};

struct tallies {
    struct tally *items;
    size_t count;
};

static void tally_add(struct tallies *tallies, const char *text, struct arena *arena) {
    for (size_t i = 0; i < tallies->count; i++) {
        if (str_equal(tallies->items[i].text, text)) {
            tallies->items[i].count++;
            return;
        }
    }
    tallies->items = arena_push(arena, tallies->items, tallies->count, sizeof *tallies->items);
    tallies->items[tallies->count++] = (struct tally){.text = text, .count = 1};
}

/* "Retry by alice on 5 machines · Exclude by bob on 2 machines" */
static const char *tally_text(const struct tallies *tallies, struct arena *arena) {
    enum { SHOWN = 6 };
    const char *text = "";
    for (size_t i = 0; i < tallies->count && i < SHOWN; i++) {
        text = arena_printf(arena, "%s%s%s on %s", text, i > 0 ? " · " : "", tallies->items[i].text,
                            view_machines(tallies->items[i].count, arena));
    }
    return tallies->count > SHOWN ? arena_printf(arena, "%s and %zu more", text, tallies->count - SHOWN) : text;
}

/* The same for many machines, where it matters on how many of them a Retry worked rather than on which attempt. */
static const char *coarse_result(const struct deployment *d, const struct question_record *record) {
    const struct question *q = &record->question;
    const struct run *run = deployment_run(d, q->step, q->slot);
    bool runs = run->state == RUN_QUEUED || run->state == RUN_RUNNING || run->state == RUN_LOST;
    return run->state == RUN_SUCCEEDED ? "worked" : runs ? "still running" : "not worked";
}

const char *view_answers(const struct deployment *d, const struct question_record *const *records, size_t count,
                         struct arena *arena) {
    if (count == 1) {
        return view_answer(d, records[0], arena);
    }
    struct tallies answers = {0}, results = {0};
    const struct question_record *last = records[0];
    for (size_t i = 0; i < count; i++) {
        bool answered = has_answer(records[i]);
        tally_add(&answers, answered ? who(records[i], arena) : closed_line(records[i], arena), arena);
        if (answered && records[i]->answer == GUIDANCE_RETRY) {
            tally_add(&results, coarse_result(d, records[i]), arena);
        }
        last = records[i]->answered_ms > last->answered_ms ? records[i] : last;
    }
    const char *text = tally_text(&answers, arena);
    if (answers.count == 1 && has_answer(last)) {
        text = arena_printf(arena, "%s on %s", who_and_when(last, arena), view_machines(count, arena));
    }
    return results.count == 0 ? text : arena_printf(arena, "%s · %s", text, tally_text(&results, arena));
}
