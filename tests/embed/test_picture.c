/* Projections, labels that do not overlap, and texts that stay texts. */
#include "embeddings.h"

#include "embed/labels.h"
#include "embed/picture.h"
#include "embed/project.h"

static void principal_components(void **state)
{
    (void)state;
    enum { V = 400, E = 3 };
    static float v[V * E];
    static double points[2 * V];
    double explained, squares[2] = {0};
    odd_random r;
    odd_random_start(&r, 1, 0);
    for (size_t i = 0; i < V; i++) {
        double a = 3 * odd_random_normal(&r), b = odd_random_normal(&r);
        v[i * E] = (float)(5 + 0.6 * a - 0.8 * b);
        v[i * E + 1] = (float)(0.8 * a + 0.6 * b);
        v[i * E + 2] = (float)(7 + 0.01 * odd_random_normal(&r));
    }
    assert_int_equal(odd_pca(v, V, E, points, &explained, NULL), 0);
    assert_true(explained > 0.999 && explained <= 1);
    for (size_t i = 0; i < 2 * V; i++)
        squares[i % 2] += points[i] * points[i] / V;
    assert_true(squares[0] > 7 && squares[0] < 11 && squares[1] > 0.8 && squares[1] < 1.2);
    /* distances survive where everything is in the plane */
    for (size_t i = 1; i < V; i++) {
        double before = 0, after = 0;
        for (size_t j = 0; j < E; j++)
            before += pow((double)v[i * E + j] - (double)v[j], 2);
        for (size_t j = 0; j < 2; j++)
            after += pow(points[2 * i + j] - points[j], 2);
        made_near(sqrt(after), sqrt(before), 0.05);
    }
    const float same[4] = {1, 1, 1, 1};
    assert_int_equal(odd_pca(same, 4, 1, points, &explained, NULL), 0);
    assert_true(points[0] == 0 && points[7] == 0);
    const float bad[2] = {NAN, 1};
    assert_int_equal(odd_pca(bad, 2, 1, points, &explained, NULL), ODDROW_ENUMERIC);
}

/* Three clusters in ten dimensions stay three clusters. */
static void tsne_keeps_clusters(void **state)
{
    (void)state;
    enum { V = 300, E = 10 };
    static float v[V * E];
    static double one[2 * V], two[2 * V];
    odd_pool *pool = NULL;
    odd_random r;
    odd_random_start(&r, 1, 0);
    for (size_t i = 0; i < V; i++)
        for (size_t j = 0; j < E; j++)
            v[i * E + j] = (float)(odd_random_normal(&r) + (j == i % 3 ? 12 : 0));
    odd_tsne_options options = {.seed = 1, .iterations = 400};
    assert_int_equal(odd_tsne(v, V, E, &options, one, NULL), 0);
    size_t wrong = 0;
    for (size_t i = 0; i < V; i++) {
        size_t nearest = SIZE_MAX;
        double least = INFINITY;
        for (size_t k = 0; k < V; k++) {
            double d = pow(one[2 * i] - one[2 * k], 2) + pow(one[2 * i + 1] - one[2 * k + 1], 2);
            if (k != i && d < least) {
                least = d;
                nearest = k;
            }
        }
        wrong += nearest % 3 != i % 3;
    }
    assert_int_equal(wrong, 0);
    /* the same for any threads, another for another seed */
    assert_int_equal(odd_pool_new(3, &pool, NULL), 0);
    options.pool = pool;
    assert_int_equal(odd_tsne(v, V, E, &options, two, NULL), 0);
    assert_memory_equal(one, two, sizeof one);
    odd_pool_free(&pool);
    options = (odd_tsne_options){.seed = 2, .iterations = 10};
    assert_int_equal(odd_tsne(v, V, E, &options, two, NULL), 0);
    assert_memory_not_equal(one, two, sizeof one);
    memset(v, 0, sizeof v); /* all in one place */
    options.iterations = 50;
    assert_int_equal(odd_tsne(v, V, E, &options, two, NULL), 0);
    for (size_t i = 0; i < 2 * V; i++)
        assert_true(isfinite(two[i]));
    v[3] = NAN;
    assert_int_equal(odd_tsne(v, V, E, &options, two, NULL), ODDROW_ENUMERIC);
    assert_int_equal(odd_tsne(v, ODD_TSNE_MOST + 1, E, &options, two, NULL), ODDROW_EINVAL);
}

static void labels_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static odd_mark marks[COUNT];
    odd_box frame = {0, 0, 400, 300};
    odd_random r;
    odd_random_start(&r, 4, 0);
    for (size_t i = 0; i < COUNT; i++)
        marks[i] = (odd_mark){.x = 400 * odd_random_uniform(&r),
                              .y = 300 * odd_random_uniform(&r),
                              .radius = 1 + 5 * odd_random_uniform(&r),
                              .width = 10 + 60 * odd_random_uniform(&r)};
    marks[0].width = 0;
    size_t standing = odd_labels_place(marks, COUNT, 12, frame, 60), seen = 0;
    assert_in_range(standing, 8, 60);
    for (size_t i = 0; i < COUNT; i++) {
        odd_box box = marks[i].box;
        if (!(box.left < box.right))
            continue;
        seen++;
        assert_true(i > 0);
        assert_true(box.left >= 0 && box.right <= 400 && box.top >= 0 && box.bottom <= 300);
        made_near(box.right - box.left, marks[i].width, 1e-9);
        for (size_t k = 0; k < COUNT; k++) {
            double x = fmin(fmax(marks[k].x, box.left), box.right) - marks[k].x,
                   y = fmin(fmax(marks[k].y, box.top), box.bottom) - marks[k].y;
            assert_true(x * x + y * y >= marks[k].radius * marks[k].radius);
        }
        for (size_t k = 0; k < i; k++) {
            odd_box other = marks[k].box;
            assert_false(other.left < other.right && box.left < other.right &&
                         other.left < box.right && box.top < other.bottom &&
                         other.top < box.bottom);
        }
    }
    assert_int_equal(seen, standing);
    assert_int_equal(odd_labels_place(marks, COUNT, 12, frame, 3), 3);
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

static void hostile_texts_stay_texts(void **state)
{
    (void)state;
    odd_model *model = hostile_model(3);
    odd_embedding tables[2] = {odd_embedding_at(model, 0), odd_embedding_at(model, 1)};
    odd_picture_options options = {.labels = 50, .threads = 1};
    oddrow_error err = {0};
    for (int method = ODD_METHOD_PCA; method <= ODD_METHOD_TSNE; method++)
        for (int html = 0; html < 2; html++) {
            const char *path = made_path(html ? "p.html" : "p.svg");
            options.method = (odd_method)method;
            if (odd_picture_write(tables, 2, path, &options, NULL, &err))
                fail_msg("%s", err.message);
            odd_bytes text = made_read(path);
            assert_int_equal(strlen(text.data), text.size);
            assert_int_equal(count_of(text.data, "<script"), html);
            assert_null(strstr(text.data, "odd <name>"));
            assert_non_null(strstr(text.data, "odd &lt;name&gt;"));
            assert_non_null(strstr(text.data, "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&#39;"));
            assert_null(strstr(text.data, "]]>"));
            assert_null(strstr(text.data, "\xef\xbf\xbe"));
            assert_int_equal(count_of(text.data, "<circle"), tables[0].V + tables[1].V);
            assert_int_equal(count_of(text.data, "http"), 1 + (size_t)html); /* the namespace, and
                                                                                http-equiv */
            assert_non_null(strstr(text.data, "prefers-color-scheme:dark"));
            odd_bytes_free(&text);
        }
    assert_int_equal(odd_picture_write(tables, 1, made_path("p.png"), &options, NULL, &err),
                     ODDROW_EINVAL);
    odd_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principal_components), cmocka_unit_test(tsne_keeps_clusters),
        cmocka_unit_test(labels_do_not_overlap), cmocka_unit_test(hostile_texts_stay_texts)};
    return cmocka_run_group_tests(tests, made_enter, made_leave);
}
