/* score/local.h: prototypes: the places where training rows lie, by k-means over learned inputs. */
#ifndef ODD_SCORE_LOCAL_H
#define ODD_SCORE_LOCAL_H

#include "base/pool.h"
#include "score/verdict.h"

enum { ODD_PROTOTYPES = 256 };

/* Room for `count` prototypes. */
int odd_verdict_prototypes(odd_verdict *verdict, size_t count, oddrow_error *err);

/* `wanted` centres of the rows of x (n, X), n >= wanted, into centers (wanted, X). Seeded by
 * k-means++ (Arthur and Vassilvitskii, 2007) on a part of the rows, then Lloyd's iterations until
 * nothing moves or a fixed number is done. The same for any number of threads. */
int odd_kmeans(const float *x, size_t n, size_t X, size_t wanted, uint64_t seed, odd_pool *pool,
               float *centers, oddrow_error *err);

#endif
