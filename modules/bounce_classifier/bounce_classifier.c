/* bounce_classifier.c - what a refusal means, by rules that can be changed while the server runs
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each loop has its own reference to the set of rules in force and its own matcher, so
 * classifying takes no lock.  New rules are read and compiled on the IO pool, then sent to
 * each loop by a post.  Posts and jobs hold a reference to the core, so the instance may go
 * while they are under way. */
#include "rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_strings.h>

enum { FILES = 2, USER = 0, SYSTEM = 1 };

static const char default_user_file[] = "user_smtp_classification.ovr";

struct loop_part {
    ruleset_t *rules;              /* the loop's; NULL until the first arrive */
    matcher_t *matcher;
    _Atomic apr_uint64_t asked, answered;
};

/* What a file was like when it was read; all zero when it was not there. */
struct stamp {
    apr_time_t changed;
    apr_off_t size;
    apr_ino_t inode;
};

struct core {
    apr_pool_t *pool;
    int refs;                      /* master loop */
    int is_gone;                   /* the instance has stopped: nobody waits for anything any more */
    ec_log_t *log;                 /* the instance's: not when it is gone */
    const char *path[FILES];       /* NULL: not used */
    int may_be_missing[FILES];
    const char *const *custom;
    ruleset_t *rules;              /* the newest; master loop */
    struct stamp stamp[FILES];     /* of the newest */
    struct stamp refused[FILES];   /* of files with mistakes: said once */
    int is_loading;
    int n_loops;
    struct loop_part loop[];
};

struct bounce_classifier {
    const char *user_smtp_classification_override, *system_smtp_classification_override;
    const char *user_mdn_classification_override, *system_mdn_classification_override;
    const char *const *custom_classes;
    int enable_system_updates;
    apr_interval_time_t refresh;

    struct core *core;
    ec_timer_t timer;
};

/* ---- core ------------------------------------------------------------------------------------ */

static struct core *core_create(const struct bounce_classifier *self, const ec_instance_t *instance)
{
    int n = ec_loop_count() > 0 ? ec_loop_count() : 1;
    struct core *core;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    core = apr_pcalloc(pool, sizeof *core + (apr_size_t)n * sizeof core->loop[0]);
    core->pool = pool;
    core->refs = 1;
    core->log = instance->log;
    core->n_loops = n;
    for (int i = 0; i < n; i++) {
        core->loop[i].matcher = matcher_create();
    }
    return core;
}

static void core_unref(struct core *core)
{
    if (--core->refs > 0) {
        return;
    }
    for (int i = 0; i < core->n_loops; i++) {
        ruleset_unref(core->loop[i].rules);
        matcher_destroy(core->loop[i].matcher);
    }
    ruleset_unref(core->rules);
    apr_pool_destroy(core->pool);
}

/* Names without '/' are in the folder of the configuration. */
static const char *full_path(const char *name, apr_pool_t *pool)
{
    return name[0] == '/' ? apr_pstrdup(pool, name) : apr_pstrcat(pool, EC_CONFDIR, "/", name, NULL);
}

static void set_paths(struct core *core, const struct bounce_classifier *self)
{
    const char *user = self->user_smtp_classification_override, *system = self->system_smtp_classification_override;

    if (user[0] != '\0') {
        core->path[USER] = full_path(user, core->pool);
        core->may_be_missing[USER] = strcmp(user, default_user_file) == 0;
    }
    if (self->enable_system_updates && system[0] != '\0') {
        core->path[SYSTEM] = full_path(system, core->pool);
    }
}

static const char *const *copy_custom(const char *const *custom, apr_pool_t *pool)
{
    const char **copy;
    int n = 0;

    while (custom != NULL && custom[n] != NULL) {
        n++;
    }
    copy = apr_pcalloc(pool, (apr_size_t)(n + 1) * sizeof *copy);
    for (int i = 0; i < n; i++) {
        copy[i] = apr_pstrdup(pool, custom[i]);
    }
    return copy;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void look(const struct core *core, struct stamp *stamps, apr_pool_t *scratch)
{
    memset(stamps, 0, FILES * sizeof *stamps);
    for (int i = 0; i < FILES; i++) {
        apr_finfo_t info;

        if (core->path[i] != NULL && apr_stat(&info, core->path[i], APR_FINFO_MTIME | APR_FINFO_SIZE | APR_FINFO_INODE,
                                              scratch) == APR_SUCCESS) {
            stamps[i] = (struct stamp){ info.mtime, info.size, info.inode };
        }
    }
}

static int is_same(const struct stamp *a, const struct stamp *b)
{
    for (int i = 0; i < FILES; i++) {
        if (a[i].changed != b[i].changed || a[i].size != b[i].size || a[i].inode != b[i].inode) {
            return 0;
        }
    }
    return 1;
}

/* NULL and *why when something is wrong.  Any thread: reads only what of `core` does not change. */
static ruleset_t *load(const struct core *core, const char **why, apr_pool_t *pool)
{
    ruleset_t *set = ruleset_create(core->custom, why, pool);

    for (int i = 0; set != NULL && i < FILES; i++) {
        apr_finfo_t info;

        if (core->path[i] == NULL ||
            (core->may_be_missing[i] && APR_STATUS_IS_ENOENT(apr_stat(&info, core->path[i], APR_FINFO_TYPE, pool)))) {
            continue;
        }
        if (ruleset_add_file(set, core->path[i], why, pool) != APR_SUCCESS) {
            ruleset_unref(set);
            set = NULL;
        }
    }
    if (set != NULL) {
        ruleset_complete(set);
    }
    return set;
}

/* ---- to the loops ---------------------------------------------------------------------------------- */

struct delivery {
    ec_post_t post;
    struct core *core;
    struct loop_part *part;
    ruleset_t *rules;
};

static void on_delivered(void *baton)
{
    struct delivery *delivery = baton;

    core_unref(delivery->core);
    free(delivery);
}

static void on_arrived(void *baton)
{
    struct delivery *delivery = baton;
    ruleset_t *old = delivery->part->rules;

    delivery->part->rules = delivery->rules;
    ruleset_unref(old);
    ec_loop_post(ec_loop_at(0), &delivery->post, on_delivered, delivery);
}

static void put_in_force(struct core *core, ruleset_t *rules)
{
    ruleset_unref(core->rules);
    core->rules = rules;
    for (int i = 0; i < core->n_loops; i++) {
        struct delivery *delivery = calloc(1, sizeof *delivery);

        EC_ASSERT(delivery != NULL);
        core->refs++;
        *delivery = (struct delivery){ .core = core, .part = &core->loop[i], .rules = ruleset_ref(rules) };
        ec_loop_post(ec_loop_at(i), &delivery->post, on_arrived, delivery);
    }
}

/* ---- again, while it runs ------------------------------------------------------------------------- */

struct reading {
    ec_job_t job;
    struct core *core;
    apr_pool_t *pool;
    int is_asked;                  /* by the console: also when nothing has changed */
    ec_answer_t *answer;           /* who waits, or NULL */
    struct stamp stamp[FILES];
    struct stamp known[FILES], refused[FILES];
    int is_changed;
    ruleset_t *rules;
    const char *why;
};

static void read_again(void *baton)
{
    struct reading *reading = baton;

    look(reading->core, reading->stamp, reading->pool);
    reading->is_changed = reading->is_asked || (!is_same(reading->stamp, reading->known) && !is_same(reading->stamp, reading->refused));
    if (reading->is_changed) {
        reading->rules = load(reading->core, &reading->why, reading->pool);
    }
}

static void use(struct core *core, const struct reading *reading)
{
    if (reading->rules != NULL) {
        memcpy(core->stamp, reading->stamp, sizeof core->stamp);
        ec_log(core->log, EC_LOG_NOTICE, "rules read rules=%d", ruleset_count(reading->rules));
        put_in_force(core, reading->rules);
    } else if (reading->is_changed) {
        memcpy(core->refused, reading->stamp, sizeof core->refused);
        ec_log(core->log, EC_LOG_ERROR, "the rules are not read again, the old ones stay: %s", reading->why);
    }
}

static void reply(const struct reading *reading)
{
    if (reading->rules != NULL) {
        ec_node_int(ec_answer_root(reading->answer), "rules", ruleset_count(reading->rules));
        ec_node_note(ec_answer_root(reading->answer), "the rules were read again and are in force");
    } else {
        ec_answer_error(reading->answer, "the old rules stay in force: %s", reading->why);
    }
    ec_answer_finish(reading->answer);
}

static void on_read(void *baton)
{
    struct reading *reading = baton;
    struct core *core = reading->core;

    core->is_loading = 0;
    if (reading->answer != NULL) {
        reply(reading);
    }
    if (!core->is_gone) {
        use(core, reading);
    } else {
        ruleset_unref(reading->rules);
    }
    core_unref(core);
    apr_pool_destroy(reading->pool);
}

static void start_reading(struct core *core, ec_answer_t *answer)
{
    struct reading *reading;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS); /* a root: it is used on the pool's thread */
    reading = apr_pcalloc(pool, sizeof *reading);
    reading->core = core;
    reading->pool = pool;
    reading->answer = answer;
    reading->is_asked = answer != NULL;
    memcpy(reading->known, core->stamp, sizeof reading->known);
    memcpy(reading->refused, core->refused, sizeof reading->refused);
    core->refs++;
    core->is_loading = 1;
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &reading->job, read_again, on_read, reading);
}

static void on_refresh(void *baton)
{
    struct bounce_classifier *self = baton;

    ec_timer_start(&self->timer, ec_loop_at(0), self->refresh, on_refresh, self);
    if (!self->core->is_loading) {
        start_reading(self->core, NULL);
    }
}

/* A reload of the configuration is a good moment to look. */
static void on_reload(void *baton, int is_ok, const char *text)
{
    struct bounce_classifier *self = baton;

    if (is_ok && !self->core->is_loading) {
        start_reading(self->core, NULL);
    }
}

/* ---- hook ------------------------------------------------------------------------------------------- */

static const ec_bounce_class_t *classify(void *baton, const char *text, const char *domain)
{
    struct bounce_classifier *self = baton;
    struct loop_part *part = &self->core->loop[ec_loop_index(ec_loop_self())];
    const rule_t *rule = part->rules != NULL ? ruleset_match(part->rules, part->matcher, text, domain) : NULL;

    atomic_fetch_add_explicit(&part->asked, 1, memory_order_relaxed);
    if (rule == NULL) {
        return NULL;
    }
    atomic_fetch_add_explicit(&part->answered, 1, memory_order_relaxed);
    return rule->class;
}

/* ---- life -------------------------------------------------------------------------------------------- */

static apr_status_t init(void *baton, const ec_instance_t *instance, const char **why)
{
    struct bounce_classifier *self = baton;
    struct core *core = core_create(self, instance);

    set_paths(core, self);
    core->custom = copy_custom(self->custom_classes, core->pool);
    look(core, core->stamp, instance->pool);
    if ((core->rules = load(core, why, instance->pool)) == NULL) {
        core_unref(core);
        return EC_E_CONFIG;
    }
    for (int i = 0; i < core->n_loops; i++) { /* no hook of ours is in force yet */
        core->loop[i].rules = ruleset_ref(core->rules);
    }
    self->core = core;
    return APR_SUCCESS;
}

static apr_status_t start(void *baton, const char **why)
{
    struct bounce_classifier *self = baton;

    if (self->refresh > 0) {
        ec_timer_start(&self->timer, ec_loop_at(0), self->refresh, on_refresh, self);
    }
    return APR_SUCCESS;
}

static void stop(void *baton)
{
    struct bounce_classifier *self = baton;

    ec_timer_cancel(&self->timer);
    self->core->is_gone = 1;
    core_unref(self->core);
}

/* ---- console ------------------------------------------------------------------------------------------- */

/* The words behind `n` of those that follow `literal`. */
static const char *words_behind(ec_answer_t *answer, const char *literal, int n)
{
    const char *text = "";
    int i = 0;

    while (i < ec_answer_argc(answer) && strcasecmp(ec_answer_argv(answer, i), literal) != 0) {
        i++;
    }
    for (i += 1 + n; i < ec_answer_argc(answer); i++) {
        text = apr_pstrcat(ec_answer_pool(answer), text, text[0] != '\0' ? " " : "", ec_answer_argv(answer, i), NULL);
    }
    return text;
}

/* test [domain <domain>] <reply> ...: without a domain only rules for all domains are asked. */
static void test(void *baton, ec_answer_t *answer)
{
    struct bounce_classifier *self = baton;
    struct core *core = self->core;
    const char *domain = ec_answer_arg(answer, "domain"), *reply_text = words_behind(answer, "test", domain != NULL ? 2 : 0);
    const rule_t *rule = ruleset_match(core->rules, core->loop[0].matcher, reply_text, domain != NULL ? domain : "");
    const ec_bounce_class_t *class = rule != NULL ? rule->class : ec_bounce_class(EC_BOUNCE_UNDETERMINED);
    ec_node_t *root = ec_answer_root(answer);

    ec_node_int(root, "class", class->code);
    ec_node_text(root, "name", class->name);
    ec_node_text(root, "category", class->category);
    if (rule == NULL) {
        ec_node_note(root, "No rule fits.");
        return;
    }
    ec_node_text(root, "rule", rule->text);
    if (rule->domain[0] != '\0') {
        ec_node_text(root, "domain", rule->domain);
    }
    ec_node_format(root, "where", "%s:%d", rule->file, rule->line);
}

static void reload(void *baton, ec_answer_t *answer)
{
    struct bounce_classifier *self = baton;

    if (self->core->is_loading) {
        ec_answer_error(answer, "the rules are being read already; ask again in a moment");
        return;
    }
    ec_answer_hold(answer);
    start_reading(self->core, answer);
}

static void show_status(void *baton, ec_answer_t *answer)
{
    struct bounce_classifier *self = baton;
    struct core *core = self->core;
    ec_node_t *root = ec_answer_root(answer);
    apr_uint64_t asked = 0, answered = 0, given_up = 0;

    for (int i = 0; i < core->n_loops; i++) {
        asked += atomic_load_explicit(&core->loop[i].asked, memory_order_relaxed);
        answered += atomic_load_explicit(&core->loop[i].answered, memory_order_relaxed);
        given_up += matcher_given_up(core->loop[i].matcher);
    }
    ec_node_text(root, "user_rules", core->path[USER] != NULL ? core->path[USER] : "");
    ec_node_text(root, "system_rules", core->path[SYSTEM] != NULL ? core->path[SYSTEM] : "");
    ec_node_int(root, "rules", ruleset_count(core->rules));
    ec_node_int(root, "always_tried", ruleset_count_unscreened(core->rules));
    ec_node_int(root, "replies", (apr_int64_t)asked);
    ec_node_int(root, "undetermined", (apr_int64_t)(asked - answered));
    ec_node_int(root, "given_up", (apr_int64_t)given_up);
}

/* ---- tables ---------------------------------------------------------------------------------------------- */

#define NO_EFFECT_ROW(field_, deflt_)                                                                               \
    { .name = #field_, .type = EC_TYPE_STRING, .deflt = (deflt_), .flags = EC_OPTION_NO_EFFECT,                     \
      .help = "Rules for bounces that come as mail.", .offset = offsetof(struct bounce_classifier, field_) }

static const ec_option_t options[] = {
    EC_OPT_STRING(struct bounce_classifier, user_smtp_classification_override, default_user_file,
                  "Rules that go before those of the server; a name without / is in the folder of the configuration."),
    EC_OPT_STRING(struct bounce_classifier, system_smtp_classification_override, EC_RULES,
                  "Rules that come with the server."),
    EC_OPT_BOOL(struct bounce_classifier, enable_system_updates, "true", "Use the rules that come with the server."),
    EC_OPT_TIME(struct bounce_classifier, refresh, "300", "How often the files are looked at for changes; 0: never."),
    EC_OPT_DICT(struct bounce_classifier, custom_classes, NULL,
                "Classes besides the documented ones: code below 100 = \"name\" or \"name/Category\"."),
    NO_EFFECT_ROW(user_mdn_classification_override, "user_mdn_classification.ovr"),
    NO_EFFECT_ROW(system_mdn_classification_override, NULL),
    EC_OPT_END
};

static const ec_hook_t hooks[] = {
    EC_HOOK(smtp_error_classify, classify),
    EC_HOOK(server_reload, on_reload),
    EC_HOOK_END,
};

static const ec_command_t commands[] = {
    { "test <reply> ...", EC_CMD_READ, test, "what a reply means, and the rule that says so" },
    { "test domain <domain> <reply> ...", EC_CMD_READ, test, "the same for a server of this routing domain" },
    { "reload", EC_CMD_WRITE, reload, "read the rules again" },
    { "status", EC_CMD_READ, show_status, "files, rules and counts" },
    EC_COMMAND_END
};

EC_MODULE(bounce_classifier, struct bounce_classifier, .summary = "what a refusal means", .options = options,
          .hooks = hooks, .commands = commands, .init = init, .start = start, .stop = stop);
