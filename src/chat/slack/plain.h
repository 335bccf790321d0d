#ifndef GP_CHAT_SLACK_PLAIN_H
#define GP_CHAT_SLACK_PLAIN_H

/*
 * The text of a Slack message is not what was typed: `&`, `<` and `>` are entities, addresses, channels and dates are in
 * <...>, and what is pasted brings code marks, bullets and blanks that nobody sees. Here that is undone. Smart quotes and
 * long dashes are left to the command parser, which knows them from every side.
 *
 *     &lt;            <                   <https://a.example|a>     a
 *     <#C1|deploys>   deploys             <https://a.example>       https://a.example
 *     <!here>         @here               <mailto:a@b.example|a@b>  a@b
 *     <@U1>           <@U1>               <!date^1^{date}|today>    today
 *     `retry 42`      retry 42            * retry 42                retry 42
 *
 * Entities are decoded once, so what somebody typed as &lt;@U1&gt; looks like a mention afterwards: who is mentioned must
 * be read from the raw text.
 */

#include <stddef.h>

#include "base/arena.h"

/* Never longer than the text. Begins and ends without blanks; lines within stay lines. */
char *plain_text(const char *text, struct arena *arena);

/* The size of the blanks and invisible characters that the raw text begins with. */
size_t plain_skip(const char *text);

#endif
