#include "table.h"

#include "base/limits.h"
#include "config/config.h"

#define MINUTES(n) ((int64_t)(n)*60 * 1000)
#define DAYS(n) ((int64_t)(n)*24 * 3600 * 1000)
#define CONTROL "\x01-\x1f\x7f" /* within brackets */
#define SHOWN "[^ " CONTROL "]"

const struct rule table_rules[RULE_COUNT] = {
    [RULE_ANY] = {"a text", NULL, LIMIT_SCRIPT_BYTES},
    [RULE_NAME] = {"a name of letters, digits and . _ + - that begins with a letter or digit",
                   "^[A-Za-z0-9][A-Za-z0-9._+-]*$", LIMIT_NAME_BYTES},
    [RULE_LINE] = {"one line of text", "^[^" CONTROL "]+$", LIMIT_NOTE_BYTES},
    [RULE_STEP_NAME] = {"one line of text without blanks around it", "^" SHOWN "([^" CONTROL "]*" SHOWN ")?$",
                        LIMIT_STEP_NAME_BYTES},
    [RULE_SCRIPT] = {"a script", "[^ \t\r\n]", LIMIT_SCRIPT_BYTES},
    [RULE_VARIABLE] = {"a name of letters, digits and _ that begins with no digit", "^[A-Za-z_][A-Za-z0-9_]*$",
                       LIMIT_NAME_BYTES},
    [RULE_PATH] = {"a path", "^[^" CONTROL "]+$", 4000},
    [RULE_URL] = {"a URL such as https://example.org", "^https?://[^/ " CONTROL "]+(/[^ " CONTROL "]*)?$",
                  LIMIT_NOTE_BYTES},
    [RULE_LISTEN] = {"an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/guidepost.sock",
                     "^(unix:/[^" CONTROL "]+|[A-Za-z0-9.-]+:[0-9]+|\\[[0-9A-Fa-f:.]+\\]:[0-9]+)$", 256},
    [RULE_REDIS_URL] = {"unix:/path or redis://host:port", "^(unix:/[^" CONTROL "]+|redis://[A-Za-z0-9.-]+(:[0-9]+)?)$",
                        256},
    [RULE_KEY_PREFIX] = {"a prefix with exactly one {hash tag}, such as \"{gp}:\"",
                         "^[^{} " CONTROL "]*\\{[^{} " CONTROL "]+\\}[^{} " CONTROL "]*$", 64},
    [RULE_TIME_OF_DAY] = {"a time of day such as \"09:00\"", "^([01][0-9]|2[0-3]):[0-5][0-9]$", 5},
    [RULE_TIME_ZONE] = {"a time zone such as Europe/Berlin", "^[A-Za-z][A-Za-z0-9_+/-]*$", 64},
    [RULE_USER] = {"the name of a user of this machine", "^[A-Za-z_][A-Za-z0-9._-]*$", 64},
    [RULE_SSH] = {"a destination for ssh such as web-1.example.org or deploy@web-1",
                  "^[A-Za-z0-9_.:][A-Za-z0-9_.:%@/+-]*$", 256},
    [RULE_SSH_OPTION] = {"an option of ssh such as ConnectTimeout=10", "^[A-Za-z]+=[^" CONTROL "]+$", 256},
    [RULE_EMAIL] = {"an address such as alice@example.org", "^[^@ " CONTROL "]+@[^@ " CONTROL "]+$", 256},
    [RULE_SLACK_USER] = {"the id of a Slack user such as U012ALICE (not the display name)", "^[UW][A-Z0-9]+$", 32},
    [RULE_SLACK_USERGROUP] = {"the id of a Slack user group such as S012ONCALL", "^S[A-Z0-9]+$", 32},
    [RULE_SLACK_CHANNEL] = {"the id of a Slack channel such as C012DEPLOYS (not its name)", "^[CGD][A-Z0-9]+$", 32},
    [RULE_SLACK_COMMAND] = {"a slash command such as /guidepost", "^/[a-z0-9_-]+$", 32},
    [RULE_MATRIX_USER] = {"a Matrix user such as \"@alice:example.org\"", "^@[^ :" CONTROL "]+:" SHOWN "+$", 255},
    [RULE_MATRIX_ROOM] = {"the id of a Matrix room such as \"!abc:example.org\" (not an alias)", "^!" SHOWN "+$", 255},
    [RULE_REGEX] = {"a regular expression such as '^\\d+\\.\\d+$'", "^[^" CONTROL "]+$", 500},
};

#define AT(type, member) .offset = offsetof(struct type, member)
#define ARRAY(type, member, count) .offset = offsetof(struct type, member), .count_offset = offsetof(struct type, count)
#define END \
    { .key = NULL }

static const struct field escalation_fields[] = {
    {"after", FIELD_DURATION, AT(config_escalation, after_ms), .required = true, .min = 100, .max = DAYS(30),
     .help = "How long the question has been open."},
    {"mention", FIELD_NAMES, AT(config_escalation, mention), .rule = RULE_NAME, .refers = REFERS_WHO,
     .help = "Teams and people to mention."},
    {"room", FIELD_TEXT, AT(config_escalation, room), .rule = RULE_NAME, .refers = REFERS_ROOM,
     .help = "A room that is told as well."},
    {"run", FIELD_TEXT, AT(config_escalation, run), .rule = RULE_SCRIPT, .help = "A command to run, such as a pager."},
    {"webhook", FIELD_TEXT, AT(config_escalation, webhook), .rule = RULE_URL,
     .help = "A URL that is sent the question as JSON, see the operator's guide."},
    {"webhook_secret", FIELD_SECRET, AT(config_escalation, webhook_secret),
     .help = "What the document is signed with (HMAC-SHA256)."},
    {"webhook_plain", FIELD_BOOL, AT(config_escalation, webhook_plain), .fallback = "false",
     .help = "Lets the URL be plain http to another host than this one."},
    END,
};

static const struct table escalation_table = {"escalation", "Who is called when nobody answers.",
                                              sizeof(struct config_escalation), escalation_fields};

static const struct word claim_words[] = {{"optional", SWITCH_OFF}, {"required", SWITCH_ON}, {NULL, 0}};
static const struct word unanswered_words[] = {{"wait", SWITCH_OFF}, {"fail", SWITCH_ON}, {NULL, 0}};
static const struct word answer_words[] = {{"retry", 0},   {"ignore", 0}, {"exclude", 0}, {"fail", 0},
                                           {"proceed", 0}, {"abort", 0},  {NULL, 0}};

static const struct field guided_fields[] = {
    {"enabled", FIELD_SWITCH, AT(config_guided, enabled), .inherits = true, .fallback = "false",
     .help = "Whether a failed step pauses and asks Retry, Ignore, Exclude or Fail instead of failing the deployment."},
    {"responsible", FIELD_NAMES, AT(config_guided, responsible), .rule = RULE_NAME, .refers = REFERS_WHO,
     .inherits = true, .help = "Teams and people who are mentioned and may take the question."},
    {"claim", FIELD_WORD, AT(config_guided, claim_required), .words = claim_words, .inherits = true,
     .fallback = "optional", .help = "Whether a question must be taken before it is answered."},
    {"max_retries", FIELD_NUMBER, AT(config_guided, max_retries), .min = 0, .max = LIMIT_RETRIES_MAX, .inherits = true,
     .fallback = "10", .help = "How often people may answer Retry; after that the button is gone."},
    {"note_required", FIELD_NAMES, AT(config_guided, note_required), .words = answer_words, .inherits = true,
     .help = "Answers that need a note."},
    {"confirm", FIELD_NAMES, AT(config_guided, confirm), .words = answer_words, .inherits = true,
     .help = "Answers that ask once more before they count."},
    {"remind_every", FIELD_DURATION, AT(config_guided, remind_every_ms), .min = 100, .max = DAYS(30), .never = true,
     .inherits = true, .fallback = "15m", .help = "How often an open question is recalled in its room."},
    {"escalate", FIELD_LIST, ARRAY(config_guided, escalate, escalate_count), .table = &escalation_table,
     .inherits = true, .help = "Whom to call when a question stays open."},
    {"answer_within", FIELD_DURATION, AT(config_guided, answer_within_ms), .min = 100, .max = DAYS(365), .never = true,
     .inherits = true, .fallback = "never", .help = "How long a question waits for an answer."},
    {"if_unanswered", FIELD_WORD, AT(config_guided, fail_unanswered), .words = unanswered_words, .inherits = true,
     .fallback = "wait", .help = "What is done then: go on waiting, or fail; nothing else is ever done unasked."},
    {"hint", FIELD_TEXT, AT(config_guided, hint), .inherits = true, .help = "A sentence for whoever has to answer."},
    {"runbook", FIELD_TEXT, AT(config_guided, runbook), .rule = RULE_URL, .inherits = true,
     .help = "A link for whoever has to answer."},
    END,
};

static const struct table guided_table = {
    "guided_failure",
    "What happens when a step fails: a step comes before its project, and that before the environment.", 0,
    guided_fields};

static const struct field approve_fields[] = {
    {"instructions", FIELD_TEXT, AT(config_step, approve_instructions), .help = "What to do or check before Proceed."},
    {"responsible", FIELD_NAMES, AT(config_step, approve_responsible), .rule = RULE_NAME, .refers = REFERS_WHO,
     .help = "Teams and people who are mentioned and may answer."},
    END,
};

static const struct table approve_table = {"approve", "A step that waits until a person says Proceed or Abort.", 0,
                                           approve_fields};

static const struct field auto_retry_fields[] = {
    {"times", FIELD_NUMBER, AT(config_step, retry_times), .min = 1, .max = LIMIT_AUTO_RETRIES,
     .help = "How often a failed step is repeated before anybody is asked."},
    {"delay", FIELD_DURATION, AT(config_step, retry_delay_ms), .min = 1, .max = DAYS(1), .fallback = "10s",
     .help = "How long to wait before the first repetition."},
    {"backoff", FIELD_FACTOR, AT(config_step, retry_backoff), .min = 1, .max = 10, .fallback = "1",
     .help = "By how much each further wait is longer than the one before."},
    {"when_back", FIELD_DURATION, AT(config_step, when_back_ms), .min = 1000, .max = DAYS(30),
     .yes_ms = LIMIT_WHEN_BACK_MS,
     .help = "For how long a question about an ssh target that can't be reached retries by itself, once, when the "
             "target is back; true means 2h."},
    {"probe", FIELD_TEXT, AT(config_step, probe), .rule = RULE_SCRIPT,
     .help = "The command, run on the worker, that succeeds when the target is back; left out means by ssh."},
    END,
};

static const struct table auto_retry_table = {"auto_retry", "Repetition before anybody is asked.", 0,
                                              auto_retry_fields};

static const struct word condition_words[] = {{"success", CONDITION_SUCCESS},
                                              {"failure", CONDITION_FAILURE},
                                              {"always", CONDITION_ALWAYS},
                                              {"cleanup", CONDITION_CLEANUP},
                                              {NULL, 0}};
static const struct word start_words[] = {{"after_previous", false}, {"with_previous", true}, {NULL, 0}};
static const struct word on_error_words[] = {{"ask", false}, {"continue", true}, {NULL, 0}};

static const struct field step_fields[] = {
    {"name", FIELD_TEXT, AT(config_step, name), .rule = RULE_STEP_NAME, .required = true,
     .help = "What people read and type; unique in the project."},
    {"run", FIELD_TEXT, AT(config_step, run), .rule = RULE_SCRIPT, .help = "The script, for sh."},
    {"approve", FIELD_TABLE, .count_offset = offsetof(struct config_step, approve), .table = &approve_table,
     .help = "Instead of run: wait until a person says Proceed or Abort."},
    {"targets", FIELD_NAMES, AT(config_step, targets), .rule = RULE_NAME, .refers = REFERS_TARGETS,
     .help = "Tags or names of the targets to run on; left out, the step runs once, on the worker."},
    {"environments", FIELD_NAMES, AT(config_step, environments), .rule = RULE_NAME, .refers = REFERS_ENVIRONMENT,
     .help = "The environments that have this step; left out means all."},
    {"group", FIELD_TEXT, AT(config_step, group), .rule = RULE_NAME,
     .help = "Neighbouring steps with the same group run machine by machine through all of them."},
    {"max_parallel", FIELD_NUMBER, AT(config_step, max_parallel), .min = 1, .max = LIMIT_MAX_PARALLEL,
     .help = "On how many targets at once; 10 if left out; in a group that of the first step counts."},
    {"condition", FIELD_WORD, AT(config_step, condition), .words = condition_words, .fallback = "success",
     .help = "When the step runs: if all before it went well, after a failure, in any case, or to clean up a group."},
    {"start", FIELD_FLAG, AT(config_step, with_previous), .words = start_words, .fallback = "after_previous",
     .help = "Whether the step waits for the one before it."},
    {"timeout", FIELD_DURATION, AT(config_step, timeout_ms), .min = 1, .max = DAYS(30),
     .help = "How long the step may take; left out means no limit."},
    {"quiet_timeout", FIELD_DURATION, AT(config_step, quiet_timeout_ms), .min = 1, .max = DAYS(30),
     .help = "How long the step may print nothing; left out means no limit."},
    {"auto_retry", FIELD_TABLE, .table = &auto_retry_table, .help = "Repeat a failed step before anybody is asked."},
    {"required", FIELD_BOOL, AT(config_step, required), .fallback = "false",
     .help = "The step cannot be ignored, and no machine excluded from it: only Retry and Fail."},
    {"safe_to_rerun", FIELD_BOOL, AT(config_step, safe_to_rerun), .fallback = "false",
     .help = "The step may be repeated on the same host without asking when a worker was lost."},
    {"on_error", FIELD_FLAG, AT(config_step, continue_on_error), .words = on_error_words, .fallback = "ask",
     .help = "What a failure does: ask as guided_failure says, or continue with a warning and never ask."},
    {"work_dir", FIELD_PATH, AT(config_step, work_dir), .rule = RULE_PATH, .help = "Where the script runs."},
    {"env", FIELD_VARIABLES, ARRAY(config_step, env, env_count), .help = "Environment variables of the script."},
    {"guided_failure", FIELD_TABLE, AT(config_step, guided), .table = &guided_table,
     .help = "What happens when this step fails."},
    END,
};

static const struct table step_table = {"step", "One step of a project; steps run in the order of the file.",
                                        sizeof(struct config_step), step_fields};

static const struct word input_words[] = {
    {"text", INPUT_TEXT}, {"boolean", INPUT_BOOLEAN}, {"choice", INPUT_CHOICE}, {NULL, 0}};

static const struct field input_fields[] = {
    {"name", FIELD_TEXT, AT(config_input, name), .rule = RULE_VARIABLE, .required = true,
     .help = "The environment variable that the steps see."},
    {"label", FIELD_TEXT, AT(config_input, label), .rule = RULE_LINE, .help = "What people read."},
    {"type", FIELD_WORD, AT(config_input, type), .words = input_words, .fallback = "text",
     .help = "What may be entered."},
    {"choices", FIELD_NAMES, AT(config_input, choices), .rule = RULE_LINE, .help = "What a choice may be."},
    {"default", FIELD_SCALAR, AT(config_input, fallback), .help = "The value when nothing was entered."},
    {"required", FIELD_BOOL, AT(config_input, required), .fallback = "false", .help = "A deployment must say it."},
    END,
};

static const struct table input_table = {"input", "A value that is asked for when a deployment is started.",
                                         sizeof(struct config_input), input_fields};

static const struct field project_fields[] = {
    {"description", FIELD_TEXT, AT(config_project, description), .help = "What people read about it."},
    {"environments", FIELD_NAMES, AT(config_project, environments), .rule = RULE_NAME, .refers = REFERS_ENVIRONMENT,
     .help = "Where it may be deployed to; left out means everywhere."},
    {"work_dir", FIELD_PATH, AT(config_project, work_dir), .rule = RULE_PATH,
     .help = "Where scripts run; left out means the folder of this file, and over ssh the login folder."},
    {"version_pattern", FIELD_TEXT, AT(config_project, version_pattern), .rule = RULE_REGEX,
     .help = "What a version must look like: a POSIX extended regular expression, with \\d for a digit."},
    {"room", FIELD_TEXT, AT(config_project, room), .rule = RULE_NAME, .refers = REFERS_ROOM,
     .help = "Where its deployments are told; left out means the room of the environment."},
    {"guided_failure", FIELD_TABLE, AT(config_project, guided), .table = &guided_table,
     .help = "What happens when a step of it fails."},
    {"env", FIELD_VARIABLES, ARRAY(config_project, env, env_count),
     .help = "Environment variables of all its scripts."},
    {"inputs", FIELD_LIST, ARRAY(config_project, inputs, input_count), .table = &input_table,
     .help = "Values that are asked for when a deployment is started."},
    {"steps", FIELD_LIST, ARRAY(config_project, steps, step_count), .table = &step_table, .required = true,
     .help = "What a deployment does, in order."},
    END,
};

static const struct table project_table = {"project", "What is deployed.", sizeof(struct config_project),
                                           project_fields};

static const struct field environment_fields[] = {
    {"room", FIELD_TEXT, AT(config_environment, room), .rule = RULE_NAME, .refers = REFERS_ROOM,
     .help = "Where its deployments are told and its questions asked."},
    {"order", FIELD_NUMBER, AT(config_environment, order), .min = 0, .max = 1000, .fallback = "0",
     .help = "Its place among the environments; smaller ones come first."},
    {"guided_failure", FIELD_TABLE, AT(config_environment, guided), .table = &guided_table,
     .help = "What happens when a step fails here."},
    END,
};

static const struct table environment_table = {"environment", "Where things are deployed to.",
                                               sizeof(struct config_environment), environment_fields};

static const struct field inventory_fields[] = {
    {"command", FIELD_NAMES, AT(config_inventory, command), .rule = RULE_LINE,
     .help = "The program and its arguments; it prints what `ansible-inventory --list` prints."},
    {"file", FIELD_PATH, AT(config_inventory, file), .rule = RULE_PATH, .help = "Instead of command: a file of that."},
    {"environments", FIELD_NAMES, AT(config_inventory, environments), .rule = RULE_NAME, .refers = REFERS_ENVIRONMENT,
     .help = "Which environments its targets belong to; left out means all."},
    {"refresh", FIELD_DURATION, AT(config_inventory, refresh_ms), .min = 1000, .max = DAYS(30), .fallback = "10m",
     .help = "How often it is asked again."},
    END,
};

static const struct table inventory_table = {"inventory", "Targets that another program lists; groups become tags.",
                                             sizeof(struct config_inventory), inventory_fields};

static const struct field target_fields[] = {
    {"ssh", FIELD_TEXT, AT(config_target, ssh), .rule = RULE_SSH,
     .help = "The destination for ssh: a host of ssh_config, or user@host."},
    {"local", FIELD_LOCAL, .rule = RULE_NAME,
     .help = "Instead of ssh: true for any worker, or the host name of the worker to run on."},
    {"tags", FIELD_NAMES, AT(config_target, tags), .rule = RULE_NAME, .help = "What steps call it by."},
    {"environments", FIELD_NAMES, AT(config_target, environments), .rule = RULE_NAME, .refers = REFERS_ENVIRONMENT,
     .help = "Where it belongs; left out means everywhere."},
    {"work_dir", FIELD_PATH, AT(config_target, work_dir), .rule = RULE_PATH, .help = "Where scripts run on it."},
    END,
};

static const struct table target_table = {"target", "A machine.", sizeof(struct config_target), target_fields};

static const struct field person_fields[] = {
    {"slack", FIELD_TEXT, AT(config_person, slack), .rule = RULE_SLACK_USER, .help = "The id of the Slack user."},
    {"matrix", FIELD_TEXT, AT(config_person, matrix), .rule = RULE_MATRIX_USER, .help = "The Matrix user."},
    {"email", FIELD_TEXT, AT(config_person, email), .rule = RULE_EMAIL, .help = "The e-mail address."},
    {"token", FIELD_SECRET, AT(config_person, token),
     .help = "What this person, or this program, uses for the API, the command line and the page."},
    {"password", FIELD_SECRET, AT(config_person, password), .help = "The password for the page."},
    END,
};

static const struct table person_table = {"person", "Somebody who may be allowed something, or a program that is.",
                                          sizeof(struct config_person), person_fields};

static const struct field team_fields[] = {
    {"members", FIELD_NAMES, AT(config_team, members), .rule = RULE_NAME, .refers = REFERS_PERSON, .required = true,
     .help = "The people in it."},
    {"slack_usergroup", FIELD_TEXT, AT(config_team, slack_usergroup), .rule = RULE_SLACK_USERGROUP,
     .help = "The id of a Slack user group: it is mentioned, and whoever is in it and in `people` is in the team."},
    END,
};

static const struct table team_table = {"team", "Several people under one name.", sizeof(struct config_team),
                                        team_fields};

static const struct field permission_fields[] = {
    {"allow", FIELD_ALLOW, AT(config_permission, allow), .required = true,
     .help = "What is allowed: view, deploy, cancel, retry, ignore, exclude, fail, take, approve, freeze; answer means "
             "retry, ignore, exclude, fail and take; admin and \"*\" mean everything."},
    {"to", FIELD_NAMES, AT(config_permission, to), .rule = RULE_NAME, .refers = REFERS_WHO, .star = true,
     .required = true, .help = "People and teams; \"*\" means everybody in people."},
    {"projects", FIELD_NAMES, AT(config_permission, projects), .rule = RULE_NAME, .refers = REFERS_PROJECT,
     .star = true, .help = "For these projects; left out means all."},
    {"environments", FIELD_NAMES, AT(config_permission, environments), .rule = RULE_NAME, .refers = REFERS_ENVIRONMENT,
     .star = true, .help = "In these environments; left out means all."},
    END,
};

static const struct table permission_table = {"permission", "A rule; nothing is allowed unless a rule allows it.",
                                              sizeof(struct config_permission), permission_fields};

static const struct field room_fields[] = {
    {"slack", FIELD_TEXT, AT(config_room, slack), .rule = RULE_SLACK_CHANNEL, .help = "The id of the Slack channel."},
    {"matrix", FIELD_TEXT, AT(config_room, matrix), .rule = RULE_MATRIX_ROOM, .help = "The id of the Matrix room."},
    {"digest", FIELD_TEXT, AT(config_room, digest), .rule = RULE_TIME_OF_DAY,
     .help = "When the questions that are open here are listed once more, once a day (server.time_zone)."},
    END,
};

static const struct table room_table = {"room", "A chat place; the console shows all of them.",
                                        sizeof(struct config_room), room_fields};

static const struct field tls_fields[] = {
    {"certificate", FIELD_PATH, AT(config, tls_certificate), .rule = RULE_PATH, .required = true,
     .help = "The certificate and its chain, PEM."},
    {"key", FIELD_PATH, AT(config, tls_key), .rule = RULE_PATH, .required = true, .help = "Its private key, PEM."},
    END,
};

static const struct table tls_table = {"tls", "Encryption without a proxy in front.", 0, tls_fields};

static const struct field server_fields[] = {
    {"listen", FIELD_NAMES, AT(config, listen), .rule = RULE_LISTEN, .fallback = "127.0.0.1:8080",
     .help = "Addresses of the page and the API: host:port, [IPv6]:port or unix:/path; put TLS in front or set tls."},
    {"url", FIELD_TEXT, AT(config, url), .rule = RULE_URL,
     .help = "The address that people use; in every link that is posted."},
    {"time_zone", FIELD_TEXT, AT(config, time_zone), .rule = RULE_TIME_ZONE, .fallback = "UTC",
     .help = "For text that people read; the API and the log use UTC."},
    {"tls", FIELD_TABLE, .table = &tls_table, .help = "Encryption without a proxy in front."},
    {"ca_file", FIELD_PATH, AT(config, ca_file), .rule = RULE_PATH,
     .help = "Certificates (PEM) that webhooks are trusted by, instead of the system's; read at the start."},
    {"retention", FIELD_DURATION, AT(config, retention_ms), .min = DAYS(1), .max = DAYS(3650), .fallback = "90d",
     .help = "How long deployments are kept after their end."},
    END,
};

static const struct table server_table = {"server", "The page and the API.", 0, server_fields};

static const struct word durability_words[] = {{"required", false}, {"accept_loss", true}, {NULL, 0}};

static const struct field redis_fields[] = {
    {"url", FIELD_TEXT, AT(config, redis_url), .rule = RULE_REDIS_URL, .required = true,
     .help = "unix:/path or redis://host:port."},
    {"password", FIELD_SECRET, AT(config, redis_password), .help = "Its password."},
    {"key_prefix", FIELD_TEXT, AT(config, key_prefix), .rule = RULE_KEY_PREFIX,
     .fallback = "{gp}:", .help = "What every key begins with; one {hash tag} keeps all of them on one node."},
    {"durability", FIELD_FLAG, AT(config, accept_loss), .words = durability_words, .fallback = "required",
     .help = "Whether a Redis that can lose what it has confirmed is refused, or used with a banner."},
    END,
};

static const struct table redis_table = {
    "redis", "Where everything is kept; `guidepost up` starts its own Redis if this is left out.", 0, redis_fields};

static const struct field worker_fields[] = {
    {"slots", FIELD_NUMBER, AT(config, worker_slots), .min = 1, .max = LIMIT_WORKER_SLOTS, .fallback = "8",
     .help = "How many steps run at once on one worker."},
    {"heartbeat", FIELD_DURATION, AT(config, heartbeat_ms), .min = 100, .max = MINUTES(1), .fallback = "2s",
     .help = "How often a worker says that it is there."},
    {"lost_after", FIELD_DURATION, AT(config, lost_after_ms), .min = 200, .max = MINUTES(60), .fallback = "10s",
     .help = "After how much silence a worker counts as lost; at least two heartbeats."},
    {"run_as", FIELD_TEXT, AT(config, run_as), .rule = RULE_USER,
     .help = "The user of steps that run on the worker itself; left out means the user of the worker."},
    END,
};

static const struct table workers_table = {"workers", "The processes that run steps.", 0, worker_fields};

static const struct field slack_fields[] = {
    {"app_token", FIELD_SECRET, AT(config, slack_app_token), .required = true,
     .help = "The app-level token, xapp-..., with connections:write."},
    {"bot_token", FIELD_SECRET, AT(config, slack_bot_token), .required = true, .help = "The bot token, xoxb-..."},
    {"command", FIELD_TEXT, AT(config, slack_command), .rule = RULE_SLACK_COMMAND, .fallback = "/guidepost",
     .help = "The slash command."},
    {"api_url", FIELD_TEXT, AT(config, slack_api_url), .rule = RULE_URL, .fallback = "https://slack.com/api",
     .help = "Where the Web API is, for GovSlack and for tests."},
    {"ca_file", FIELD_PATH, AT(config, slack_ca_file), .rule = RULE_PATH,
     .help = "A file of certificates (PEM) to trust instead of the system's."},
    {"paced", FIELD_BOOL, AT(config, slack_paced), .fallback = "true",
     .help = "Keep to the rates that Slack publishes; false only where there are none, as in tests."},
    END,
};

static const struct table slack_table = {"slack", "Slack, by socket mode.", 0, slack_fields};

static const struct field matrix_fields[] = {
    {"homeserver", FIELD_TEXT, AT(config, matrix_homeserver), .rule = RULE_URL, .required = true,
     .help = "The address of the homeserver."},
    {"user", FIELD_TEXT, AT(config, matrix_user), .rule = RULE_MATRIX_USER, .required = true,
     .help = "The bot's user."},
    {"access_token", FIELD_SECRET, AT(config, matrix_access_token), .required = true,
     .help = "The bot's access token."},
    END,
};

static const struct table matrix_table = {"matrix", "Matrix.", 0, matrix_fields};

static const struct word console_words[] = {{"password", 0}, {"token", 0}, {NULL, 0}};

static const struct field console_fields[] = {
    {"auth", FIELD_NAMES, AT(config, console_auth), .words = console_words, .fallback = "password token",
     .help = "How people sign in to the page."},
    END,
};

static const struct table console_table = {"console", "The page that is built in.", 0, console_fields};

static const struct field chat_fields[] = {
    {"slack", FIELD_TABLE, .table = &slack_table, .help = "Slack, by socket mode; left out means no Slack."},
    {"matrix", FIELD_TABLE, .table = &matrix_table, .help = "Matrix; left out means no Matrix."},
    {"console", FIELD_TABLE, .table = &console_table, .help = "The page that is built in; it is always there."},
    END,
};

static const struct table chat_table = {"chat", "Where people talk to guidepost.", 0, chat_fields};

static const struct field ssh_fields[] = {
    {"config", FIELD_PATH, AT(config, ssh_config), .rule = RULE_PATH,
     .help = "The ssh_config for all ssh targets; left out means the one of the worker's user."},
    {"known_hosts", FIELD_PATH, AT(config, ssh_known_hosts), .rule = RULE_PATH, .fallback = "known_hosts",
     .help = "The file of the host keys that are trusted, and the only one; no other key is ever accepted."},
    {"options", FIELD_NAMES, AT(config, ssh_options), .rule = RULE_SSH_OPTION,
     .help = "Further options of ssh (-o). Batch mode, strict host keys, time-outs and sharing are set already."},
    END,
};

static const struct table ssh_table = {"ssh", "How ssh is called.", 0, ssh_fields};

static const struct field root_fields[] = {
    {"version", FIELD_NUMBER, AT(config, version), .min = 1, .max = 1, .fallback = "1",
     .help = "The format of this file, not of guidepost."},
    {"server", FIELD_TABLE, .table = &server_table, .help = "The page and the API."},
    {"redis", FIELD_TABLE, .table = &redis_table, .help = "Where everything is kept."},
    {"workers", FIELD_TABLE, .table = &workers_table, .help = "The processes that run steps."},
    {"chat", FIELD_TABLE, .table = &chat_table, .help = "Where people talk to guidepost."},
    {"people", FIELD_MAP, ARRAY(config, people, person_count), .table = &person_table,
     .help = "Who may be allowed something, by a name of your choice."},
    {"teams", FIELD_MAP, ARRAY(config, teams, team_count), .table = &team_table,
     .help = "Several people under one name."},
    {"permissions", FIELD_LIST, ARRAY(config, permissions, permission_count), .table = &permission_table,
     .help = "Who may do what; nothing is allowed unless a rule allows it."},
    {"rooms", FIELD_MAP, ARRAY(config, rooms, room_count), .table = &room_table,
     .help = "Chat places; one name for Slack and Matrix together."},
    {"ssh", FIELD_TABLE, .table = &ssh_table, .help = "How ssh is called."},
    {"targets", FIELD_MAP, ARRAY(config, targets, target_count), .table = &target_table, .help = "The machines."},
    {"inventories", FIELD_LIST, ARRAY(config, inventories, inventory_count), .table = &inventory_table,
     .help = "Programs that list more machines."},
    {"environments", FIELD_MAP, ARRAY(config, environments, environment_count), .table = &environment_table,
     .required = true, .help = "Where things are deployed to."},
    {"projects", FIELD_MAP, ARRAY(config, projects, project_count), .table = &project_table, .required = true,
     .help = "What is deployed."},
    END,
};

const struct table table_root = {"guidepost.yaml", "The whole file.", sizeof(struct config), root_fields};

void table_write_duration(struct buf *out, int64_t ms) {
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{DAYS(1), "d"}, {MINUTES(60), "h"}, {MINUTES(1), "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms != 0) {
        i++;
    }
    buf_printf(out, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
}
