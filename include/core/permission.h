#ifndef GP_CORE_PERMISSION_H
#define GP_CORE_PERMISSION_H

/*
 * Who may do what. Nothing is allowed unless a rule allows it. The rules speak of principals: the name of
 * a person of the configuration (never a display name), of their teams, or "*" for every known person.
 */

#include <stdbool.h>
#include <stddef.h>

enum permission {
    PERMISSION_VIEW = 1 << 0,
    PERMISSION_DEPLOY = 1 << 1,
    PERMISSION_CANCEL = 1 << 2,
    PERMISSION_RETRY = 1 << 3,
    PERMISSION_IGNORE = 1 << 4,
    PERMISSION_EXCLUDE = 1 << 5,
    PERMISSION_FAIL = 1 << 6,
    PERMISSION_TAKE = 1 << 7,
    PERMISSION_APPROVE = 1 << 8,
    PERMISSION_FREEZE = 1 << 9,
    PERMISSION_ALL = (1 << 10) - 1,
    PERMISSION_ANSWER = PERMISSION_RETRY | PERMISSION_IGNORE | PERMISSION_EXCLUDE | PERMISSION_FAIL | PERMISSION_TAKE,
};

struct permission_names {
    const char *const *items;
    size_t count;
};

struct permission_rule {
    unsigned allow;
    struct permission_names to;           /* people, teams, "*" */
    struct permission_names projects;     /* none or "*" = all */
    struct permission_names environments; /* none or "*" = all */
};

/* What a person with these names (own name first, then teams) may do. `project` and `environment` may be NULL:
 * then the answer is what they may do anywhere. A person who may do anything at all in a place may also view it. */
unsigned permission_granted(const struct permission_rule *rules, size_t count, const struct permission_names *names,
                            const char *project, const char *environment);

/* The word of a single permission as the configuration writes it ("deploy"), or NULL. */
const char *permission_word(unsigned permission);

/* The bits of a word, "answer", "admin" and "*" included; 0 if there is no such word. */
unsigned permission_parse(const char *word);

#endif
