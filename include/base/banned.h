#ifndef GP_BASE_BANNED_H
#define GP_BASE_BANNED_H

/*
 * Included before every source by the compiler's command line. Each of these functions has overrun a buffer, swallowed
 * an error or shared hidden state in somebody's program; base/str.h, base/buf.h and base/clock.h have what to use instead.
 * The headers that declare them come first, since a poisoned name may not be seen again. With _FORTIFY_SOURCE some are
 * macros there, which clang does not want poisoned.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi gets
#pragma GCC poison localtime gmtime asctime ctime

#endif
