/* words.h - a command line as words
 * SPDX-License-Identifier: Apache-2.0
 *
 * Words are separated by spaces and tabs.  "..." keeps spaces together (also in the middle
 * of a word); in it \" and \\ stand for themselves.  Pure, without APR. */
#ifndef CONTROL_WORDS_H
#define CONTROL_WORDS_H

/** Split `line` in place: words point into it.  Returns how many, or -1 and `*why` (constant) for a quote that does
 * not end, or more than `max` words. */
int words_split(char *line, const char **words, int max, const char **why);
#endif
