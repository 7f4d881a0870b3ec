/* shapes.c - a module with an option of every type, stanzas inside its own, and an option in the core's scopes
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "shapes.h"

struct part {
    apr_int64_t weight;
    const ec_regex_t *match;
};

static const char *const colours[] = { "red", "green", "blue", NULL };
static const char *const words[] = { "auto", "none", NULL };

static const ec_option_t options[] = {
    EC_OPT_SECRET(struct shapes, password, "never shown"),
    EC_OPT_SOCKADDR(struct shapes, endpoint, "127.0.0.1:80", "address and port"),
    EC_OPT_SOCKADDR_PORTLESS(struct shapes, address, "*", "address alone"),
    EC_OPT_FLOAT(struct shapes, ratio, "0.5", "a fraction"),
    EC_OPT_ENUM(struct shapes, colour, "green", colours, "one of three"),
    EC_OPT_ENUM_INT(struct shapes, limit, "auto", words, "a number or a word"),
    EC_OPT_LIST(struct shapes, names, "( a b )", "names"),
    EC_OPT_DICT(struct shapes, pairs, "[ k = v ]", "pairs"),
    EC_OPT_CIDR_LIST(struct shapes, networks, "( 10.0.0.0/8 )", "networks"),
    EC_OPT_REGEX(struct shapes, pattern, "^a+$", "a pattern"),
    EC_OPT_THROTTLE(struct shapes, rate, "10/60", "a rate"),
    EC_OPT_ARRAY(struct shapes, numbers, INT, "( 1 2 3 )", "numbers"),
    EC_OPT_ARRAY(struct shapes, patterns, REGEX, NULL, "patterns"),
    EC_OPT_MSECS(struct shapes, delay, "250", "a short time"),
    EC_OPT_ADDED(struct shapes, shape_level, INT, "1", "global domain esmtp_listener", "an option outside of the stanza"),
    EC_OPT_END
};

static const ec_option_t part_options[] = { EC_OPT_INT(struct part, weight, "5", 0, 9, "how heavy"),
                                            EC_OPT_REGEX(struct part, match, NULL, "what it takes"), EC_OPT_END };
static const ec_option_t leaf_options[] = {
    { .name = "colour", .type = EC_TYPE_ENUM, .deflt = "red", .words = colours, .help = "which" }, EC_OPT_END
};
static const ec_stanza_kind_t stanzas[] = { { "part", NULL, EC_STANZA_NAMED, part_options },
                                            { "leaf", "part shapes", EC_STANZA_ANONYMOUS, leaf_options },
                                            EC_STANZA_END };

static void see(struct shapes *shapes, const ec_stanza_t *outer, const ec_instance_t *instance)
{
    const ec_stanza_t *stanza = NULL;
    size_t length;

    while ((stanza = ec_stanza_next(outer, NULL, stanza)) != NULL) {
        struct part part = { 0 };
        const ec_value_t *colour = ec_stanza_value(stanza, "colour");

        if (strcmp(ec_stanza_kind(stanza), "part") == 0) {
            ec_stanza_fill(&part, part_options, stanza, instance->pool);
        }
        length = strlen(shapes->seen);
        snprintf(shapes->seen + length, sizeof(shapes->seen) - length, "%s:%s:%d:%s:%d ", ec_stanza_kind(stanza),
                 ec_stanza_name(stanza), (int)part.weight, colour != NULL ? colour->s : "-", ec_stanza_line(stanza));
        see(shapes, stanza, instance);
    }
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    see(self, instance->stanza, instance);
    shapes_made(self);
    return APR_SUCCESS;
}

EC_MODULE(shapes, struct shapes, .summary = "has everything", .options = options, .stanzas = stanzas, .init = init);
