/* again.h - what the files of the module again and their test share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODULE_AGAIN_H
#define TESTS_MODULE_AGAIN_H

/** In the test: something has happened to an instance of this file; `word` is its option as text. */
void again_event(int file, const char *what, const char *word);
#endif
