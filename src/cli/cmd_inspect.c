/* oddrow inspect: what a model file holds. */
#include <jansson.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/command.h"
#include "cli/print.h"
#include "cli/schema_text.h"
#include "model/model.h"

/* The model's metadata as a JSON value. A new reference, or NULL with the error. */
static json_t *metadata(const odd_model *model, oddrow_error *err)
{
    json_error_t problem;
    json_t *out = json_loads(odd_model_json(model), 0, &problem);
    if (!out)
        odd_fail(err, ODDROW_EFORMAT, "the model's metadata: %s", problem.text);
    return out;
}

static void print_scalar(const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    if (text)
        printf("  %-24s %s\n", name, json_is_string(value) ? json_string_value(value) : text);
    free(text);
}

/* A short list of numbers or names on one line: widths, not quantiles. */
static bool is_short_list(const json_t *value)
{
    enum { SHORT = 16 };
    return json_is_array(value) && json_array_size(value) <= SHORT &&
           (json_is_number(json_array_get(value, 0)) || json_is_string(json_array_get(value, 0)));
}

/* Scalars and short lists are printed; long lists and the columns are for --json. */
static bool is_short(const json_t *value)
{
    return !json_is_object(value) && (!json_is_array(value) || is_short_list(value));
}

static bool has_short_members(json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (is_short(value))
            return true;
    }
    return false;
}

static void print_object(json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (is_short(value))
            print_scalar(name, value);
    }
}

static void print_metadata(json_t *root, const odd_model *model)
{
    const odd_network *network = odd_model_network(model);
    const char *name;
    json_t *value;
    puts("model");
    print_object(root);
    printf("  %-24s %s\n", "hash", odd_model_hash(model));
    printf("  %-24s %zu\n", "parameters", network->weights);
    printf("  %-24s %zu\n", "input width", network->X);
    json_object_foreach(root, name, value)
    {
        if (has_short_members(value)) {
            printf("%s\n", name);
            print_object(value);
        }
    }
    putchar('\n');
}

static int print_model(const odd_model *model, oddrow_error *err)
{
    json_t *root = metadata(model, err);
    if (!root)
        return ODDROW_EFORMAT;
    print_metadata(root, model);
    json_decref(root);
    return odd_schema_print(odd_model_schema(model), err);
}

static int run(odd_arguments *arguments, oddrow_error *err)
{
    odd_model *model = NULL;
    int rc = 0;

    if (arguments->word_count != 1)
        rc = odd_fail(err, ODDROW_EINVAL, "give one model: oddrow inspect MODEL");
    if (rc == 0)
        rc = odd_model_load(arguments->words[0], &model, err);
    if (rc == 0 && arguments->options.scoring.json) {
        json_t *root = metadata(model, err);
        rc = root ? odd_print_json(root, err) : ODDROW_EFORMAT;
    } else if (rc == 0) {
        rc = print_model(model, err);
    }
    odd_model_free(&model);
    return rc;
}

const odd_command odd_command_inspect = {
    .name = "inspect",
    .bit = ODD_COMMAND_INSPECT,
    .usage = "inspect MODEL [--json]",
    .summary = "show the contents of a model",
    .about = "Prints the model's columns, network, training record, calibration and threshold.\n"
             "--json prints all of its metadata, including vocabularies and quantiles.",
    .examples = "  oddrow inspect orders.model\n"
                "  oddrow inspect orders.model --json",
    .run = run,
};
