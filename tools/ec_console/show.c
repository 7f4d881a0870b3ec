/* show.c - printing answers
 * SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The server escapes control characters; this is for one that is not what it seems. */
void show_answer(FILE *out, const console_answer_t *answer, wire_form_t form)
{
    for (size_t i = 0; i < answer->length; i++) {
        unsigned char c = (unsigned char)answer->text[i];

        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            fprintf(out, "\\x%02X", c);
        } else {
            putc(c, out);
        }
    }
    if (answer->length > 0 && answer->text[answer->length - 1] != '\n') {
        putc('\n', out);
    }
    fflush(out);
}

static int is_tall(const console_answer_t *answer)
{
    struct winsize size;
    int lines = 0;

    for (size_t i = 0; i < answer->length; i++) {
        lines += answer->text[i] == '\n';
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && lines >= size.ws_row;
}

/* The pager must not inherit that a dialogue blocks Ctrl-C. */
static FILE *open_pager(const char *command)
{
    sigset_t interrupt;
    FILE *pager;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    pager = popen(command, "w");
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    return pager;
}

void show_paged(const console_answer_t *answer, wire_form_t form)
{
    const char *command = getenv("PAGER");
    FILE *pager = NULL;

    if (is_tall(answer)) {
        pager = open_pager(command != NULL && command[0] != '\0' ? command : "less");
    }
    if (pager == NULL) {
        show_answer(stdout, answer, form);
        return;
    }
    show_answer(pager, answer, form);
    pclose(pager);
}
