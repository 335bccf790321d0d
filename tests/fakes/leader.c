#include "leader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "store/calls.h"
#include "store/claim.h"
#include "store/numbering.h"

static void add_effect(struct leader *leader, struct commit *commit, struct deployment *d, const struct event *event,
                       const struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_START:
        commit_put_claim(commit, d, effect->step, effect->slot, CLAIM_QUEUED, effect->attempt, effect->epoch);
        break;
    case EFFECT_ADOPT:
        commit_put_claim(commit, d, effect->step, effect->slot, CLAIM_ADOPTABLE, effect->attempt, effect->epoch);
        break;
    case EFFECT_ASK:
        commit_ask(commit, d, deployment_question(d, effect->question));
        commit_put_numbering(commit, leader->next_question);
        break;
    case EFFECT_CLOSE:
        (void)commit_close_question(commit, d, effect->question, effect->guidance, effect->text, event->now_ms);
        break;
    case EFFECT_TIMER:
        commit_add_timer(commit, d->id, effect);
        break;
    case EFFECT_CLOSING:
        commit_put_closing(commit, d->id, d->intake, event->now_ms);
        break;
    case EFFECT_AUDIT:
        commit_audit(commit, d, effect->text, event->actor, event->via, event->note, event->now_ms);
        break;
    case EFFECT_DEPLOYED:
        commit_deployed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_PROBE:
        break;
    case EFFECT_EXCERPT:
        commit_put_excerpt(commit, deployment_question(d, effect->question));
        break;
    case EFFECT_VIGIL:
        commit_put_vigil(commit, deployment_vigil(d, effect->question));
        break;
    case EFFECT_CALL:
        commit_add_calls(commit, d, effect->question, effect->epoch, event->now_ms);
        break;
    case EFFECT_UNCONFIRMED:
        commit_unconfirmed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot),
                           str_equal(effect->text, "unknown"), event->now_ms);
        break;
    case EFFECT_OWED:
        commit_owed(commit, d, plan_slot_name(d->plan, effect->step, effect->slot), event->now_ms);
        break;
    case EFFECT_PAST:
        (effect->taken_back ? commit_past_taken_back : commit_past)(commit, d, effect->past, effect->guidance);
        break;
    case EFFECT_FINISH:
        commit_finish(commit, d);
        break;
    case EFFECT_STOP:
        break;
    }
}

struct commit *leader_apply(struct leader *leader, struct deployment *d, const struct event *event) {
    struct decision decision;
    struct commit *commit = commit_create(leader->rig->store, NULL);
    deployment_apply(d, event, &leader->next_question, d->arena, &decision);
    assert_false(decision.ignored);
    for (size_t i = 0; i < decision.count; i++) {
        add_effect(leader, commit, d, event, &decision.effects[i]);
    }
    for (size_t i = 0; i < decision.touched_count; i++) {
        commit_put_run(commit, d, decision.touched[i].step, decision.touched[i].slot);
    }
    d->revision++;
    commit_put_deployment(commit, d);
    commit_changed(commit, d->id);
    return commit;
}

struct commit *leader_prepare(struct leader *leader, uint64_t id, struct event event) {
    struct deployment_record *record = rig_load(leader->rig, id);
    const struct run *run = deployment_run(record->deployment, event.step, event.slot);
    event.now_ms = clock_wall_ms();
    event.attempt = run->attempt;
    event.epoch = run->epoch;
    event.worker = "w1";
    event.host = "h1";
    struct commit *commit = leader_apply(leader, record->deployment, &event);
    deployment_record_free(record);
    return commit;
}

void leader_give(struct leader *leader, uint64_t id, struct event event) {
    assert_int_equal(rig_commit(leader->rig, leader_prepare(leader, id, event)), COMMIT_DONE);
}

void leader_end_run(struct leader *leader, uint64_t id, size_t slot, int64_t exit_code) {
    leader_give(leader, id, (struct event){.kind = EVENT_CLAIMED, .slot = slot});
    leader_give(
        leader, id,
        (struct event){
            .kind = EVENT_ENDED, .slot = slot, .outcome = {OUTCOME_EXIT, exit_code}, .excerpt = "E: no space left"});
}

uint64_t leader_create(struct leader *leader, const char *room) {
    static struct plan_target targets[] = {{.name = "web-1"}, {.name = "web-2"}};
    static uint32_t both[] = {0, 1};
    static struct plan_step steps[] = {{.name = "Install",
                                        .script = "true",
                                        .max_parallel = 2,
                                        .guided = {.enabled = true, .max_retries = 10},
                                        .targets = both,
                                        .slot_count = 2}};
    const struct plan plan = {.project = "shop",
                              .environment = "production",
                              .room = room,
                              .targets = targets,
                              .target_count = 2,
                              .steps = steps,
                              .step_count = 1};
    const struct new_deployment request = {.plan = &plan,
                                           .version = "1.4.2",
                                           .actor = "alice",
                                           .via = "cli",
                                           .guided_flag = -1,
                                           .now_ms = clock_wall_ms()};
    return rig_must_create(leader->rig, &request);
}
