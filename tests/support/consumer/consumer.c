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

/* The table of a column, its values, the nearest of them; a vector a row. */
static int use_embeddings(const oddrow_model *model, const char *data, oddrow_error *err)
{
    oddrow_embedding shapes;
    oddrow_neighbour near[2];
    oddrow_counts counts;
    const char *value;
    size_t size, found;
    uint32_t id;
    if (oddrow_embedding_count(model) != 1 || oddrow_embedding_at(model, 0, &shapes, err) ||
        oddrow_embedding_find(model, "shape", &shapes, err) ||
        oddrow_embedding_id(model, "shape", "round", 5, &id, err) ||
        oddrow_embedding_value(model, "shape", id, &value, &size, err) ||
        oddrow_nearest(shapes.vectors, shapes.values, shapes.width,
                       shapes.vectors + id * shapes.width, ODDROW_COSINE, 2, near, &found, err) ||
        oddrow_encode(model, &data, 1, "consumer.npy", NULL, &counts, err))
        return failed("embeddings", err);
    printf("%s: %lu values of width %lu\n", shapes.column, (unsigned long)shapes.values,
           (unsigned long)shapes.width);
    return shapes.values == 3 && shapes.counts[id] == 1000 && size == 5 &&
                   memcmp(value, "round", 5) == 0 && found == 2 && near[0].row == id &&
                   counts.scored == 2000 && oddrow_embedding_find(model, "size", &shapes, err)
               ? 0
               : 1;
}

/* Nobody listens there: the sender says so once its patience has ended. */
static int send_in_vain(const char *data, oddrow_error *err)
{
    oddrow_options *options = NULL;
    uint64_t safe = 1;
    if (oddrow_options_new(&options, err) ||
        oddrow_options_set(options, "client.patience", "200ms", err))
        return failed("options", err);
    int code = oddrow_send("ipc://nobody", data, options, &safe, err);
    oddrow_options_free(&options);
    return code == ODDROW_EIO && safe == 0 && strstr(err->message, "nobody") ? 0 : 1;
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
    if (use_embeddings(model, data, &err) || send_in_vain(data, &err))
        return 1;
    if (!oddrow_predict(model, &data, 1, "consumer.out.csv", options, NULL, &err))
        return 1; /* it was trained without a target */
    oddrow_model_free(&model);
    oddrow_options_free(&options);
    return counts.rows == 2000 && counts.scored == 2000 ? 0 : 1;
}
