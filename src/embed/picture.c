#include "embed/picture.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "embed/labels.h"
#include "embed/near.h"
#include "embed/project.h"

enum { WIDTH = 900, HEIGHT = 640, HEAD = 44, EDGE = 26, LETTERS = 28, SHOWN_NEAR = 5, PIECE = 64 };
#define LETTER_WIDTH 7.0 /* at 12 px: wide for most sans-serif letters */
#define LINE_HEIGHT 14.0

static const char STYLE[] =
    ".bg{fill:#fcfcfb}.frame{fill:none;stroke:#d5d5d2}text{font:12px system-ui,sans-serif;"
    "fill:#222}.title{font-size:16px;font-weight:600}.note{fill:#6b6b68}"
    ".p{fill:#2a6fb8;fill-opacity:.55;stroke:#fcfcfb;stroke-width:.75}"
    ".p.ring{fill:#fcfcfb;fill-opacity:.2;stroke:#2a6fb8;stroke-width:1.5}"
    ".p:hover,.p.near{fill:#d3541f;fill-opacity:.9}"
    "@media(prefers-color-scheme:dark){.bg{fill:#161718}.frame{stroke:#3a3b3d}text{fill:#e4e4e2}"
    ".note{fill:#9c9c99}.p{fill:#6fb0f2;stroke:#161718}.p.ring{fill:#161718;stroke:#6fb0f2}"
    ".p:hover,.p.near{fill:#ff9a5c}}";

/* The picture also works without this: each point carries its <title>. */
static const char SCRIPT[] =
    "(function(){var tip=document.getElementById('tip'),on=[];"
    "document.querySelectorAll('.p').forEach(function(p){var t=p.querySelector('title');"
    "p._t=t?t.textContent:'';if(t)p.removeChild(t)});"
    "function off(){on.forEach(function(p){p.classList.remove('near')});on=[];tip.hidden=true}"
    "document.addEventListener('mouseover',function(e){off();var p=e.target;"
    "if(!p.classList||!p.classList.contains('p'))return;tip.textContent=p._t;tip.hidden=false;"
    "(p.dataset.n||'').split(' ').forEach(function(n){var q=n&&document.getElementById(n);"
    "if(q){q.classList.add('near');on.push(q)}})});"
    "document.addEventListener('mousemove',function(e){if(tip.hidden)return;"
    "tip.style.left=Math.min(e.pageX+14,scrollX+innerWidth-tip.offsetWidth-8)+'px';"
    "tip.style.top=(e.pageY+14)+'px'})})()";

static const char HTML_HEAD[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; script-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";
static const char HTML_STYLE[] =
    "</title>\n<style>:root{color-scheme:light dark}body{margin:0;background:#fcfcfb}"
    "svg{display:block;width:100%;max-width:1800px;height:auto;margin:auto}"
    "#tip{position:absolute;white-space:pre;pointer-events:none;padding:6px 9px;border-radius:5px;"
    "font:12px system-ui,sans-serif;background:#222;color:#fff;box-shadow:0 1px 5px #0005}"
    "@media(prefers-color-scheme:dark){body{background:#161718}#tip{background:#eee;color:#111}}"
    "</style>\n</head>\n<body>\n";

typedef struct panel {
    const odd_embedding *e;
    size_t V; /* values shown */
    double explained;
    double *points; /* (V, 2), then in pixels */
    odd_mark *marks;
    odd_box *boxes;
    double *widths;      /* of labels */
    odd_neighbour *near; /* (V, SHOWN_NEAR + 1) */
    size_t *near_count;  /* (V) */
} panel;

static int out_of_memory(oddrow_error *err)
{
    return odd_no_memory(err);
}

static void free_panel(panel *p)
{
    odd_free(p->points);
    odd_free(p->marks);
    odd_free(p->boxes);
    odd_free(p->widths);
    odd_free(p->near);
    odd_free(p->near_count);
}

/* ---- texts ---- */

/* Text in XML or HTML, also within quotes. Control characters must be gone. */
static int add_escaped(odd_bytes *out, const char *data, size_t size)
{
    int rc = 0;
    for (size_t i = 0; i < size && !rc; i++) {
        const char *entity = data[i] == '&'    ? "&amp;"
                             : data[i] == '<'  ? "&lt;"
                             : data[i] == '>'  ? "&gt;"
                             : data[i] == '"'  ? "&quot;"
                             : data[i] == '\'' ? "&#39;"
                                               : NULL;
        rc = entity ? odd_bytes_add(out, entity, strlen(entity)) : odd_bytes_add(out, data + i, 1);
    }
    return rc;
}

/* U+FFFE and U+FFFF are UTF-8 but no characters of XML. */
static void replace_noncharacters(odd_bytes *text)
{
    for (size_t i = 0; i + 2 < text->size; i++)
        if (memcmp(text->data + i, "\xef\xbf\xbe", 3) == 0 ||
            memcmp(text->data + i, "\xef\xbf\xbf", 3) == 0)
            text->data[i + 2] = '\xbd'; /* U+FFFD */
}

/* Cuts text to so many characters, "…" behind; returns its width in pixels. */
static double cut(odd_bytes *text, size_t most)
{
    size_t letters = 0, wide = 0, end = 0;
    for (size_t i = 0; i < text->size; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if ((c & 0xc0) == 0x80)
            continue;
        if (letters == most - 1)
            end = i;
        letters++;
        wide += c >= 0xe1; /* from U+1000 on: ideographs and the like */
    }
    if (letters > most && end) {
        text->size = end;
        letters = most;
        if (odd_bytes_add(text, "\xe2\x80\xa6", 3))
            return 0;
    }
    return ((double)letters + 0.8 * (double)wide) * LETTER_WIDTH;
}

/* The value of an id for people, on one line. */
static int value_text(const odd_embedding *e, size_t id, odd_bytes *out)
{
    odd_bytes_clear(out);
    int rc = odd_embedding_spell(e, (uint32_t)id, ODD_AS_LINE, out);
    replace_noncharacters(out);
    return rc;
}

static int name_text(const odd_embedding *e, odd_bytes *out)
{
    odd_bytes_clear(out);
    int rc = odd_spell(e->name, strlen(e->name), ODD_AS_LINE, out);
    replace_noncharacters(out);
    return rc;
}

/* ---- layout ---- */

static void find_near(void *context, size_t piece, size_t thread)
{
    panel *p = context;
    (void)thread;
    for (size_t i = piece * PIECE; i < p->V && i < (piece + 1) * PIECE; i++)
        if (odd_near(p->e->vectors, p->V, p->e->E, p->e->vectors + i * p->e->E, ODD_COSINE,
                     SHOWN_NEAR + 1, p->near + i * (SHOWN_NEAR + 1), &p->near_count[i], NULL))
            p->near_count[i] = 0;
}

/* Points into the panel's pixels, one scale for both axes. */
static void fit(panel *p)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * p->V; i++) {
        low[i % 2] = fmin(low[i % 2], p->points[i]);
        high[i % 2] = fmax(high[i % 2], p->points[i]);
    }
    double w = WIDTH - 4 * EDGE, h = HEIGHT - HEAD - 4 * EDGE;
    double spread = fmax((high[0] - low[0]) / w, (high[1] - low[1]) / h);
    double scale = spread > 0 ? 1 / spread : 1, most = 1;
    for (size_t i = 0; i < p->V; i++)
        most = fmax(most, (double)p->e->vocabulary->counts[i]);
    double largest = p->V > 2000 ? 7 : 14, least = p->V > 2000 ? 1.2 : 3;
    for (size_t i = 0; i < p->V; i++) {
        double x = (p->points[2 * i] - (low[0] + high[0]) / 2) * scale,
               y = (p->points[2 * i + 1] - (low[1] + high[1]) / 2) * scale;
        double share = (double)p->e->vocabulary->counts[i] / most;
        p->marks[i] = (odd_mark){WIDTH / 2.0 + x, HEAD + (HEIGHT - HEAD) / 2.0 - y,
                                 least + (largest - least) * sqrt(share)};
    }
}

static int place_labels(panel *p, size_t labels, odd_bytes *text, oddrow_error *err)
{
    odd_box frame = {EDGE / 2.0, HEAD, WIDTH - EDGE / 2.0, HEIGHT - EDGE / 2.0};
    size_t tried = 4 * labels + 16;
    for (size_t i = 1; i < p->V && i < tried; i++) { /* the unknown entry has no label */
        if (value_text(p->e, i, text))
            return out_of_memory(err);
        p->widths[i] = cut(text, LETTERS);
    }
    odd_labels_place(p->marks, p->V, p->widths, LINE_HEIGHT, frame, labels, p->boxes);
    return 0;
}

static int lay_out(panel *p, const odd_picture_options *options, odd_pool *pool, odd_bytes *text,
                   oddrow_error *err)
{
    size_t V = p->V, E = p->e->E;
    p->points = odd_alloc(2 * V, sizeof(double));
    p->marks = odd_alloc(V, sizeof *p->marks);
    p->boxes = odd_alloc(V, sizeof *p->boxes);
    p->widths = odd_alloc(V, sizeof(double));
    p->near = odd_alloc(V * (SHOWN_NEAR + 1), sizeof *p->near);
    p->near_count = odd_alloc(V, sizeof *p->near_count);
    if (!p->points || !p->marks || !p->boxes || !p->widths || !p->near || !p->near_count)
        return out_of_memory(err);
    int rc;
    if (options->method == ODD_METHOD_TSNE) {
        odd_tsne_options tsne = {.seed = options->seed,
                                 .pool = pool,
                                 .progress = options->progress,
                                 .progress_context = options->progress_context};
        rc = odd_tsne(p->e->vectors, V, E, &tsne, p->points, err);
    } else {
        rc = odd_pca(p->e->vectors, V, E, p->points, &p->explained, err);
    }
    if (rc)
        return rc;
    odd_pool_run(pool, (V + PIECE - 1) / PIECE, find_near, p);
    fit(p);
    return place_labels(p, options->labels, text, err);
}

/* ---- SVG ---- */

/* What hovering shows: value, count, the nearest with their cosines. */
static int add_hover(const panel *p, size_t id, odd_bytes *text, odd_bytes *out)
{
    int rc = odd_bytes_print(out, "<title>");
    if (!rc)
        rc = value_text(p->e, id, text);
    if (!rc)
        rc = add_escaped(out, text->data, text->size);
    if (!rc)
        rc = odd_bytes_print(out, "\n%" PRIu64 " training rows", p->e->vocabulary->counts[id]);
    const odd_neighbour *near = p->near + id * (SHOWN_NEAR + 1);
    for (size_t j = 0, shown = 0; j < p->near_count[id] && shown < SHOWN_NEAR && !rc; j++) {
        if (near[j].row == id)
            continue;
        shown++;
        rc = odd_bytes_print(out, "\n%.2f  ", near[j].value);
        if (!rc)
            rc = value_text(p->e, near[j].row, text);
        if (!rc)
            rc = add_escaped(out, text->data, text->size);
    }
    return rc ? rc : odd_bytes_print(out, "</title>");
}

static int add_point(const panel *p, size_t number, size_t id, odd_bytes *text, odd_bytes *out)
{
    const odd_vocabulary *v = p->e->vocabulary;
    const odd_mark *m = &p->marks[id];
    const odd_neighbour *near = p->near + id * (SHOWN_NEAR + 1);
    bool ring = id == 0 || id == v->missing_id || id == v->rare_id;
    int rc = odd_bytes_print(out,
                             "<circle id=\"p%zu-%zu\" class=\"p%s\" cx=\"%.2f\" cy=\"%.2f\" "
                             "r=\"%.2f\" data-n=\"",
                             number, id, ring ? " ring" : "", m->x, m->y, m->radius);
    for (size_t j = 0, shown = 0; j < p->near_count[id] && shown < SHOWN_NEAR && !rc; j++)
        if (near[j].row != id)
            rc = odd_bytes_print(out, "%sp%zu-%zu", shown++ ? " " : "", number, near[j].row);
    if (!rc)
        rc = odd_bytes_print(out, "\">");
    if (!rc)
        rc = add_hover(p, id, text, out);
    return rc ? rc : odd_bytes_print(out, "</circle>\n");
}

static int add_title(const panel *p, const odd_picture_options *options, odd_bytes *text,
                     odd_bytes *out)
{
    int rc = odd_bytes_print(out, "<text class=\"title\" x=\"%d\" y=\"24\">", EDGE / 2);
    if (!rc)
        rc = name_text(p->e, text);
    if (!rc) {
        cut(text, 60);
        rc = add_escaped(out, text->data, text->size);
    }
    if (!rc)
        rc = odd_bytes_print(out, "</text>\n<text class=\"note\" x=\"%d\" y=\"39\">", EDGE / 2);
    if (!rc && p->V < p->e->V)
        rc = odd_bytes_print(out, "the %zu most frequent of ", p->V);
    if (!rc)
        rc = odd_bytes_print(out, "%zu values, width %zu, ", p->e->V, p->e->E);
    if (!rc && options->method == ODD_METHOD_TSNE)
        rc = odd_bytes_print(out, "t-SNE");
    else if (!rc)
        rc = odd_bytes_print(out, "principal components 1 and 2: %.0f %% of the variance",
                             100 * p->explained);
    return rc ? rc : odd_bytes_print(out, "; area: training rows</text>\n");
}

/* The frequent values lie behind, so that a small point on a great one can be reached. */
static int add_panel(const panel *p, size_t number, const odd_picture_options *options,
                     odd_bytes *text, odd_bytes *out)
{
    int rc = add_title(p, options, text, out);
    if (!rc)
        rc = odd_bytes_print(out,
                             "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                             "rx=\"4\"/>\n",
                             EDGE / 2, HEAD, WIDTH - EDGE, HEIGHT - HEAD - EDGE / 2);
    for (size_t i = 1; i <= p->V && !rc; i++)
        rc = add_point(p, number, i % p->V, text, out); /* unknown, count 0, last */
    for (size_t i = 0; i < p->V && !rc; i++) {
        const odd_box *box = &p->boxes[i];
        if (!(box->left < box->right))
            continue;
        bool right = box->left >= p->marks[i].x, left = box->right <= p->marks[i].x;
        rc = odd_bytes_print(out,
                             "<text class=\"label\" pointer-events=\"none\" text-anchor=\"%s\" "
                             "x=\"%.2f\" y=\"%.2f\">",
                             right  ? "start"
                             : left ? "end"
                                    : "middle",
                             right  ? box->left
                             : left ? box->right
                                    : (box->left + box->right) / 2,
                             box->bottom - 3.5);
        if (!rc)
            rc = value_text(p->e, i, text);
        if (!rc) {
            cut(text, LETTERS);
            rc = add_escaped(out, text->data, text->size);
        }
        if (!rc)
            rc = odd_bytes_print(out, "</text>\n");
    }
    return rc;
}

static int add_svg(const panel *panels, size_t count, const odd_picture_options *options,
                   odd_bytes *text, odd_bytes *out)
{
    size_t across = count > 1 ? 2 : 1, down = (count + across - 1) / across;
    int rc = odd_bytes_print(out,
                             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" "
                             "width=\"%zu\" height=\"%zu\">\n<style>%s</style>\n"
                             "<rect class=\"bg\" width=\"100%%\" height=\"100%%\"/>\n",
                             across * WIDTH, down * HEIGHT, across * WIDTH, down * HEIGHT, STYLE);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = odd_bytes_print(out, "<g transform=\"translate(%zu %zu)\">\n", i % across * WIDTH,
                             i / across * HEIGHT);
        if (!rc)
            rc = add_panel(&panels[i], i, options, text, out);
        if (!rc)
            rc = odd_bytes_print(out, "</g>\n");
    }
    return rc ? rc : odd_bytes_print(out, "</svg>\n");
}

static int add_document(const panel *panels, size_t count, const odd_picture_options *options,
                        bool html, odd_bytes *text, odd_bytes *out)
{
    if (!html)
        return add_svg(panels, count, options, text, out);
    int rc = odd_bytes_add(out, HTML_HEAD, sizeof HTML_HEAD - 1);
    for (size_t i = 0; i < count && !rc; i++) {
        rc = name_text(panels[i].e, text);
        if (!rc && i)
            rc = odd_bytes_add(out, ", ", 2);
        if (!rc)
            rc = add_escaped(out, text->data, text->size);
    }
    if (!rc)
        rc = odd_bytes_add(out, HTML_STYLE, sizeof HTML_STYLE - 1);
    if (!rc)
        rc = add_svg(panels, count, options, text, out);
    return rc ? rc
              : odd_bytes_print(out,
                                "<div id=\"tip\" hidden></div>\n<script>%s</script>\n</body>\n"
                                "</html>\n",
                                SCRIPT);
}

/* ---- the file ---- */

int odd_picture_write(const odd_embedding *tables, size_t count, const char *path,
                      const odd_picture_options *options, size_t *left_out, oddrow_error *err)
{
    bool html = odd_path_ends(path, ".html") || odd_path_ends(path, ".htm");
    odd_bytes text = {0}, document = {0};
    odd_pool *pool = NULL;
    size_t left = 0;
    if (!html && !odd_path_ends(path, ".svg"))
        return odd_fail(err, ODDROW_EINVAL, "%s: the name must end in .svg or .html", path);
    panel *panels = odd_alloc(count, sizeof *panels);
    int rc = panels ? odd_pool_new(options->threads, &pool, err) : out_of_memory(err);
    for (size_t i = 0; i < count && !rc; i++) {
        panel *p = &panels[i];
        p->e = &tables[i];
        p->V = p->e->V > ODD_PICTURE_MOST ? ODD_PICTURE_MOST : p->e->V;
        left += p->e->V - p->V;
        rc = lay_out(p, options, pool, &text, err);
    }
    if (!rc && add_document(panels, count, options, html, &text, &document))
        rc = out_of_memory(err);
    if (!rc)
        rc = odd_output_whole(path, document.data, document.size, err);
    if (left_out)
        *left_out = left;
    for (size_t i = 0; panels && i < count; i++)
        free_panel(&panels[i]);
    odd_free(panels);
    odd_pool_free(&pool);
    odd_bytes_free(&text);
    odd_bytes_free(&document);
    return rc;
}
