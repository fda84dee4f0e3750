/* pipeline/load.c: a pipeline file in YAML to validated options. */
#include "pipeline/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/memory.h"

/* A pipeline file is written by hand; what is longer than this is another file. */
enum { LONGEST = 256 * 1024 };

typedef struct reader {
    const char *name;
    yaml_document_t *document;
    odd_options *options;
    unsigned char seen[ODD_OPTION_MAX]; /* rows of the table that this file has set */
    oddrow_error *err;
} reader;

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

/* Puts file, line and column before the message; lines and columns count from 1. */
static int at(reader *r, yaml_mark_t mark, int code)
{
    return odd_prefix(r->err, code, "%s:%zu:%zu: ", r->name, mark.line + 1, mark.column + 1);
}

static int fail_at(reader *r, const yaml_node_t *node, const char *what, const char *word,
                   const char *nearest)
{
    if (nearest)
        odd_fail(r->err, ODDROW_EINVAL, "%s '%.100s'; did you mean '%s'?", what, word, nearest);
    else
        odd_fail(r->err, ODDROW_EINVAL, "%s '%.100s'", what, word);
    return at(r, node->start_mark, ODDROW_EINVAL);
}

/* A scalar without NUL bytes, which C text cannot hold. */
static bool is_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && strlen(text_of(node)) == node->data.scalar.length;
}

static bool is_nothing(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (node->data.scalar.length == 0 || strcmp(text_of(node), "~") == 0 ||
            strcmp(text_of(node), "null") == 0);
}

static const char *nearest_section(const char *word)
{
    const char *names[ODD_OPTION_MAX];
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++)
        names[i] = table[i].section;
    return odd_nearest(word, names, count);
}

static const char *nearest_key(const char *section, const char *word)
{
    const char *names[ODD_OPTION_MAX];
    size_t count = 0, n = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].section, section) == 0)
            names[n++] = table[i].key;
    return odd_nearest(word, names, n);
}

static bool is_section(const char *word)
{
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].section, word) == 0)
            return true;
    return false;
}

/* A sequence of scalars: its items as they stand, commas and all. */
static int read_sequence(reader *r, const odd_option *option, const yaml_node_t *node)
{
    size_t count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    const char **items = odd_alloc(count + 1, sizeof(*items));
    int code = 0;
    if (!items)
        return odd_fail(r->err, ODDROW_ENOMEM, "out of memory while reading %s", r->name);
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = yaml_document_get_node(r->document, node->data.sequence.items.start[i]);
        if (!item || !is_text(item)) {
            odd_fail(r->err, ODDROW_EINVAL, "%s: an item of a list must be plain text",
                     option->key);
            code = at(r, (item ? item : node)->start_mark, ODDROW_EINVAL);
            goto done;
        }
        items[i] = text_of(item);
    }
    code = odd_options_set_list(r->options, option, items, count, ODD_FROM_PIPELINE, r->err);
    code = at(r, node->start_mark, code);
done:
    odd_free(items);
    return code;
}

static int read_value(reader *r, const odd_option *option, const yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE)
        return read_sequence(r, option, node);
    if (!is_text(node)) {
        odd_fail(r->err, ODDROW_EINVAL, "%s must be a value or a list of values", option->key);
        return at(r, node->start_mark, ODDROW_EINVAL);
    }
    if (is_nothing(node)) {
        odd_fail(r->err, ODDROW_EINVAL, "%s has no value; leave the key out for its default",
                 option->key);
        return at(r, node->start_mark, ODDROW_EINVAL);
    }
    int code = odd_options_set(r->options, option, text_of(node), ODD_FROM_PIPELINE, r->err);
    return at(r, node->start_mark, code);
}

static int read_section(reader *r, const char *section, const yaml_node_t *node)
{
    size_t count = 0;
    const odd_option *table = odd_option_table(&count);
    if (is_nothing(node))
        return 0;
    if (node->type != YAML_MAPPING_NODE) {
        odd_fail(r->err, ODDROW_EINVAL, "the section %s must hold keys and values", section);
        return at(r, node->start_mark, ODDROW_EINVAL);
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
        if (!key || !value || !is_text(key))
            return fail_at(r, key ? key : node, "a key must be plain text in the section", section,
                           NULL);
        const odd_option *option = odd_option_find(section, text_of(key));
        if (!option)
            return fail_at(r, key, "unknown key", text_of(key), nearest_key(section, text_of(key)));
        if (r->seen[option - table]++)
            return fail_at(r, key, "duplicate key", text_of(key), NULL);
        int code = read_value(r, option, value);
        if (code)
            return code;
    }
    return 0;
}

static int read_document(reader *r)
{
    yaml_node_t *root = yaml_document_get_root_node(r->document);
    if (!root || is_nothing(root))
        return 0; /* an empty file sets nothing */
    if (root->type != YAML_MAPPING_NODE) {
        odd_fail(r->err, ODDROW_EINVAL, "a pipeline file holds sections: data, columns, …");
        return at(r, root->start_mark, ODDROW_EINVAL);
    }
    yaml_node_pair_t *start = root->data.mapping.pairs.start;
    for (yaml_node_pair_t *pair = start; pair < root->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(r->document, pair->value);
        if (!key || !value || !is_text(key) || !is_section(text_of(key)))
            return fail_at(r, key ? key : root, "unknown section",
                           key && is_text(key) ? text_of(key) : "",
                           key && is_text(key) ? nearest_section(text_of(key)) : NULL);
        for (yaml_node_pair_t *before = start; before < pair; before++)
            if (strcmp(text_of(yaml_document_get_node(r->document, before->key)), text_of(key)) ==
                0)
                return fail_at(r, key, "duplicate section", text_of(key), NULL);
        int code = read_section(r, text_of(key), value);
        if (code)
            return code;
    }
    return 0;
}

/* What libyaml found wrong, in its words. */
static int fail_yaml(reader *r, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return odd_fail(r->err, ODDROW_ENOMEM, "%s: out of memory", r->name);
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR) {
        return odd_fail(r->err, ODDROW_EINVAL, "%s: %s at byte %zu", r->name, problem,
                        parser->problem_offset + 1);
    }
    odd_fail(r->err, ODDROW_EINVAL, "%s%s%s", parser->context ? parser->context : "",
             parser->context ? ", " : "", problem);
    return at(r, parser->problem_mark, ODDROW_EINVAL);
}

int odd_pipeline_parse(const char *name, const char *text, size_t size, odd_options *options,
                       oddrow_error *err)
{
    yaml_parser_t parser;
    yaml_document_t document, second;
    reader r = {.name = name, .document = &document, .options = options, .err = err};
    int code;

    if (size > LONGEST)
        return odd_fail(err, ODDROW_EINVAL, "%s: too long for a pipeline file (over %d KiB)", name,
                        LONGEST / 1024);
    if (!yaml_parser_initialize(&parser))
        return odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    if (!yaml_parser_load(&parser, &document)) {
        code = fail_yaml(&r, &parser);
        yaml_parser_delete(&parser);
        return code;
    }
    code = read_document(&r);
    if (code == 0 && yaml_document_get_root_node(&document)) {
        if (!yaml_parser_load(&parser, &second)) {
            code = fail_yaml(&r, &parser);
        } else {
            yaml_node_t *root = yaml_document_get_root_node(&second);
            if (root) {
                odd_fail(err, ODDROW_EINVAL, "a pipeline file is one YAML document, not two");
                code = at(&r, root->start_mark, ODDROW_EINVAL);
            }
            yaml_document_delete(&second);
        }
    }
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return code;
}

int odd_pipeline_load(const char *path, odd_options *options, oddrow_error *err)
{
    char *text = NULL;
    int code = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return odd_fail(err, ODDROW_EIO, "%s: cannot open the pipeline file: %s", path,
                        strerror(errno));
    text = odd_alloc(LONGEST + 2, 1);
    if (!text) {
        code = odd_fail(err, ODDROW_ENOMEM, "%s: out of memory", path);
        goto done;
    }
    errno = 0;
    size_t size = fread(text, 1, LONGEST + 1, file);
    if (ferror(file)) {
        code = odd_fail(err, ODDROW_EIO, "%s: cannot read the pipeline file: %s", path,
                        strerror(errno));
        goto done;
    }
    code = odd_pipeline_parse(path, text, size, options, err);
done:
    odd_free(text);
    fclose(file);
    return code;
}
