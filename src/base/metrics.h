/* base/metrics.h: the Prometheus text format, version 0.0.4. */
#ifndef ODD_BASE_METRICS_H
#define ODD_BASE_METRICS_H

#include "base/bytes.h"

/* Builds a page; after a failure (out of memory) all further calls do nothing and rc stays. */
typedef struct odd_metrics {
    odd_bytes *out;
    const char *name; /* of the family under way */
    int rc;
} odd_metrics;

/* Begins a family: # HELP and # TYPE ("counter", "gauge", "histogram"). */
void odd_metrics_family(odd_metrics *m, const char *name, const char *type, const char *help);

/* One sample of the family: `suffix` ("", "_bucket", "_sum", "_count"), then pairs of label name
 * and value (escaped), ended by NULL: odd_metrics_sample(m, "", 3, "socket", "pull", NULL). Whole
 * numbers are written in full, NaN as NaN. */
void odd_metrics_sample(odd_metrics *m, const char *suffix, double value, ...)
    __attribute__((sentinel));

#endif
