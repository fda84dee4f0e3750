/* bench/score_parts.c: shows where the time of scoring goes.
 *
 * usage: score_parts MODEL DATA.csv OUT [threads]     default 2 threads
 * Scores like `oddrow score` with default flags. Prints the rows and the seconds inside
 * odd_score_files (without the loading of the model). For each part, prints its thread-seconds and
 * its share of all threads' time in percent. `other` is the time that no part counts, such as
 * waiting. */
#include <stdio.h>
#include <stdlib.h>

#include "files/score.h"
#include "model/model.h"

int main(int argc, char **argv)
{
    odd_score_options options = ODD_SCORE_OPTIONS_INIT;
    odd_score_summary s = {0};
    odd_model *model = NULL;
    oddrow_error err = {0};

    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: score_parts MODEL DATA.csv OUT [threads]\n");
        return 2;
    }
    options.threads = argc > 4 ? strtoul(argv[4], NULL, 10) : 2;
    if (options.threads == 0 || odd_model_load(argv[1], &model, &err) ||
        odd_score_files(model, (const char *const *)&argv[2], 1, argv[3], &options, &s, &err)) {
        fprintf(stderr, "score_parts: %s\n", err.code ? err.message : "threads must be 1 or more");
        odd_model_free(&model);
        return 1;
    }
    odd_model_free(&model);

    const struct {
        const char *name;
        double seconds;
    } parts[] = {{"reading", s.reading}, {"parsing", s.parsing}, {"encoding", s.encoding},
                 {"network", s.network}, {"rarity", s.rarity},   {"calibration", s.calibration},
                 {"writing", s.writing}};
    const double whole = s.seconds * (double)options.threads;
    double rest = whole;
    printf("rows %llu\nseconds %.6f\n", (unsigned long long)s.rows, s.seconds);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        printf("%s %.6f %.1f\n", parts[i].name, parts[i].seconds, 100 * parts[i].seconds / whole);
        rest -= parts[i].seconds;
    }
    printf("other %.6f %.1f\n", rest, 100 * rest / whole);
    return 0;
}
