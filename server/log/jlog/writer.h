/* writer.h - lines into a journal
 * SPDX-License-Identifier: Apache-2.0
 *
 * Several writers, of one process or of more, may append to a journal: each holds the lock for a batch of whole records, and
 * looks first whether others have appended.  What a writer that ended within a record left is cut off by the next one.
 * Thread: one at a time. */
#ifndef LOG_JLOG_WRITER_H
#define LOG_JLOG_WRITER_H

#include "log/jlog/folder.h"

typedef struct jlog_writer jlog_writer_t;

/** Open the journal, or make it as the options say, and add those of `subscribers` (NULL-terminated) that it does not
 * have.  Keeps `log`.  EC_E_BUSY: try again. */
apr_status_t jlog_writer_open(jlog_writer_t **writer, const char *path, const char *const *subscribers,
                              const jlog_folder_options_t *options, ec_log_t *log);

/** Append lines, each with its newline, as records; *taken: bytes of them, whole lines, that are in the file, so that a kill of
 * this process does not lose them.  On failure none is.  EC_E_BUSY: try again.  APR_ENOENT: the journal was removed; close. */
apr_status_t jlog_writer_append(jlog_writer_t *writer, const char *lines, apr_size_t length, apr_size_t *taken);

/** A descriptor that is open as long as the writer is. */
int jlog_writer_fd(const jlog_writer_t *writer);

/** Make what was appended durable, when there is something. */
apr_status_t jlog_writer_sync(jlog_writer_t *writer);
void jlog_writer_close(jlog_writer_t *writer);

#endif
