#ifndef GP_NET_LOOP_H
#define GP_NET_LOOP_H

/*
 * The one event loop, in the few words that the rest of the program needs. libuv itself is seen only
 * inside src/net and src/exec. A callback never runs before the function that started the wait has returned.
 */

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;
struct signal_watch;

struct loop *loop_create(void);    /* from here on the process ignores SIGPIPE */
void loop_run(struct loop *loop);  /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *loop); /* returns from loop_run at the end of the turn */

/* Lets closing handles finish. False if something was left open (or a loop_soon was not called yet),
 * which is a bug: the tests demand true under AddressSanitizer. Frees the loop. */
bool loop_destroy(struct loop *loop);

/* The uv_loop_t for the other parts that attach to it. */
void *loop_uv(struct loop *loop);

/* A timer that can be started again and again. One-shot; a repeating use starts it again itself.
 * (timer_create is taken: it is POSIX's.) */
struct timer *loop_timer(struct loop *loop, void (*fired)(void *user), void *user);
void timer_start(struct timer *timer, int64_t delay_ms); /* replaces a pending start */
void timer_stop(struct timer *timer);
bool timer_active(const struct timer *timer);
void timer_destroy(struct timer *timer); /* NULL does nothing; safe inside its own callback */

/* Runs `call` once at the end of this turn of the loop; for completions that must not run at once.
 * The returned timer is destroyed by itself after the call; loop_cancel_soon forgets it before. */
struct timer *loop_soon(struct loop *loop, void (*call)(void *user), void *user);
void loop_cancel_soon(struct timer *soon);

struct signal_watch *signal_watch_create(struct loop *loop, int number, void (*came)(int number, void *user),
                                         void *user);
void signal_watch_destroy(struct signal_watch *watch);

#endif
