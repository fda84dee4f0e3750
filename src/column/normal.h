/* column/normal.h: the standard normal distribution and its quantiles. */
#ifndef ODD_COLUMN_NORMAL_H
#define ODD_COLUMN_NORMAL_H

/* z with P(Z <= z) = p, 0 < p < 1, to about 1e-15 relative (Wichura 1988, algorithm AS 241
 * PPND16, Applied Statistics 37(3)); -inf at or below 0, inf at or above 1. */
double odd_normal_quantile(double p);

/* P(Z <= z) by erfc. */
double odd_normal_cdf(double z);

#endif
