/* daemon.h - the entry of a daemon's main
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EC_DAEMON_H
#define EC_DAEMON_H

#ifdef __cplusplus
extern "C" {
#endif

/** Run the mail server until it is told to stop.  Returns the process's exit status: 0 after a clean stop,
 * 1 when it could not start (said on standard error), 2 for wrong arguments. */
int ec_daemon_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
