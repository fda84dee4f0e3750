/* embed/picture.c: SVG panels of points with labels, and the HTML page around them. */
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
static const size_t NAME = SIZE_MAX; /* in the place of an id: the name of the column */
#define LETTER_WIDTH 7.0             /* at 12 px: wide for most sans-serif letters */
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

/* The values nearest to one, itself left out. */
typedef struct nearest {
    odd_neighbour items[SHOWN_NEAR];
    size_t count;
} nearest;

typedef struct panel {
    const odd_embedding *e;
    size_t V; /* values shown */
    double explained;
    double *points;  /* (V, 2) */
    odd_mark *marks; /* (V) in pixels */
    nearest *near;   /* (V) */
} panel;

/* The document in the making, and the text that goes into it next. */
typedef struct sheet {
    const odd_picture_options *options;
    odd_bytes out, text;
} sheet;

/* ---- texts ---- */

/* Cuts a text to so many characters, "…" behind; returns its width in pixels. */
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
        odd_bytes_text(text, "\xe2\x80\xa6");
    }
    return ((double)letters + 0.8 * (double)wide) * LETTER_WIDTH;
}

/* Sets the text to the value of an id on one line, or for NAME to the column's name, cut to `most`
 * characters; returns its width. U+FFFE and U+FFFF are UTF-8 but not characters of XML: U+FFFD
 * replaces them. */
static double set_text(sheet *s, const odd_embedding *e, size_t id, size_t most)
{
    odd_bytes *text = &s->text;
    odd_bytes_clear(text);
    if (id == NAME)
        odd_spell(e->name, strlen(e->name), ODD_AS_LINE, text);
    else
        odd_embedding_spell(e, (uint32_t)id, ODD_AS_LINE, text);
    for (size_t i = 0; i + 2 < text->size; i++)
        if (memcmp(text->data + i, "\xef\xbf\xbe", 3) == 0 ||
            memcmp(text->data + i, "\xef\xbf\xbf", 3) == 0)
            text->data[i + 2] = '\xbd';
    double width = cut(text, most);
    s->out.failed |= text->failed;
    return width;
}

/* Adds such a text, escaped for XML and HTML, also within quotes. */
static void add_text(sheet *s, const odd_embedding *e, size_t id, size_t most)
{
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    set_text(s, e, id, most);
    for (size_t i = 0; i < s->text.size; i++) {
        const char *at = memchr(special, s->text.data[i], sizeof special - 1);
        if (at)
            odd_bytes_text(&s->out, entities[at - special]);
        else
            odd_bytes_char(&s->out, s->text.data[i]);
    }
}

/* ---- layout ---- */

static void find_near(void *context, size_t piece, size_t thread)
{
    panel *p = context;
    (void)thread;
    for (size_t i = piece * PIECE; i < p->V && i < (piece + 1) * PIECE; i++)
        if (odd_near(p->e->vectors, p->V, p->e->E, p->e->vectors + i * p->e->E, ODD_COSINE,
                     SHOWN_NEAR, (size_t[]){i, i}, p->near[i].items, &p->near[i].count, NULL))
            p->near[i].count = 0;
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
        p->marks[i] = (odd_mark){.x = WIDTH / 2.0 + x,
                                 .y = HEAD + (HEIGHT - HEAD) / 2.0 - y,
                                 .radius = least + (largest - least) * sqrt(share)};
    }
}

static void place_labels(panel *p, sheet *s)
{
    odd_box frame = {EDGE / 2.0, HEAD, WIDTH - EDGE / 2.0, HEIGHT - EDGE / 2.0};
    size_t labels = s->options->labels, tried = 4 * labels + 16;
    for (size_t i = 1; i < p->V && i < tried; i++) /* the unknown entry has no label */
        p->marks[i].width = set_text(s, p->e, i, LETTERS);
    odd_labels_place(p->marks, p->V, LINE_HEIGHT, frame, labels);
}

static int lay_out(panel *p, sheet *s, odd_pool *pool, oddrow_error *err)
{
    const odd_picture_options *options = s->options;
    size_t V = p->V, E = p->e->E;
    p->points = odd_alloc(2 * V, sizeof(double));
    p->marks = odd_alloc(V, sizeof *p->marks);
    p->near = odd_alloc(V, sizeof *p->near);
    if (!p->points || !p->marks || !p->near)
        return odd_no_memory(err);
    odd_tsne_options tsne = {.seed = options->seed,
                             .pool = pool,
                             .progress = options->progress,
                             .progress_context = options->progress_context};
    int rc = options->method == ODD_METHOD_TSNE
                 ? odd_tsne(p->e->vectors, V, E, &tsne, p->points, err)
                 : odd_pca(p->e->vectors, V, E, p->points, &p->explained, err);
    if (rc)
        return rc;
    odd_pool_run(pool, (V + PIECE - 1) / PIECE, find_near, p);
    fit(p);
    place_labels(p, s);
    return 0;
}

/* ---- SVG ---- */

/* A circle; hovering shows value, count, and the nearest with their cosines. */
static void add_point(sheet *s, const panel *p, size_t number, size_t id)
{
    const odd_vocabulary *v = p->e->vocabulary;
    const odd_mark *m = &p->marks[id];
    const nearest *near = &p->near[id];
    bool ring = id == 0 || id == v->missing_id || id == v->rare_id;
    odd_bytes_print(&s->out,
                    "<circle id=\"p%zu-%zu\" class=\"p%s\" cx=\"%.2f\" cy=\"%.2f\" "
                    "r=\"%.2f\" data-n=\"",
                    number, id, ring ? " ring" : "", m->x, m->y, m->radius);
    for (size_t j = 0; j < near->count; j++)
        odd_bytes_print(&s->out, "%sp%zu-%zu", j ? " " : "", number, near->items[j].row);
    odd_bytes_text(&s->out, "\"><title>");
    add_text(s, p->e, id, SIZE_MAX);
    odd_bytes_print(&s->out, "\n%" PRIu64 " training rows", v->counts[id]);
    for (size_t j = 0; j < near->count; j++) {
        odd_bytes_print(&s->out, "\n%.2f  ", near->items[j].value);
        add_text(s, p->e, near->items[j].row, SIZE_MAX);
    }
    odd_bytes_text(&s->out, "</title></circle>\n");
}

static void add_title(sheet *s, const panel *p)
{
    odd_bytes_print(&s->out, "<text class=\"title\" x=\"%d\" y=\"24\">", EDGE / 2);
    add_text(s, p->e, NAME, 60);
    odd_bytes_print(&s->out, "</text>\n<text class=\"note\" x=\"%d\" y=\"39\">", EDGE / 2);
    if (p->V < p->e->V)
        odd_bytes_print(&s->out, "the %zu most frequent of ", p->V);
    odd_bytes_print(&s->out, "%zu values, width %zu, ", p->e->V, p->e->E);
    if (s->options->method == ODD_METHOD_TSNE)
        odd_bytes_text(&s->out, "t-SNE");
    else
        odd_bytes_print(&s->out, "principal components 1 and 2: %.0f %% of the variance",
                        100 * p->explained);
    odd_bytes_text(&s->out, "; area: training rows</text>\n");
}

static void add_label(sheet *s, const panel *p, size_t id)
{
    const odd_box *box = &p->marks[id].box;
    bool right = box->left >= p->marks[id].x, left = box->right <= p->marks[id].x;
    double x = right ? box->left : left ? box->right : (box->left + box->right) / 2;
    odd_bytes_print(&s->out,
                    "<text class=\"label\" pointer-events=\"none\" text-anchor=\"%s\" "
                    "x=\"%.2f\" y=\"%.2f\">",
                    right  ? "start"
                    : left ? "end"
                           : "middle",
                    x, box->bottom - 3.5);
    add_text(s, p->e, id, LETTERS);
    odd_bytes_text(&s->out, "</text>\n");
}

/* The frequent values lie behind, so that a small point on a great one can be reached. */
static void add_panel(sheet *s, const panel *p, size_t number)
{
    add_title(s, p);
    odd_bytes_print(&s->out,
                    "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                    "rx=\"4\"/>\n",
                    EDGE / 2, HEAD, WIDTH - EDGE, HEIGHT - HEAD - EDGE / 2);
    for (size_t i = 1; i <= p->V; i++)
        add_point(s, p, number, i % p->V); /* unknown, count 0, last */
    for (size_t i = 0; i < p->V; i++)
        if (p->marks[i].box.left < p->marks[i].box.right)
            add_label(s, p, i);
}

static void add_svg(sheet *s, const panel *panels, size_t count)
{
    size_t across = count > 1 ? 2 : 1, down = (count + across - 1) / across;
    odd_bytes_print(&s->out,
                    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" "
                    "width=\"%zu\" height=\"%zu\">\n<style>%s</style>\n"
                    "<rect class=\"bg\" width=\"100%%\" height=\"100%%\"/>\n",
                    across * WIDTH, down * HEIGHT, across * WIDTH, down * HEIGHT, STYLE);
    for (size_t i = 0; i < count; i++) {
        odd_bytes_print(&s->out, "<g transform=\"translate(%zu %zu)\">\n", i % across * WIDTH,
                        i / across * HEIGHT);
        add_panel(s, &panels[i], i);
        odd_bytes_text(&s->out, "</g>\n");
    }
    odd_bytes_text(&s->out, "</svg>\n");
}

static void add_html(sheet *s, const panel *panels, size_t count)
{
    odd_bytes_text(&s->out, HTML_HEAD);
    for (size_t i = 0; i < count; i++) {
        odd_bytes_text(&s->out, i ? ", " : "");
        add_text(s, panels[i].e, NAME, SIZE_MAX);
    }
    odd_bytes_text(&s->out, HTML_STYLE);
    add_svg(s, panels, count);
    odd_bytes_print(
        &s->out, "<div id=\"tip\" hidden></div>\n<script>%s</script>\n</body>\n</html>\n", SCRIPT);
}

/* ---- the file ---- */

int odd_picture_write(const odd_embedding *tables, size_t count, const char *path,
                      const odd_picture_options *options, size_t *left_out, oddrow_error *err)
{
    bool html = odd_path_ends(path, ".html") || odd_path_ends(path, ".htm");
    sheet s = {.options = options};
    odd_pool *pool = NULL;
    size_t left = 0;
    if (!html && !odd_path_ends(path, ".svg"))
        return odd_fail(err, ODDROW_EINVAL, "%s: the name must end in .svg or .html", path);
    panel *panels = odd_alloc(count, sizeof *panels);
    int rc = panels ? odd_pool_new(options->threads, &pool, err) : odd_no_memory(err);
    for (size_t i = 0; i < count && !rc; i++) {
        panel *p = &panels[i];
        p->e = &tables[i];
        p->V = p->e->V > ODD_PICTURE_MOST ? ODD_PICTURE_MOST : p->e->V;
        left += p->e->V - p->V;
        rc = lay_out(p, &s, pool, err);
    }
    if (!rc) {
        (html ? add_html : add_svg)(&s, panels, count);
        rc = odd_bytes_check(&s.out, err);
    }
    if (!rc)
        rc = odd_output_whole(path, s.out.data, s.out.size, err);
    if (left_out)
        *left_out = left;
    for (size_t i = 0; panels && i < count; i++) {
        odd_free(panels[i].points);
        odd_free(panels[i].marks);
        odd_free(panels[i].near);
    }
    odd_free(panels);
    odd_pool_free(&pool);
    odd_bytes_free(&s.text);
    odd_bytes_free(&s.out);
    return rc;
}
