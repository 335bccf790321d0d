#include "client.h"

#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4200, ARGUMENTS = 48 + 2 * INSTRUCTIONS_SSH_OPTIONS, NO_CONNECTION = 255 };

/*
 * Any login shell runs it, csh too: no newline, no !, and no quote inside the quotes. Reading line by line leaves what
 * follows to whoever is started, while a shell that is fed a script would have read ahead.
 */
static const char bootstrap[] = "exec sh -c 'n=$(printf \"\\nx\");n=${n%x};e=;"
                                "while IFS= read -r l;do case $l in \"#end\")break;;esac;e=$e$l$n;done;eval \"$e\"'";

/* What ssh is always told, before anything that the configuration says: of two values ssh takes the first. */
static const char *const always[] = {
    "BatchMode=yes",           "StrictHostKeyChecking=yes",
    "ForwardAgent=no",         "ForwardX11=no",
    "ClearAllForwardings=yes", "PermitLocalCommand=no",
    "RequestTTY=no",           "RemoteCommand=none",
    "EscapeChar=none",         "UpdateHostKeys=no",
    "ConnectionAttempts=1",    "ServerAliveInterval=2",
    "ServerAliveCountMax=3",   "LogLevel=ERROR",
};

void client_init(struct client *client) {
    *client = (struct client){.in_fd = -1, .out_fd = -1, .err_fd = -1};
}

/* FNV-1a. It only keeps apart what is configured differently; ssh itself adds the host, the port and the user (%C). */
static void digest_add(uint64_t *digest, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        *digest = (*digest ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    }
}

static void digest_add_text(uint64_t *digest, const char *text) {
    digest_add(digest, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* A changed ssh_config makes a new connection. */
static uint64_t connection_digest(const struct instructions_ssh *ssh) {
    uint64_t digest = UINT64_C(14695981039346656037);
    struct stat config;

    digest_add_text(&digest, ssh->destination);
    digest_add_text(&digest, ssh->config);
    digest_add_text(&digest, ssh->known_hosts);
    for (size_t i = 0; i < ssh->option_count; i++) {
        digest_add_text(&digest, ssh->options[i]);
    }
    if (ssh->config && stat(ssh->config, &config) == 0) {
        digest_add(&digest, &config.st_mtim, sizeof config.st_mtim);
        digest_add(&digest, &config.st_size, sizeof config.st_size);
    }
    return digest;
}

static bool directory_has(const char *path, const char *prefix) {
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool found = false;

    while (directory && !found && (entry = readdir(directory)) != NULL) {
        found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    if (directory) {
        (void)closedir(directory);
    }
    return found;
}

/* In the quotes of an ssh_config, where % begins a token. */
static void known_hosts_option(char option[PATH_BYTES * 2], const char *path) {
    size_t size = (size_t)snprintf(option, PATH_BYTES * 2, "UserKnownHostsFile=\"");

    for (; *path && size < PATH_BYTES * 2 - 3; path++) {
        if (*path == '%') {
            option[size++] = '%';
        }
        option[size++] = *path;
    }
    (void)snprintf(option + size, PATH_BYTES * 2 - size, "\"");
}

struct arguments {
    const char *words[ARGUMENTS];
    size_t count;
    char known_hosts[PATH_BYTES * 2];
    char control[64];
    char persist[32];
    char timeout[32];
};

static void argument_option(struct arguments *arguments, const char *option) {
    arguments->words[arguments->count++] = "-o";
    arguments->words[arguments->count++] = option;
}

/* The path of a socket is short: ssh runs in their directory, and they are named from there. */
static void arguments_share(struct arguments *arguments, struct client *client, const struct instructions_ssh *ssh,
                            bool shared) {
    if (!shared) {
        argument_option(arguments, "ControlMaster=no");
        argument_option(arguments, "ControlPath=none");
        return;
    }
    int prefix = snprintf(arguments->control, sizeof arguments->control, "ControlPath=%016" PRIx64 ".%%C",
                          connection_digest(ssh));
    (void)snprintf(arguments->persist, sizeof arguments->persist, "ControlPersist=%d", LIMIT_SSH_PERSIST_SECONDS);
    argument_option(arguments, "ControlMaster=auto");
    argument_option(arguments, arguments->control);
    argument_option(arguments, arguments->persist);
    char name[sizeof arguments->control];
    (void)snprintf(name, sizeof name, "%.*s", prefix - 2, arguments->control);
    client->reused = directory_has(ssh->control, strchr(name, '=') + 1);
}

static void arguments_fill(struct arguments *arguments, struct client *client, const struct instructions_ssh *ssh,
                           bool shared) {
    arguments->words[arguments->count++] = "ssh";
    if (ssh->config) {
        arguments->words[arguments->count++] = "-F";
        arguments->words[arguments->count++] = ssh->config;
    }
    arguments->words[arguments->count++] = "-T";
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        argument_option(arguments, always[i]);
    }
    (void)snprintf(arguments->timeout, sizeof arguments->timeout, "ConnectTimeout=%d", LIMIT_SSH_CONNECT_MS / 1000);
    argument_option(arguments, arguments->timeout);
    arguments_share(arguments, client, ssh, shared);
    if (ssh->known_hosts) {
        known_hosts_option(arguments->known_hosts, ssh->known_hosts);
        argument_option(arguments, arguments->known_hosts);
        argument_option(arguments, "GlobalKnownHostsFile=/dev/null");
    }
    for (size_t i = 0; i < ssh->option_count; i++) {
        argument_option(arguments, ssh->options[i]);
    }
    arguments->words[arguments->count++] = "--";
    arguments->words[arguments->count++] = ssh->destination;
    arguments->words[arguments->count++] = bootstrap;
    arguments->words[arguments->count] = NULL;
}

/* We are deaf to many signals and block some; ssh is not to be. */
static int spawn(struct client *client, const char *program, const char *directory, char *const *words,
                 const int ends[3]) {
    const struct passwd *account = getpwuid(getuid());
    char home[PATH_BYTES];
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", language[] = "LC_ALL=C";
    char *environment[] = {path, language, home, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    (void)snprintf(home, sizeof home, "HOME=%s", account ? account->pw_dir : "/");
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    int code = 0;
    for (int fd = 0; fd < 3 && code == 0; fd++) {
        code = posix_spawn_file_actions_adddup2(&actions, ends[fd], fd);
    }
    if (code == 0 && directory) {
        code = posix_spawn_file_actions_addchdir_np(&actions, directory);
    }
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    code = code != 0 ? code : posix_spawn(&client->pid, program, &actions, &attributes, words, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return -code;
}

static void close_all(int fds[3]) {
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
        fds[i] = -1;
    }
}

int client_start(struct client *client, const struct instructions *in, bool shared) {
    struct arguments arguments = {.count = 0};
    int theirs[3] = {-1, -1, -1}, ours[3] = {-1, -1, -1};

    client_init(client);
    shared = shared && in->ssh.control;
    arguments_fill(&arguments, client, &in->ssh, shared);
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) {
            close_all(theirs);
            close_all(ours);
            return -errno;
        }
        theirs[i] = ends[i == 0 ? 0 : 1];
        ours[i] = ends[i == 0 ? 1 : 0];
        (void)fcntl(ours[i], F_SETFL, O_NONBLOCK);
    }
    int rc = spawn(client, in->ssh.program ? in->ssh.program : "/usr/bin/ssh", shared ? in->ssh.control : NULL,
                   (char *const *)arguments.words, theirs);
    close_all(theirs);
    if (rc < 0) {
        close_all(ours);
        client->pid = 0;
        return rc;
    }
    client->in_fd = ours[0];
    client->out_fd = ours[1];
    client->err_fd = ours[2];
    outbox_add(&client->outbox, target_contact, strlen(target_contact));
    outbox_print(&client->outbox, "#end\n");
    return 0;
}

/* Keeps the end. */
static void trouble_add(struct client *client, const char *bytes, size_t size) {
    size_t room = sizeof client->trouble - 1;

    if (size > room / 2) {
        bytes += size - room / 2;
        size = room / 2;
    }
    if (client->trouble_size + size > room) {
        size_t dropped = client->trouble_size + size - room;
        client->trouble_size -= dropped;
        memmove(client->trouble, client->trouble + dropped, client->trouble_size);
    }
    memcpy(client->trouble + client->trouble_size, bytes, size);
    client->trouble_size += size;
    client->trouble[client->trouble_size] = '\0';
}

void client_listen(struct client *client) {
    char bytes[1024];
    ssize_t count;

    while (client->err_fd >= 0 && (count = read(client->err_fd, bytes, sizeof bytes)) != 0) {
        if (count > 0) {
            trouble_add(client, bytes, (size_t)count);
        } else if (errno != EINTR) {
            return;
        }
    }
    if (client->err_fd >= 0) {
        (void)close(client->err_fd);
        client->err_fd = -1;
    }
}

void client_reap(struct client *client) {
    if (client->pid > 0 && !client->ended && waitpid(client->pid, &client->status, WNOHANG) == client->pid) {
        client->ended = true;
    }
}

void client_leave(struct client *client) {
    int fds[] = {client->in_fd, client->out_fd, client->err_fd};

    close_all(fds);
    outbox_clear(&client->outbox);
    client_init(client);
}

void client_kill(struct client *client) {
    if (client->pid > 0 && !client->ended) {
        (void)kill(client->pid, SIGKILL);
        (void)waitpid(client->pid, &client->status, 0);
    }
    client_leave(client);
}

/* In the order in which they are looked for: ssh says several things at once, the cause before its consequences. */
static const struct {
    const char *said;
    enum rundir_unreachable why;
} verdicts[] = {
    {"REMOTE HOST IDENTIFICATION HAS CHANGED", RUNDIR_UNREACHABLE_KEY_CHANGED},
    {"REVOKED HOST KEY DETECTED", RUNDIR_UNREACHABLE_KEY_CHANGED},
    {"Host key verification failed", RUNDIR_UNREACHABLE_KEY_UNKNOWN},
    {"Permission denied (", RUNDIR_UNREACHABLE_DENIED},
    {"Too many authentication failures", RUNDIR_UNREACHABLE_DENIED},
    {"Bad configuration option", RUNDIR_UNREACHABLE_CONFIG},
    {"bad configuration options", RUNDIR_UNREACHABLE_CONFIG},
    {"Bad owner or permissions", RUNDIR_UNREACHABLE_CONFIG},
    {"Can't open user config file", RUNDIR_UNREACHABLE_CONFIG},
    {"keyword ", RUNDIR_UNREACHABLE_CONFIG},
    {"Could not resolve hostname", RUNDIR_UNREACHABLE_NAME},
    {"Name or service not known", RUNDIR_UNREACHABLE_NAME},
    {"Connection refused", RUNDIR_UNREACHABLE_REFUSED},
    {"No route to host", RUNDIR_UNREACHABLE_ROUTE},
    {"Network is unreachable", RUNDIR_UNREACHABLE_ROUTE},
    {"timed out", RUNDIR_UNREACHABLE_TIMEOUT},
    {"not responding", RUNDIR_UNREACHABLE_TIMEOUT},
    {"Connection closed by", RUNDIR_UNREACHABLE_CLOSED},
    {"closed by remote host", RUNDIR_UNREACHABLE_CLOSED},
    {"Connection reset by", RUNDIR_UNREACHABLE_CLOSED},
    {"Broken pipe", RUNDIR_UNREACHABLE_CLOSED},
};

enum rundir_unreachable client_verdict(const struct client *client) {
    if (client->ended && WIFEXITED(client->status) && WEXITSTATUS(client->status) != NO_CONNECTION) {
        return RUNDIR_UNREACHABLE_SHELL;
    }
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        if (strstr(client->trouble, verdicts[i].said)) {
            return verdicts[i].why;
        }
    }
    return RUNDIR_UNREACHABLE_OTHER;
}

const char *client_words(enum rundir_unreachable why) {
    switch (why) {
    case RUNDIR_UNREACHABLE_OTHER:
        return "cannot be reached: ssh failed";
    case RUNDIR_UNREACHABLE_NAME:
        return "cannot be reached: the name of the host is not known";
    case RUNDIR_UNREACHABLE_REFUSED:
        return "cannot be reached: the connection is refused, nobody listens there";
    case RUNDIR_UNREACHABLE_ROUTE:
        return "cannot be reached: there is no route to the host";
    case RUNDIR_UNREACHABLE_TIMEOUT:
        return "cannot be reached: the host does not answer";
    case RUNDIR_UNREACHABLE_CLOSED:
        return "cannot be reached: the connection was closed while it was being made";
    case RUNDIR_UNREACHABLE_KEY_UNKNOWN:
        return "is not trusted: its host key is not in known_hosts";
    case RUNDIR_UNREACHABLE_KEY_CHANGED:
        return "is not trusted: its host key is another one than in known_hosts; was it set up anew, or is it somebody "
               "else?";
    case RUNDIR_UNREACHABLE_DENIED:
        return "cannot be reached: it refuses our key";
    case RUNDIR_UNREACHABLE_PROGRAM:
        return "cannot be reached: ssh cannot be run here";
    case RUNDIR_UNREACHABLE_CONFIG:
        return "cannot be reached: ssh refuses its configuration";
    case RUNDIR_UNREACHABLE_SHELL:
        return "is reached, but no POSIX shell answers";
    }
    return "cannot be reached";
}

const char *client_last_line(struct client *client) {
    while (client->trouble_size > 0 && strchr("\r\n", client->trouble[client->trouble_size - 1])) {
        client->trouble[--client->trouble_size] = '\0';
    }
    const char *newline = strrchr(client->trouble, '\n');
    return newline ? newline + 1 : client->trouble;
}
