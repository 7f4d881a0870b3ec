/* daemon.h - the mains of the daemons, and of the tools that read a configuration without one
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EC_DAEMON_H
#define EC_DAEMON_H

#ifdef __cplusplus
extern "C" {
#endif

/** Run the mail server until it is told to stop.  Returns the process's exit status: 0 after a clean stop,
 * 1 when it could not start (said on standard error), 2 for wrong arguments. */
int ec_daemon_main(int argc, char **argv);

/** Run the cluster's manager, which takes and sends no mail: as above. */
int ec_manager_main(int argc, char **argv);
/** Is this process a manager?  Any thread. */
int ec_is_manager(void);

/** validate_config and ec_dump_config: load a configuration, with the modules it names, and tell about it.  Returns the
 * exit status: 0 valid, 1 not valid or not found, 2 wrong arguments. */
int ec_validate_main(int argc, char **argv);
int ec_dump_main(int argc, char **argv);
/** ec_ctl cluster-config: corosync.conf from the names of the members.  Returns the exit status as above. */
int ec_cluster_config_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
