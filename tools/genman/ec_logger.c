/* ec_logger.c - the table of module ec_logger, under a name of its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every module exports the same name; compiled in like this, several can be in one program. */
#define ec_module_export genman_ec_logger
#include "../../modules/ec_logger/ec_logger.c"
