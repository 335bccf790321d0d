#ifndef GP_TESTS_API_RIG_H
#define GP_TESTS_API_RIG_H

/*
 * The whole API over real sockets and a real redis-server. The leader is played by a few lines, and what people want is
 * carried out by a stand-in for app/operations, which notes what it was asked: an answer and a take are recorded in the
 * store, all else is said to be done. fakes/api_client.h asks it.
 *
 * alice may do all, bob may view all, dave may view staging, carol may do nothing. Tests are run with api_test(name).
 */

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"

/* Header lines by which they are known. */
#define ALICE "X-Octopus-ApiKey: alice-token\r\n"
#define BOB "Authorization: Bearer bob-token\r\n"
#define DAVE "Authorization: Bearer dave-token\r\n"
#define CAROL "Authorization: bearer carol-token\r\n"

/* Of an operation that was asked for. */
struct api_asked {
    size_t count;
    enum command_id id;
    char actor[64], via[16], project[64], version[64], environment[64], note[64], room[64], on[64], event_id[64];
    uint64_t deployment, question;
    enum guidance guidance;
    bool single;
    uint32_t revision;
    int guided;
};

struct api_rig {
    struct store_rig store;
    struct leader leader;
    struct arena *arena;
    struct config *config;
    struct api *api;
    struct api_asked asked;
    struct err refusal;   /* what the next operation is refused with; code ERR_NONE = it is done */
    bool hold;            /* the reply does not come */
    operation_done *held; /* of the operation that is held */
    void *held_user;
};

extern struct api_rig api_rig;

int api_rig_set_up(void **state);
int api_rig_tear_down(void **state);
#define api_test(name) cmocka_unit_test_setup_teardown(name, api_rig_set_up, api_rig_tear_down)

/* As at a start of the server, and as at its stop. The set-up has opened it. */
void api_rig_open(const char *local_token, const char *web_dir);
void api_rig_close(void);

/* D1: Install went well on web-1 and failed on web-2: Q1. */
void api_rig_pause_one(void);

#endif
