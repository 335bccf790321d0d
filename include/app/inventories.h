#ifndef GP_APP_INVENTORIES_H
#define GP_APP_INVENTORIES_H

/*
 * Keeps the targets that inventories list up to date: each command is run, and each file read, every `refresh`. What was read last stays in
 * force while the next reading fails, which is told in the log, by a metric, and by inventories_write_health. Until one has been read
 * the first time its config_inventory is not `read`, and nothing is planned for the environments that it serves.
 */

#include "base/buf.h"
#include "config/config.h"
#include "net/loop.h"

struct inventories;

struct inventories_options {
    struct loop *loop;
    /* Targets have come or gone: this configuration is to be in force from now on; the reference is the receiver's. */
    void (*changed)(struct config *config, void *user);
    void *user;
};

struct inventories *inventories_create(const struct inventories_options *options);
void inventories_destroy(struct inventories *inventories); /* NULL does nothing */

/* From now on those of this configuration, as it was loaded; a reference is taken. Returns it with the targets that are known of the same
 * inventories (a reference for the caller), and asks all of them anew. */
struct config *inventories_use(struct inventories *inventories, struct config *base);

/* A line for each, which everybody may read. */
void inventories_write_health(const struct inventories *inventories, struct buf *out);
/* Why, a line for each that could not be read last time: returns how many. */
size_t inventories_write_troubles(const struct inventories *inventories, struct buf *out);

/* Runs the loop until each of them was asked once: to check a configuration. */
void inventories_wait(struct inventories *inventories);

#endif
