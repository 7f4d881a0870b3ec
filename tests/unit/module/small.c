/* small.c - modules with hardly anything in them: needy, whose manifest requires another; claimer, who wants an option
 * that another module has
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/module.h>

struct small {
    ec_option_handle_t shape_level;
};

static const ec_option_t options[] = {
#ifdef CLAIMER
    EC_OPT_ADDED(struct small, shape_level, INT, "1", "global", "somebody else's"),
#endif
    EC_OPT_END
};

#ifdef CLAIMER
EC_MODULE(claimer, struct small, .summary = "wants too much", .options = options);
#else
EC_MODULE(needy, struct small, .summary = "needs another", .options = options);
#endif
