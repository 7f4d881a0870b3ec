/* options.h - smtpload's command line
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPLOAD_OPTIONS_H
#define SMTPLOAD_OPTIONS_H

#include "load.h"

/** Fill load->options, load->target and load->domains, or exit with what is wrong. */
void options_read(struct load *load, int argc, char **argv);

#endif
