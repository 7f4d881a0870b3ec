/* clone.h - a copy of a configuration's tree that stands on its own
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_LIVE_CLONE_H
#define CONF_LIVE_CLONE_H

#include "conf/tree.h"

/** Copy all that `from` says into the empty tree `to`: stanzas, places, settings as written, regular expressions.  Values
 * have no types yet.  Files are shared: `to` has to keep the generation that was loaded from them. */
void clone_tree(conf_t *to, const conf_t *from);

#endif
