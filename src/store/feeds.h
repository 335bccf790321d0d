#ifndef GP_STORE_FEEDS_H
#define GP_STORE_FEEDS_H

/* Where the store keeps what its feeds share; NULL while there are none. */

struct feeds;
struct store;

struct feeds **store_feeds(struct store *store);
void feeds_outlive(struct feeds *feeds); /* the store goes; NULL is fine */

#endif
