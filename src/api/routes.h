#ifndef GP_API_ROUTES_H
#define GP_API_ROUTES_H

/* What there is to ask for. One table, from which also the labels of the metrics come. Matching is pure. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "call.h"

enum route_need {
    ROUTE_OPEN,   /* anybody */
    ROUTE_NEAR,   /* somebody on this machine, or signed in */
    ROUTE_SIGNED, /* signed in */
};

struct route {
    const char *method;
    const char *pattern; /* "{}" stands for any one part of a path, a final "*" for any rest */
    enum route_need need;
    void (*handle)(struct call *call);
};

/* The path as the table has it: of /api, the space is taken out (there is only one), and a last slash. */
const char *route_path(const char *path, struct arena *arena);

/* The first row that fits, or NULL; then `ret_other_method` says whether another method would have. GET stands for
 * HEAD too. */
const struct route *route_find(const char *method, const char *path, struct arena *arena,
                               const char *ret_params[CALL_PARAMS], bool *ret_other_method);

const struct route *route_table(size_t *ret_count);

#endif
