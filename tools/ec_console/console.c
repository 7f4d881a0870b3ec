/* console.c - running commands, one by one or from a file
 * SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "control/words.h"
#include "show.h"

int console_run(console_t *console, const char *const *words, int n)
{
    console_answer_t answer = { 0 };
    int status;

    if (link_is_stale(&console->link) && link_open(&console->link) != 0) {
        return EXIT_CONNECTION;
    }
    switch (link_ask(&console->link, &answer, console->form, words, n)) {
    case LINK_OK:
        break;
    case LINK_REFUSED:
        return EXIT_COMMAND;
    case LINK_INTERRUPTED:
        fprintf(stderr, "ec_console: not waiting for the answer any more; the command may still run\n");
        return EXIT_COMMAND;
    default:
        return EXIT_CONNECTION;
    }
    status = answer.status == WIRE_DONE ? EXIT_DONE : EXIT_COMMAND;
    if (console->is_paging && console->is_interactive) {
        show_paged(&answer, console->form);
    } else {
        show_answer(status == EXIT_DONE || console->form != WIRE_TEXT ? stdout : stderr, &answer,
                    console->form);
    }
    free(answer.text);
    return status;
}

/* Is it "config VERB ...", whatever form of the answer is asked for? */
static int is_config(const char *const *words, int n, const char *verb)
{
    if (n > 0 && (strcasecmp(words[0], "json") == 0 || strcasecmp(words[0], "xml") == 0)) {
        words++;
        n--;
    }
    return n >= 2 && strcasecmp(words[0], "config") == 0 && strcasecmp(words[1], verb) == 0;
}

/* Nobody reads what a list's commands answer before the next one: a transaction of which a change failed is not
 * committed without it. */
static int run_of_list(console_t *console, const char *const *words, int n)
{
    static const char *const rollback[] = { "config", "rollback" };
    int status;

    if (is_config(words, n, "commit") && console->n_failed > 0) {
        fprintf(stderr, "ec_console: not committed, because %d of the changes failed: the transaction is dropped\n",
                console->n_failed);
        console->n_failed = 0;
        status = console_run(console, rollback, 2);
        return status == EXIT_DONE ? EXIT_COMMAND : status;
    }
    status = console_run(console, words, n);
    if (is_config(words, n, "begin") || is_config(words, n, "rollback")) {
        console->n_failed = 0;
    } else if (is_config(words, n, "set") || is_config(words, n, "unset")) {
        console->n_failed += status != EXIT_DONE;
    }
    return status;
}

int console_line(console_t *console, char *line, int *is_over)
{
    const char *words[WIRE_WORDS_MAX], *why;
    int n = words_split(line, words, WIRE_WORDS_MAX, &why);

    if (n < 0) {
        fprintf(stderr, "ec_console: %s\n", why);
        console->n_failed++;
        return EXIT_COMMAND;
    }
    if (n == 0 || words[0][0] == '#') {
        return EXIT_DONE;
    }
    if (n == 1 && (strcasecmp(words[0], "quit") == 0 || strcasecmp(words[0], "exit") == 0)) {
        *is_over = 1;
        return EXIT_DONE;
    }
    if (n == 1 && strcmp(words[0], "\\pager") == 0) {
        console->is_paging = !console->is_paging;
        if (console->is_interactive) {
            printf("Long answers %s.\n",
                   console->is_paging ? "go through the pager" : "are printed as they are");
        }
        return EXIT_DONE;
    }
    return console->is_interactive ? console_run(console, words, n) : run_of_list(console, words, n);
}

int console_batch(console_t *console)
{
    int worst = EXIT_DONE, is_over = 0;
    char *line = NULL;
    size_t room = 0;

    while (!is_over && worst != EXIT_CONNECTION && getline(&line, &room, stdin) >= 0) {
        int status = console_line(console, line, &is_over);

        worst = status > worst ? status : worst;
    }
    free(line);
    return worst;
}
