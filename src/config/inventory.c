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
#include "table.h"

struct hosts {
    struct arena *arena;
    const struct json *root;
    struct config_target *targets;
    size_t count;
    const struct config_names *environments;
    regex_t destination;
    struct err *err;
};

enum { DEPTH_MAX = 20 };

static struct config_target *find_host(struct hosts *hosts, const char *name) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (str_equal(hosts->targets[i].name, name)) {
            return &hosts->targets[i];
        }
    }
    return NULL;
}

static const char *variable(const struct hosts *hosts, const char *host, const char *name) {
    const struct json *variables = json_get(json_path(hosts->root, "_meta.hostvars"), host);
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
    if (find_host(hosts, name) != NULL) {
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
    hosts->targets[hosts->count++] = target;
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

/* The host belongs to a group that is in this one, too. */
static void tag_group(struct hosts *hosts, const char *tag, const struct json *group, int depth) {
    for (const struct json *host = json_first(json_get(group, "hosts")); host != NULL; host = json_next(host)) {
        struct config_target *target = find_host(hosts, json_string(host));
        if (!config_names_have(&target->tags, tag)) {
            target->tags.items = arena_push(hosts->arena, target->tags.items, target->tags.count, sizeof(const char *));
            target->tags.items[target->tags.count++] = tag;
        }
    }
    for (const struct json *child = json_first(json_get(group, "children")); child != NULL && depth < DEPTH_MAX;
         child = json_next(child)) {
        const char *name = json_string(child);
        if (name != NULL) {
            tag_group(hosts, tag, json_get(hosts->root, name), depth + 1);
        }
    }
}

static int add_tags(struct hosts *hosts) {
    for (const struct json *group = json_first(hosts->root); group != NULL; group = json_next(group)) {
        const char *name = json_key(group);
        if (str_equal(name, "_meta") || str_equal(name, "all") || str_equal(name, "ungrouped")) {
            continue;
        }
        if (!str_is_name(name)) {
            return err_set(hosts->err, ERR_INVALID, "the group '%.100s' can't be a tag: expected %s", name,
                           table_rules[RULE_NAME].expects);
        }
        tag_group(hosts, arena_strdup(hosts->arena, name), group, 0);
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
        r = add_hosts(hosts);
        r = r < 0 ? r : add_tags(hosts);
        regfree(&hosts->destination);
    }
    json_free(root);
    return r;
}

/* --- into the configuration ------------------------------------------------------------------------------------ */

static int add_targets(struct config *config, struct arena *arena, const struct hosts *hosts, struct err *err) {
    for (size_t i = 0; i < hosts->count; i++) {
        if (config_find_target(config, hosts->targets[i].name) != NULL) {
            return err_set(err, ERR_CONFLICT, "the host %s is a target already", hosts->targets[i].name);
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
