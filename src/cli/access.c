#include "access.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"

enum { SMALL_FILE = 64 << 10 };

static const char *const STATE_DIRS[] = {".guidepost", "/var/lib/guidepost"};

/* The first line of a file, without blanks around it. */
static int read_line(const char *path, struct arena *arena, const char **ret_line, struct err *err) {
    struct buf text = BUF_INIT(SMALL_FILE);
    int r = file_read(path, SMALL_FILE, &text, err);
    if (r == 0) {
        const char *line = text.data + strspn(text.data, " \t\r\n");
        size_t size = strcspn(line, "\r\n");
        while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t')) {
            size--;
        }
        *ret_line = arena_strndup(arena, line, size);
        r = size > 0 ? 0 : err_set(err, ERR_INVALID, "%s is empty.", path);
    }
    buf_finish(&text);
    return r;
}

/* The value of `key:` in a file of such lines, which are YAML in its plainest form; NULL if it is not there. */
static const char *read_setting(const char *path, const char *key, struct arena *arena) {
    struct buf text = BUF_INIT(SMALL_FILE);
    const char *value = NULL;
    size_t key_size = strlen(key);
    if (file_read(path, SMALL_FILE, &text, NULL) == 0) {
        for (const char *line = text.data; *line && !value; line += strcspn(line, "\n"), line += *line == '\n') {
            if (!str_starts(line, key) || line[key_size] != ':') {
                continue;
            }
            const char *start = line + key_size + 1;
            start += strspn(start, " \t");
            char quote = *start == '"' || *start == '\'' ? *start++ : '\0';
            size_t size = quote ? strcspn(start, quote == '"' ? "\"\n" : "'\n") : strcspn(start, " \t\r\n#");
            value = size > 0 ? arena_strndup(arena, start, size) : NULL;
        }
    }
    buf_finish(&text);
    return value;
}

static const char *find_setting(const char *key, struct arena *arena) {
    const char *home = getenv("HOME"), *folder = getenv("XDG_CONFIG_HOME");
    const char *value = NULL;
    if (!str_empty(folder)) {
        value = read_setting(arena_printf(arena, "%s/guidepost/cli.yaml", folder), key, arena);
    } else if (!str_empty(home)) {
        value = read_setting(arena_printf(arena, "%s/.config/guidepost/cli.yaml", home), key, arena);
    }
    return value ? value : read_setting("/etc/guidepost/cli.yaml", key, arena);
}

/* Sets *ret_folder if the address came from a state directory. */
static int find_server(const struct options *options, struct arena *arena, const char **ret_server,
                       const char **ret_folder, struct err *err) {
    const char *folder = option_value(options, OPTION_STATE_DIR);
    const char *server = option_value(options, OPTION_SERVER);
    if (!server && folder) {
        *ret_folder = folder;
        if (read_line(arena_printf(arena, "%s/address", folder), arena, ret_server, NULL) < 0) {
            return err_set(err, ERR_UNAVAILABLE,
                           "No server runs with the state directory %s: it has no file 'address'.", folder);
        }
        return 0;
    }
    server = server ? server : getenv("GUIDEPOST_SERVER");
    server = str_empty(server) ? find_setting("server", arena) : server;
    for (size_t i = 0; !server && i < sizeof STATE_DIRS / sizeof *STATE_DIRS; i++) {
        if (read_line(arena_printf(arena, "%s/address", STATE_DIRS[i]), arena, &server, NULL) == 0) {
            *ret_folder = STATE_DIRS[i];
        }
    }
    if (!server) {
        return err_set(
            err, ERR_UNAVAILABLE,
            "No server is known. Name one with --server or GUIDEPOST_SERVER, or start one here with: guidepost up");
    }
    *ret_server = server;
    return 0;
}

static int find_token(const struct options *options, const char *folder, struct arena *arena, const char **ret_token,
                      struct err *err) {
    const char *file = option_value(options, OPTION_TOKEN_FILE);
    const char *key = getenv("GUIDEPOST_API_KEY");
    file = file ? file : getenv("GUIDEPOST_TOKEN_FILE");
    if (str_empty(file) && !str_empty(key)) {
        *ret_token = key;
        return 0;
    }
    file = str_empty(file) ? find_setting("token_file", arena) : file;
    if (!str_empty(file)) {
        return read_line(file, arena, ret_token, err);
    }
    /* Absent or not ours to read: then the server says that nobody has signed in. */
    if (!folder || read_line(arena_printf(arena, "%s/local.token", folder), arena, ret_token, NULL) < 0) {
        *ret_token = NULL;
    }
    return 0;
}

int access_find(const struct options *options, struct arena *arena, struct access *ret_access, struct err *err) {
    const char *folder = NULL;
    int r = find_server(options, arena, &ret_access->server, &folder, err);
    return r < 0 ? r : find_token(options, folder, arena, &ret_access->token, err);
}
