/* interactive.c - line editing, history and completion with libedit
 * SPDX-License-Identifier: Apache-2.0
 *
 * Completion knows the server's grammars, asked for once a connection: the word that is
 * being typed is compared with the literal at its place in every grammar that fits the
 * words before it. */
#include "console.h"

#include <fcntl.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000, MATCHES_MAX = 256, WORD_MAX = 128 };

static char *grammars; /* one a line; NULL as long as the server was not asked */

/* ---- completion ------------------------------------------------------------------------------ */

static void load_grammars(console_t *console)
{
    static const char *const words[] = { "console", "grammar" };
    console_answer_t answer = { 0 };

    if (grammars == NULL && !link_is_stale(&console->link) &&
        link_ask(&console->link, &answer, WIRE_TEXT, words, 2) == LINK_OK) {
        grammars = answer.text;
    }
}

/* The n-th word of a text; its length, 0 when there is none. */
static size_t nth_word(const char **word, const char *text, const char *end, int n)
{
    for (;;) {
        size_t length;

        while (text < end && (*text == ' ' || *text == '\t')) {
            text++;
        }
        *word = text;
        while (text < end && *text != ' ' && *text != '\t') {
            text++;
        }
        length = (size_t)(text - *word);
        if (length == 0 || n-- == 0) {
            return length;
        }
    }
}

static int is_argument(const char *word)
{
    return word[0] == '<' || word[0] == '[' || strncmp(word, "...", 3) == 0;
}

/* Do the first `n` words of the line fit this grammar? */
static int fits(const char *grammar, const char *grammar_end, const char *line, const char *line_end, int n)
{
    for (int i = 0; i < n; i++) {
        const char *wanted, *given;
        size_t wanted_length = nth_word(&wanted, grammar, grammar_end, i);
        size_t given_length = nth_word(&given, line, line_end, i);

        if (wanted_length == 0) {
            return 0;
        }
        if (!is_argument(wanted) &&
            (wanted_length != given_length || strncasecmp(wanted, given, given_length) != 0)) {
            return 0;
        }
    }
    return 1;
}

static int add_match(char matches[][WORD_MAX], int n, const char *word, size_t length)
{
    if (length >= WORD_MAX || n == MATCHES_MAX) {
        return n;
    }
    for (int i = 0; i < n; i++) {
        if (strlen(matches[i]) == length && strncmp(matches[i], word, length) == 0) {
            return n;
        }
    }
    memcpy(matches[n], word, length);
    matches[n][length] = '\0';
    return n + 1;
}

/* All words that may stand at place `n` and begin with `prefix`. */
static int find_matches(char matches[][WORD_MAX], const char *line, const char *line_end, int n,
                        const char *prefix, size_t prefix_length)
{
    const char *end;
    int count = 0;

    for (const char *grammar = grammars; grammar != NULL && *grammar != '\0';
         grammar = end + (*end == '\n')) {
        const char *word;
        size_t length;

        end = grammar + strcspn(grammar, "\n");
        length = nth_word(&word, grammar, end, n);
        if (length >= prefix_length && length > 0 && !is_argument(word) &&
            strncasecmp(word, prefix, prefix_length) == 0 && fits(grammar, end, line, line_end, n)) {
            count = add_match(matches, count, word, length);
        }
    }
    return count;
}

static size_t common_length(char matches[][WORD_MAX], int n)
{
    size_t length = strlen(matches[0]);

    for (int i = 1; i < n; i++) {
        size_t same = 0;

        while (same < length && matches[0][same] == matches[i][same]) {
            same++;
        }
        length = same;
    }
    return length;
}

static void list_matches(char matches[][WORD_MAX], int n)
{
    putchar('\n');
    for (int i = 0; i < n; i++) {
        printf("%s%s", matches[i], i + 1 < n ? "  " : "\n");
    }
    fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key)
{
    static char matches[MATCHES_MAX][WORD_MAX];
    const LineInfo *info = el_line(edit);
    const char *start = info->cursor, *at = info->buffer, *word;
    int place = 0, n;
    size_t typed, common;

    while (start > info->buffer && start[-1] != ' ') {
        start--;
    }
    while (nth_word(&word, at, start, place) > 0) {
        place++;
    }
    typed = (size_t)(info->cursor - start);
    n = find_matches(matches, info->buffer, start, place, start, typed);
    if (n == 0) {
        return CC_REFRESH_BEEP;
    }
    common = common_length(matches, n);
    if (common > typed) {
        el_insertstr(edit, matches[0] + typed);
        if (n > 1) { /* only what all have in common stays */
            el_deletestr(edit, (int)(strlen(matches[0]) - common));
        }
    } else if (n > 1) {
        list_matches(matches, n);
        return CC_REDISPLAY;
    }
    if (n == 1) {
        el_insertstr(edit, " ");
    }
    return CC_REFRESH;
}

/* ---- history --------------------------------------------------------------------------------- */

static const char *history_path(void)
{
    static char path[512];
    const char *home = getenv("HOME");

    return home != NULL && snprintf(path, sizeof path, "%s/.ec_console_history", home) < (int)sizeof path
               ? path
               : NULL;
}

static void save_history(History *past)
{
    const char *path = history_path();
    HistEvent event;
    int fd;

    /* made with its mode before anything is in it: commands may hold addresses */
    if (path == NULL || (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0) {
        return;
    }
    if (fchmod(fd, 0600) == 0) {
        history(past, &event, H_SAVE, path);
    }
    close(fd);
}

/* ---- the dialogue ------------------------------------------------------------------------------ */

static void on_interrupt(int signo)
{
    link_interrupted = 1;
}

/* The editor's way to a character.  Its own retries a read that Ctrl-C has interrupted, and misses one that comes just
 * before the read. */
static int next_character(EditLine *edit, wchar_t *character)
{
    char bytes[MB_LEN_MAX];

    for (size_t n = 0; n < sizeof bytes;) {
        mbstate_t state = { 0 };
        ssize_t got;
        size_t used;

        if (link_wait(STDIN_FILENO, POLLIN) != 0) {
            return -1;
        }
        if ((got = read(STDIN_FILENO, bytes + n, 1)) <= 0) {
            return (int)got;
        }
        n++;
        used = mbrtowc(character, bytes, n, &state);
        if (used != (size_t)-2) {
            if (used <= n) {
                return 1;
            }
            n = 0; /* no character of this locale: dropped */
        }
    }
    return 0;
}

static char *prompt(EditLine *edit)
{
    static char text[] = "ecelerity> ";

    return text;
}

static EditLine *start_editor(History *past)
{
    EditLine *edit = el_init("ec_console", stdin, stdout, stderr);
    const char *path = history_path();
    HistEvent event;

    history(past, &event, H_SETSIZE, HISTORY_LINES);
    history(past, &event, H_SETUNIQUE, 1);
    if (path != NULL) {
        history(past, &event, H_LOAD, path);
    }
    el_set(edit, EL_PROMPT, prompt);
    el_set(edit, EL_GETCFN, next_character);
    el_set(edit, EL_EDITOR, "emacs");
    el_set(edit, EL_HIST, history, past);
    el_set(edit, EL_ADDFN, "ec-complete", "complete a command", complete);
    el_set(edit, EL_BIND, "^I", "ec-complete", NULL);
    el_source(edit, NULL); /* ~/.editrc */
    return edit;
}

static void converse(console_t *console, EditLine *edit, History *past)
{
    int is_over = 0, n;

    while (!is_over) {
        const char *line;
        HistEvent event;
        char *copy;

        load_grammars(console);
        link_interrupted = 0;
        el_set(edit, EL_PREP_TERM, 1); /* before the prompt shows: what is typed at it is the editor's */
        if ((line = el_gets(edit, &n)) == NULL || n <= 0) {
            if (link_interrupted) { /* Ctrl-C drops the line */
                putchar('\n');
                el_reset(edit);
                continue;
            }
            putchar('\n');
            return;
        }
        if (line[strspn(line, " \t\r\n")] != '\0') {
            history(past, &event, H_ENTER, line);
        }
        if ((copy = strdup(line)) == NULL) {
            return;
        }
        (void)console_line(console, copy, &is_over);
        free(copy);
    }
}

int console_interactive(console_t *console)
{
    struct sigaction action = { .sa_handler = on_interrupt };
    sigset_t interrupt;
    History *past = history_init();
    EditLine *edit;

    setlocale(LC_CTYPE, "");
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, NULL); /* let in by link_wait() */
    sigaction(SIGINT, &action, NULL);
    console->is_interactive = 1;
    printf("Connected to %s; \"help\" lists commands, \"quit\" leaves.\n", console->link.path);
    edit = start_editor(past);
    converse(console, edit, past);
    save_history(past);
    el_end(edit);
    history_end(past);
    free(grammars);
    return EXIT_DONE;
}
