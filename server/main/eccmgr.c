/* eccmgr.c - the cluster manager's main: everything is in the library
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

int main(int argc, char **argv)
{
    return ec_manager_main(argc, argv);
}
