/*
 * Targets from the JSON of `ansible-inventory --list`: an object of groups, each with `hosts` and `children`, and the variables of the hosts in
 * _meta.hostvars. What Ansible itself reads to make it (patterns, plugins, precedence) is never read here.
 */

#include <inttypes.h>
#include <regex.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "config/config.h"
#include "copy.h"
#include "lookup.h"
#include "table.h"

struct group {
    const char *name;
    const struct json *json;
    size_t *children; /* numbers of groups */
    size_t child_count, next;
    enum { GROUP_NEW, GROUP_OPEN, GROUP_SEEN } state; /* while circles are looked for */
    size_t walked;                                    /* the tag that was given to its hosts last */
};

struct hosts {
    struct arena *arena;
    const struct json *root;
    struct config_target *targets;
    size_t *walked; /* as of a group */
    size_t count;
    struct group *groups;
    size_t group_count;
    struct lookup host_numbers, group_numbers, variables_of; /* the last: the place in all_variables */
    const struct json **all_variables;
    const struct config_names *environments;
    regex_t destination;
    struct err *err;
};

static void list_variables(struct hosts *hosts) {
    const struct json *all = json_path(hosts->root, "_meta.hostvars");
    size_t count = 0;
    hosts->all_variables = arena_array(hosts->arena, json_size(all) + 1, sizeof *hosts->all_variables);
    for (const struct json *item = json_is_object(all) ? json_first(all) : NULL; item != NULL; item = json_next(item)) {
        lookup_add(&hosts->variables_of, json_key(item), count);
        hosts->all_variables[count++] = item;
    }
}

static const char *variable(const struct hosts *hosts, const char *host, const char *name) {
    size_t number = 0;
    const struct json *variables =
        lookup_find(&hosts->variables_of, host, &number) ? hosts->all_variables[number] : NULL;
    const struct json *value = json_get(variables, name);
    if (json_is_number(value)) {
        return arena_printf(hosts->arena, "%" PRId64, json_int(value, 0));
    }
    return json_string(value);
}

/* [user@]host, or with a port ssh://[user@]host:port. */
static const char *destination(const struct hosts *hosts, const char *name) {
    const char *address = variable(hosts, name, "ansible_host"), *user = variable(hosts, name, "ansible_user");
    const char *port = variable(hosts, name, "ansible_port");
    return arena_printf(hosts->arena, "%s%s%s%s%s%s", port != NULL ? "ssh://" : "", user != NULL ? user : "",
                        user != NULL ? "@" : "", address != NULL ? address : name, port != NULL ? ":" : "",
                        port != NULL ? port : "");
}

/* Host names may be anything there; here they are names. */
static int add_host(struct hosts *hosts, const char *name) {
    if (name == NULL || !str_is_name(name)) {
        return err_set(hosts->err, ERR_INVALID, "the host '%.100s' can't be a target: expected %s",
                       name == NULL ? "" : name, table_rules[RULE_NAME].expects);
    }
    size_t number = 0;
    if (lookup_find(&hosts->host_numbers, name, &number)) {
        return 0;
    }
    struct config_target target = {.name = arena_strdup(hosts->arena, name)};
    if (!str_equal(variable(hosts, name, "ansible_connection"), "local")) {
        target.ssh = destination(hosts, name);
        if (regexec(&hosts->destination, target.ssh, 0, NULL, 0) != 0) {
            return err_set(hosts->err, ERR_INVALID, "the host %s can't be a target: '%.200s' is no destination for ssh",
                           name, target.ssh);
        }
    }
    if (hosts->environments != NULL) {
        target.environments = *hosts->environments;
    }
    hosts->targets = arena_push(hosts->arena, hosts->targets, hosts->count, sizeof *hosts->targets);
    hosts->targets[hosts->count] = target;
    lookup_add(&hosts->host_numbers, target.name, hosts->count++);
    return hosts->count > LIMIT_PLAN_TARGETS
               ? err_set(hosts->err, ERR_TOO_BIG, "has more than %d hosts", LIMIT_PLAN_TARGETS)
               : 0;
}

static int add_hosts(struct hosts *hosts) {
    int r = 0;
    for (const struct json *group = json_first(hosts->root); group != NULL && r == 0; group = json_next(group)) {
        const struct json *list = json_get(group, "hosts");
        for (const struct json *host = json_first(list); host != NULL && r == 0; host = json_next(host)) {
            r = add_host(hosts, json_string(host));
        }
    }
    return r;
}

/* --- groups of groups --------------------------------------------------------------------------------------------- */

/* Children that are no groups of this list have no hosts here. */
static void list_groups(struct hosts *hosts) {
    hosts->groups = arena_array(hosts->arena, json_size(hosts->root) + 1, sizeof *hosts->groups);
    for (const struct json *item = json_first(hosts->root); item != NULL; item = json_next(item)) {
        if (!str_equal(json_key(item), "_meta")) {
            struct group *group = &hosts->groups[hosts->group_count];
            *group = (struct group){.name = arena_strdup(hosts->arena, json_key(item)), .json = item};
            lookup_add(&hosts->group_numbers, group->name, hosts->group_count++);
        }
    }
    for (size_t i = 0; i < hosts->group_count; i++) {
        struct group *group = &hosts->groups[i];
        const struct json *list = json_get(group->json, "children");
        group->children = arena_array(hosts->arena, json_size(list) + 1, sizeof *group->children);
        for (const struct json *child = json_first(list); child != NULL; child = json_next(child)) {
            group->child_count +=
                lookup_find(&hosts->group_numbers, json_string(child), &group->children[group->child_count]);
        }
    }
}

/* "a, b, a": the open groups from the one that was met again. */
static int refuse_circle(const struct hosts *hosts, struct group *const *open, size_t depth,
                         const struct group *again) {
    struct buf names = BUF_INIT(ERR_TEXT_SIZE / 2);
    size_t from = 0;
    while (open[from] != again) {
        from++;
    }
    for (size_t i = from; i < depth; i++) {
        buf_printf(&names, "%s, ", open[i]->name);
    }
    int r = err_set(hosts->err, ERR_INVALID, "the group '%.100s' is a child of itself: %s%s", again->name,
                    names.overflow ? "" : names.data, again->name);
    buf_finish(&names);
    return r;
}

/* Each group is opened once, whatever number of others it is in; one that is met while it is open is in itself. */
static int find_circle(struct hosts *hosts, struct group **open, struct group *first) {
    size_t depth = 0;
    if (first->state == GROUP_NEW) {
        first->state = GROUP_OPEN;
        open[depth++] = first;
    }
    while (depth > 0) {
        struct group *group = open[depth - 1];
        if (group->next == group->child_count) {
            group->state = GROUP_SEEN;
            depth--;
            continue;
        }
        struct group *child = &hosts->groups[group->children[group->next++]];
        if (child->state == GROUP_OPEN) {
            return refuse_circle(hosts, open, depth, child);
        }
        if (child->state == GROUP_NEW) {
            child->state = GROUP_OPEN;
            open[depth++] = child;
        }
    }
    return 0;
}

static int find_circles(struct hosts *hosts) {
    struct group **open = arena_array(hosts->arena, hosts->group_count + 1, sizeof *open);
    int r = 0;
    for (size_t i = 0; i < hosts->group_count && r == 0; i++) {
        r = find_circle(hosts, open, &hosts->groups[i]);
    }
    return r;
}

/* --- tags --------------------------------------------------------------------------------------------------------- */

static void tag_hosts(struct hosts *hosts, const char *tag, size_t walk, const struct group *group) {
    size_t number = 0;
    for (const struct json *host = json_first(json_get(group->json, "hosts")); host != NULL; host = json_next(host)) {
        if (lookup_find(&hosts->host_numbers, json_string(host), &number) && hosts->walked[number] != walk) {
            struct config_names *tags = &hosts->targets[number].tags;
            hosts->walked[number] = walk;
            tags->items = arena_push(hosts->arena, tags->items, tags->count, sizeof(const char *));
            tags->items[tags->count++] = tag;
        }
    }
}

/* The hosts of a group that is in this one belong to it, too. Each group below is walked once. */
static void tag_group(struct hosts *hosts, struct group **waiting, struct group *top, size_t walk) {
    size_t count = 0;
    top->walked = walk;
    waiting[count++] = top;
    while (count > 0) {
        const struct group *group = waiting[--count];
        tag_hosts(hosts, top->name, walk, group);
        for (size_t i = 0; i < group->child_count; i++) {
            struct group *child = &hosts->groups[group->children[i]];
            if (child->walked != walk) {
                child->walked = walk;
                waiting[count++] = child;
            }
        }
    }
}

static int add_tags(struct hosts *hosts) {
    struct group **waiting = arena_array(hosts->arena, hosts->group_count + 1, sizeof *waiting);
    hosts->walked = arena_array(hosts->arena, hosts->count + 1, sizeof *hosts->walked);
    for (size_t i = 0; i < hosts->group_count; i++) {
        const char *name = hosts->groups[i].name;
        if (str_equal(name, "all") || str_equal(name, "ungrouped")) {
            continue;
        }
        if (!str_is_name(name)) {
            return err_set(hosts->err, ERR_INVALID, "the group '%.100s' can't be a tag: expected %s", name,
                           table_rules[RULE_NAME].expects);
        }
        tag_group(hosts, waiting, &hosts->groups[i], i + 1);
    }
    return 0;
}

static int hosts_read(struct hosts *hosts, const char *text, size_t size) {
    struct json *root = NULL;
    int r = json_parse_reply(text, size, &root, hosts->err);
    if (r == 0 && !json_is_object(root)) {
        r = err_set(hosts->err, ERR_INVALID, "is no object of groups, as `ansible-inventory --list` prints it");
    }
    hosts->root = root;
    if (r == 0 && regcomp(&hosts->destination, table_rules[RULE_SSH].pattern, REG_EXTENDED | REG_NOSUB) == 0) {
        hosts->host_numbers.arena = hosts->group_numbers.arena = hosts->variables_of.arena = hosts->arena;
        list_variables(hosts);
        list_groups(hosts);
        r = find_circles(hosts);
        r = r < 0 ? r : add_hosts(hosts);
        r = r < 0 ? r : add_tags(hosts);
        regfree(&hosts->destination);
    }
    json_free(root);
    return r;
}

/* --- into the configuration ------------------------------------------------------------------------------------ */

static int add_targets(struct config *config, struct arena *arena, const struct hosts *hosts, struct err *err) {
    size_t number = 0;
    for (size_t i = 0; i < config->target_count; i++) {
        if (lookup_find(&hosts->host_numbers, config->targets[i].name, &number)) {
            return err_set(err, ERR_CONFLICT, "the host %s is a target already", config->targets[i].name);
        }
    }
    struct config_target *all = arena_array(arena, config->target_count + hosts->count + 1, sizeof *all);
    if (config->target_count > 0) {
        memcpy(all, config->targets, config->target_count * sizeof *all);
    }
    if (hosts->count > 0) {
        memcpy(all + config->target_count, hosts->targets, hosts->count * sizeof *all);
    }
    config->targets = all;
    config->target_count += hosts->count;
    return 0;
}

struct config *config_with_inventories(struct config *base, const char *const *texts, struct err *err) {
    struct arena *arena;
    struct config *config = config_copy(base, &arena);
    struct config_inventory *inventories = arena_array(arena, base->inventory_count + 1, sizeof *inventories);
    int r = 0;
    config->inventories = inventories;
    for (size_t i = 0; i < base->inventory_count && r == 0; i++) {
        inventories[i] = base->inventories[i];
        struct hosts hosts = {.arena = arena, .environments = &base->inventories[i].environments, .err = err};
        if (texts[i] == NULL) {
            continue;
        }
        r = hosts_read(&hosts, texts[i], strlen(texts[i]));
        r = r < 0 ? r : add_targets(config, arena, &hosts, err);
        inventories[i].read = true;
    }
    if (r < 0) {
        config_unref(config);
        return NULL;
    }
    return config;
}

/* --- to paste ---------------------------------------------------------------------------------------------------- */

int config_import_ansible(const char *text, size_t size, struct buf *out, struct err *err) {
    struct hosts hosts = {.arena = arena_create(), .err = err};
    int r = hosts_read(&hosts, text, size);
    buf_adds(out, r < 0 ? "" : "targets:\n");
    for (size_t i = 0; i < hosts.count && r == 0; i++) {
        const struct config_target *target = &hosts.targets[i];
        buf_printf(out, "  %s: { ", target->name);
        buf_printf(out, target->ssh != NULL ? "ssh: \"%s\"" : "local: true", target->ssh);
        for (size_t k = 0; k < target->tags.count; k++) {
            buf_printf(out, "%s%s", k == 0 ? ", tags: [" : ", ", target->tags.items[k]);
        }
        buf_adds(out, target->tags.count > 0 ? "] }\n" : " }\n");
    }
    arena_destroy(hosts.arena);
    return r;
}

/* The word behind the one at *text, within a line; NULL at its end. */
static const char *next_word(const char **text, size_t *ret_size) {
    *text += strspn(*text, " \t=\"");
    *ret_size = strcspn(*text, " \t=\"\r\n");
    const char *word = *text;
    *text += *ret_size;
    return *ret_size == 0 ? NULL : word;
}

/* ssh itself reads what stands behind a Host; here only the names are of interest. */
void config_import_ssh(const char *text, struct buf *out) {
    buf_adds(out, "targets:\n");
    while (*text != '\0') {
        size_t size;
        const char *word = next_word(&text, &size);
        bool is_host = word != NULL && size == 4 && strncasecmp(word, "Host", 4) == 0;
        while (is_host && (word = next_word(&text, &size)) != NULL) {
            char name[LIMIT_NAME_BYTES + 1];
            (void)snprintf(name, sizeof name, "%.*s", (int)size, word);
            if (size < sizeof name && str_is_name(name)) { /* A pattern is none. */
                buf_printf(out, "  %s: { ssh: \"%s\" }\n", name, name);
            }
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}
