#include "people.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

/* What Slack said of a user or a user group, by id. */
struct fact {
    struct fact *next;
    char *id;
    char *refused;  /* of a user: why they may do nothing; or NULL */
    char **members; /* of a group */
    size_t member_count;
    int64_t asked_ms; /* monotonic; 0 = never, or to be asked again */
    bool known;
};

/* Somebody waits to know who a user is. */
struct finding {
    struct people *people;
    struct finding *next;
    char *user;
    bool foreign;
    size_t waiting; /* facts that are being asked for */
    people_done *done;
    void *done_user;
};

/* A call for one fact on behalf of one finding. */
struct asking {
    struct finding *finding;
    char *id;
};

struct people {
    struct people_options options;
    struct fact *facts;
};

struct people *people_create(const struct people_options *options) {
    struct people *people = mem_alloc(sizeof *people);
    people->options = *options;
    return people;
}

static void fact_clear(struct fact *fact) {
    for (size_t i = 0; i < fact->member_count; i++) {
        mem_free(fact->members[i]);
    }
    mem_free(fact->members);
    mem_free(fact->refused);
    fact->members = NULL;
    fact->member_count = 0;
    fact->refused = NULL;
}

void people_destroy(struct people *people) {
    if (people == NULL) {
        return;
    }
    while (people->facts != NULL) {
        struct fact *fact = people->facts;
        people->facts = fact->next;
        fact_clear(fact);
        mem_free(fact->id);
        mem_free(fact);
    }
    mem_free(people);
}

static struct fact *fact_of(struct people *people, const char *id) {
    struct fact *fact = people->facts;
    while (fact != NULL && !str_equal(fact->id, id)) {
        fact = fact->next;
    }
    if (fact == NULL) {
        fact = mem_alloc(sizeof *fact);
        fact->id = mem_strdup(id);
        fact->next = people->facts;
        people->facts = fact;
    }
    return fact;
}

static bool fact_is_fresh(const struct fact *fact) {
    return fact->asked_ms != 0 && clock_monotonic_ms() - fact->asked_ms < LIMIT_SLACK_PEOPLE_MS;
}

void people_changed(struct people *people, const char *slack_user, const char *group) {
    for (struct fact *fact = people->facts; fact != NULL; fact = fact->next) {
        if (str_equal(fact->id, slack_user) || str_equal(fact->id, group)) {
            fact->asked_ms = 0;
        }
    }
}

/* --- what Slack says ------------------------------------------------------------------------------------------ */

static const char *refusal_of(const struct json *user) {
    if (json_bool(json_get(user, "deleted"), false)) {
        return "Your account is deactivated. Nothing was done.";
    }
    if (json_bool(json_get(user, "is_bot"), false)) {
        return "Bots and workflows give no commands. Nothing was done.";
    }
    if (json_bool(json_get(user, "is_stranger"), false)) {
        return "You are of another organisation. Nothing was done.";
    }
    if (json_bool(json_get(user, "is_restricted"), false) || json_bool(json_get(user, "is_ultra_restricted"), false)) {
        return "You are a guest in this workspace. Nothing was done.";
    }
    return NULL;
}

static void fact_learn(struct fact *fact, const struct json *reply) {
    const struct json *user = json_get(reply, "user"), *members = json_get(reply, "users");
    fact_clear(fact);
    fact->known = true;
    fact->asked_ms = clock_monotonic_ms();
    if (json_is_object(user)) {
        fact->refused = mem_strdup(refusal_of(user));
    }
    if (json_is_array(members)) {
        fact->members = mem_grow(NULL, json_size(members) + 1, sizeof *fact->members);
        for (const struct json *item = json_first(members); item != NULL; item = json_next(item)) {
            if (json_is_string(item)) {
                fact->members[fact->member_count++] = mem_strdup(json_string(item));
            }
        }
    }
}

/* --- a finding ------------------------------------------------------------------------------------------------ */

static bool group_has(struct people *people, const char *group, const char *user) {
    const struct fact *fact = fact_of(people, group);
    for (size_t i = 0; i < fact->member_count; i++) {
        if (str_equal(fact->members[i], user)) {
            return true;
        }
    }
    return false;
}

static const struct config_person *person_of(const struct config *config, const char *slack_user) {
    for (size_t i = 0; i < config->person_count; i++) {
        if (str_equal(config->people[i].slack, slack_user)) {
            return &config->people[i];
        }
    }
    return NULL;
}

static void finding_end(struct finding *finding) {
    struct people *people = finding->people;
    const struct config *config = people->options.config(people->options.user);
    const struct config_person *person = person_of(config, finding->user);
    const struct fact *fact = fact_of(people, finding->user);
    struct arena *arena = arena_create();
    struct people_verdict verdict = {0};
    if (finding->foreign) {
        verdict.refused = "You are of another workspace or organisation. Nothing was done.";
    } else if (fact->refused != NULL) {
        verdict.refused = fact->refused;
    } else if (person == NULL) {
        verdict.refused =
            arena_printf(arena,
                         "guidepost does not know you, so nothing was done. Whoever runs it can add you to "
                         "`people` in its configuration, with: slack: %s",
                         finding->user);
    } else {
        verdict.name = person->name;
        verdict.teams.items = arena_array(arena, config->team_count + 1, sizeof(char *));
        for (size_t i = 0; i < config->team_count; i++) {
            const char *group = config->teams[i].slack_usergroup;
            if (group != NULL && group_has(people, group, finding->user)) {
                verdict.teams.items[verdict.teams.count++] = config->teams[i].name;
            }
        }
    }
    finding->done(&verdict, finding->done_user);
    arena_destroy(arena);
    mem_free(finding->user);
    mem_free(finding);
}

static void asking_ended(const struct call_reply *reply, void *user) {
    struct asking *asking = user;
    struct finding *finding = asking->finding;
    struct fact *fact = fact_of(finding->people, asking->id);
    if (reply->ok) {
        fact_learn(fact, reply->body);
    }
    mem_free(asking->id);
    mem_free(asking);
    if (--finding->waiting == 0) {
        finding_end(finding);
    }
}

static void finding_ask(struct finding *finding, enum call_method method, const char *argument, const char *id) {
    struct people *people = finding->people;
    if (fact_is_fresh(fact_of(people, id))) {
        return;
    }
    struct asking *asking = mem_alloc(sizeof *asking);
    asking->finding = finding;
    asking->id = mem_strdup(id);
    finding->waiting++;
    calls_send(people->options.calls,
               &(struct call){
                   .method = method,
                   .fields = &(struct call_field){argument, id},
                   .field_count = 1,
                   .priority = CALL_QUESTION,
                   .deadline_ms = fact_of(people, id)->known ? LIMIT_SLACK_TRIGGER_MS / 3 : LIMIT_SLACK_TRIGGER_MS / 2,
               },
               asking_ended, asking);
}

static void finding_begin(void *user) {
    struct finding *finding = user;
    if (--finding->waiting == 0) {
        finding_end(finding);
    }
}

void people_find(struct people *people, const char *slack_user, bool foreign, people_done *done, void *user) {
    struct finding *finding = mem_alloc(sizeof *finding);
    const struct config *config = people->options.config(people->options.user);
    *finding = (struct finding){.people = people, .user = mem_strdup(slack_user), .foreign = foreign, .waiting = 1};
    finding->done = done;
    finding->done_user = user;
    if (!foreign && person_of(config, slack_user) != NULL) {
        finding_ask(finding, CALL_USERS_INFO, "user", slack_user);
        for (size_t i = 0; i < config->team_count; i++) {
            if (config->teams[i].slack_usergroup != NULL) {
                finding_ask(finding, CALL_USERGROUPS_USERS_LIST, "usergroup", config->teams[i].slack_usergroup);
            }
        }
    }
    (void)loop_soon(people->options.loop, finding_begin, finding);
}
