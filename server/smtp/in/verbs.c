/* verbs.c - the commands, and the states that allow them
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "smtp/in/session.h"
#include "util/text.h"

#define IN(state) (1u << IN_##state)
#define ANY       (IN(GREET) | IN(READY) | IN(MAIL) | IN(RCPT))

static const struct verb {
    const char *name;
    unsigned allowed;
    in_verb_fn *run;
    int code; /* where it is not allowed */
    const char *text;
} verbs[] = {
    { "EHLO", ANY, in_do_ehlo, 0, NULL },
    { "HELO", ANY, in_do_helo, 0, NULL },
    { "MAIL", IN(GREET) | IN(READY), in_do_mail, 501, "5.5.1 MAIL was given already" },
    { "RCPT", IN(MAIL) | IN(RCPT), in_do_rcpt, 503, "5.5.1 MAIL first" },
    { "DATA", IN(RCPT), in_do_data, 503, "5.5.1 MAIL and RCPT first" },
    { "RSET", ANY, in_do_rset, 0, NULL },
    { "NOOP", ANY, in_do_noop, 0, NULL },
    { "QUIT", ANY, in_do_quit, 0, NULL },
    { "VRFY", ANY, in_do_vrfy, 0, NULL },
    { "HELP", ANY, in_do_help, 0, NULL },
};

char *in_after(char *text, const char *prefix)
{
    apr_size_t length = strlen(prefix);

    return strnlen(text, length) == length && util_text_equal_nocase(text, length, prefix, length)
               ? text + length
               : NULL;
}

/* The verb of the line; *args is what follows it, without the space around. */
static const struct verb *find_verb(char *line, char **args)
{
    apr_size_t length = strcspn(line, " \t");
    char *end = line + strlen(line);

    for (apr_size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (util_text_equal_nocase(line, length, verbs[i].name, strlen(verbs[i].name))) {
            *args = line + length + strspn(line + length, " \t");
            while (end > *args && (end[-1] == ' ' || end[-1] == '\t')) {
                *--end = '\0';
            }
            return &verbs[i];
        }
    }
    return NULL;
}

void in_command(ec_conn_t *conn, char *line)
{
    char *args = NULL;
    const struct verb *verb = find_verb(line, &args);

    if (in_is_stopping(conn->loop) && conn->txn == NULL) {
        in_close(conn, 421, "4.3.2 Service is closing");
    } else if (verb == NULL) {
        in_error(conn, 500, "5.5.2 Unknown command");
    } else if (!(verb->allowed & (1u << conn->state))) {
        in_error(conn, verb->code, verb->text);
    } else {
        verb->run(conn, args);
    }
}
