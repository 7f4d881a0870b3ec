/* help.c - listing commands
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/help.h"

#include "control/answer.h"
#include "control/grammar.h"

struct list {
    ec_node_t *table;
    int n;
};

static void add_row(void *baton, const grammar_row_t *row)
{
    struct list *list = baton;
    ec_node_t *node = ec_node_row(list->table);

    ec_node_text(node, "command", row->text);
    ec_node_text(node, "access", row->command->access == EC_CMD_WRITE ? "write" : "read");
    ec_node_text(node, "from", row->owner);
    ec_node_text(node, "help", row->command->help);
    list->n++;
}

void help_list(ec_answer_t *answer, const char *const *words, int n)
{
    struct list list = { ec_node_table(ec_answer_root(answer), "commands"), 0 };

    grammar_each(words, n, add_row, &list);
    if (list.n == 0) {
        ec_answer_error(answer, "there is no command that begins with \"%s\"; \"help\" lists all", words[0]);
    }
}

static void help(void *self, ec_answer_t *answer)
{
    help_list(answer, answer->argv + 1, answer->argc - 1);
}

static void add_line(void *root, const grammar_row_t *row)
{
    ec_node_note(root, "%s", row->text);
}

/* For the console's completion: one grammar a line. */
static void list_grammars(void *self, ec_answer_t *answer)
{
    grammar_each(NULL, 0, add_line, ec_answer_root(answer));
}

const ec_command_t help_commands[] = { { "help [<command>] ...", EC_CMD_READ, help,
                                         "list commands, or those that begin with the words given" },
                                       { "console grammar", EC_CMD_READ, list_grammars, NULL },
                                       EC_COMMAND_END };
