/* worker/models.c: the models in use: loaded, loaded again, swapped. */
#include <sys/eventfd.h>

#include "base/error.h"
#include "worker/parts.h"

static void free_models(odd_models *m)
{
    odd_engine_free(&m->engine);
    odd_engine_free(&m->shadow);
}

/* The model and, where there is one, its shadow, which must have the same columns. */
static int load(const odd_worker *w, const char *path, const char *shadow_path, odd_models *out,
                oddrow_error *err)
{
    const odd_worker_options *o = &w->options;
    odd_engine_options options = {odd_pool_threads(w->pool), o->explain, o->alerts, o->max_message,
                                  o->publish == ODD_PUBLISH_ALL};
    *out = (odd_models){0};
    int rc = odd_engine_load(path, &options, &out->engine, err);
    if (!rc && shadow_path && !(rc = odd_engine_load(shadow_path, &options, &out->shadow, err)))
        rc = odd_engine_compare(out->engine, out->shadow, err);
    if (rc)
        free_models(out);
    return rc;
}

/* Puts engines in place of those in use, which are freed unless they are the same. */
static int install(odd_worker *w, odd_models models, oddrow_error *err)
{
    odd_engine *old[] = {w->use.engine, w->use.shadow};
    odd_drift *drift = NULL;
    int rc = odd_drift_new(odd_engine_model(models.engine)->schema, &(odd_drift_options){0}, &drift,
                           err);
    if (rc)
        return rc;
    pthread_mutex_lock(&w->lock);
    odd_drift_free(&w->drift);
    w->drift = drift;
    w->use = models;
    odd_engine_set_shadow(models.engine, models.shadow);
    if (models.shadow)
        odd_engine_set_shadow(models.shadow, NULL);
    odd_shadow_clear(w->compared);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < 2; i++)
        if (old[i] != models.engine && old[i] != models.shadow)
            odd_engine_free(&old[i]);
    return 0;
}

static void *load_again(void *context)
{
    odd_worker *w = context;
    w->load_error = (oddrow_error){0};
    load(w, odd_engine_path(w->use.engine), w->use.shadow ? odd_engine_path(w->use.shadow) : NULL,
         &w->loaded, &w->load_error);
    atomic_store(&w->load_ended, true);
    eventfd_write(w->wake, 1);
    return NULL;
}

static void reload_failed(odd_worker *w, const char *why)
{
    odd_count(w, &w->counts.failed_reloads, 1);
    odd_status(w, ODD_LOG_ERROR, "reload-failed", why);
}

/* Reading happens on a thread of its own; rows go on being scored with the old model. */
void odd_models_begin_load(odd_worker *w)
{
    if (w->loading || !atomic_exchange(&w->reload, false))
        return;
    atomic_store(&w->load_ended, false);
    w->loading = pthread_create(&w->loader, NULL, load_again, w) == 0;
    if (!w->loading)
        reload_failed(w, "no thread to load the model");
}

void odd_models_end_load(odd_worker *w, bool use)
{
    if (!w->loading || (use && !atomic_load(&w->load_ended)))
        return;
    pthread_join(w->loader, NULL);
    w->loading = false;
    oddrow_error err = w->load_error;
    int rc = err.code;
    if (use && !rc && !(rc = odd_engine_compare(w->use.engine, w->loaded.engine, &err)))
        rc = install(w, w->loaded, &err);
    if (!use || rc)
        free_models(&w->loaded);
    if (use && rc)
        reload_failed(w, err.message);
    if (!use || rc)
        return;
    odd_count(w, &w->counts.reloads, 1);
    odd_status(w, ODD_LOG_INFO, "reloaded", odd_engine_path(w->use.engine));
}

static int no_shadow(oddrow_error *err)
{
    return odd_fail(err, ODDROW_EINVAL, "there is no shadow model to promote");
}

void odd_models_swap(odd_worker *w)
{
    oddrow_error err = {0};
    bool asked = atomic_exchange(&w->promote, false);
    pthread_mutex_lock(&w->lock);
    asked |= w->promote_result == 1;
    pthread_mutex_unlock(&w->lock);
    if (!asked)
        return;
    const odd_models swapped = {w->use.shadow, w->use.engine};
    int rc = swapped.engine ? install(w, swapped, &err) : no_shadow(&err);
    if (rc)
        odd_log_write(w->options.log, ODD_LOG_WARN, "promote-failed", "%s", err.message);
    else
        odd_status(w, ODD_LOG_INFO, "promoted", odd_engine_path(w->use.engine));
    pthread_mutex_lock(&w->lock);
    w->promote_result = rc;
    pthread_cond_broadcast(&w->promoted);
    pthread_mutex_unlock(&w->lock);
}

int odd_worker_promote_now(odd_worker *w, oddrow_error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    pthread_mutex_lock(&w->lock);
    w->promote_result = 1;
    eventfd_write(w->wake, 1);
    int late = 0;
    while (w->promote_result == 1 && !late)
        late = pthread_cond_timedwait(&w->promoted, &w->lock, &until);
    int rc = w->promote_result;
    if (rc == 1)
        w->promote_result = 0;
    pthread_mutex_unlock(&w->lock);
    if (rc == 1)
        return odd_fail(err, ODDROW_EIO, "the worker did not come to it within 5 s");
    return rc ? no_shadow(err) : 0;
}

int odd_models_open(odd_worker *w, oddrow_error *err)
{
    int rc = odd_shadow_new(&w->compared, err);
    odd_models models = {0};
    if (!rc && !(rc = load(w, w->options.model, w->options.shadow, &models, err)))
        rc = install(w, models, err);
    if (rc)
        free_models(&models);
    return rc;
}

void odd_models_close(odd_worker *w)
{
    odd_models_end_load(w, false);
    odd_drift_free(&w->drift); /* borrows the engine's schema */
    free_models(&w->use);
    odd_shadow_free(&w->compared);
}
