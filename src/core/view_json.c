#include "core/view_json.h"

#include "base/str.h"
#include "core/resume.h"
#include "view_parts.h"

static void write_names(struct json_out *out, const char *key, const char *const *items, size_t count) {
    json_array_begin(out, key);
    for (size_t i = 0; i < count; i++) {
        json_add_string(out, NULL, items[i]);
    }
    json_array_end(out);
}

static void write_name(struct json_out *out, const char *key, char letter, uint64_t id) {
    struct buf name = BUF_INIT(32);
    buf_printf(&name, "%c%llu", letter, (unsigned long long)id);
    json_add_string(out, key, id == 0 ? NULL : name.data);
    buf_finish(&name);
}

static const char *card_kind_word(enum card_kind kind) {
    switch (kind) {
    case CARD_STATUS:
        return "status";
    case CARD_QUESTION:
        return "question";
    case CARD_CLOSING:
        return "closing";
    case CARD_REMINDER:
        return "reminder";
    case CARD_ESCALATION:
        return "escalation";
    case CARD_DIGEST:
        return "digest";
    }
    return "";
}

void view_write_card(struct json_out *out, const char *key, const struct card *card) {
    json_object_begin(out, key);
    json_add_string(out, "kind", card_kind_word(card->kind));
    json_add_int(out, "deployment", (int64_t)card->deployment);
    json_add_int(out, "question", (int64_t)card->question);
    json_add_int(out, "revision", card->revision);
    json_add_string(out, "state", card->state);
    json_add_string(out, "title", card->title);
    json_add_string(out, "subject", card->subject);
    json_add_string(out, "place", card->place);
    json_add_int(out, "asked", card->asked_ms);
    json_add_int(out, "deadline", card->deadline_ms);
    json_add_string(out, "text", card->text);
    write_names(out, "facts", card->facts, card->fact_count);
    json_array_begin(out, "rows");
    for (size_t i = 0; i < card->row_count; i++) {
        json_object_begin(out, NULL);
        json_add_string(out, "state", card->rows[i].state);
        json_add_string(out, "name", card->rows[i].name);
        json_add_string(out, "detail", card->rows[i].detail);
        json_object_end(out);
    }
    json_array_end(out);
    json_add_string(out, "excerpt", card->excerpt);
    json_array_begin(out, "actions");
    for (size_t i = 0; i < card->action_count; i++) {
        const struct card_action *action = &card->actions[i];
        json_object_begin(out, NULL);
        json_add_string(out, "verb", action->verb);
        json_add_string(out, "label", action->label);
        json_add_string(out, "consequence", action->consequence);
        json_add_bool(out, "primary", action->primary);
        json_add_bool(out, "danger", action->danger);
        json_add_bool(out, "confirm", action->confirm);
        json_add_bool(out, "note_required", action->note_required);
        json_object_end(out);
    }
    json_array_end(out);
    json_add_string(out, "outcome", card->outcome);
    json_object_end(out);
}

static size_t steps_settled(const struct deployment *d) {
    size_t done = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        const uint32_t *by_state = d->steps[step].by_state;
        uint32_t open = by_state[RUN_PENDING] + by_state[RUN_QUEUED] + by_state[RUN_RUNNING] + by_state[RUN_LOST] +
                        by_state[RUN_DELAYED] + by_state[RUN_ASKING];
        done += open == 0;
    }
    return done;
}

static void write_summary_members(struct json_out *out, const struct deployment *d, const char *waits_for,
                                  int64_t now_ms, struct arena *arena) {
    json_add_int(out, "id", (int64_t)d->id);
    write_name(out, "name", 'D', d->id);
    json_add_string(out, "project", d->plan->project);
    json_add_string(out, "version", d->version);
    json_add_string(out, "environment", d->plan->environment);
    json_add_string(out, "state", deployment_state_word(d->state));
    json_add_string(out, "title", view_status(d, now_ms, arena)->title);
    json_add_string(out, "actor", d->actor);
    json_add_string(out, "via", d->via);
    json_add_int(out, "created", d->created_ms);
    json_add_int(out, "started", d->started_ms);
    json_add_int(out, "ended", d->ended_ms);
    json_add_int(out, "waiting_ms", d->waiting_ms);
    json_add_int(out, "waiting_since", d->waiting_since_ms);
    json_add_int(out, "step_done", (int64_t)steps_settled(d));
    json_add_int(out, "step_total", (int64_t)d->plan->step_count);
    json_array_begin(out, "questions");
    for (size_t i = 0; i < d->question_count; i++) {
        write_name(out, NULL, 'Q', d->questions[i].id);
    }
    json_array_end(out);
    json_add_string(out, "waits_for", waits_for);
    json_add_string(out, "origin", origin_word(d->origin));
    write_name(out, "origin_of", 'D', d->origin_id);
    write_name(out, "resumed_by", 'D', d->resumed_by);
}

void view_write_summary(struct json_out *out, const char *key, const struct deployment *d, const char *waits_for,
                        int64_t now_ms, struct arena *arena) {
    json_object_begin(out, key);
    write_summary_members(out, d, waits_for, now_ms, arena);
    json_object_end(out);
}

static const char *condition_word(enum plan_condition condition) {
    switch (condition) {
    case PLAN_SUCCESS:
        return "success";
    case PLAN_FAILURE:
        return "failure";
    case PLAN_ALWAYS:
        return "always";
    case PLAN_CLEANUP:
        return "cleanup";
    }
    return "";
}

static void write_run(struct json_out *out, const struct deployment *d, size_t step, size_t slot, struct arena *arena) {
    const struct run *run = deployment_run(d, step, slot);
    json_object_begin(out, NULL);
    json_add_int(out, "slot", (int64_t)slot);
    json_add_string(out, "target", plan_slot_name(d->plan, step, slot));
    json_add_string(out, "state", run_state_word(run->state));
    json_add_int(out, "attempt", run->attempt);
    json_add_string(out, "outcome", run->outcome.kind == OUTCOME_NONE ? NULL : outcome_text(run->outcome, arena));
    json_add_bool(out, "unknown", run->unknown);
    json_add_bool(out, "earlier", run->earlier);
    json_add_string(out, "worker", run->worker);
    json_add_int(out, "started", run->started_ms);
    json_add_int(out, "ended", run->ended_ms);
    write_name(out, "question", 'Q', run->question);
    json_object_end(out);
}

static void write_steps(struct json_out *out, const struct deployment *d, struct arena *arena) {
    json_array_begin(out, "steps");
    for (size_t step = 0; step < d->plan->step_count; step++) {
        const struct plan_step *s = &d->plan->steps[step];
        json_object_begin(out, NULL);
        json_add_int(out, "index", (int64_t)step);
        json_add_string(out, "name", s->name);
        json_add_string(out, "condition", condition_word(s->condition));
        json_add_string(out, "group", s->group);
        json_add_bool(out, "required", s->required);
        json_add_bool(out, "on_worker", s->on_worker);
        json_add_bool(out, "guided", s->guided.enabled);
        json_array_begin(out, "runs");
        for (size_t slot = 0; slot < s->slot_count; slot++) {
            write_run(out, d, step, slot, arena);
        }
        json_array_end(out);
        json_object_end(out);
    }
    json_array_end(out);
}

/* Where `resume` would go on, and what keeps it from doing so without a further word; null if there is nothing. */
static void write_resumable(struct json_out *out, const struct deployment *d, struct arena *arena) {
    const struct resume_outlook outlook = resume_look(d, arena);
    if (outlook.place == NULL) {
        json_add_null(out, "resume");
        return;
    }
    json_object_begin(out, "resume");
    json_add_string(out, "place", outlook.place);
    json_add_bool(out, "unknown", outlook.unknown != NULL);
    json_add_string(out, "why", outlook.unknown);
    json_add_string(out, "label", outlook.label);
    json_add_string(out, "consequence", outlook.consequence);
    json_object_end(out);
}

void view_write_deployment(struct json_out *out, const char *key, const struct deployment *d,
                           const struct question_record *questions, size_t count, const char *waits_for, int64_t now_ms,
                           struct arena *arena) {
    json_object_begin(out, key);
    write_summary_members(out, d, waits_for, now_ms, arena);
    json_add_string(out, "closing_why", d->closing_why);
    write_resumable(out, d, arena);
    json_add_string(out, "room", d->plan->room);
    json_array_begin(out, "targets");
    for (size_t i = 0; i < d->plan->target_count; i++) {
        json_add_string(out, NULL, d->plan->targets[i].name);
    }
    json_array_end(out);
    write_steps(out, d, arena);
    size_t card_count = 0;
    struct card **cards = view_cards(d, questions, count, now_ms, arena, &card_count);
    json_array_begin(out, "cards");
    for (size_t i = 0; i < card_count; i++) {
        view_write_card(out, NULL, cards[i]);
    }
    json_array_end(out);
    json_object_end(out);
}

static void write_options(struct json_out *out, const struct deployment *d, struct outlook *outlook,
                          const struct question *q, bool open, struct arena *arena) {
    const struct plan_guided *guided = &d->plan->steps[q->step].guided;
    json_array_begin(out, "options");
    for (unsigned bit = GUIDANCE_RETRY; open && bit <= GUIDANCE_ABORT; bit <<= 1) {
        enum guidance guidance = (enum guidance)bit;
        if ((q->options & bit) == 0 || (guidance == GUIDANCE_EXCLUDE && deployment_remaining(d) <= 1)) {
            continue;
        }
        json_object_begin(out, NULL);
        json_add_string(out, "guidance", guidance_word(guidance));
        json_add_string(out, "label", guidance_title(guidance));
        json_add_string(out, "consequence", deployment_consequence_of(outlook, &q, 1, guidance, arena));
        json_add_bool(out, "note_required", (guided->note_required & bit) != 0);
        json_add_bool(out, "confirm", view_needs_confirm(&d->plan->steps[q->step], q, guidance));
        json_object_end(out);
    }
    json_array_end(out);
}

void view_write_question(struct json_out *out, const char *key, const struct deployment *d, struct outlook *outlook,
                         const struct question_record *question, struct arena *arena) {
    const struct question *q = &question->question;
    json_object_begin(out, key);
    json_add_int(out, "id", (int64_t)q->id);
    write_name(out, "name", 'Q', q->id);
    json_add_int(out, "deployment", (int64_t)d->id);
    json_add_string(out, "step", d->plan->steps[q->step].name);
    json_add_string(out, "target", plan_slot_name(d->plan, q->step, q->slot));
    json_add_int(out, "attempt", q->attempt);
    json_add_string(out, "outcome", outcome_text(question->outcome, arena));
    json_add_string(out, "excerpt", q->excerpt);
    json_add_bool(out, "unknown", q->unknown);
    json_add_bool(out, "open", question->open);
    json_add_int(out, "asked", q->asked_ms);
    json_add_int(out, "deadline", q->deadline_ms);
    json_add_string(out, "taken_by", question->taken_by);
    json_add_string(out, "parked_by", q->parked_by);
    json_add_string(out, "back_by", q->back_by);
    json_add_string(out, "back_note", q->back_note);
    json_add_int(out, "back_until", q->back_until_ms);
    json_add_int(out, "reminders", question->vigil == NULL ? 0 : question->vigil->reminders);
    json_add_int(out, "escalations", question->vigil == NULL ? 0 : question->vigil->rungs);
    json_add_int(out, "card", (int64_t)q->card);
    write_options(out, d, outlook, q, question->open, arena);
    json_add_string(out, "answer", question->answer == GUIDANCE_NONE ? NULL : guidance_word(question->answer));
    json_add_string(out, "answered_by", question->answered_by);
    json_add_string(out, "answered_via", question->answered_via);
    json_add_int(out, "answered_at", question->answered_ms);
    json_add_string(out, "note", question->note);
    json_add_string(out, "closed_why", question->closed_why);
    json_object_begin(out, "past");
    json_add_int(out, "retry", question->past.retry);
    json_add_int(out, "retry_worked", question->past.retry_worked);
    json_add_int(out, "ignore", question->past.ignore);
    json_add_int(out, "exclude", question->past.exclude);
    json_add_int(out, "fail", question->past.fail);
    json_add_string(out, "text", view_past(&question->past, arena));
    json_object_end(out);
    json_object_end(out);
}
