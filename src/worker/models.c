/* worker/models.c: the models in use: loaded, loaded again, swapped. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "worker/parts.h"

/* The model and, where there is one, its shadow, which must have the same columns. */
static int load_pair(const odd_worker_options *o, size_t threads, const char *path,
                     const char *shadow_path, odd_engine **engine, odd_engine **shadow,
                     oddrow_error *err)
{
    odd_engine_options options = {threads, o->explain, o->alerts, o->max_message,
                                  o->publish == ODD_PUBLISH_ALL};
    *engine = *shadow = NULL;
    int rc = odd_engine_load(path, &options, engine, err);
    if (!rc && shadow_path)
        rc = odd_engine_load(shadow_path, &options, shadow, err);
    if (!rc && *shadow)
        rc = odd_engine_compare(*engine, *shadow, err);
    if (!rc)
        odd_engine_set_shadow(*engine, *shadow);
    if (rc) {
        odd_engine_free(engine);
        odd_engine_free(shadow);
    }
    return rc;
}

/* Puts engines in place of those in use, which are freed unless they are the same. */
static int install(odd_worker *w, odd_engine *engine, odd_engine *shadow, oddrow_error *err)
{
    odd_drift *drift = NULL;
    int rc = odd_drift_new(odd_engine_model(engine)->schema, &(odd_drift_options){0}, &drift, err);
    if (rc)
        return rc;
    odd_engine *old = w->engine, *old_shadow = w->shadow;
    pthread_mutex_lock(&w->lock);
    odd_drift_free(&w->drift);
    w->drift = drift;
    w->engine = engine;
    w->shadow = shadow;
    odd_engine_set_shadow(engine, shadow);
    if (shadow)
        odd_engine_set_shadow(shadow, NULL);
    odd_shadow_clear(w->compared);
    pthread_mutex_unlock(&w->lock);
    if (old != engine && old != shadow)
        odd_engine_free(&old);
    if (old_shadow != engine && old_shadow != shadow)
        odd_engine_free(&old_shadow);
    return 0;
}

static void *load(void *context)
{
    odd_worker *w = context;
    w->load_error = (oddrow_error){0};
    load_pair(&w->options, odd_pool_threads(w->pool), odd_engine_path(w->engine),
              w->shadow ? odd_engine_path(w->shadow) : NULL, &w->new_engine, &w->new_shadow,
              &w->load_error);
    atomic_store(&w->loaded, true);
    uint64_t one = 1;
    (void)!write(w->wake, &one, sizeof one);
    return NULL;
}

static void reload_failed(odd_worker *w, const char *why)
{
    pthread_mutex_lock(&w->lock);
    w->counts.failed_reloads++;
    pthread_mutex_unlock(&w->lock);
    odd_status(w, ODD_LOG_ERROR, "reload-failed", why);
}

/* Reading happens on a thread of its own; rows go on being scored with the old model. */
void odd_models_begin_load(odd_worker *w)
{
    if (w->loading || !atomic_exchange(&w->reload, false))
        return;
    atomic_store(&w->loaded, false);
    if (pthread_create(&w->loader, NULL, load, w) == 0)
        w->loading = true;
    else
        reload_failed(w, "no thread to load the model");
}

void odd_models_end_load(odd_worker *w, bool use)
{
    oddrow_error err = {0};
    if (!w->loading || (use && !atomic_load(&w->loaded)))
        return;
    pthread_join(w->loader, NULL);
    w->loading = false;
    int rc = w->load_error.code;
    err = w->load_error;
    if (use && !rc && w->new_engine)
        rc = odd_engine_compare(w->engine, w->new_engine, &err);
    if (use && !rc)
        rc = install(w, w->new_engine, w->new_shadow, &err);
    if (!use || rc) {
        odd_engine_free(&w->new_engine);
        odd_engine_free(&w->new_shadow);
    }
    w->new_engine = w->new_shadow = NULL;
    if (!use)
        return;
    if (rc) {
        reload_failed(w, err.message);
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->counts.reloads++;
    pthread_mutex_unlock(&w->lock);
    odd_status(w, ODD_LOG_INFO, "reloaded", odd_engine_path(w->engine));
}

void odd_models_swap(odd_worker *w)
{
    oddrow_error err = {0};
    bool asked = atomic_exchange(&w->promote, false);
    pthread_mutex_lock(&w->lock);
    bool waited = w->promote_result == 1;
    pthread_mutex_unlock(&w->lock);
    if (!asked && !waited)
        return;
    int rc = w->shadow ? install(w, w->shadow, w->engine, &err)
                       : odd_fail(&err, ODDROW_EINVAL, "there is no shadow model to promote");
    if (rc)
        odd_log_write(w->options.log, ODD_LOG_WARN, "promote-failed", "%s", err.message);
    else
        odd_status(w, ODD_LOG_INFO, "promoted", odd_engine_path(w->engine));
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
    uint64_t one = 1;
    (void)!write(w->wake, &one, sizeof one);
    int late = 0;
    while (w->promote_result == 1 && !late)
        late = pthread_cond_timedwait(&w->promoted, &w->lock, &until);
    int rc = w->promote_result;
    if (rc == 1)
        w->promote_result = 0;
    pthread_mutex_unlock(&w->lock);
    if (rc == 1)
        return odd_fail(err, ODDROW_EIO, "the worker did not come to it within 5 s");
    return rc ? odd_fail(err, ODDROW_EINVAL, "there is no shadow model to promote") : 0;
}

int odd_models_open(odd_worker *w, oddrow_error *err)
{
    odd_engine *engine = NULL, *shadow = NULL;
    const odd_worker_options *o = &w->options;
    int rc = load_pair(o, odd_pool_threads(w->pool), o->model, o->shadow, &engine, &shadow, err);
    if (!rc)
        rc = odd_shadow_new(&w->compared, err);
    if (!rc)
        rc = install(w, engine, shadow, err);
    if (rc) {
        odd_engine_free(&engine);
        odd_engine_free(&shadow);
    }
    return rc;
}

void odd_models_close(odd_worker *w)
{
    odd_models_end_load(w, false);
    odd_drift_free(&w->drift); /* borrows the engine's schema */
    odd_engine_free(&w->engine);
    odd_engine_free(&w->shadow);
    odd_shadow_free(&w->compared);
}
