#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct candidates {
    const char **sorted;
    size_t count;
};

static void check_references(struct binder *binder, const struct config *config);
static void check_server(struct binder *binder, const struct node *root, const struct config *config);
static void check_people(struct binder *binder, const struct node *root, const struct config *config);
static void check_targets(struct binder *binder, const struct node *root, const struct config *config);

void check_config(struct binder *binder, const struct node *root, struct config *config) {
    check_server(binder, root, config);
    check_people(binder, root, config);
    check_targets(binder, root, config);
    check_references(binder, config);
    const struct node *environments = node_get(root, "environments");
    for (size_t i = 0; i < config->environment_count; i++) {
        const struct config_environment *environment = &config->environments[i];
        check_guided(binder, &environment->guided, environments->items[i],
                     arena_printf(binder->scratch, "environments.%s", environment->name));
    }
    const struct node *projects = node_get(root, "projects");
    for (size_t i = 0; i < config->project_count; i++) {
        check_project(binder, config, &config->projects[i], projects->items[i]);
    }
    check_answerable(binder, config, root);
}

struct problem_place check_place(const struct node *map, const char *key) {
    const struct node *value = node_get(map, key);
    return value != NULL ? value->place : map->place;
}

static int compare_unique(const void *left, const void *right) {
    const struct check_unique *a = left, *b = right;
    int order = strcasecmp(a->text, b->text);
    if (order == 0) {
        order = strcmp(a->place.file, b->place.file);
    }
    if (order == 0 && a->place.line != b->place.line) {
        order = a->place.line < b->place.line ? -1 : 1;
    }
    if (order == 0 && a->place.column != b->place.column) {
        order = a->place.column < b->place.column ? -1 : 1;
    }
    return order;
}

void check_unique(struct binder *binder, struct check_unique *items, size_t count) {
    if (count < 2) {
        return;
    }
    qsort(items, count, sizeof *items, compare_unique);
    for (size_t i = 1; i < count; i++) {
        if (str_equal_nocase(items[i].text, items[i - 1].text)) {
            problem_error(binder->problems, items[i].place, "%s: '%s' is the same as %s", items[i].path, items[i].text,
                          items[i - 1].path);
        }
    }
}

static int compare_texts(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static void add_candidate(struct binder *binder, struct candidates *candidates, const char *text) {
    candidates->sorted = arena_push(binder->scratch, candidates->sorted, candidates->count, sizeof(const char *));
    candidates->sorted[candidates->count++] = text;
}

/* What a reference of one kind may name, sorted. */
static struct candidates list_candidates(struct binder *binder, const struct config *config, enum refers to) {
    struct candidates list = {0};
    for (size_t i = 0; to == REFERS_ROOM && i < config->room_count; i++) {
        add_candidate(binder, &list, config->rooms[i].name);
    }
    for (size_t i = 0; (to == REFERS_PERSON || to == REFERS_WHO) && i < config->person_count; i++) {
        add_candidate(binder, &list, config->people[i].name);
    }
    for (size_t i = 0; to == REFERS_WHO && i < config->team_count; i++) {
        add_candidate(binder, &list, config->teams[i].name);
    }
    for (size_t i = 0; to == REFERS_ENVIRONMENT && i < config->environment_count; i++) {
        add_candidate(binder, &list, config->environments[i].name);
    }
    for (size_t i = 0; to == REFERS_PROJECT && i < config->project_count; i++) {
        add_candidate(binder, &list, config->projects[i].name);
    }
    for (size_t i = 0; to == REFERS_TARGETS && i < config->target_count; i++) {
        add_candidate(binder, &list, config->targets[i].name);
        for (size_t k = 0; k < config->targets[i].tags.count; k++) {
            add_candidate(binder, &list, config->targets[i].tags.items[k]);
        }
    }
    if (list.count > 0) {
        qsort(list.sorted, list.count, sizeof(const char *), compare_texts);
    }
    return list;
}

static void check_references(struct binder *binder, const struct config *config) {
    static const char *const what[REFERS_COUNT] = {[REFERS_NOTHING] = "",
                                                   [REFERS_ROOM] = "room",
                                                   [REFERS_PERSON] = "person",
                                                   [REFERS_WHO] = "person or team",
                                                   [REFERS_ENVIRONMENT] = "environment",
                                                   [REFERS_PROJECT] = "project",
                                                   [REFERS_TARGETS] = "target or tag"};
    struct candidates candidates[REFERS_COUNT];
    for (int to = 0; to < REFERS_COUNT; to++) {
        candidates[to] = list_candidates(binder, config, (enum refers)to);
    }
    for (size_t i = 0; i < binder->reference_count; i++) {
        const struct reference *reference = &binder->references[i];
        const struct candidates *list = &candidates[reference->to];
        bool exists = list->count > 0 &&
                      bsearch(&reference->name, list->sorted, list->count, sizeof(const char *), compare_texts) != NULL;
        /* An inventory may bring more targets and tags than the file knows. */
        if (!exists && !(reference->to == REFERS_TARGETS && config->inventory_count > 0)) {
            problem_error(binder->problems, reference->place, "%s: there is no %s '%s'%s", reference->path,
                          what[reference->to], reference->name,
                          bind_did_you_mean(binder, reference->name, list->sorted, list->count));
        }
    }
}

static void check_server(struct binder *binder, const struct node *root, const struct config *config) {
    const struct node *listen = node_get(node_get(root, "server"), "listen");
    for (size_t i = 0; listen != NULL && listen->kind == NODE_LIST && i < listen->count; i++) {
        const struct node *item = listen->items[i];
        const char *port =
            item->kind == NODE_SCALAR && !str_starts(item->text, "unix:") ? strrchr(item->text, ':') : NULL;
        int64_t number;
        if (port != NULL && str_to_i64(port + 1, &number, NULL) == 0 && number > 65535) {
            problem_error(binder->problems, item->place, "server.listen[%zu]: %s is no port; the highest is 65535", i,
                          port + 1);
        }
    }
    const struct node *workers = node_get(root, "workers");
    if (config->lost_after_ms < 2 * config->heartbeat_ms) {
        problem_error(
            binder->problems, check_place(workers, "lost_after"),
            "workers.lost_after: must be at least two heartbeats, or one late message counts as a lost worker");
    }
}

/* One account is one person, and a name means either a person or a team. */
static void check_people(struct binder *binder, const struct node *root, const struct config *config) {
    const struct node *people = node_get(root, "people"), *teams = node_get(root, "teams");
    size_t count = config->person_count + config->team_count;
    struct check_unique *names = arena_array(binder->scratch, count + 1, sizeof *names);
    struct check_unique *accounts = arena_array(binder->scratch, 2 * config->person_count + 1, sizeof *accounts);
    size_t account_count = 0;
    for (size_t i = 0; i < config->person_count; i++) {
        const struct config_person *person = &config->people[i];
        names[i] = (struct check_unique){person->name, arena_printf(binder->scratch, "people.%s", person->name),
                                         people->keys[i]->place};
        if (person->slack != NULL) {
            accounts[account_count++] =
                (struct check_unique){person->slack, arena_printf(binder->scratch, "people.%s.slack", person->name),
                                      check_place(people->items[i], "slack")};
        }
        if (person->matrix != NULL) {
            accounts[account_count++] =
                (struct check_unique){person->matrix, arena_printf(binder->scratch, "people.%s.matrix", person->name),
                                      check_place(people->items[i], "matrix")};
        }
    }
    for (size_t i = 0; i < config->team_count; i++) {
        names[config->person_count + i] = (struct check_unique){
            config->teams[i].name, arena_printf(binder->scratch, "teams.%s", config->teams[i].name),
            teams->keys[i]->place};
    }
    check_unique(binder, names, count);
    check_unique(binder, accounts, account_count);
}

static void check_targets(struct binder *binder, const struct node *root, const struct config *config) {
    const struct node *targets = node_get(root, "targets");
    for (size_t i = 0; i < config->target_count; i++) {
        const struct node *node = targets->items[i];
        const char *name = config->targets[i].name;
        const struct node *ssh = node_get(node, "ssh"), *local = node_get(node, "local");
        const struct node *work_dir = node_get(node, "work_dir");
        if (node->kind != NODE_MAP) {
            continue;
        }
        if ((ssh == NULL) == (local == NULL)) {
            problem_error(binder->problems, ssh != NULL ? local->place : node->place,
                          "targets.%s: needs %s 'ssh: DESTINATION' %s 'local: true'", name,
                          ssh != NULL ? "only one of" : "either", ssh != NULL ? "and" : "or");
        }
        if (ssh != NULL && work_dir != NULL && work_dir->kind == NODE_SCALAR && work_dir->text[0] != '/') {
            problem_error(binder->problems, work_dir->place,
                          "targets.%s.work_dir: must begin with / because it is on another machine", name);
        }
    }
    const struct node *inventories = node_get(root, "inventories");
    for (size_t i = 0; i < config->inventory_count; i++) {
        const struct node *command = node_get(inventories->items[i], "command");
        const struct node *file = node_get(inventories->items[i], "file");
        if (inventories->items[i]->kind == NODE_MAP && (command == NULL) == (file == NULL)) {
            problem_error(binder->problems, inventories->items[i]->place,
                          "inventories[%zu]: needs %s 'command: [...]' %s 'file: PATH'", i,
                          file != NULL ? "only one of" : "either", file != NULL ? "and" : "or");
        }
        if (command != NULL && command->kind == NODE_LIST && command->count == 0) {
            problem_error(binder->problems, command->place, "inventories[%zu].command: needs a program", i);
        }
    }
}
