/* conf_fuzz.c - any text as a configuration: refused with reasons, or loaded and usable
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "conf/conf.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

/* Ask for values in the way that servers and consoles do, at every stanza. */
static void ask(conf_t *conf, const conf_stanza_t *parent, apr_pool_t *pool)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = conf_next(conf, parent, NULL, stanza)) != NULL) {
        const char *scopes[] = { conf_stanza_type(stanza), conf_stanza_name(stanza) }, *why = NULL;
        conf_eval_t result;

        if (strcmp(scopes[0], "listen") == 0)
            conf_int(conf_inbound(conf, stanza, "10.1.2.3"), CONF_O_IDLE_TIME);
        if (strcmp(scopes[0], "domain") == 0)
            conf_interval(conf_outbound(conf, "g", "b", scopes[1]), CONF_O_RETRY_INTERVAL);
        if (conf_eval(&result, conf, scopes, 2, "max_outbound_connections", &why, pool) != APR_SUCCESS &&
            why == NULL)
            abort();
        ask(conf, stanza, pool);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_array_header_t *problems;
    apr_pool_t *pool;
    conf_t *conf;

    apr_pool_create(&pool, NULL);
    if (conf_load_text(&conf, &problems, "fuzz.conf", (const char *)data, size, pool) == APR_SUCCESS) {
        conf_outbound(conf, "g", "b", "example.com");
        ask(conf, NULL, pool);
        conf_unref(conf);
    } else if (problems->nelts == 0) {
        abort(); /* refused without a reason */
    }
    apr_pool_destroy(pool);
    return 0;
}
