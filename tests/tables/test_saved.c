/* Saved embedding tables: four kinds of file give the same start, frozen tables stay, what does not
 * fit is said. */
#include "made.h"

#include "model/safetensors.h"
#include "nn/network.h"
#include "tables/saved.h"

enum { PARTS = MADE_ID | MADE_SMALL | MADE_NUMBER, ROWS = 300 };

/* A model with a column "small" of 4 texts, one with a comma and a blank, one not ASCII, and an
 * entry for missing cells; its file, and the files with its table. */
static odd_model *model;
static const char *paths[4]; /* model, safetensors, word2vec, GloVe */

static const char *const words[] = {"red", "green", "blue", "a,\\_b", "\xc3\xa9t\xc3\xa9"};
static const char *const texts[] = {"red", "green", "blue", "a, b", "\xc3\xa9t\xc3\xa9"};

static const float *vector_of(const odd_model *m, uint32_t id)
{
    return odd_network_tensor(m->network, 0) + id * m->network->config.E[0];
}

static uint32_t id_of(const odd_model *m, const char *text)
{
    return odd_vocabulary_find(m->schema->columns[1].vocabulary, text, strlen(text));
}

static void add_line(odd_bytes *out, const char *word, uint32_t id)
{
    const size_t E = model->network->config.E[0];
    odd_bytes_print(out, "%s", word);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
    for (size_t j = 0; j < E; j++)
        odd_bytes_print(out, " %.9g", (double)vector_of(model, id)[j]);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
    odd_bytes_add(out, "\n", 1);
    assert_int_equal(odd_bytes_check(out, NULL), 0);
}

/* The table as lines: all texts, the missing entry, the unknown one. */
static odd_bytes table_text(bool header)
{
    odd_bytes out = {0};
    const odd_vocabulary *v = model->schema->columns[1].vocabulary;
    if (header)
        odd_bytes_print(&out, "7 %zu\n", model->network->config.E[0]);
    assert_int_equal(odd_bytes_check(&out, NULL), 0);
    for (size_t i = 0; i < 5; i++)
        add_line(&out, words[i], id_of(model, texts[i]));
    add_line(&out, "(missing)", v->missing_id);
    add_line(&out, header ? "(unknown)" : "<unk>", 0);
    return out;
}

/* A plain safetensors file: the rows in the order of the ids, F32 or F64. */
static void write_tensor(const char *path, const char *tensor, const char *values, size_t rows,
                         odd_dtype dtype)
{
    const size_t E = model->network->config.E[0];
    double *wide = calloc(rows * E, sizeof *wide);
    for (size_t i = 0; i < rows * E; i++)
        wide[i] = (double)vector_of(model, 0)[i];
    const odd_stored stored = {
        tensor, dtype, 2, {rows, E}, dtype == ODD_F64 ? (const void *)wide : vector_of(model, 0)};
    char key[100];
    snprintf(key, sizeof key, "values.%s", tensor + 10);
    assert_int_equal(odd_safetensors_save(path, &stored, 1, key, values, NULL), 0);
    free(wide);
}

static json_t *values_of(void)
{
    const odd_vocabulary *v = model->schema->columns[1].vocabulary;
    json_t *values = json_array();
    for (uint32_t id = 0; id < v->size; id++) {
        odd_span text = odd_vocabulary_text(v, id);
        json_array_append_new(values, id == 0               ? json_string("(unknown)")
                                      : id == v->missing_id ? json_string("(missing)")
                                                            : json_stringn(text.data, text.size));
    }
    return values;
}

static int enter(void **state)
{
    static char names[4][200];
    if (made_enter(state))
        return -1;
    for (size_t i = 0; i < 4; i++) {
        snprintf(names[i], sizeof names[i], "%s/saved%zu", made_directory, i);
        paths[i] = names[i];
    }
    model = made_model(PARTS, ROWS, 3);
    assert_int_equal(model->schema->columns[1].vocabulary->size, 7);
    assert_int_equal(odd_model_save(model, paths[0], NULL), 0);
    json_t *values = values_of();
    char *text = json_dumps(values, JSON_COMPACT);
    write_tensor(paths[1], "embedding.small", text, 7, ODD_F64);
    free(text);
    json_decref(values);
    for (size_t i = 2; i < 4; i++) {
        odd_bytes lines = table_text(i == 2);
        made_write(paths[i], lines.data, lines.size);
        odd_bytes_free(&lines);
    }
    return 0;
}

static int leave(void **state)
{
    odd_model_free(&model);
    return made_leave(state);
}

/* Applies the files to a network that begins elsewhere. */
static int apply(const odd_model *to, const char *const *files, size_t count,
                 const char *const *freeze, size_t freeze_count, bool *frozen, odd_network **out,
                 odd_bytes *notes, oddrow_error *err)
{
    odd_train_options o = made_options();
    o.embeddings = (odd_names){files, count};
    o.freeze = (odd_names){freeze, freeze_count};
    odd_bytes_clear(notes);
    assert_int_equal(odd_network_new(&to->network->config, out, NULL), 0);
    odd_network_init(*out, 99);
    return odd_saved_apply(&o.embeddings, &o.freeze, o.seed, to->schema, *out, frozen, notes, err);
}

static const char *spec(size_t kind, char *room)
{
    snprintf(room, 250, "%s%s", kind < 2 ? "" : "small=", paths[kind]);
    return room;
}

static void test_same_start(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 4; kind++)
        for (int named = 0; named < 2; named++) { /* COLUMN=FILE goes for every kind */
            char room[250];
            odd_bytes notes = {0};
            const char *file = spec(kind, room);
            odd_network *network = NULL;
            bool frozen[2] = {0};
            oddrow_error err = {0};
            if (named && kind < 2) {
                snprintf(room, sizeof room, "small=%s", paths[kind]);
            }
            if (apply(model, &file, 1, NULL, 0, frozen, &network, &notes, &err))
                fail_msg("%s", err.message);
            assert_int_equal(notes.size, 0);
            odd_bytes_free(&notes);
            for (size_t i = 0; i < 7 * model->network->config.E[0]; i++)
                made_near((double)odd_network_tensor(network, 0)[i], (double)vector_of(model, 0)[i],
                          kind ? 1e-6 : 0);
            assert_false(frozen[0]);
            odd_network_free(&network);
        }
}

/* Values that the table lacks lie near its mean, are named, and are the same every time. */
static void test_absent(void **state)
{
    static const char *const file = "small=";
    odd_network *a = NULL, *b = NULL;
    const size_t E = model->network->config.E[0];
    char path[250];
    odd_bytes notes = {0};
    const char *text = path;
    bool frozen[2] = {0};
    oddrow_error err = {0};
    odd_bytes lines = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        add_line(&lines, words[i], id_of(model, texts[i]));
    add_line(&lines, "purple", id_of(model, "red"));
    snprintf(path, sizeof path, "%s%s/absent", file, made_directory);
    made_write(path + strlen(file), lines.data, lines.size);
    assert_int_equal(apply(model, &text, 1, NULL, 0, frozen, &a, &notes, &err), 0);
    assert_int_equal(apply(model, &text, 1, NULL, 0, frozen, &b, &notes, &err), 0);
    assert_non_null(strstr(notes.data, "column small: 2 of its 5 values are not in "));
    assert_non_null(strstr(notes.data, "a, b"));
    assert_memory_equal(odd_network_tensor(a, 0), odd_network_tensor(b, 0), 7 * E * sizeof(float));
    for (size_t j = 0; j < E; j++) {
        double mean = 0, low = 1e9, high = -1e9;
        for (size_t i = 0; i < 4; i++) {
            double x = (double)vector_of(model, id_of(model, texts[i % 3]))[j];
            mean += x / 4;
            low = fmin(low, x);
            high = fmax(high, x);
        }
        double own = (double)odd_network_tensor(a, 0)[id_of(model, "a, b") * E + j];
        assert_true(fabs(own - mean) < 0.05 + (high - low));
        assert_true(own != mean);
    }
    odd_bytes_free(&notes);
    odd_network_free(&a);
    odd_network_free(&b);
    odd_bytes_free(&lines);
}

static void refuses(const char *file, const char *freeze, const char *message)
{
    odd_network *network = NULL;
    odd_bytes notes = {0};
    bool frozen[2] = {0};
    oddrow_error err = {0};
    int rc =
        apply(model, &file, file != NULL, &freeze, freeze != NULL, frozen, &network, &notes, &err);
    if (rc == 0 || err.code != rc || !strstr(err.message, message))
        fail_msg("'%s', expected '%s'", rc ? err.message : "fine", message);
    odd_bytes_free(&notes);
    odd_network_free(&network);
}

static void refuses_text(const char *text, const char *message)
{
    char path[250];
    snprintf(path, sizeof path, "small=%s/refused", made_directory);
    made_write(path + 6, text, strlen(text));
    refuses(path, NULL, message);
}

static void refuses_values(const char *values, size_t rows, const char *message)
{
    char path[250];
    snprintf(path, sizeof path, "%s/refused.safetensors", made_directory);
    write_tensor(path, "embedding.small", values, rows, ODD_F32);
    refuses(path, NULL, message);
}

static void test_refusals(void **state)
{
    char path[250];
    (void)state;
    refuses("/nowhere/at.all", NULL, "/nowhere/at.all");
    refuses("tiny=/nowhere", NULL, "embeddings: there is no column 'tiny'");
    refuses("number=/nowhere", NULL, "column 'number' is numeric, not categorical");
    refuses(paths[3], NULL, "name its column in 'embeddings': COLUMN=");
    refuses_text("red 1 2 3 4 5 6\n",
                 "its vectors are 6 wide, the embedding of column 'small' is 4 "
                 "wide; embedding-width small=6");
    refuses_text("one 1 2 3 4\ntwo 1 2 3 4\n", "none of the 5 values of column 'small'");
    refuses_text("red 1 2 3 4\nred 1 2 3 4\n", "refused:2:1: the value 'red' stands in line 1");
    refuses(paths[0], "tiny", "freeze: there is no column 'tiny'");
    refuses(paths[0], "number", "freeze: column 'number' is numeric");
    refuses(NULL, "small", "no file of embeddings has a table for column 'small'");
    refuses_values("[\"red\"]", 2, "1 values for a tensor of 2 rows");
    refuses_values("[\"red\", \"red\"]", 2, "value 2: it stands there twice");
    refuses_values("[\"red\", 5]", 2, "value 2: a text is neither");
    refuses_values("{}", 2, "0 values for a tensor of 2 rows");
    refuses_values("[", 2, "the list of values is not JSON");
    snprintf(path, sizeof path, "%s/other.safetensors", made_directory);
    write_tensor(path, "embedding.other", "[\"red\"]", 1, ODD_F32);
    refuses(path, NULL, "no table \"embedding.COLUMN\" for any categorical column");
}

/* Training on: byte for byte the same where frozen, changed where not; with either kind of model.
 */
static void test_freeze(void **state)
{
    static const char *const all = "all", *const target = "number";
    (void)state;
    for (int run = 0; run < 4; run++) {
        odd_train_options o = made_options();
        odd_bytes table = made_table(PARTS, ROWS, 3);
        o.embeddings = (odd_names){&paths[0], 1};
        o.seed = 5;
        o.weight_decay = 0.1;
        if (run % 2) {
            o.freeze = (odd_names){&all, 1};
        }
        if (run > 1)
            o.columns.target = target;
        odd_model *next = made_train(&table, &o);
        assert_int_equal(odd_model_supervised(next), run > 1);
        assert_int_equal(memcmp(odd_network_tensor(next->network, 0), vector_of(model, 0),
                                7 * model->network->config.E[0] * sizeof(float)) == 0,
                         run % 2);
        odd_model_free(&next);
        odd_bytes_free(&table);
    }
}

static void test_widths(void **state)
{
    static const char *const six = "small=6";
    static const struct {
        const char *text, *message;
    } bad[] = {{"small=0", "is not COLUMN=N"},    {"small=x", "is not COLUMN=N"},
               {"small=5000", "is not COLUMN=N"}, {"small", "is not COLUMN=N"},
               {"tiny=4", "no column 'tiny'"},    {"number=4", "is numeric, not categorical"}};
    odd_train_options o = made_options();
    odd_bytes table = made_table(PARTS, ROWS, 3);
    (void)state;
    o.columns.embedding_widths = (odd_names){&six, 1};
    odd_model *wide = made_train(&table, &o);
    assert_int_equal(wide->network->config.E[0], 6);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        oddrow_error err = {0};
        o.columns.embedding_widths.items = &bad[i].text;
        assert_int_equal(odd_saved_widths(&o.columns.embedding_widths, wide->schema, &err),
                         ODDROW_EINVAL);
        if (!strstr(err.message, bad[i].message))
            fail_msg("%s", err.message);
    }
    odd_model_free(&wide);
    odd_bytes_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_start), cmocka_unit_test(test_absent),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_widths)};
    return cmocka_run_group_tests(tests, enter, leave);
}
