/* A program of somebody else's: sees oddrow.h and the installed library, nothing more. */
#include <oddrow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what, const oddrow_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    return 1;
}

static int write_rows(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    fputs("shape,size\n", file);
    for (int i = 0; i < 2000; i++)
        fprintf(file, "%s,%d\n", i % 2 ? "round" : "square", i % 2 ? 10 + i % 7 : 100 + i % 11);
    return fclose(file);
}

int main(void)
{
    const char *data = "consumer.csv";
    oddrow_error err;
    oddrow_options *options = NULL;
    oddrow_model *model = NULL;
    oddrow_counts counts;

    printf("liboddrow %s\n", oddrow_version());
    if (write_rows(data))
        return 1;
    if (oddrow_options_new(&options, &err) ||
        oddrow_options_set(options, "training.epochs", "1", &err) ||
        oddrow_options_set(options, "training.min-steps", "20", &err))
        return failed("options", &err);
    if (!oddrow_options_set(options, "training.epochs", "none", &err))
        return 1;
    if (oddrow_train(&data, 1, options, &model, &err))
        return failed("train", &err);
    if (oddrow_score(model, &data, 1, "consumer.out.csv", options, &counts, &err))
        return failed("score", &err);
    printf("%lu rows, %lu scored\n", (unsigned long)counts.rows, (unsigned long)counts.scored);
    oddrow_model_free(&model);
    oddrow_options_free(&options);
    return counts.rows == 2000 && counts.scored == 2000 ? 0 : 1;
}
