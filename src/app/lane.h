#ifndef GP_APP_LANE_H
#define GP_APP_LANE_H

/* Who holds a lane, for whoever waits there. */

#include "store/records.h"

/* holder: owned by the receiver; NULL = nobody is before it, or that could not be read. */
typedef void lane_done(struct deployment_record *holder, void *user);
void lane_read_holder(struct store *store, const struct plan *plan, uint64_t waits, lane_done *done, void *user);

#endif
