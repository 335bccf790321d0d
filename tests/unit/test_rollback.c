/* To which version a rollback goes, after what a lane has seen. */

#include "core/rollback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

static void a_rollback_goes_back_and_not_forth(void **state) {
    (void)state;
    static const struct {
        struct rollback_entry entries[6]; /* newest first */
        size_t count;
        const char *version; /* NULL = none */
    } cases[] = {
        {{{"1.0", false, false}}, 0, NULL},
        {{{"1.0", false, false}}, 1, NULL},
        {{{"1.0", false, false}, {"1.0", false, false}}, 2, NULL},
        {{{"1.1", false, false}, {"1.0", false, false}}, 2, "1.0"},
        {{{"1.1", false, false}, {"1.1", false, false}, {"1.0", false, false}}, 3, "1.0"},
        {{{"1.1", true, false}, {"1.2", false, false}, {"1.1", false, false}, {"1.0", false, false}}, 4, "1.0"},
        {{{"1.1", false, false},
          {"1.1", true, false},
          {"1.2", false, false},
          {"1.1", false, false},
          {"1.0", false, false}},
         5,
         "1.0"},
        {{{"1.0", true, false},
          {"1.1", true, false},
          {"1.2", false, false},
          {"1.1", false, false},
          {"1.0", false, false},
          {"0.9", false, false}},
         6,
         "0.9"},
        {{{"1.0", true, false},
          {"1.1", true, false},
          {"1.2", false, false},
          {"1.1", false, false},
          {"1.0", false, false}},
         5,
         NULL},
        /* Deployed plainly, what was there before is what it goes back to. */
        {{{"1.1", false, false}, {"1.2", false, false}, {"1.1", false, false}, {"1.0", false, false}}, 4, "1.2"},
        {{{"1.3", false, false}, {"1.1", true, false}, {"1.2", false, false}, {"1.1", false, false}}, 4, "1.1"},
        /* What it had gone back to is so long ago that it is forgotten. */
        {{{"1.1", true, false}, {"1.2", false, false}}, 2, NULL},
        /* A canary is gone back from, and never to, be it withdrawn or still there. */
        {{{"1.2", false, true}, {"1.1", false, false}, {"1.0", false, false}}, 3, "1.1"},
        {{{"1.1", false, true}, {"1.2", false, true}, {"1.1", false, false}, {"1.0", false, false}}, 4, "1.0"},
        {{{"1.3", false, false}, {"1.2", false, true}, {"1.1", false, false}}, 3, "1.1"},
        {{{"1.1", true, false},
          {"1.2", false, false},
          {"1.3", false, true},
          {"1.1", false, false},
          {"1.0", false, false}},
         5,
         "1.0"},
        {{{"1.2", false, true}, {"1.1", false, true}}, 2, NULL},
        {{{"1.2", false, true}, {"1.1", false, false}}, 2, "1.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at = rollback_choose(cases[i].entries, cases[i].count);
        const char *version = at < cases[i].count ? cases[i].entries[at].version : NULL;
        if (!str_equal(version, cases[i].version)) {
            fail_msg("case %zu goes back to %s", i, version == NULL ? "nothing" : version);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollback_goes_back_and_not_forth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
