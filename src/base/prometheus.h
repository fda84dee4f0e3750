/* base/prometheus.h: the Prometheus text format, version 0.0.4. */
#ifndef ODD_BASE_PROMETHEUS_H
#define ODD_BASE_PROMETHEUS_H

#include "base/bytes.h"

/* A page in the making. Failures stay in *out; see odd_bytes_check. */
typedef struct odd_prometheus {
    odd_bytes *out;
    const char *name; /* of the family under way */
} odd_prometheus;

/* Begins a family: # HELP and # TYPE ("counter", "gauge", "histogram"). */
void odd_prometheus_family(odd_prometheus *p, const char *name, const char *type, const char *help);

/* One sample of the family: `suffix` ("", "_bucket", "_sum", "_count"), then pairs of label name
 * and value (escaped), ended by NULL: odd_prometheus_sample(p, "", 3, "socket", "pull", NULL).
 * Whole numbers are written in full, NaN as NaN. */
void odd_prometheus_sample(odd_prometheus *p, const char *suffix, double value, ...)
    __attribute__((sentinel));

#endif
