#ifndef GP_API_OCTOPUS_SHAPE_H
#define GP_API_OCTOPUS_SHAPE_H

/* Words and shapes that all of Octopus Deploy's resources have in common. */

#include "call.h"

#define OCTOPUS_SPACE "Spaces-1"
#define OCTOPUS_HOME "/api/" OCTOPUS_SPACE

/* --- words -------------------------------------------------------------------------------------------------------- */

/* The name behind "Projects-": of an id as well as of a bare name. */
const char *octopus_name(const char *kind, const char *text);
/* True if a list "a,b" names it, by name or id; a list that is NULL or empty names all. */
bool octopus_list_has(const char *list, const char *kind, const char *name);
/* "True", "false", "": also absent gives the fallback. */
bool octopus_flag(const char *text, bool fallback);

void octopus_add_id(struct json_out *out, const char *key, const char *kind, uint64_t id); /* "Deployments-311" */
void octopus_add_name(struct json_out *out, const char *key, const char *kind, const char *name); /* NULL gives null */
void octopus_add_time(struct json_out *out, const char *key, int64_t ms);                         /* 0 gives null */
void octopus_add_text(struct json_out *out, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
void octopus_add_words(struct json_out *out, const char *key, const char *kind, const char *const *names, size_t count);

/* --- lists -------------------------------------------------------------------------------------------------------- */

struct octopus_page {
    size_t skip, take;
};

/* skip and take of the query; false: refused. What is asked for beyond the most that is given at once comes with the
 * next page. */
bool octopus_page_read(struct call *call, struct octopus_page *ret_page);

/* The frame of a list: begin, the items, end. `parameters` are those of the query, beside skip and take, that the
 * links repeat: separated by commas. */
struct octopus_list {
    const char *item_type;  /* "Interruption" */
    const char *path;       /* "/interruptions" */
    const char *parameters; /* "regarding,pendingOnly,ids" */
};
void octopus_list_begin(struct call *call, const struct octopus_list *list, const struct octopus_page *page,
                        uint64_t total);
void octopus_list_end(struct call *call, const struct octopus_list *list, const struct octopus_page *page,
                      uint64_t total);

/* --- resources ---------------------------------------------------------------------------------------------------- */

void octopus_write_user(struct call *call, const char *key, const char *name);
void octopus_write_release(struct call *call, const char *key, const char *project, const char *version,
                           int64_t when_ms);
void octopus_write_deployment(struct call *call, const struct deployment *d);
void octopus_write_task(struct call *call, const char *key, const struct deployment *d);
void octopus_write_interruption(struct call *call, const struct deployment *d, const struct question_record *question);
const char *octopus_task_state(enum deployment_state state);
const char *octopus_release_id(const char *project, const char *version, struct arena *arena);
/* "Releases-shop-1.4.2"; false if no project fits, or more than one does. */
bool octopus_release_parse(const struct call *call, const char *id, const char **ret_project, const char **ret_version);
/* The same id names the run's node in a task's log and ties an interruption to it. */
const char *octopus_run_id(uint64_t deployment, size_t step, size_t slot, struct arena *arena);

#endif
