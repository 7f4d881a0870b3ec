/* doorman.c - a module that turns away mail from one domain, counts it and tells the operator
 * SPDX-License-Identifier: Apache-2.0
 *
 * One instance is one stanza of ecelerity.conf.  All its state is in struct doorman: a second stanza, or the next
 * generation of the configuration, gets a struct of its own.
 * Thread: init, start, stop and commands run on the master loop; the hook on the loop of the session. */
#include <ec/module.h>

#include <string.h>
#include <strings.h>

struct doorman {
    /* options: set from the stanza before init */
    const char *refuse;
    const char *text;
    /* ours */
    ec_log_t *log;
    ec_counter_t *refused;
};

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct doorman *doorman = self;

    if (strchr(doorman->refuse, '@') != NULL) {
        *why = "refuse wants a domain, without @";
        return EC_E_CONFIG;
    }
    doorman->log = instance->log;
    doorman->refused = ec_counter("doorman.refused", "messages turned away for their sender's domain");
    return APR_SUCCESS;
}

static ec_verdict_t on_mail(void *self, ec_conn_t *conn, const char *sender)
{
    struct doorman *doorman = self;
    const char *at = strrchr(sender, '@');

    if (at == NULL || strcasecmp(at + 1, doorman->refuse) != 0) {
        return EC_CONTINUE;
    }
    ec_counter_add(doorman->refused, 1);
    ec_log(doorman->log, EC_LOG_INFO, "turned away sender=%s peer=%s", sender, ec_conn_peer(conn));
    ec_conn_reply(conn, 550, doorman->text);
    return EC_REJECT;
}

static void show(void *self, ec_answer_t *answer)
{
    struct doorman *doorman = self;
    ec_node_t *root = ec_answer_root(answer);

    ec_node_text(root, "refuse", doorman->refuse);
    ec_node_int(root, "refused", ec_counter_value(doorman->refused));
}

static const ec_option_t options[] = {
    EC_OPT_STRING(struct doorman, refuse, "", "the domain whose mail is turned away"),
    EC_OPT_STRING(struct doorman, text, "5.7.1 Not from there", "what the client is told"),
    EC_OPT_END
};
static const ec_hook_t hooks[] = { EC_HOOK(smtp_mail, on_mail), EC_HOOK_END };
static const ec_command_t commands[] = {
    { "show", EC_CMD_READ, show, "the domain, and how much of its mail was turned away" },
    EC_COMMAND_END
};

EC_MODULE(doorman, struct doorman, .summary = "turn away mail from one domain", .version = "1.0",
          .options = options, .hooks = hooks, .commands = commands, .init = init);
