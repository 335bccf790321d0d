#include "people.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

/* What Slack is asked about. */
enum kind { USER, GROUP, KINDS };

static const struct {
    enum call_method method;
    const char *name, *argument;
    const char *unknown; /* Slack's word for: there is none with this id */
} kinds[KINDS] = {
    [USER] = {CALL_USERS_INFO, "users.info", "user", "user_not_found"},
    [GROUP] = {CALL_USERGROUPS_USERS_LIST, "usergroups.users.list", "usergroup", "no_such_subteam"},
};

/* What Slack said of a user or a user group, by id. Only what the configuration names is asked for. */
struct fact {
    struct people *people;
    struct fact *next;
    enum kind kind;
    char *id;
    char *refused;  /* of a user: why they may do nothing; or NULL */
    char **members; /* of a group */
    size_t member_count;
    bool known, asked; /* asked: a call is on its way */
    bool changed;      /* since it was asked for */
    int64_t learned_ms, fresh_until_ms;
    char error[64]; /* the last one that was logged */
};

/* Somebody waits to know who a user is. */
struct finding {
    struct people *people;
    struct finding *next;
    char *user;
    bool foreign;
    struct timer *timer; /* when it is over, whatever is known by then */
    people_done *done;
    void *done_user;
};

struct people {
    struct people_options options;
    struct fact *facts;
    struct finding *findings;
    char trouble[KINDS][ERR_TEXT_SIZE]; /* "" = none */
};

struct people *people_create(const struct people_options *options) {
    struct people *people = mem_alloc(sizeof *people);
    struct people_options *own = &people->options;
    *own = *options;
    own->user_ms = options->user_ms > 0 ? options->user_ms : LIMIT_SLACK_PEOPLE_MS;
    own->group_ms = options->group_ms > 0 ? options->group_ms : LIMIT_SLACK_GROUP_MS;
    own->believed_ms = options->believed_ms > 0 ? options->believed_ms : LIMIT_SLACK_BELIEVED_MS;
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

static void finding_free(struct finding *finding) {
    struct finding **link = &finding->people->findings;
    while (*link != finding) {
        link = &(*link)->next;
    }
    *link = finding->next;
    timer_destroy(finding->timer);
    mem_free(finding->user);
    mem_free(finding);
}

void people_destroy(struct people *people) {
    if (people == NULL) {
        return;
    }
    while (people->findings != NULL) {
        finding_free(people->findings);
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

static struct config *people_config(const struct people *people) {
    return people->options.config(people->options.user);
}

static struct fact *fact_find(const struct people *people, const char *id) {
    struct fact *fact = people->facts;
    while (fact != NULL && !str_equal(fact->id, id)) {
        fact = fact->next;
    }
    return fact;
}

static bool fact_is_fresh(const struct fact *fact) {
    return clock_monotonic_ms() < fact->fresh_until_ms;
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

/* reply NULL: there is no such user, or no such group, which then is empty. */
static void fact_learn(struct fact *fact, const struct json *reply) {
    const struct people_options *options = &fact->people->options;
    const struct json *user = json_get(reply, "user"), *members = json_get(reply, "users");
    fact_clear(fact);
    fact->known = true;
    fact->learned_ms = clock_monotonic_ms();
    fact->fresh_until_ms = fact->learned_ms + (fact->kind == USER ? options->user_ms : options->group_ms);
    if (fact->kind == USER) {
        fact->refused =
            mem_strdup(reply == NULL ? "Slack knows nobody with your id. Nothing was done." : refusal_of(user));
        return;
    }
    fact->members = mem_grow(NULL, json_size(members) + 1, sizeof *fact->members);
    for (const struct json *item = json_first(members); item != NULL; item = json_next(item)) {
        if (json_is_string(item)) {
            fact->members[fact->member_count++] = mem_strdup(json_string(item));
        }
    }
}

/* Slack has said no, or nothing. No needs not be heard again and again. */
static void fact_fail(struct fact *fact, const struct call_reply *reply) {
    bool said_no = reply->body != NULL && !reply->maybe && !str_equal(reply->error, "ratelimited");
    char *trouble = fact->people->trouble[fact->kind];
    if (!said_no) {
        return;
    }
    if (!str_equal(fact->error, reply->error)) {
        log_warn("slack: people cannot be looked up", LOG_STR("id", fact->id), LOG_STR("error", reply->error),
                 LOG_STR("detail", reply->detail), LOG_END);
        (void)snprintf(fact->error, sizeof fact->error, "%s", reply->error);
    }
    if (str_equal(reply->error, kinds[fact->kind].unknown)) {
        fact_learn(fact, NULL);
        return;
    }
    fact->fresh_until_ms = clock_monotonic_ms() + LIMIT_SLACK_PAUSE_MAX_MS;
    if (str_equal(reply->error, "missing_scope")) {
        (void)snprintf(trouble, ERR_TEXT_SIZE, "Slack refuses %s: %s. Reinstall the app with the manifest",
                       kinds[fact->kind].name, reply->detail[0] == '\0' ? reply->error : reply->detail);
    }
}

static void findings_settle(struct people *people);
static void fact_ask(struct fact *fact);

static void fact_answered(const struct call_reply *reply, void *user) {
    struct fact *fact = user;
    struct people *people = fact->people;
    fact->asked = false;
    if (reply->ok) {
        fact_learn(fact, reply->body);
        fact->error[0] = people->trouble[fact->kind][0] = '\0';
    } else {
        fact_fail(fact, reply);
    }
    if (fact->changed && !str_equal(reply->error, "closed")) {
        fact_ask(fact); /* This may be from before the change. */
    }
    findings_settle(people);
}

/* Slack's pace may let a call wait; who asks does not wait with it, but the next one has the answer. */
static void fact_ask(struct fact *fact) {
    fact->asked = true;
    fact->changed = false;
    fact->fresh_until_ms = 0;
    calls_send(fact->people->options.calls,
               &(struct call){
                   .method = kinds[fact->kind].method,
                   .fields = &(struct call_field){kinds[fact->kind].argument, fact->id},
                   .field_count = 1,
                   .priority = CALL_QUESTION,
                   .deadline_ms = LIMIT_SLACK_GROUP_MS,
               },
               fact_answered, fact);
}

static struct fact *fact_want(struct people *people, enum kind kind, const char *id) {
    struct fact *fact = fact_find(people, id);
    if (fact == NULL) {
        fact = mem_alloc(sizeof *fact);
        fact->people = people;
        fact->kind = kind;
        fact->id = mem_strdup(id);
        fact->next = people->facts;
        people->facts = fact;
    }
    if (!fact->asked && !fact_is_fresh(fact)) {
        fact_ask(fact);
    }
    return fact;
}

static const struct config_person *person_of(const struct config *config, const char *slack_user) {
    for (size_t i = 0; i < config->person_count; i++) {
        if (str_equal(config->people[i].slack, slack_user)) {
            return &config->people[i];
        }
    }
    return NULL;
}

static bool is_configured(const struct config *config, const char *id) {
    for (size_t i = 0; i < config->team_count; i++) {
        if (str_equal(config->teams[i].slack_usergroup, id)) {
            return true;
        }
    }
    return person_of(config, id) != NULL;
}

bool people_changed(struct people *people, const char *id) {
    for (struct fact *fact = people->facts; fact != NULL; fact = fact->next) {
        if (id != NULL && !str_equal(fact->id, id)) {
            continue;
        }
        fact->changed = true;
        fact->fresh_until_ms = 0;
        if (fact->kind == GROUP && !fact->asked) {
            fact_ask(fact); /* before somebody has to wait for it */
        }
    }
    return id == NULL || is_configured(people_config(people), id);
}

void people_prepare(struct people *people) {
    const struct config *config = people_config(people);
    for (size_t i = 0; i < config->team_count; i++) {
        const char *group = config->teams[i].slack_usergroup;
        const struct fact *fact = group == NULL ? NULL : fact_find(people, group);
        if (group != NULL && (fact == NULL || !fact->known)) {
            fact_want(people, GROUP, group);
        }
    }
}

const char *people_trouble(const struct people *people) {
    for (size_t i = 0; i < KINDS; i++) {
        if (people->trouble[i][0] != '\0') {
            return people->trouble[i];
        }
    }
    return NULL;
}

/* --- a finding ------------------------------------------------------------------------------------------------ */

/* True if Slack decides whether this person is in the team: the configuration does not name them. */
static bool depends_on_group(const struct config_team *team, const struct config_person *person) {
    bool member = team->slack_usergroup == NULL;
    for (size_t i = 0; i < team->members.count && !member; i++) {
        member = str_equal(team->members.items[i], person->name);
    }
    return !member;
}

static bool group_has(const struct fact *group, const char *user) {
    for (size_t i = 0; i < group->member_count; i++) {
        if (str_equal(group->members[i], user)) {
            return true;
        }
    }
    return false;
}

static bool group_is_believed(const struct people *people, const struct fact *group) {
    return group != NULL && group->known && clock_monotonic_ms() - group->learned_ms < people->options.believed_ms;
}

static void judge_teams(const struct finding *finding, const struct config_person *person, struct arena *arena,
                        struct people_verdict *verdict) {
    const struct config *config = people_config(finding->people);
    verdict->teams.items = arena_array(arena, config->team_count + 1, sizeof(char *));
    for (size_t i = 0; i < config->team_count; i++) {
        const struct config_team *team = &config->teams[i];
        if (!depends_on_group(team, person)) {
            continue;
        }
        const struct fact *group = fact_find(finding->people, team->slack_usergroup);
        if (!group_is_believed(finding->people, group)) {
            verdict->unsure =
                verdict->unsure == NULL ? team->name : arena_printf(arena, "%s, %s", verdict->unsure, team->name);
        } else if (group_has(group, finding->user)) {
            verdict->teams.items[verdict->teams.count++] = team->name;
        }
    }
}

static void finding_end(void *user) {
    struct finding *finding = user;
    const struct config_person *person = person_of(people_config(finding->people), finding->user);
    const struct fact *fact = fact_find(finding->people, finding->user);
    struct arena *arena = arena_create();
    struct people_verdict verdict = {0};
    if (finding->foreign) {
        verdict.refused = "You are of another workspace or organisation. Nothing was done.";
    } else if (fact != NULL && fact->refused != NULL) {
        verdict.refused = fact->refused;
    } else if (person == NULL) {
        verdict.refused =
            arena_printf(arena,
                         "guidepost does not know you, so nothing was done. Whoever runs it can add you to "
                         "`people` in its configuration, with: slack: %s",
                         finding->user);
    } else {
        verdict.name = person->name;
        judge_teams(finding, person, arena, &verdict);
    }
    people_done *done = finding->done;
    void *done_user = finding->done_user;
    finding_free(finding);
    done(&verdict, done_user);
    arena_destroy(arena);
}

/* True if it is true of any of the facts that the verdict needs. All of them are looked at. */
static bool any_fact(const struct finding *finding,
                     bool (*what)(struct people *people, enum kind kind, const char *id)) {
    struct people *people = finding->people;
    const struct config *config = people_config(people);
    const struct config_person *person = person_of(config, finding->user);
    if (finding->foreign || person == NULL) {
        return false;
    }
    bool any = what(people, USER, finding->user);
    for (size_t i = 0; i < config->team_count; i++) {
        if (depends_on_group(&config->teams[i], person)) {
            any |= what(people, GROUP, config->teams[i].slack_usergroup);
        }
    }
    return any;
}

static bool want(struct people *people, enum kind kind, const char *id) {
    return fact_want(people, kind, id)->asked;
}

static bool is_asked(struct people *people, enum kind kind, const char *id) {
    (void)kind;
    const struct fact *fact = fact_find(people, id);
    return fact != NULL && fact->asked;
}

static bool is_unknown(struct people *people, enum kind kind, const char *id) {
    (void)kind;
    const struct fact *fact = fact_find(people, id);
    return fact == NULL || !fact->known;
}

/* Ends those who wait for nothing any more. Whoever is told may ask again. */
static void findings_settle(struct people *people) {
    struct finding *finding = people->findings;
    while (finding != NULL) {
        if (any_fact(finding, is_asked)) {
            finding = finding->next;
        } else {
            finding_end(finding);
            finding = people->findings;
        }
    }
}

void people_find(struct people *people, const char *slack_user, bool foreign, people_done *done, void *user) {
    struct finding *finding = mem_alloc(sizeof *finding);
    *finding = (struct finding){.people = people, .user = mem_strdup(slack_user), .foreign = foreign};
    finding->done = done;
    finding->done_user = user;
    finding->timer = loop_timer(people->options.loop, finding_end, finding);
    finding->next = people->findings;
    people->findings = finding;
    bool waits = any_fact(finding, want), unknown = any_fact(finding, is_unknown);
    timer_start(finding->timer, !waits ? 0 : LIMIT_SLACK_TRIGGER_MS / (unknown ? 2 : 3));
}
