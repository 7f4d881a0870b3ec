/* plan.h - which file takes a change (config-language.md section 10.2), and the texts that come of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plan is made from the files as they are now; what was edited by hand since they were loaded stays.
 * Nothing is written here.  One thread at a time. */
#ifndef CONF_LIVE_PLAN_H
#define CONF_LIVE_PLAN_H

#include "conf/live/diff.h"
#include "conf/live/edit.h"
#include "conf/live/disk.h"

typedef struct plan plan_t;

typedef struct {
    const conf_t *fresh; /* the files as they are now */
    const char *only;    /* everything goes to this file; NULL: by the rules */
    const char *local;   /* Local_Changes_File in force, or NULL */
    int is_local_only;   /* Local_Changes_Only in force */
} plan_rules_t;

/** Keeps `fresh`. */
plan_t *plan_create(const plan_rules_t *rules, apr_pool_t *pool);
/** Find a place for a change.  On EC_E_CONFIG a file can not be read: `*why`. */
apr_status_t plan_change(plan_t *plan, const conf_change_t *change, const char **why);
/** Did the change that was added last find a place in files, wholly? */
int plan_is_saved(const plan_t *plan);
/** Or only a part of it: taken away in one file, still there in another? */
int plan_is_saved_partly(const plan_t *plan);
/** The files that change: array of disk_file_t, each with its new text. */
apr_array_header_t *plan_finish(plan_t *plan);
/** What has no file, as a configuration would say it; NULL when there is nothing. */
const char *plan_unsaved(plan_t *plan);

#endif
