/* pipeline/load.h: a pipeline file in YAML to validated options. */
#ifndef ODD_PIPELINE_LOAD_H
#define ODD_PIPELINE_LOAD_H

#include "pipeline/options.h"

/* Reads a pipeline file: sections of keys, as in the option table. Values given as flags stay. An
 * unknown or repeated section or key, a bad value and broken YAML are errors that begin with
 * "path:line:column: ". On an error `options` may hold some of the file's values. */
int odd_pipeline_load(const char *path, odd_options *options, oddrow_error *err);

/* The same for text in memory; `name` stands for the path. Pure. */
int odd_pipeline_parse(const char *name, const char *text, size_t size, odd_options *options,
                       oddrow_error *err);

#endif
