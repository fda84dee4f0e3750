/* files/predict.h: CSV files in, what a supervised model makes of their rows out, in order,
 * on several threads. */
#ifndef ODD_FILES_PREDICT_H
#define ODD_FILES_PREDICT_H

#include "files/score.h"

/* Writes a line of CSV for every record of the files to `out` ("-" is standard output; written
 * under a temporary name and renamed when complete): the id, label, ignored and target columns that
 * the files have, row, predicted, and for classes probability_CLASS each, in the order of the
 * model's vocabulary. predicted is the likeliest class, or a number in the target's own units
 * within the range that training saw. Of the options csv, rejects, threads and progress count.
 * scored + rejected
 * == rows, always. ESCHEMA: the model has no target. */
int odd_predict_files(const odd_model *model, const char *const *paths, size_t path_count,
                      const char *out, const odd_score_options *options, odd_score_summary *summary,
                      oddrow_error *err);

#endif
