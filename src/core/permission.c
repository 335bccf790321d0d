#include "core/permission.h"

#include <assert.h>

#include "base/str.h"

/* Every word of an `allow` list. Single permissions come before the sets, so that permission_word finds them first. */
static const struct {
    const char *word;
    unsigned bits;
} WORDS[] = {
    {"view", PERMISSION_VIEW},     {"deploy", PERMISSION_DEPLOY}, {"cancel", PERMISSION_CANCEL},
    {"retry", PERMISSION_RETRY},   {"ignore", PERMISSION_IGNORE}, {"exclude", PERMISSION_EXCLUDE},
    {"fail", PERMISSION_FAIL},     {"take", PERMISSION_TAKE},     {"approve", PERMISSION_APPROVE},
    {"freeze", PERMISSION_FREEZE}, {"answer", PERMISSION_ANSWER}, {"admin", PERMISSION_ALL},
    {"*", PERMISSION_ALL},
};

static bool names_have(const struct permission_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

/* A place that is not named is every place, both in the rule and in the question. */
static bool covers_place(const struct permission_names *places, const char *place) {
    return !place || places->count == 0 || names_have(places, "*") || names_have(places, place);
}

/* A person without a single name is not known, and "*" means every known person. */
static bool covers_person(const struct permission_names *to, const struct permission_names *names) {
    if (names->count > 0 && names_have(to, "*")) {
        return true;
    }
    for (size_t i = 0; i < names->count; i++) {
        if (names_have(to, names->items[i])) {
            return true;
        }
    }
    return false;
}

unsigned permission_granted(const struct permission_rule *rules, size_t count, const struct permission_names *names,
                            const char *project, const char *environment) {
    unsigned granted = 0;
    for (size_t i = 0; i < count; i++) {
        const struct permission_rule *rule = &rules[i];
        if (covers_place(&rule->projects, project) && covers_place(&rule->environments, environment) &&
            covers_person(&rule->to, names)) {
            granted |= rule->allow;
        }
    }
    return granted == 0 ? 0 : granted | PERMISSION_VIEW;
}

const char *permission_word(unsigned permission) {
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (WORDS[i].bits == permission) {
            return WORDS[i].bits == PERMISSION_ALL || WORDS[i].bits == PERMISSION_ANSWER ? NULL : WORDS[i].word;
        }
    }
    return NULL;
}

unsigned permission_parse(const char *word) {
    assert(word);
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (str_equal(WORDS[i].word, word)) {
            return WORDS[i].bits;
        }
    }
    return 0;
}
