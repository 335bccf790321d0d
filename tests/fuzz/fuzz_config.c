/* Any bytes as a configuration: it is accepted or refused with a reason, and what it says is fit to show. */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config_problems problems;
    struct config *config = config_load_text("fuzz.yaml", (const char *)data, size, &problems);
    assert((config == NULL) == (problems.errors > 0));
    struct buf text = BUF_INIT(1 << 20);
    config_problems_write(&problems, &text);
    assert(!text.overflow && str_is_utf8(text.data, text.size));
    buf_finish(&text);
    config_problems_finish(&problems);
    config_unref(config);
    return 0;
}
