/* main.c - validate_config; all of it is in the library (server/main/validate.c), where the modules find ec_*
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

int main(int argc, char **argv)
{
    return ec_validate_main(argc, argv);
}
