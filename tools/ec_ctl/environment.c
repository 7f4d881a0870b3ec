/* environment.c - etc/environment: variables for the server, one assignment a line
 * SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
static const char letters_and_digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

/* A line that is being read, and the value that it gives. */
struct reading {
    environment_t *environment;
    const char *at;
    const char *wrong; /* NULL: nothing so far */
    char value[ENVIRONMENT_VALUE_MAX];
    size_t length;
};

static const char *lookup(const environment_t *environment, const char *name)
{
    for (int i = environment->n - 1; i >= 0; i--) {
        if (strcmp(environment->name[i], name) == 0)
            return environment->value[i];
    }
    return getenv(name);
}

static void add(struct reading *reading, const char *text, size_t length)
{
    if (reading->length + length >= sizeof reading->value) {
        reading->wrong = "the value is longer than 64 KiB";
        return;
    }
    memcpy(reading->value + reading->length, text, length);
    reading->length += length;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void add_variable(struct reading *reading)
{
    int has_brace = *++reading->at == '{';
    size_t length = strspn(reading->at + has_brace, letters_and_digits);
    const char *value;
    char name[128];

    if (length == 0 || length >= sizeof name || strchr(letters, reading->at[has_brace]) == NULL) {
        reading->wrong = "\"$\" is followed by no name; put the value in '...' when it has a \"$\" in it";
        return;
    }
    memcpy(name, reading->at + has_brace, length);
    name[length] = '\0';
    reading->at += (size_t)has_brace + length;
    if (has_brace && *reading->at++ != '}') {
        reading->wrong = "only ${NAME} is understood in braces";
        return;
    }
    if ((value = lookup(reading->environment, name)) != NULL)
        add(reading, value, strlen(value));
}

static void add_single_quoted(struct reading *reading)
{
    const char *end = strchr(++reading->at, '\'');

    if (end == NULL) {
        reading->wrong = "the closing ' is missing";
        return;
    }
    add(reading, reading->at, (size_t)(end - reading->at));
    reading->at = end + 1;
}

static void add_double_quoted(struct reading *reading)
{
    reading->at++;
    while (reading->wrong == NULL && *reading->at != '"') {
        if (*reading->at == '\0')
            reading->wrong = "the closing \" is missing";
        else if (*reading->at == '$')
            add_variable(reading);
        else if (*reading->at == '`')
            reading->wrong = "commands in backquotes are not run; write the value itself";
        else {
            if (*reading->at == '\\' && reading->at[1] != '\0' && strchr("\"\\$`", reading->at[1]) != NULL)
                reading->at++;
            add(reading, reading->at++, 1);
        }
    }
    reading->at++;
}

static void add_bare(struct reading *reading)
{
    if (strchr(";&|<>()`", *reading->at) != NULL) {
        reading->wrong = "this file is not run by a shell; put a value with ; & | < > ( ) ` in quotes";
        return;
    }
    if (*reading->at == '\\' && reading->at[1] == '\0') {
        reading->wrong = "a value does not go on in the next line";
        return;
    }
    if (*reading->at == '\\')
        reading->at++;
    add(reading, reading->at++, 1);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct reading *reading)
{
    while (is_blank(*reading->at))
        reading->at++;
}

static void read_value(struct reading *reading)
{
    reading->length = 0;
    while (reading->wrong == NULL && *reading->at != '\0' && !is_blank(*reading->at)) {
        switch (*reading->at) {
        case '\'':
            add_single_quoted(reading);
            break;
        case '"':
            add_double_quoted(reading);
            break;
        case '$':
            add_variable(reading);
            break;
        default:
            add_bare(reading);
        }
    }
    if (reading->wrong != NULL)
        return;
    reading->value[reading->length] = '\0';
    skip_blanks(reading);
    if (*reading->at != '\0' && *reading->at != '#')
        reading->wrong = "there is text behind the value; put a value with spaces in quotes";
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int skip_export(struct reading *reading)
{
    if (strncmp(reading->at, "export", 6) != 0 || !is_blank(reading->at[6]))
        return 0;
    reading->at += 6;
    skip_blanks(reading);
    return 1;
}

static void store(struct reading *reading, const char *name, size_t length)
{
    environment_t *environment = reading->environment;

    if (environment->n == ENVIRONMENT_VARIABLES) {
        reading->wrong = "more than 256 variables";
        return;
    }
    environment->name[environment->n] = strndup(name, length);
    environment->value[environment->n] = strdup(reading->value);
    if (environment->name[environment->n] == NULL || environment->value[environment->n] == NULL)
        abort();
    environment->n++;
}

static void read_line(struct reading *reading)
{
    const char *name;
    size_t length;
    int is_exported;

    skip_blanks(reading);
    if (*reading->at == '\0' || *reading->at == '#')
        return;
    is_exported = skip_export(reading);
    name = reading->at;
    length = strspn(name, letters_and_digits);
    reading->at += length;
    if (length == 0 || strchr(letters, *name) == NULL) {
        reading->wrong = "not understood; a line is NAME=value, and this file is not run by a shell";
        return;
    }
    if (*reading->at == '=') {
        reading->at++;
        read_value(reading);
        if (reading->wrong == NULL)
            store(reading, name, length);
        return;
    }
    skip_blanks(reading);
    if (!is_exported || *reading->at != '\0')
        reading->wrong = "not understood; a line is NAME=value without spaces around the \"=\"";
}

int environment_parse(environment_t *environment, const char *file, const char *text, size_t length,
                      char *why, size_t room)
{
    static struct reading reading;
    const char *end = text + length;

    reading.environment = environment;
    reading.wrong = memchr(text, '\0', length) != NULL ? "the file has NUL bytes in it" : NULL;
    for (int number = 1; text < end; number++) {
        const char *next = memchr(text, '\n', (size_t)(end - text));
        char *line = strndup(text, (size_t)((next != NULL ? next : end) - text));

        if (line == NULL)
            abort();
        reading.at = line;
        if (reading.wrong == NULL)
            read_line(&reading);
        free(line);
        if (reading.wrong != NULL) {
            snprintf(why, room, "%s:%d: %s", file, number, reading.wrong);
            return -1;
        }
        text = next != NULL ? next + 1 : end;
    }
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Whoever may write this file decides what the server loads. */
static const char *distrust(const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return "not a file";
    if (info->st_uid != 0 && info->st_uid != geteuid())
        return "belongs neither to root nor to you";
    if ((info->st_mode & S_IWOTH) != 0)
        return "everyone may write it: chmod o-w";
    return info->st_size > ENVIRONMENT_FILE_MAX ? "larger than 1 MiB" : NULL;
}

static int read_all(char *text, size_t *length, int fd)
{
    ssize_t n;

    for (*length = 0; *length < ENVIRONMENT_FILE_MAX; *length += (size_t)n) {
        if ((n = read(fd, text + *length, ENVIRONMENT_FILE_MAX - *length)) <= 0)
            return (int)n;
    }
    return 0;
}

int environment_read(environment_t *environment, const char *file, char *why, size_t room)
{
    static char text[ENVIRONMENT_FILE_MAX];
    int fd = open(file, O_RDONLY | O_CLOEXEC), result;
    const char *wrong = NULL;
    struct stat info;
    size_t length = 0;

    memset(environment, 0, sizeof *environment);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &info) != 0)
        wrong = strerror(errno);
    else if ((wrong = distrust(&info)) == NULL && read_all(text, &length, fd) != 0)
        wrong = strerror(errno);
    if (fd >= 0)
        close(fd);
    if (wrong != NULL) {
        snprintf(why, room, "%s: %s", file, wrong);
        return -1;
    }
    result = environment_parse(environment, file, text, length, why, room);
    return result == 0 ? 1 : -1;
}

void environment_apply(const environment_t *environment)
{
    for (int i = 0; i < environment->n; i++)
        setenv(environment->name[i], environment->value[i], 1);
}

void environment_free(environment_t *environment)
{
    for (int i = 0; i < environment->n; i++) {
        free(environment->name[i]);
        free(environment->value[i]);
    }
    environment->n = 0;
}
