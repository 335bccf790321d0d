#include "stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "store/codec_deployment.h"
#include "store/records.h"

static void same_run(const struct run *a, const struct run *b) {
    char x[RUN_TEXT_SIZE];
    char y[RUN_TEXT_SIZE];
    run_encode(x, a);
    run_encode(y, b);
    assert_string_equal(x, y);
}

static void same_deployment(const struct deployment *a, const struct deployment *b) {
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->closing, b->closing);
    assert_int_equal(a->intake, b->intake);
    assert_true(str_equal(a->closing_why, b->closing_why));
    assert_int_equal(a->warned, b->warned);
    assert_int_equal(a->active, b->active);
    assert_int_equal(a->revision, b->revision);
    assert_int_equal(a->started_ms, b->started_ms);
    assert_int_equal(a->waiting_ms, b->waiting_ms);
    assert_int_equal(a->waiting_since_ms, b->waiting_since_ms);
    assert_int_equal(a->excluded_count, b->excluded_count);
    assert_string_equal(a->audit_head, b->audit_head);
    for (size_t step = 0; step < a->plan->step_count; step++) {
        assert_memory_equal(a->steps[step].by_state, b->steps[step].by_state, sizeof a->steps[step].by_state);
        for (size_t slot = 0; slot < a->plan->steps[step].slot_count; slot++) {
            same_run(deployment_run(a, step, slot), deployment_run(b, step, slot));
        }
    }
    assert_int_equal(a->question_count, b->question_count);
    for (size_t i = 0; i < a->question_count; i++) {
        const struct question *x = &a->questions[i];
        const struct question *y = &b->questions[i];
        assert_int_equal(x->id, y->id);
        assert_int_equal(x->step, y->step);
        assert_int_equal(x->slot, y->slot);
        assert_int_equal(x->attempt, y->attempt);
        assert_int_equal(x->asked_ms, y->asked_ms);
        assert_int_equal(x->deadline_ms, y->deadline_ms);
        assert_int_equal(x->options, y->options);
        assert_int_equal(x->unknown, y->unknown);
        assert_int_equal(x->card, y->card);
        assert_string_equal(x->error_key, y->error_key);
        assert_string_equal(x->excerpt, y->excerpt);
        assert_true(str_equal(x->why_no_retry, y->why_no_retry));
    }
}

void stored_assert_same(struct store_rig *rig, const struct deployment *d) {
    struct deployment_record *stored = rig_load(rig, d->id);
    same_deployment(d, stored->deployment);
    deployment_record_free(stored);
}
