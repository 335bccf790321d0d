/*
 * Questions that are not forgotten. The open questions of a card are watched together, however many machines they are
 * about: there is one next reminder and one next rung of the ladder. A timer carries the number of what it is for, so
 * that what was done already, or belongs to a card that is over, is not done again.
 */

#include "base/str.h"
#include "transition.h"

static const struct plan_guided *guided_of(const struct deployment *d, const struct vigil *vigil) {
    return &d->plan->steps[vigil->step].guided;
}

static bool rests(const struct vigil *vigil) {
    return vigil->parked == vigil->open;
}

/* The place of the card among the vigils, which are in the order of their cards; or where it would be. */
static size_t place_of(const struct deployment *d, uint64_t card) {
    size_t low = 0, high = d->vigil_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->vigils[middle].card < card) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct vigil *deployment_vigil(const struct deployment *d, uint64_t card) {
    size_t place = place_of(d, card);
    return place < d->vigil_count && d->vigils[place].card == card ? &d->vigils[place] : NULL;
}

int64_t deployment_deadline(const struct deployment *d, const struct question *question, int64_t now_ms) {
    int64_t within_ms = d->plan->steps[question->step].guided.answer_within_ms;
    return within_ms > 0 && !question->late_cancel ? now_ms + within_ms : 0;
}

static struct effect timer_of(const struct vigil *vigil, enum event_kind kind, uint32_t number, int64_t at_ms) {
    return (struct effect){
        .kind = EFFECT_TIMER, .timer = kind, .question = vigil->card, .epoch = number, .at_ms = at_ms};
}

size_t vigil_timers(const struct deployment *d, const struct vigil *vigil, struct effect ret_timers[VIGIL_TIMERS]) {
    const struct plan_guided *guided = guided_of(d, vigil);
    size_t count = 0;
    if (rests(vigil)) {
        return 0;
    }
    if (guided->remind_every_ms > 0) {
        int64_t from = vigil->reminded_ms > vigil->since_ms ? vigil->reminded_ms : vigil->since_ms;
        ret_timers[count++] = timer_of(vigil, EVENT_REMIND, vigil->reminders, from + guided->remind_every_ms);
    }
    if (vigil->rungs < guided->rung_count) {
        int64_t at_ms = vigil->since_ms + guided->ladder[vigil->rungs].after_ms;
        ret_timers[count++] = timer_of(vigil, EVENT_ESCALATE, vigil->rungs, at_ms);
    }
    return count;
}

/* Both timers, or the one of this kind. */
enum { BOTH = -1 };
static void vigil_time(struct apply *apply, const struct vigil *vigil, int kind) {
    struct effect timers[VIGIL_TIMERS];
    size_t count = vigil_timers(apply->d, vigil, timers);
    for (size_t i = 0; i < count; i++) {
        if (kind == BOTH || timers[i].timer == (enum event_kind)kind) {
            *apply_effect(apply, EFFECT_TIMER, 0, 0) = timers[i];
        }
    }
}

static void vigil_store(struct apply *apply, const struct vigil *vigil) {
    apply_effect(apply, EFFECT_VIGIL, 0, 0)->question = vigil->card;
}

/* --- questions come and go ------------------------------------------------------------------------------------ */

/* Also counts the question in; true if it is the first of its card. */
static bool vigil_enter(struct deployment *d, const struct question *q) {
    size_t place = place_of(d, q->card);
    bool first = place == d->vigil_count || d->vigils[place].card != q->card;
    if (first) {
        d->vigils = arena_push(d->arena, d->vigils, d->vigil_count, sizeof *d->vigils);
        for (size_t i = d->vigil_count++; i > place; i--) {
            d->vigils[i] = d->vigils[i - 1];
        }
        d->vigils[place] = (struct vigil){.card = q->card, .step = q->step, .since_ms = q->asked_ms};
    }
    d->vigils[place].open++;
    d->vigils[place].parked += q->parked_by != NULL;
    return first;
}

/* One more beside others that are all parked wakes them up: nobody has parked it. */
void vigil_join(struct apply *apply, const struct question *q) {
    const struct vigil *before = deployment_vigil(apply->d, q->card);
    bool rested = before != NULL && rests(before);
    if (vigil_enter(apply->d, q) || rested) {
        struct vigil *vigil = deployment_vigil(apply->d, q->card);
        if (rested) {
            vigil->since_ms = q->asked_ms;
            vigil_store(apply, vigil);
        }
        vigil_time(apply, vigil, BOTH);
    }
}

void vigil_leave(struct deployment *d, const struct question *q) {
    size_t place = place_of(d, q->card);
    struct vigil *vigil = deployment_vigil(d, q->card);
    if (vigil == NULL) {
        return;
    }
    vigil->open--;
    vigil->parked -= q->parked_by != NULL;
    if (vigil->open == 0) {
        d->vigil_count--;
        for (size_t i = place; i < d->vigil_count; i++) {
            d->vigils[i] = d->vigils[i + 1];
        }
    }
}

void vigil_restore_all(struct deployment *d) {
    d->vigil_count = 0;
    for (size_t i = 0; i < d->question_count; i++) {
        (void)vigil_enter(d, &d->questions[i]);
    }
}

/* --- what is due ------------------------------------------------------------------------------------------------ */

bool vigil_remind(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    struct vigil *vigil = deployment_vigil(apply->d, event->question);
    if (vigil == NULL || rests(vigil) || event->epoch != vigil->reminders) {
        return false;
    }
    vigil->reminders++;
    vigil->reminded_ms = event->now_ms;
    apply_audit(apply, "reminded Q%llu #%u", (unsigned long long)vigil->card, vigil->reminders);
    vigil_store(apply, vigil);
    vigil_time(apply, vigil, EVENT_REMIND);
    return true;
}

bool vigil_escalate(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    struct vigil *vigil = deployment_vigil(apply->d, event->question);
    if (vigil == NULL || rests(vigil) || event->epoch != vigil->rungs ||
        vigil->rungs >= guided_of(apply->d, vigil)->rung_count) {
        return false;
    }
    const struct plan_rung *rung = &guided_of(apply->d, vigil)->ladder[vigil->rungs];
    if (rung->run != NULL || rung->webhook != NULL) {
        struct effect *call = apply_effect(apply, EFFECT_CALL, 0, 0);
        call->question = vigil->card;
        call->epoch = vigil->rungs;
    }
    vigil->climbed_ms[vigil->rungs++] = event->now_ms;
    apply_audit(apply, "escalated Q%llu #%u", (unsigned long long)vigil->card, vigil->rungs);
    vigil_store(apply, vigil);
    vigil_time(apply, vigil, EVENT_ESCALATE);
    return true;
}

/* --- people put it off -------------------------------------------------------------------------------------------- */

/* That it is so lies in the question, where it was recorded; here the clocks are set by it. */
bool vigil_extended(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    struct question *q = deployment_question(apply->d, event->question);
    if (q == NULL || q->parked_by != NULL) {
        return false;
    }
    q->deadline_ms = event->deadline_ms;
    apply_audit(apply, "extended Q%llu %lld", (unsigned long long)q->id, (long long)q->deadline_ms);
    question_time(apply, q);
    return true;
}

/* A value that was read after it was recorded is parked already. */
bool vigil_parked(struct apply *apply, struct run *run) {
    (void)run;
    struct question *q = deployment_question(apply->d, apply->event->question);
    if (q == NULL) {
        return false;
    }
    deployment_vigil(apply->d, q->card)->parked += q->parked_by == NULL;
    q->parked_by = arena_strdup(apply->d->arena, str_empty(apply->event->actor) ? "somebody" : apply->event->actor);
    q->parked_ms = apply->event->now_ms;
    q->deadline_ms = 0;
    apply_audit(apply, "parked Q%llu", (unsigned long long)q->id);
    return true;
}

/* The clocks begin anew; a rung that was climbed is not climbed again. */
bool vigil_unparked(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    struct question *q = deployment_question(apply->d, event->question);
    if (q == NULL) {
        return false;
    }
    struct vigil *vigil = deployment_vigil(apply->d, q->card);
    vigil->parked -= q->parked_by != NULL;
    q->parked_by = NULL;
    q->deadline_ms = event->deadline_ms;
    apply_audit(apply, "unparked Q%llu", (unsigned long long)q->id);
    question_time(apply, q);
    vigil->since_ms = event->now_ms;
    vigil_store(apply, vigil);
    vigil_time(apply, vigil, BOTH);
    return true;
}

/* --- what a rung calls -------------------------------------------------------------------------------------------- */

const char *call_kind_word(enum call_kind kind) {
    return kind == CALL_RUN ? "run" : "webhook";
}

/* Where it is kept what was told of the call; NULL if the card is over. */
static enum call_told *call_of(const struct deployment *d, const struct event *event) {
    struct vigil *vigil = deployment_vigil(d, event->question);
    bool is_run = str_equal(event->via, call_kind_word(CALL_RUN));
    return vigil == NULL || event->epoch >= vigil->rungs
               ? NULL
               : &vigil->calls[event->epoch][is_run ? CALL_RUN : CALL_WEBHOOK];
}

/* People are told, once, since those who were to be called don't know. */
bool vigil_call_fails(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    enum call_told *told = call_of(apply->d, event);
    if (told == NULL || *told == CALL_TOLD_FAILS) {
        return false;
    }
    *told = CALL_TOLD_FAILS;
    apply_audit(apply, "call_fails Q%llu #%u", (unsigned long long)event->question, event->epoch + 1);
    vigil_store(apply, deployment_vigil(apply->d, event->question));
    return true;
}

/* What became of it was said by who called; here it is only written down. */
bool vigil_called(struct apply *apply, struct run *run) {
    (void)run;
    const struct event *event = apply->event;
    enum call_told *told = call_of(apply->d, event);
    apply_audit(apply, "called Q%llu #%u", (unsigned long long)event->question, event->epoch + 1);
    if (told != NULL && *told == CALL_TOLD_FAILS) {
        *told = CALL_TOLD_WORKED;
        vigil_store(apply, deployment_vigil(apply->d, event->question));
    }
    return true;
}
