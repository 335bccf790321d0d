#ifndef GP_CLI_ACCESS_H
#define GP_CLI_ACCESS_H

/*
 * Which server the client verbs speak to, and by which token. The first that is there counts:
 *
 *   server: --server, the address file of --state-dir, $GUIDEPOST_SERVER, cli.yaml, the address file of ./.guidepost
 *           or /var/lib/guidepost
 *   token:  --token-file, $GUIDEPOST_TOKEN_FILE, $GUIDEPOST_API_KEY, cli.yaml, local.token beside the address file
 *
 * cli.yaml is $XDG_CONFIG_HOME/guidepost/cli.yaml (~/.config), else /etc/guidepost/cli.yaml: lines `server: URL` and
 * `token_file: FILE`. A local.token is never sent to a server that was named in another way.
 */

#include "base/arena.h"
#include "base/err.h"
#include "options.h"

struct access {
    const char *server; /* "http://127.0.0.1:8080", "unix:/path" */
    const char *token;  /* NULL: there is none */
};

/* Texts live in the arena. ERR_UNAVAILABLE if no server is named anywhere. */
int access_find(const struct options *options, struct arena *arena, struct access *ret_access, struct err *err)
    MUST_USE;

#endif
