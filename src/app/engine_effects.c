#include "engine_effects.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "store/calls.h"
#include "store/numbering.h"
#include "store/queue.h"
#include "store/records.h"

void changes_begin(struct changes *changes, struct store *store, struct leadership *leadership, struct arena *arena) {
    *changes = (struct changes){.arena = arena};
    changes->commit = commit_create(store, NULL);
    (void)commit_require_leader(changes->commit, leadership);
}

static struct changed_deployment *changes_of(struct changes *changes, struct deployment *d) {
    for (size_t i = 0; i < changes->deployment_count; i++) {
        if (changes->deployments[i].id == d->id) {
            return &changes->deployments[i];
        }
    }
    changes->deployments =
        arena_push(changes->arena, changes->deployments, changes->deployment_count, sizeof *changes->deployments);
    struct changed_deployment *changed = &changes->deployments[changes->deployment_count++];
    *changed = (struct changed_deployment){.id = d->id, .deployment = d};
    return changed;
}

static void push_job(struct changes *changes, const struct deployment *d, const struct effect *effect,
                     enum job_kind kind) {
    struct job job = {
        .kind = kind,
        .deployment = d->id,
        .step = effect->step,
        .slot = effect->slot,
        .attempt = effect->attempt,
        .epoch = effect->epoch,
        .closing = d->closing,
        .prove_gone = effect->prove_gone,
        .host = effect->host,
        .owner = kind == JOB_ADOPT && !d->doubted ? deployment_run(d, effect->step, effect->slot)->worker : NULL,
        .plan_hash = d->plan_hash,
        .version = d->version,
        .previous_version = d->previous_version,
        .actor = d->actor,
        .inputs = d->inputs,
        .question = effect->question,
        .until_ms = kind == JOB_PROBE ? effect->at_ms : 0,
    };
    commit_push_job(changes->commit, &job);
}

static void add_timer(struct changes *changes, const struct deployment *d, const struct effect *effect) {
    commit_add_timer(changes->commit, d->id, effect);
    changes->timers = arena_push(changes->arena, changes->timers, changes->timer_count, sizeof *changes->timers);
    changes->timers[changes->timer_count++] = effect->at_ms;
}

static void finish(struct changes *changes, const struct deployment *d) {
    commit_finish(changes->commit, d);
    const char *project = d->plan->project, *environment = d->plan->environment;
    metric_add(METRIC_DEPLOYMENTS, 1, project, environment, deployment_state_word(d->state));
    metric_observe(METRIC_DEPLOYMENT_SECONDS, (double)(d->ended_ms - d->created_ms) / 1000.0, project, environment,
                   NULL);
    metric_observe(METRIC_DEPLOYMENT_WAITING, (double)d->waiting_ms / 1000.0, project, environment, NULL);
    log_info("deployment ended", LOG_DEPLOYMENT(d->id), LOG_STR("state", deployment_state_word(d->state)), LOG_END);
}

static void ask(struct changes *changes, const struct deployment *d, const struct effect *effect) {
    const struct question *q = deployment_question(d, effect->question);
    commit_ask(changes->commit, d, q);
    changes_of(changes, (struct deployment *)d)->asked = true;
    changes->asked = true;
    const struct run *run = deployment_run(d, q->step, q->slot);
    metric_add(METRIC_REQUESTS, 1, d->plan->project, d->plan->environment,
               q->unknown ? outcome_word(OUTCOME_UNKNOWN) : outcome_word(run->outcome.kind));
    log_info("question asked", LOG_QUESTION(q->id), LOG_DEPLOYMENT(d->id),
             LOG_STR("step", d->plan->steps[q->step].name),
             LOG_STR("target", plan_slot_name(d->plan, q->step, q->slot)), LOG_END);
}

static void close_question(struct changes *changes, const struct deployment *d, const struct effect *effect,
                           int64_t now_ms) {
    changes->closed = arena_push(changes->arena, changes->closed, changes->closed_count, sizeof *changes->closed);
    changes->closed[changes->closed_count++] = (struct closed_question){
        .precondition =
            commit_close_question(changes->commit, d, effect->question, effect->guidance, effect->text, now_ms),
        .question = effect->question,
    };
    if (effect->at_ms != 0) {
        commit_require_deadline(changes->commit, effect->question, effect->at_ms);
    }
}

static void add_effect(struct changes *changes, struct deployment *d, const struct event *event,
                       const struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_START:
        commit_put_claim(changes->commit, d, effect->step, effect->slot, 'q', effect->attempt, effect->epoch);
        push_job(changes, d, effect, JOB_START);
        break;
    case EFFECT_ADOPT:
        commit_put_claim(changes->commit, d, effect->step, effect->slot, 'a', effect->attempt, effect->epoch);
        push_job(changes, d, effect, JOB_ADOPT);
        break;
    case EFFECT_STOP:
        push_job(changes, d, effect, JOB_STOP);
        break;
    case EFFECT_PROBE:
        push_job(changes, d, effect, JOB_PROBE);
        break;
    case EFFECT_ASK:
        ask(changes, d, effect);
        break;
    case EFFECT_EXCERPT: {
        const struct question *question = deployment_question(d, effect->question);
        if (question != NULL) { /* What closed it in the same commit comes after it. */
            commit_put_excerpt(changes->commit, question);
        }
        break;
    }
    case EFFECT_CLOSE:
        close_question(changes, d, effect, event->now_ms);
        break;
    case EFFECT_TIMER:
        add_timer(changes, d, effect);
        break;
    case EFFECT_VIGIL: {
        const struct vigil *vigil = deployment_vigil(d, effect->question);
        if (vigil != NULL) { /* What closed the card in the same decision comes after it. */
            commit_put_vigil(changes->commit, vigil);
        }
        break;
    }
    case EFFECT_CALL:
        commit_add_calls(changes->commit, d, effect->question, effect->epoch, event->now_ms);
        changes->called = true;
        break;
    case EFFECT_CLOSING:
        commit_put_closing(changes->commit, d->id, d->intake, event->now_ms);
        break;
    case EFFECT_AUDIT:
        commit_audit(changes->commit, d, effect->text, event->actor, event->via, event->note, event->now_ms);
        break;
    case EFFECT_DEPLOYED:
        commit_deployed(changes->commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_UNCONFIRMED:
        commit_unconfirmed(changes->commit, d, plan_slot_name(d->plan, effect->step, effect->slot),
                           str_equal(effect->text, "unknown"), event->now_ms);
        break;
    case EFFECT_OWED:
        commit_owed(changes->commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_PAST:
        (effect->taken_back ? commit_past_taken_back : commit_past)(changes->commit, d, effect->past, effect->guidance);
        break;
    case EFFECT_FINISH:
        finish(changes, d);
        break;
    }
}

static void count_event(const struct deployment *d, const struct event *event) {
    if (event->kind == EVENT_ENDED) {
        metric_add(METRIC_STEP_ATTEMPTS, 1, d->plan->project, d->plan->environment,
                   outcome_is_success(event->outcome) ? "ok" : outcome_word(event->outcome.kind));
    } else if (event->kind == EVENT_ANSWERED) {
        metric_add(METRIC_ANSWERS, 1, guidance_word(event->guidance), event->via, NULL);
    }
}

void changes_add(struct changes *changes, struct deployment *d, const struct event *event,
                 const struct decision *decision) {
    changes->size++;
    if (decision->ignored) {
        log_debug("an event came too late, ignoring", LOG_DEPLOYMENT(d->id), LOG_STR("event", event_word(event->kind)),
                  LOG_END);
        return;
    }
    (void)changes_of(changes, d);
    count_event(d, event);
    for (size_t i = 0; i < decision->count; i++) {
        add_effect(changes, d, event, &decision->effects[i]);
    }
    for (size_t i = 0; i < decision->touched_count; i++) {
        commit_put_run(changes->commit, d, decision->touched[i].step, decision->touched[i].slot);
    }
    changes->size += 2 * decision->count + decision->touched_count;
}

void changes_entry_done(struct changes *changes, const struct inbox_entry *entry) {
    commit_inbox_done(changes->commit, entry);
    changes->size++;
}

void changes_postpone(struct changes *changes, const struct inbox_entry *timer, int64_t at_ms) {
    commit_postpone(changes->commit, timer, at_ms);
    changes->size++;
}

void changes_worker_gone(struct changes *changes, const char *worker) {
    commit_forget_worker(changes->commit, worker);
    changes->size++;
}

bool changes_asked(const struct changes *changes, uint64_t deployment) {
    for (size_t i = 0; i < changes->deployment_count; i++) {
        if (changes->deployments[i].id == deployment) {
            return changes->deployments[i].asked;
        }
    }
    return false;
}

bool changes_full(const struct changes *changes) {
    return changes->size >= LIMIT_COMMIT_OPS / 2;
}

bool changes_empty(const struct changes *changes) {
    return changes->size == 0;
}

void changes_drop(struct changes *changes) {
    commit_drop(changes->commit);
    changes->commit = NULL;
}

void changes_commit(struct changes *changes, uint64_t next_question, commit_done *done, void *user) {
    for (size_t i = 0; i < changes->deployment_count; i++) {
        changes->deployments[i].deployment->revision++;
        commit_put_deployment(changes->commit, changes->deployments[i].deployment);
        commit_changed(changes->commit, changes->deployments[i].id);
    }
    if (changes->asked) {
        commit_put_numbering(changes->commit, next_question);
    }
    struct commit *commit = changes->commit;
    changes->commit = NULL;
    commit_send(commit, done, user);
}

uint64_t changes_refused_question(const struct changes *changes, size_t precondition) {
    for (size_t i = 0; i < changes->closed_count; i++) {
        if (changes->closed[i].precondition == precondition) {
            return changes->closed[i].question;
        }
    }
    return 0;
}
