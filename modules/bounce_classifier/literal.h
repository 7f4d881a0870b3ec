/* literal.h - texts that a regular expression can not match without
 * SPDX-License-Identifier: Apache-2.0
 *
 * A rule whose texts are not in a reply need not be tried: that is what keeps hundreds of
 * rules cheap (screen.h).  Says too little rather than too much: when in doubt there are no
 * texts, and the rule is always tried. */
#ifndef BOUNCE_CLASSIFIER_LITERAL_H
#define BOUNCE_CLASSIFIER_LITERAL_H

#include <apr_pools.h>

enum { LITERALS_MAX = 96, LITERAL_MIN = 3 };

/** Every match of the Perl-compatible expression `pattern` (matched without regard to case) contains at least one of
 * the texts returned (lower case, in `pool`); returns how many, 0 when nothing can be said. */
int literals_of(const char *texts[LITERALS_MAX], const char *pattern, apr_pool_t *pool);
#endif
