/* Any bytes as a pipeline file: either options or an error with a message, nothing else. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/load.h"
#include "pipeline/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    odd_options options;
    oddrow_error err = {0};
    odd_options_init(&options);
    int code = odd_pipeline_parse("f", (const char *)data, size, &options, &err);
    if (code != 0 && (err.code != code || err.message[0] == '\0'))
        abort();
    if (code == 0) {
        char text[200];
        size_t count = 0;
        const odd_option *table = odd_option_table(&count);
        for (size_t i = 0; i < count; i++)
            odd_options_print(&options, &table[i], text, sizeof(text));
        odd_options_check(&options, &err);
    }
    odd_options_clear(&options);
    return 0;
}
