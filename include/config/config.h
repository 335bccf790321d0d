#ifndef GP_CONFIG_CONFIG_H
#define GP_CONFIG_CONFIG_H

/*
 * The configuration as it was read, once, from one YAML file or a folder of them. A struct config is
 * never changed after config_load; a reload makes a new one, and the old one lives until its last user
 * lets go (config_ref, config_unref). Names are unique; maps keep the order of the file.
 *
 * Everything is owned by the config's own arena. Optional text is NULL when it was left out; optional
 * switches are enum config_switch so that "left out" can inherit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum config_switch { SWITCH_INHERIT, SWITCH_ON, SWITCH_OFF };

/* Where a secret value comes from. Nothing in the config holds the value itself. */
enum secret_source { SECRET_NONE, SECRET_FILE, SECRET_ENV, SECRET_CREDENTIAL };

struct config_secret {
    enum secret_source source;
    const char *name; /* path (absolute), variable name, credential name */
};

struct config_names {
    const char **items;
    size_t count;
};

struct config_variable { /* env: of a project or step */
    const char *name;
    const char *value; /* NULL if it is a secret */
    struct config_secret secret;
};

enum config_input_type { INPUT_TEXT, INPUT_BOOLEAN, INPUT_CHOICE };

struct config_input {
    const char *name, *label, *fallback;
    enum config_input_type type;
    struct config_names choices;
    bool required;
};

struct config_escalation {
    int64_t after_ms;
    struct config_names mention; /* teams or people */
    const char *room, *run, *webhook;
    struct config_secret webhook_secret;
    bool webhook_plain; /* it may be plain http to another host */
};

/* guided_failure: of an environment, project or step. -1 and NULL mean left out, so that inheritance can be resolved
 * elsewhere. A time of 0 was written as "never". */
struct config_guided {
    enum config_switch enabled;
    struct config_names responsible;
    enum config_switch claim_required; /* claim: required | optional */
    int max_retries;
    struct config_names note_required; /* of retry, ignore, exclude, fail */
    struct config_names confirm;
    int64_t remind_every_ms;
    struct config_escalation *escalate;
    size_t escalate_count;
    int64_t answer_within_ms;
    enum config_switch fail_unanswered; /* if_unanswered: fail | wait */
    const char *hint, *runbook;
};

enum config_condition { CONDITION_SUCCESS, CONDITION_FAILURE, CONDITION_ALWAYS, CONDITION_CLEANUP };

struct config_step {
    const char *name;
    const char *run; /* the script; NULL for an approve step */
    bool approve;
    const char *approve_instructions;
    struct config_names approve_responsible;
    struct config_names targets;      /* tags or target names; none = once, on the worker */
    struct config_names environments; /* none = all */
    const char *group;
    int max_parallel; /* 0 = left out */
    enum config_condition condition;
    bool with_previous;                   /* start: with_previous */
    int64_t timeout_ms, quiet_timeout_ms; /* 0 = none */
    int retry_times;
    int64_t retry_delay_ms;
    double retry_backoff; /* factor, >= 1 */
    int64_t when_back_ms; /* 0 = left out */
    const char *probe;
    bool required, safe_to_rerun, continue_on_error;
    const char *work_dir; /* absolute; relative ones were resolved against the file's folder */
    struct config_variable *env;
    size_t env_count;
    struct config_guided guided;
    unsigned line; /* in the file, for messages */
};

struct config_project {
    const char *name, *description;
    struct config_names environments; /* none = all */
    const char *work_dir;
    const char *version_pattern; /* POSIX extended regular expression; compiles */
    const char *room;
    struct config_guided guided;
    struct config_variable *env;
    size_t env_count;
    struct config_input *inputs;
    size_t input_count;
    struct config_step *steps;
    size_t step_count;
};

struct config_environment {
    const char *name, *room;
    int order; /* 0 unless set; smaller ones are shown first */
    struct config_guided guided;
};

struct config_target {
    const char *name;
    const char *ssh;  /* destination for ssh; NULL for a local target */
    const char *host; /* local: <host name of the worker>; NULL = any worker (local: true) */
    const char *work_dir;
    struct config_names tags, environments; /* no environments = all */
};

struct config_person {
    const char *name, *slack, *matrix, *email;
    struct config_secret token, password;
};

struct config_team {
    const char *name, *slack_usergroup;
    struct config_names members;
};

struct config_room {
    const char *name, *slack, *matrix; /* the console shows every room */
    const char *digest;                /* "09:00": when the open questions are listed there, once a day; or NULL */
};

/* Targets that another program lists, as the JSON of `ansible-inventory --list`. */
struct config_inventory {
    struct config_names command; /* argv; or */
    const char *file;            /* what such a program printed */
    struct config_names environments;
    int64_t refresh_ms;
    bool read; /* its targets are among those of the configuration */
};

/* allow: words of enum permission (core/permission.h); "answer" was expanded. */
struct config_permission {
    unsigned allow;
    struct config_names to, projects, environments; /* "*" or none = all */
};

struct config {
    int version;         /* of the file's format: 1 */
    const char *path;    /* as given */
    const char *folder;  /* absolute; relative paths in the file start here */
    char generation[65]; /* digest of people, teams and permissions: what a decision was checked against */

    struct config_names listen; /* "127.0.0.1:8080", "[::1]:8080", "unix:/path" */
    const char *url;
    const char *time_zone;
    const char *tls_certificate, *tls_key;
    const char *ca_file; /* of webhooks, PEM; NULL = the system's */

    const char *redis_url;  /* "unix:/path" or "redis://host:port"; NULL = private server of `up` */
    const char *key_prefix; /* "{gp}:" */
    struct config_secret redis_password;
    bool accept_loss;

    int worker_slots;
    int64_t heartbeat_ms, lost_after_ms;
    const char *run_as;

    const char *slack_command, *slack_api_url;
    const char *slack_ca_file; /* PEM; NULL = the system's */
    bool slack_paced;
    struct config_secret slack_app_token, slack_bot_token;
    const char *matrix_homeserver, *matrix_user;
    struct config_secret matrix_access_token;

    struct config_names console_auth; /* how people sign in to the page: "password", "token" */

    const char *ssh_config, *ssh_known_hosts;
    struct config_names ssh_options;
    int64_t retention_ms; /* how long final deployments are kept; 90 d */

    struct config_person *people;
    size_t person_count;
    struct config_team *teams;
    size_t team_count;
    struct config_permission *permissions;
    size_t permission_count;
    struct config_room *rooms;
    size_t room_count;
    struct config_target *targets;
    size_t target_count;
    struct config_inventory *inventories;
    size_t inventory_count;
    struct config_environment *environments;
    size_t environment_count;
    struct config_project *projects;
    size_t project_count;
};

/* What is wrong with a file, all of it at once. */
struct config_problem {
    const char *file;
    unsigned line, column; /* from 1; 0 = the whole file */
    bool warning;          /* for example a secret in an environment variable */
    const char *text;      /* "targets.web-1.tgas: unknown key (did you mean 'tags'?)" */
};

struct config_problems {
    struct config_problem *items;
    size_t count;
    size_t errors;       /* those that are not warnings */
    struct arena *arena; /* owned */
};

/* Reads and checks. On success returns a config with one reference and problems that are only
 * warnings; on any error returns NULL. `problems` is always filled and is freed by the caller. A folder
 * means its guidepost.yaml and then the *.yaml of its conf.d in the order of their names, each adding to it; nothing
 * may be set twice. Blocks on files: for start, reload and `config check` only. */
struct config *config_load(const char *path, struct config_problems *problems);

/* The same for text in memory; `name` is what problems call it, and relative paths start at its folder. */
struct config *config_load_text(const char *name, const char *text, size_t size, struct config_problems *problems);

/* The same configuration with the targets of its inventories, too: texts[i] is what inventory i printed, or NULL if that is
 * not known. Has one reference, and holds one of `base`. NULL: err says what is wrong. */
struct config *config_with_inventories(struct config *base, const char *const *texts, struct err *err);

/* A `targets:` block of the file, made of what an inventory printed, or of the hosts of an ssh_config. */
int config_import_ansible(const char *text, size_t size, struct buf *out, struct err *err) MUST_USE;
void config_import_ssh(const char *text, struct buf *out);

void config_problems_finish(struct config_problems *problems);

/* "guidepost.yaml:11:5: error: ..." lines. */
void config_problems_write(const struct config_problems *problems, struct buf *out);

/* Every key of the file, from the table that the loader itself works by: docs/CONFIG.md, and a JSON Schema
 * (draft-07) for editors, config/guidepost.schema.json. */
void config_write_reference(struct buf *out);
void config_write_schema(struct buf *out);

struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL does nothing */

/* Lookups by name; NULL if there is none. */
const struct config_project *config_find_project(const struct config *config, const char *name);
const struct config_environment *config_find_environment(const struct config *config, const char *name);
const struct config_target *config_find_target(const struct config *config, const char *name);
const struct config_person *config_find_person(const struct config *config, const char *name);
const struct config_team *config_find_team(const struct config *config, const char *name);
const struct config_room *config_find_room(const struct config *config, const char *name);
bool config_names_have(const struct config_names *names, const char *name);

/* Reads a secret's value: trailing newline removed, at most LIMIT_SECRET_BYTES, no NUL. The caller
 * frees it with secret_free, which clears it first. */
int secret_read(const struct config_secret *secret, char **ret_value, struct err *err) MUST_USE;
void secret_free(char *value);

#endif
