/* rehearse.c - set up what a configuration wants of modules, and end it again
 * SPDX-License-Identifier: Apache-2.0 */
#include "module/rehearse.h"

#include <apr_strings.h>

#include "module/instance.h"

struct rehearsal {
    apr_array_header_t *instances, *problems;
    module_rehearse_fn *tell;
    void *baton;
    apr_pool_t *pool;
};

static int is_double(const struct rehearsal *r, const module_instance_t *instance)
{
    for (int i = 0; i < r->instances->nelts; i++) {
        const module_instance_t *other = APR_ARRAY_IDX(r->instances, i, module_instance_t *);

        if (other->module == instance->module && strcmp(other->info.name, instance->info.name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Returns why not, or NULL. */
static const char *set_up(const struct rehearsal *r, module_instance_t *instance)
{
    const char *why = NULL;
    apr_status_t rv;

    if (is_double(r, instance)) {
        return apr_psprintf(r->pool, "there is another instance of %s with this name; give it its own", instance->prefix);
    }
    r->tell(r->baton, instance->prefix, "set up");
    rv = module_instance_try_init(instance, &why);
    r->tell(r->baton, NULL, NULL);
    return rv == APR_SUCCESS ? NULL
                             : apr_psprintf(r->pool, "%s can not be set up: %s", instance->prefix,
                                            why != NULL ? why : "it does not say why");
}

static void rehearse_one(const struct rehearsal *r, const conf_t *conf, const conf_stanza_t *stanza)
{
    module_instance_t *instance = module_instance_create(conf_stanza_module(stanza), conf, stanza, ec_log_root());
    const char *why = set_up(r, instance);

    if (why == NULL) {
        APR_ARRAY_PUSH(r->instances, module_instance_t *) = instance;
        return;
    }
    APR_ARRAY_PUSH(r->problems, conf_problem_t) = (conf_problem_t){
        .file = apr_pstrdup(r->pool, conf_stanza_file(stanza)),
        .line = conf_stanza_line(stanza),
        .kind = CONF_PROBLEM_MODULE,
        .text = why,
    };
    module_instance_destroy(instance);
}

int module_rehearse(conf_t *conf, apr_array_header_t *problems, module_rehearse_fn *tell, void *baton, apr_pool_t *pool)
{
    struct rehearsal r = { .instances = apr_array_make(pool, 8, sizeof(module_instance_t *)),
                           .problems = problems, .tell = tell, .baton = baton, .pool = pool };
    const conf_stanza_t *stanza = NULL;
    int before = problems->nelts;

    while ((stanza = conf_next_module(conf, stanza)) != NULL) {
        if (conf_stanza_module(stanza) != NULL) {
            rehearse_one(&r, conf, stanza);
        }
    }
    for (int i = r.instances->nelts - 1; i >= 0; i--) {
        module_instance_t *instance = APR_ARRAY_IDX(r.instances, i, module_instance_t *);

        tell(baton, instance->prefix, "stopped");
        module_instance_stop(instance);
    }
    tell(baton, NULL, NULL);
    return problems->nelts - before;
}
