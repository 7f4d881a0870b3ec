/* directed.h - rules that no seed finds broken, each in a story of its own
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_DIRECTED_H
#define TESTS_SIM_DIRECTED_H

/** Tells the story of one rule (a name of mutant.h), or (NULL) of all that have one.  Returns NULL when all held, else what did
 * not: good until the next call. */
const char *directed_run(const char *rule);
/** Is there one? */
int directed_has(const char *rule);

#endif
