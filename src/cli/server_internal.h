#ifndef GP_CLI_SERVER_INTERNAL_H
#define GP_CLI_SERVER_INTERNAL_H

/*
 * What server.c (the parts and their building), server_config.c (what is in force) and server_stop.c (the ordered stop) share.
 */

#include <stdbool.h>

#include "base/id.h"
#include "server.h"

enum { SERVER_BANNER_SIZE = 1024 };

struct server {
    struct server_options options;
    struct state_dir *state_dir;
    char local_token[ID_RANDOM_SIZE];
    char banner[SERVER_BANNER_SIZE]; /* "" if there is nothing to warn about */
    struct config *config;           /* in force: as it was loaded, with the targets of its inventories */
    struct inventories *inventories; /* of it */
    struct loop *loop;
    struct redis_server *redis;
    struct store *store;
    struct engine *engine;
    struct operations *operations;
    struct chats *chats;
    struct escalation *escalation;
    struct feed *feed;
    struct api *api;
    struct worker *worker;
    struct signal_watch *signals[3];
    struct timer *timer; /* of the stop */
    bool store_came, store_wrong, rolled_back, generation_put, stopping, drain_over;
    int exit_code;
};

/* server_config.c */

/* NULL, and the reasons on stderr. */
struct config *server_load(const char *path);

/* The targets of the inventories: they are asked beside everything else. */
void server_build_inventories(struct server *server);

/* Somebody wants the file as it is to be in force (SIGHUP), or another server has put another configuration in force. Then ours must
 * not replace it unless the file has changed: it may be the older one. */
void server_reload(struct server *server, bool wanted);
void server_reload_stale(void *user); /* the latter */

/* Puts our configuration in force. */
void server_put_generation(struct server *server);

/* server_stop.c */

/* A signal: work first, then talk, then the store. The second one waits no more. */
void server_stop(int number, void *user);

/* The store before those who wait for it: they all hear from it once more, and must still be there. */
void server_destroy_with_store(struct server *server);

#endif
