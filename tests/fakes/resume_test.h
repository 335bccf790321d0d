#ifndef GP_TESTS_RESUME_TEST_H
#define GP_TESTS_RESUME_TEST_H

/* What tests of deployments that go on from one before them begin with. */

#include "core/resume.h"

#include "fakes/scene_test.h"

/* From here on the scene plays the deployment that goes on. */
static inline void resume_as(enum resume_unknown unknown, bool admit) {
    struct deployment *begun = resume_begin(scene.d, unknown, arena);
    scene_init(&scene, plan, arena);
    begun->id = 312;
    begun->version = "1.4.2";
    begun->actor = "alice";
    begun->excluded_intake = begun->excluded_count;
    scene.d = begun;
    if (admit) {
        assert_true(scene_give(&scene, (struct event){.kind = EVENT_ADMITTED}));
    }
}

static inline void resume(bool admit) {
    resume_as(RESUME_UNSAID, admit);
}

static inline const char *why_not(bool rerun_unknown) {
    struct err err = {0};
    return resume_possible(scene.d, rerun_unknown ? RESUME_RERUN : RESUME_UNSAID, arena, &err)
               ? ""
               : arena_strdup(arena, err.text);
}

#endif
