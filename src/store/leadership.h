#ifndef GP_STORE_LEADERSHIP_H
#define GP_STORE_LEADERSHIP_H

#include "store/inbox.h"

/* Borrowed; for work that may outlive the leadership. */
const char *leadership_token(const struct leadership *leadership);

#endif
