#ifndef GP_TESTS_STORED_H
#define GP_TESTS_STORED_H

/* Whether the store has what the leader has: a deployment is read anew, and the test fails at the first difference. */

#include "core/deployment.h"
#include "fakes/store_rig.h"

void stored_assert_same(struct store_rig *rig, const struct deployment *d);

#endif
