/* main.c - ec_dump_config; all of it is in the library (server/main/dump.c), where the modules find ec_*
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

int main(int argc, char **argv)
{
    return ec_dump_main(argc, argv);
}
